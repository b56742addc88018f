"""What a question asks for, and what a sentence gives for it: an amount, a day, a name, or yes or no.

Rules over words. A sentence that gives two things of one kind gives none of that kind: which of them is meant cannot be told.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from itertools import takewhile

from dateutil.relativedelta import relativedelta

from service.answering.dating import relative_times, say
from service.answering.quantities import DIMENSIONS, Quantity, quantities
from service.domain import Evidence
from service.retrieval.ambiguity import unquoted
from service.retrieval.antecedents import runs
from service.retrieval.periods import find_periods
from service.retrieval.points import MONTH, Asking
from service.words import content_stems, names, negated, numbers, search_terms, stem

MIN_SHARED = 0.6
"""Share of the question's content words that a sentence must hold to be about all of it."""
_NEAR = 6
"""Words."""
MIN_SHARED_YES_NO = MIN_SHARED_NAME = 0.75
"""The same where a single word makes the difference."""
_COUNTED = re.compile(r"\b(?:how many|number of)\s+(?:of the )?((?:[^\W\d_][\w'’-]*\s+){0,3}[^\W\d_][\w'’-]*)", re.IGNORECASE)
_RATE = re.compile(r"\b(?:percent(?:age)?|proportion|share|(?:rate|turnout)(?! of exchange))\b", re.IGNORECASE)
_PRICE = re.compile(r"\b(?:costs?|price[sd]?|worth|pay|paid|fine|fee|budget|losses|damages?)\b", re.IGNORECASE)
_AMOUNT = re.compile(
    r"\b(?:how (?:much|large|old|long|far|high|big|tall|deep|heavy|strong)|cost|costs|price|worth|percent(?:age)?|proportion|share|rate"
    r"|amount|total|size|magnitude|sum|budget|losses|damage|fine|fee|attendance|turnout|length|height|age|what number)\b",
    re.IGNORECASE,
)
_WHEN = re.compile(
    r"^(?:(?:and|so|but|on|by|until|since) )?(?:when|(?:what|which) (?:date|day|month|year))\b|\bon what date\b", re.IGNORECASE
)
_NAME = re.compile(r"^(?:(?:and|so|but) )?(?:by |to |for )?(who|whom|where|which)\b", re.IGNORECASE)
_YES_NO = re.compile(r"^(?:did|does|do|was|were|is|are|has|have|had|will|would|can|could)\b", re.IGNORECASE)
_EITHER = re.compile(r"(?:,|:|\bwhether)\s*(?:the |a )?([^,?:]{2,40}?),? or (?:the |a )?([^,?:]{2,40})\?*$", re.IGNORECASE)
_NOT_THIS = re.compile(r"\b(?:not|rather than|instead of)\b[^,.;]*", re.IGNORECASE)
_NEGATION = re.compile(r"\b(?:not|never|cannot)\b|n['’]t\b", re.IGNORECASE)
_OPEN = re.compile(
    r"\b(?:may|might|could|if|whether|would|plans?|planned|expected|likely|reportedly|den(?:y|ies|ied)|unless|until)\b", re.IGNORECASE
)
_AUXILIARY = r"(?:has|have|had|is|are|was|were|be|been|will|would|to|also|then|later|now|already|himself|herself|itself)"
_TOLD = re.compile(
    r"\b(?:said|says|told|announced|reported|according to|published|wrote|issued|statement|interview)\b[^,;.]{0,40}$", re.IGNORECASE
)
KINDS = tuple(
    frozenset(stem(word) for word in words.split())
    for words in (
        "people person residents inhabitants spectators visitors fans passengers guests attendees supporters viewers onlookers",
        "homes houses dwellings",
        "dead deaths killed die died dies victims fatalities",
        "injured injuries hurt wounded",
    )
)
"""Words under which news counts the same things."""
_TOLLS = KINDS[2:]
_ASKS_COUNT = re.compile(
    r"^(?:(?:and|so|but) )?(?:[^,?]{0,60}, )?(?:(?:about|roughly) )?(?:how many|what (?:is|was|were|are) the (?:total )?number of)\b",
    re.IGNORECASE,
)
_ASKS_NAME = re.compile(r"^(?:(?:and|so|but) )?(?:[^,?]{0,60}, )?what (?:is|was|were|are) the names? of\b", re.IGNORECASE)
_TALLIES = {"attendance": 0, "turnout": 0, "crowd": 0, "death toll": 2, "toll": 2}
"""What stands before a number and counts one of these kinds."""
_TALLY = re.compile(rf"\b({'|'.join(_TALLIES)})\b(?:[^,.;\d]| ){{0,60}}? (?:was|is|at|of|to|reached|hit|stood at|put at) $", re.IGNORECASE)
GROWING = frozenset(
    stem(word)
    for word in "dead deaths killed die died victims fatalities injured injuries hurt wounded missing arrests arrested detained cases "
    "infections evacuated displaced".split()
)
"""What is counted upwards for days after the event: a higher count on a later day is news, not a disagreement."""


@dataclass(frozen=True, slots=True)
class Value:
    """What a sentence gives: a stretch of amounts or days, or the words of a name; values of one `kind` can be compared."""

    said: str
    kind: str
    about: str
    low: Decimal = Decimal(0)
    high: Decimal = Decimal(0)
    words: frozenset[str] = frozenset()

    def differs(self, other: Value) -> bool:
        """True where both cannot be right."""
        if self.kind != other.kind:
            return False
        if self.words or other.words:
            return not self.words & other.words
        return self.high < other.low or other.high < self.low


Reader = Callable[[Evidence], tuple[Value, ...]]


def reader_for(question: str) -> Reader | None:
    """What reads out of a sentence what this question asks for, by kind; None for a question that asks for no single thing ("why")."""
    if _WHEN.search(question):
        return partial(_day, question)
    if (either := _EITHER.search(question)) and content_stems(either.group(1)) != content_stems(either.group(2)):
        return partial(_alternative, question, (either.group(1), either.group(2)))
    if _YES_NO.search(question):
        return partial(_yes_or_no, question)
    if _COUNTED.search(question):
        return partial(_count, question)
    if asked := _NAME.search(question):
        return partial(_name, question, asked.group(1).casefold())
    return partial(_amounts, question) if _AMOUNT.search(question) else None


def may_answer(question: str, text: str) -> bool:
    """False where a drafted sentence plainly gives another thing than its question counts, or no name where the name is asked for.

    A small model that finds no number of the injured gives that of the dead. Only what `KINDS` tells apart is told apart here.
    """
    if _ASKS_COUNT.search(question):
        tolls, told = content_stems(question), content_stems(text)
        wanted = [kind for kind in _TOLLS if kind & tolls]
        if wanted and not any(kind & told for kind in wanted) and any(kind & told for kind in _TOLLS):
            return False
        counted = _counted(question)
        kinds = [kind for one in quantities(text) for kind in KINDS if kind & frozenset(one.nouns[:1])]
        return not kinds or not counted or bool(counted & told) or any(kind & counted for kind in kinds)
    return not _ASKS_NAME.search(question) or bool(names(f"· {text}") - names(question) - names(question.title()))


def is_about(question: str, text: str, *, share: float = MIN_SHARED) -> bool:
    """Whether the text holds this share of the question's content words, but for what it counts."""
    wanted = content_stems(question) - _counted(question)
    return len(wanted & content_stems(text)) >= share * len(wanted)


def _count(question: str, one: Evidence) -> tuple[Value, ...]:
    """The one quantity of what the question counts."""
    counted, asked = _counted(question), numbers(question)
    found = [quantity for quantity in quantities(one.text) if not numbers(quantity.said) <= asked]
    chosen = [quantity for quantity in found if counted & (frozenset(quantity.nouns) or _named_before(one.text[: quantity.at]))]
    return (_quantity(chosen[0], "count", _words_counted(question)[-1]),) if len(chosen) == 1 else ()


def _amounts(question: str, one: Evidence) -> tuple[Value, ...]:
    """One amount of each unit that can be meant, in a sentence that is about all that is asked or by a unit that the question names."""
    asked, wanted, all_of_it = numbers(question), content_stems(question), is_about(question, one.text)
    found = [quantity for quantity in quantities(one.text) if not numbers(quantity.said) <= asked]
    units = Counter(quantity.unit for quantity in found)
    return tuple(
        _quantity(quantity, quantity.unit, quantity.noun)
        for quantity in found
        if units[quantity.unit] == 1 and _can_be_meant(quantity, question) and (all_of_it or wanted & frozenset(quantity.nouns))
    )


def _can_be_meant(quantity: Quantity, question: str) -> bool:
    """A price is no percentage and no length, a rate nothing but a percentage."""
    if _RATE.search(question):
        return quantity.unit == "percent"
    return bool(quantity.unit) and not (_PRICE.search(question) and (quantity.unit == "percent" or quantity.unit in DIMENSIONS))


def _named_before(text: str) -> frozenset[str]:
    """What a bare number counts by the noun before it: "attendance was", "the death toll stood at"."""
    match = _TALLY.search(text)
    return KINDS[_TALLIES[match.group(1).casefold()]] if match else frozenset()


def in_context(one: Evidence) -> str:
    """The passage of a sentence under its headline: what a sentence that names nothing is about."""
    return f"{one.article.title} {one.passage.text}"


def _quantity(found: Quantity, kind: str, about: str) -> Value:
    return Value(found.said, kind, about, found.low, found.high)


def _counted(question: str) -> frozenset[str]:
    """Stems of what the question counts, with the other words for it: "how many homes" counts houses."""
    words = frozenset(stem(word) for word in _words_counted(question))
    return words.union(*(kind for kind in KINDS if kind & words))


def _words_counted(question: str) -> tuple[str, ...]:
    """The nouns behind "how many", up to a function word: what is ended by a participle ("people killed") is ended by the noun."""
    match = _COUNTED.search(question)
    words = takewhile(search_terms, match.group(1).casefold().split()) if match else ()
    return tuple(word for word in words if not word.endswith("ed"))


def _day(question: str, one: Evidence) -> tuple[Value, ...]:
    """The one day, month or year that the sentence names, but for when something was said and what the question itself names."""
    if one.article.published_at is None or not is_about(question, f"{one.text} {one.article.title}"):
        return ()
    bare, day = unquoted(one.text), one.article.published_at.date()
    times = {(time.start, time.end): (time.first, time.last) for time in relative_times(one.text, one.article.published_at)}
    for period in find_periods(bare, Asking(one.article.published_at)):
        if re.search(rf"\d{{4}}|{MONTH}", bare[period.start : period.end]) and not period.is_range:
            first, last = (edge.date() if isinstance(edge, datetime) else edge for edge in period.span)
            times[period.start, period.end] = _nearest_year(bare[period.start : period.end], first, last, day)
    asked = question.casefold()
    events = content_stems(question) - names(question)
    kept = [
        span
        for (start, end), span in times.items()
        if not _TOLD.search(bare[:start]) and bare[start:end].casefold() not in asked and events & _around(bare, start, end)
    ]
    if len(set(kept)) != 1:
        return ()
    first, last = kept[0]
    length = (last - first).days
    kind = "day" if length <= 2 else "month" if length <= 31 else "year"
    return (Value(say(first, last), kind, "when", Decimal(first.toordinal()), Decimal(last.toordinal() - 1)),)


def _around(text: str, start: int, end: int) -> frozenset[str]:
    """Stems of the few words before and behind a time: what it is the time of."""
    return content_stems(" ".join((*text[:start].split()[-_NEAR:], *text[end:].split()[:_NEAR])))


def _nearest_year(phrase: str, first: date, last: date, day: date) -> tuple[date, date]:
    """A day without a year is the one nearest to the article: "on 4 May", in April, is to come."""
    later = first + relativedelta(years=1)
    if re.search(r"\d{4}", phrase) or abs(later - day) >= abs(first - day):
        return first, last
    return later, last + relativedelta(years=1)


def _alternative(question: str, sides: tuple[str, str], one: Evidence) -> tuple[Value, ...]:
    """Which of the question's two alternatives the sentence holds, where it holds only one."""
    said = content_stems(_NOT_THIS.sub(" ", one.text))
    first, second = (content_stems(side) for side in sides)
    rest = content_stems(_without_amounts(question)) - first - second
    if not rest or len(rest & said) < MIN_SHARED * len(rest):
        return ()
    held = [side.strip() for side, words in zip(sides, (first - second, second - first), strict=True) if words & said]
    return (Value(held[0], "either", "which of the two", words=frozenset({held[0]})),) if len(held) == 1 else ()


def _without_amounts(text: str) -> str:
    """The text without its quantities and their units."""
    for quantity in quantities(text):
        text = re.sub(rf"{re.escape(quantity.said)}(?: {re.escape(quantity.noun)})?", " ", text)
    return text


def _yes_or_no(question: str, one: Evidence) -> tuple[Value, ...]:
    """Whether it says that it is so, where it is about nearly all that is asked and leaves nothing open."""
    bare = unquoted(one.text)
    if not is_about(question, bare, share=MIN_SHARED_YES_NO) or _OPEN.search(bare):
        return ()
    wanted = content_stems(question)
    denials = [match for match in _NEGATION.finditer(bare) if wanted & content_stems(" ".join(bare[match.end() :].split()[:4]))]
    if negated(bare) != bool(denials):
        return ()
    said = "no" if denials else "yes"
    return (Value(said, "yes or no", "whether it is so", words=frozenset({said})),)


def _name(question: str, asked: str, one: Evidence) -> tuple[Value, ...]:
    """The one name that stands where the question has its gap: before the verb or after "by" for who and which, after "in" for where."""
    if not is_about(question, one.text, share=MIN_SHARED_NAME):
        return ()
    verbs = content_stems(question) - names(question)
    told = {_bare(one.text[start:end]) for start, end in runs(one.text) if _fills(asked, verbs, one.text[:start], one.text[end:])}
    fillers = {name for name in told if not content_stems(name) & content_stems(question)}
    if len(fillers) != 1:
        return ()
    name = fillers.pop()
    return (Value(name, "name", asked, words=content_stems(name)),)


def _fills(asked: str, verbs: frozenset[str], before: str, after: str) -> bool:
    """Whether a name between these words stands in the question's gap."""
    words = [stem(word.casefold()) for word in re.findall(r"\w[\w'’-]*", before)]
    if asked == "where":
        lead = re.search(r"\b(?:in|at|near)(?: the)? $", before)
        return bool(lead and verbs & frozenset(words[-9:]))
    if re.search(r"\bby(?: the)? $", before) and verbs & frozenset(words[-3:]):
        return True
    if re.search(r"(?:,|\b(?:in|at|of|from|for|near|with|to|on))(?: the)? $", before):
        return False
    follows = re.match(rf",?(?: {_AUXILIARY}\b)* (\w+)", after)
    return bool(follows and stem(follows.group(1).casefold()) in verbs)


def _bare(name: str) -> str:
    return re.sub(r"^[Tt]he ", "", name)
