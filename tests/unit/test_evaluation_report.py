"""Reports: what they say first, and what two equal runs share."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from test_evaluation_fakes import CRACK, answer, case, cite, crashed, good_answer, judged, ranked, refusal, row, unanswerable

from service.domain import GeneratorUsed, Usage
from service.evaluation.answer_metrics import Contains
from service.evaluation.cases import Case
from service.evaluation.command import report_of
from service.evaluation.gate import Baseline
from service.evaluation.other_metrics import Latency
from service.evaluation.report import Report, Trust, is_right, number, spent, summary
from service.evaluation.report_json import as_json
from service.evaluation.runner import Bench, Row, RunResult
from service.evaluation.scoring import score_run
from service.evaluation.suite import Suite, Task

EVIL = '<img src=x onerror="alert(1)"></title></style><script>alert(2)</script> | @team #12 [x](http://evil) ` \x1b[31m \x00 \u202e'
"""What an article, a question, a tag or a model may say to get out of where it stands."""


def report(
    *rows: Row,
    partial: bool = False,
    others: Mapping[str, Sequence[Row]] | None = None,
    before: Sequence[Row] | None = None,
    trust: Sequence[Trust] = (),
    **suite: Any,
) -> Report:
    """The report of a run of these rows, beside those of other systems, and after the run that became its baseline."""
    mine = Suite("mine", (), **suite)
    runs: dict[str, Sequence[Row]] = {"dateline": rows, **(others or {})}
    results = [RunResult(mine, tuple(asked), len(asked), partial, system=name) for name, asked in runs.items()]
    old = Baseline.of(score_run(RunResult(mine, tuple(before), len(before)))) if before is not None else None
    return replace(report_of(results, old, Bench((), NOTHING_STORED)), trust=tuple(trust))


class _NothingStored:
    def article(self, article_id: str) -> Any:
        raise AssertionError(article_id)


NOTHING_STORED = _NothingStored()


def some_rows(total: float = 20.0) -> list[Row]:
    """A right answer, a wrong one, a refusal and a crash."""
    return [
        row(case("q3"), answer("It is short.", citations=[cite("The dam is cracked.")], unsupported=1, dropped=("It is 9.",)), (True,)),
        row(case("q1", tags=("x",)), good_answer(timings_ms={"total": total}, usage=Usage(400, 20)), (True,)),
        row(unanswerable("q2"), refusal()),
        crashed(case("q4")),
    ]


def many(count: int, *, right: int) -> list[Row]:
    """So many answerable questions, the first of them answered rightly."""
    return [row(case(f"q{i:02}"), good_answer() if i < right else answer("It is short.")) for i in range(count)]


def claim(name: str, *, supported: bool, **more: Any) -> Case:
    """A claim with the document it is checked against, and what people say of it."""
    known: dict[str, Any] = {"question": "The dam is cracked.", "answers": (), "gold": (), "document": "The dam is cracked."}
    return case(name, supported=supported, **(known | more))


# ---- In words


def test_the_summary_says_first_what_failed() -> None:
    """The gate's failed lines come before any figure."""
    words = summary(report(*some_rows(), thresholds={"Contains": 0.9}))
    assert words[0] == "FAILED: Contains is 0.3333, required at least 0.9."
    assert words[1].startswith("FAILED: Completed is 0.75")
    assert "1 questions got no answer: ValueError." in words
    assert any(line.startswith("1 of 3 answerable questions were answered with what was expected (95 % interval ") for line in words)
    assert "2 of 2 citations exact." in words
    assert "1 of 2 gold facts cited." in words


def test_a_run_that_passes_says_so() -> None:
    """With nothing failed the first words say how much was checked: a threshold and three promises."""
    assert summary(report(row(case(), good_answer(), (True,)), thresholds={"Contains": 0.5}))[0] == "Passed: 4 checks."


def test_an_interrupted_run_has_no_gate_and_never_passes() -> None:
    """A part of a suite proves nothing about the whole."""
    partial = report(row(case(), good_answer()), partial=True, thresholds={"Contains": 0.99})
    assert (partial.lines, partial.passed) == ((), False)
    assert summary(partial)[0].startswith("Interrupted: 1 of 1 questions")


def test_a_stand_in_for_the_model_is_named() -> None:
    """Answers that were extractive because the model was down are counted as such."""
    fallen = good_answer(generator=GeneratorUsed("extractive", "extractive", "the model is down"))
    assert "1 answers by extractive (instead: the model is down)." in summary(report(row(case(), fallen)))


def test_an_almost_perfect_share_is_not_shown_as_perfect() -> None:
    """Rounding never turns 0.999 into 1.00."""
    assert [number(Contains, value) for value in (0.999, 1.0, 0.0, 0.125, None)] == ["0.99", "1.00", "0.00", "0.12", "–"]


def test_time_is_told_in_seconds() -> None:
    """The median and the slow end, with n; nothing where nothing was timed."""
    assert spent(report(row(case(), good_answer())).scored) == (
        "An answer took 0.02 s (median), 0.02 s (95th percentile), n = 1; a search took 0.01 s (median), 0.01 s (95th percentile), n = 1."
    )
    assert spent(report(crashed(case())).scored) is None


def test_how_far_the_check_is_trusted_is_said_wherever_it_judged() -> None:
    """Or that nobody measured it; and not a word where nothing was judged."""
    known = [Trust("check-news", "balanced accuracy 0.62 [0.57, 0.67], n = 307")]
    said = "The check that judges the citations agrees with people as follows. check-news: balanced accuracy 0.62 [0.57, 0.67], n = 307."
    was_judged = row(case(), good_answer(), judged=(judged(True),))
    assert said in summary(report(was_judged, trust=known))
    assert any("was not measured: run the check- suites" in line for line in summary(report(was_judged)))
    assert not any("The check that judges" in line for line in summary(report(row(case(), good_answer()), trust=known)))


def test_simpler_systems_are_told_beside() -> None:
    """Better, worse or neither, each in a sentence of its own."""
    words = summary(
        report(*many(20, right=10), others={"worse": many(20, right=0), "better": many(20, right=20), "same": many(20, right=10)})
    )
    (worse,) = [line for line in words if line.startswith("Beside worse")]
    assert "Dateline is better in" in worse
    assert "Contains +0.500" in worse
    (better,) = [line for line in words if line.startswith("Beside better")]
    assert "Dateline is worse in" in better
    assert any(line.startswith("Beside same: no difference shown in") for line in words)


# ---- Right or not


@pytest.mark.parametrize(
    ("given", "right"),
    [
        (row(case(), good_answer()), True),
        (row(case(), answer("It is short.")), False),
        (row(case(), refusal()), False),
        (row(unanswerable(), refusal()), True),
        (crashed(case()), False),
        (row(claim("c", supported=False), None, verdict=False), True),
        (row(claim("c", supported=False), None, verdict=True), False),
        (ranked(case(gold_articles=("dam",)), "fire", "dam"), True),
        (ranked(case(gold_articles=("dam",)), "fire"), False),
        (ranked(unanswerable(), "fire"), None),
    ],
    ids=[
        "answer",
        "wrong answer",
        "refusal",
        "right refusal",
        "crash",
        "verdict",
        "wrong verdict",
        "found",
        "not found",
        "nothing to find",
    ],
)
def test_a_row_is_right_where_what_was_asked_of_it_is_so(given: Row, right: bool | None) -> None:
    """The answer with its status, the check's verdict, or a find in the ranking; whatever metrics the suite names."""
    assert is_right(given) is right


# ---- As JSON


def test_equal_answers_make_equal_json_but_for_timing() -> None:
    """Rows are sorted by id, and the clock is seen under `timing` alone."""
    slow, fast = as_json(report(*some_rows(900.0))), as_json(report(*reversed(some_rows(10.0))))
    assert slow.pop("timing") != fast.pop("timing")
    assert json.dumps(slow, sort_keys=True) == json.dumps(fast, sort_keys=True)
    assert [shown["id"] for shown in slow["rows"]] == ["q1", "q2", "q3", "q4"]
    assert "900.0" not in json.dumps(slow)


def test_a_threshold_on_time_is_kept_with_the_timings() -> None:
    """The compared part holds no milliseconds, in the gate's words either."""
    content = as_json(report(row(case(), good_answer()), thresholds={"Latency(total)@95": 5.0}))
    assert [line["metric"] for line in content["timing"]["gate"]] == [str(Latency.of("total") @ 95)]
    assert "Latency" not in json.dumps(content["gate"])


def test_the_json_holds_every_figure_with_its_n_and_interval() -> None:
    """Another program can redo every judgement from the rows."""
    content = as_json(report(*some_rows()))
    assert content["figures"]["Contains"]["n"] == 3
    assert content["figures"]["Contains"]["low"] < 1 / 3 < content["figures"]["Contains"]["high"]
    assert content["by_tag"]["x"]["Contains"]["value"] == 1.0
    (cited,) = content["rows"][0]["answer"]["citations"]
    assert (cited["quote"], cited["exact"], cited["gold"]) == (CRACK, True, True)
    assert content["rows"][3]["failure"] == {"id": "abc123", "kind": "ValueError", "message": ""}
    assert content["rows"][3]["scores"]["Contains"] == 0.0


def test_the_json_keeps_rankings_and_verdicts() -> None:
    """Where each passage stands, best first; and what the check said beside what people say."""
    found, checked = (
        ranked(case("a", gold_articles=("dam",)), "dam", "fire"),
        row(claim("b", supported=True), None, verdict=False, strength=0.25),
    )
    ranking, verdict = as_json(report(found, checked))["rows"]
    assert [hit["article_id"] for hit in ranking["ranking"]] == ["dam", "fire"]
    assert verdict["verdict"] == {"supported": False, "strength": 0.25, "people": True}


def test_the_json_holds_the_other_systems_and_what_changed() -> None:
    """How far ahead Dateline is, and each question's score before and now."""
    content = as_json(report(*many(12, right=12), others={"bm25": many(12, right=0)}, before=many(12, right=11)))
    assert content["systems"]["bm25"]["dateline_less_this"]["Contains"]["difference"] == 1.0
    assert content["systems"]["bm25"]["figures"]["Contains"]["value"] == 0.0
    assert set(content["comparison"]["changed"]) == {"q11"}
    assert content["comparison"]["changed"]["q11"]["Contains"] == [0.0, 1.0]


def test_a_retrieval_suite_says_its_task() -> None:
    """A reader of the JSON knows what was graded."""
    assert as_json(report(ranked(case(gold_articles=("dam",)), "dam"), task=Task.RETRIEVAL))["suite"]["task"] == "retrieval"
