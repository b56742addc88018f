"""From rows to figures."""

from __future__ import annotations

from dataclasses import replace

import pytest
from test_evaluation_fakes import answer, case, crashed, good_answer, ranked, refusal, row, unanswerable

from service.evaluation.answer_metrics import RefusalF1
from service.evaluation.cases import Case
from service.evaluation.other_metrics import AUC, BalancedAccuracy, Sensitivity
from service.evaluation.runner import Row, RunResult
from service.evaluation.scoring import Scored, figure_of, score_run
from service.evaluation.suite import Suite, Task


def scored(*rows: Row, task: Task = Task.ANSWER, **more: object) -> Scored:
    """A graded run of these rows."""
    return score_run(RunResult(Suite("mine", (), task=task, **more), rows, len(rows)))  # type: ignore[arg-type]


def names(run: Scored) -> set[str]:
    """The names of the figures that are in the report."""
    return {str(figure.metric) for figure in run.figures}


PROMISES = {"Completed", "SpanValidity", "NothingNewer"}
CLAIM = Case("c", "It is long.", supported=True, document="It is long.")


def test_rows_are_sorted_by_id_whenever_they_were_asked() -> None:
    """Two runs that asked in another order report alike."""
    assert [one.row.case.id for one in scored(row(case("b"), good_answer()), row(case("a"), good_answer())).rows] == ["a", "b"]


def test_a_report_has_the_figures_that_say_something() -> None:
    """No choices, no attacks, no hosted judge: no figures of them. What is promised is always there."""
    run = scored(row(case(), good_answer()))
    assert PROMISES | {"Contains", "Status", "GoldRecall"} <= names(run)
    assert not {"Choice", "InjectionShown", "Judged", "Accuracy", "nDCG@10", "CitationRecall"} & names(run)


@pytest.mark.parametrize(
    ("task", "right", "shown"),
    [
        (Task.ANSWER, row(case("a"), good_answer()), {"Status", "Contains"}),
        (Task.RETRIEVAL, ranked(case("a", gold=(), gold_articles=("dam",)), "dam"), {"nDCG@10", "R@10"}),
        (Task.CHECK, Row(CLAIM, verdict=True, strength=0.9), {"Accuracy"}),
    ],
)
def test_a_crash_counts_only_in_what_the_suite_grades(task: Task, right: Row, shown: set[str]) -> None:
    """Nobody asked a ranking for its status, nor an answer for a planted instruction: one crash is no figure of either."""
    lost = CLAIM if task is Task.CHECK else case("z", gold=(), gold_articles=("dam",))
    whole, broken = scored(right, task=task), scored(right, crashed(lost), task=task)
    assert names(broken) == names(whole)
    assert shown <= names(broken)
    figures = {str(figure.metric): figure for figure in broken.figures}
    assert all((figures[name].value, figures[name].n) == (0.5, 2) for name in shown | {"Completed"})


def test_a_run_of_crashes_alone_is_all_wrong() -> None:
    """It does not come out as a run of which nothing is known."""
    figures = {str(figure.metric): figure for figure in scored(crashed(case("a")), crashed(case("b"))).figures}
    assert [(figures[name].value, figures[name].n) for name in ("Completed", "Status", "Contains")] == [(0.0, 2)] * 3


def test_a_figure_that_the_suite_names_counts_crashes_whatever_came_back() -> None:
    """A threshold is never passed by what is missing."""
    assert "InjectionShown" in names(scored(crashed(case()), metrics=("InjectionShown",)))


def test_a_figure_of_all_questions_has_an_interval_and_no_share() -> None:
    """F1 of refusing: one right, one missed, one false: 2 / (2 + 1 + 1)."""
    rows = (row(unanswerable("a"), refusal()), row(unanswerable("b"), answer("Anna.")), row(case("c"), refusal()))
    figure = scored(*rows).figure(RefusalF1)
    assert figure.value == pytest.approx(2 / 4)
    assert figure.interval is not None
    assert figure.interval.low <= 0.5 <= figure.interval.high
    assert (figure.n, figure.hits) == (3, None)


def test_no_scores_make_an_empty_figure() -> None:
    """Neither a value nor an interval."""
    figure = figure_of(RefusalF1, [None, None])
    assert (figure.n, figure.value, figure.interval) == (0, None, None)


def test_a_figure_that_tells_two_sides_apart_wants_both() -> None:
    """With supported claims alone nothing is balanced; the sensitivity is known all the same."""
    run = scored(Row(CLAIM, verdict=True, strength=0.9), Row(replace(CLAIM, id="d"), verdict=False, strength=0.2), task=Task.CHECK)
    assert (run.figure(BalancedAccuracy).value, run.figure(AUC).n) == (None, 0)
    assert run.figure(Sensitivity).value == 0.5
