"""What reading hands to ingest, one thing after the other: an article, or why there is none."""

from __future__ import annotations

from dataclasses import dataclass, replace

from service.domain import Article
from service.ports import Visit


@dataclass(frozen=True, slots=True)
class Loaded:
    """An article read, where it was read (`file`, `file:line` or an address), and what was mended on the way."""

    article: Article
    place: str
    warnings: tuple[str, ...] = ()
    has_id: bool = False
    """Whether its id came with it, or was made of its address, file or words."""
    visit: Visit | None = None
    """The look at its page, to be remembered once the article is safe."""
    offered: bool = False
    """Whether a feed, a sitemap or a watched source has it, and nobody named it: what was removed by hand stays away."""

    def at(self, place: str) -> Loaded:
        """The same, read at a more exact place."""
        return replace(self, place=place)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Something that could not be taken in: where (`file`, `file:line` or, in a JSON list, `file:item`) and why."""

    place: str
    reason: str
    origin: str | None = None
    """The file or folder, as `Article.origin` names it."""
    visit: Visit | None = None


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file in a folder that is not of a kind Dateline reads."""

    place: str


@dataclass(frozen=True, slots=True)
class Untouched:
    """A page that has not changed since it was last looked at, or that is missing and not yet believed to be gone."""

    place: str
    article_id: str | None
    visit: Visit | None = None
    """None where it was not looked at."""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Gone:
    """A page that its outlet has taken down, and why that is believed."""

    place: str
    article_id: str
    reason: str
    visit: Visit


@dataclass(frozen=True, slots=True)
class Looked:
    """A feed or sitemap that was read to its end: everything in it came before."""

    visit: Visit


Item = Loaded | Unreadable | Skipped | Untouched | Gone | Looked
