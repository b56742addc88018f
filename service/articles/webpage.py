"""A web page as an article: its body by trafilatura, and what the page states of it, dates above all.

The bytes are all there is: nothing that the page names is fetched, and no date is looked for in its text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

from service.articles.dates import from_name
from service.articles.jsonld import Described, Identity, comparable, described, strings
from service.articles.links import MAX_URL, site_of, web_address
from service.articles.page_dates import beside_headline, find_place, from_meta, meta_values
from service.articles.page_kinds import is_binary, is_mostly_links
from service.articles.page_tree import MAX_PAGE, body_text, decode, fragment_text, one_line, parse, without_furniture, words_of
from service.articles.raw import Raw, Stated
from service.domain import DateOrigin
from service.errors import BadArticle

MAX_NAME = 500
"""Characters of a headline, an outlet or a list of authors."""
LINKED_HEADLINES = 4
"""From so many on, without a sign of an article, a page is a list of them."""
_LONG_PARAGRAPH = 80
_SAVED = re.compile(r"<!--\s*saved from url=\(\d+\)(\S+)|<!--\s*Page saved with SingleFile\s+url:\s*(\S+)", re.IGNORECASE)
_LANGUAGE = re.compile(r"([a-z]{2,3})(?:[-_].*)?", re.IGNORECASE | re.DOTALL)
_BY = re.compile(r"^(?:by|von|par|por|di|door)\s+", re.IGNORECASE)
_AUTHORS = ("author", "article:author", "parsely-author", "sailthru.author", "dc.creator", "byl")
_KEEPERS = ("web.archive.org", "cdn.ampproject.org")
"""Sites that hold copies of others' pages: their addresses name the site that a page is of."""
_WITHDRAWN = ("retract", "withdrawn")


def page_articles(data: bytes, *, url: str | None, content_type: str = "", name: str = "") -> list[Raw]:
    """The one article of a page, or the reason why there is none. `url` is where it came from, `name` the file's.

    A page that was saved says itself where it came from. The address is the canonical link where that is of the same
    site; that of another site is believed only in a copy that a known archive keeps, for else any page could take the
    place of any article.
    """
    try:
        if len(data) > MAX_PAGE:
            raise BadArticle(f"is a page of {len(data):,} bytes; the limit is {MAX_PAGE:,}")
        if is_binary(data, content_type):
            raise BadArticle("is no page but binary data, such as a picture or a document of another kind")
        return [_article(decode(data, content_type), url, name)]
    except BadArticle as error:
        return [Raw(problem=str(error))]


@dataclass(frozen=True, slots=True)
class _Page:
    """A page as far as it is read before its text is."""

    tree: Any
    meta: Mapping[str, Sequence[str]]
    url: str | None
    headlines: tuple[str, ...]
    described: Described


def _article(text: str, url: str | None, name: str) -> Raw:
    page = _read(text, url)
    without_furniture(page.tree)
    stated = tuple(_stated(page, name))
    if _is_list(page):
        raise BadArticle("is a list of headlines and holds no article of its own: give the address of its feed, or of the articles")
    body = _without_headline(body_text(page.tree), page.headlines)
    told = page.described.text("articleBody")
    if len(told) > len(body):  # behind a paywall, or built by a script
        body = fragment_text(told)
    if not body:
        raise BadArticle("is a page without the text of an article: it may be built by a script, or stand behind a wall")
    if is_mostly_links(page.tree, body) and not _says_article(page):
        raise BadArticle("holds no article, but links: give the address of its feed, or of the articles")
    return Raw({"text": body, **{key: value for key, value in _fields(page).items() if value}}, stated)


def _without_headline(body: str, headlines: Sequence[str]) -> str:
    """The text from its first paragraph on: trafilatura leaves the headline before it, as on some pages it is."""
    first, _, rest = body.partition("\n\n")
    return rest if rest and first.casefold() in {headline.casefold() for headline in headlines} else body


def _read(text: str, url: str | None) -> _Page:
    tree = parse(text)
    meta = meta_values(tree)
    own = web_address(url) or _saved_from(text)
    found = _address(tree, meta, own)
    known = (own, found, *meta.get("og:url", ()))
    titles = [*meta.get("og:title", ())[:1], *(words_of(t, MAX_NAME) for tag in ("title", "h1") for t in islice(tree.iter(tag), 3))]
    headlines = tuple(dict.fromkeys(filter(None, map(one_line, titles))))
    said = described(tree, Identity(frozenset(filter(None, (comparable(one or "") for one in known))), headlines))
    if found is None:
        found = next(filter(None, (web_address(one) for one in strings((said.article or {}).get("url")))), None)
    return _Page(tree, meta, found, headlines, said)


def _stated(page: _Page, name: str) -> Iterator[Stated]:
    yield from (Stated("published_at", DateOrigin.JSON_LD, value) for value in page.described.dates("datePublished"))
    yield from (Stated("updated_at", DateOrigin.JSON_LD, value) for value in page.described.dates("dateModified"))
    yield from from_meta(page.meta)
    yield from beside_headline(find_place(page.tree, page.headlines))
    named = (from_name(page.url) if page.url else None) or from_name(name)
    if named:
        yield named


def _is_list(page: _Page) -> bool:
    """A home page or section: headlines that lead elsewhere, at least as many as paragraphs, and no word of an article."""
    if _says_article(page):
        return False
    headings = [h for h in page.tree.iter("h1", "h2", "h3", "h4") if h.find(".//a[@href]") is not None or _within_link(h)]
    paragraphs = sum(len(words_of(p, _LONG_PARAGRAPH)) >= _LONG_PARAGRAPH for p in page.tree.iter("p"))
    return len(headings) >= LINKED_HEADLINES and 2 * len(headings) >= paragraphs


def _says_article(page: _Page) -> bool:
    """Whether the page calls itself an article, or says when it was published."""
    says = page.described.article or "article" in page.meta.get("og:type", ())
    return bool(says) or any(stated.field == "published_at" for stated in from_meta(page.meta))


def _within_link(element: Any) -> bool:
    parent = element.getparent()
    return parent is not None and parent.tag == "a" and bool(parent.get("href"))


def _fields(page: _Page) -> dict[str, str]:
    source = _source(page)
    return {
        "title": _title(page, source),
        "source": source,
        "author": _author(page),
        "url": page.url or "",
        "language": _language(page),
        "correction": _correction(page.described),
    }


def _source(page: _Page) -> str:
    names = [*page.described.names("publisher"), *page.meta.get("og:site_name", ())]
    return next(filter(None, (one_line(name)[:MAX_NAME] for name in names)), "")


def _title(page: _Page, source: str) -> str:
    """The headline, without the outlet's name that stands behind it in a title."""
    first = page.described.text("headline") or next(iter(page.headlines), "")
    title = one_line(first)
    shorter = re.sub(rf"\s+[|\u2013\u2014\u00b7-]\s+{re.escape(source)}$", "", title, flags=re.IGNORECASE) if source else title
    return shorter[:MAX_NAME]


def _author(page: _Page) -> str:
    names = page.described.names("author") or [value for key in _AUTHORS for value in page.meta.get(key, ())[:20]]
    plain = (_BY.sub("", one_line(name)) for name in names if "://" not in name)
    return ", ".join(dict.fromkeys(filter(None, plain)))[:MAX_NAME]


def _language(page: _Page) -> str:
    """The primary tag, of the article before that of the page."""
    article = next(page.tree.iter("article"), None)
    inner = (page.described.article or {}).get("inLanguage")
    told = [value for one in (inner if isinstance(inner, list) else [inner]) for value in _language_of(one)]
    values = [article.get("lang") if article is not None else None, *told[:1], page.tree.get("lang"), *page.meta.get("og:locale", ())]
    found = next(filter(None, (_LANGUAGE.fullmatch((value or "").strip()) for value in values)), None)
    return found[1].lower() if found else ""


def _language_of(value: Any) -> list[str]:
    return strings(value.get("alternateName") or value.get("name")) if isinstance(value, Mapping) else strings(value)


def _correction(said: Described) -> str:
    """What the publisher says was wrong, or that the article is retracted; empty where it says neither."""
    node = said.article or {}
    corrections = node.get("correction")
    texts = [
        text
        for one in (corrections if isinstance(corrections, list) else [corrections])
        for text in (strings(one.get("text") or one.get("description") or one.get("name")) if isinstance(one, Mapping) else strings(one))
    ]
    status = [text for text in strings(node.get("creativeWorkStatus")) if text.lower().startswith(_WITHDRAWN)]
    return " ".join(one_line(text) for text in (*status[:1], *texts[:10]))[:MAX_URL]


def _saved_from(text: str) -> str | None:
    found = _SAVED.search(text, 0, 4_096)
    return web_address(found[1] or found[2]) if found else None


def _address(tree: Any, meta: Mapping[str, Sequence[str]], own: str | None) -> str | None:
    """The page's own name for its address where it is to be believed, else the one it came from."""
    links = [link.get("href") for link in tree.iter("link") if "canonical" in (link.get("rel") or "").lower().split()]
    for value in (*links[:1], *meta.get("og:url", ())[:1]):
        canonical = web_address(value, own)
        if canonical and _believed(canonical, own):
            return canonical
    return own


def _believed(canonical: str, own: str | None) -> bool:
    """Whether it is of the same site, or named within the own address; and no home page, unless that is where the page came from."""
    there = urlsplit(canonical)
    if own is None:
        return there.path.strip("/") != "" or bool(there.query)
    here = urlsplit(own)
    if not there.path.strip("/") and not there.query and (here.path.strip("/") or here.query):
        return False
    host = (here.hostname or "").lower()
    return site_of(canonical) == site_of(own) or (host.endswith(_KEEPERS) and f"/{there.hostname}/" in f"{here.path}/")
