"""Quantities of a sentence: numbers with what they count or measure, as the range of amounts that the words allow.

"About 4,000" allows 4,100, "more than 50" allows 57, "4 million" allows 4.1 million, and 2.5 miles allow 4 km: those are roundings
and units of one amount. Dates, times of day, scores, ordinals and parts of a whole ("12 of them", "another 12") are no quantities.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from itertools import takewhile

from service.retrieval.points import MONTH
from service.words import NUMBER_WORDS, numbers, search_terms, stem

ENDLESS = Decimal("Infinity")
_EXACT_BELOW = 100
"""Below this a bare count is exact: 20 dead are not 23. From here on trailing zeros may be rounding."""
_CONVERTED = Decimal("0.03")
"""How much an amount that was turned into other units may be off, as a share."""
_WORD = "|".join((*sorted((word for word in NUMBER_WORDS if word != "dozen"), key=len, reverse=True), "one"))
_DIGITS = r"\d{1,3}(?:[, ]\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
_MAGNITUDE = r"(?:hundred|thousand|million|billion|trillion|mln|bn|m|k)"
_AMOUNT = rf"(?:{_DIGITS}|(?:(?:{_WORD})(?:[ -](?:{_WORD}))?))(?: ?{_MAGNITUDE}\b)?"
_QUANTITY = re.compile(
    rf"(?<![\w.,:/–-])(?P<money>(?:US|A|C|NZ)?[$£€¥]) ?(?P<paid>{_AMOUNT})|(?<![\w.,:/$£€¥+–-])(?P<bare>{_AMOUNT})(?![\w:/]|[.,-]\d)",
    re.IGNORECASE,
)
_ROUNDED = re.compile(r"\b(?:about|around|some|roughly|approximately|circa|an estimated|estimated at|close to)(?: the)? $", re.IGNORECASE)
_JUST_BELOW = re.compile(r"\b(?:nearly|almost|just under|not quite) $", re.IGNORECASE)
_AT_LEAST = re.compile(r"\b(?:more than|over|at least|(?:no|not) (?:fewer|less) than|above|upwards of|exceed(?:s|ed)?) $", re.IGNORECASE)
_AT_MOST = re.compile(r"\b(?:up to|as many as|as much as|fewer than|less than|under|below|at most|no more than) $", re.IGNORECASE)
_PART_BEFORE = re.compile(
    r"\b(?:another|additional|further|extra|every|each|including|first|last|next|past|previous|top|aged|no\.?|number|of the|by a"
    r"|the other|phase|line|chapter|article|section|page|room|gate|route) $",
    re.IGNORECASE,
)
_PART_AFTER = re.compile(
    r"^(?:[ -](?:others?|more|additional|extra|further|of (?:them|whom|which|these|those|the|its|their)|each|per(?! ?cent)"
    r"|years? old|year-old)\b"
    r"| (?:minutes?|hours?|days?|weeks?|months?|years?) (?:ago|before|after|earlier|later|since)\b|st\b|nd\b|rd\b|th\b|-year|-[a-z]+-old)"
)
_TO_OTHER = re.compile(rf"^ (?:to|and) (?={_AMOUNT})", re.IGNORECASE)
_DAY_AFTER, _DAY_BEFORE = re.compile(rf"^ (?:of )?{MONTH}"), re.compile(rf"\b{MONTH} (?:the )?$")
_CLOCK_AFTER = re.compile(r"^ ?(?:a\.?m\b|p\.?m\b|o['’]clock)", re.IGNORECASE)
_YEAR = re.compile(r"(?:1[5-9]|20)\d\d")
_OF_COUNTED = re.compile(r"^(?:%|[ -]?(?:per ?cent(?:age points?)?|percent(?:age points?)?)\b)", re.IGNORECASE)
_NOUNS = re.compile(r"^[ -](?:of )?((?:[^\W\d_][\w'’-]*\s+){0,3}[^\W\d_][\w'’-]*)")
_UNITS: dict[str, tuple[str, str]] = {
    **dict.fromkeys(("km", "kilometre", "kilometer"), ("metre", "1000")),
    **dict.fromkeys(("metre", "meter"), ("metre", "1")),
    "mile": ("metre", "1609.344"), "feet": ("metre", "0.3048"), "foot": ("metre", "0.3048"),
    "hectare": ("hectare", "1"), "acre": ("hectare", "0.404686"),
    **dict.fromkeys(("kg", "kilogram", "kilo"), ("kilo", "1")), "tonne": ("kilo", "1000"), "pound": ("pound", "1"),
    "minute": ("minute", "1"), "hour": ("minute", "60"), "dollar": ("$", "1"), "euro": ("€", "1"), "yen": ("¥", "1"),
}  # fmt: skip
_BY_STEM = {stem(name): unit for name, unit in _UNITS.items()}
DIMENSIONS = frozenset(unit for unit, _ in _UNITS.values()) - {"$", "€", "¥", "pound"}
"""Units that measure and do not price."""
_SHORT = {"m": "million", "mln": "million", "bn": "billion", "k": "thousand"}


@dataclass(frozen=True, slots=True)
class Quantity:
    """An amount between `low` and `high`, as written, and the stems of the words that say of what, nearest first."""

    said: str
    low: Decimal
    high: Decimal
    unit: str
    """A dimension ("metre", "percent", "$"), the stem of the word behind the number, or empty for a bare number."""
    nouns: tuple[str, ...]
    noun: str
    """The nearest of them as written."""
    at: int
    """Where it stands in the text."""


@lru_cache(maxsize=2048)
def quantities(text: str) -> tuple[Quantity, ...]:
    """The quantities of a sentence, in reading order."""
    return tuple(_found(text))


def _found(text: str) -> Iterator[Quantity]:
    end_of_range = 0
    for match in _QUANTITY.finditer(text):
        before, after = text[: match.start()], text[match.end() :]
        said = match.group("paid") or match.group("bare")
        value = _value(said)
        if value is None or match.start() < end_of_range or _is_other(match, before, after):
            continue
        low, high = _range(value, said, before, measured=bool(match.group("money")) or bool(_OF_COUNTED.match(after)))
        if other := _TO_OTHER.match(after):
            second = _QUANTITY.match(text, match.end() + other.end())
            top = _value(second.group("paid") or second.group("bare")) if second else None
            if second and top is not None and top > value:
                said, high, after, end_of_range = text[match.start() : second.end()], top, text[second.end() :], second.end()
        unit, factor, nouns = _unit(match.group("money"), after)
        if factor is not None:
            low, high = low * factor * (1 - _CONVERTED), high * factor * (1 + _CONVERTED)
        shown = f"{match.group('money') or ''}{said}" + (" percent" if unit == "percent" else f" {nouns[0]}" if factor is not None else "")
        yield Quantity(shown, low, high, unit, tuple(stem(noun) for noun in nouns), nouns[0] if nouns else unit, match.start())


def _value(said: str) -> Decimal | None:
    words = re.sub(r"(?<=\d)[  ](?=\d)", "", said.casefold())
    words = re.sub(r"(?<=[\d ])(m|mln|bn|k)$", lambda match: f" {_SHORT[match.group(1)]}", words)
    if words.split(" ")[0] == "one":
        words = f"1 {words[4:]}"
    found = numbers(words)
    try:
        return Decimal(next(iter(found))) if len(found) == 1 else None
    except ArithmeticError:
        return None


def _is_other(match: re.Match[str], before: str, after: str) -> bool:
    """A day, a year, a time of day, a score, an ordinal, or a part of another number."""
    said = match.group("bare") or ""
    if _PART_BEFORE.search(before) or _PART_AFTER.match(after) or _DAY_AFTER.match(after) or _DAY_BEFORE.search(before):
        return True
    if _CLOCK_AFTER.match(after) or (said.casefold() == "one" and not re.match(r" [a-z]+", after)):
        return True
    return bool(_YEAR.fullmatch(said)) and not re.match(r" [a-z]+s\b", after)


def _range(value: Decimal, said: str, before: str, *, measured: bool) -> tuple[Decimal, Decimal]:
    """What the number and the word before it allow. Half a unit of the last digit that is not a zero is rounding."""
    half = _unit_of_last(value) / 2
    if _AT_LEAST.search(before):
        return value, ENDLESS
    if _AT_MOST.search(before):
        return Decimal(0), value
    if _JUST_BELOW.search(before):
        return value - 2 * half, value
    if _ROUNDED.search(before):
        return value - half, value + half
    if value < _EXACT_BELOW and not measured and value == int(value) and not re.search(_MAGNITUDE, said, re.IGNORECASE):
        return value, value
    spread = half if measured or value % 10 == 0 or value != int(value) else Decimal(0)
    return value - spread, value + spread


def _unit_of_last(value: Decimal) -> Decimal:
    """The weight of the last digit that is not a zero: 100 of 4,100."""
    exponent = value.normalize().as_tuple().exponent
    return Decimal(1).scaleb(exponent) if isinstance(exponent, int) else Decimal(1)


def _unit(money: str | None, after: str) -> tuple[str, Decimal | None, list[str]]:
    """The dimension, its factor where it is a measure, and the nouns."""
    if money:
        return money.removeprefix("US"), None, []
    if _OF_COUNTED.match(after):
        return "percent", None, []
    words = _NOUNS.match(after)
    nouns = [word.casefold() for word in takewhile(_counts, words.group(1).split())] if words else []
    unit, factor = _BY_STEM.get(stem(nouns[0]), ("", None)) if nouns else ("", None)
    if factor is not None:
        return unit, Decimal(factor), nouns
    return (stem(nouns[0]) if nouns else ""), None, nouns


def _counts(word: str) -> bool:
    """False for what ends a count: a function word, or a month, whose number is a day."""
    return bool(search_terms(word)) and not re.fullmatch(MONTH, word)
