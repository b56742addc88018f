"""Corrections and retractions in the archive's file: which article carries a notice, and which article it is about.

Everything here runs inside a transaction or a read of the archive.
"""

# ruff: noqa: S608 - statements are put together from constants of this package; every value is a parameter
from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence

from service.domain import Article, Notice, NoticeKind
from service.storage.file import ArchiveFile
from service.storage.rows import article_from, from_micros, storable

LOOSE = 200
"""Notices looked at after a run, the newest first: some 15 ms each to link."""
_READ = "SELECT n.kind, n.said, n.corrects, a.id, a.published_at FROM notices n JOIN articles a USING (version) WHERE a.state = 'ready'"


def add(connection: sqlite3.Connection, found: Iterable[tuple[int, Notice]]) -> None:
    """Keep the notices of new versions."""
    rows = [(version, notice.kind.value, notice.said, notice.corrects) for version, notice in found]
    connection.executemany("INSERT INTO notices (version, kind, said, corrects) VALUES (?, ?, ?, ?)", rows)


def unread(archive: ArchiveFile, batch: int) -> Iterator[list[Article]]:
    """The visible articles of an archive from before notices were recognised, in batches; once only, see `read_up`."""
    statement = (
        "SELECT * FROM articles WHERE state = 'ready' AND version > ? AND version <="
        " (SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'unnoticed') ORDER BY version LIMIT ?"
    )
    last = 0
    while rows := archive.rows(statement, (last, batch)):
        last = rows[-1]["version"]
        yield [article_from(row) for row in rows]


def read_up(connection: sqlite3.Connection, found: Iterable[Notice]) -> None:
    """Keep the notices of articles that were visible already, and that all have been looked at."""
    statement = "INSERT OR IGNORE INTO notices SELECT version, ?, ?, ? FROM articles WHERE id = ? AND state = 'ready'"
    connection.executemany(statement, [(one.kind.value, one.said, one.corrects, one.article_id) for one in found])
    connection.execute("DELETE FROM meta WHERE key = 'unnoticed'")


def link(connection: sqlite3.Connection, corrects: Mapping[str, str]) -> None:
    """Say of articles with a notice, by id, which article it is about."""
    statement = "UPDATE notices SET corrects = ? WHERE version IN (SELECT version FROM articles WHERE id = ? AND state = 'ready')"
    connection.executemany(statement, [(corrected, notice) for notice, corrected in corrects.items()])


def all_notices(archive: ArchiveFile) -> list[Notice]:
    """Every notice of a visible article, the oldest first."""
    return [_notice(row) for row in archive.rows(f"{_READ} ORDER BY a.published_at, a.id")]


def loose(archive: ArchiveFile, article_ids: Sequence[str]) -> list[Notice]:
    """As `ports.Archive.loose_notices` says."""
    chosen = json.dumps(list(article_ids))
    statement = (
        f"{_READ} AND n.corrects IS NULL AND (a.id IN (SELECT value FROM json_each(?)) OR a.source_key IN"
        " (SELECT source_key FROM articles WHERE state = 'ready' AND id IN (SELECT value FROM json_each(?)) AND"
        " (published_at IS NULL OR published_at <= coalesce(a.published_at, published_at)))) ORDER BY a.version DESC LIMIT ?"
    )
    return [_notice(row) for row in archive.rows(statement, (chosen, chosen, LOOSE))]


def about(archive: ArchiveFile, article_ids: Sequence[str]) -> list[Notice]:
    """The notices that are about these articles, the oldest first."""
    statement = f"{_READ} AND n.corrects IN (SELECT value FROM json_each(?)) ORDER BY a.published_at, a.id"
    return [_notice(row) for row in archive.rows(statement, (json.dumps(list(article_ids)),))]


def carried_by(archive: ArchiveFile, article_id: str) -> list[Notice]:
    """The notice that an article carries, if it is one or has one."""
    return [_notice(row) for row in archive.rows(f"{_READ} AND a.id = ?", (storable(article_id),))]


def _notice(row: sqlite3.Row) -> Notice:
    return Notice(NoticeKind(row["kind"]), row["said"], row["id"], row["corrects"], from_micros(row["published_at"]))
