"""The corpus row: what is kept, what is mended with a warning, and what is refused."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from service.articles.items import Loaded
from service.articles.row import MAX_METADATA, article_from_row
from service.domain import DateOrigin
from service.errors import BadArticle
from service.urls import canonical_url
from tests.fakes import NOON


def loaded(**row: Any) -> Loaded:
    """A row with some text, and these fields."""
    return article_from_row({"text": "Some text."} | row, now=NOON, max_chars=1000)


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("2026-03-04", datetime(2026, 3, 4, tzinfo=UTC)),
        ("2026-03-04T10:00:00Z", datetime(2026, 3, 4, 10, tzinfo=UTC)),
        ("2026-03-04T10:00:00", datetime(2026, 3, 4, 10, tzinfo=UTC)),
        ("2026-03-04T01:30:00+05:30", datetime(2026, 3, 3, 20, tzinfo=UTC)),
        (" 2026-03-04 ", datetime(2026, 3, 4, tzinfo=UTC)),
        ((NOON + timedelta(hours=12)).isoformat(), NOON + timedelta(hours=12)),
    ],
)
def test_dates_are_kept_in_utc(written: str, moment: datetime) -> None:
    """Offsets are converted, no offset means UTC, and a date in tomorrow's time zone is believed."""
    item = loaded(published_at=written)
    assert item.article.published_at == loaded(updated_at=written).article.updated_at == moment
    assert item.article.date_origin is DateOrigin.DOCUMENT
    assert item.warnings == ()


@pytest.mark.parametrize(
    ("written", "word"),
    [
        ("2025-13-45", "month must be in"),
        ("yesterday", "is no date"),
        ("0001-01-01", "before newspapers"),
        ("0001-01-01T00:00:00+14:00", "outside the calendar"),
        ("2027-01-01", "in the future"),
        ("9999-12-31T23:59:59-12:00", "outside the calendar"),
        (1_700_000_000, "not a date"),
        (["2026-01-01"], "not a date"),
        ("\ud800", "is no date"),
    ],
)
def test_a_wrong_date_costs_a_warning_and_not_the_article(written: object, word: str) -> None:
    """The date stays unknown, never "now", and the warning names field and value."""
    item = loaded(published_at=written)
    assert (item.article.published_at, item.article.date_origin) == (None, DateOrigin.UNKNOWN)
    warning = item.warnings[0]
    assert "published_at" in warning
    assert word in warning
    warning.encode()


@pytest.mark.parametrize("written", [None, "", "  "])
def test_no_date_is_no_mistake(written: str | None) -> None:
    """A missing date is unknown without a warning."""
    item = loaded(published_at=written)
    assert (item.article.published_at, item.warnings) == (None, ())


def test_fields_are_one_line_without_control_characters() -> None:
    """White space is folded, controls go; the joiners of Persian words and of emoji stay."""
    article = loaded(title=" Two\n lines\t\x07here ", source="خبر\u200cگزاری", author="", url=None).article
    assert (article.title, article.source, article.author, article.url) == ("Two lines here", "خبر\u200cگزاری", None, None)


@pytest.mark.parametrize("written", ["a/b/../c", "https://x.example/a?b=c#d", "日本", "a b", "." * 256])
def test_an_id_is_kept_as_it_is(written: str) -> None:
    """Slashes, spaces and other scripts are part of an id."""
    assert loaded(id=written).article.id == written


@pytest.mark.parametrize("written", ["a\x00b", "a\nb", "a  b", "x" * 257, 5, "\ud800"])
def test_an_id_that_would_have_to_be_changed_is_refused(written: object) -> None:
    """Two ids must never become one by cleaning."""
    with pytest.raises(BadArticle, match=r"^id: "):
        loaded(id=written)


def test_metadata_is_kept_as_json_can_carry_it() -> None:
    """Unknown keys stay, whatever they are called; NaN and infinity become null."""
    extra = {"desk": "home", "model_dump": 1, "n": [float("nan"), {"x": float("inf")}], "nan": float("nan")}
    assert dict(loaded(**extra).article.metadata) == {"desk": "home", "model_dump": 1, "n": [None, {"x": None}], "nan": None}


def test_metadata_is_bounded() -> None:
    """Every hit carries it, so it is neither large nor deeply nested."""
    with pytest.raises(BadArticle, match="the limit is"):
        loaded(notes="x" * MAX_METADATA)
    deep: list[Any] = []
    for _ in range(500):
        deep = [deep]
    with pytest.raises(BadArticle, match="levels deep"):
        loaded(tree=deep)


@pytest.mark.parametrize(("length", "accepted"), [(1000, True), (1001, False), (5000, False)])
def test_the_limit_of_the_text_is_exact(length: int, accepted: bool) -> None:
    """White space around it does not count."""
    if accepted:
        assert loaded(text="\n" * 100 + "x" * length).article.text == "x" * length
    else:
        with pytest.raises(BadArticle, match=f"has {length:,} characters; the limit is 1,000"):
            loaded(text="x" * length)


def test_without_an_id_an_article_is_known_by_its_url() -> None:
    """Fragments, tracking parameters, the scheme and the host's case do not make another article."""
    first = loaded(url="http://News.example/a/?utm_source=x&id=1#top").article
    second = loaded(url="https://news.example:443/a?id=1", text="Corrected text.").article
    assert first.id == second.id != loaded(url="https://news.example/a?id=2").article.id


def test_without_id_and_url_an_article_is_known_by_outlet_headline_and_date() -> None:
    """A corrected text is the same article; the same headline on another day is another one."""
    monday = loaded(title="Morning briefing", source="Herald", published_at="2026-03-02").article.id
    assert loaded(title="Morning briefing", source="Herald", published_at="2026-03-02", text="Corrected.").article.id == monday
    assert loaded(title="Morning briefing", source="Herald", published_at="2026-03-03").article.id != monday
    assert loaded(text="One.").article.id != loaded(text="Two.").article.id


@pytest.mark.parametrize("fields", [{}, {"source": "Herald"}, {"published_at": "2026-03-02"}])
def test_a_headline_alone_makes_no_identity(fields: dict[str, str]) -> None:
    """Two texts of one headline are two articles where outlet or date is not known; the same text is the same article."""
    first = loaded(title="Lamps", text="The harbour is lit.", **fields).article.id
    assert loaded(title="Lamps", text="Oil lamps are sold again.", **fields).article.id != first
    assert loaded(title="Lamps", text="The harbour is lit.", **fields).article.id == first


@pytest.mark.parametrize("url", ["http://[broken", "http://x:99999999/", "not a url", "javascript:alert(1)"])
def test_a_strange_url_is_still_an_identity(url: str) -> None:
    """No URL makes an article fail."""
    assert loaded(url=url).article.id == loaded(url=url, text="Other.").article.id


def test_canonical_urls_keep_what_matters() -> None:
    """Path, query and a port of its own stay."""
    assert canonical_url("https://[2001:DB8::1]:443/a/") == "https://[2001:db8::1]/a"
    assert canonical_url("http://X.example:8080/A/?b=1&c=2") == "https://x.example:8080/A?b=1&c=2"


@pytest.mark.parametrize("row", [None, [], "text", 5])
def test_what_is_no_object_is_refused(row: object) -> None:
    """The message says what it was."""
    with pytest.raises(BadArticle, match=f"not {type(row).__name__}"):
        article_from_row(row, now=NOON, max_chars=10)


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("date", "published_at"), ("Published", "published_at"), ("publish_date", "published_at"), ("pubDate", "published_at"),
        ("pub_date", "published_at"), ("datePublished", "published_at"), ("publishedAt", "published_at"),
        ("updated", "updated_at"), ("modified", "updated_at"), ("lastmod", "updated_at"),
    ],
)  # fmt: skip
def test_a_date_may_have_another_name(name: str, field: str) -> None:
    """In any case of letters; it is used, and so no metadata."""
    article = loaded(**{name: "2026-03-04"}).article
    assert getattr(article, field) == datetime(2026, 3, 4, tzinfo=UTC)
    assert dict(article.metadata) == {}


def test_other_fields_may_have_another_name() -> None:
    """Text, headline, outlet, author, address and language."""
    row = {
        "Body": "The dam holds.",
        "headline": "Dam",
        "publisher": "Herald",
        "byline": "A. Moor",
        "link": "https://h.example/a",
        "lang": "en",
    }
    article = article_from_row(row, now=NOON, max_chars=1000).article
    assert (article.text, article.title, article.source, article.author) == ("The dam holds.", "Dam", "Herald", "A. Moor")
    assert (article.url, article.language, dict(article.metadata)) == ("https://h.example/a", "en", {})


def test_another_name_gives_way_to_our_own() -> None:
    """A field that is there is left alone, be it null; what is not used stays metadata."""
    article = loaded(published_at="2026-03-04", date="2026-03-05", title=None, headline="Dam", body="Other.").article
    assert (article.published_at, article.title, article.text) == (datetime(2026, 3, 4, tzinfo=UTC), "", "Some text.")
    assert dict(article.metadata) == {"date": "2026-03-05", "headline": "Dam", "body": "Other."}


@pytest.mark.parametrize(
    "extra", [{"updated": True}, {"date": 1_700_000_000}, {"headline": "x" * 2_001}, {"lang": "x" * 36}, {"link": " "}]
)
def test_what_cannot_be_the_field_is_not_taken_for_it(extra: dict[str, Any]) -> None:
    """Another name may mean something else: the article and its metadata are as they were."""
    item = loaded(**extra)
    assert (dict(item.article.metadata), item.warnings) == (extra, ())


@pytest.mark.parametrize("name", ["author", "authors", "byline"])
@pytest.mark.parametrize("value", [["A. Moor", "B. Fell"], [{"name": "A. Moor"}, {"name": "B. Fell"}], ["A. Moor", {"name": " B. Fell "}]])
def test_several_authors_are_one_line(name: str, value: list[Any]) -> None:
    """Names, or objects with a name, joined."""
    assert loaded(**{name: value}).article.author == "A. Moor, B. Fell"


def test_an_outlet_may_be_an_object_with_a_name() -> None:
    """As JSON-LD has it."""
    assert loaded(publisher={"@type": "Organization", "name": "Herald"}).article.source == "Herald"


def test_authors_without_names_are_refused() -> None:
    """A list of numbers is no author."""
    with pytest.raises(BadArticle, match=r"^author: "):
        loaded(author=[1, 2])


@pytest.mark.parametrize("text", ["\u200b", "\u200b \u2060\n\ufeff", "\u3164\u115f", "\u00ad", "\u2800", "\u0301\x07", "\U000e0041"])
def test_a_text_that_shows_nothing_is_refused(text: str) -> None:
    """Characters that nobody sees are no article."""
    with pytest.raises(BadArticle, match="no visible character"):
        loaded(text=text)


@pytest.mark.parametrize("text", ["…", "5", "a\u200b", "☂", "日", "$"])
def test_a_text_of_one_visible_character_is_kept(text: str) -> None:
    """Letters, digits, marks and signs."""
    assert loaded(text=text).article.text == text
