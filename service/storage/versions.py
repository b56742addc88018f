"""Former versions of articles: what answers cited before stays readable, and nothing of it can be found.

Everything here runs inside a transaction or a read of the archive.
"""

# ruff: noqa: S608 - statements are put together from constants of this package; every value is a parameter
from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from datetime import datetime

from service.domain import Article, ArticleState, Version
from service.storage.file import ArchiveFile
from service.storage.rows import article_from, from_micros, storable, to_micros

_KEPT = (
    "version, id, title, source, author, url, language, published_at, updated_at, date_origin, zone, date_conflicts, ingested_at, origin,"
    " metadata, text"
)


def keep(connection: sqlite3.Connection, versions: Sequence[int], ended_at: datetime, *, withdrawn: bool) -> None:
    """Put visible versions beside, before they are dropped."""
    statement = (
        f"INSERT INTO former ({_KEPT}, ended_at, ended_by) SELECT {_KEPT}, ?, ? FROM articles"
        " WHERE version IN (SELECT value FROM json_each(?))"
    )
    ended_by = ArticleState.WITHDRAWN if withdrawn else ArticleState.UPDATED
    connection.execute(statement, (to_micros(ended_at), ended_by.value, json.dumps(list(versions))))


def forget(connection: sqlite3.Connection, article_ids: Sequence[str]) -> None:
    """Remove every former version of these articles."""
    connection.execute("DELETE FROM former WHERE id IN (SELECT value FROM json_each(?))", (json.dumps(list(article_ids)),))


def former(archive: ArchiveFile, article_id: str, version: int) -> Article | None:
    """A former version, whole, if there is one of that number."""
    rows = archive.rows("SELECT * FROM former WHERE id = ? AND version = ?", (storable(article_id), version))
    return article_from(rows[0]) if rows else None


def history(archive: ArchiveFile, article_id: str) -> list[Version]:
    """Every version of an article, the newest first."""
    rows = archive.rows(
        "SELECT version, ingested_at, NULL AS ended_at, 'current' AS state FROM articles WHERE id = ? AND state = 'ready'"
        " UNION ALL SELECT version, ingested_at, ended_at, ended_by FROM former WHERE id = ? ORDER BY version DESC",
        (storable(article_id), storable(article_id)),
    )
    return [
        Version(row["version"], ArticleState(row["state"]), from_micros(row["ingested_at"]), from_micros(row["ended_at"])) for row in rows
    ]
