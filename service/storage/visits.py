"""Looks at addresses, in the archive's file: implements `ports.VisitBook`."""

# ruff: noqa: S608 - statements are put together from constants of this package; every value is a parameter
from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence

from service.ports import Clock, Visit
from service.storage.file import ArchiveFile
from service.storage.rows import from_micros, to_micros
from service.urls import url_key

_KEEP = (
    "INSERT INTO visits (url_key, url, article_id, arrived, source, etag, last_modified, misses, checked_at)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (url_key) DO UPDATE SET url = excluded.url, article_id = coalesce(excluded.article_id, article_id),"
    " arrived = coalesce(excluded.arrived, arrived), source = coalesce(excluded.source, source), etag = excluded.etag,"
    " last_modified = excluded.last_modified, misses = excluded.misses, checked_at = excluded.checked_at"
)
_READ = (
    "SELECT v.*, coalesce(a.published_at, a.ingested_at) AS since FROM visits v"
    " LEFT JOIN articles a ON a.id = v.article_id AND a.state = 'ready'"
)


class Visits:
    """Which addresses were looked at, when, and what to ask with the next time."""

    def __init__(self, archive: ArchiveFile, clock: Clock) -> None:
        self._archive = archive
        self._clock = clock

    def visited(self, urls: Sequence[str]) -> dict[str, Visit]:
        """The last look at each of these addresses (`service.urls.url_key`) that was ever looked at."""
        rows = self._archive.rows(f"{_READ} WHERE v.url_key IN (SELECT value FROM json_each(?))", (json.dumps(list(urls)),))
        return {row["url_key"]: _visit(row) for row in rows}

    def pages_of(self, source: str) -> list[Visit]:
        """The pages of visible articles that a feed or sitemap led to, the longest unseen first."""
        statement = f"{_READ} WHERE v.source = ? AND a.id IS NOT NULL ORDER BY v.checked_at, v.url_key"
        return [_visit(row) for row in self._archive.rows(statement, (url_key(source),))]

    def note_visits(self, visits: Sequence[Visit]) -> None:
        """Remember looks; a later one replaces an earlier one at the same address, whose article stays known where it names none."""
        now = to_micros(self._clock())
        with self._archive.transaction() as connection:
            connection.executemany(
                _KEEP,
                [
                    (url_key(v.url), v.url, v.article_id, v.arrived, url_key(v.source), v.etag, v.last_modified, v.misses, now)
                    for v in visits
                ],
            )


def _visit(row: sqlite3.Row) -> Visit:
    return Visit(
        url=row["url"],
        article_id=row["article_id"],
        source=row["source"],
        arrived=row["arrived"],
        etag=row["etag"],
        last_modified=row["last_modified"],
        misses=row["misses"],
        checked_at=from_micros(row["checked_at"]),
        since=from_micros(row["since"]),
    )
