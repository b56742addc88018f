"""What a page says of its article in JSON-LD (schema.org): the node that is this page's, and its fields.

extruct reads the scripts, broken ones too. A page also describes other articles; a node is believed when its
address or its headline is that of the page.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from service.urls import canonical_url

MAX_SCRIPTS = 50
MAX_SCRIPT = 1_000_000
"""Characters; the text of an article may be among them."""
MAX_NODES = 2_000
SAME_HEADLINE = 0.6
"""Share of words in common from which two headlines are of one article; editors shorten and reword them."""
_WRAPPING = re.compile(r"\A\s*(?:<!--|(?://|/\*)?\s*<!\[CDATA\[\s*(?:\*/)?)|(?:-->|(?://|/\*)?\s*\]\]>\s*(?:\*/)?)\s*\Z")
_INTO = ("@graph", "@list", "mainEntity", "mainEntityOfPage")
"""Where nodes about the page itself are; lists of items, parts and updates hold other things."""
_WORD = re.compile(r"\w+")
Node = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Identity:
    """How a page can be known: its addresses and headlines, as far as they are known."""

    urls: frozenset[str] = frozenset()
    headlines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Described:
    """The nodes of a page: the article, the page around it, and all by id."""

    article: Node | None = None
    page: Node | None = None
    kinds: frozenset[str] = frozenset()
    """Of every node, whether about this article or not."""
    by_id: Mapping[str, Node] = field(default_factory=dict)

    def dates(self, key: str) -> list[str]:
        """The values of a date, of the article first."""
        return [value for node in (self.article, self.page) if node for value in strings(node.get(key))]

    def names(self, key: str) -> list[str]:
        """The names of persons or organisations, ids looked up."""
        return [name for value in _listed((self.article or {}).get(key)) if (name := self._name(value))]

    def text(self, key: str) -> str:
        """A value of the article as text; empty where there is none."""
        return next(iter(strings((self.article or {}).get(key))), "")

    def _name(self, value: Any) -> str:
        if isinstance(value, Mapping):
            known = value if "name" in value else self.by_id.get(str(value.get("@id")), value)
            return next(iter(strings(known.get("name"))), "")
        return value if isinstance(value, str) else ""


def described(tree: Any, identity: Identity) -> Described:
    """What the scripts of a page say of its article. A script that cannot be read is passed over."""
    nodes = list(_nodes(_documents(tree)))
    articles = sorted((n for n in nodes if is_article(n)), key=lambda n: -_match(n, identity))
    best = articles[0] if articles and (_match(articles[0], identity) > 0 or _alone(articles, identity)) else None
    pages = [n for n in nodes if "WebPage" in kinds(n) or "ItemPage" in kinds(n)]
    page = next((n for n in pages if (_known(n) & identity.urls) or not identity.urls or not _known(n)), None)
    by_id = {str(n["@id"]): n for n in nodes if "name" in n and "@id" in n}
    return Described(best, page, frozenset(kind for node in nodes for kind in kinds(node)), by_id)


def kinds(node: Node) -> list[str]:
    """The types of a node, without the vocabulary's address."""
    return [kind.rpartition("/")[2].rpartition(":")[2] for kind in strings(node.get("@type"))]


def is_article(node: Node) -> bool:
    """Whether it is a NewsArticle, a BlogPosting, a Report or one of their kin."""
    return any(kind.endswith(("Article", "BlogPosting")) or kind in {"Report", "SocialMediaPosting"} for kind in kinds(node))


def strings(value: Any) -> list[str]:
    """Strings and numbers of a value as JSON-LD may wrap it: a list, `{"@value": …}`."""
    found = []
    for one in _listed(value):
        inner = one.get("@value") if isinstance(one, Mapping) else one
        if isinstance(inner, str) and inner.strip():
            found.append(inner.strip())
        elif isinstance(inner, int | float) and not isinstance(inner, bool):
            found.append(str(inner))
    return found


def same_headline(one: str, other: str) -> bool:
    """Whether two headlines are of one article: equal, one within the other, or most of their words in common."""
    a, b = (_WORD.findall(text.casefold()) for text in (one, other))
    if not a or not b:
        return False
    short, long = sorted((a, b), key=len)
    if short == long or (len(short) > 2 and f" {' '.join(short)} " in f" {' '.join(long)} "):
        return True
    return len(set(a) & set(b)) >= SAME_HEADLINE * len(set(a) | set(b))


def _listed(value: Any) -> Sequence[Any]:
    return value[:50] if isinstance(value, list) else [] if value is None else [value]


def _documents(tree: Any) -> Iterator[Any]:
    from extruct.jsonld import JsonLdExtractor

    scripts = [s for s in tree.iter("script") if (s.get("type") or "").strip().lower().startswith("application/ld+json")]
    for script in scripts[:MAX_SCRIPTS]:
        if len(script.text or "") > MAX_SCRIPT:
            continue
        try:
            script.set("type", "application/ld+json")
            script.text = _WRAPPING.sub("", script.text or "")
            yield JsonLdExtractor().extract_items(script)
        except (ValueError, RecursionError):  # one broken script says nothing about the others
            continue


def _nodes(documents: Iterator[Any]) -> Iterator[Node]:
    """Every node about the page, in reading order, without recursion."""
    waiting: list[Any] = [item for document in documents for item in _listed(document)][::-1]
    for _ in range(MAX_NODES):
        if not waiting:
            return
        one = waiting.pop()
        if isinstance(one, list):
            waiting.extend(reversed(one[:MAX_NODES]))
        elif isinstance(one, Mapping):
            yield one
            waiting.extend(one[key] for key in reversed(_INTO) if isinstance(one.get(key), dict | list))


def _known(node: Node) -> frozenset[str]:
    """The addresses that a node says it has."""
    page = node.get("mainEntityOfPage")
    inner = page if isinstance(page, Mapping) else {}
    values = (node.get("url"), node.get("@id"), page if isinstance(page, str) else None, inner.get("@id"), inner.get("url"))
    return frozenset(filter(None, (comparable(value) for one in values for value in strings(one))))


def comparable(url: str) -> str:
    """An address as it is compared: without scheme, `www.`, `m.`, `amp.`; empty for none of the web."""
    try:
        plain = canonical_url(url) if url.startswith(("http://", "https://")) else ""
    except ValueError:
        return ""
    return re.sub(r"^https://(?:www\.|m\.|amp\.)?", "", plain)


def _match(node: Node, identity: Identity) -> int:
    """3 for address and headline, 2 for the address, 1 for the headline, 0 for neither."""
    headlines = strings(node.get("headline")) + strings(node.get("name"))
    titled = any(same_headline(one, other) for one in headlines for other in identity.headlines)
    return 2 * bool(_known(node) & identity.urls) + titled


def _alone(articles: Sequence[Node], identity: Identity) -> bool:
    """Whether the only article that is described may be this one, since nothing that it says of itself can be compared and differs."""
    one = articles[0]
    elsewhere = bool(identity.urls) and bool(_known(one))
    other_headline = bool(identity.headlines) and bool(strings(one.get("headline")))
    return len(articles) == 1 and not elsewhere and not (other_headline and bool(_known(one)))
