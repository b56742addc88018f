"""Parts of a longer time: "late April", "the first half of last year", "the first three weeks of May", "the end of the month".

Early, mid and late are thirds. A month is cut after its 10th and 20th, a year after April and August, a week after Tuesday
and Thursday, a decade after its fourth and seventh year.
"""

from __future__ import annotations

import re
from datetime import date, timedelta

from dateutil.relativedelta import relativedelta

from service.retrieval import points, relative
from service.retrieval.points import BARE_MONTH, DECADE, MONTH, OF_YEAR, SEASON, WEEKDAYS, YEAR, Asking, Rule, Span, rule
from service.retrieval.relative import COUNT, count, step

_WHOLE = (
    rf"(?P<whole>{MONTH}{OF_YEAR}|{BARE_MONTH}|{YEAR}|(?:this|last|next) (?:week|month|quarter|year|decade|{SEASON})"
    rf"|(?<=the )(?:week|month|quarter|year|decade)|{DECADE}|{SEASON}(?: of)?{OF_YEAR}|Q[1-4](?: of)?{OF_YEAR})"
)
_THIRDS = {"early": 0, "beginning": 0, "start": 0, "mid": 1, "middle": 1, "late": 2, "end": 2, "close": 2}
_PLACES = {"first": 0, "second": 1, "third": 2, "fourth": 3}


def _whole(match: re.Match[str], asking: Asking) -> Span | None:
    """What the part is of."""
    words = match.group("whole")
    if words in ("week", "month", "quarter", "year", "decade"):
        return relative.calendar(words, asking.today)
    return _read(words, (*points.RULES, *relative.RULES), asking)


def _read(words: str, rules: tuple[Rule, ...], asking: Asking) -> Span | None:
    text = f"the {words}"
    matches = ((one, one.pattern.fullmatch(text, len("the "))) for one in rules)
    return next((one.read(found, asking) for one, found in matches if found), None)


def _third(match: re.Match[str], asking: Asking) -> Span | None:
    span, place = _whole(match, asking), _THIRDS[match.group("part").lower()]
    if span is None:
        return None
    edges = (span[0], *_cuts(*span), span[1])
    return edges[place], edges[place + 1]


def _cuts(start: date, end: date) -> tuple[date, date]:
    """Where the second and the last third begin."""
    days = (end - start).days
    if days <= 31:
        return (start + timedelta(days=2), start + timedelta(days=4)) if days == 7 else (start + timedelta(10), start + timedelta(20))
    if days > 3000:
        return start + relativedelta(years=4), start + relativedelta(years=7)
    months = _months(start, end) // 3
    return start + relativedelta(months=months), start + relativedelta(months=2 * months)


def _months(start: date, end: date) -> int:
    return 12 * (end.year - start.year) + end.month - start.month


def _half(match: re.Match[str], asking: Asking) -> Span | None:
    span = _whole(match, asking)
    if span is None or (span[1] - span[0]).days <= 7:
        return None
    start, end = span
    months = _months(start, end)
    middle = start + timedelta(days=15) if months == 1 else start + relativedelta(months=months // 2, days=15 * (months % 2))
    return (start, middle) if match.group("part").lower() == "first" else (middle, end)


def _edge(match: re.Match[str], asking: Asking) -> Span | None:
    """ "the first three months of 2025", "the second week of May"."""
    span, part, unit = _whole(match, asking), match.group("part").lower(), match.group("unit")
    number = match.group("count")
    if span is None or (number is None and unit.endswith("s")):
        return None
    start, end = span
    if part in ("last", "final"):
        start = end - step(unit, count(number) if number else 1)
    elif part in ("first", "opening") or not number:
        start += step(unit, _PLACES.get(part, 0))
        end = start + step(unit, count(number) if number else 1)
    else:
        return None
    return (start, end) if span[0] <= start < end <= span[1] else None


def _week_of(match: re.Match[str], asking: Asking) -> Span | None:
    """ "the week of 3 March" is the calendar week; one that begins or ends on a day has seven from there."""
    span = _read(match.group("day"), points.RULES, asking)
    if span is None:
        return None
    start = {"of": relative.calendar("week", span[0])[0], "ending": span[0] - timedelta(days=6)}.get(match.group("how"), span[0])
    return start, start + timedelta(days=7)


def _weekday(match: re.Match[str], asking: Asking) -> Span | None:
    """ "the last Friday of May 2025", "the first Monday in May"."""
    span, part = _whole(match, asking), match.group("part").lower()
    if span is None:
        return None
    number = next(i for i, name in enumerate(WEEKDAYS) if name == match.group("name"))
    if part == "last":
        day = span[1] - timedelta(days=(span[1].weekday() - number - 1) % 7 + 1)
    else:
        day = span[0] + timedelta(days=(number - span[0].weekday()) % 7 + 7 * _PLACES[part])
    return (day, day + timedelta(days=1)) if span[0] <= day < span[1] else None


_DAY = rf"(?P<day>\d\d?(?:st|nd|rd|th)?(?: of)? {MONTH}{OF_YEAR}?|{MONTH} \d\d?(?:st|nd|rd|th)?{OF_YEAR}?|\d{{4}}-\d\d-\d\d)"
RULES = (
    rule(rf"(?P<part>(?i:early|mid|late))(?:(?: in| on)? |-)(?:the )?{_WHOLE}", _third),
    rule(rf"(?i:the )?(?P<part>beginning|start|middle|end|close) of (?:the )?{_WHOLE}", _third),
    rule(rf"(?i:the )?(?P<part>early|late) part of (?:the )?{_WHOLE}", _third),
    rule(rf"(?i:the )?(?P<part>(?i:first|second|last|latter)) half of (?:the )?{_WHOLE}", _half),
    rule(
        rf"(?i:the )?(?P<part>(?i:first|second|third|fourth|last|final|opening)) (?:(?P<count>{COUNT}) )?"
        rf"(?P<unit>(?:day|week|month|year)s?) of (?:the )?{_WHOLE}",
        _edge,
    ),
    rule(rf"(?i:the )?(?P<part>(?i:first|second|third|fourth|last)) (?P<name>{'|'.join(WEEKDAYS)}) (?:of|in) (?:the )?{_WHOLE}", _weekday),
    rule(rf"(?i:the )?week (?P<how>of|beginning|starting|ending|from)(?: the| on)? {_DAY}", _week_of),
)
