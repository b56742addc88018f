"""The times in a text, none overlapping another, with "from … to", "between … and" and "April and May 2025" put together."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import timedelta

from service.retrieval import parts, points, relative
from service.retrieval.ambiguity import is_doubtful, opens_sentence
from service.retrieval.points import Asking, Kind, Rule, Span

_RULES: tuple[Rule, ...] = (*parts.RULES, *points.RULES, *relative.RULES)
_ORDINARY_WORDS = {id(rule) for rule in (*parts.RULES, *relative.RULES)}
"""Rules for words that are capitalised only in names: "Last Week" inside a sentence is a programme."""
_RANGE = re.compile(r" ?[-–—] ?|,? (?:and|to|until|till|through)(?: the)? ")
_RANGE_LEAD = re.compile(r"\b(from|between)(?: the)? $", re.IGNORECASE)
_TO_NOW = re.compile(r" (?:to|until|till|through|and) (?:now|date|the present(?: day)?|present)\b")
_LIST = re.compile(r"(?:,|,? (?:and|or))(?: in| on)? ")
_UNDATED = re.compile(rf"^(?!(?i:this|last|next) )(?!.*(?:\d{{4}}|year)).*(?:{points.MONTH}(?:,? \d\d?(?:st|nd|rd|th)?)?|Q[1-4])$")
"""A day, month or quarter without a year, whatever stands before it."""
MAX_UNDATED = 334
"""Days from the first to the last of a range that was not given a year for its first."""
_MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Period:
    """A time in a text: `text[start:end]` means the days of `span`. A range has its preposition within."""

    start: int
    end: int
    span: Span
    kind: Kind
    is_range: bool = False

    @property
    def days(self) -> int:
        """How many days it is long."""
        return self.span[1].toordinal() - self.span[0].toordinal()


def find_periods(text: str, asking: Asking) -> list[Period]:
    """In reading order."""
    return _joined(text, _single(text, asking), asking)


def _single(text: str, asking: Asking) -> list[Period]:
    """The times one by one; of those that overlap, the longest, even where it then means nothing."""
    matches = [(found, rule) for rule in _RULES for found in rule.pattern.finditer(text)]
    taken: list[tuple[int, int]] = []
    periods: list[Period] = []
    for found, rule in sorted(matches, key=lambda pair: (pair[0].start() - pair[0].end(), pair[0].start())):
        start, end = found.span()
        if any(start < other_end and other_start < end for other_start, other_end in taken):
            continue
        taken.append((start, end))
        if id(rule) in _ORDINARY_WORDS and _is_name(text, start, rule.kind):
            continue
        try:
            span = rule.read(found, asking)
        except (ValueError, OverflowError):
            continue  # a day that does not exist, or a year before the first or after the last
        if span:
            periods.append(Period(start, end, span, rule.kind))
    if len(periods) > 1:
        # Beside another time, "the previous month" is the one before that.
        periods = [period for period in periods if period.kind != "previous"]
    return sorted(periods, key=lambda period: period.start)


def _is_name(text: str, start: int, kind: Kind) -> bool:
    if not text[start].isupper() or kind == "weekday" or opens_sentence(text, start):
        return False
    return not any(text.startswith(name, start) for name in points.WEEKDAYS)


def _joined(text: str, periods: list[Period], asking: Asking) -> list[Period]:
    joined: list[Period] = []
    for period in reversed(periods):
        if not joined:
            joined.append(_to_now(text, period, asking))
            continue
        following = joined[0]
        between = text[period.end : following.start]
        if _RANGE.fullmatch(between) and (run := _range(text, period, following, between, asking)) is not None:
            joined[:1] = run
        elif _LIST.fullmatch(between) and (carried := _dated_as(text, period, following, asking)):
            touching = carried.span[1] == following.span[0] and not following.is_range
            one = replace(carried, end=following.end, span=(carried.span[0], following.span[1]), kind=following.kind)
            joined[:1] = [one] if touching else [carried, following]
        else:
            joined.insert(0, _to_now(text, period, asking))
    return joined


def _to_now(text: str, period: Period, asking: Asking) -> Period:
    """ "From March to date"; other periods as they are."""
    lead, rest = _lead(text, period), _TO_NOW.match(text, period.end)
    if not lead or not rest:
        return period
    span = (period.span[0], asking.now + _MOMENT)
    return Period(period.start - len(lead.group()), rest.end(), span, "whole", is_range=True)


def _range(text: str, first: Period, last: Period, between: str, asking: Asking) -> list[Period] | None:
    """ "Between January and March", "from 2019 to 2022", "March–May 2025".

    None where the words do not make a range, none in the list where it would end before it begins.
    """
    lead, word = _lead(text, first), between.strip(" ,").split(" ")[0]
    if lead and (lead.group(1).lower() == "between") != (word == "and"):
        lead = None
    if not lead and (word == "and" or (word.isalpha() and "year" in (first.kind, last.kind))):
        return None
    start = first.start - len(lead.group()) if lead else first.start
    if last.is_range or any(is_doubtful(text, one.start, one.end, one.kind, at=False) for one in (first, last) if one.kind == "year"):
        return None
    dated = _dated_as(text, first, last, asking)
    first = dated or first
    one = Period(start, last.end, (first.span[0], last.span[1]), "whole", is_range=True)
    in_order = asking.starts(first.span[0]) < asking.starts(last.span[0])
    # "Moved from 12 November to 5 November" is no year.
    return [one] if in_order and not (dated and one.days > MAX_UNDATED) else []


def _lead(text: str, period: Period) -> re.Match[str] | None:
    return _RANGE_LEAD.search(text[max(0, period.start - 20) : period.start])


def _dated_as(text: str, period: Period, following: Period, asking: Asking) -> Period | None:
    """The period before the one that follows, in the same year if it can be; None where it has its own year or needs none."""
    words, limit = text[period.start : period.end], asking.starts(following.span[0])
    if period.kind == "weekday":
        back = timedelta(days=7 if asking.starts(period.span[0]) > limit else 0)
        return replace(period, span=(period.span[0] - back, period.span[1] - back))
    if not _UNDATED.search(words):
        return None
    for year in (limit.year, limit.year - 1):
        dated = _single(f"{words} {year}", asking)
        if len(dated) == 1 and asking.starts(dated[0].span[0]) < limit:
            return replace(period, span=dated[0].span)
    return None
