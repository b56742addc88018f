"""Texts of articles, notices, drafts of models and what readers send back: how each is given to what reads it."""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import cast

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from service.answering.ask import Answerer
from service.answering.cleaning import MAX_TEXT, Report, links, sentences_of, smuggles, tidy
from service.answering.grounding import strip_marks
from service.answering.request import AskRequest
from service.articles.language import language_of, primary
from service.domain import Article, Hit, Notice, NoticeKind, Passage, Scope
from service.errors import NotFound
from service.http.recordings import Recordings
from service.indexing.linking import link
from service.indexing.named_days import named_days
from service.indexing.notices import notice_of
from service.indexing.passages import cut_passages, embedded_text
from service.indexing.stories import sketches
from service.ports import Archive
from service.sentences import MAX_SENTENCE
from service.words import bare_words
from tests.doors import WIDE
from tests.fakes import NOON
from tests.fuzz import documents, formats, tables
from tests.fuzz.mutations import Format, damaged, damaged_text

# ── texts ────────────────────────────────────────────────────────────────────


def article_text(form: Format, most: int = 5) -> SearchStrategy[str]:
    """As the text of an article may be: without lone surrogates and NUL, which `article_from_row` refuses."""
    return damaged(form, most).map(lambda data: data.decode("utf-8", "replace").replace("\0", ""))


texts = article_text(formats.TEXTS) | article_text(formats.NOTICES)
languages = st.sampled_from([None, "en", "de", "fr", "zh", "xx", "en-GB", "x" * 35])
notices = st.builds(
    Article,
    st.just("a"),
    article_text(formats.NOTICES),
    st.sampled_from(["", "Correction", "Correction: The dam holds", "Retraction", "RETRACTED: Dam"])
    | article_text(formats.NOTICES, 3).map(lambda text: text[:2_000]),
    source=st.sampled_from([None, "The Herald", "Port Asel Gazette"]),
    language=languages,
    url=st.sampled_from([None, "https://herald.example/a", "http://["]),
    published_at=st.sampled_from([None, NOON, datetime(1600, 1, 1, tzinfo=UTC), datetime(2000, 2, 29, 23, tzinfo=UTC)]),
    metadata=st.dictionaries(st.sampled_from(["status", "correction", "creativeWorkStatus", "a"]), tables.values, max_size=3),
)


sentences = (article_text(formats.NOTICES) | article_text(formats.WRITTEN)).map(lambda text: text[:MAX_SENTENCE])
"""As long as what `sentence_spans` gives."""


class Shelf:
    """As much of an archive as `link` asks for: a notice, and articles that any search finds."""

    def __init__(self, notice: Article) -> None:
        titles = ("The dam at Eastholm holds", "River", "")
        others = [
            Article(f"b{n}", documents.WORDS, title, source=notice.source, published_at=NOON - timedelta(days=n))
            for n, title in enumerate(titles)
        ]
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


def take_notice(article: Article) -> None:
    found = notice_of(article)
    link(found or Notice(NoticeKind.CORRECTION, "", article.id), cast("Archive", Shelf(article)))


def take_days(drawn: tuple[str, str | None]) -> None:
    assert all(isinstance(day, date) for day in named_days(drawn[0], NOON.date(), drawn[1]))


def take_passages(drawn: tuple[str, str | None, int, int]) -> None:
    text, language, every, most = drawn
    article = Article("a", text, language=language)
    cut = cut_passages(article, range(0, len(text), every), most)
    assert all(one.text == text[one.start : one.end] for one in cut)
    assert all(one.end <= other.start for one, other in pairwise(cut))
    assert "".join("".join(one.text.split()) for one in cut) == "".join(text.split())
    for one in cut[:1]:
        embedded_text(article, one)


def take_language(text: str) -> None:
    assert language_of(text, title=text[::-1]) != ""
    primary(text)


def take_sketches(texts: Sequence[str]) -> None:
    assert len(sketches(texts)) == len(texts)


# ── what a model writes, and what a reader sends back ────────────────────────


def take_draft(drawn: tuple[str, Sequence[int]]) -> None:
    text, cuts = drawn

    async def pieces() -> AsyncGenerator[str]:
        places = sorted({0, len(text), *(place % (len(text) + 1) for place in cuts)})
        for start, end in pairwise(places):
            yield text[start:end]

    async def sentences() -> list[str]:
        return [one async for one in sentences_of(pieces(), Report(), echoed=text[:200])]

    for sentence in asyncio.run(sentences()):
        assert sentence == " ".join(sentence.split())
        bare, marked = strip_marks(sentence, 9)
        assert all(1 <= number <= 9 for number in marked)
        smuggles(bare, [bare])


def take_marks(text: str) -> None:
    text = text[:MAX_TEXT]
    strip_marks(tidy(text), 20)
    links(text)
    bare_words(text)


_recordings = Recordings(lambda: 0.0)
_stream = _recordings.begin(cast("Answerer", None), AskRequest("How high is the dam?"), NOON, debug=False, door=WIDE)


def take_event_id(text: str) -> None:
    recording, place = _recordings.resume(text, "")
    assert recording is _stream
    assert place == 0


events = damaged_text(replace(formats.WRITTEN, whole=(_stream.id.encode(), f"{_stream.id}:0".encode(), f"{_stream.id}:12".encode())), 4)
