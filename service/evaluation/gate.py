"""The gate: what fails a run. A promise broken, a threshold not reached, or a regression against the baseline.

A regression is a paired difference to the baseline whose 95 % interval lies wholly on the worse side of 0, and which stays
unlikely when its p-value is corrected for all the metrics that were compared.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError, field_validator

from service.errors import BadInput
from service.evaluation.metric import Metric
from service.evaluation.metrics import METRICS, parse_metric
from service.evaluation.scoring import Figure, Scored
from service.evaluation.statistics import Paired, corrected, paired

TOLERANCE = 1e-9
"""Two thirds of a share as a float may fall short of what was written in the suite; so much is forgiven."""

DIGITS = 6
"""Scores are compared as baselines and reports keep them, rounded to so many digits."""

Values = Mapping[str, float | None]


class _BaselineRow(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)
    fingerprint: str
    scores: dict[str, FiniteFloat | None]


class _FigureRow(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)
    value: FiniteFloat | None
    n: int
    low: FiniteFloat | None
    high: FiniteFloat | None


class _BaselineFile(BaseModel):
    """A baseline as `write_baseline` writes it, or the JSON report of a run, which holds the same and more."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    suite: str
    generators: dict[str, int]
    rows: dict[str, _BaselineRow]
    figures: dict[str, _FigureRow] = Field(default_factory=dict)
    identity: str = ""

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
        for key, row in rows.items():
            if any(score is not None and not 0 <= score <= 1 for name, score in row.scores.items() if _is_compared(name)):
                raise ValueError(f"{key}: a share is not between 0 and 1")
        return rows


@dataclass(frozen=True, slots=True)
class Known:
    """A figure as a baseline keeps it: for showing, not for comparing."""

    value: float | None
    n: int
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Baseline:
    """A run's scores by question id, each with the fingerprint of the question as it was then."""

    suite: str
    rows: Mapping[str, tuple[str, Values]]
    generators: Mapping[str, int]
    figures: Mapping[str, Known] = field(default_factory=dict)
    identity: str = ""
    """Names the grounding check, where it was what the run graded."""

    @classmethod
    def of(cls, scored: Scored) -> Baseline:
        """What a run becomes when it is kept: shares only, rounded."""
        rows = {}
        for row in scored.rows:
            kept = {name: score for name, score in row.scores.items() if parse_metric(name).unit == "share"}
            values = {name: None if score is None else round(score.value, DIGITS) for name, score in kept.items()}
            rows[row.row.case.id] = (row.row.case.fingerprint, values)
        return cls(scored.suite.name, rows, scored.generators, {str(one.metric): _known(one) for one in scored.figures}, scored.identity)


@dataclass(frozen=True, slots=True)
class Comparison:
    """A run beside its baseline, by metric, over the questions that are in both and did not change."""

    paired_questions: int
    new_or_changed: int
    gone: int
    """Questions of the baseline that this run did not ask, or asks otherwise."""
    same_generators: bool
    differences: Mapping[str, Paired]
    changed: Mapping[str, Mapping[str, tuple[float | None, float | None]]] = field(default_factory=dict)
    """For each question that scored otherwise, each metric's score before and now."""


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
    figures = {name: Known(one.value, one.n, one.low, one.high) for name, one in read.figures.items()}
    return Baseline(read.suite, rows, read.generators, figures, read.identity)


def write_baseline(path: Path, scored: Scored) -> None:
    """Scores and figures only, no text and no timings, sorted: two equal runs write equal bytes. Raises OSError."""
    kept = Baseline.of(scored)
    content = {
        "suite": kept.suite,
        "identity": kept.identity,
        "generators": dict(kept.generators),
        "figures": {name: {"value": one.value, "n": one.n, "low": one.low, "high": one.high} for name, one in kept.figures.items()},
        "rows": {key: {"fingerprint": fingerprint, "scores": _said(scores)} for key, (fingerprint, scores) in kept.rows.items()},
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_one_row_a_line(content), encoding="utf-8")


def compare(old: Baseline, new: Baseline) -> Comparison:
    """Each compared metric's paired difference, new less old, where both have a score. Raises BadInput for another suite's baseline."""
    if old.suite != new.suite:
        raise BadInput(f"the baseline is of suite {old.suite!r}, not of {new.suite!r}")
    both = {key: (old.rows[key][1], scores) for key, (mark, scores) in new.rows.items() if key in old.rows and old.rows[key][0] == mark}
    differences = differences_of(both)
    return Comparison(
        paired_questions=len(both),
        new_or_changed=len(new.rows) - len(both),
        gone=len(old.rows) - len(both),
        same_generators=set(old.generators) == set(new.generators),
        differences=corrected(differences),
        changed={key: changed for key, (before, now) in both.items() if (changed := _changed(before, now))},
    )


def differences_of(both: Mapping[str, tuple[Values, Values]]) -> dict[str, Paired]:
    """Each compared metric's paired difference, second less first, over the questions that both score; not corrected yet."""
    names = dict.fromkeys(name for _, now in both.values() for name in now if _is_compared(name))
    differences = {}
    for name in names:
        pairs = [(before.get(name), now.get(name)) for before, now in both.values()]
        kept = [(old, new) for old, new in pairs if old is not None and new is not None]
        found = paired([old for old, _ in kept], [new for _, new in kept])
        if found:
            differences[name] = found
    return differences


def check(scored: Scored, comparison: Comparison | None) -> list[GateLine]:
    """Every line of the gate, failed ones first. Raises BadInput for a threshold on a metric there is none of."""
    thresholds = {parse_metric(name): bound for name, bound in scored.suite.thresholds.items()}
    lines = [_threshold(scored.figure(metric), bound) for metric, bound in thresholds.items()]
    lines += [_promise(figure) for figure in scored.figures if figure.metric.promised and thresholds.get(figure.metric, 0) < 1]
    if comparison:
        parsed = {parse_metric(name): found for name, found in comparison.differences.items()}
        lines += [_regression(metric, found) for metric, found in parsed.items() if not metric.promised]
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
    worse = is_worse(metric, found)
    verdict = "is worse than the baseline" if worse else "is not shown to be worse than the baseline"
    return GateLine(metric, "regression", passed=not worse, words=f"{metric} {verdict}: {found}")


def is_worse(metric: Metric, found: Paired) -> bool:
    """True where the difference is shown and lies on the worse side."""
    return found.is_shown and (found.difference < 0) is metric.higher_is_better


def _is_compared(name: str) -> bool:
    """True for a metric whose runs are compared; one that this version does not know is passed over."""
    metric = METRICS.get(name.partition("@")[0].partition("(")[0])
    return metric is not None and metric.compared


def _known(figure: Figure) -> Known:
    ends = (figure.interval.low, figure.interval.high) if figure.interval else (None, None)
    value, low, high = (None if one is None else round(one, DIGITS) for one in (figure.value, *ends))
    return Known(value, figure.n, low, high)


def _said(scores: Values) -> dict[str, float]:
    """The scores without those that a metric does not give, which is most of them."""
    return {name: score for name, score in scores.items() if score is not None}


def _changed(before: Values, now: Values) -> dict[str, tuple[float | None, float | None]]:
    names = [name for name in now if _is_compared(name)]
    return {name: (before.get(name), now[name]) for name in names if name in before and before[name] != now[name]}


def _one_row_a_line(content: Mapping[str, object]) -> str:
    """JSON with one question a line, so that a change of the baseline can be read."""
    rows = content["rows"]
    assert isinstance(rows, dict)
    lines = ",\n".join(f"  {json.dumps(key)}: {json.dumps(rows[key], sort_keys=True)}" for key in sorted(rows))
    head = json.dumps({key: value for key, value in content.items() if key != "rows"}, indent=1, sort_keys=True)
    return f'{head[:-2]},\n "rows": {{\n{lines}\n }}\n}}\n'
