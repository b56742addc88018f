"""From a screened article to what is written: its language, passages, vectors, sketch and notice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from service.articles.items import Loaded
from service.articles.language import language_of, primary
from service.domain import Article, Passage
from service.errors import NotFound
from service.indexing.notices import notice_of
from service.indexing.passages import cut_passages, embedded_text, header
from service.indexing.stories import sketches
from service.ports import Archive, Embedder, StagedArticle, Vectors
from service.telemetry import stage

MIN_PASSAGE_TOKENS = 48
"""A headline never takes so much that less than this is left for the text."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A batch ready to be written."""

    staged: list[StagedArticle]
    new: Mapping[str, Vectors] = field(default_factory=dict)
    """The vectors that had to be made, by passage: the index does not have them yet."""
    unserved: Mapping[str, str] = field(default_factory=dict)
    """The languages that the encoder does not serve, by article."""


class Preparation:
    """Prepares batches with an encoder; vectors that the archive holds already are taken from there."""

    def __init__(self, archive: Archive, embedder: Embedder) -> None:
        self._archive = archive
        self._embedder = embedder

    def prepare(self, batch: Sequence[Loaded]) -> Prepared:
        """A batch is embedded as one, so that the encoder can sort it by length. Raises ModelError."""
        if not batch:
            return Prepared([])
        articles = [_in_its_language(loaded.article) for loaded in batch]
        passages = self._cut(articles)
        unserved = {one.id: one.language for one in articles if one.language and not self._is_served(one)}
        served = [(article, cut) for article, cut in zip(articles, passages, strict=True) if article.id not in unserved]
        held = self._held(served)
        wanted = {passage.id: embedded_text(article, passage) for article, cut in served for passage in cut if passage.id not in held}
        with stage("ingest", "embed"):
            new = dict(zip(wanted, self._embedder.embed(list(wanted.values())), strict=True))
        vectors = held | new
        staged = [
            StagedArticle(
                article,
                cut,
                None if article.id in unserved else _rows(cut, vectors, self._embedder.dimension),
                sketch,
                notice_of(article),
                loaded.article.content_hash,
            )
            for loaded, article, cut, sketch in zip(batch, articles, passages, sketches([one.text for one in articles]), strict=True)
        ]
        return Prepared(staged, new, unserved)

    def _cut(self, articles: Sequence[Article]) -> list[list[Passage]]:
        headers = self._embedder.token_starts([header(article) for article in articles])
        starts = self._embedder.token_starts([article.text for article in articles])
        return [
            cut_passages(article, tokens, max(MIN_PASSAGE_TOKENS, self._embedder.max_tokens - len(head)))
            for article, tokens, head in zip(articles, starts, headers, strict=True)
        ]

    def _is_served(self, article: Article) -> bool:
        """Whether the encoder serves the language of an article.

        A stated one is not believed where the text is surely in one that is served.
        """
        return serves(self._embedder, article.language) or serves(self._embedder, language_of(article.text) or article.language)

    def _held(self, served: Sequence[tuple[Article, Sequence[Passage]]]) -> dict[str, Vectors]:
        """The archive's vectors of former versions that were embedded under the same headline, by passage id.

        A passage's id is made of its place and its words, so what is found under it was made of the very same text.
        """
        known = self._archive.known([article.id for article, _ in served])
        ids = [passage.id for article, cut in served if article.id in known and self._same_header(article) for passage in cut]
        return self._archive.vectors_of(ids) if ids else {}

    def _same_header(self, article: Article) -> bool:
        try:
            return header(self._archive.article(article.id)) == header(article)
        except NotFound:  # removed since
            return False


def serves(embedder: Embedder, language: str | None) -> bool:
    """Whether the encoder serves a language; one that is not known is given the benefit of the doubt."""
    served = embedder.languages
    return served is None or not language or primary(language) in {"", *served}


def _in_its_language(article: Article) -> Article:
    """The article with the language that it is in, where it does not say so."""
    if article.language:
        return article
    return replace(article, language=language_of(article.text, title=article.title))


def _rows(passages: Sequence[Passage], vectors: Mapping[str, Vectors], dimension: int) -> Vectors:
    if not passages:
        return np.zeros((0, dimension), dtype=np.float32)
    return np.stack([vectors[passage.id] for passage in passages])
