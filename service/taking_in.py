"""The road into the archive for a command: its own ingester, or the running service that holds the archive."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from service.articles.items import Item
from service.articles.sources import Intake
from service.bootstrap import ARCHIVE_FILE, build, open_intake, reading, vanished
from service.errors import ArchiveError, ArchiveInUse, NotFound
from service.indexing.ingest import Ingester
from service.indexing.report import IngestReport, Progress
from service.models.hashing import HashingEmbedder
from service.remote import REMOVED_AT_ONCE, RemoteIngest
from service.services import Services, now
from service.settings import Settings
from service.storage.archive import SqliteArchive
from service.storage.exact_index import ExactIndex


class Road(Protocol):
    """Reads sources here, and has what they hold taken in."""

    @property
    def intake(self) -> Intake:
        """What reads the sources."""
        ...

    def ingest(self, items: Iterable[Item], progress: Progress | None = None) -> IngestReport:
        """`Ingester.run`. What was reported to `progress` is durable."""
        ...

    def prune(self, folders: Sequence[Path], report: IngestReport) -> None:
        """Remove the articles that were once read from these folders and that this run did not see; `report` names those removed."""
        ...

    def remove(self, article_ids: Sequence[str]) -> list[str]:
        """Take articles out of every index, with every version they had; returns those that were there."""
        ...


@dataclass(frozen=True, slots=True)
class LocalRoad:
    """Taken in by this process, which holds the archive."""

    services: Services

    @property
    def intake(self) -> Intake:
        """What reads the sources."""
        return self.services.intake

    def ingest(self, items: Iterable[Item], progress: Progress | None = None) -> IngestReport:
        """As `Road` has it."""
        return self.services.ingest(items, progress)

    def prune(self, folders: Sequence[Path], report: IngestReport) -> None:
        """As `Road` has it."""
        _prune(self, vanished(self.services.archive, folders, report), report)

    def remove(self, article_ids: Sequence[str]) -> list[str]:
        """As `Road` has it."""
        here = _here(self.services.archive, article_ids)
        self.services.remove(here)
        return here


@dataclass(frozen=True, slots=True)
class ServiceRoad:
    """Taken in by the running service; the archive is only read here."""

    intake: Intake
    archive: SqliteArchive
    remote: RemoteIngest

    def ingest(self, items: Iterable[Item], progress: Progress | None = None) -> IngestReport:
        """As `Road` has it."""
        return self.remote.run(items, progress)

    def prune(self, folders: Sequence[Path], report: IngestReport) -> None:
        """As `Road` has it."""
        _prune(self, vanished(self.archive, folders, report), report)

    def remove(self, article_ids: Sequence[str]) -> list[str]:
        """As `Road` has it."""
        here = _here(self.archive, article_ids)
        self.remote.remove(here)
        return here


@dataclass(frozen=True, slots=True)
class DryRoad:
    """Nothing is written: what would be done is told from what the archive holds."""

    intake: Intake
    archive: SqliteArchive

    def ingest(self, items: Iterable[Item], progress: Progress | None = None) -> IngestReport:
        """What `Ingester.run` says it would do. It embeds nothing, so that any encoder stands in for the real one."""
        index = ExactIndex(self.archive, ArchiveError("a dry run writes nothing"))
        return Ingester(self.archive, index, HashingEmbedder()).run(items, progress, dry_run=True)

    def prune(self, folders: Sequence[Path], report: IngestReport) -> None:
        """Name those that would be removed."""
        report.pruned.extend(vanished(self.archive, folders, report))

    def remove(self, article_ids: Sequence[str]) -> list[str]:
        """Those that would be removed."""
        return _here(self.archive, article_ids)


def _prune(road: Road, gone: Sequence[str], report: IngestReport) -> None:
    """In steps, so that the report of one that fails names what was removed before."""
    for start in range(0, len(gone), REMOVED_AT_ONCE):
        report.pruned.extend(road.remove(gone[start : start + REMOVED_AT_ONCE]))


def _here(archive: SqliteArchive, article_ids: Sequence[str]) -> list[str]:
    """Those of these ids that the archive has, or had and withdrew, each once."""
    here = []
    for article_id in dict.fromkeys(article_ids):
        try:
            archive.version(article_id)
        except NotFound:
            continue
        here.append(article_id)
    return here


@contextmanager
def taking_in(settings: Settings) -> Iterator[Road]:
    """The road of these settings. Raises ArchiveInUse where another process that is no service holds the archive."""
    try:
        services = build(settings.model_copy(update={"model": "extractive"}))
    except ArchiveInUse as busy:
        if busy.url is None:
            raise
        url = busy.url
    else:
        with services:
            yield LocalRoad(services)
        return
    with reading(settings) as archive, open_intake(settings, archive) as intake, RemoteIngest(url, settings) as remote:
        yield ServiceRoad(intake, archive, remote)


@contextmanager
def only_looking(settings: Settings) -> Iterator[Road]:
    """The road of a dry run, beside any other process: without index, lock and encoder; where there is no archive, over an empty one."""
    there = settings.data_dir / ARCHIVE_FILE
    with TemporaryDirectory(prefix="dateline-") as elsewhere:
        archive = SqliteArchive(there if there.exists() else Path(elsewhere) / ARCHIVE_FILE, None, now)
        try:
            with open_intake(settings, archive) as intake:
                yield DryRoad(intake, archive)
        finally:
            archive.close()
