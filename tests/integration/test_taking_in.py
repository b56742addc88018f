"""`dateline ingest` as a user runs it: reports, exit codes, standard input, a dry run, and while the service runs."""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from click.testing import Result

from tests.integration.conftest import HASHED, ROWS

Run = Callable[..., Result]
Process = Callable[..., subprocess.CompletedProcess[str]]
KEY = "a-key-of-sixteen-characters"


def rows_file(folder: Path, rows: list[dict[str, Any]] = ROWS) -> Path:
    """JSON Lines."""
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def reports(folder: Path) -> list[list[dict[str, Any]]]:
    """The reports that runs have left beside the archive, the oldest first."""
    return [list(map(json.loads, path.read_text("utf-8").splitlines())) for path in sorted((folder / "data" / "ingests").glob("*"))]


def test_every_run_leaves_a_report(run: Run, tmp_path: Path) -> None:
    """One line an article with place and reason, and the counts; the same on standard output and in a file where asked."""
    path = rows_file(tmp_path, [*ROWS, {"text": ""}])
    first = run("ingest", path, "--json", "--report", tmp_path / "mine.jsonl")
    assert first.exit_code == 1
    *articles, last = map(json.loads, first.stdout.splitlines())
    assert [row["outcome"] for row in articles] == ["added", "added", "added", "rejected"]
    assert (articles[3]["place"], articles[3]["reason"]) == (f"{path}:4", "the text is empty")
    assert (last["summary"]["added"], last["summary"]["rejected"], last["summary"]["dry_run"]) == (3, 1, False)
    (kept,) = reports(tmp_path)
    assert kept[:4] == articles
    assert kept[4]["summary"]["sources"] == [str(path)]
    assert (tmp_path / "mine.jsonl").read_text("utf-8").splitlines()[:4] == first.stdout.splitlines()[:4]
    assert run("ingest", path).exit_code == 1
    assert [row["outcome"] for row in reports(tmp_path)[1][:3]] == ["unchanged"] * 3


def test_a_dry_run_writes_nothing(run: Run, tmp_path: Path) -> None:
    """It says what would be added and pruned; archive and reports are as before, and it may run beside another writer."""
    rows_file(tmp_path)
    folder = tmp_path / "news"
    folder.mkdir()
    (folder / "a.txt").write_text("The dam holds.", encoding="utf-8")
    assert run("ingest", folder).exit_code == 0
    (folder / "a.txt").rename(folder / "b.txt")
    (folder / "b.txt").write_text("The bridge is open.", encoding="utf-8")
    shown = run("ingest", folder, "--dry-run", "--prune")
    assert (shown.exit_code, shown.stdout) == (0, "Nothing was written. 1 articles read: 1 added, 1 removed\n")
    assert len(reports(tmp_path)) == 1
    assert len(run("articles", "list").stdout.splitlines()) == 1


def test_standard_input_is_read_as_json_lines(process: Process) -> None:
    """Good lines are taken in, bad ones are named by their number."""
    result = process("ingest", "-", input=json.dumps(ROWS[0]) + "\n{\n" + json.dumps(ROWS[1]))
    assert result.returncode == 1
    assert result.stdout.startswith("3 articles read: 2 added, 1 rejected")
    assert "standard input:2: is not JSON" in result.stderr


def test_columns_are_mapped(run: Run, tmp_path: Path) -> None:
    """A table with names of its own; without the mapping the error names what is there."""
    (tmp_path / "t.csv").write_text("koerper;tag\nThe dam holds.;2026-03-04\n", encoding="utf-8")
    refused = run("ingest", "t.csv")
    assert refused.exit_code == 1
    assert "koerper" in refused.stderr
    assert run("ingest", "t.csv", "--columns", "text=koerper,published_at=tag").exit_code == 0
    assert run("articles", "list").stdout.split("\t")[1] == "2026-03-04"
    assert run("ingest", "t.csv", "--columns", "text").exit_code == 2


@pytest.fixture
def serving(environment: dict[str, str], tmp_path: Path) -> Iterator[str]:
    """A running service with an admin key, an empty archive and an encoder that needs no weights; its address."""
    environment["DATELINE_API_KEYS"] = f"admin:{KEY}"
    command = [sys.executable, "-c", HASHED, "serve", "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment, cwd=tmp_path) as service:
        assert service.stderr is not None
        said = ""
        while not (found := re.search(r"serves (http://\S+?)/ ", said)):
            line = service.stderr.readline()
            assert line, said
            said += line
        yield found[1]
        service.terminate()
        service.communicate(timeout=30)


def test_while_the_service_runs_ingest_goes_through_it(serving: str, process: Process, tmp_path: Path) -> None:
    """The same outcomes, places and report as without it; what was taken in is found at once; prune and remove work, too."""
    folder = tmp_path / "news"
    folder.mkdir()
    rows_file(folder, [*ROWS, {"text": "\u0000"}, {"text": "Der Tag.", "published_at": "2026-03-04T10:00:00+02:00"}])
    (folder / "2026-05-06-note.txt").write_text("The ferry runs again. " * 3, encoding="utf-8")
    first = process("ingest", folder)
    assert first.returncode == 1, first.stderr
    assert first.stdout.startswith("6 articles read: 5 added, 1 rejected")
    assert "rows.jsonl:4: the text contains NUL bytes" in first.stderr
    ask = httpx2.Client(base_url=serving, headers={"Authorization": f"Bearer {KEY}"})
    articles = {one["id"]: one for one in ask.get("/v1/articles").json()["articles"]}
    assert len(articles) == 5
    note = next(one for one in articles.values() if one["title"].startswith("The ferry"))
    assert (note["published_at"], note["date_origin"]) == ("2026-05-06", "file name")
    assert "+02:00" in {one["zone"] for one in articles.values()}
    again = process("ingest", folder)
    assert "0 added, 5 unchanged" in again.stdout
    assert [len(report) for report in reports(tmp_path)] == [7, 7]
    (folder / "2026-05-06-note.txt").unlink()
    assert "1 removed" in process("ingest", folder, "--prune").stdout
    assert process("articles", "remove", "vote-1").stdout == "removed vote-1\n"
    assert len(ask.get("/v1/articles").json()["articles"]) == 3
    ask.close()


def test_without_its_key_the_service_is_named_and_nothing_is_taken_in(
    serving: str, process: Process, environment: dict[str, str], tmp_path: Path
) -> None:
    """Exit code 2, and what to set."""
    del environment["DATELINE_API_KEYS"]
    result = process("ingest", rows_file(tmp_path))
    assert result.returncode == 2
    assert f"the service at {serving} holds the archive and wants its admin key: set DATELINE_API_KEYS" in result.stderr


def test_the_route_of_items_refuses_what_is_none(serving: str) -> None:
    """Unknown kinds, wrong shapes and deep nesting are 422, a bad article is an outcome; nothing is a 500."""
    with httpx2.Client(base_url=serving, headers={"Authorization": f"Bearer {KEY}"}) as client:
        deep: Any = []
        for _ in range(200):
            deep = [deep]
        article = {"id": "x", "text": "", "title": "", "metadata": {}}
        wrong = [1, {}, {"kind": "loaded"}, {"kind": "Item", "item": {}}, {"kind": ["loaded"]}, {"kind": "loaded", "item": deep},
                 {"kind": "gone", "item": {"place": "p"}}, {"kind": "loaded", "item": {"article": 1, "place": "p"}}]  # fmt: skip
        for item in wrong:
            assert client.post("/v1/ingest", json=[item]).status_code == 422, item
        answer = client.post("/v1/ingest", json=[{"kind": "loaded", "item": {"article": article, "place": "p"}}])
        assert (answer.status_code, answer.json()["items"][0]["reason"]) == (200, "the text is empty")
        client.headers.pop("Authorization")
        assert client.post("/v1/ingest", json=[]).status_code == 401
