"""What stands before a time and says how a window lies to it: "since", "before the vote of", "as of"."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto

from service.retrieval.ambiguity import PUBLISHED, is_doubtful, is_weekday, names_an_event
from service.retrieval.periods import Period
from service.retrieval.points import MONTH, Asking, Kind

REACH = 110
"""Characters before a time that are looked at."""
Interval = tuple[datetime | None, datetime | None]


class Relation(Enum):
    """How a window lies to the time that is named."""

    AT = auto()
    SINCE = auto()
    AFTER = auto()
    BEFORE = auto()
    UNTIL = auto()
    AS_OF = auto()
    EVE = auto()


@dataclass(frozen=True, slots=True)
class Placed:
    """A time with its preposition: `text[start:end]`."""

    start: int
    end: int
    relation: Relation
    period: Period
    is_event: bool = False
    """The time is only known to hold an event: "after the vote in March" may be March."""

    def interval(self, asking: Asking) -> Interval | None:
        """The half-open UTC interval, or None where it would limit nothing. Raises ValueError or OverflowError beyond the calendar."""
        first, last = self.period.span
        is_wide = self.is_event and asking.ends(last) - asking.ends(first) > timedelta(days=1)
        match self.relation:
            case Relation.AT:
                return asking.starts(first), asking.ends(last)
            case Relation.SINCE:
                return asking.starts(first), None
            case Relation.AFTER:
                return asking.starts(first) if is_wide else asking.ends(last), None
            case Relation.BEFORE:
                end = asking.ends(last if is_wide else first)
                return (None, end) if end <= asking.now else None
            case Relation.UNTIL:
                # A deadline that is still to come says nothing of when articles were published.
                return (None, asking.ends(last)) if asking.ends(last) <= asking.now else None
            case Relation.AS_OF:
                return None, asking.ends(last)
            case Relation.EVE:
                return (asking.starts(first - timedelta(days=1)), asking.ends(first)) if self.period.days == 1 else None


_PART_OF_DAY = r"(?: (?:morning|afternoon|evening|night|day|date)s? of)"
_DIRECT = rf"(?: (?:at least|about|around|roughly|approximately))?(?: the)?{_PART_OF_DAY}?(?: the)? $"
_WORD = r"(?:[\w’'-]|\.(?=\w))+"
_EVENT = rf" (?:the|a|an|its|his|her|their|this|that)(?P<event>(?: {_WORD}){{1,6}}?) (?:on|of|in|at|from|dated)(?: the)? $"


def _lead(words: str, *, events: bool = True) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w-])(?i:{words})(?:{_DIRECT}{'|' + _EVENT if events else ''})")


_CLOCK = r"noon|midnight|late|early|\d{1,2}(?:[:.]\d\d)?(?: ?[ap]\.?m\.?)?|the (?:close|end|start)(?: of (?:trading|business|play))?"
_HOUR = rf"(?: (?:{_CLOCK})(?: (?:on|of))?)?"
"""What may stand between "as of" and its day. A cut is of whole days, as articles are dated."""
_LEADS = (
    (_lead(rf"as (?:of|at){_HOUR}", events=False), Relation.AS_OF),
    (_lead(r"on or after|(?:ever )?since|starting(?: on| in| from)?|beginning(?: on| in| from)|as from"), Relation.SINCE),
    (_lead(r"on or before|until|till|up (?:to|until)"), Relation.UNTIL),
    (_lead(r"by|no later than|not later than|through", events=False), Relation.UNTIL),
    (_lead(r"after|following"), Relation.AFTER),
    (_lead(r"before|prior to|ahead of|earlier than"), Relation.BEFORE),
    (_lead(r"(?:on )?the eve of"), Relation.EVE),
)
_NOT_BEFORE_YEAR = re.compile(r"(?i:^(?:up to|through)\b|(?:the|about|around|roughly|approximately) $)")
_ARTICLE, _IS_DATED = re.compile(rf"\b{PUBLISHED}\b"), re.compile(r"\b(?:published|posted)\b")
_AT: dict[Kind, re.Pattern[str]] = {
    "whole": re.compile(rf"\b(?i:in|on|during|over|within|throughout|at|between|from)(?: the)?{_PART_OF_DAY}?(?: the)? $"),
    "month": re.compile(r"(?<![\w-])(?i:in|during|throughout|(?:in|during) the month of) $"),
    "year": re.compile(
        r"(?<![\w-])(?i:in|during|throughout|(?:in )?all of|(?:the )?whole of|(?:in|during) (?:the|calendar|the calendar) year) $"
    ),
    "weekday": re.compile(r"\b(?i:on) $"),
    "holiday": re.compile(r"\b(?i:at|on|over|around|during) $"),
    "previous": re.compile(r"(?:\b(?i:in|during|over) )?\b[Tt]he $"),
}
_EDGE = re.compile(r"(?i:the )?(?:(?P<first>beginning|start)|end|close) of ")
_COUNTED_FROM = re.compile(
    r"\b(?i:minutes?|hours?|days?|nights?|weeks?|fortnight|months?|years?)(?: (?:just|shortly|right|immediately))? $"
)
_WITHIN = re.compile(r"\b(?i:within [\w ]{1,20}) of (?:the )?$")
"""A stretch before, after or around a time ("ten days before 8 February") is not read: better no window than the wrong one."""
_OWNS = re.compile(r"['’]s\b")
_IS_A_PERSON_TOO = ("April", "May", "June", "August")
_OPEN_END = re.compile(r" (?:(?P<on>onwards?\b|on(?=[?,.;]|$))|(?:or|and) (?:later|newer|(?P<back>earlier|older))\b)")


def placed(text: str, period: Period, reached: int) -> Placed | None:
    """The time with what leads it, not further back than `reached`; None where it is no time after all."""
    if period.is_range:
        return Placed(period.start, period.end, Relation.AT, period)
    start, end, kind = period.start, period.end, period.kind
    left = text[max(reached, start - REACH) : start]
    for pattern, relation in _LEADS:
        lead = pattern.search(left)
        if lead is None or (kind == "year" and _NOT_BEFORE_YEAR.search(lead.group())):
            continue
        is_through = lead.group().startswith("through")
        is_by = lead.group()[:3].lower() == "by "
        event = lead.groupdict().get("event") or ""
        is_article, edge = _ARTICLE.search(event), _EDGE.match(text, start)
        if (
            (_IS_DATED.search(event) and not is_article)
            or (is_by and _OWNS.match(text, end))
            or (is_through and kind == "whole" and not edge)
        ):
            continue  # the article is dated and not the event; the day's storm was the cause; the bill got through yesterday
        if is_by and (kind == "weekday" or text[start:end] in _IS_A_PERSON_TOO):
            return None
        begins = start - len(lead.group())
        if relation in {Relation.AFTER, Relation.BEFORE} and _COUNTED_FROM.search(text[max(0, begins - 40) : begins]):
            return None
        if edge and relation is (Relation.AFTER if edge.group("first") else Relation.BEFORE):
            # "Before the end of May" goes up to its last day, "after the start of May" from its first.
            relation = Relation.SINCE if edge.group("first") else Relation.UNTIL
        if is_article:
            # "After the report of 3 March" is asked of that report too.
            relation = {Relation.AFTER: Relation.SINCE, Relation.BEFORE: Relation.UNTIL}.get(relation, relation)
        if is_doubtful(text, start, end, kind, at=False):
            return None
        is_event = bool(event or _OWNS.match(text, end) or names_an_event(text, start, end))
        return Placed(begins, end, relation, period, is_event)
    return _at(text, period, left)


def _at(text: str, period: Period, left: str) -> Placed | None:
    """The same for a time that neither "since" nor "before" leads."""
    start, end, kind = period.start, period.end, period.kind
    if _WITHIN.search(left):
        return None
    if open_end := _OPEN_END.match(text, end):
        is_from = left.lower().endswith("from ")
        if is_from or not open_end.group("on"):
            relation = Relation.UNTIL if open_end.group("back") else Relation.SINCE
            return Placed(start - (5 if is_from else 0), open_end.end(), relation, period)
    lead = _AT[kind].search(left)
    begins = start - len(lead.group()) if lead else start
    if lead is None and not _stands_alone(text, period):
        return None
    if period.days == 1 and kind == "whole" and re.search(MONTH, text[start:end]) and names_an_event(text, start, end):
        return None
    if is_doubtful(text, start, end, kind, at=True):
        return None
    return Placed(begins, end, Relation.AT, period)


def _stands_alone(text: str, period: Period) -> bool:
    """True where the time needs no preposition to be one."""
    words = text[period.start : period.end]
    match period.kind:
        case "year" | "previous":
            return False
        case "month":
            return bool(_OWNS.match(text, period.end)) and words not in _IS_A_PERSON_TOO
        case "holiday":
            return bool(re.search(r"\d{4}$", words))
        case "weekday":
            return is_weekday(text, period.start, period.end)
        case _:
            return True
