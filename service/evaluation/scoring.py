"""From rows to figures: every row scored by every metric first, then figures over all rows and by tag."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from service.evaluation.metric import Metric, Score
from service.evaluation.metrics import cost_metrics, quality_metrics
from service.evaluation.runner import Row, RunResult
from service.evaluation.statistics import Interval, combined_interval, percentile_interval, share_interval
from service.evaluation.suite import Suite, Task

EXPECTED = {Task.ANSWER: "answer", Task.RETRIEVAL: "ranking", Task.CHECK: "verdict"}
"""What a question of each kind of suite gives back, unless it raises."""


@dataclass(frozen=True, slots=True)
class ScoredRow:
    """A row with each metric's score, by the metric's name; None where the metric does not apply."""

    row: Row
    scores: Mapping[str, Score | None]

    def value(self, metric: Metric) -> float | None:
        """The score's value, or None where the metric does not apply or was not asked for."""
        score = self.scores.get(str(metric))
        return None if score is None else score.value


@dataclass(frozen=True, slots=True)
class Figure:
    """A metric over n questions. `value` and `interval` are None where n is 0; `hits` of `of` are counted over all questions."""

    metric: Metric
    n: int
    value: float | None
    interval: Interval | None
    hits: int | None = None
    of: int | None = None


@dataclass(frozen=True, slots=True)
class Scored:
    """A run, graded: rows sorted by id, figures over all of them and by tag, in a report's order."""

    suite: Suite
    rows: tuple[ScoredRow, ...]
    total: int
    partial: bool
    figures: tuple[Figure, ...]
    costs: tuple[Figure, ...]
    by_tag: Mapping[str, tuple[Figure, ...]]
    system: str = "dateline"
    kept: int = 0
    identity: str = ""
    memory: Mapping[str, int] = field(default_factory=dict)
    """Bytes by process; only for the system that is graded."""

    def figure(self, metric: Metric) -> Figure:
        """The figure over all rows, also of a metric that is not in the report by default."""
        known = {figure.metric: figure for figure in (*self.figures, *self.costs)}
        return known.get(metric) or figure_of(metric, [metric.score(scored.row) for scored in self.rows])

    @property
    def generators(self) -> dict[str, int]:
        """How many answers each generator wrote, by name; those that had to stand in for another say why."""
        used = (scored.row.answer.generator for scored in self.rows if scored.row.answer)
        return dict(sorted(Counter(f"{g.name} (instead: {g.fallback})" if g.fallback else g.name for g in used).items()))

    @property
    def failures(self) -> dict[str, int]:
        """How many questions raised, by the error's class."""
        return dict(sorted(Counter(s.row.failure.kind for s in self.rows if s.row.failure).items()))


def score_run(result: RunResult) -> Scored:
    """Every row by every metric of the report, then the figures."""
    rows = sorted(result.rows, key=lambda row: row.case.id)
    costs = cost_metrics(rows)
    named = [metric for metric in quality_metrics(result.suite) if _is_graded(metric, result.suite, rows)]
    scored = tuple(ScoredRow(row, {str(metric): metric.score(row) for metric in (*named, *costs)}) for row in rows)
    quality = [metric for metric in named if metric.promised or any(one.scores[str(metric)] is not None for one in scored)]
    tags = sorted({tag for row in rows for tag in row.case.tags})
    return Scored(
        suite=result.suite,
        rows=scored,
        total=result.total,
        partial=result.partial,
        figures=figures_of(quality, scored),
        costs=tuple(figure for figure in figures_of(costs, scored) if figure.n),
        system=result.system,
        kept=result.kept,
        by_tag={tag: figures_of(quality, [s for s in scored if tag in s.row.case.tags]) for tag in tags},
    )


def _is_graded(metric: Metric, suite: Suite, rows: Sequence[Row]) -> bool:
    """False where no question was to give back what the metric needs: one that raised would be all that it says anything of."""
    if metric.needs in {"case", EXPECTED[suite.task]} or str(metric) in {*suite.metrics, *suite.thresholds}:
        return True
    return any(getattr(row, metric.needs) is not None for row in rows)


def figures_of(metrics: Iterable[Metric], rows: Sequence[ScoredRow]) -> tuple[Figure, ...]:
    """One figure for each metric, over these rows."""
    return tuple(figure_of(metric, [scored.scores[str(metric)] for scored in rows]) for metric in metrics)


def figure_of(metric: Metric, scores: Iterable[Score | None]) -> Figure:
    """The metric over the scores that apply. Shares are averaged question by question, not pooled."""
    kept = [score for score in scores if score is not None]
    if not kept:
        return Figure(metric, 0, None, None)
    values = [score.value for score in kept]
    value = metric.aggregate(kept)
    if math.isnan(value):  # not both sides of what it tells apart
        return Figure(metric, 0, None, None)
    if metric.combine:
        interval: Interval | None = combined_interval(np.array(values), np.array([score.aux for score in kept]), metric.combine)
    else:
        interval = share_interval(values) if metric.unit == "share" else percentile_interval(values, metric.cutoff or 50)
    counted = [(score.hits, score.of) for score in kept if score.hits is not None and score.of is not None]
    hits, of = (sum(column) for column in zip(*counted, strict=True)) if counted else (None, None)
    return Figure(metric, len(kept), value, interval, hits, of)
