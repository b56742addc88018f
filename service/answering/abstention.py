"""Whether to answer at all, and what kind of answer it is.

A refusal is decided before the model is asked where the evidence is plainly not about the question, and after it where
grounding left nothing. The reader gets the nearest evidence and the archive's range instead.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from service.answering.grounding import Verdict
from service.domain import Coverage, Evidence, Question, Status, Support
from service.retrieval.evidence import Selection
from service.words import content_stems, names

MIN_SIMILARITY = 0.35
"""Cosine of the best evidence sentence to the question, below which nothing is about it. The lowest of an answerable
question of the sample archive is 0.40."""
_NAMED = re.compile(r"\b(?:(?:1[5-9]|20)\d\d|January|February|March|April|May|June|July|August|September|October|November|December)\b")


def before_writing(question: Question, selection: Selection, coverage: Coverage) -> Status | None:
    """The refusal that needs no model, or None."""
    if outside(question, selection.evidence, coverage):
        return Status.OUTSIDE_COVERAGE
    if selection.best_similarity is None or selection.best_similarity < MIN_SIMILARITY:
        return Status.INSUFFICIENT_EVIDENCE
    return Status.INSUFFICIENT_EVIDENCE if _unknown_names(question, selection.evidence) else None


def after_writing(verdicts: Sequence[Verdict], *, disagreement: bool, refused: bool) -> Status:
    """The status of what grounding left."""
    supported = [verdict for verdict in verdicts if verdict.support is Support.SUPPORTED]
    if not supported:
        return Status.INSUFFICIENT_EVIDENCE
    if disagreement:
        return Status.CONFLICTING
    return Status.PARTIAL if refused or len(supported) < len(verdicts) else Status.ANSWERED


def outside(question: Question, evidence: Sequence[Evidence], coverage: Coverage) -> bool:
    """True where the question is about a time the archive has nothing from, and no article looks back at it."""
    window = question.window
    if coverage.articles == 0:
        return True
    if window is None or not window.applied or (window.start is not None and window.start > question.asked_at):
        return False  # What is still to come is in no archive, but forecasts of it are.
    if coverage.first is None or coverage.last is None:
        return False
    begins_after = window.start is not None and window.start > coverage.last
    ends_before = window.end is not None and window.end <= coverage.first
    if not begins_after and not ends_before:
        return False
    said = {word.casefold() for word in _NAMED.findall(window.phrase)}
    return not any(said & set(re.findall(r"\w+", one.text.casefold())) for one in evidence)


def _unknown_names(question: Question, evidence: Sequence[Evidence]) -> bool:
    """True where the question names several things and the evidence knows none of them."""
    wanted = names(question.standalone)
    if len(wanted) < 2:
        return False
    known: set[str] = set()
    for one in evidence:
        known |= content_stems(" ".join(filter(None, (one.article.title, one.article.source, one.article.author, one.passage.text))))
    return not wanted & known
