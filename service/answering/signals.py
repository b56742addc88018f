"""Signals: in what a sentence departs from the evidence it is aligned with, as numbers that a small logistic model weighs.

Words, their order, and the cosine of sentence vectors: no model is asked. The first three are 1 where nothing departs, the others,
but for the length, 0.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from itertools import combinations

from service.answering.alignment import Held, Said
from service.answering.opposites import opposed

_ROOT = 5
"""Letters that two words must begin with alike to be forms of one word where their stems differ: Australia and Australian."""


@dataclass(frozen=True, slots=True)
class Signals:
    """What the check knows of a sentence. Shares are of its content words."""

    closeness: float
    """Cosine to the nearest aligned sentence."""
    coverage: float
    """Share that the aligned sentences or their surroundings hold, in this or a kindred form."""
    single: float
    """Share that one aligned sentence holds alone."""
    added: float
    """Longest stretch of words that the aligned sentences do not hold, at most 6, by 6."""
    turned: float
    """1 where either it or the first aligned sentence is negated and the other is not."""
    opposite: float
    """1 where a word stands for its opposite in the first aligned sentence."""
    surer: float
    """1 where it says as done what an aligned sentence leaves open."""
    swapped: float
    """1 where two names have changed places around a word."""
    length: float
    """Natural logarithm of the number of content words: of a long sentence more is likely to be held."""

    def row(self) -> list[float]:
        """The values, in the order of the fields."""
        return [float(getattr(self, name)) for name in NAMES]


NAMES = tuple(field.name for field in fields(Signals))


def signals(need: Said, aligned: Sequence[Held], closeness: float) -> Signals:
    """The signals of a sentence over what it is aligned with, best first; `closeness` is the cosine to the nearest of them."""
    texts = [one.said for one in aligned]
    stems = _union(one.stems for one in texts)
    context = stems | _union(one.context_stems for one in aligned)
    known = stems | _union(one.numbers for one in texts)
    return Signals(
        closeness=closeness,
        coverage=_part(need, context),
        single=max((_part(need, one.stems) for one in texts), default=0.0),
        added=min(6, _longest_gap(need.words, known)) / 6,
        turned=float(bool(texts) and need.negated != texts[0].negated),
        opposite=float(bool(texts) and bool(opposed(need.every, texts[0].every))),
        surer=float(not need.hedges and any(all(kindred(word, need.stems) for word in pair) for one in texts for pair in one.open)),
        swapped=float(bool(exchanged(need, texts))),
        length=math.log(max(1, len(need.words))),
    )


def kindred(word: str, others: frozenset[str]) -> bool:
    """True where the word is among the others, or a long enough beginning of it is a beginning of one of them."""
    if word in others:
        return True
    if len(word) < _ROOT or word[0].isdigit():
        return False
    root = word[: max(_ROOT, len(word) - 3)]
    return any(other.startswith(root) and abs(len(other) - len(word)) <= 3 for other in others)


def exchanged(need: Said, texts: Sequence[Said]) -> tuple[str, ...]:
    """Two names that stand around the same word as in a text, each in the other's place, neither side in the passive; empty for none."""
    return next(filter(None, (_exchanged_in(need, text) for text in texts)), ())


def _exchanged_in(need: Said, text: Said) -> tuple[str, ...]:
    if ("by" in need.every) != ("by" in text.every):
        return ()
    places = {name: place for name in need.proper if need.words.count(name) == 1 and (place := _only_place(name, text)) is not None}
    ordered = [name for name in need.words if name in places]
    for first, second in combinations(ordered, 2):
        if places[first] > places[second]:
            between = set(need.words[need.words.index(first) + 1 : need.words.index(second)]) - need.proper
            if between & set(text.words[places[second] + 1 : places[first]]):
                return first, second
    return ()


def _only_place(name: str, text: Said) -> int | None:
    """Where the name stands in the text, itself before any form of it; None where it stands nowhere or more than once."""
    exact = [place for place, word in enumerate(text.words) if word == name and word in text.proper]
    kin = exact or [place for place, word in enumerate(text.words) if word in text.proper and kindred(name, frozenset({word}))]
    return kin[0] if len(kin) == 1 else None


def _union(sets: Iterable[frozenset[str]]) -> frozenset[str]:
    return frozenset().union(*sets)


def _part(need: Said, stems: frozenset[str]) -> float:
    """Share of the content words among these stems; all of none."""
    return sum(kindred(stem, stems) for stem in need.stems) / len(need.stems) if need.stems else 1.0


def _longest_gap(words: Sequence[str], known: frozenset[str]) -> int:
    longest = now = 0
    for word in words:
        now = 0 if kindred(word, known) else now + 1
        longest = max(longest, now)
    return longest
