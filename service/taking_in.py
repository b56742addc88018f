"""The road into the archive for a command: its own ingester, or the running service that holds the archive."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from service.articles.items import Item
from service.articles.sources import Intake
from service.bootstrap import Services, build, open_intake, reading, vanished
from service.errors import ArchiveInUse, NotFound
from service.indexing.report import IngestReport, Progress
from service.remote import RemoteIngest
from service.settings import Settings
from service.storage.archive import SqliteArchive


@dataclass(frozen=True, slots=True)
class Road:
    """Reads sources here, and has them taken in here or by the service."""

    intake: Intake
    archive: SqliteArchive
    services: Services | None = None
    remote: RemoteIngest | None = None

    def ingest(self, items: Iterable[Item], progress: Progress | None = None, *, dry_run: bool = False) -> IngestReport:
        """`Ingester.run`. What was reported to `progress` is durable."""
        if self.services:
            return self.services.ingest(items, progress, dry_run=dry_run)
        assert self.remote is not None
        return self.remote.run(items, progress)

    def prune(self, folders: Sequence[Path], report: IngestReport) -> None:
        """Remove the articles that were once read from these folders and that this run did not see."""
        gone = vanished(self.archive, folders, report)
        if gone and not report.dry_run:
            self.remove(gone)
        report.pruned.extend(gone)

    def remove(self, article_ids: Sequence[str]) -> list[str]:
        """Take articles out of every index, with every version they had; returns those that were there."""
        here = [article_id for article_id in dict.fromkeys(article_ids) if self._is_here(article_id)]
        if self.services:
            self.services.remove(here)
        elif self.remote and here:
            self.remote.remove(here)
        return here

    def _is_here(self, article_id: str) -> bool:
        try:
            self.archive.version(article_id)
        except NotFound:
            return False
        return True


@contextmanager
def taking_in(settings: Settings, *, dry_run: bool = False) -> Iterator[Road]:
    """The road of these settings; a dry run needs no more than to read.

    Raises ArchiveInUse where another process that is no service holds the archive.
    """
    try:
        services = build(settings.model_copy(update={"model": "extractive"}), writable=not dry_run)
    except ArchiveInUse as busy:
        if busy.url is None:
            raise
        url = busy.url
    else:
        with services:
            yield Road(services.intake, services.archive, services)
        return
    with reading(settings) as archive, open_intake(settings, archive) as intake, RemoteIngest(url, settings) as remote:
        yield Road(intake, archive, remote=remote)
