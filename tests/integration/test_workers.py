"""`dateline serve --workers 2` as real processes over a real Chroma server: both answer, both take articles in, one is killed, all end.

With DATELINE_LONG_TESTS=1 a worker is killed ten times instead of once, and each new one is waited for.
"""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest

from service.storage.index_pointer import IN_DOUBT
from service.storage.lock import ProcessLock
from tests.chroma_server import RunningChroma, running_chroma
from tests.embedding_server import running
from tests.integration.conftest import ROWS
from tests.load.service import Service as Running

ROOT = Path(__file__).parents[2]
DATELINE = [sys.executable, "-c", "from service.cli import main; main()"]
SEARCH = {"question": "How many people have been evacuated below the Halvern Dam?", "asked_at": "2026-04-01"}
QUESTION = {**SEARCH, "mode": "extractive"}
KILLS = 10 if os.environ.get("DATELINE_LONG_TESTS") == "1" else 1
SOON = 60.0
"""Seconds after which something counts as not happening, on a machine with other work."""
pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals")


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """An archive of its own, an encoder behind HTTP, which needs no weights, and a model that takes connections and never answers."""
    folder = tmp_path_factory.mktemp("workers")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DATELINE_")}
    with running() as encoder, socket.create_server(("127.0.0.1", 0)) as silent:
        yield kept | {
            "DATELINE_CACHE_DIR": str(folder / "cache"),
            "DATELINE_DATA_DIR": str(folder / "data"),
            "DATELINE_EMBEDDING_MODEL": "tester",
            "DATELINE_EMBEDDING_URL": encoder.url,
            "DATELINE_MODEL": "openai:silent",
            "DATELINE_MODEL_URL": f"http://127.0.0.1:{silent.getsockname()[1]}/v1",
            "PYTHONPATH": str(ROOT),
        }


@pytest.fixture(scope="module")
def chroma(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningChroma]:
    """The server that both workers share."""
    with running_chroma(tmp_path_factory.mktemp("chroma")) as server:
        yield server


class Service(Running):
    """Running workers and their supervisor."""

    def workers(self) -> set[int]:
        """The workers that there are."""
        children = psutil.Process(self.process.pid).children()
        return {child.pid for child in children if "spawn_main" in " ".join(_cmdline(child))}

    @contextmanager
    def at(self, wanted: Callable[[int], bool] = lambda pid: True) -> Iterator[tuple[int, httpx2.Client]]:
        """A connection to a worker that is wanted, and its process id: nothing that is served tells it, so the system is asked."""
        until = time.monotonic() + SOON
        while True:
            with httpx2.Client(base_url=self.url, timeout=60, trust_env=False) as client:
                try:
                    response = client.get("/healthz")
                except httpx2.HTTPError:
                    response = None  # the worker that had it was just killed
                ours = response.extensions["network_stream"].get_extra_info("client_addr")[1] if response else 0
                pid = next((pid for pid in self.workers() if ours in _peers(pid)), None)
                if pid and wanted(pid):
                    yield pid, client
                    return
            assert time.monotonic() < until, "no such worker answers"


def _cmdline(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def _peers(pid: int) -> set[int]:
    """The ports of those that this process is connected to."""
    try:
        return {one.raddr.port for one in psutil.Process(pid).net_connections("tcp") if one.raddr}
    except psutil.Error:
        return set()


@contextmanager
def serving(environment: dict[str, str], *words: str) -> Iterator[Service]:
    """`dateline serve` with these words, from when it says where until it is ended."""
    command = [*DATELINE, "serve", "--port", "0", *words]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment, cwd=ROOT) as process:
        service = Service(process, ROOT)
        try:
            service.url = service.wait_for(r"serves (http://\S+)/ ", SOON)[1]
            yield service
        finally:
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(20)
                except subprocess.TimeoutExpired:
                    process.kill()


@pytest.fixture(scope="module")
def service(environment: dict[str, str], chroma: RunningChroma) -> Iterator[Service]:
    """Two workers over the archive of three articles."""
    with serving(environment | {"DATELINE_CHROMA_URL": chroma.url}, "--workers", "2") as started:
        with started.at() as (_, client):
            assert client.post("/v1/articles", json=ROWS).json()["counts"] == {"added": 3}
        yield started


@pytest.fixture
def both(service: Service) -> Iterator[dict[int, httpx2.Client]]:
    """A connection to each of the two workers."""
    with ExitStack() as stack:
        first, client = stack.enter_context(service.at())
        second, other = stack.enter_context(service.at(lambda pid: pid != first))
        yield {first: client, second: other}


def row(name: str) -> dict[str, str]:
    """An article whose words no other has."""
    return {"id": name, "text": " ".join(f"{name}word{number}" for number in range(30)) + ".", "language": "en"}


def finds(client: httpx2.Client, name: str) -> bool:
    """Whether a search finds that article first, also by meaning."""
    found = client.post("/v1/search", json={"question": row(name)["text"]}).json()["passages"]
    return bool(found) and found[0]["article_id"] == name and found[0]["dense_rank"] == 1


def command(environment: dict[str, str], *words: object) -> tuple[subprocess.CompletedProcess[str], float]:
    """A command that is to end by itself, and the seconds it took."""
    begun = time.monotonic()
    done = subprocess.run(
        [*DATELINE, *map(str, words)], capture_output=True, text=True, env=environment, cwd=ROOT, timeout=SOON, check=False
    )
    return done, time.monotonic() - begun


def test_what_one_worker_takes_in_the_other_finds_at_once(both: dict[int, httpx2.Client]) -> None:
    """Questions too: each worker answers, with citations of what the other took in, and continues the other's conversation."""
    (first, one), (second, other) = both.items()
    assert first != second
    assert one.post("/v1/articles", json=[row("alpha")]).json()["counts"] == {"added": 1}
    assert finds(other, "alpha")
    answer = one.post("/v1/ask", json=QUESTION).json()
    assert answer["citations"][0]["article_id"] == "dam-2"
    again = other.post("/v1/ask", json={**QUESTION, "conversation_id": answer["conversation_id"]})
    assert again.json()["conversation_id"] == answer["conversation_id"]
    assert answer["text"] in json.dumps(other.get(f"/v1/answers/{answer['id']}").json(), ensure_ascii=False)


def test_writers_take_turns(both: dict[int, httpx2.Client], environment: dict[str, str], chroma: RunningChroma, tmp_path: Path) -> None:
    """Both workers and a `dateline ingest` beside them at once: all three succeed, and everything is found through either."""
    (tmp_path / "rows.jsonl").write_text("\n".join(json.dumps(row(f"gamma{n}")) for n in range(5)), encoding="utf-8")
    names = [[f"{kind}{n}" for n in range(5)] for kind in ("delta", "epsilon")]
    with ThreadPoolExecutor(3) as pool:
        beside = pool.submit(command, environment | {"DATELINE_CHROMA_URL": chroma.url}, "ingest", tmp_path / "rows.jsonl")
        posts = [
            pool.submit(client.post, "/v1/articles", json=[row(one) for one in mine])
            for client, mine in zip(both.values(), names, strict=True)
        ]
        assert [post.result().json()["counts"] for post in posts] == [{"added": 5}, {"added": 5}]
        done = beside.result()[0]
    assert (done.returncode, "5 added" in done.stdout) == (0, True), done.stderr
    for client in both.values():
        assert all(finds(client, name) for name in (*names[0], *names[1], *(f"gamma{n}" for n in range(5))))
        ready = client.get("/readyz").json()
        assert ready["index"]["vectors"] == ready["archive"]["articles"]


def test_a_stream_is_taken_up_where_it_ran_and_the_other_worker_says_to_ask_again(both: dict[int, httpx2.Client]) -> None:
    """Streams are of one process: 404 with a sentence that says what to do, which the page tells as a connection that broke."""
    one, other = both.values()
    body = {**QUESTION, "stream": True}
    with one.stream("POST", "/v1/ask", json=body) as response:
        lines = list(response.iter_lines())
    identity = next(line.removeprefix("id: ") for line in lines if line.startswith("id: "))
    refused = other.post("/v1/ask", json=body, headers={"Last-Event-ID": identity})
    assert (refused.status_code, refused.headers["content-type"]) == (404, "application/problem+json")
    assert "ask again" in refused.json()["detail"]
    resumed = one.post("/v1/ask", json=body, headers={"Last-Event-ID": identity})
    assert (resumed.status_code, "event: final" in resumed.text) == (200, True)


def test_a_killed_worker_is_replaced_and_the_other_goes_on(
    service: Service, environment: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Killed while it takes articles in: no question of the other's fails meanwhile, nothing acknowledged is lost, another comes."""
    seconds, asked, acknowledged, doubts = [], 0, list[str](), 0
    mark = Path(environment["DATELINE_DATA_DIR"]) / IN_DOUBT
    for number in range(KILLS):
        with service.at() as (victim, client), service.at(lambda pid, victim=victim: pid != victim) as (survivor, other):
            writing = threading.Thread(target=_keep_writing, args=(client, f"round{number}x", acknowledged))
            writing.start()
            while len(acknowledged) < 3 * (number + 1):
                assert writing.is_alive()
                time.sleep(0.01)
            os.kill(victim, signal.SIGKILL)
            begun = time.monotonic()
            writing.join()
            doubts += mark.exists()
            while len(service.workers() - {victim}) < 2 or mark.exists():
                assert other.post("/v1/search", json=SEARCH).status_code == 200
                asked += 1
                assert time.monotonic() - begun < SOON
            assert other.post("/v1/ask", json=QUESTION).json()["citations"]
            assert all(finds(other, name) for name in acknowledged[-5:])
            if KILLS == 1:
                break  # the new one takes some seconds to load; that it comes is seen at the end
            with service.at(lambda pid, old={victim, survivor}: pid not in old) as (_, newcomer):
                seconds.append(time.monotonic() - begun)
                assert newcomer.post("/v1/ask", json=QUESTION).json()["citations"]
                assert all(finds(newcomer, name) for name in acknowledged[-5:])
    with capsys.disabled():
        print(f"\n{KILLS} workers killed, {doubts} in a turn of writing", end=", ")
        print(f"the new one answers after {max(seconds):.1f} s at most" if seconds else "a new one is there", end=", ")
        print(f"{asked} searches of the other until the index was mended, 0 failed; {len(acknowledged)} articles acknowledged, 0 lost")


def counted(text: str, series: str) -> float:
    """The value of one series of what `/metrics` says."""
    return float(next(line for line in text.splitlines() if line.startswith(series)).rpartition(" ")[2])


def test_workers_count_together_and_the_dead_are_forgotten(service: Service, both: dict[int, httpx2.Client]) -> None:
    """What one worker did stands in the other's `/metrics`; of the worker that was killed no gauge is left in their folder."""
    series = 'dateline_http_request_seconds_count{method="GET",route="/v1/coverage"'
    one, other = both.values()
    one.get("/v1/coverage")
    before = counted(other.get("/metrics").text, series)
    for _ in range(3):
        one.get("/v1/coverage")
    assert counted(other.get("/metrics").text, series) == before + 3
    folder = Path(psutil.Process(next(iter(both))).environ()["PROMETHEUS_MULTIPROC_DIR"])
    gauges = {int(path.stem.rpartition("_")[2]) for path in folder.glob("gauge_live*.db")}
    assert set(both) <= gauges <= service.workers()
    assert len(list(folder.glob("histogram_*.db"))) > len(service.workers()), "a worker was killed before"


def _keep_writing(client: httpx2.Client, prefix: str, acknowledged: list[str]) -> None:
    """Articles one by one, until nobody answers any more."""
    for number in range(10_000):
        try:
            client.post("/v1/articles", json=[row(f"{prefix}{number}")]).raise_for_status()
        except httpx2.HTTPError:
            return
        acknowledged.append(f"{prefix}{number}")


def test_all_end_in_time_although_a_stream_is_open(service: Service, capsys: pytest.CaptureFixture[str]) -> None:
    """SIGTERM to the supervisor while a model hangs: the stream gets one `error`, no process is left. The last test of this service."""
    with service.at() as (_, client), client.stream("POST", "/v1/ask", json={**SEARCH, "stream": True}) as response:
        lines = response.iter_lines()
        assert next(line for line in lines if line == "event: sources")
        workers = service.workers()
        metrics = Path(psutil.Process(min(workers)).environ()["PROMETHEUS_MULTIPROC_DIR"])
        begun = time.monotonic()
        service.process.terminate()
        events = [line for line in lines if line.startswith("event: ")]
    assert service.wait() == 0
    seconds = time.monotonic() - begun
    assert events == ["event: error"]
    assert (len(workers), [pid for pid in workers if psutil.pid_exists(pid)]) == (2, [])
    assert not metrics.exists()
    assert "Traceback" not in service.said
    assert "did not end" not in service.said
    with capsys.disabled():
        print(f"\nsupervisor and 2 workers ended {seconds:.1f} s after SIGTERM, one stream open")


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({}, "DATELINE_CHROMA_URL"),
        ({"DATELINE_CHROMA_URL": "http://127.0.0.1:1", "DATELINE_MODEL": "local"}, "DATELINE_MODEL"),
    ],
    ids=["embedded", "local model"],
)
def test_several_workers_without_what_they_need_are_refused_at_once(
    environment: dict[str, str], tmp_path: Path, more: dict[str, str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, one sentence that says what to set, before any file is made and any library of weight is loaded."""
    done, seconds = command(environment | {"DATELINE_DATA_DIR": str(tmp_path / "data")} | more, "serve", "--workers", "2", "--port", "0")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert re.search(rf"WORKERS=2 .*set {told} ?", done.stderr.replace("and set", "set"))
    assert not (tmp_path / "data").exists()
    with capsys.disabled():
        print(f"\nrefused in {seconds:.2f} s", end="")


def test_a_second_opener_is_refused_with_the_first_ones_process_id(
    environment: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whether it would have the archive alone or share it through a server (two whole services: `test_serve`)."""
    own = environment | {"DATELINE_DATA_DIR": str(tmp_path)}
    held = ProcessLock(tmp_path)
    held.acquire()
    held.announce("http://127.0.0.1:8123")
    for more in ({}, {"DATELINE_CHROMA_URL": "http://127.0.0.1:1"}):
        done, seconds = command(own | more, "serve", "--port", "0")
        assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
        assert f"process {os.getpid()} holds the archive in {tmp_path} and serves it at http://127.0.0.1:8123" in done.stderr
        with capsys.disabled():
            print(f"\nsecond opener refused in {seconds:.2f} s", end="")
    held.release()


def heavy(environment: dict[str, str], *words: Any) -> set[str]:
    """The libraries of weight that a refused command has loaded."""
    program = (
        "import sys\nfrom service.cli import main\ntry:\n    main()\nexcept SystemExit:\n    pass\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules} & {'torch', 'chromadb', 'fastapi', 'langchain', 'numpy'}))"
    )
    done = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True, env=environment, cwd=ROOT, check=True)
    return set(json.loads(done.stdout.strip().splitlines()[-1].replace("'", '"')))


def test_a_refusal_loads_nothing_heavy(environment: dict[str, str], tmp_path: Path) -> None:
    """So it takes well under a second on a machine that has nothing else to do."""
    assert heavy(environment | {"DATELINE_DATA_DIR": str(tmp_path / "data")}, "serve", "--workers", "2") == set()
