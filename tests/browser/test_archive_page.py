"""The archive's page: what is in it, and articles handed in; and an article with its versions, story and quotes."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest
from fake_service import ARTICLES, LEFT, Running, problem

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

from playwright.sync_api import Page, expect
from test_page import ask, fits


def test_the_archive_is_shown_as_a_whole(page: Page) -> None:
    """How much, from when to when, by outlet, newest, stories; the chart also as a table."""
    page.goto("/")
    page.get_by_role("link", name="Archive").click()
    expect(page.get_by_role("heading", name="The archive", exact=True)).to_be_focused()
    expect(page.locator(".lead")).to_contain_text("74 articles from 4 outlets, 7 April 2025")
    expect(page.locator(".bars li")).to_have_count(4)
    expect(page.locator(".bars li").first).to_have_text("The Merrin Courier31")
    newest = page.locator("section").filter(has=page.get_by_role("heading", name="Newest articles"))
    expect(newest.locator("li")).to_have_count(3)
    newest.get_by_role("button", name="Show more").click()
    expect(newest.locator("li")).to_have_count(4)
    expect(newest.locator("li").nth(3).locator("a")).to_be_focused()
    stories = page.locator("section").filter(has=page.get_by_role("heading", name="Stories that several outlets print"))
    expect(stories.locator("summary")).to_have_text("and 1 other print")
    page.get_by_text("By month, as a table").click()
    expect(page.locator("table.plain tbody tr").first).to_have_text("April 202510")
    newest.locator("a").first.click()
    expect(page.locator("#reader h1")).to_have_text(ARTICLES["dam-02"]["title"])
    page.get_by_text("\u2190 Back").click()
    expect(page.get_by_role("heading", name="The archive", exact=True)).to_be_visible()


def test_an_outlet_of_the_archive_narrows_the_next_question(page: Page, service: Running) -> None:
    """Chosen on the archive's page, it is ticked on the desk."""
    page.goto("/archive")
    page.get_by_role("button", name="Lowland Wire").click()
    expect(page.locator("#narrow-summary")).to_have_text(" \u00b7 1 outlet")
    page.get_by_label("Your question").fill("How many?")
    page.keyboard.press("Enter")
    expect(page.locator(".made-by")).to_be_visible()
    assert service.fake.asked[-1]["filters"] == {"sources": ["Lowland Wire"]}


def test_files_are_handed_in_one_after_the_other_with_progress(page: Page, service: Running, tmp_path: Path) -> None:
    """What was read so far, then what became of it, with what was wrong and where; the count of the archive is asked anew."""
    gate = threading.Event()
    service.fake.pace = lambda: asyncio.to_thread(gate.wait, 10)
    for name in ("one.jsonl", "two.html"):
        (tmp_path / name).write_text(name, encoding="utf-8")
    page.goto("/archive")
    page.get_by_label("Drop files here").set_input_files([tmp_path / "one.jsonl", tmp_path / "two.html"])
    log = page.locator(".log")
    expect(log.locator("> *").first).to_have_text("one.jsonl 64 articles so far, 25 % read\u2026")
    expect(log.locator("> *").nth(1)).to_have_text("two.html waits\u2026")
    gate.set()
    expect(log.locator(".reported")).to_have_count(2)
    expect(log.locator(".reported p").first).to_have_text("one.jsonl 64 added, 1 not taken in. ")
    expect(log.locator("li").first).to_have_text("one.jsonl:7: has no text")
    assert service.fake.handed_in == [("one.jsonl", b"one.jsonl"), ("two.html", b"two.html")]


def test_what_is_on_its_way_stays_told_when_the_page_is_left(page: Page, service: Running, tmp_path: Path) -> None:
    """Gone to the desk and back while a file is read: its line is there, and so is what becomes of it; the archive is drawn anew."""
    gate = threading.Event()
    service.fake.pace = lambda: asyncio.to_thread(gate.wait, 10)
    (tmp_path / "one.jsonl").write_text("x", encoding="utf-8")
    page.goto("/archive")
    page.get_by_label("Drop files here").set_input_files(tmp_path / "one.jsonl")
    expect(page.locator(".log")).to_contain_text("64 articles so far")
    page.locator(".wordmark").click()
    expect(page.get_by_text("For example")).to_be_visible()
    page.get_by_role("link", name="Archive").click()
    expect(page.locator(".log")).to_contain_text("64 articles so far")
    service.fake.coverage = {**service.fake.coverage, "articles": 139}
    gate.set()
    expect(page.locator(".log .reported")).to_have_count(1)
    expect(page.locator(".lead")).to_contain_text("139 articles")


def test_a_file_is_dropped_and_an_address_typed(page: Page, service: Running) -> None:
    """Both ways lead to the same log."""
    page.goto("/archive")
    expect(page.locator(".drop")).to_be_visible()
    page.evaluate("""() => {
      const data = new DataTransfer();
      data.items.add(new File(["It rained."], "rain.txt"));
      document.querySelector(".drop").dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
    }""")
    expect(page.locator(".log .reported")).to_have_count(1)
    page.get_by_label("Or the address").fill("https://herald.example/feed.xml")
    page.keyboard.press("Enter")
    expect(page.locator(".log .reported")).to_have_count(2)
    assert service.fake.handed_in == [("rain.txt", b"It rained."), ("https://herald.example/feed.xml", b"")]


@pytest.mark.parametrize(
    ("status", "shown"),
    [(403, "This needs a key of scope admin"), (422, "not taken in: It is of no kind."), (507, "not taken in: It is of no kind.")],
)
def test_what_is_refused_says_why(page: Page, service: Running, tmp_path: Path, status: int, shown: str) -> None:
    """A key without the right is asked for another; a bad file names what is wrong."""
    service.fake.refusals.append(problem(status, "Refused", "It is of no kind."))
    (tmp_path / "x.bin").write_bytes(b"x")
    page.goto("/archive")
    page.get_by_label("Drop files here").set_input_files(tmp_path / "x.bin")
    expect(page.locator(".log")).to_contain_text(shown)


def test_every_quote_of_an_answer_is_marked_and_reached_by_keys(page: Page) -> None:
    """From an answer with two citations of one article: the arrows go from the first to the second and around."""
    ask(page, "twice")
    page.locator(".prose .cite").nth(1).click()
    page.locator(".card").get_by_text("Read in the article").click()
    expect(page.locator("mark")).to_have_count(2)
    expect(page.locator(".stepper")).to_contain_text("Quote 2 of 2")
    expect(page.locator("mark.current")).to_have_text("Schools in Pell will stay closed until at least 20 March.")
    page.keyboard.press("ArrowRight")
    expect(page.locator("mark.current")).to_have_text(LEFT)
    expect(page.locator("mark.current")).to_be_focused()
    page.get_by_role("button", name="The next quote").click()
    expect(page.locator(".stepper")).to_contain_text("Quote 2 of 2")


def test_an_article_shows_its_versions_and_the_other_prints(page: Page) -> None:
    """Each version with what became of it, the shown one named; the story's other reports; dates that its sources disagree on."""
    page.goto("/articles/dam-02?version=5")
    page.get_by_text("2 versions").click()
    expect(page.locator(".versions li")).to_have_count(2)
    expect(page.locator(".versions li").last).to_contain_text("(shown)")
    expect(page.locator(".versions li").first).to_contain_text("the one that is searched")
    expect(page.locator(".story h2")).to_have_text("Also printed by 1 outlet")
    expect(page.locator(".date-conflicts")).to_have_text("Its sources disagree on its date: meta says 2026-03-05.")
    page.locator(".story a").click()
    expect(page.locator("#reader h1")).to_have_text(ARTICLES["dam-07"]["title"])


@pytest.mark.parametrize("options", [{"viewport": {"width": 320, "height": 640}}])
def test_the_archive_fits_a_phone(page: Page) -> None:
    """At 320 px nothing scrolls sideways."""
    page.goto("/archive")
    expect(page.locator(".rows li").first).to_be_visible()
    assert fits(page)
