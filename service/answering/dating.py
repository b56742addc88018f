"""Dates behind the relative words of an article: its "yesterday" is the day before it was published.

The words are found by the time layer of the questions (`retrieval.periods`), read against the article's own date. Two things
differ from a question: a sentence that speaks of what is to come ("will meet on Tuesday") means the coming day, and what stands
in quotation marks is left alone, because it was said when it was said. Hours and stretches up to now are not read.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import lru_cache

from service.domain import Evidence, Question
from service.retrieval.ambiguity import is_doubtful, is_weekday, speaks_ahead, unquoted
from service.retrieval.periods import Period, find_periods
from service.retrieval.points import MONTH, WEEKDAYS, Asking, Span
from service.retrieval.relative import COUNT, count, step
from service.words import folded

_RELATIVE = re.compile(
    rf"(?i:\b(?:today|tonight|yesterday|tomorrow|last|this|next|past|previous|ago|weekend|{'|'.join(WEEKDAYS)})\b)"
    r"|\b(?:Mon|Tues?|Wed|Thu(?:rs?)?|Fri|Sat)\b"
)
_ABSOLUTE = re.compile(r"\d{4}|\b\d{1,2}(?:st|nd|rd|th)? [A-Z]|[A-Z][a-z]+\.? \d")
_DAY_NAME = re.compile(rf"(?:{'|'.join(WEEKDAYS)}|Mon|Tues?|Wed|Thu(?:rs?)?|Fri|Sat)\b", re.IGNORECASE)
_BEFORE_A_DAY = re.compile(r"\b(?:on|by|until|till|since|before|after|from|late|early) $", re.IGNORECASE)
_REPEATED = re.compile(r" (?:morning|afternoon|evening|night)s\b")
_IN_A_WHILE = re.compile(
    rf"\b(?i:in) (?P<count>(?i:{COUNT})) (?P<unit>days?|weeks?|months?|years?)(?= ?[.,;:)]|$| (?:and|but|when|with|if)\b)"
)
_PREPOSITION = re.compile(
    r"\b(?:on|in|since|until|till|by|from|before|after|during|of|for|between|and|to|at|late|early|earlier|later|through|over|than|the) $",
    re.IGNORECASE,
)
_POSSESSIVE = re.compile(r"['’]s?(?!\w)")
_WHEN = re.compile(r"^(?:(?:and|so|but) )?when\b|\b(?:what|which) (?:exact )?(?:date|day)\b|\bsince when\b", re.IGNORECASE)
_HAS_DATE = re.compile(rf"\b(?:{MONTH}|(?:1[5-9]|20)\d\d\b)")
TOLD_AHEAD = timedelta(days=30)
"""How long before it happens news may tell of something. A first choice."""
_TODAY = ("today", "tonight", "this morning", "this afternoon", "this evening")


@dataclass(frozen=True, slots=True)
class Resolved:
    """A relative time in a text: `text[start:end] == phrase`, and it means the days `[first, last)`."""

    start: int
    end: int
    phrase: str
    first: date
    last: date

    @property
    def said(self) -> str:
        """ "6 April 2025", "April 2025", "2025", "the week of 7 April 2025", "1 June to 31 August 2025"."""
        return say(self.first, self.last)


def say(first: date, last: date) -> str:
    """The days `[first, last)` in words."""
    days = (last - first).days
    if days == 1:
        return _day(first)
    if days == 2 and first.weekday() != WEEKDAYS.index("Saturday"):
        return f"the night of {_day(first)}"
    if days <= 2:
        return f"the weekend of {_day(first)}"
    if days == 7:
        return f"the week of {_day(first)}"
    if first.day == 1 and last.day == 1 and last.month == first.month % 12 + 1 and days <= 31:
        return f"{first:%B %Y}"
    if (first.month, first.day, last.month, last.day) == (1, 1, 1, 1) and last.year == first.year + 1:
        return str(first.year)
    return f"{_day(first)} to {_day(last - timedelta(days=1))}"


def _day(day: date) -> str:
    return f"{day.day} {day:%B %Y}"


@lru_cache(maxsize=4096)
def relative_times(text: str, published_at: datetime | None) -> tuple[Resolved, ...]:
    """The relative times of an article's sentence, in reading order; none where the article has no date."""
    if published_at is None:
        return ()
    asking, bare = Asking(published_at), unquoted(text)
    found = [_resolved(text, bare, period, asking.today) for period in find_periods(bare, asking)]
    kept = [one for one in found if one]
    kept += [one for one in _in_a_while(bare, asking.today) if not any(one.start < other.end and other.start < one.end for other in kept)]
    return tuple(sorted(kept, key=lambda one: one.start))


def resolved_dates(one: Evidence) -> tuple[Resolved, ...]:
    """What the relative words of an evidence sentence mean: dates that a sentence which cites it may say."""
    return relative_times(one.text, one.article.published_at)


def date_words(one: Evidence) -> str:
    """The same as words, for a check that compares words and numbers."""
    return " ".join(f"{time.said} {time.first:%A}" if (time.last - time.first).days == 1 else time.said for time in resolved_dates(one))


def annotated(one: Evidence) -> str:
    """The evidence sentence with a date behind each relative word, for a model to read: "yesterday (6 April 2025)"."""
    return _noted(one.text, resolved_dates(one), "({})")


def in_brackets(one: Evidence) -> str:
    """The evidence sentence on one line, with a date in brackets behind each relative word: what is added is seen to be added."""
    return " ".join(_noted(one.text, resolved_dates(one), "[{}]").split())


def shown(text: str, cited: Sequence[Evidence], question: Question, *, opens: bool) -> str:
    """The sentence as the reader gets it: relative words say their dates.

    The sentence that `opens` the answer tells when it was reported, where the newest state is asked for; where it is asked
    when something was, only if it names no date itself.
    """
    said = dated(text, cited)
    if opens and (question.wants_latest or (_WHEN.search(question.asked) and not _HAS_DATE.search(said))):
        return reported(said, cited)
    return said


def dated(text: str, cited: Sequence[Evidence]) -> str:
    """A sentence of an answer whose relative words say their dates, as the cited articles mean them.

    A sentence that quotes gets a note in brackets behind the word. A drafted one gets the date in its place; a relative word
    that no cited sentence uses or means is shown with the date of the article that it is cited from, so that nobody reads it
    as counted from today.
    """
    if quoted := next((one for one in cited if folded(text) == folded(one.text)), None):
        return in_brackets(quoted)
    anchor = next((one.article.published_at for one in cited if one.article.published_at), None)
    said = text
    for time in reversed(relative_times(text, anchor)):
        meant = _meant(time, cited)
        if meant is None and anchor:
            said = f"{said[: time.end]} (as of {_day(anchor.date())}){said[time.end :]}"
        elif meant is not None and _POSSESSIVE.match(said, time.end):
            said = _noted(said, (replace(time, first=meant.first, last=meant.last),), "({})")
        elif meant is not None:
            said = said[: time.start] + _in_place(time, meant, said[: time.start]) + said[time.end :]
    return said


def reported(text: str, cited: Sequence[Evidence]) -> str:
    """The sentence with the date of its newest report, unless it says that date already: "… (reported 12 March 2026)."."""
    newest = max((one.article.published_at for one in cited if one.article.published_at), default=None)
    if newest is None or _day(newest.date()) in text:
        return text
    end = re.search(r"[.!?]?[\"”’']?$", text)
    quotes = end is not None and len(end.group()) > 1
    place = len(text) if end is None or quotes else end.start()
    return f"{text[:place]} (reported {_day(newest.date())}){text[place:]}"


def long_before(text: str, cited: Sequence[Evidence], question: Question) -> str | None:
    """The relative time that the sentence repeats of its question, where all it rests on was printed long before: no news of this week."""
    days = [one.article.published_at for one in cited]
    newest = max(filter(None, days), default=None)
    if newest is None or not all(days):
        return None
    for time in relative_times(text, question.asked_at):
        told_ahead = newest.date() >= time.first - TOLD_AHEAD
        if not told_ahead and time.phrase.casefold() in question.standalone.casefold() and _meant(time, cited) is None:
            return time.phrase
    return None


def _resolved(text: str, bare: str, period: Period, today: date) -> Resolved | None:
    phrase = text[period.start : period.end]
    if not _RELATIVE.search(phrase) or _ABSOLUTE.search(phrase) or period.is_range:
        return None
    span = period.span
    if isinstance(span[0], datetime) or isinstance(span[1], datetime):
        if "today" not in phrase.casefold():
            return None
        span = (today, today + timedelta(days=1))
    if _DAY_NAME.search(phrase):
        found = _named_day(bare, period, span, today)
        if found is None:
            return None
        span = found
    elif phrase.casefold() not in _TODAY and is_doubtful(bare, period.start, period.end, period.kind, at=False):
        return None
    return Resolved(period.start, period.end, phrase, *span)


def _named_day(bare: str, period: Period, span: Span, today: date) -> Span | None:
    """A day of the week, the coming one where the sentence looks ahead; None for "next Friday", which two readers read differently."""
    phrase, before = bare[period.start : period.end].casefold(), bare[max(0, period.start - 12) : period.start]
    if phrase.startswith("next") or phrase.endswith("next week") or _REPEATED.match(bare, period.end):
        return None
    if phrase.startswith(("last", "this")) or " week" in phrase:
        return span
    if not _BEFORE_A_DAY.search(before) and not is_weekday(bare, period.start, period.end):
        return None
    if is_doubtful(bare, period.start, period.end, period.kind, at=False):
        return None
    if speaks_ahead(bare, period.start):
        day = today + timedelta(days=(span[0] - today).days % 7)
        return day, day + timedelta(days=1)
    return span


def _in_a_while(bare: str, today: date) -> list[Resolved]:
    """ "Will open in three days": only where the sentence looks ahead, for "rose 5 percent in three days" is a stretch."""
    found = []
    for match in _IN_A_WHILE.finditer(bare):
        number, unit = count(match.group("count")), match.group("unit")
        if not speaks_ahead(bare, match.start()):
            continue
        day = today + step(unit, number)
        first, last = (day, day + timedelta(days=1))
        if unit.startswith("week"):
            first = day - timedelta(days=day.weekday())
            last = first + timedelta(days=7)
        elif unit.startswith("month"):
            first = day.replace(day=1)
            last = first + step("month", 1)
        elif unit.startswith("year"):
            first, last = date(day.year, 1, 1), date(day.year + 1, 1, 1)
        found.append(Resolved(match.start(), match.end(), match.group(), first, last))
    return found


def _meant(time: Resolved, cited: Sequence[Evidence]) -> Resolved | None:
    """What the cited sentences mean by it: by the same word, else by another word for the same days."""
    known = [other for one in cited for other in resolved_dates(one)]
    same = (other for other in known if folded(other.phrase) == folded(time.phrase))
    return next(same, None) or next((other for other in known if (other.first, other.last) == (time.first, time.last)), None)


def _noted(text: str, times: Sequence[Resolved], form: str) -> str:
    for time in reversed(times):
        owns = _POSSESSIVE.match(text, time.end)
        end = owns.end() if owns else time.end
        text = f"{text[:end]} {form.format(time.said)}{text[end:]}"
    return text


def _in_place(time: Resolved, meant: Resolved, before: str) -> str:
    """The date as it stands in the sentence, with a preposition where none leads it and the day's name where it was there."""
    name = _DAY_NAME.search(time.phrase)
    said = f"{name.group()} {meant.said}" if name and (meant.last - meant.first).days == 1 else meant.said
    if _IN_A_WHILE.match(time.phrase):
        lead = "on " if (meant.last - meant.first).days == 1 else "in "
    elif _PREPOSITION.search(before):
        return re.sub(r"^the ", "", said) if before.lower().endswith("the ") else said
    else:
        lead = "on " if (meant.last - meant.first).days <= 2 else "from " if " to " in said else "in "
    return (lead.capitalize() if not before.strip() else lead) + said
