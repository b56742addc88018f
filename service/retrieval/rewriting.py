"""A follow-up as a question that stands alone, by rules; what they cannot resolve keeps the earlier question beside it.

Query rewriting for conversational search (Elgohary et al., "Can You Unpack That?", EMNLP 2019) without a model: a fragment takes the place
of its like in the earlier question, a bare "why?" takes that question's words, a pronoun takes a name that it can only mean.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from service.domain import Turn
from service.retrieval import antecedents as found
from service.retrieval.followup import CONNECTIVE, EXPLETIVE, is_bare, is_fragment, leans_back
from service.retrieval.slots import fill
from service.words import content_stems

MOST = 300
"""Characters of an earlier question that a follow-up takes along."""
ABOUT = re.compile(r"^(?P<core>.*\S) \(about: (?P<topic>.*)\)$", re.DOTALL)
_MARKS = re.compile(r"\s*\[\d+\]")
_AUXILIARY = r"(?:did|does|do|is|was|are|were|has|have|had|will|would|can|could|should)"
_INVERTED = re.compile(rf"^(?:(?:what|whom?) (?=(?:did|does|do) )|(?:when|where|why|how) (?={_AUXILIARY} ))(?P<rest>.+)$", re.IGNORECASE)
"""What is asked for is the object or a circumstance, so that the rest is a question of its own."""
_YES_NO = re.compile(rf"^{_AUXILIARY} ", re.IGNORECASE)
_OF_SUBJECT = re.compile(rf"^(?:(?P<who>who) (?!{_AUXILIARY}\b)|how (?:many|much) (?!.*\b{_AUXILIARY}\b))(?P<rest>.+)$", re.IGNORECASE)
_ADVERBIAL = re.compile(r"^(?:why|when|where|how(?: exactly| so| come)?|since when|until when|by when)$", re.IGNORECASE)
_ELSE = re.compile(r"^(who|what|where) else$", re.IGNORECASE)
_PERSON = re.compile(r"\b(?:he|she|him|his|her|hers)\b", re.IGNORECASE)
_IT = re.compile(r"\b(?:it|its)\b", re.IGNORECASE)
_THEY = re.compile(r"\b(?:they|them|their)\b", re.IGNORECASE)
_THERE = re.compile(r"(?:\bin |(?P<from>\bfrom ))?\bthere\b", re.IGNORECASE)
_POSSESSIVE = re.compile(
    r"\b(?:his|its|their)\b|\bher(?= (?!in\b|on\b|at\b|to\b|for\b|from\b|by\b|with\b|and\b|or\b|as\b|after\b|before\b)\w)", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Rewrite:
    """A question that stands alone, the exchange it leans on if it does, and whether rules could say what it means."""

    standalone: str
    earlier: Turn | None = None
    resolved: bool = True


def rewrite(question: str, history: Sequence[Turn], asked_at: datetime, sources: Sequence[str] = ()) -> Rewrite:
    """The question as it would be asked without its history, oldest turn first. Nothing is added to one that stands alone.

    `asked_at` is aware, in the asker's zone; `sources` are the outlets of the archive. A turn that has no standalone question of its own is
    given one from the turns before it.
    """
    turns = _standing(history, asked_at, sources)
    if not turns:
        return Rewrite(question)
    return _rewritten(question, turns[-1], history[-1], asked_at, sources)


def about(question: str, topic: str) -> str:
    """The question with what it is about beside it: what is said where the two cannot be made one."""
    return f"{question} (about: {_cut(topic)})"


def _standing(history: Sequence[Turn], asked_at: datetime, sources: Sequence[str]) -> list[Turn]:
    turns: list[Turn] = []
    for turn in history:
        said = turn.standalone or (_rewritten(turn.question, turns[-1], turn, asked_at, sources).standalone if turns else turn.question)
        turns.append(replace(turn, standalone=" ".join(said.split())))
    return turns


def _rewritten(question: str, last: Turn, given: Turn, asked_at: datetime, sources: Sequence[str]) -> Rewrite:
    """`last` stands alone; `given` is the same turn as it came."""
    core, topic = _parted(last.statement)
    subject = core if not topic or found.has_name(core) else topic if is_bare(core) else f"{core} {topic}"
    answer = _plain(last.answer)
    if not leans_back(question, last.statement, answer):
        return Rewrite(question)
    if is_fragment(question):
        bare = question.rstrip("?.! ")
        made = (
            _bare(CONNECTIVE.sub("", bare), core, answer)
            if is_bare(question)
            else fill(question, core, then=last.asked_at or asked_at, sources=sources)
        )
        if made:
            return Rewrite(about(made, topic) if topic else made, given)
        return Rewrite(about(question, subject), given, resolved=is_bare(question))
    made = _pronouns(question, core if found.has_name(core) or not topic else topic, answer)
    if made != question and not leans_back(made, last.statement):
        return Rewrite(made if found.has_name(made) else about(made, subject), given)
    return Rewrite(about(made, subject), given, resolved=False)


def _parted(statement: str) -> tuple[str, str]:
    """An earlier question without the topic that was put beside it, and that topic: the words that still name something."""
    if match := ABOUT.match(statement):
        core, topic = match.group("core"), match.group("topic")
        return _cut(core), _cut(topic)
    return _cut(statement), ""


def _bare(words: str, core: str, answer: str) -> str | None:
    """ "Why?" after "When did the bridge close?" is "Why did the bridge close?"; None where the two cannot be joined."""
    words = re.sub(
        r"^(?:and|but|so)\s+",
        "",
        re.sub(r"^(why|when|where) (?:was|is) (?:that|this)$", r"\1", words, flags=re.IGNORECASE),
        flags=re.IGNORECASE,
    )
    words = words[:1].upper() + words[1:]
    core = CONNECTIVE.sub("", core)
    if match := _ELSE.match(words):
        same = re.match(rf"^{match.group(1)}\b(?! else\b)", core, re.IGNORECASE)
        return f"{words}{core[same.end() :]}" if same else None
    if not _ADVERBIAL.match(words):
        return None
    if words.casefold() in {"how come", "how so"}:
        words = "Why"
    if match := _INVERTED.match(core):
        return f"{words} {match.group('rest')}"
    if _YES_NO.match(core):
        return f"{words} {core[0].lower()}{core[1:]}"
    if match := _OF_SUBJECT.match(core):
        rest = match.group("rest")
        subject = (_subject_of(answer, rest) or "someone ") if match.group("who") else ""
        return f"{words} {'is' if words in {'Why', 'How'} else 'was'} it that {subject}{rest}"
    return None


def _subject_of(answer: str, rest: str) -> str | None:
    """Who did it, where the answer begins with a name and goes on with the question's verb."""
    opening = re.match(rf"^((?:[A-Z][\w’'-]*\s+){{1,4}}){re.escape(rest.split()[0])}\b", answer)
    return opening.group(1) if opening else None


def _pronouns(question: str, core: str, answer: str) -> str:
    """The question with the pronouns replaced that can only mean one thing."""
    made = question
    if person := _person(core, answer):
        made = _put(made, _PERSON, person)
    thing = found.subject(core)
    named_person = thing is not None and thing in found.people(core)
    if thing and not named_person:
        made = _put(made, _THEY if found.is_plural(thing) else _IT, thing)
    places = found.places(core) or found.places(answer)
    if len(places) == 1 and not EXPLETIVE.search(made):
        made = _THERE.sub(lambda match: f"{match.group('from') or 'in '}{places[0]}", made, count=1)
    return made


def _person(core: str, answer: str) -> str | None:
    """The one person of the earlier question, or the one whom its answer names; None where it could be either of two."""
    asked, told = found.people(core), found.people(answer)
    if len(asked) == 1:
        return asked[0]
    if asked:
        return None
    if len(told) == 1 or (told and answer.startswith(told[0])):
        return told[0]
    return None


def _put(question: str, pronoun: re.Pattern[str], name: str) -> str:
    """The name for the first pronoun; a second one may stay, since it now has its noun before it."""
    match = pronoun.search(question)
    if match is None:
        return question
    owns = _POSSESSIVE.match(question, match.start())
    ending = "" if not owns else "’" if name.endswith("s") else "’s"
    name = name if match.start() else name[0].upper() + name[1:]
    return f"{question[: match.start()]}{name}{ending}{question[match.end() :]}"


def _plain(answer: str) -> str:
    return " ".join(_MARKS.sub("", answer[: found.READ]).split())


def _cut(text: str) -> str:
    return text if len(text) <= MOST else text[:MOST].rsplit(" ", 1)[0] + "…"


def is_faithful(rewritten: str, question: str, before: str) -> bool:
    """Whether a rewriting keeps the question's content words and adds only words that were said before."""
    kept, said = content_stems(question), content_stems(before)
    made = content_stems(rewritten)
    return bool(made) and kept <= made and made <= kept | said
