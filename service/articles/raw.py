"""What parsers hand over: an article as it was found, unchecked, and the dates that its sources state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from service.domain import DateOrigin

DateField = Literal["published_at", "updated_at"]


@dataclass(frozen=True, slots=True)
class Stated:
    """A date as a source states it: of what, where it was found, and the words."""

    field: DateField
    origin: DateOrigin
    written: str


@dataclass(frozen=True, slots=True)
class Raw:
    """One article as a parser found it: a corpus row, or why there is none. Everything in it is still to be checked."""

    row: Mapping[str, Any] | object = None
    stated: tuple[Stated, ...] = ()
    """Dates found beside the row's own `published_at` and `updated_at`."""
    problem: str | None = None
    place: str = ""
    """Where in the file it was: `:12` for a line or row, `!/member.html` in a ZIP; empty for the whole file."""
    links: tuple[str, ...] = ()
    """Addresses that the article gives instead of its text: a feed's item whose page is still to be fetched."""
    skipped: bool = False
    """Whether this is something passed over, at a place that says what, rather than an article or a failure."""
