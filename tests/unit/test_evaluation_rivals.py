"""Dateline beside simpler systems of the same run."""

from __future__ import annotations

import pytest
from test_evaluation_fakes import answer, case, good_answer, row

from service.domain import Answer
from service.evaluation.rivals import rivals
from service.evaluation.runner import RunResult
from service.evaluation.scoring import Scored, score_run
from service.evaluation.suite import Suite

WRONG = answer("It is short.")


def run_of(system: str, *given: Answer, ids: str = "q") -> Scored:
    """A graded run of this system, one question for each answer."""
    rows = tuple(row(case(f"{ids}{i:02}"), one) for i, one in enumerate(given))
    return score_run(RunResult(Suite("mine", ()), rows, len(rows), system=system))


def test_each_rival_has_its_paired_differences() -> None:
    """Dateline less the other: ahead of the one that is wrong, level with the one that answers alike."""
    found = rivals(run_of("dateline", *[good_answer()] * 20), [run_of("bm25", *[WRONG] * 20), run_of("rrf", *[good_answer()] * 20)])
    assert [one.name for one in found] == ["bm25", "rrf"]
    worse, alike = (one.differences["Contains"] for one in found)
    assert (worse.difference, worse.is_shown) == (1.0, True)
    assert (alike.identical, alike.is_shown) == (True, False)


def test_p_values_are_corrected_over_all_rivals_and_metrics_together() -> None:
    """Twenty rivals that differ by chance in one question make the p-value of a real difference larger than alone."""
    ours = run_of("dateline", *[good_answer()] * 20)
    behind = run_of("bm25", *[good_answer()] * 14, *[WRONG] * 6)
    chance = [run_of(f"r{n}", *[good_answer()] * 19, WRONG) for n in range(20)]
    alone, among = rivals(ours, [behind])[0], rivals(ours, [behind, *chance])[0]
    assert alone.differences["Contains"].p_value == among.differences["Contains"].p_value
    assert (alone.differences["Contains"].corrected_p or 1) < (among.differences["Contains"].corrected_p or 0)


def test_figures_that_are_no_averages_are_compared_too() -> None:
    """A system that is always wrong where it is sure is behind in risk over coverage."""
    ours = run_of("dateline", *[good_answer(confidence=i / 20) for i in range(20)])
    theirs = run_of("textbook", *[answer("It is short.", confidence=i / 20) for i in range(20)])
    found = rivals(ours, [theirs])[0].differences["RiskCoverage"]
    assert found.difference == pytest.approx(-1.0)
    assert found.is_shown


def test_only_questions_that_both_answered_are_compared() -> None:
    """A question of the one alone says nothing of the other."""
    found = rivals(run_of("dateline", *[good_answer()] * 4), [run_of("bm25", *[WRONG] * 3), run_of("rrf", WRONG, ids="x")])
    assert found[0].differences["Contains"].n == 3
    assert found[1].differences == {}
