"""What is graded, over a small real archive: each ranking holds to the question's scope."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from test_evaluation_fakes import ASKED_AT, ScriptedAsker, case, good_answer, hit, refusal

from service.articles.row import article_from_row
from service.bootstrap import build
from service.domain import Article, Hit, Mode, Question, Scope
from service.evaluation.cases import Case
from service.evaluation.systems import Answering, Dense, Lexical, PlainFusion, Ranked, is_ranked, request_of
from service.models.hashing import HashingEmbedder
from service.ports import Retriever
from service.services import Services
from service.settings import Settings

EARLY, LATE = datetime(2026, 3, 5, tzinfo=UTC), datetime(2026, 4, 5, tzinfo=UTC)
ROWS = [
    {"id": "dam-old", "text": "The Halvern dam is cracked. Engineers found a crack of 9 metres.", "published_at": "2026-03-01"},
    {"id": "dam-new", "text": "The Halvern dam crack grew to 17 metres, engineers said.", "published_at": "2026-04-01"},
    {"id": "dam-undated", "text": "A crack in the Halvern dam worries the valley."},
    {"id": "tram", "text": "The council voted on the tram budget on Monday.", "published_at": "2026-03-02"},
    {"id": "bread", "text": "Bread prices rose again in the market hall.", "published_at": "2026-03-03"},
]
ASKED = "How long is the crack in the Halvern dam?"


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """An archive of five articles, taken in on 1 April."""
    folder = tmp_path_factory.mktemp("systems")
    settings = Settings(_env_file=None, data_dir=folder / "data", cache_dir=folder / "cache", model="extractive")  # type: ignore[call-arg]
    taken_in = datetime(2026, 4, 1, tzinfo=UTC)
    with build(settings, embedder=HashingEmbedder(256), ingest_clock=lambda: taken_in) as opened:
        report = opened.ingest([article_from_row(row, now=taken_in, max_chars=10_000) for row in ROWS])
        assert len(report.items) == 5
        yield opened


@pytest.fixture(params=["bm25", "dense", "rrf"])
def retriever(request: pytest.FixtureRequest, services: Services) -> Retriever:
    """Each simpler way to rank in turn."""
    archive, embedder = services.archive, services.embedder
    found: dict[str, Retriever] = {
        "bm25": Lexical(archive),
        "dense": Dense(archive, embedder),
        "rrf": PlainFusion(archive, embedder),
    }
    return found[request.param]


def names(hits: list[Hit]) -> list[str]:
    """The articles of the hits, best first."""
    return [one.article.id for one in hits]


def question(asked_at: datetime, *only: str, asked: str = ASKED) -> Question:
    """The question asked at this moment, over these articles only."""
    return Question(asked, asked, asked_at, Scope(asked_at, article_ids=only))


def test_nothing_newer_than_the_question_is_found(retriever: Retriever) -> None:
    """On 5 March neither the article of April nor the undated one, which was not there yet; in April both."""
    early, late = names(retriever.search(question(EARLY), 10)), names(retriever.search(question(LATE), 10))
    assert early[0] == "dam-old"
    assert not {"dam-new", "dam-undated"} & set(early)
    assert {"dam-new", "dam-undated", "dam-old"} <= set(late)


def test_only_the_given_articles_are_found(retriever: Retriever) -> None:
    """Of those that may be used, however well another fits."""
    assert names(retriever.search(question(LATE, "dam-old", "dam-new"), 10)) != []
    assert set(names(retriever.search(question(LATE, "dam-old", "dam-new"), 10))) == {"dam-old", "dam-new"}


def test_at_most_so_many_are_found_best_first(retriever: Retriever) -> None:
    """A shorter ranking is the start of a longer one, and scores fall."""
    whole, two = retriever.search(question(LATE), 10), retriever.search(question(LATE), 2)
    assert names(two) == names(whole)[:2]
    assert [one.score for one in whole] == sorted((one.score for one in whole), reverse=True)


def test_before_the_first_article_nothing_is_found(retriever: Retriever) -> None:
    """An empty scope is an empty ranking."""
    assert retriever.search(question(datetime(2020, 1, 1, tzinfo=UTC)), 10) == []


def test_words_alone_and_meaning_alone_say_which_they_are(services: Services) -> None:
    """Each hit has its rank in the ranking it came from; the fusion has both."""
    archive, embedder = services.archive, services.embedder
    lexical, dense, both = (
        found.search(question(LATE), 10) for found in (Lexical(archive), Dense(archive, embedder), PlainFusion(archive, embedder))
    )
    assert all(one.lexical_rank and one.dense_rank is None for one in lexical)
    assert all(one.dense_rank and one.lexical_rank is None for one in dense)
    assert "bread" not in names(lexical)  # it shares no word with the question
    assert "bread" in names(dense)
    first = both[0]
    assert first.score == pytest.approx(1 / (60 + (first.dense_rank or 0)) + 1 / (60 + (first.lexical_rank or 0)))


def test_a_question_without_words_to_search_for_is_no_error(services: Services) -> None:
    """BM25 finds nothing for it."""
    assert Lexical(services.archive).search(question(LATE, asked="Who is it?"), 10) == []


def test_a_ranked_system_understands_the_question_as_every_door_does(services: Services) -> None:
    """It searches with the real reading of the question, and says how long that took."""
    system = Ranked("dateline", services.answerer, services.searcher, 3)
    response = asyncio.run(system.respond(case(question=ASKED, asked_at=EARLY)))
    assert response.ranking is not None
    assert response.ranking[0].article.id == "dam-old"
    assert len(response.ranking) <= 3
    assert response.answer is None
    assert response.search_ms is not None
    assert response.search_ms > 0


def test_another_retriever_answers_with_the_rest_of_the_chain(services: Services) -> None:
    """`searching_with` leaves everything else as it is: BM25's answer cites what BM25 found, not newer than asked."""
    asker = services.answerer.searching_with(Lexical(services.archive))
    response = asyncio.run(Answering("bm25", asker, Mode.EXTRACTIVE).respond(case(question=ASKED, asked_at=EARLY)))
    assert response.answer is not None
    assert {citation.article.id for citation in response.answer.citations} == {"dam-old"}


class OneHit:
    """A retriever that finds the same article for everything."""

    def search(self, question: Question, k: int) -> list[Hit]:
        return [hit(Article("only", "The dam is cracked."))][:k]


def test_an_answering_system_is_timed_to_its_first_sentence_and_ranked_beside() -> None:
    """A refusal has no first sentence; a question that names nothing to find is not searched for twice."""
    asker = ScriptedAsker(lambda request: refusal() if "who" in request.question else good_answer())
    system = Answering("dateline", asker, ranked=Ranked("dateline", asker, OneHit(), 5))
    answered, refused, bare = (asyncio.run(system.respond(one)) for one in (case(), case(question="who?"), Case("x", "why?")))
    assert answered.first_sentence_ms is not None
    assert refused.first_sentence_ms is None
    assert [one.article.id for one in answered.ranking or ()] == ["only"]
    assert bare.ranking is None
    assert bare.answer == good_answer()


def test_a_request_carries_all_that_a_case_says() -> None:
    """Moment, articles, history and mode."""
    asked = case(only_articles=("a", "b"))
    request = request_of(asked, Mode.MODEL)
    assert (request.question, request.asked_at, request.article_ids, request.mode) == (asked.question, ASKED_AT, ("a", "b"), Mode.MODEL)


@pytest.mark.parametrize(
    ("more", "expected"),
    [({}, False), ({"gold": (("x",),)}, True), ({"gold_articles": ("a",)}, True), ({"stale_articles": ("a",)}, True),
     ({"answers": (("x",),)}, True), ({"tags": ("x",)}, False)],
)  # fmt: skip
def test_a_case_is_ranked_where_it_says_what_should_be_found(more: dict[str, object], expected: bool) -> None:
    """Anything else would be searched for in vain."""
    assert is_ranked(Case("q", "?", **more)) is expected  # type: ignore[arg-type]
