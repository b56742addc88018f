"""A file of bytes by key, for what is dear to compute and cheap to lose."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

LOOKED_UP = 500
"""Keys a statement; SQLite takes 32,766."""


class CacheFile:
    """Values by key in one table of a SQLite file; several processes may share it.

    A file that cannot be read or written is done without: nothing is found in it and what is put there is lost.
    """

    def __init__(self, path: Path) -> None:
        self._connection = _connect(path)

    def get(self, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        """The values of those keys that are there."""
        found: dict[bytes, bytes] = {}
        for start in range(0, len(keys), LOOKED_UP):
            part = keys[start : start + LOOKED_UP]
            try:
                marks = ",".join("?" * len(part))
                found.update(self._connection.execute(f"SELECT key, value FROM kept WHERE key IN ({marks})", part).fetchall())  # noqa: S608
            except sqlite3.Error:
                return found
        return found

    def put(self, values: Mapping[bytes, bytes] | Iterable[tuple[bytes, bytes]]) -> None:
        """Keep these, in one transaction."""
        try:
            with self._connection:
                self._connection.executemany("INSERT OR REPLACE INTO kept VALUES (?, ?)", list(dict(values).items()))
        except sqlite3.Error:
            return  # a full disk costs the next run its time, and this one nothing

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


def _connect(path: Path) -> sqlite3.Connection:
    """The file's connection; one in memory where the file cannot be used."""
    for place in (path, None):
        try:
            if place:
                place.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(place or ":memory:", timeout=10, check_same_thread=False)
            try:
                connection.execute("PRAGMA journal_mode=WAL")
                connection.execute("PRAGMA synchronous=NORMAL")
                connection.execute("CREATE TABLE IF NOT EXISTS kept (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID")
            except BaseException:
                connection.close()
                raise
        except (OSError, sqlite3.Error):
            continue
        return connection
    raise AssertionError("SQLite cannot open a database in memory")
