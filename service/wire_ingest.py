"""The JSON of ingest: items on their way to the service that holds the archive, and what became of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, fields, replace
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter, ValidationError

from service.articles.items import Gone, Item, Loaded, Looked, Skipped, Unreadable, Untouched
from service.articles.row import article_from_row
from service.domain import Article, Outcome
from service.errors import BadArticle, BadInput
from service.indexing.report import IngestReport, ItemReport
from service.ports import Visit
from service.storage.rows import storable
from service.urls import url_key

LONGEST = 10_000
"""Characters of a place, a reason or an address: above what a browser sends as an address, and what a file system takes as a path."""
LONGEST_ID = 256
MOST_WARNINGS = 100
MOST_MISSES = 1_000
_KINDS: dict[str, TypeAdapter[Any]] = {
    kind.__name__.lower(): TypeAdapter(kind) for kind in (Loaded, Unreadable, Skipped, Untouched, Gone, Looked)
}
_ROW = ("id", "url", "title", "source", "author", "language", "text")
_ZONE = re.compile(r"[+-][0-9]{2}:[0-9]{2}(?::[0-9]{2})?")
_REPORT_ROW = TypeAdapter(ItemReport)


def packed(item: Item) -> dict[str, Any]:
    """An item as the service takes it in again by `unpacked`; what it says of itself is cut where the service takes no more."""
    kind, cut = type(item).__name__.lower(), _cut(item)
    if isinstance(item, Loaded):  # whose metadata is a read-only view, which JSON does not know
        cut["article"] = replace(item.article, metadata=dict(item.article.metadata))
    return {"kind": kind, "item": _KINDS[kind].dump_python(replace(item, **cut), mode="json")}


def _cut(thing: Item | Visit) -> dict[str, Any]:
    """Every text in it as the service takes it, by field."""
    found: dict[str, Any] = {}
    for name, value in ((one.name, getattr(thing, one.name)) for one in fields(thing)):
        if isinstance(value, str):
            found[name] = storable(value)[:LONGEST]
        elif isinstance(value, tuple):
            found[name] = tuple(storable(one)[:LONGEST] for one in value[:MOST_WARNINGS])
        elif isinstance(value, Visit):
            found[name] = replace(value, **_cut(value))
    return found


def unpacked(value: object, *, now: datetime, max_chars: int) -> Item:
    """The item, every article checked as if it had just been read. Raises BadInput for what is none; a bad article is Unreadable."""
    kind = value.get("kind") if isinstance(value, Mapping) else None
    adapter = _KINDS.get(kind) if isinstance(kind, str) else None
    if adapter is None or not isinstance(value, Mapping):
        raise BadInput(f"an item has a kind, one of {', '.join(_KINDS)}, and an item")
    try:
        item: Item = adapter.validate_python(value.get("item"))
    except (ValidationError, RecursionError) as error:
        first = error.errors(include_input=False)[0] if isinstance(error, ValidationError) else {"loc": (), "msg": "is nested too deeply"}
        raise BadInput(storable(f"{kind}: {'.'.join(map(str, first['loc']))}: {first['msg']}")) from error
    for name, longest, text in _texts(item):
        if len(text) > longest:
            raise BadInput(f"{kind}: {name} is longer than {longest:,} characters")
        if storable(text) != text:
            raise BadInput(f"{kind}: {name} holds half a surrogate pair, which is not a character")
    if not isinstance(item, Skipped) and item.visit:
        item = replace(item, visit=_visit(kind, item.visit))
    return _checked(item, now, max_chars) if isinstance(item, Loaded) else item


def _texts(item: Item | Visit, inside: str = "") -> Iterator[tuple[str, int, str]]:
    """Every text of an item that is stored or told as it came, with its name and how long it may be. An article's own are checked later."""
    for one in fields(item):
        value = getattr(item, one.name)
        if isinstance(value, str):
            yield inside + one.name, LONGEST_ID if one.name == "article_id" else LONGEST, value
        elif isinstance(value, tuple):
            yield from ((inside + one.name, LONGEST, text) for text in value)
        elif isinstance(value, Visit):
            yield from _texts(value, f"{one.name}.")
        elif isinstance(value, Article):
            yield from ((f"{one.name}.date_conflicts", LONGEST, text) for text in value.date_conflicts)
            yield f"{one.name}.origin", LONGEST, value.origin or ""


def _visit(kind: str | None, visit: Visit) -> Visit:
    """The visit; when it was is what the service's own clock says. Raises BadInput."""
    if not url_key(visit.url) or (visit.source is not None and not url_key(visit.source)):
        raise BadInput(f"{kind}: visit: an address is empty")
    if not -1 <= visit.misses <= MOST_MISSES:
        raise BadInput(f"{kind}: visit.misses is not between -1 and {MOST_MISSES:,}")
    return replace(visit, checked_at=None, since=None)


def _checked(item: Loaded, now: datetime, max_chars: int) -> Item:
    given = item.article
    row = {
        **given.metadata,
        **{name: getattr(given, name) for name in _ROW},
        "published_at": given.published_at and given.published_at.isoformat(),
        "updated_at": given.updated_at and given.updated_at.isoformat(),
    }
    try:
        checked = article_from_row(row, now=now, max_chars=max_chars, origin=given.origin or "api")
    except BadArticle as error:
        return Unreadable(item.place, storable(str(error))[:LONGEST], given.origin)
    return replace(item, article=_as_it_came(checked.article, given), warnings=tuple(dict.fromkeys((*item.warnings, *checked.warnings))))


def _as_it_came(checked: Article, given: Article) -> Article:
    """The checked article with what the reader knew of its dates, which a row cannot say."""
    if checked.published_at != given.published_at:
        return checked
    zone = given.zone if given.zone and _ZONE.fullmatch(given.zone) else None
    return replace(checked, date_origin=given.date_origin, zone=zone, date_conflicts=given.date_conflicts[:MOST_WARNINGS])


def report_out(report: IngestReport) -> dict[str, Any]:
    """What became of a batch."""
    return {
        "items": [row_out(item) for item in report.items],
        "counts": {kind.value: count for kind, count in sorted(report.counts.items())},
        "passages": report.passages,
        "embedded": report.embedded,
        "skipped": report.skipped,
    }


def row_out(item: ItemReport) -> dict[str, Any]:
    """What became of one article: where it was read, and whatever there is to say of it."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(item).items() if value not in (None, ())}


def report_in(value: Mapping[str, Any], into: IngestReport) -> None:
    """Add what the service says became of a batch. Raises BadInput for what is no report."""
    try:
        rows = [_REPORT_ROW.validate_python(row) for row in value["items"]]
        into.passages += int(value["passages"])
        into.embedded += int(value["embedded"])
        into.skipped.extend(map(str, value["skipped"]))
    except (KeyError, TypeError, ValueError) as error:
        raise BadInput(f"the service sent no report of an ingest ({error}): is it a Dateline of this version?") from error
    into.items.extend(rows)


def summary_out(report: IngestReport) -> dict[str, Any]:
    """The counts of a whole run."""
    return {
        "articles": len(report.items),
        **{kind.value: report.counts[kind] for kind in Outcome},
        "joined_a_story": len(report.stories),
        "warnings": sum(len(item.warnings) for item in report.items),
        "passages": report.passages,
        "embedded": report.embedded,
        "skipped_files": len(report.skipped),
        "pruned": report.pruned,
        "dry_run": report.dry_run,
    }
