"""A first suite over someone's own archive."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from test_evaluation_fakes import ARTICLE, article

from service.bootstrap import build
from service.domain import Article
from service.errors import BadInput
from service.evaluation.bench import opened
from service.evaluation.command import CANNOT_RUN, Options, grade
from service.evaluation.starting import QUESTIONS, start_suite
from service.evaluation.suite import load_suite
from service.models.hashing import HashingEmbedder
from service.settings import Settings


class Listed:
    """An archive of these articles."""

    def __init__(self, *articles: Article) -> None:
        self.found = sorted(articles, key=lambda one: one.id)

    def articles(self, after: str | None, limit: int) -> list[Article]:
        return [one for one in self.found if after is None or one.id > after][:limit]


MANY = [replace(article(f"a{n:02}", f"The dam number {n} is cracked. Nobody was hurt."), title=f"Crack {n}") for n in range(30)]


def rows_of(folder: Path) -> list[dict[str, Any]]:
    """The question rows that were written."""
    return [json.loads(line) for line in (folder / "questions.jsonl").read_text("utf-8").splitlines()]


def test_questions_are_made_of_headlines(tmp_path: Path) -> None:
    """Each names its article, its first sentence and its date; one more has no answer; the suite reads."""
    told = list(start_suite(Listed(ARTICLE), tmp_path / "My Eval!"))
    first, last = rows_of(tmp_path / "My Eval!")
    assert first["question"] == "What was reported under the headline “Cracks at the dam”?"
    assert (first["gold"], first["gold_articles"], first["asked_at"]) == ([["The dam is cracked."]], ["dam"], "2026-03-09")
    assert last["statuses"] == ["insufficient_evidence", "outside_coverage"]
    suite = load_suite(str(tmp_path / "My Eval!" / "suite.toml"), tmp_path)
    assert (suite.name, len(suite.cases()), suite.missing) == ("my-eval", 2, ())
    assert told[0].startswith(f"{tmp_path / 'My Eval!' / 'suite.toml'} and ")
    assert told[1] == f"Run them: dateline eval {tmp_path / 'My Eval!' / 'suite.toml'}"


def test_a_part_of_a_large_archive_is_chosen_always_the_same(tmp_path: Path) -> None:
    """By the hash of the ids, and not the first or the newest alone."""
    for name in ("one", "two"):
        list(start_suite(Listed(*MANY), tmp_path / name))
    assert rows_of(tmp_path / "one") == rows_of(tmp_path / "two")
    chosen = [row["gold_articles"][0] for row in rows_of(tmp_path / "one")[:-1]]
    assert len(chosen) == QUESTIONS
    assert sorted(chosen) not in ([one.id for one in MANY[:QUESTIONS]], [one.id for one in MANY[-QUESTIONS:]])


def test_an_archive_without_headlines_has_nothing_to_ask(tmp_path: Path) -> None:
    """And no file is written."""
    with pytest.raises(BadInput, match="ingest some first"):
        list(start_suite(Listed(article("a"), replace(article("b", " "), title="Empty")), tmp_path / "mine"))
    assert not (tmp_path / "mine").exists()


@pytest.mark.parametrize("name", ["suite.toml", "questions.jsonl"])
def test_what_is_there_is_not_overwritten(tmp_path: Path, name: str) -> None:
    """Someone's questions are worth more than ours."""
    (tmp_path / name).write_text("mine")
    with pytest.raises(BadInput, match=f"{name} is there already"):
        list(start_suite(Listed(*MANY), tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "mine"


@pytest.mark.parametrize("name", ["ünsere größe", "--", "x" * 80, "-a", "…a…-"])
def test_any_folders_name_makes_a_suites_name(tmp_path: Path, name: str) -> None:
    """The suite that was written reads."""
    list(start_suite(Listed(ARTICLE), tmp_path / name))
    assert load_suite(str(tmp_path / name / "suite.toml"), tmp_path).cases()


def test_a_started_suite_runs_at_once(tmp_path: Path, settings: Settings) -> None:
    """Over the archive it was made from: each article is found by its headline, and every citation is exact."""
    told = "Crack {n} at the Halvern dam runs for 1{n} metres. More follows."
    rows = [
        {"id": f"a{n}", "title": f"Crack {n} at the Halvern dam", "text": told.format(n=n), "published_at": f"2026-03-0{n + 1}"}
        for n in range(4)
    ]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    with build(settings, embedder=HashingEmbedder(256)) as services:
        services.ingest(services.load([tmp_path / "rows.jsonl"]))
        list(start_suite(services.archive, tmp_path / "my-eval"))
    suite, shown = load_suite(str(tmp_path / "my-eval" / "suite.toml"), tmp_path), io.StringIO()
    with opened(suite, settings, lambda _: None, embedder=HashingEmbedder(256)) as bench:
        code = grade(suite, bench, Options(tmp_path / "out"), Console(file=shown, width=200))
    report = json.loads((tmp_path / "out" / "my-eval.json").read_text())
    assert code != CANNOT_RUN
    assert report["run"]["asked"] == 5
    assert report["figures"]["Completed"]["value"] == 1.0
    assert report["figures"]["SpanValidity"]["value"] == 1.0
    assert report["figures"]["R@10"]["value"] == 1.0
    assert {line["metric"] for line in report["gate"]} >= {"Status", "R(sentences)@10", "FalseRefusalRate"}
