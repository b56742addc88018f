"""What breaks while the real service runs: the model, its process, and the service being stopped (F3, F7, F8 of docs/reliability.md)."""

import asyncio
import io
import json
import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest

from service.models.breaker import FAILURES
from service.models.catalogue import DEFAULT_ENCODER
from service.models.fetch import installed
from service.models.llama_server import LlamaServer
from service.models.llama_watch import LlamaWatch
from service.settings import Settings
from tests.load.askers import QUESTIONS, ask, session
from tests.load.made_up import made_up
from tests.load.paced_model import PacedModel, running
from tests.load.service import Service, serving
from tests.tiny_gguf import write_tiny_gguf

CACHE = Settings().models_dir
MODEL_TIMEOUT = 1.0
QUESTION = QUESTIONS[0]


@pytest.fixture
def model() -> Iterator[tuple[PacedModel, str]]:
    """A model on loopback and its address."""
    paced = PacedModel()
    with running(paced) as url:
        yield paced, url


@pytest.fixture
def service(model: tuple[PacedModel, str], tmp_path: Path) -> Iterator[Service]:
    """The service over that model and the sample archive."""
    with serving(tmp_path, model="openai:paced", model_url=model[1], model_timeout=MODEL_TIMEOUT) as running_service:
        yield running_service


@pytest.mark.parametrize("mode", ["fails", "hangs", "garbage", "drops", "long-line"])
def test_a_model_that_fails_costs_no_answer_and_is_soon_not_asked(service: Service, model: tuple[PacedModel, str], mode: str) -> None:
    """F7: the articles are quoted instead, with the reason; who insists on the model gets `error` or 503; then the breaker is open."""
    paced, _ = model
    paced.mode = mode
    answers = [asyncio.run(one(service.url)) for _ in range(FAILURES)]
    assert {(answer.status, answer.terminals, answer.generator) for answer in answers} == {(200, 1, "extractive")}
    assert all(answer.fallback for answer in answers)
    assert max(answer.ended or 0 for answer in answers) < 3 * MODEL_TIMEOUT + 15
    if mode == "long-line":  # it came to an end, and what it says is not carried by the articles
        return
    begun = paced.begun
    answer = asyncio.run(one(service.url))
    assert answer.generator == "extractive"
    assert "in a row" in (answer.fallback or "")
    ready = httpx2.get(f"{service.url}/readyz")
    assert (ready.status_code, ready.json()["generator"]["ready"]) == (503, False)
    insisting = asyncio.run(one(service.url, mode="model"))
    assert (insisting.terminals, insisting.events["error"]) == (1, 1)
    assert (insisting.problem or {})["status"] == 503
    whole = httpx2.post(f"{service.url}/v1/ask", json={"question": QUESTION, "mode": "model"}, timeout=60)
    assert (whole.status_code, whole.headers["Retry-After"] >= "1") == (503, True)
    writing = mode in {"garbage", "drops"}  # it judges all the same, and only its writing is not asked for
    assert writing or paced.begun == begun
    print(f"F7: {mode}: {FAILURES} answers quoted, then not asked; {paced.begun} calls in all")


async def one(url: str, **body: Any) -> Any:
    async with session() as client:
        return await ask(client, url, QUESTION, **body)


def test_a_model_that_is_back_is_asked_again(tmp_path: Path) -> None:
    """F7: nobody listens at the model's address, then somebody does: the next question is answered by it, before any breaker opens."""
    paced = PacedModel()
    with running(paced) as url:
        pass
    with serving(tmp_path, model="openai:paced", model_url=url) as service:
        assert asyncio.run(one(service.url)).generator == "extractive"
        with running(paced, port=int(url.rsplit(":", 1)[1].removesuffix("/v1"))):
            assert asyncio.run(one(service.url)).generator == "model"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of random weights that llama.cpp really loads."""
    pytest.importorskip("xllamacpp")
    return write_tiny_gguf(tmp_path_factory.mktemp("models") / "tiny.gguf")


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT, signal.SIGSTOP], ids=["segv", "abrt", "stop"])
def test_a_model_process_that_ends_or_hangs_is_replaced(tiny: Path, tmp_path: Path, number: signal.Signals) -> None:
    """F8: questions are answered meanwhile, and some 10 s after the signal there is another process, which answers."""
    with serving(tmp_path, model=f"local/{tiny}", model_timeout=20) as service:
        until(lambda: generator_of(service), lambda part: part["ready"], 60)
        old = child_of(service)
        os.kill(old, number)
        began = time.monotonic()
        assert asyncio.run(one(service.url, mode="extractive")).events["final"] == 1
        new = until(lambda: child_of(service), lambda pid: pid not in {0, old}, 30)
        until(lambda: generator_of(service), lambda part: part["ready"], 30)
        print(f"F8: {number.name}: process {old} replaced by {new}, ready after {time.monotonic() - began:.1f} s")
        assert asyncio.run(one(service.url)).events["final"] == 1


def test_the_watch_ends_a_process_that_does_not_answer(tiny: Path) -> None:
    """Two looks without an answer, and it is killed and started again; one look is not enough."""
    server = LlamaServer(lambda: tiny, context=256, threads=1)
    watch = LlamaWatch(server, patience=0.5)
    try:
        watch.look()
        assert server.pid is None  # what was never started is not started
        server.ensure()
        first = server.pid
        assert first is not None
        watch.look()
        os.kill(first, signal.SIGSTOP)
        watch.look()
        assert server.pid == first
        watch.look()
        assert server.pid not in {None, first}
        assert server.alive
    finally:
        server.stop()
    watch.look()
    assert not server.alive  # what was stopped stays stopped


def generator_of(service: Service) -> dict[str, Any]:
    found: dict[str, Any] = httpx2.get(f"{service.url}/readyz", timeout=30).json()["generator"]
    return found


def child_of(service: Service) -> int:
    """The process id of the model's process; 0 where there is none."""
    for child in psutil.Process(service.process.pid).children():
        with suppress(psutil.NoSuchProcess):  # also one that has ended and was not waited for
            if "service.models.llama_child" in child.cmdline():
                return int(child.pid)
    return 0


def until(look: Callable[[], Any], holds: Callable[[Any], bool], seconds: float) -> Any:
    """What is seen once it holds. Fails after so many seconds."""
    began = time.monotonic()
    while not holds(seen := look()):
        assert time.monotonic() - began < seconds, seen
        time.sleep(0.1)
    return seen


@pytest.mark.skipif(not installed(DEFAULT_ENCODER, CACHE), reason=f"{DEFAULT_ENCODER.name} has not been fetched")
def test_it_stops_in_five_seconds_whatever_is_under_way(model: tuple[PacedModel, str], tmp_path: Path) -> None:
    """F3: with streams open, questions waiting and articles coming in, SIGTERM ends it within 5 s; all are told; nothing is rebuilt."""
    paced, url = model
    paced.mode = "hangs"
    kept = {"encoder": "real", "cache_dir": CACHE.parent, "model": "openai:paced", "model_url": url}
    with serving(tmp_path, **kept) as service:
        httpx2.post(f"{service.url}/v1/articles", json=[made_up(10_000)], timeout=120)
        told, seconds = asyncio.run(_stopped(service))
    assert service.wait() == 0
    print(f"F3: ended after {seconds:.1f} s; streams {dict(told['streams'])}, whole answers {dict(told['whole'])}, ingest {told['ingest']}")
    assert seconds < 5
    assert told["streams"] == Counter(error=2 + 4)
    assert told["whole"] == Counter({503: 2})
    assert told["ingest"] == 503
    assert "Traceback" not in service.said
    assert not (tmp_path / "data" / "chroma.in-use").exists()
    with serving(tmp_path, **kept | {"model": "extractive"}) as again:
        assert httpx2.get(f"{again.url}/readyz").json()["index"]["ready"]
        assert "rebuilt" not in again.said


def embedding(url: str) -> bool:
    """Whether the service takes articles in just now."""
    return 'dateline_in_flight{door="ingest"} 1.0' in httpx2.get(f"{url}/metrics", timeout=60).text


async def _stopped(service: Service) -> tuple[dict[str, Any], float]:
    """What six streams, two whole answers and one ingest were told, and how long the end took."""
    streams, whole, opened = Counter[str](), Counter[int](), asyncio.Semaphore(0)

    async def stream() -> None:
        async with session() as client, client.post(f"{service.url}/v1/ask", json={"question": QUESTION, "stream": True}) as response:
            assert response.status == 200
            opened.release()
            async for line in response.content:
                if line.startswith((b"event: final", b"event: error")):
                    streams[line.decode().split()[1]] += 1

    async def plain() -> None:
        async with session() as client, client.post(f"{service.url}/v1/ask", json={"question": QUESTION}) as response:
            whole[response.status] += 1

    async def ingest() -> int:
        rows = io.BytesIO(json.dumps([made_up(number) for number in range(900)]).encode())
        kind = {"Content-Type": "application/json"}
        async with session() as client, client.post(f"{service.url}/v1/articles", data=rows, headers=kind) as response:
            assert "stopping" in json.dumps(await response.json())
            return response.status

    async with asyncio.TaskGroup() as group:
        for _ in range(6):
            group.create_task(stream())
        for _ in range(6):
            await opened.acquire()
        for _ in range(2):
            group.create_task(plain())
        taking_in = group.create_task(ingest())
        await asyncio.to_thread(until, lambda: embedding(service.url), bool, 60)
        service.process.terminate()
        began = time.monotonic()
        await asyncio.to_thread(service.process.wait, 30)
        seconds = time.monotonic() - began
    return {"streams": streams, "whole": whole, "ingest": await taking_in}, seconds
