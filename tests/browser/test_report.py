"""The HTML report in a real browser, from a file, offline: light, dark, narrow and on paper."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

from playwright.sync_api import Browser, Page, expect

from service.domain import Article, Hit, Passage, Support
from service.evaluation.cases import Case
from service.evaluation.command import report_of
from service.evaluation.gate import Baseline
from service.evaluation.render import write_reports
from service.evaluation.runner import Bench, Row, RunResult
from service.evaluation.scoring import score_run
from service.evaluation.suite import Suite
from tests.answers import ARTICLE, CRACK, HURT, cite, given

EVIL = '</title></style><img src=x onerror="document.title=1;alert(1)"><script>alert(2)</script><svg onload=alert(3)>" \x1b\x00 \u202e'
LONG = "W" * 300
PHONE = {"viewport": {"width": 320, "height": 640}, "has_touch": True, "is_mobile": True}
PAPERS = {"light": "rgb(251, 250, 246)", "dark": "rgb(21, 20, 18)"}
"""The page's ground by colour scheme."""


@dataclass
class Seen:
    """What a page did that it should not: requests, dialogs, errors and words on the console."""

    requests: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


def rows(*, right: bool) -> list[Row]:
    """An answer with its ranking, a hostile question with a hostile tag, a claim about a document, and a wrong answer."""
    asked: dict[str, Any] = {"asked_at": datetime(2026, 3, 10, tzinfo=UTC), "answers": (("17 metres",),), "gold": ((CRACK,),)}
    hostile = Article("evil", EVIL * 2, title=EVIL, source=EVIL)
    ranking = tuple(Hit(Passage.cut(one, 0, 0, len(one.text)), one, 1.0) for one in (hostile, ARTICLE))
    sentences = tuple(
        replace(sentence, text=text, support=Support.SUPPORTED) for sentence, text in zip(given().sentences, (EVIL, LONG), strict=True)
    )
    wrong = given(sentences=given().sentences[1:], citations=(cite(HURT),), confidence=0.1)
    evil = given(sentences=sentences, dropped=(EVIL,), confidence=0.4)
    return [
        Row(
            Case("crack", "How long is the crack?", tags=("x",), **asked), given(confidence=0.5) if right else wrong, None, (True,), ranking
        ),
        Row(Case(EVIL, f"{EVIL} {LONG}", tags=(EVIL, LONG), **asked), evil, None, (True,), ranking),
        Row(Case("claim", "It grows.", document=f"{EVIL} {'It grows. ' * 100}", supported=True), verdict=True, strength=0.5),
        Row(Case("wrong", "How short is the crack?", **asked), wrong, None, (True,)),
    ]


class _NothingStored:
    def article(self, article_id: str) -> Any:
        raise AssertionError(article_id)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report with every part: charts, rivals, changes, questions of each kind, documents."""
    suite = Suite("mine", (), description=EVIL)
    results = [RunResult(suite, tuple(rows(right=right)), 4, system=name) for name, right in (("dateline", True), ("bm25", False))]
    before = Baseline.of(score_run(replace(results[1], system="dateline")))
    written = write_reports(report_of(results, before, Bench((), _NothingStored())), tmp_path_factory.mktemp("report"))
    (page,) = [path for path in written if path.suffix == ".html"]
    return page


@pytest.fixture
def options() -> dict[str, Any]:
    """Options of the browser context; a test overrides them by parametrising `options`."""
    return {}


@pytest.fixture
def opened(browser: Browser, report: Path, options: dict[str, Any]) -> Iterator[Page]:
    """The report, opened from its file without a network. It may ask for nothing, and say nothing on the console."""
    context = browser.new_context(offline=True, **({"viewport": {"width": 1100, "height": 800}} | options))
    seen, page = Seen(), context.new_page()
    page.on("request", lambda request: seen.requests.append(request.url))
    page.on("dialog", lambda dialog: (seen.dialogs.append(dialog.message), dialog.dismiss()))
    page.on("pageerror", lambda error: seen.errors.append(str(error)))
    page.on("console", lambda line: seen.errors.append(line.text))
    page.goto(report.as_uri())
    yield page
    context.close()
    assert seen == Seen(requests=[report.as_uri()])


def question(page: Page, case_id: str) -> Any:
    """The detail of one question."""
    return page.locator("details.question", has=page.locator(".id", has_text=case_id)).first


@pytest.mark.parametrize(("options", "paper"), [({"color_scheme": scheme}, paper) for scheme, paper in PAPERS.items()], ids=list(PAPERS))
def test_the_report_is_read_in_light_and_in_dark(opened: Page, paper: str) -> None:
    """Ground, letters and charts follow the reader's setting, and differ from each other."""
    expect(opened.locator("body")).to_have_css("background-color", paper)
    expect(opened.locator(".chart svg").first).to_be_visible()
    words = opened.locator(".chart svg text").first.evaluate("one => getComputedStyle(one).fill")
    mark = opened.locator(".chart svg path[fill^='var']").first.evaluate("one => getComputedStyle(one).fill")
    assert words == opened.locator("body").evaluate("one => getComputedStyle(one).color")
    assert len({words, mark, paper}) == 3
    assert mark.startswith("rgb(")


def test_a_question_is_opened_with_the_keyboard(opened: Page) -> None:
    """From the table of contents to the part, and on to its first question."""
    body = question(opened, "wrong").locator("> .body")
    expect(body).to_be_hidden()
    opened.get_by_role("link", name="Not right").focus()
    opened.keyboard.press("Enter")
    opened.keyboard.press("Tab")
    while opened.evaluate("document.activeElement.innerText.includes('How short')") is False:
        assert opened.evaluate("document.activeElement.matches('#wrong ~ details summary')")
        opened.keyboard.press("Tab")
    opened.keyboard.press("Enter")
    expect(body).to_be_visible()
    expect(body.locator("section").nth(0)).to_contain_text(HURT)
    expect(body.locator("section").nth(1)).to_contain_text(CRACK)


def test_a_change_leads_to_its_question_and_a_claim_to_its_document(opened: Page) -> None:
    """A link opens what it leads to."""
    opened.locator("#changed + details a", has_text="crack").click()
    expect(question(opened, "crack").locator("> .body")).to_be_visible()
    expect(question(opened, "crack").locator("> .body")).to_contain_text("Contains 0 → 1")
    question(opened, "claim").locator("summary").click()
    whole = opened.locator("#d-1")
    expect(whole).to_be_hidden()
    question(opened, "claim").get_by_role("link", name="The whole of it").click()
    expect(whole).to_be_visible()


def test_hostile_text_is_only_read(opened: Page) -> None:
    """Opened everywhere, it starts nothing and adds no element; the fixture sees that nothing was asked for."""
    for summary in opened.locator("summary").all():
        summary.evaluate("one => one.parentElement.open = true")
    assert opened.locator("img, script, [onload], [onerror]").count() == 0
    assert opened.title().startswith("Eval mine: ")
    expect(opened.locator(".lead")).to_contain_text('<img src=x onerror="document.title=1;alert(1)">')
    expect(opened.locator(".chart svg text", has_text="</title></style><img").first).to_be_visible()


@pytest.mark.parametrize("options", [PHONE], ids=["phone"])
def test_the_report_fits_a_phone(opened: Page) -> None:
    """Tables and charts scroll by themselves; the page does not scroll sideways, whatever is open."""
    for summary in opened.locator("summary").all():
        summary.evaluate("one => one.parentElement.open = true")
    assert opened.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert opened.evaluate("[...document.querySelectorAll('summary, .body')].every(one => one.scrollWidth <= one.clientWidth)")
    assert opened.locator(".chart").first.evaluate("one => one.scrollWidth > one.clientWidth")


@pytest.mark.parametrize("options", [{"color_scheme": "dark"}], ids=["dark"])
def test_the_report_is_printed_on_white_with_what_was_wrong_unfolded(opened: Page) -> None:
    """Also by a reader whose screen is dark; the other questions stay a line each."""
    opened.emulate_media(media="print")
    expect(opened.locator("body")).to_have_css("color", "rgb(29, 27, 23)")
    expect(question(opened, "wrong").locator("> .body > .answer")).to_be_visible()
    expect(question(opened, "crack").locator("> .body > .answer")).to_be_hidden()
    expect(opened.locator("nav")).to_be_hidden()
