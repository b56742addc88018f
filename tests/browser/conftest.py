"""A running fake service on loopback, and Chromium. Without either, every test here is skipped and says why."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

import uvicorn
from fake_service import FakeService
from playwright.sync_api import Browser, Page, Route, expect, sync_playwright

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
             "--disable-component-update", "--disable-sync"]  # fmt: skip

expect.set_options(timeout=10_000)  # milliseconds; on a busy two-core machine five seconds were not always enough


@dataclass
class Running:
    """A fake service that answers at `url` until `stop()`."""

    fake: FakeService
    url: str
    server: uvicorn.Server
    thread: threading.Thread

    def stop(self) -> None:
        """Ends the server; nothing answers at the address afterwards."""
        self.server.should_exit = True
        self.thread.join(10)


@pytest.fixture
def service() -> Iterator[Running]:
    """A fresh fake service on a free port of loopback."""
    fake = FakeService()
    config = uvicorn.Config(fake.app, host="127.0.0.1", port=0, log_level="critical", ws="none", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.01)
        assert thread.is_alive(), "the fake service did not start"
    port = server.servers[0].sockets[0].getsockname()[1]
    running = Running(fake, f"http://127.0.0.1:{port}", server, thread)
    yield running
    running.stop()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One headless Chromium for all tests."""
    if CHROMIUM is None:
        pytest.skip("no chromium on the path: apt-get install chromium")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield chromium
        chromium.close()


@dataclass
class Watched:
    """What a page did that no page of ours may do."""

    foreign: list[str]
    dialogs: list[str]
    errors: list[str]


@pytest.fixture
def watched() -> Watched:
    """The record that `page` fills; each test that uses `page` ends by finding it empty."""
    return Watched([], [], [])


@pytest.fixture
def options() -> dict[str, object]:
    """Options of the browser context; a test overrides them by parametrising `options`."""
    return {}


@pytest.fixture
def page(browser: Browser, service: Running, watched: Watched, options: dict[str, object]) -> Iterator[Page]:
    """A fresh page. No request may leave the origin, no dialog open, no script fail, no policy be violated."""
    context = browser.new_context(base_url=service.url, **({"viewport": {"width": 1100, "height": 800}} | options))

    def only_ours(route: Route) -> None:
        if route.request.url.startswith(service.url + "/"):
            route.continue_()
        else:
            watched.foreign.append(route.request.url)
            route.abort()

    context.route("**/*", only_ours)
    page = context.new_page()
    page.set_default_timeout(10_000)
    page.on("dialog", lambda dialog: (watched.dialogs.append(dialog.message), dialog.dismiss()))
    page.on("pageerror", lambda error: watched.errors.append(str(error)))
    page.on("console", lambda line: watched.errors.append(line.text) if "Content Security Policy" in line.text else None)
    yield page
    context.close()
    assert watched == Watched([], [], [])
