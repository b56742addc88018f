"""Grounding: which evidence carries a drafted sentence, and whether it carries all of it.

Model-free: every number, name and negation of the sentence must stand in the cited sentences (names and dates also in
their article's headline, outlet, date or passage), most of its content words too, and the meanings must be close.
A pure function of sentence and evidence.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.answering.dating import date_words
from service.domain import Evidence, Support
from service.ports import Vectors
from service.words import content_stems, names, negated, numbers

MIN_COVERAGE = 0.6
"""Share of a sentence's content words that its citations must hold. This and the four below are first choices, not tuned yet."""
MIN_SIMILARITY = 0.45
"""Cosine to the nearest cited sentence."""
MAX_CITATIONS = 3
_GAIN = 0.2
"""A further citation must add this share of the content words, or a number or a name."""
_MARKED_BONUS = 0.1
"""What the model's own mark is worth when sentences fit alike."""
_MARKS = re.compile(r"\s*[\[【]\s*(\d{1,3}(?:\s*[,;–-]\s*\d{1,3})*)\s*[\]】]")
_MONTH = r"(?:January|February|March|April|May|June|July|August|September|October|November|December)"
_DATE_NUMBERS = re.compile(rf"\b\d{{1,2}}(?:st|nd|rd|th)?(?: of)? {_MONTH}\b|\b{_MONTH} \d{{1,2}}\b|\b(?:1[5-9]|20)\d\d\b")
_NEAR_COPY = 0.7
"""Share of a cited sentence's content words that a draft must repeat for its missing negation to matter."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A sentence after the check: the evidence numbers it rests on, and what was missing."""

    text: str
    support: Support
    evidence: tuple[int, ...] = ()
    missing: tuple[str, ...] = ()
    strength: float = 0.0
    """How well it is carried, for ranking sentences: the mean of word coverage and closeness in meaning, less 1 where a number,
    name or negation is missing or turned. Nothing is decided by it."""

    @property
    def is_supported(self) -> bool:
        """True where the evidence carries the sentence."""
        return self.support is Support.SUPPORTED

    @property
    def contradicts(self) -> bool:
        """True where it says a number, name or negation that the evidence does not: such a sentence is not shown."""
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


def ground(sentence: str, marked: Sequence[int], vector: Vectors, evidence: Sequence[Evidence], vectors: Vectors) -> Verdict:
    """Check one sentence. `vector` is its `(d,)` vector, `vectors` the `(n, d)` rows of the evidence."""
    if not evidence:
        return Verdict(sentence, Support.UNSUPPORTED)
    similarity = vectors @ vector
    need = _Need(numbers(sentence), names(sentence), content_stems(sentence))
    held = [_held(one) for one in evidence]
    bonus = np.array([_MARKED_BONUS * (one.number in marked) for one in evidence])
    rows = _align(need, held, 0.5 * similarity + bonus)
    cited = [held[row] for row in rows]
    missing = _missing(sentence, need, cited)
    closeness = float(np.max(similarity[rows])) if rows else 0.0
    coverage = _coverage(need.stems, cited)
    wrong = bool(missing) or _turned(sentence, need, cited)
    strength = (closeness + coverage) / 2 - wrong
    if wrong or closeness < MIN_SIMILARITY or coverage < MIN_COVERAGE:
        return Verdict(sentence, Support.UNSUPPORTED, (), missing, strength)
    return Verdict(sentence, Support.SUPPORTED, tuple(evidence[row].number for row in rows), (), strength)


@dataclass(frozen=True, slots=True)
class _Need:
    numbers: frozenset[str]
    names: frozenset[str]
    stems: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Held:
    """What a sentence holds itself, and what it may take from its surroundings."""

    numbers: frozenset[str]
    stems: frozenset[str]
    title_numbers: frozenset[str]
    date_numbers: frozenset[str]
    context_stems: frozenset[str]
    negated: bool


def _held(one: Evidence) -> _Held:
    day = f"{one.article.published_at:%d %B %Y %A}".lstrip("0") if one.article.published_at else ""
    day = f"{day} {date_words(one)}"  # what the sentence's "yesterday" is
    head = " ".join(filter(None, (one.article.title, one.article.source, one.article.author, day)))
    return _Held(
        numbers(one.text),
        content_stems(one.text),
        numbers(one.article.title),
        numbers(day),
        content_stems(f"{head} {one.passage.text}"),
        negated(one.text),
    )


def _align(need: _Need, held: Sequence[_Held], preference: NDArray[np.floating[Any]]) -> list[int]:
    """Rows that together hold the sentence, greedily, each adding something; likeness and the model's marks decide the first."""
    rows: list[int] = []
    open_numbers, open_stems = set(need.numbers), set(need.stems)
    while len(rows) < MAX_CITATIONS:
        gains = {
            row: len(open_numbers & one.numbers) + len(open_stems & one.stems) / max(1, len(need.stems))
            for row, one in enumerate(held)
            if row not in rows
        }
        worth = {row: gain + float(preference[row]) for row, gain in gains.items()} if not rows else gains
        best = max(worth, key=lambda row: (worth[row], -row), default=None)
        if best is None or (rows and gains[best] < _GAIN):
            break
        rows.append(best)
        open_numbers -= held[best].numbers
        open_stems -= held[best].stems
        if not open_numbers and len(open_stems) <= (1 - MIN_COVERAGE) * len(need.stems):
            break
    return rows


def _missing(sentence: str, need: _Need, cited: Sequence[_Held]) -> tuple[str, ...]:
    """Numbers, names and negations of the sentence that the citations do not hold."""
    in_dates = numbers(" ".join(_DATE_NUMBERS.findall(sentence)))
    lost = set(need.numbers).difference(*(one.numbers | one.title_numbers | (one.date_numbers & in_dates) for one in cited))
    lost |= set(need.names).difference(*(one.stems | one.context_stems for one in cited))
    if negated(sentence) and not any(one.negated for one in cited):
        lost.add("not")
    return tuple(sorted(lost))


def _turned(sentence: str, need: _Need, cited: Sequence[_Held]) -> bool:
    """True where the sentence repeats a negated one without its negation."""
    if negated(sentence) or not all(one.negated for one in cited):
        return False
    return any(len(one.stems & need.stems) >= _NEAR_COPY * len(one.stems) for one in cited)


def _coverage(stems: frozenset[str], cited: Sequence[_Held]) -> float:
    """Share of the content words in the cited sentences or their surroundings."""
    if not stems:
        return 1.0
    held: set[str] = set().union(*(one.stems | one.context_stems for one in cited))
    return len(stems & held) / len(stems)
