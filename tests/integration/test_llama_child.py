"""The real llama.cpp in its process, with a model of a few hundred kilobytes."""

import asyncio
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from service.errors import ModelCorrupt, ModelNotFound, ModelUnavailable
from service.models.generator import ChatGenerator, Target
from service.models.llama_server import COOL_DOWN_SECONDS, FAILURES_ALLOWED, LlamaServer
from service.models.llama_watch import LlamaWatch
from service.ports import Piece, Prompt
from tests.tiny_gguf import WORDS, write_tiny_gguf

pytest.importorskip("xllamacpp")
ROOT = Path(__file__).parents[2]
PROMPT = Prompt("the council", "the river", max_tokens=8)
PRACTICALLY_ENDLESS = 100_000

PARENT = """
import sys
import threading
from pathlib import Path
from service.models.llama_server import LlamaServer
server = LlamaServer(lambda: Path(sys.argv[1]), context=256, threads=1)
print(server.ensure(), server.pid, flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model's file."""
    return write_tiny_gguf(tmp_path_factory.mktemp("models") / "tiny.gguf")


@pytest.fixture
def server(model: Path) -> Iterator[LlamaServer]:
    """A server for the tiny model that is stopped afterwards."""
    server = LlamaServer(lambda: model, context=131_072, threads=1, max_tokens=PRACTICALLY_ENDLESS, alias="tiny")
    yield server
    server.stop()


def over(server: LlamaServer) -> ChatGenerator:
    return ChatGenerator(Target("openai", "tiny", timeout=60.0), name="local/tiny", server=server)


async def pieces(generator: ChatGenerator, prompt: Prompt = PROMPT) -> list[Piece]:
    return [piece async for piece in generator.stream(prompt)]


def status_of(server: LlamaServer, path: str, key: str | None = None, origin: str | None = None) -> tuple[int, dict[str, str]]:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    if origin:
        headers["Origin"] = origin
    request = urllib.request.Request(server.base_url.removesuffix("/v1") + path, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status, dict(response.headers)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, dict(error.headers)


def wait_for_end(pid: int) -> None:
    """Until the process has ended, by the kernel's word."""
    descriptor = os.pidfd_open(pid)
    try:
        assert select.select([descriptor], [], [], 30)[0], f"process {pid} still runs"
    finally:
        os.close(descriptor)


def test_it_starts_on_first_use_and_streams_words(server: LlamaServer) -> None:
    """The first question starts the process, the text comes in pieces, and tokens are counted."""
    assert not server.alive
    found = asyncio.run(pieces(over(server)))
    assert server.alive
    text = "".join(piece.text for piece in found)
    assert set(text.split()) <= set(WORDS)
    assert len(found) > 2
    assert found[-1].usage is not None
    assert found[-1].usage.completion_tokens == PROMPT.max_tokens


def test_it_answers_health_to_all_and_the_rest_only_with_the_key(server: LlamaServer) -> None:
    """Without the random key nothing but health is answered; slots and metrics are off; other sites are not let in."""
    server.ensure()
    assert status_of(server, "/health")[0] == 200
    assert status_of(server, "/v1/models")[0] == 401
    assert status_of(server, "/v1/models", "wrong")[0] == 401
    status, headers = status_of(server, "/v1/models", server.api_key, origin="http://evil.example")
    assert status == 200
    assert headers.get("Access-Control-Allow-Origin") not in {"*", "http://evil.example"}
    assert status_of(server, "/", server.api_key)[0] == 404
    assert status_of(server, "/slots", server.api_key)[0] == 501
    assert status_of(server, "/metrics", server.api_key)[0] == 501


def test_it_listens_on_loopback_only(server: LlamaServer) -> None:
    """The address is 127.0.0.1, whatever interfaces there are."""
    assert urlsplit(server.ensure()).hostname == "127.0.0.1"


def test_closing_the_stream_frees_the_only_slot(server: LlamaServer) -> None:
    """A generation of 100,000 tokens is left after one piece, and the next question is answered all the same."""

    async def leave_and_ask() -> list[Piece]:
        generator = over(server)
        async with aclosing(generator.stream(Prompt("the", "river", PRACTICALLY_ENDLESS))) as stream:
            assert (await anext(stream)).text
        async with asyncio.timeout(60):
            return await pieces(generator)

    assert asyncio.run(leave_and_ask())[-1].usage is not None


def test_first_tokens_come_with_twenty_probabilities(server: LlamaServer) -> None:
    """llama.cpp gives log-probabilities, all of them at most zero."""
    found = asyncio.run(over(server).first_token_logprobs(PROMPT))
    assert len(found) == 20
    assert all(value <= 0 for value in found.values())


def test_a_crash_is_followed_by_a_restart(server: LlamaServer, caplog: pytest.LogCaptureFixture) -> None:
    """After a segmentation fault the next question starts a new process and is answered."""
    generator = over(server)
    asyncio.run(pieces(generator))
    first = server.pid
    assert first is not None
    os.kill(first, signal.SIGSEGV)
    wait_for_end(first)
    assert asyncio.run(pieces(generator))[-1].usage is not None
    assert server.pid != first
    assert "SIGSEGV" in caplog.text


def test_a_crash_in_the_middle_is_told_and_the_next_question_is_answered(server: LlamaServer) -> None:
    """What was said before the crash is delivered, then ModelUnavailable."""
    generator = over(server)

    async def crash() -> None:
        async for piece in generator.stream(Prompt("the", "river", PRACTICALLY_ENDLESS)):
            if piece.text and server.alive:
                assert server.pid is not None
                os.kill(server.pid, signal.SIGSEGV)

    with pytest.raises(ModelUnavailable, match="local/tiny"):
        asyncio.run(crash())
    assert asyncio.run(pieces(generator))[-1].usage is not None


def test_it_dies_with_its_parent(model: Path) -> None:
    """The parent is killed without a chance to say goodbye, and the model's process ends by itself."""
    command = [sys.executable, "-c", PARENT, str(model)]
    parent = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    with parent:
        assert parent.stdout is not None
        url, pid = parent.stdout.readline().split()
        address = urlsplit(url)
        with socket.create_connection((address.hostname, address.port), timeout=30):
            parent.kill()
            parent.wait()
            try:
                wait_for_end(int(pid))
            except ProcessLookupError:
                return  # Ended, and gone, before we could look.
            except AssertionError:
                os.kill(int(pid), signal.SIGKILL)
                raise


def test_stopping_ends_the_process_and_it_can_start_again(server: LlamaServer) -> None:
    """Stop is graceful, repeatable, and not final."""
    server.ensure()
    pid = server.pid
    assert pid is not None
    server.stop()
    server.stop()
    assert not server.alive
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    server.start_in_background().join()
    assert server.alive


def test_rubbish_and_base_models_are_refused_before_a_process_starts(tmp_path: Path) -> None:
    """A file that is no GGUF, and one without a chat template, are named with the reason."""
    rubbish = tmp_path / "rubbish.gguf"
    rubbish.write_bytes(os.urandom(2000))
    with pytest.raises(ModelCorrupt, match=r"rubbish\.gguf"):
        LlamaServer(lambda: rubbish).ensure()
    base = write_tiny_gguf(tmp_path / "base.gguf", chat_template=None)
    server = LlamaServer(lambda: base)
    with pytest.raises(ModelNotFound, match="base model"):
        server.ensure()
    assert server.pid is None
    with pytest.raises(ModelUnavailable, match="base model"):
        asyncio.run(pieces(over(server)))


def test_after_three_failures_it_rests_for_a_minute(model: Path, tmp_path: Path) -> None:
    """A truncated model fails with llama.cpp's reason; the fourth call is refused at once, and after the rest it is tried again."""
    cut = tmp_path / "cut.gguf"
    cut.write_bytes(model.read_bytes()[:-5000])
    now = [0.0]
    looked: list[float] = []

    def find() -> Path:
        looked.append(now[0])
        return cut

    server = LlamaServer(find, threads=1, clock=lambda: now[0])
    for _ in range(FAILURES_ALLOWED):
        now[0] += 10
        with pytest.raises(ModelUnavailable, match="did not start"):
            server.ensure()
    with pytest.raises(ModelUnavailable, match=r"3 times in a row.*DATELINE_MODEL"):
        server.ensure()
    assert len(looked) == FAILURES_ALLOWED
    now[0] += COOL_DOWN_SECONDS
    with pytest.raises(ModelUnavailable, match="did not start"):
        server.ensure()
    assert len(looked) == FAILURES_ALLOWED + 1


def test_many_threads_start_one_process(server: LlamaServer) -> None:
    """Questions that arrive together share the process that the first of them starts."""

    async def together() -> None:
        generator = over(server)
        await asyncio.gather(*(pieces(generator) for _ in range(4)))

    asyncio.run(together())
    pid = server.pid
    asyncio.run(together())
    assert server.pid == pid


def test_a_stop_does_not_wait_for_a_model_that_loads(tmp_path: Path) -> None:
    """The process that loads is ended, whoever started it is told, and a look of the watch meanwhile leaves it alone."""
    pipe = tmp_path / "model.gguf"
    server = LlamaServer(lambda: pipe, context=256, threads=1, start_seconds=300)
    watch = LlamaWatch(server)
    failures: list[Exception] = []

    def start() -> None:
        try:
            server.ensure()
        except ModelUnavailable as error:
            failures.append(error)

    write_tiny_gguf(pipe)
    entered, freed = threading.Event(), threading.Event()
    spawned = server._spawn

    def spawn(model: Path) -> str:
        entered.set()
        freed.wait(60)
        return spawned(model)

    server._spawn = spawn  # type: ignore[method-assign]
    thread = threading.Thread(target=start)
    thread.start()
    assert entered.wait(60)
    assert server.is_loading
    watch.look()
    watch.look()
    watch.look()
    freed.set()
    thread.join(60)
    assert (failures, server.alive) == ([], True)
    server.stop()
    assert not server.is_loading
