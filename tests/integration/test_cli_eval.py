"""`dateline eval` as a user types it: exit codes and what is printed."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from service.evaluation.suite import built_in_suites
from service.settings import resources
from tests.integration.conftest import ROWS

Run = Callable[..., Result]
QUESTIONS = [
    {"id": f"q{n}", "question": "How many people have been evacuated below the Halvern Dam?", "asked_at": "2026-04-01",
     "answers": [["3,400", "1,200"]], "gold": [["Some 3,400 people have been evacuated below the Halvern Dam so far."]]}
    for n in range(3)
]  # fmt: skip


def write(path: Path, rows: list[dict[str, object]]) -> Path:
    """A file of JSON lines."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def suite(folder: Path, *, thresholds: str = "", corpus: str = "rows.jsonl", name: str = "mine") -> Path:
    """A suite over the three articles."""
    write(folder / "rows.jsonl", ROWS)
    write(folder / "q.jsonl", QUESTIONS)
    path = folder / f"{name}.toml"
    path.write_text(f'name = "{name}"\ncorpus = ["{corpus}"]\nquestions = ["q.jsonl"]\n[thresholds]\n{thresholds}', "utf-8")
    return path


def report_of(folder: Path, name: str = "mine") -> dict[str, object]:
    """The JSON report."""
    return json.loads((folder / "eval-report" / f"{name}.json").read_text("utf-8"))  # type: ignore[no-any-return]


@pytest.mark.parametrize("words", [["eval"], ["eval", "run"]], ids=" ".join)
def test_a_suite_runs_by_its_path_alone(run: Run, tmp_path: Path, words: list[str]) -> None:
    """`dateline eval FILE` is `dateline eval run FILE`: exit code 0, and the reports in the folder that was named."""
    result = run(*words, suite(tmp_path, thresholds="Contains = 0.9"), "--report", tmp_path / "out")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "3 of 3 answerable questions were answered with what was expected" in result.stdout
    assert json.loads((tmp_path / "out" / "mine.json").read_text("utf-8"))["run"]["passed"] is True


def test_options_may_come_first(run: Run, tmp_path: Path) -> None:
    """`dateline eval --limit 1 FILE`."""
    assert run("eval", "--limit", 1, suite(tmp_path)).exit_code == 0
    assert report_of(tmp_path)["run"]["asked"] == 1  # type: ignore[index]


def test_simpler_systems_are_asked_beside(run: Run, tmp_path: Path) -> None:
    """Those that were named; one that there is not is exit code 2."""
    path = suite(tmp_path)
    assert run("eval", path, "--beside", "bm25", "--beside", "rrf").exit_code == 0
    assert set(report_of(tmp_path)["systems"]) == {"bm25", "rrf"}  # type: ignore[call-overload]
    wrong = run("eval", path, "--beside", "google")
    assert wrong.exit_code == 2
    assert "cannot be compared with google" in wrong.stdout


def test_each_part_of_the_ranking_can_be_switched_off_in_turn(run: Run, tmp_path: Path) -> None:
    """`--beside parts` asks Dateline without each part of its ranking; a part that there is not is exit code 2."""
    path = suite(tmp_path)
    assert run("eval", path, "--beside", "parts").exit_code == 0
    asked = set(report_of(tmp_path)["systems"])  # type: ignore[call-overload]
    assert {"no-recency", "no-outlet", "no-repeat"} <= asked
    assert "no-similarity" not in asked
    assert run("eval", path, "--beside", "no-luck").exit_code == 2


def test_a_threshold_that_is_missed_is_exit_code_1(run: Run, tmp_path: Path) -> None:
    """And the metric, the figure and the bound are named."""
    result = run("eval", suite(tmp_path, thresholds="ExactMatch = 0.9"))
    assert result.exit_code == 1
    assert "FAILED: ExactMatch is 0, required at least 0.9." in result.stdout


@pytest.mark.parametrize(
    ("toml", "words"),
    [('name = "mine"\nquestions = ["q.jsonl"]\nevery = 4', "every: unknown key"), ("[", "cannot be read as a suite")],
    ids=["an unknown key", "not TOML"],
)
def test_a_suite_that_is_wrong_is_exit_code_2(run: Run, tmp_path: Path, toml: str, words: str) -> None:
    """With the file and the key."""
    path = suite(tmp_path)
    path.write_text(toml)
    result = run("eval", path)
    assert result.exit_code == 2
    assert words in result.stdout


def test_a_suite_whose_files_are_not_here_is_skipped_and_says_so(run: Run, tmp_path: Path) -> None:
    """Exit code 0, the missing file, and the variable that says where it should be."""
    result = run("eval", suite(tmp_path, corpus="data:nowhere/articles.jsonl"))
    assert result.exit_code == 0
    assert result.stdout.startswith("Skipped: suite mine needs ")
    assert "nowhere/articles.jsonl" in result.stdout
    assert "DATELINE_EVAL_DATA" in result.stdout
    assert not (tmp_path / "eval-report").exists()


def test_third_party_data_is_read_from_where_the_variable_says(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """DATELINE_EVAL_DATA."""
    path = suite(tmp_path, corpus="data:set/articles.jsonl")
    (tmp_path / "sets" / "set").mkdir(parents=True)
    (tmp_path / "rows.jsonl").rename(tmp_path / "sets" / "set" / "articles.jsonl")
    monkeypatch.setenv("DATELINE_EVAL_DATA", str(tmp_path / "sets"))
    result = run("eval", path)
    assert result.exit_code == 0
    assert "3 of 3 answerable questions" in result.stdout


def test_of_several_suites_the_worst_code_counts(run: Run, tmp_path: Path) -> None:
    """One that fails and one that passes: 1, and both were run."""
    good, bad = suite(tmp_path, name="good"), suite(tmp_path, name="bad", thresholds="ExactMatch = 0.9")
    assert run("eval", bad, good).exit_code == 1
    assert {"good.json", "bad.json"} <= {path.name for path in (tmp_path / "eval-report").iterdir()}


def test_the_built_in_suites_are_listed(run: Run) -> None:
    """One line each: name, task, whether its files are here, and what it is."""
    result = run("eval", "list")
    assert result.exit_code == 0
    lines = [line.split("\t") for line in result.stdout.splitlines()]
    assert [line[0] for line in lines] == built_in_suites(resources())
    assert all(line[1] in {"answer", "retrieval", "check"} and line[2] in {"ready", "not on this machine"} and line[3] for line in lines)
    assert ["sample", "answer", "ready"] in [line[:3] for line in lines]


def copies(report: Path, name: str, contains: float) -> Path:
    """A report beside this one with its first question twenty times, each with this score."""
    content = json.loads(report.read_text("utf-8"))
    first = content["rows"][0]
    content["rows"] = [first | {"id": f"q{n}", "scores": first["scores"] | {"Contains": contains}} for n in range(20)]
    report.with_name(name).write_text(json.dumps(content))
    return report.with_name(name)


def test_two_runs_are_compared(run: Run, tmp_path: Path) -> None:
    """Exit code 0 where nothing got worse, 1 where something did, with the metric; 2 and one line for what is no report."""
    assert run("eval", suite(tmp_path)).exit_code == 0
    report = tmp_path / "eval-report" / "mine.json"
    better, worse = copies(report, "better.json", 1.0), copies(report, "worse.json", 0.0)
    same, lost, gained = (
        run("eval", "compare", report, report),
        run("eval", "compare", better, worse),
        run("eval", "compare", worse, better),
    )
    assert (same.exit_code, lost.exit_code, gained.exit_code) == (0, 1, 0)
    assert "No question scored otherwise." in same.stdout
    assert lost.stdout.startswith("WORSE: Contains: -1.000 [")
    assert "20 questions scored otherwise" in gained.stdout
    (tmp_path / "text.json").write_text("{}")
    for name in ("text.json", "nowhere.json"):
        refused = run("eval", "compare", report, tmp_path / name)
        assert (refused.exit_code, len(refused.stderr.splitlines())) == (2, 1)
        assert name in refused.stderr


def test_a_baseline_that_was_written_is_compared_with_next_time(run: Run, tmp_path: Path) -> None:
    """`--write-baseline`, then by itself, and byte for byte the same when it is written again."""
    path, kept = suite(tmp_path), tmp_path / "mine.baseline.json"
    assert run("eval", path, "--write-baseline").exit_code == 0
    first = kept.read_bytes()
    assert "Against the baseline: 3 questions compared, 0 new or changed" in run("eval", path).stdout
    assert run("eval", path, "--write-baseline").exit_code == 0
    assert kept.read_bytes() == first


def test_a_first_suite_is_started_and_runs_at_once(run: Run, tmp_path: Path) -> None:
    """From an ingested archive to a graded run in two commands; a second start does not overwrite it."""
    assert run("ingest", write(tmp_path / "rows.jsonl", ROWS)).exit_code == 0
    started = run("eval", "init", tmp_path / "my-eval")
    assert started.exit_code == 0
    assert f"Run them: dateline eval {tmp_path / 'my-eval' / 'suite.toml'}" in started.stdout
    assert run("eval", tmp_path / "my-eval" / "suite.toml").exit_code in {0, 1}
    report = report_of(tmp_path, "my-eval")
    assert report["run"]["asked"] == report["run"]["questions"] == 3  # type: ignore[index]
    assert report["failures"] == {}
    again = run("eval", "init", tmp_path / "my-eval")
    assert (again.exit_code, len(again.stderr.splitlines())) == (2, 1)
    assert "is there already" in again.stderr


def test_starting_a_suite_over_nothing_says_what_to_do(run: Run, tmp_path: Path) -> None:
    """Exit code 2 and one line."""
    result = run("eval", "init", tmp_path / "my-eval")
    assert (result.exit_code, len(result.stderr.splitlines())) == (2, 1)
    assert "ingest some first" in result.stderr


def test_a_judge_or_a_folder_that_cannot_be_is_said_before_anything_is_asked(run: Run, tmp_path: Path) -> None:
    """Exit code 2 and the reason, and no question was asked in vain."""
    path = suite(tmp_path)
    (tmp_path / "taken").write_text("a file, not a folder", "utf-8")
    for options, words in ((("--judge", "nonsense"), "model 'nonsense'"), (("--report", tmp_path / "taken"), "taken")):
        result = run("eval", path, *options)
        assert result.exit_code == 2
        assert words in result.output
        assert "asked" not in result.output
