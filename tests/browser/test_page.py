"""The page in a real browser, against a service that speaks the contract."""

from __future__ import annotations

import gzip
import re
from pathlib import Path
from urllib.parse import quote

import pytest
from fake_service import ACROSS, ARTICLES, EVIL, LATER, LEFT, WEB, Running, Watched, problem

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

from playwright.sync_api import Page, expect

PHONE = {"viewport": {"width": 320, "height": 640}, "has_touch": True, "is_mobile": True}
QUESTION = "How many people left their homes?"


def ask(page: Page, question: str = QUESTION) -> None:
    """Types the question on a fresh page and presses Enter."""
    page.goto("/")
    field = page.get_by_label("Your question")
    field.fill(question)
    field.press("Enter")


def fits(page: Page) -> bool:
    """Tell whether the page does not scroll sideways."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


def marked(page: Page) -> str:
    """Return the text in marks, one space for each paragraph break."""
    return " ".join(page.locator("mark").all_inner_texts())


# ---- Answers


def test_an_answer_shows_its_sentences_and_numbered_sources(page: Page) -> None:
    """A question gets checked sentences with numbers, a numbered list of sources, and an address of its own."""
    ask(page)
    expect(page.locator(".sentence")).to_have_count(2)
    expect(page.locator(".prose .cite")).to_have_text(["[1]", "[2]", "[3]"])
    expect(page.locator(".sources .entry .outlet")).to_have_text(["The Merrin Courier", "Lowland Wire", "Unknown outlet"])
    expect(page.locator(".made-by")).to_contain_text("Written by local/small in 2.1 s")
    assert page.url.endswith("/answers/ans_1")
    assert page.title() == f"{QUESTION} \u2014 Dateline"


def test_the_stream_may_be_cut_anywhere(page: Page) -> None:
    """Events sent one byte at a time, with CRLF, a byte order mark and comments, give the same answer."""
    ask(page, "pets, chopped")
    expect(page.locator(".made-by")).to_be_visible()
    expect(page.locator(".sentence")).to_have_count(1)
    expect(page.locator(".entry .quote")).to_have_text(ACROSS)


@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["LF", "CRLF"])
def test_events_are_the_same_however_they_are_cut(page: Page, newline: str) -> None:
    """Chunks of one, two or seven bytes, cut inside characters and line ends, give the events of the whole text."""
    lines = [": note", "event: sentence", 'data: {"text": "\u201cna\u00efve\u201d \U0001f4f0"}', "", "id: 7", "data: a", "data:b", "", ""]
    page.goto("/")
    for size in (1, 2, 7, 1000):
        got = page.evaluate(PARSE, [list(newline.join(lines).encode()), size])
        first = {"event": "sentence", "data": '{"text": "\u201cna\u00efve\u201d \U0001f4f0"}', "id": ""}
        assert got == [first, {"event": "message", "data": "a\nb", "id": "7"}]


PARSE = """async ([bytes, size]) => {
  const { readEvents } = await import("/static/api.js");
  async function* chunks() {
    for (let at = 0; at < bytes.length; at += size) yield new Uint8Array(bytes.slice(at, at + size));
  }
  const events = [];
  for await (const event of readEvents(chunks())) events.push(event);
  return events;
}"""


def test_a_card_opens_on_focus(page: Page) -> None:
    """A citation that gets the focus shows outlet, date with age, headline and quote; Escape closes the card."""
    ask(page)
    number = page.get_by_role("button", name="Citation 1: The Merrin Courier, 6 March 2026")
    number.focus()
    card = page.locator(".card")
    expect(card).to_contain_text("The Merrin Courier")
    expect(card).to_contain_text("6 March 2026 \u00b7 8 months before the question")
    expect(card).to_contain_text(ARTICLES["dam-02"]["title"])
    expect(card.locator("q")).to_have_text(LEFT)
    page.keyboard.press("Escape")
    expect(card).to_have_count(0)
    expect(number).to_be_focused()


def test_a_card_opens_under_the_pointer_and_closes_behind_it(page: Page) -> None:
    """Hovering over a number opens its card, which stays while the pointer is on it and goes when it leaves."""
    page.clock.install()
    ask(page)
    page.locator(".prose .cite").nth(1).hover()
    expect(page.locator(".card q")).to_have_text(LATER)
    page.locator(".card").hover()
    page.clock.run_for(5000)
    expect(page.locator(".card")).to_be_visible()
    page.mouse.move(5, 5)
    expect(page.locator(".card")).to_have_count(0)


def test_an_unknown_date_and_outlet_are_said_to_be_unknown(page: Page) -> None:
    """A citation without outlet, date or web address claims none."""
    ask(page)
    page.locator(".prose .cite").nth(2).focus()
    expect(page.locator(".card .outlet")).to_have_text("Unknown outlet")
    expect(page.locator(".card .when")).to_have_text("date unknown")
    expect(page.locator(".card a")).to_have_count(1)


def test_a_card_names_the_other_outlets_of_a_story(page: Page) -> None:
    """How many printed it too, opened by keyboard to their names and dates, each a link to its article; nothing where there are none."""
    ask(page)
    expect(page.locator(".made-by")).to_be_visible()
    expect(page.locator(".sources .also summary")).to_have_text(["also in 3 outlets", "also in 1 outlet"])
    page.locator(".prose .cite").nth(2).focus()
    expect(page.locator(".card .also")).to_have_count(0)
    page.locator(".prose .cite").first.focus()
    summary = page.locator(".card .also summary")
    expect(summary).to_have_text("also in 3 outlets")
    for _ in range(3):
        page.keyboard.press("Tab")
    expect(summary).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".card .also li")).to_have_text(["Lowland Wire, 7 Mar 2026", "Harsk Herald, date unknown", f"{EVIL}, 6 Mar 2026"])
    assert fits(page)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#reader h1")).to_have_text(ARTICLES["dam-07"]["title"])


@pytest.mark.parametrize(
    ("question", "quote_"),
    [(QUESTION, LEFT), ("What of the pets?", ACROSS)],
    ids=["after emoji and astral letters", "across a paragraph break"],
)
def test_a_citation_opens_the_article_at_its_exact_characters(page: Page, question: str, quote_: str) -> None:
    """The mark is the quote, though code points and UTF-16 units differ before it; going back keeps the answer."""
    ask(page, question)
    page.locator(".prose .cite").first.click()
    page.locator(".card").get_by_text("Read in the article").click()
    expect(page.locator("#reader h1")).to_have_text(ARTICLES["dam-02"]["title"])
    assert marked(page) == quote_.replace("\n\n", " ")
    expect(page.locator("mark").first).to_be_in_viewport()
    expect(page.locator("#reader header")).to_contain_text("6 March 2026 (stated in the document)")
    page.get_by_text("Back to the answer").click()
    expect(page.locator(".sentence").first).to_be_visible()


def test_an_article_address_works_by_itself(page: Page) -> None:
    """/articles/{id}#start-end opens the article at the place without a question, and every character is there."""
    text = ARTICLES["dam-07"]["text"]
    start = text.index(LATER)
    page.goto(f"/articles/dam-07#{start}-{start + len(LATER)}")
    expect(page.locator("mark")).to_have_text(LATER)
    assert page.locator(".body").inner_text() == text
    expect(page.locator("#reader time").first).to_have_attribute("title", "7 March 2026 at 05:40 UTC")
    page.goto("/articles/dam-07#5-99999")
    expect(page.get_by_text("The quoted place is not in this version of the article.")).to_be_visible()


def test_what_became_of_an_article_is_said(page: Page) -> None:
    """A version that was cited and is no longer current, one taken down, a retraction with a link to its notice; markup in it is text."""
    page.goto("/articles/dam-07?version=3")
    expect(page.locator(".notice")).to_have_text(["This is an earlier version of the article, as it was cited. It has been changed since."])
    page.goto("/articles/dam-07?version=4")
    expect(page.locator(".notice").first).to_contain_text("Its outlet has taken this article down.")
    expect(page.locator(".notice").last).to_have_text("This article was retracted: <b>We were wrong.</b> Read the notice")
    expect(page.locator("#reader header")).to_contain_text("(read from its file name or address)")
    page.get_by_text("Read the notice").click()
    expect(page.locator("#reader h1")).to_have_text(ARTICLES["dam-02"]["title"])


def test_an_unsupported_sentence_is_marked(page: Page) -> None:
    """A sentence that no source carries looks different and says why: what nobody says, where that can be named."""
    ask(page, "Make a guess")
    expect(page.locator(".unsupported .text")).to_have_text(["Most of them stayed with relatives.", "It was expected."])
    expect(page.locator(".unsupported .note")).to_have_text(["no source says relatives", "not found in the sources"])
    decoration = page.locator(".unsupported .text").first.evaluate("node => getComputedStyle(node).textDecorationStyle")
    assert decoration == "dotted"


# ---- Statuses


def test_a_refusal_shows_the_closest_passages(page: Page) -> None:
    """When the archive does not say, the page says so, with the range of the archive and what came closest."""
    ask(page, "Who is to blame?")
    expect(page.get_by_role("heading", name="The archive does not say")).to_be_visible()
    expect(page.locator(".verdict")).to_contain_text("74 articles, 7 April 2025")
    expect(page.get_by_role("heading", name="Closest passages")).to_be_visible()
    expect(page.locator(".entry .quote").first).to_have_text(LEFT)
    expect(page.locator(".made-by")).not_to_contain_text("Written by")


def test_a_question_outside_the_archive_is_told_its_range(page: Page) -> None:
    """A time that the archive does not cover is answered with the time that it does."""
    ask(page, "What happened in 1850?")
    expect(page.get_by_role("heading", name="The archive has nothing from that time")).to_be_visible()
    expect(page.locator(".verdict")).to_contain_text("30 October 2026")


def test_a_conflict_stands_side_by_side(page: Page) -> None:
    """Positions that disagree are on one line, each with its outlet, date and citation."""
    ask(page, "Do the sources disagree?")
    expect(page.get_by_role("heading", name="Sources disagree", exact=True)).to_be_visible()
    positions = page.locator(".positions li")
    expect(positions.locator(".value")).to_have_text(["about 1,200", "1,850"])
    expect(positions.locator(".byline")).to_have_text(["The Merrin Courier, 6 Mar 2026", "Lowland Wire, 7 Mar 2026"])
    left, right = positions.nth(0).bounding_box(), positions.nth(1).bounding_box()
    assert left is not None
    assert right is not None
    assert left["y"] == right["y"]
    assert left["x"] < right["x"]


def test_a_partial_answer_says_that_it_is_one(page: Page) -> None:
    """A partly answered question is named as such above the part that is answered."""
    ask(page, "Tell me partly")
    expect(page.get_by_role("heading", name="Part of the question is answered by the archive")).to_be_visible()


def test_quoted_answers_are_labelled(page: Page) -> None:
    """An answer made of the articles' own sentences says so, and why no model wrote it."""
    ask(page, "What is quoted?")
    expect(page.locator(".quoted .text")).to_have_text([LEFT, LATER])
    label = "Quoted directly from articles. The language model did not answer in time."
    expect(page.locator(".label")).to_have_text(label)
    expect(page.locator(".made-by")).not_to_contain_text("Written by")


def test_a_time_window_can_be_removed(page: Page, service: Running) -> None:
    """The window read out of a question is shown with its last day, and its cross asks again without it."""
    ask(page, "How many left that week?")
    assert re.search(r"that week: 2\s*\u2013\s*8 Mar 2026", page.locator(".chip.window").inner_text())
    expect(page.locator(".understood")).to_contain_text("Understood as")
    page.get_by_role("button", name="Remove the time window").click()
    expect(page.locator(".chip.window")).to_have_count(0)
    expect(page.locator(".made-by")).to_be_visible()
    assert service.fake.asked[-1]["infer_window"] is False


# ---- Narrowing, following, history


def test_now_is_asked_in_the_readers_time_zone(page: Page, service: Running) -> None:
    """The service learns which day the reader's "yesterday" is."""
    ask(page, QUESTION)
    expect(page.locator(".made-by")).to_be_visible()
    assert service.fake.asked[-1]["time_zone"] == page.evaluate("Intl.DateTimeFormat().resolvedOptions().timeZone")


def test_date_and_outlets_narrow_the_question(page: Page, service: Running) -> None:
    """The day becomes asked_at at its end, the outlets become a filter, and the address of the question asks the same again."""
    page.goto("/")
    page.get_by_text("Narrow the search").click()
    page.get_by_label("As of").fill("2026-03-09")
    page.get_by_label("Lowland Wire").check()
    page.get_by_label("Your question").fill(QUESTION)
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page.locator(".made-by")).to_be_visible()
    filters = {"sources": ["Lowland Wire"]}
    expected = {"debug": True, "question": QUESTION, "stream": True, "asked_at": "2026-03-09T23:59:59Z", "filters": filters}
    assert service.fake.asked == [expected]
    page.goto(f"/?q={quote(QUESTION)}&as_of=2026-03-09&source=Lowland+Wire")
    expect(page.locator(".made-by")).to_be_visible()
    assert service.fake.asked == [expected, expected]


def test_back_and_forward_show_answers_without_asking_again(page: Page, service: Running) -> None:
    """History moves between answers that were already given; only new questions reach the service."""
    ask(page)
    expect(page.locator(".made-by")).to_be_visible()
    page.get_by_label("Your question").fill("Who is to blame?")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="The archive does not say")).to_be_visible()
    page.go_back()
    expect(page.get_by_label("Your question")).to_have_value(QUESTION)
    expect(page.locator(".sentence")).to_have_count(2)
    page.go_forward()
    expect(page.get_by_role("heading", name="The archive does not say")).to_be_visible()
    page.go_back()
    page.go_back()
    expect(page.get_by_text("For example")).to_be_visible()
    assert len(service.fake.asked) == 2


def test_a_follow_up_continues_the_conversation(page: Page, service: Running) -> None:
    """Asking a follow-up sends the conversation's id; the question after it begins afresh."""
    ask(page)
    page.get_by_role("button", name="Ask a follow-up").click()
    expect(page.locator("#following")).to_contain_text(QUESTION)
    page.keyboard.type("And a day later?")
    page.keyboard.press("Enter")
    expect(page.locator(".made-by")).to_be_visible()
    ask(page, "Who is to blame?")
    expect(page.locator(".made-by")).to_be_visible()
    assert [body.get("conversation_id") for body in service.fake.asked] == [None, "con_1", None]


def test_an_example_is_a_question(page: Page) -> None:
    """The archive's size and range stand under the field, and an example asks itself."""
    page.goto("/")
    expect(page.locator("#coverage")).to_have_text(re.compile(r"74 articles from 4 outlets, 7 Apr 2025\s*\u2013\s*30 Oct 2026"))
    page.get_by_role("button", name="When was the spillway last repaired?").click()
    expect(page.locator(".sentence")).to_have_count(2)
    expect(page.get_by_text("For example")).to_be_hidden()


# ---- Keyboard


def test_everything_can_be_done_with_the_keyboard(page: Page) -> None:
    """Slash finds the field, Tab reaches a card and its link, Enter opens the article, which gets the focus."""
    page.goto("/")
    expect(page.get_by_text("For example")).to_be_visible()
    page.keyboard.press("/")
    page.keyboard.type(QUESTION)
    page.keyboard.press("Enter")
    expect(page.locator(".made-by")).to_be_visible()
    for _ in range(3):
        page.keyboard.press("Tab")
    expect(page.locator(".prose .cite").first).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator(".card").get_by_text("Read in the article")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("mark")).to_be_focused()
    assert marked(page) == LEFT


def test_the_skip_link_leads_to_the_content_and_asks_nothing(page: Page, service: Running) -> None:
    """The first Tab stop jumps over the masthead; the answer on the page stays."""
    ask(page)
    expect(page.locator(".made-by")).to_be_visible()
    page.locator(".skip").focus()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    assert len(service.fake.asked) == 1


def test_a_new_line_and_an_empty_question_ask_nothing(page: Page, service: Running) -> None:
    """Shift+Enter writes a line, Enter in an empty field does nothing, and a question ends at 2,000 characters."""
    page.goto("/")
    field = page.get_by_label("Your question")
    field.press("Enter")
    field.press("Shift+Enter")
    expect(field).to_have_value("\n")
    expect(field).to_have_attribute("maxlength", "2000")
    assert service.fake.asked == []


# ---- When things go wrong


def test_who_waits_is_told_how_many_are_ahead(page: Page) -> None:
    """Instead of a desk that seems to do nothing; the stop button is there all the while."""
    ask(page, "people, queued")
    expect(page.locator("#status")).to_have_text("Waiting: 2 questions before yours…")
    expect(page.get_by_role("button", name="Stop")).to_be_visible()


def test_progress_names_what_is_being_read(page: Page) -> None:
    """Before the first sentence the page says how much is read, and from which articles; no raw text is shown."""
    ask(page, "people, still")
    expect(page.get_by_role("status").first).to_have_text("Reading 3 sentences from 3 articles\u2026")
    expect(page.locator("#reading li").first).to_contain_text("The Merrin Courier, 6 Mar 2026")
    expect(page.locator(".sentence")).to_have_count(0)


@pytest.mark.parametrize("how", ["button", "Escape"])
def test_stop_keeps_what_was_checked_and_stops_the_service(page: Page, service: Running, how: str) -> None:
    """Stopping closes the connection, so that the model stops, and keeps the checked sentences with their sources."""
    ask(page, "people, hang")
    expect(page.locator(".sentence")).to_have_count(1)
    expect(page.locator(".sources")).to_have_count(0)
    if how == "button":
        page.get_by_role("button", name="Stop").click()
    else:
        page.keyboard.press("Escape")
    expect(page.locator("#status")).to_have_text("Stopped. 1 checked sentence kept.")
    expect(page.locator(".sources .entry")).to_have_count(1)
    assert service.fake.left.wait(5), "the service did not see its reader leave"


@pytest.mark.parametrize("how", ["snap", "truncated"])
def test_a_broken_stream_keeps_the_checked_sentences(page: Page, service: Running, how: str) -> None:
    """A connection cut mid-answer, rudely or politely, leaves the checked sentences, says so, and offers to ask again."""
    ask(page, f"people, {how}")
    expect(page.get_by_role("alert")).to_contain_text("The answer broke off")
    expect(page.locator(".sentence")).to_have_count(1)
    expect(page.locator(".sources .entry")).to_have_count(1)
    page.get_by_role("button", name="Ask again").click()
    expect(page.get_by_role("alert")).to_contain_text("The answer broke off")
    assert len(service.fake.asked) == 2


def test_an_error_event_shows_its_problem(page: Page) -> None:
    """An error that comes after the first byte is shown in the service's own words, beside what was checked."""
    ask(page, "people, fails")
    expect(page.get_by_role("alert")).to_contain_text("The answer broke off")
    expect(page.get_by_role("alert")).to_contain_text("The model stopped and will be restarted.")
    expect(page.locator(".sentence")).to_have_count(1)


def test_a_service_that_is_gone_is_named(page: Page, service: Running) -> None:
    """When nobody answers, the page says so and keeps the question."""
    page.goto("/")
    expect(page.get_by_text("For example")).to_be_visible()
    service.stop()
    page.get_by_label("Your question").fill(QUESTION)
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("The service cannot be reached")
    expect(page.get_by_label("Your question")).to_have_value(QUESTION)


@pytest.mark.parametrize(("status", "title"), [(429, "Too many questions at once"), (503, "The service cannot answer just now")])
def test_a_busy_service_is_waited_for(page: Page, service: Running, status: int, title: str) -> None:
    """Retry-After counts down on the button, which then asks again."""
    service.fake.refusals.append(problem(status, "Status in words", "all places are taken", **{"Retry-After": "1"}))
    ask(page)
    expect(page.get_by_role("alert")).to_contain_text(title)
    expect(page.get_by_role("alert")).to_contain_text("All places are taken.")
    expect(page.get_by_role("button", name="Try again in 1 s")).to_be_disabled()
    page.get_by_role("button", name="Try again", exact=True).click()
    expect(page.locator(".sentence")).to_have_count(2)


def test_a_key_is_asked_for_and_kept_for_the_tab(page: Page, service: Running) -> None:
    """A service with keys gets one from a field; it survives a reload in this tab and is in no address."""
    service.fake.key = "secret"
    ask(page)
    page.get_by_label("API key").fill("secret")
    page.keyboard.press("Enter")
    expect(page.locator(".sentence")).to_have_count(2)
    expect(page.locator("#coverage")).to_contain_text("74 articles")
    expect(page.get_by_role("button", name="Forget the key")).to_be_visible()
    page.reload()
    expect(page.locator(".sentence")).to_have_count(2)
    assert "secret" not in page.url
    page.get_by_role("button", name="Forget the key").click()
    expect(page.get_by_label("API key")).to_be_visible()


@pytest.mark.parametrize("wrong", ["not it", "\u20acuro", "unknown"])
def test_a_wrong_key_is_not_kept(page: Page, service: Running, wrong: str) -> None:
    """What the service does not know is said to be unknown, at once; a key of any letters can then be entered."""
    service.fake.key = "\u043a\u043b\u044e\u0447"
    ask(page)
    page.get_by_label("API key").fill(wrong)
    page.keyboard.press("Enter")
    expect(page.locator(".key-form").get_by_role("status")).to_have_text("The service does not know this key.")
    expect(page.get_by_label("API key")).to_be_focused()
    assert page.evaluate("sessionStorage.length") == 0
    page.get_by_label("API key").fill("\u043a\u043b\u044e\u0447")
    page.keyboard.press("Enter")
    expect(page.locator(".sentence")).to_have_count(2)


def test_a_stream_that_breaks_is_taken_up(page: Page, service: Running) -> None:
    """With ids on its events the page goes on after the last one, and shows one whole answer; `restart` begins it anew."""
    ask(page, "people, resumes")
    expect(page.locator(".made-by")).to_be_visible()
    expect(page.locator(".sentence")).to_have_count(2)
    expect(page.get_by_role("alert")).to_have_count(0)
    assert service.fake.resumed == ["ans_1:4"]
    ask(page, "people, resumes and restarts")
    expect(page.locator(".made-by")).to_be_visible()
    expect(page.locator(".sentence")).to_have_count(2)


@pytest.mark.parametrize(
    ("address", "chips"),
    [
        ("from=2026-13-99&to=2026-99-99&as_of=2026-02-31", []),
        ("from=2026-08-01&to=2026-03-01", [r"only 1 Mar\s*\u2013\s*1 Aug 2026"]),
        ("from=2026-02-31&to=2026-03-01", ["only until 1 Mar 2026"]),
    ],
)
def test_dates_of_an_address_are_dates_or_nothing(page: Page, address: str, chips: list[str]) -> None:
    """Days that are none are left out, and ends that are swapped are put right."""
    page.goto(f"/?q=How+many%3F&{address}")
    expect(page.locator(".made-by")).to_be_visible()
    expect(page.locator(".chip")).to_have_text([re.compile(chip) for chip in chips])


def test_a_conversation_that_was_deleted_is_left(page: Page, service: Running) -> None:
    """A follow-up to it says so, and asks without it."""
    ask(page)
    page.get_by_role("button", name="Ask a follow-up").click()
    service.fake.refusals.append(problem(404, "Not Found", "no conversation"))
    page.keyboard.type("And a day later?")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("This conversation was deleted")
    page.get_by_role("button", name="Ask without it").click()
    expect(page.locator(".made-by")).to_be_visible()
    assert "conversation_id" not in service.fake.asked[-1]


def test_a_draft_and_the_title_survive_a_look_at_a_source(page: Page) -> None:
    """What was typed as a follow-up is there after going back from an article, and so is the window's title."""
    ask(page)
    page.get_by_role("button", name="Ask a follow-up").click()
    page.keyboard.type("And the captain?")
    page.locator(".sources").get_by_text("Read in the article").first.click()
    expect(page.locator("mark").first).to_be_visible()
    page.go_back()
    expect(page.get_by_label("Your question")).to_have_value("And the captain?")
    expect(page.locator("#following")).to_be_visible()
    assert page.title() == f"{QUESTION} \u2014 Dateline"


def test_an_empty_archive_says_how_to_fill_it(page: Page, service: Running) -> None:
    """With no articles the page names the command that adds some."""
    service.fake.coverage = {"articles": 0, "from": None, "to": None, "sources": []}
    page.goto("/")
    expect(page.get_by_role("heading", name="The archive is empty")).to_be_visible()
    expect(page.locator(".notice code").first).to_contain_text("dateline ingest")


def test_a_loading_model_is_announced(page: Page, service: Running) -> None:
    """While the model loads the page says what to expect meanwhile; the footer names the model."""
    service.fake.ready = {"ready": False, "generator": {"ready": False, "name": "local/small"}}
    page.goto("/")
    expect(page.locator("#loading-model")).to_contain_text("being loaded")
    expect(page.locator("#generator")).to_have_text("local/small")


def test_a_missing_article_is_said_to_be_missing(page: Page) -> None:
    """An address of no article says so and leads back to the desk."""
    page.goto("/articles/none")
    expect(page.get_by_role("alert")).to_contain_text("Not in the archive")
    page.locator(".back").click()
    expect(page.get_by_label("Your question")).to_be_focused()


# ---- How it was found


def test_how_an_answer_was_found_can_be_looked_into(page: Page) -> None:
    """Opened with the keyboard, it shows what was read out of the question and what each candidate's score is the sum of."""
    ask(page)
    summary = page.get_by_text("How this was found")
    summary.focus()
    page.keyboard.press("Enter")
    said = page.locator(".inspector-body > p")
    expect(page.locator(".stages tr")).to_have_count(4)
    expect(page.locator(".stages")).to_contain_text("Stages, of 2.13 s; the model: 412 tokens read, 23 written")
    expect(page.locator(".stages tr").nth(2)).to_have_text("Writing2000 ms")
    expect(page.locator(".cut li")).to_have_text(["The dam was built by giants."])
    page.get_by_text("The exact prompt").click()
    expect(page.locator(".prompt pre")).to_have_text("You answer from numbered sentences.\n\n[1] It rained.")
    expect(said).to_contain_text("time: in March")
    expect(said).to_contain_text("outlets: Lowland Wire")
    expect(said).to_contain_text("the newest state is wanted")
    rows = page.locator(".inspector .scroll tbody tr")
    expect(rows.nth(0)).to_contain_text("gave evidence 1")
    expect(rows.nth(0)).to_contain_text("meaning +0.80")
    expect(rows.nth(0)).to_contain_text("nearness in time +0.43")
    expect(rows.nth(1)).to_contain_text("below the first 8")
    expect(rows.nth(1)).to_contain_text("same story again \u22120.07")
    expect(rows).to_have_count(12)
    page.get_by_role("button", name="Show 10 more passages that were considered").press("Enter")
    expect(rows).to_have_count(22)


# ---- Hostile text, small screens, dark rooms


def test_hostile_text_stays_text(page: Page, watched: Watched, service: Running) -> None:
    """Markup and script addresses in every field are shown as text: no element, no link, no request, no dialog."""
    sources = [{"source": EVIL, "articles": EVIL}, {"source": "b", "articles": 1}]
    service.fake.coverage = {"articles": 1, "from": EVIL, "to": "2026-99-99", "sources": sources, "examples": [EVIL]}
    service.fake.ready = {"generator": {"name": EVIL, "ready": True}}
    page.goto("/")
    expect(page.get_by_role("button", name=EVIL)).to_be_visible()
    page.goto(f"/?q={quote('evil ' + EVIL)}&source={quote(EVIL)}&as_of={quote(EVIL)}")
    expect(page.locator(".label")).to_contain_text(EVIL)
    expect(page.locator(".chip.window")).to_contain_text(EVIL)
    page.get_by_text("How this was found").click()
    expect(page.locator(".inspector")).to_contain_text(EVIL)
    page.locator(".prose .cite").first.focus()
    expect(page.locator(".card q")).to_contain_text(EVIL)
    expect(page.locator(".cut")).to_contain_text(EVIL)
    expect(page.locator(".prompt pre")).to_contain_text(EVIL)
    assert page.locator("img, iframe, object, main svg, main script, main style").count() == 0
    assert page.locator("a[href^='javascript' i], a[href^='data' i]").count() == 0
    page.locator(".card a").click()
    expect(page.locator("mark")).to_contain_text(EVIL)
    expect(page.locator("#reader h1")).to_have_text(f"Title {EVIL}")
    assert page.locator("img, iframe, object, main svg, main script, main style").count() == 0
    assert page.locator("#reader article a").count() == 0
    assert page.evaluate("document.title") == f"Title {EVIL} \u2014 Dateline"
    assert watched == Watched([], [], [])


def test_hostile_text_stays_text_on_every_other_view(page: Page, watched: Watched, service: Running, tmp_path: Path) -> None:
    """Conversations, their export, the archive, what was handed in, versions and stories: titles, outlets and reasons are words."""
    service.fake.titles = {"con_1": EVIL, "con_2": EVIL}
    service.fake.coverage = {
        **service.fake.coverage, "sources": [{"source": EVIL, "articles": 3}, {"source": "b", "articles": EVIL}],
        "months": [{"month": EVIL, "articles": 3}, {"month": "2026-03", "articles": 1}, {"month": "2026-04", "articles": 2}],
    }  # fmt: skip
    page.goto("/conversations/con_1")
    expect(page.get_by_role("heading", name=EVIL)).to_be_visible()
    page.locator("#history").click()
    expect(page.locator(".conversations a").first).to_have_text(EVIL)
    page.get_by_role("button", name="Rename").first.click()
    expect(page.get_by_role("textbox", name="Name")).to_have_value(EVIL)
    page.get_by_role("button", name="Delete").nth(1).click()
    page.goto("/archive")
    expect(page.locator(".bars")).to_contain_text(EVIL)
    expect(page.locator(".rows").first).to_contain_text("Families leave")
    page.get_by_role("button", name="Show more").click()
    expect(page.locator(".rows").first).to_contain_text(f"Title {EVIL}")
    page.get_by_text("and 1 other print").click()
    expect(page.locator(".rows .also")).to_contain_text(f"Outlet {EVIL}")
    hostile = tmp_path / "<img src=x onerror=alert(9)>.txt"
    hostile.write_text("x", encoding="utf-8")
    page.get_by_label("Drop files here").set_input_files(hostile)
    expect(page.locator(".log .reported")).to_contain_text("<img src=x onerror=alert(9)>.txt")
    service.fake.refusals.append(problem(422, EVIL, EVIL))
    page.get_by_label("Drop files here").set_input_files(hostile)
    expect(page.locator(".log")).to_contain_text("not taken in: <img")
    page.goto(f"/answers/{quote('<img src=x onerror=alert(8)>')}")
    expect(page.get_by_role("alert")).to_be_visible()
    assert page.locator("img, iframe, object, main svg:not([preserveAspectRatio]), main script, main style").count() == 0
    assert watched == Watched([], [], [])


def test_what_is_seen_first_is_small(page: Page) -> None:
    """Everything that the desk loads before a question, packed as the service sends it, is under 60 kB, and all of it is its own."""
    sizes: dict[str, int] = {}
    page.on("requestfinished", lambda one: sizes.update({one.url: len(gzip.compress(one.response().body()))}))
    page.goto("/")
    expect(page.get_by_text("For example")).to_be_visible()
    page.wait_for_load_state("networkidle")
    assert len(sizes) > 10
    assert sum(sizes.values()) < 60_000
    assert not [url for url in sizes if "vendor" in url or "archive.js" in url or "history.js" in url]


def test_the_files_parse_no_markup_and_name_no_other_host() -> None:
    """No script here writes HTML or evaluates text; the page has no inline script or style and no foreign address."""
    sinks = r"(inner|outer)HTML|insertAdjacentHTML|document\.write|DOMParser|\beval\b|new Function"
    for path in sorted(file for file in WEB.iterdir() if file.is_file()):
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".js":
            assert not re.search(sinks, text), path
        if path.suffix == ".html":
            assert not re.search(r"<style|<script(?![^>]*\bsrc=)|\sstyle=|\son\w+=|https?://", text), path
        if path.suffix == ".css":
            assert not re.search(r"@import|url\(", text), path


def test_links_out_are_plain_and_unreferred(page: Page) -> None:
    """A link to the original is http(s) only, opens apart, and tells the other side nothing."""
    ask(page)
    link = page.locator(".entry .original").first
    expect(link).to_have_attribute("href", ARTICLES["dam-02"]["url"])
    expect(link).to_have_attribute("rel", "noopener noreferrer nofollow")
    expect(page.locator(".entry .original")).to_have_count(2)


@pytest.mark.parametrize("options", [PHONE])
def test_a_phone_does_not_scroll_sideways(page: Page) -> None:
    """At 320 px the desk, an answer, an open card, a conflict and an article fit; a tap opens the card."""
    page.goto("/")
    page.get_by_text("Narrow the search").tap()
    assert fits(page)
    ask(page, "Do the sources disagree? " + "x" * 200)
    page.locator(".prose .cite").first.tap()
    expect(page.locator(".card")).to_be_in_viewport()
    assert fits(page)
    page.locator(".card").get_by_text("Read in the article").tap()
    expect(page.locator("mark").first).to_be_in_viewport()
    assert fits(page)
    ask(page, "evil")
    page.locator(".prose .cite").first.tap()
    expect(page.locator(".card")).to_be_in_viewport()
    assert fits(page)
    page.locator(".card").get_by_text("Read in the article").tap()
    expect(page.locator("mark").first).to_be_in_viewport()
    assert fits(page)


@pytest.mark.parametrize("options", [{"color_scheme": scheme, "reduced_motion": "reduce"} for scheme in ("light", "dark")])
def test_both_schemes_have_readable_contrast(page: Page, options: dict[str, str]) -> None:
    """In light and dark every text colour keeps at least 4.5 to 1 against its ground (WCAG 2.2, 1.4.3)."""
    ask(page, "Make a guess")
    expect(page.locator(".made-by")).to_be_visible()
    page.locator(".prose .cite").focus()
    measured = page.evaluate(CONTRAST)
    assert measured["ground"] == (["251", "250", "246"] if options["color_scheme"] == "light" else ["21", "20", "18"])
    assert len(measured["ratios"]) > 20
    assert {text: ratio for text, ratio in measured["ratios"] if ratio < 4.5} == {}
    assert page.locator(".sentence").first.evaluate("node => getComputedStyle(node).animationName") == "none"


# Relative luminance and contrast as defined in WCAG 2.2, for each element that holds visible text of its own.
CONTRAST = """() => {
  const rgb = (colour) => colour.match(/[\\d.]+/g);
  const light = (colour) => rgb(colour).slice(0, 3).map((c) => c / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (node) => {
    for (; node; node = node.parentElement) {
      const colour = getComputedStyle(node).backgroundColor;
      if (Number(rgb(colour)[3] ?? 1) > 0.99) return colour;
    }
  };
  const ratios = [...document.querySelectorAll('body *')].filter((node) => node.checkVisibility()
    && [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim())).map((node) => {
      const [a, b] = [light(getComputedStyle(node).color), light(ground(node))].sort((x, y) => y - x);
      return [`${node.className || node.tagName}: ${node.textContent.trim().slice(0, 40)}`, (a + 0.05) / (b + 0.05)];
    });
  return { ratios, ground: rgb(getComputedStyle(document.body).backgroundColor) };
}"""
