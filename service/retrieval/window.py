"""Time windows read out of a question: what its time expressions say of when an article was published.

Deterministic, no model. `points`, `relative` and `parts` read times, `periods` finds them in a text, `leads` reads what stands
before them, and `ambiguity` knows what is no time at all: a name, an event, a quantity, a title in quotation marks. Where it is
not certain, there is no window.

Days are the asker's, their edges midnights UTC. "Yesterday" depends on the zone only through which date is today: an article
dated by day alone lies at midnight UTC of that date, so an interval shifted by the zone would lose it, and "3 March" would
mean other articles to other askers. Only what counts hours is instants.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from service.domain import Window
from service.retrieval.ambiguity import unquoted
from service.retrieval.leads import Relation, placed
from service.retrieval.periods import find_periods
from service.retrieval.points import Asking

_AS_OF = re.compile(r"\bas (?:of|at)\b", re.IGNORECASE)


def find_windows(question: str, asked_at: datetime) -> tuple[Window, ...]:
    """Every time expression of the question as a half-open UTC interval, in reading order, none overlapping another.

    `asked_at` is aware, in the asker's zone. `question[slice(*window.span)] == window.phrase`. "As of" is not among them: see
    `find_as_of`.
    """
    return tuple(window for window, relation in _read(question, asked_at) if relation is not Relation.AS_OF)


def find_as_of(question: str, asked_at: datetime) -> Window | None:
    """The moment up to which the reader wants to know ("as of 3 March"), as a window open to the left."""
    if not _AS_OF.search(question):
        return None
    return next((window for window, relation in _read(question, asked_at) if relation is Relation.AS_OF), None)


def combined(windows: Sequence[Window]) -> Window | None:
    """The one window to search by and to show; of several, what spans them all.

    "Since January" and "before May" alone mean what lies between. Where the span is open on both sides, there is none. The
    phrase joins those of the windows by an ellipsis, and has no offsets.
    """
    if len(windows) < 2:
        return windows[0] if windows else None
    starts = [one.start for one in windows if one.start]
    ends = [one.end for one in windows if one.end]
    start = min(starts) if len(starts) == len(windows) else None
    end = max(ends) if len(ends) == len(windows) else None
    if starts and ends and not any(one.start and one.end for one in windows):
        start, end = max(starts), min(ends)
    if (start is None and end is None) or (start and end and start >= end):
        return None
    return Window(start, end, " … ".join(one.phrase for one in windows), all(one.applied for one in windows))


def _read(question: str, asked_at: datetime) -> list[tuple[Window, Relation]]:
    asking, text = Asking(asked_at), unquoted(question)
    found: list[tuple[Window, Relation]] = []
    reached = 0
    for period in find_periods(text, asking):
        one = placed(text, period, reached)
        try:
            interval = one.interval(asking) if one else None
        except (ValueError, OverflowError):
            continue  # before the first year, or after the last
        if one is None or interval is None:
            continue
        start, end = interval
        if start is None or end is None or start < end:
            found.append((Window(start, end, question[one.start : one.end], span=(one.start, one.end)), one.relation))
            reached = one.end
    return found
