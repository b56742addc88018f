"""What a run says, in words and numbers as a reader sees them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from service.evaluation.answer_metrics import (
    Contains,
    FalseRefusalRate,
    GoldRecall,
    RefusalRecall,
    SpanValidity,
    StatusRight,
    answers_rightly,
)
from service.evaluation.gate import Comparison, GateLine, failed
from service.evaluation.metric import Metric
from service.evaluation.metrics import parse_metric
from service.evaluation.other_metrics import Accuracy, FirstSentence, Latency
from service.evaluation.retrieval_metrics import SENTENCES, AnswerIn, FreshFirst, ReciprocalRank
from service.evaluation.runner import Row
from service.evaluation.scoring import Figure, Scored
from service.evaluation.statistics import Paired
from service.evaluation.suite import Task

FOUND_BY = (FreshFirst, ReciprocalRank @ 10, ReciprocalRank.of(SENTENCES) @ 10, AnswerIn @ 10)
"""Where only rankings are graded: the first of these that applies says whether a question's row is right."""


@dataclass(frozen=True, slots=True)
class Rival:
    """A simpler system in the same run, and by metric how far Dateline is ahead of it (corrected over all rivals and metrics)."""

    scored: Scored
    differences: Mapping[str, Paired]

    @property
    def name(self) -> str:
        """The system's name."""
        return self.scored.system


@dataclass(frozen=True, slots=True)
class Trust:
    """How well the grounding check agrees with people on one set of pairs, from that suite's baseline."""

    suite: str
    words: str


@dataclass(frozen=True, slots=True)
class Report:
    """A graded run with what its gate said and how it compares. An interrupted run has no gate."""

    scored: Scored
    lines: tuple[GateLine, ...] = ()
    comparison: Comparison | None = None
    rivals: tuple[Rival, ...] = ()
    trust: tuple[Trust, ...] = ()
    """Shown beside every figure that the grounding check judges."""
    awaiting_review: int = 0

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
    if scored.kept:
        lines.append(f"{scored.kept} answers were kept from an interrupted run.")
    if report.awaiting_review:
        lines.append(f"{report.awaiting_review} rows marked for review were not asked.")
    lines += filter(
        None,
        (
            _counted(scored.figure(Contains), "answerable questions were answered with what was expected"),
            _counted(scored.figure(StatusRight), "statuses were right"),
            _counted(scored.figure(RefusalRecall), "unanswerable questions were refused"),
            _counted(scored.figure(FalseRefusalRate), "answerable questions were refused although the archive knows"),
            _pooled(scored.figure(SpanValidity), "citations exact"),
            _pooled(scored.figure(GoldRecall), "gold facts cited"),
            _counted(scored.figure(Accuracy), "verdicts of the grounding check agree with people's"),
        ),
    )
    lines += [f"{count} answers by {name}." for name, count in scored.generators.items()]
    if any(figure.metric.judged and figure.n for figure in scored.figures):
        lines.append(trusted(report))
    for rival in report.rivals:
        lines.append(beside(rival))
    return lines + (compared(report.comparison) if report.comparison else [])


def trusted(report: Report) -> str:
    """How far the check that judges the citations can itself be trusted."""
    if not report.trust:
        return "How far the check that judges the citations can be trusted was not measured: run the check- suites."
    return "The check that judges the citations agrees with people as follows. " + " ".join(
        f"{one.suite}: {one.words}." for one in report.trust
    )


def beside(rival: Rival) -> str:
    """Where what is graded is shown to be ahead of a simpler system, and where behind, in a sentence."""
    graded = "the grounding check" if rival.scored.suite.task is Task.CHECK else "Dateline"
    shown = {name: found for name, found in rival.differences.items() if found.is_shown}
    sides: dict[bool, list[str]] = {True: [], False: []}
    for name, found in shown.items():
        sides[(found.difference > 0) is parse_metric(name).higher_is_better].append(f"{name} {found.difference:+.3f}")
    ahead, behind = sides[True], sides[False]
    parts = [f"better in {', '.join(ahead)}" if ahead else "", f"worse in {', '.join(behind)}" if behind else ""]
    if not shown:
        return f"Beside {rival.name}: no difference shown in {len(rival.differences)} metrics."
    return f"Beside {rival.name}, {graded} is {'; '.join(filter(None, parts))} ({len(rival.differences)} metrics compared)."


def spent(scored: Scored) -> str | None:
    """How long an answer took, in words; None where nothing was timed."""
    parts = []
    for what, metric in (
        ("An answer", Latency.of("total")),
        ("its first checked sentence", FirstSentence),
        ("a search", Latency.of("search")),
    ):
        middle, slow = scored.figure(metric @ 50), scored.figure(metric @ 95)
        if middle.value is not None and slow.value is not None:
            parts.append(f"{what} took {middle.value / 1000:.2f} s (median), {slow.value / 1000:.2f} s (95th percentile), n = {middle.n}")
    if scored.memory:
        parts.append("memory: " + ", ".join(f"{name} {size / 2**20:,.0f} MiB" for name, size in sorted(scored.memory.items())))
    told = "; ".join(parts)
    return told[0].upper() + told[1:] + "." if told else None


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


def is_right(row: Row) -> bool | None:
    """Whether a question came out right, whatever metrics the suite names: its answer, the check's verdict, or a find in the ranking.

    None where only a ranking came back, and nothing should be found.
    """
    if row.failure:
        return False
    if row.case.supported is not None:
        return row.verdict is row.case.supported
    if row.answer:
        return answers_rightly(row.case, row.answer)
    found = (score for metric in FOUND_BY if (score := metric.score(row)))
    return next((score.value > 0 for score in found), None)


def _counted(figure: Figure, what: str) -> str | None:
    """`51 of 70 … (95 % interval 0.61 to 0.82)`, for metrics that are 0 or 1 in each question."""
    if figure.value is None:
        return None
    return f"{round(figure.value * figure.n)} of {figure.n} {what} (95 % interval {spread(figure)})."


def _pooled(figure: Figure, what: str) -> str | None:
    return None if figure.hits is None else f"{figure.hits:,} of {figure.of:,} {what}."
