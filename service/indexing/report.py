"""What an ingest did, article by article."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from service.domain import Outcome


@dataclass(frozen=True, slots=True)
class ItemReport:
    """What became of one article: where it was read, the outcome, and for a rejection or a warning, why."""

    place: str
    outcome: Outcome
    article_id: str | None = None
    reason: str | None = None
    warnings: tuple[str, ...] = ()
    origin: str | None = None
    """The file it was read from, as `Article.origin` names it."""
    joined: str | None = None
    """The first article of the story that it has become part of, by id."""


@dataclass(slots=True)
class IngestReport:
    """What an ingest did. `items` holds one row an article, in order."""

    items: list[ItemReport] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    passages: int = 0
    """Passages that were written."""
    embedded: int = 0
    """Those of them that had to be embedded: the vectors of the others were there, or their language is not served."""
    pruned: list[str] = field(default_factory=list)
    dry_run: bool = False
    """Nothing was written; the outcomes are what they would have been, as far as that can be told without embedding."""

    @property
    def counts(self) -> Counter[Outcome]:
        """How many articles had each outcome."""
        return Counter(item.outcome for item in self.items)

    @property
    def stories(self) -> list[ItemReport]:
        """The articles that became part of a story with others."""
        return [item for item in self.items if item.joined]

    @property
    def rejected(self) -> list[ItemReport]:
        """The articles that were not taken in."""
        return [item for item in self.items if item.outcome is Outcome.REJECTED]

    def vanished(self, articles: Iterable[tuple[str, str]]) -> list[str]:
        """Those of the archive's articles, given as (id, origin), whose place this run has read without meeting them.

        An article stays where the run met it or a copy of it (a file renamed), and where its file, or a folder above
        it, could not be read.
        """
        met = {item.article_id for item in self.items} | {item.reason for item in self.items if item.outcome is Outcome.DUPLICATE}
        unread = {item.origin for item in self.rejected}
        return [
            article_id
            for article_id, origin in articles
            if article_id not in met and not unread.intersection((origin, *map(str, Path(origin).parents)))
        ]


Progress = Callable[[IngestReport], None]
