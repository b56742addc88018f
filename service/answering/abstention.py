"""Whether to answer at all, and what kind of answer it is.

A refusal is decided before the model is asked where the evidence is plainly not about the question, and after it where
grounding left nothing. The reader gets the nearest evidence and the archive's range instead.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from service.answering.grounding import Verdict
from service.answering.part import Part
from service.domain import Evidence, Question, Status, Support
from service.retrieval.evidence import Selection
from service.words import content_stems, names

MIN_SIMILARITY = 0.35
"""Cosine of the best evidence sentence to the question, below which nothing is about it. The lowest of an answerable
question of the sample archive is 0.40."""
_NAMED = re.compile(r"\b(?:(?:1[5-9]|20)\d\d|January|February|March|April|May|June|July|August|September|October|November|December)\b")


def before_writing(question: Question, selection: Selection, *, covered: bool, without: Part | None = None) -> Status | None:
    """The refusal that needs no model, or None. `covered` says whether the archive holds anything from where and when is asked."""
    if without is Part.STATUS and selection.evidence:
        return None
    if not covered and not _looked_back_at(question, selection.evidence):
        return Status.OUTSIDE_COVERAGE
    if selection.best_similarity is None or selection.best_similarity < MIN_SIMILARITY:
        return Status.INSUFFICIENT_EVIDENCE
    return Status.INSUFFICIENT_EVIDENCE if _unknown_names(question, selection.evidence) else None


def after_writing(verdicts: Sequence[Verdict], *, disagreement: bool, unanswered: int = 0, without: Part | None = None) -> Status:
    """The status of what grounding left; `unanswered` counts the things asked that got no sentence."""
    supported = [verdict for verdict in verdicts if verdict.support is Support.SUPPORTED]
    if not supported:
        return Status.INSUFFICIENT_EVIDENCE
    if without is Part.STATUS:
        return Status.ANSWERED
    if disagreement:
        return Status.CONFLICTING
    return Status.PARTIAL if unanswered or len(supported) < len(verdicts) else Status.ANSWERED


def _looked_back_at(question: Question, evidence: Sequence[Evidence]) -> bool:
    """True where the evidence tells of a time that no article is from: it names it, or is itself of unknown date."""
    if any(one.article.published_at is None for one in evidence):
        return True
    said = {word.casefold() for window in question.weighing for word in _NAMED.findall(window.phrase)}
    return any(said & set(re.findall(r"\w+", one.text.casefold())) for one in evidence)


def _unknown_names(question: Question, evidence: Sequence[Evidence]) -> bool:
    """True where the question names several things and the evidence knows none of them."""
    wanted = names(question.standalone)
    if len(wanted) < 2:
        return False
    known: set[str] = set()
    for one in evidence:
        known |= content_stems(" ".join(filter(None, (one.article.title, one.article.source, one.article.author, one.passage.text))))
    return not wanted & known
