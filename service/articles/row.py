"""The corpus row: the one shape in which articles arrive, from a JSON line, front matter or `POST /v1/articles`."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from service.domain import Article, DateOrigin, parse_moment
from service.errors import BadArticle

CLOCK_SKEW = timedelta(days=1)
"""A date this far ahead is still believed: it is tomorrow already east of here."""
EARLIEST_YEAR = 1600
"""The first printed newspaper is of 1605; an earlier date is a mistake."""
MAX_FIELD = 2_000


class Row(BaseModel):
    """A corpus row as it comes in. Unknown keys are kept as metadata."""

    model_config = ConfigDict(extra="allow", strict=True)

    text: str
    id: str | None = Field(None, max_length=256)
    url: str | None = Field(None, max_length=MAX_FIELD)
    title: str | None = Field(None, max_length=MAX_FIELD)
    source: str | None = Field(None, max_length=MAX_FIELD)
    author: str | None = Field(None, max_length=MAX_FIELD)
    published_at: str | None = None
    updated_at: str | None = None
    language: str | None = Field(None, max_length=35)


@dataclass(frozen=True, slots=True)
class Loaded:
    """An article read, where it was read (`file` or `file:line`), and what was mended on the way."""

    article: Article
    place: str
    warnings: tuple[str, ...] = ()

    def at(self, place: str) -> Loaded:
        """The same, read at a more exact place."""
        return replace(self, place=place)


def article_from_row(row: object, *, now: datetime, max_chars: int, origin: str = "api", origin_is_identity: bool = False) -> Loaded:
    """A checked article. Raises BadArticle with a reason that names the field.

    With `origin_is_identity` an article without id and URL is known by its file, so that a changed file is a new
    version of the same article; otherwise it is known by what it says.
    """
    if not isinstance(row, Mapping):
        raise BadArticle(f"an article must be a JSON object, not {type(row).__name__}")
    checked = _checked(row)
    text = checked.text.replace("\r\n", "\n").replace("\r", "\n").strip()
    _check_text(text, max_chars)
    warnings: list[str] = []
    published = _date(checked.published_at, "published_at", now, warnings)
    fields = {name: _clean(getattr(checked, name)) for name in ("id", "url", "title", "source", "author", "language")}
    article_id = fields["id"] or _identity(fields, text, origin if origin_is_identity else None)
    article = Article(
        id=article_id,
        text=text,
        title=fields["title"] or "",
        source=fields["source"],
        author=fields["author"],
        url=fields["url"],
        language=fields["language"],
        published_at=published,
        updated_at=_date(checked.updated_at, "updated_at", now, warnings),
        date_origin=DateOrigin.DOCUMENT if published else DateOrigin.UNKNOWN,
        origin=origin,
        metadata=MappingProxyType(_metadata(checked)),
    )
    return Loaded(article, origin, tuple(warnings))


def canonical_url(url: str) -> str:
    """The URL without fragment, default port, tracking parameters and trailing slash, host in lower case."""
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    port = f":{parts.port}" if parts.port and (parts.scheme, parts.port) not in {("http", 80), ("https", 443)} else ""
    query = "&".join(p for p in parts.query.split("&") if p and not p.lower().startswith(("utm_", "fbclid=", "gclid=")))
    return urlunsplit(("https" if parts.scheme in {"http", "https"} else parts.scheme, host + port, parts.path.rstrip("/"), query, ""))


def _checked(row: Mapping[str, Any]) -> Row:
    try:
        return Row.model_validate(dict(row))
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        missing = first["type"] == "missing" or (field == "text" and row.get("text") is None)
        raise BadArticle("the text is missing" if field == "text" and missing else f"{field}: {first['msg'].lower()}") from error


def _check_text(text: str, max_chars: int) -> None:
    if not text:
        raise BadArticle("the text is empty")
    if len(text) > max_chars:
        raise BadArticle(f"the text has {len(text):,} characters; the limit is {max_chars:,} (DATELINE_MAX_ARTICLE_CHARS)")
    if "\0" in text:
        raise BadArticle("the text contains NUL bytes: is this a binary file?")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise BadArticle(f"the text contains a lone surrogate at character {error.start}: the file was decoded wrongly") from error


def _clean(value: str | None) -> str | None:
    """One line without control characters, or None for nothing. Raises BadArticle on a lone surrogate."""
    if value is None:
        return None
    value = " ".join("".join(c if c.isprintable() or c.isspace() else "" for c in value).split())
    return value or None


def _date(value: str | None, field: str, now: datetime, warnings: list[str]) -> datetime | None:
    """The moment, or None with a warning where it is impossible. A wrong date never costs the article."""
    if value is None or not value.strip():
        return None
    try:
        moment = parse_moment(value)
    except ValueError:
        warnings.append(f"{field} {value[:40]!r} is not a date (YYYY-MM-DD or an ISO instant); kept as unknown")
        return None
    if moment > now + CLOCK_SKEW or moment.year < EARLIEST_YEAR:
        warnings.append(f"{field} {value[:40]!r} lies {'in the future' if moment > now else 'before newspapers'}; kept as unknown")
        return None
    return moment


def _identity(fields: Mapping[str, str | None], text: str, origin: str | None) -> str:
    url = fields["url"]
    if url:
        try:
            key = "url\0" + canonical_url(url)
        except ValueError:
            key = "url\0" + url
    elif origin is not None:
        key = "file\0" + origin
    else:
        key = "\0".join(("content", fields["source"] or "", fields["title"] or "", fields["title"] or text))
    return "art_" + hashlib.sha256(key.encode()).hexdigest()[:20]


def _metadata(row: Row) -> dict[str, Any]:
    """The unknown keys, as JSON can carry them. Raises BadArticle where it cannot."""
    try:
        kept = json.loads(json.dumps(row.model_extra or {}, default=_plain, allow_nan=True), parse_constant=lambda _: None)
        json.dumps(kept, ensure_ascii=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise BadArticle(f"an unknown key cannot be kept: {error}") from error
    return {str(key): value for key, value in kept.items() if not (isinstance(value, float) and math.isnan(value))}


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is not JSON")
