"""The HTML report: whole, inert, and with everything that there is to know of each question."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest
from test_evaluation_fakes import CRACK, answer, article, case, cite, crashed, good_answer, hit, judged, ranked, refusal, row, unanswerable
from test_evaluation_report import EVIL, claim, many, report, some_rows

from service.domain import GeneratorUsed, Turn
from service.evaluation.html_questions import BEFORE, EXCERPT, anchor, documents, excerpt, questions
from service.evaluation.render_html import html
from service.evaluation.report import Report, Trust
from service.evaluation.runner import Failure, Row
from service.evaluation.suite import Task
from service.evaluation.svg import ELEMENTS

VOID = {"meta", "img", "br"}
PAGE = set(
    "html head meta title style body header nav main section h1 h2 h3 p ul ol li a span small s mark blockquote br dl dt dd div "
    "table thead tbody tr th td details summary figure figcaption".split()
)
"""Every element that the page is made of, beside those of its pictures."""


class Page(HTMLParser):
    """Tags, their attributes, and the text of a page and of each open `details`; refuses ends that do not match."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, Any]]] = []
        self.text = ""
        self.feed(content)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data if "style" not in self.open else ""

    def every(self, name: str) -> list[Any]:
        """The values of an attribute, wherever it stands."""
        return [attributes[name] for _, attributes in self.tags if name in attributes]


def words(content: str) -> str:
    """The text of a page, single spaces between its words."""
    return " ".join(Page(content).text.split())


def question(shown: Report, case_id: str) -> str:
    """The markup of one question."""
    content = html(shown)
    start = content.index(f'<span class="id">{case_id}</span>')
    following = content.find('<details class="question">', start)
    return content[start : following if following > 0 else len(content)]


def text_of(markup: str) -> str:
    """The words of a piece of markup."""
    return " ".join(re.sub(r"<[^>]*>", " ", markup).split())


# ---- The page


def test_the_page_is_whole_and_fetches_nothing() -> None:
    """Well-formed, one detail a question, no script, and no address but the page's own anchors."""
    content = html(report(*some_rows(), thresholds={"Contains": 0.9}, others={"bm25": many(3, right=1)}))
    page = Page(content)
    names = [tag for tag, _ in page.tags]
    assert [attributes.get("class") for tag, attributes in page.tags if tag == "details"].count("question") == 4
    assert set(names) <= PAGE | ELEMENTS
    assert page.every("src") == []
    assert all(str(target).startswith("#") for target in page.every("href"))
    assert "url(" not in content
    assert "@import" not in content
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    assert ("meta", {"http-equiv": "Content-Security-Policy", "content": policy}) in page.tags
    assert "prefers-color-scheme: dark" in content
    assert "@media print" in content


def test_every_anchor_leads_somewhere_and_is_the_only_one_of_its_name() -> None:
    """The table of contents names the parts that there are."""
    rows = [*some_rows(), row(case("a/b c%20"), good_answer()), row(claim("c", supported=True), None, verdict=True)]
    page = Page(html(report(*rows, others={"bm25": many(3, right=1)}, before=[row(case("a/b c%20"), answer("No."))])))
    ids = page.every("id")
    assert len(set(ids)) == len(ids)
    targets = {str(target)[1:] for target in page.every("href")}
    assert targets <= set(ids)
    assert {"answered", "tags", "cost", "changed", "wrong", "right", "documents", anchor("a/b c%20"), "d-1"} <= targets


def test_anchors_of_different_questions_differ() -> None:
    """And hold nothing that an address or an attribute must escape."""
    names = ["a b", "a%20b", "a:20b", "a/b", 'a"b', "ä", "a"]
    found = [anchor(name) for name in names]
    assert len(set(found)) == len(names)
    assert all(re.fullmatch(r"[\w.~:-]+", one, re.ASCII) for one in found)


def test_the_page_says_first_what_failed() -> None:
    """Then how it went, and every line of the gate."""
    shown = words(html(report(*some_rows(), thresholds={"Contains": 0.9})))
    assert "Eval mine failed" in shown
    assert "FAILED: Contains is 0.3333, required at least 0.9." in shown
    assert "Completed is 0.75 (n = 4) and is promised to be 1: failed (promise)." in shown
    assert "SpanValidity is 1 (2 of 2) and is promised to be 1: passed (promise)." in shown
    assert "Eval mine interrupted" in words(html(report(*some_rows(), partial=True)))


def test_figures_have_bars_and_meanings() -> None:
    """A share is a dot on its interval; the level of a metric is told in words."""
    content = html(report(*many(20, right=10), metrics=("Contains",)))
    assert '<circle cx="50.0" cy="6" r="3"/>' in content
    assert "every required answer is in the text" in content
    ranks = html(report(ranked(case(gold_articles=("dam",)), "dam"), metrics=("R@10", "R(sentences)@10"), task=Task.RETRIEVAL))
    assert "right articles found, among the best 10" in ranks
    assert "gold facts found, among the best 10" in ranks


def test_how_far_the_check_is_trusted_stands_beneath_what_it_judged() -> None:
    """Once, under the last of such figures and nowhere else in the table."""
    rows = [row(case(), good_answer(), judged=(judged(True),))]
    content = html(
        report(*rows, trust=[Trust("check-news", "balanced accuracy 0.62")], metrics=("CitationRecall", "CitationPrecision", "Status"))
    )
    table = content[content.index("<tbody>") : content.index("</tbody>")]
    assert table.count("check-news: balanced accuracy 0.62.") == 1
    assert table.index(">CitationPrecision<") < table.index("check-news") < table.index(">Status<")


def test_the_simpler_systems_stand_beside() -> None:
    """With the difference and whether it is shown, coloured by which side is ahead; in the charts and in a table."""
    content = html(report(*many(20, right=10), others={"worse": many(20, right=0), "better": many(20, right=20)}, metrics=("Contains",)))
    assert re.search(r'<td>0\.00<small class="good">\+0\.500, p = 0\.00\d</small></td>', content)
    assert re.search(r'<td>1\.00<small class="bad">-0\.500, p = 0\.00\d</small></td>', content)
    assert content.count("<figure") == 2, "the figures, and the time"


def test_parts_with_nothing_in_them_are_left_out() -> None:
    """One right answer: no tags, no rivals, no changes, nothing wrong, and no baseline in the tables."""
    shown = html(report(row(case(), good_answer())))
    assert [target for target in Page(shown).every("href") if target != "#answered"] == ["#cost", "#right"]
    assert "Against the baseline" not in shown


def test_what_changed_is_listed_and_told_at_the_question() -> None:
    """Each metric's score before and now, coloured by which is better; unchanged questions are not listed."""
    shown = report(*many(3, right=2), before=many(3, right=3), metrics=("Contains", "FalseRefusalRate"))
    content = html(shown)
    assert '<a href="#q-q02">q02</a>' in content
    assert '<a href="#q-q01">' not in content
    assert '<span class="bad">Contains 1 → 0</span>' in question(shown, "q02")
    assert "→" not in question(shown, "q01")
    refused = report(row(case("q00"), refusal()), before=many(1, right=1), metrics=("FalseRefusalRate",))
    assert '<span class="bad">FalseRefusalRate 0 → 1</span>' in question(refused, "q00")
    better = report(*many(1, right=1), before=many(1, right=0), metrics=("Contains",))
    assert '<span class="good">Contains 0 → 1</span>' in question(better, "q00")


def test_the_page_shows_markup_as_text() -> None:
    """What an article, a question, a tag, an error or a model says is never a tag, nor an end of the title or the style."""
    hostile = article("dam", f"{EVIL}. {CRACK}")
    asked = case(
        EVIL, question=EVIL, answers=((EVIL,),), gold=((EVIL,), (CRACK,)), tags=(EVIL,), history=(Turn(EVIL, EVIL),), gold_articles=(EVIL,)
    )
    given = answer(EVIL, citations=[cite(CRACK, hostile)], dropped=(EVIL,), generator=GeneratorUsed(EVIL, "model", EVIL), evidence=[EVIL])
    rows = [
        row(asked, given, (True,), ranking=(hit(hostile),)),
        Row(case("e", question=EVIL), failure=Failure(EVIL, EVIL, EVIL)),
        row(claim("c", supported=True, question=EVIL, document=EVIL), None, verdict=True),
    ]
    shown = report(*rows, description=EVIL, trust=[Trust(EVIL, EVIL)])
    content = html(shown)
    page = Page(content)
    assert {tag for tag, _ in page.tags} <= PAGE | ELEMENTS
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    assert page.text.count('<img src=x onerror="alert(1)">') > 15
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\u202e]", content)


# ---- Questions


def test_a_question_shows_its_answer_and_what_was_cut() -> None:
    """Status, sentences with their marks, what grounding cut, who wrote it and how sure it was."""
    given = answer("It is short.", citations=[cite("The dam is cracked.")], unsupported=1, dropped=("It is 9.",), confidence=0.25)
    shown = text_of(question(report(row(case("q3"), given, (True,))), "q3"))
    assert "How long is the longest crack? answered not right" in shown
    assert "It is short. [1] unsupported" in shown
    assert "Cut by grounding: It is 9." in shown
    assert "Expected: 17 metres / 17 m." in shown
    assert "Written by extractive, confidence 0.25" in shown


def test_citations_stand_beside_gold() -> None:
    """Each with its place and whether it is gold and exact; each fact with whether it was found and cited."""
    given = answer("It is cracked.", citations=[cite("The dam is cracked."), cite(CRACK, marker=2)], evidence=[CRACK])
    asked = case("q1", gold=((CRACK,), ("It is old.",)))
    shown = text_of(question(report(row(asked, given, (False, True))), "q1"))
    place = "Cracks at the dam, The Ledger, 2026-03-09, characters"
    assert f"The dam is cracked. {place} 0 to 19 not gold not exact" in shown
    assert f"{CRACK} {place} 20 to 57 gold Gold" in shown
    assert f"{CRACK} in the evidence cited" in shown
    assert "It is old. not in the evidence not cited" in shown


def test_a_question_shows_its_scores_and_stages() -> None:
    """All shares, and the milliseconds of each stage; times are no scores."""
    shown = question(report(row(case("q1"), good_answer(timings_ms={"search": 10.4, "total": 1020.0}), (True,))), "q1")
    assert "<span>Contains 1</span>" in shown
    assert "<span>search 10 ms</span><span>total 1,020 ms</span>" in shown
    assert "Latency" not in shown


def test_a_failed_question_shows_its_error() -> None:
    """Its class and id, with which it is found in the log."""
    shown = text_of(question(report(crashed(case("q4"))), "q4"))
    assert "error not right" in shown
    assert "ValueError, error abc123." in shown


def test_a_ranking_shows_the_first_passages() -> None:
    """Outlet, date, article, excerpt; what is gold, stale, planted or states a gold fact; and the rank of the first that does."""
    fresh, stale, planted = article("new", f"Before it. {CRACK} After it."), article("old"), article("bad", days_old=None)
    asked = case("q1", gold_articles=("new",), stale_articles=("old",), planted_articles=("bad",))
    shown = question(report(Row(asked, ranking=(hit(stale), hit(planted), hit(fresh)), search_ms=4.0), task=Task.RETRIEVAL), "q1")
    assert text_of(shown).count("gold sentence at 3") == 2, "in the summary and above the passages"
    assert "unknown outlet, 2026-03-09T12:00:00Z, old stale article" in text_of(shown)
    assert "unknown outlet, date unknown, bad planted article" in text_of(shown)
    assert "new states a gold fact gold article" in text_of(shown)
    assert f"Before it. <mark>{CRACK}</mark> After it." in shown
    assert "<span>search 4 ms</span>" in shown


def test_of_many_questions_fewer_passages_are_shown() -> None:
    """Five of each, and three where there are five hundred questions or more."""
    names = tuple(f"a{i}" for i in range(9))
    few = questions(report(*[ranked(case(f"q{i}", gold_articles=("a8",)), *names) for i in range(2)], task=Task.RETRIEVAL))
    lots = questions(
        report(*[ranked(case(f"q{i}", gold_articles=("a8",)), *names) for i in range(500)], task=Task.RETRIEVAL, metrics=("R@10",))
    )
    assert {len(one.passages) for one in few} == {5}
    assert {len(one.passages) for one in lots} == {3}


def test_an_answer_with_a_ranking_shows_both() -> None:
    """The passages are a detail of the answered question."""
    shown = question(report(row(case("q1"), good_answer(), ranking=(hit(article("dam", CRACK)),))), "q1")
    assert "The first passages found: gold sentence at 1" in text_of(shown)
    assert "It is 17 metres long." in shown


def test_a_question_with_nothing_to_find_is_in_a_part_of_its_own() -> None:
    """It was neither right nor wrong."""
    shown = words(html(report(ranked(case("a", gold_articles=("dam",)), "dam"), ranked(unanswerable("b"), "fire"), task=Task.RETRIEVAL)))
    assert "Right (1)" in shown
    assert "Nothing to find, not graded (1)" in shown
    assert "Not right (" not in shown


def test_a_claim_shows_both_verdicts_and_its_document() -> None:
    """What the check says beside what people say; the beginning of the document, and a link to the whole of it."""
    whole = "The dam is cracked. " * 40
    shown = question(report(row(claim("c1", supported=False, document=whole), None, verdict=True, strength=0.8), task=Task.CHECK), "c1")
    assert "The check says supported (strength 0.80), people say not supported." in shown
    assert '<a class="small sans" href="#d-1">' in shown
    assert 10 < shown.count("The dam is cracked.") < 20, "an excerpt, and the claim"


def test_a_document_stands_in_the_page_once() -> None:
    """However many claims are checked against it."""
    marker = "The last words of it."
    whole = f"{'The dam is cracked. ' * 40}{marker}"
    rows = [row(claim(f"c{i}", supported=True, document=whole), None, verdict=True) for i in range(5)]
    shown = report(*rows, row(claim("d", supported=True, document="Another."), None, verdict=True), task=Task.CHECK)
    content = html(shown)
    assert content.count(marker) == 1
    assert content.count('href="#d-1"') == 5
    assert [(one.number, one.claims) for one in documents(shown)] == [(1, 5), (2, 1)]


@pytest.mark.parametrize(
    ("text", "wanted", "shown"),
    [
        ("Short.", [], ("Short.", "", "")),
        ("One two. Three.", ["Three."], ("One two. ", "Three.", "")),
        ("One two. Three.", ["absent", ""], ("One two. Three.", "", "")),
        ("word " * 60 + "here it is", ["here it is"], ("… " + "word " * (BEFORE // 5 - 1), "here it is", "")),
        ("word " * 60, [], (("word " * (EXCERPT // 5)).rstrip() + " …", "", "")),
    ],
    ids=["short", "found", "not found", "late", "long"],
)
def test_an_excerpt_shows_what_a_passage_is_found_for(text: str, wanted: list[str], shown: tuple[str, str, str]) -> None:
    """Around the gold sentence where it stands in the text, else the beginning; words are not cut."""
    assert excerpt(text, wanted) == shown


def test_few_wrong_questions_are_printed_unfolded() -> None:
    """On paper nothing can be opened; of many, only the lines are printed."""
    assert 'class="unfolded"' in html(report(*many(40, right=0)))
    assert 'class="unfolded"' not in html(report(*many(41, right=0)))


def test_a_thousand_questions_make_a_file_that_opens() -> None:
    """Long passages and articles are excerpts: some 3 kB a question, not 20."""
    long = article("dam", "The valley was calm and nothing was heard of the dam that day. " * 60)
    hits = (hit(long),) * 50
    rows = [row(case(f"q{i:04}"), good_answer(), (True,), ranking=hits) for i in range(1000)]
    assert len(html(report(*rows, metrics=("Contains",)))) < 5_000_000
