"""Looks at addresses, in the archive's file: implements `ports.VisitBook`."""

# ruff: noqa: S608 - statements are put together from constants of this package; every value is a parameter
from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from datetime import datetime

from service.ports import Clock, Visit
from service.storage.file import ArchiveFile
from service.storage.rows import from_micros, to_micros
from service.urls import url_key

_KEEP = (
    "INSERT INTO visits (url_key, url, article_id, source, etag, last_modified, misses, checked_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (url_key) DO UPDATE SET url = excluded.url, article_id = coalesce(excluded.article_id, article_id),"
    " source = coalesce(excluded.source, source), etag = excluded.etag, last_modified = excluded.last_modified,"
    " misses = excluded.misses, checked_at = excluded.checked_at"
)


REMOVED = -1
"""In the place of misses: its article was removed by hand, and a feed that names the page does not bring it back."""


def turn_away(connection: sqlite3.Connection, article_ids: Sequence[str]) -> None:
    """Remember of the pages of these articles that they were removed by hand, inside a transaction."""
    chosen = json.dumps(list(article_ids))
    columns = "misses = ?, article_id = NULL, etag = NULL, last_modified = NULL"
    connection.execute(f"UPDATE visits SET {columns} WHERE article_id IN (SELECT value FROM json_each(?))", (REMOVED, chosen))


class Visits:
    """Which addresses were looked at, when, and what to ask with the next time."""

    def __init__(self, archive: ArchiveFile, clock: Clock) -> None:
        self._archive = archive
        self._clock = clock

    def visited(self, urls: Sequence[str]) -> dict[str, Visit]:
        """The last look at each of these addresses (`service.urls.url_key`) that was ever looked at."""
        rows = self._archive.rows("SELECT * FROM visits WHERE url_key IN (SELECT value FROM json_each(?))", (json.dumps(list(urls)),))
        return {row["url_key"]: _visit(row) for row in rows}

    def pages_of(self, source: str) -> list[tuple[Visit, datetime]]:
        """The pages of visible articles that a feed or sitemap led to, the longest unseen first, and of when each article is."""
        statement = (
            "SELECT v.*, coalesce(a.published_at, a.ingested_at) AS since FROM visits v JOIN articles a ON a.id = v.article_id"
            " AND a.state = 'ready' WHERE v.source = ? ORDER BY v.checked_at, v.url_key"
        )
        return [(_visit(row), from_micros(row["since"])) for row in self._archive.rows(statement, (url_key(source),))]

    def note_visits(self, visits: Sequence[Visit]) -> None:
        """Remember looks; a later one replaces an earlier one at the same address, whose article stays known where it names none."""
        now = to_micros(self._clock())
        with self._archive.transaction() as connection:
            connection.executemany(
                _KEEP,
                [
                    (url_key(one.url), one.url, one.article_id, url_key(one.source), one.etag, one.last_modified, one.misses, now)
                    for one in visits
                ],
            )


def _visit(row: sqlite3.Row) -> Visit:
    return Visit(
        row["url"], row["article_id"], row["source"], row["etag"], row["last_modified"], row["misses"], from_micros(row["checked_at"])
    )
