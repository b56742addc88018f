"""Dateline beside the simpler systems of the same run: paired differences, corrected for all of them together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from service.evaluation.gate import Baseline, differences_of
from service.evaluation.metric import Metric, Score
from service.evaluation.metrics import parse_metric
from service.evaluation.report import Rival
from service.evaluation.scoring import Scored
from service.evaluation.statistics import Columns, Paired, corrected, paired_combined


def rivals(scored: Scored, others: Sequence[Scored]) -> tuple[Rival, ...]:
    """Each other system with Dateline's differences to it, by metric; over the questions that both answered."""
    found = {(other.system, name): one for other in others for name, one in _differences(scored, other).items()}
    right = corrected(found)
    return tuple(Rival(other, {name: one for (system, name), one in right.items() if system == other.system}) for other in others)


def _differences(scored: Scored, other: Scored) -> dict[str, Paired]:
    ours = Baseline.of(scored).rows
    both = {key: (theirs[1], ours[key][1]) for key, theirs in Baseline.of(other).rows.items() if key in ours}
    averaged = {name: one for name, one in differences_of(both).items() if not parse_metric(name).of_itself}
    combined = {
        str(figure.metric): _combined(figure.metric, scored, other) for figure in scored.figures if figure.metric.combine and figure.n
    }
    return averaged | {name: one for name, one in combined.items() if one}


def _combined(metric: Metric, scored: Scored, other: Scored) -> Paired | None:
    """The difference in a figure that is no average, over the questions that have a score in both."""
    theirs = {row.row.case.id: row.scores.get(str(metric)) for row in other.rows}
    pairs = [(before, now) for row in scored.rows if (now := row.scores[str(metric)]) and (before := theirs.get(row.row.case.id))]
    if len(pairs) < 2 or metric.combine is None:
        return None
    return paired_combined(_columns([before for before, _ in pairs]), _columns([now for _, now in pairs]), metric.combine)


def _columns(scores: Sequence[Score]) -> Columns:
    return np.array([score.value for score in scores]), np.array([score.aux for score in scores])
