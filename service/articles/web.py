"""Articles by address: a page, a feed or a sitemap, whichever comes. Asked again, only what has changed is read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice

from service.articles.items import Item, Loaded, Looked, Skipped, Unreadable, Untouched
from service.articles.pages import Pages, Told, answered, field_of, kind_of, unpacked
from service.articles.raw import Raw
from service.articles.reading import Reading
from service.errors import BadArticle
from service.moments import parse_moment
from service.ports import Fetched, Fetcher, Visit, VisitBook
from service.urls import url_key

MAX_PAGES = 1_000
"""Pages that one look at a sitemap fetches; the others come the next time."""
MAX_SITEMAPS = 50
RECHECKS = 100
"""Known pages that are looked at again in one round."""
_RECHECKED = ((timedelta(days=2), timedelta(hours=1)), (timedelta(days=14), timedelta(days=1)), (timedelta.max, timedelta(days=7)))
"""How often a page is looked at again, by the age of its article: corrections come soon after, or hardly ever."""


class Web:
    """Reads addresses. Whatever cannot be had is an item with its reason, never an exception."""

    def __init__(self, fetcher: Fetcher, book: VisitBook, reading: Reading) -> None:
        self._pages = Pages(fetcher, reading)
        self._book = book
        self._reading = reading
        self._later = 0
        """Pages of feeds and sitemaps that were left for the next time."""
        self._fetched_pages = 0
        """Of sitemaps."""

    def items(self, url: str) -> Iterator[Item]:
        """Everything at the address: the article of a page, every article of a feed or sitemap that is new or may have changed."""
        before = self._before([url]).get(url_key(url) or "")
        fetched = self._pages.fetched(url, before)
        if isinstance(fetched, Unreadable):
            yield fetched
        elif before and before.article_id:
            yield self._pages.seen(Told(url, before), fetched)
        elif fetched.status == 304 and before:
            yield Looked(replace(before, misses=0))
        elif fetched.status != 200:
            yield Unreadable(url, answered(fetched), url)
        else:
            yield from self._opened(url, fetched)

    def rechecks(self, source: str) -> Iterator[Item]:
        """The pages that this feed or sitemap once led to, those whose time it is: some were corrected, some taken down.

        A page that was just asked for is none of them.
        """
        pages = (visit for visit in self._book.pages_of(source) if url_key(visit.url) not in self._pages.asked)
        for visit in islice((visit for visit in pages if self._is_due(visit)), RECHECKS):
            yield self._pages.look(Told(visit.url, visit, source))

    def _opened(self, url: str, fetched: Fetched) -> Iterator[Item]:
        """What a first look, or one that found a change, has found."""
        try:
            body = unpacked(fetched.body)
            kind = kind_of(fetched, body)
            if kind not in {"feed", "sitemap"}:
                yield self._pages.seen(Told(url), fetched)
                return
            raws = self._reading.parser.parse(kind, body, url=fetched.url, content_type=fetched.content_type)
        except BadArticle as error:
            yield Unreadable(url, str(error), url)
            return
        left = self._not_had
        yield from self._feed(url, raws) if kind == "feed" else self._sitemap(url, raws)
        # While pages are left, it is to be read again although it may not have changed.
        whole = self._not_had == left
        yield Looked(Visit(url, etag=fetched.etag, last_modified=fetched.last_modified) if whole else Visit(url))

    def _feed(self, source: str, raws: Sequence[Raw]) -> Iterator[Item]:
        """The items that carry their text, and the pages of the others."""
        before = self._before([link for raw in raws for link in raw.links[:1]])
        for number, raw in enumerate(raws, 1):
            told = Told(raw.links[0], before.get(url_key(raw.links[0]) or ""), source, raw) if raw.links else None
            if raw.skipped:
                yield Skipped(f"{source}{raw.place}")
            elif told is None:
                item = self._reading.item(raw, f"{source}#{number}", source)
                yield replace(item, offered=True) if isinstance(item, Loaded) else item
            elif told.held and told.known and not self._is_due(told.known):
                yield Untouched(told.url, told.held)
            else:
                yield self._pages.look(told)

    def _sitemap(self, source: str, raws: Sequence[Raw], *, inner: bool = False) -> Iterator[Item]:
        """The pages of a sitemap, and those of the sitemaps that it names, one level deep."""
        before = self._before([raw.links[0] for raw in raws if raw.links])
        further = [raw for raw in raws if raw.links and field_of(raw, "sitemap")]
        for raw in raws:
            told = Told(raw.links[0], before.get(url_key(raw.links[0]) or ""), source, raw) if raw.links else None
            if told is None:
                yield Skipped(f"{source}{raw.place}")
            elif field_of(raw, "sitemap"):
                continue
            elif told.held and not self._has_changed(told):
                yield Untouched(told.url, told.held)
            elif self._fetched_pages < MAX_PAGES:
                self._fetched_pages += 1
                yield self._pages.look(told)
            else:
                self._later += 1
                yield Skipped(f"{told.url}: {MAX_PAGES:,} pages of sitemaps are fetched at a time, run this again for the others")
        for number, raw in enumerate(further):
            if inner or number >= MAX_SITEMAPS:
                self._later += 1
                yield Skipped(f"{raw.links[0]}: {MAX_SITEMAPS} sitemaps are read of one, and none that a further one names")
            else:
                yield from self._further(raw.links[0], source)

    def _further(self, url: str, source: str) -> Iterator[Item]:
        """The pages of a sitemap that another one names."""
        came = self._pages.fetched(url, None)
        try:
            if isinstance(came, Unreadable) or came.status != 200:
                raise BadArticle(came.reason if isinstance(came, Unreadable) else answered(came))
            raws = self._reading.parser.parse("sitemap", unpacked(came.body), url=came.url, content_type=came.content_type)
        except BadArticle as error:
            self._later += 1
            yield Unreadable(url, str(error), source)
            return
        yield from self._sitemap(source, raws, inner=True)

    @property
    def _not_had(self) -> int:
        return self._later + self._pages.left

    def _before(self, urls: Sequence[str]) -> dict[str, Visit]:
        return self._book.visited([key for url in urls if (key := url_key(url))])

    def _has_changed(self, told: Told) -> bool:
        """Whether a sitemap says, or time has come to ask, that the page is another than when it was last looked at."""
        if told.known is None or told.known.checked_at is None:
            return True
        changed = _changed_at(told.raw) if told.raw else None
        return changed > told.known.checked_at if changed else self._is_due(told.known)

    def _is_due(self, visit: Visit) -> bool:
        """Whether it is time to look at a page again: the older its article, the more seldom."""
        age = self._reading.now - visit.since if visit.since else timedelta()
        wait = next(every for young, every in _RECHECKED if age <= young)
        return visit.checked_at is None or self._reading.now - visit.checked_at >= wait


def _changed_at(raw: Raw) -> datetime | None:
    """The latest moment at which a sitemap may mean that a page changed; None where it does not say, or writes no date."""
    last = field_of(raw, "lastmod")
    if not isinstance(last, str):
        return None
    try:
        return parse_moment(last, end_of_day=len(last.strip()) == len("YYYY-MM-DD"))
    except ValueError:
        return None
