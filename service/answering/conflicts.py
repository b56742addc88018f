"""Disagreement: independent stories that give different values for what is asked, at about the same time.

A story has one voice, however many outlets print it, and so has an outlet. What a sentence gives is read by `asked`. A figure
that grows over days is a development, not a disagreement; a figure that a correction replaces is none either.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import combinations

import numpy as np

from service.answering.asked import GROWING, Value, in_context, is_about, reader_for
from service.domain import Evidence
from service.ports import Vectors
from service.retrieval.points import MONTH, WEEKDAYS
from service.words import content_stems, names, numbers

SAME_TIME = timedelta(days=4)
"""What is printed further apart than this is taken as a development."""
SAME_DAY = timedelta(hours=12)
"""The same for tolls, where the later figure is the higher one."""
MIN_ALIKE = 0.6
"""Cosine between two sentences that speak of one thing."""
MIN_TOLD, MIN_ALIKE_TOLD = 0.6, 0.35
"""Where both passages hold this share of the question's content words, their sentences need be no nearer than that."""
MIN_ON_QUESTION = 0.45
"""Cosine of a sentence to the question. This and the one above were read off half a of the sample suite."""
_CORRECTION = re.compile(r"\b(?:correct(?:ion|ed|s)|retract\w*|mistaken\w*|misstated|in error|withdrew|withdrawn)\b", re.IGNORECASE)
_DEVELOPS = re.compile(
    r"\b(?:now|so far|latest|updated?|revised?|no longer|postponed|delayed|rescheduled|has (?:reached|passed)"
    r"|(?:r[io]se[ns]?|climb(?:s|ed)?|gr[eo]wn?|grows|increase[sd]?|jump(?:s|ed)?|f[ae]ll(?:s|en)?|drop(?:s|ped)?|raised|lowered|cut|moved)"
    r" (?:to|from)|(?:up|down) from)\b",
    re.IGNORECASE,
)
_CALENDAR = re.compile(rf"\b(?:{MONTH}|{'|'.join(WEEKDAYS)})\b")
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")


@dataclass(frozen=True, slots=True)
class Side:
    """A value and the numbers of the evidence sentences that give it, one for each independent story, the nearest to the question first."""

    value: str
    voices: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Two values or more for the same thing, what most stories say first."""

    about: str
    sides: tuple[Side, ...]

    @property
    def outlier(self) -> Side | None:
        """The side of one voice, where every other side has several."""
        alone = [side for side in self.sides if len(side.voices) == 1]
        return alone[0] if len(alone) == 1 and len(self.sides) > 1 else None


@dataclass(slots=True)
class _Voice:
    """A sentence that gives a value."""

    row: int
    one: Evidence
    value: Value


@dataclass(slots=True)
class _Camp:
    """Voices that agree."""

    voices: list[_Voice] = field(default_factory=list)


def find_disagreement(question: str, evidence: Sequence[Evidence], vectors: Vectors, question_vector: Vectors) -> Disagreement | None:
    """What the evidence sentences disagree on, of what the question asks; `vectors` are the sentences', `(n, d)`, in their order."""
    read = reader_for(question)
    if read is None:
        return None
    on_question = vectors @ question_vector
    rows = sorted((row for row in range(len(evidence)) if on_question[row] >= MIN_ON_QUESTION), key=lambda row: -on_question[row])
    rows = [row for row in rows if _usable(question, evidence[row])]
    voices = [_Voice(row, evidence[row], value) for row in rows for value in read(evidence[row])]
    alike = vectors @ vectors.T >= MIN_ALIKE
    told = [is_about(question, in_context(one), share=MIN_TOLD) for one in evidence]
    alike |= np.outer(told, told) & (vectors @ vectors.T >= MIN_ALIKE_TOLD)
    for one, two in combinations(voices, 2):
        if alike[one.row, two.row] and _differ(one, two):
            near = [voice for voice in voices if voice.value.kind == one.value.kind and alike[voice.row, [one.row, two.row]].all()]
            return _disagreement(one, two, near)
    return None


def _disagreement(one: _Voice, two: _Voice, near: Sequence[_Voice]) -> Disagreement:
    """The two with all that takes one of their sides, or one of its own; of a story and of an outlet, what is nearest to the question."""
    camps = [_Camp([one]), _Camp([two])]
    heard = [one, two]
    for voice in near:
        if any(_same_voice(voice.one, other.one) for other in heard):
            continue
        agreeing = [camp for camp in camps if not any(voice.value.differs(other.value) for other in camp.voices)]
        apart = [camp for camp in camps if any(_differ(voice, other) for other in camp.voices)]
        if len(agreeing) == 1 and len(apart) == len(camps) - 1:
            agreeing[0].voices.append(voice)
        elif len(apart) == len(camps):
            camps.append(_Camp([voice]))
        else:
            continue
        heard.append(voice)
    camps.sort(key=lambda camp: -len(camp.voices))
    sides = tuple(Side(camp.voices[0].value.said, tuple(voice.one.number for voice in camp.voices)) for camp in camps)
    return Disagreement(one.value.about, sides)


def _usable(question: str, one: Evidence) -> bool:
    """Whether its passage knows at least half of what the question names, and takes nothing back."""
    named = names(_CALENDAR.sub(" ", question))
    if 2 * len(named & content_stems(in_context(one))) < len(named):
        return False
    return not _CORRECTION.search(one.text) and not _CORRECTION.search(one.article.title)


def _same_voice(one: Evidence, two: Evidence) -> bool:
    """Whether both are of one story, one outlet, or an outlet that nobody knows. Reprints with different figures are a revision."""
    if one.article.id == two.article.id or (one.story is not None and one.story == two.story):
        return True
    first, second = one.article.source, two.article.source
    return not first or not second or first.casefold() == second.casefold()


def _differ(one: _Voice, two: _Voice) -> bool:
    """Whether two voices contradict each other, and neither is news on the other."""
    if not one.value.differs(two.value) or _same_voice(one.one, two.one):
        return False
    return not (_develops(one, two) or _of_other_years(one, two) or _both_known(one, two))


def _of_other_years(one: _Voice, two: _Voice) -> bool:
    """Whether the sentences name years and have none in common: an amount of 2022 and one of 2023 are two things."""
    first, second = (frozenset(_YEAR.findall(voice.one.text)) for voice in (one, two))
    return one.value.about != "when" and bool(first and second) and not first & second


def _develops(one: _Voice, two: _Voice) -> bool:
    """Whether the later of the two brings up to date what the earlier says."""
    earlier, later = sorted((one, two), key=lambda voice: str(voice.one.article.published_at))
    before, after = earlier.one.article.published_at, later.one.article.published_at
    if before is None or after is None or after - before > SAME_TIME:
        return True
    if _DEVELOPS.search(later.one.text) or (after == before and _DEVELOPS.search(earlier.one.text)):
        return True
    tolls = GROWING & (content_stems(one.one.text) | content_stems(two.one.text))
    return bool(tolls) and after - before >= SAME_DAY and later.value.low > earlier.value.high


def _both_known(one: _Voice, two: _Voice) -> bool:
    """Whether each article has the other's value too, which is then of another thing; for a name it is enough that one does."""
    has = [_has(voice.one.passage.text, other.value) for voice, other in ((one, two), (two, one))]
    return any(has) if one.value.kind == "name" else all(has)


def _has(text: str, value: Value) -> bool:
    if value.kind == "name":
        return bool(value.words & content_stems(text))
    return value.kind not in {"yes or no", "either", "day"} and numbers(value.said) <= numbers(text)
