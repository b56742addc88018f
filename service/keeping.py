"""`dateline backup` and `dateline restore`: the archive copied away while it is served, and put back in one step.

The vector index is not in a backup: it is rebuilt from the stored vectors.
"""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from service.archive_checks import archive_checks
from service.bootstrap import ARCHIVE_FILE, fingerprint
from service.errors import ArchiveDamaged, ArchiveError, ArchiveInUse, ArchiveMismatch, BadInput, DatelineError, NotFound
from service.models import embedders
from service.ports import Embedder
from service.reindexing import embed_again, opened_index
from service.services import now
from service.settings import Settings
from service.storage import durable
from service.storage.archive import SqliteArchive
from service.storage.chroma_index import IN_USE
from service.storage.copying import Progress, copy, opened, silent
from service.storage.index_pointer import IN_DOUBT
from service.storage.ledger import Summary, summary
from service.storage.lock import ProcessLock
from service.storage.schema import require_ours
from service.storage.soundness import MEASURING
from service.storage.space import blame_the_disk
from service.storage.sqlite_errors import is_any, told

logger = logging.getLogger(__name__)

BRINGING, EMBEDDING, MARKING, KEEPING, PLACING, INDEXING = (
    "Bringing it up to date", "Embedding again", "Marking the index", "Keeping the old archive", "Putting it in place",
    "Rebuilding the index",
)  # fmt: skip
_OURS = (ARCHIVE_FILE, "chroma", "index.", "writing.")
"""How the names begin that an archive's folder uses itself."""
PREPARED = "restoring-"
"""How the name begins of the folder in which a backup is made ready; what a killed restore left is removed by the next."""
_LOGS = ("-wal", "-shm", "-journal")
"""What SQLite keeps beside a file, and would apply to another one of the same name."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What is in the archive now."""

    summary: Summary
    vectors: int | None
    """In the rebuilt index; None where that did not succeed."""
    replaced: Path | None
    """Where the archive is kept that was there before."""
    trouble: str | None = None
    """Why the index was not rebuilt."""


def backup(settings: Settings, file: Path, *, replace: bool, progress: Progress = silent) -> Summary:
    """Copy the archive as it is now into a file, beside a service that goes on; returns what is in the copy.

    Raises BadInput where the file may not be written, NotFound where there is no archive, DiskFull, else ArchiveError.
    """
    archive = _there(settings)
    _refuse_target(settings, file, replace=replace)
    with opened(archive) as connection:
        require_ours(connection, archive)
    try:
        copy(archive, file, replace=replace, progress=progress)
    except FileExistsError as error:
        raise BadInput(f"{file} has appeared meanwhile and was left as it is: name another file, or add --replace") from error
    return summary(file, progress)


def _there(settings: Settings) -> Path:
    archive = settings.data_dir / ARCHIVE_FILE
    if not archive.exists():
        raise NotFound(f"there is no archive in {settings.data_dir}: set DATELINE_DATA_DIR, or name its folder with --data-dir")
    return archive


def _refuse_target(settings: Settings, file: Path, *, replace: bool) -> None:
    place = file.resolve()
    ours = place.parent == settings.data_dir and place.name.startswith(_OURS)
    if ours or settings.data_dir / "chroma" in place.parents:
        raise BadInput(f"{file} is of the archive itself: name a file elsewhere, best on another disk")
    if not place.parent.is_dir():
        raise BadInput(f"the folder {place.parent} is not there: make it first")
    if place.exists() and not place.is_file():
        raise BadInput(f"{file} is {'a folder: name a file in it' if place.is_dir() else 'no file but a device or the like: name a file'}")
    if os.path.lexists(file) and not replace:
        raise BadInput(f"{file} is there already and was left as it is: name another file, or add --replace")


def restore(
    settings: Settings, file: Path, *, replace: bool, embed: bool = False, even_damaged: bool = False, embedder: Embedder | None = None,
    progress: Progress = silent,
) -> Restored:  # fmt: skip
    """Put a backup in the archive's place and rebuild the index from its vectors; whatever ends it, the old or the new one is whole.

    Before that every text, passage and vector in it is held against its hash or measure; with `even_damaged` only the file is. With
    `embed`, one of another encoder is taken as well, and every passage is embedded again before it is put in place. Raises BadInput where
    the file or the place is not right, ArchiveInUse where a process holds the archive, ArchiveMismatch where it is of another encoder or
    a newer Dateline, what the encoder raises, ArchiveDamaged, DiskFull, else ArchiveError. In all these cases nothing was changed, except
    where an ArchiveError says otherwise: the disk failed while it was put in place.
    """
    embedder = embedder or embedders.build_embedder(settings)
    with ExitStack() as stack:
        with _unchanged(settings.data_dir):
            _refuse_unreadable(file)
            archive = stack.enter_context(_held(settings, replace=replace))
            fresh = stack.enter_context(_prepared(settings, file, progress))
            if not even_damaged:
                _refuse_unsound(file, fresh, progress, vectors=not embed)
            found = _fitting(settings, file, fresh, embedder, embed=embed, progress=progress)
            progress(MARKING, 0, 0)
            durable.write(settings.data_dir / IN_USE, b"a backup was restored")
            if embed:
                durable.touch(settings.data_dir / IN_DOUBT)
        with _replacing(archive, fresh):
            progress(KEEPING, 0, 0)
            replaced = _set_aside(archive)
            progress(PLACING, 0, 0)
            durable.place(fresh, archive, replace=True)
    progress(INDEXING, 0, 0)
    vectors, trouble = _indexed(settings, embedder)
    return Restored(found, vectors, replaced, trouble)


def _refuse_unsound(file: Path, fresh: Path, progress: Progress, *, vectors: bool) -> None:
    """SQLite's own check does not see that words or numbers are others than were written."""
    with closing(SqliteArchive(fresh, None, now)) as archive:
        wrong = [check for check in archive_checks(archive, progress, vectors=vectors) if not check.ok]
    if wrong:
        found = "; ".join(f"{check.name}: {check.found}" for check in wrong)
        only_vectors = {check.name for check in wrong} == {MEASURING.lower()}
        but = "--embed makes them anew" if only_vectors else "--even-damaged restores it all the same"
        raise ArchiveDamaged(f"{file} is damaged, and nothing was changed ({found}): name another backup; {but}")


def _fitting(settings: Settings, file: Path, fresh: Path, embedder: Embedder, *, embed: bool, progress: Progress) -> Summary:
    """What is in the prepared copy, its passages embedded again first where asked. Raises ArchiveMismatch, and the encoder's errors."""
    if embed:
        progress(EMBEDDING, 0, 0)
        embed_again(settings.model_copy(update={"data_dir": fresh.parent}), embedder)
        durable.sync(fresh)
    found = summary(fresh, progress)
    if found.made_by not in {None, fingerprint(embedder)}:
        raise ArchiveMismatch(
            f"{file} was made with {found.made_by}, the settings say {fingerprint(embedder)}, and nothing was changed: set "
            "DATELINE_EMBEDDING_MODEL to that encoder, or add --embed to embed every passage again with this one"
        )
    return found


@contextmanager
def _unchanged(folder: Path) -> Iterator[None]:
    """What the system refuses before anything is replaced, as an error of ours."""
    try:
        yield
    except OSError as error:
        blame_the_disk(folder)
        raise ArchiveError(f"{folder} cannot be written ({error.strerror}); nothing was changed: set DATELINE_DATA_DIR") from error


@contextmanager
def _replacing(archive: Path, fresh: Path) -> Iterator[None]:
    """The same while the prepared copy takes the archive's place: which of the two is there is told by whether the copy has moved."""
    try:
        yield
    except OSError as error:
        state = (
            "the archive that was there still is: mend that, then restore again"
            if fresh.exists()
            else f"the backup is in place, and what was there is kept as {archive.name}.replaced-…: look with `dateline doctor`"
        )
        raise ArchiveError(f"{archive.parent} cannot be written ({error.strerror}); {state}") from error


@contextmanager
def _held(settings: Settings, *, replace: bool) -> Iterator[Path]:
    """The archive's place, while no other process may write there."""
    archive = settings.data_dir / ARCHIVE_FILE
    if archive.exists() and not replace:
        raise BadInput(f"there is an archive in {settings.data_dir} already: add --replace, and it is kept beside under another name")
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    lock = ProcessLock(settings.data_dir)
    lock.acquire("stop it, then restore again; nothing was changed")
    try:
        for one in second_names(archive):
            one.unlink()
        for left in settings.data_dir.glob(f"{PREPARED}*"):
            shutil.rmtree(left, ignore_errors=True)
        yield archive
    finally:
        lock.release()


@contextmanager
def _prepared(settings: Settings, file: Path, progress: Progress) -> Iterator[Path]:
    """A checked copy of the file in a folder of its own on the archive's disk, brought up to date by the code that opens every archive."""
    if file.resolve() == settings.data_dir / ARCHIVE_FILE:
        raise BadInput(f"{file} is the archive itself: name a backup")
    folder = Path(tempfile.mkdtemp(prefix=PREPARED, dir=settings.data_dir))
    try:
        try:
            with opened(file) as connection:
                require_ours(connection, file)
            copy(file, folder / ARCHIVE_FILE, progress=progress)
        except ArchiveDamaged as error:
            raise ArchiveDamaged(f"{file} cannot be restored, and nothing was changed: {error}") from error
        progress(BRINGING, 0, 0)
        SqliteArchive(folder / ARCHIVE_FILE, None, now).close()
        durable.sync(folder / ARCHIVE_FILE)
        yield folder / ARCHIVE_FILE
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _refuse_unreadable(file: Path) -> None:
    try:
        if file.is_file():
            with file.open("rb"):
                return
    except OSError as error:
        raise BadInput(f"{file} cannot be read ({error.strerror}), and nothing was changed: see to its name and its mode") from error
    raise BadInput(f"{file} is no file: name one that `dateline backup` has written")


def _set_aside(archive: Path) -> Path | None:
    """Give the archive a second name, what waits in its log first taken in; returns that name. The first one still is its own.

    Raises ArchiveInUse where another process reads it, else ArchiveError.
    """
    aside, there = _free_name(archive), archive.exists()
    if there:
        with told(archive):
            _fold(archive)
        try:
            os.link(archive, aside)
        except OSError:  # a file system without hard links
            shutil.copy2(archive, aside)
            durable.sync(aside)
    for ending in _LOGS:  # of a damaged archive, or of one that is gone: left where it is, it would be applied to the new one
        if (log := archive.with_name(archive.name + ending)).exists():
            log.replace(aside.with_name(aside.name + ending))
            there = True
    durable.sync_folder(archive.parent)
    return aside if there else None


def _fold(archive: Path) -> None:
    """Have everything in the one file, except where it is damaged. Raises ArchiveInUse, and SQLite's errors."""
    connection = sqlite3.connect(f"{archive.as_uri()}?mode=rw", uri=True, timeout=1, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode=DELETE")  # needs to be alone, takes in the log and removes it
    except sqlite3.OperationalError as error:
        if not is_any(error, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise
        raise ArchiveInUse(
            f"another process reads the archive in {archive.parent}: wait until it is done, or stop it, then restore again; "
            "nothing was changed"
        ) from error
    except sqlite3.DatabaseError as error:
        logger.warning("the archive that is replaced is damaged (%s)", error)
    finally:
        connection.close()


def _free_name(archive: Path) -> Path:
    stem = f"{archive.name}.replaced-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    names = (archive.with_name(stem + (f".{number}" if number else "")) for number in range(1_000))
    return next(name for name in names if not os.path.lexists(name))


def second_names(archive: Path) -> list[Path]:
    """Other names of the archive's own file, which a restore left that was killed between giving it one and replacing it."""
    if not archive.exists():
        return []
    return [one for one in archive.parent.glob(f"{archive.name}.replaced-*") if one.samefile(archive)]


def _indexed(settings: Settings, embedder: Embedder) -> tuple[int | None, str | None]:
    """How many vectors the new index holds, or why there is none yet: then the next start makes it, since it is marked as in doubt."""
    try:
        with opened_index(settings, embedder) as (_, index):
            return index.count(), None
    except DatelineError as error:
        return None, str(error)
