"""`dateline eval` from a name to an exit code, up to the doors of the service."""

from __future__ import annotations

import io
import json
import os
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from rich.console import Console
from test_evaluation_fakes import ScriptedAsker, StoredArticles, answer, bench_of, good_answer

from service.answering.prompting import load_prompt
from service.answering.request import AskRequest
from service.console import Output
from service.domain import Answer
from service.errors import BadInput, ModelUnavailable
from service.evaluation.command import CANNOT_RUN, FAILED, INTERRUPTED, PASSED, Options, evaluate, grade, worst
from service.evaluation.hosted_judge import NEEDS, PROMPT, HostedJudge
from service.evaluation.runner import Bench
from service.evaluation.suite import Suite, load_suite
from service.evaluation.systems import Answering
from service.models.scripted import ScriptedGenerator
from service.ports import Piece, Prompt
from service.settings import Settings, resources

ROWS = [{"id": f"q{i:02}", "question": f"How long is crack {i}?", "answers": [["17 metres"]], "gold": []} for i in range(12)]


class Screen(Console):
    """A console that is not a terminal and remembers what it showed."""

    def __init__(self) -> None:
        self.shown = io.StringIO()
        super().__init__(file=self.shown, width=200, force_terminal=False)


def mine(folder: Path, thresholds: str = "", corpus: str = "") -> Suite:
    """A suite of twelve questions in the folder."""
    (folder / "q.jsonl").write_text("\n".join(map(json.dumps, ROWS)))
    path = folder / "mine.toml"
    path.write_text(f'name = "mine"\nquestions = ["q.jsonl"]\n{corpus}\n[thresholds]\n{thresholds}')
    return load_suite(str(path), folder)


def graded(given: Answer) -> Bench:
    """Something that gives the same answer to everything."""
    return bench_of(ScriptedAsker(lambda _: given))


def test_a_good_run_passes_and_writes_its_reports(tmp_path: Path) -> None:
    """Exit code 0, the files, and the words on the screen."""
    screen = Screen()
    code = grade(mine(tmp_path, "Contains = 0.9"), graded(good_answer()), Options(tmp_path / "out"), screen)
    assert code == PASSED
    assert {"mine.html", "mine.json", "mine.md"} <= {path.name for path in (tmp_path / "out").iterdir()}
    assert "12 of 12 citations exact." in screen.shown.getvalue()


def test_a_missed_threshold_fails_by_name(tmp_path: Path) -> None:
    """Exit code 1, and the figure and the bound on the first line after what was asked."""
    screen = Screen()
    assert grade(mine(tmp_path, "Contains = 0.9"), graded(answer("No.")), Options(tmp_path), screen) == FAILED
    assert screen.shown.getvalue().splitlines()[:2] == ["dateline: 12 of 12 asked", "FAILED: Contains is 0, required at least 0.9."]


def test_a_baseline_is_written_and_then_found_by_itself(tmp_path: Path) -> None:
    """After `--write-baseline`, a worse run fails without being told where to look."""
    suite, screen = mine(tmp_path), Screen()
    assert grade(suite, graded(good_answer()), Options(tmp_path, write_baseline=True), screen) == PASSED
    assert (tmp_path / "mine.baseline.json").is_file()
    assert grade(suite, graded(good_answer()), Options(tmp_path), screen) == PASSED
    assert grade(suite, graded(answer("No.")), Options(tmp_path), screen) == FAILED
    assert "Contains is worse than the baseline: -1.000" in screen.shown.getvalue()


def test_a_named_baseline_stands_in_for_the_suites_own(tmp_path: Path) -> None:
    """`--baseline FILE` compares with that file."""
    suite = mine(tmp_path)
    grade(suite, graded(good_answer()), Options(tmp_path, write_baseline=True), Screen())
    (tmp_path / "mine.baseline.json").rename(tmp_path / "old.json")
    assert grade(suite, graded(answer("No.")), Options(tmp_path), Screen()) == PASSED
    assert grade(suite, graded(answer("No.")), Options(tmp_path, baseline=tmp_path / "old.json"), Screen()) == FAILED


def test_an_interrupt_writes_what_is_done_and_no_baseline(tmp_path: Path) -> None:
    """Exit code 130, the report of two questions, and no gate that could pass."""

    def script(request: AskRequest) -> Answer:
        if "crack 2" in request.question:
            raise KeyboardInterrupt
        return good_answer()

    found = bench_of(ScriptedAsker(script))
    assert grade(mine(tmp_path), found, Options(tmp_path, write_baseline=True), Screen()) == INTERRUPTED
    content = json.loads((tmp_path / "mine.partial.json").read_text())
    assert content["run"] == {"asked": 2, "questions": 12, "partial": True, "passed": False}
    assert not (tmp_path / "mine.baseline.json").exists()
    assert not (tmp_path / "mine.json").exists()  # a whole run's report keeps its place


def run(folder: Path, name: str, **more: object) -> tuple[int, str]:
    """`evaluate` with a screen to read."""
    screen = Screen()
    settings = Settings(data_dir=folder / "data", cache_dir=folder / "cache")
    code = evaluate(name, settings, Options(folder / "out", **more), screen)  # type: ignore[arg-type]
    return code, screen.shown.getvalue()


def test_an_unknown_suite_cannot_be_run(tmp_path: Path) -> None:
    """Exit code 2 with the names there are."""
    code, shown = run(tmp_path, "nothing")
    assert code == CANNOT_RUN
    assert "no suite 'nothing'" in shown
    assert "sample" in shown


def test_a_suite_whose_third_party_data_is_absent_is_skipped_aloud(tmp_path: Path) -> None:
    """Exit code 0, and the screen names what is not there."""
    mine(tmp_path, corpus='corpus = ["data:news"]')
    code, shown = run(tmp_path, str(tmp_path / "mine.toml"))
    assert code == PASSED
    assert shown.startswith("Skipped: suite mine needs ")
    assert "news" in shown


def test_a_path_that_is_wrong_is_no_reason_to_skip(tmp_path: Path) -> None:
    """A typo in one's own suite must not pass its gate for ever."""
    mine(tmp_path, corpus='corpus = ["news"]')
    code, shown = run(tmp_path, str(tmp_path / "mine.toml"))
    assert code == CANNOT_RUN
    assert f"names files that are not there: {tmp_path / 'news'}" in shown


def test_a_baseline_of_another_suite_is_refused_before_anything_is_asked(tmp_path: Path) -> None:
    """Not after half an hour of asking."""
    grade(mine(tmp_path), graded(good_answer()), Options(tmp_path, write_baseline=True), Screen())
    other = tmp_path / "mine.baseline.json"
    other.write_text(other.read_text().replace('"mine"', '"other"'))
    asker = ScriptedAsker(lambda _: good_answer())
    with pytest.raises(BadInput, match="is of suite 'other', not of 'mine'"):
        grade(mine(tmp_path), bench_of(asker), Options(tmp_path), Screen())
    assert asker.asked == []


@pytest.mark.parametrize(
    ("thresholds", "more", "words"),
    [
        ("Contians = 0.5", {}, "no metric 'Contians'"),
        ('"Latency(total)@101" = 1', {}, "goes up to @100"),
        ('"nDCG@99999999999999999999" = 1', {}, "goes up to @1000"),
        ('"R@100" = 1', {}, "write a larger depth"),
        ("", {"limit": 0}, "--limit must be at least 1"),
        ("", {"limit": 3, "write_baseline": True}, "drop --limit"),
        ("", {"extractive": True, "write_baseline": True}, "drop --limit, --sample and --extractive"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_opened(
    tmp_path: Path, thresholds: str, more: dict[str, object], words: str
) -> None:
    """Exit code 2 at once, not after an hour of asking."""
    mine(tmp_path, thresholds)
    code, shown = run(tmp_path, str(tmp_path / "mine.toml"), **more)
    assert code == CANNOT_RUN
    assert words in shown
    assert not (tmp_path / "data").exists()


def test_a_progress_bar_is_drawn_on_a_terminal_only(tmp_path: Path) -> None:
    """A log holds no control characters; a terminal is told which question was asked."""
    suite, log = mine(tmp_path), Screen()
    grade(suite, graded(good_answer()), Options(tmp_path), log)
    assert "\x1b" not in log.shown.getvalue()
    terminal = io.StringIO()
    grade(suite, graded(good_answer()), Options(tmp_path), Console(file=terminal, width=120, force_terminal=True, color_system=None))
    assert "Asked dateline: q11" in terminal.getvalue()


@pytest.mark.parametrize(
    ("codes", "expected"),
    [([], 0), ([0, 0], 0), ([0, 2], 2), ([2, 1, 0], 1), ([0, 130, 1], 130)],
)
def test_of_several_suites_the_worst_code_is_returned(codes: list[int], expected: int) -> None:
    """A failed gate is worse than a suite that cannot be run, and an interrupt ends them all."""
    assert worst(codes) == expected


def test_after_an_interrupt_no_further_suite_is_run() -> None:
    """Codes are asked for one by one."""
    codes = iter([130, 0])
    assert worst(codes) == INTERRUPTED
    assert next(codes) == 0


def test_systems_of_one_run_are_compared_question_by_question(tmp_path: Path) -> None:
    """The first is graded and gated, the others stand beside it."""
    asked = (Answering("dateline", ScriptedAsker(lambda _: good_answer())), Answering("bm25", ScriptedAsker(lambda _: answer("No."))))
    screen = Screen()
    assert grade(mine(tmp_path, "Contains = 0.9"), Bench(asked, StoredArticles()), Options(tmp_path), screen) == PASSED
    assert "Beside bm25, Dateline is better in Contains +1.000" in screen.shown.getvalue()
    beside = json.loads((tmp_path / "mine.json").read_text())["systems"]["bm25"]
    assert beside["figures"]["Contains"]["value"] == 0.0
    assert beside["dateline_less_this"]["Contains"] | {"low": 0, "high": 0, "p_value": 0, "corrected_p": 0} == {
        "n": 12, "difference": 1.0, "low": 0, "high": 0, "p_value": 0, "corrected_p": 0, "shown": True,
    }  # fmt: skip


def test_a_hosted_judges_verdicts_are_one_more_figure(tmp_path: Path) -> None:
    """Never the only one, and without a judge there is none."""
    judge = HostedJudge(ScriptedGenerator(["partial"]), load_prompt(resources() / "prompts", PROMPT, NEEDS), tmp_path / "verdicts.jsonl")
    figures = []
    for chosen in (judge, None):
        grade(mine(tmp_path), graded(good_answer()), Options(tmp_path), Screen(), chosen)
        figures.append(json.loads((tmp_path / "mine.json").read_text())["figures"])
    assert (figures[0]["Judged"]["value"], figures[0]["Contains"]["value"]) == (0.5, 1.0)
    assert "Judged" not in figures[1]


def test_rows_that_await_review_are_said(tmp_path: Path) -> None:
    """Who added them is reminded."""
    suite, screen = mine(tmp_path), Screen()
    with (tmp_path / "q.jsonl").open("a") as file:
        file.write("\n" + json.dumps(ROWS[0] | {"id": "new", "review": True}))
    assert grade(suite, graded(good_answer()), Options(tmp_path), screen) == PASSED
    assert "1 rows marked for review were not asked." in screen.shown.getvalue()
    assert json.loads((tmp_path / "mine.json").read_text())["run"]["asked"] == 12


def test_labels_that_name_articles_of_no_archive_are_refused(tmp_path: Path) -> None:
    """A gold article that is not in the archive could only count as missed, so the run says so before it asks anything."""
    suite, asker = mine(tmp_path), ScriptedAsker(lambda _: good_answer())
    rows = [ROWS[0] | {"gold_articles": ["dam"]}, ROWS[1] | {"only_articles": ["dan"], "gold_articles": ["damn"]}]
    (tmp_path / "q.jsonl").write_text("\n".join(map(json.dumps, rows)))
    with pytest.raises(BadInput, match="name 2 articles that its archive does not hold: damn, dan"):
        grade(suite, bench_of(asker), Options(tmp_path), Screen())
    assert asker.asked == []


class LeavingReader(io.StringIO):
    """A reader that has gone, as `| head` does."""

    def write(self, text: str) -> int:
        raise BrokenPipeError


def test_a_reader_that_leaves_does_not_turn_a_failed_gate_into_a_passed_one(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The run goes on unread, to its own exit code, and its reports are written."""
    with capfd.disabled():
        kept = os.dup(1)
        try:
            gone = Output(file=LeavingReader(), width=80, force_terminal=False)
            assert grade(mine(tmp_path, "Contains = 0.9"), graded(answer("No.")), Options(tmp_path / "out"), gone) == FAILED
        finally:
            os.dup2(kept, 1)
            os.close(kept)
    assert (tmp_path / "out" / "mine.json").is_file()


class BrokenGenerator(ScriptedGenerator):
    """A judge whose server is down."""

    async def stream(self, prompt: Prompt) -> AsyncGenerator[Piece, None]:
        raise ModelUnavailable("the judge is down")
        yield  # a generator all the same


def test_a_judge_that_fails_costs_only_its_verdicts(tmp_path: Path) -> None:
    """The answers are there, so they are reported and gated, and the reader is told what is missing."""
    judge = HostedJudge(BrokenGenerator([]), load_prompt(resources() / "prompts", PROMPT, NEEDS), tmp_path / "verdicts.jsonl")
    screen = Screen()
    assert grade(mine(tmp_path, "Contains = 0.9"), graded(good_answer()), Options(tmp_path), screen, judge) == PASSED
    assert "The judge gave no verdicts: the judge is down" in screen.shown.getvalue()
