"""The JSON of ingest: items on their way to the service that holds the archive, and what became of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter, ValidationError

from service.articles.items import Gone, Item, Loaded, Looked, Skipped, Unreadable, Untouched
from service.articles.row import article_from_row
from service.domain import Article, Outcome
from service.errors import BadArticle, BadInput
from service.indexing.report import IngestReport, ItemReport

_KINDS: dict[str, TypeAdapter[Any]] = {
    kind.__name__.lower(): TypeAdapter(kind) for kind in (Loaded, Unreadable, Skipped, Untouched, Gone, Looked)
}
_ROW = ("id", "url", "title", "source", "author", "language", "text")
_REPORT_ROW = TypeAdapter(ItemReport)


def packed(item: Item) -> dict[str, Any]:
    """An item as the service takes it in again by `unpacked`."""
    kind = type(item).__name__.lower()
    if isinstance(item, Loaded):  # whose metadata is a read-only view, which JSON does not know
        item = replace(item, article=replace(item.article, metadata=dict(item.article.metadata)))
    return {"kind": kind, "item": _KINDS[kind].dump_python(item, mode="json")}


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
        raise BadInput(f"{kind}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error
    return _checked(item, now, max_chars) if isinstance(item, Loaded) else item


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
        return Unreadable(item.place, str(error), given.origin)
    return replace(item, article=_as_it_came(checked.article, given), warnings=tuple(dict.fromkeys((*item.warnings, *checked.warnings))))


def _as_it_came(checked: Article, given: Article) -> Article:
    """The checked article with what the reader knew of its dates, which a row cannot say."""
    if checked.published_at != given.published_at:
        return checked
    return replace(checked, date_origin=given.date_origin, zone=given.zone, date_conflicts=given.date_conflicts)


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
