"""The page for everybody: axe-core finds nothing on any view, keys can be learnt and switched off, and it is small over the wire."""

from __future__ import annotations

from typing import Any

import pytest
from fake_service import Running

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytest.importorskip("axe_playwright_python", reason="axe-playwright-python is not installed")

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect
from test_page import PHONE, ask

WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def violations(page: Page) -> list[str]:
    """What axe-core finds against WCAG 2.2 A and AA and its best practices, each with the elements."""
    found = Axe().run(page, options={"runOnly": WCAG}).response["violations"]
    return [f"{one['id']}: {', '.join(str(node['target']) for node in one['nodes'])}" for one in found]


def opened(page: Page, view: str) -> None:
    """One of the page's views, with what opens in it open."""
    if view == "archive":
        page.goto("/archive")
        expect(page.locator(".rows li").first).to_be_visible()
        page.get_by_text("By month, as a table").click()
    elif view == "article":
        page.goto("/articles/dam-02?version=5#40-180")
        page.get_by_text("2 versions").click()
    elif view == "conversation":
        page.goto("/conversations/con_2")
        expect(page.locator(".turn").first).to_be_visible()
    elif view == "history":
        page.goto("/")
        page.locator("#history").click()
        expect(page.locator(".conversations li").first).to_be_visible()
        page.get_by_role("button", name="Rename").first.click()
    elif view == "keys":
        page.goto("/")
        page.locator("#keys").click()
    elif view == "desk":
        page.goto("/")
        expect(page.get_by_text("For example")).to_be_visible()
        page.get_by_text("Narrow the search").click()
    else:
        ask(page, view)
        expect(page.locator(".made-by")).to_be_visible()
        page.get_by_text("How this was found").click()
        page.get_by_text("The exact prompt").click()
        page.get_by_role("button", name="This answer is wrong").click()
        if page.locator(".prose .cite").count():
            page.locator(".prose .cite").first.focus()


VIEWS = ["desk", "archive", "article", "conversation", "history", "keys", "people", "Make a guess", "Who is to blame?", "Do they disagree?",
         "What is quoted?", "1850", "that week"]  # fmt: skip


@pytest.mark.parametrize("options", [{"color_scheme": "light"}, {"color_scheme": "dark"}, PHONE], ids=["light", "dark", "phone"])
def test_axe_finds_nothing(page: Page, options: dict[str, Any]) -> None:
    """Every view and status, in light, in the dark, and on a phone."""
    page.emulate_media(reduced_motion="reduce")
    found = {}
    for view in VIEWS:
        opened(page, view)
        found |= {view: violations(page)} if violations(page) else {}
    assert found == {}


@pytest.mark.parametrize("trouble", ["gone", "broken", "key", "empty", "busy"])
def test_axe_finds_nothing_where_something_is_wrong(page: Page, service: Running, trouble: str) -> None:
    """The faces of errors, an empty archive and a missing key."""
    page.emulate_media(reduced_motion="reduce")
    if trouble == "empty":
        service.fake.coverage = {"articles": 0, "from": None, "to": None, "sources": []}
    if trouble == "key":
        service.fake.key = "secret"
    page.goto("/")
    if trouble == "gone":
        expect(page.get_by_text("For example")).to_be_visible()
        service.stop()
    if trouble != "empty":
        page.get_by_label("Your question").fill({"broken": "people, snap", "busy": "people, fails"}.get(trouble, "people"))
        page.keyboard.press("Enter")
    expect(page.locator(".notice").first).to_be_visible()
    assert violations(page) == []


def test_the_keys_are_told_and_can_be_switched_off(page: Page) -> None:
    """`?` lists them; unticked, single keys do nothing any more, also after a reload, and the button still opens the list."""
    page.goto("/")
    expect(page.get_by_text("For example")).to_be_visible()
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keys")
    expect(dialog).to_contain_text("From citation to citation")
    dialog.get_by_label("Use keys of a single character").uncheck()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    page.reload()
    expect(page.get_by_text("For example")).to_be_visible()
    page.keyboard.press("/")
    expect(page.get_by_label("Your question")).not_to_be_focused()
    page.keyboard.press("h")
    page.locator("#keys").click()
    expect(dialog).to_be_visible()
    expect(page.get_by_role("dialog", name="Conversations")).to_have_count(0)
    dialog.get_by_label("Use keys of a single character").check()
    dialog.get_by_role("button", name="Close").click()
    page.keyboard.press("/")
    expect(page.get_by_label("Your question")).to_be_focused()
    page.keyboard.type("h?/")
    expect(page.get_by_label("Your question")).to_have_value("h?/")


def test_arrows_go_from_citation_to_citation(page: Page) -> None:
    """Right opens the next one's card and goes around at the end; left goes back; Escape closes the card and stays there."""
    ask(page)
    expect(page.locator(".made-by")).to_be_visible()
    page.locator("main").focus()
    cites = page.locator(".prose .cite")
    for expected in (0, 1, 2, 0):
        page.keyboard.press("ArrowRight")
        expect(cites.nth(expected)).to_be_focused()
        expect(page.locator(".card")).to_have_count(1)
    page.keyboard.press("ArrowLeft")
    expect(cites.nth(2)).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowLeft")
    expect(cites.nth(1)).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator(".card")).to_have_count(0)


@pytest.mark.parametrize("options", [{"forced_colors": "active"}, {"contrast": "more"}])
def test_high_contrast_keeps_what_colour_says(page: Page) -> None:
    """With the system's own colours marks, bars and the open citation are still told apart, and nothing is lost."""
    ask(page)
    expect(page.locator(".made-by")).to_be_visible()
    bar = page.locator("#timeline rect").first.evaluate("node => getComputedStyle(node).fill")
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert bar != ground
    page.goto("/articles/dam-02#40-180")
    mark = page.locator("mark").first.evaluate("node => [getComputedStyle(node).backgroundColor, getComputedStyle(node).color]")
    assert mark[0] != mark[1]


def test_on_paper_there_are_words_and_no_buttons(page: Page) -> None:
    """Printed, the question, the sentences and the sources stay; fields, buttons and the chart go."""
    ask(page)
    expect(page.locator(".made-by")).to_be_visible()
    page.emulate_media(media="print")
    for gone in ("form", ".actions", ".masthead nav", ".inspector"):
        expect(page.locator(gone).first).to_be_hidden()
    for kept in ("h2.asked", ".sentence", ".sources .quote"):
        expect(page.locator(kept).first).to_be_visible()
