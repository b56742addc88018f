"""The table of parsers: which file is of which kind, and what each kind gives."""

import gzip
import io
import json

import pytest

from service.articles.parsing import KINDS, ONE_ARTICLE, Job, kind_of_name, parse, raws
from service.articles.raw import Stated
from service.domain import DateOrigin
from service.errors import BadArticle

WORDS = "The dam at Eastholm holds, the engineers said on Monday, and the council is to meet again before the river rises. "
PAGE = f"<html><head><title>Dam holds</title></head><body><article><p>{WORDS * 4}</p><p>{WORDS * 3}</p></article></body></html>"
RSS = f"<rss version='2.0'><channel><title>Herald</title><item><title>Dam</title><description>{WORDS}</description></item></channel></rss>"
JSON_FEED = json.dumps(
    {"version": "https://jsonfeed.org/version/1.1", "title": "Herald", "items": [{"id": "1", "title": "Dam", "content_text": WORDS}]}
)
MHTML = (
    "From: <Saved by Blink>\r\nSnapshot-Content-Location: https://herald.example/dam\r\nDate: Fri, 1 May 2026 10:00:00 -0000\r\n"
    'MIME-Version: 1.0\r\nContent-Type: multipart/related; type="text/html"; boundary="b"\r\n\r\n--b\r\nContent-Type: text/html\r\n'
    f"Content-Transfer-Encoding: quoted-printable\r\n\r\n{PAGE.replace('=', '=3D')}\r\n--b\r\nContent-Type: image/png\r\n\r\nx\r\n--b--\r\n"
)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.html", "html"), ("a.HTM", "html"), ("a.xhtml.gz", "html"), ("a.mhtml", "mhtml"), ("a.mht", "mhtml"), ("a.xml", "xml"),
        ("a.rss", "feed"), ("a.atom", "feed"), ("a.md", "markdown"), ("a.Markdown.GZ", "markdown"), ("a.txt", "text"), ("a.json", "json"),
        ("a.ndjson.gz", "jsonl"), ("a.csv", "csv"), ("a.tsv.gz", "csv"), ("a.parquet", "parquet"), ("a.pdf", "pdf"), ("a.zip", "zip"),
        ("in/2025-04-07 a.b.html", "html"), ("a.gz", None), (".txt", None), ("txt", None), ("a.docx", None), ("", None),
        ("a.html.zst", None),
    ],
)  # fmt: skip
def test_kinds_go_by_the_ending(name: str, kind: str | None) -> None:
    """In any case of letters, with .gz looked through."""
    assert kind_of_name(name) == kind


@pytest.mark.parametrize("kind", sorted({*KINDS.values(), *ONE_ARTICLE}))
def test_every_kind_has_a_parser(kind: str) -> None:
    """What is recognised by its name has a parser, which refuses an empty file for what it is."""
    try:
        problems = [raw.problem or "" for raw in parse(kind, b"")]
    except BadArticle as error:
        problems = [str(error)]
    assert len(problems) == 1
    assert problems[0]
    assert "not of a kind" not in problems[0]


def test_a_saved_page_is_a_page_of_its_address() -> None:
    """The page inside, not the day on which it was saved."""
    (raw,) = parse("mhtml", MHTML.encode(), name="dam.mhtml")
    assert isinstance(raw.row, dict)
    assert "The dam at Eastholm holds" in raw.row["text"]
    assert raw.row["url"] == "https://herald.example/dam"
    assert raw.stated == ()
    with pytest.raises(BadArticle, match="without a page"):
        parse("mhtml", b"Content-Type: image/png\n\nx")


def test_xml_is_a_feed_or_a_page() -> None:
    """By what is in it; anything else is said to be neither."""
    (item,) = parse("xml", RSS.encode(), url="https://herald.example/feed")
    assert isinstance(item.row, dict)
    assert item.row["title"] == "Dam"
    (page,) = parse("xml", PAGE.replace("<html>", '<html xmlns="http://www.w3.org/1999/xhtml">').encode())
    assert isinstance(page.row, dict)
    with pytest.raises(BadArticle, match="neither RSS nor Atom nor XHTML"):
        parse("xml", b"<urlset><url/></urlset>")


def test_json_may_be_a_feed() -> None:
    """A JSON Feed is told from an article by its version."""
    (item,) = parse("json", JSON_FEED.encode(), url="https://herald.example/feed.json")
    assert isinstance(item.row, dict)
    assert item.row["title"] == "Dam"


@pytest.mark.parametrize("kind", ["text", "markdown"])
def test_a_date_in_the_name_comes_beside_the_row(kind: str) -> None:
    """Where one file is one article; lines of a file are not all of its day."""
    (raw,) = parse(kind, b"The dam holds.", name="2025-04-07-dam.txt")
    assert raw.stated == (Stated("published_at", DateOrigin.FILE_NAME, "2025-04-07"),)
    (line,) = parse("jsonl", b'{"text": "The dam holds."}', name="2025-04-07.jsonl")
    assert line.stated == ()


def test_options_reach_the_parser() -> None:
    """Columns of tables, and the length of an article."""
    (raw,) = parse("csv", b"body,head\nThe dam holds.,Dam\n", options={"columns": {"title": "head"}, "max_chars": 100})
    assert raw.row == {"text": "The dam holds.", "title": "Dam"}
    with pytest.raises(BadArticle, match="is larger than 40 bytes"):
        parse("text", b"x" * 100, options={"max_chars": 10})


def test_gzip_is_looked_through_and_its_faults_are_said() -> None:
    """By the name's ending; the name inside counts as the file's."""
    (raw,) = parse("text", gzip.compress(b"The dam holds."), name="2025-04-07.txt.gz")
    assert raw.row == {"text": "The dam holds."}
    for data in (b"no gzip", gzip.compress(b"x" * 1_000)[:15]):
        with pytest.raises(BadArticle, match="cannot be read"):
            parse("text", data, name="a.txt.gz")


def test_what_a_library_raises_is_an_error_of_the_file() -> None:
    """With the reason; but want of memory is not the file's to say."""

    class Failing(io.BytesIO):
        """A file whose reading fails."""

        def __init__(self, error: Exception) -> None:
            self.error = error

        def read(self, size: int | None = -1) -> bytes:
            raise self.error

    with pytest.raises(BadArticle, match=r"cannot be read \(KeyError\): 'x'"):
        list(raws(Failing(KeyError("x")), Job("html")))
    with pytest.raises(BadArticle, match="nested too deeply"):
        list(raws(Failing(RecursionError()), Job("html")))
    with pytest.raises(MemoryError):
        list(raws(Failing(MemoryError()), Job("html")))


def test_addresses_that_a_sitemap_leaves_out_are_counted() -> None:
    """Those of other hosts, in one thing passed over."""
    locs = "".join(f"<url><loc>https://{host}.example/a</loc></url>" for host in ("herald", "evil", "other"))
    first, last = parse("sitemap", f"<urlset>{locs}</urlset>".encode(), url="https://herald.example/sitemap.xml")
    assert first.links == ("https://herald.example/a",)
    assert (last.skipped, last.links, last.place[:26]) == (True, (), ": 2 addresses are left out")


def test_only_what_is_passed_over_says_so() -> None:
    """A row of null is a row, and its fault is found where rows are checked."""
    (null,) = parse("jsonl", b"null")
    assert (null.row, null.problem, null.skipped) == (None, None, False)


def test_a_page_without_an_article_names_its_feed() -> None:
    """Whoever names a front page is told what to name instead; without an address, or a feed, nothing is added."""
    links = "".join(f'<li><a href="/{number}">Headline number {number}</a></li>' for number in range(40))
    head = '<link rel="alternate" type="application/rss+xml" href="/feed.xml">'
    page = f"<!doctype html><html><head><title>The Skell Post</title>{head}</head><body><ul>{links}</ul></body></html>".encode()
    (named,) = parse("html", page, url="https://skell-post.example/")
    assert (named.problem or "").endswith("; the page names a feed: https://skell-post.example/feed.xml")
    for data, url in ((page, None), (page.replace(head.encode(), b""), "https://skell-post.example/")):
        (plain,) = parse("html", data, url=url)
        assert plain.problem
        assert "names a feed" not in plain.problem
