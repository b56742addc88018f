"""What fuzzing found, each as the smallest input that showed it. What took too long is refused or read at once; no time is asserted."""

import pytest

from service.articles.feeds import feed_articles
from service.articles.markdown import MAX_MARKS, plain_text
from service.articles.page_tree import MAX_ALL_ELEMENTS, decode
from service.articles.parsing import PARSERS, Job
from service.articles.webpage import page_articles
from service.articles.xml_guard import MAX_ATTRIBUTES, MAX_BROKEN_TAGS, MAX_ELEMENTS
from service.domain import Article
from service.errors import BadArticle
from service.indexing.passages import cut_passages
from service.sentences import LONGEST_PARAGRAPH

WORDS = "The dam at Eastholm holds, the engineers said on Monday. "
RSS = f"<rss version='2.0'><channel><title>Herald</title><item><title>Dam</title><description>{WORDS}</description></item></channel></rss>"


def titles(feed: bytes) -> list[object]:
    """The headlines of a feed's items."""
    return [raw.row["title"] for raw in feed_articles(feed, url=None).items if isinstance(raw.row, dict)]


def problem(page: str) -> str:
    """Why a page is no article; empty where it is one."""
    (raw,) = page_articles(page.encode(), url=None)
    return raw.problem or ""


@pytest.mark.parametrize("charset", ["utf-8", "utf-16"])
@pytest.mark.parametrize(
    "prolog",
    [
        "<?xml version='1.0'" + " encoding='utf-16'" * 5_000 + " ?><!-- -->",
        "<?xml version='1.0'?>" + "<?a encoding='utf-16'?>" * 5_000 + "<!-- > -->",
        "<?xml version='1.0'?>" + "\n" * 100_000,
        "<?xml version='1.0'?>\n<!-- a < b, not <b> -->\n",
    ],
    ids=["many charsets", "many instructions", "many lines", "a comment"],
)
def test_what_stands_before_a_feed_is_not_searched_for_hours(prolog: str, charset: str) -> None:
    """feedparser's patterns for charset and DOCTYPE took hours for a declaration of 100 KB; the feed behind it is read at once."""
    assert titles((prolog + RSS).encode(charset)) == ["Dam"]


def test_a_feed_in_another_charset_is_read_as_it_says() -> None:
    """By its declaration, or by the header where bytes are no UTF-8; the declaration goes, and what it said is kept to."""
    feed = RSS.replace("Dam", "Größe")
    assert titles(f"<?xml version='1.0' encoding='iso-8859-1'?>{feed}".encode("latin-1")) == ["Größe"]
    (raw,) = feed_articles(feed.encode("cp1252"), url=None, content_type="application/rss+xml; charset=windows-1252").items
    assert isinstance(raw.row, dict)
    assert raw.row["title"] == "Größe"


@pytest.mark.parametrize("charset", ["idna", "punycode", "undefined", "hex", "unicode-escape"])
def test_a_codec_that_is_no_charset_is_not_believed(charset: str) -> None:
    """Python has codecs that raise on any page or take hours for one; a page that names such a one is read by its looks."""
    page = f"<meta charset='{charset}'><p>{'Der Damm von Eastholm ist für den Fluss nicht hoch genug. ' * 9}"
    assert decode(page.encode("cp1252")) == page


def test_a_page_cannot_say_in_single_bytes_that_it_is_of_double_ones() -> None:
    """Feeds that were written as UTF-16 and are sent as UTF-8 still say so in their first line."""
    assert decode("<meta charset='utf-16'><p>Größe".encode()).endswith("<p>Größe")
    assert titles(f"<?xml version='1.0' encoding='utf-16'?>{RSS}".replace("Dam", "Größe").encode()) == ["Größe"]


def test_a_tag_of_thousands_of_attributes_is_refused() -> None:
    """libxml2 and feedparser look through all of them for each: 50,000 took a minute and a half. Some thousand are read."""
    many = " ".join(f"a{number}='1'" for number in range(MAX_ATTRIBUTES + 1))
    few = " ".join(f"a{number}='1'" for number in range(2_000))
    body = f"<h1>Dam</h1><p>{WORDS * 4}</p>"
    assert "thousands of attributes" in problem(f"<body><article {many}>{body}</article>")
    assert problem(f"<body><article {few}>{body}</article>") == ""
    with pytest.raises(BadArticle, match="thousands of attributes"):
        titles(RSS.replace("<item>", f"<item {many}>").encode())
    with pytest.raises(BadArticle, match="thousands of attributes"):
        titles(RSS.replace("<item>", f"<item {many}>&").encode())
    assert titles(RSS.replace("<item>", f"<item {few}>").encode()) == ["Dam"]


def test_attributes_count_by_their_squares() -> None:
    """A hundred tags of a thousand attributes take as long as one of ten thousand."""
    some = " ".join(f"a{number}='1'" for number in range(1_000))
    assert "thousands of attributes" in problem(f"<body>{f'<p {some}>x</p>' * 26}")
    assert "thousands of attributes" not in problem(f"<body>{f'<p {some}>x</p>' * 24}")


def test_a_page_of_millions_of_empty_tags_is_refused_before_a_tree_is_made() -> None:
    """Whatever the tags are: those that are left aside count as well."""
    assert f"more than {MAX_ALL_ELEMENTS:,} elements" in problem("<body>" + "<svg></svg>" * (MAX_ALL_ELEMENTS + 1))


@pytest.mark.parametrize(
    ("feed", "reason"),
    [
        (RSS.replace("<item>", "<item>" + "<a/>" * (MAX_ELEMENTS + 1)), f"more than {MAX_ELEMENTS:,} elements"),
        (RSS.replace("<item>", "<item>&" + "<a>x</a>" * (MAX_BROKEN_TAGS // 2 + 1)), f"more than {MAX_BROKEN_TAGS:,} tags"),
    ],
    ids=["whole", "broken"],
)
def test_a_feed_of_more_elements_than_can_be_read_in_a_second_is_refused(feed: str, reason: str) -> None:
    """30,000 took up to a second and a half, and twice as long where the XML is broken."""
    with pytest.raises(BadArticle, match=reason):
        titles(feed.encode())


@pytest.mark.parametrize("unit", ["![", "[a](", "- a\n", "_*"])
def test_markdown_of_nothing_but_marks_is_refused(unit: str) -> None:
    """Brackets and lines take up to 35 µs each: 200,000 took three seconds. A long text with as many characters is read."""
    with pytest.raises(BadArticle, match="lines, brackets and marks"):
        plain_text(unit * (MAX_MARKS + 1))
    assert plain_text(f"{WORDS * 40}\n\n" * 200)[1].count("Eastholm") == 8_000


def test_markdown_whose_brackets_nothing_closes_is_refused() -> None:
    """Each of them is looked for to the end of its paragraph: 300 before 200 KB, or 17 before 70,000 signs, took over a second.

    Thousands of links are read."""
    for text in ("[" * 300 + "&a " * 70_000, "[" * 17 + "- " * 70_000):
        with pytest.raises(BadArticle, match="nothing closes"):
            plain_text(text)
    assert plain_text("[a](https://herald.example/a) & " * 5_000)[1].startswith("a & a")


def test_a_feed_of_tags_that_nothing_closes_is_refused() -> None:
    """feedparser's looser parser takes `<f<f<f` for tags: 130,000 took two seconds."""
    with pytest.raises(BadArticle, match="tags"):
        titles(RSS.replace("<item>", "<item>" + "<f" * (MAX_BROKEN_TAGS + 1)).encode())


def test_a_saved_page_of_thousands_of_parts_is_looked_through_no_further() -> None:
    """The headers of 20,000 empty parts took a second; the page is among the first."""
    part = "--b\r\nContent-Type: {}\r\n\r\n{}\r\n"
    start = "Content-Type: multipart/related; boundary=b\r\nSnapshot-Content-Location: =?utf-8?Q?https=3A//herald.example/dam?=\r\n\r\n"
    page = part.format("text/html", f"<article><p>{WORDS * 4}</p></article>")
    other = part.format("multipart/mixed; boundary=c", "")
    (raw,) = PARSERS["mhtml"]((start + page + other * 20_000).encode(), Job("mhtml"))
    assert isinstance(raw.row, dict)
    assert raw.row["url"] == "https://herald.example/dam"
    with pytest.raises(BadArticle, match="without a page"):
        PARSERS["mhtml"]((start + other * 20_000 + page).encode(), Job("mhtml"))


def test_a_saved_page_of_messages_in_messages_is_refused() -> None:
    """The standard library reads a message within a message by calling itself; how deep they lie is no failure of the parser."""
    with pytest.raises(BadArticle, match="nested too deeply"):
        PARSERS["mhtml"](b"Content-Type: message/rfc822\r\n\r\n" * 2_000, Job("mhtml"))


@pytest.mark.parametrize("unit", ["‘", "7 April 2025, 10:30 a.m. ET", "a"])
def test_a_text_without_an_empty_line_is_parted_into_sentences_piece_by_piece(unit: str) -> None:
    """sentencex takes the square of a paragraph's length: a million quotation marks took three and a half minutes. Nothing is lost."""
    text = unit * (500_000 // len(unit))
    passages = cut_passages(Article("a", text), range(0, len(text), 4), 200)
    assert "".join("".join(one.text.split()) for one in passages) == "".join(text.split())


def test_short_paragraphs_and_sentences_are_cut_where_they_end() -> None:
    """However long the text is; a paragraph that is too long is cut after a sentence where it has one."""
    text = "\n\n".join(f"{WORDS * 3}It rains" for _ in range(400))
    spans = [(one.start, one.end) for one in cut_passages(Article("a", text), range(0, len(text), 4), 60)]
    assert len(text) > LONGEST_PARAGRAPH
    assert {text[start:end][-6:] for start, end in spans} <= {"onday.", " rains"}
    joined = text.replace("\n\n", ". ")
    assert all(
        one.text.endswith(("onday.", " rains.", " rains")) for one in cut_passages(Article("a", joined), range(0, len(joined), 4), 60)
    )
