"""Search over a real archive and a real index: what a filter lets through, and that nothing inside it is missed."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from service.domain import Article, Passage, Scope
from service.models.hashing import HashingEmbedder
from service.ports import StagedArticle
from service.retrieval.search import CANDIDATES, REPORTING_DELAY, Searcher
from service.retrieval.understand import understand
from service.storage.archive import SqliteArchive
from service.storage.chroma_index import ChromaIndex
from service.vectors import nearest
from tests.fakes import NOON, FixedClock, MemoryIndex

ARTICLES = 4_000
OUTLETS = ("Gazette", "Courier", "Herald", "Beacon")
EMBEDDER = HashingEmbedder(32)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqliteArchive]:
    """Four thousand articles of one passage, one an hour up to noon, by four outlets in turn."""
    opened = SqliteArchive(tmp_path_factory.mktemp("search") / "archive.sqlite3", "hashing", FixedClock())
    vectors = np.random.default_rng(1).standard_normal((ARTICLES, 32)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    staged = []
    for number in range(ARTICLES):
        text = f"Report {number} of the dam."
        article = Article(f"a{number}", text, source=OUTLETS[number % 4], published_at=NOON - timedelta(hours=number))
        staged.append(StagedArticle(article, [Passage.cut(article, 0, 0, len(text))], vectors[number : number + 1]))
    opened.publish(opened.stage(staged))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def searcher(archive: SqliteArchive) -> Iterator[Searcher]:
    """Over Chroma, filled from the archive."""
    index = ChromaIndex(Path(archive.path).parent, archive)
    yield Searcher(archive, index, EMBEDDER)
    index.close()


@pytest.fixture(scope="module")
def exact(archive: SqliteArchive) -> Searcher:
    """Over an index that misses nothing, so that whatever is missed is the search's own."""
    index = MemoryIndex()
    for ids, vectors in archive.vectors():
        index.upsert(ids, vectors)
    return Searcher(archive, index, EMBEDDER)


DAY, EVER = timedelta(days=1), Scope(NOON)
SCOPES = {
    "everything": EVER,
    "half of it": Scope(NOON, published_from=NOON - 80 * DAY),
    "one outlet": Scope(NOON, sources=("gazette",)),
    "one outlet in a month": Scope(NOON, sources=("Herald",), published_from=NOON - 60 * DAY, published_to=NOON - 30 * DAY),
    "two days": Scope(NOON, published_from=NOON - 100 * DAY, published_to=NOON - 98 * DAY),
    "one hour": Scope(NOON, published_from=NOON - 50 * DAY, published_to=NOON - 50 * DAY + timedelta(hours=1)),
    "asked long ago": Scope(NOON - 150 * DAY),
    "three articles": Scope(NOON, article_ids=("a7", "a3999", "a1234", "nobody")),
    "before everything": Scope(NOON - 999 * DAY),
    "an outlet that is not there": Scope(NOON, sources=("The Sun",)),
}


QUESTIONS = ("Who repaired it?", "rain", "When did the ferry leave Port Asel?")


def dense(searcher: Searcher, words: str, scope: Scope) -> dict[str, float]:
    """The dense ranking of a search, with its cosines, best first."""
    found = searcher.candidates(understand(words, NOON, scope, infer_window=False))
    ranked = sorted((one for one in found if one.hit.dense_rank), key=lambda one: one.hit.dense_rank or 0)
    return {one.hit.passage.id: one.cosine for one in ranked}


def brute_force(archive: SqliteArchive, words: str, scope: Scope) -> dict[str, float]:
    """Every vector inside the scope compared."""
    ids, vectors = archive.vectors_in(scope, ARTICLES) or ([], np.zeros((0, 32)))
    return dict(nearest(ids, vectors, EMBEDDER.embed([words])[0], CANDIDATES))


@pytest.mark.parametrize("scope", SCOPES.values(), ids=SCOPES)
def test_a_filtered_search_is_brute_force_inside_the_filter(exact: Searcher, archive: SqliteArchive, scope: Scope) -> None:
    """Whichever way is taken, the dense ranking is that of comparing every vector inside the scope."""
    for words in QUESTIONS:
        found, expected = dense(exact, words, scope), brute_force(archive, words, scope)
        assert list(found.values()) == pytest.approx(list(expected.values()), abs=1e-5)
        assert found.keys() == expected.keys()


@pytest.mark.parametrize("scope", SCOPES.values(), ids=SCOPES)
def test_chroma_misses_little_of_it(searcher: Searcher, archive: SqliteArchive, scope: Scope) -> None:
    """Its graph is approximate: over random vectors, the hardest there are, nine of ten are found, and none outside the filter."""
    for words in QUESTIONS:
        found, expected = dense(searcher, words, scope), brute_force(archive, words, scope)
        assert len(found) == len(expected)
        assert len(found.keys() & expected.keys()) >= 0.9 * len(expected)
        assert archive.in_scope(list(found), scope) == set(found)


def test_what_a_question_names_is_among_the_candidates(searcher: Searcher, archive: SqliteArchive) -> None:
    """Articles of a named outlet, of a window, and those that hold a quoted phrase are looked at even where no ranking finds them."""
    words = "Did the Herald write 'Report 3333 of the dam' on 10 February 2026?"
    found = [one.hit.article for one in searcher.candidates(understand(words, NOON, EVER, known=archive.bylines()))]
    days = [article.published_at for article in found if article.published_at]
    assert sum(article.source == "Herald" for article in found) >= 20
    assert sum(datetime(2026, 2, 10, tzinfo=UTC) <= day < datetime(2026, 2, 11, tzinfo=UTC) + REPORTING_DELAY for day in days) >= 20
    assert "a3333" in {article.id for article in found}


def test_a_named_outlet_does_not_widen_a_filter(searcher: Searcher, archive: SqliteArchive) -> None:
    """A question that names the Herald, filtered to the Gazette, finds the Gazette only."""
    scope = Scope(NOON, sources=("Gazette",))
    question = understand("What did the Herald report of the dam in February 2026?", NOON, scope, known=archive.bylines())
    assert question.outlets == ("Herald",)
    assert {hit.article.source for hit in searcher.search(question, 50)} == {"Gazette"}


@pytest.mark.parametrize("words", ["Who is it?", "the of and", "😀" * 2000, "?!", "'"])
def test_odd_questions_find_something_and_fail_nothing(searcher: Searcher, words: str) -> None:
    """Only stop words, only emoji, only marks: the dense ranking still answers, and nothing is slow or raises."""
    hits = searcher.search(understand(words, NOON, EVER), 10)
    assert len(hits) == 10
    assert all(np.isfinite(hit.score) for hit in hits)


def test_at_most_as_many_as_asked_for(searcher: Searcher) -> None:
    """From none to more than there are candidates."""
    question = understand("dam", NOON, replace(EVER, article_ids=("a1", "a2", "a3")))
    assert [len(searcher.search(question, k)) for k in (0, 1, 2, 100)] == [0, 1, 2, 3]
