"""What a pronoun can stand for: people, places and things that an earlier question or answer names. By form alone; no tagger is loaded."""

from __future__ import annotations

import re

from service.words import names

READ = 400
"""Characters of an answer that are looked at: what a follow-up leans on stands in its first sentences."""
_NAME = r"[A-Z][\w’'-]*[a-z0-9][\w’'-]*|[A-Z]{2,}"
_RUN = re.compile(rf"\b(?:{_NAME})(?:(?: (?:of|de|van|von|al|el|bin|the) (?={_NAME}))?(?: ?)(?:{_NAME}))*")
_OPENERS = frozenset(
    """a an and any are as at because before but by can could did do does during for from had has have he her his how however if in is it
    its may might more most no not of on one only our she should since so some that the their then there these they this those though to
    under until was we were what when where which while who whom whose why will with would yes you your""".split()
)
_TITLES = frozenset(
    "mr mrs ms miss dr sir dame lord lady professor judge president minister mayor captain general senator king queen".split()
)
_CALENDAR = re.compile(
    r"(?:January|February|March|April|May|June|July|August|September|October|November|December|Monday|Tuesday|Wednesday|Thursday|Friday"
    r"|Saturday|Sunday|Christmas|Easter|Q[1-4])\b"
)
_PLACE_BEFORE = re.compile(r"\b(?:in|at|near|around|across|outside|inside|off|to|from|into|through|over)(?: the)? $", re.IGNORECASE)
_IS_PLACED = re.compile(r"\b(?:in|at|near|around|across|outside|inside|off)(?: the)? $", re.IGNORECASE)
_FUNCTION = (
    "about above after against along amid among and are around as at because before behind below between but by can could did do does "
    "during for from had has have how if in inside into is last near next of off on onto or out over since so than that then this through "
    "to today under until up was were what when where which while who will with without would yesterday"
)
_BE = r"(?:is|was|are|were|has|have|had|will|would|can|could|should)"
_STOPS = re.compile(rf"\s*(?:[?.,;:()—–]|$|\b(?:{_FUNCTION.replace(' ', '|')})\b)", re.IGNORECASE)
_ATTACHED = re.compile(rf" (?:of|in|at|near|on|into) (?:the )?(?:(?:{_NAME})\b(?: (?:{_NAME})\b)*|(?:[a-z]+ing )of (?:the )?(?:{_NAME})\b)")
_PARTICIPLE = re.compile(
    r"(?:\w{2,}ed|built|held|found|shut|hit|cut|put|set|sold|sent|told|made|paid|begun|sworn|taken|given|driven|written|chosen|known|seen|shown"
    r"|born|won|lost|left|kept|caught|bought|brought|hurt|open|closed|due|likely|expected|worth|good|bad|safe|big|strong|deep|full|high|long)"
)
_UNFINISHED = frozenset("first second third last next new old other same main many few".split())
_SUBJECT_DO = re.compile(r"\b(?:did|does|do) (?=(?:the|a|an|[A-Z]))")
_SUBJECT_BE = re.compile(rf"\b{_BE} (?=(?:the|a|an|[A-Z]))")
_OBJECT = re.compile(r"^(?:who|what|which \w+) (?:\w+) (?=(?:the|a|an) )", re.IGNORECASE)


def runs(text: str) -> list[tuple[int, int]]:
    """The spans of capitalised names, a word that merely opens a sentence, a title alone and days and months left out."""
    found = []
    for match in _RUN.finditer(text):
        start, end = match.span()
        words = match.group().split()
        while words and words[0].casefold() in _OPENERS:
            start += len(words[0]) + 1
            words = words[1:]
        alone = len(words) == 1 and (_opens(text, start) and not _names_elsewhere(words[0], text, start))
        if words and not alone and not _CALENDAR.match(" ".join(words)) and " ".join(words).casefold() not in _TITLES:
            found.append((start, start + len(re.sub(r"['’]s?$", "", text[start:end]))))
    return found


def people(text: str) -> list[str]:
    """Names that can be people's: of two words or more, or after a title; none that stands where a place does."""
    found = []
    for start, end in runs(text):
        name, before = text[start:end], text[:start]
        titled = before.split()[-1:] and before.split()[-1].rstrip(".").casefold() in _TITLES
        if (" " in name or titled) and not _IS_PLACED.search(before) and not re.search(r"\b[Tt]he $", before):
            found.append(name)
    return list(dict.fromkeys(found))


def places(text: str) -> list[str]:
    """Names that stand where a place does: after "in", "near", "from"."""
    return list(dict.fromkeys(text[start:end] for start, end in runs(text) if _PLACE_BEFORE.search(text[:start])))


def subject(question: str) -> str | None:
    """What a question is about, as a noun phrase: "How strong was the earthquake in Skell?" is about "the earthquake in Skell"."""
    if match := _SUBJECT_DO.search(question):
        return _phrase(question, match.end(), drops_verb=True)
    if match := _SUBJECT_BE.search(question):
        return _phrase(question, match.end(), drops_verb=False)
    if match := _OBJECT.search(question):
        return _phrase(question, match.end(), drops_verb=False)
    return None


def is_plural(phrase: str) -> bool:
    """Whether a noun phrase speaks of several, by the ending of its head."""
    head = re.split(r" (?:of|in|at|near|on|into|between|over) ", phrase)[0].split()[-1]
    return bool(re.search(r"[^s]s$", head) and not head[0].isupper()) or head in {"people", "men", "women", "children", "police"}


def _phrase(text: str, start: int, *, drops_verb: bool) -> str | None:
    """From an article or a name on, up to the next function word, with a place that belongs to it."""
    if named := next((end for begin, end in runs(text) if begin == start), None):
        end = named
    else:
        stop = _STOPS.search(text, start + len(re.match(r"(?:the|a|an) |", text[start:], re.IGNORECASE).group()))  # type: ignore[union-attr]
        end = stop.start() if stop else len(text)
        words = text[start:end].split()
        if drops_verb and len(words) > 2 and words[-1][0].islower():
            words.pop()
        while len(words) > 2 and (_PARTICIPLE.fullmatch(words[-1]) or re.fullmatch(r"\w+ly", words[-1])):
            words.pop()
        if len(words) < 2 or words[-1] in _UNFINISHED:
            return None
        end = start + len(" ".join(words))
    if attached := _ATTACHED.match(text, end):
        end = attached.end()
    phrase = re.sub(r"^[Aa]n? ", "the ", text[start:end].strip())
    return phrase if len(phrase.split()) <= 10 else None


def _opens(text: str, start: int) -> bool:
    before = text[:start].rstrip(" \"“‘'(")
    return not before or before[-1] in ".!?:\n"


def _names_elsewhere(word: str, text: str, start: int) -> bool:
    """A single capital at a sentence's start is a name where the next word is a verb of a person, or the text has it elsewhere."""
    return bool(re.search(rf"[a-z,] {re.escape(word)}\b", text)) or bool(
        re.match(rf"{re.escape(word)}(?:['’]s\b| (?:said|has|is|was|will|had|won|did|does)\b)", text[start:])
    )


def has_name(text: str) -> bool:
    """Whether a text names anything."""
    return bool(names(text) or runs(text))
