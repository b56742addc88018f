"""What a reader does with an answer: opens it again, takes it along, judges it, follows its conversation."""

from __future__ import annotations

import pytest
from fake_service import ARTICLES, EVIL, LEFT, Running

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

from playwright.sync_api import Page, expect
from test_page import QUESTION, ask, fits

HEADLINE = ARTICLES["dam-02"]["title"]
CLIPBOARD = {"permissions": ["clipboard-read", "clipboard-write"]}


def clipboard(page: Page) -> str:
    """What was copied."""
    return str(page.evaluate("navigator.clipboard.readText()"))


# ---- Opened again


def test_a_link_opens_an_answer_exactly_as_it_was(page: Page, service: Running) -> None:
    """Nothing is asked; the question, the sentences and their sources stand there, with the moment and what has changed since."""
    service.fake.since = {"dam-02": "removed"}
    page.goto("/answers/ans_1")
    expect(page.get_by_role("heading", name="How many people left?")).to_be_visible()
    said = "Shown as it was answered, 22 October 2026, 09:00. 1 source has changed since."
    expect(page.locator(".kept")).to_have_text(said)
    expect(page.locator(".sentence")).to_have_count(2)
    expect(page.locator(".sources .since")).to_have_text(["This article has been removed from the archive since."])
    page.locator(".prose .cite").first.focus()
    expect(page.locator(".card .since")).to_be_visible()
    expect(page.locator(".actions .feedback [aria-pressed=true]")).to_have_text("Wrong")
    assert service.fake.asked == []
    assert page.title() == "How many people left? \u2014 Dateline"


def test_an_answer_that_is_gone_is_said_to_be_gone(page: Page) -> None:
    """And the desk is there to ask anew."""
    page.goto("/answers/ans_none")
    expect(page.get_by_role("alert")).to_contain_text("ans_none")
    page.get_by_label("Your question").fill(QUESTION)
    page.keyboard.press("Enter")
    expect(page.locator(".sentence")).to_have_count(2)


def test_asking_again_asks(page: Page, service: Running) -> None:
    """The same question, from an answer of today or of long ago."""
    page.goto("/answers/ans_1")
    page.get_by_role("button", name="Ask again").click()
    expect(page.locator(".made-by")).to_be_visible()
    expect(page.locator(".kept")).to_have_count(0)
    assert [body["question"] for body in service.fake.asked] == ["How many people left?"]


# ---- Copied


@pytest.mark.parametrize("options", [CLIPBOARD])
def test_an_answer_is_copied_with_its_sources(page: Page, service: Running) -> None:
    """As text, as Markdown and as a link; each says that it was done."""
    ask(page)
    page.get_by_role("button", name="Copy", exact=True).click()
    expect(page.locator(".actions .said").first).to_have_text("Text with sources copied.")
    text = clipboard(page)
    assert text.startswith(f"{QUESTION}\n\nAbout 1,200 people were ordered to leave Ostrel and Pell on 6 March 2026. [1] By the next")
    assert f"[1] The Merrin Courier, 6 March 2026: {HEADLINE}. \u201c{LEFT}\u201d https://merrin" in text
    assert "[3] Unknown outlet, date unknown:" in text
    assert text.endswith(f"{service.url}/answers/ans_1\n")
    page.get_by_role("button", name="Copy as Markdown").click()
    expect(page.locator(".actions .said").first).to_have_text("Markdown with sources copied.")
    assert f"1. The Merrin Courier, 6 March 2026: [{HEADLINE}](<https://merrin" in clipboard(page)
    page.get_by_role("button", name="Copy link").click()
    expect(page.locator(".actions .said").first).to_have_text("Link copied.")
    assert clipboard(page) == f"{service.url}/answers/ans_1"


@pytest.mark.parametrize("options", [CLIPBOARD])
def test_what_is_copied_as_markdown_holds_no_markup_of_an_article(page: Page) -> None:
    """Headlines, outlets and quotes are escaped, a script address is no link, and an unsupported sentence is said to be one."""
    ask(page, "evil")
    page.get_by_role("button", name="Copy as Markdown").click()
    expect(page.locator(".actions .said").first).to_have_text("Markdown with sources copied.")
    copied = clipboard(page)
    assert "<img" not in copied.replace("\\<img", "")
    assert "](<javascript" not in copied
    assert "(not found in the sources)" in copied
    assert EVIL not in copied


# ---- Judged


def test_an_answer_is_judged(page: Page, service: Running) -> None:
    """Right with one press; wrong with a reason and words, by keyboard alone; Escape takes the form away and sends nothing."""
    ask(page)
    group = page.get_by_role("group", name="Judge this answer")
    group.get_by_role("button", name="This answer is right").click()
    expect(group.get_by_role("status")).to_have_text("Thank you: it is kept beside the answer.")
    wrong = group.get_by_role("button", name="This answer is wrong")
    wrong.press("Enter")
    page.keyboard.press("Escape")
    expect(group.locator("form")).to_have_count(0)
    expect(wrong).to_be_focused()
    wrong.press("Enter")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    page.keyboard.type("It was 7 March.")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(group.locator("[aria-pressed=true]")).to_have_text("Wrong")
    expect(wrong).to_be_focused()
    whole = {"answer_id": "ans_1", "sentence": None}
    assert service.fake.said == [
        {**whole, "verdict": "up", "reason": None, "comment": None},
        {**whole, "verdict": "down", "reason": "wrong date", "comment": "It was 7 March."},
    ]


def test_a_sentence_is_judged(page: Page, service: Running) -> None:
    """Its own button opens the judgement; what is sent names the sentence."""
    ask(page)
    expect(page.locator(".made-by")).to_be_visible()
    page.get_by_role("button", name="Judge sentence 2").press("Enter")
    group = page.get_by_role("group", name="Judge this sentence")
    expect(group.get_by_role("button", name="This sentence is right")).to_be_focused()
    group.get_by_role("button", name="This sentence is wrong").click()
    group.get_by_label("the source does not say it").check()
    group.get_by_role("button", name="Send").click()
    expect(group.get_by_role("status")).to_have_text("Thank you: it is kept beside the answer.")
    assert [(one["verdict"], one["sentence"], one["reason"]) for one in service.fake.said] == [("down", 1, "the source does not say it")]
    page.keyboard.press("Escape")
    expect(page.get_by_role("group", name="Judge this sentence")).to_have_count(0)
    expect(page.get_by_role("button", name="Judge sentence 2")).to_be_focused()


# ---- Conversations


def test_conversations_are_found_renamed_and_deleted_by_keyboard(page: Page, service: Running) -> None:
    """`h` opens the panel with the search focused; each conversation has its tools; Escape closes what is open, then the panel."""
    page.goto("/")
    expect(page.get_by_text("For example")).to_be_visible()
    page.keyboard.press("h")
    panel = page.get_by_role("dialog", name="Conversations")
    expect(panel.get_by_label("Search in conversations")).to_be_focused()
    expect(panel.locator("li a")).to_have_text(["First question of con_1", "On the spillway", "First question of con_3"])
    page.keyboard.type("spillway")
    expect(panel.locator("li a")).to_have_text(["On the spillway"])
    panel.get_by_role("button", name="Rename").press("Enter")
    expect(panel.get_by_role("textbox", name="Name")).to_have_value("On the spillway")
    page.keyboard.type("Repairs")
    page.keyboard.press("Enter")
    expect(panel.locator("li a")).to_have_text(["Repairs"])
    expect(panel.get_by_role("button", name="Rename")).to_be_focused()
    assert service.fake.titles["con_2"] == "Repairs"
    panel.get_by_role("button", name="Delete").press("Enter")
    page.keyboard.press("Escape")
    expect(panel.get_by_text("Delete for good?")).to_have_count(0)
    panel.get_by_role("button", name="Delete").press("Enter")
    page.keyboard.press("Enter")
    expect(panel.get_by_role("status")).to_have_text("Deleted, with its answers and what was said of them.")
    expect(panel.get_by_label("Search in conversations")).to_be_focused()
    assert "con_2" not in service.fake.titles
    panel.get_by_label("Search in conversations").fill("nothing like it")
    expect(panel.get_by_role("status")).to_have_text("No conversation has all of these words.")
    page.keyboard.press("Escape")  # which, in a search field, takes its words away first
    page.keyboard.press("Escape")
    expect(panel).to_have_count(0)


def test_a_conversation_is_read_and_followed_up(page: Page, service: Running) -> None:
    """Its turns stand one under the other, and the next question continues it."""
    page.goto("/")
    page.locator("#history").click()
    page.get_by_role("dialog").get_by_text("On the spillway").click()
    expect(page.get_by_role("heading", name="On the spillway")).to_be_focused()
    expect(page.locator(".turn h2")).to_have_text(["How many people left?", "And who is to blame?"])
    expect(page.locator(".turn").nth(1)).to_contain_text("The archive does not say")
    expect(page.locator("#following")).to_contain_text("And who is to blame?")
    page.get_by_label("Your question").fill("And a day later?")
    page.keyboard.press("Enter")
    expect(page.locator(".made-by")).to_be_visible()
    assert service.fake.asked[-1]["conversation_id"] == "con_1"
    page.get_by_text("The conversation so far").click()
    expect(page.locator(".turn")).to_have_count(2)
    page.go_back()
    expect(page.locator(".made-by")).to_be_visible()
    assert len(service.fake.asked) == 1


def test_a_conversation_is_taken_along(page: Page) -> None:
    """As a Markdown file with every turn."""
    page.goto("/conversations/con_2")
    page.locator("#history").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Export \u201cOn the spillway\u201d as Markdown").click()
    assert download.value.suggested_filename == "dateline-con_2.md"
    text = download.value.path().read_text("utf-8")
    assert text.startswith("# On the spillway\n\n**How many people left?**")
    assert "**And who is to blame?**\n\nThe archive does not say." in text


@pytest.mark.parametrize("options", [{"viewport": {"width": 320, "height": 640}, "has_touch": True, "is_mobile": True}])
def test_panel_conversation_and_forms_fit_a_phone(page: Page) -> None:
    """At 320 px nothing scrolls sideways, and the panel takes the whole width."""
    page.goto("/conversations/con_2")
    expect(page.locator(".turn").first).to_be_visible()
    assert fits(page)
    page.get_by_role("button", name="This answer is wrong").first.tap()
    assert fits(page)
    page.locator("#history").tap()
    panel = page.get_by_role("dialog")
    expect(panel.locator("li")).to_have_count(3)
    box = panel.bounding_box()
    assert box is not None
    assert box["width"] == 320
    assert panel.evaluate("node => node.scrollWidth <= node.clientWidth")
