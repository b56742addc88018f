"""Feeds as articles: RSS 0.9x, 1.0 and 2.0, Atom, JSON Feed 1.x. feedparser reads XML, and it is given bytes only.

What is a summary: a description (RSS) or summary (Atom), unless it is as long as an article; and content, wherever
it breaks off. Such an item names its page in `links`, to be fetched. The feed's own dates are those of the feed and
never an item's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from service.articles.dates import from_name
from service.articles.links import web_address
from service.articles.page_tree import decode, fragment_text, one_line, parse
from service.articles.raw import DateField, Raw, Stated
from service.articles.xml_guard import look_over, without_doctype
from service.domain import DateOrigin
from service.errors import BadArticle

MAX_FEED = 10 * 1024 * 1024
"""Bytes."""
MAX_ITEMS = 2_000
FULL_TEXT = 1_500
"""Characters from which a description of three paragraphs or more is taken for the article: a summary has one, of some hundred."""
MAX_NAME = 500
_BROKEN_OFF = re.compile(
    r"(?:\u2026|\.{3}|(?:^|[\n.!?\u2026\])]\s*)(?:read (?:more|on|the)|continue reading|weiterlesen|lire la suite)"
    r"[^.!?\n]{0,60})[\s\])\u2192\u00bb>]*$",
    re.IGNORECASE,
)
_FOOTER = re.compile(r"\n\nThe post .{1,500}? appeared first on .{1,200}$", re.DOTALL)
"""What WordPress puts below each item."""
_END = 800
"""Characters at the end of a text in which either is looked for."""
_DUBLIN_CORE = "http://purl.org/dc/elements/1.1/"
_DECLARATION = re.compile(r"\A\s*<\?xml[^>]*>")
_ELEMENT = re.compile(r"<\w")
_FEED_START = re.compile(rb"<(?:\w+:)?(?:rss|feed|RDF|channel)[\s>]")
_FEED_TYPES = frozenset({"application/rss+xml", "application/atom+xml", "application/feed+json"})
_MAILBOX = re.compile(r"^\S+@\S+\s+\((.+)\)$")
_LANGUAGE = re.compile(r"([a-z]{2,3})(?:[-_].*)?", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Feed:
    """What a feed holds: its title, its items as articles, the newest where it puts them, and its kind (`rss20`, `atom10`, `json`)."""

    title: str
    items: tuple[Raw, ...]
    kind: str
    left_out: int = 0
    """How many items there are beyond MAX_ITEMS."""


def feed_articles(data: bytes, *, url: str | None, content_type: str = "") -> Feed:
    """The items of a feed. `url` is where it came from, for links that are relative. Raises BadArticle where it is none.

    Items have `guid` and, by place, `#3`; one without text and without an address has its problem instead.
    """
    if len(data) > MAX_FEED:
        raise BadArticle(f"is a feed of {len(data):,} bytes; the limit is {MAX_FEED:,}")
    if data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return _json_feed(data, url)
    return _xml_feed(without_doctype(_plain(data, content_type)), url)


def is_feed(data: bytes, content_type: str = "") -> bool:
    """Whether these bytes look like a feed: by their first element, whatever they are served as; in JSON by its version."""
    start = data[:4_096].lstrip(b"\xef\xbb\xbf \t\r\n")
    if start.startswith(b"{"):
        return b"jsonfeed.org/version" in start.replace(b"\\/", b"/") or _media_type(content_type) == "application/feed+json"
    if b"<html" in start.lower():
        return False
    return bool(_FEED_START.search(start)) or _media_type(content_type) in _FEED_TYPES


def feeds_of(data: bytes, url: str | None, content_type: str = "") -> list[str]:
    """The addresses of the feeds that a page names (`rel=alternate`), in its order. Raises BadArticle where it is no page."""
    links = (link for link in parse(decode(data, content_type)).iter("link") if "alternate" in (link.get("rel") or "").lower().split())
    found = (web_address(link.get("href"), url) for link in links if _media_type(link.get("type")) in _FEED_TYPES)
    return list(dict.fromkeys(filter(None, found)))


def _media_type(content_type: str | None) -> str:
    return (content_type or "").partition(";")[0].strip().lower()


@dataclass(frozen=True, slots=True)
class _Item:
    """An item as either kind of feed has it."""

    url: str | None
    title: str
    authors: Sequence[str]
    source: str
    content: str
    """HTML or text that is given as the article; empty where there is none."""
    summary: str
    language: str
    guid: str
    stated: tuple[Stated, ...]


def _raw(item: _Item, number: int) -> Raw:
    try:
        content, summary = _without_footer(fragment_text(item.content)), _without_footer(fragment_text(item.summary))
    except BadArticle as error:
        return Raw(problem=f"the item's text {error}", place=f"#{number}")
    full = bool(content) and len(content) >= len(summary) and not _BROKEN_OFF.search(content[-_END:])
    if not full and not _BROKEN_OFF.search(summary[-_END:]):
        full = len(summary) >= FULL_TEXT and summary.count("\n\n") >= 2
    text = max(content, summary, key=len)
    if not text and not item.url:
        return Raw(problem="the item has neither text nor an address", place=f"#{number}")
    language = _LANGUAGE.fullmatch(item.language.strip())
    fields = {
        "title": one_line(item.title)[:MAX_NAME],
        "source": one_line(item.source)[:MAX_NAME],
        "author": ", ".join(dict.fromkeys(filter(None, (one_line(_MAILBOX.sub(r"\1", name)) for name in item.authors[:50]))))[:MAX_NAME],
        "url": item.url,
        "language": language[1].lower() if language else "",
        "guid": item.guid[:MAX_NAME],
    }
    row = {"text": text, **{key: value for key, value in fields.items() if value}}
    named = from_name(item.url) if item.url else None
    return Raw(row, (*item.stated, *([named] if named else [])), place=f"#{number}", links=() if full or not item.url else (item.url,))


def _without_footer(text: str) -> str:
    return text[:-_END] + _FOOTER.sub("", text[-_END:])


def _stated(*pairs: tuple[DateField, Any]) -> tuple[Stated, ...]:
    return tuple(Stated(field, DateOrigin.FEED, value.strip()) for field, value in pairs if isinstance(value, str) and value.strip())


def _plain(data: bytes, content_type: str) -> bytes:
    """The feed in UTF-8 without its XML declaration, a line end first and single spaces before its first element.

    feedparser looks for charset and DOCTYPE by patterns that take hours for the right 100 KB; here they find nothing to begin with.
    """
    text = _DECLARATION.sub("", decode(data.lstrip(), content_type), count=1)
    first = _ELEMENT.search(text)
    start = first.start() if first else 0
    return f"\n{' '.join(text[:start].split())}{text[start:]}".encode("utf-8", "replace")


def _xml_feed(data: bytes, url: str | None) -> Feed:
    core = _DublinCore()
    well_formed = look_over(data, core.see)
    parsed = _parsed(data, url)
    kind = str(parsed.get("version") or "")
    if not kind and not parsed.entries:
        raise BadArticle("is no feed: neither RSS nor Atom nor JSON Feed")
    title = one_line(parsed.feed.get("title", ""))[:MAX_NAME]
    language = str(dict.get(parsed.feed, "language") or "")
    days = core.dates if well_formed and len(core.dates) == len(parsed.entries) else [None] * len(parsed.entries)
    items = [_xml_item(entry, url, title, language, day) for entry, day in zip(parsed.entries[:MAX_ITEMS], days, strict=False)]
    left_out = max(0, len(parsed.entries) - MAX_ITEMS)
    return Feed(title, tuple(_raw(item, number) for number, item in enumerate(items, 1)), kind or "unknown", left_out)


def _parsed(data: bytes, url: str | None) -> Any:
    import feedparser

    headers = {"content-type": "application/xml; charset=utf-8", **({"content-location": url} if url else {})}
    try:
        return feedparser.parse(BytesIO(data), response_headers=headers, sanitize_html=False, resolve_relative_uris=False)
    except (ValueError, LookupError, ArithmeticError, AttributeError, TypeError, AssertionError, RecursionError) as error:
        raise BadArticle(f"is a feed so broken that it cannot be read ({error})") from error  # `&#x110000;`, among others


class _DublinCore:
    """Each item's `dc:date`, which feedparser cannot tell from a date of change: it is that of the publication."""

    def __init__(self) -> None:
        self.dates: list[str | None] = []

    def see(self, namespace: str, name: str, text: str) -> None:
        """One beginning or end of an element."""
        if name in {"<item", "<entry"}:
            self.dates.append(None)
        elif name == "date" and namespace == _DUBLIN_CORE and self.dates and self.dates[-1] is None:
            self.dates[-1] = text.strip() or None


def _xml_item(entry: Any, base: str | None, feed_title: str, language: str, day: str | None) -> _Item:
    """`dict.get` throughout, for feedparser's own answers with one date where another is asked for."""
    get = {str(key): value for key, value in dict.items(entry)}.get
    contents = [str(part.get("value") or "") for part in get("content") or () if part.get("type") != "application/octet-stream"]
    source = get("source") or {}
    updated = get("updated")
    return _Item(
        url=web_address(get("link"), base),
        title=str(get("title") or ""),
        authors=[told] if "(" in (told := str(get("author") or "")) else [str(one.get("name") or "") for one in get("authors") or ()],
        source=str(source.get("title") or feed_title),
        content=max(contents, key=len, default=""),
        summary=str(get("summary") or ""),
        language=str(next((part.get("language") for part in get("content") or () if part.get("language")), None) or language),
        guid=str(get("id") or ""),
        stated=_stated(("published_at", get("published") or day), ("updated_at", None if day and updated == day else updated)),
    )


def _json_feed(data: bytes, url: str | None) -> Feed:
    try:
        feed = json.loads(decode(data))
    except (ValueError, RecursionError) as error:
        raise BadArticle("is JSON that cannot be read, or is nested too deeply") from error
    if not isinstance(feed, Mapping) or not isinstance(feed.get("items"), list) or "jsonfeed.org" not in str(feed.get("version")):
        raise BadArticle("is JSON and no JSON Feed: it names no version of jsonfeed.org and has no items")
    title = one_line(_text(feed, "title"))[:MAX_NAME]
    items = (_json_item(item, feed, url, title) if isinstance(item, Mapping) else None for item in feed["items"][:MAX_ITEMS])
    raws = (_raw(item, n) if item else Raw(problem="the item is no object", place=f"#{n}") for n, item in enumerate(items, 1))
    return Feed(title, tuple(raws), "json", max(0, len(feed["items"]) - MAX_ITEMS))


def _json_item(item: Mapping[str, Any], feed: Mapping[str, Any], base: str | None, feed_title: str) -> _Item:
    identity = item.get("id")
    return _Item(
        url=web_address(_text(item, "url"), base) or web_address(str(identity)) or web_address(_text(item, "external_url"), base),
        title=_text(item, "title"),
        authors=list(_json_authors(item)) or list(_json_authors(feed)),
        source=feed_title,
        content=_text(item, "content_html") or _escaped(_text(item, "content_text")),
        summary=_escaped(_text(item, "summary")),
        language=_text(item, "language") or _text(feed, "language"),
        guid=str(identity) if isinstance(identity, str | int) else "",
        stated=_stated(("published_at", item.get("date_published")), ("updated_at", item.get("date_modified"))),
    )


def _text(mapping: Mapping[str, Any], key: str) -> str:
    value = mapping.get(key)
    return value if isinstance(value, str) else ""


def _escaped(text: str) -> str:
    """Plain text as HTML, its empty lines as paragraphs."""
    from html import escape

    return escape(text, quote=False).replace("\r\n", "\n").replace("\n", "<br>") if "<" in text or "&" in text else text


def _json_authors(mapping: Mapping[str, Any]) -> Iterator[str]:
    authors = mapping.get("authors")
    for author in authors if isinstance(authors, list) else [mapping.get("author")]:
        if isinstance(author, Mapping):
            yield _text(author, "name")
