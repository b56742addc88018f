"""Times that a question names from where it stands: "yesterday", "last week", "two months ago", "on Friday".

Each is read as a half-open run of days against the asker's today; only what counts hours or minutes is instants. A part of
a day ("this morning") is its whole day, because half of an archive knows no hour: "last night" is yesterday and today.
Weeks begin on Monday. "Last Friday" is the last one before today, "on Friday" may be today, "this Friday" is this week's
and "next Friday" next week's. "Last week" is the one before this; "the last week" and "the past week" reach back from now.
"""

from __future__ import annotations

import re
from datetime import date, timedelta

from dateutil.relativedelta import relativedelta

from service.retrieval.points import MONTHS, SEASON, WEEKDAYS, Asking, Span, last_named, point, rule, season_span, year_span

_COUNTS = {
    "a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
    "eleven": 11, "twelve": 12, "fifteen": 15, "twenty": 20, "thirty": 30, "a couple of": 2, "couple of": 2, "half a": 0.5,
}  # fmt: skip
COUNT = rf"(?:\d{{1,3}}|{'|'.join(sorted(_COUNTS, key=len, reverse=True))})"
UNIT = r"(?:minute|hour|day|week|fortnight|month|quarter|year|decade)s?"
_MOMENT = timedelta(microseconds=1)


def count(words: str) -> float:
    """The number that "12", "twelve" or "a couple of" is."""
    return int(words) if words.isdigit() else _COUNTS[words.lower()]


def step(unit: str, number: float) -> relativedelta:
    """So many days, weeks, months or years; half a year is six months."""
    one = {
        "day": {"days": 1}, "week": {"days": 7}, "fortnight": {"days": 14}, "weekend": {"days": 7}, "month": {"months": 1},
        "quarter": {"months": 3}, "year": {"months": 12}, "decade": {"months": 120},
    }[unit.lower().rstrip("s")]  # fmt: skip
    return relativedelta(**{name: int(size * number) for name, size in one.items()})  # type: ignore[arg-type]


def calendar(unit: str, day: date) -> Span:
    """The calendar unit that holds the day."""
    match unit:
        case "week":
            start = day - timedelta(days=day.weekday())
        case "weekend":
            start = day - timedelta(days=day.weekday() - 5)
            return start, start + timedelta(days=2)
        case "month":
            start = day.replace(day=1)
        case "quarter":
            start = date(day.year, day.month - (day.month - 1) % 3, 1)
        case "year":
            return year_span(day.year)
        case "decade":
            start = date(day.year // 10 * 10, 1, 1)
        case _:
            start = day
    return start, start + step(unit, 1)


def _day(match: re.Match[str], asking: Asking) -> Span | None:
    words, today = match.group().lower(), asking.today
    if words == "earlier today":
        return today, asking.now + _MOMENT
    if words == "last night":
        return today - timedelta(days=1), today + timedelta(days=1)
    ahead = 0
    for name, days in (("day before yesterday", -2), ("day after tomorrow", 2), ("yesterday", -1), ("tomorrow", 1)):
        if name in words:
            ahead = days
            break
    return today + timedelta(days=ahead), today + timedelta(days=ahead + 1)


def _unit(match: re.Match[str], asking: Asking) -> Span | None:
    """ "this week", "last month", "earlier this year", "the week before last"."""
    words, unit, today = match.group().lower(), match.group("unit"), asking.today
    back = {"last": -1, "past": -1, "previous": -1, "next": 1}.get((match.groupdict().get("which") or "").lower(), 0)
    if words.endswith("before last"):
        back = -2
    if unit == "weekend" and not back and "the weekend" in words and today.weekday() < 5:
        back = -1
    start, end = calendar(unit, today + step(unit, back) if unit != "month" else today.replace(day=1) + step(unit, back))
    if words.startswith("earlier"):
        return start, min(end, today + timedelta(days=1)) if back else asking.now + _MOMENT
    if words.startswith("later"):
        return asking.now + _MOMENT, end
    return start, end


def _to_date(match: re.Match[str], asking: Asking) -> Span | None:
    """ "so far this year", "year to date"."""
    return calendar(match.group("unit"), asking.today)[0], asking.now + _MOMENT


def _rolling(match: re.Match[str], asking: Asking) -> Span | None:
    """ "in the past three weeks": whole days back from today up to the moment of asking, or ahead from it."""
    if match.group("of"):
        return None
    words, unit = match.group("count"), match.group("unit").lower().rstrip("s")
    number = count(words) if words else 1
    ahead = "next" in match.group().lower()
    if unit == "day" and not words and "past" not in match.group():
        return None  # the next or the last day of something else
    if unit in ("minute", "hour"):
        length = timedelta(**{f"{unit}s": number})
        return (asking.now + _MOMENT, asking.now + length) if ahead else (asking.now - length, asking.now + _MOMENT)
    if ahead:
        return asking.now + _MOMENT, asking.today + step(unit, number) + timedelta(days=1)
    return asking.today - step(unit, number), asking.now + _MOMENT


def _ago(match: re.Match[str], asking: Asking) -> Span | None:
    """ "two weeks ago": the calendar week that holds that day; "a year ago today": the day."""
    number, unit = count(match.group("count")), match.group("unit").lower().rstrip("s")
    if re.search(r"(?i)\b(?:than|over|least|nearly|almost|under|about|around|some) $", match.string[: match.start()][-12:]):
        return None
    if unit in ("minute", "hour"):
        one = timedelta(**{f"{unit}s": 1})
        return asking.now - number * one, min(asking.now - (number - 1) * one, asking.now + _MOMENT)
    day = asking.today - step(unit, number)
    if match.group("today") or unit == "day":
        return day, day + timedelta(days=1)
    return calendar("month" if number == 0.5 else "week" if unit == "fortnight" else unit, day)


def _weekday(match: re.Match[str], asking: Asking) -> Span | None:
    """A day of the week: the last one, today's among them; "last" never means today."""
    name, which, today = match.group("name")[:3].title(), (match.groupdict().get("which") or "").lower(), asking.today
    number = next(i for i, day in enumerate(WEEKDAYS) if day.startswith(name))
    monday = today - timedelta(days=today.weekday())
    if week := match.groupdict().get("week"):
        day = monday + timedelta(days=number + {"this": 0, "last": -7, "next": 7}[week])
    elif which in ("this", "next"):
        day = monday + timedelta(days=number + (7 if which == "next" else 0))
    elif which == "this coming":
        day = today + timedelta(days=(number - today.weekday() - 1) % 7 + 1)
    else:
        day = today - timedelta(days=(today.weekday() - number) % 7)
        day -= timedelta(days=7 if which and day == today else 0)
    return day, day + timedelta(days=1)


def _month(match: re.Match[str], asking: Asking) -> Span | None:
    """ "last April", "this May", "next June"."""
    which, name, today = match.group("which").lower(), match.group("name"), asking.today
    if which == "this":
        return point(f"{name} {today.year}")
    found = last_named(name, today.replace(day=1) - timedelta(days=1))
    if which != "next" or found is None:
        return found
    coming = point(f"{name} {today.year}")
    return coming if coming and coming[0] > today else point(f"{name} {today.year + 1}")


def _season(match: re.Match[str], asking: Asking) -> Span | None:
    """ "last spring" is the last that has ended, "this spring" the one that runs or this year's, "this winter" the nearer."""
    which, name, today = match.group("which").lower(), match.group("name"), asking.today
    runs = [season_span(name, year) for year in range(today.year - 2, today.year + 2)]
    if which == "next":
        return next(run for run in runs if run[0] > today)
    if which != "this":
        return [run for run in runs if run[1] <= today][-1]
    if running := [run for run in runs if run[0] <= today < run[1]]:
        return running[0]
    return season_span(name, today.year - (name == "winter" and today.month <= 6))


_ROLLING = r"(?:(?i:the|this|these) (?:past|last|next)|(?:(?<=in )|(?<=over )|(?<=during )|(?<=within )|(?<=for ))past)"
_CALENDAR = r"(?P<unit>week|weekend|month|quarter|year|decade)"
_PART_OF_DAY = r"(?: (?:morning|afternoon|evening|night))?"
_NAME = rf"(?P<name>{'|'.join(WEEKDAYS + [name.lower() for name in WEEKDAYS])})"
_WEEK = r"(?P<week>this|last|next) week"
_MONTH = rf"(?P<name>{'|'.join([name.title() for name in MONTHS] + sorted(set(MONTHS) - {'may', 'march'}))})"
RULES = (
    rule(r"(?:[Tt]he )?[Dd]ay (?:before yesterday|after tomorrow)", _day),
    rule(rf"(?:[Yy]esterday|[Tt]omorrow){_PART_OF_DAY}", _day),
    rule(r"(?:[Ee]arlier |[Ll]ater )?(?:[Tt]oday|[Tt]his (?:morning|afternoon|evening))|[Tt]onight|[Ll]ast night", _day),
    rule(rf"(?:[Ee]arlier |[Ll]ater )?(?P<which>(?i:this|last|next)) {_CALENDAR}", _unit),
    rule(rf"(?P<which>(?i:previous)) {_CALENDAR}", _unit, "previous"),
    rule(r"(?i:the|this) (?P<which>past|last) (?P<unit>weekend)", _unit),
    rule(r"the (?P<unit>weekend)", _unit, "holiday"),
    rule(rf"(?i:the) {_CALENDAR} before last", _unit),
    rule(rf"(?:[Ss]o far|[Ee]arlier in) (?:this|the) {_CALENDAR}", _to_date),
    rule(r"(?:the )?(?P<unit>year) to date", _to_date),
    rule(rf"{_ROLLING} (?:(?P<count>{COUNT}) )?(?P<unit>{UNIT})(?P<of> of)?", _rolling),
    rule(rf"(?i:past|last|next) (?P<count>{COUNT}) (?P<unit>{UNIT})(?P<of> of)?", _rolling),
    rule(rf"(?P<count>(?i:{COUNT})) (?P<unit>{UNIT}) ago(?P<today> today)?", _ago),
    rule(rf"{_NAME}{_PART_OF_DAY}", _weekday, "weekday"),
    rule(r"(?P<name>(?:Mon|Tues?|Wed|Thu(?:rs?)?|Fri|Sat)\b\.?)", _weekday, "weekday"),
    rule(rf"(?P<which>(?i:last|this|next|this past|this last|this coming)) {_NAME}{_PART_OF_DAY}", _weekday),
    rule(rf"{_NAME}{_PART_OF_DAY},?(?: of)? {_WEEK}", _weekday),
    rule(rf"{_WEEK},? on {_NAME}", _weekday),
    rule(rf"(?P<which>(?i:last|this|next)) {_MONTH}", _month),
    rule(rf"(?P<which>(?i:this past|this last|last|past|this|next)) (?P<name>{SEASON})", _season),
)
