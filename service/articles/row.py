"""The corpus row: the one shape in which articles arrive, from a JSON line, front matter or `POST /v1/articles`."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from service.articles.dates import settle
from service.articles.items import Loaded
from service.articles.names import named
from service.articles.raw import DateField, Stated
from service.domain import Article, DateOrigin
from service.errors import BadArticle
from service.moments import iso
from service.urls import url_key
from service.visible import visible

MAX_FIELD = 2_000
MAX_METADATA = 64 * 1024
"""Characters of JSON: every hit carries its article's metadata."""
MAX_METADATA_DEPTH = 32
"""Levels of nesting that any reader's stack can follow."""
_JOINERS = "\u200c\u200d"
"""Not printable by themselves, but they shape Persian words and emoji."""


_BLANK_BRAILLE = "\u2800"


class Row(BaseModel):
    """A corpus row as it comes in, with our own names. Unknown keys are kept as metadata."""

    model_config = ConfigDict(extra="allow", strict=True)

    text: str
    id: str | None = Field(None, max_length=256)
    url: str | None = Field(None, max_length=MAX_FIELD)
    title: str | None = Field(None, max_length=MAX_FIELD)
    source: str | None = Field(None, max_length=MAX_FIELD)
    author: str | None = Field(None, max_length=MAX_FIELD)
    published_at: object = None
    updated_at: object = None
    language: str | None = Field(None, max_length=35)


def article_from_row(
    row: object,
    *,
    now: datetime,
    max_chars: int,
    origin: str = "api",
    origin_is_identity: bool = False,
    stated: Sequence[Stated] = (),
) -> Loaded:
    """A checked article. `stated` are dates found beside the row's own. Raises BadArticle with a reason that names the field.

    Other names of our fields (`names.NAMES`) are taken for them where ours are not there.
    With `origin_is_identity` an article without id and URL is known by its file, so that a changed file is a new
    version of the same article; otherwise by outlet, headline and date, where all three are known, or by what it says.
    """
    if not isinstance(row, Mapping):
        raise BadArticle(f"an article must be a JSON object, not {type(row).__name__}")
    checked = _checked(named(row))
    text = _text(checked.text, max_chars)
    warnings: list[str] = []
    own = _stated("published_at", checked.published_at, warnings) + _stated("updated_at", checked.updated_at, warnings)
    dated = settle((*own, *stated), now)
    fields = {name: _clean(getattr(checked, name)) for name in ("id", "url", "title", "source", "author", "language")}
    if checked.id and fields["id"] != checked.id.strip():
        raise BadArticle("id: must be printable characters without runs of white space")
    article_id = fields["id"] or _identity(fields, dated.published_at, text, origin if origin_is_identity else None)
    article = Article(
        id=article_id,
        text=text,
        title=fields["title"] or "",
        source=fields["source"],
        author=fields["author"],
        url=fields["url"],
        language=fields["language"],
        published_at=dated.published_at,
        updated_at=dated.updated_at,
        date_origin=dated.date_origin,
        zone=dated.zone,
        date_conflicts=dated.conflicts,
        origin=origin,
        metadata=MappingProxyType(_metadata(checked)),
    )
    return Loaded(article, origin, (*warnings, *dated.warnings), has_id=bool(fields["id"]))


def _checked(row: Mapping[str, Any]) -> Row:
    if row.get("text") is None:
        raise BadArticle("the text is missing")
    try:
        return Row.model_validate(dict(row))
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "a key"
        if first["type"] == "string_unicode":
            raise BadArticle(f"{field}: holds half a surrogate pair, which is not a character") from error
        raise BadArticle(f"{field}: {first['msg'].lower()}") from error


def _text(raw: str, max_chars: int) -> str:
    """The text without white space around it, lines ended by `\\n`. Raises BadArticle."""
    if len(raw) > 2 * max_chars:  # said before several copies of it are made
        raise BadArticle(_too_long(len(raw), max_chars))
    text = raw.replace("\r\n", "\n").replace("\r", "\n").strip()
    if not text:
        raise BadArticle("the text is empty")
    if not _shows_anything(text):
        raise BadArticle("the text has no visible character")
    if len(text) > max_chars:
        raise BadArticle(_too_long(len(text), max_chars))
    if "\0" in text:
        raise BadArticle("the text contains NUL bytes: is this a binary file?")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise BadArticle(f"the text holds half a surrogate pair at character {error.start}, which is not a character") from error
    return text


def _shows_anything(text: str) -> bool:
    """Whether there is a letter, digit, mark of punctuation or sign to be seen."""
    return any(unicodedata.category(c)[0] in "LNPS" and c != _BLANK_BRAILLE for c in visible(text))


def _too_long(length: int, max_chars: int) -> str:
    return f"the text has {length:,} characters; the limit is {max_chars:,} (DATELINE_MAX_ARTICLE_CHARS)"


def _clean(value: str | None) -> str | None:
    """One line without control characters, or None for nothing. Raises BadArticle on a lone surrogate."""
    if value is None:
        return None
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise BadArticle("a field holds half a surrogate pair, which is not a character") from error
    value = " ".join("".join(c for c in value if c.isprintable() or c.isspace() or c in _JOINERS).split())
    return value or None


def _stated(field: DateField, value: object, warnings: list[str]) -> tuple[Stated, ...]:
    """The date that a row gives for a field. A wrong one never costs the article."""
    if value is None or isinstance(value, str):
        return (Stated(field, DateOrigin.DOCUMENT, value),) if value and value.strip() else ()
    shown = ascii(value if isinstance(value, float) else type(value).__name__)[:42]
    warnings.append(f"{field} {shown} is not a date (YYYY-MM-DD or an ISO instant); kept as unknown")
    return ()


def _identity(fields: Mapping[str, str | None], published: datetime | None, text: str, origin: str | None) -> str:
    """What an article without an id is known by: its URL, its file, its outlet, headline and date where all are known, or its words."""
    if address := url_key(fields["url"]):
        key = "url\0" + address
    elif origin is not None:
        key = "file\0" + origin
    else:
        day = iso(published) or ""  # "Morning briefing" is another article every day
        known = bool(fields["source"] and fields["title"] and day)  # two texts called "Lamps" may have nothing else in common
        key = "\0".join(("content", fields["source"] or "", fields["title"] or "", day if known else text))
    return "art_" + hashlib.sha256(key.encode()).hexdigest()[:20]


def _metadata(row: Row) -> dict[str, Any]:
    """The unknown keys, as JSON can carry them, NaN and infinity as null. Raises BadArticle where it cannot."""
    extra = row.model_extra or {}
    if _depth(extra) > MAX_METADATA_DEPTH:
        raise BadArticle(f"an unknown key is nested more than {MAX_METADATA_DEPTH} levels deep")
    try:
        written = json.dumps(extra, ensure_ascii=False)
        written.encode()
    except UnicodeEncodeError as error:
        raise BadArticle("an unknown key holds half a surrogate pair, which is not a character") from error
    except (TypeError, ValueError) as error:
        raise BadArticle(f"an unknown key cannot be kept: {error}") from error
    if len(written) > MAX_METADATA:
        raise BadArticle(f"the unknown keys take {len(written):,} characters of JSON; the limit is {MAX_METADATA:,}")
    kept: dict[str, Any] = json.loads(written, parse_constant=lambda _: None)
    return kept


def _depth(value: object) -> int:
    """Levels of nesting, counted without recursion, and no further than needed."""
    level, depth = [value], 0
    while depth <= MAX_METADATA_DEPTH:
        inner = [child for one in level for child in (one.values() if isinstance(one, dict) else one if isinstance(one, list) else ())]
        if not inner:
            break
        level, depth = inner, depth + 1
    return depth
