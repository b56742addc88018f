"""Pages by address: the article that is there, or what became of the one that was."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from service.articles.items import Gone, Item, Loaded, Unreadable, Untouched
from service.articles.raw import Raw
from service.articles.reading import Reading
from service.errors import BadArticle, FetchError
from service.ports import Fetched, Fetcher, Visit
from service.urls import url_key

MAX_UNPACKED = 50 * 1024 * 1024
"""Bytes of a gzipped sitemap: the protocol's own limit (sitemaps.org)."""
MISSES = 3
"""Times in a row that a page must be not found (404) before it counts as taken down; 410 says so at once."""
_KINDS = {
    "text/html": "html",
    "application/xhtml+xml": "html",
    "text/plain": "text",
    "text/markdown": "markdown",
    "application/pdf": "pdf",
    "application/zip": "zip",
}
_XML = frozenset(
    {"application/rss+xml", "application/atom+xml", "application/rdf+xml", "application/xml", "text/xml", "application/feed+json"}
)


@dataclass(frozen=True, slots=True)
class Told:
    """A page, and what is known of it before it is asked for."""

    url: str
    known: Visit | None = None
    """The last look at it."""
    source: str | None = None
    """The feed or sitemap that names it; None where a user did."""
    raw: Raw | None = None
    """What that says of it."""

    @property
    def held(self) -> str | None:
        """The article that was read from it."""
        return self.known.article_id if self.known else None

    @property
    def visit(self) -> Visit:
        """This look, so far."""
        return Visit(self.url, self.held, self.source)


class Pages:
    """Looks at pages. What is known of one is only replaced by what surely is the same page."""

    def __init__(self, fetcher: Fetcher, reading: Reading) -> None:
        self._fetcher = fetcher
        self._reading = reading
        self.asked: set[str | None] = set()
        """What was asked for so far, by `url_key`."""
        self.left = 0
        """Pages that could not be had."""

    def look(self, told: Told) -> Item:
        """One page: its article, or what became of it."""
        came = self.fetched(told.url, told.known)
        if isinstance(came, Unreadable):
            return self._without(told, came.reason)
        return self.seen(told, came)

    def seen(self, told: Told, came: Fetched) -> Item:
        """What came of a page: a new version, nothing new, or a sign that it is gone."""
        known, visit = told.known, replace(told.visit, etag=came.etag, last_modified=came.last_modified)
        if came.status == 304 and known:
            same = replace(visit, etag=came.etag or known.etag, last_modified=came.last_modified or known.last_modified)
            return Untouched(told.url, told.held, replace(same, arrived=known.arrived))
        if told.held and known and (came.status in {404, 410} or _is_home(came)):
            if known.since is None:  # it was withdrawn before
                return Untouched(told.url, told.held, visit)
            if known.url != told.url:  # only where it was read is it missed
                return Untouched(told.url, told.held, warnings=(answered(came),))
            return _missing(came, told.url, told.held, replace(visit, misses=known.misses + 1))
        if came.status != 200:
            return self._without(told, answered(came))
        if told.held and known and came.moved_to is None and url_key(came.url) not in {url_key(told.url), known.arrived}:
            return Untouched(told.url, told.held, warnings=(f"leads to {came.url} for now: the last version stays",))
        item = self._article(told, came)
        if isinstance(item, Loaded):
            article = replace(item.article, id=told.held or item.article.id)
            visit = replace(visit, arrived=url_key(came.url))
            return replace(item, article=article, has_id=item.has_id or bool(told.held), visit=visit, offered=told.source is not None)
        reason = item.reason if isinstance(item, Unreadable) else ""
        return self._without(told, f"holds no article ({reason})" if told.held else reason)

    def _without(self, told: Told, reason: str) -> Item:
        """A page that cannot be had just now: the version that is known stays, or the summary that a feed gives of it is taken."""
        if told.held:
            return Untouched(told.url, told.held, warnings=(f"{reason}: the last version stays",))
        return self._summary(told, reason)

    def _article(self, told: Told, fetched: Fetched) -> Item:
        """The article of a page, with what a feed or sitemap says of it where the page itself does not."""
        try:
            body = unpacked(fetched.body)
            kind = kind_of(fetched, body)
            if kind in {"feed", "sitemap", None}:
                raise BadArticle(f"is of type {fetched.content_type or 'unknown'}, which holds no article")
            name = urlsplit(fetched.url).path.rsplit("/", 1)[-1]
            raws = self._reading.parser.parse(kind, body, url=fetched.url, content_type=fetched.content_type, name=name)
        except BadArticle as error:
            return Unreadable(told.url, str(error), told.url)
        raw = raws[0] if raws else Raw(problem="holds no article")
        row = _given(raw.row) if isinstance(raw.row, Mapping) else {}
        said = _given(told.raw.row) if told.raw and isinstance(told.raw.row, Mapping) else {}
        row = {"url": fetched.url, **{name: said[name] for name in ("title", "author", "source") if name in said}, **row}
        stated = (*raw.stated, *(told.raw.stated if told.raw else ()))
        return self._reading.item(replace(raw, row=row, stated=stated), told.url, told.url)

    def _summary(self, told: Told, reason: str) -> Item:
        """The summary that a feed gives of a page that cannot be had, said to be one; the page is asked for again the next time."""
        self.left += 1
        if told.raw is None or not field_of(told.raw, "text"):
            return Unreadable(told.url, reason, told.source or told.url)
        item = self._reading.item(told.raw, told.url, told.url)
        if not isinstance(item, Loaded):
            return item
        warning = f"only the feed's summary was taken in: the page {reason}"
        return replace(item, warnings=(*item.warnings, warning), offered=True)

    def fetched(self, url: str, known: Visit | None) -> Fetched | Unreadable:
        """What is at an address, if it has changed since; what cannot be had is an item with its reason."""
        self.asked.add(url_key(url))
        try:
            return self._fetcher.fetch(url, etag=known.etag if known else None, last_modified=known.last_modified if known else None)
        except FetchError as error:
            return Unreadable(url, str(error).removeprefix(f"{url}: "), url)


def _missing(fetched: Fetched, url: str, article_id: str, visit: Visit) -> Item:
    """A page that is not there: taken down, or perhaps only for now."""
    if fetched.status == 410 or visit.misses >= MISSES:
        said = "410 Gone" if fetched.status == 410 else f"not found {visit.misses} times in a row"
        return Gone(url, article_id, f"its page was taken down ({said})", visit)
    return Untouched(url, article_id, visit, (f"was not found, {visit.misses} of {MISSES} times until it counts as taken down",))


def _is_home(fetched: Fetched) -> bool:
    """Whether a page has moved, for good, to the front page: what sites do with what they take down."""
    return fetched.moved_to is not None and not urlsplit(fetched.moved_to).path.strip("/")


def answered(fetched: Fetched) -> str:
    """Why there is no page, in words that follow on its address."""
    wait = f", and asks to wait {fetched.retry_after:,.0f} s" if fetched.retry_after else ""
    return f"cannot be had: the server answers {fetched.status}{wait}"


def kind_of(fetched: Fetched, body: bytes) -> str | None:
    """html, feed, sitemap, text, markdown, pdf, zip, or None."""
    stated = fetched.content_type.partition(";")[0].strip().lower()
    start = body[:2_000].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if b"<urlset" in start or b"<sitemapindex" in start:
        return "sitemap"
    if stated in _XML or b"<rss" in start or b"<feed" in start or b"<rdf:rdf" in start or b"jsonfeed.org/version" in start:
        return "feed"
    if stated in _KINDS:
        return _KINDS[stated]
    return "html" if start.startswith((b"<!doctype html", b"<html")) else None


def unpacked(body: bytes) -> bytes:
    """The body, unzipped where it is gzip: `sitemap.xml.gz`. Raises BadArticle on a bomb."""
    if not body.startswith(b"\x1f\x8b"):
        return body
    unzip = zlib.decompressobj(wbits=31)
    try:
        data = unzip.decompress(body, MAX_UNPACKED + 1)
    except zlib.error as error:
        raise BadArticle(f"is not gzip that can be read ({error})") from error
    if len(data) > MAX_UNPACKED:
        raise BadArticle(f"is larger than {MAX_UNPACKED:,} bytes when unzipped")
    return data


def field_of(raw: Raw, name: str) -> object:
    """What a raw row holds under a name."""
    return raw.row.get(name) if isinstance(raw.row, Mapping) else None


def _given(row: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in row.items() if value not in (None, "")}
