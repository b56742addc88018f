"""Every metric by its name, and which of them a report shows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from service.errors import BadInput
from service.evaluation.answer_metrics import ANSWER_METRICS
from service.evaluation.metric import Metric
from service.evaluation.other_metrics import OTHER_METRICS, CompletionTokens, FirstSentence, Latency, PromptTokens
from service.evaluation.retrieval_metrics import RETRIEVAL_METRICS
from service.evaluation.runner import Row
from service.evaluation.suite import Suite

_FORM = re.compile(r"(?P<name>[A-Za-z0-9]+)(?:\((?P<argument>[a-z_]+)\))?(?:@(?P<cutoff>[1-9][0-9]*))?")

DEEPEST = 1_000
"""The deepest that a ranking is graded."""
QUALITY = (*ANSWER_METRICS, *RETRIEVAL_METRICS, *OTHER_METRICS)
"""Every metric of what was answered or found, in the order of a report."""
METRICS = {
    metric.name: replace(metric, argument=None, cutoff=10 if metric.needs == "ranking" and "cutoff" in metric.takes else None)
    for metric in (*QUALITY, PromptTokens, CompletionTokens, FirstSentence, Latency)
}
"""Each metric as its name alone means it."""


def parse_metric(text: str) -> Metric:
    """The metric that prints as `text`. Raises BadInput naming those there are."""
    form = _FORM.fullmatch(text)
    metric = METRICS.get(form["name"]) if form else None
    if form is None or metric is None:
        raise BadInput(f"no metric {text!r}: there are {', '.join(sorted(METRICS))}")
    for part in ("argument", "cutoff"):
        if form[part] and part not in metric.takes:
            raise BadInput(f"{text!r}: {metric.name} takes no {part}")
    if form["argument"] and metric.arguments and form["argument"] not in metric.arguments:
        raise BadInput(f"{text!r}: {metric.name} takes {', '.join(metric.arguments)}")
    if metric.unit == "ms" and not (form["cutoff"] and (form["argument"] or "argument" not in metric.takes)):
        raise BadInput(f"{text!r}: write a stage and a percentile, such as Latency(total)@95 or FirstSentence@50")
    if form["cutoff"] and int(form["cutoff"]) > (most := 100 if metric.unit == "ms" else DEEPEST):
        raise BadInput(f"{text!r}: {metric.name} goes up to @{most}")
    return replace(metric, argument=form["argument"], cutoff=int(form["cutoff"]) if form["cutoff"] else metric.cutoff)


def quality_metrics(suite: Suite | None = None) -> list[Metric]:
    """The metrics of what was answered or found that a report shows: the suite's, with those it gates, else all."""
    if suite is None or not suite.metrics:
        return list(QUALITY)
    named = [parse_metric(name) for name in (*suite.metrics, *suite.thresholds)]
    promised = [metric for metric in QUALITY if metric.promised]
    return list(dict.fromkeys(metric for metric in (*named, *promised) if metric.unit == "share"))


def cost_metrics(rows: Sequence[Row]) -> list[Metric]:
    """Tokens, and the median and 95th percentile of the first sentence and of every stage that was timed, `total` last."""
    stages = dict.fromkeys(stage for row in rows if row.answer for stage in row.answer.timings_ms)
    if any(row.search_ms is not None for row in rows):
        stages.setdefault("search")
    ordered = sorted(stages, key=lambda stage: stage == "total")
    timed = [FirstSentence, *(Latency.of(stage) for stage in ordered)]
    return [PromptTokens, CompletionTokens, *(metric @ percentile for metric in timed for percentile in (50, 95))]
