"""Alignment: what a sentence says, what each evidence sentence holds, and the fewest that together hold it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from numpy.typing import NDArray

from service.answering.dating import date_words
from service.answering.opposites import HEDGES
from service.domain import Evidence
from service.retrieval.ambiguity import speaks_ahead
from service.retrieval.points import MONTHS
from service.words import content_stems, measured, names, negated, numbers, search_terms, stem

MAX_CITATIONS = 3
ENOUGH = 0.6
"""Share of the content words from which no further citation is looked for, once every number is held. A first choice."""
_GAIN = 0.2
"""A further citation must add this share of the content words, or a number."""
_MARKED_BONUS = 0.1
"""What the model's own mark is worth when sentences fit alike."""
DEMONYMS = {
    stem(one): stem(other)
    for one, other in (
        ("french", "france"), ("british", "britain"), ("dutch", "netherlands"), ("spanish", "spain"), ("danish", "denmark"),
        ("greek", "greece"), ("swiss", "switzerland"), ("turkish", "turkey"), ("polish", "poland"), ("welsh", "wales"),
        ("irish", "ireland"), ("scottish", "scotland"), ("swedish", "sweden"), ("finnish", "finland"), ("english", "england"),
        ("israeli", "israel"),
    )
}  # fmt: skip
"""Adjectives that are not their country with one of `_ENDINGS`."""
_ENDINGS = ("n", "an", "ian", "ean", "i", "s", "es", "ese")
_SHORTEST = 4
"""Letters that a name has before an ending."""
_MONTH_NAME = re.compile(
    rf"(?:\b(?i:in|by|since|of|until|till|from|during|late|early|mid|last|next|this|and|to) |\d(?:st|nd|rd|th)? )"
    rf"({'|'.join(month.capitalize() for month in MONTHS)})\b(?!,? ?(?:\d{{1,2}},? )?\d{{4}}\b)"
)
"""A month without its year: behind a preposition or a day, for May and March are words too."""
_APART = re.compile(r"(?<=\d), (?=\d{3}(?!\d))")
"""Some texts come with a space in `3, 400`."""
_CAPITALS = re.compile(r"\b[^\W\d_a-z]\w+(?: [^\W\d_a-z]\w+){1,4}")
_OFFICES = (
    "skipper captain mayor president premier minister governor leader chief director chairman chairwoman chair coach manager owner king "
    "queen ambassador bishop editor founder commander spokesman spokeswoman capital"
)
_OF = re.compile(rf"\b(?i:({'|'.join(_OFFICES.split())}))s? of (?:the )?([^\W\d_a-z][\w'’-]*(?: [^\W\d_a-z][\w'’-]*)*)")
_CONTRAST = re.compile(
    r"(?:,(?: and| but)?|\band) not (?!only|merely|just|until|least|a single|one\b)"
    r"(?:an? |the )?[^,.;:!?]*?(?= (?:which|that|who|as|after|when)\b|[,.;:!?]|$)",
    re.IGNORECASE,
)
"""What is said of another thing in passing."""
_ANY_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence as words: content words in order (numbers in digits), and sets of what must not change. Words are stems."""

    words: tuple[str, ...]
    stems: frozenset[str]
    every: frozenset[str]
    """Of all words, stop words too."""
    numbers: frozenset[str]
    measured: frozenset[tuple[str, str]]
    """Numbers with their units."""
    names: frozenset[str]
    hedges: frozenset[str]
    open: frozenset[tuple[str, ...]]
    """The first two content words after each hedge: what is left open."""
    proper: frozenset[str]
    """Of every capitalised content word, the first of the sentence too."""
    initials: frozenset[str]
    """Of its runs of capitalised words: `un` of United Nations."""
    denies: bool
    """Whether it has a word of negation."""
    negated: bool
    """The same but for what a contrast puts aside: "in 2025, and not in 2023"."""
    owned: frozenset[tuple[str, frozenset[str]]]
    """An office (`_OFFICES`) with the name it is of: the skipper of the Annika Rose."""
    put_aside: frozenset[str]
    """Numbers and words of such contrasts that stand nowhere else in it."""


@dataclass(frozen=True, slots=True)
class Held:
    """What an evidence sentence says itself, and what may be taken from its surroundings."""

    said: Said
    title_numbers: frozenset[str]
    date_numbers: frozenset[str]
    context_stems: frozenset[str]
    """Of its passage, and of its article's headline, outlet, author and date."""


@lru_cache(maxsize=4_096)
def said(text: str) -> Said:
    """The words of a text; kept, since every draft sentence is held against the same evidence."""
    every = [word.casefold() for word in _ANY_WORD.findall(text)]
    kept = _CONTRAST.sub(" ", text)
    ordered = tuple(next(iter(numbers(word)), "") or stem(word) for word in search_terms(text))
    return Said(
        ordered,
        content_stems(text),
        frozenset(map(stem, every)),
        numbers(text) | numbers(_APART.sub("", text)),
        measured(text),
        frozenset(name for name in names(text) if len(name) > 1),
        frozenset(HEDGES.intersection(every)),
        _left_open(every),
        frozenset(stem(word.casefold()) for word in _ANY_WORD.findall(text) if word[0].isupper()) & content_stems(text),
        frozenset("".join(word[0] for word in run.split()).casefold() for run in _CAPITALS.findall(text)),
        negated(text),
        negated(kept),
        frozenset((stem(thing.casefold()), content_stems(of)) for thing, of in _OF.findall(text)),
        (content_stems(text) | numbers(text)) - content_stems(kept) - numbers(kept),
    )


def _left_open(every: Sequence[str]) -> frozenset[tuple[str, ...]]:
    found = set()
    for place, word in enumerate(every):
        if word in HEDGES:
            after = [other for other in every[place + 1 : place + 7] if other not in HEDGES]
            found.add(tuple(stem(other) for other in search_terms(" ".join(after)))[:2])
    return frozenset(found) - {()}


def held(one: Evidence) -> Held:
    """What the evidence sentence holds."""
    day = f"{one.article.published_at:%d %B %Y %A}".lstrip("0") if one.article.published_at else ""
    day = f"{day} {date_words(one)} {_years_of_months(one)}"  # what the sentence's "yesterday" and "in May" are
    head = " ".join(filter(None, (one.article.title, one.article.source, one.article.author, day)))
    return Held(said(one.text), numbers(one.article.title), numbers(day), _context(f"{head} {one.passage.text}"))


def _years_of_months(one: Evidence) -> str:
    """The year of each month that the sentence names without one: the last of that name, the next where it speaks of what is to come."""
    day = one.article.published_at
    if day is None:
        return ""
    years = set()
    for match in _MONTH_NAME.finditer(one.text):
        month = MONTHS.index(match.group(1).casefold()) + 1
        ahead = speaks_ahead(one.text, match.start())
        years.add(day.year + (month < day.month) if ahead else day.year - (month > day.month))
    return " ".join(map(str, sorted(years)))


def is_named(name: str, around: frozenset[str]) -> bool:
    """True where the name stands there, or its country or people does. Names that merely begin alike are two: Telle and Tellen."""
    if name in around or DEMONYMS.get(name) in around:
        return True
    roots = {root for ending in _ENDINGS if name.endswith(ending) and len(root := name[: -len(ending)]) >= _SHORTEST}
    if roots & around or {f"{root}a" for root in roots} & around:
        return True
    bare = name.removesuffix("a")
    return len(bare) >= _SHORTEST and any(f"{root}{ending}" in around for root in (name, bare) for ending in _ENDINGS)


@lru_cache(maxsize=1_024)
def _context(text: str) -> frozenset[str]:
    return content_stems(text)


def align(need: Said, evidence: Sequence[Held], closeness: NDArray[Any], marked: Sequence[bool]) -> list[int]:
    """Rows that together hold the sentence, greedily, each adding something: at most `MAX_CITATIONS`, none that the others do without.

    Likeness in meaning and the model's own marks decide the first where sentences fit alike.
    """
    rows: list[int] = []
    open_numbers, open_stems = set(need.numbers), set(need.stems)
    while len(rows) < MAX_CITATIONS:
        gains = {
            row: len(open_numbers & one.said.numbers) + len(open_stems & one.said.stems) / max(1, len(need.stems))
            for row, one in enumerate(evidence)
            if row not in rows
        }
        first = not rows
        worth = {row: gain + first * (0.5 * float(closeness[row]) + _MARKED_BONUS * marked[row]) for row, gain in gains.items()}
        best = max(worth, key=lambda row: (worth[row], -row), default=None)
        if best is None or (rows and gains[best] < _GAIN):
            break
        rows.append(best)
        open_numbers -= evidence[best].said.numbers
        open_stems -= evidence[best].said.stems
        if not open_numbers and len(open_stems) <= (1 - ENOUGH) * len(need.stems):
            break
    return _needed(need, evidence, rows)


def _needed(need: Said, evidence: Sequence[Held], rows: list[int]) -> list[int]:
    """Without the rows whose words and numbers of the sentence the others hold as well."""
    kept = list(rows)
    for row in rows:
        others = [evidence[other].said for other in kept if other != row]
        if others and _share(need, evidence[row].said) <= set().union(*(_share(need, other) for other in others)):
            kept.remove(row)
    return kept


def _share(need: Said, one: Said) -> frozenset[str]:
    return (need.stems & one.stems) | (need.numbers & one.numbers)
