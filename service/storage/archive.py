"""The archive: articles, passages, vectors and full text in one SQLite file. The truth; everything else is derived.

Every method may be called from any thread: each thread has its own connection, and writers take turns.
"""

# ruff: noqa: S608 - statements are put together from constants of this package; every value is a parameter
from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

import numpy as np

from service.domain import Article, Bylines, Coverage, Hit, Passage, Reprint, Scope
from service.errors import ArchiveError, NotFound
from service.ports import Clock, StagedArticle, Vectors
from service.sketches import Sketch
from service.storage import stories
from service.storage.file import ArchiveFile
from service.storage.rows import article_columns, article_from, from_micros, storable, visible

_BM25 = "bm25(2.0, 1.0)"
"""The headline's words weigh twice those of the body; not tuned yet."""
_THESE = "FROM json_each(?) j CROSS JOIN passages p ON p.id = j.value CROSS JOIN articles a USING (version)"  # CROSS: in this order
"""Passages by id: left to itself, SQLite has read every article first, 10 ms instead of 0.1."""


class SqliteArchive(ArchiveFile):
    """Implements `ports.Archive` on one file."""

    def __init__(self, path: Path, fingerprint: str | None, clock: Clock) -> None:
        """Open or create; without a fingerprint, whoever made it. Raises ArchiveMismatch or ArchiveDamaged with what to do."""
        super().__init__(path, fingerprint)
        self._clock = clock

    # ── writing ──────────────────────────────────────────────────────────────

    def stage(self, batch: Sequence[StagedArticle]) -> list[int]:
        """Write pending versions that no search sees; returns their version numbers. What a failed batch left of them goes."""
        now = self._clock()
        versions: list[int] = []
        with self.transaction() as connection:
            ids = json.dumps([staged.article.id for staged in batch])
            connection.execute("DELETE FROM articles WHERE state = 'pending' AND id IN (SELECT value FROM json_each(?))", (ids,))
            for staged in batch:
                columns = article_columns(staged.article, now)
                statement = f"INSERT INTO articles ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
                version = connection.execute(statement, tuple(columns.values())).lastrowid or 0
                rows = [
                    (p.id, version, p.ordinal, p.start, p.end, vector.astype("<f4").tobytes())
                    for p, vector in zip(staged.passages, staged.vectors, strict=True)
                ]
                connection.executemany('INSERT INTO passages (id, version, ordinal, start, "end", vector) VALUES (?, ?, ?, ?, ?, ?)', rows)
                versions.append(version)
            stories.add(connection, [(v, staged.sketch) for v, staged in zip(versions, batch, strict=True) if staged.sketch])
        return versions

    def publish(self, versions: Sequence[int]) -> list[str]:
        """Make versions visible and drop those they replace, in one transaction; returns passage ids now gone."""
        chosen = json.dumps(list(versions))
        with self.transaction() as connection:
            replaced = connection.execute(
                "SELECT old.version FROM articles old JOIN articles new ON new.id = old.id AND old.state = 'ready'"
                " WHERE new.version IN (SELECT value FROM json_each(?))",
                (chosen,),
            ).fetchall()
            inherited = stories.inherited(connection, versions)
            gone = self._drop(connection, [row[0] for row in replaced])
            connection.execute("UPDATE articles SET state = 'ready' WHERE version IN (SELECT value FROM json_each(?))", (chosen,))
            connection.execute(
                "INSERT INTO words (rowid, title, body) SELECT w.number, w.title, w.body FROM passages p"
                " JOIN passage_words w USING (number) WHERE p.version IN (SELECT value FROM json_each(?))",
                (chosen,),
            )
            stories.join(connection, versions, inherited)
            kept = connection.execute("SELECT id FROM passages WHERE version IN (SELECT value FROM json_each(?))", (chosen,))
            return sorted(set(gone) - {row[0] for row in kept})

    def remove(self, article_ids: Sequence[str]) -> list[str]:
        """Remove articles from every table in one transaction; returns passage ids now gone."""
        with self.transaction() as connection:
            rows = connection.execute(
                "SELECT version FROM articles WHERE state = 'ready' AND id IN (SELECT value FROM json_each(?))",
                (json.dumps(list(article_ids)),),
            ).fetchall()
            return self._drop(connection, [row[0] for row in rows])

    def sketch(self, sketches: Sequence[tuple[int, Sketch]]) -> None:
        """Give versions their sketches and put them into their stories, in one transaction; those that are gone are passed over."""
        with self.transaction() as connection:
            stories.take_up(connection, sketches)

    def drop_pending(self) -> int:
        """Forget versions that an interrupted ingest left behind; returns how many."""
        with self.transaction() as connection:
            return connection.execute("DELETE FROM articles WHERE state = 'pending'").rowcount

    def refresh_vectors(self, fingerprint: str, vectors: Iterator[tuple[Sequence[int], Vectors]]) -> None:
        """Replace passage vectors, by passage number, and record who made them: all or nothing."""
        with self.transaction() as connection:
            for numbers, rows in vectors:
                pairs = [(row.astype("<f4").tobytes(), number) for number, row in zip(numbers, rows, strict=True)]
                connection.executemany("UPDATE passages SET vector = ? WHERE number = ?", pairs)
            connection.execute("UPDATE meta SET value = ? WHERE key = 'fingerprint'", (fingerprint,))

    def _drop(self, connection: sqlite3.Connection, versions: Sequence[int]) -> list[str]:
        chosen = (json.dumps(list(versions)),)
        connection.execute(
            "INSERT INTO words (words, rowid, title, body) SELECT 'delete', w.number, w.title, w.body FROM passages p"
            " JOIN passage_words w USING (number) WHERE p.version IN (SELECT value FROM json_each(?))",
            chosen,
        )
        ids = connection.execute("SELECT id FROM passages WHERE version IN (SELECT value FROM json_each(?))", chosen).fetchall()
        connection.execute("DELETE FROM articles WHERE version IN (SELECT value FROM json_each(?))", chosen)
        return [row[0] for row in ids]

    # ── reading ──────────────────────────────────────────────────────────────

    def article(self, article_id: str) -> Article:
        """Raises NotFound."""
        rows = self.rows("SELECT * FROM articles WHERE id = ? AND state = 'ready'", (storable(article_id),))
        if not rows:
            raise NotFound(f"no article {article_id!r} in this archive")
        return article_from(rows[0])

    def articles(self, after: str | None, limit: int) -> list[Article]:
        """At most `limit` articles, by id, those with ids above `after`."""
        statement = "SELECT * FROM articles WHERE state = 'ready' AND id > ? ORDER BY id LIMIT ?"
        return [article_from(row) for row in self.rows(statement, (storable(after or ""), limit))]

    def known(self, article_ids: Sequence[str]) -> dict[str, str]:
        """The content hash of each of these articles that is in the archive."""
        statement = "SELECT id, content_hash FROM articles WHERE state = 'ready' AND id IN (SELECT value FROM json_each(?))"
        return {row[0]: row[1] for row in self.rows(statement, (json.dumps(list(article_ids)),))}

    def twin(self, article: Article) -> str | None:
        """The id of another article of the same outlet with the same text, if there is one."""
        rows = self.rows(
            "SELECT id FROM articles WHERE state = 'ready' AND text_hash = ? AND source_key IS ? AND id <> ? ORDER BY version LIMIT 1",
            (article.text_hash, article.source.casefold() if article.source else None, article.id),
        )
        return str(rows[0][0]) if rows else None

    def under(self, folder: str) -> list[str]:
        """Ids of the articles that were read from files inside a folder."""
        prefix = storable(folder).rstrip("/") + "/"
        statement = "SELECT id FROM articles WHERE state = 'ready' AND substr(origin, 1, ?) = ?"
        return [row[0] for row in self.rows(statement, (len(prefix), prefix))]

    def coverage(self, scope: Scope | None = None) -> Coverage:
        """How many articles there are inside the scope, and from when to when."""
        condition, values = visible(scope)
        statement = f"SELECT count(*), min(a.published_at), max(a.published_at) FROM articles a WHERE {condition}"
        count, first, last = self.rows(statement, values)[0]
        return Coverage(count, from_micros(first), from_micros(last))

    def sources(self) -> list[tuple[str, int]]:
        """Each outlet with its number of articles, most first."""
        statement = "SELECT source, count(*) FROM articles WHERE state = 'ready' AND source IS NOT NULL GROUP BY source_key"
        return sorted(((row[0], row[1]) for row in self.rows(statement)), key=lambda pair: (-pair[1], pair[0]))

    def months(self) -> list[tuple[str, int]]:
        """Each month (`YYYY-MM`) with its number of articles, in order."""
        statement = (
            "SELECT strftime('%Y-%m', published_at / 1000000, 'unixepoch') AS month, count(*) FROM articles"
            " WHERE state = 'ready' AND published_at IS NOT NULL GROUP BY month ORDER BY month"
        )
        return [(row[0], row[1]) for row in self.rows(statement)]

    def passage_count(self) -> int:
        """Passages that a search can see."""
        statement = "SELECT count(*) FROM passages p JOIN articles a USING (version) WHERE a.state = 'ready'"
        return int(self.rows(statement)[0][0])

    def stamp(self) -> str:
        """Changes with every change of what a search can see: the last version ever given, and how many passages there are."""
        rows = self.rows("SELECT seq FROM sqlite_sequence WHERE name = 'articles'")
        return f"{rows[0][0] if rows else 0}-{self.passage_count()}"

    def lexical(self, terms: Sequence[str], scope: Scope, k: int) -> list[tuple[str, float]]:
        """At most k passage ids by BM25 (FTS5), best first; the score is higher for better."""
        words = dict.fromkeys(storable(term).replace("\0", " ").strip() for term in terms)
        quoted = " OR ".join('"' + word.replace('"', '""') + '"' for word in words if word)
        if not quoted or k < 1:
            return []
        condition, values = visible(scope)
        # In the order of FTS5's own ranks, so that rows are held against the scope one by one and only until there are enough.
        statement = (
            "SELECT p.id, words.rank FROM words CROSS JOIN passages p ON p.number = words.rowid CROSS JOIN articles a USING (version)"
            f" WHERE words MATCH ? AND words.rank MATCH '{_BM25}' AND {condition} ORDER BY words.rank LIMIT ?"
        )
        return [(row[0], -row[1]) for row in self.rows(statement, (quoted, *values, k))]

    def in_scope(self, passage_ids: Sequence[str], scope: Scope) -> set[str]:
        """Those of the passages that are visible and inside the scope."""
        condition, values = visible(scope)
        return {row[0] for row in self.rows(f"SELECT p.id {_THESE} WHERE {condition}", (json.dumps(list(passage_ids)), *values))}

    def vectors_in(self, scope: Scope, limit: int) -> tuple[list[str], Vectors] | None:
        """All passage ids and vectors inside the scope, or None where there are more than `limit`."""
        condition, values = visible(scope)
        tables = f"FROM passages p JOIN articles a USING (version) WHERE {condition} LIMIT {int(limit) + 1}"
        if self.rows(f"SELECT count(*) FROM (SELECT 1 {tables})", values)[0][0] > limit:
            return None
        rows = self.rows(f"SELECT p.id, p.vector {tables}", values)
        return [row[0] for row in rows], _matrix([row[1] for row in rows])

    def vectors_of(self, passage_ids: Sequence[str]) -> dict[str, Vectors]:
        """The vectors of these passages, each `(dimension,)`; ids that are not visible are absent."""
        rows = self.rows(f"SELECT p.id, p.vector {_THESE} WHERE a.state = 'ready'", (json.dumps(list(passage_ids)),))
        return dict(zip((row[0] for row in rows), _matrix([row[1] for row in rows]), strict=True))

    def bylines(self) -> Bylines:
        """Every outlet and author of a visible article, as written there, sorted."""

        def distinct(column: str) -> tuple[str, ...]:
            return tuple(
                row[0] for row in self.rows(f"SELECT DISTINCT {column} FROM articles WHERE state = 'ready' AND {column} <> '' ORDER BY 1")
            )

        return Bylines(distinct("source"), distinct("author"))

    def hits(self, passage_ids: Sequence[str]) -> dict[str, Hit]:
        """The passages with their articles, score 0; ids that are not visible are absent."""
        rows = self.rows(
            f'SELECT p.id AS passage_id, p.version, p.ordinal, p.start, p."end" AS stop, s.story {_THESE}'
            " LEFT JOIN stories s USING (version) WHERE a.state = 'ready'",
            (json.dumps(list(passage_ids)),),
        )
        versions = json.dumps(sorted({row["version"] for row in rows}))
        whole = self.rows("SELECT a.* FROM json_each(?) j CROSS JOIN articles a ON a.version = j.value", (versions,))
        articles = {row["version"]: article_from(row) for row in whole}
        found: dict[str, Hit] = {}
        for row in rows:
            article = articles[row["version"]]
            text = article.text[row["start"] : row["stop"]]
            passage = Passage(row["passage_id"], article.id, row["ordinal"], row["start"], row["stop"], text)
            found[passage.id] = Hit(passage, article, 0.0, story=row["story"])
        return found

    def reprints(self, article_ids: Sequence[str], visible_at: datetime) -> dict[str, tuple[Reprint, ...]]:
        """For each article the other outlets that print its story by then, one article each, the first to print it first."""
        return stories.reprints(self, article_ids, visible_at)

    def unsketched(self, batch: int = 256) -> Iterator[list[tuple[int, str]]]:
        """Version and text of the articles that have no sketch, in batches: those of an archive from before there were stories."""
        return stories.unsketched(self, batch)

    def vectors(self, batch: int = 1000) -> Iterator[tuple[list[str], Vectors]]:
        """Every visible passage's id and vector, in batches: what an index is rebuilt from."""
        statement = "SELECT p.id, p.vector FROM passages p JOIN articles a USING (version) WHERE a.state = 'ready' ORDER BY p.number"
        for rows in self._batches(statement, batch):
            yield [row[0] for row in rows], _matrix([row[1] for row in rows])

    def numbered_passages(self, batch: int = 512) -> Iterator[list[tuple[int, Passage, Article]]]:
        """Every passage with its number and article, pending or not, in batches: what is embedded again."""
        statement = 'SELECT number, id, version, ordinal, start, "end" AS stop FROM passages ORDER BY number'
        for rows in self._batches(statement, batch):
            wanted = json.dumps(sorted({row["version"] for row in rows}))
            found = self.rows("SELECT * FROM articles WHERE version IN (SELECT value FROM json_each(?))", (wanted,))
            articles = {row["version"]: article_from(row) for row in found}
            yield [
                (r["number"], Passage.cut(articles[r["version"]], r["ordinal"], r["start"], r["stop"]), articles[r["version"]])
                for r in rows
            ]

    # ── upkeep ───────────────────────────────────────────────────────────────

    def check(self) -> str | None:
        """What is wrong with the file or with its full text held against the articles, or None."""
        try:
            result = str(self.rows("PRAGMA quick_check")[0][0])
            self.rows("INSERT INTO words (words, rank) VALUES ('integrity-check', 1)")
        except ArchiveError as error:
            return str(error)
        return None if result == "ok" else result


def _matrix(blobs: Sequence[bytes]) -> Vectors:
    if not blobs:
        return np.zeros((0, 0), dtype=np.float32)
    return np.frombuffer(b"".join(blobs), dtype="<f4").reshape(len(blobs), -1).astype(np.float32, copy=False)
