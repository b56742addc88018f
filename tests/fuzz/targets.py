"""What is fuzzed: every function that reads what strangers write, and what it may raise.

Parsers of files are called without the net that `parsing.raws` spreads below them. What they find goes on, as in the service, to be
written as JSON and to become an article, so that a row that breaks what comes after it is found, too.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import httpx2
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from service.answering.ask import Answerer
from service.answering.cleaning import Report, links, sentences_of, smuggles, tidy
from service.answering.grounding import strip_marks
from service.answering.request import AskRequest
from service.articles.dates import CLOCK_SKEW, from_name, settle
from service.articles.feeds import feeds_of
from service.articles.language import language_of, primary
from service.articles.links import site_of, web_address
from service.articles.parsing import PARSERS, Job, kind_of_name
from service.articles.raw import DateField, Raw, Stated
from service.articles.row import article_from_row
from service.articles.tables import parse_columns
from service.articles.written_dates import read_date
from service.articles.zips import zip_articles
from service.domain import Article, DateOrigin, Hit, Notice, NoticeKind, Passage, Scope
from service.errors import BadArticle, DatelineError, NotFound
from service.fetching.addresses import redirected, target_of
from service.fetching.bodies import Body
from service.fetching.fetch import FetchLimits, SafeFetcher
from service.fetching.robots import Rules, product_token
from service.http.recordings import Recordings
from service.indexing.linking import link
from service.indexing.notices import notice_of
from service.indexing.passages import cut_passages, embedded_text
from service.indexing.stories import sketches
from service.ports import Archive
from service.urls import canonical_url, url_key
from service.watching import span
from service.wire_ingest import packed, unpacked
from service.words import bare_words
from tests.fakes import NOON, FixedClock
from tests.fuzz import formats, tables
from tests.fuzz.mutations import Format, damaged, damaged_text

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


_written = damaged_text(formats.WRITTEN, 4) | st.sampled_from(formats.DATES)
_stated = st.lists(st.builds(Stated, st.sampled_from(cast("list[DateField]", ["published_at", "updated_at"])), st.sampled_from(sorted(set(DateOrigin) - {DateOrigin.UNKNOWN})), _written), max_size=130)
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


_header = damaged_text(formats.WRITTEN, 3) | st.sampled_from(["gzip", "identity", "br", "text/html; charset=x", '"etag"', "120", "-1", "9" * 400])
_answers = st.tuples(
    st.sampled_from([200, 200, 301, 302, 304, 308, 404, 429, 503, 599, 100, 204]),
    st.dictionaries(
        st.sampled_from(["location", "retry-after", "content-type", "content-encoding", "etag", "last-modified"]), _header | damaged_text(formats.ADDRESSES, 3)
    ),
    st.binary(max_size=60) | st.sampled_from([b"", formats.WORDS.encode()]),
)  # fmt: skip


def _fetch(answers: Sequence[tuple[int, Mapping[str, str], bytes]]) -> None:
    left = list(answers)

    def answer(request: httpx2.Request) -> httpx2.Response:
        status, headers, body = left.pop() if left else (200, {}, b"")
        pairs = [(name.encode(), value.encode("latin-1", "replace")) for name, value in headers.items()]
        return httpx2.Response(status, headers=pairs, stream=httpx2.ByteStream(body))

    fetcher = SafeFetcher(FetchLimits(), clock=FixedClock(), resolve=lambda host, port: ["93.184.215.14"], transport=lambda: httpx2.MockTransport(answer))
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


# ── texts ────────────────────────────────────────────────────────────────────


def _article_text(form: Format, most: int = 5) -> SearchStrategy[str]:
    """As the text of an article may be: without lone surrogates and NUL, which `article_from_row` refuses."""
    return damaged(form, most).map(lambda data: data.decode("utf-8", "replace").replace("\0", ""))


_texts = _article_text(formats.TEXTS) | _article_text(formats.NOTICES)
_languages = st.sampled_from([None, "en", "de", "fr", "zh", "xx", "en-GB", "x" * 35])
_notices = st.builds(
    Article,
    st.just("a"),
    _article_text(formats.NOTICES),
    st.sampled_from(["", "Correction", "Correction: The dam holds", "Retraction", "RETRACTED: Dam"]) | _article_text(formats.NOTICES, 3).map(lambda text: text[:2_000]),
    source=st.sampled_from([None, "The Herald", "Port Asel Gazette"]),
    language=_languages,
    url=st.sampled_from([None, "https://herald.example/a", "http://["]),
    published_at=st.sampled_from([None, NOON, datetime(1600, 1, 1, tzinfo=UTC), datetime(2000, 2, 29, 23, tzinfo=UTC)]),
    metadata=st.dictionaries(st.sampled_from(["status", "correction", "creativeWorkStatus", "a"]), tables.values, max_size=3),
)


class Shelf:
    """As much of an archive as `link` asks for: a notice, and articles that any search finds."""

    def __init__(self, notice: Article) -> None:
        titles = ("The dam at Eastholm holds", "River", "")
        others = [Article(f"b{n}", formats.WORDS, title, source=notice.source, published_at=NOON - timedelta(days=n)) for n, title in enumerate(titles)]
        self._articles = {one.id: one for one in (notice, *others)}

    def article(self, article_id: str) -> Article:
        if article_id not in self._articles:
            raise NotFound("gone")
        return self._articles[article_id]

    def at_urls(self, urls: Sequence[str]) -> dict[str, str]:
        repr(urls).encode()
        return dict(zip(urls, ["b1", "gone"], strict=False))

    def lexical(self, terms: Sequence[str], scope: Scope, limit: int) -> list[tuple[int, float]]:
        return [(0, 2.0), (1, 1.0), (7, 0.5)]

    def hits(self, rows: Iterable[int]) -> dict[int, Hit]:
        return {row: Hit(Passage.cut(one, 0, 0, 9), one, 1.0) for row, one in enumerate(self._articles.values()) if row in rows}


def _notice(article: Article) -> None:
    found = notice_of(article)
    link(found or Notice(NoticeKind.CORRECTION, "", article.id), cast("Archive", Shelf(article)))


def _passages(drawn: tuple[str, str | None, int, int]) -> None:
    text, language, every, most = drawn
    article = Article("a", text, language=language)
    cut = cut_passages(article, range(0, len(text), every), most)
    assert all(one.text == text[one.start : one.end] for one in cut)
    assert all(one.end <= other.start for one, other in zip(cut, cut[1:], strict=False))
    assert "".join("".join(one.text.split()) for one in cut) == "".join(text.split())
    for one in cut[:1]:
        embedded_text(article, one)


def _language(text: str) -> None:
    assert language_of(text, title=text[::-1]) != ""
    primary(text)


def _sketches(texts: Sequence[str]) -> None:
    assert len(sketches(texts)) == len(texts)


# ── what a model writes, and what a reader sends back ────────────────────────


def _draft(drawn: tuple[str, Sequence[int]]) -> None:
    text, cuts = drawn

    async def pieces() -> AsyncGenerator[str]:
        places = sorted({0, len(text), *(place % (len(text) + 1) for place in cuts)})
        for start, end in zip(places, places[1:], strict=False):
            yield text[start:end]

    async def sentences() -> list[str]:
        return [one async for one in sentences_of(pieces(), Report(), echoed=text[:200])]

    for sentence in asyncio.run(sentences()):
        assert sentence == " ".join(sentence.split())
        bare, marked = strip_marks(sentence, 9)
        assert all(1 <= number <= 9 for number in marked)
        smuggles(bare, [bare])


def _marks(text: str) -> None:
    strip_marks(tidy(text), 20)
    links(text)
    bare_words(text)


_recordings = Recordings(lambda: 0.0)
_stream = _recordings.begin(cast("Answerer", None), AskRequest("How high is the dam?"), NOON, debug=False)


def _resume(text: str) -> None:
    recording, place = _recordings.resume(text, "")
    assert recording is _stream
    assert place == 0


_events = damaged_text(replace(formats.WRITTEN, whole=(_stream.id.encode(), f"{_stream.id}:0".encode(), f"{_stream.id}:12".encode())), 4)


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
    yield Target("csv", damaged(formats.TABLES), _file("csv"))
    yield Target("json", damaged(formats.JSONS), _file("json"))
    yield Target("markdown", damaged(formats.MARKDOWNS), _file("markdown"))
    yield Target("mhtml", damaged(formats.MHTMLS), _file("mhtml"))
    yield Target("written date", _written, read_date, (ValueError,))
    yield Target("stated dates", _stated, _settle)
    yield Target("notice and its link", _notices, _notice)
    yield Target("json lines", damaged(formats.JSON_LINES), _file("jsonl"))
    yield Target("json feed", damaged(formats.JSON_FEEDS), _file("feed"))
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
    yield Target("language", _texts, _language)
    yield Target("passages", st.tuples(_texts, _languages, st.integers(1, 9), st.integers(1, 200)), _passages)
    yield Target("sketches", st.lists(_texts, max_size=3), _sketches)
    yield Target("draft of a model", st.tuples(damaged_text(formats.DRAFTS), st.lists(st.integers(0, 9_999), max_size=9)), _draft)
    yield Target("citation marks", damaged_text(formats.DRAFTS), _marks)
    yield Target("last event id", _events, _resume)


TARGETS = tuple(_all())
