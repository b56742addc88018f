"""Suites and question rows: what is read, and what is refused by name."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from service.domain import Mode, Status, Turn
from service.errors import BadInput
from service.evaluation.cases import Case, digest
from service.evaluation.suite import Suite, built_in_suites, load_suite, planted_passages
from service.settings import Settings, resources

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
        ('name = "mine"\nquestions = ["q"]\nevery = 4', "every: unknown key"),
        ('name = "mine"\nquestions = ["q"]\nsample = 0', "sample: "),
        ('name = "mine"\nquestions = ["q"]\ntask = "translate"', "task: "),
        ('name = "mine"\nquestions = ["q"]\ningested_at = "soon"', "'soon' is not a date"),
        ('name = "mine"\nquestions = ["q"]\n[fields]\nanswer = "a"', "fields: no key answer: there are answerable, answers, "),
        ('name = "mine"\nquestions = ["q"]\n[[variants]]\nonly = { a = 0 }', "variants.0.tag: Field required"),
        ('name = "mine"\nquestions = ["q"]\n[plant]\nattack = "a"', "name either attacks (a file) or passages"),
        ('name = "mine"\nquestions = ["q"]\n[plant]\nattacks = "a"\npassages = "b"', "name either attacks (a file) or passages"),
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


def test_third_party_data_is_looked_for_where_the_setting_says(tmp_path: Path) -> None:
    """`data:` paths are inside that folder, for questions, corpus and attacks alike; all that is missing is named."""
    toml = """name = "mine"
        corpus = ["data:set/articles.jsonl"]
        questions = ["data:set/q.jsonl"]
        [plant]
        attacks = "data:set/attacks.jsonl"
    """
    suite = load_suite(str(write_suite(tmp_path, toml)), tmp_path, data=tmp_path / "data")
    folder = tmp_path / "data" / "set"
    assert suite.missing == (folder / "articles.jsonl", folder / "q.jsonl", folder / "attacks.jsonl")


def test_the_setting_is_a_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """DATELINE_EVAL_DATA names the folder."""
    monkeypatch.setenv("DATELINE_EVAL_DATA", str(tmp_path / "sets"))
    assert Settings(_env_file=None).eval_data == tmp_path / "sets"  # type: ignore[call-arg]


SAMPLED = 'name = "mine"\nquestions = ["questions.jsonl"]\nsample = 3'
MANY = [{"id": f"q{number}", "question": f"What of {number}?"} for number in range(20)]


def ids(suite: Suite) -> list[str]:
    """The ids of the suite's questions."""
    return [case.id for case in suite.cases()]


def test_a_sample_is_the_same_in_whatever_order_the_questions_stand(tmp_path: Path) -> None:
    """It follows the hash of the ids; its questions keep their order; a smaller one is part of a larger one."""
    first = ids(load_suite(str(write_suite(tmp_path, SAMPLED, *MANY)), tmp_path))
    backward = ids(load_suite(str(write_suite(tmp_path, SAMPLED, *reversed(MANY))), tmp_path))
    larger = ids(load_suite(str(write_suite(tmp_path, SAMPLED.replace("3", "9"), *MANY)), tmp_path))
    assert len(first) == 3
    assert backward == list(reversed(first))
    assert set(first) < set(larger)
    assert first == sorted(sorted((row["id"] for row in MANY), key=digest)[:3], key=lambda name: int(name[1:]))


def test_a_sample_larger_than_the_suite_is_all_of_it(tmp_path: Path) -> None:
    """Nothing is asked twice."""
    assert len(ids(load_suite(str(write_suite(tmp_path, SAMPLED.replace("3", "99"), *MANY)), tmp_path))) == 20


VARIED = """name = "mine"
questions = ["questions.jsonl"]
halves = true
[fields]
answers = "answers"
gold_articles = "good"
[[variants]]
tag = "clean"
only = { good = 2 }
[[variants]]
tag = "noisy"
where = { bad = true }
only = { good = 1, bad = "all" }
[[variants]]
tag = "hopeless"
only = { bad = 1 }
statuses = ["insufficient_evidence"]
"""
ROWS = [
    {"id": "a", "question": "?", "answers": ["x"], "good": ["g1", "g2", "g3"], "bad": ["b1", "b2"]},
    {"id": "b", "question": "?", "answers": ["x"], "good": ["g1"], "bad": []},
]


def test_a_variant_is_asked_over_so_many_of_the_articles_that_a_row_names(tmp_path: Path) -> None:
    """What is right follows: gold only among those that may be used, and nothing expected where a refusal is right."""
    cases = {case.id: case for case in load_suite(str(write_suite(tmp_path, VARIED, *ROWS)), tmp_path).cases()}
    assert set(cases) == {"a/clean", "a/noisy", "a/hopeless"}  # b names too few for clean and hopeless, and no noise
    clean, noisy, hopeless = cases["a/clean"], cases["a/noisy"], cases["a/hopeless"]
    assert (clean.only_articles, clean.gold_articles, clean.answers) == (("g1", "g2"), ("g1", "g2"), (("x",),))
    assert (noisy.only_articles, noisy.gold_articles) == (("g1", "b1", "b2"), ("g1",))
    assert (hopeless.only_articles, hopeless.gold_articles, hopeless.answers) == (("b1",), (), ())
    assert hopeless.must_refuse
    assert [case.tags[0] for case in (clean, noisy, hopeless)] == ["clean", "noisy", "hopeless"]


def test_halves_keep_the_variants_of_a_row_together(tmp_path: Path) -> None:
    """What is tuned on one half has not seen the row in another dress; both halves are used."""
    rows = [ROWS[0] | {"id": f"q{number}"} for number in range(30)]
    halves: dict[str, set[str]] = {}
    for case in load_suite(str(write_suite(tmp_path, VARIED, *rows)), tmp_path).cases():
        halves.setdefault(case.id.partition("/")[0], set()).add(case.tags[-1])
    assert all(len(found) == 1 for found in halves.values())
    assert set().union(*halves.values()) == {"half a", "half b"}


def test_rows_that_await_review_are_counted_and_not_asked(tmp_path: Path) -> None:
    """A person has to check them first, but they must read."""
    toml = 'name = "mine"\nquestions = ["questions.jsonl"]'
    suite = load_suite(str(write_suite(tmp_path, toml, ROW, ROW | {"id": "q2", "review": True, "note": "?"})), tmp_path)
    assert (ids(suite), suite.awaiting_review) == (["q1"], 1)
    alone = load_suite(str(write_suite(tmp_path, toml, ROW | {"review": True})), tmp_path)
    with pytest.raises(BadInput, match="has no questions"):
        alone.cases()


def test_where_leaves_rows_out_before_they_are_read(tmp_path: Path) -> None:
    """Rows that do not match need not even have a question."""
    toml = 'name = "mine"\nquestions = ["questions.jsonl"]\n[where]\nsplit = "dev"\n[fields]\ntags = "split"'
    rows = [{"id": "a", "question": "?", "split": "dev"}, {"id": "b", "split": "test"}]
    assert ids(load_suite(str(write_suite(tmp_path, toml, *rows)), tmp_path)) == ["a"]


def test_planted_passages_become_articles_of_their_row(tmp_path: Path) -> None:
    """Their ids are what the question's planted articles are."""
    toml = 'name = "mine"\nquestions = ["questions.jsonl"]\n[fields]\nanswers = "answers"\n[plant]\npassages = "lies"'
    path = write_suite(tmp_path, toml, ROW | {"answers": ["17 m"], "lies": ["It is short.", "It is 9 m."]})
    (case,) = load_suite(str(path), tmp_path).cases()
    assert case.planted_articles == ("q1-planted-1", "q1-planted-2")
    assert planted_passages({"id": "q1"}, "lies") == []


DATA = Settings(_env_file=None).eval_data  # type: ignore[call-arg]
SHIPPED = built_in_suites(resources())


@pytest.mark.parametrize("name", SHIPPED)
def test_every_suite_that_ships_reads_and_brings_its_own_files(name: str) -> None:
    """A shipped suite has a name like its file, and nothing is missing but third-party data."""
    suite: Suite = load_suite(name, resources(), data=DATA)
    assert suite.name == name
    assert [path for path in suite.missing if not path.is_relative_to(DATA)] == []


@pytest.mark.parametrize("name", SHIPPED)
def test_every_suite_whose_files_are_here_has_questions_that_read(name: str) -> None:
    """Each row of it, in whatever format it came, is a question."""
    suite = load_suite(name, resources(), data=DATA)
    if suite.missing:
        pytest.skip(f"{suite.missing[0]} is not on this machine")
    assert len(suite.cases()) > 0
