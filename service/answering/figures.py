"""Figures: what a sentence counts or measures, and how much of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import takewhile

from service.words import NUMBER_WORDS, content_stems, numbers, search_terms, stem

_TENS = "twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety"
_ONES = "one|two|three|four|five|six|seven|eight|nine"
_WORDS = rf"(?:{_TENS})-(?:{_ONES})|{'|'.join(sorted(NUMBER_WORDS, key=len, reverse=True))}"
_VALUE = re.compile(
    r"(?P<lead>\b(?:at least|about|around|some|almost|nearly|only|up to) )?(?<![\w.,-])"
    rf"(?P<value>(?:\d[\d,.]*\d|\d|{_WORDS})(?: (?:hundred|thousand|million|billion|trillion))?)(?![\w-]|[.,:]\d)"
    r"(?P<after> ?%|(?: (?:of the |of )?[^\W\d_][\w'’-]*){0,4})",
    re.IGNORECASE,
)
_MEASURES = "toll|number|count|total|cost|price|rate|magnitude|estimate|offer|budget|bill|quota|area"
_MEASURED = re.compile(
    rf"\b(?P<measure>{_MEASURES})s?\b(?P<of>(?: of(?: [^\W\d_]+){{1,2}})?)(?:[^.;:,]|[.,]\d){{0,60}}?"
    r"\b(?:to|at|of|is|was|are|were|reached|reaches|passed|magnitude|stands at|from) "
    r"(?:about |some |around |almost |nearly |only |at least |an estimated )?$",
    re.IGNORECASE,
)
_DIRECTLY = re.compile(rf"\b(?P<measure>{_MEASURES})(?: of)? $", re.IGNORECASE)
_SAYS_NOTHING = content_stems("number count total estimate rose risen rises climbed fell fallen grew grown reached passed stood went came")
MEASURES = content_stems(_MEASURES.replace("|", " "))
_DEATH = frozenset(stem(word) for word in "death deaths dead die died dies killed kill kills toll lives fatalities fatality".split())
_DIED = re.compile(r"^[^.;]{0,60}?\b(?:died|dead|killed|deaths|lives|fatalities)\b", re.IGNORECASE)
_TOLL = re.compile(r"\b(?:toll|deaths|dead|killed)\b[^.;,]{0,60}$", re.IGNORECASE)
_RATE = re.compile(
    r"^[^,.;]{0,40}?\b(?:a|an|per|each|every) (second|minute|hour|day|night|week|month|quarter|year|head|person|household)\b", re.IGNORECASE
)
_PART = re.compile(r"\b(?:another|further|additional|extra|other|including|than|from|of (?:them|whom)) (?:\w+ )?$", re.IGNORECASE)
_PART_AFTER = re.compile(r"^ (?:more|others?|new|further|additional|of (?:them|whom|the))\b", re.IGNORECASE)
_YEAR = re.compile(r"(?:1[5-9]|20)\d\d")
_TIMES = content_stems(
    "january february march april may june july august september october november december day days week weeks month months year years "
    "hour hours minute minutes am pm time times monday tuesday wednesday thursday friday saturday sunday"
)


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure in a sentence: its number in digits, what is counted (stems; `death` for all words of dying), and how it is written."""

    number: str
    counted: frozenset[str]
    written: str
    noun: str
    """The word behind it."""
    per: str = ""
    """Of a rate, the unit of time: 4.2 million a *day*."""


def figures(text: str) -> list[Figure]:
    """The figures of a sentence that count or measure something; years, times, parts and what a figure rose or fell *from* left out."""
    found = []
    for match in _VALUE.finditer(text):
        value, after, before = match["value"], match["after"], text[: match.start("value")]
        if _YEAR.fullmatch(value) or _PART.search(before) or _PART_AFTER.match(text[match.end("value") :]) or not numbers(value):
            continue
        nouns = ["percent"] if "%" in after else list(takewhile(_is_noun, after.replace(" of the ", " ").replace(" of ", " ").split()))
        counted = {stem(word.casefold()) for word in nouns}
        if counted & _TIMES:
            continue
        if measured := _DIRECTLY.search(before) or _MEASURED.search(before):
            counted |= content_stems(f"{measured['measure']} {measured.groupdict().get('of') or ''}") - _SAYS_NOTHING
        if _DIED.match(text[match.end("value") :]) or _TOLL.search(before):
            counted.add("death")
        rate = _RATE.match(text[match.end("value") :])
        written = f"{(match['lead'] or '').casefold()}{value}"
        if counted:
            found.append(
                Figure(
                    next(iter(numbers(value))),
                    dying(frozenset(counted)),
                    written,
                    "" if not nouns else nouns[0],
                    rate[1].casefold() if rate else "",
                )
            )
    return found


def dying(words: frozenset[str]) -> frozenset[str]:
    """The stems with all words of dying as one, `death`."""
    return frozenset("death" if word in _DEATH else word for word in words)


def _is_noun(word: str) -> bool:
    """False for what ends a count: function words."""
    return bool(search_terms(word))
