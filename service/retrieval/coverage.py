"""Whether the archive holds anything from where and when a question asks, before anything is answered from elsewhere."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from difflib import get_close_matches

from service.domain import Question, Window
from service.errors import BadQuestion
from service.ports import Archive

LEAST_AFTER, MOST_AFTER = timedelta(days=14), timedelta(days=31)
"""News of a window is also printed as long after it as it is itself long, at least and at most so long."""


def is_covered(question: Question, archive: Archive) -> bool:
    """False where no article lies inside the filters, or where articles are dated and none lies in or soon after any window."""
    inside = archive.coverage(question.scope)
    if not inside.articles:
        return False
    if inside.first is None or not question.weighing:
        return True
    return any(archive.coverage(question.scope.within(_and_after(window))).articles for window in question.weighing)


def _and_after(window: Window) -> Window:
    if window.end is None:
        return window
    length = window.end - window.start if window.start else MOST_AFTER
    return replace(window, end=window.end + min(max(length, LEAST_AFTER), MOST_AFTER))


def check_outlets(sources: tuple[str, ...], known: tuple[str, ...]) -> None:
    """Raises BadQuestion for an outlet that the archive does not have, with those that are written alike."""
    there = {source.casefold(): source for source in known}
    for source in sources:
        if there and source.casefold() not in there:
            alike = [there[name] for name in get_close_matches(source.casefold(), there, n=3)]
            meant = f"did you mean {' or '.join(alike)}?" if alike else f"it has {len(known):,}, which /v1/coverage lists"
            raise BadQuestion(f"filters.sources: this archive has no outlet {source!r}; {meant}")
