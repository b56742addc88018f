"""The JSON report, which other programs read and later runs are compared with.

Keys and rows are sorted and numbers rounded; everything that depends on the clock is under `timing`, so that two runs with
equal answers differ nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from service.domain import Citation, Hit
from service.evaluation.answer_metrics import cites_gold
from service.evaluation.gate import DIGITS, Comparison, GateLine
from service.evaluation.metrics import parse_metric
from service.evaluation.report import Report, Rival
from service.evaluation.scoring import Figure, ScoredRow
from service.evaluation.statistics import Paired
from service.moments import iso

FORMAT = 2
RANKING_SHOWN = 10
"""Passages of a ranking that are kept."""


def as_json(report: Report) -> dict[str, Any]:
    """The whole report as JSON values."""
    scored = report.scored
    return {
        "format": FORMAT,
        "suite": {
            "name": scored.suite.name,
            "description": scored.suite.description,
            "task": scored.suite.task.value,
            "mode": scored.suite.mode.value,
        },
        "identity": scored.identity,
        "trust": {one.suite: one.words for one in report.trust},
        "run": {"asked": len(scored.rows), "questions": scored.total, "partial": scored.partial, "passed": report.passed},
        "generators": scored.generators,
        "failures": scored.failures,
        "gate": [_line(line) for line in report.lines if line.metric.unit != "ms"],
        "comparison": _comparison(report.comparison),
        "figures": _figures((*scored.figures, *(f for f in scored.costs if f.metric.unit != "ms"))),
        "by_tag": {tag: _figures(figures) for tag, figures in scored.by_tag.items()},
        "rows": [_row(row) for row in scored.rows],
        "systems": {rival.name: _rival(rival) for rival in report.rivals},
        "timing": {
            "gate": [_line(line) for line in report.lines if line.metric.unit == "ms"],
            "figures": _figures(figure for figure in scored.costs if figure.metric.unit == "ms"),
            "memory_bytes": dict(scored.memory),
            "rows": {s.row.case.id: {k: round(v, 1) for k, v in s.row.answer.timings_ms.items()} for s in scored.rows if s.row.answer},
        },
    }


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
        "differences": _differences(comparison.differences),
        "changed": {key: {name: list(pair) for name, pair in changed.items()} for key, changed in comparison.changed.items()},
    }


def _differences(found: Mapping[str, Paired]) -> dict[str, Any]:
    return {
        name: {
            "n": one.n,
            "difference": _rounded(one.difference),
            "low": _rounded(one.interval.low),
            "high": _rounded(one.interval.high),
            "p_value": _rounded(one.p_value),
            "corrected_p": _rounded(one.corrected_p),
            "shown": one.is_shown,
        }
        for name, one in found.items()
    }


def _rival(rival: Rival) -> dict[str, Any]:
    scored = rival.scored
    return {
        "generators": scored.generators,
        "failures": scored.failures,
        "figures": _figures(scored.figures),
        "by_tag": {tag: _figures(figures) for tag, figures in scored.by_tag.items()},
        "dateline_less_this": _differences(rival.differences),
        "scores": {row.row.case.id: _shares(row) for row in scored.rows},
    }


def _shares(scored: ScoredRow) -> dict[str, float | None]:
    return {name: _rounded(score.value) for name, score in scored.scores.items() if score and parse_metric(name).unit == "share"}


def _row(scored: ScoredRow) -> dict[str, Any]:
    case, answer, failure = scored.row.case, scored.row.answer, scored.row.failure
    shown: dict[str, Any] = {
        "id": case.id,
        "fingerprint": case.fingerprint,
        "question": case.question,
        "asked_at": iso(case.asked_at),
        "tags": sorted(case.tags),
        "scores": _shares(scored),
        "failure": {"id": failure.id, "kind": failure.kind, "message": failure.message} if failure else None,
        "answer": None,
    }
    if scored.row.ranking is not None:
        shown["ranking"] = [_hit(hit) for hit in scored.row.ranking[:RANKING_SHOWN]]
    if scored.row.verdict is not None:
        shown["verdict"] = {"supported": scored.row.verdict, "strength": _rounded(scored.row.strength), "people": case.supported}
    if answer:
        shown["answer"] = {
            "status": answer.status.value,
            "text": answer.text,
            "dropped": list(answer.dropped),
            "generator": answer.generator.name,
            "confidence": _rounded(answer.confidence),
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


def _hit(hit: Hit) -> dict[str, Any]:
    return {"article_id": hit.article.id, "start": hit.passage.start, "end": hit.passage.end}
