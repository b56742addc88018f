"""The one table of parsers: the kind of a file by its name, and its articles by its kind.

What comes from elsewhere is hostile until proven otherwise, so this runs in the limited process of `sandbox`, not in the service.
"""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import PurePath
from typing import IO, TYPE_CHECKING, Any

from service.articles.raw import Raw
from service.errors import BadArticle

if TYPE_CHECKING:
    from email.message import Message

KINDS = {
    ".html": "html", ".htm": "html", ".xhtml": "html", ".mhtml": "mhtml", ".mht": "mhtml", ".xml": "xml", ".rss": "feed", ".atom": "feed",
    ".md": "markdown", ".markdown": "markdown", ".txt": "text", ".json": "json", ".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv",
    ".tsv": "csv", ".parquet": "parquet", ".pdf": "pdf", ".zip": "zip",
}  # fmt: skip
"""File name ending → kind."""
ONE_ARTICLE = frozenset({"html", "mhtml", "markdown", "text", "pdf"})
"""Kinds whose file is one article, so that the date in its name is the article's."""
MAX_UNPACKED = 256 * 1024 * 1024
"""Bytes that a .gz may unpack to."""
MAX_PARTS = 1_000
"""Parts of a saved page that are looked through for it: browsers write it first, before its pictures and styles."""
Source = bytes | IO[bytes]


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be parsed, beside the bytes."""

    kind: str
    name: str = ""
    """The file's name, which may end in .gz and may carry a date."""
    url: str | None = None
    content_type: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    """Our field → column, for tables."""
    max_chars: int = 1_000_000


def kind_of_name(name: str) -> str | None:
    """The kind by the ending, `.gz` looked through; None for what Dateline does not read."""
    path = PurePath(name)
    return KINDS.get((PurePath(path.stem) if path.suffix.lower() == ".gz" else path).suffix.lower())


def parse(
    kind: str, data: bytes, *, name: str = "", url: str | None = None, content_type: str = "", options: Mapping[str, Any] | None = None
) -> list[Raw]:
    """Every article in the bytes, parsed in this process. Options are `columns` and `max_chars`, as in `Job`. Raises BadArticle."""
    return list(raws(data, Job(kind, name, url, content_type, **options or {})))


def raws(source: Source, job: Job) -> Iterator[Raw]:
    """Each article in a file or its bytes, as it is parsed; what was passed over is a Raw, too, with `skipped`.

    Raises BadArticle whatever a library raises on bytes that are not what they should be, and MemoryError.
    """
    parser = PARSERS.get(job.kind)
    if parser is None:
        raise BadArticle(f"is not of a kind Dateline reads: {', '.join(KINDS)}, each also with .gz")
    try:
        if job.name.lower().endswith(".gz"):
            source, job = _unpacked(source), replace(job, name=job.name[:-3])
        yield from parser(source, job)
    except (BadArticle, MemoryError):
        raise
    except RecursionError as error:
        raise BadArticle("is nested too deeply") from error
    except Exception as error:
        raise BadArticle(f"cannot be read ({type(error).__name__}): {' '.join(str(error).split())[:300]}") from error


def _unpacked(source: Source) -> bytes:
    try:
        with gzip.open(io.BytesIO(source) if isinstance(source, bytes) else source) as file:
            data = file.read(MAX_UNPACKED + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise BadArticle(f"cannot be read: {error}") from error
    if len(data) > MAX_UNPACKED:
        raise BadArticle(f"unpacks to more than {MAX_UNPACKED:,} bytes")
    return data


def _whole(source: Source) -> bytes:
    return source if isinstance(source, bytes) else source.read()


def _file(source: Source) -> IO[bytes]:
    return io.BytesIO(source) if isinstance(source, bytes) else source


def _html(source: Source, job: Job) -> Iterable[Raw]:
    from service.articles.feeds import feeds_of
    from service.articles.webpage import page_articles

    data = _whole(source)
    for raw in page_articles(data, url=job.url, content_type=job.content_type, name=job.name):
        feeds = feeds_of(data, job.url) if raw.problem and job.url else []
        yield replace(raw, problem=f"{raw.problem}; the page names a feed: {feeds[0]}") if feeds else raw


def _mhtml(source: Source, job: Job) -> Iterable[Raw]:
    """The page of a saved web archive (RFC 2557). Its Date is when it was saved, and not read."""
    from email import message_from_bytes, policy

    def stated(part: Message, name: str) -> str | None:
        return str(policy.default.header_fetch_parse(name, str(part.get(name, "")))) or None

    try:
        message = message_from_bytes(_whole(source), policy=policy.compat32)  # the newer one takes a second for 20,000 parts
        parts = list(islice(message.walk(), MAX_PARTS))
    except RecursionError as error:
        raise BadArticle("is a web archive nested too deeply") from error
    url = stated(message, "Snapshot-Content-Location")
    for part in parts:
        if part.get_content_type() in {"text/html", "application/xhtml+xml"}:
            data = part.get_payload(decode=True)
            kind = f"text/html; charset={part.get_content_charset() or 'utf-8'}"
            url = url or stated(part, "Content-Location")
            return _html(data if isinstance(data, bytes) else b"", replace(job, url=job.url or url, content_type=kind))
    raise BadArticle("is a web archive without a page")


def _feed(source: Source, job: Job) -> Iterable[Raw]:
    from service.articles.feeds import feed_articles

    found = feed_articles(_whole(source), url=job.url, content_type=job.content_type)
    if found.left_out:
        reason = f"{found.left_out:,} items more than {len(found.items):,} are left out: ask the publisher for a shorter feed"
        return (*found.items, Raw(place=f": {reason}", skipped=True))
    return found.items


def _sitemap(source: Source, job: Job) -> Iterable[Raw]:
    """The addresses of a sitemap: each a Raw with a link, what the site says of the page, and no text."""
    from service.articles.sitemap import MAX_ENTRIES, sitemap_entries

    found = sitemap_entries(_whole(source), url=job.url)
    for sitemap, entries in ((False, found.entries), (True, found.sitemaps)):
        for one in entries:
            row = {"sitemap": sitemap, "lastmod": one.lastmod, "title": one.title, "source": one.source}
            yield Raw(row, one.stated, links=(one.url,))
    if found.left_out:
        reason = f"{found.left_out:,} addresses are left out: of other hosts, broken, or more than {MAX_ENTRIES:,}"
        yield Raw(place=f": {reason}", skipped=True)


def _xml(source: Source, job: Job) -> Iterable[Raw]:
    from service.articles.feeds import is_feed

    data = _whole(source)
    if is_feed(data, job.content_type):
        return _feed(data, job)
    if b"http://www.w3.org/1999/xhtml" in data[:2_000]:
        return _html(data, job)
    raise BadArticle("is XML, but neither RSS nor Atom nor XHTML")


def _json(source: Source, job: Job) -> Iterator[Raw]:
    from service.articles.lines import json_rows

    file: Any = io.BufferedReader(io.BytesIO(source)) if isinstance(source, bytes) else source
    if b"jsonfeed.org/version/" in file.peek(2_000)[:2_000]:  # files and gzip files can be looked into, too
        yield from _feed(file.read(), job)
    else:
        yield from json_rows(file, job.max_chars)


def _text(source: Source, job: Job) -> Iterable[Raw]:
    from service.articles.lines import text_rows

    return (_dated(raw, job) for raw in text_rows(_file(source), job.max_chars))


def _markdown(source: Source, job: Job) -> Iterable[Raw]:
    from service.articles.lines import markdown_rows

    return (_dated(raw, job) for raw in markdown_rows(_file(source), job.max_chars))


def _dated(raw: Raw, job: Job) -> Raw:
    """The same, with the date that the file's name states."""
    from service.articles.dates import from_name

    stated = from_name(job.name) if job.name else None
    return replace(raw, stated=(*raw.stated, stated)) if stated else raw


def _json_lines(source: Source, job: Job) -> Iterable[Raw]:
    from service.articles.lines import json_line_rows

    return json_line_rows(_file(source), job.max_chars)


def _csv(source: Source, job: Job) -> Iterable[Raw]:
    from service.articles.lines import BYTES_PER_CHARACTER
    from service.articles.tables import csv_rows

    return csv_rows(_file(source), job.columns, job.max_chars * BYTES_PER_CHARACTER * 3 // 2)


def _parquet(source: Source, job: Job) -> Iterable[Raw]:
    from service.articles.tables import parquet_rows

    return parquet_rows(source, job.columns)


def _pdf(source: Source, job: Job) -> Iterable[Raw]:
    from service.articles.pdf import pdf_articles

    return pdf_articles(_whole(source), name=job.name, max_chars=job.max_chars)


def _zip(source: Source, job: Job) -> Iterable[Raw]:
    from service.articles.zips import zip_articles

    def member(kind: str, data: bytes, name: str) -> Iterator[Raw]:
        return raws(data, Job(kind, name, columns=job.columns, max_chars=job.max_chars))

    return zip_articles(source, kind_of=kind_of_name, parse=member)


PARSERS: dict[str, Callable[[Source, Job], Iterable[Raw]]] = {
    "html": _html, "mhtml": _mhtml, "feed": _feed, "xml": _xml, "json": _json, "jsonl": _json_lines, "markdown": _markdown, "text": _text,
    "csv": _csv, "parquet": _parquet, "pdf": _pdf, "zip": _zip, "sitemap": _sitemap,
}  # fmt: skip
"""Kind → its parser, which may raise whatever its library does: `raws` calls it and turns that into BadArticle."""
