"""The days that a text names, by dateparser: no grammar of dates is written here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime, time
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dateparser.date import DateDataParser

_LANGUAGES = ("de", "fr")
"""Besides English: those in which notices are known."""
_NOISE = re.compile(r"\b(?:pages?|seite) \w+(?: of)?\b|['’]s\b", re.IGNORECASE)
"""The number of a page would be taken for a day, and "Monday's" for no day."""
_MOST_NUMBERS = 12
"""A text of more is a table, on which dateparser spends seconds."""
_SHORT = 3
"""Letters: dateparser takes `we`, `sat` and `mon` for weekdays."""


def named_days(text: str, today: date, language: str | None = None) -> Iterator[date]:
    """Every day named, in reading order; weekdays and days without a year are the last ones by `today`. Some 10 ms a sentence."""
    from dateparser.search import search_dates  # a third of a second, so not before there is a notice

    own = (language or "en").split("-")[0].casefold()
    languages = ("en", own) if own in _LANGUAGES else ("en",)
    settings: dict[str, Any] = {
        "RELATIVE_BASE": datetime.combine(today, time()),
        "PREFER_DATES_FROM": "past",
        "RETURN_AS_TIMEZONE_AWARE": False,
    }
    if len(re.findall(r"\d+", text)) > _MOST_NUMBERS:
        return
    try:
        found = search_dates(_NOISE.sub("", text), languages=list(languages), settings=settings) or []
    except OverflowError:  # a day before the first or after the last of the calendar is none
        return
    for phrase, moment in found:
        telling = any(character.isdigit() for character in phrase) or max(map(len, phrase.split()), default=0) > _SHORT
        # Midnight: "41 minutes" is taken for a time of day. The period: "March 2025" comes as one of its days.
        if telling and moment.time() == time() and _parser(languages).get_date_data(phrase).period == "day":
            yield moment.date()


@lru_cache(maxsize=len(_LANGUAGES) + 1)
def _parser(languages: tuple[str, ...]) -> DateDataParser:
    from dateparser.date import DateDataParser

    return DateDataParser(languages=list(languages), settings={"RETURN_AS_TIMEZONE_AWARE": False})
