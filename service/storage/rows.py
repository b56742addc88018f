"""Between SQLite rows and domain values, and from a scope to SQL: the only place that knows the columns."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import overload

from service.domain import Article, DateOrigin, Scope
from service.urls import url_key

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_micros(moment: datetime | None) -> int | None:
    """Microseconds since 1970 UTC, exact for every datetime."""
    return None if moment is None else (moment - _EPOCH) // _MICROSECOND


@overload
def from_micros(value: int) -> datetime: ...
@overload
def from_micros(value: None) -> None: ...
def from_micros(value: int | None) -> datetime | None:
    """The inverse of `to_micros`."""
    return None if value is None else _EPOCH + value * _MICROSECOND


def storable(text: str) -> str:
    """The text as SQLite can take it: what is not a character (half a surrogate pair) is written `\\udce9`."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def article_columns(article: Article, ingested_at: datetime) -> dict[str, object]:
    """The row of `articles` for a pending version."""
    return {
        "id": article.id,
        "state": "pending",
        "content_hash": article.content_hash,
        "text_hash": article.text_hash,
        "title": article.title,
        "source": article.source,
        "source_key": article.source.casefold() if article.source else None,
        "author": article.author,
        "url": article.url,
        "url_key": url_key(article.url),
        "language": article.language,
        "published_at": to_micros(article.published_at),
        "updated_at": to_micros(article.updated_at),
        "date_origin": article.date_origin.value,
        "zone": article.zone,
        "date_conflicts": json.dumps(article.date_conflicts, ensure_ascii=False),
        "ingested_at": to_micros(ingested_at),
        "origin": article.origin,
        "metadata": json.dumps(dict(article.metadata), ensure_ascii=False, sort_keys=True),
        "text": article.text,
    }


def article_from(row: sqlite3.Row) -> Article:
    """The article in a row that holds all columns of `articles`."""
    return Article(
        id=row["id"],
        text=row["text"],
        title=row["title"],
        source=row["source"],
        author=row["author"],
        url=row["url"],
        language=row["language"],
        published_at=from_micros(row["published_at"]),
        updated_at=from_micros(row["updated_at"]),
        date_origin=DateOrigin(row["date_origin"]),
        zone=row["zone"],
        date_conflicts=tuple(json.loads(row["date_conflicts"])),
        ingested_at=from_micros(row["ingested_at"]),
        origin=row["origin"],
        version=row["version"],
        metadata=MappingProxyType(json.loads(row["metadata"])),
    )


def visible(scope: Scope | None) -> tuple[str, list[object]]:
    """A condition on `articles a` and its parameters: ready, and inside the scope."""
    if scope is None:
        return "a.state = 'ready'", []
    at = to_micros(scope.visible_at)
    # A text rewritten later is not shown earlier. An article of unknown date existed at the latest when it was ingested.
    clauses, values = ["a.state = 'ready'", "max(coalesce(a.published_at, a.ingested_at), coalesce(a.updated_at, 0)) <= ?"], [at]
    for clause, moment in (("a.published_at >= ?", scope.published_from), ("a.published_at < ?", scope.published_to)):
        if moment is not None:
            clauses.append(clause)
            values.append(to_micros(moment))
    parameters: list[object] = list(values)
    if scope.sources:
        clauses.append("a.source_key IN (SELECT value FROM json_each(?))")
        parameters.append(json.dumps([source.casefold() for source in scope.sources]))
    if scope.article_ids:
        clauses.append("a.id IN (SELECT value FROM json_each(?))")
        parameters.append(json.dumps(list(scope.article_ids)))
    return " AND ".join(clauses), parameters
