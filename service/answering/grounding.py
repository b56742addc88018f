"""Grounding: which evidence carries a drafted sentence, and whether it carries all of it.

Model-free, a pure function of sentence, evidence and their vectors. What is plainly changed (a number, a name, a negation, an
opposite, two names in each other's place) decides alone; the rest is weighed by a small logistic model (`weights`).
docs/grounding.md has the measurements.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from service.answering.alignment import Held, Said, align, held, is_named, said
from service.answering.opposites import opposed
from service.answering.signals import NAMES, Signals, exchanged, signals
from service.answering.weights import INTERCEPT, WEIGHTS
from service.domain import Evidence, Support
from service.ports import Vectors
from service.words import content_stems, numbers

OPERATING_POINT = 0.5
"""Probability from which a sentence stands. The intercept is chosen so that this is where half a of the sets is told apart best."""
_WHOLE = 0.7
"""Share of a cited sentence's content words that a draft must repeat for its missing negation to matter. A first choice."""
_MARKS = re.compile(r"\s*[\[【]\s*(\d{1,3}(?:\s*[,;–-]\s*\d{1,3})*)\s*[\]】]")
_MONTH = r"(?:January|February|March|April|May|June|July|August|September|October|November|December)"
_DATE = rf"(?:\d{{1,2}}(?:st|nd|rd|th)?(?: of)? {_MONTH}|{_MONTH}(?: \d{{1,2}}(?:st|nd|rd|th)?)?)(?:,? (?:19|20)\d\d)?"
_AS_OF = re.compile(rf",?\s*\bas of {_DATE},?", re.IGNORECASE)
_RUN = re.compile(r"[^\W\d_a-z][\w'’-]*(?: [^\W\d_a-z][\w'’-]*)+")
_DATE_NUMBERS = re.compile(rf"\b\d{{1,2}}(?:st|nd|rd|th)?(?: of)? {_MONTH}\b|\b{_MONTH} \d{{1,2}}\b|\b(?:1[5-9]|20)\d\d\b")


@dataclass(frozen=True, slots=True)
class Verdict:
    """A sentence after the check: the evidence numbers it rests on, and what was missing."""

    text: str
    support: Support
    evidence: tuple[int, ...] = ()
    missing: tuple[str, ...] = ()
    aligned: tuple[int, ...] = ()
    """The evidence numbers that say most of it, whether or not they carry it."""
    strength: float = 0.0
    """How likely it is carried, 0 to 1, less 1 where something was changed."""

    @property
    def is_supported(self) -> bool:
        """True where the evidence carries the sentence."""
        return self.support is Support.SUPPORTED

    @property
    def contradicts(self) -> bool:
        """True where it says another thing than the evidence (`missing`), not merely more: such a sentence is not shown."""
        return bool(self.missing)


def strip_marks(sentence: str, highest: int) -> tuple[str, tuple[int, ...]]:
    """The sentence without citation marks, and the numbers among them that exist. Invented ones vanish here."""
    found: list[int] = []

    def take(match: re.Match[str]) -> str:
        values = [int(value) for value in re.findall(r"\d+", match.group(1))]
        found.extend(value for value in values if 1 <= value <= highest)
        return ""

    text = _MARKS.sub(take, sentence)
    return " ".join(text.split()).strip(), tuple(dict.fromkeys(found))


@dataclass(frozen=True, slots=True)
class Examined:
    """What was found out about a sentence: the rows of evidence that say most of it, its signals over them, and what is changed."""

    rows: tuple[int, ...]
    signals: Signals
    changed: tuple[str, ...]


def ground(
    sentence: str, marked: Sequence[int], vector: Vectors, evidence: Sequence[Evidence], vectors: Vectors, question: str = ""
) -> Verdict:
    """Check one sentence. `vector` is its `(d,)` vector, `vectors` the `(n, d)` rows of the evidence.

    What it repeats of the `question` that it answers says nothing new: as of when it is asked, and the rest of a name.
    """
    if not evidence:
        return Verdict(sentence, Support.UNSUPPORTED)
    found = examine(sentence, marked, vector, evidence, vectors, question)
    aligned = tuple(evidence[row].number for row in found.rows)
    strength = probability(found.signals) - bool(found.changed)
    if strength < OPERATING_POINT:
        return Verdict(sentence, Support.UNSUPPORTED, (), found.changed, aligned, strength)
    return Verdict(sentence, Support.SUPPORTED, aligned, (), aligned, strength)


def examine(
    sentence: str, marked: Sequence[int], vector: Vectors, evidence: Sequence[Evidence], vectors: Vectors, question: str = ""
) -> Examined:
    """Align a sentence with the evidence and compare the two; shapes as in `ground`."""
    similarity = vectors @ vector
    sentence = _without_as_of(sentence, question)
    need, everything = said(sentence), [held(one) for one in evidence]
    rows = align(need, everything, similarity, [one.number in marked for one in evidence])
    cited = [everything[row] for row in rows]
    found = signals(need, cited, max((float(similarity[row]) for row in rows), default=0.0))
    known = content_stems(question).union(*(one.said.stems for one in everything))
    return Examined(tuple(rows), found, _changed(sentence, need, cited, _around(rows, evidence, everything), known))


def _without_as_of(sentence: str, question: str) -> str:
    """Without the "as of" of its question: what is searched through is cut off there."""
    if not _AS_OF.search(question):
        return sentence
    return _AS_OF.sub(lambda match: "" if numbers(match.group()) <= numbers(question) else match.group(), sentence).strip()


def probability(found: Signals) -> float:
    """How likely the sentence is carried, by the fitted weights; 0.5 is the operating point."""
    worth = INTERCEPT + sum(WEIGHTS[name] * value for name, value in zip(NAMES, found.row(), strict=True))
    return 1 / (1 + math.exp(-worth))


def _changed(sentence: str, need: Said, cited: Sequence[Held], around: frozenset[str], known: frozenset[str]) -> tuple[str, ...]:
    """What the sentence says otherwise than the citations: numbers, names, a negation, an opposite, names in each other's place.

    A name may stand anywhere `around`: in the headline, the passage, or the evidence of the same article. Of a name of several words
    one is enough, where the rest is `known` from the question or other evidence: Chris of Chris Cocks, where this article has Mr Cocks.
    """
    texts = [one.said for one in cited]
    in_dates = numbers(" ".join(_DATE_NUMBERS.findall(sentence)))
    lost = set(need.numbers).difference(*(one.said.numbers | one.title_numbers | (one.date_numbers & in_dates) for one in cited))
    initials = frozenset().union(*(one.initials for one in texts))
    missing = {name for name in need.names if name not in initials and not is_named(name, around)}
    lost |= missing - _rest_of_names(sentence, missing, around, known)
    lost |= _other_units(need, texts)
    if need.negated and not any(one.negated for one in texts):
        lost.add("not")
    if _lost_negation(need, texts):
        lost.add("not")
    lost |= _of_another(need, texts)
    if texts:
        lost |= opposed(need.every, texts[0].every)
    return tuple(sorted(lost.union(exchanged(need, texts))))


def _rest_of_names(sentence: str, missing: AbstractSet[str], around: frozenset[str], known: frozenset[str]) -> frozenset[str]:
    """Those of the missing words that stand in a name of which another word is around, and that are known."""
    runs = [content_stems(run) for run in _RUN.findall(sentence)]
    return frozenset(
        name for name in missing & known for run in runs if name in run and any(is_named(word, around) for word in run - missing)
    )


def _of_another(need: Said, texts: Sequence[Said]) -> frozenset[str]:
    """Names that the sentence gives a thing or an office which the texts give to other names only: the skipper of another boat."""
    given = [(thing, of) for text in texts for thing, of in text.owned]
    return frozenset(
        name
        for thing, of in need.owned
        if (others := [other for same, other in given if same == thing])
        and not any(is_named(name, other) or is_named(word, of) for other in others for name in of for word in other)
        for name in of
    )


def _other_units(need: Said, texts: Sequence[Said]) -> set[str]:
    """Numbers whose every mention has another unit: 41 minutes for 41 seconds."""
    units = frozenset().union(*(one.measured for one in texts))
    measured = {number for number, _ in units}
    return {f"{number} {unit}" for number, unit in need.measured - units if number in measured}


def _lost_negation(need: Said, texts: Sequence[Said]) -> bool:
    """True where the sentence repeats a negated one without its negation."""
    if need.negated or not texts:
        return False
    if any((need.stems | need.numbers) & one.put_aside for one in texts):
        return True
    return all(one.negated for one in texts) and any(len(one.stems & need.stems) >= _WHOLE * len(one.stems) for one in texts)


def _around(rows: Sequence[int], evidence: Sequence[Evidence], held: Sequence[Held]) -> frozenset[str]:
    articles = {evidence[row].article.id for row in rows}
    near = [one for one, row in zip(held, evidence, strict=True) if row.article.id in articles]
    return frozenset().union(*(one.said.stems | one.context_stems for one in near))
