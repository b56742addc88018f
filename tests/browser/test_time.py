"""Time on the page: the archive's months, the evidence on them, a span drawn or typed, and the reader's own zone."""

from __future__ import annotations

import re

import pytest
from fake_service import Running

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

from playwright.sync_api import Page, expect
from test_page import QUESTION, ask, fits


def draw(page: Page, first: float, last: float) -> None:
    """Draws over the chart, from one share of its width to another."""
    box = page.locator("#timeline .plot").bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + first * box["width"], y)
    page.mouse.down()
    page.mouse.move(box["x"] + last * box["width"], y, steps=3)
    page.mouse.up()


def test_the_archive_is_shown_month_by_month(page: Page) -> None:
    """A bar a month from the first to the last, empty ones too, and in words for who does not see it."""
    page.goto("/")
    expect(page.locator("#timeline rect")).to_have_count(19)
    name = "Articles by month, April 2025 to October 2026; most in March 2026: 40"
    expect(page.get_by_role("img", name=name)).to_be_visible()
    expect(page.locator("#timeline .axis")).to_have_text(re.compile("April 2025.*October 2026"))
    page.locator("#timeline .plot").hover(position={"x": 2, "y": 20})
    expect(page.locator("#timeline .caption")).to_have_text("April 2025: 10 articles")


def test_the_evidence_is_marked_in_time(page: Page) -> None:
    """One mark for each dated article that the answer rests on, in March 2026; none on an empty desk."""
    ask(page)
    expect(page.locator(".made-by")).to_be_visible()
    marks = page.locator("#timeline .mark")
    expect(marks).to_have_count(2)
    bars, mark = page.locator("#timeline rect").nth(11).bounding_box(), marks.first.bounding_box()
    assert bars is not None
    assert mark is not None
    assert bars["x"] <= mark["x"] + mark["width"] / 2 <= bars["x"] + bars["width"]
    page.locator(".wordmark").click()
    expect(marks).to_have_count(0)


def test_a_span_is_drawn_asked_and_taken_away(page: Page, service: Running) -> None:
    """Months drawn over become a filter of whole days, shown as a chip; its cross asks without it."""
    page.goto("/")
    expect(page.locator("#timeline rect")).to_have_count(19)
    draw(page, 11.5 / 19, 12.5 / 19)
    expect(page.locator("#narrow-summary")).to_have_text(re.compile(r"1 Mar\s*\u2013\s*30 Apr 2026"))
    expect(page.locator("#timeline rect:not(.out)")).to_have_count(2)
    page.get_by_label("Your question").fill(QUESTION)
    page.keyboard.press("Enter")
    expect(page.locator(".made-by")).to_be_visible()
    assert service.fake.asked[-1]["filters"] == {"published_from": "2026-03-01", "published_to": "2026-05-01"}
    page.get_by_role("button", name=re.compile("Remove \u201conly 1 Mar")).click()
    expect(page.locator(".chip")).to_have_count(0)
    expect(page.locator(".made-by")).to_be_visible()
    assert service.fake.asked[-1]["filters"] == {}
    expect(page.locator("#timeline rect.out")).to_have_count(0)


def test_drawing_over_an_answer_asks_again(page: Page, service: Running) -> None:
    """With a question on the desk a new span is a new question."""
    ask(page)
    expect(page.locator(".made-by")).to_be_visible()
    draw(page, 0.5 / 19, 0.6 / 19)
    expect(page.locator(".chip")).to_contain_text(re.compile(r"only 1\s*\u2013\s*30 Apr 2025"))
    expect(page.locator(".made-by")).to_be_visible()
    assert service.fake.asked[-1]["filters"] == {"published_from": "2025-04-01", "published_to": "2025-05-01"}


def test_the_date_fields_do_the_same_by_keyboard(page: Page, service: Running) -> None:
    """From and to, both days included; what is typed is seen on the chart."""
    page.goto("/")
    page.get_by_text("Narrow the search").click()
    page.get_by_label("Published from").fill("2026-03-06")
    page.get_by_label("to", exact=True).fill("2026-03-07")
    expect(page.locator("#timeline rect:not(.out)")).to_have_count(1)
    page.get_by_label("Your question").fill(QUESTION)
    page.keyboard.press("Enter")
    expect(page.locator(".made-by")).to_be_visible()
    assert service.fake.asked[-1]["filters"] == {"published_from": "2026-03-06", "published_to": "2026-03-08"}


@pytest.mark.parametrize(
    ("months", "bars"),
    [([], 0), (["2026-03"], 0), (["2026-03", "2026-04"], 2), (["1990-01", "2026-12"], 37), (["1850-06", "2026-01"], 177), (["none"], 0)],
)
def test_any_archive_has_a_chart_that_can_be_read(page: Page, service: Running, months: list[str], bars: int) -> None:
    """None for a single month or none; years instead of months for a long one; what is no month is left out."""
    service.fake.coverage = {**service.fake.coverage, "months": [{"month": month, "articles": 3} for month in months]}
    page.goto("/")
    expect(page.locator("#coverage")).to_contain_text("74 articles")
    expect(page.locator("#timeline rect")).to_have_count(bars)
    expect(page.locator("#timeline")).to_be_visible(visible=bars > 0)
    assert fits(page)


@pytest.mark.parametrize("options", [{"timezone_id": "Pacific/Auckland"}])
def test_instants_are_told_in_the_readers_zone(page: Page) -> None:
    """05:40 UTC is the evening in Auckland; the hover says UTC; a bare day stays the day that it is."""
    page.goto("/articles/dam-07")
    published = page.locator("#reader .dates time").first
    expect(published).to_have_text("7 March 2026, 18:40")
    expect(published).to_have_attribute("title", "7 March 2026 at 05:40 UTC")
    page.goto("/articles/dam-02")
    expect(page.locator("#reader .dates time").first).to_have_text("6 March 2026")
