"""Between instants and the text that people and programs write them in: ISO 8601, always UTC."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta


def iso(moment: datetime | None) -> str | None:
    """`2025-04-07` where only the day is known (midnight UTC), else an RFC 3339 instant in UTC."""
    if moment is None:
        return None
    moment = moment.astimezone(UTC)
    if (moment.hour, moment.minute, moment.second, moment.microsecond) == (0, 0, 0, 0):
        return moment.date().isoformat()
    return moment.isoformat().replace("+00:00", "Z")


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
