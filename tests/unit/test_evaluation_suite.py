"""Suites and question rows: what is read, and what is refused by name."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from service.domain import Mode, Status, Turn
from service.errors import BadInput
from service.evaluation.suite import Case, Suite, built_in_suites, load_suite
from service.settings import resources

ROW = {"id": "q1", "question": "How long?", "answers": [["17 m"]], "gold": [["It is 17 m long."]]}


def write_suite(folder: Path, toml: str, *rows: object) -> Path:
    """A suite file and its questions in one folder."""
    (folder / "questions.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    path = folder / "mine.toml"
    path.write_text(toml)
    return path


def cases_of(folder: Path, *rows: object) -> tuple[Case, ...]:
    """The cases of a suite of these rows."""
    path = write_suite(folder, 'name = "mine"\nquestions = ["questions.jsonl"]', *rows)
    return load_suite(str(path), folder).cases()


def test_a_suite_file_is_read_with_paths_beside_it(tmp_path: Path) -> None:
    """Someone's own suite names files relative to itself."""
    toml = 'name = "mine"\ncorpus = ["news"]\nquestions = ["questions.jsonl"]\nmode = "extractive"\n[thresholds]\nStatus = 0.5'
    suite = load_suite(str(write_suite(tmp_path, toml, ROW)), tmp_path / "elsewhere")
    assert suite.corpus == (tmp_path / "news",)
    assert suite.questions == (tmp_path / "questions.jsonl",)
    assert (suite.mode, dict(suite.thresholds)) == (Mode.EXTRACTIVE, {"Status": 0.5})
    assert suite.baseline == tmp_path / "mine.baseline.json"
    assert suite.missing == (tmp_path / "news",)


def test_a_built_in_suite_is_found_by_name_with_paths_from_the_root(tmp_path: Path) -> None:
    """`eval/suites/NAME.toml` names files relative to the folder that holds `eval/`, by name and by path alike."""
    (tmp_path / "eval" / "suites").mkdir(parents=True)
    path = write_suite(tmp_path / "eval" / "suites", 'name = "mine"\nquestions = ["eval/q.jsonl"]')
    suite = load_suite("mine", tmp_path)
    assert suite == load_suite(str(path), tmp_path)
    assert suite.questions == (tmp_path / "eval" / "q.jsonl",)
    assert suite.baseline == tmp_path / "eval" / "baselines" / "mine.json"
    assert built_in_suites(tmp_path) == ["mine"]


def test_an_unknown_name_lists_the_known_ones(tmp_path: Path) -> None:
    """Who mistypes a suite's name sees the names there are."""
    (tmp_path / "eval" / "suites").mkdir(parents=True)
    write_suite(tmp_path / "eval" / "suites", "")
    with pytest.raises(BadInput, match=r"no suite 'other'.*\(mine\)"):
        load_suite("other", tmp_path)


@pytest.mark.parametrize(
    ("toml", "words"),
    [
        ('name = "mine"\nquestions = ["q"]\nqestions = []', "qestions: unknown key"),
        ('questions = ["q"]', "name: Field required"),
        ('name = "../mine"\nquestions = ["q"]', "name: "),
        ('name = "mine"\nquestions = []', "questions: "),
        ('name = "mine"\nquestions = ["q"]\nmode = "fast"', "mode: "),
        ('name = "mine"\nquestions = ["q"]\n[thresholds]\nStatus = nan', "thresholds.Status: "),
        ("name =", "cannot be read as a suite"),
    ],
)
def test_a_wrong_suite_file_names_the_key(tmp_path: Path, toml: str, words: str) -> None:
    """Every mistake in a suite file is refused, and by name."""
    with pytest.raises(BadInput) as caught:
        load_suite(str(write_suite(tmp_path, toml)), tmp_path)
    assert words in str(caught.value)


def test_a_whole_row_is_read(tmp_path: Path) -> None:
    """Every key of a row arrives in the case; a date means the end of its day."""
    row = ROW | {
        "asked_at": "2026-03-10",
        "statuses": ["answered", "partial"],
        "tags": ["follow-up"],
        "history": [{"question": "Where?", "answer": "There."}],
    }
    assert cases_of(tmp_path, row) == (
        Case(
            "q1",
            "How long?",
            datetime(2026, 3, 10, 23, 59, 59, 999999, tzinfo=UTC),
            (("17 m",),),
            (("It is 17 m long.",),),
            (Status.ANSWERED, Status.PARTIAL),
            (Turn("Where?", "There."),),
            ("follow-up",),
        ),
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"anwers": []}, "questions.jsonl:1: anwers: unknown key"),
        ({"question": " "}, "question: "),
        ({"answers": [[]]}, "answers.0: "),
        ({"answers": [["the"]]}, "any answer would hold"),
        ({"asked_at": "March"}, "asked_at: 'March' is not a date"),
        ({"statuses": []}, "statuses: "),
        ({"statuses": ["maybe"]}, "statuses.0: "),
        ({"statuses": ["insufficient_evidence"]}, "allow only a refusal"),
        ({"history": [{"question": "Where?"}]}, "history.0.answer: Field required"),
    ],
)
def test_a_wrong_row_names_line_and_key(tmp_path: Path, change: dict[str, object], words: str) -> None:
    """Every mistake in a question row is refused, with its place."""
    with pytest.raises(BadInput) as caught:
        cases_of(tmp_path, ROW | change)
    assert words in str(caught.value)


def test_an_id_that_comes_twice_names_both_places(tmp_path: Path) -> None:
    """Two questions of one id would hide one another in a comparison."""
    with pytest.raises(BadInput, match=r"questions\.jsonl:2: id 'q1' was used at questions\.jsonl:1"):
        cases_of(tmp_path, ROW, ROW)


def test_a_suite_without_questions_is_refused(tmp_path: Path) -> None:
    """An empty question file would pass every gate."""
    with pytest.raises(BadInput, match="has no questions"):
        cases_of(tmp_path)


def test_the_fingerprint_follows_what_is_asked_and_expected_but_not_tags() -> None:
    """A question that changed under its old id is not compared with what it was."""
    plain = Case("q1", "How long?", answers=(("17 m",),))
    assert plain.fingerprint == Case("q1", "How long?", answers=(("17 m",),), tags=("new",)).fingerprint
    assert plain.fingerprint != Case("q1", "How long?", answers=(("18 m",),)).fingerprint
    assert plain.fingerprint != Case("q1", "How wide?", answers=(("17 m",),)).fingerprint


@pytest.mark.parametrize(
    ("statuses", "must", "may"),
    [
        ((Status.ANSWERED,), False, False),
        ((Status.ANSWERED, Status.INSUFFICIENT_EVIDENCE), False, True),
        ((Status.OUTSIDE_COVERAGE, Status.INSUFFICIENT_EVIDENCE), True, True),
    ],
)
def test_which_refusals_are_right(statuses: tuple[Status, ...], must: bool, may: bool) -> None:
    """A refusal may be right, must be given, or neither."""
    asked = Case("q", "?", statuses=statuses)
    assert (asked.must_refuse, asked.may_refuse) == (must, may)


@pytest.mark.parametrize("name", built_in_suites(resources()))
def test_every_suite_that_ships_reads_and_its_files_are_there(name: str) -> None:
    """A shipped suite has a name like its file, questions that read, and nothing missing."""
    suite: Suite = load_suite(name, resources())
    assert suite.name == name
    assert not suite.missing
    assert len(suite.cases()) > 0
