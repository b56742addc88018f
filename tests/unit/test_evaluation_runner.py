"""Asking every question, whatever happens."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
from test_evaluation_fakes import (
    ARTICLE,
    ASKED_AT,
    CRACK,
    ScriptedAsker,
    StoredArticles,
    answer,
    bench_of,
    case,
    cite,
    good_answer,
    refusal,
)

from service.answering.request import AskRequest
from service.domain import Answer, Citation, Mode, Turn
from service.errors import ModelUnavailable
from service.evaluation.judging import JudgedSentence
from service.evaluation.runner import Bench, Failure, RunResult, run_system
from service.evaluation.suite import Suite
from service.evaluation.systems import Answering


def suite_of(folder: Path, *ids: str) -> Suite:
    """A suite that asks one question for each id."""
    rows = (
        {
            "id": name,
            "question": f"What of {name}?",
            "asked_at": "2026-03-10T12:00:00Z",
            "history": [{"question": "Where?", "answer": "There."}],
        }
        for name in ids
    )
    path = folder / "questions.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    return Suite("mine", (path,))


def run(suite: Suite, asker: ScriptedAsker, articles: StoredArticles | None = None) -> RunResult:
    """Every question of the suite asked of this asker."""
    bench = bench_of(asker, articles)
    return run_system(suite, suite.cases(), bench.systems[0], bench)


def fail_on(word: str, error: BaseException) -> ScriptedAsker:
    """An asker that raises when the question holds the word."""

    def script(request: AskRequest) -> Answer:
        if word in request.question:
            raise error
        return good_answer()

    return ScriptedAsker(script)


def test_every_question_is_asked_as_written(tmp_path: Path) -> None:
    """The moment, the history and the suite's mode reach the asker, in order, and progress is told."""
    asker, told = ScriptedAsker(lambda _: good_answer()), []
    suite = suite_of(tmp_path, "a", "b")
    system = Answering("dateline", asker, Mode.EXTRACTIVE)
    bench = Bench((system,), StoredArticles())
    result = run_system(suite, suite.cases(), system, bench, progress=lambda done, total, row: told.append((done, total, row.case.id)))
    assert asker.asked[0] == AskRequest("What of a?", ASKED_AT, history=(Turn("Where?", "There."),), mode=Mode.EXTRACTIVE)
    assert [row.case.id for row in result.rows] == ["a", "b"]
    assert told == [(1, 2, "a"), (2, 2, "b")]
    assert (result.total, result.partial, result.system) == (2, False, "dateline")


def test_only_the_given_questions_are_asked(tmp_path: Path) -> None:
    """A limit is the first so many of a suite's questions, and they are the total."""
    suite, bench = suite_of(tmp_path, "a", "b", "c"), bench_of(ScriptedAsker(lambda _: good_answer()))
    result = run_system(suite, suite.cases()[:2], bench.systems[0], bench)
    assert ([row.case.id for row in result.rows], result.total) == (["a", "b"], 2)


def test_a_crash_is_a_failed_row_and_the_rest_is_asked(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What an unexpected error says goes to the log under the row's error id, not into the report."""
    asker = fail_on("of b", ZeroDivisionError("secret"))
    with caplog.at_level(logging.ERROR):
        rows = run(suite_of(tmp_path, "a", "b", "c"), asker).rows
    assert [row.answer is not None for row in rows] == [True, False, True]
    failure = rows[1].failure
    assert failure is not None
    assert (failure.kind, failure.message) == ("ZeroDivisionError", "")
    assert failure.id in caplog.text
    assert "secret" in caplog.text


def test_an_error_of_ours_keeps_its_words(tmp_path: Path) -> None:
    """A message written for the user is shown to the user."""
    rows = run(suite_of(tmp_path, "a"), fail_on("of a", ModelUnavailable("the model is down"))).rows
    assert rows[0].failure is not None
    assert rows[0].failure.message == "the model is down"


def test_the_same_failure_has_the_same_id() -> None:
    """Two runs that fail alike write equal reports."""
    assert Failure.of(case(), ValueError("x")) == Failure.of(case(), ValueError("x"))
    assert Failure.of(case(), ValueError("x")).id != Failure.of(case("q9"), ValueError("x")).id


def test_an_interrupt_keeps_what_was_asked(tmp_path: Path) -> None:
    """Ctrl-C on the second question leaves the first one's row, and says the run is partial."""
    result = run(suite_of(tmp_path, "a", "b", "c"), fail_on("of b", KeyboardInterrupt()))
    assert ([row.case.id for row in result.rows], result.total, result.partial) == (["a"], 3, True)


@pytest.mark.parametrize(
    ("citation", "exact"),
    [
        (cite(CRACK), True),
        (cite(CRACK, shift=1), False),
        (Citation(1, ARTICLE, "", 3, 3), False),
        (Citation(1, ARTICLE, ARTICLE.text[-3:], -3, len(ARTICLE.text)), False),
        (Citation(1, ARTICLE, ARTICLE.text[-3:], len(ARTICLE.text) - 3, len(ARTICLE.text) + 9), False),
    ],
)
def test_citations_are_checked_character_by_character(tmp_path: Path, citation: Citation, exact: bool) -> None:
    """A quote one character off, an empty one, or offsets outside the text are not exact."""
    asker = ScriptedAsker(lambda _: answer("It is long.", citations=[citation]))
    assert run(suite_of(tmp_path, "a"), asker).rows[0].exact == (exact,)


def test_citations_and_nearest_are_checked_against_what_is_stored(tmp_path: Path) -> None:
    """The article that a citation carries may lie; an article that is not stored can be cited by no one."""
    asker = ScriptedAsker(lambda _: answer("It is long.", citations=[cite(CRACK)], nearest=(cite("The dam is cracked."),)))
    rows = run(suite_of(tmp_path, "a"), asker, StoredArticles({})).rows
    assert rows[0].exact == (False, False)


def test_a_case_is_asked_under_the_ids_that_its_articles_have_in_the_archive() -> None:
    """A duplicate's id becomes that of the article that is there, once; other ids stay."""
    bench = bench_of(ScriptedAsker(lambda _: good_answer()), aliases={"copy": "dam"})
    asked = case(gold_articles=("copy", "dam", "x"), stale_articles=("copy",), planted_articles=("y",), only_articles=("copy", "x"))
    found = bench.renamed(asked)
    assert (found.gold_articles, found.stale_articles, found.planted_articles, found.only_articles) == (
        ("dam", "x"),
        ("dam",),
        ("y",),
        ("dam", "x"),
    )


class Unlucky:
    """A judge that cannot be asked."""

    def judge(self, given: Answer) -> tuple[JudgedSentence, ...]:
        raise ModelUnavailable("the encoder is gone")


def test_an_answer_that_cannot_be_judged_is_a_failed_row(tmp_path: Path) -> None:
    """It is counted as wrong, and not as one that nobody judged."""
    suite, bench = suite_of(tmp_path, "a"), bench_of(ScriptedAsker(lambda _: good_answer()), judge=Unlucky())
    (row,) = run_system(suite, suite.cases(), bench.systems[0], bench).rows
    assert row.answer is None
    assert row.failure is not None
    assert row.failure.message == "the encoder is gone"


def test_the_moment_of_the_first_sentence_is_kept(tmp_path: Path) -> None:
    """Milliseconds from the question; of a refusal there is none."""
    told, refused = (run(suite_of(tmp_path, "a"), ScriptedAsker(lambda _, one=one: one)).rows[0] for one in (good_answer(), refusal()))
    assert told.first_sentence_ms is not None
    assert told.first_sentence_ms >= 0
    assert refused.first_sentence_ms is None
