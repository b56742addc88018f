"""A page's bytes as a tree, bounded, and the text of a tree. lxml parses, trafilatura finds the article's body.

Nothing that the page names is fetched.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from service.articles.xml_guard import Attributes
from service.errors import BadArticle

MAX_PAGE = 10 * 1024 * 1024
"""Bytes: pages saved with their pictures inside are large, their text is not."""
MAX_ELEMENTS = 15_000
"""trafilatura takes 30 to 60 seconds per million elements; long live blogs have some thousand, scripts and drawings aside."""
MAX_ALL_ELEMENTS = 200_000
"""With scripts, drawings and templates: a page of more is not built. Ten megabytes of empty tags take two seconds."""
RETRIED_ELEMENTS = 5_000
"""A page of tables is read a second time, so it may be this large."""
MIN_BODY = 200
"""Characters: with less, the text may stand in a table, as pages of old have it."""
_SAMPLE = 64 * 1024
_SMALL = 8 * 1024
"""Bytes in which there is no room for too many tags or attributes."""
_CONTROL = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]|&#(?:x0*(?:[0-8bcef]|1[0-9a-f])|0*(?:[0-8]|1[124-9]|2[0-9]|3[01]));", re.IGNORECASE
)
"""What XML has no place for (XML 1.0 §2.2), as it is or as a reference: lxml and trafilatura would give up the whole page."""
_DISPENSABLE = ("script", "style", "svg", "template", "iframe", "noscript", "object", "canvas")
_CENTRAL_EUROPEAN = frozenset({"pl", "cs", "sk", "hu", "sl", "hr", "ro", "sq", "bs"})
_LANG = re.compile(rb"<html[^>]{0,500}?\slang\s*=\s*[\"']?([A-Za-z]{2,3})", re.IGNORECASE)
_WIDE = ("utf-16", "utf-32")
"""What a page says of itself in single bytes cannot be true; UTF-8 is meant (WHATWG)."""
_ESCAPING = ("iso2022", "hz", "utf-7", *_WIDE)
"""Charsets whose bytes may pass for UTF-8."""
_NO_CHARSET = frozenset(
    {"base64", "bz2", "hex", "idna", "punycode", "quopri", "raw-unicode-escape", "rot-13", "undefined", "unicode-escape", "uu", "zlib"}
)
"""Python's codecs that no page is written in: they fail whatever they are told, or take for ever."""
_LATIN = re.compile(r"(?:cp125[02478]|cp437|cp85\d|cp77\d|latin_1|iso8859_(?:1|2|3|4|9|10|13|14|15|16)|mac_\w+|hp_roman8|ascii|cp\d{3})$")
_BLOCKS = frozenset(
    "address article aside blockquote center dd details div dl dt fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 header hr li "
    "main nav ol p pre section table tbody td th tr ul".split()
)
_SILENT = frozenset({*_DISPENSABLE, "head", "title", "button", "select", "textarea"})


def decode(data: bytes, content_type: str = "") -> str:
    """The page's characters: by byte order mark, as UTF-8 where it is, by the charset that is declared, else by its looks.

    As the WHATWG has it, ISO-8859-1 means windows-1252 (w3lib). A declared charset is believed as long as nearly
    all bytes are of it. Undeclared bytes that are not UTF-8 are guessed by charset_normalizer, whose many Latin
    alphabets become windows-1252, or windows-1250 where the page says it is in a language of Central Europe.
    """
    from w3lib.encoding import html_body_declared_encoding, http_content_type_encoding, read_bom

    mark, bom = read_bom(data)
    if mark and bom:
        return data[len(bom) :].decode(mark, "replace")
    within = html_body_declared_encoding(data) or ""
    named = (http_content_type_encoding(content_type), "utf-8" if within.startswith(_WIDE) else within)
    declared = next((name for name in named if name and name not in _NO_CHARSET), None)
    if declared is None or not declared.startswith(_ESCAPING):
        text = data.decode("utf-8", "replace")
        bad = text.count("\ufffd")
        if not bad or (declared in {None, "utf-8"} and bad <= _few(text)):
            return text
    text = data.decode(declared, "replace") if declared else ""
    return text if declared and text.count("\ufffd") <= _few(text) else data.decode(_guessed(data), "replace")


def _few(text: str) -> int:
    """How many characters may be broken: a page cut off in one, a name pasted from elsewhere."""
    return len(text) // 1_000 + 1


def _guessed(data: bytes) -> str:
    from charset_normalizer import from_bytes

    found = from_bytes(data[:_SAMPLE]).best()
    if found and found.encoding != "utf_8" and not _LATIN.match(found.encoding):
        return found.encoding
    lang = _LANG.search(data, 0, 4_096)
    return "cp1250" if lang and lang[1].decode().lower() in _CENTRAL_EUROPEAN else "cp1252"


class _Count:
    """Hears of a page's tags as libxml2 reads them, before a tree is made of them."""

    def __init__(self) -> None:
        self._elements = 0
        self._attributes = Attributes()

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        self._elements += 1
        self._attributes.add(len(attributes))
        if self._elements > MAX_ALL_ELEMENTS:
            raise BadArticle(f"is a page of more than {MAX_ALL_ELEMENTS:,} elements")

    def close(self) -> None:
        pass


def parse(text: str) -> Any:
    """The page as an lxml tree. Raises BadArticle where nothing, too much or too deep a nesting comes in."""
    from lxml import etree, html

    data = _CONTROL.sub("", text).encode("utf-8", "replace")
    parser = html.HTMLParser(encoding="utf-8", remove_pis=True)
    try:
        if len(data) > _SMALL:
            etree.fromstring(data, parser=etree.HTMLParser(encoding="utf-8", target=_Count()))
        tree = html.document_fromstring(data, parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError, ValueError) as error:
        raise BadArticle("is no page of HTML, or an empty one") from error
    if any(entry.type_name == "ERR_RESOURCE_LIMIT" for entry in parser.error_log):
        raise BadArticle("is a page nested too deeply to be read whole")  # lxml would leave the rest away in silence
    return tree


def without_furniture(tree: Any) -> Any:
    """The tree without scripts, styles, drawings and comments. Raises BadArticle where more is left than can be read in time."""
    from lxml import etree

    etree.strip_elements(tree, *_DISPENSABLE, etree.Comment, with_tail=False)
    elements = sum(1 for _ in tree.iter())
    if elements > MAX_ELEMENTS:
        raise BadArticle(f"is a page of {elements:,} elements; the limit is {MAX_ELEMENTS:,}")
    return tree


def body_text(tree: Any) -> str:
    """The article's body as paragraphs, by trafilatura with precision first; empty where there is none.

    No comments, no metadata (so that no date is looked for in the text), and tables only where else is next to nothing.
    """
    text = _extracted(tree, "precision")
    if len(text) < MIN_BODY and sum(1 for _ in tree.iter()) <= RETRIED_ELEMENTS:
        text = max(text, _extracted(tree, "tables"), key=len)
    return "\n\n".join(filter(None, (line.strip() for line in text.splitlines())))


def _extracted(tree: Any, mode: Literal["precision", "tables"]) -> str:
    import logging

    import trafilatura

    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)  # what it has to say of a page without text is said by us
    precise = mode == "precision"
    found = trafilatura.bare_extraction(
        tree, include_comments=False, with_metadata=False, favor_precision=precise, include_tables=not precise
    )
    text = getattr(found, "text", None)
    return text if isinstance(text, str) else ""


def fragment_text(markup: str) -> str:
    """All text of a piece of HTML as paragraphs: of a feed's item, which holds nothing but the article. Raises BadArticle."""
    if "<" not in markup and "&" not in markup:
        return "\n\n".join(" ".join(part.split()) for part in re.split(r"\n\s*\n", markup) if part.strip())
    return "\n\n".join(_paragraphs(without_furniture(parse(f"<div>{markup}</div>"))))


def one_line(markup: str) -> str:
    """Text without tags, entities and line ends: a headline."""
    if "<" not in markup and "&" not in markup:
        return " ".join(markup.split())
    try:
        return " ".join("".join(parse(f"<div>{markup}</div>").itertext()).split())
    except BadArticle:
        return ""


def words_of(element: Any, limit: int = 2_000) -> str:
    """The words of an element in one line, at most `limit` characters; of a whole page no more than that is gathered."""
    gathered = ""
    for text in element.itertext():
        gathered = " ".join(f"{gathered}{text[: 4 * limit]}".split()) + (" " if text[-1:].isspace() else "")
        if len(gathered) > limit:
            break
    return gathered.strip()[:limit]


def _paragraphs(tree: Any) -> Iterator[str]:
    """Text between the beginnings and ends of blocks; two line breaks in a row part paragraphs as well."""
    from lxml import etree

    gathered: list[str] = []
    for event, element in etree.iterwalk(tree, events=("start", "end")):
        tag = element.tag
        if tag in _BLOCKS:
            yield from _drained(gathered)
        elif tag == "br" and event == "start":
            gathered.append("\n")
        if event == "start":
            gathered.append(_spaced(element.text) if tag not in _SILENT else "")
        else:
            gathered.append(_spaced(element.tail))
    yield from _drained(gathered)


def _spaced(text: str | None) -> str:
    return re.sub(r"\s+", " ", text or "")


def _drained(gathered: list[str]) -> Iterator[str]:
    for part in re.split(r"\n[ \n]*\n", "".join(gathered)):
        if words := " ".join(part.split()):
            yield words
    gathered.clear()
