"""What is fuzzed: every function that reads what strangers write, and what it may raise.

Parsers of files are called without the net that `parsing.raws` spreads below them. What they find goes on, as in the service, to be
written as JSON and to become an article, so that a row that breaks what comes after it is found, too.
"""

import contextlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Any, cast

import httpx2
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from service.articles.dates import CLOCK_SKEW, from_name, settle
from service.articles.feeds import feeds_of
from service.articles.links import site_of, web_address
from service.articles.parsing import PARSERS, Job, kind_of_name
from service.articles.raw import DateField, Raw, Stated
from service.articles.row import article_from_row
from service.articles.tables import parse_columns
from service.articles.written_dates import read_date
from service.articles.zips import zip_articles
from service.domain import Article, DateOrigin
from service.errors import BadArticle, DatelineError
from service.fetching.addresses import redirected, target_of
from service.fetching.bodies import Body
from service.fetching.fetch import FetchLimits, SafeFetcher
from service.fetching.robots import Rules, product_token
from service.moments import span
from service.urls import canonical_url, url_key
from service.wire_ingest import packed, unpacked
from tests.fakes import NOON, FixedClock
from tests.fuzz import documents, formats, tables, words
from tests.fuzz.mutations import damaged, damaged_text

MAX_CHARS = 100_000
"""Of an article: a tenth of what is allowed by default, so that the limit is met."""
Refusals = tuple[type[BaseException], ...]


@dataclass(frozen=True)
class Target:
    """A function, what it is given, and what it may raise."""

    name: str
    inputs: SearchStrategy[Any]
    take: Callable[[Any], object]
    refusals: Refusals = (DatelineError,)


def _through(raws: Iterable[Raw]) -> None:
    """What becomes of raw articles: JSON, then articles; a bad one is refused, and nothing else may go wrong."""
    for raw in raws:
        assert raw.problem is None or raw.problem.strip()
        if raw.problem or raw.row is None:
            continue
        json.dumps(raw.row, ensure_ascii=False).encode("utf-8", "surrogatepass")
        with contextlib.suppress(BadArticle):
            _checked(article_from_row(raw.row, now=NOON, max_chars=MAX_CHARS, stated=raw.stated).article)


def _checked(article: Article) -> None:
    for moment in (article.published_at, article.updated_at):
        assert moment is None or (moment.tzinfo is UTC and moment <= NOON + CLOCK_SKEW)
    repr((article, article.content_hash)).encode()


def _file(kind: str, **job: Any) -> Callable[[bytes], None]:
    job = {"name": "2025-04-07 dam.x", "url": "https://herald.example/2025/04/07/dam", "max_chars": MAX_CHARS} | job
    return lambda data: _through(PARSERS[kind](data, Job(kind, **job)))


def _zip(data: bytes) -> None:
    def member(kind: str, inner: bytes, name: str) -> Iterable[Raw]:
        return PARSERS[kind](inner, Job(kind, name, max_chars=MAX_CHARS))

    _through(zip_articles(data, kind_of=kind_of_name, parse=member))


# ── dates and addresses ──────────────────────────────────────────────────────


_written = damaged_text(formats.WRITTEN, 4) | st.sampled_from(documents.DATES)
_stated = st.lists(
    st.builds(
        Stated,
        st.sampled_from(cast("list[DateField]", ["published_at", "updated_at"])),
        st.sampled_from(sorted(set(DateOrigin) - {DateOrigin.UNKNOWN})),
        _written,
    ),
    max_size=130,
)
"""Mostly a few, sometimes more than are read."""


def _settle(stated: Sequence[Stated]) -> None:
    dated = settle(stated, NOON)
    for moment in (dated.published_at, dated.updated_at):
        assert moment is None or (moment.tzinfo is UTC and moment <= NOON + CLOCK_SKEW)
    assert (dated.published_at is None) == (dated.date_origin is DateOrigin.UNKNOWN)


def _address(text: str) -> None:
    url_key(text)
    if found := web_address(text, "https://herald.example/a/"):
        site_of(found)
        canonical_url(found)
    with contextlib.suppress(ValueError):
        canonical_url(text)


def _target(pair: tuple[str, str]) -> None:
    redirected(target_of(pair[0]), pair[1], private_networks=True)


# ── the web ──────────────────────────────────────────────────────────────────


_header = damaged_text(formats.WRITTEN, 3) | st.sampled_from(
    ["gzip", "identity", "br", "text/html; charset=x", '"etag"', "120", "-1", "9" * 400]
)
_answers = st.tuples(
    st.sampled_from([200, 200, 301, 302, 304, 308, 404, 429, 503, 599, 100, 204]),
    st.dictionaries(
        st.sampled_from(["location", "retry-after", "content-type", "content-encoding", "etag", "last-modified"]),
        _header | damaged_text(formats.ADDRESSES, 3)
    ),
    st.binary(max_size=60) | st.sampled_from([b"", documents.WORDS.encode()]),
)  # fmt: skip


def _fetch(answers: Sequence[tuple[int, Mapping[str, str], bytes]]) -> None:
    left = list(answers)

    def answer(request: httpx2.Request) -> httpx2.Response:
        status, headers, body = left.pop() if left else (200, {}, b"")
        pairs = [(name.encode(), value.encode("latin-1", "replace")) for name, value in headers.items()]
        return httpx2.Response(status, headers=pairs, stream=httpx2.ByteStream(body))

    fetcher = SafeFetcher(
        FetchLimits(), clock=FixedClock(), resolve=lambda host, port: ["93.184.215.14"], transport=lambda: httpx2.MockTransport(answer)
    )
    fetcher.fetch("https://herald.example/a", etag='"a"')


def _body(pieces: Sequence[bytes]) -> None:
    body = Body("a", "gzip", 100_000)
    for piece in pieces:
        body.add(piece)
    body.whole()


_pages = st.sampled_from(["https://herald.example/", "https://herald.example/private/a.pdf?x=%zz", "https://herald.example/" + "a" * 2_000])


def _robots(pair: tuple[bytes, str]) -> None:
    verdict = Rules(pair[0], product_token("dateline/1.0")).verdict(pair[1])
    assert verdict.delay >= 0


def _unpack(value: object) -> None:
    packed(unpacked(value, now=NOON, max_chars=MAX_CHARS))


def _row(value: object) -> None:
    _checked(article_from_row(value, now=NOON, max_chars=MAX_CHARS).article)


def _all() -> Iterator[Target]:
    """Those with the most to go wrong first."""
    yield Target("html page", damaged(formats.HTML), _file("html"))
    yield Target("feed", damaged(formats.FEED), _file("feed"))
    yield Target("sitemap", damaged(formats.SITEMAPS), _file("sitemap"))
    yield Target("pdf", damaged(formats.PDFS), _file("pdf"))
    yield Target("parquet", st.deferred(lambda: damaged(tables.parquets())), _file("parquet"), (DatelineError, MemoryError))
    yield Target("zip", damaged(formats.ZIPS), _zip)
    yield Target("csv", damaged(formats.TABLES) | tables.csv_texts, _file("csv"))
    yield Target("json", damaged(formats.JSONS) | tables.json_texts, _file("json"))
    yield Target("markdown", damaged(formats.MARKDOWNS), _file("markdown"))
    yield Target("mhtml", damaged(formats.MHTMLS), _file("mhtml"))
    yield Target("written date", _written, read_date, (ValueError,))
    yield Target("stated dates", _stated, _settle)
    yield Target("notice and its link", words.notices, words.take_notice)
    yield Target("named days", st.tuples(words.sentences, words.languages), words.take_days)
    yield Target("json lines", damaged(formats.JSON_LINES) | tables.json_lines, _file("jsonl"))
    yield Target("json feed", damaged(formats.JSON_FEEDS) | tables.json_feeds, _file("feed"))
    yield Target("xml of any kind", damaged(formats.FEED) | damaged(formats.HTML), _file("xml"))
    yield Target("plain text", damaged(formats.TEXTS), _file("text"))
    yield Target("feeds of a page", damaged(formats.HTML), lambda data: feeds_of(data, "https://herald.example/"))
    yield Target("date in a name", damaged_text(formats.ADDRESSES) | _written, from_name)
    yield Target("row", tables.rows, _row)
    yield Target("item of ingest", tables.items, _unpack)
    yield Target("address", damaged_text(formats.ADDRESSES), _address)
    yield Target("target and redirect", st.tuples(*[damaged_text(formats.ADDRESSES, 3)] * 2), _target)
    yield Target("answer of a server", st.lists(_answers, max_size=5), _fetch)
    yield Target("gzip body", damaged(formats.ZIPPED).map(lambda data: [data[:7], data[7:]]), _body)
    yield Target("robots.txt", st.tuples(damaged(formats.RULES), _pages), _robots)
    yield Target("columns", damaged_text(formats.COLUMNS), parse_columns)
    yield Target("span", damaged_text(formats.SPANS), span)
    yield Target("language", words.texts, words.take_language)
    yield Target("passages", st.tuples(words.texts, words.languages, st.integers(1, 9), st.integers(20, 200)), words.take_passages)
    yield Target("sketches", st.lists(words.texts, max_size=3), words.take_sketches)
    yield Target("draft of a model", st.tuples(damaged_text(formats.DRAFTS), st.lists(st.integers(0, 9_999), max_size=9)), words.take_draft)
    yield Target("citation marks", damaged_text(formats.DRAFTS), words.take_marks)
    yield Target("last event id", words.events, words.take_event_id)


TARGETS = tuple(_all())
