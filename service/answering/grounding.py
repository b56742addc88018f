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
from itertools import pairwise

from service.answering.alignment import Held, Said, align, held, is_named, said
from service.answering.asked import KINDS
from service.answering.opposites import opposed
from service.answering.signals import NAMES, Signals, exchanged, signals
from service.answering.weights import INTERCEPT, WEIGHTS
from service.domain import Evidence, Support
from service.ports import Vectors
from service.words import bare_words, numbers, stem

OPERATING_POINT = 0.5
"""Probability from which a sentence stands. The intercept is chosen so that this is where half a of the sets is told apart best."""
_TIMES = frozenset(map(stem, ("second", "minute", "hour", "day", "week", "month", "decade")))
_COUNTED = frozenset().union(*KINDS)
_TITLES = frozenset(map(stem, ("mr", "mrs", "ms", "dr", "sir", "lord", "lady", "president", "professor", "captain", "minister", "mayor")))
_WHOLE = 0.7
"""Share of a cited sentence's content words that a draft must repeat for its missing negation to matter. A first choice."""
_MARKS = re.compile(r"\s*[\[【]\s*(\d{1,3}(?:\s*[,;–-]\s*\d{1,3})*)\s*[\]】]")
_MONTH = r"(?:January|February|March|April|May|June|July|August|September|October|November|December)"
_DATE = rf"(?:\d{{1,2}}(?:st|nd|rd|th)?(?: of)? {_MONTH}|{_MONTH}(?: \d{{1,2}}(?:st|nd|rd|th)?)?)(?:,? (?:19|20)\d\d)?"
_AS_OF = re.compile(rf",?\s{{0,3}}\bas of {_DATE},?", re.IGNORECASE)
_RUN = re.compile(r"\b[^\W\d_a-z][\w'’-]*(?: [^\W\d_a-z][\w'’-]*)+")
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
    around = _around(rows, evidence, everything)
    known = [said(question), *(one.said for one in everything)]
    return Examined(tuple(rows), found, _changed(sentence, need, cited, around, known))


def _without_as_of(sentence: str, question: str) -> str:
    """Without the "as of" of its question: what is searched through is cut off there."""
    if not (asked := _AS_OF.search(question)):
        return sentence
    words = set(bare_words(asked.group()))
    return _AS_OF.sub(lambda match: "" if words >= set(bare_words(match.group())) else match.group(), sentence).strip()


def probability(found: Signals) -> float:
    """How likely the sentence is carried, by the fitted weights; 0.5 is the operating point."""
    worth = INTERCEPT + sum(WEIGHTS[name] * value for name, value in zip(NAMES, found.row(), strict=True))
    return 1 / (1 + math.exp(-worth))


def _changed(sentence: str, need: Said, cited: Sequence[Held], around: frozenset[str], known: Sequence[Said]) -> tuple[str, ...]:
    """What the sentence says otherwise than the citations: numbers, names, a negation, an opposite, names in each other's place.

    A name may stand anywhere `around`: in the headline, the passage, or the evidence of the same article. Of a name of several words
    one is enough where both stand side by side in what is `known`, the question and all evidence: Chris Cocks, where this article has Mr
    Cocks; but not where the citations call Cocks something else.
    """
    texts = [one.said for one in cited]
    in_dates = numbers(" ".join(_DATE_NUMBERS.findall(sentence)))
    lost = set(need.numbers).difference(*(one.said.numbers | one.title_numbers | (one.date_numbers & in_dates) for one in cited))
    initials = frozenset().union(*(one.initials for one in texts))
    missing = {name for name in need.names if name not in initials and not is_named(name, around)}
    lost |= missing - _rest_of_names(sentence, missing, around, texts, known)
    lost |= _other_units(need, texts)
    if need.denies and not any(one.denies for one in texts):
        lost.add("not")
    if _lost_negation(need, texts):
        lost.add("not")
    lost |= _of_another(need, texts)
    if texts:
        lost |= opposed(need.every, texts[0].every)
    return tuple(sorted(lost.union(exchanged(need, texts))))


def _rest_of_names(
    sentence: str, missing: AbstractSet[str], around: frozenset[str], texts: Sequence[Said], known: Sequence[Said]
) -> frozenset[str]:
    """Those of the missing words beside which, in the sentence and in what is known, stands a word of the name that is around."""
    found = set()
    for run in _RUN.findall(sentence):
        words = [stem(word.casefold()) for word in run.split()]
        for one, other in (*pairwise(words), *pairwise(words[::-1])):
            stands = (
                one in missing and other not in missing and is_named(other, around) and any(_adjacent(one, other, text) for text in known)
            )
            if stands and not any(_called_otherwise(one, other, text) for text in texts):
                found.add(one)
    return frozenset(found)


def _adjacent(one: str, other: str, text: Said) -> bool:
    return any({one, other} == set(pair) for pair in pairwise(text.words))


def _called_otherwise(one: str, other: str, text: Said) -> bool:
    """Whether another capitalised word than the missing one stands right before the rest of the name."""
    return any(second == other and first in text.proper and first not in {one, *_TITLES} for first, second in pairwise(text.words))


def _of_another(need: Said, texts: Sequence[Said]) -> frozenset[str]:
    """Names that the sentence gives an office which the texts give to other names only: the skipper of another boat.

    Where an office and the name stand near each other in a text in any other form ("Harsk's mayor"), nothing is said.
    """
    given = [(office, of) for text in texts for office, of in text.owned]
    return frozenset(
        name
        for office, of in need.owned
        if (others := [other for same, other in given if same == office])
        and not any(of <= other or other <= of for other in others)
        and not any(_near(office, of, text) for text in texts)
        for name in of
    )


def _near(office: str, of: frozenset[str], text: Said) -> bool:
    """Whether one of the names, or a people of it, stands within two content words of the office."""
    places = [place for place, word in enumerate(text.words) if word == office]
    near = frozenset(word for place in places for word in text.words[max(0, place - 2) : place + 3])
    return any(is_named(name, near) for name in of) or any(is_named(word, of) for word in near)


def _other_units(need: Said, texts: Sequence[Said]) -> set[str]:
    """Numbers whose every mention has another unit: 41 minutes for 41 seconds, eight months for eight people."""
    units = frozenset().union(*(one.measured for one in texts))
    measured = {number for number, _ in units}
    changed = {f"{number} {unit}" for number, unit in need.measured - units if number in measured}
    return changed | _without_their_time(need, texts, {number for number, unit in units if unit in _TIMES})


def _without_their_time(need: Said, texts: Sequence[Said], times: AbstractSet[str]) -> set[str]:
    """Numbers of days or months in the texts, each there once, that count people or homes in the sentence."""
    counting = {number for number, noun in pairwise(need.words) if noun in _COUNTED}
    return {number for number in counting & times if sum(one.words.count(number) for one in texts) == 1}


def _lost_negation(need: Said, texts: Sequence[Said]) -> bool:
    """True where the sentence repeats a negated one without its negation."""
    if need.negated or not texts:
        return False
    if any(_says_what_is_put_aside(need, one, [other for other in texts if other is not one]) for one in texts):
        return True
    return all(one.negated for one in texts) and any(len(one.stems & need.stems) >= _WHOLE * len(one.stems) for one in texts)


def _says_what_is_put_aside(need: Said, one: Said, others: Sequence[Said]) -> bool:
    """Whether the sentence has a number that the text puts aside, or most of its words, which no other text holds."""
    aside = one.put_aside.difference(*(other.stems | other.numbers for other in others))
    words = aside - need.numbers
    return bool(need.numbers & aside) or len(need.stems & words) > max(1, len(words) / 2)


def _around(rows: Sequence[int], evidence: Sequence[Evidence], held: Sequence[Held]) -> frozenset[str]:
    articles = {evidence[row].article.id for row in rows}
    near = [one for one, row in zip(held, evidence, strict=True) if row.article.id in articles]
    return frozenset().union(*(one.said.stems | one.context_stems for one in near))
