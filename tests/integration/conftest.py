"""A small archive on real SQLite and Chroma, its HTTP door in this process and on loopback, and a way to read event streams."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from click.testing import Result
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from service import bootstrap, reindexing
from service.bootstrap import build
from service.cli import app
from service.http.app import create_app
from service.models import embedders
from service.models.hashing import HashingEmbedder
from service.models.scripted import ScriptedGenerator
from service.ports import Generator, Reranker
from service.services import Services
from service.settings import Settings

ASTRAL = "😀 Engineers found cracks in the Halvern Dam. Some 1,200 people were evacuated below the Halvern Dam on Wednesday."
ROWS: list[dict[str, Any]] = [
    {"id": "dam/1 ?ü", "title": "Cracks 🏗 found", "source": "Northern Herald", "author": "A. Reporter", "text": ASTRAL,
     "url": "https://herald.example/dam", "published_at": "2026-03-04"},
    {"id": "dam-2", "title": "Evacuation grows", "source": "The Ledger", "published_at": "2026-03-20T06:30:00Z",
     "text": "Some 3,400 people have been evacuated below the Halvern Dam so far. Buses took them to Skell."},
    {"id": "vote-1", "source": "The Ledger", "text": "The council voted on the tram budget. It passed by five votes."},
]  # fmt: skip
SAID = "Some 3,400 people have been evacuated below the Halvern Dam [1]."
Door = Callable[..., TestClient]
HASHED = """
import sys
from service import bootstrap, reindexing
from service.models import embedders
from service.models.hashing import HashingEmbedder
for module in (bootstrap, embedders, reindexing):
    module.build_embedder = lambda settings: HashingEmbedder(256)
from service.cli import main
sys.argv[0] = "dateline"
main()
"""
"""The real command with an encoder that needs no weights."""


@pytest.fixture
def open_services(tmp_path: Path) -> Iterator[Callable[..., Services]]:
    """Opens an archive of three articles over a hashing encoder and a scripted model; closed afterwards."""
    with ExitStack() as stack:

        def opened(generator: Generator | None = None, reranker: Reranker | None = None, **settings: Any) -> Services:
            chosen = Settings(**{"data_dir": tmp_path / "data", "cache_dir": tmp_path / "cache", **settings})
            scripted = generator if generator or settings.get("model") else ScriptedGenerator([SAID])
            return stack.enter_context(build(chosen, embedder=HashingEmbedder(256), generator=scripted, reranker=reranker))

        yield opened


@pytest.fixture
def open_door(open_services: Callable[..., Services]) -> Iterator[Door]:
    """Opens the HTTP door in this process, with the three articles inside; its `services` are an attribute."""
    with ExitStack() as stack:

        def opened(generator: Generator | None = None, *, headers: dict[str, str] | None = None, **settings: Any) -> TestClient:
            services = open_services(generator, **settings)
            client = TestClient(create_app(services), base_url="http://localhost", headers=headers, raise_server_exceptions=False)
            client = stack.enter_context(client)
            client.services = services  # type: ignore[attr-defined]
            take_in(services)
            return client

        yield opened


@pytest.fixture
def door(open_door: Door) -> TestClient:
    """The HTTP door with its defaults."""
    return open_door()


def take_in(services: Services) -> None:
    """The three articles."""
    from service.articles.row import article_from_row
    from service.services import now

    report = services.ingest([article_from_row(row, now=now(), max_chars=10_000) for row in ROWS])
    assert not report.rejected


@pytest.fixture
def on_loopback() -> Iterator[Callable[[Any], str]]:
    """Serves an app by a real uvicorn on a free port of loopback; returns its address."""
    with ExitStack() as stack:
        yield lambda app: stack.enter_context(
            running(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical", ws="none", timeout_graceful_shutdown=1))
        )


@contextmanager
def running(config: uvicorn.Config) -> Iterator[str]:
    """A server in a thread; its address."""
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.01)
        assert thread.is_alive(), "uvicorn did not start"
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(30)
    assert not thread.is_alive()


@pytest.fixture
def events_of() -> Callable[[Iterable[str]], list[tuple[str, Any]]]:
    """Reads the lines of an event stream into (event, data)."""

    def read(lines: Iterable[str]) -> list[tuple[str, Any]]:
        found: list[tuple[str, Any]] = []
        name = ""
        for line in lines:
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            elif line.startswith("data: "):
                found.append((name, json.loads(line.removeprefix("data: "))))
        return found

    return read


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """An archive of its own, no model, and no settings of whoever runs the tests."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DATELINE_")}
    ours = {"DATELINE_DATA_DIR": tmp_path / "data", "DATELINE_CACHE_DIR": tmp_path / "cache", "DATELINE_MODEL": "extractive"}
    return kept | {name: str(value) for name, value in ours.items()} | {"PYTHONPATH": str(Path(__file__).parents[2])}


@pytest.fixture
def run(environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """A command in this process, with an encoder that needs no weights, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("DATELINE_")]:
        monkeypatch.delenv(name)
    for name in ("DATA_DIR", "CACHE_DIR", "MODEL"):
        monkeypatch.setenv(f"DATELINE_{name}", environment[f"DATELINE_{name}"])
    for module in (bootstrap, embedders, reindexing):
        monkeypatch.setattr(module, "build_embedder", lambda settings: HashingEmbedder(256))
    return lambda *words: CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture
def process(environment: dict[str, str], tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """The same command as a process of its own, its output piped."""

    def start(*words: object, **more: Any) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", HASHED, *map(str, words)]
        return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path, timeout=120, check=False, **more)

    return start
