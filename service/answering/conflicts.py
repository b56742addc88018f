"""Disagreement: independent stories that give different values for what is asked, at about the same time.

A value is a figure, a day, a name, or whether something is so. Reprints of one story are one voice. A figure that grows is a
development, and one that a correction replaces is none either; rounding is no difference. A pure function of question and evidence.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from itertools import combinations

from service.answering.figures import PERSONS, asks_for_a_figure, wanted_things
from service.answering.slots import (
    Value,
    Values,
    asks_for_a_day,
    asks_for_a_name,
    asks_yes_or_no,
    read_days,
    read_figures,
    read_names,
    read_polarity,
)
from service.domain import Evidence
from service.ports import Vectors
from service.retrieval.corrections import corrects
from service.words import content_stems, search_terms

SAME_TIME = timedelta(days=4)
"""Values printed further apart than this are taken as a development. A first choice, like the five below; what is found with
them, and what is found wrongly, is in docs/answers.md."""
MIN_ON_QUESTION = 0.45
MIN_ALIKE = 0.6
"""Cosine between two sentences that give figures for one thing."""
MIN_LOOSELY = 0.35
"""The same where both count the very thing that is asked for, and not just people, and name something else of the question."""
MIN_SAME_EVENT = 0.75
"""The same for days, names and yes or no: higher, for such sentences differ in more ways than a figure."""
MIN_SHARED = 0.6
"""Share of the question's content words that a sentence must hold to be about all of it."""
NEAR_COPY = 0.5
"""Share of content words that a sentence and its denial must have in common, of either."""
_CHANGES = re.compile(
    r"\b(?:rose|risen|rise|climbed|grew|grown|reached|now|so far|raised|revised|updated|bring(?:ing|s)|brought|increased|fell|fallen"
    r"|dropped|provisional|preliminary|initial|postponed|moved to|rescheduled|delayed)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Side:
    """A value, and the numbers of the evidence that gives it: one for each independent story, the best on the question first."""

    value: str
    evidence: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Disagreement:
    """What is disputed and who says what, the side with most voices first."""

    about: str
    sides: tuple[Side, ...]

    @property
    def outlier(self) -> Side | None:
        """The side of a single voice against several that agree with each other."""
        last = self.sides[-1]
        return last if len(self.sides) == 2 and len(last.evidence) == 1 and len(self.sides[0].evidence) > 1 else None


@dataclass(frozen=True, slots=True)
class _Kind:
    """How a kind of value is read, and how alike two sentences must be to be about one thing."""

    about: str
    read: Callable[[Evidence], Values]
    alike: float
    whole: bool = True
    """Both sentences must be about all that is asked. Of figures it is enough that they count what is asked."""
    copies: bool = False


@dataclass(slots=True)
class _Camp:
    """A side while it is gathered: its value and one row for each story."""

    value: Value
    rows: dict[object, int] = field(default_factory=dict)


def find_disagreement(question: str, evidence: Sequence[Evidence], vectors: Vectors, question_vector: Vectors) -> Disagreement | None:
    """Who says what, where independent stories disagree on what the question asks."""
    on_question = vectors @ question_vector
    rows = [row for row, one in enumerate(evidence) if on_question[row] >= MIN_ON_QUESTION and not corrects(one)]
    ranked = sorted(rows, key=lambda row: -float(on_question[row]))
    pairs = sorted(combinations(rows, 2), key=lambda pair: -float(on_question[pair[0]] + on_question[pair[1]]))
    for kind in _kinds(question):
        best = next((row for row in ranked if _fills(question, kind, evidence[row])), None)
        for one, two in pairs:
            if best in (one, two) and (
                found := _differing(question, kind, evidence[one], evidence[two], float(vectors[one] @ vectors[two]))
            ):
                slot, first, second = found
                camps = [_Camp(first, {_story(evidence[one]): one}), _Camp(second, {_story(evidence[two]): two})]
                near = [row for row in ranked if float(max(vectors[[one, two]] @ vectors[row])) >= kind.alike]
                _gather(camps, slot, kind, near, evidence)
                return _disagreement(kind.about or _word(slot, f"{question} {evidence[one].text}"), camps, evidence)
    return None


def _kinds(question: str) -> Iterator[_Kind]:
    if asks_for_a_figure(question):
        yield _Kind("", partial(read_figures, question=question), MIN_ALIKE, whole=False)
    elif asks_for_a_day(question):
        yield _Kind("the day", read_days, MIN_SAME_EVENT)
    elif asks_yes_or_no(question):
        yield _Kind("whether it is so", read_polarity, MIN_SAME_EVENT, copies=True)
    elif asks_for_a_name(question):
        yield _Kind("the name", partial(read_names, question=question), MIN_SAME_EVENT, copies=True)


def _fills(question: str, kind: _Kind, one: Evidence) -> bool:
    """Whether a sentence has a value for what is asked. The best on the question that has one must be a party to a dispute."""
    slots = kind.read(one).keys()
    return bool(slots if kind.whole else slots & wanted_things(question))


def _differing(question: str, kind: _Kind, first: Evidence, second: Evidence, alike: float) -> tuple[str, Value, Value] | None:
    """The slot that each sentence fills once, differently. `alike` is their cosine."""
    if alike < MIN_LOOSELY or not _independent(first, second) or _develops(first, second):
        return None
    wanted = content_stems(question)
    on_it = all(len(wanted & content_stems(one.text)) >= MIN_SHARED * len(wanted) for one in (first, second))
    if _opposite(first.text, second.text) or (kind.whole and not on_it) or (kind.copies and not _near_copies(first, second)):
        return None
    left, right = kind.read(first), kind.read(second)
    slots = left.keys() & right.keys() & (left.keys() if on_it else wanted_things(question))
    if alike < kind.alike:
        common = wanted & content_stems(first.text) & content_stems(second.text)
        slots = {slot for slot in slots - PERSONS if slot in wanted_things(question) and common - {slot}} if not kind.whole else set()
    for slot in sorted(slots):
        if len(left[slot]) == len(right[slot]) == 1 and left[slot][0].differs(right[slot][0]):
            return slot, left[slot][0], right[slot][0]
    return None


def _gather(camps: list[_Camp], slot: str, kind: _Kind, rows: Sequence[int], evidence: Sequence[Evidence]) -> None:
    """Every other independent voice, with the side it agrees with, or as a further side."""
    seeds = [row for camp in camps for row in camp.rows.values()]
    for row in rows:
        values = kind.read(evidence[row]).get(slot, [])
        if row in seeds or len(values) != 1 or any(_story(evidence[row]) in camp.rows for camp in camps):
            continue
        agreeing = [camp for camp in camps if not camp.value.differs(values[0])]
        if len(agreeing) == 1:
            agreeing[0].rows[_story(evidence[row])] = row
        elif not agreeing and all(
            _independent(evidence[row], evidence[seed]) and not _develops(evidence[row], evidence[seed]) for seed in seeds
        ):
            camps.append(_Camp(values[0], {_story(evidence[row]): row}))


def _disagreement(about: str, camps: list[_Camp], evidence: Sequence[Evidence]) -> Disagreement:
    camps.sort(key=lambda camp: -len(camp.rows))
    return Disagreement(about, tuple(Side(camp.value.said, tuple(evidence[row].number for row in camp.rows.values())) for camp in camps))


def _story(one: Evidence) -> object:
    """What counts as one voice: the story, else the outlet."""
    return one.story if one.story is not None else (one.article.source or one.article.id).casefold()


def _independent(one: Evidence, two: Evidence) -> bool:
    """Whether two outlets each say it of their own, at about the same time. Reprints with different figures are a revision.

    Where neither has a date, nothing tells a revision, and two stories are two voices whoever printed them.
    """
    first, second = one.article, two.article
    if first.id == second.id or (one.story is not None and one.story == two.story):
        return False
    if first.published_at is None and second.published_at is None:
        return True
    if not first.source or not second.source or first.source.casefold() == second.source.casefold():
        return False
    apart = days_apart(one, two)
    return apart is not None and apart <= SAME_TIME


def days_apart(one: Evidence, two: Evidence) -> timedelta | None:
    """How long lies between the two articles; None where one has no date."""
    first, second = one.article.published_at, two.article.published_at
    return abs(first - second) if first and second else None


def _develops(one: Evidence, two: Evidence) -> bool:
    """True where the later of two reports of different days says that something changed: then both can be so."""
    first, second = sorted((one, two), key=lambda each: str(each.article.published_at))
    if (
        first.article.published_at
        and second.article.published_at
        and first.article.published_at.date() == second.article.published_at.date()
    ):
        return False
    return bool(_CHANGES.search(second.text))


def _opposite(first: str, second: str) -> bool:
    """True where one says "unfavourable" and the other "favourable": two figures, of two things."""
    one, two = ({word.casefold() for word in search_terms(text)} for text in (first, second))
    return any(f"un{word}" in two - one for word in one - two) or any(f"un{word}" in one - two for word in two - one)


def _word(slot: str, text: str) -> str:
    """The first word of the text that stands for the slot."""
    return next((word for word in search_terms(text) if slot in wanted_things(word)), slot)


def _near_copies(one: Evidence, two: Evidence) -> bool:
    first, second = content_stems(one.text), content_stems(two.text)
    return len(first & second) >= NEAR_COPY * max(len(first), len(second))
