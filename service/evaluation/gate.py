"""The gate: what fails a run. A promise broken, a threshold not reached, or a regression against the baseline.

A regression is a paired difference to the baseline whose 95 % interval lies wholly on the worse side of 0.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, FiniteFloat, ValidationError, field_validator

from service.errors import BadInput
from service.evaluation.metrics import Metric, parse_metric, quality_metrics
from service.evaluation.scoring import Figure, Scored
from service.evaluation.statistics import Paired, paired

TOLERANCE = 1e-9
"""Two thirds of a share as a float may fall short of what was written in the suite; so much is forgiven."""

DIGITS = 6
"""Scores are compared as baselines and reports keep them, rounded to so many digits."""

Values = Mapping[str, float | None]


class _BaselineRow(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)
    fingerprint: str
    scores: dict[str, FiniteFloat | None]


class _BaselineFile(BaseModel):
    """A baseline as `write_baseline` writes it, or the JSON report of a run, which holds the same and more."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    suite: str
    generators: dict[str, int]
    rows: dict[str, _BaselineRow]

    @field_validator("suite", mode="before")
    @classmethod
    def _name(cls, value: object) -> object:
        return value.get("name") if isinstance(value, dict) else value

    @field_validator("rows", mode="before")
    @classmethod
    def _by_id(cls, value: object) -> object:
        if not isinstance(value, list):
            return value
        return {str(row.get("id")): row for row in value if isinstance(row, dict)}

    @field_validator("rows")
    @classmethod
    def _shares(cls, rows: dict[str, _BaselineRow]) -> dict[str, _BaselineRow]:
        names = {str(metric) for metric in quality_metrics()}
        for key, row in rows.items():
            if any(score is not None and not 0 <= score <= 1 for name, score in row.scores.items() if name in names):
                raise ValueError(f"{key}: a share is not between 0 and 1")
        return rows


@dataclass(frozen=True, slots=True)
class Baseline:
    """An earlier run's scores by question id, each with the fingerprint of the question as it was then."""

    suite: str
    rows: Mapping[str, tuple[str, Values]]
    generators: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Comparison:
    """A run beside its baseline, by metric, over the questions that are in both and did not change."""

    paired_questions: int
    new_or_changed: int
    gone: int
    """Questions of the baseline that this run did not ask, or asks otherwise."""
    same_generators: bool
    differences: Mapping[str, Paired]


@dataclass(frozen=True, slots=True)
class GateLine:
    """One thing that was checked. `words` names metric, figure and bound."""

    metric: Metric
    kind: str
    """`promise`, `threshold` or `regression`."""
    passed: bool
    words: str


def load_baseline(path: Path) -> Baseline:
    """A baseline, or the JSON report of an earlier run. Raises BadInput where the file is missing or is neither."""
    try:
        read = _BaselineFile.model_validate_json(path.read_bytes())
    except OSError as error:
        raise BadInput(f"the baseline {path} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        raise BadInput(f"{path} is neither a baseline (see --write-baseline) nor the JSON report of a run") from error
    rows = {key: (row.fingerprint, row.scores) for key, row in read.rows.items()}
    return Baseline(read.suite, rows, read.generators)


def write_baseline(path: Path, scored: Scored) -> None:
    """Scores only, no text and no timings, sorted: two equal runs write equal bytes. Raises OSError."""
    names = [str(metric) for metric in quality_metrics()]
    rows = {}
    for row in scored.rows:
        values = {name: row.scores[name] for name in names}
        rows[row.row.case.id] = {
            "fingerprint": row.row.case.fingerprint,
            "scores": {name: None if score is None else round(score.value, DIGITS) for name, score in values.items()},
        }
    content = {"suite": scored.suite.name, "generators": scored.generators, "rows": rows}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def compare(scored: Scored, baseline: Baseline) -> Comparison:
    """Each quality metric's paired difference, where both runs have a score. Raises BadInput for another suite's baseline."""
    if baseline.suite != scored.suite.name:
        raise BadInput(f"the baseline is of suite {baseline.suite!r}, not of {scored.suite.name!r}")
    both = [
        (baseline.rows[row.row.case.id][1], row)
        for row in scored.rows
        if row.row.case.id in baseline.rows and baseline.rows[row.row.case.id][0] == row.row.case.fingerprint
    ]
    differences = {}
    for metric in quality_metrics():
        pairs = [(old.get(str(metric)), row.value(metric)) for old, row in both]
        kept = [(old, round(new, DIGITS)) for old, new in pairs if old is not None and new is not None]
        found = paired([old for old, _ in kept], [new for _, new in kept])
        if found:
            differences[str(metric)] = found
    return Comparison(
        paired_questions=len(both),
        new_or_changed=len(scored.rows) - len(both),
        gone=len(baseline.rows) - len(both),
        same_generators=set(baseline.generators) == set(scored.generators),
        differences=differences,
    )


def check(scored: Scored, comparison: Comparison | None) -> list[GateLine]:
    """Every line of the gate, failed ones first. Raises BadInput for a threshold on a metric there is none of."""
    thresholds = {parse_metric(name): bound for name, bound in scored.suite.thresholds.items()}
    lines = [_threshold(scored.figure(metric), bound) for metric, bound in thresholds.items()]
    lines += [_promise(figure) for figure in scored.figures if figure.metric.promised and thresholds.get(figure.metric, 0) < 1]
    if comparison:
        lines += [
            _regression(metric, comparison.differences[str(metric)])
            for metric in quality_metrics()
            if str(metric) in comparison.differences and not metric.promised
        ]
    return sorted(lines, key=lambda line: line.passed)


def failed(lines: Sequence[GateLine]) -> list[GateLine]:
    """Those that did not pass."""
    return [line for line in lines if not line.passed]


def _threshold(figure: Figure, bound: float) -> GateLine:
    metric = figure.metric
    if figure.value is None:
        return GateLine(metric, "threshold", passed=False, words=f"{metric} cannot be judged: no question of this run says anything of it")
    if metric.higher_is_better:
        passed, wanted = figure.value >= bound - TOLERANCE, "at least"
    else:
        passed, wanted = figure.value <= bound + TOLERANCE, "at most"
    return GateLine(metric, "threshold", passed=passed, words=f"{metric} is {figure.value:.4g}, required {wanted} {bound:.4g}")


def _promise(figure: Figure) -> GateLine:
    """Nothing to check is no breach: citations that are missing are caught by CitationRecall."""
    metric = figure.metric
    if figure.value is None:
        return GateLine(metric, "promise", passed=True, words=f"{metric}: nothing to check")
    broken = figure.value < 1 - TOLERANCE
    count = f" ({figure.hits:,} of {figure.of:,})" if figure.hits is not None else f" (n = {figure.n})"
    return GateLine(metric, "promise", passed=not broken, words=f"{metric} is {figure.value:.4g}{count} and is promised to be 1")


def _regression(metric: Metric, found: Paired) -> GateLine:
    worse = found.interval.high < 0 if metric.higher_is_better else found.interval.low > 0
    verdict = "is worse than the baseline" if worse else "is not shown to be worse than the baseline"
    return GateLine(metric, "regression", passed=not worse, words=f"{metric} {verdict}: {found}")
