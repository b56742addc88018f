"""Corrections: sentences that say that something printed before was wrong, and what belongs to them.

English forms, as outlets print them: "Correction:", "an earlier version of this article said", "12 and not 21 as we reported",
"the correct figure is", "corrected its figure", "retracted".
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from service.domain import Article, Evidence
from service.words import content_stems, numbers

_NOTICE = re.compile(r"^\W*(?:correction|clarification|retraction|erratum|corrected)\b", re.IGNORECASE)
_CORRECTS = re.compile(
    r"^\W*(?:correction|clarification|retraction)\b"
    r"|\b(?:correct(?:s|ed|ing)? (?:its|an|the|our|their|a|that|this)\b(?: \w+){0,4}"
    r" (?:figures?|reports?|number|estimate|count|article|error|statement|version)"
    r"|the correct (?:figure|number|date|name|spelling|value|total|amount|sum|place|title|age|time|version)"
    r"|(?:an? |the )?(?:earlier|previous|original) version of (?:this|the|our) (?:article|story|report)"
    r"|retract(?:s|ed|ion)\b|misstated|misreported|wrongly (?:stated|said|reported|gave|named|identified)"
    r"|gave (?:the|a) wrong|stated in error|(?:,|and) not [^.;]{1,60}? as (?:we|first|originally|previously|earlier|it|this)\b)",
    re.IGNORECASE,
)
_NOT_AS = re.compile(
    r"\b(?P<right>[^,;.]*?),? (?:and |but )?not (?P<wrong>[^.;]{1,60}?),? as (?:we|first|originally|previously|earlier|it|this)\b"
)
_SAID_BEFORE = re.compile(
    r"\b(?:it|article|report|story|version|headline|we|which)\b[^.;]{0,80}\b(?:said|stated|gave|reported|put)\b|\b(?:wrongly|mistakenly|misstated)\b",
    re.IGNORECASE,
)
_CORRECT = re.compile(r"\b(?:the correct|in fact|should have (?:been|said|read)|is in fact|the right)\b", re.IGNORECASE)
MIN_SHARED = 2
"""Content words that a sentence shares with the notice, beside the wrong figure, to be what it corrects. A first choice."""


def is_notice(article: Article) -> bool:
    """True of an article that is a correction by its headline or its first word."""
    return bool(_NOTICE.search(article.title) or _NOTICE.search(article.text[:40]))


def corrects(one: Evidence) -> bool:
    """True of a sentence that corrects, or that stands in a notice of correction."""
    return bool(_CORRECTS.search(one.text)) or is_notice(one.article)


@dataclass(frozen=True, slots=True)
class Correction:
    """The row of the sentence with the right figure, the figures it puts right, and the rows that still say the wrong ones."""

    row: int
    wrong: frozenset[str]
    corrected: tuple[int, ...]


def find_corrections(evidence: Sequence[Evidence]) -> list[Correction]:
    """What the corrections among the evidence put right, each with the sentences that it corrects."""
    found = []
    for row, one in enumerate(evidence):
        if wrong := _wrong(one):
            corrected = tuple(other for other, said in enumerate(evidence) if _is_corrected(said, one, wrong))
            found.append(Correction(row, wrong, corrected))
    return found


def _wrong(one: Evidence) -> frozenset[str]:
    """The figures that this sentence says were wrong, where it is the one that says what is right."""
    if turned := _NOT_AS.search(one.text):
        return numbers(turned.group("wrong")) - numbers(turned.group("right"))
    if not is_notice(one.article) or not _CORRECT.search(one.text):
        return frozenset()
    before = one.passage.text[: max(0, one.start - one.passage.start)]
    told = [sentence for sentence in re.split(r"(?<=[.!?]) ", before) if _SAID_BEFORE.search(sentence)]
    return numbers(told[-1]) - numbers(one.text) if told else frozenset()


def _is_corrected(said: Evidence, notice: Evidence, wrong: frozenset[str]) -> bool:
    """Whether a sentence printed before the notice says what the notice calls wrong."""
    if said.article.id == notice.article.id:
        return (
            _SAID_BEFORE.search(said.text) is not None
            and bool(numbers(said.text) & wrong)
            and not numbers(notice.text) & numbers(said.text)
        )
    before, after = said.article.published_at, notice.article.published_at
    if before is None or after is None or before > after or not numbers(said.text) & wrong:
        return False
    shared = content_stems(said.text) & content_stems(f"{notice.article.title} {notice.passage.text}")
    return len(shared) >= MIN_SHARED
