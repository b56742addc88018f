"""The chain that people write in an afternoon, over a hashing encoder and a scripted model."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from test_evaluation_fakes import ASKED_AT, CRACK, StoredArticles, article, case

from service.answering.prompting import load_prompt
from service.domain import Article, Status, Support
from service.evaluation.retrieval_metrics import NothingNewer
from service.evaluation.runner import Bench, run_system
from service.evaluation.suite import Suite
from service.evaluation.textbook import CHUNK, PROMPT, K, Textbook, textbook
from service.models.scripted import ScriptedGenerator
from service.settings import resources
from tests.fakes import CountingEmbedder, FixedClock

LONG = article("long", " ".join(f"Sentence {n} of a long report on the tram budget of the council." for n in range(60)))
DAM = article("dam", f"The dam is cracked. {CRACK} Nobody was hurt in the valley.")
LATER = article("later", "The longest crack runs for 19 metres now.", days_old=-5)
OTHERS = [article(f"other-{n}", f"Bread number {n} was baked in the market hall.") for n in range(3)]
ALL = [LONG, DAM, LATER, *OTHERS]


@contextmanager
def chain(generator: ScriptedGenerator | None = None, articles: list[Article] | None = None, depth: int = 10) -> Iterator[Textbook]:
    """The chain over these articles."""
    with textbook(
        ALL if articles is None else articles, passages=CountingEmbedder(256), questions=CountingEmbedder(256), clock=FixedClock(),
        prompt=load_prompt(resources() / "prompts", PROMPT), depth=depth, generator=generator,
    ) as opened:  # fmt: skip
        yield opened


def test_its_chunks_are_places_in_their_articles() -> None:
    """Each at most a thousand characters, exact to the character, the long article in several that overlap."""
    with chain(depth=50) as system:
        hits = asyncio.run(system.respond(case(question="tram budget of the council"))).ranking or ()
    assert all(hit.passage.text == hit.article.text[hit.passage.start : hit.passage.end] for hit in hits)
    parts = sorted((hit.passage.start, hit.passage.end) for hit in hits if hit.article.id == "long")
    assert len(parts) > 3
    assert all(end - start <= CHUNK for start, end in parts)
    assert all(later[0] < earlier[1] for earlier, later in pairwise(parts))


def test_an_answer_cites_every_chunk_that_was_put_into_the_prompt() -> None:
    """Four of them, exact in the stored article; each sentence rests on all."""
    generator = ScriptedGenerator(["It runs for 17 metres. Nobody was hurt."])
    with chain(generator) as system:
        stored = StoredArticles({one.id: one for one in ALL})
        row = run_system(Suite("mine", ()), [case()], system, Bench((system,), stored)).rows[0]
    answer = row.answer
    assert answer is not None
    assert (answer.status, len(answer.citations), row.exact) == (Status.ANSWERED, K, (True,) * K)
    assert [sentence.text for sentence in answer.sentences] == ["It runs for 17 metres.", "Nobody was hurt."]
    assert {sentence.citations for sentence in answer.sentences} == {(1, 2, 3, 4)}
    assert {sentence.support for sentence in answer.sentences} == {Support.UNSUPPORTED}
    assert all(citation.quote in generator.prompts[0].user for citation in answer.citations)
    assert answer.usage.completion_tokens == 8
    assert set(answer.timings_ms) == {"search", "generate", "total"}


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ("I do not know.", Status.INSUFFICIENT_EVIDENCE),
        ("The context doesn’t mention the painter.", Status.INSUFFICIENT_EVIDENCE),
        ("The painter is not mentioned in the context.", Status.INSUFFICIENT_EVIDENCE),
        (" ", Status.INSUFFICIENT_EVIDENCE),
        ("It is 17 metres long.", Status.ANSWERED),
        ("He knows the dam well.", Status.ANSWERED),
    ],
)
def test_a_refusal_is_read_out_of_its_words(said: str, status: Status) -> None:
    """It has no other way to refuse; what it found stays visible as what was nearest."""
    with chain(ScriptedGenerator([said])) as system:
        answer = asyncio.run(system.respond(case())).answer
    assert answer is not None
    assert answer.status is status
    assert (len(answer.sentences) == 0, len(answer.nearest)) == ((True, K) if status.is_refusal else (False, 0))


def test_it_keeps_to_the_articles_that_may_be_used() -> None:
    """The chain's own filter."""
    with chain() as system:
        ranking = asyncio.run(system.respond(case(only_articles=("dam", "other-1")))).ranking or ()
    assert {hit.article.id for hit in ranking} == {"dam", "other-1"}
    assert ranking[0].article.id == "dam"


def test_it_knows_no_dates_and_the_metrics_see_it() -> None:
    """What was published after the question is found all the same, and counted as newer."""
    with chain() as system:
        stored = StoredArticles({one.id: one for one in ALL})
        row = run_system(Suite("mine", ()), [case()], system, Bench((system,), stored)).rows[0]
    assert "later" in {hit.article.id for hit in row.ranking or ()}
    score = NothingNewer.score(row)
    assert score is not None
    assert score.value < 1.0


def test_without_a_model_only_its_ranking_is_there() -> None:
    """The nearest first, to the depth that was asked for, and timed."""
    with chain(depth=5) as system:
        response = asyncio.run(system.respond(case()))
    assert response.answer is None
    assert response.search_ms is not None
    assert len(response.ranking or ()) == 5
    scores = [hit.score for hit in response.ranking or ()]
    assert scores == sorted(scores, reverse=True)


def test_a_question_without_a_moment_is_asked_now() -> None:
    """By the clock."""
    with chain(ScriptedGenerator(["Yes."])) as system:
        answers = [asyncio.run(system.respond(case(asked_at=at))).answer for at in (None, ASKED_AT)]
    assert [one.question.asked_at for one in answers if one] == [datetime(2026, 6, 1, 12, tzinfo=UTC), ASKED_AT]


def test_two_chains_do_not_see_each_others_articles() -> None:
    """Nor does one see what another left behind."""
    with chain(articles=[DAM]) as first, chain(articles=OTHERS) as second:
        found = [{hit.article.id for hit in asyncio.run(system.respond(case())).ranking or ()} for system in (first, second)]
    assert found == [{"dam"}, {one.id for one in OTHERS}]
