"""The text layer of a PDF as one article, by pypdfium2 (Chrome's reader).

**The date of publication.** A PDF's CreationDate and ModDate tell when the file was made or saved, which for a page printed today from
an archive of 1990 is today. They are never taken for the day of publication: CreationDate is kept as metadata, `pdf_created`. What is
believed is `prism:publicationDate` of the XMP packet, which exists for nothing else (PRISM 3.0, as publishers of journals write it), and
`dc:date` unless it is the day on which the file was made or saved, for several tools stamp it so. Several packets (images bring their
own) that disagree are not believed. A date in the file's name comes beside it, as a date of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from service.articles.layout import Line, running_text
from service.articles.raw import Raw, Stated
from service.domain import DateOrigin
from service.errors import BadArticle

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument, PdfPage, PdfTextPage

MAX_PAGES = 2_000
MAX_PACKETS, MAX_PACKET = 64, 256 * 1024
"""XMP packets looked at, and bytes of each; one is usual, of a few kilobytes."""
_FILE_NAME = re.compile(
    r"^(microsoft (word|powerpoint|excel) - .*|powerpoint presentation|untitled.*|(new )?document ?\d*|print(out)?|about:blank|https?://\S*"
    r"|.*\.(pdf|docx?|odt|rtf|pptx?|xlsx?|indd|qxd|qxp|tex|dvi|ps|html?|txt|tmp))$",
    re.IGNORECASE,
)
_NOBODY = frozenset({"", "user", "admin", "administrator", "owner", "unknown", "anonymous", "(anonymous)", "author", "root", "scanner"})
_MOMENT = re.compile(r"(?:D:)?(\d{4})(\d\d)?(\d\d)?(\d\d)?(\d\d)?(\d\d)?\s*(?:(Z)|([+-])(\d\d)'?(\d\d)?'?)?")
_PRISM = re.compile(r"\{https?://(?:www\.)?prismstandard\.org/namespaces/[^}]*\}publicationDate")
_DUBLIN_CORE = "{http://purl.org/dc/elements/1.1/}date"
_MADE = "{http://ns.adobe.com/xap/1.0/}"


def pdf_articles(data: bytes, *, name: str = "", max_chars: int = 1_000_000) -> list[Raw]:
    """The article, or why there is none: no text layer, or a password. Raises BadArticle where the file cannot be read."""
    from pypdfium2 import PdfDocument, PdfiumError

    try:
        document = PdfDocument(data)
    except PdfiumError as error:
        if "password" in str(error).lower():
            return [Raw(problem="is encrypted: save it without its password first, e.g. with qpdf --decrypt")]
        raise BadArticle("is not a PDF that can be read: it is damaged or cut off") from error
    try:
        text = _text(document, max_chars)
        told: dict[str, str] = document.get_metadata_dict(skip_empty=True)
    except PdfiumError as error:
        raise BadArticle(f"cannot be read: {error}") from error
    finally:
        document.close()
    if not text:
        return [Raw(problem="has no text layer (a scan?): run OCR first, e.g. ocrmypdf")]
    title, author = told.get("Title", "").strip(), told.get("Author", "").strip()
    row = {
        "text": text,
        "title": None if _FILE_NAME.match(title) or not re.search(r"[^\W\d_]", title) else title[:2_000],
        "author": None if author.lower() in _NOBODY else author[:2_000],
        "pdf_created": moment(told.get("CreationDate", "")),
    }
    return [Raw({key: value for key, value in row.items() if value}, stated=tuple(_stated(data, told, name)))]


def moment(written: str) -> str | None:
    """A date as ISO 32000-1, 7.9.4, writes it, `D:20250407090000+02'00'`, in ISO 8601 with its zone; None where it is none."""
    found = _MOMENT.fullmatch(written.strip())
    if not found:
        return None
    year, month, day, hour, minute, second, zulu, sign, zone_hours, zone_minutes = found.groups()
    zone = "+00:00" if zulu else f"{sign}{zone_hours}:{zone_minutes or '00'}" if sign else ""
    iso = f"{year}-{month or '01'}-{day or '01'}T{hour or '00'}:{minute or '00'}:{second or '00'}{zone}"
    try:
        datetime.fromisoformat(iso)
    except ValueError:
        return None
    return iso


def _stated(data: bytes, told: dict[str, str], name: str) -> Iterator[Stated]:
    """What the file says of the day of publication, and then what its name says."""
    made = {day[:10] for key in ("CreationDate", "ModDate") if (day := moment(told.get(key, "")))}
    published = _publication_dates(data, made)
    if len(published) == 1:
        yield Stated("published_at", DateOrigin.DOCUMENT, published.pop())
    if name:
        from service.articles.dates import from_name

        if stated := from_name(name):
            yield stated


def _publication_dates(data: bytes, made: set[str]) -> set[str]:
    """The different publication dates that the XMP packets give, those in plain sight in the file: XMP is meant not to be compressed."""
    from xml.etree.ElementTree import ParseError

    from defusedxml.common import DefusedXmlException
    from defusedxml.ElementTree import fromstring

    published: set[str] = set()
    for packet in _packets(data):
        try:
            root = fromstring(packet, forbid_dtd=True)
        except (ParseError, DefusedXmlException, ValueError):
            continue  # a packet is a comment on the article, which is there without it
        published |= _dates_in(root, made)
    return published


def _packets(data: bytes) -> Iterator[bytes]:
    start = data.find(b"<rdf:RDF")
    for _ in range(MAX_PACKETS):
        if start < 0:
            return
        end = data.find(b"</rdf:RDF>", start, start + MAX_PACKET)
        if end > 0:
            yield data[start:end] + b"</rdf:RDF>"
        start = data.find(b"<rdf:RDF", max(start + 1, end))


def _dates_in(packet: Any, made: set[str]) -> set[str]:
    """The publication dates in a packet; `made` are the days on which the file was made or saved."""
    said: dict[str, set[str]] = {}
    for node in packet.iter():
        leaves = ((node.tag, leaf.text or "") for leaf in node.iter())  # a list of days is three elements deep
        for tag, value in (*node.attrib.items(), *leaves):
            said.setdefault(tag, set()).add(value.strip()[:100])
    exact = {value for tag, values in said.items() if _PRISM.fullmatch(tag) for value in values if value}
    if exact:
        return exact
    stamps = made | {value[:10] for tag, values in said.items() if tag.startswith(_MADE) for value in values}
    return {value for value in said.get(_DUBLIN_CORE, set()) if value and value[:10] not in stamps}


def _text(document: PdfDocument, max_chars: int) -> str:
    """Every page's text. Raises BadArticle where there is too much of it."""
    if len(document) > MAX_PAGES:
        raise BadArticle(f"has {len(document):,} pages; the limit is {MAX_PAGES:,}: split it")
    pages: list[list[Line]] = []
    length = 0
    for number in range(len(document)):
        page = document[number]
        try:
            pages.append(list(_lines(page)))
        finally:
            page.close()
        length += sum(len(line.text) for line in pages[-1])
        if length > 2 * max_chars:
            raise BadArticle(f"has more than {2 * max_chars:,} characters; the limit is {max_chars:,} (DATELINE_MAX_ARTICLE_CHARS)")
    return running_text(pages)


def _lines(page: PdfPage) -> Iterator[Line]:
    """The lines of a page in the order of reading, as far as PDFium sees it, each with the place of its first character."""
    from pypdfium2 import PdfiumError

    text_page = page.get_textpage()
    try:
        at = 0
        for written in text_page.get_text_range().split("\r\n"):
            words = written.strip()
            start, at = at, at + len(written.encode("utf-16-le", "surrogatepass")) // 2 + 2
            if not words:
                continue
            first, middle = written.index(words[0]), written.index(words.split()[len(words.split()) // 2])
            try:  # a first character may be a bullet of another font, so the middle tells height
                left, *_ = _box(text_page, start + first)
                _, bottom, _, top = _box(text_page, start + middle)
            except PdfiumError:  # the words count, their place only helps
                left = bottom = top = 0.0
            yield Line(words, left, bottom, top - bottom)
    finally:
        text_page.close()


def _box(text_page: PdfTextPage, at: int) -> tuple[float, float, float, float]:
    """Left, bottom, right and top of the character at this index of the page's text, in points, as its font is high."""
    from pypdfium2.raw import FPDFText_GetCharIndexFromTextIndex

    box: tuple[float, float, float, float] = text_page.get_charbox(FPDFText_GetCharIndexFromTextIndex(text_page, at), loose=True)
    return box
