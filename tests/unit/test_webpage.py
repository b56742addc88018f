"""A web page as an article: text, fields, address and dates, and every way in which a page can be strange."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.articles.raw import Raw, Stated
from service.articles.webpage import page_articles
from service.domain import DateOrigin

FIRST = "The council of Harrowmouth voted on Monday to spend four million on a new sea wall, after a debate of five hours."
SECOND = "Mayor Ilse Brandt said that the money would come from harbour fees and from a loan that the region will guarantee."
BODY = f"<p>{FIRST}</p><p>{SECOND}</p>"
HOME = "https://herald.example/a/wall"
FERRY = {"url": "https://herald.example/a/ferry", "headline": "Ferry fares rise in summer", "datePublished": "2025-04-20"}
"""What JSON-LD says of another article."""


def page(head: str = "", body: str = f"<article><h1>Council votes for the wall</h1>{BODY}</article>", lang: str = "en") -> str:
    """A page with this head and body."""
    return f'<!doctype html><html lang="{lang}"><head><title>Council votes for the wall</title>{head}</head><body>{body}</body></html>'


def json_ld(**node: Any) -> str:
    """A script that describes one NewsArticle."""
    return f'<script type="application/ld+json">{json.dumps({"@type": "NewsArticle", **node})}</script>'


def raw(text: str | bytes, *, url: str | None = HOME, content_type: str = "", name: str = "") -> Raw:
    """The one article of a page."""
    (one,) = page_articles(text if isinstance(text, bytes) else text.encode(), url=url, content_type=content_type, name=name)
    return one


def row(text: str | bytes, **options: Any) -> dict[str, Any]:
    """The row of a page that has one."""
    one = raw(text, **options)
    assert isinstance(one.row, dict), one.problem
    return one.row


def test_an_article_has_its_text_and_nothing_of_the_page_around() -> None:
    """Navigation, related articles, comments, scripts and the footer are no part of the text; paragraphs are kept."""
    around = (
        "<nav><a href=/>Home</a></nav><script>var x = 'script text'</script>"
        f"<article><h1>Council votes for the wall</h1>{BODY}</article>"
        "<aside class=related><h3>Ferry fares rise</h3><p>Another story, about ferries and not about walls, stands here.</p></aside>"
        "<div id=comments><div class=comment><p>I live on Quay Street and nobody has asked me, as it has always been.</p></div></div>"
        "<footer>Copyright 2026</footer>"
    )
    assert row(page(body=around))["text"] == f"{FIRST}\n\n{SECOND}"


def test_fields_come_from_json_ld_first() -> None:
    """Headline, outlet, authors and language as the publisher gives them, entities and tags undone."""
    head = json_ld(
        headline="Council &amp; mayor: council votes for the wall",
        publisher={"@type": "Organization", "name": "Harrowmouth Herald"},
        author=[{"name": "Anna Holt"}, {"name": "Tom Reeve"}, {"name": "https://herald.example/anna"}],
        inLanguage="en-GB",
    )
    meta = '<meta property="og:site_name" content="Other"><meta name="author" content="Nobody">'
    found = row(page(head + meta, lang="fr"))
    assert (found["title"], found["source"], found["language"]) == (
        "Council & mayor: council votes for the wall", "Harrowmouth Herald", "en",
    )  # fmt: skip
    assert found["author"] == "Anna Holt, Tom Reeve"


def test_fields_come_from_meta_where_there_is_no_json_ld() -> None:
    """og:title without the outlet behind it, og:site_name, the author without "By", the language of the page."""
    head = (
        '<meta property="og:title" content="Council votes for the wall | Harrowmouth Herald">'
        '<meta property="og:site_name" content="Harrowmouth Herald"><meta name="author" content="By Anna Holt">'
        '<meta property="article:author" content="https://social.example/anna">'
    )
    found = row(page(head, lang="en-US"))
    assert {key: found[key] for key in ("title", "source", "author", "language")} == {
        "title": "Council votes for the wall", "source": "Harrowmouth Herald", "author": "Anna Holt", "language": "en",
    }  # fmt: skip


def test_authors_and_outlets_by_id_are_looked_up() -> None:
    """As WordPress writes them: one graph, in which the article refers to persons and organisations."""
    graph = {
        "@graph": [
            {"@type": "Article", "headline": "Council votes for the wall", "author": {"@id": "#p"}, "publisher": {"@id": "#o"}},
            {"@type": "Person", "@id": "#p", "name": "Anna Holt"},
            {"@type": "Organization", "@id": "#o", "name": "Harrowmouth Herald"},
        ]
    }
    found = row(page(f'<script type="application/ld+json">{json.dumps(graph)}</script>'))
    assert (found["author"], found["source"]) == ("Anna Holt", "Harrowmouth Herald")


@pytest.mark.parametrize(
    ("own", "canonical", "believed"),
    [
        (HOME, "/a/wall", HOME),
        (HOME + "?utm_source=x", HOME, HOME),
        ("https://m.herald.example/a/wall", HOME, HOME),
        (HOME, "https://herald.example/", HOME),
        (HOME, "https://evil.example/a/wall", HOME),
        ("https://evil.example/herald.example/x", "https://herald.example/a/wall", "https://evil.example/herald.example/x"),
        ("https://web.archive.org/web/20260101/https://herald.example/a/wall", HOME, HOME),
        ("https://herald-example.cdn.ampproject.org/c/s/herald.example/a/wall", HOME, HOME),
        (HOME, "javascript:alert(1)", HOME),
        (HOME, "https://user:word@herald.example/b", HOME),
        (HOME, "http://[broken", HOME),
        (None, HOME, HOME),
        (None, "https://herald.example/", None),
        (None, "ftp://herald.example/x", None),
        (None, "/a/wall", None),
    ],
)
def test_the_canonical_link_is_believed_within_one_site(own: str | None, canonical: str, believed: str | None) -> None:
    """Not a home page, not another site (but for copies in known archives), nothing that is not of the web."""
    assert row(page(f'<link rel="canonical" href="{canonical}">'), url=own).get("url") == believed


def test_a_saved_page_says_where_it_came_from() -> None:
    """The comment that browsers and SingleFile write is the address, where none is given."""
    assert row(f"<!-- saved from url=(0029){HOME} -->\n" + page(), url=None)["url"] == HOME
    single = f"<!--\n Page saved with SingleFile \n url: {HOME} \n saved date: Fri May 29 2026\n-->" + page()
    assert row(single, url=None)["url"] == HOME
    assert raw(single, url=None).stated == ()


def test_json_ld_of_another_article_is_not_believed() -> None:
    """Neither its date nor its headline: its address and headline are others."""
    other = json_ld(**FERRY, author={"name": "X"})
    assert raw(page(other)).stated == ()
    assert row(page(other))["title"] == "Council votes for the wall"
    assert "author" not in row(page(other))


@pytest.mark.parametrize(
    "node",
    [
        {"url": HOME, "headline": "A headline that the desk has rewritten since"},
        {"headline": "Council votes for the wall"},
        {"headline": "The council votes for the new wall"},
        {"mainEntityOfPage": {"@id": HOME + "#main"}},
        {"mainEntityOfPage": HOME},
        {},
    ],
)
def test_json_ld_is_believed_by_address_or_headline(node: dict[str, Any]) -> None:
    """Or because it is the only one and says nothing that differs."""
    assert raw(page(json_ld(**node, datePublished="2025-04-07"))).stated == (Stated("published_at", DateOrigin.JSON_LD, "2025-04-07"),)


def test_of_several_the_one_of_this_page_is_chosen() -> None:
    """Whatever their order."""
    other = json_ld(**FERRY)
    mine = json_ld(url=HOME, headline="Council votes for the wall", datePublished="2025-04-07")
    for head in (other + mine, mine + other):
        assert [one.written for one in raw(page(head)).stated] == ["2025-04-07"]


def test_a_broken_script_does_not_hide_the_others() -> None:
    """Nor do thousands of brackets or digits."""
    texts = ("{", "[" * 100_000, "[" + "9" * 10_000 + "]", '"', "")
    broken = "".join(f'<script type="application/ld+json">{text}</script>' for text in texts)
    assert [one.written for one in raw(page(broken + json_ld(datePublished="2025-04-07"))).stated] == ["2025-04-07"]


def test_control_characters_do_no_harm() -> None:
    """In text, in a script and as an entity: they are left away."""
    script = json_ld(datePublished="2025-04-07").replace('"2025', '\x01"2025')
    one = raw(page(script, f"<article><h1>T</h1><p>{FIRST}\x01&#2;</p></article>"))
    assert [date.written for date in one.stated] == ["2025-04-07"]
    assert one.row == {"text": FIRST, "title": "Council votes for the wall", "url": HOME, "language": "en"}


def test_the_text_behind_a_paywall_comes_from_json_ld() -> None:
    """Where the page shows less than it says it has."""
    wall = "<article><h1>Council votes for the wall</h1><p>Subscribe now.</p></article>"
    found = row(page(json_ld(articleBody=f"{FIRST}\n\n{SECOND}"), wall))
    assert found["text"] == f"{FIRST}\n\n{SECOND}"


def test_a_correction_is_kept() -> None:
    """What was wrong, in the publisher's words, and that the article is retracted."""
    node = {"correction": [{"@type": "CorrectionComment", "text": "It is <b>four</b> million."}], "creativeWorkStatus": "Retracted"}
    assert row(page(json_ld(**node)))["correction"] == "Retracted It is four million."
    assert "correction" not in row(page(json_ld(creativeWorkStatus="Published")))


@pytest.mark.parametrize(
    ("body", "field", "written"),
    [
        ("<article><h1>T</h1><time datetime='2025-04-07'>x</time>{}</article>", "published_at", "2025-04-07"),
        ("<article><time datetime='2025-04-07'>x</time><h1>T</h1>{}</article>", "published_at", "2025-04-07"),
        ("<div><h1>T</h1><div>By A, <time>7 April 2025</time></div><div>{}</div></div>", "published_at", "7 April 2025"),
        ("<article><h1>T</h1>{}<footer><time datetime='2025-04-07'>x</time></footer></article>", "published_at", "2025-04-07"),
        ("<article><h1>T</h1>{}<time itemprop='datePublished' datetime='2025-04-07'>x</time></article>", "published_at", "2025-04-07"),
        ("<article><h1>T</h1>{}<time class='updated' datetime='2025-04-07'>x</time></article>", "updated_at", "2025-04-07"),
        ("<article><h1>T</h1><p>Last updated <time datetime='2025-04-07'>x</time></p>{}</article>", "updated_at", "2025-04-07"),
        (
            "<article><h1>T</h1><div class='post-modified'><time datetime='2025-04-07'>x</time></div>{}</article>",
            "updated_at",
            "2025-04-07",
        ),
        ("<article><h1>T</h1><p>Published: April 7, 2025</p>{}</article>", "published_at", "April 7, 2025"),
        ("<article><h1>T</h1><p class='date'>April 7, 2025</p>{}</article>", "published_at", "April 7, 2025"),
        ("<article><h1>T</h1><p>Aktualisiert am 7. April 2025</p>{}</article>", "updated_at", "7. April 2025"),
        ("<div class='hentry'><h1>T</h1><abbr class='published' title='2025-04-07'>x</abbr>{}</div>", "published_at", "2025-04-07"),
    ],
)
def test_a_date_beside_the_headline_is_stated(body: str, field: str, written: str) -> None:
    """In the head or foot of the article, or marked as its date; changed is not published."""
    (stated,) = raw(page(body=body.format(BODY))).stated
    assert (stated.field, stated.origin, stated.written) == (field, DateOrigin.DOCUMENT, written)


@pytest.mark.parametrize(
    "body",
    [
        "<header><time datetime='2026-05-29'>today</time></header><main><h1>T</h1>{}</main>",
        "<div class='clock'><time datetime='2026-05-29'>today</time></div><h1>T</h1>{}",
        "<div>29 May 2026</div><h1>T</h1>{}",
        "<h1>T</h1>{}<aside><time datetime='2025-04-20'>x</time></aside>",
        "<article><h1>T</h1>{}<div class='related-stories'><time class='published' datetime='2025-04-20'>x</time></div></article>",
        "<article><h1>T</h1>{}<article><time itemprop='datePublished' datetime='2025-04-20'>x</time></article></article>",
        "<article><h1>T</h1>{}</article><div id='comments'><time datetime='2025-04-20'>x</time></div>",
        "<article><h1>T</h1>{}<p>The vote is on <time datetime='2025-05-20'>20 May</time>.</p></article>",
        "<article><h1>T</h1>{}<p>Published: April 7, 2025, said the poster on the wall.</p></article>",
        "<h1>T</h1>{}<footer>&copy; 2025 Herald, updated 7 April 2025</footer>",
        "<nav><p class='date'>7 April 2025</p></nav><article><h1>T</h1>{}</article>",
        "<h1>T</h1><div class='widget'><p class='date'>7 April 2025</p></div>{}",
    ],
)
def test_a_date_of_something_else_is_not(body: str) -> None:
    """The site's clock, other articles, comments, events, the copyright."""
    assert raw(page(body=body.format(BODY))).stated == ()


def test_the_time_of_serving_is_no_date_and_a_meta_of_another_item_neither() -> None:
    """`http-equiv` is the server's clock; microdata in the body counts only within the article."""
    head = '<meta http-equiv="date" content="2026-05-29"><meta http-equiv="last-modified" content="2026-05-29">'
    date = '<meta itemprop="datePublished" content="2025-04-20">'
    teaser = f'<div class="teaser" itemscope itemtype="https://schema.org/NewsArticle">{date}</div>'
    assert raw(page(head, f"<article><h1>T</h1>{BODY}</article>{teaser}")).stated == ()


def test_name_and_path_come_last() -> None:
    """The day in the address, else that in the file's name."""
    path = Stated("published_at", DateOrigin.FILE_NAME, "2025-04-07")
    assert raw(page(), url="https://herald.example/2025/04/07/wall", name="2025-04-09.html").stated == (path,)
    assert raw(page(), url=None, name="2025-04-07.html").stated == (path,)


@pytest.mark.parametrize(
    ("encoding", "content_type", "meta"),
    [
        ("utf-8", "", ""),
        ("utf-8-sig", "text/html; charset=iso-8859-1", ""),
        ("utf-16", "", ""),
        ("utf-8", "text/html; charset=iso-8859-1", ""),
        ("cp1252", "text/html; charset=ISO-8859-1", ""),
        ("cp1252", "text/html", '<meta charset="iso-8859-1">'),
        ("cp1252", "", '<meta http-equiv="Content-Type" content="text/html; charset=windows-1252">'),
        ("cp1252", "", ""),
        ("cp1252", "text/html; charset=utf-8", ""),
        ("cp1252", "text/html; charset=nonsense", ""),
    ],
)
def test_a_page_is_read_in_its_charset(encoding: str, content_type: str, meta: str) -> None:
    """By byte order mark, declaration or looks; the typographic quotes of windows-1252 come out as they are."""
    sentence = "“Señora Müller’s café” is what the sign above the door of the old harbour office has said since – she claims – 1901."
    text = page(meta, f"<article><h1>Größe</h1><p>{sentence}</p>{BODY}</article>")
    assert row(text.encode(encoding), content_type=content_type)["text"].startswith(sentence)


@pytest.mark.parametrize(
    ("encoding", "sentence"),
    [
        ("shift_jis", "港の市議会は月曜日、新しい防潮堤に四百万を支出することを五時間の議論の末に決めた。市長は料金で賄うと述べた。" * 3),
        ("cp1251", "Городской совет Харроумута в понедельник решил потратить четыре миллиона на новую стену после пяти часов споров. " * 3),
        ("gb18030", "市议会周一经过五个小时的辩论，决定拨款四百万修建新的海堤。市长表示，资金将来自港口费用和地区担保的贷款。" * 3),
    ],
)
def test_other_charsets_are_read_where_they_are_declared(encoding: str, sentence: str) -> None:
    """Japanese, Russian and Chinese pages of old."""
    text = page(f'<meta charset="{encoding}">', f"<article><h1>T</h1><p>{sentence.strip()}</p></article>")
    assert sentence.strip()[:40] in row(text.encode(encoding))["text"]


def test_a_few_broken_bytes_cost_those_characters_only() -> None:
    """A page in UTF-8 with a byte too many stays UTF-8."""
    text = page(body=f"<article><h1>T</h1><p>Café. {FIRST}</p>{BODY * 20}</article>").encode().replace(b"Monday", b"Mon\xffday", 1)
    assert row(text)["text"].startswith("Café. ")


LINE = "A line about it, long enough to look as if it were a story of its own"
HEADLINES = "".join(f"<h2><a href='/{n}'>Headline {n}</a></h2><p>{LINE}, which it is not, {n}.</p>" for n in range(9))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (page(body=f"<h1>Herald</h1>{HEADLINES}"), "list of headlines"),
        ("", "no page of HTML"),
        ("\0\0\0", "no page of HTML"),
        ("<!-- nothing -->", "no page of HTML"),
        (page(body="<div id=root></div>"), "without the text"),
        ("<div>" * 1_000, "nested too deeply"),
        ("<p>" * 50_000, "elements; the limit"),
        (" " * (10 * 1024 * 1024 + 1), "bytes; the limit"),
    ],
)
def test_a_page_without_an_article_says_why(text: str, reason: str) -> None:
    """A list, an empty page, one built by a script, and what is too deep, too full or too large to be read."""
    one = raw(text)
    assert one.row is None
    assert one.problem is not None
    assert reason in one.problem


def test_an_article_with_many_links_is_an_article() -> None:
    """Teasers below it do not make it a list where it is described as an article."""
    described = page('<meta property="og:type" content="article">', f"<article><h1>T</h1>{BODY}</article>{HEADLINES}")
    assert row(described)["text"].startswith(FIRST)


def test_an_old_page_of_tables_is_read() -> None:
    """Where else is nothing, the text in a table's cell is the article."""
    assert FIRST in row(f"<html><body><table><tr><td><h1>T</h1>{BODY}</td></tr></table></body></html>")["text"]


def test_no_date_is_mined_from_the_text() -> None:
    """A page full of days in its sentences states none."""
    assert raw(page(body=f"<article><h1>T</h1><p>It began on 3 May 1984 and ended on 2 March 1985.</p>{BODY}</article>")).stated == ()


PIECES = """<div>|</div>|<p>|<time datetime=2025-04-07>|<h1>|<article>|<table>|<td>|words of it |&|<!--|-->|</script>|\0|é|"2025-04-07"}|
<script type='application/ld+json'>|{"@type":"NewsArticle","datePublished":|<meta name=date content=x>|</article>""".split("|")


@given(st.lists(st.sampled_from(PIECES), max_size=60))
def test_no_page_breaks_the_reading(pieces: list[str]) -> None:
    """Any sequence of tags gives an article or a problem."""
    one = raw("".join(pieces))
    assert (one.row is None) == (one.problem is not None)


@pytest.mark.parametrize(
    ("text", "most"),
    [
        ("<article class=x>" * 200 + "<time datetime=2025-04-07>x</time>" * 10_000, 200),
        ("<article class=x>" * 200 + "<h1>Some heading of it</h1>" * 10_000, 0),
        ("<article class=x>" * 200 + "<p>x y z</p>" * 10_000, 0),
        ("<h1>x</h1>" + "<i class=date>7 April 2025</i>" * 10_000, 20),
        ('<a b="' * 100_000, 0),
        ("<script type='application/ld+json'>" + '{"a":' * 100_000, 0),
    ],
)
def test_hostile_pages_are_read_to_their_end(text: str, most: int) -> None:
    """Nested articles, thousands of dates and headlines, endless attributes: an answer, and no more dates than an article may have."""
    assert len(raw(text).stated) <= most


LINKS = [f'<a href="/s{number}">Topic {number} of the valley</a>' for number in range(20)]


@pytest.mark.parametrize(
    "body",
    ["".join(f"<p>{link}</p>" for link in LINKS), " | ".join(LINKS), "<ul>" + "".join(f"<li>{link}</li>" for link in LINKS) + "</ul>"],
    ids=["paragraphs", "one line", "list"],
)
def test_a_page_of_links_is_no_article(body: str) -> None:
    """A home page of twenty links and hardly a sentence."""
    told = raw(page(body=f"<h1>Home</h1><p>Welcome to Harrowmouth.</p>{body}"))
    assert told.problem is not None
    assert "holds no article, but links" in told.problem


def test_an_article_with_links_is_one() -> None:
    """Links in its sentences and lists below it cost it nothing, nor does a page that says it is an article."""
    linked = BODY.replace("sea wall", '<a href="/wall">sea wall</a>').replace("harbour fees", '<a href="/fees">harbour fees</a>')
    below = "<ul>" + "".join(f"<li>{link}</li>" for link in LINKS[:5]) + "</ul>"
    assert FIRST in row(page(body=f"<h1>Council votes</h1>{linked}{below}"))["text"]
    assert row(page('<meta property="og:type" content="article">', "<h1>Home</h1>" + "".join(f"<p>{link}</p>" for link in LINKS)))["text"]


@pytest.mark.parametrize(
    "data",
    [
        b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 9,
        b"%PDF-1.7 words",
        bytes(range(256)) * 20,
        page().encode("utf-16-le"),
        b"GIF89a<p>Words.</p>",
    ],
    ids=["png", "pdf", "bytes", "utf-16 undeclared", "gif"],
)
def test_binary_data_are_no_page(data: bytes) -> None:
    """Whatever they are called or served as."""
    problem = raw(data, content_type="text/html").problem
    assert problem is not None
    assert "binary data" in problem


def test_a_page_with_a_few_stray_characters_is_one() -> None:
    """Controls that were pasted in, and UTF-16 that says so by its mark or header."""
    stray = page().replace("Monday", "Mon\x0bday\x00")
    for data, kind in ((stray.encode(), ""), (page().encode("utf-16"), ""), (page().encode("utf-16-le"), "text/html; charset=utf-16-le")):
        assert "council of Harrowmouth" in row(data, content_type=kind)["text"]
