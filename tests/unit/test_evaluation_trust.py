"""How far the grounding check is trusted, read from what the `check-` suites found."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from service.errors import BadInput
from service.evaluation.cases import Case
from service.evaluation.gate import write_baseline
from service.evaluation.judging import check_fingerprint
from service.evaluation.runner import Row, RunResult
from service.evaluation.scoring import score_run
from service.evaluation.suite import Suite, Task
from service.evaluation.trust import trust


def measure(root: Path, name: str, identity: str) -> None:
    """A baseline of 40 claims, of which every fourth verdict is wrong."""
    rows = tuple(
        Row(Case(f"q{i:02}", "It is long.", supported=i % 2 == 0, document="x"), verdict=(i % 2 == 0) is (i % 4 < 3), strength=0.5)
        for i in range(40)
    )
    scored = replace(score_run(RunResult(Suite(name, (), task=Task.CHECK), rows, 40)), identity=identity)
    write_baseline(root / "eval" / "baselines" / f"{name}.json", scored)


def test_each_check_suite_with_a_baseline_is_a_line(tmp_path: Path) -> None:
    """Sorted, with figure, interval and n; other suites' baselines say nothing of the check."""
    for name in ("check-b", "check-a", "sample"):
        measure(tmp_path, name, check_fingerprint("hashing-64"))
    found = trust(tmp_path, "hashing-64")
    assert [one.suite for one in found] == ["check-a", "check-b"]
    assert found[0].words.startswith("balanced accuracy 0.75 [")
    assert "area under the curve 0.50 [" in found[0].words
    assert found[0].words.endswith("n = 40")


def test_figures_of_another_check_say_so(tmp_path: Path) -> None:
    """Another encoder, or code that has changed since, is another check."""
    measure(tmp_path, "check-a", check_fingerprint("hashing-64"))
    assert trust(tmp_path, "hashing-128")[0].words.endswith("n = 40 (measured with another version of the check)")
    assert trust(tmp_path)[0].words.endswith("n = 40")


def test_without_a_baseline_nothing_is_known(tmp_path: Path) -> None:
    """No folder, no lines; a broken file is an error and no silence."""
    assert trust(tmp_path) == ()
    (tmp_path / "eval" / "baselines").mkdir(parents=True)
    (tmp_path / "eval" / "baselines" / "check-a.json").write_text("{")
    with pytest.raises(BadInput):
        trust(tmp_path)
