"""SQLite's errors in our words."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from service.errors import ArchiveDamaged, ArchiveError
from service.storage.space import blame_the_disk


def is_any(error: sqlite3.Error, *codes: int) -> bool:
    """Whether an error is of one of SQLite's primary codes; one that the module itself raised has none, and is not."""
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK) & 0xFF in codes


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Errors of a file as ours: a damaged file (ArchiveDamaged), or one that cannot be used just now (ArchiveError, DiskFull)."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if is_any(error, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
            blame_the_disk(path.parent)
        raise ArchiveError(
            f"the archive {path} cannot be used ({error}): check that its folder can be written and has free space, "
            "and that no other process is writing, or set DATELINE_DATA_DIR"
        ) from error
    except sqlite3.DatabaseError as error:
        if type(error) is not sqlite3.DatabaseError:  # a constraint: a mistake of ours, not of the file
            raise
        raise ArchiveDamaged(f"{path} cannot be read as an archive ({error}): move it away, or restore a backup") from error
