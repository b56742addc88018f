"""Superseded figures: what an earlier report had where the answer gives a figure that has changed since.

One sentence, made of the value and the citation of an earlier sentence that counts the same thing: "An earlier report had 3,400
(Northern Herald, 4 March 2026)." Nothing is said where it is not plain that both count the same thing, or where two outlets differ at one
time, which is a disagreement.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta

from service.answering.conflicts import SAME_TIME
from service.answering.figures import MEASURES, Figure, dying, figures
from service.answering.grounding import Verdict
from service.domain import Evidence, Question, Support
from service.retrieval.clauses import things_asked
from service.retrieval.evidence import Selection
from service.words import content_stems, names, numbers, stem

MIN_SHARED = 0.6
"""Share of the question's content words that an earlier sentence and its headline hold. Read off half a of the sample questions."""
_COUNTS = re.compile(
    r"\bhow (?:many|much|large|big|high|strong)\b"
    r"|\b(?:what|which)\b.{0,40}\b(?:number|toll|count|total|cost|costs|price|rate|magnitude|estimate|offer)\b",
    re.IGNORECASE,
)
_OF_THE_START = re.compile(
    r"\b(?:at first|first|initially|initial|original(?:ly)?|earlier|previous(?:ly)?|beginning|start)\b", re.IGNORECASE
)
_CHANGED = re.compile(
    r"\b(?:now|so far|meanwhile|rise[ns]?|rose|rising|climb\w*|grown|grew|grows|fell|fallen|dropp?ed|increas\w+"
    r"|jump\w*|rais\w+|revis\w+|reached|latest|up from|down from|stands? at|stood at|bring\w+|brought|updated?|higher|lower|final)\b",
    re.IGNORECASE,
)
_LATEST = content_stems("latest newest recent currently current now moment present far date total number many much")


def superseded(question: Question, selection: Selection, verdicts: Sequence[Verdict]) -> Verdict | None:
    """A sentence that names the newest earlier value of the figure that the answer gives, with its own citation; None without one."""
    if not _is_about_a_state(question):
        return None
    by_number = {one.number: one for one in selection.evidence}
    told = numbers(" ".join(verdict.text for verdict in verdicts))
    for verdict in verdicts:
        for current in (by_number[number] for number in verdict.evidence) if verdict.is_supported else ():
            for figure in figures(current.text):
                if figure.number in numbers(verdict.text) and (found := _earlier(figure, current, question, selection.evidence, told)):
                    return found
    return None


def _is_about_a_state(question: Question) -> bool:
    """Whether it asks for one figure as it is now, not for that of a day or of the beginning."""
    text = question.standalone
    if not _COUNTS.search(text) or things_asked(text) or _OF_THE_START.search(text):
        return False
    return question.wants_latest or not any(time.start for time in question.weighing)


def _earlier(figure: Figure, current: Evidence, question: Question, evidence: Sequence[Evidence], told: frozenset[str]) -> Verdict | None:
    """The newest earlier one of the same count; None also where a later one than the answer's is there, or where one is told."""
    asked = dying(content_stems(question.standalone)) - _LATEST
    same = [
        (one, other)
        for one in evidence
        for other in figures(one.text)
        if _same(figure, other, one, asked) and other.number != figure.number
    ]
    before = [(one, other) for one, other in same if _days(current, one) > 0 and _developed(one, current)]
    if not before or any(_days(current, one) < 0 for one, _ in same) or any(other.number in told for _, other in before):
        return None
    one, other = max(before, key=lambda pair: (pair[0].article.published_at, pair[0].score))
    day = one.article.published_at
    who = ", ".join(filter(None, (one.article.source, f"{day.day} {day:%B %Y}" if day else "")))
    return Verdict(f"An earlier report had {_written(other, figure)} ({who}).", Support.SUPPORTED, (one.number,))


def _written(other: Figure, figure: Figure) -> str:
    """The earlier figure, with the noun behind it where that is what both count."""
    return f"{other.written} {other.noun}" if stem(other.noun.casefold()) in figure.counted else other.written


def _same(figure: Figure, other: Figure, one: Evidence, asked: frozenset[str]) -> bool:
    """Whether the other counts what the first counts, in a sentence about what is asked.

    A thing that is not asked for by its name (orrans, percent) has to go with the measure that is asked for, or with any word but a name.
    """
    held = dying(content_stems(f"{one.text} {one.article.title}"))
    both = figure.counted & other.counted
    if ("death" in asked) != ("death" in both) or figure.per != other.per:
        return False
    if not both or len(asked & held) < MIN_SHARED * len(asked):
        return False
    needed = asked & MEASURES or asked - names(f"{one.text} {one.article.title}")
    return bool(both & asked or needed & dying(content_stems(one.text)))


def _days(current: Evidence, one: Evidence) -> int:
    """Whole days from the one's publication to the current's; 0 where one of them has no date."""
    then, now = one.article.published_at, current.article.published_at
    return (now.date() - then.date()).days if then and now else 0


def _developed(one: Evidence, current: Evidence) -> bool:
    """Whether the later figure is news of the same thing rather than another outlet's view of it: within `SAME_TIME`, where it says so."""
    first, second = one.article, current.article
    if first.source and second.source and first.source.casefold() == second.source.casefold():
        return True
    apart = second.published_at - first.published_at if first.published_at and second.published_at else timedelta(0)
    return apart > SAME_TIME or bool(_CHANGED.search(current.text))
