"""Every metric on tiny cases counted by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from test_evaluation_fakes import ARTICLE, ASKED_AT, CRACK, HURT, answer, case, cite, good_answer, refusal, row, unanswerable

from service.domain import Answer, Status, Usage
from service.errors import BadInput
from service.evaluation.metrics import (
    METRICS,
    CitationPrecision,
    CitationRecall,
    Completed,
    CompletionTokens,
    Contains,
    EvidenceRecall,
    FalseRefusalRate,
    Latency,
    Metric,
    NothingNewer,
    PromptTokens,
    RefusalPrecision,
    RefusalRecall,
    Score,
    SpanValidity,
    StatusRight,
    Supported,
    TokenF1,
    cost_metrics,
    parse_metric,
    quality_metrics,
)
from service.evaluation.suite import Case

TWO_FACTS = case(gold=((CRACK,), (HURT,)))
FALSE_PREMISE = case(statuses=(Status.ANSWERED, Status.INSUFFICIENT_EVIDENCE))
NEWER = replace(ARTICLE, published_at=ASKED_AT + timedelta(seconds=1))


def value(metric: Metric, asked: Case, given: Answer | None) -> float | None:
    """The metric's value for one question."""
    score = metric.score(row(asked, given))
    return None if score is None else score.value


@pytest.mark.parametrize("metric", [*quality_metrics(), PromptTokens, CompletionTokens, Latency.of("total") @ 95], ids=str)
def test_a_metric_parses_as_it_prints(metric: Metric) -> None:
    """What a report shows can be written into a suite."""
    assert parse_metric(str(metric)) == metric


@pytest.mark.parametrize("text", ["Contians", "Contains@5", "Contains(x)", "Latency", "Latency(total)", "EvidenceRecall@0", "", "@5"])
def test_what_is_no_metric_is_refused(text: str) -> None:
    """A mistyped metric in a suite is an error, not a threshold that never fails."""
    with pytest.raises(BadInput):
        parse_metric(text)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (answer("It is 17 metres long."), 1.0),
        (answer("It is", "17 m."), 1.0),
        (answer("It is 18 metres long."), 0.0),
        (answer(), 0.0),
        (answer("17 metres", status=Status.INSUFFICIENT_EVIDENCE), 0.0),
    ],
)
def test_contains(given: Answer, expected: float) -> None:
    """An answer holds one of the alternatives or it does not; a refusal answers nothing."""
    assert value(Contains, case(), given) == expected


def test_contains_wants_every_group() -> None:
    """One of two required names is not an answer."""
    both = case(answers=(("Astrand",), ("Dace",)))
    assert value(Contains, both, answer("Astrand said so.")) == 0.0
    assert value(Contains, both, answer("Astrand and Dace said so.")) == 1.0


def test_citation_marks_are_not_numbers_of_the_answer() -> None:
    """`[17]` after a sentence does not answer how many."""
    assert value(Contains, case(answers=(("17",),)), answer("It is long.", citations=[cite(CRACK, marker=17)])) == 0.0


@pytest.mark.parametrize("metric", [Contains, TokenF1, CitationRecall])
def test_a_refusal_that_is_allowed_is_not_held_against_the_answer(metric: Metric) -> None:
    """Where a false premise may be refused, refusing is judged by Status alone."""
    assert value(metric, FALSE_PREMISE, refusal()) is None
    assert value(metric, FALSE_PREMISE, answer("No.")) == 0.0


def test_token_f1() -> None:
    """`17 metres` in four tokens: precision 2/4, recall 2/2, F1 2/3; a refusal scores nothing."""
    assert value(TokenF1, case(), answer("It runs 17 metres.")) == pytest.approx(2 / 3)
    assert value(TokenF1, case(), refusal()) == 0.0


def test_status() -> None:
    """Any of the row's statuses is right."""
    assert value(StatusRight, FALSE_PREMISE, refusal()) == 1.0
    assert value(StatusRight, case(), refusal()) == 0.0


def test_refusals() -> None:
    """Precision looks at refusals, recall at unanswerable questions, the false rate at answerable ones."""
    assert value(RefusalPrecision, unanswerable(), refusal()) == 1.0
    assert value(RefusalPrecision, case(), refusal()) == 0.0
    assert value(RefusalPrecision, case(), good_answer()) is None
    assert value(RefusalRecall, unanswerable(), refusal()) == 1.0
    assert value(RefusalRecall, unanswerable(), answer("Anna did.")) == 0.0
    assert value(RefusalRecall, case(), refusal()) is None
    assert value(FalseRefusalRate, case(), refusal()) == 1.0
    assert value(FalseRefusalRate, case(), good_answer()) == 0.0
    assert value(FalseRefusalRate, FALSE_PREMISE, refusal()) is None


def test_citation_recall_and_precision() -> None:
    """One of two facts is cited, by one of two citations."""
    given = answer("It is long.", citations=[cite(CRACK), cite("The dam is cracked.", marker=2)])
    assert CitationRecall.score(row(TWO_FACTS, given)) == Score(0.5, 1, 2)
    assert CitationPrecision.score(row(TWO_FACTS, given)) == Score(0.5, 1, 2)


def test_an_answer_that_cites_nothing_has_no_precision() -> None:
    """An uncited answer scores 0; a refusal cites nothing and is left out."""
    assert value(CitationPrecision, case(), answer("It is long.")) == 0.0
    assert value(CitationPrecision, case(), refusal()) is None
    assert value(CitationRecall, case(), refusal()) == 0.0


def test_supported() -> None:
    """Two of three sentences are carried; an empty answer scores 0 and a refusal is left out."""
    assert Supported.score(row(case(), answer("A.", "B.", "C.", unsupported=1))) == Score(2 / 3, 2, 3)
    assert value(Supported, case(), answer()) == 0.0
    assert value(Supported, case(), refusal()) is None


def test_span_validity_counts_what_the_runner_checked() -> None:
    """One of two citations is exact; with none there is nothing to say."""
    assert SpanValidity.score(row(case(), good_answer(), exact=(True, False))) == Score(0.5, 1, 2)
    assert SpanValidity.score(row(case(), good_answer())) is None


def test_nothing_newer_counts_citations_and_nearest() -> None:
    """A citation at the very moment of asking is fine, one a second later is not, on refusals too."""
    at_once = replace(ARTICLE, published_at=ASKED_AT)
    assert value(NothingNewer, case(), answer("A.", citations=[cite(CRACK, at_once)])) == 1.0
    assert NothingNewer.score(row(case(), answer("A.", citations=[cite(CRACK), cite(HURT, NEWER)]))) == Score(0.5, 1, 2)
    assert value(NothingNewer, unanswerable(), refusal(nearest=(cite(CRACK, NEWER),))) == 0.0
    assert value(NothingNewer, case(), answer("A.")) is None


def test_an_article_of_unknown_date_is_not_newer() -> None:
    """Without a date there is nothing to hold against a citation."""
    assert value(NothingNewer, case(), answer("A.", citations=[cite(CRACK, replace(ARTICLE, published_at=None))])) == 1.0


def test_evidence_recall_and_its_cutoff() -> None:
    """Both facts are among three sentences, one of them among the two that score best, whatever their numbers."""
    given = answer("A.", evidence=[CRACK, "The dam is cracked.", HURT])
    assert value(EvidenceRecall, TWO_FACTS, given) == 1.0
    assert value(EvidenceRecall @ 2, TWO_FACTS, given) == 0.5
    last_is_best = replace(given, evidence=tuple(replace(e, score=float(e.number)) for e in given.evidence))
    assert value(EvidenceRecall @ 1, case(gold=((HURT,),)), last_is_best) == 1.0
    assert value(EvidenceRecall, unanswerable(), given) is None


def test_costs() -> None:
    """Stages and tokens are read as they were reported, and left out where they were not."""
    given = good_answer(usage=Usage(412, 23))
    assert value(Latency.of("search") @ 50, case(), given) == 10.0
    assert value(Latency.of("rerank") @ 50, case(), given) is None
    assert (value(PromptTokens, case(), given), value(CompletionTokens, case(), given)) == (412.0, 23.0)
    assert value(PromptTokens, case(), good_answer()) is None


def test_cost_metrics_follow_the_stages_that_were_timed() -> None:
    """Each timed stage has a median and a 95th percentile, the total last."""
    names = [str(metric) for metric in cost_metrics([row(case(), good_answer()), row(case(), None)])]
    stages = ["Latency(search)@50", "Latency(search)@95", "Latency(total)@50", "Latency(total)@95"]
    assert names == ["PromptTokens", "CompletionTokens", *stages]


def test_a_question_that_raised_scores_the_worst_where_the_metric_applies() -> None:
    """A crash is wrong in every figure of answering, and is left out only where there is no answer to look at."""
    asked = {str(metric): value(metric, case(), None) for metric in METRICS.values()}
    assert asked == {
        "Completed": 0.0,
        "Status": 0.0,
        "Contains": 0.0,
        "TokenF1": 0.0,
        "RefusalPrecision": None,
        "RefusalRecall": None,
        "FalseRefusalRate": 1.0,
        "SpanValidity": None,
        "CitationRecall": 0.0,
        "CitationPrecision": 0.0,
        "Supported": 0.0,
        "NothingNewer": None,
        "EvidenceRecall": 0.0,
        "PromptTokens": None,
        "CompletionTokens": None,
        "Latency": None,
    }
    assert value(RefusalRecall, unanswerable(), None) == 0.0
    assert value(Completed, case(), good_answer()) == 1.0


def test_aggregates_by_hand() -> None:
    """Shares by the mean, tokens by the median, latency by its percentile; nothing has no aggregate."""
    assert Contains.aggregate([1.0, 0.0, 0.0, 0.0]) == 0.25
    assert PromptTokens.aggregate([1.0, 2.0, 90.0]) == 2.0
    assert (Latency.of("total") @ 95).aggregate([float(n) for n in range(101)]) == 95.0
    with pytest.raises(ValueError, match="Contains of nothing"):
        Contains.aggregate([])
