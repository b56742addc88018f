"""Time windows read out of a question: a thin layer of intervals over dateparser's points.

Deterministic, no model. Only phrases that cannot be anything else count: "may" and "March" alone are never a date.
Weeks begin on Monday. A month or day without a year is the last one before the question.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from dateutil.relativedelta import relativedelta

from service.domain import Window

if TYPE_CHECKING:
    from dateparser.date import DateDataParser

_MONTH = r"(?:January|February|March|April|May|June|July|August|September|October|November|December)"
_YEAR = r"(?:1[5-9]\d\d|20\d\d)"
_DAY = r"(?:[12]?\d|3[01])(?:st|nd|rd|th)?"
_POINT = (
    rf"(?:\d{{4}}-\d\d-\d\d|(?:the )?{_DAY}(?: of)? {_MONTH}(?:,? {_YEAR})?|{_MONTH} {_DAY}(?:,? {_YEAR})?|{_MONTH}(?: {_YEAR})?|{_YEAR})"
)
_DATED = _POINT.removesuffix(rf"|{_YEAR})") + ")"
_UNIT = r"(day|week|month|year)s?"
_COUNT = r"(\d{1,3}|two|three|four|five|six|seven|eight|nine|ten|twelve)"
_COUNTS = {"two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10, "twelve": 12}

Interval = tuple[datetime | None, datetime | None]


def find_window(question: str, asked_at: datetime) -> Window | None:
    """The first time expression of the question as a half-open UTC interval, or None where there is none."""
    for pattern, interval in _RULES:
        match = pattern.search(question)
        found = interval(match, asked_at) if match else None
        if match and found:
            return Window(found[0], found[1], match.group().strip())
    return None


def find_as_of(question: str, asked_at: datetime) -> Window | None:
    """The moment up to which the reader wants to know ("as of 3 March"), as a window open to the left."""
    match = _AS_OF.search(question)
    interval = _point(match.group(1), asked_at) if match else None
    return Window(None, interval[1], match.group().strip()) if match and interval else None


def _point(words: str, asked_at: datetime) -> tuple[datetime, datetime] | None:
    """The day, month or year that the words name."""
    data = _parser(asked_at.date().isoformat()).get_date_data(re.sub(r"^the | of\b", "", words))
    if data.date_obj is None:
        return None
    start = data.date_obj.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=UTC)
    if data.period == "year":
        return start.replace(month=1, day=1), start.replace(month=1, day=1) + relativedelta(years=1)
    if data.period == "month":
        return start.replace(day=1), start.replace(day=1) + relativedelta(months=1)
    return start, start + timedelta(days=1)


@lru_cache(maxsize=8)
def _parser(base: str) -> DateDataParser:
    from dateparser.date import DateDataParser

    settings: dict[str, Any] = {
        "RELATIVE_BASE": datetime.fromisoformat(base),
        "PREFER_DATES_FROM": "past",
        "PREFER_DAY_OF_MONTH": "first",
        "RETURN_AS_TIMEZONE_AWARE": False,
    }
    return DateDataParser(languages=["en"], settings=settings)


def _between(match: re.Match[str], asked_at: datetime) -> Interval | None:
    first, last = match.group(1), match.group(2)
    year = re.search(_YEAR, last)
    if year and not re.search(_YEAR, first):
        first = f"{first} {year.group()}"
    start, end = _point(first, asked_at), _point(last, asked_at)
    return (start[0], end[1]) if start and end and start[0] < end[1] else None


def _since(match: re.Match[str], asked_at: datetime) -> Interval | None:
    point = _point(match.group(1), asked_at)
    return (point[0], None) if point else None


def _after(match: re.Match[str], asked_at: datetime) -> Interval | None:
    point = _point(match.group(1), asked_at)
    return (point[1], None) if point else None


def _before(match: re.Match[str], asked_at: datetime) -> Interval | None:
    point = _point(match.group(1), asked_at)
    return (None, point[0]) if point else None


def _at(match: re.Match[str], asked_at: datetime) -> Interval | None:
    return _point(match.group(1), asked_at)


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def _units(unit: str, count: int) -> relativedelta:
    return {
        "day": relativedelta(days=count),
        "week": relativedelta(weeks=count),
        "month": relativedelta(months=count),
        "year": relativedelta(years=count),
    }[unit]


def _calendar(match: re.Match[str], asked_at: datetime) -> Interval | None:
    """ "this week", "last month": calendar units."""
    unit, last = match.group(2).lower(), match.group(1).lower() != "this"
    today = _midnight(asked_at)
    start = {
        "week": today - timedelta(days=today.weekday()),
        "month": today.replace(day=1),
        "year": today.replace(month=1, day=1),
    }[unit]
    step = _units(unit, 1)
    return (start - step, start) if last else (start, start + step)


def _rolling(match: re.Match[str], asked_at: datetime) -> Interval | None:
    """ "in the past three weeks": up to the moment of asking."""
    count, unit = match.group(1), match.group(2).lower()
    number = _COUNTS.get(count.lower(), 0) or int(count) if count else 1
    return asked_at - _units(unit, number), asked_at + timedelta(microseconds=1)


def _days_ago(match: re.Match[str], asked_at: datetime) -> Interval | None:
    word = match.group().lower()
    start = _midnight(asked_at) - timedelta(days=1 if word == "yesterday" else 0)
    return start, start + timedelta(days=1)


def _quarter(match: re.Match[str], asked_at: datetime) -> Interval | None:
    start = datetime(int(match.group(2)), 3 * int(match.group(1)) - 2, 1, tzinfo=UTC)
    return start, start + relativedelta(months=3)


def _rule(
    pattern: str, interval: Callable[[re.Match[str], datetime], Interval | None]
) -> tuple[re.Pattern[str], Callable[..., Interval | None]]:
    return re.compile(pattern), interval


_AS_OF = re.compile(rf"\b(?i:as of|as at) ({_POINT})\b")
_RULES = (
    _rule(rf"\b(?i:between) ({_POINT}) (?i:and) ({_POINT})\b", _between),
    _rule(rf"\b(?i:from) ({_POINT}) (?i:to|until|till) ({_POINT})\b", _between),
    _rule(rf"\b(?i:since) ({_POINT})\b", _since),
    _rule(rf"\b(?i:after) ({_POINT})\b", _after),
    _rule(rf"\b(?i:before|until|by|prior to) ({_POINT})\b", _before),
    _rule(r"\b(?i:in |during )?Q([1-4]) (20\d\d)\b", _quarter),
    _rule(rf"\b(?i:on|of|for) ({_DATED})\b(?! (?:Street|Square|Road|Avenue))", _at),
    _rule(rf"\b(?i:in|during) ({_POINT})\b(?! (?:Street|Square|Road|Avenue))", _at),
    _rule(rf"\b({_DAY} {_MONTH}(?:,? {_YEAR})?|{_MONTH} {_DAY},? {_YEAR}|{_MONTH} {_YEAR}|\d{{4}}-\d\d-\d\d)\b", _at),
    _rule(r"\b(?i:yesterday|today)\b", _days_ago),
    _rule(rf"\b(?i:in the |over the |during the |within the )?(?i:past|last) {_COUNT} (?i:{_UNIT})\b", _rolling),
    _rule(rf"\b(?i:in the |over the |during the )?(?i:past)()? (?i:{_UNIT})\b", _rolling),
    _rule(r"\b(?i:(this|last|previous)) (?i:(week|month|year))(?i:'s|’s)?\b", _calendar),
)
