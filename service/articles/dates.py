"""Which of the dates that sources state is believed: true dates, or none.

What the publisher says for machines comes before what a feed repeats, what stands on the page, and a file's name
(`DateOrigin` in order). A date that cannot be true is passed over for the next. Nothing is taken from the clock: not
the time of fetching, not the age of a file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from urllib.parse import urlsplit

from service.articles.raw import DateField, Stated
from service.articles.written_dates import Reading, read_date
from service.domain import DateOrigin

CLOCK_SKEW = timedelta(days=1)
"""A date this far ahead is still believed: it is tomorrow already east of here."""
EARLIEST_YEAR = 1600
"""The first printed newspaper is of 1605; an earlier date is a mistake."""
MAX_STATED = 100
"""Of more dates than this about one article, the rest is left unread."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NULL_DAYS = frozenset({date(1601, 1, 1), date(1899, 12, 30), date(1900, 1, 1)})
"""Days whose first moment software writes for no date: of Windows (FILETIME) and of Excel."""
_WEST, _EAST = timedelta(hours=12), timedelta(hours=14)
"""How far zones reach from UTC, so where a day without a zone may begin and end."""
_TRUST = {origin: rank for rank, origin in enumerate(DateOrigin)}
_PATH_DAY = re.compile(r"/((?:19|20)\d\d)/(\d{1,2}|[a-z]{3})/(\d{1,2})(?=/|$)", re.ASCII | re.IGNORECASE)
_NAMED_DAY = re.compile(
    r"(?<!\d)((?:19|20)\d\d)([-_.])(\d{2})\2(\d{2})(?!\d)|(?<![0-9A-Za-z])((?:19|20)\d\d)(\d{2})(\d{2})(?![0-9A-Za-z])", re.ASCII
)
_MADE = r"(?:saved|scan(?:ned)?|download(?:ed)?|export(?:ed)?|screen ?shot|snapshot|backup|printed|captured|archived|retrieved|accessed)"
_MADE_BEFORE = re.compile(rf"(?<![^\W\d_]){_MADE}[\s_.()-]*(?:(?:on|at|from|am|vom)[\s_.-]+)?$", re.IGNORECASE)
_MADE_AFTER = re.compile(rf"[\s_.()-]*{_MADE}(?=[\s_.()\d-]*(?:\.\w{{1,7}})*$)", re.IGNORECASE)
"""Words that tell of a day when the file was made; behind it only as the last one, since `2026-03-04-export-ban` is a headline."""
_MADE_REACH = 30
_MONTHS = {name: number for number, name in enumerate("jan feb mar apr may jun jul aug sep oct nov dec".split(), 1)}


@dataclass(frozen=True, slots=True)
class Dated:
    """The dates of an article, in UTC, and how sure they are."""

    published_at: datetime | None
    updated_at: datetime | None
    """Later than `published_at` as the source writes them, or stated alone."""
    date_origin: DateOrigin
    """Of `published_at`."""
    zone: str | None
    """The source's own offset of `published_at`, such as `+02:00`; None for a day, and for a time without a zone, read as UTC."""
    conflicts: tuple[str, ...] = ()
    """Origins that say otherwise: `meta says 2025-04-05, json-ld says 2025-04-07 (used)`."""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Believable:
    origin: DateOrigin
    reading: Reading


def settle(stated: Sequence[Stated], now: datetime) -> Dated:
    """The dates to believe of those stated. `now` is the moment of reading, which no article can be later than.

    Of several dates of one origin the first is used. What is stated as a change is never taken for the publication.
    An `updated_at` that is that of the publication, or the same day where only the day is known, is no update: None.
    One that lies before it is dropped with a warning.
    """
    warnings: list[str] = []
    ordered = sorted(stated[:MAX_STATED], key=lambda one: _TRUST[one.origin])
    published = list(_believable("published_at", ordered, now, warnings))
    updated = list(_believable("updated_at", ordered, now, warnings))
    used = published[0] if published else None
    if used is None and any(one.field == "published_at" for one in ordered):
        warnings.append("no date that is stated can be when it was published; kept as unknown")
    return Dated(
        published_at=used.reading.moment if used else None,
        updated_at=_update(used, updated, warnings),
        date_origin=used.origin if used else DateOrigin.UNKNOWN,
        zone=used.reading.zone if used else None,
        conflicts=tuple(dict.fromkeys(_conflicts(published))),
        warnings=tuple(dict.fromkeys(warnings + [one.reading.warning for one in published[:1] if one.reading.warning])),
    )


def from_name(name: str) -> Stated | None:
    """The day in a file's name or in the path of an address: `2025-04-07-story.html`, `/2025/04/07/`, `20250407_x.txt`.

    A path of year, month and day comes first, then a day at the beginning of the last part, then the only day there is.
    None for a year and month alone, for figures that are no day of the calendar, for two different days, and for a day on which a file
    was made: `saved 2026-11-27.html`.
    """
    try:
        parts = urlsplit(name) if "://" in name else None
    except ValueError:
        return None
    path = (parts.path if parts else name).replace("\\", "/")[-2_000:]
    days = [day for found in _PATH_DAY.finditer(path) if (day := _day(found[1], found[2], found[3]))]
    if not days:
        last = path.rstrip("/").rpartition("/")[2]
        days = [day for found in _NAMED_DAY.finditer(last) if (day := _named_day(found)) and found.start() == 0]
    if not days:
        days = [day for found in _NAMED_DAY.finditer(path) if (day := _named_day(found))]
    return Stated("published_at", DateOrigin.FILE_NAME, days[0].isoformat()) if len(set(days)) == 1 else None


def _named_day(found: re.Match[str]) -> date | None:
    """The day of a name, unless it is the one on which the file was made."""
    before, after = found.string[max(0, found.start() - _MADE_REACH) : found.start()], found.string[found.end() :]
    last = len(after) <= _MADE_REACH and not _NAMED_DAY.search(after)
    if _MADE_BEFORE.search(before) or (last and _MADE_AFTER.match(after)):
        return None
    return _day(*((found[1], found[3], found[4]) if found[1] else (found[5], found[6], found[7])))


def _day(year: str, month: str, day: str) -> date | None:
    try:
        return date(int(year), _MONTHS.get(month.lower(), 0) or int(month), int(day))
    except ValueError:
        return None


def _believable(field: DateField, ordered: Sequence[Stated], now: datetime, warnings: list[str]) -> Iterator[_Believable]:
    """What can be read and can be true, the most trusted first; what cannot is warned of."""
    for one in ordered:
        if one.field != field or not one.written.strip():
            continue
        try:
            reading = read_date(one.written)
            _refuse_impossible(reading, now)
        except ValueError as error:
            warnings.append(f"{field} of {one.origin}: {one.written.strip()[:40]!a} {error}; passed over")
        else:
            yield _Believable(one.origin, reading)


def _refuse_impossible(reading: Reading, now: datetime) -> None:
    """Raises ValueError with the reason why nothing was published then."""
    if reading.moment > now + CLOCK_SKEW:
        raise ValueError("lies in the future")
    if reading.day.year < EARLIEST_YEAR:
        raise ValueError("lies before newspapers")
    if reading.day == _EPOCH.date() or reading.moment == _EPOCH:
        raise ValueError("is what software writes for no date")
    if reading.day in _NULL_DAYS and reading.moment == datetime.fromisoformat(f"{reading.day}T00:00:00{reading.zone or '+00:00'}"):
        raise ValueError("is what software writes for no date")


def _conflicts(published: Sequence[_Believable]) -> Iterator[str]:
    for other in published[1:]:
        if _disagree(published[0].reading, other.reading):
            used = published[0]
            yield f"{other.origin} says {other.reading.day}, {used.origin} says {used.reading.day} (used)"


def _disagree(one: Reading, other: Reading) -> bool:
    """Whether they cannot be of one publication: other days, times more than a day apart, a time outside that day anywhere on Earth."""
    if one.whole_day and other.whole_day:
        return one.day != other.day
    if one.whole_day or other.whole_day:
        day, moment = (one.moment, other.moment) if one.whole_day else (other.moment, one.moment)
        return not day - _EAST <= moment < day + timedelta(days=1) + _WEST
    return abs(one.moment - other.moment) > timedelta(days=1) + _slack(one, other)


def _slack(one: Reading, other: Reading) -> timedelta:
    """How far two times may seem apart because only one of them has a zone."""
    return _EAST if (one.zone is None) != (other.zone is None) else timedelta()


def _update(used: _Believable | None, updated: Sequence[_Believable], warnings: list[str]) -> datetime | None:
    """The most trusted update that is none of the publication."""
    for one in updated:
        if used is None:
            return one.reading.moment
        order = _order(one.reading, used.reading)
        if order >= 0:
            return one.reading.moment if order else None
        warnings.append(f"updated_at of {one.origin} ({one.reading.day}) lies before the publication ({used.reading.day}); dropped")
    return None


def _order(update: Reading, publication: Reading) -> int:
    """Above 0 where the update is the later one, below where it is the earlier one, 0 where that cannot be told.

    With a day on either side the days as written decide, for a day in Auckland begins before it does in UTC.
    """
    if update.whole_day:
        return (update.day > publication.day) - (update.moment + timedelta(days=1) + _WEST <= publication.moment)
    if publication.whole_day:
        return (update.moment >= publication.moment and update.day >= publication.day) - (update.moment < publication.moment - _EAST)
    return (update.moment > publication.moment) - (update.moment < publication.moment - _slack(update, publication))
