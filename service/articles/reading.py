"""What every way of reading shares: limits, the parser of untrusted bytes, and how raw articles become checked ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

from service.articles.items import Item, Skipped, Unreadable
from service.articles.raw import Raw
from service.articles.row import article_from_row
from service.errors import BadArticle


class Parser(Protocol):
    """Parses untrusted bytes, somewhere where they can do no harm."""

    def parse(
        self,
        kind: str,
        data: bytes,
        *,
        name: str = "",
        url: str | None = None,
        content_type: str = "",
        options: Mapping[str, object] | None = None,
    ) -> list[Raw]:
        """What is in a file of that kind. Raises BadArticle with a reason."""
        ...

    def stream(self, kind: str, path: Path, *, name: str = "", options: Mapping[str, object] | None = None) -> Iterator[Raw]:
        """The same for a file that may be larger than memory, article by article; what was read before an error stays."""
        ...


@dataclass(slots=True)
class Meter:
    """How far reading has come: bytes of files."""

    read: int = 0


@dataclass(frozen=True, slots=True)
class Reading:
    """How things are read in one run: as of when dates are believed, what is too long, and the columns of tables by field."""

    now: datetime
    max_chars: int
    parser: Parser
    columns: Mapping[str, str] = field(default_factory=dict)
    meter: Meter = field(default_factory=Meter)
    leave: frozenset[Path] = frozenset()
    """Folders, resolved, that are left aside where they lie in one that is read: those of the archive itself."""

    def item(self, raw: Raw, place: str, origin: str, *, one_per_file: bool = False) -> Item:
        """One raw article checked, or why it is none."""
        if raw.skipped:
            return Skipped(place)
        if raw.problem:
            return Unreadable(place, raw.problem, origin)
        try:
            loaded = article_from_row(
                raw.row, now=self.now, max_chars=self.max_chars, origin=origin, origin_is_identity=one_per_file, stated=raw.stated
            )
        except BadArticle as error:
            return Unreadable(place, str(error), origin)
        return loaded.at(place)
