"""A running fake service on loopback, and Chromium. Without either, every test here is skipped and says why."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from fake_service import Running, Watched, running

if TYPE_CHECKING:  # playwright may be absent; test_page.py skips itself then
    from playwright.sync_api import Browser, Page, Route

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
             "--disable-component-update", "--disable-sync"]  # fmt: skip
PATIENCE = 10_000
"""Milliseconds; on a busy machine with two cores five seconds were not always enough."""


@pytest.fixture
def service() -> Iterator[Running]:
    """A fresh fake service on a free port of loopback."""
    with running() as service:
        yield service


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One headless Chromium for all tests of a module: its event loop must end before other tests start theirs."""
    if CHROMIUM is None:
        pytest.skip("no chromium on the path: apt-get install chromium")
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture
def watched() -> Watched:
    """The record that `page` fills; each test that uses `page` ends by finding it empty."""
    return Watched([], [], [])


@pytest.fixture
def options() -> dict[str, Any]:
    """Options of the browser context; a test overrides them by parametrising `options`."""
    return {}


@pytest.fixture
def page(browser: Browser, service: Running, watched: Watched, options: dict[str, Any]) -> Iterator[Page]:
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
    page.set_default_timeout(PATIENCE)
    page.on("dialog", lambda dialog: (watched.dialogs.append(dialog.message), dialog.dismiss()))
    page.on("pageerror", lambda error: watched.errors.append(str(error)))
    page.on("console", lambda line: watched.errors.append(line.text) if "Content Security Policy" in line.text else None)
    yield page
    context.close()
    assert watched == Watched([], [], [])
