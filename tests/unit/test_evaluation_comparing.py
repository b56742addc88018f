"""`dateline eval compare`: what changed between two runs, from their files."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from rich.console import Console
from test_evaluation_fakes import answer, case, good_answer, row

from service.domain import Answer
from service.errors import BadInput
from service.evaluation.comparing import CHANGED_SHOWN, compare_files
from service.evaluation.gate import write_baseline
from service.evaluation.report import Report
from service.evaluation.report_json import as_json
from service.evaluation.runner import RunResult
from service.evaluation.scoring import Scored, score_run
from service.evaluation.suite import Suite

WRONG = answer("It is short.")


def run_of(given: Sequence[Answer], name: str = "mine") -> Scored:
    """A graded run of one question for each answer."""
    rows = tuple(row(case(f"q{i:03}"), one) for i, one in enumerate(given))
    return score_run(RunResult(Suite(name, ()), rows, len(rows)))


def compared(folder: Path, before: Sequence[Answer], after: Sequence[Answer]) -> tuple[int, str]:
    """The exit code and what was shown, for a baseline and the JSON report of a later run."""
    write_baseline(folder / "before.json", run_of(before))
    (folder / "after.json").write_text(json.dumps(as_json(Report(run_of(after)))))
    shown = io.StringIO()
    return compare_files(folder / "before.json", folder / "after.json", Console(file=shown, width=200)), shown.getvalue()


def test_equal_runs_differ_in_nothing(tmp_path: Path) -> None:
    """Exit code 0, and the words say so."""
    code, shown = compared(tmp_path, [good_answer()] * 5, [good_answer()] * 5)
    assert code == 0
    assert "5 questions compared, 0 new or changed" in shown
    assert "No difference shown in any metric." in shown
    assert "No question scored otherwise." in shown


def test_what_got_worse_is_named_first_with_each_question(tmp_path: Path) -> None:
    """Exit code 1; the metric, the amount, and how every question that changed scored before and after."""
    code, shown = compared(tmp_path, [good_answer()] * 20, [good_answer()] * 8 + [WRONG] * 12)
    assert code == 1
    assert shown.startswith("WORSE: ")
    assert "WORSE: Contains: -0.600 [" in shown
    assert "12 questions scored otherwise" in shown
    assert "Contains 1.00 → 0.00" in next(line for line in shown.splitlines() if "q008" in line)


def test_what_got_better_is_no_failure(tmp_path: Path) -> None:
    """Exit code 0, and the gain is told."""
    code, shown = compared(tmp_path, [WRONG] * 20, [good_answer()] * 20)
    assert code == 0
    assert "WORSE" not in shown
    assert "Contains: +1.000 [" in shown


def test_a_long_list_of_questions_is_cut(tmp_path: Path) -> None:
    """And the number that is left is said."""
    _, shown = compared(tmp_path, [WRONG] * (CHANGED_SHOWN + 7), [good_answer()] * (CHANGED_SHOWN + 7))
    assert "… and 7 more." in shown
    assert f"q{CHANGED_SHOWN - 1:03}" in shown
    assert f"q{CHANGED_SHOWN:03}" not in shown


def test_an_id_in_brackets_is_shown_as_it_is(tmp_path: Path) -> None:
    """It is no markup."""
    for name, given in (("before", good_answer()), ("after", WRONG)):
        write_baseline(tmp_path / f"{name}.json", score_run(RunResult(Suite("mine", ()), (row(case("[red]q[/red]"), given),), 1)))
    shown = io.StringIO()
    compare_files(tmp_path / "before.json", tmp_path / "after.json", Console(file=shown, width=200))
    assert "[red]q[/red]" in shown.getvalue()


def test_runs_of_two_suites_are_not_compared(tmp_path: Path) -> None:
    """Their questions are not the same."""
    write_baseline(tmp_path / "a.json", run_of([WRONG]))
    write_baseline(tmp_path / "b.json", run_of([WRONG], "other"))
    with pytest.raises(BadInput, match="of suite 'mine', not of 'other'"):
        compare_files(tmp_path / "a.json", tmp_path / "b.json", Console(file=io.StringIO()))
