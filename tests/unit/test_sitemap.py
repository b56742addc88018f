"""Sitemaps: pages, news and further sitemaps of one host, within the protocol's limits."""

import pytest

from service.articles.raw import Stated
from service.articles.sitemap import MAX_ENTRIES, Entry, Sitemap, sitemap_entries
from service.domain import DateOrigin
from service.errors import BadArticle

HOME = "https://herald.example/sitemap.xml"
NEWS = 'xmlns:news="http://www.google.com/schemas/sitemap-news/0.9" xmlns:image="http://www.google.com/schemas/sitemap-image/1.1"'


def urlset(inner: str) -> bytes:
    """A sitemap of these pages."""
    return f'<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" {NEWS}>{inner}</urlset>'.encode()


def loc(url: str, more: str = "") -> str:
    """One page."""
    return f"<url><loc>{url}</loc>{more}</url>"


def test_pages_come_with_what_the_site_says_of_them() -> None:
    """Address and `lastmod` as written; in a news sitemap the title, the outlet and the date of publication, as a feed's."""
    news = (
        "<news:news><news:publication><news:name>Herald</news:name><news:language>en</news:language></news:publication>"
        "<news:publication_date>2025-04-07T10:30:00+02:00</news:publication_date><news:title>Council &amp; wall</news:title></news:news>"
    )
    plain = loc(" https://herald.example/a ", "<lastmod>2025-04-08</lastmod>")
    found = sitemap_entries(urlset(plain + loc("/b?x=1&amp;y=2", news)), url=HOME)
    date = Stated("published_at", DateOrigin.FEED, "2025-04-07T10:30:00+02:00")
    assert found == Sitemap(
        (
            Entry("https://herald.example/a", "2025-04-08"),
            Entry("https://herald.example/b?x=1&y=2", None, "Council & wall", "Herald", (date,)),
        )
    )


def test_the_address_of_a_picture_is_not_that_of_the_page() -> None:
    """In either order."""
    picture = "<image:image><image:loc>https://herald.example/p.jpg</image:loc></image:image>"
    entries = sitemap_entries(urlset(f"<url>{picture}<loc>https://herald.example/a</loc></url>" + loc("/b", picture)), url=HOME).entries
    assert [entry.url for entry in entries] == ["https://herald.example/a", "https://herald.example/b"]


def test_an_index_names_further_sitemaps() -> None:
    """They are kept apart from pages."""
    data = b"<sitemapindex><sitemap><loc>https://herald.example/s1.xml</loc><lastmod>2025-04-07</lastmod></sitemap></sitemapindex>"
    assert sitemap_entries(data, url=HOME) == Sitemap((), (Entry("https://herald.example/s1.xml", "2025-04-07"),))


def test_other_hosts_and_what_is_no_address_are_left_out_and_counted() -> None:
    """As the protocol demands; without an address of the sitemap itself, any host may be named."""
    named = ["https://herald.example/a", "https://evil.example/b", "https://news.herald.example/c", "javascript:x", ""]
    data = urlset("".join(map(loc, named)) + "<url></url>")
    found = sitemap_entries(data, url=HOME)
    assert ([entry.url for entry in found.entries], found.left_out) == (["https://herald.example/a"], 5)
    assert len(sitemap_entries(data, url=None).entries) == 3


def test_entries_beyond_the_limit_are_left_out_and_counted() -> None:
    """50,000 are the protocol's limit."""
    found = sitemap_entries(urlset(loc("/a") * (MAX_ENTRIES + 7)), url=HOME)
    assert (len(found.entries), found.left_out) == (MAX_ENTRIES, 7)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b'<!DOCTYPE x [<!ENTITY a "b">]>' + urlset(loc("/&a;")), "document type of its own"),
        (b'<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]>' + urlset(loc("/&f;")), "document type of its own"),
        (urlset("<a>" * 100_000), "nested more than 10"),
        (urlset("<url>"), "broken"),
        (urlset(loc("/a?x=1&y=2")), "broken"),
        (b"", "broken"),
        (b"\0", "broken"),
        (b"<html></html>", "no sitemap"),
        (b"<rss version='2.0'></rss>", "no sitemap"),
        (b" " * (50 * 1024 * 1024 + 1), "bytes; the limit"),
    ],
)
def test_what_is_no_sitemap_or_hostile_is_refused(data: bytes, reason: str) -> None:
    """Entities, nesting, other XML, broken XML, and what is too large."""
    with pytest.raises(BadArticle, match=reason):
        sitemap_entries(data, url=HOME)
