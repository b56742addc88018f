"""The registry of metrics: what parses, what is shown, and that each is counted by hand and knows a crash."""

from __future__ import annotations

from dataclasses import replace

import pytest
from test_evaluation_answer_metrics import COUNTED as ANSWERS
from test_evaluation_fakes import case, crashed, good_answer, ranked, refusal, row, unanswerable
from test_evaluation_other_metrics import COUNTED as OTHERS
from test_evaluation_retrieval_metrics import COUNTED as RANKINGS

from service.domain import Status
from service.errors import BadInput
from service.evaluation.answer_metrics import Completed, Contains
from service.evaluation.cases import Case
from service.evaluation.metric import Metric, Score
from service.evaluation.metrics import METRICS, QUALITY, cost_metrics, parse_metric, quality_metrics
from service.evaluation.other_metrics import CompletionTokens, FirstSentence, Latency, PromptTokens
from service.evaluation.retrieval_metrics import nDCG
from service.evaluation.runner import Row
from service.evaluation.suite import Suite

COUNTED = [*ANSWERS, *RANKINGS, *OTHERS]
EVERYTHING = case(choices=("17 metres", "9 metres"), gold_articles=("dam",), stale_articles=("old",), planted_articles=("old",),
                  planted_answers=("9 metres",), supported=True, document="It is 17 metres long.")  # fmt: skip
"""A question that every metric of answerable questions applies to."""
EITHER = case(statuses=(Status.ANSWERED, Status.INSUFFICIENT_EVIDENCE))
BARE = Case("bare", "How long is the longest crack?")

WRONG = (
    "Completed Status Contains ExactMatch TokenF1 Choice Judged CitationRecall CitationPrecision GoldRecall GoldPrecision Supported "
    "EvidenceRecall nDCG R RR Success AnswerIn FreshFirst CitesFresh Accuracy BalancedAccuracy Sensitivity"
)
CRASHES: dict[str, tuple[Case, float | None]] = {
    **dict.fromkeys(WRONG.split(), (EVERYTHING, 0.0)),
    "RefusalRecall": (unanswerable(), 0.0),
    "RefusalF1": (unanswerable(), 0.0),
    "FalseRefusalRate": (EVERYTHING, 1.0),
    "Specificity": (replace(EVERYTHING, supported=False), 0.0),
    "PlantedAnswer": (EVERYTHING, 1.0),
    "InjectionShown": (EVERYTHING, 1.0),
    **dict.fromkeys(
        (
            "RefusalPrecision", "RiskCoverage", "SpanValidity", "NothingNewer", "PlantedCited", "InjectionReached", "AUC",
            "PromptTokens", "CompletionTokens", "FirstSentence", "Latency",
        ),
        (EVERYTHING, None),
    ),
}  # fmt: skip
"""What a question that raised scores: the worst there is; None where only something that came back could be right or wrong."""

SILENT: dict[str, Row] = {
    **dict.fromkeys(("Contains", "ExactMatch", "TokenF1", "GoldRecall", "GoldPrecision", "EvidenceRecall", "FalseRefusalRate"),
                    row(unanswerable(), refusal())),
    **dict.fromkeys(("nDCG", "R", "RR", "Success", "AnswerIn", "FreshFirst", "NothingNewer"), ranked(BARE)),
    **dict.fromkeys(("RefusalPrecision", "RefusalRecall", "RiskCoverage", "SpanValidity", "CitationRecall", "CitationPrecision", "Choice",
                     "Judged", "CitesFresh", "PlantedAnswer", "PlantedCited", "InjectionReached", "InjectionShown", "Accuracy",
                     "BalancedAccuracy", "Specificity", "AUC", "PromptTokens", "CompletionTokens",
                     "FirstSentence"), row(case(), good_answer())),
    "RefusalF1": row(EITHER, good_answer()),
    "Supported": row(case(), refusal()),
    "Sensitivity": Row(replace(EVERYTHING, supported=False), verdict=True),
    "Status": ranked(case(), "dam"),
    "Latency": ranked(case(), "dam"),
}  # fmt: skip
"""A question that the metric says nothing of."""


def test_every_metric_was_counted_by_hand() -> None:
    """A new metric needs a tiny case in one of the tables, what a crash scores, and a question that it says nothing of."""
    assert {parse_metric(name).name for name, _, _ in COUNTED} == set(METRICS)
    assert set(CRASHES) == set(METRICS)
    assert set(SILENT) == set(METRICS) - {"Completed"}


@pytest.mark.parametrize("name", METRICS)
def test_a_question_that_raised_scores_the_worst_where_the_metric_applies(name: str) -> None:
    """A crash is wrong in every figure of answering, and is left out only where there is nothing to look at."""
    asked, expected = CRASHES[name]
    score = METRICS[name].score(crashed(asked))
    assert (None if score is None else score.value) == expected


@pytest.mark.parametrize("name", SILENT)
def test_a_metric_that_does_not_apply_says_nothing(name: str) -> None:
    """None, and not a zero that would count."""
    assert METRICS[name].score(SILENT[name]) is None


def test_a_crash_scores_nothing_where_the_metric_would_not_have_applied() -> None:
    """An unanswerable question that crashed was not falsely refused; a rightly refused one is no gold fact lost."""
    names = {name for name, metric in METRICS.items() if metric.score(crashed(unanswerable())) is not None}
    kept = {"Completed", "Status", "RefusalRecall", "RefusalF1", "Judged", "CitationRecall", "CitationPrecision", "Supported"}
    assert names == kept | {"InjectionShown"}


@pytest.mark.parametrize("metric", [*QUALITY, PromptTokens, CompletionTokens, FirstSentence @ 50, Latency.of("total") @ 95], ids=str)
def test_a_metric_parses_as_it_prints(metric: Metric) -> None:
    """What a report shows can be written into a suite."""
    assert parse_metric(str(metric)) == metric


def test_a_ranking_is_cut_at_ten_unless_told_otherwise() -> None:
    """`nDCG` alone means `nDCG@10`."""
    assert parse_metric("nDCG") == nDCG @ 10
    assert str(parse_metric("R(sentences)")) == "R(sentences)@10"


@pytest.mark.parametrize(
    "text",
    ["Contians", "Contains@5", "Contains(x)", "Latency", "Latency(total)", "EvidenceRecall@0", "", "@5", "FirstSentence", "nDCG(words)@10"],
)
def test_what_is_no_metric_is_refused(text: str) -> None:
    """A mistyped metric in a suite is an error, not a threshold that never fails."""
    with pytest.raises(BadInput):
        parse_metric(text)


def test_a_suite_may_name_the_figures_it_shows() -> None:
    """Those it names, those it gates and those that are promised; all where it names none. Times are shown elsewhere."""
    suite = Suite("mine", (), metrics=("Contains", "R@5"), thresholds={"TokenF1": 0.5, "Latency(total)@95": 9.0, "Contains": 0.1})
    assert [str(metric) for metric in quality_metrics(suite)] == [
        "Contains", "R@5", "TokenF1", "Completed", "SpanValidity", "NothingNewer",
    ]  # fmt: skip
    assert quality_metrics() == quality_metrics(Suite("mine", ())) == list(QUALITY)


def test_cost_metrics_follow_the_stages_that_were_timed() -> None:
    """The first sentence and each timed stage have a median and a 95th percentile, the total last."""
    names = [str(metric) for metric in cost_metrics([row(case(), good_answer()), crashed(case())])]
    stages = ["FirstSentence", "Latency(search)", "Latency(total)"]
    assert names == ["PromptTokens", "CompletionTokens", *(f"{stage}@{percentile}" for stage in stages for percentile in (50, 95))]
    assert "Latency(search)@50" in map(str, cost_metrics([Row(case(), ranking=(), search_ms=3.0)]))


def test_aggregates_by_hand() -> None:
    """Shares by the mean, tokens by the median, latency by its percentile; nothing has no aggregate."""
    assert Contains.aggregate([Score(1.0), Score(0.0), Score(0.0), Score(0.0)]) == 0.25
    assert PromptTokens.aggregate([Score(1.0), Score(2.0), Score(90.0)]) == 2.0
    assert (Latency.of("total") @ 95).aggregate([Score(float(n)) for n in range(101)]) == 95.0
    with pytest.raises(ValueError, match="Contains of nothing"):
        Contains.aggregate([])


def test_a_share_of_nothing_is_no_score() -> None:
    """There is no 0 of 0."""
    assert Score.share(0, 0) is None
    assert Score.share(1, 4) == Score(0.25, 1, 4)
    assert Completed.score(row(BARE, None)) == Score(1.0)
