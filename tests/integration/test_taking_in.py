"""`dateline ingest` as a user runs it: reports, exit codes, standard input, a dry run, and while the service runs."""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest
from click.testing import Result
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from service import bootstrap, services
from service.articles.items import Unreadable
from service.errors import ArchiveError, DiskFull
from service.ports import Visit
from service.wire_ingest import packed, unpacked
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
    assert (shown.exit_code, shown.stdout) == (0, "Nothing was written. 1 article read: 1 added, 1 removed\n")
    assert len(reports(tmp_path)) == 1
    assert len(run("articles", "list").stdout.splitlines()) == 1


def test_standard_input_is_read_as_json_lines(process: Process) -> None:
    """Good lines are taken in, bad ones are named by their number."""
    result = process("ingest", "-", input=json.dumps(ROWS[0]) + "\n{\n" + json.dumps(ROWS[1]))
    assert result.returncode == 1
    assert result.stdout.startswith("3 articles read: 2 added, 1 rejected")
    assert "standard input:2: is not JSON" in result.stderr


INTERRUPTIBLE = f"import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n{HASHED}"
"""Also where whoever runs the tests in the background has it ignored."""
PIPE = 1 << 20
"""Bytes: more than a pipe holds, so that writing them ends only when they are read."""


def test_an_interrupt_at_an_open_pipe_ends_at_once_and_leaves_a_report(environment: dict[str, str], run: Run, tmp_path: Path) -> None:
    """Exit code 130 although standard input stays open; the report has what was taken in, and says that the run was interrupted."""
    command = [sys.executable, "-c", INTERRUPTIBLE, "ingest", "-"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, cwd=tmp_path
    ) as reading:
        assert reading.stdin is not None
        assert reading.stderr is not None
        for number in range(128):
            reading.stdin.write(json.dumps({"id": f"r{number}", "text": f"The dam of town {number} holds."}).encode() + b"\n")
        reading.stdin.write(b"\n" * PIPE)
        reading.stdin.flush()
        reading.send_signal(signal.SIGINT)
        assert reading.wait(60) == 130
        said = reading.stderr.read().decode()
    assert said == "dateline: interrupted; what was reported as done is kept\n"
    ((*articles, last),) = reports(tmp_path)
    assert last["summary"]["interrupted"] is True
    assert len(run("articles", "list").stdout.splitlines()) == len(articles)


def test_a_run_that_fails_leaves_a_report_of_what_was_taken_in(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two batches go in, then the disk is full: the report has their articles, and the error in its summary."""
    rows = [{"id": f"r{number}", "text": f"The dam of town {number} holds."} for number in range(192)]
    asked = [0]

    def room(folder: Path, least: int) -> None:
        asked[0] += 1
        if asked[0] > 2:
            raise DiskFull("no room is left")

    monkeypatch.setattr(bootstrap, "require_space", room)
    failed = run("ingest", rows_file(tmp_path, rows))
    assert failed.exit_code == 2
    ((*articles, last),) = reports(tmp_path)
    assert (len(articles), last["summary"]["error"]) == (128, "no room is left")
    assert len(run("articles", "list").stdout.splitlines()) == 128


def test_a_prune_that_fails_loses_no_report(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was taken in before it is told, with the error; nothing is said to be removed that was not."""
    folder = tmp_path / "news"
    folder.mkdir()
    (folder / "a.txt").write_text("The dam holds.", encoding="utf-8")
    assert run("ingest", folder).exit_code == 0
    (folder / "a.txt").unlink()
    (folder / "b.txt").write_text("The ferry runs.", encoding="utf-8")

    def fail(services: services.Services, ids: list[str]) -> None:
        raise ArchiveError("cannot be written")

    with monkeypatch.context() as patched:
        patched.setattr(services.Services, "remove", fail)
        assert run("ingest", folder, "--prune").exit_code == 2
    added, last = reports(tmp_path)[1]
    assert (added["outcome"], last["summary"]["pruned"], last["summary"]["error"]) == ("added", [], "cannot be written")
    assert run("ingest", folder, "--prune").exit_code == 0
    assert len(reports(tmp_path)[2][-1]["summary"]["pruned"]) == 1


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_dry_run_makes_no_archive(run: Run, tmp_path: Path) -> None:
    """Where there is none yet it says what would be added, and neither folder nor file is there afterwards."""
    shown = run("ingest", rows_file(tmp_path), "--dry-run")
    assert (shown.exit_code, shown.stdout) == (0, "Nothing was written. 3 articles read: 3 added\n")
    assert not (tmp_path / "data").exists()


def test_a_dry_run_changes_no_file_of_the_archive(run: Run, tmp_path: Path) -> None:
    """Every byte is as before, and index and lock are not touched."""
    path = rows_file(tmp_path)
    assert run("ingest", path).exit_code == 0
    before = tree(tmp_path / "data")
    rows_file(tmp_path, [*ROWS, {"id": "new", "text": "The ferry runs."}])
    assert run("ingest", path, "--dry-run").stdout == "Nothing was written. 4 articles read: 1 added, 3 unchanged\n"
    assert tree(tmp_path / "data") == before


def test_watching_a_folder_that_is_not_there_fails(run: Run, tmp_path: Path) -> None:
    """With `--rounds` the exit code says how the last look went; what was rejected or taken in left a report, an idle look none."""
    folder = tmp_path / "news"
    assert run("watch", folder, "--rounds", "1").exit_code == 1
    folder.mkdir()
    path = rows_file(folder)
    for _ in range(2):
        assert run("watch", folder, "--rounds", "1").exit_code == 0
    (failed, last), (*added, second) = reports(tmp_path)
    assert (failed["outcome"], failed["place"], last["summary"]["sources"]) == ("rejected", str(folder), [str(folder)])
    assert ([row["outcome"] for row in added], second["summary"]["added"]) == (["added"] * 3, 3)
    path.write_text("{", encoding="utf-8")
    assert run("watch", folder, "--rounds", "1").exit_code == 1


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
    rows_file(folder, [*ROWS, {"text": "The dam\u0000 holds."}, {"text": "Der Tag.", "published_at": "2026-03-04T10:00:00+02:00"}])
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


def test_an_id_used_twice_is_rejected_through_the_service_too(serving: str, process: Process, tmp_path: Path) -> None:
    """In another batch with another text it is rejected where it stands, with the same text unchanged: as without the service."""
    rows = [{"id": f"r{number}", "text": f"The dam of town {number} holds."} for number in range(100)]
    again = [rows[3] | {"text": "Something else."}, rows[4], {"id": "last", "text": "The ferry runs."}]
    path = rows_file(tmp_path, rows + again)
    through = process("ingest", path, "--json")
    here = process("ingest", path, "--json", "--data-dir", tmp_path / "other")
    assert through.returncode == here.returncode == 1
    assert through.stdout == here.stdout
    *articles, _ = map(json.loads, through.stdout.splitlines())
    assert [row["outcome"] for row in articles[99:]] == ["added", "rejected", "unchanged", "added"]
    assert articles[100]["reason"] == f"id 'r3' was already used with another text at {path}:4"
    with httpx2.Client(base_url=serving, headers={"Authorization": f"Bearer {KEY}"}) as ask:
        assert ask.get("/v1/articles/r3").json()["text"] == "The dam of town 3 holds."


def test_more_articles_than_one_request_takes_are_removed(serving: str, process: Process, tmp_path: Path) -> None:
    """1,001 articles vanish from a folder: all of them go, and the report names each."""
    folder = tmp_path / "news"
    folder.mkdir()
    path = rows_file(folder, [{"id": f"r{number}", "text": f"The dam of town {number} holds."} for number in range(1_001)])
    assert process("ingest", folder).returncode == 0
    path.unlink()
    pruned = process("ingest", folder, "--prune")
    assert (pruned.returncode, pruned.stderr) == (0, "")
    assert len(reports(tmp_path)[1][-1]["summary"]["pruned"]) == 1_001
    assert process("articles", "list").stdout == ""


def test_without_its_key_the_service_is_named_and_nothing_is_taken_in(
    serving: str, process: Process, environment: dict[str, str], tmp_path: Path
) -> None:
    """Exit code 2, and what to set."""
    del environment["DATELINE_API_KEYS"]
    result = process("ingest", rows_file(tmp_path))
    assert result.returncode == 2
    assert f"the service at {serving} holds the archive and wants a key of scope admin: set DATELINE_API_KEY=KEY" in result.stderr


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


def test_what_is_too_long_or_unprintable_to_be_told_is_cut_before_it_is_sent() -> None:
    """A name that is no UTF-8 and a reason of a megabyte cost no batch: the service takes in what `packed` made of them."""
    sent = packed(Unreadable("a\udce9.csv", "x" * 1_000_000, "o", Visit("https://herald.example/\udce9")))
    taken = unpacked(json.loads(json.dumps(sent)), now=datetime(2026, 6, 1, tzinfo=UTC), max_chars=100)
    assert isinstance(taken, Unreadable)
    assert (taken.place, len(taken.reason), taken.visit) == ("a\\udce9.csv", 10_000, Visit("https://herald.example/\\udce9"))


PLACED = {"place": "p", "article_id": "a"}
WHOLE: dict[str, dict[str, Any]] = {
    "loaded": {"article": {"id": "x", "text": "The dam holds.", "title": "", "metadata": {}}, "place": "p", "warnings": ["w"]},
    "unreadable": {"place": "p", "reason": "r", "origin": "o"},
    "skipped": {"place": "p"},
    "untouched": PLACED,
    "gone": PLACED | {"reason": "r"},
    "looked": {},
}
VISIT = {"url": "https://herald.example/dam", "article_id": "a", "source": None, "etag": "e", "last_modified": None, "misses": 0}
TEXT = st.text(st.characters(), max_size=20)
ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.integers(-(2**70), 2**70) | st.floats() | TEXT
    | st.sampled_from(["", "\ud800", "\x00", "2026-03-04T10:00:00+02:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00",
                       "x" * 10_001, "http://[", "meta"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT | st.just("\ud800"), inner, max_size=3),
    max_leaves=4,
)  # fmt: skip
FIELDS = [
    *((kind, (name,)) for kind, item in WHOLE.items() for name in item),
    *(("loaded", ("article", name)) for name in (
        "id", "text", "title", "source", "author", "url", "language", "published_at", "updated_at", "date_origin", "zone", "date_conflicts",
        "ingested_at", "version", "origin", "metadata", "\ud800")),
    *((kind, ("visit", name)) for kind in WHOLE if kind != "skipped" for name in (
        "url", "article_id", "source", "arrived", "etag", "last_modified", "misses", "checked_at", "since", "more")),
]  # fmt: skip
"""Every field of every kind of item, and some that are none."""


@given(st.sampled_from(FIELDS), ODD)
@example(("looked", ("visit", "url")), "")
@example(("looked", ("visit", "url")), "https://\ud800.example")
@example(("looked", ("visit", "misses")), 2**63)
@example(("untouched", ("article_id",)), "\udfff")
@example(("unreadable", ("place",)), "\ud800")
@example(("loaded", ("article", "metadata")), {"\ud800": 1})
@example(("loaded", ("article", "published_at")), "0001-01-01T00:00:00+14:00")
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_item_is_a_server_error(door: TestClient, field: tuple[str, tuple[str, ...]], value: Any) -> None:
    """Any JSON in any field of an item is taken in, told to be no article, or refused before the item beside it is written."""
    kind, path = field
    item = json.loads(json.dumps(WHOLE[kind] | ({} if kind == "skipped" else {"visit": VISIT})))
    inside = item
    for name in path[:-1]:
        inside = inside[name]
    inside[path[-1]] = value
    beside = {"kind": "loaded", "item": {"article": {"id": "beside", "text": f"Beside {value!a}."[:500]}, "place": "p"}}
    before = door.services.archive.known(["beside"])  # type: ignore[attr-defined]
    body = json.dumps([beside, {"kind": kind, "item": item}]).encode()
    answer = door.post("/v1/ingest", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in {200, 400, 422}, answer.text
    if answer.status_code != 200:
        assert door.services.archive.known(["beside"]) == before  # type: ignore[attr-defined]
