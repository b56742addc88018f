"""Metrics as values: they print and parse as themselves (`EvidenceRecall@5`, `Latency(total)@95`), after ir_measures.

A metric first scores each question, then the scores are put together. It gives None where it does not apply to a
question (the answer's text, where the archive does not know). A question that raised scores `failed`, the worst there
is, and never disappears; only what cannot be said of a missing answer (was its citation exact?) is left out for it.

Answer correctness follows SQuAD; citation recall and precision follow ALCE (Gao et al., EMNLP 2023), with gold sentences
in place of its entailment model.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from service.domain import Answer, Citation, Support
from service.errors import BadInput
from service.evaluation.matching import best_token_f1, contains, states
from service.evaluation.runner import Row
from service.evaluation.suite import Case

_FORM = re.compile(r"(?P<name>[A-Za-z0-9]+)(?:\((?P<argument>[a-z_]+)\))?(?:@(?P<cutoff>[1-9][0-9]*))?")


@dataclass(frozen=True, slots=True)
class Score:
    """One question's value; a share also says of what: `hits` of `of`."""

    value: float
    hits: int | None = None
    of: int | None = None

    @classmethod
    def share(cls, hits: int, of: int) -> Score | None:
        """None where there is nothing to take a share of."""
        return cls(hits / of, hits, of) if of else None

    @classmethod
    def flag(cls, *, holds: bool) -> Score:
        """1 or 0."""
        return cls(float(holds))


Measure = Callable[[Case, Answer, Row, "Metric"], Score | None]


@dataclass(frozen=True, slots=True)
class Metric:
    """One way to grade. `unit` is `share` (0 to 1, put together by the mean), `ms` (by a percentile) or `tokens` (median)."""

    name: str
    measure: Measure
    meaning: str
    unit: str = "share"
    failed: float | None = 0.0
    """What a question that raised scores, where the metric applies to it."""
    applies: Callable[[Case], bool] = lambda _: True
    higher_is_better: bool = True
    promised: bool = False
    """Dateline promises 1.0: gated in every suite, with no threshold needed."""
    takes: str = ""
    """`argument`, `cutoff` or both: what may be given besides the name."""
    argument: str | None = None
    cutoff: int | None = None

    def __str__(self) -> str:
        argument = f"({self.argument})" if self.argument else ""
        return f"{self.name}{argument}" + (f"@{self.cutoff}" if self.cutoff else "")

    def __matmul__(self, cutoff: int) -> Metric:
        return replace(self, cutoff=cutoff)

    def of(self, argument: str) -> Metric:
        """The metric of one stage: `Latency.of("total") @ 95`."""
        return replace(self, argument=argument)

    def score(self, row: Row) -> Score | None:
        """The row's score, or None where the metric does not apply to it."""
        if not self.applies(row.case):
            return None
        if row.answer is None:
            return None if self.failed is None else Score(self.failed)
        return self.measure(row.case, row.answer, row, self)

    def aggregate(self, values: Sequence[float]) -> float:
        """Mean, or percentile. Raises ValueError for no values."""
        if not values:
            raise ValueError(f"{self} of nothing")
        return float(np.mean(values) if self.unit == "share" else np.percentile(values, self.cutoff or 50))


def parse_metric(text: str) -> Metric:
    """The metric that prints as `text`. Raises BadInput naming those there are."""
    form = _FORM.fullmatch(text)
    metric = METRICS.get(form["name"]) if form else None
    if form is None or metric is None:
        raise BadInput(f"no metric {text!r}: there are {', '.join(sorted(METRICS))}")
    for part in ("argument", "cutoff"):
        if form[part] and part not in metric.takes:
            raise BadInput(f"{text!r}: {metric.name} takes no {part}")
    if metric.unit == "ms" and not (form["argument"] and form["cutoff"]):
        raise BadInput(f"{text!r}: write a stage and a percentile, such as {metric.name}(total)@95")
    return replace(metric, argument=form["argument"], cutoff=int(form["cutoff"]) if form["cutoff"] else None)


def quality_metrics() -> list[Metric]:
    """Every metric of what was answered, in the order of a report."""
    shares = [metric for metric in METRICS.values() if metric.unit == "share"]
    return [*shares, EvidenceRecall @ 5]


def cost_metrics(rows: Sequence[Row]) -> list[Metric]:
    """Tokens, and the median and 95th percentile of every stage that these rows have timed, `total` last."""
    stages = dict.fromkeys(stage for row in rows if row.answer for stage in row.answer.timings_ms)
    ordered = sorted(stages, key=lambda stage: stage == "total")
    return [PromptTokens, CompletionTokens, *(Latency.of(stage) @ p for stage in ordered for p in (50, 95))]


def prose(answer: Answer) -> str:
    """The answer's words without citation marks, which would read as numbers."""
    return " ".join(sentence.text for sentence in answer.sentences)


def cites_gold(citation: Citation, case: Case) -> bool:
    """True where the quote is one of the sentences that state one of the facts."""
    return any(states([citation.quote], fact) for fact in case.gold)


def is_newer(citation: Citation, answer: Answer, case: Case) -> bool:
    """True where the cited article was published after the question was asked."""
    asked_at = case.asked_at or answer.question.asked_at
    return citation.article.published_at is not None and citation.article.published_at > asked_at


def _refused_rightly(case: Case, answer: Answer) -> bool:
    return answer.status.is_refusal and case.may_refuse


def _contains(case: Case, answer: Answer, _: Row, __: Metric) -> Score | None:
    if _refused_rightly(case, answer):
        return None
    holds = not answer.status.is_refusal and all(any(contains(prose(answer), text) for text in group) for group in case.answers)
    return Score.flag(holds=holds)


def _token_f1(case: Case, answer: Answer, _: Row, __: Metric) -> Score | None:
    if _refused_rightly(case, answer):
        return None
    return Score(0.0 if answer.status.is_refusal else best_token_f1(prose(answer), case.answers))


def _status(case: Case, answer: Answer, _: Row, __: Metric) -> Score:
    return Score.flag(holds=answer.status in case.statuses)


def _refusal_precision(case: Case, answer: Answer, _: Row, __: Metric) -> Score | None:
    return Score.flag(holds=case.may_refuse) if answer.status.is_refusal else None


def _refused(_: Case, answer: Answer, __: Row, ___: Metric) -> Score:
    return Score.flag(holds=answer.status.is_refusal)


def _citation_recall(case: Case, answer: Answer, _: Row, __: Metric) -> Score | None:
    if _refused_rightly(case, answer):
        return None
    quotes = [] if answer.status.is_refusal else [citation.quote for citation in answer.citations]
    return Score.share(sum(states(quotes, fact) for fact in case.gold), len(case.gold))


def _citation_precision(case: Case, answer: Answer, _: Row, __: Metric) -> Score | None:
    if answer.status.is_refusal:
        return None
    right = sum(cites_gold(citation, case) for citation in answer.citations)
    return Score.share(right, len(answer.citations)) or Score(0.0)


def _supported(_: Case, answer: Answer, __: Row, ___: Metric) -> Score | None:
    if answer.status.is_refusal:
        return None
    supported = sum(sentence.support is Support.SUPPORTED for sentence in answer.sentences)
    return Score.share(supported, len(answer.sentences)) or Score(0.0)


def _evidence_recall(case: Case, answer: Answer, _: Row, metric: Metric) -> Score | None:
    best = sorted(answer.evidence, key=lambda evidence: -evidence.score)  # its numbers follow the articles, not the rank
    shown = [evidence.text for evidence in best[: metric.cutoff]]
    return Score.share(sum(states(shown, fact) for fact in case.gold), len(case.gold))


def _span_validity(_: Case, __: Answer, row: Row, ___: Metric) -> Score | None:
    return Score.share(sum(row.exact), len(row.exact))


def _nothing_newer(case: Case, answer: Answer, _: Row, __: Metric) -> Score | None:
    shown = (*answer.citations, *answer.nearest)
    return Score.share(sum(not is_newer(citation, answer, case) for citation in shown), len(shown))


def _latency(_: Case, answer: Answer, __: Row, metric: Metric) -> Score | None:
    spent = answer.timings_ms.get(metric.argument or "total")
    return None if spent is None else Score(float(spent))


def _prompt_tokens(_: Case, answer: Answer, __: Row, ___: Metric) -> Score | None:
    return None if answer.usage.prompt_tokens is None else Score(float(answer.usage.prompt_tokens))


def _completion_tokens(_: Case, answer: Answer, __: Row, ___: Metric) -> Score | None:
    return None if answer.usage.completion_tokens is None else Score(float(answer.usage.completion_tokens))


def _has_answers(case: Case) -> bool:
    return bool(case.answers) and not case.must_refuse


def _has_gold(case: Case) -> bool:
    return bool(case.gold)


Completed = Metric("Completed", lambda *_: Score(1.0), "questions that came back without an error", promised=True)
Contains = Metric("Contains", _contains, "every required answer is in the text", applies=_has_answers)
TokenF1 = Metric("TokenF1", _token_f1, "words shared with the expected answer", applies=_has_answers)
StatusRight = Metric("Status", _status, "the status is one of the right ones")
RefusalPrecision = Metric("RefusalPrecision", _refusal_precision, "refusals that were right", failed=None)
RefusalRecall = Metric("RefusalRecall", _refused, "unanswerable questions that were refused", applies=lambda case: case.must_refuse)
FalseRefusalRate = Metric(
    "FalseRefusalRate",
    _refused,
    "answerable questions that were refused",
    failed=1.0,
    applies=lambda case: not case.may_refuse,
    higher_is_better=False,
)
SpanValidity = Metric("SpanValidity", _span_validity, "citations exact in the stored article", failed=None, promised=True)
CitationRecall = Metric("CitationRecall", _citation_recall, "gold facts that a citation shows", applies=_has_gold)
CitationPrecision = Metric("CitationPrecision", _citation_precision, "citations that show a gold fact", applies=_has_gold)
Supported = Metric("Supported", _supported, "answer sentences marked as carried by their citations", failed=0.0)
NothingNewer = Metric("NothingNewer", _nothing_newer, "citations not newer than the question", failed=None, promised=True)
EvidenceRecall = Metric("EvidenceRecall", _evidence_recall, "gold facts among the evidence sentences", applies=_has_gold, takes="cutoff")
PromptTokens = Metric("PromptTokens", _prompt_tokens, "tokens the model read, median", "tokens", failed=None, higher_is_better=False)
CompletionTokens = Metric(
    "CompletionTokens", _completion_tokens, "tokens the model wrote, median", "tokens", failed=None, higher_is_better=False
)
Latency = Metric("Latency", _latency, "milliseconds of a stage", "ms", failed=None, higher_is_better=False, takes="argument cutoff")

METRICS = {
    metric.name: metric
    for metric in (
        Completed,
        StatusRight,
        Contains,
        TokenF1,
        RefusalPrecision,
        RefusalRecall,
        FalseRefusalRate,
        SpanValidity,
        CitationRecall,
        CitationPrecision,
        Supported,
        NothingNewer,
        EvidenceRecall,
        PromptTokens,
        CompletionTokens,
        Latency,
    )
}
