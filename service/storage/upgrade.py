"""An older archive brought up to date: a copy first, then every step in one transaction, by one process, beside no running service."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from service.errors import ArchiveError
from service.storage.copying import held_still, size_of, write
from service.storage.ledger import holds_anything
from service.storage.lock import ProcessLock
from service.storage.space import NEARLY_NONE, require_space
from service.storage.sqlite_errors import is_any

logger = logging.getLogger(__name__)
_PATIENCE = 600_000
"""Milliseconds for another opener that is at it: it copies the archive meanwhile."""
_STOP_FIRST = "it is of another Dateline, and the archive must be brought up to date: stop it, then run this again"


def upgrade(connection: sqlite3.Connection, path: Path, steps: Mapping[int, Sequence[str]], to: int) -> None:
    """Every step that the archive lacks. It is as it was where one fails.

    Raises ArchiveInUse where a process holds the archive, DiskFull where there is no room for the copy, else ArchiveError.
    """
    with _writing_alone(connection):
        version = _version(connection)
        if version >= to:  # another opener was faster
            return
        lock = ProcessLock(path.parent)
        lock.acquire(_STOP_FIRST)  # whoever holds it was started by the version before, and knows nothing of the new tables
        try:
            kept = _keep(path, version)
            try:
                _take(connection, steps, version, to)
            except BaseException as error:
                if kept:
                    kept.unlink(missing_ok=True)
                if not isinstance(error, sqlite3.Error) or _of_the_moment(error):
                    raise
                raise ArchiveError(
                    f"{path} could not be brought from schema {version} to {to} ({error}) and is as it was: "
                    "use the version of Dateline that made it, and report this"
                ) from error
        finally:
            lock.release()
    _tell(path, version, to, kept)


def _take(connection: sqlite3.Connection, steps: Mapping[int, Sequence[str]], version: int, to: int) -> None:
    for number in range(version + 1, to + 1):
        for statement in steps[number]:
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version={number}")
    connection.execute("COMMIT")


def _of_the_moment(error: sqlite3.Error) -> bool:
    """Whether it has to do with the disk or with another process, and not with the archive."""
    return is_any(error, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_READONLY)


def _keep(path: Path, version: int) -> Path | None:
    """A copy of the archive as it is, where there is anything in it. Raises DiskFull before anything is written."""
    with held_still(path) as connection:
        if not holds_anything(connection):
            return None
        room = 2 * size_of(connection) + NEARLY_NONE  # the copy, and as much again for what the steps write
        require_space(path.parent, room, otherwise="set DATELINE_DATA_DIR to a copy on a larger disk; nothing was changed")
        kept = copy_of(path, version)
        write(connection, path, kept, replace=True)
        return kept


def _tell(path: Path, version: int, to: int, kept: Path | None) -> None:
    """One copy is kept, the last."""
    for older in copies_of(path):
        if kept and older != kept:
            older.unlink(missing_ok=True)
    if kept:
        logger.warning("%s was brought from schema %d to %d; as it was it is kept as %s, which may be deleted", path, version, to, kept)


@contextmanager
def _writing_alone(connection: sqlite3.Connection) -> Iterator[None]:
    """A write transaction, waited for as long as a copy takes; rolled back where it is not committed inside."""
    usual = connection.execute("PRAGMA busy_timeout").fetchone()[0]
    connection.execute(f"PRAGMA busy_timeout={_PATIENCE}")
    try:
        connection.execute("BEGIN IMMEDIATE")
        yield
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        connection.execute(f"PRAGMA busy_timeout={usual}")


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def copy_of(path: Path, version: int) -> Path:
    """Where an archive of this schema is kept as it was before it was brought up to date."""
    return path.with_name(f"{path.name}.schema-{version}")


def copies_of(path: Path) -> list[Path]:
    """Those that are there, the oldest schema first."""
    found = path.parent.glob(f"{path.name}.schema-*")
    return sorted((one for one in found if one.suffix.removeprefix(".schema-").isdecimal()), key=lambda one: int(one.suffix[8:]))
