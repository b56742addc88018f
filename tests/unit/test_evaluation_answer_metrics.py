"""Metrics of answers on tiny cases counted by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from test_evaluation_fakes import CRACK, HURT, answer, case, cite, crashed, good_answer, judged, refusal, row, unanswerable

from service.domain import Answer, Status
from service.evaluation.answer_metrics import (
    CitationPrecision,
    CitationRecall,
    Contains,
    EvidenceRecall,
    GoldPrecision,
    GoldRecall,
    RefusalF1,
    RiskCoverage,
    SpanValidity,
    StatusRight,
    Supported,
    TokenF1,
    area_under_risk,
    chosen,
    risk_curve,
)
from service.evaluation.cases import Case
from service.evaluation.metric import Metric, Score
from service.evaluation.metrics import parse_metric
from service.evaluation.runner import Row

TWO_FACTS = case(gold=((CRACK,), (HURT,)))
FALSE_PREMISE = case(statuses=(Status.ANSWERED, Status.INSUFFICIENT_EVIDENCE))
QUIZ = case(answers=(("Dace",),), choices=("Dace", "Astrand", "Dace Astrand junior"))
CITED = answer("It is long.", citations=[cite(CRACK), cite("The dam is cracked.", marker=2)])
EVIDENCE = answer("A.", evidence=[CRACK, "The dam is cracked.", HURT])
TWO_SENTENCES = answer("It is long.", "Nobody was hurt.", citations=[cite(CRACK), cite(HURT, marker=2)])

COUNTED: list[tuple[str, Row, float]] = [
    ("Completed", row(case(), good_answer()), 1.0),
    ("Status", row(case(), good_answer()), 1.0),
    ("Status", row(case(), answer("17 metres.", status=Status.PARTIAL)), 0.0),
    ("Contains", row(case(), answer("It is", "17 m.")), 1.0),
    ("Contains", row(case(), answer("It is 18 metres long.")), 0.0),
    ("ExactMatch", row(case(), answer("The 17 metres.")), 1.0),  # articles and punctuation do not count
    ("ExactMatch", row(case(), answer("It is 17 metres.")), 0.0),
    ("ExactMatch", row(case(answers=(("17",), ("metres",))), answer("17 metres")), 0.0),  # two groups are not one answer
    ("TokenF1", row(case(), answer("It runs 17 metres.")), 2 * (2 / 4) * 1 / (2 / 4 + 1)),  # precision 2/4, recall 2/2
    ("TokenF1", row(case(), refusal()), 0.0),
    ("Choice", row(QUIZ, answer("It was Dace.")), 1.0),  # the only choice held
    ("Choice", row(QUIZ, answer("It was Astrand.")), 0.0),
    ("Choice", row(QUIZ, answer("Not Astrand but Dace.")), 0.0),  # two held whole: level
    ("Choice", row(QUIZ, answer("Somebody.")), 0.0),  # none
    ("Choice", row(QUIZ, refusal()), 0.0),
    ("RefusalPrecision", row(unanswerable(), refusal()), 1.0),
    ("RefusalPrecision", row(case(), refusal()), 0.0),
    ("RefusalRecall", row(unanswerable(), refusal()), 1.0),
    ("RefusalRecall", row(unanswerable(), answer("Anna did.")), 0.0),
    ("RefusalF1", row(unanswerable(), refusal()), 1.0),
    ("RefusalF1", row(unanswerable(), answer("Anna did.")), 0.0),
    ("FalseRefusalRate", row(case(), refusal()), 1.0),
    ("FalseRefusalRate", row(case(), good_answer()), 0.0),
    ("RiskCoverage", row(case(), good_answer(confidence=0.5)), 1.0),  # right; the figure is of all answers together
    ("RiskCoverage", row(case(), answer("It is 18 metres long.", confidence=0.5)), 0.0),
    ("SpanValidity", row(case(), good_answer(), exact=(True, False)), 1 / 2),
    ("CitationRecall", row(case(), TWO_SENTENCES, judged=(judged(True, True), judged(False, False, carried=False))), 1 / 2),
    ("CitationPrecision", row(case(), TWO_SENTENCES, judged=(judged(True, False), judged(True, True))), 3 / 4),
    ("GoldRecall", row(TWO_FACTS, CITED), 1 / 2),
    ("GoldPrecision", row(TWO_FACTS, CITED), 1 / 2),
    ("Judged", row(case(), good_answer(), correctness=0.5), 0.5),
    ("Supported", row(case(), answer("A.", "B.", "C.", unsupported=1)), 2 / 3),
    ("EvidenceRecall", row(TWO_FACTS, EVIDENCE), 2 / 2),
    ("EvidenceRecall@2", row(TWO_FACTS, EVIDENCE), 1 / 2),
]
"""A metric, one question with what came back, and the value that a person counted."""


def value(metric: Metric, asked: Case, given: Answer) -> float | None:
    """The metric's value for one question."""
    score = metric.score(row(asked, given))
    return None if score is None else score.value


@pytest.mark.parametrize(("name", "asked", "expected"), COUNTED, ids=[f"{name}-{n}" for n, (name, _, _) in enumerate(COUNTED)])
def test_a_metric_is_what_a_person_counts(name: str, asked: Row, expected: float) -> None:
    """Each metric on one question."""
    score = parse_metric(name).score(asked)
    assert score is not None
    assert score.value == pytest.approx(expected)


@pytest.mark.parametrize(("given", "expected"), [(answer(), 0.0), (answer("17 metres", status=Status.INSUFFICIENT_EVIDENCE), 0.0)])
def test_an_empty_answer_and_a_refusal_contain_nothing(given: Answer, expected: float) -> None:
    """What a refusal happens to say answers nothing."""
    assert value(Contains, case(), given) == expected


def test_contains_wants_every_group() -> None:
    """One of two required names is not an answer."""
    both = case(answers=(("Astrand",), ("Dace",)))
    assert value(Contains, both, answer("Astrand said so.")) == 0.0
    assert value(Contains, both, answer("Astrand and Dace said so.")) == 1.0


def test_citation_marks_are_not_numbers_of_the_answer() -> None:
    """`[17]` after a sentence does not answer how many."""
    assert value(Contains, case(answers=(("17",),)), answer("It is long.", citations=[cite(CRACK, marker=17)])) == 0.0


@pytest.mark.parametrize("metric", [Contains, TokenF1, GoldRecall])
def test_a_refusal_that_is_allowed_is_not_held_against_the_answer(metric: Metric) -> None:
    """Where a false premise may be refused, refusing is judged by Status alone."""
    assert value(metric, FALSE_PREMISE, refusal()) is None
    assert value(metric, FALSE_PREMISE, answer("No.")) == 0.0


def test_any_of_the_right_statuses_is_right() -> None:
    """A row may name several."""
    assert value(StatusRight, FALSE_PREMISE, refusal()) == 1.0
    assert value(StatusRight, case(), refusal()) == 0.0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Dace it was", "Dace"),
        ("Astrand, and not the junior", "Astrand"),
        ("nobody", None),
        ("junior", "Dace Astrand junior"),  # none held: the one with the largest share of its words
    ],
)
def test_the_choice_that_a_text_takes(text: str, expected: str | None) -> None:
    """The only one that is held; else the one most of whose words are there; level ones are no choice."""
    assert chosen(text, ("Dace", "Astrand", "Dace Astrand junior")) == expected


def test_choices_that_are_level_are_no_choice() -> None:
    """`Red house` and `red boat` each have half of their words in `red`."""
    assert chosen("It was red.", ("red house", "red boat")) is None
    assert chosen("The red boat and the red house.", ("red house", "red boat")) is None
    assert chosen("anything", ("?", "!")) is None


def figure(metric: Metric, *rows: Row) -> float:
    """The metric over these rows."""
    return metric.aggregate([score for one in rows if (score := metric.score(one))])


def test_refusal_f1_by_hand() -> None:
    """One true positive, one false positive, two false negatives (one of them a crash): 2 / (2 + 1 + 2)."""
    rows = [
        row(unanswerable("a"), refusal()),
        row(case("b"), refusal()),
        row(unanswerable("c"), answer("Anna did.")),
        crashed(unanswerable("d")),
        row(case("e"), good_answer()),
    ]
    assert figure(RefusalF1, *rows) == pytest.approx(2 / 5)
    assert math.isnan(figure(RefusalF1, rows[4]))  # nothing to refuse and nothing refused: not the worst value, but none


def test_risk_over_coverage_by_hand() -> None:
    """Right, wrong, right from sure to unsure: risks 0/1, 1/2, 1/3, whose mean is 5/18."""
    rows = [
        row(case("a"), good_answer(confidence=0.9)),
        row(case("b"), answer("18 metres.", confidence=0.8)),
        row(case("c"), good_answer(confidence=0.1)),
    ]
    assert figure(RiskCoverage, *reversed(rows)) == pytest.approx((0 + 1 / 2 + 1 / 3) / 3)


def test_equal_confidences_are_averaged_over_their_orders() -> None:
    """Two right and two wrong, all equally sure: half of any share is wrong, in whatever order they came."""
    for right in ([1, 0, 1, 0], [0, 0, 1, 1]):
        assert list(risk_curve(np.array(right, float), np.full(4, 0.5))) == pytest.approx([1 / 2] * 4)
    mixed = risk_curve(np.array([1.0, 0.0, 0.0]), np.array([0.5, 0.5, 0.9]))
    assert list(mixed) == pytest.approx([1, (1 + 1 / 2) / 2, (1 + 1 / 2 + 1 / 2) / 3])
    assert area_under_risk(np.array([]), np.array([])) == 0.0


def test_a_refusal_takes_no_risk() -> None:
    """Neither does an answer that does not say how sure it is."""
    assert value(RiskCoverage, case(), refusal(confidence=0.9)) is None
    assert value(RiskCoverage, case(), good_answer()) is None


def test_gold_recall_and_precision_count_facts_and_citations() -> None:
    """One of two facts is cited, by one of two citations."""
    assert GoldRecall.score(row(TWO_FACTS, CITED)) == Score(0.5, 1, 2)
    assert GoldPrecision.score(row(TWO_FACTS, CITED)) == Score(0.5, 1, 2)


@pytest.mark.parametrize("metric", [GoldPrecision, CitationPrecision])
def test_an_answer_that_cites_nothing_has_no_precision(metric: Metric) -> None:
    """An uncited answer scores 0; a refusal cites nothing and is left out."""
    assert metric.score(row(case(), answer("It is long."), judged=(judged(carried=False),))) == Score(0.0)
    assert metric.score(row(case(), refusal(), judged=())) is None


def test_a_refusal_shows_no_gold() -> None:
    """The facts were there to be shown."""
    assert value(GoldRecall, case(), refusal()) == 0.0


def test_citation_recall_is_of_sentences() -> None:
    """Two of three carried; an answer without sentences has none to count."""
    verdicts = (judged(True), judged(True, True), judged(False, carried=False))
    assert CitationRecall.score(row(case(), good_answer(), judged=verdicts)) == Score(2 / 3, 2, 3)
    assert CitationPrecision.score(row(case(), good_answer(), judged=verdicts)) == Score(3 / 4, 3, 4)
    assert CitationRecall.score(row(case(), refusal(), judged=())) is None


def test_supported() -> None:
    """Two of three sentences are carried; an empty answer scores 0 and a refusal is left out."""
    assert Supported.score(row(case(), answer("A.", "B.", "C.", unsupported=1))) == Score(2 / 3, 2, 3)
    assert value(Supported, case(), answer()) == 0.0
    assert value(Supported, case(), refusal()) is None


def test_span_validity_counts_what_the_runner_checked() -> None:
    """One of two citations is exact; with none there is nothing to say."""
    assert SpanValidity.score(row(case(), good_answer(), exact=(True, False))) == Score(0.5, 1, 2)
    assert SpanValidity.score(row(case(), good_answer())) is None


def test_evidence_is_ranked_by_score_and_not_by_number() -> None:
    """The last sentence scores best, so that it alone is among the first one."""
    last_is_best = replace(EVIDENCE, evidence=tuple(replace(e, score=float(e.number)) for e in EVIDENCE.evidence))
    assert value(EvidenceRecall @ 1, case(gold=((HURT,),)), last_is_best) == 1.0
    assert value(EvidenceRecall @ 1, case(gold=((CRACK,),)), last_is_best) == 0.0
