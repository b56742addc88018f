"""Feeds as articles: what is the text and what a summary, which dates are an item's, and which XML is not read at all."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.articles.feeds import Feed, feed_articles, feeds_of, is_feed
from service.articles.raw import Raw, Stated
from service.articles.xml_guard import look_over
from service.domain import DateOrigin
from service.errors import BadArticle

FIRST = "The council of Harrowmouth voted on Monday to spend four million on a new sea wall, after a debate of five hours."
SECOND = "Mayor Ilse Brandt said that the money would come from harbour fees and from a loan that the region will guarantee."
HOME = "https://herald.example/feed.xml"
SPACES = (
    'xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:dc="http://purl.org/dc/elements/1.1/" '
    'xmlns:atom="http://www.w3.org/2005/Atom" xmlns:dcterms="http://purl.org/dc/terms/"'
)


def rss(items: str, channel: str = "") -> str:
    """A feed of RSS 2.0 with these items."""
    title = "<title>Harrowmouth &amp;amp; Herald</title>"
    return f'<?xml version="1.0"?><rss version="2.0" {SPACES}><channel>{title}{channel}{items}</channel></rss>'


def atom(entries: str) -> str:
    """A feed of Atom with these entries."""
    head = "<title>Herald</title><updated>2026-05-29T09:00:00Z</updated>"
    return f'<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="de-DE">{head}{entries}</feed>'


def json_feed(*items: object, **feed: Any) -> str:
    """A JSON Feed with these items."""
    return json.dumps({"version": "https://jsonfeed.org/version/1.1", "title": "Herald", **feed, "items": items})


def read(text: str | bytes, url: str | None = HOME) -> Feed:
    """The feed."""
    return feed_articles(text if isinstance(text, bytes) else text.encode(), url=url)


def one(text: str) -> Raw:
    """The only item of a feed."""
    (item,) = read(text).items
    return item


def row(text: str) -> dict[str, Any]:
    """The row of the only item."""
    item = one(text)
    assert isinstance(item.row, dict), item.problem
    return item.row


def test_an_item_with_content_is_an_article() -> None:
    """Text in paragraphs, headline without tags, author, outlet, address, guid; nothing is left to be fetched."""
    item = one(
        rss(
            f"<item><title>Council &lt;i&gt;votes&lt;/i&gt;</title><link>/a/wall</link>"
            "<guid isPermaLink='false'>h-1</guid><dc:creator>Anna Holt</dc:creator>"
            f"<description>Short.</description><content:encoded><![CDATA[<p>{FIRST}</p><script>x()</script><p>{SECOND}</p>"
            "<p>The post <a href='/a'>Council votes</a> appeared first on <a href='/'>Herald</a>.</p>]]></content:encoded></item>",
            "<language>en-GB</language>",
        )
    )
    assert item.row == {
        "text": f"{FIRST}\n\n{SECOND}", "title": "Council votes", "source": "Harrowmouth & Herald", "author": "Anna Holt",
        "url": "https://herald.example/a/wall", "language": "en", "guid": "h-1",
    }  # fmt: skip
    assert (item.links, item.place) == ((), "#1")


@pytest.mark.parametrize(
    ("item", "full"),
    [
        (f"<description>{FIRST}</description>", False),
        (f"<description>{f'&lt;p&gt;{FIRST} {SECOND}&lt;/p&gt;' * 9}</description>", True),
        (f"<description>{f'{FIRST} {SECOND} ' * 9}</description>", False),
        (f"<description>{f'&lt;p&gt;{FIRST} {SECOND}&lt;/p&gt;' * 9}[…]</description>", False),
        (f"<content:encoded>{FIRST}</content:encoded>", True),
        (f"<content:encoded>{FIRST} [...]</content:encoded>", False),
        (f"<content:encoded>{FIRST} Read more</content:encoded>", False),
        (f"<content:encoded>{FIRST} &lt;a&gt;Continue reading Council votes →&lt;/a&gt;</content:encoded>", False),
        (f"<content:encoded>{FIRST} I could tell you more.</content:encoded>", True),
        (f"<content:encoded>Short.</content:encoded><description>{FIRST}</description>", False),
        ("", False),
    ],
)
def test_a_summary_names_its_page(item: str, full: bool) -> None:
    """Content is the article unless it breaks off; a description is one only where it is long and has paragraphs."""
    assert one(rss(f"<item><link>https://herald.example/a</link>{item}</item>")).links == (() if full else ("https://herald.example/a",))


def test_a_summary_without_a_page_is_all_there_is() -> None:
    """It is taken as the article; with neither text nor address the item says its problem, and the others stay."""
    inner = (f"<description>{FIRST}</description>", "<title>Empty</title>", "<link>https://a.example/x</link>")
    items = read(rss("".join(f"<item>{one}</item>" for one in inner))).items
    assert [item.links for item in items] == [(), (), ("https://a.example/x",)]
    assert [item.problem for item in items] == [None, "the item has neither text nor an address", None]
    assert [item.place for item in items] == ["#1", "#2", "#3"]


@pytest.mark.parametrize(
    "link",
    ["javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "https://user:word@a.example/", "http://[x", "ftp://a.example/x"],
)
def test_a_link_that_is_none_of_the_web_is_dropped(link: str) -> None:
    """The item stays, without an address."""
    for text in (rss(f"<item><link>{link}</link><description>{FIRST}</description></item>"), json_feed({"url": link, "summary": FIRST})):
        assert "url" not in row(text)
        assert one(text).links == ()


@pytest.mark.parametrize(
    ("dates", "stated"),
    [
        ("<pubDate> Mon, 07 Apr 2025 10:30:00 EST </pubDate>", [("published_at", "Mon, 07 Apr 2025 10:30:00 EST")]),
        ("<dc:date>2025-04-07T10:30:00+02:00</dc:date>", [("published_at", "2025-04-07T10:30:00+02:00")]),
        ("<pubDate>Mon, 07 Apr 2025</pubDate><dc:date>2025-04-08</dc:date>", [("published_at", "Mon, 07 Apr 2025")]),
        ("<atom:updated>2025-04-07</atom:updated>", [("updated_at", "2025-04-07")]),
        (
            "<pubDate>2025-04-07</pubDate><atom:updated>2025-04-08</atom:updated>",
            [("published_at", "2025-04-07"), ("updated_at", "2025-04-08")],
        ),
        ("<dcterms:issued>2025-04-07</dcterms:issued>", [("published_at", "2025-04-07")]),
        ("<dcterms:modified>2025-04-07</dcterms:modified>", [("updated_at", "2025-04-07")]),
        ("<pubDate>gestern</pubDate>", [("published_at", "gestern")]),
        ("", []),
    ],
)
def test_dates_are_kept_as_they_are_written(dates: str, stated: list[tuple[str, str]]) -> None:
    """`dc:date` is the publication, `updated` is not; the channel's own dates are nobody's."""
    now = "Fri, 29 May 2026 09:00:00 GMT"
    channel = f"<pubDate>{now}</pubDate><lastBuildDate>{now}</lastBuildDate><dc:date>2026-05-29</dc:date>"
    item = one(rss(f"<item><description>{FIRST}</description>{dates}</item>", channel))
    assert [(date.field, date.written) for date in item.stated] == stated
    assert all(date.origin is DateOrigin.FEED for date in item.stated)


def test_a_day_in_the_address_is_stated_last() -> None:
    """Where the item has no date, it may be all there is."""
    item = one(rss(f"<item><link>https://a.example/2025/04/07/x</link><description>{FIRST}</description></item>"))
    assert item.stated == (Stated("published_at", DateOrigin.FILE_NAME, "2025-04-07"),)


def test_atom_is_read() -> None:
    """Content as XHTML, several authors, the outlet that an aggregated entry comes from, the link among several, the language."""
    item = one(
        atom(
            "<entry><title type='html'>A &amp;lt; B</title><id>tag:1</id><link rel='self' href='s.xml'/><link rel='alternate' href='a/1'/>"
            "<author><name>Anna Holt</name></author><author><name>Tom Reeve</name></author><source><title>Tarn Valley</title></source>"
            "<published>2025-04-07T10:30:00+02:00</published><updated>2025-04-08T10:30:00+02:00</updated>"
            f"<content type='xhtml'><div xmlns='http://www.w3.org/1999/xhtml'><p>{FIRST}</p><p>{SECOND}</p></div></content></entry>"
        )
    )
    assert item.row == {
        "text": f"{FIRST}\n\n{SECOND}", "title": "A < B", "source": "Tarn Valley", "author": "Anna Holt, Tom Reeve",
        "url": "https://herald.example/a/1", "language": "de", "guid": "tag:1",
    }  # fmt: skip
    assert [date.written for date in item.stated] == ["2025-04-07T10:30:00+02:00", "2025-04-08T10:30:00+02:00"]


def test_an_atom_entry_that_says_only_when_it_changed_has_no_publication() -> None:
    """`updated` is required of every entry, and so says little."""
    (stated,) = one(atom(f"<entry><updated>2025-04-07T10:30:00Z</updated><summary>{FIRST}</summary></entry>")).stated
    assert stated.field == "updated_at"


DATES = {"date_published": "2025-04-07", "date_modified": "2025-04-08"}


def test_a_json_feed_is_read() -> None:
    """HTML or plain text, authors of the item or the feed, the id as address, dates as written."""
    feed = read(
        json_feed(
            {"id": "https://herald.example/1", "content_html": f"<p>{FIRST}</p><p>{SECOND}</p>", **DATES},
            {"id": 7, "url": "/2", "content_text": f"{FIRST} 1 < 2.\n\n{SECOND}", "author": {"name": "Tom Reeve"}, "date_published": 5},
            {"id": "x", "url": "/3", "summary": FIRST},
            "nonsense",
            authors=[{"name": "Anna Holt"}],
            language="en",
        )
    )
    rows = [item.row if isinstance(item.row, dict) else {} for item in feed.items]
    assert (feed.title, feed.kind) == ("Herald", "json")
    assert [one.get("url") for one in rows] == ["https://herald.example/1", "https://herald.example/2", "https://herald.example/3", None]
    assert [one.get("text") for one in rows] == [f"{FIRST}\n\n{SECOND}", f"{FIRST} 1 < 2.\n\n{SECOND}", FIRST, None]
    assert [one.get("author") for one in rows] == ["Anna Holt", "Tom Reeve", "Anna Holt", None]
    assert [len(item.stated) for item in feed.items] == [2, 0, 0, 0]
    assert [item.links for item in feed.items] == [(), (), ("https://herald.example/3",), ()]
    assert feed.items[3].problem == "the item is no object"


def test_old_kinds_are_read() -> None:
    """RSS 0.91 with its DOCTYPE, RSS 1.0, and a feed that is not well-formed."""
    item = f"<item><title>Caf&eacute;</title><description>{FIRST}</description></item>"
    doctype = '<!DOCTYPE rss PUBLIC "-//Netscape//DTD RSS 0.91//EN" "http://my.netscape.com/rss-0.91.dtd">'
    old = f'{doctype}<rss version="0.91"><channel><title>T</title>{item}</channel></rss>'
    spaces = 'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"'
    rdf = f"<rdf:RDF {spaces}><channel><title>T</title></channel>{item.replace('Caf&eacute;', 'A')}</rdf:RDF>"
    broken = rss(f"<item><title>This & that</title><description>{FIRST}</description></item>")
    assert [(read(text).kind, row(text)["title"], row(text)["text"]) for text in (old, rdf, broken)] == [
        ("rss091u", "Café", FIRST), ("rss10", "A", FIRST), ("rss20", "This & that", FIRST),
    ]  # fmt: skip


def test_an_address_as_author_is_reduced_to_the_name() -> None:
    """RSS 2.0 wants a mailbox; a bare one is kept as it is."""
    item = f"<item><author>anna@herald.example (Anna Holt)</author><description>{FIRST}</description></item>"
    assert row(rss(item))["author"] == "Anna Holt"


BOMB = '<!DOCTYPE rss [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>' + rss("<item><title>&b;</title></item>")
FILE = '<!DOCTYPE rss [<!ENTITY f SYSTEM "file:///etc/passwd">]>' + rss("<item><description>&f;</description></item>")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (BOMB, "document type of its own"),
        (FILE, "document type of its own"),
        (FILE.replace("</rss>", "& broken</rss>"), "document type of its own"),
        ('<!DOCTYPE rss [<!ENTITY % p SYSTEM "http://a.example/x.dtd"> %p;]>' + rss(""), "document type of its own"),
        ("<rss>" + "<a>" * 200_000, "nested more than 100"),
        ("<rss>&" + "<a>" * 200_000, "nested more than 100"),
        (rss("<item>" + "<a/>" * 40_000 + "</item>"), "more than 20,000 elements"),
        (rss("<item>&" + "<a/>" * 40_000 + "</item>"), "broken XML of more than 15,000 tags"),
        (rss("&" + " " * (1024 * 1024 + 1)), "broken XML of"),
        (" " * (10 * 1024 * 1024 + 1), "bytes; the limit"),
        ("<html><body>No feed</body></html>", "is no feed"),
        ("", "is no feed"),
        (rss("<item><title>&broken; &#x110000;</title></item>"), "so broken"),
        ("{", "JSON that cannot be read"),
        ("{" + '"a":{' * 100_000, "JSON that cannot be read"),
        ('{"version": "1", "items": []}', "no JSON Feed"),
        ('{"version": "https://jsonfeed.org/version/1.1"}', "no JSON Feed"),
    ],
)
def test_what_is_no_feed_or_hostile_is_refused(text: str, reason: str) -> None:
    """Entities of every kind, nesting, floods of elements, other XML and other JSON: said, and nothing opened."""
    with pytest.raises(BadArticle, match=reason):
        read(text)


def test_text_is_never_a_path() -> None:
    """A feed whose bytes are the name of a file is no feed; the file is not opened."""
    with pytest.raises(BadArticle, match="is no feed"):
        read(__file__.encode())
    with pytest.raises(BadArticle, match="is no feed"):
        read(b"https://herald.example/feed.xml")


def test_nesting_within_limits_passes_the_guard() -> None:
    """A hundred levels, and comments and CDATA that look like tags, are fine, well-formed or not."""
    assert look_over(b"<a>" * 100 + b"</a>" * 100)
    assert not look_over(b"<a>" * 100 + b"&" + b"</a>" * 100)
    assert not look_over(b"<a>&<![CDATA[" + b"<b>" * 200 + b"]]><!--" + b"<b>" * 200 + b"--></a>")
    assert not look_over(b"<a>&" + b"<b></b><c/>" * 200 + b"</a>")


@pytest.mark.parametrize(
    ("text", "content_type", "feed"),
    [
        (rss(""), "text/html", True),
        (atom(""), "", True),
        ("\ufeff " + atom(""), "", True),
        ("<rdf:RDF xmlns:rdf='x'>", "", True),
        (json_feed(), "application/json", True),
        ("<!-- long comment --><rss version='2.0'>", "", True),
        ("<x/>", "application/rss+xml; charset=utf-8", True),
        ('{"version": "https:\\/\\/jsonfeed.org\\/version\\/1"}', "", True),
        ("<html><body><rss></body></html>", "text/html", False),
        ("<!doctype html><html>", "application/rss+xml", False),
        ('{"id": "a"}', "application/json", False),
        ("<urlset xmlns='x'>", "application/xml", False),
        ("words", "text/plain", False),
        ("", "", False),
    ],
)
def test_a_feed_is_told_by_its_beginning(text: str, content_type: str, feed: bool) -> None:
    """Whatever it is served as."""
    assert is_feed(text.encode(), content_type) is feed


def test_a_page_names_its_feeds() -> None:
    """In order, once each, made absolute; style sheets, other languages and scripts are none."""
    links = (
        '<link rel="alternate" type="application/rss+xml" href="/feed">'
        '<link rel="Alternate" type="application/atom+xml; charset=utf-8" href="https://x.example/a">'
        '<link rel="alternate" type="application/rss+xml" href="/feed">'
        '<link rel="alternate" hreflang="de" href="/de"><link rel="stylesheet" href="/s.css">'
        '<link rel="alternate" type="application/rss+xml" href="javascript:x"><link rel="alternate" type="application/rss+xml">'
    )
    data = f"<html><head>{links}</head><body><p>x</p></body></html>".encode()
    assert feeds_of(data, "https://herald.example/a/b") == ["https://herald.example/feed", "https://x.example/a"]
    with pytest.raises(BadArticle):
        feeds_of(b"", None)


PIECES = """<rss version='2.0'>|<channel>|<item>|</item>|<title>|</title>|<pubDate>|words|&|&amp;|<![CDATA[|]]>|<!--|-->|<entry>|</entry>|
<feed xmlns='http://www.w3.org/2005/Atom'>|<content type='xhtml'>|<author>|a@b (c)|<link href='x'/>|é|\0|<?|?>""".split("|")


@given(st.lists(st.sampled_from(PIECES), max_size=40))
def test_no_feed_breaks_the_reading(pieces: list[str]) -> None:
    """Any sequence of tags gives items or BadArticle."""
    try:
        items = read("".join(pieces)).items
    except BadArticle:
        return
    assert all((item.row is None) == (item.problem is not None) for item in items)


@pytest.mark.parametrize("piece", ["<![CDATA[", '<a b="', "</", "<", "<!--", "&"])
def test_hostile_feeds_are_read_to_their_end(piece: str) -> None:
    """Unclosed sections, quotes and brackets by the ten thousand give the one item that there is."""
    (item,) = read(f"<rss version='2.0'><channel><item><description>{FIRST}</description></item>&" + piece * (80_000 // len(piece))).items
    assert isinstance(item.row, dict)
    assert item.row["text"] == FIRST
