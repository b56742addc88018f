"""What was taken out by hand, so that no feed, sitemap or watched folder that still has it brings it back.

Everything here runs inside a transaction or a read of the archive.
"""

# ruff: noqa: S608 - statements are put together from constants of this package; every value is a parameter
from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from datetime import datetime

from service.storage.file import ArchiveFile
from service.storage.rows import to_micros

_IDS = "(SELECT value FROM json_each(:ids))"
_KEYS = (
    f"SELECT value AS key FROM json_each(:ids) UNION SELECT url_key FROM articles WHERE id IN {_IDS} AND url_key IS NOT NULL"
    f" UNION SELECT url_key FROM visits WHERE article_id IN {_IDS}"
)
"""Of articles: their ids, and the addresses of their pages."""


def remember(connection: sqlite3.Connection, article_ids: Sequence[str], at: datetime) -> None:
    """That these articles were taken out, before they are; of their pages it is forgotten what they held."""
    ids = {"ids": json.dumps(list(article_ids))}
    connection.execute(f"INSERT OR REPLACE INTO removed SELECT key, :at FROM ({_KEYS})", {**ids, "at": to_micros(at)})
    connection.execute(f"DELETE FROM visits WHERE article_id IN {_IDS}", ids)


def forget(connection: sqlite3.Connection, article_ids: Sequence[str]) -> None:
    """These articles were taken in again, by name."""
    connection.execute(f"DELETE FROM removed WHERE key IN ({_KEYS})", {"ids": json.dumps(list(article_ids))})


def among(archive: ArchiveFile, keys: Sequence[str]) -> set[str]:
    """Those of these ids and addresses that were taken out."""
    rows = archive.rows("SELECT key FROM removed WHERE key IN (SELECT value FROM json_each(?))", (json.dumps(list(keys)),))
    return {row[0] for row in rows}
