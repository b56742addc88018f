"""The rest of a question put into the question before it: "and in Harsk?" after "How many people left Skell in May?"."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from dateutil.relativedelta import relativedelta

from service.domain import Window
from service.retrieval.antecedents import runs
from service.retrieval.followup import CONNECTIVE
from service.retrieval.window import find_windows
from service.words import stem

_LEAD = re.compile(r"^(?:what|how) about |^(?:what|how) of ", re.IGNORECASE)
_PREPOSITIONS = (
    "(?:in|at|near|around|from|to|for|by|of|on|with|against|under|about|during|since|after|before|between|according to|over|into|through)"
)
_PREPOSITION = re.compile(rf"^{_PREPOSITIONS}\b ", re.IGNORECASE)
_BEFORE = re.compile(rf"\b({_PREPOSITIONS})(?: the)? $", re.IGNORECASE)
_MONTH = r"(?:January|February|March|April|May|June|July|August|September|October|November|December)"
_WHERE = frozenset({"in", "at", "near", "around", "from", "to", "of", "on"})
_STEP = re.compile(
    r"^(?:(?:in|during|for|on) )?(?:(?:the|a) )?(?:(?P<which>following|next|previous|preceding|coming) (?P<unit>day|week|month|year)"
    r"|(?P<unit_2>day|week|month|year) (?P<which_2>before|after|later|earlier)(?: (?:that|it))?)$",
    re.IGNORECASE,
)
_YEAR = re.compile(r"\b(?:1[89]|20)\d\d\b")
_CLAUSE = re.compile(r" (?:when|before|after|while|because|until) (?!.*\b(?:when|before|after|while|because|until)\b)(?=.*\w+ )")
_BACK = frozenset({"previous", "preceding", "before", "earlier"})
_DEFINITE = re.compile(
    r"\b(?:the|its|their|a|an) (?P<noun>[a-z]+(?: [a-z]+)??)"
    r"(?=[?.,]| (?:in|at|of|on|for|from|to|near|by|with|be|was|were|is|are)\b|$| [A-Z])"
)
_ANOTHER = re.compile(
    r"\b(?:one|ones|it|that|this|them|him|her|those|these|else|others?|same|second|third|last|first|why|how|when|who)\b", re.IGNORECASE
)


def fill(fragment: str, core: str, *, then: datetime, sources: Sequence[str] = ()) -> str | None:
    """The earlier question with the fragment in the place of its like: a time, an outlet, a name, a thing; None where it has none.

    `core` stands alone; its times are read as of `then`, aware.
    """
    words = _LEAD.sub("", CONNECTIVE.sub("", fragment)).strip().rstrip("?.! ")
    core = CONNECTIVE.sub("", core)
    if step := _STEP.match(words):
        return _moved(core, step, then)
    if _is_time(words, then):
        return _timed(core, words, then)
    if not words or _ANOTHER.search(words):
        return None
    if outlet := _outlet(words, core, sources):
        return outlet
    if runs(f"· {words}"):
        return _named(core, words)
    return _noun(core, words)


def _is_time(words: str, then: datetime) -> bool:
    """Whether the fragment is a time and little else."""
    windows = find_windows(words, then)
    return len(windows) == 1 and len(words) - len(windows[0].phrase) <= len("during the ")


def _timed(core: str, words: str, then: datetime) -> str:
    windows = [window for window in find_windows(core, then) if window.span]
    years = list(_YEAR.finditer(core))
    if not windows and len(years) == 1 and (year := _YEAR.search(words)):
        return f"{core[: years[0].start()]}{year.group()}{core[years[0].end() :]}"
    words = words if _PREPOSITION.match(words) else f"{_preposition_for(words)}{words}"
    if windows and windows[-1].span and (clause := _CLAUSE.search(core[: windows[-1].span[0]])):
        return _appended(core[: clause.start()], words)  # "when the drought was declared in July" is itself a time
    return _placed(core, windows[-1], words) if windows else _appended(core, words)


def _moved(core: str, step: re.Match[str], then: datetime) -> str | None:
    """The year, month, week or day beside the one that the earlier question is about; None where it is about none."""
    windows = [window for window in find_windows(core, then) if window.span and window.start and window.end]
    years = list(_YEAR.finditer(core))
    if not windows and len(years) == 1 and "year" in step.group().lower():
        year = int(years[0].group()) + (-1 if (step.group("which") or step.group("which_2")).lower() in _BACK else 1)
        return f"{core[: years[0].start()]}{year}{core[years[0].end() :]}"
    if not windows:
        return None
    window, unit = windows[-1], (step.group("unit") or step.group("unit_2")).lower()
    back = (step.group("which") or step.group("which_2")).lower() in _BACK
    start, end = window.start, window.end
    assert start
    assert end
    length = relativedelta(**{f"{unit}s": 1})  # type: ignore[arg-type]
    first = start - length if back else max(end - timedelta(days=1), start) + timedelta(days=1) if unit == "day" else start + length
    named = {
        "year": f"in {first.year}",
        "month": f"in {first:%B} {first.year}",
        "day": f"on {_day(first)}",
        "week": f"from {_day(first)} to {_day(first + timedelta(days=6))}",
    }
    return _placed(core, window, named[unit])


def _day(moment: datetime) -> str:
    return f"{moment.day} {moment:%B} {moment.year}"


def _preposition_for(words: str) -> str:
    if re.match(rf"(?:\d{{4}}|(?:early |late |mid-?)?{_MONTH}(?: \d{{4}})?)$", words):
        return "in "
    return "on " if re.match(r"\d{1,2} [A-Z]|[A-Z]\w+ \d{1,2}\b|(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day", words) else ""


def _placed(core: str, window: Window, words: str) -> str:
    """The words for the window's, together with the preposition before it."""
    assert window.span
    start, end = window.span
    if lead := re.search(r"\b(?:in|on|at|during|for|over|of|from|by)(?: the)? $", core[:start], re.IGNORECASE):
        start = lead.start()
    return f"{core[:start]}{words}{core[end:]}"


def _appended(core: str, words: str) -> str:
    """The words at the end, before the question mark."""
    bare = core.rstrip("?.! ")
    return f"{bare} {words}?"


def _outlet(words: str, core: str, sources: Sequence[str]) -> str | None:
    """An outlet for the outlet that the earlier question names."""
    asked = _bare_name(_PREPOSITION.sub("", words))
    if asked not in {_bare_name(source) for source in sources}:
        return None
    for source in sorted(sources, key=len, reverse=True):
        if match := re.search(rf"\b(?:the )?{re.escape(re.sub(r'^[Tt]he ', '', source))}\b", core, re.IGNORECASE):
            return f"{core[: match.start()]}{_PREPOSITION.sub('', words)}{core[match.end() :]}"
    return _appended(core, words if _PREPOSITION.match(words) else f"according to {words}")


def _bare_name(name: str) -> str:
    return re.sub(r"^the ", "", name.casefold())


def _named(core: str, words: str) -> str | None:
    """A name for a name: after the same preposition, or of as many words; the last of them, since places stand last."""
    preposition = _PREPOSITION.match(words)
    lead = preposition.group().strip().lower() if preposition else ""
    name = words[len(lead) :].strip()
    spans = [(start, end, _lead_of(core, start)) for start, end in runs(core)]
    if lead:
        same = [span for span in spans if span[2] == lead] or [span for span in spans if {span[2], lead} <= _WHERE]
        if (
            not same
            and len(spans) == 1
            and lead in _WHERE
            and not spans[0][2]
            and len(name.split()) == len(core[slice(*spans[0][:2])].split())
        ):
            return f"{core[: spans[0][0]]}{name}{core[spans[0][1] :]}"  # "left Harsk", "and in Mosul?"
        if not same:
            return _appended(core, words)
        start, end, before = same[-1]
        start = core.lower().rindex(before, 0, start) if before != lead else start
        said = words if before != lead else name
        the = re.search(r"\bthe $", core[:start], re.IGNORECASE) if name.lower().startswith("the ") else None
        return f"{core[: the.start() if the else start]}{said}{core[end:]}"
    if not spans:
        return None
    bare = re.sub(r"^the ", "", name, flags=re.IGNORECASE)
    alike = [span for span in spans if len(core[span[0] : span[1]].split()) == len(bare.split())] or spans
    start, end, _ = alike[-1]
    has_article = re.search(r"\bthe $", core[:start], re.IGNORECASE)
    name = bare if has_article else name
    return f"{core[:start]}{name}{core[end:]}"


def _lead_of(core: str, start: int) -> str:
    match = _BEFORE.search(core[:start])
    return match.group(1).lower() if match else ""


def _noun(core: str, words: str) -> str | None:
    """A thing for the thing that the earlier question speaks of, where there is only one, or one with the same head."""
    preposition = _PREPOSITION.match(words)
    noun = words[preposition.end() :] if preposition else words
    if not re.match(r"(?:the|a|an|its|their) ", noun, re.IGNORECASE) or len(noun.split()) > 4:
        return None
    things = list(_DEFINITE.finditer(core))
    head = stem(noun.split()[-1].casefold())
    chosen = [thing for thing in things if stem(thing.group("noun").split()[-1]) == head] or (things if len(things) == 1 else [])
    if preposition:
        lead = preposition.group().strip().lower()
        chosen = [thing for thing in chosen if _lead_of(core, thing.start()) == lead]
    if len(chosen) != 1:
        return None
    return f"{core[: chosen[0].start()]}{noun}{core[chosen[0].end() :]}"
