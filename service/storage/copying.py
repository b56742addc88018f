"""A consistent copy of an archive while others read and write it: written beside, checked, synced, renamed.

SQLite's online backup copies page by page and begins again whenever another connection has written, so that beside a busy writer
it never ended (tried for 8 s on 92 MB). Inside a read transaction of its own it cannot notice: it copies the archive as it
was at one moment. In WAL mode such a reader holds up no writer: 92 MB took 0.5 s, meanwhile 1,797 rows were committed, the slowest in 8 ms.
Only the write-ahead log grows until the copy is done. `VACUUM INTO` holds still as well, and makes a smaller file, but says nothing of how
far it is, cannot be ended in the middle, and writes every page anew, so that the copy no longer is what was checked by anyone before.

The copy is in rollback mode: one file, which can be opened where nothing can be written.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from service.errors import ArchiveDamaged, ArchiveError
from service.storage import durable
from service.storage.space import NEARLY_NONE, blame_the_disk, require_space
from service.storage.sqlite_errors import is_any, told

Progress = Callable[[str, int, int], None]
"""Told of each step: what is done, how much of it, of how much; 0 of 0 where that is not known."""
COPYING, CHECKING = "Copying", "Checking the copy"
STEP = 2_000
"""Pages of 4 kB a step: some 10 ms, after which the copy can be ended."""


def silent(what: str, done: int, total: int) -> None:
    """Progress that nobody reads."""


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that only reads; nothing is made, upgraded or changed. Raises ArchiveError, ArchiveDamaged for what is no database."""
    with told(path):
        connection = _connection(path)
        try:
            connection.execute("PRAGMA query_only=ON")
            yield connection
        finally:
            connection.close()


def _connection(path: Path) -> sqlite3.Connection:
    """Beside other processes; where the folder cannot be written and nothing waits in a write-ahead log, as a file nobody changes."""
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=10, isolation_level=None)
    try:
        connection.execute("SELECT count(*) FROM sqlite_schema")
    except sqlite3.DatabaseError as error:
        connection.close()
        if not is_any(error, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY) or _beside(path, "-wal").exists():
            raise
        return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True, isolation_level=None)
    return connection


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(path.name + ending)


@contextmanager
def held_still(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that sees the archive as it is now, whatever is written meanwhile. Raises as `opened` does."""
    with opened(path) as connection:
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()  # the first read is what begins it
        yield connection


def copy(source: Path, target: Path, *, replace: bool = False, progress: Progress = silent) -> None:
    """Copy an archive as it is now; where that fails, nothing is left.

    Raises FileExistsError, DiskFull, ArchiveDamaged where the copy fails its check, else ArchiveError.
    """
    with held_still(source) as connection:
        write(connection, source, target, replace=replace, progress=progress)


def write(
    connection: sqlite3.Connection, source: Path, target: Path, *, replace: bool = False, progress: Progress = silent, step: int = STEP
) -> None:
    """Copy what a connection that is held still sees, readable by its owner only. Raises as `copy` does."""
    require_space(target.parent, size_of(connection) + NEARLY_NONE, otherwise="copy it to another disk; nothing was changed")
    fresh = _made(target)
    try:
        progress(COPYING, 0, size_of(connection))
        with told(fresh):
            _fill(connection, fresh, progress, step)
            progress(CHECKING, 0, 0)
            wrong = _settled(fresh)
        if wrong:
            raise ArchiveDamaged(f"the copy of {source} fails its check and was not kept ({wrong}): run `dateline doctor --deep`")
        durable.sync(fresh)
        durable.place(fresh, target, replace=replace)
    except FileExistsError:
        raise
    except OSError as error:
        raise _unwritable(target.parent, error) from error
    finally:
        for ending in ("", "-journal"):
            _beside(fresh, ending).unlink(missing_ok=True)


def _made(target: Path) -> Path:
    """An empty file beside the target, of mode 0600."""
    try:
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".partial", dir=target.parent)
    except OSError as error:
        raise _unwritable(target.parent, error) from error
    os.close(handle)
    return Path(name)


def _unwritable(folder: Path, error: OSError) -> ArchiveError:
    blame_the_disk(folder)
    return ArchiveError(f"{folder} cannot be written ({error.strerror}): name a file in another folder")


def size_of(connection: sqlite3.Connection) -> int:
    """Bytes of the archive as the connection sees it."""
    pages, page = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size"))
    return int(pages * page)


def _fill(connection: sqlite3.Connection, fresh: Path, progress: Progress, step: int) -> None:
    page = int(connection.execute("PRAGMA page_size").fetchone()[0])
    to = sqlite3.connect(fresh, isolation_level=None)
    try:
        to.executescript("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;")  # the whole file is synced before it gets its name
        connection.backup(to, pages=step, progress=lambda _, left, total: progress(COPYING, (total - left) * page, total * page))
    finally:
        to.close()


def _settled(fresh: Path) -> str | None:
    """Take the copy out of WAL mode and look at every page of it; what is wrong, if anything."""
    connection = sqlite3.connect(fresh, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode=DELETE")
        found = str(connection.execute("PRAGMA integrity_check(1)").fetchone()[0])
    finally:
        connection.close()
    return None if found == "ok" else " ".join(found.split())
