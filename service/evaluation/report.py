"""What a run says: a summary in words, and the JSON that other programs read.

The JSON's keys and rows are sorted and its numbers rounded; everything that depends on the clock is under `timing`, so
that two runs with equal answers differ nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from service.domain import Citation, iso
from service.evaluation.gate import DIGITS, Comparison, GateLine, failed
from service.evaluation.metrics import (
    CitationRecall,
    Contains,
    FalseRefusalRate,
    Latency,
    Metric,
    RefusalRecall,
    SpanValidity,
    StatusRight,
    cites_gold,
)
from service.evaluation.scoring import Figure, Scored, ScoredRow

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Report:
    """A graded run with what its gate said and how it compares. An interrupted run has no gate."""

    scored: Scored
    lines: tuple[GateLine, ...] = ()
    comparison: Comparison | None = None

    @property
    def passed(self) -> bool:
        """True where the run is whole and no line of the gate failed."""
        return not self.scored.partial and not failed(self.lines)


def summary(report: Report) -> list[str]:
    """The run in sentences: what failed first, then how it went, with n and interval."""
    scored = report.scored
    lines = [f"FAILED: {line.words}." for line in failed(report.lines)]
    if scored.partial:
        lines.append(f"Interrupted: {len(scored.rows)} of {scored.total} questions were asked, and the gate was not applied.")
    elif not lines:
        lines.append(f"Passed: {len(report.lines)} checks.")
    lines += [f"{count} questions got no answer: {kind}." for kind, count in scored.failures.items()]
    lines += filter(
        None,
        (
            _counted(scored.figure(Contains), "answerable questions were answered with what was expected"),
            _counted(scored.figure(StatusRight), "statuses were right"),
            _counted(scored.figure(RefusalRecall), "unanswerable questions were refused"),
            _counted(scored.figure(FalseRefusalRate), "answerable questions were refused although the archive knows"),
            _pooled(scored.figure(SpanValidity), "citations exact"),
            _pooled(scored.figure(CitationRecall), "gold facts cited"),
        ),
    )
    lines += [f"{count} answers by {name}." for name, count in scored.generators.items()]
    return lines + (compared(report.comparison) if report.comparison else [])


def spent(scored: Scored) -> str | None:
    """How long an answer took, in words; None where nothing was timed."""
    middle, slow = scored.figure(Latency.of("total") @ 50), scored.figure(Latency.of("total") @ 95)
    if middle.value is None or slow.value is None:
        return None
    return f"An answer took {middle.value / 1000:.2f} s (median), {slow.value / 1000:.2f} s (95th percentile), n = {middle.n}."


def compared(comparison: Comparison) -> list[str]:
    """A run beside its baseline, in sentences."""
    lines = [
        f"Against the baseline: {comparison.paired_questions} questions compared, {comparison.new_or_changed} new or changed, "
        f"{comparison.gone} of the baseline's not asked."
    ]
    if not comparison.same_generators:
        lines.append("The baseline's answers were written by other generators.")
    shown = {name: found for name, found in comparison.differences.items() if found.is_shown}
    lines += [f"{name}: {found}." for name, found in shown.items()]
    if not shown:
        lines.append("No difference shown in any metric.")
    elif len(shown) < len(comparison.differences):
        lines.append("No difference shown in the other metrics.")
    return lines


def number(metric: Metric, value: float | None) -> str:
    """A value as a reader sees it: a share with two digits (never rounded up to 1), or a whole number with its unit."""
    if value is None:
        return "–"
    if metric.unit == "share":
        return f"{min(value, 0.99):.2f}" if 0.99 < value < 1 else f"{value:.2f}"
    return f"{value:,.0f} {metric.unit}"


def spread(figure: Figure) -> str:
    """The 95 % interval as a reader sees it."""
    if figure.interval is None:
        return "–"
    return f"{number(figure.metric, figure.interval.low)} to {number(figure.metric, figure.interval.high)}"


def is_right(scored: ScoredRow) -> bool:
    """True where the status is right and, where one was expected, so is the answer."""
    return scored.value(StatusRight) == 1 and scored.value(Contains) in {None, 1.0}


def as_json(report: Report) -> dict[str, Any]:
    """The whole report as JSON values."""
    scored = report.scored
    return {
        "format": FORMAT,
        "suite": {"name": scored.suite.name, "description": scored.suite.description, "mode": scored.suite.mode.value},
        "run": {"asked": len(scored.rows), "questions": scored.total, "partial": scored.partial, "passed": report.passed},
        "generators": scored.generators,
        "failures": scored.failures,
        "gate": [_line(line) for line in report.lines if line.metric.unit != "ms"],
        "comparison": _comparison(report.comparison),
        "figures": _figures((*scored.figures, *(f for f in scored.costs if f.metric.unit != "ms"))),
        "by_tag": {tag: _figures(figures) for tag, figures in scored.by_tag.items()},
        "rows": [_row(row) for row in scored.rows],
        "timing": {
            "gate": [_line(line) for line in report.lines if line.metric.unit == "ms"],
            "figures": _figures(figure for figure in scored.costs if figure.metric.unit == "ms"),
            "rows": {s.row.case.id: {k: round(v, 1) for k, v in s.row.answer.timings_ms.items()} for s in scored.rows if s.row.answer},
        },
    }


def _counted(figure: Figure, what: str) -> str | None:
    """`51 of 70 … (95 % interval 0.61 to 0.82)`, for metrics that are 0 or 1 in each question."""
    if figure.value is None:
        return None
    return f"{round(figure.value * figure.n)} of {figure.n} {what} (95 % interval {spread(figure)})."


def _pooled(figure: Figure, what: str) -> str | None:
    return None if figure.hits is None else f"{figure.hits:,} of {figure.of:,} {what}."


def _line(line: GateLine) -> dict[str, Any]:
    return {"metric": str(line.metric), "kind": line.kind, "passed": line.passed, "words": line.words}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, DIGITS)


def _figures(figures: Iterable[Figure]) -> dict[str, Any]:
    return {
        str(figure.metric): {
            "value": _rounded(figure.value),
            "n": figure.n,
            "hits": figure.hits,
            "of": figure.of,
            "low": _rounded(figure.interval.low) if figure.interval else None,
            "high": _rounded(figure.interval.high) if figure.interval else None,
            "interval": figure.interval.method if figure.interval else None,
        }
        for figure in figures
    }


def _comparison(comparison: Comparison | None) -> dict[str, Any] | None:
    if comparison is None:
        return None
    return {
        "paired_questions": comparison.paired_questions,
        "new_or_changed": comparison.new_or_changed,
        "gone": comparison.gone,
        "same_generators": comparison.same_generators,
        "differences": {
            name: {
                "n": found.n,
                "difference": _rounded(found.difference),
                "low": _rounded(found.interval.low),
                "high": _rounded(found.interval.high),
                "p_value": _rounded(found.p_value),
                "shown": found.is_shown,
            }
            for name, found in comparison.differences.items()
        },
    }


def _row(scored: ScoredRow) -> dict[str, Any]:
    case, answer, failure = scored.row.case, scored.row.answer, scored.row.failure
    shown: dict[str, Any] = {
        "id": case.id,
        "fingerprint": case.fingerprint,
        "question": case.question,
        "asked_at": iso(case.asked_at),
        "tags": sorted(case.tags),
        "scores": {
            name: None if score is None else _rounded(score.value)
            for name, score in scored.scores.items()
            if not name.startswith(Latency.name)
        },
        "failure": {"id": failure.id, "kind": failure.kind, "message": failure.message} if failure else None,
        "answer": None,
    }
    if answer:
        shown["answer"] = {
            "status": answer.status.value,
            "text": answer.text,
            "dropped": list(answer.dropped),
            "generator": answer.generator.name,
            "citations": [
                _citation(citation) | {"exact": exact, "gold": cites_gold(citation, case)}
                for citation, exact in zip(answer.citations, scored.row.exact, strict=False)
            ],
        }
    return shown


def _citation(citation: Citation) -> dict[str, Any]:
    return {
        "marker": citation.marker,
        "article_id": citation.article.id,
        "start": citation.start,
        "end": citation.end,
        "quote": citation.quote,
    }
