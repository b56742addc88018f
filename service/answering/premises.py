"""False premises: a question that takes for granted what the articles deny.

Five kinds, each by its own rule, each wanting plain words in one sentence, for a false alarm spoils a good question:
somebody blamed whom the articles clear; a winner who lost; a cut that was a rise; something that was denied or did not happen; a
name taken for another that differs from it by one letter.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from service.answering.dating import in_brackets
from service.answering.grounding import Verdict
from service.domain import Evidence, Question, Support
from service.retrieval.evidence import Selection
from service.words import content_stems, names, negated, stem

MOST_OF_IT = 0.66
"""Share of the question's words, its name left out, that a sentence about the near-namesake holds. A first choice, like `MIN_WORDS`."""
MIN_WORDS = 3
"""Content words that a question has beside the name or verb that is judged, for them to say which event it is about."""
_TAKES_FOR_GRANTED = re.compile(
    r"^(?:\W*(?:and|but|so) )?(?:by |for |in |on |at |to |of |since |until )?(?:why|when|how|which|what|where|who\w*)\b", re.I
)
_RUN = re.compile(r"[^\W\d_a-z][\w’'-]*(?: (?:of )?[^\W\d_a-z][\w’'-]*)*")
_GUILT = r"(?:blam|accus|convict|caus|mistak|fault|error|negligen|guilt|responsib)\w*"
_SPEAKS = re.compile(r"\b(?:say|says|said|tell|tells|told|think|thinks|thought|claim|claims|claimed|ask|asked|according)\b", re.IGNORECASE)
_CLEARS = re.compile(
    r"\b(?:clears|cleared|exonerates|exonerated|absolves|absolved|acquits|acquitted) (?P<whom>[^,;.]+)"
    r"|(?P<who>[^,;.]+?) (?:was|were|is|are|has been|have been) (?:cleared of|exonerated|absolved|acquitted|not to blame|not at fault)\b"
)
_CONVICTS = re.compile(r"\b(?:guilty|convicted|blamed|blames|to blame)\b", re.IGNORECASE)
_WINS = re.compile(
    r"\b(?:did|does|has|have) (?:the )?(?P<who>[A-Z][\w’'-]*(?: [A-Z][\w’'-]*)*) "
    r"(?:won|win|beat|beaten|defeat|defeated)\b"
)
_WINNER = re.compile(
    r"(?P<who>[A-Z][\w’'-]*(?: [A-Z][\w’'-]*)*) "
    r"(?:(?:has been|was|is|have been|were) (?:re-?elected|elected|declared (?:the )?winner)"
    r"|won|wins|has won|have won|beat|beats|defeated)\b"
)
_WIN_WORDS = content_stems("win won wins beat beaten defeat defeated victory elected election")
_PAIRS = tuple(
    (content_stems(one), content_stems(other))
    for one, other in (
        ("raise raised lift lifted increase increased hike hiked", "cut lower lowered reduce reduced decrease decreased slash slashed"),
        ("approve approved accept accepted ratify ratified", "reject rejected refuse refused veto vetoed"),
        ("buy bought acquire acquired", "sell sold"),
    )
)
_DENIED = re.compile(
    r"\b(?:(?:did|do|does|has|have|had|was|were|is|are|will|would|could) (?:not|never)"
    r"|(?:did|does|has|have|had|was|were|is|are|wo|would)n['’]t|never"
    r"|den(?:y|ied|ies)|refus(?:e|ed|es) to|ruled out|declined to|rejected calls? to|no plans? to)"
    r" (?:(?:been|yet|be|having|a|the|any) ){0,2}(?P<what>[a-z]+)"
)
_DID = re.compile(r"\b(?:did|does|has|have|was|were|is) (?P<rest>.+)", re.IGNORECASE)
_ROLE = re.compile(r"\b(?P<role>[a-z]+(?: [a-z]+){1,3}) (?P<who>[A-Z][\w’'-]*(?: [A-Z][\w’'-]*)+)")
_SAYS_NOTHING = content_stems(
    "much many long often exactly really actually january february march april may june july august september october november december"
)


@dataclass(frozen=True, slots=True)
class Premise:
    """The number of the evidence sentence that denies what the question assumes, and the words to say so."""

    number: int
    text: str

    @property
    def verdict(self) -> Verdict:
        """The sentence with which the answer begins, resting on what it quotes."""
        return Verdict(self.text, Support.SUPPORTED, (self.number,))


@dataclass(frozen=True, slots=True)
class _Read:
    """A sentence of the evidence as the rules read it: stems of its words and its headline's, and its date."""

    one: Evidence
    held: frozenset[str]
    day: datetime


def find_false_premise(question: Question, selection: Selection) -> Premise | None:
    """The sentence that denies what the question takes for granted, if one plainly does. To ask whether something is so assumes nothing."""
    if not _TAKES_FOR_GRANTED.search(question.standalone) or negated(question.standalone):
        return None
    read = [
        _Read(one, content_stems(f"{one.text} {one.article.title}"), one.article.published_at or datetime.min.replace(tzinfo=UTC))
        for one in selection.evidence
    ]
    for rule in _RULES:
        if found := rule(question, read):
            return Premise(found.number, f"The articles say otherwise: “{in_brackets(found)}”")
    return None


def _cleared(question: Question, read: Sequence[_Read]) -> Evidence | None:
    """Blamed in the question, cleared in the articles, and by none of them convicted since."""
    text = question.standalone
    if _SPEAKS.search(text) or _CLEARS.search(text):
        return None
    blamed = [
        run
        for run in _RUN.findall(text)
        if re.search(rf"{_GUILT}(?: (?:by|of|the|at|on)){{0,2}} {re.escape(run)}|{re.escape(run)} (?:[a-z]+ ){{0,2}}{_GUILT}", text)
    ]
    for row in read:
        for match in _CLEARS.finditer(row.one.text):
            whom = names(f"the {match['whom'] or match['who']}") & content_stems(" ".join(run.split()[-1] for run in blamed))
            if whom and not any(later.day > row.day and _CONVICTS.search(later.one.text) and whom & later.held for later in read):
                return row.one
    return None


def _lost(question: Question, read: Sequence[_Read]) -> Evidence | None:
    """Won in the question; in the newest article that holds all of its words somebody else did."""
    asked = _WINS.search(question.standalone)
    if not asked:
        return None
    rest = _asked(question) - content_stems(asked["who"]) - _WIN_WORDS
    for row in sorted(read, key=lambda row: row.day, reverse=True):
        winners = [match["who"] for match in _WINNER.finditer(row.one.text)] if rest <= row.held else []
        if any(_same_name(asked["who"], winner) for winner in winners):
            return None
        if winners and len(rest) >= MIN_WORDS:
            return row.one
    return None


def _same_name(one: str, other: str) -> bool:
    """Whether one is a shorter form of the other, or both end alike, as a surname does."""
    first, second = content_stems(one), content_stems(other)
    return first <= second or second <= first or content_stems(one.split()[-1]) == content_stems(other.split()[-1])


def _turned_round(question: Question, read: Sequence[_Read]) -> Evidence | None:
    """Cut in the question, raised in the articles, at the time that is asked about; no sentence has the question's verb."""
    asked = _asked(question)
    times = [time for time in question.weighing if time.start and time.end]
    dated = content_stems(" ".join(time.phrase for time in times))
    for one, other in (pair for both in _PAIRS for pair in (both, both[::-1])):
        rest = asked - one - dated
        if not asked & one or asked & other or len(rest) < MIN_WORDS:
            continue
        about = [
            row
            for row in read
            if rest <= row.held and (not times or any(t.start <= row.day < t.end + timedelta(days=2) for t in times if t.start and t.end))
        ]
        said = [content_stems(row.one.text) for row in about]
        if any(words & other for words in said) and not any(words & one for words in said):
            return next(row.one for row, words in zip(about, said, strict=True) if words & other)
    return None


def _denied(question: Question, read: Sequence[_Read]) -> Evidence | None:
    """Taken for granted in the question; a sentence with all of its words says that it was not so, and none says that it was."""
    asked = _asked(question)
    after = _DID.search(question.standalone)
    verbs = content_stems(after["rest"]) - names(question.standalone) if after else frozenset()
    if len(asked) < 2:
        return None
    for row in read:
        for match in _DENIED.finditer(row.one.text):
            verb = stem(match["what"])
            if verb in verbs and asked <= row.held and not any(verb in content_stems(other.one.text) for other in read if other is not row):
                return row.one
    return None


def _namesake(question: Question, read: Sequence[_Read]) -> Evidence | None:
    """A name for which the articles have another, one letter apart, in all that is said of it in the question."""
    text = question.standalone
    roles = {match["who"]: role for match in _ROLE.finditer(text) if len(role := content_stems(match["role"])) >= MIN_WORDS}
    for run in _RUN.findall(text):
        for word in run.split():
            rest = roles.get(run) or _asked(question) - content_stems(run)
            if len(rest) < MIN_WORDS:
                continue
            enough = len(rest) if run in roles else MOST_OF_IT * len(rest)
            own = [len(rest & content_stems(row.one.text)) for row in read if stem(word.casefold()) in row.held]
            for row in read:
                twins = _twins(word, run, row.one.text)
                share = len(rest & content_stems(row.one.text))
                if twins and stem(word.casefold()) not in row.held and share >= enough and 2 * max(own, default=0) <= share:
                    return row.one
    return None


def _twins(word: str, run: str, text: str) -> bool:
    """Whether the text has a name like it but for one letter, in a run of as many words that are else the same or all differ."""
    for other in _RUN.findall(text):
        for twin in other.split():
            if _one_letter_apart(word.casefold(), twin.casefold()) and (" " in run) == (" " in other):
                same = set(run.split()) & set(other.split())
                if same or not (twin.casefold().startswith(word.casefold()) or word.casefold().startswith(twin.casefold())):
                    return True
    return False


def _one_letter_apart(one: str, other: str) -> bool:
    """Whether one insertion, deletion or substitution makes the one the other; both have five letters or more."""
    if min(len(one), len(other)) < 5 or one == other or stem(one) == stem(other) or abs(len(one) - len(other)) > 1:
        return False
    short, long = sorted((one, other), key=len)
    place = next((index for index, letter in enumerate(short) if letter != long[index]), len(short))
    return short[place + (len(short) == len(long)) :] == long[place + 1 :]


def _asked(question: Question) -> frozenset[str]:
    return content_stems(question.standalone) - _SAYS_NOTHING


_RULES: tuple[Callable[[Question, Sequence[_Read]], Evidence | None], ...] = (_cleared, _lost, _turned_round, _denied, _namesake)
