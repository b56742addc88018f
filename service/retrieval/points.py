"""Points in time that a question names outright: days, months, years, quarters, seasons, decades, holidays.

Each is read as a half-open run of days. dateparser reads the days, months and years; what it does not know (quarters,
seasons, "late April") is arithmetic on them. Without a year the last one is meant that had begun when the question was
asked. Seasons are the meteorological ones of the northern hemisphere: spring is March to May, winter December to
February, and "winter 2025" is two winters, so it is none.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

from dateutil.relativedelta import relativedelta

if TYPE_CHECKING:
    from dateparser.date import DateDataParser

Span = tuple[date, date]
"""`[start, end)`: whole days, or instants (`datetime` is a `date`) where hours were counted."""
Kind = Literal["whole", "month", "year", "weekday", "holiday", "previous"]
"""`whole` cannot be anything but a time; the others need a word before them that says so."""

MONTHS = "january february march april may june july august september october november december".split()
MONTH = rf"(?i:{'|'.join(MONTHS)}|(?:jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)\b\.?)"
YEAR = r"(?:1[5-9]|20)\d\d(?![\d%]|[.,]\d)"
WEEKDAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
_ORDINALS = (
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth sixteenth "
    "seventeenth eighteenth nineteenth twentieth twenty-first twenty-second twenty-third twenty-fourth twenty-fifth twenty-sixth "
    "twenty-seventh twenty-eighth twenty-ninth thirtieth thirty-first"
).split()
_DAY = r"(?:3[01]|[12]\d|0?[1-9])(?:st|nd|rd|th)?(?!\d)"
_DAY_OF = rf"(?:{_DAY}(?: of)?|(?i:{'|'.join(reversed(_ORDINALS))}) of)"
OF_YEAR = rf"(?:,? ?(?:of )?{YEAR}|,? (?:of )?(?:this|last|next) year)"
_WEEKDAY = rf"(?:(?:{'|'.join(WEEKDAYS)}|Mon|Tues?|Wed|Thu(?:rs?)?|Fri|Sat|Sun)\.?,? (?:the )?)?"
_TO = r" ?(?:-|–|—|to|and|through|until|till) ?"
_SEASONS = {"spring": 3, "summer": 6, "autumn": 9, "fall": 9, "winter": 12}
SEASON = rf"(?:{'|'.join(_SEASONS)})"
_DECADES = {"fifties": 1950, "sixties": 1960, "seventies": 1970, "eighties": 1980, "nineties": 1990}
DECADE = rf"(?:(?:1[5-9]|20)\d0s|['’]?[5-9]0s|{'|'.join(_DECADES)})"
_HOLIDAYS = {
    "christmas": (12, 25), "christmas day": (12, 25), "christmas eve": (12, 24), "boxing day": (12, 26), "new year's day": (1, 1),
    "new year's eve": (12, 31), "halloween": (10, 31), "valentine's day": (2, 14),
}  # fmt: skip
_FALL_IS_A_SEASON = re.compile(r"(?i:\b(?:in|during|since|by|the|this|early|late|of|from|after|before|until|mid))[ -]$")


@dataclass(frozen=True, slots=True)
class Asking:
    """The moment of asking, in the asker's zone: what "today" is. `at` is aware."""

    at: datetime

    @property
    def today(self) -> date:
        """The date on the asker's wall."""
        return self.at.date()

    @property
    def now(self) -> datetime:
        """The moment itself, UTC."""
        return self.at.astimezone(UTC)

    def starts(self, edge: date) -> datetime:
        """The UTC instant at which an interval begins: midnight UTC of a day, for there lie the articles dated by day alone.

        A day that has begun for the asker and not yet in UTC begins at the asker's midnight, or it would hold nothing.
        """
        start = self.ends(edge)
        if isinstance(edge, datetime) or start <= self.at:
            return start
        own = datetime.combine(edge, time(), self.at.tzinfo)
        return own.astimezone(UTC) if own <= self.at else start

    def ends(self, edge: date) -> datetime:
        """The UTC instant before which an interval ends."""
        return edge.astimezone(UTC) if isinstance(edge, datetime) else datetime.combine(edge, time(), UTC)


@dataclass(frozen=True, slots=True)
class Rule:
    """Words, what they mean (None: nothing certain, and nothing inside them either), and whether they can stand alone."""

    pattern: re.Pattern[str]
    read: Callable[[re.Match[str], Asking], Span | None]
    kind: Kind = "whole"


def rule(pattern: str, read: Callable[[re.Match[str], Asking], Span | None], kind: Kind = "whole") -> Rule:
    """A rule for whole words. Spaces in the pattern are spaces in the question."""
    return Rule(re.compile(rf"(?<![\w$£€.-])(?:{pattern})(?!\w)"), read, kind)


def last_named(words: str, today: date) -> Span | None:
    """What the words name: in their own year, or in the last year in which it had begun by today."""
    if re.search(YEAR, words):
        return point(words)
    # Eight years back, because 29 February may be as far away as that.
    spans = (point(f"{words} {year}") for year in range(today.year, today.year - 9, -1))
    return next((span for span in spans if span and span[0] <= today), None)


@lru_cache(maxsize=4096)
def point(words: str) -> Span | None:
    """The day, month or year that the words name, a year among them; None where there is no such day. A millisecond uncached."""
    data = _parser().get_date_data(words)
    if data.date_obj is None:
        return None
    start = data.date_obj.date()
    if data.period == "year":
        return year_span(start.year)
    if data.period == "month":
        return start.replace(day=1), start.replace(day=1) + relativedelta(months=1)
    return start, start + timedelta(days=1)


@lru_cache(maxsize=1)
def _parser() -> DateDataParser:
    from dateparser.date import DateDataParser  # a third of a second, so not before a question names a date

    settings: dict[str, Any] = {
        "RELATIVE_BASE": datetime(2000, 1, 1),  # the words hold their year, so nothing is relative to it
        "PREFER_DATES_FROM": "past",
        "PREFER_DAY_OF_MONTH": "first",
        "RETURN_AS_TIMEZONE_AWARE": False,
    }
    return DateDataParser(languages=["en"], settings=settings)


def year_span(year: int) -> Span:
    """The year, whole."""
    return date(year, 1, 1), date(year + 1, 1, 1)


def year_named(words: str, today: date) -> int | None:
    """The year of "2025", "last year", "the year"; None where the words hold none."""
    if found := re.search(YEAR, words):
        return int(found.group())
    relative = re.search(r"\b(this|the|last|next) year\b", words, re.IGNORECASE)
    return today.year + {"last": -1, "next": 1}.get(relative.group(1).lower(), 0) if relative else None


def season_span(name: str, year: int) -> Span:
    """The season that begins in the year."""
    start = date(year, _SEASONS[name.lower()], 1)
    return start, start + relativedelta(months=3)


def _named(match: re.Match[str], asking: Asking) -> Span | None:
    """A day, month or year, put into dateparser's words: ordinals as figures, the year as a number."""
    year = year_named(match.group(), asking.today)
    words = re.sub(rf"{OF_YEAR}$", "", match.group())
    words = re.sub(rf"(?i)\b({'|'.join(reversed(_ORDINALS))}) of\b", lambda m: str(_ORDINALS.index(m.group(1).lower()) + 1), words)
    words = re.sub(rf"^{_WEEKDAY}|(?<=\d)(?:st|nd|rd|th)\b|\b(?:of|the)\b", "", words)
    return last_named(" ".join(words.split()) + (f" {year}" if year else ""), asking.today)


def _bare_year(match: re.Match[str], asking: Asking) -> Span | None:
    return year_span(int(match.group()))


def _day_range(match: re.Match[str], asking: Asking) -> Span | None:
    """ "3 to 7 May 2025", "March 3-5, 2025"."""
    month, year = match.group("month"), year_named(match.group(), asking.today)
    after = f" {year}" if year else ""
    last = last_named(f"{int(re.sub(r'[a-z]+', '', match.group('last')))} {month}{after}", asking.today)
    first = point(f"{int(re.sub(r'[a-z]+', '', match.group('first')))} {month} {last[0].year}") if last else None
    return (first[0], last[1]) if first and last and first[0] < last[0] else None


def _iso(match: re.Match[str], asking: Asking) -> Span | None:
    """An ISO date, or the UTC day of an ISO instant."""
    text = match.group().replace("/", "-")
    if len(text) == len("2025-04"):
        year, month = int(text[:4]), int(text[5:])
        if month == year % 100 + 1:
            return None  # "2011-12" may be two years
        return date(year, month, 1), date(year, month, 1) + relativedelta(months=1)
    moment = datetime.fromisoformat(text)
    day = (moment.astimezone(UTC) if moment.tzinfo else moment).date()
    return day, day + timedelta(days=1)


def _figures(match: re.Match[str], asking: Asking) -> Span | None:
    """ "13/04/2023": only where it does not matter whether the day or the month comes first."""
    first, second, year = (int(part) for part in re.split(r"[/.-]", match.group()))
    day, month = (first, second) if first > 12 else (second, first)
    return (date(year, month, day), date(year, month, day) + timedelta(days=1)) if day > 12 or first == second else None


def _year_range(match: re.Match[str], asking: Asking) -> Span | None:
    """ "2019-2022", "2019–20"; "2011-12" with a hyphen may be a month."""
    first, mark, tail = int(match.group(1)), match.group(2), match.group(3)
    last = int(tail) if len(tail) == 4 else first // 100 * 100 + int(tail)
    if len(tail) == 2 and mark == "-" and int(tail) <= 12:
        return None
    return (date(first, 1, 1), date(last + 1, 1, 1)) if last > first else None


def _quarter(match: re.Match[str], asking: Asking) -> Span | None:
    words = match.group().lower()
    names = {"first": 1, "1st": 1, "second": 2, "2nd": 2, "third": 3, "3rd": 3, "fourth": 4, "4th": 4, "final": 4, "last": 4}
    numbered = re.search(r"q([1-4])", words)
    number = int(numbered.group(1)) if numbered else next(names[name] for name in names if words.startswith(name))
    year = year_named(words, asking.today)
    start = date(year or asking.today.year, 3 * number - 2, 1)
    start = start if year or start <= asking.today else start - relativedelta(years=1)
    return start, start + relativedelta(months=3)


def _half(match: re.Match[str], asking: Asking) -> Span | None:
    year = year_named(match.group(), asking.today)
    if year is None:
        return None
    start = date(year, 1 if match.group(1) == "H1" else 7, 1)
    return start, start + relativedelta(months=6)


def _season(match: re.Match[str], asking: Asking) -> Span | None:
    before, name = match.string[max(0, match.start() - 30) : match.start()], match.group(1)
    if name[0].isupper() and re.search(r"[A-Z][\w'’]* $", before):
        return None  # the name of an uprising or an event rather than a season
    if name == "fall" and not _FALL_IS_A_SEASON.search(before):
        return None
    split = re.search(r"(\d{4})[/–-](\d\d|\d{4})$", match.group())
    year = int(split.group(1)) if split else year_named(match.group(), asking.today)
    if year is None or (name.lower() == "winter" and not split) or (split and int(split.group(2)[-2:]) != (year + 1) % 100):
        return None
    return season_span(name, year)


def _decade(match: re.Match[str], asking: Asking) -> Span | None:
    name = match.group("decade").lower().strip("'’")
    start = _DECADES.get(name) or int(name[:-1]) + (1900 if len(name) == 3 else 0)
    return date(start, 1, 1), date(start + 10, 1, 1)


def _century(match: re.Match[str], asking: Asking) -> Span | None:
    number = int(match.group(1)) if match.group(1).isdigit() else _ORDINALS.index(match.group(1).lower()) + 1
    return date(100 * number - 99, 1, 1), date(100 * number + 1, 1, 1)


def _holiday(match: re.Match[str], asking: Asking) -> Span | None:
    month, day = _HOLIDAYS[match.group(1).lower().replace("’", "'")]
    year = year_named(match.group(), asking.today)
    start = date(year or asking.today.year, month, day)
    start = start if year or start <= asking.today else start - relativedelta(years=1)
    return start, start + timedelta(days=1)


def _nothing(match: re.Match[str], asking: Asking) -> None:
    """A name or a number that only looks like a time."""


LOWER_MONTHS = "|".join(sorted(set(MONTHS) - {"march", "may", "august"}))
BARE_MONTH = rf"(?:{'|'.join(name.title() for name in MONTHS)}|{LOWER_MONTHS}|Feb\b\.?|Aug\.|Sept?\b\.?|Oct\b\.?|Nov\b\.?|Dec\b\.?)"
RULES = (
    rule(rf"{_WEEKDAY}{_DAY_OF} {MONTH}{OF_YEAR}?", _named),
    rule(rf"{_WEEKDAY}{MONTH} (?:the )?{_DAY}{OF_YEAR}?", _named),
    rule(rf"(?P<first>{_DAY}){_TO}(?P<last>{_DAY}) (?:of )?(?P<month>{MONTH}){OF_YEAR}?", _day_range),
    rule(rf"(?P<month>{MONTH}) (?P<first>{_DAY}){_TO}(?P<last>{_DAY})(?! (?:of )?{MONTH}){OF_YEAR}?", _day_range),
    rule(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?)?(?![\d-])|\d{4}/\d\d/\d\d(?!\d)", _iso),
    rule(rf"{YEAR}-(?:0[1-9]|1[0-2])(?![\d-])", _iso, "year"),
    rule(r"\d\d?/\d\d?/\d{4}|\d\d?\.\d\d?\.\d{4}|\d\d?-\d\d?-\d{4}", _figures),
    rule(rf"{MONTH}{OF_YEAR}", _named),
    rule(rf"{BARE_MONTH}", _named, "month"),
    rule(YEAR, _bare_year, "year"),
    rule(rf"({YEAR}) ?([-–—/]) ?((?:1[5-9]|20)\d\d|\d\d)(?![\d-])", _year_range, "year"),
    rule(rf"Q[1-4](?: of)?{OF_YEAR}|{YEAR} Q[1-4]", _quarter),
    rule(r"Q[1-4]", _quarter, "month"),
    rule(
        rf"(?i:first|second|third|fourth|final|last|1st|2nd|3rd|4th)[ -]quarter(?: of)?(?:{OF_YEAR}|(?<=of) the year)",
        _quarter,
    ),
    rule(rf"(H[12])(?: of)?{OF_YEAR}", _half),
    rule(rf"((?i:{SEASON}))(?: of| in)?(?:,? ?{YEAR}[/–-](?:\d{{4}}|\d\d)|{OF_YEAR})", _season),
    rule(rf"(?<=[tT]he )(?P<decade>{DECADE})", _decade),
    rule(rf"(?<=the )(\d\d(?=th|st)|{'|'.join(reversed(_ORDINALS[14:21]))})(?:th|st)? century", _century),
    rule(rf"({'|'.join(name.title() for name in reversed(_HOLIDAYS))})".replace("'S", "['’]s") + rf"{OF_YEAR}?", _holiday, "holiday"),
    rule(rf"(?:Black|Good|Holy|Easter|Ash|Palm|Cyber|Super|Bloody) (?:{'|'.join(WEEKDAYS)})|May Day|March Madness|April Fools?", _nothing),
    rule(
        rf"(?i:class|fiscal(?: year)?|financial year|tax year|school year|academic year|FY)(?: of)? ?{YEAR}(?:[-–/]\d\d(?:\d\d)?)?",
        _nothing,
    ),
    rule(rf"(?:{'|'.join(WEEKDAYS)}) the {_DAY}(?! (?:of|{MONTH}))", _nothing),
)
