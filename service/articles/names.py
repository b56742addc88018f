"""What others call our fields: columns of tables, keys of front matter and of JSON rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

NAMES: Mapping[str, tuple[str, ...]] = {
    "text": ("text", "body", "content", "article"),
    "title": ("title", "headline"),
    "source": ("source", "outlet", "publication", "publisher"),
    "author": ("author", "authors", "byline"),
    "url": ("url", "link"),
    "published_at": (
        "published_at", "publishedat", "published", "publish_date", "published_date", "publication_date", "pub_date", "pubdate",
        "date_published", "datepublished", "date",
    ),
    "updated_at": (
        "updated_at", "updatedat", "updated", "update_date", "modified", "modified_at", "date_modified", "datemodified", "last_modified",
        "lastmod",
    ),
    "language": ("language", "lang"),
    "id": ("id",),
}  # fmt: skip
"""Our fields, and the names that are taken for them in any case of letters, the likeliest first."""
_OF_SOMEBODY = frozenset({"author", "source"})
_MAX_LANGUAGE, _MAX_OTHER = 35, 2_000
"""Characters: what is longer under another name is something else, and stays metadata."""


def named(row: Mapping[Any, Any]) -> dict[str, Any]:
    """The row with our own names, where a field is not there and another name of it holds text; whatever is not used stays.

    A field that is there is left alone, be it null. Authors and outlets may be lists, or objects with a name, as schema.org has them.
    """
    renamed = dict(row)
    folded = {key.strip().casefold(): key for key in reversed(row) if isinstance(key, str) and key not in NAMES}
    for field, names in NAMES.items():
        if field in row:
            renamed[field] = _told(field, row[field])
        elif (key := next((folded[name] for name in names if name in folded and _serves(field, row[folded[name]])), None)) is not None:
            renamed[field] = _told(field, renamed.pop(key))
    return renamed


def _serves(field: str, value: object) -> bool:
    told = _told(field, value)
    limit = _MAX_LANGUAGE if field == "language" else _MAX_OTHER
    return isinstance(told, str) and bool(told.strip()) and (field == "text" or len(told) <= limit)


def _told(field: str, value: Any) -> Any:
    """Names in one line where there are several; anything else as it is."""
    if field not in _OF_SOMEBODY or not isinstance(value, list | Mapping):
        return value
    people = [one.get("name") if isinstance(one, Mapping) else one for one in (value if isinstance(value, list) else [value])]
    told = [one.strip() for one in people if isinstance(one, str) and one.strip()]
    return ", ".join(dict.fromkeys(told)) if len(told) == len(people) else value
