"""Sitemaps (sitemaps.org, and Google's news namespace): which pages a site has, and what it says of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

from service.articles.links import web_address
from service.articles.raw import Stated
from service.articles.xml_guard import without_doctype
from service.domain import DateOrigin
from service.errors import BadArticle

MAX_SITEMAP = 50 * 1024 * 1024
"""Bytes, uncompressed: the protocol's limit."""
MAX_ENTRIES = 50_000
"""The protocol's limit; what is beyond is left out and counted."""
MAX_DEPTH = 10
_OF_PAGE = 2
"""Levels above the address of a page; that of one of its pictures lies deeper."""
_NEWS = "{http://www.google.com/schemas/sitemap-news/0.9}"


@dataclass(frozen=True, slots=True)
class Entry:
    """One page of a sitemap, as the site describes it."""

    url: str
    lastmod: str | None = None
    """As written: when the page changed, which is no date of the article."""
    title: str | None = None
    source: str | None = None
    stated: tuple[Stated, ...] = ()
    """The publication date, where it is a news sitemap."""


@dataclass(frozen=True, slots=True)
class Sitemap:
    """The pages and further sitemaps of one host. `left_out` counts addresses of other hosts, broken ones, and those beyond the limit."""

    entries: tuple[Entry, ...] = ()
    sitemaps: tuple[Entry, ...] = ()
    left_out: int = 0


@dataclass(slots=True)
class _Gathered:
    entries: list[Entry] = field(default_factory=list)
    sitemaps: list[Entry] = field(default_factory=list)
    left_out: int = 0


def sitemap_entries(data: bytes, *, url: str | None) -> Sitemap:
    """The entries of a sitemap or index that came from `url`, in its order; only those of the same host, as the protocol demands.

    With no `url` those of any host. Raises BadArticle where it is no sitemap, has a DTD or entities, is broken, or is too large.
    """
    if len(data) > MAX_SITEMAP:
        raise BadArticle(f"is a sitemap of {len(data):,} bytes; the limit is {MAX_SITEMAP:,}")
    gathered = _Gathered()
    host = _host(url) if url else None
    for kind, values in _elements(without_doctype(data.lstrip())):
        entry = _entry(values, url)
        place = gathered.sitemaps if kind == "sitemap" else gathered.entries
        if entry is None or (host and _host(entry.url) != host) or len(place) >= MAX_ENTRIES:
            gathered.left_out += 1
        else:
            place.append(entry)
    return Sitemap(tuple(gathered.entries), tuple(gathered.sitemaps), gathered.left_out)


def _elements(data: bytes) -> Iterator[tuple[str, dict[str, str]]]:
    """Each `url` and `sitemap` with the texts of its elements; what has been read is let go."""
    from xml.etree.ElementTree import ParseError

    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import iterparse

    values: dict[str, str] = {}
    depth, root = 0, None
    try:
        for event, element in iterparse(BytesIO(data), events=("start", "end"), forbid_dtd=True):
            depth += 1 if event == "start" else -1
            if depth > MAX_DEPTH:
                raise BadArticle(f"is a sitemap nested more than {MAX_DEPTH} levels deep")
            if root is None:
                root = element
                _refuse_other(element)
            elif event == "end":
                name = _name(element)
                if name in {"url", "sitemap"} and depth == 1:
                    yield name, values
                    values = {}
                    root.clear()
                elif element.text and (name != "loc" or depth == _OF_PAGE):
                    values.setdefault(name, element.text.strip())
    except DefusedXmlException as error:
        raise BadArticle("is a sitemap with a document type of its own (DTD, entities), which is not read") from error
    except (ParseError, ValueError, LookupError) as error:
        raise BadArticle("is a sitemap whose XML is broken") from error


def _refuse_other(root: Any) -> None:
    if _name(root) not in {"urlset", "sitemapindex"}:
        raise BadArticle("is XML and no sitemap: it begins with neither urlset nor sitemapindex")


def _name(element: Any) -> str:
    """The local name, with `news:` before it where it is of that namespace."""
    tag = str(element.tag)
    return "news:" + tag.removeprefix(_NEWS) if tag.startswith(_NEWS) else tag.rpartition("}")[2]


def _entry(values: dict[str, str], base: str | None) -> Entry | None:
    address = web_address(values.get("loc"), base)
    if address is None:
        return None
    written = values.get("news:publication_date")
    stated = (Stated("published_at", DateOrigin.FEED, written),) if written else ()
    return Entry(address, values.get("lastmod"), values.get("news:title"), values.get("news:name"), stated)


def _host(url: str) -> str:
    return (urlsplit(url).hostname or "").lower()
