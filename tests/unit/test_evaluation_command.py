"""`dateline eval` from a name to an exit code, up to the doors of the service."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console
from test_evaluation_fakes import ScriptedAsker, StoredArticles, answer, good_answer

from service.answering.request import AskRequest
from service.domain import Answer
from service.evaluation.command import CANNOT_RUN, FAILED, INTERRUPTED, PASSED, Graded, Options, evaluate, grade
from service.evaluation.suite import Suite, load_suite
from service.settings import Settings

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


def graded(given: Answer) -> Graded:
    """Something that gives the same answer to everything."""
    return Graded(ScriptedAsker(lambda _: given), StoredArticles())


def test_a_good_run_passes_and_writes_its_reports(tmp_path: Path) -> None:
    """Exit code 0, three files, and the words on the screen."""
    screen = Screen()
    code = grade(mine(tmp_path, "Contains = 0.9"), graded(good_answer()), Options(tmp_path / "out"), screen)
    assert code == PASSED
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["mine.html", "mine.json", "mine.md"]
    assert "12 of 12 citations exact." in screen.shown.getvalue()


def test_a_missed_threshold_fails_by_name(tmp_path: Path) -> None:
    """Exit code 1, and the figure and the bound on the first line."""
    screen = Screen()
    assert grade(mine(tmp_path, "Contains = 0.9"), graded(answer("No.")), Options(tmp_path), screen) == FAILED
    assert screen.shown.getvalue().startswith("FAILED: Contains is 0, required at least 0.9.")


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

    found = Graded(ScriptedAsker(script), StoredArticles())
    assert grade(mine(tmp_path), found, Options(tmp_path, write_baseline=True), Screen()) == INTERRUPTED
    content = json.loads((tmp_path / "mine.json").read_text())
    assert content["run"] == {"asked": 2, "questions": 12, "partial": True, "passed": False}
    assert not (tmp_path / "mine.baseline.json").exists()


def run(folder: Path, name: str, **more: object) -> tuple[int, str]:
    """`evaluate` with a screen to read."""
    screen = Screen()
    code = evaluate(name, Settings(data_dir=folder / "data"), report_dir=folder / "out", console=screen, **more)  # type: ignore[arg-type]
    return code, screen.shown.getvalue()


def test_an_unknown_suite_cannot_be_run(tmp_path: Path) -> None:
    """Exit code 2 with the names there are."""
    code, shown = run(tmp_path, "nothing")
    assert code == CANNOT_RUN
    assert "no suite 'nothing'" in shown
    assert "sample" in shown


def test_a_suite_whose_files_are_absent_is_skipped_aloud(tmp_path: Path) -> None:
    """Exit code 0, and the screen names what is not there."""
    mine(tmp_path, corpus='corpus = ["news"]')
    code, shown = run(tmp_path, str(tmp_path / "mine.toml"))
    assert code == PASSED
    assert shown.startswith("Skipped: suite mine needs ")
    assert "news" in shown


@pytest.mark.parametrize(
    ("thresholds", "more", "words"),
    [
        ("Contians = 0.5", {}, "no metric 'Contians'"),
        ("", {"limit": 0}, "--limit must be at least 1"),
        ("", {"limit": 3, "write_baseline": True}, "drop --limit"),
        ("", {"extractive": True, "write_baseline": True}, "drop --limit and --extractive"),
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
    assert "Asked q11" in terminal.getvalue()
