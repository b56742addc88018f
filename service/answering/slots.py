"""What a sentence says for a slot: the day of an event, the name at a place in the sentence, whether something is so.

Readers for the search for disagreement: each returns the values of a sentence by slot, so that only what fills the same slot is compared.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from service.answering.dating import resolved_dates, say
from service.answering.figures import figures
from service.domain import Evidence
from service.retrieval.periods import find_periods
from service.retrieval.points import MONTH, YEAR, Asking
from service.words import content_stems, negated, stem

_WHEN = re.compile(r"^(?:\w+ )?when\b|\b(?:what|which) (?:date|day)\b", re.IGNORECASE)
_WHO = re.compile(r"\b(?:who|whom|whose|where|which|what)\b", re.IGNORECASE)
_YES_OR_NO = re.compile(r"^(?:did|do|does|is|are|was|were|has|have|had|will|would|can|could)\b", re.IGNORECASE)
_A_DAY = re.compile(rf"{MONTH}.*\d|\d.*{MONTH}|\d{{4}}-\d\d-\d\d")
_NAME = re.compile(r"(?:[A-Z][\w’'-]*\.?)(?: (?:(?:of|the|de|van|von|al|bin) )?[A-Z][\w’'-]*)*")
_TOKEN = re.compile(r"[\w’'-]+")


class Value(Protocol):
    """One value of a slot."""

    @property
    def said(self) -> str:
        """As the sentence writes it."""
        ...

    def differs(self, other: object) -> bool:
        """Whether not both can be so."""
        ...


@dataclass(frozen=True, slots=True)
class Told:
    """A day, a name or a yes. Names with a common word are one: "Vask" is "Joren Vask"."""

    said: str
    key: frozenset[str]

    def differs(self, other: object) -> bool:
        """True where they have nothing in common."""
        return isinstance(other, Told) and not self.key & other.key


Values = dict[str, list[Value]]


def asks_for_a_day(question: str) -> bool:
    """True of "when" and "which day"."""
    return bool(_WHEN.search(question))


def asks_for_a_name(question: str) -> bool:
    """True of "who", "where", "which" and "what"."""
    return bool(_WHO.search(question))


def asks_yes_or_no(question: str) -> bool:
    """True of "did they …"."""
    return bool(_YES_OR_NO.search(question))


def read_figures(one: Evidence, question: str) -> Values:
    """Figures by each stem of what they count, without those that the question gives itself."""
    given, found = {figure.value for figure in figures(question)}, Values()
    for figure in figures(one.text):
        for thing in figure.of if figure.value not in given else ():
            found.setdefault(thing, []).append(figure)
    return found


def read_days(one: Evidence) -> Values:
    """The days the sentence names or means, in one slot."""
    days: set[tuple[date, date]] = {(time.first, time.last) for time in resolved_dates(one) if (time.last - time.first).days == 1}
    published = one.article.published_at
    for period in find_periods(one.text, Asking(published)) if published else ():
        words = one.text[period.start : period.end]
        if period.days == 1 and _A_DAY.search(words) and (re.search(YEAR, words) or period.span[0] <= published.date()):  # type: ignore[union-attr]
            days.add(period.span)
    return {"day": [Told(say(*day), frozenset((day[0].isoformat(),))) for day in sorted(days)]}


def read_polarity(one: Evidence) -> Values:
    """Whether the sentence says that it is so, in one slot."""
    said = " ".join(one.text.split())
    return {"so": [Told(said, frozenset((str(negated(one.text)),)))]}


def read_names(one: Evidence, question: str) -> Values:
    """The names that the question does not hold, by the two words before or behind them."""
    asked, found = content_stems(question), Values()
    for match in _NAME.finditer(one.text):
        before = [word.casefold() for word in _TOKEN.findall(one.text[: match.start()])][-2:]
        after = [word.casefold() for word in _TOKEN.findall(one.text[match.end() :])][:2]
        opens = not before or one.text[: match.start()].rstrip()[-1:] in '"“‘.:'
        key = frozenset(stem(word.casefold()) for word in _TOKEN.findall(match.group())) & content_stems(match.group())
        if not key or key & asked or one.text[match.end() :][:1] == ":" or (opens and " " not in match.group()):
            continue
        value = Told(match.group(), key)
        for slot in ((" ".join(before) + " _") if len(before) == 2 else "", ("_ " + " ".join(after)) if len(after) == 2 else ""):
            if slot:
                found.setdefault(slot, []).append(value)
    return found
