"""The article road: from what was read to what can be found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from service.articles.items import Item
from service.domain import Notice, Outcome
from service.indexing.linking import link
from service.indexing.notices import notice_of
from service.indexing.pipeline import InTurn, batches, read_ahead
from service.indexing.preparation import Preparation, Prepared
from service.indexing.report import IngestReport, ItemReport, Progress
from service.indexing.screening import Screen, Screened
from service.indexing.stories import sketches
from service.ports import Archive, Embedder, VectorIndex, Visit, VisitBook
from service.telemetry import EMBEDDED, INGESTED, span, stage

BATCH_ARTICLES = 64
"""Articles a transaction: enough for the encoder to sort by length, little to lose on a kill."""
QUEUED = 2
"""Batches that may wait to be written: memory stays bounded where the disk is slower than the encoder."""


class Ingester:
    """Takes articles in. The same article twice is one article; a changed one replaces its old passages in one step."""

    def __init__(
        self,
        archive: Archive,
        index: VectorIndex,
        embedder: Embedder,
        *,
        visits: VisitBook | None = None,
        batch: int = BATCH_ARTICLES,
        make_sure_of_room: Callable[[], None] = lambda: None,
    ) -> None:
        """Without `visits`, nothing is remembered of addresses.

        `make_sure_of_room` is asked before anything is written, and raises ArchiveError where there is none.
        """
        self._archive = archive
        self._index = index
        self._preparation = Preparation(archive, embedder)
        self._note_visits: Callable[[Sequence[Visit]], None] = visits.note_visits if visits else lambda visits: None
        self._batch = batch
        self._make_sure_of_room = make_sure_of_room

    @span("ingest")
    def run(self, items: Iterable[Item], progress: Progress | None = None, *, dry_run: bool = False) -> IngestReport:
        """Ingest everything; each batch is durable and visible when it has been reported to `progress`, in a thread of its own.

        While one batch is embedded, the next is read and the one before it is written. Raises ArchiveError or ModelError; what was
        reported before stays. With `dry_run` nothing is written.
        """
        report, screen = IngestReport(dry_run=dry_run), Screen(self._archive)
        with InTurn(QUEUED) as writer:  # after a batch that failed none is written, so that no later one says that all before it is safe
            for screened in screen.looks(read_ahead(batches(items, self._batch)), self._batch):
                with stage("ingest", "prepare"):
                    prepared = self._preparation.prepare([] if dry_run else screened.fresh)
                writer.give(partial(self._write, prepared, screened, report, progress))
        return report

    def remove(self, article_ids: Sequence[str]) -> None:
        """Take articles out of every index, with every version they had. From the first step on they are never found again."""
        self._index.delete(self._archive.remove(article_ids))

    def withdraw(self, article_ids: Sequence[str]) -> None:
        """Take articles out of every search; what was cited of them stays readable."""
        self._index.delete(self._archive.withdraw(article_ids))

    def catch_up(self) -> int:
        """Find the stories and notices of the articles of an archive from before there were any; returns how many articles it was.

        Each batch of sketches is durable, so that what is interrupted goes on where it stopped.
        """
        done = 0
        for rows in self._archive.unsketched():
            made = sketches([text for _, text in rows])
            self._archive.sketch([(version, sketch) for (version, _), sketch in zip(rows, made, strict=True)])
            done += len(rows)
        read, found = 0, list[Notice]()
        for batch in self._archive.unread_for_notices():
            read += len(batch)
            found += [notice for article in batch if (notice := notice_of(article))]
        if read:
            self._archive.read_up(found)
            self._link([notice.article_id for notice in found])
        return done or read

    @stage("ingest", "write")
    def _write(self, prepared: Prepared, screened: Screened, report: IngestReport, progress: Progress | None) -> None:
        """Pending in the truth, then in the index, then visible in one transaction, then the old vectors go, then it is told."""
        joined: dict[str, str] = {}
        if prepared.staged:
            self._make_sure_of_room()
            versions = self._archive.stage(prepared.staged)
            if prepared.new:
                self._index.upsert(list(prepared.new), np.stack(list(prepared.new.values())))
            self._index.delete(self._archive.publish(versions))
            joined = self._archive.joined(versions)
            self._link([one.article.id for one in prepared.staged])
        if not report.dry_run:
            if screened.gone:
                self.withdraw(screened.gone)
            if screened.visits:  # last, so that no page counts as seen whose article is not safe
                self._note_visits(screened.visits)
            EMBEDDED.inc(len(prepared.new))
            for row in screened.rows:
                INGESTED.labels(row.outcome.value).inc()
        report.passages += sum(len(one.passages) for one in prepared.staged)
        report.embedded += len(prepared.new)
        report.skipped.extend(screened.skipped)
        report.items.extend(_told(row, prepared, joined) for row in screened.rows)
        if progress:
            progress(report)

    def _link(self, article_ids: Sequence[str]) -> None:
        """Find what the notices among these articles are about, and whether an earlier notice is about one of them."""
        loose = self._archive.loose_notices(article_ids) if article_ids else []
        found = {notice.article_id: about for notice in loose if (about := link(notice, self._archive))}
        if found:
            self._archive.link(found)


def _told(row: ItemReport, prepared: Prepared, joined: dict[str, str]) -> ItemReport:
    """The row with what only became known while the article was prepared and written."""
    if row.article_id is None or row.outcome not in {Outcome.ADDED, Outcome.UPDATED}:
        return row
    language = prepared.unserved.get(row.article_id)
    more = (f"is in a language that the encoder does not serve ({language}): it is found by its words alone",) if language else ()
    return replace(row, warnings=(*row.warnings, *more), joined=joined.get(row.article_id))
