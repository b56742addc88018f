"""Metrics of rankings on tiny cases counted by hand, at the level of articles and at that of sentences."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from math import log2
from typing import Any

import pytest
from test_evaluation_fakes import (
    ARTICLE,
    ASKED_AT,
    CRACK,
    HURT,
    answer,
    article,
    case,
    cite,
    hit,
    ranked,
    ranking,
    refusal,
    row,
    unanswerable,
)

from service.evaluation.cases import Case
from service.evaluation.metric import Score
from service.evaluation.metrics import parse_metric
from service.evaluation.retrieval_metrics import AnswerIn, FreshFirst, NothingNewer, article_ranking, fact_ranking
from service.evaluation.runner import Row

OTHER = article("other", "The river is high. It rained for nine days. Trains ran late.")
NEWER = replace(ARTICLE, published_at=ASKED_AT + timedelta(seconds=1))
ONE, TWO, THREE = (hit(OTHER, text) for text in ("The river is high.", "It rained for nine days.", "Trains ran late."))
FACT, OTHER_FACT = hit(ARTICLE, CRACK), hit(ARTICLE, HURT)
BOTH_FACTS = hit(ARTICLE, f"{CRACK} {HURT}")
TWO_FACTS = case(gold=((CRACK,), (HURT,)))


def find(*gold: str, **more: Any) -> Case:
    """A question of which only the right articles are known."""
    return case(gold=(), gold_articles=gold, **more)


def found(asked: Case, *hits: Any) -> Row:
    """A row with this ranking."""
    return Row(asked, ranking=tuple(hits))


FRESH = find("new", stale_articles=("old", "older"))

COUNTED: list[tuple[str, Row, float]] = [
    ("nDCG@10", ranked(find("b"), "a", "b", "c"), 1 / log2(3)),
    ("nDCG@10", ranked(find("a", "c"), "a", "b", "c"), (1 + 1 / log2(4)) / (1 + 1 / log2(3))),
    ("nDCG@1", ranked(find("b"), "a", "b"), 0.0),
    ("nDCG", ranked(find("z"), "a"), 0.0),
    ("R@10", ranked(find("a", "z"), "a", "b"), 1 / 2),
    ("R@1", ranked(find("a", "b"), "a", "b"), 1 / 2),
    ("R@10", ranked(find("a")), 0.0),  # nothing was found
    ("RR@10", ranked(find("c", "b"), "a", "b", "c"), 1 / 2),
    ("RR@2", ranked(find("c"), "a", "b", "c"), 0.0),
    ("Success@1", ranked(find("b"), "a", "b"), 0.0),
    ("Success@4", ranked(find("b", "z"), "a", "b"), 1.0),
    # at the level of sentences each fact is an item, found where a passage is the first to state it
    ("nDCG(sentences)@10", found(case(), ONE, FACT), 1 / log2(3)),
    ("nDCG(sentences)@10", found(TWO_FACTS, FACT, ONE, OTHER_FACT), (1 + 1 / log2(4)) / (1 + 1 / log2(3))),
    ("nDCG(sentences)@10", found(TWO_FACTS, BOTH_FACTS), 1.0),
    ("R(sentences)@10", found(TWO_FACTS, ONE, FACT), 1 / 2),
    ("R(sentences)@1", found(TWO_FACTS, BOTH_FACTS), 2 / 2),  # both stand in the one passage
    ("R(sentences)@2", found(TWO_FACTS, ONE, TWO, BOTH_FACTS), 0.0),  # it is the third
    ("RR(sentences)@10", found(case(), ONE, TWO, FACT), 1 / 3),
    ("Success(sentences)@1", found(case(), ONE, FACT), 0.0),
    ("Success(sentences)@2", found(case(), ONE, FACT), 1.0),
    ("AnswerIn@10", found(case(), ONE, FACT), 1.0),  # 17 metres
    ("AnswerIn@1", found(case(), ONE, FACT), 0.0),
    ("AnswerIn@10", found(case(answers=(("17 metres",), ("nine days",))), TWO, FACT), 1.0),  # in two passages
    ("AnswerIn@10", found(case(answers=(("17 metres",), ("ten days",))), TWO, FACT), 0.0),
    ("FreshFirst", ranked(FRESH, "x", "new", "old"), 1.0),  # above
    ("FreshFirst", ranked(FRESH, "older", "new", "old"), 0.0),  # below one of the two
    ("FreshFirst", ranked(FRESH, "old"), 0.0),  # absent
    ("FreshFirst", ranked(FRESH, "x"), 0.0),  # neither
    ("FreshFirst", ranked(FRESH, "x", "new"), 1.0),  # no stale one ranked
    ("NothingNewer", row(case(), answer("A.", citations=[cite(CRACK), cite(HURT, NEWER)])), 1 / 2),
    ("NothingNewer", found(case(), hit(NEWER), FACT, ONE, TWO), 3 / 4),
    ("NothingNewer", row(case(), answer("A.", citations=[cite(CRACK)]), ranking=(hit(NEWER),)), 1 / 2),
]
"""A metric, one question with what came back, and the value that a person counted."""


@pytest.mark.parametrize(("name", "asked", "expected"), COUNTED, ids=[f"{name}-{n}" for n, (name, _, _) in enumerate(COUNTED)])
def test_a_metric_is_what_a_person_counts(name: str, asked: Row, expected: float) -> None:
    """Each metric on one question."""
    score = parse_metric(name).score(asked)
    assert score is not None
    assert score.value == pytest.approx(expected)


def test_an_article_stands_where_its_best_passage_does() -> None:
    """Its other passages take no place."""
    assert article_ranking([ONE, FACT, TWO, OTHER_FACT]) == ["other", "dam"]
    assert article_ranking([]) == []


def test_each_fact_is_found_once_where_it_is_first_stated() -> None:
    """Two facts in a passage take two places; a passage that repeats a fact stands for itself."""
    assert fact_ranking([ONE, BOTH_FACTS, FACT], TWO_FACTS) == [ONE.passage.id, "fact 0", "fact 1", FACT.passage.id]


@pytest.mark.parametrize("name", ["nDCG@10", "R@10", "RR@10", "Success@10", "AnswerIn@10"])
def test_what_the_archive_does_not_know_cannot_be_found(name: str) -> None:
    """A refusal's row has no ranking to grade, even where it names articles."""
    metric = parse_metric(name)
    assert metric.score(ranked(unanswerable(), "a")) is None
    assert metric.score(ranked(unanswerable("x", gold_articles=("a",)), "a")) is None


@pytest.mark.parametrize("name", ["nDCG", "R", "RR", "Success"])
def test_each_level_is_graded_where_its_labels_are(name: str) -> None:
    """Articles without gold articles, and sentences without gold sentences, say nothing."""
    assert parse_metric(f"{name}@10").score(found(case(), FACT)) is None
    assert parse_metric(f"{name}(sentences)@10").score(ranked(find("a"), "a")) is None


def test_an_answer_alone_has_no_ranking() -> None:
    """Where only an answer came back nothing is said of what was found."""
    assert AnswerIn.score(row(case(), answer("17 metres."))) is None
    assert FreshFirst.score(row(FRESH, answer("A."))) is None


def test_fresh_first_wants_both_kinds_of_label() -> None:
    """Without a stale article there is nothing to be fresher than."""
    assert FreshFirst.score(ranked(find("new"), "new")) is None


def test_nothing_newer_counts_citations_and_nearest() -> None:
    """A citation at the very moment of asking is fine, one a second later is not, on refusals too."""
    at_once = replace(ARTICLE, published_at=ASKED_AT)
    assert NothingNewer.score(row(case(), answer("A.", citations=[cite(CRACK, at_once)]))) == Score(1.0, 1, 1)
    assert NothingNewer.score(row(case(), answer("A.", citations=[cite(CRACK), cite(HURT, NEWER)]))) == Score(0.5, 1, 2)
    assert NothingNewer.score(row(unanswerable(), refusal(nearest=(cite(CRACK, NEWER),)))) == Score(0.0, 0, 1)
    assert NothingNewer.score(row(case(), answer("A."))) is None


def test_an_article_of_unknown_date_is_not_newer() -> None:
    """Without a date there is nothing to hold against a citation or a passage."""
    undated = replace(ARTICLE, published_at=None)
    assert NothingNewer.score(row(case(), answer("A.", citations=[cite(CRACK, undated)]))) == Score(1.0, 1, 1)
    assert NothingNewer.score(found(case(), hit(undated))) == Score(1.0, 1, 1)


def test_a_question_without_a_date_is_asked_when_it_was_answered() -> None:
    """The answer says when that was; a ranking alone, asked now, cannot be newer."""
    asked = case(asked_at=None)
    assert NothingNewer.score(row(asked, answer("A."), ranking=(hit(NEWER),))) == Score(0.0, 0, 1)
    assert NothingNewer.score(found(asked, hit(NEWER))) is None


def test_a_long_ranking_is_cut() -> None:
    """The eleventh article is not among ten."""
    names = [f"a{number:02}" for number in range(11)]
    assert parse_metric("R@10").score(Row(find("a10"), ranking=ranking(*names))) == Score(0.0)
    assert parse_metric("R@11").score(Row(find("a10"), ranking=ranking(*names))) == Score(1.0)
