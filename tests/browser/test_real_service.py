"""The page over the real service: a small archive on SQLite and Chroma, a hashing encoder, a scripted model; from question to eval case."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import pytest
import uvicorn
from fake_service import Running

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

from playwright.sync_api import Page, expect

from service.articles.row import article_from_row
from service.bootstrap import build
from service.evaluation.from_use import add_case
from service.http.app import create_app
from service.models.hashing import HashingEmbedder
from service.models.scripted import ScriptedGenerator
from service.services import Services, now
from service.settings import Settings

ROWS: list[dict[str, Any]] = [
    {"id": "dam/1", "title": "Evacuation grows", "source": "The Ledger", "published_at": "2026-03-20",
     "text": "Buses were sent on Monday. Some 3,400 people have been evacuated below the Halvern Dam so far. They went to Skell."},
    {"id": "tram", "title": "Tram vote", "source": "Northern Herald", "published_at": "2026-04-02",
     "text": "The council voted on the tram budget. It passed by five votes."},
]  # fmt: skip
DAM, BRIDGE = "Some 3,400 people have been evacuated below the Halvern Dam [1].", "The new bridge over the Merrin opened on Saturday [1]."


class Real(Running):
    """The real app where `page` expects the fake."""


@pytest.fixture
def said() -> str:
    """What the model says; a test overrides it by parametrising `said`."""
    return DAM


@pytest.fixture
def services(tmp_path: Path, said: str) -> Iterator[Services]:
    """Two articles, and a model that says one sentence."""
    settings = Settings(_env_file=None, data_dir=tmp_path / "data", cache_dir=tmp_path / "cache")  # type: ignore[call-arg]
    with build(settings, embedder=HashingEmbedder(256), generator=ScriptedGenerator([said])) as built:
        built.ingest(article_from_row(row, now=now(), max_chars=10_000) for row in ROWS)
        yield built


@pytest.fixture
def service(services: Services) -> Iterator[Real]:
    """The app on a free port of loopback."""
    server = uvicorn.Server(uvicorn.Config(create_app(services), host="127.0.0.1", port=0, log_level="critical", ws="none"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.01)
        assert thread.is_alive(), "the service did not start"
    real = Real(None, f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}", server, thread)  # type: ignore[arg-type]
    yield real
    real.stop()


def test_from_question_to_eval_case(page: Page, services: Services, tmp_path: Path) -> None:
    """Asked, looked into, judged by sentence, opened again by its link; then the verdict is a question row for a person to check."""
    page.goto("/")
    page.get_by_label("Your question").fill("How many people were evacuated below the Halvern Dam?")
    page.keyboard.press("Enter")
    expect(page.locator(".made-by")).to_contain_text("Written by")
    expect(page.locator(".sentence .text").first).to_contain_text("Some 3,400 people have been evacuated below the Halvern Dam.")
    page.locator(".prose .cite").first.focus()
    expect(page.locator(".card .around")).to_have_text(["Buses were sent on Monday. ", " They went to Skell."])
    page.keyboard.press("Escape")
    page.get_by_text("How this was found").click()
    expect(page.locator(".prompt").first).to_be_visible()
    page.get_by_role("button", name="This answer is right").click()
    page.get_by_role("button", name="Judge sentence 1").press("Enter")
    page.get_by_role("button", name="This sentence is wrong").click()
    page.get_by_label("wrong date").check()
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("group", name="Judge this sentence").get_by_role("status")).to_contain_text("Thank you")
    answer_id = services.archive.rows("SELECT id FROM turns")[0][0]
    row = add_case(services.archive, answer_id, tmp_path / "cases.jsonl")
    assert json.loads((tmp_path / "cases.jsonl").read_text("utf-8")) == row
    assert "sentence 1: down (wrong date)" in row["note"]
    page.goto(f"/answers/{answer_id}")
    expect(page.locator(".sentence .text").first).to_contain_text("Some 3,400 people")
    expect(page.locator(".actions .feedback [aria-pressed=true]")).to_have_text("Right")


class Dropping:
    """A wire in front of the service that drops the first stream in the middle of its third event, and is then sound."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.dropped = 0
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.ends = [self.listening]
        self.threads: list[threading.Thread] = []
        self._start(self._accept)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for end in self.ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        for thread in self.threads:
            thread.join(10)
        for end in self.ends:
            end.close()

    def _start(self, work: Callable[..., None], *arguments: socket.socket) -> None:
        self.threads.append(threading.Thread(target=work, args=arguments, daemon=True))
        self.threads[-1].start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                reader, service = self.listening.accept()[0], socket.create_connection(("127.0.0.1", self.port))
                self.ends += [reader, service]
                self._start(self._pass, reader, service)
                self._start(self._pass, service, reader)

    def _pass(self, source: socket.socket, target: socket.socket) -> None:
        told = b""
        with contextlib.suppress(OSError):
            while data := source.recv(256):
                told = (told + data)[-4096:]
                target.sendall(data)
                if not self.dropped and told.count(b"event: ") >= 3 and b"text/event-stream" in told:
                    self.dropped += 1
                    break
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


def test_a_wire_that_drops_costs_no_answer(page: Page, service: Real) -> None:
    """The connection breaks in the middle of an answer: the page takes it up where it broke, and it is one answer of one question."""
    page.context.unroute_all()
    with Dropping(int(service.url.rpartition(":")[2])) as wire:
        page.goto(f"http://127.0.0.1:{wire.listening.getsockname()[1]}")
        page.get_by_label("Your question").fill("How many people were evacuated below the Halvern Dam?")
        page.keyboard.press("Enter")
        expect(page.locator(".made-by")).to_be_visible()
        expect(page.locator(".sentence .text").first).to_contain_text("Some 3,400 people have been evacuated below the Halvern Dam.")
        expect(page.get_by_role("alert")).to_have_count(0)
        page.close()
    assert wire.dropped == 1


@pytest.mark.parametrize("said", [BRIDGE])
def test_what_is_handed_in_is_answered_from_at_once(page: Page, tmp_path: Path) -> None:
    """A file dropped on the archive's page is read, listed and cited; its conversation is renamed, kept and deleted."""
    file = tmp_path / "bridge.txt"
    file.write_text("date 2026-05-02 The new bridge over the Merrin opened on Saturday.", encoding="utf-8")
    page.goto("/archive")
    page.get_by_label("Drop files here").set_input_files(file)
    expect(page.locator(".log .reported")).to_contain_text("bridge.txt 1 added.")
    page.get_by_role("link", name="Read it").click()
    expect(page.locator("#reader .dates")).to_contain_text("2 May 2026 (stated in the document)")
    page.keyboard.press("/")
    page.keyboard.type("When did the new bridge over the Merrin open?")
    page.keyboard.press("Enter")
    expect(page.locator(".sources .quote").first).to_have_text("The new bridge over the Merrin opened on Saturday.")
    page.locator("#history").click()
    panel = page.get_by_role("dialog", name="Conversations")
    panel.get_by_role("button", name="Rename").click()
    panel.get_by_role("textbox", name="Name").fill("The bridge")
    page.keyboard.press("Enter")
    panel.get_by_role("link", name="The bridge").click()
    expect(page.get_by_role("heading", name="The bridge")).to_be_visible()
    page.locator("#history").click()
    panel.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Delete", exact=True).last.click()
    expect(panel.get_by_role("status")).to_contain_text("Deleted")
    expect(page.locator(".turn")).to_have_count(0)
    page.go_back()
    expect(page.get_by_role("alert")).to_contain_text("con_")
