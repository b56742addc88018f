"""Dates as sources write them: ISO 8601, RFC 2822, Unix time, and dates in words. A date is never taken from the clock.

Words that depend on when they are read ("yesterday", "2 hours ago") are no dates here, and neither is 04/05/2025,
which is April in one country and May in another. Dots are no such riddle: 04.05.2025 is the fourth of May wherever it
is written so. Parsers: dateutil (ISO 8601), `email.utils` (RFC 2822), dateparser (months in words).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from email.utils import parsedate
from functools import lru_cache
from typing import Any

from service.moments import named_zone

MAX_WRITTEN = 100
"""Characters. What is longer is no date."""
_LANGUAGES = ["en", "de", "fr", "es", "it", "pt", "nl", "sv", "da", "nb", "fi", "pl", "cs", "ru", "uk", "tr", "ja", "zh"]
_RFC_ZONES = {"EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7}
"""RFC 2822 §4.3, so CST is that of Chicago."""
_GERMAN_ZONES = {"MEZ": 1, "MESZ": 2}
_NATIONAL = {"ET": "America/New_York", "CT": "America/Chicago", "MT": "America/Denver", "PT": "America/Los_Angeles"}
"""What American papers write all year round: the offset follows from the day."""
_AMBIGUOUS = frozenset({"IST", "AST", "ADT", "AMT", "ACT", "ECT", "GST", "SST", "WST", "LMT"})
"""Each stands for several zones: IST is that of India, of Israel and of Ireland."""
_TIME = r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,]\d{1,9})?)?(?:\s*(?P<half>[ap])\.?\s?m\b\.?)?"
_BEFORE_TIME = rf"(?:(?:T|[,\s]+(?:[-\u2013|]|at|um)?\s*){_TIME})?"
_ISO = re.compile(r"(?P<day>\d{4}-\d{2}-\d{2}|\d{8})(?:[T ](?P<time>\d{2}:?\d{2}(?::?\d{2}(?:[.,]\d{1,9})?)?))?", re.ASCII | re.IGNORECASE)
_XML_DAY = re.compile(r"(\d{4}-\d{2}-\d{2})(?:Z|[+-]\d{2}:\d{2})", re.ASCII)
_BASIC = re.compile(r"\d{12}(?:\d{2})?", re.ASCII)
_EPOCH = re.compile(r"\d{10}(?:\d{3}|\.\d{1,9})?", re.ASCII)
_OFFSET = re.compile(
    r"(?:UTC|GMT)?\s?(?P<sign>[+\-\u2212])(?P<hours>\d{1,2})(?::?(?P<minutes>\d{2}))?(?:\s*\([^)]*\)|\s*\[[^\]]*\])?", re.ASCII
)
_NAME = r"[Zz]\b|[A-Z]{1,5}\b|[A-Z][A-Za-z_]+/[A-Za-z_/]+"
_ZONE = re.compile(rf"[\s,]*[(\[]?(?P<zone>{_OFFSET.pattern}|{_NAME})?[)\]]?[\s,]*(?P<rest>.*)", re.ASCII)
_CLOCK = re.compile(r"(?<![\d:])" + re.sub(r"\?P<\w+>", "?:", _TIME) + r"|(?<=\d)T\d{4}(?:\d{2})?(?!\d)", re.IGNORECASE)
_YEAR_FIRST = re.compile(rf"(\d{{4}})([-/.])(\d{{1,2}})\2(\d{{1,2}}){_BEFORE_TIME}", re.ASCII | re.IGNORECASE)
_YEAR_LAST = re.compile(rf"(?:[^\W\d]+\.?,?\s+)?(\d{{1,2}})\s?([-/.])\s?(\d{{1,2}})\s?\2\s?(\d{{4}}){_BEFORE_TIME}", re.IGNORECASE)
_RFC = re.compile(r"(?:[a-z]{3,9},?\s+)?\d{1,2}[ -][a-z]{3,9}[ -]\d{2,4}(?:\s+\d{1,2}:\d{2}(?::\d{2})?)?", re.ASCII | re.IGNORECASE)
_NUMBERS_ALONE = re.compile(r"\d{1,2}\s?[-/.]\s?\d{1,2}\s?[-/.]\s?\d{2,4}", re.ASCII)
_MONTHS = 12
_WORD = re.compile(r"[^\W\d_]{3,}|[\u5e74]")
"""A month's name, or the sign for "year"."""
_YEAR = re.compile(r"(?<!\d)(?:1[5-9]|2[01])\d\d(?!\d)", re.ASCII)
_WRITTEN_HOURS = (
    (re.compile(r"(?<![\d.])(\d{1,2})\.(\d{2})(?=\s*(?:Uhr|[ap]\.?m\b))", re.IGNORECASE), r"\1:\2"),
    (re.compile(r"(?<!\d)(\d{1,2})h(\d{2})(?!\d)"), r"\1:\2"),
    (re.compile(r"(?<![\d:.])(\d{1,2})\s*([ap])\.?m\b\.?", re.IGNORECASE), r"\1:00 \2m"),
    (re.compile(r"(:\d{2})\s*(?:Uhr|hrs)\b\.?", re.IGNORECASE), r"\1"),
)


@dataclass(frozen=True, slots=True)
class Reading:
    """A written date as it was understood."""

    moment: datetime
    """UTC; the first moment of the day where no time is written."""
    day: date
    """The calendar day as it is written, in the source's own zone."""
    whole_day: bool
    """Whether only the day is known: no time, or midnight in UTC or no zone, which is how a day without a time is stored."""
    zone: str | None
    """The offset that is written or that a zone's name means: `+02:00`."""
    warning: str | None = None


def read_date(written: str) -> Reading:
    """The date that is written. Raises ValueError with the reason where none can be told.

    A time without a zone is read as UTC, and so, with a warning, is one whose zone's name stands for several.
    """
    text = " ".join(written[: 2 * MAX_WRITTEN].split())
    if not text or len(text) > MAX_WRITTEN:
        raise ValueError("is no date")
    try:
        return _number(text) if text.replace(".", "", 1).isdecimal() and text.isascii() else _words(text)
    except OverflowError as error:
        raise ValueError("lies outside the calendar") from error


def _number(text: str) -> Reading:
    """A day or time as digits alone: 20250407, 202504071030, or Unix time in seconds or milliseconds."""
    if _ISO.fullmatch(text):
        return _reading(datetime.combine(date.fromisoformat(text), time()), "", timed=False)
    if _BASIC.fullmatch(text) and _YEAR.match(text[:4]):
        return _reading(datetime.strptime(text, "%Y%m%d%H%M%S"[: len(text) - 2]), "", timed=True)
    if _EPOCH.fullmatch(text):
        seconds = int(text) / 1000 if len(text) == len("1744012800000") else float(text)
        return _reading(datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None), "", timed=True)
    raise ValueError("is a number and no date")


def _words(text: str) -> Reading:
    for pattern, plain in _WRITTEN_HOURS:
        text = pattern.sub(plain, text)
    head, zone = _split_zone(text)
    for read in (_iso, _year_first, _year_last, _rfc, _in_words):
        naive = read(head)
        if naive is not None:
            return _reading(naive, zone, timed=_CLOCK.search(head) is not None)
    raise ValueError("is no date")


def _split_zone(text: str) -> tuple[str, str]:
    """The date without its zone, and the zone as written. A zone stands behind a time, or behind a date of XML Schema."""
    if day := _XML_DAY.fullmatch(text):
        return day[1], ""
    clock = _CLOCK.search(text)
    if clock is None:
        return text, ""
    found = _ZONE.fullmatch(text, clock.end())
    assert found is not None
    return f"{text[: clock.end()]} {found['rest']}".strip(), found["zone"] or ""


def _iso(text: str) -> datetime | None:
    if not (found := _ISO.fullmatch(text)):
        return None
    from dateutil.parser import isoparse

    return isoparse(found["day"] + ("T" + found["time"] if found["time"] else ""))


def _year_first(text: str) -> datetime | None:
    if not (found := _YEAR_FIRST.fullmatch(text)):
        return None
    return datetime(int(found[1]), int(found[3]), int(found[4]), *_time_of_day(found))


def _year_last(text: str) -> datetime | None:
    """Day and month in figures. Raises ValueError where they could as well be month and day."""
    if not (found := _YEAR_LAST.fullmatch(text)):
        return None
    first, second = int(found[1]), int(found[3])
    if found[2] != "." and max(first, second) <= _MONTHS and first != second:
        raise ValueError("may mean two days: write the year first, or the month's name")
    day, month = (second, first) if second > _MONTHS else (first, second)
    return datetime(int(found[4]), month, day, *_time_of_day(found))


def _time_of_day(found: re.Match[str]) -> tuple[int, int, int]:
    hour, minute, second = (int(found[name] or 0) for name in ("hour", "minute", "second"))
    if half := found["half"]:
        hour = hour % 12 + (12 if half.lower() == "p" else 0)
    return hour, minute, second


def _rfc(text: str) -> datetime | None:
    parts = parsedate(text + ("" if ":" in text else " 00:00:00")) if _RFC.fullmatch(text) else None
    return datetime(*parts[:6]) if parts else None


def _in_words(text: str) -> datetime | None:
    """A date with its month in words. dateparser's answer must say the day and the year that are written."""
    if not _YEAR.search(text) or _NUMBERS_ALONE.search(text) or not _WORD.search(text):
        return None
    found = _parser().get_date_data(text).date_obj
    if not isinstance(found, datetime) or str(found.year) not in text or not re.search(rf"(?<!\d)0?{found.day}(?!\d)", text):
        return None
    return found.replace(tzinfo=None)


@lru_cache(maxsize=1)
def _parser() -> Any:
    from dateparser.date import DateDataParser

    settings = {
        "STRICT_PARSING": True,
        "REQUIRE_PARTS": ["day", "month", "year"],
        "PARSERS": ["absolute-time"],
        "RETURN_AS_TIMEZONE_AWARE": False,
    }
    return DateDataParser(languages=_LANGUAGES, settings=settings)


def _reading(naive: datetime, written_zone: str, *, timed: bool) -> Reading:
    offset, warning = _offset(written_zone, naive) if timed else (None, None)
    whole = not offset and naive.time() == time()
    moment = (naive - (offset or timedelta())).replace(tzinfo=UTC)
    return Reading(moment, naive.date(), whole, None if offset is None else _shown(offset), warning)


def _shown(offset: timedelta) -> str:
    minutes = int(offset.total_seconds()) // 60
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"


def _offset(zone: str, naive: datetime) -> tuple[timedelta | None, str | None]:
    """The offset from UTC that a zone means on that day, None where it is not known, and a warning where that matters."""
    if found := _OFFSET.fullmatch(zone):
        offset = timedelta(hours=int(found["hours"]), minutes=int(found["minutes"] or 0))
        if offset > timedelta(hours=14) or (found["sign"] != "+" and not offset):
            # RFC 2822 and RFC 3339: -00:00 is a time in UTC of a place whose zone is not known
            return None, f"there is no zone {zone}: read as UTC" if offset else None
        return offset if found["sign"] == "+" else -offset, None
    name = zone.upper()
    if not name:
        return None, None
    if name in {"Z", "UT", "UTC", "GMT"}:
        return timedelta(), None
    if (hours := (_RFC_ZONES | _GERMAN_ZONES).get(name)) is not None:
        return timedelta(hours=hours), None
    if name in _NATIONAL or "/" in zone:
        return _national(_NATIONAL.get(name, zone), naive)
    return _abbreviated(name)


def _national(zone: str, naive: datetime) -> tuple[timedelta | None, str | None]:
    try:
        return naive.replace(tzinfo=named_zone(zone)).utcoffset(), None
    except ValueError:
        return None, f"there is no zone {zone}: read as UTC"


def _abbreviated(name: str) -> tuple[timedelta | None, str | None]:
    """By dateparser's table of some 300 abbreviations."""
    if name in _AMBIGUOUS:
        return None, f"the zone {name} stands for several: read as UTC"
    from dateparser.timezone_parser import pop_tz_offset_from_string

    _, zone = pop_tz_offset_from_string(f"10:30 {name}")
    if zone is None:
        return None, f"there is no zone {name}: read as UTC"
    return zone.utcoffset(datetime(2000, 1, 1)), None
