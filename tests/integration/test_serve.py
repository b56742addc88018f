"""`dateline serve` as a real process, with the real encoder where it has been fetched: start, answers, signals, ports, locks."""

import os
import re
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2
import pytest

from service.models.catalogue import DEFAULT_ENCODER
from service.models.fetch import installed
from service.settings import Settings
from tests.integration.conftest import ROWS

ROOT = Path(__file__).parents[2]
DATELINE = [sys.executable, "-c", "from service.cli import main; main()"]
GRACE = 15
"""Seconds after which a process that was told to stop counts as hung: the service's own grace is 5."""
QUESTION = {"question": "How many people have been evacuated below the Halvern Dam?", "asked_at": "2026-04-01"}
CACHE = Settings().models_dir
pytestmark = pytest.mark.skipif(not installed(DEFAULT_ENCODER, CACHE), reason=f"{DEFAULT_ENCODER.name} has not been fetched")


class Service:
    """A running process, its address, and what it has said so far."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.said = ""
        self.url = ""

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Read standard error until it matches. Fails where the process ends before."""
        assert self.process.stderr is not None
        while not (found := re.search(pattern, self.said)):
            assert select.select([self.process.stderr], [], [], 120)[0], self.said
            line = self.process.stderr.readline()
            assert line, self.said
            self.said += line
        return found

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send the signal; the exit code."""
        self.process.send_signal(number)
        self.said += self.process.communicate(timeout=GRACE)[1]
        return self.process.returncode


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """An archive of its own, without a language model."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DATELINE_")}
    return kept | {
        "DATELINE_CACHE_DIR": str(CACHE.parent),
        "DATELINE_DATA_DIR": str(tmp_path / "data"),
        "DATELINE_MODEL": "extractive",
        "PYTHONPATH": str(ROOT),
    }


@pytest.fixture
def serve(environment: dict[str, str], tmp_path: Path) -> Iterator[Callable[..., Service]]:
    """Starts `dateline serve` on a free port and waits until it says where; killed at the end if it is still there."""
    with ExitStack() as stack:

        def start(*words: str, **more: str) -> Service:
            command = [*DATELINE, "serve", "--port", "0", *words]
            process = stack.enter_context(
                subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment | more, cwd=tmp_path)
            )
            stack.callback(process.kill)
            service = Service(process)
            service.url = service.wait_for(r"serves (http://\S+)/ ").group(1)
            return service

        yield start


def run(environment: dict[str, str], *words: object) -> subprocess.CompletedProcess[str]:
    """A command that is to end by itself."""
    command = [*DATELINE, *map(str, words)]
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        env=environment,
        cwd=Path(environment["DATELINE_DATA_DIR"]).parent,
        timeout=120,
        check=False,
    )


def test_it_takes_in_an_article_and_cites_it(serve: Callable[..., Service], tmp_path: Path) -> None:
    """The encoder gets ready, the citation is exact, and after SIGTERM the exit code is 0 and the index was left clean."""
    service = serve()
    with httpx2.Client(base_url=service.url, timeout=120) as client:
        assert client.post("/v1/articles", json=ROWS).json()["counts"] == {"added": 3}
        answer = client.post("/v1/ask", json=QUESTION).json()
        assert answer["generator"]["kind"] == "extractive"
        article = client.get("/v1/articles/dam-2").json()
        cited = next(citation for citation in answer["citations"] if citation["article_id"] == "dam-2")
        assert article["text"][cited["start"] : cited["end"]] == cited["quote"]
        assert client.get("/readyz").json()["encoder"] == {"ready": True, "state": "ready"}
    assert service.end() == 0
    assert "Traceback" not in service.said
    assert not (tmp_path / "data" / "chroma.in-use").exists()


def test_it_ends_in_time_although_a_stream_is_open(serve: Callable[..., Service], tmp_path: Path) -> None:
    """While the model hangs, SIGTERM ends the stream with one `error` event and the process with 0."""
    with socket.create_server(("127.0.0.1", 0)) as silent:  # Takes connections, and never answers.
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/v1"
        service = serve(DATELINE_MODEL="openai:silent", DATELINE_MODEL_URL=url)
        with httpx2.Client(base_url=service.url, timeout=120) as client:
            client.post("/v1/articles", json=ROWS)
            with client.stream("POST", "/v1/ask", json={**QUESTION, "stream": True}) as response:
                lines = response.iter_lines()
                assert next(line for line in lines if line == "event: sources")
                service.process.send_signal(signal.SIGTERM)
                events = [line for line in lines if line.startswith("event: ")]
        assert events == ["event: error"]
        service.said += service.process.communicate(timeout=GRACE)[1]
    assert service.process.returncode == 0
    assert "Traceback" not in service.said
    assert not (tmp_path / "data" / "chroma.in-use").exists()


def test_ctrl_c_ends_it_quietly(serve: Callable[..., Service]) -> None:
    """SIGINT is how it is meant to be stopped: exit code 0, no traceback."""
    service = serve()
    assert service.end(signal.SIGINT) == 0
    assert "Traceback" not in service.said


def test_the_sample_is_taken_in_once(serve: Callable[..., Service], environment: dict[str, str], tmp_path: Path) -> None:
    """`--sample-if-empty` fills an empty archive and says so, and leaves one alone that holds an article."""
    service = serve("--sample-if-empty")
    assert re.search(r"The archive was empty: took in the sample, \d+ articles\.", service.said)
    coverage = httpx2.get(f"{service.url}/v1/coverage").json()
    assert coverage["articles"] > 40
    assert coverage["examples"]
    service.end()
    again = serve("--sample-if-empty")
    assert "sample" not in again.said
    assert httpx2.get(f"{again.url}/v1/coverage").json()["articles"] == coverage["articles"]


def test_a_port_in_use_is_one_sentence(environment: dict[str, str]) -> None:
    """Exit code 2, the port, and what to do."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run(environment, "serve", "--port", port)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert f"127.0.0.1:{port}" in done.stderr
    assert "--port" in done.stderr


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "no.such.host.invalid"])
def test_another_address_needs_a_key(environment: dict[str, str], host: str) -> None:
    """Exit code 2 before anything is opened, naming the setting."""
    done = run(environment, "serve", "--host", host)
    assert done.returncode == 2
    assert "DATELINE_API_KEYS" in done.stderr
    assert not Path(environment["DATELINE_DATA_DIR"]).exists()


def test_an_address_that_is_not_ours_is_one_sentence(environment: dict[str, str]) -> None:
    """Exit code 2 for a name that cannot be resolved."""
    done = run(environment | {"DATELINE_API_KEYS": "ask:ask-key-of-the-newsroom"}, "serve", "--host", "no.such.host.invalid")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "no.such.host.invalid" in done.stderr


def test_a_second_one_on_the_same_archive_names_the_first(serve: Callable[..., Service], environment: dict[str, str]) -> None:
    """Exit code 2 and the holder's process id; the first one goes on."""
    service = serve()
    done = run(environment, "serve", "--port", "0")
    assert done.returncode == 2
    assert f"process {service.process.pid} holds the archive" in done.stderr
    assert httpx2.get(f"{service.url}/healthz").status_code == 200


def test_a_key_opens_the_service_and_a_model_that_is_not_there_is_told(serve: Callable[..., Service], tmp_path: Path) -> None:
    """With a local model that cannot be loaded the service is up, not ready, says why, and answers from the articles."""
    service = serve(DATELINE_MODEL=f"local/{tmp_path}/nothing.gguf", DATELINE_API_KEYS="admin:admin-key-of-the-newsroom")
    with httpx2.Client(base_url=service.url, timeout=120) as client:
        assert client.get("/v1/coverage").status_code == 401
        client.headers["Authorization"] = "Bearer admin-key-of-the-newsroom"
        client.post("/v1/articles", json=ROWS)
        answer = client.post("/v1/ask", json=QUESTION).json()
        assert answer["generator"]["kind"] == "extractive"
        assert "nothing" in answer["generator"]["fallback"]
        ready: Any = client.get("/readyz")
        assert ready.status_code == 503
        assert ready.json()["generator"]["state"] in {"loading", "failed"}
    assert service.end() == 0
