"""What an archive holds, counted, and one hash over all of it: so a copy can be held against what it was copied from."""

# ruff: noqa: S608 - statements are put together from the names of the file's own tables
from __future__ import annotations

import hashlib
import re
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from service.storage.copying import Progress, held_still, silent, size_of

COUNTING = "Counting"
_DERIVED = re.compile(r"words(_.*)?|sqlite_stat\d")
"""Full text is made from the articles; SQLite's statistics are of no account."""
_PENDING = "version NOT IN (SELECT version FROM articles WHERE state = 'pending')"
"""What an ingest has written and not published yet: no search sees it, and the next start forgets it."""
_COUNTED = {
    "articles": "SELECT count(*) FROM articles WHERE state = 'ready'",
    "passages": "SELECT count(*) FROM passages p JOIN articles a USING (version) WHERE a.state = 'ready'",
    "former": "SELECT count(*) FROM former",
    "conversations": "SELECT count(*) FROM conversations",
    "turns": "SELECT count(*) FROM turns",
    "feedback": "SELECT count(*) FROM feedback",
}


@dataclass(frozen=True, slots=True)
class Summary:
    """What is in an archive."""

    schema: int
    made_by: str | None
    """The encoder and chunker of its vectors."""
    articles: int
    passages: int
    former_versions: int
    conversations: int
    answers: int
    feedback: int
    bytes: int
    digest: str
    """SHA-256 over every row of every table that is not derived; what is pending is left out."""


def summary(path: Path, progress: Progress = silent) -> Summary:
    """What an archive holds now, of whatever schema. Raises ArchiveError."""
    with held_still(path) as connection:
        return summary_of(connection, progress)


def summary_of(connection: sqlite3.Connection, progress: Progress = silent) -> Summary:
    """What a connection that is held still sees."""
    there = set(tables(connection))
    counts = {name: connection.execute(statement).fetchone()[0] if name in there else 0 for name, statement in _COUNTED.items()}
    made_by = connection.execute("SELECT value FROM meta WHERE key = 'fingerprint'").fetchone()
    return Summary(
        schema=connection.execute("PRAGMA user_version").fetchone()[0],
        made_by=made_by[0] if made_by else None,
        articles=counts["articles"],
        passages=counts["passages"],
        former_versions=counts["former"],
        conversations=counts["conversations"],
        answers=counts["turns"],
        feedback=counts["feedback"],
        bytes=size_of(connection),
        digest=digest(connection, progress),
    )


def tables(connection: sqlite3.Connection) -> list[str]:
    """The names of all tables that hold truth, in order."""
    names = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
    return [name for (name,) in names if not _DERIVED.fullmatch(name)]


def holds_anything(connection: sqlite3.Connection) -> bool:
    """Whether there is a row beside those that every new archive has."""
    names = [name for name in tables(connection) if name not in {"meta", "sqlite_sequence"}]
    return any(connection.execute(f'SELECT 1 FROM "{name}" LIMIT 1').fetchone() for name in names)


def digest(connection: sqlite3.Connection, progress: Progress = silent) -> str:
    """The same for the same rows, whatever pages they lie on. 0.7 s for 12,390 passages of 384 dimensions (70 MB)."""
    running, names = hashlib.sha256(), tables(connection)
    usual, connection.text_factory = connection.text_factory, bytes
    try:
        for done, name in enumerate(names):
            progress(COUNTING, done, len(names))
            for part in _rows(connection, name):
                running.update(part)
    finally:
        connection.text_factory = usual
    return running.hexdigest()


def _rows(connection: sqlite3.Connection, table: str) -> Iterator[bytes]:
    """A table's name and columns, then its rows in the order of their key, each value with its kind and length before it."""
    described = connection.execute(f'PRAGMA table_info("{table}")').fetchall()
    columns = [row[1].decode() for row in described]
    key = [row[1].decode() for row in sorted(described, key=lambda row: row[5]) if row[5]] or columns
    yield f"\n{table}({', '.join(columns)})\n".encode()
    names, order = (", ".join(f'"{column}"' for column in chosen) for chosen in (columns, key))
    condition = f" WHERE {_PENDING}" if "version" in columns else ""
    for row in connection.execute(f'SELECT {names} FROM "{table}"{condition} ORDER BY {order}'):
        yield b"".join(_framed(row))


def _framed(row: Sequence[object]) -> Iterator[bytes]:
    for value in row:
        if value is None:
            yield b"n;"
        elif isinstance(value, bytes):
            yield b"b%d:" % len(value)
            yield value
        else:
            yield f"{type(value).__name__[0]}{value!r};".encode()
