"""Whether to answer, and what kind of answer it is."""

from datetime import UTC, datetime

import numpy as np
import pytest

from service.answering.abstention import after_writing, before_writing
from service.answering.grounding import Verdict
from service.domain import Article, Evidence, Passage, Question, Scope, Status, Support, Window
from service.retrieval.evidence import Selection

ASKED_AT = datetime(2026, 5, 20, tzinfo=UTC)
NOTHING = Selection((), np.zeros((0, 2), dtype=np.float32), np.array([1.0, 0.0], dtype=np.float32))
GOOD = Verdict("Yes.", Support.SUPPORTED, (1,))
BAD = Verdict("No.", Support.UNSUPPORTED)


def selection(text: str, cosine: float, *, dated: bool = True) -> Selection:
    """One sentence that is as close to the question as told."""
    article = Article("a", text, title="Dam", published_at=datetime(2026, 1, 1, tzinfo=UTC) if dated else None)
    evidence = Evidence(1, article, Passage.cut(article, 0, 0, len(text)), 0, len(text), text, 1.0)
    return Selection((evidence,), np.array([[cosine, 0.0]], dtype=np.float32), np.array([1.0, 0.0], dtype=np.float32))


def asked(text: str = "How many left?", window: tuple[str, str] | None = None) -> Question:
    """A question on 20 May 2026, perhaps about a window."""
    interval = [datetime.fromisoformat(day).replace(tzinfo=UTC) for day in window] if window else []
    found = Window(interval[0], interval[1], f"in {interval[0].year}") if interval else None
    return Question(text, text, ASKED_AT, Scope(ASKED_AT), found, windows=(found,) if found else ())


def test_what_the_archive_has_nothing_from_is_not_answered() -> None:
    """Neither from another year, nor from outside a filter."""
    question = asked(window=("1994-01-01", "1995-01-01"))
    assert before_writing(question, selection("Some 3,400 people left.", 0.9), covered=False) is Status.OUTSIDE_COVERAGE
    assert before_writing(asked(), NOTHING, covered=False) is Status.OUTSIDE_COVERAGE
    assert before_writing(question, selection("Some 3,400 people left.", 0.9), covered=True) is None


def test_an_article_that_looks_back_at_the_year_may_answer() -> None:
    """The archive's own articles tell of earlier years, and one of unknown date may be from then."""
    question = asked(window=("1994-01-01", "1995-01-01"))
    assert before_writing(question, selection("In the flood of 1994 some 80 people left.", 0.9), covered=False) is None
    assert before_writing(question, selection("Some 3,400 people left.", 0.9, dated=False), covered=False) is None


def test_evidence_that_is_not_about_the_question_is_a_refusal() -> None:
    """A best sentence far from the question, or none at all, answers nothing."""
    assert before_writing(asked(), selection("It rained.", 0.1), covered=True) is Status.INSUFFICIENT_EVIDENCE
    assert before_writing(asked(), NOTHING, covered=True) is Status.INSUFFICIENT_EVIDENCE


def test_names_that_no_evidence_knows_are_a_refusal() -> None:
    """A question about two strangers is not answered with the nearest acquaintance."""
    assert (
        before_writing(asked("What did Olga Brandt tell Piet Hein?"), selection("The minister spoke.", 0.9), covered=True)
        is Status.INSUFFICIENT_EVIDENCE
    )


@pytest.mark.parametrize(
    ("verdicts", "disagreement", "unanswered", "status"),
    [
        ([GOOD], False, 0, Status.ANSWERED),
        ([GOOD, BAD], False, 0, Status.PARTIAL),
        ([GOOD], False, 1, Status.PARTIAL),
        ([GOOD], True, 0, Status.CONFLICTING),
        ([BAD], False, 0, Status.INSUFFICIENT_EVIDENCE),
        ([], False, 1, Status.INSUFFICIENT_EVIDENCE),
        ([], True, 0, Status.INSUFFICIENT_EVIDENCE),
    ],
)
def test_the_status_is_that_of_what_grounding_left(verdicts: list[Verdict], disagreement: bool, unanswered: int, status: Status) -> None:
    """Nothing supported is a refusal; something lost is partial; both sides are a conflict."""
    assert after_writing(verdicts, disagreement=disagreement, unanswered=unanswered) is status
