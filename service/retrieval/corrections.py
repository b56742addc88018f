"""Corrections: which sentence of the archive puts which other one right.

A notice ("Correction:", "an earlier version of this article said …", "the office corrected its figure") names the value that was wrong and
the one that is right, in one sentence ("131 and not 118") or in two ("It said … 112 million. The correct figure is 121 million."). What
states the wrong value about the same thing, earlier, is corrected. A notice that names no wrong value corrects nothing here: what it is
about could only be guessed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from service.domain import Evidence, Question
from service.words import content_stems, folded, names, numbers

REACH = 3
"""Sentences after the notice's first that may name its values. A first choice: notices are short."""
MIN_SHARED = 2
"""Content words, beside the value, that a corrected sentence shares with the notice. A first choice."""
_NOTICE = re.compile(
    r"^(?:corrections?(?: and clarifications?)?|clarification|editor['’]s note) ?:"
    r"|\b(?:earlier|previous) version of this (?:article|story|report)\b"
    r"|\b(?:corrects?|corrected|correcting|retracts?|retracted|misstated|misreported)\b|\bgave (?:a|the) wrong\b|\bgave an incorrect\b"
    r"|\b(?:mistakenly|wrongly|erroneously|incorrectly) (?:said|gave|given|stated|reported|described|identified|put|named)\b"
    r"|\bas (?:we|first|previously|originally|earlier|wrongly) (?:had )?(?:reported|published|stated|announced|given|said)\b"
    r"|\bnot [^.;]{1,40}, [^.;]{2,40} (?:admitted|conceded|acknowledged)\b",
    re.IGNORECASE,
)
_CONTRAST = re.compile(r"(?P<right>[^;]*?),? (?:(?:and )?not|rather than) (?P<wrong>[^,;.]*\w(?:[.,]\d+)*[^,;.]*)")
_NOT_BUT = re.compile(r"\bnot (?P<wrong>[^;]{1,60}?),? but (?P<right>[^;]+)")
_WRONG = re.compile(
    r"^(?:it|the (?:article|story|report|headline)|we|an? (?:earlier|previous) version of this (?:article|story|report)) "
    r"(?:had )?(?:mistakenly |wrongly |erroneously |incorrectly )?(?:said|gave|stated|reported|put)\b(?P<wrong>.+)"
    r"|\b(?:mistakenly|wrongly|erroneously|incorrectly) (?:said|gave|given|stated|reported|described|identified|put|named)\b(?P<given>.+)",
    re.IGNORECASE,
)
_RIGHT = re.compile(
    r"\bcorrect (?:\w+ )?(?:figure|number|date|name|amount|sum|total|spelling|title|value|year|day|time|place)\b.*?"
    r"\b(?:is|was|are|were) (?P<right>.+)"
    r"|\bshould have (?:been|said|read|stated) (?P<should>.+)|\bin fact\b(?P<fact>.+)",
    re.IGNORECASE,
)
_COUNTED = re.compile(r"(\d[\d,.]*(?: (?:thousand|million|billion|trillion))?) ([^\W\d_]+)")
_UNITS = content_stems("percent per cent")
"""Written in several ways."""
_NAME = re.compile(r"[^\W\d_a-z][\w'’-]+(?: [^\W\d_a-z][\w'’-]+)*")
_MONTHS = frozenset("january february march april may june july august september october november december".split())
_ASKS_OF_IT = re.compile(
    r"\b(?:wrong\w*|mistak\w*|errors?|erroneous\w*|incorrect\w*|correct\w*|retract\w*|misreport\w*|misstat\w*)\b", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Correction:
    """The row that states what is right, the rows of its notice, and the values: numbers in digits, stems of names."""

    row: int
    notice: tuple[int, ...]
    wrong: frozenset[str]
    right: frozenset[str]
    about: frozenset[str]
    """Stems of the notice's words."""
    counted: frozenset[str]
    """The stem of the noun behind the right number, if there is one: 121 million *orrans*."""


def replaced(question: Question, candidates: Sequence[Evidence]) -> Mapping[int, int]:
    """For each row that a correction replaces, the row of the sentence that does; rows of one passage stand in order.

    Empty for a question about the mistake itself. What was not yet published when, or as of when, it is asked is no candidate.
    """
    if asks_of_a_mistake(question):
        return {}
    found: dict[int, int] = {}
    for one in find_corrections(candidates):
        for row, candidate in enumerate(candidates):
            if row != one.row and _is_corrected(row, candidate, one, candidates):
                found[row] = one.row
    return {row: by for row, by in found.items() if by not in found}


def asks_of_a_mistake(question: Question) -> bool:
    """Whether the question is about something that was wrong: then what was wrong belongs to the answer."""
    return bool(_ASKS_OF_IT.search(question.asked))


def find_corrections(candidates: Sequence[Evidence]) -> list[Correction]:
    """Every notice among the sentences that names both the wrong and the right value."""
    found = []
    for _, group in groupby(range(len(candidates)), key=lambda row: candidates[row].passage.id):
        rows = list(group)
        for place, row in enumerate(rows):
            if _NOTICE.search(candidates[row].text) and (one := _read(rows[place : place + 1 + REACH], candidates)):
                found.append(one)
    return found


def _read(rows: Sequence[int], candidates: Sequence[Evidence]) -> Correction | None:
    """The notice that begins with the first of the rows."""
    wrong: frozenset[str] = frozenset()
    used = [rows[0]]
    for row in rows:
        text = candidates[row].text
        if both := _NOT_BUT.search(text) or _CONTRAST.search(text):
            false, true = _values(both["wrong"]), _values(both["right"])
            if _alike(false, true):
                return _correction(row, [*used, row], false - true, true - false, candidates)
        if said := _WRONG.search(text):
            wrong = _values(said["wrong"] or said["given"])
            used.append(row)
        if (told := _RIGHT.search(text)) and wrong:
            right = _values(told["right"] or told["should"] or told["fact"])
            if _alike(wrong, right):
                return _correction(row, [*used, row], wrong - right, right - wrong, candidates)
    return None


def _correction(row: int, used: Sequence[int], wrong: frozenset[str], right: frozenset[str], candidates: Sequence[Evidence]) -> Correction:
    words = content_stems(" ".join(candidates[one].text for one in dict.fromkeys(used)))
    behind = [match[2] for match in _COUNTED.finditer(candidates[row].text) if numbers(match[1]) & right]
    return Correction(row, tuple(dict.fromkeys(used)), wrong, right, words, content_stems(" ".join(behind[:1])) - _UNITS)


def _values(text: str) -> frozenset[str]:
    """What a correction changes: numbers and months, or else the last name."""
    return numbers(text) | _named_months(text) or frozenset().union(*(names(f"the {run}") for run in _NAME.findall(text)[-1:]))


def _alike(wrong: frozenset[str], right: frozenset[str]) -> bool:
    """Whether both are numbers or both are names, and each says what the other does not."""
    return bool(wrong - right and right - wrong) and any(map(_is_number, wrong)) == any(map(_is_number, right))


def _is_number(value: str) -> bool:
    return value[0].isdigit()


def _is_corrected(row: int, candidate: Evidence, one: Correction, candidates: Sequence[Evidence]) -> bool:
    """Whether it states the wrong value of the same thing, without the right one, no later than the correction.

    Of the notice's own article, only a sentence of the notice that says again what was wrong.
    """
    says = numbers(candidate.text) | content_stems(candidate.text)
    if not one.wrong <= says or one.right & says or not one.counted <= says:
        return False
    by = candidates[one.row]
    if candidate.article.id == by.article.id:
        return row in one.notice and bool(_WRONG.search(candidate.text))
    then, now = candidate.article.published_at, by.article.published_at
    if then is None or now is None or then > now:
        return False
    shared = content_stems(f"{candidate.text} {candidate.article.title}") & one.about
    others = _named_months(candidate.text) if not one.counted else frozenset()
    if others and (about := _named_months(" ".join(candidates[other].text for other in one.notice))) and not others & about:
        return False
    title = folded(candidate.article.title)
    kin = _same_outlet(candidate, by) or bool(title and title in folded(by.passage.text))
    named = _topics(" ".join(candidates[other].text for other in one.notice)) - one.wrong
    same = len(named & _topics(f"{candidate.article.title}: {candidate.passage.text}"))
    if len(shared) < MIN_SHARED or (named and not same):
        return False
    return kin or (bool(one.counted) and same >= MIN_SHARED)


def _topics(text: str) -> frozenset[str]:
    return names(text) - _MONTHS


def _named_months(text: str) -> frozenset[str]:
    return _MONTHS & frozenset(re.findall(r"[a-z]+", text.casefold()))


def _same_outlet(one: Evidence, other: Evidence) -> bool:
    first, second = one.article.source, other.article.source
    return bool(first and second and first.casefold() == second.casefold()) or (one.story is not None and one.story == other.story)
