"""Reranking: the order of the best hits, and what a failing reranker costs."""

import logging
from datetime import UTC, datetime

import pytest

from service.domain import Article, Hit, Passage, Question, Scope
from service.errors import ModelError, ModelNotFound, ModelUnavailable
from service.retrieval.rerank import reranked
from tests.fakes import WordReranker

DAY = datetime(2026, 3, 4, tzinfo=UTC)
QUESTION = Question("Who closed it?", "Who closed the bridge?", DAY, Scope(DAY))


def hit(name: str, text: str, score: float, day: int = 1) -> Hit:
    """A passage that is a whole article."""
    article = Article(name, text, f"Title {name}", "Herald", published_at=datetime(2026, 3, day, tzinfo=UTC))
    return Hit(Passage.cut(article, 0, 0, len(text)), article, score)


HITS = [
    hit("a", "Bread is dear.", 0.4),
    hit("b", "The bridge.", 0.3),
    hit("c", "The bread.", 0.2),
    hit("d", "The council closed the bridge.", 0.1),
]


def order(hits: list[Hit]) -> str:
    """The names of the articles, one after the other."""
    return "".join(one.article.id for one in hits)


def test_the_best_stand_first_and_equals_as_they_stood() -> None:
    """d holds three of the question's four words, b two, c one and a none."""
    assert order(reranked(QUESTION, HITS, WordReranker(), 30)) == "dbca"
    equal = [hit(name, "The bridge.", 0.1) for name in "zyx"]
    assert order(reranked(QUESTION, equal, WordReranker(), 30)) == "zyx"


@pytest.mark.parametrize(("candidates", "found"), [(1, "abcd"), (2, "bacd"), (3, "bcad"), (4, "dbca"), (5, "dbca")])
def test_only_the_first_are_read_and_the_rest_stay_behind(candidates: int, found: str) -> None:
    """d would be first, but is not read before the fourth place; what was not read has no rerank score."""
    reranker = WordReranker()
    hits = reranked(QUESTION, HITS, reranker, candidates)
    assert order(hits) == found
    assert len(reranker.asked[0][1]) == min(candidates, 4)
    assert [one.rerank_score is None for one in hits] == [place >= candidates for place in range(4)]


def test_the_reranker_reads_what_stands_for_the_passage() -> None:
    """The standalone question; headline, outlet and date before the text."""
    reranker = WordReranker()
    reranked(QUESTION, HITS[:1], reranker, 30)
    assert reranker.asked == [("Who closed the bridge?", ["Title a\nHerald, 1 March 2026\nBread is dear."])]


def test_both_scores_are_kept() -> None:
    """The score stays that of the ranking before, so that its parts still add up to it; the reranker's own stands beside it."""
    hits = reranked(QUESTION, HITS, WordReranker(), 30)
    assert [one.score for one in hits] == [0.1, 0.3, 0.2, 0.4]
    assert [one.rerank_score for one in hits] == [0.75, 0.5, 0.25, 0.0]


@pytest.mark.parametrize("error", [ModelError("it makes no sense"), ModelUnavailable("it is away"), ModelNotFound("it is not here")])
def test_a_failing_reranker_costs_a_warning(error: ModelError, caplog: pytest.LogCaptureFixture) -> None:
    """The hits as they were, and a line in the log that says why without a word of the question."""
    caplog.set_level(logging.INFO)
    assert reranked(QUESTION, HITS, WordReranker(error), 2) == HITS
    assert [(record.levelname, record.message) for record in caplog.records] == [("WARNING", f"not reranked: {error}")]


def test_without_a_reranker_or_hits_nothing_happens() -> None:
    """The hits as they were; none are not sent."""
    assert reranked(QUESTION, HITS, None, 2) == HITS
    reranker = WordReranker()
    assert reranked(QUESTION, [], reranker, 2) == []
    assert reranker.asked == []
