"""Articles by address: a page, a feed or a sitemap, whichever comes. Asked again, only what has changed is read."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlsplit

from service.articles.items import Gone, Item, Loaded, Looked, Skipped, Unreadable, Untouched
from service.articles.raw import Raw
from service.articles.reading import Reading
from service.errors import BadArticle, FetchError
from service.moments import parse_moment
from service.ports import Fetched, Fetcher, Visit, VisitBook
from service.urls import url_key

MAX_UNPACKED = 50 * 1024 * 1024
"""Bytes of a gzipped sitemap: the protocol's own limit (sitemaps.org)."""
MAX_PAGES = 1_000
"""Pages that one look at a sitemap fetches; the others come the next time."""
MAX_SITEMAPS = 50
MISSES = 3
"""Times in a row that a page must be not found (404) before it counts as taken down; 410 says so at once."""
RECHECKS = 100
"""Known pages that are looked at again in one round."""
_RECHECKED = ((timedelta(days=2), timedelta(hours=1)), (timedelta(days=14), timedelta(days=1)), (timedelta.max, timedelta(days=7)))
"""How often a page is looked at again, by the age of its article: corrections come soon after, or hardly ever."""
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


class Web:
    """Reads addresses. Whatever cannot be had is an item with its reason, never an exception."""

    def __init__(self, fetcher: Fetcher, book: VisitBook, reading: Reading) -> None:
        self._fetcher = fetcher
        self._book = book
        self._reading = reading
        self._asked: set[str | None] = set()
        """Pages that were asked for since this reader was made, by `url_key`."""
        self._left = 0
        """Pages of feeds and sitemaps that could not be had, or not yet."""

    def items(self, url: str) -> Iterator[Item]:
        """Everything at the address: the article of a page, every article of a feed or sitemap that is new or may have changed."""
        before = self._before([url]).get(url_key(url) or "")
        fetched = self._fetched(url, before)
        if isinstance(fetched, Unreadable):
            yield fetched
        elif before and before.article_id:
            yield self._page(url, before, None, None, fetched)
        elif fetched.status == 304 and before:
            yield Looked(replace(before, misses=0))
        elif fetched.status != 200:
            yield Unreadable(url, _answered(fetched), url)
        else:
            yield from self._opened(url, fetched)

    def rechecks(self, source: str) -> Iterator[Item]:
        """The pages that this feed or sitemap once led to, those whose time it is: some were corrected, some taken down.

        A page that was just asked for is none of them.
        """
        pages = ((visit, since) for visit, since in self._book.pages_of(source) if url_key(visit.url) not in self._asked)
        due = [visit for visit, since in pages if self._is_due(visit, self._reading.now - since)]
        for visit in due[:RECHECKS]:
            yield self._page(visit.url, visit, source, None)

    def _opened(self, url: str, fetched: Fetched) -> Iterator[Item]:
        """What a first look, or one that found a change, has found."""
        try:
            body = _unpacked(fetched.body)
            kind = _kind(fetched, body)
            if kind not in {"feed", "sitemap"}:
                yield self._page(url, None, None, None, fetched)
                return
            raws = self._reading.parser.parse(kind, body, url=fetched.url, content_type=fetched.content_type)
        except BadArticle as error:
            yield Unreadable(url, str(error), url)
            return
        left = self._left
        yield from self._feed(url, raws) if kind == "feed" else self._sitemap(url, raws)
        # While pages are left, it is to be read again although it may not have changed.
        whole = self._left == left
        yield Looked(Visit(url, etag=fetched.etag, last_modified=fetched.last_modified) if whole else Visit(url))

    def _feed(self, source: str, raws: Sequence[Raw]) -> Iterator[Item]:
        """The items that carry their text, and the pages of the others."""
        before = self._before([link for raw in raws for link in raw.links[:1]])
        for number, raw in enumerate(raws, 1):
            if raw.links:
                known = before.get(url_key(raw.links[0]) or "")
                yield self._page(raw.links[0], known, source, raw)
            else:
                yield self._reading.item(raw, f"{source}#{number}", source)

    def _sitemap(self, source: str, raws: Sequence[Raw], left: int = MAX_SITEMAPS) -> Iterator[Item]:
        """The pages of a sitemap, and those of the sitemaps that it names, one level deep."""
        pages = [raw for raw in raws if not _field(raw, "sitemap")]
        before = self._before([raw.links[0] for raw in pages])
        asked = 0
        for raw in pages:
            known = before.get(url_key(raw.links[0]) or "")
            if known and known.article_id and not self._changed(raw, known):
                yield Untouched(raw.links[0], known.article_id)
            elif asked < MAX_PAGES:
                asked += 1
                yield self._page(raw.links[0], known, source, raw)
            else:
                self._left += 1
                yield Skipped(f"{raw.links[0]}: {MAX_PAGES} pages are fetched at a time, run this again for the others")
        for raw in [one for one in raws if _field(one, "sitemap")][:left]:
            child = self._fetched(raw.links[0], None)
            if isinstance(child, Unreadable) or child.status != 200:
                self._left += 1
                yield child if isinstance(child, Unreadable) else Unreadable(raw.links[0], _answered(child), source)
                continue
            try:
                inner = self._reading.parser.parse("sitemap", _unpacked(child.body), url=child.url, content_type=child.content_type)
            except BadArticle as error:
                yield Unreadable(raw.links[0], str(error), source)
                continue
            yield from self._sitemap(source, inner, left=0)

    def _page(self, url: str, known: Visit | None, source: str | None, told: Raw | None, fetched: Fetched | None = None) -> Item:
        """One page: its article, or what became of it. `told` is what a feed or sitemap says of it."""
        if known and known.misses < 0 and source:
            return Untouched(url, None, warnings=("was removed from the archive by hand: name the page itself to take it in again",))
        came = fetched or self._fetched(url, known)
        held = known.article_id if known else None
        visit = Visit(url, held, source)
        if isinstance(came, Unreadable):
            return Untouched(url, held, warnings=(came.reason,)) if held else self._summary(told, url, came.reason, source)
        visit = replace(visit, etag=came.etag, last_modified=came.last_modified)
        if came.status == 304 and held and known:
            same = replace(visit, etag=came.etag or known.etag, last_modified=came.last_modified or known.last_modified)
            return Untouched(url, held, same)
        if came.status in {404, 410} and held and known:
            return _missing(came, url, held, replace(visit, misses=max(known.misses, 0) + 1))
        if came.status != 200:
            return Untouched(url, held, warnings=(_answered(came),)) if held else self._summary(told, url, _answered(came), source)
        item = self._article(url, came, told)
        if isinstance(item, Loaded):
            return replace(item, article=replace(item.article, id=held or item.article.id), has_id=item.has_id or bool(held), visit=visit)
        if held and isinstance(item, Unreadable):
            return Untouched(url, held, warnings=(f"holds no article any more ({item.reason}): the last version stays",))
        return self._summary(told, url, item.reason if isinstance(item, Unreadable) else "", source)

    def _article(self, url: str, fetched: Fetched, told: Raw | None) -> Item:
        """The article of a page, with what a feed or sitemap says of it where the page itself does not."""
        try:
            body = _unpacked(fetched.body)
            kind = _kind(fetched, body)
            if kind in {"feed", "sitemap", None}:
                raise BadArticle(f"is of type {fetched.content_type or 'unknown'}, which holds no article")
            name = urlsplit(fetched.url).path.rsplit("/", 1)[-1]
            raws = self._reading.parser.parse(kind, body, url=fetched.url, content_type=fetched.content_type, name=name)
        except BadArticle as error:
            return Unreadable(url, str(error), url)
        raw = raws[0] if raws else Raw(problem="holds no article")
        row = dict(raw.row) if isinstance(raw.row, Mapping) else {}
        row.setdefault("url", fetched.url)
        if told and isinstance(told.row, Mapping):
            row = {**{name: told.row[name] for name in ("title", "author", "source") if told.row.get(name)}, **_given(row)}
        stated = (*raw.stated, *(told.stated if told else ()))
        return self._reading.item(replace(raw, row=row, stated=stated), url, url)

    def _summary(self, told: Raw | None, url: str, reason: str, source: str | None) -> Item:
        """The summary that a feed gives of a page that cannot be had, said to be one; the page is asked for again the next time."""
        self._left += 1
        if told is None or not _field(told, "text"):
            return Unreadable(url, reason, source or url)
        item = self._reading.item(told, url, url)
        if not isinstance(item, Loaded):
            return item
        warning = f"only the feed's summary was taken in: the page {reason}"
        return replace(item, warnings=(*item.warnings, warning))

    def _fetched(self, url: str, known: Visit | None) -> Fetched | Unreadable:
        self._asked.add(url_key(url))
        try:
            return self._fetcher.fetch(url, etag=known.etag if known else None, last_modified=known.last_modified if known else None)
        except FetchError as error:
            return Unreadable(url, str(error).removeprefix(f"{url}: "), url)

    def _before(self, urls: Sequence[str]) -> dict[str, Visit]:
        return self._book.visited([key for url in urls if (key := url_key(url))])

    def _changed(self, raw: Raw, known: Visit) -> bool:
        """Whether a sitemap says, or time has come to ask, that the page is another than when it was last looked at."""
        last = _field(raw, "lastmod")
        try:
            if isinstance(last, str) and known.checked_at:
                return parse_moment(last, end_of_day=len(last.strip()) == len("YYYY-MM-DD")) > known.checked_at
        except ValueError:
            pass
        return self._is_due(known, timedelta.max)

    def _is_due(self, visit: Visit, age: timedelta) -> bool:
        wait = next(every for young, every in _RECHECKED if age <= young)
        return visit.checked_at is None or self._reading.now - visit.checked_at >= wait


def _missing(fetched: Fetched, url: str, article_id: str, visit: Visit) -> Item:
    """A page that is not there: taken down, or perhaps only for now."""
    if fetched.status == 410 or visit.misses >= MISSES:
        said = "410 Gone" if fetched.status == 410 else f"404 Not Found, {visit.misses} times in a row"
        return Gone(url, article_id, f"its page was taken down ({said})", visit)
    return Untouched(url, article_id, visit, (f"was not found (404), {visit.misses} of {MISSES} times until it counts as taken down",))


def _answered(fetched: Fetched) -> str:
    wait = f", and asks to wait {fetched.retry_after:,.0f} s" if fetched.retry_after else ""
    return f"cannot be had: the server answers {fetched.status}{wait}"


def _kind(fetched: Fetched, body: bytes) -> str | None:
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


def _unpacked(body: bytes) -> bytes:
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


def _field(raw: Raw, name: str) -> object:
    return raw.row.get(name) if isinstance(raw.row, Mapping) else None


def _given(row: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in row.items() if value not in (None, "")}
