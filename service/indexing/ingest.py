"""The article road: from what was read to what can be found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from service.articles.files import Item, Skipped, Unreadable
from service.articles.row import Loaded
from service.domain import Article, Outcome
from service.indexing.passages import cut_passages, embedded_text, header
from service.indexing.stories import sketches
from service.ports import Archive, Embedder, StagedArticle, VectorIndex

BATCH_ARTICLES = 64
"""Articles a transaction: enough for the encoder to sort by length, little to lose on a kill."""
MIN_PASSAGE_TOKENS = 48
"""A headline never takes so much that less than this is left for the text."""


@dataclass(frozen=True, slots=True)
class ItemReport:
    """What became of one article: where it was read, the outcome, and for a rejection or a warning, why."""

    place: str
    outcome: Outcome
    article_id: str | None = None
    reason: str | None = None
    warnings: tuple[str, ...] = ()
    origin: str | None = None
    """The file it was read from, as `Article.origin` names it."""


@dataclass(slots=True)
class IngestReport:
    """What an ingest did. `items` holds one row an article, in order."""

    items: list[ItemReport] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    passages: int = 0
    pruned: list[str] = field(default_factory=list)

    @property
    def counts(self) -> Counter[Outcome]:
        """How many articles had each outcome."""
        return Counter(item.outcome for item in self.items)

    @property
    def rejected(self) -> list[ItemReport]:
        """The articles that were not taken in."""
        return [item for item in self.items if item.outcome is Outcome.REJECTED]

    def vanished(self, articles: Iterable[tuple[str, str]]) -> list[str]:
        """Those of the archive's articles, given as (id, origin), whose place this run has read without meeting them.

        An article stays where the run met it or a copy of it (a file renamed), and where its file, or a folder above
        it, could not be read.
        """
        met = {item.article_id for item in self.items} | {item.reason for item in self.items if item.outcome is Outcome.DUPLICATE}
        unread = {item.origin for item in self.rejected}
        return [
            article_id
            for article_id, origin in articles
            if article_id not in met and not unread.intersection((origin, *map(str, Path(origin).parents)))
        ]


Progress = Callable[[IngestReport], None]


class Ingester:
    """Takes articles in. The same article twice is one article; a changed one replaces its old passages in one step."""

    def __init__(self, archive: Archive, index: VectorIndex, embedder: Embedder, *, batch: int = BATCH_ARTICLES) -> None:
        self._archive = archive
        self._index = index
        self._embedder = embedder
        self._batch = batch

    def run(self, items: Iterable[Item], progress: Progress | None = None) -> IngestReport:
        """Ingest everything; each batch is durable and visible when it has been reported to `progress`.

        Raises ArchiveError or ModelError; what was reported before stays.
        """
        report = IngestReport()
        seen: dict[str, tuple[str, str]] = {}
        for batch in _batches(items, self._batch):
            fresh = self._screen(batch, seen, report)
            staged = self._embed([loaded.article for loaded in fresh])
            self._write(staged)
            report.passages += sum(len(one.passages) for one in staged)
            if progress:
                progress(report)
        return report

    def remove(self, article_ids: Sequence[str]) -> None:
        """Take articles out of every index. From the first step on they are never found again."""
        self._index.delete(self._archive.remove(article_ids))

    def catch_up(self) -> int:
        """Find the stories of the articles of an archive from before there were any; returns how many articles it was.

        Each batch is durable, so that what is interrupted goes on where it stopped.
        """
        done = 0
        for rows in self._archive.unsketched():
            made = sketches([text for _, text in rows])
            self._archive.sketch([(version, sketch) for (version, _), sketch in zip(rows, made, strict=True)])
            done += len(rows)
        return done

    def _screen(self, batch: Sequence[Item], seen: dict[str, tuple[str, str]], report: IngestReport) -> list[Loaded]:
        """Those that are new or changed; every one of the batch gets its row in the report.

        `seen` maps an article's id to the place and content hash it had earlier in this run.
        """
        known = self._archive.known([item.article.id for item in batch if isinstance(item, Loaded)])
        texts: dict[tuple[str, str | None], str] = {}
        fresh: list[Loaded] = []
        for item in batch:
            if isinstance(item, Skipped):
                report.skipped.append(item.place)
            elif isinstance(item, Unreadable):
                report.items.append(ItemReport(item.place, Outcome.REJECTED, reason=item.reason, origin=item.origin))
            else:
                row = self._judge(item, known, seen, texts)
                report.items.append(row)
                if row.outcome in {Outcome.ADDED, Outcome.UPDATED}:
                    fresh.append(item)
        return fresh

    def _judge(
        self, loaded: Loaded, known: dict[str, str], seen: dict[str, tuple[str, str]], texts: dict[tuple[str, str | None], str]
    ) -> ItemReport:
        article, digest = loaded.article, loaded.article.content_hash

        def row(outcome: Outcome, reason: str | None = None) -> ItemReport:
            return ItemReport(loaded.place, outcome, article.id, reason, loaded.warnings, article.origin)

        if article.id in seen:
            place, first = seen[article.id]
            if first == digest:
                return row(Outcome.UNCHANGED)
            return row(Outcome.REJECTED, f"id {article.id!r} was already used with another text at {place}")
        seen[article.id] = loaded.place, digest
        if known.get(article.id) == digest:
            return row(Outcome.UNCHANGED)
        key = article.text_hash, article.source.casefold() if article.source else None
        if article.id not in known and (twin := texts.get(key) or self._archive.twin(article)):
            changing = twin in seen and twin in known and texts.get(key) != twin and seen[twin][1] != known[twin]
            if not changing:  # a twin whose text this very batch replaces is none
                return row(Outcome.DUPLICATE, twin)
        texts[key] = article.id
        return row(Outcome.UPDATED if article.id in known else Outcome.ADDED)

    def _embed(self, articles: Sequence[Article]) -> list[StagedArticle]:
        """Cut, sketch and embed a batch as one, so that the encoder can sort it by length."""
        if not articles:
            return []
        headers = self._embedder.token_starts([header(article) for article in articles])
        starts = self._embedder.token_starts([article.text for article in articles])
        cut = [
            cut_passages(article, tokens, max(MIN_PASSAGE_TOKENS, self._embedder.max_tokens - len(head)))
            for article, tokens, head in zip(articles, starts, headers, strict=True)
        ]
        texts = [embedded_text(article, passage) for article, passages in zip(articles, cut, strict=True) for passage in passages]
        vectors = self._embedder.embed(texts)
        staged, row = [], 0
        for article, passages, sketch in zip(articles, cut, sketches([article.text for article in articles]), strict=True):
            staged.append(StagedArticle(article, passages, vectors[row : row + len(passages)], sketch))
            row += len(passages)
        return staged

    def _write(self, staged: Sequence[StagedArticle]) -> None:
        """Pending in the truth, then in the index, then visible in one transaction, then the old vectors go."""
        if not staged:
            return
        versions = self._archive.stage(staged)
        ids = [passage.id for one in staged for passage in one.passages]
        if ids:
            self._index.upsert(ids, np.concatenate([one.vectors for one in staged]))
        self._index.delete(self._archive.publish(versions))


def _batches(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Lists of at most `size`, read lazily."""
    batch: list[Item] = []
    for item in items:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
