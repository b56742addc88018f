"""The vector index in a real Chroma server: what happens when the server dies, stops, loses its volume, or holds what it should not."""

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest
from fastapi.testclient import TestClient

from service.articles.row import Loaded, article_from_row
from service.errors import ArchiveError, ArchiveInUse, IndexUnavailable, Stopping
from service.http.problems import INDEX_AWAY
from service.indexing.ingest import Ingester
from service.services import Services
from service.storage.archive import SqliteArchive
from service.storage.chroma_index import ChromaIndex
from service.storage.chroma_server_index import ChromaServerIndex
from service.storage.index_pointer import IN_DOUBT, POINTER, Pointer, PointerFile
from service.storage.turns import Turns
from service.telemetry import REGISTRY
from tests.chroma_server import RunningChroma, running_chroma
from tests.fakes import NOON, CountingEmbedder, FixedClock
from tests.integration.conftest import ROWS, Door

QUESTION = {"question": "How many people have been evacuated below the Halvern Dam?", "asked_at": "2026-04-01"}
COLLECTIONS = "/api/v2/tenants/default_tenant/databases/default_database/collections"
SOON = 20.0
"""Seconds after which something counts as not happening, on a machine with other work."""
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def chroma(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningChroma]:
    """One server for all tests; each leaves it running."""
    with running_chroma(tmp_path_factory.mktemp("chroma")) as server:
        yield server


Opener = Callable[..., tuple[SqliteArchive, ChromaServerIndex]]


@pytest.fixture
def open_index(chroma: RunningChroma, tmp_path: Path) -> Iterator[Opener]:
    """Opens archive and index of a folder, as a process of its own would; closed afterwards."""
    with ExitStack() as stack:

        def opened(folder: Path = tmp_path / "data") -> tuple[SqliteArchive, ChromaServerIndex]:
            archive = SqliteArchive(folder / "archive.sqlite3", "hashing", FixedClock())
            stack.callback(archive.close)
            index = ChromaServerIndex(folder, archive, chroma.url)
            stack.callback(index.close)
            return archive, index

        yield opened


def loaded(numbers: range, words: str = "") -> list[Loaded]:
    """Articles of one passage each, with words of their own: among many that are nearly the same Chroma's graph has lost sight of some."""
    rows = [{"id": f"a{n}", "text": f"{words} ".lstrip() + " ".join(f"word{40 * n + place}" for place in range(40)) + "."} for n in numbers]
    return [article_from_row(row, now=NOON, max_chars=1000).at(row["id"]) for row in rows]


def take_in(archive: SqliteArchive, index: ChromaServerIndex, articles: list[Loaded]) -> CountingEmbedder:
    """A writer's turn."""
    embedder = CountingEmbedder()
    with index.turn():
        Ingester(archive, index, embedder).run(articles)
    return embedder


def in_step(archive: SqliteArchive, index: ChromaServerIndex) -> bool:
    """Whether the index holds the archive's passages, each found by its own vector."""
    pairs = [(row, vector) for ids, vectors in archive.vectors() for row, vector in zip(ids, vectors, strict=True)]
    found = {row for row, _ in index.query(pairs[0][1], 10_000)}
    own = all(index.query(vector, 1)[0][1] == pytest.approx(1, abs=1e-3) for _, vector in pairs)
    return found == {row for row, _ in pairs} and own and index.count() == len(pairs)


def soon(ask: Callable[[], Any]) -> tuple[Any, float]:
    """What it gives once it is no longer refused, and after how many seconds."""
    begun = time.monotonic()
    while True:
        try:
            return ask(), time.monotonic() - begun
        except IndexUnavailable:
            assert time.monotonic() - begun < SOON
            time.sleep(0.02)


def collections(server: RunningChroma) -> dict[str, dict[str, Any]]:
    """What the server has, by name."""
    return {one["name"]: one for one in httpx2.get(server.url + COLLECTIONS, trust_env=False).json()}


def pointed_to(folder: Path) -> str:
    """The collection that is the archive's."""
    pointer = PointerFile(folder).read()
    assert pointer
    return pointer.collection


# ── F9: the server dies, stops, comes back, comes back empty ─────────────────


def refused(door: TestClient) -> list[float]:
    """Search, ask, and the readiness while the index cannot be asked: the seconds that each refusal took."""
    seconds = []
    for path in ("/v1/search", "/v1/ask"):
        begun = time.monotonic()
        response = door.post(path, json=QUESTION)
        seconds.append(time.monotonic() - begun)
        assert (response.status_code, response.headers["content-type"]) == (503, "application/problem+json")
        assert int(response.headers["retry-after"]) > 0
        assert response.json()["detail"] == INDEX_AWAY  # and not where the server is
    begun = time.monotonic()
    ready = door.get("/readyz")
    seconds.append(time.monotonic() - begun)
    assert ready.status_code == 503
    assert [name for name, part in ready.json().items() if isinstance(part, dict) and not part["ready"]] == ["index"]
    return seconds


def back(door: TestClient) -> float:
    """Seconds until a search finds what it should, and everything is ready."""
    begun = time.monotonic()
    while (response := door.post("/v1/search", json=QUESTION)).status_code == 503:
        assert time.monotonic() - begun < SOON
        time.sleep(0.02)
    seconds = time.monotonic() - begun
    assert response.json()["passages"][0]["article_id"] == "dam-2"
    assert door.get("/readyz").json()["index"] == {"ready": True, "kind": "ChromaServerIndex", "vectors": 3}
    assert door.post("/v1/ask", json=QUESTION).json()["citations"]
    return seconds


def test_a_server_that_dies_stops_or_loses_everything_is_told_and_got_over(
    open_door: Door, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """503 with Retry-After meanwhile, readiness names the index; when the server is back so is everything, without a restart of ours."""
    with running_chroma(tmp_path / "first") as server:
        door = open_door(model="extractive", chroma_url=server.url)
        told: dict[str, tuple[list[float], float]] = {}
        assert back(door) < SOON
        server.kill()
        away = refused(door)
        server.start()
        told["killed"] = (away, back(door))
        server.stop()
        away = refused(door)
        server.go_on()
        assert max(away) < SOON / 4  # two seconds where nothing else runs
        told["stopped"] = (away, back(door))
        server.kill()
        away = refused(door)
        server.path = tmp_path / "second"
        server.start()
        told["empty volume"] = (away, back(door))
        assert door.get("/v1/articles/dam-2").status_code == 200
    with capsys.disabled():
        for what, (away, seconds) in told.items():
            print(f"\n{what}: refused in {', '.join(f'{one:.2f}' for one in away)} s, back {seconds:.2f} s after the server", end="")
        print()


def test_it_opens_although_the_server_is_down(open_index: Opener, chroma: RunningChroma) -> None:
    """A service starts, and says so at the first question; a write is refused before anything is staged."""
    archive, index = open_index()
    take_in(archive, index, loaded(range(3)))
    chroma.kill()
    try:
        again, other = open_index()
        with pytest.raises(IndexUnavailable, match="DATELINE_CHROMA_URL"):
            other.query(np.ones(64, dtype=np.float32), 1)
        with pytest.raises(IndexUnavailable):
            take_in(again, other, loaded(range(3, 6)))
        assert again.rows("SELECT count(*) FROM articles")[0][0] == 3
    finally:
        chroma.start()
    soon(lambda: take_in(again, other, loaded(range(3, 6))))
    assert soon(lambda: in_step(archive, index))[0]


# ── several processes over one archive ───────────────────────────────────────


def test_what_one_process_takes_in_the_other_finds_at_once(open_index: Opener) -> None:
    """Two openings of one archive, writing in turn and at the same time."""
    opened = [open_index(), open_index()]
    for number, (archive, index) in enumerate(opened):
        take_in(archive, index, loaded(range(10 * number, 10 * number + 10)))
        assert all(in_step(*other) for other in opened)
    threads = [threading.Thread(target=take_in, args=(*opened[n], loaded(range(100 * n, 100 * n + 60), "again"))) for n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert opened[0][0].coverage().articles == 120
    assert all(in_step(*other) for other in opened)
    assert all(index._collection.settled().wrong is None for _, index in opened)


def test_threads_that_look_at_the_same_time_all_find_it(open_index: Opener) -> None:
    """What one of them finds is not taken from another: a full archive is never answered as if it were empty."""
    archive, index = open_index()
    take_in(archive, index, loaded(range(5)))

    def counts(_: int) -> set[int]:
        seen = set()
        for _ in range(40):
            index._collection.forget()  # the second after which it looks again is over
            seen.add(index.count())
        return seen

    with ThreadPoolExecutor(4) as pool:
        assert set().union(*pool.map(counts, range(4))) == {5}


WRITER = """
import sys, time
from pathlib import Path
from tests.fakes import CountingEmbedder, FixedClock
from tests.integration.test_chroma_server import loaded
from service.indexing.ingest import Ingester
from service.services import Services
from service.storage.archive import SqliteArchive
from service.storage.chroma_server_index import ChromaServerIndex
folder = Path(sys.argv[1])
archive = SqliteArchive(folder / "archive.sqlite3", "hashing", FixedClock())
index = ChromaServerIndex(folder, archive, sys.argv[2])
with index.turn():
    Ingester(archive, index, CountingEmbedder(), batch=10).run(loaded(range(40)), lambda report: print(len(report.items), flush=True))
    index.upsert(["left"], CountingEmbedder().embed(["behind"]))
    print("waiting", flush=True)
    sys.stdin.read()
"""


def test_a_writer_that_is_killed_leaves_no_gap(open_index: Opener, chroma: RunningChroma, tmp_path: Path) -> None:
    """The others answer on out of what is there, and meanwhile make the index again, without embedding: what the writer left goes."""
    archive, index = open_index()
    take_in(archive, index, loaded(range(5)))
    before = pointed_to(tmp_path / "data")
    command = [sys.executable, "-c", WRITER, str(tmp_path / "data"), chroma.url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout
        assert "waiting\n" in iter(process.stdout.readline, "")
        assert Turns(tmp_path / "data").taken()
        vector = CountingEmbedder().embed([loaded(range(39, 40))[0].article.text])[0]
        assert "left" in dict(index.query(vector, 100))
        with pytest.raises(ArchiveInUse), index.turn(patience=0.1):
            pass
        process.kill()
    assert (tmp_path / "data" / IN_DOUBT).exists()
    until = time.monotonic() + SOON
    while (tmp_path / "data" / IN_DOUBT).exists():
        assert len(index.query(vector, 5)) == 5  # never refused
        assert time.monotonic() < until
        time.sleep(0.02)
    assert in_step(archive, index)
    assert archive.coverage().articles == 40
    assert pointed_to(tmp_path / "data") != before
    assert before not in collections(chroma)


def test_a_write_that_fails_is_got_over_at_the_next_one(open_index: Opener, chroma: RunningChroma, tmp_path: Path) -> None:
    """The server dies inside a turn: the batch is an error and the mark stays, also for the next opening, and the batch goes in again."""
    archive, index = open_index()
    take_in(archive, index, loaded(range(5)))
    with index.turn():
        chroma.kill()
        with pytest.raises(IndexUnavailable):
            Ingester(archive, index, CountingEmbedder()).run(loaded(range(5, 9)))
    assert (tmp_path / "data" / IN_DOUBT).exists()
    chroma.start()
    soon(lambda: take_in(archive, index, loaded(range(5, 9))))
    assert in_step(archive, index)
    assert archive.coverage().articles == 9
    assert not (tmp_path / "data" / IN_DOUBT).exists()


@pytest.mark.skipif(os.name != "posix", reason="shared locks")
def test_embedded_chroma_and_a_server_exclude_each_other(open_index: Opener, tmp_path: Path) -> None:
    """Whoever holds the archive alone refuses those who would share it, and they refuse him: each would miss what the other writes."""
    archive, index = open_index()
    index.announce("http://127.0.0.1:8123")
    with pytest.raises(ArchiveInUse, match=f"process {os.getpid()} holds .*8123: run `dateline ingest`"):
        ChromaIndex(tmp_path / "data", archive)
    index.close()
    alone = ChromaIndex(tmp_path / "data", archive)
    with pytest.raises(ArchiveInUse, match=f"process {os.getpid()} holds"):
        open_index()
    alone.close()
    assert open_index()[1].count() == 0


def test_a_write_that_waits_for_its_turn_ends_when_the_service_stops(open_services: Callable[..., Services], chroma: RunningChroma) -> None:
    """It is told to come again, while another process still has the turn; questions are answered meanwhile."""
    services = open_services(chroma_url=chroma.url)
    services.ingest(loaded(range(3)))
    with ThreadPoolExecutor(1) as pool, Turns(services.settings.data_dir).mine():
        waiting = pool.submit(services.remove, ["a1"])
        services.stop()
        with pytest.raises(Stopping, match="run the same again"):
            waiting.result(SOON)
        assert services.index.count() == 3


def test_who_looks_does_not_wait_for_a_writer(open_index: Opener) -> None:
    """Mending, as every command does that only reads, takes the mark of a turn that is under way for no doubt."""
    archive, index = open_index()
    take_in(archive, index, loaded(range(3)))
    _, reader = open_index()
    with ThreadPoolExecutor(1) as pool, index.turn():
        pool.submit(reader.mend).result(SOON)
        assert reader.count() == 3


def test_a_collection_that_is_lost_while_it_is_filled_is_told(open_index: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    """As by a server that comes back empty in the middle: an error of ours, and the next attempt makes another."""
    archive, index = open_index()
    take_in(archive, index, loaded(range(3)))
    create = index.server.create

    def lose(name: str, *more: Any) -> Any:
        made = create(name, *more)
        index.server.drop(name)
        return made

    monkeypatch.setattr(index.server, "create", lose)
    with pytest.raises(IndexUnavailable, match="has lost the vector index"):
        index.rebuild()
    monkeypatch.undo()
    soon(index.rebuild)
    assert in_step(archive, index)


def test_what_cannot_be_written_or_read_beside_the_archive_is_told(open_index: Opener, tmp_path: Path) -> None:
    """A pointer that cannot be replaced is an error of ours and no doubt; one that cannot be read does not have the index made again."""
    archive, index = open_index()
    take_in(archive, index, loaded(range(3)))
    pointer, before = tmp_path / "data" / POINTER, REGISTRY.get_sample_value("dateline_index_rebuilds_total")
    index.mend()
    assert REGISTRY.get_sample_value("dateline_index_ready") == 1
    pointer.rename(tmp_path / "kept")
    pointer.mkdir()
    for attempt in (index.count, index.mend, lambda: take_in(archive, index, loaded(range(3, 6)))):
        with pytest.raises(IndexUnavailable, match="cannot be read"):
            attempt()
        index._collection._ask_again = 0.0  # the moment for which it is left alone is over
    assert REGISTRY.get_sample_value("dateline_index_ready") == 0
    with pytest.raises(ArchiveError, match="set DATELINE_DATA_DIR"):
        PointerFile(tmp_path / "data").write(Pointer.model_validate_json((tmp_path / "kept").read_bytes()))
    pointer.rmdir()
    (tmp_path / "kept").rename(pointer)
    assert not (tmp_path / "data" / IN_DOUBT).exists()
    assert in_step(archive, index)
    assert REGISTRY.get_sample_value("dateline_index_rebuilds_total") == before
    assert REGISTRY.get_sample_value("dateline_index_ready") == 1
    assert index.rebuild() == 3
    assert REGISTRY.get_sample_value("dateline_index_rebuilds_total") == (before or 0) + 1


# ── whether it is in step, and whose it is ───────────────────────────────────


def lost(server: RunningChroma, folder: Path, archive: SqliteArchive) -> None:
    """The collection alone is gone."""
    httpx2.delete(f"{server.url}{COLLECTIONS}/{pointed_to(folder)}", trust_env=False).raise_for_status()


def fewer(server: RunningChroma, folder: Path, archive: SqliteArchive) -> None:
    """The server forgot a vector."""
    one = collections(server)[pointed_to(folder)]["id"]
    ids = next(archive.vectors())[0][:1]
    httpx2.post(f"{server.url}{COLLECTIONS}/{one}/delete", json={"ids": ids}, trust_env=False).raise_for_status()


def changed_alone(server: RunningChroma, folder: Path, archive: SqliteArchive) -> None:
    """Meanwhile the archive was opened with embedded Chroma: the same number of passages, another one."""
    index = ChromaIndex(folder, archive)
    Ingester(archive, index, CountingEmbedder()).run(loaded(range(3, 4), "corrected"))
    index.close()


def planted(server: RunningChroma, folder: Path, archive: SqliteArchive) -> None:
    """In its place there is one whose embedding function would run code in the client (CVE-2026-45829)."""
    name = pointed_to(folder)
    metadata = collections(server)[name]["metadata"]
    lost(server, folder, archive)
    function = {"type": "known", "name": "sentence_transformer", "config": {
        "model_name": "evil/model", "device": "cpu", "normalize_embeddings": False, "kwargs": {"trust_remote_code": True}}}  # fmt: skip
    body = {"name": name, "metadata": metadata, "configuration": {"hnsw": {"space": "cosine"}, "embedding_function": function}}
    made = httpx2.post(server.url + COLLECTIONS, json=body, trust_env=False)
    assert "evil/model" in made.raise_for_status().text
    ids, vectors = next(archive.vectors())
    rows = {"ids": ids, "embeddings": vectors.tolist()}
    httpx2.post(f"{server.url}{COLLECTIONS}/{made.json()['id']}/upsert", json=rows, trust_env=False).raise_for_status()


def other_graph(server: RunningChroma, folder: Path, archive: SqliteArchive) -> None:
    """It was made with another kind of graph, an older version's, say."""
    index = ChromaServerIndex(folder, archive, server.url, graph={"space": "cosine", "max_neighbors": 8})
    index.mend()
    index.close()


def pointer_gone(server: RunningChroma, folder: Path, archive: SqliteArchive) -> None:
    """The file that points to it is no longer there."""
    (folder / POINTER).write_text("{")


@pytest.mark.parametrize("change", [lost, fewer, changed_alone, planted, other_graph, pointer_gone])
def test_an_index_that_is_out_of_step_is_made_again(
    open_index: Opener, chroma: RunningChroma, tmp_path: Path, change: Callable[[RunningChroma, Path, SqliteArchive], None]
) -> None:
    """At the next opening, without embedding anything; once only."""
    folder = tmp_path / "data"
    archive, index = open_index()
    take_in(archive, index, loaded(range(30)))
    index.close()
    before = pointed_to(folder)
    change(chroma, folder, archive)
    again = open_index()[1]
    again.mend()
    assert pointed_to(folder) != before
    assert in_step(archive, again)
    kept = pointed_to(folder)
    once_more = open_index()[1]
    once_more.mend()
    assert pointed_to(folder) == kept
    assert "evil/model" not in str(collections(chroma)[kept])


def test_a_copy_of_an_archive_parts_from_it_at_the_first_write(open_index: Opener, chroma: RunningChroma, tmp_path: Path) -> None:
    """Until then both read one collection; afterwards each has its own, and neither has lost anything."""
    archive, index = open_index()
    take_in(archive, index, loaded(range(5)))
    shutil.copytree(tmp_path / "data", tmp_path / "copy", ignore=shutil.ignore_patterns("index.*"))
    copied, other = open_index(tmp_path / "copy")
    assert in_step(copied, other)
    assert pointed_to(tmp_path / "copy") == pointed_to(tmp_path / "data")
    take_in(copied, other, loaded(range(3), "corrected"))
    assert in_step(copied, other)
    index._collection.forget()  # the second after which it looks again is over
    assert soon(lambda: in_step(archive, index))[0]
    assert in_step(copied, other)
    assert pointed_to(tmp_path / "copy") != pointed_to(tmp_path / "data")
    assert {pointed_to(tmp_path / "copy"), pointed_to(tmp_path / "data")} <= collections(chroma).keys()


def test_two_archives_on_one_server_do_not_meet(open_index: Opener, tmp_path: Path) -> None:
    """Each finds its own."""
    for name, count in (("one", 3), ("two", 5)):
        archive, index = open_index(tmp_path / name)
        take_in(archive, index, loaded(range(count)))
        assert index.count() == count
    assert open_index(tmp_path / "one")[1].count() == 3


def test_chroma_does_not_go_through_a_proxy(open_index: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does it read where the server is from the environment."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("CHROMA_SERVER_HOST", "nowhere.invalid")
    archive, index = open_index()
    take_in(archive, index, loaded(range(3)))
    assert in_step(archive, index)


# ── commands ─────────────────────────────────────────────────────────────────


def test_the_commands_work_beside_each_other(run: Callable[..., Any], chroma: RunningChroma, tmp_path: Path, monkeypatch: Any) -> None:
    """ingest, ask, doctor, reindex and again, over a Chroma server; doctor says where it is, and each what to do when it is down."""
    import json

    monkeypatch.setenv("DATELINE_CHROMA_URL", chroma.url)
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, ROWS)), encoding="utf-8")
    assert run("ingest", tmp_path / "rows.jsonl").exit_code == 0
    assert "3,400" in run("ask", QUESTION["question"], "--asked-at", "2026-04-01").output
    before = pointed_to(tmp_path / "data")
    assert "3 vectors indexed" in run("reindex").output
    assert pointed_to(tmp_path / "data") != before
    assert run("reindex", "--embed").exit_code == 0
    assert run("backup", tmp_path / "kept").exit_code == 0
    before = pointed_to(tmp_path / "data")
    for number, words in enumerate([(), ("--embed",)]):
        monkeypatch.setenv("DATELINE_DATA_DIR", str(tmp_path / f"restored-{number}"))
        restored = run("restore", tmp_path / "kept", *words)
        assert restored.exit_code == 0, restored.output
        assert pointed_to(tmp_path / f"restored-{number}") != before
    monkeypatch.setenv("DATELINE_DATA_DIR", str(tmp_path / "data"))
    examined = " ".join(run("doctor").output.split())
    assert f"3 vectors in the Chroma server at {chroma.url}" in examined
    chroma.kill()
    try:
        for words in (("ask", "Who?"), ("ingest", tmp_path / "rows.jsonl"), ("reindex",)):
            done = run(*words)
            assert done.exit_code == 2
            assert "start it (`chroma run`)" in done.output
        assert "cannot be reached" in " ".join(run("doctor").output.split())
    finally:
        chroma.start()
    assert run("ask", QUESTION["question"]).exit_code in {0, 3}
