"""Between instants and the text that people and programs write them in: ISO 8601, always UTC."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo

from service.errors import BadInput

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def iso(moment: datetime | None) -> str | None:
    """`2025-04-07` where only the day is known (midnight UTC), else an RFC 3339 instant in UTC."""
    if moment is None:
        return None
    moment = moment.astimezone(UTC)
    if (moment.hour, moment.minute, moment.second, moment.microsecond) == (0, 0, 0, 0):
        return moment.date().isoformat()
    return moment.isoformat().replace("+00:00", "Z")


def named_zone(name: str) -> ZoneInfo:
    """The time zone of an IANA name. Raises ValueError with a sentence a user can act on."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:  # not there, a path that leads elsewhere, a folder of zones
        raise ValueError(f"{name!r} is not a time zone: write an IANA name such as Europe/Berlin or UTC") from error


def parse_asked_at(text: str, zone: tzinfo | None = None) -> datetime:
    """When a question is asked, in the asker's zone: the one given, else the offset that was written, else UTC.

    A date means the last moment of that day in the zone. Raises ValueError with a sentence a user can act on.
    """
    moment = parse_moment(text, end_of_day=True)
    value, home = text.strip(), zone or UTC
    try:
        if len(value) == len("YYYY-MM-DD"):
            midnight = datetime.combine(date.fromisoformat(value) + timedelta(days=1), time(), home)
            return (midnight.astimezone(UTC) - timedelta(microseconds=1)).astimezone(home)
        written = datetime.fromisoformat(value)
        return moment.astimezone(zone or written.tzinfo or UTC) if written.tzinfo else written.replace(tzinfo=home)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{text!r} is too near the first or the last year that a calendar has") from error


def parse_moment(text: str, *, end_of_day: bool = False) -> datetime:
    """An ISO 8601 date or instant as UTC; a date means its first moment, or its last with `end_of_day`.

    A time without a zone is taken as UTC. Raises ValueError with a sentence a user can act on.
    """
    value = text.strip()
    try:
        if len(value) == len("YYYY-MM-DD"):
            day = datetime.combine(date.fromisoformat(value), datetime.min.time(), UTC)
            return day + timedelta(days=1, microseconds=-1) if end_of_day else day
        moment = datetime.fromisoformat(value)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{text!r} is not a date: write YYYY-MM-DD or YYYY-MM-DDTHH:MM:SSZ") from error


def span(text: str) -> timedelta:
    """`90s`, `15m`, `2h` or `1d`. Raises BadInput."""
    found = re.fullmatch(r"([0-9]{1,6})([smhd])", text.strip())
    if not found or not int(found[1]):
        raise BadInput(f"{text!r} is no length of time: write 90s, 15m, 2h or 1d")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})
