"""Figures: what a sentence counts, and whether two counts are of one thing and differ.

A figure has a value, what it counts, and how exactly it is meant: "about 4,000" and 4,100 are no two values, nor are "more
than 50" and 62.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import Enum, auto
from functools import lru_cache
from itertools import takewhile

from service.words import NUMBER_WORDS, content_stems, search_terms, stem

ROUNDING = Decimal("0.1")
"""How far "about" reaches, as a share. A first choice."""
_NUMBER_WORD = "|".join(sorted(NUMBER_WORDS, key=len, reverse=True))
_FIGURE = re.compile(
    rf"(?<![\w.,:/-])[$£€]?(?P<number>\d+(?:,\d{{3}})+(?:\.\d+)?|\d+(?:\.\d+)?|(?i:\b(?:{_NUMBER_WORD})(?:-(?:{_NUMBER_WORD}))?\b))"
    r"(?![\d:]|[-–]\d)(?:[ -](?P<size>hundred|thousand|million|billion|trillion)s?\b)?(?P<percent> ?%| percent\b| per cent\b)?"
    r"(?:-| of | )?(?P<noun>(?:[^\W\d_]+[ ]+){0,2}[^\W\d_]+)?"
)
_SIZES = {"hundred": 100, "thousand": 1_000, "million": 1_000_000, "billion": 1_000_000_000, "trillion": 1_000_000_000_000}
_ABOUT = re.compile(r"\b(?:about|around|some|roughly|approximately|nearly|almost|close to|an estimated|up to)(?: the)? $", re.IGNORECASE)
_LEAST = re.compile(r"\b(?:at least|more than|over|above|no fewer than|no less than|upwards of)(?: the)? $", re.IGNORECASE)
_MOST = re.compile(r"\b(?:at most|fewer than|less than|under|below|no more than)(?: the)? $", re.IGNORECASE)
_HEAD = re.compile(
    r"\b(?P<head>number|toll|total|count|attendance|crowd|cost|costs|price|magnitude|rate|offer|turnout|population|figure)\b"
    r"(?: of (?P<of>(?:[^\W\d_]+ ){0,2}[^\W\d_]+))?(?=[^.;:\d]{0,80}$)",
    re.IGNORECASE,
)
_DEAD = re.compile(r"(?:(?! and )[^.;,\d]){0,50}?\b(?:killed|dead|died|dying|lost their lives)\b", re.IGNORECASE)
_WATCHED = re.compile(r"\b(?:watched|attended|seen) by (?:about |some |only )?$", re.IGNORECASE)
_FROM = re.compile(r"\bfrom $", re.IGNORECASE)
_OUT_OF = re.compile(r"\b(?:out of|one in|1 in|in every)(?: the| every| approximately| about| some)? $", re.IGNORECASE)
_FROM_FIRST = re.compile(r" from [^;,]{1,30} to $")
_TO = re.compile(r"[^.;,]{0,20}? to \d")
_YEAR = re.compile(r"(?:1[5-9]|20)\d\d")
_MONTHS = frozenset("january february march april may june july august september october november december".split())
_NOT_COUNTED = _MONTHS | {"am", "pm", "o", "oclock", "th", "st", "nd", "rd"}
_ONE_THING = {
    word: kind
    for kind, words in {
        "house": ("home", "house", "dwelling"),
        "spectator": ("spectator", "attendance", "crowd", "fan", "attendee"),
        "toll": ("toll", "dead", "death", "fatality", "killed", "died", "die", "kill"),
    }.items()
    for word in (stem(one) for one in words)
}
"""Words for one counted thing. Short on purpose: only what is counted in the news again and again under several names."""
PERSONS = frozenset(stem(word) for word in ("people", "person", "resident", "worker"))
"""What is counted in so many ways that the word alone tells nothing."""
_ASKS = re.compile(
    r"\bhow (?:many|much|large|big|high|long|far|tall|strong|deep|old|heavy)\b"
    r"|\b(?:what|which)\b.{0,30}\b(?:number|toll|total|count|attendance|cost|price|magnitude|rate|turnout|figure|amount|share|percentage|offer)\b",
    re.IGNORECASE,
)


class Exactness(Enum):
    """How a figure is meant."""

    EXACT = auto()
    ABOUT = auto()
    LEAST = auto()
    MOST = auto()


@dataclass(frozen=True, slots=True)
class Figure:
    """A value, how it is written, and the stems of what it counts."""

    value: Decimal
    said: str
    of: frozenset[str]
    exactness: Exactness = Exactness.EXACT

    def differs(self, other: object) -> bool:
        """Whether the two cannot both be meant of one thing: neither rounding nor a bound makes them agree."""
        if not isinstance(other, Figure):
            return False
        low, high = sorted((self, other), key=lambda one: one.value)
        if low.value == high.value or low.exactness is Exactness.LEAST or high.exactness is Exactness.MOST:
            return False
        if Exactness.ABOUT in (self.exactness, other.exactness) and high.value - low.value <= ROUNDING * high.value:
            return False
        return not (_rounds_to(low.value, high.value) or _rounds_to(high.value, low.value))


def asks_for_a_figure(question: str) -> bool:
    """True of "how many", "what is the death toll" and the like."""
    return bool(_ASKS.search(question))


def wanted_things(question: str) -> frozenset[str]:
    """The stems that a figure may count to be what is asked for, words for one thing made one."""
    return _specific(_things(content_stems(question)))


@lru_cache(maxsize=4096)
def figures(text: str) -> tuple[Figure, ...]:
    """Every figure of the text in reading order, without years, days of a month and times of day.

    Of "from 6.1 to 6.3" the second: the first is what it was.
    """
    return tuple(figure for match in _FIGURE.finditer(text) if (figure := _read(text, match)))


def _read(text: str, match: re.Match[str]) -> Figure | None:
    written, before = match.group("number"), text[: match.start()]
    if written.casefold() in ("one", "zero") or (_YEAR.fullmatch(written) and not match.group("size")):
        return None
    if _OUT_OF.search(before[-30:]) or (_FROM.search(before[-6:]) and _TO.match(text, match.end("number"))):
        return None
    noun = match.group("noun") or ""
    words = noun.split()
    last = re.search(r"([^\W\d_]+) $", before)
    if (words and words[0].casefold() in _NOT_COUNTED) or (last and last.group(1).casefold() in _MONTHS):
        return None
    value = _value(written, match.group("size"))
    if value is None:
        return None
    percent = "percent" if match.group("percent") else ""
    said = " ".join(filter(None, (written, match.group("size"), percent)))
    lead = before[-24:]
    exactness = (
        Exactness.LEAST
        if _LEAST.search(lead)
        else Exactness.MOST
        if _MOST.search(lead)
        else Exactness.ABOUT
        if _ABOUT.search(lead)
        else None
    )
    return Figure(value, said, _counted(text, match, words, percent), exactness or Exactness.EXACT)


def _counted(text: str, match: re.Match[str], words: list[str], percent: str) -> frozenset[str]:
    """What stands behind the number up to a function word, and the "number of …" or "toll" before it."""
    before = _FROM_FIRST.sub("", text[: match.start()])
    named = [stem(word.casefold()) for word in takewhile(lambda word: bool(search_terms(word)), words)]
    if head := _HEAD.search(before):
        named += [stem(head.group("head").casefold()), *content_stems(head.group("of") or "")]
    things = set(_things(frozenset(named)))
    if _DEAD.match(text, match.end("number")) and things & PERSONS:
        things.add("toll")
    if _WATCHED.search(before[-24:]):
        things.add("spectator")
    return _specific(frozenset(things | ({percent} if percent else set())))


def _specific(things: frozenset[str]) -> frozenset[str]:
    """The dead and the spectators are people too, and not to be compared with other people."""
    return things - PERSONS if things & {"toll", "spectator"} else things


def _things(stems: frozenset[str]) -> frozenset[str]:
    return frozenset(_ONE_THING.get(one, one) for one in stems)


def _value(written: str, size: str | None) -> Decimal | None:
    try:
        number = Decimal(written.replace(",", ""))
    except InvalidOperation:
        number = Decimal(sum(int(NUMBER_WORDS[part]) for part in written.casefold().split("-") if part in NUMBER_WORDS))
    return number * _SIZES[size.casefold()] if size else number


def _rounds_to(exact: Decimal, round_one: Decimal) -> bool:
    """Whether the second, of at least 100 and with noughts at its end, is the first rounded to as many digits."""
    if round_one < 100 or round_one != round_one.to_integral_value():
        return False
    digits = str(int(round_one))
    noughts = len(digits) - len(digits.rstrip("0"))
    if noughts < 2:
        return False
    unit = Decimal(10) ** noughts
    return (exact / unit).to_integral_value() * unit == round_one
