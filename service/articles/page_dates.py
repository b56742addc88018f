"""Dates that a page states of its own article: in meta elements, and beside the headline as a reader sees them.

Never a date of the text itself, of another article, of a comment, or of the site's clock.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from service.articles.jsonld import same_headline
from service.articles.page_tree import words_of
from service.articles.raw import DateField, Stated
from service.articles.written_dates import read_date
from service.domain import DateOrigin

_PUBLISHED_META = """article:published_time og:article:published_time article:published published_time og:published_time rnews:datepublished
    datepublished datepublished_time article.published publish_date publish-date publishdate publication_date publication-date pubdate
    originalpublicationdate article_date_original iso-8601-publish-date parsely-pub-date sailthru.date cxenseparse:recs:publishtime
    cxenseparse:publishtime bt:pubdate vr:published_time displaydate dc.date.issued dcterms.issued prism.publicationdate citation_date
    dc.date dcterms.date dcterms.created dc.date.created dc.created article.created date""".split()
"""The most exact first: what only says `date` may be that of anything."""
_UPDATED_META = """article:modified_time og:article:modified_time article:modified modified_time datemodified article.updated
    og:updated_time article:updated_time updated_time dcterms.modified dc.date.modified dc.modified last_updated_date lastmod last-modified
    modified revised""".split()
_ASIDE = re.compile(
    r"(?:^|[-_ ])(?:related|recommend(?:ed|ations)?|recirc|read-?(?:more|next)|more-(?:stories|news|from|on)|most-?(?:read|popular|viewed)|"
    r"popular|trending|sidebar|teasers?|promos?|comments?|commentlist|disqus|reply|replies|newsletter|clock|current-?(?:date|time)|masthead|"
    r"site-(?:header|footer)|breadcrumbs?|nav(?:bar|igation)?|menu|latest|ticker|live-?(?:post|entry|update)s?|liveblog-(?:post|entry)|ads?|"
    r"advert(?:isement)?|copyright|upcoming|events?|calendar)(?:$|[-_ ])|"
    r"(?:^| )(?:today|date-today|todays-date|now|widgets?|widget-area)(?:$| )",
    re.IGNORECASE,
)
"""Words in the class or id of what stands on a page beside its article."""
_DATE_CLASS = re.compile(
    r"(?:^|[-_ ])(?:dates?|datetime|dateline|byline|meta|pubdate|dt-published|dt-updated|publish(?:ed)?|posted|timestamp|time|updated|"
    r"modified)(?:$|[-_ ])",
    re.IGNORECASE,
)
_UPDATED_WORD = re.compile(
    r"updat|modifi|aktualisi|ge\u00e4ndert|\bstand\b|mise? \u00e0 jour|actualizad|aggiornat|atualizad|bijgewerkt|corrected", re.IGNORECASE
)
_LABEL = re.compile(
    r"^(?:(?:first |originally |last |zuletzt |derni\u00e8re )?(?:published|publication date|posted|created|updated?|modified|date|datum|"
    r"ver\u00f6ffentlicht|erschienen|erstellt|aktualisiert|ge\u00e4ndert|stand|publi\u00e9e?|paru|mise? \u00e0 jour|publicado|actualizado|"
    r"pubblicato|aggiornato|atualizado|gepubliceerd|bijgewerkt)\b)?\s*(?:on|at|am|um|le|el|il|op)?\s*[:,]?\s*(?:on|am|le|el)?\s+",
    re.IGNORECASE,
)
_PARTS = re.compile(r"\s*[|\u00b7\u2022]\s*|\s+[\u2013\u2014]\s+|\s*\n\s*")
_YEAR = re.compile(r"(?<!\d)(?:1[6-9]|2[01])\d\d(?!\d)", re.ASCII)
_LANDMARKS = frozenset({"nav", "aside"})
_MARGINS = frozenset({"header", "footer"})
_PARAGRAPH = 80
"""Characters from which a paragraph is one of the text and no line of the head."""
_LINE = 120
_MAX_LINES = 20
"""Elements whose text is read as a date."""
_MAX_MARKED = 200
"""Headlines, `<article>` elements and dates for machines that are looked at."""


def meta_values(tree: Any) -> dict[str, list[str]]:
    """The contents of the meta elements by name, property or itemprop in lower case, in reading order."""
    values: dict[str, list[str]] = {}
    for meta in tree.iter("meta"):
        content = (meta.get("content") or "").strip()
        in_body = any(parent.tag == "body" for parent in meta.iterancestors())
        for key in ("property", "name", "itemprop"):
            name = (meta.get(key) or "").strip().lower()
            if name and content and not (in_body and key == "itemprop"):  # in the body it may be of any article: `beside_headline` looks
                values.setdefault(name, []).append(content[:2_000])
    return values


def from_meta(values: Mapping[str, Sequence[str]]) -> Iterator[Stated]:
    """The dates of the meta elements, those whose names say most first."""
    fields: tuple[tuple[DateField, list[str]], ...] = (("published_at", _PUBLISHED_META), ("updated_at", _UPDATED_META))
    for field, names in fields:
        for name in names:
            yield from (Stated(field, DateOrigin.META, value) for value in values.get(name, ())[:3])


@dataclass(frozen=True, slots=True)
class Place:
    """Where the article is on its page."""

    root: Any
    """The element that holds headline and text."""
    article: Any
    """The `<article>`, or the root where there is none."""
    heading: Any
    """Its headline as an element, or None."""


def find_place(tree: Any, headlines: Sequence[str]) -> Place:
    """The article of the page: what has the headline that the page is known by, else the longest `<article>`."""
    body = next(tree.iter("body"), tree)
    titles = [h for h in islice(tree.iter("h1", "h2"), _MAX_MARKED) if not _is_aside(h, body)]
    named = [h for h in titles if any(same_headline(words_of(h), headline) for headline in headlines)]
    heading = next(iter(named), next((h for h in titles if h.tag == "h1"), None))
    around = [a for a in (heading.iterancestors() if heading is not None else ()) if _is_article(a)]
    articles = around or [a for a in islice(filter(_is_article, tree.iter("*")), _MAX_MARKED) if not _is_aside(a, body)]
    if not articles:
        main = next(tree.iter("main"), body)
        return Place(main if heading is None or heading in main.iterdescendants() else body, body, heading)
    article = around[0] if around else max(articles, key=lambda a: sum(len(words_of(p)) for p in islice(a.iter("p"), _MAX_MARKED)))
    root = article
    while heading is not None and heading not in root.iterdescendants() and root.getparent() is not None:
        root = root.getparent()
    return Place(root, article, heading)


def beside_headline(place: Place) -> Iterator[Stated]:
    """The dates that are marked as the article's, and those that stand in its head, before its first paragraph, or in its foot."""
    in_head, headed = True, place.heading is None or place.root is place.article
    lines = marks = 0
    for element in place.root.iter():
        if not isinstance(element.tag, str):
            continue
        headed = headed or element is place.heading
        if element.tag in {"p", "div", "td", "section"} and in_head and headed:
            in_head = not _is_text(element)
        value = _machine_date(element)
        if not value and not (in_head and headed and lines < _MAX_LINES and _may_be_line(element)):
            continue
        marks += bool(value)
        if marks > _MAX_MARKED:
            return
        if _is_aside(element, place.root, place.article):
            continue
        marked = _marked(element)
        if value and (marked or (headed and (in_head or _in_margin(element, place.article)))):
            yield Stated(marked or _said(element), DateOrigin.DOCUMENT, value)
        elif not value:
            lines += 1
            yield from _from_line(element, marked)


def _machine_date(element: Any) -> str:
    """What an element says for machines: `datetime`, or `content` and `title` where it is marked as a date."""
    if element.tag == "time":
        return str(element.get("datetime") or (words_of(element, _LINE) if _YEAR.search(words_of(element, _LINE)) else ""))
    if "datepublished" in (prop := (element.get("itemprop") or "").lower().split()) or "datemodified" in prop:
        return str(element.get("content") or element.get("datetime") or words_of(element, _LINE))
    if element.tag == "abbr" and _marked(element):  # hAtom
        return str(element.get("title") or "")
    return ""


def _marked(element: Any) -> DateField | None:
    """Which date an element is marked as, by microdata, microformats or `pubdate`; None where it is not."""
    prop = (element.get("itemprop") or "").lower().split()
    kind = (element.get("class") or "").lower().split()
    if "datepublished" in prop or element.get("pubdate") is not None or {"published", "dt-published", "entry-date"} & set(kind):
        return "published_at"
    return "updated_at" if "datemodified" in prop or {"updated", "dt-updated"} & set(kind) else None


def _said(element: Any) -> DateField:
    """Which date it is by its class and by the words before it."""
    before = element.getprevious()
    parent = element.getparent()
    near = (before.tail if before is not None else parent.text) or (words_of(before, _LINE) if before is not None else "")
    if not near.strip() and before is None and parent is not None and len(words_of(parent, _LINE + 1)) <= _LINE:
        near = str(parent.get("class") or "")
    return "updated_at" if _UPDATED_WORD.search(f"{element.get('class') or ''} {near[-40:]} {words_of(element, 40)}") else "published_at"


def _may_be_line(element: Any) -> bool:
    """Whether an element is a short line with a year, called a date by its class or by its first word."""
    if len(element) > 3 or element.tag in {"h1", "h2", "h3", "a", "meta", "time", "title"}:
        return False
    line = words_of(element, _LINE + 1)
    if not _YEAR.search(line) or len(line) > _LINE or any(inner.tag in {"time", "p", "div"} for inner in element.iterdescendants()):
        return False
    label = _LABEL.match(line + " ")
    return bool(_DATE_CLASS.search(element.get("class") or "")) or bool(label and label[0].strip())


def _from_line(element: Any, marked: DateField | None) -> Iterator[Stated]:
    """The parts of a line that are a date and nothing else, a label aside."""
    for part in _PARTS.split("".join(element.itertext()).strip()):
        written = _LABEL.sub("", " ".join(part.split()) + " ", count=1).strip()
        try:
            read_date(written)
        except ValueError:
            if not _YEAR.search(written) or not re.match(r"\d{1,2}[/-]\d{1,2}[/-]\d{4}", written):
                continue  # a name, a place; a day that may be two is handed on, so that it is said not to be believed
        updated = _UPDATED_WORD.search(f"{part} {element.get('class') or ''}")
        yield Stated(marked or ("updated_at" if updated else "published_at"), DateOrigin.DOCUMENT, written)


def _is_article(element: Any) -> bool:
    kind = element.get("itemtype") or ""
    return element.tag == "article" or element.get("role") == "article" or kind.rstrip("/").endswith(("Article", "BlogPosting"))


def _is_text(element: Any) -> bool:
    """Whether the text of the article has begun."""
    if element.tag == "p":
        return len(words_of(element, _PARAGRAPH)) >= _PARAGRAPH and not _machine_dated(element) and not _may_be_line(element)
    return len((element.text or "").strip()) >= 2 * _PARAGRAPH


def _machine_dated(element: Any) -> bool:
    return any(child.tag == "time" for child in element) and len(words_of(element, _LINE + 1)) <= _LINE


def _in_margin(element: Any, article: Any) -> bool:
    """Whether it stands in the article's own header or footer."""
    for parent in element.iterancestors():
        if parent is article:
            return False
        if parent.tag in _MARGINS:
            return any(above is article for above in parent.iterancestors())
    return False


def _is_aside(element: Any, root: Any, article: Any = None) -> bool:
    """Whether it is of something else on the page: an aside, another article, a comment, the head of the site."""
    for place in (element, *element.iterancestors()):
        if place is root or place is article:
            return False
        if place.tag in _LANDMARKS or _names_aside(place):
            return True
        if article is not None and (_is_article(place) or "Comment" in (place.get("itemtype") or "")):
            return True
        if place.tag in _MARGINS and root.tag in {"body", "html"} and place.find(".//h1") is None:
            return True
    return False


def _names_aside(element: Any) -> bool:
    return bool(_ASIDE.search(element.get("class") or "") or _ASIDE.search(element.get("id") or ""))
