"""Whether to answer, and what kind of answer it is."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from service.answering.abstention import after_writing, before_writing
from service.answering.grounding import Verdict
from service.domain import Article, Coverage, Evidence, Passage, Question, Scope, Status, Support, Window
from service.retrieval.evidence import Selection

ASKED_AT = datetime(2026, 5, 20, tzinfo=UTC)
COVERAGE = Coverage(3, datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 5, 1, tzinfo=UTC))
GOOD = Verdict("Yes.", Support.SUPPORTED, (1,))
BAD = Verdict("No.", Support.UNSUPPORTED)


def selection(text: str, cosine: float) -> Selection:
    """One sentence that is as close to the question as told."""
    article = Article("a", text, title="Dam", published_at=COVERAGE.first)
    evidence = Evidence(1, article, Passage.cut(article, 0, 0, len(text)), 0, len(text), text, 1.0)
    return Selection((evidence,), np.array([[cosine, 0.0]], dtype=np.float32), np.array([1.0, 0.0], dtype=np.float32))


def asked(text: str = "How many left?", window: tuple[str, str] | None = None) -> Question:
    """A question on 20 May 2026, perhaps about a window."""
    interval = [datetime.fromisoformat(day).replace(tzinfo=UTC) for day in window] if window else []
    found = Window(interval[0], interval[1], f"in {interval[0].year}") if interval else None
    return Question(text, text, ASKED_AT, Scope(ASKED_AT), found)


@pytest.mark.parametrize(
    ("window", "status"),
    [
        (None, None),
        (("1994-01-01", "1995-01-01"), Status.OUTSIDE_COVERAGE),
        (("2026-05-10", "2026-05-15"), Status.OUTSIDE_COVERAGE),
        (("2026-03-01", "2026-04-01"), None),
        (("2025-12-01", "2026-02-01"), None),
        (("2026-11-01", "2026-12-01"), None),
    ],
)
def test_a_window_wholly_outside_the_archive_is_not_answered(window: tuple[str, str] | None, status: Status | None) -> None:
    """Before its first article or after its last one; what is still to come when the question is asked may be forecast."""
    assert before_writing(asked(window=window), selection("Some 3,400 people left.", 0.9), COVERAGE) is status


def test_a_window_that_is_not_applied_refuses_nothing() -> None:
    """The reader took it away."""
    question = asked(window=("1994-01-01", "1995-01-01"))
    assert question.window is not None
    question = replace(question, window=replace(question.window, applied=False))
    assert before_writing(question, selection("Some 3,400 people left.", 0.9), COVERAGE) is None


def test_an_article_that_looks_back_at_the_year_may_answer() -> None:
    """The archive's own articles tell of earlier years."""
    question = asked(window=("1994-01-01", "1995-01-01"))
    assert before_writing(question, selection("In the flood of 1994 some 80 people left.", 0.9), COVERAGE) is None


def test_evidence_that_is_not_about_the_question_is_a_refusal() -> None:
    """A best sentence far from the question, or none at all, answers nothing."""
    assert before_writing(asked(), selection("It rained.", 0.1), COVERAGE) is Status.INSUFFICIENT_EVIDENCE
    nothing = Selection((), np.zeros((0, 2), dtype=np.float32), np.array([1.0, 0.0], dtype=np.float32))
    assert before_writing(asked(), nothing, COVERAGE) is Status.INSUFFICIENT_EVIDENCE


def test_names_that_no_evidence_knows_are_a_refusal() -> None:
    """A question about two strangers is not answered with the nearest acquaintance."""
    assert (
        before_writing(asked("What did Olga Brandt tell Piet Hein?"), selection("The minister spoke.", 0.9), COVERAGE)
        is Status.INSUFFICIENT_EVIDENCE
    )


@pytest.mark.parametrize(
    ("verdicts", "disagreement", "refused", "status"),
    [
        ([GOOD], False, False, Status.ANSWERED),
        ([GOOD, BAD], False, False, Status.PARTIAL),
        ([GOOD], False, True, Status.PARTIAL),
        ([GOOD], True, False, Status.CONFLICTING),
        ([BAD], False, False, Status.INSUFFICIENT_EVIDENCE),
        ([], False, True, Status.INSUFFICIENT_EVIDENCE),
        ([], True, False, Status.INSUFFICIENT_EVIDENCE),
    ],
)
def test_the_status_is_that_of_what_grounding_left(verdicts: list[Verdict], disagreement: bool, refused: bool, status: Status) -> None:
    """Nothing supported is a refusal; something lost is partial; both sides are a conflict."""
    assert after_writing(verdicts, disagreement=disagreement, refused=refused) is status
