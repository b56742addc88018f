"""What looks like a time and is something else: quoted titles, people named for months, years that name an event, quantities."""

from __future__ import annotations

import re

from service.retrieval.points import Kind

_ISO = r"\d{4}-\d\d-\d\d(?:[T ][\d:.]+(?:Z|[+-]\d\d:?\d\d)?)?"
_QUOTED = re.compile(
    rf"(?P<iso>[\"'“‘]{_ISO}[\"'”’])|\"[^\"]*\"|“[^”]*”|«[^»]*»|‘[^’]*’(?!\w)|(?<!\w)'(?!\d0s)[^'\s](?:[^']|(?<=\w)'(?=\w))*'(?!\w)"
)
_FUNCTION = (
    "a about across after against ahead among amid amidst an and are around as at because been before between but by can compared "
    "could despite did do does due during following for from had has have he her his how if in instead into is it its like near not "
    "of off on onward onwards only or our out over per regarding she should since so some such than that the their then there "
    "these they this those though through to under until up upon versus via was we were what when where which while who whom whose "
    "why will with within without would you"
).split()
_NOUN = rf"(?! (?:{'|'.join(_FUNCTION)})\b)(?! \w+(?:ing|ed|ly)\b),? (?=[a-z])"
PUBLISHED = (
    r"(?:articles?|reports?|stor(?:y|ies)|issues?|editions?|interviews?|posts?|pieces?|coverage|columns?|news\w*|broadcasts?|reviews?)"
)
_NAMES_AN_EVENT = re.compile(rf"(?!,? (?:[\w.’'-]+ )?{PUBLISHED}\b){_NOUN}")
_KIND_OF_EVENT = (
    "presidential|general|parliamentary|federal|local|mid-?term|snap|municipal|regional|national|summer|winter|congressional|mayoral"
)
_EVENT = (
    "elections?|races?|campaigns?|primar(?:y|ies)|census|referendum|budget|season|vintage|model|edition|draft|tournament|championships?"
    "|Olympics?|Paralympics|Games|(?:World )?Cup|Championships?|Elections?|Awards?|Oscars|Grammys|Euros?|contest|Street|Square|Road|Avenue"
)
_YEAR_OF_EVENT = re.compile(rf"['’]s\b|-\w| (?:(?:[A-Z][\w.’'-]*|{_KIND_OF_EVENT}) ){{0,3}}(?:{_EVENT})\b")
_COUNTED = re.compile(
    rf"(?! (?:{'|'.join(_FUNCTION)})\b) (?:[a-z]+ )?(?:(?!was\b|is\b|has\b|does\b|this\b)[a-z]+s|people|men|women|children|GMT|UTC)\b"
)
_QUANTITY = re.compile(
    r"\b(?:rose|rises?|risen|fell|falls?|fallen|grew|grow|grown|jump(?:ed)?|drop(?:ped)?|increas\w+|decreas\w+|climb\w*|up|down|cut|went"
    r"|reduced|changed) (?:from|by|to) $|\b(?:one|two|three|\d+) in $"
)
_ORIGIN = re.compile(
    r"\b(?:founded|established|born|incorporated|invented|discovered|built|formed|dat(?:ing|es|ed)(?: back)?)"
    r"(?: (?:in|on|at|to|from|during))?(?: the)? $"
)
_AHEAD = re.compile(
    r"(?i:\b(?:will|won['’]t|going to|set to|scheduled (?:to|for)|expected to|plans? to|could be|upcoming|due (?:in|on))\b|['’]ll\b)"
)
_DAY_WITHOUT_YEAR = re.compile(r"(?!.*(?:\d{4}|year$|ago$)).*[A-Z][a-z]{2}.*")
_PERSON = re.compile(r"(?:April|May|June|August|Jan|Augusta?)$")
_ENDS = re.compile(rf"\s*$|\s*[?.,;:!)\]…—–]| (?:{'|'.join(_FUNCTION)})\b")
_PROGRAMME = re.compile(
    r" (?:Night (?!In\b|At\b|On\b)[A-Z]\w*|Times|Telegraph|Mirror|Express|Mail|Post|Mass|Herald|Addams|Club|School|Star|People)\b"
)
_WEEKDAY_ENDS = re.compile(
    r"\s*$|\s*[?.,;:!)\]…]|['’]s (?![A-Z][a-z]+ (?:by|from)\b)"
    r"| (?:in|at|on|after|for|to|by|over|with|amid|as|when|that|and|from|about|against|before|during|near|because|while|following)\b"
)
_NOT_BEFORE_WEEKDAY = re.compile(
    r"(?:^|[^a-z ])\s*$|\b(?:the|a|an|every|each|this|of|his|her|its|their|our|my|your|or|is|are|was|as|called|like|next|per) $"
)
_REACH = 80
"""Characters after a time that are looked at."""


def unquoted(text: str) -> str:
    """The text with everything inside quotation marks blotted out, character for character; an ISO date alone in quotes stays."""
    return _QUOTED.sub(lambda found: found.group() if found.group("iso") else "\0" * len(found.group()), text)


def quotations(text: str) -> list[str]:
    """What stands inside quotation marks, in order; an ISO date alone in quotes is a time and no quotation."""
    return [found.group()[1:-1] for found in _QUOTED.finditer(text) if not found.group("iso")]


def is_doubtful(text: str, start: int, end: int, kind: Kind, *, at: bool) -> bool:
    """True where `text[start:end]`, a time by its form, is something else.

    `at` says that no "since" or "before" leads it.
    """
    words, before, after = text[start:end], text[max(0, start - 60) : start], text[end : end + _REACH]
    if _may_be_a_person(words, after, at=at) or (at and _ORIGIN.search(before)):
        return True
    if kind == "year":
        counted = (not at or words.endswith(("00", "50"))) and _COUNTED.match(after)
        return bool(_YEAR_OF_EVENT.match(after) or _QUANTITY.search(before) or counted)
    if at and kind in {"holiday", "whole"} and _DAY_WITHOUT_YEAR.fullmatch(words) and speaks_ahead(text, start):
        return True  # "will open on 12 December" is the next one, and no article is from then
    if kind == "holiday":
        return not _ENDS.match(after)
    if kind == "whole":
        # "May 5 people enter?" asks for leave.
        return bool(re.fullmatch(r"May \d\d?", words)) and opens_sentence(text, start) and not _ENDS.match(after)
    if kind == "weekday" and _PROGRAMME.match(after):
        return True
    return (kind == "month" or (kind == "weekday" and at)) and speaks_ahead(text, start)


def names_an_event(text: str, start: int, end: int) -> bool:
    """True of "the January 6 attack": a date before a noun that is nothing published."""
    return text[max(0, start - 4) : start].lower() == "the " and bool(_NAMES_AN_EVENT.match(text, end))


def is_weekday(text: str, start: int, end: int) -> bool:
    """True where a day of the week without "on" can only be that: "stood still Monday in which district"."""
    return not _NOT_BEFORE_WEEKDAY.search(text[max(0, start - 12) : start]) and bool(_WEEKDAY_ENDS.match(text, end))


def opens_sentence(text: str, start: int) -> bool:
    """True at the beginning of the text or after what ends a sentence: there a capital letter makes no name."""
    before = text[max(0, start - 10) : start].rstrip()
    return not before or before[-1] in '.?!:;([\0"“—–'


def speaks_ahead(text: str, start: int) -> bool:
    """True where the sentence speaks of what is to come, so that "in November" may be the next one."""
    sentence = re.split(r"[.?!] ", text[:start])[-1]
    return bool(_AHEAD.search(sentence))


def _may_be_a_person(words: str, after: str, *, at: bool) -> bool:
    """April Jones, or Mrs May after "before": a month that is also a name, without day or year."""
    if not _PERSON.search(words) or re.search(r"\d", words):
        return False
    return bool(re.match(r"['’]s\b| [A-Z]", after)) if at else not _ENDS.match(after)
