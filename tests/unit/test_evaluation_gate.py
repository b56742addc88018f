"""What fails a run."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from test_evaluation_fakes import CRACK, HURT, answer, case, cite, crashed, good_answer, refusal, row, unanswerable

from service.domain import Answer, GeneratorUsed
from service.errors import BadInput
from service.evaluation.answer_metrics import Completed, Contains, EvidenceRecall, FalseRefusalRate, SpanValidity
from service.evaluation.gate import Baseline, Comparison, GateLine, check, compare, failed, is_worse, load_baseline, write_baseline
from service.evaluation.report import Report
from service.evaluation.report_json import as_json
from service.evaluation.runner import Row, RunResult
from service.evaluation.scoring import Scored, score_run
from service.evaluation.statistics import paired
from service.evaluation.suite import Suite


def scored(rows: Sequence[Row], thresholds: Mapping[str, float] | None = None) -> Scored:
    """A graded run of these rows."""
    return score_run(RunResult(Suite("mine", (), thresholds=thresholds or {}), tuple(rows), len(rows)))


def run_of(*given: Answer | None, thresholds: Mapping[str, float] | None = None) -> Scored:
    """A graded run of one answerable question for each answer."""
    return scored([crashed(case(f"q{i:02}")) if one is None else row(case(f"q{i:02}"), one) for i, one in enumerate(given)], thresholds)


def line(lines: Sequence[GateLine], metric: str, kind: str) -> GateLine:
    """The gate's line on a metric."""
    (found,) = [one for one in lines if (str(one.metric), one.kind) == (metric, kind)]
    return found


def against(path: Path, run: Scored) -> Comparison:
    """The run beside the baseline in this file."""
    return compare(load_baseline(path), Baseline.of(run))


WRONG = answer("It is short.")


def test_figures_keep_failed_questions_and_count_only_what_applies() -> None:
    """One right, one wrong and one crashed answer make a third, n = 3; the unanswerable question is not counted."""
    rows = [row(case("a"), good_answer()), row(case("b"), WRONG), crashed(case("c")), row(unanswerable("d"), refusal())]
    figure = scored(rows).figure(Contains)
    assert figure.n == 3
    assert figure.value == pytest.approx(1 / 3)
    assert (scored(rows).figure(Completed).value, scored(rows).figure(Completed).n) == (0.75, 4)


def test_figures_by_tag_hold_only_the_tagged() -> None:
    """Each tag has its own figures."""
    rows = [row(case("a", tags=("x",)), good_answer()), row(case("b", tags=("x", "y")), WRONG)]
    figures = {tag: {str(f.metric): (f.n, f.value) for f in found} for tag, found in scored(rows).by_tag.items()}
    assert (figures["x"]["Contains"], figures["y"]["Contains"]) == ((2, 0.5), (1, 0.0))


def test_citations_are_counted_over_all_questions() -> None:
    """Two of two and one of two citations exact are three of four."""
    rows = [row(case("a"), good_answer(), exact=(True, True)), row(case("b"), good_answer(), exact=(True, False))]
    figure = scored(rows).figure(SpanValidity)
    assert (figure.hits, figure.of, figure.value, figure.n) == (3, 4, 0.75, 2)


@pytest.mark.parametrize(
    ("threshold", "passed", "words"),
    [
        ({"Contains": 0.5}, True, "Contains is 0.5, required at least 0.5"),
        ({"Contains": 0.51}, False, "Contains is 0.5, required at least 0.51"),
        ({"FalseRefusalRate": 0.0}, True, "FalseRefusalRate is 0, required at most 0"),
        ({"EvidenceRecall@1": 0.9}, False, "EvidenceRecall@1 is 0.5, required at least 0.9"),
        ({"Latency(total)@50": 19}, False, "Latency(total)@50 is 20, required at most 19"),
        ({"RefusalRecall": 0.1}, False, "RefusalRecall cannot be judged"),
    ],
)
def test_thresholds(threshold: dict[str, float], passed: bool, words: str) -> None:
    """A threshold is a floor, or a ceiling where less is better, and one that judges nothing fails."""
    (name,) = threshold
    found = line(check(run_of(good_answer(), WRONG, thresholds=threshold), None), name, "threshold")
    assert found.passed is passed
    assert found.words.startswith(words)


def test_a_threshold_of_two_thirds_is_reached_by_two_of_three() -> None:
    """A third cannot be written exactly, and the gate does not fail over the last binary digit."""
    run = run_of(good_answer(), good_answer(), WRONG, thresholds={"Contains": 0.6666666666666667})
    assert line(check(run, None), "Contains", "threshold").passed


def test_a_threshold_on_no_metric_is_refused() -> None:
    """A typo in a threshold cannot pass."""
    with pytest.raises(BadInput, match="no metric 'Contians'"):
        check(run_of(good_answer(), thresholds={"Contians": 0.5}), None)


def test_promises_need_no_threshold_and_failed_lines_come_first() -> None:
    """One citation beside its quote, or one crash, fails any suite."""
    lines = check(scored([row(case("a"), good_answer(), exact=(False,)), crashed(case("b"))]), None)
    assert [(str(one.metric), one.kind) for one in failed(lines)] == [("Completed", "promise"), ("SpanValidity", "promise")]
    assert lines[:2] == failed(lines)
    assert "(0 of 1)" in line(lines, "SpanValidity", "promise").words


def test_nothing_cited_breaks_no_promise() -> None:
    """Where there are no citations there is none that is wrong."""
    assert failed(check(run_of(WRONG), None)) == []


def test_a_run_equal_to_its_baseline_has_no_regression(tmp_path: Path) -> None:
    """A baseline read back compares every question, and finds nothing."""
    run = run_of(*[good_answer()] * 5, WRONG, None)
    write_baseline(tmp_path / "b" / "mine.json", run)
    comparison = against(tmp_path / "b" / "mine.json", run)
    assert (comparison.paired_questions, comparison.new_or_changed, comparison.gone) == (7, 0, 0)
    assert all(found.identical for found in comparison.differences.values())
    assert [one for one in failed(check(run, comparison)) if one.kind == "regression"] == []


def test_answers_that_got_worse_are_a_regression_by_name(tmp_path: Path) -> None:
    """Twelve of twenty answers lost: the interval lies below 0 and the line says so."""
    write_baseline(tmp_path / "mine.json", run_of(*[good_answer()] * 20))
    worse = run_of(*[good_answer()] * 8, *[WRONG] * 12)
    found = line(check(worse, against(tmp_path / "mine.json", worse)), "Contains", "regression")
    assert not found.passed
    assert found.words.startswith("Contains is worse than the baseline: -0.600 [")


def test_more_false_refusals_are_a_regression(tmp_path: Path) -> None:
    """Where less is better, a rise is what fails."""
    write_baseline(tmp_path / "mine.json", run_of(*[good_answer()] * 20))
    worse = run_of(*[good_answer()] * 8, *[refusal()] * 12)
    lines = check(worse, against(tmp_path / "mine.json", worse))
    assert not line(lines, "FalseRefusalRate", "regression").passed


def test_better_answers_and_one_lost_answer_are_no_regression(tmp_path: Path) -> None:
    """A gain passes, and so does a loss that chance explains."""
    write_baseline(tmp_path / "mine.json", run_of(*[good_answer()] * 10, *[WRONG] * 10))
    old = load_baseline(tmp_path / "mine.json")
    for run in (run_of(*[good_answer()] * 20), run_of(*[good_answer()] * 9, *[WRONG] * 11)):
        assert line(check(run, compare(old, Baseline.of(run))), "Contains", "regression").passed


def test_changed_new_and_gone_questions_are_counted_and_not_compared(tmp_path: Path) -> None:
    """Only a question that is still the same question is compared."""
    write_baseline(tmp_path / "mine.json", scored([row(case(name), good_answer()) for name in "abc"]))
    now = scored([row(case("a"), WRONG), row(case("b", question="How wide is it?"), WRONG), row(case("d"), WRONG)])
    comparison = against(tmp_path / "mine.json", now)
    assert (comparison.paired_questions, comparison.new_or_changed, comparison.gone) == (1, 2, 2)
    assert comparison.differences["Contains"].n == 1


def test_another_generator_is_noticed(tmp_path: Path) -> None:
    """Figures of another model are compared, and the difference is named."""
    write_baseline(tmp_path / "mine.json", run_of(good_answer()))
    now = run_of(good_answer(generator=GeneratorUsed("local/big", "model")))
    assert not against(tmp_path / "mine.json", now).same_generators


def test_equal_runs_write_equal_baselines_whatever_the_clock_says(tmp_path: Path) -> None:
    """No timing enters a baseline."""
    write_baseline(tmp_path / "one.json", run_of(good_answer(timings_ms={"total": 1.0})))
    write_baseline(tmp_path / "two.json", run_of(good_answer(timings_ms={"total": 999.0})))
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()


def test_the_json_report_of_a_run_is_a_baseline_too(tmp_path: Path) -> None:
    """Yesterday's report, kept by CI, compares as a baseline does."""
    run = run_of(*[good_answer()] * 5, WRONG, None)
    (tmp_path / "mine.json").write_text(json.dumps(as_json(Report(run))))
    assert load_baseline(tmp_path / "mine.json").generators == {"extractive": 6}
    comparison = against(tmp_path / "mine.json", run)
    assert comparison.paired_questions == 7
    assert all(found.identical for found in comparison.differences.values())


NOT_A_SHARE = '{"suite": "mine", "generators": {}, "rows": {"q1": {"fingerprint": "x", "scores": {"Contains": 7}}}}'


@pytest.mark.parametrize("content", ["", "[]", NOT_A_SHARE])
def test_what_is_no_baseline_is_refused(tmp_path: Path, content: str) -> None:
    """A broken baseline is an error, not a run without one."""
    (tmp_path / "mine.json").write_text(content)
    with pytest.raises(BadInput, match="is neither a baseline"):
        load_baseline(tmp_path / "mine.json")


def test_a_baseline_that_is_missing_or_of_another_suite_is_refused(tmp_path: Path) -> None:
    """Figures of different questions are never compared."""
    with pytest.raises(BadInput, match="cannot be read"):
        load_baseline(tmp_path / "none.json")
    write_baseline(tmp_path / "mine.json", run_of(good_answer()))
    other = replace(run_of(good_answer()), suite=Suite("other", ()))
    with pytest.raises(BadInput, match="of suite 'mine', not of 'other'"):
        against(tmp_path / "mine.json", other)


def test_a_metric_outside_the_report_can_be_asked_for() -> None:
    """A threshold may name a cutoff that no table shows."""
    assert run_of(good_answer()).figure(EvidenceRecall @ 3).value == 1.0


def test_a_run_is_compared_with_itself_without_a_difference() -> None:
    """No regression is shown, and every compared metric is the same on all questions."""
    run = run_of(*[good_answer()] * 5, WRONG, refusal(), None)
    comparison = compare(Baseline.of(run), Baseline.of(run))
    assert not any(found.is_shown for found in comparison.differences.values())
    assert comparison.changed == {}
    assert {one.words for one in check(run, comparison) if one.kind == "regression" and "Contains" in one.words} == {
        "Contains is not shown to be worse than the baseline: the same on all 8"
    }


def test_a_regression_of_one_metric_fails_by_name_and_amount_and_no_other() -> None:
    """Fifteen of twenty answers lost their gold citation and nothing else: GoldRecall and GoldPrecision fell by 0.75."""
    uncited = answer("It is 17 metres long.", citations=[cite(HURT)], evidence=[CRACK])
    old, now = run_of(*[good_answer()] * 20), run_of(*[good_answer()] * 5, *[uncited] * 15)
    comparison = compare(Baseline.of(old), Baseline.of(now))
    lost = [one for one in failed(check(now, comparison)) if one.kind == "regression"]
    assert {str(one.metric) for one in lost} == {"GoldRecall", "GoldPrecision"}
    assert lost[0].words.startswith(f"{lost[0].metric} is worse than the baseline: -0.750 [-0.")
    assert comparison.changed["q05"] == {"GoldRecall": (1.0, 0.0), "GoldPrecision": (1.0, 0.0)}
    assert len(comparison.changed) == 15


def test_a_difference_that_only_its_own_p_value_shows_is_no_regression() -> None:
    """Six of forty questions lost in one metric, one or two in others: among so many comparisons chance may do as much."""
    found = paired([1.0] * 40, [1.0] * 34 + [0.0] * 6)
    assert found is not None
    assert is_worse(Contains, found)
    assert not is_worse(Contains, replace(found, corrected_p=0.06))
    assert not is_worse(FalseRefusalRate, found)  # less is better there


def test_a_baseline_comes_back_byte_for_byte(tmp_path: Path) -> None:
    """What was written, read and kept again is the same: scores are rounded once."""
    thirds = answer("A.", "B.", "C.", unsupported=1, citations=[cite(CRACK)])
    run = run_of(good_answer(), thirds, refusal(), None)
    write_baseline(tmp_path / "one.json", run)
    read = load_baseline(tmp_path / "one.json")
    kept = Baseline.of(run)
    assert {key: {n: v for n, v in scores.items() if v is not None} for key, (_, scores) in kept.rows.items()} == {
        key: scores for key, (_, scores) in read.rows.items()
    }
    assert (read.suite, read.generators, read.figures, read.identity) == (kept.suite, kept.generators, kept.figures, kept.identity)
    again = scored(list(reversed([one.row for one in run.rows])))
    write_baseline(tmp_path / "two.json", again)
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()


def test_a_metric_that_this_version_does_not_know_is_passed_over(tmp_path: Path) -> None:
    """An old baseline with `BLEU` compares in what both know."""
    write_baseline(tmp_path / "mine.json", run_of(good_answer()))
    content = json.loads((tmp_path / "mine.json").read_text())
    content["rows"]["q00"]["scores"]["BLEU"] = 40.0
    (tmp_path / "mine.json").write_text(json.dumps(content))
    assert "BLEU" not in against(tmp_path / "mine.json", run_of(good_answer())).differences
