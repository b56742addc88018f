"""XML of strangers, looked over before a parser that trusts more is given it: no entities, no nesting without end.

defusedxml refuses every DTD and never opens an address. RSS 0.91 is written with a DOCTYPE that only names one: that
is cut out beforehand, and what it names is never asked for.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from io import BytesIO
from typing import Any

from service.errors import BadArticle

MAX_DEPTH = 100
"""Levels: a feed has some ten, and feedparser takes five seconds for 600 KB of nested tags."""
MAX_ELEMENTS = 20_000
"""Of a feed: feedparser takes 25 to 50 seconds per million. A thousand items have some ten thousand."""
MAX_BROKEN_TAGS = 15_000
"""Of a feed that is not well-formed, beginnings and ends counted: it is read twice, which takes some 55 seconds per million."""
MAX_ATTRIBUTES = 5_000
"""Of one tag; of several, the root of the sum of their squares. libxml2 and feedparser look through a tag's attributes for each of them:
15,000 take two seconds, 50,000 a minute and a half."""
MAX_BROKEN = 1024 * 1024
"""Bytes of XML that is not well-formed, which feedparser reads five times slower."""
_TOO_MANY = f"is XML of more than {MAX_ELEMENTS:,} elements: ask the publisher for a shorter feed"
_TOO_BROKEN = f"is broken XML of more than {MAX_BROKEN_TAGS:,} tags: ask the publisher to mend the feed"
_TOO_DEEP = f"is XML nested more than {MAX_DEPTH} levels deep"
_DOCTYPE = re.compile(rb"<!DOCTYPE[^\[\]<>]{0,500}>", re.IGNORECASE)
_HEAD = 4_096
"""Bytes in which a DOCTYPE stands."""
_TAG = re.compile(rb"<(/?)[A-Za-z_][^<>]*+(>?)")
"""Also one that nothing closes, which feedparser's looser parser takes for a tag."""
_REFUSED = "is XML with a document type of its own (DTD, entities), which is not read"
_OPAQUE = ((b"<![CDATA[", b"]]>"), (b"<!--", b"-->"))
Seen = Callable[[str, str, str], None]


class Attributes:
    """The attributes of a document's tags, counted by what it takes to read them."""

    def __init__(self) -> None:
        self._squares = 0

    def add(self, count: int) -> None:
        """One more tag has so many. Raises BadArticle where that is too much for all of them together."""
        self._squares += count * count
        if self._squares > MAX_ATTRIBUTES**2:
            raise BadArticle(f"has tags of thousands of attributes; the limit is {MAX_ATTRIBUTES:,}")


def without_doctype(data: bytes) -> bytes:
    """The XML without a DOCTYPE that declares nothing itself."""
    return _DOCTYPE.sub(b"", data[:_HEAD], count=1) + data[_HEAD:]


def look_over(data: bytes, seen: Seen | None = None) -> bool:
    """Whether the XML is well-formed. Raises BadArticle where it has a DTD, too many elements or attributes, or too deep a nesting.

    `seen` is told of every element: its namespace, `<name` and nothing where it begins, `name` and its own text where it ends.
    """
    from xml.sax import SAXException, SAXParseException
    from xml.sax.handler import ContentHandler, feature_namespaces

    import defusedxml
    from defusedxml.sax import make_parser

    class Guard(ContentHandler):
        """Counts levels, elements and attributes."""

        def __init__(self) -> None:
            super().__init__()
            self.depth = self.elements = 0
            self.attributes = Attributes()
            self.text: list[str] = []

        def startElementNS(self, name: Any, qname: Any, attrs: Any) -> None:  # noqa: N802
            self.depth += 1
            self.elements += 1
            if self.depth > MAX_DEPTH or self.elements > MAX_ELEMENTS:
                raise BadArticle(_TOO_DEEP if self.depth > MAX_DEPTH else _TOO_MANY)
            self.attributes.add(len(attrs))
            self.text.clear()
            if seen:
                seen(name[0] or "", "<" + name[1], "")

        def endElementNS(self, name: Any, qname: Any) -> None:  # noqa: N802
            self.depth -= 1
            if seen:
                seen(name[0] or "", name[1], "".join(self.text))
            self.text.clear()

        def characters(self, content: str) -> None:
            if seen:
                self.text.append(content)

    parser = make_parser()
    parser.forbid_dtd = True
    parser.setFeature(feature_namespaces, True)  # noqa: FBT003 - SAX
    parser.setContentHandler(Guard())
    try:
        parser.parse(BytesIO(data))
    except defusedxml.DefusedXmlException as error:
        raise BadArticle(_REFUSED) from error
    except (SAXParseException, SAXException, LookupError, ValueError):
        _look_over_loosely(data)
        return False
    return True


def _look_over_loosely(data: bytes) -> None:
    """The same for XML that is not well-formed, by its tags. Raises BadArticle."""
    if b"\0" in data[:1_000]:
        raise BadArticle("is broken XML in UTF-16")
    if len(data) > MAX_BROKEN:
        raise BadArticle(f"is broken XML of {len(data):,} bytes; the limit is {MAX_BROKEN:,}")
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise BadArticle(_REFUSED)
    depth = place = tags = 0
    attributes = Attributes()
    while (place := data.find(b"<", place)) >= 0:
        opaque = next((end for start, end in _OPAQUE if data.startswith(start, place)), None)
        if opaque:
            place = data.find(opaque, place)
            if place < 0:
                return
        elif tag := _TAG.match(data, place):
            if tag[2]:
                depth = max(0, depth - 1) if tag[1] else depth if tag[0].endswith(b"/>") else depth + 1
            tags += 1
            attributes.add(tag[0].count(b"="))
            if depth > MAX_DEPTH or tags > MAX_BROKEN_TAGS:
                raise BadArticle(_TOO_DEEP if depth > MAX_DEPTH else _TOO_BROKEN)
        place += 1
