"""The archive: articles, passages, vectors and full text in one SQLite file. The truth; everything else is derived.

Every method may be called from any thread: each thread has its own connection, and writers take turns.
"""

# ruff: noqa: S608 - statements are put together from constants of this package; every value is a parameter
from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from service.domain import Notice
from service.errors import ArchiveError
from service.ports import Clock, StagedArticle, Vectors
from service.sketches import Sketch
from service.storage import notices, removed, stories, versions
from service.storage.reading import ArchiveReader
from service.storage.rows import article_columns


class SqliteArchive(ArchiveReader):
    """Implements `ports.Archive` on one file."""

    def __init__(self, path: Path, fingerprint: str | None, clock: Clock) -> None:
        """Open or create; without a fingerprint, whoever made it. Raises ArchiveMismatch or ArchiveDamaged with what to do."""
        super().__init__(path, fingerprint)
        self._clock = clock

    # ── writing ──────────────────────────────────────────────────────────────

    def stage(self, batch: Sequence[StagedArticle]) -> list[int]:
        """Write pending versions that no search sees; returns their version numbers. What a failed batch left of them goes."""
        now = self._clock()
        numbers: list[int] = []
        with self.transaction() as connection:
            ids = json.dumps([staged.article.id for staged in batch])
            connection.execute("DELETE FROM articles WHERE state = 'pending' AND id IN (SELECT value FROM json_each(?))", (ids,))
            for staged in batch:
                columns = article_columns(staged.article, now) | ({"content_hash": staged.content_hash} if staged.content_hash else {})
                statement = f"INSERT INTO articles ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
                version = connection.execute(statement, tuple(columns.values())).lastrowid or 0
                blobs = _blobs(staged)
                rows = [(p.id, version, p.ordinal, p.start, p.end, blob) for p, blob in zip(staged.passages, blobs, strict=True)]
                connection.executemany('INSERT INTO passages (id, version, ordinal, start, "end", vector) VALUES (?, ?, ?, ?, ?, ?)', rows)
                numbers.append(version)
            notices.add(connection, [(v, staged.notice) for v, staged in zip(numbers, batch, strict=True) if staged.notice])
            stories.add(connection, [(v, staged.sketch) for v, staged in zip(numbers, batch, strict=True) if staged.sketch])
        return numbers

    def publish(self, staged: Sequence[int]) -> list[str]:
        """Make versions visible and drop those they replace, in one transaction; returns passage ids now gone."""
        chosen = json.dumps(list(staged))
        with self.transaction() as connection:
            replaced = connection.execute(
                "SELECT old.version FROM articles old JOIN articles new ON new.id = old.id AND old.state = 'ready'"
                " WHERE new.version IN (SELECT value FROM json_each(?))",
                (chosen,),
            ).fetchall()
            inherited = stories.inherited(connection, staged)
            old = [row[0] for row in replaced]
            versions.keep(connection, old, self._clock(), withdrawn=False)
            gone = self._drop(connection, old)
            connection.execute("UPDATE articles SET state = 'ready' WHERE version IN (SELECT value FROM json_each(?))", (chosen,))
            connection.execute(
                "INSERT INTO words (rowid, title, body) SELECT w.number, w.title, w.body FROM passages p"
                " JOIN passage_words w USING (number) WHERE p.version IN (SELECT value FROM json_each(?))",
                (chosen,),
            )
            stories.join(connection, staged, inherited)
            taken = connection.execute("SELECT id FROM articles WHERE version IN (SELECT value FROM json_each(?))", (chosen,))
            removed.forget(connection, [row[0] for row in taken.fetchall()])
            kept = connection.execute("SELECT id FROM passages WHERE version IN (SELECT value FROM json_each(?))", (chosen,))
            return sorted(set(gone) - {row[0] for row in kept})

    def remove(self, article_ids: Sequence[str]) -> list[str]:
        """Remove articles, with every version they had, from every table in one transaction; returns passage ids now gone."""
        with self.transaction() as connection:
            versions.forget(connection, article_ids)
            removed.remember(connection, article_ids, self._clock())
            return self._drop(connection, _current(connection, article_ids))

    def withdraw(self, article_ids: Sequence[str]) -> list[str]:
        """Take articles out of every search and keep them readable, in one transaction; returns passage ids now gone."""
        with self.transaction() as connection:
            chosen = _current(connection, article_ids)
            versions.keep(connection, chosen, self._clock(), withdrawn=True)
            return self._drop(connection, chosen)

    def link(self, corrects: Mapping[str, str]) -> None:
        """Say of articles with a notice, by id, which article it is about."""
        with self.transaction() as connection:
            notices.link(connection, corrects)

    def read_up(self, found: Sequence[Notice]) -> None:
        """Keep the notices among `unread_for_notices`, in one transaction; none is unread from then on."""
        with self.transaction() as connection:
            notices.read_up(connection, found)

    def sketch(self, sketches: Sequence[tuple[int, Sketch]]) -> None:
        """Give versions their sketches and put them into their stories, in one transaction; those that are gone are passed over."""
        with self.transaction() as connection:
            stories.take_up(connection, sketches)

    def drop_pending(self) -> int:
        """Forget versions that an interrupted ingest left behind; returns how many."""
        with self.transaction() as connection:
            return connection.execute("DELETE FROM articles WHERE state = 'pending'").rowcount

    def refresh_vectors(self, fingerprint: str, vectors: Iterator[tuple[Sequence[int], Vectors]]) -> None:
        """Replace passage vectors, by passage number, and record who made them: all or nothing. Passages left out have none afterwards."""
        with self.transaction() as connection:
            connection.execute("UPDATE passages SET vector = x''")
            for numbers, rows in vectors:
                pairs = [(row.astype("<f4").tobytes(), number) for number, row in zip(numbers, rows, strict=True)]
                connection.executemany("UPDATE passages SET vector = ? WHERE number = ?", pairs)
            connection.execute("UPDATE meta SET value = ? WHERE key = 'fingerprint'", (fingerprint,))

    def _drop(self, connection: sqlite3.Connection, numbers: Sequence[int]) -> list[str]:
        chosen = (json.dumps(list(numbers)),)
        connection.execute(
            "INSERT INTO words (words, rowid, title, body) SELECT 'delete', w.number, w.title, w.body FROM passages p"
            " JOIN passage_words w USING (number) WHERE p.version IN (SELECT value FROM json_each(?))",
            chosen,
        )
        ids = connection.execute("SELECT id FROM passages WHERE version IN (SELECT value FROM json_each(?))", chosen).fetchall()
        connection.execute("DELETE FROM articles WHERE version IN (SELECT value FROM json_each(?))", chosen)
        return [row[0] for row in ids]

    # ── upkeep ───────────────────────────────────────────────────────────────

    def check(self) -> str | None:
        """What is wrong with the file or with its full text held against the articles, or None."""
        try:
            result = str(self.rows("PRAGMA quick_check")[0][0])
            self.rows("INSERT INTO words (words, rank) VALUES ('integrity-check', 1)")
        except ArchiveError as error:
            return str(error)
        return None if result == "ok" else result


def _current(connection: sqlite3.Connection, article_ids: Sequence[str]) -> list[int]:
    """The visible versions of these articles."""
    statement = "SELECT version FROM articles WHERE state = 'ready' AND id IN (SELECT value FROM json_each(?))"
    return [row[0] for row in connection.execute(statement, (json.dumps(list(article_ids)),))]


def _blobs(staged: StagedArticle) -> list[bytes]:
    """Each passage's vector as it is stored: empty where there is none."""
    if staged.vectors is None:
        return [b""] * len(staged.passages)
    return [vector.astype("<f4").tobytes() for vector in staged.vectors]
