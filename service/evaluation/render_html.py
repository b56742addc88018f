"""A report as one HTML file: no script, nothing fetched, light and dark, and fit to print.

Everything from articles, questions and models is made legible and escaped by Jinja. Only the charts are taken as markup: they
are written from a list of harmless elements (`service.evaluation.svg`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from service.evaluation.charts import curve_charts, quality_chart, risk_chart, tag_chart, time_chart
from service.evaluation.html_questions import DocumentView, QuestionView, documents, questions
from service.evaluation.metric import Metric
from service.evaluation.metrics import parse_metric
from service.evaluation.plotting import Chart
from service.evaluation.report import Report, number, spent, spread, summary, trusted
from service.evaluation.retrieval_metrics import SENTENCES
from service.evaluation.scoring import Figure
from service.evaluation.statistics import Paired
from service.evaluation.tables import (
    RIGHT,
    TITLES,
    UNGRADED,
    WRONG,
    legible,
    metric_row,
    rival_table,
    tag_count,
    tag_metrics,
    tags_in_order,
    told,
)

MOST_UNFOLDED = 40
"""Where no more questions than these were not right, they are printed unfolded."""


@dataclass(frozen=True, slots=True)
class MetricView:
    """One line of a figures table; `bar` is low, value and high in percent, for shares; `note` is what must be read with it."""

    cells: tuple[str, ...]
    meaning: str
    failed: bool
    bar: tuple[float, float, float] | None
    side: str
    """`good` or `bad` where the difference to the baseline is shown."""
    note: str


@dataclass(frozen=True, slots=True)
class RivalView:
    """A metric beside simpler systems: its name, the graded system's cell, and each rival's with whether that is worse or better."""

    metric: str
    ours: tuple[str, str]
    """Figure and interval."""
    theirs: tuple[tuple[str, str, str], ...]
    """Figure, how far the graded system is ahead, and `good` or `bad` where that is shown."""


@dataclass(frozen=True, slots=True)
class Page:
    """What the template shows, part by part."""

    quality: Chart | None
    tags: tuple[Chart, ...]
    risk: Chart | None
    time: Chart | None
    questions: tuple[tuple[str, str, tuple[QuestionView, ...]], ...]
    """Anchor, title and questions of each part that is not empty."""
    changed: tuple[QuestionView, ...]
    documents: tuple[DocumentView, ...]
    unfolded: bool


def html(report: Report) -> str:
    """The report as a whole HTML document."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    scored = report.scored
    environment = Environment(
        loader=PackageLoader("service.evaluation", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: legible(value) if type(value) is str else value,  # not for markup, which is a subclass
    )
    return environment.get_template("report.html.jinja").render(
        suite=scored.suite,
        system=scored.system,
        title=TITLES[scored.suite.task],
        verdict="interrupted" if scored.partial else "passed" if report.passed else "failed",
        summary=[line for line in (*summary(report), spent(scored)) if line],
        figures=_metrics(report, scored.figures),
        costs=_metrics(report, scored.costs),
        gate=report.lines,
        rivals=[rival.name for rival in report.rivals],
        beside=_beside(report),
        tag_metrics=tag_metrics(report),
        tags=[_tag(tag, scored.by_tag[tag], report) for tag in tags_in_order(report)],
        page=_page(report),
        markup=_markup,
    )


def _page(report: Report) -> Page:
    shown = questions(report)
    parts = []
    for key, title, mark in (
        ("wrong", "Not right", WRONG),
        ("right", "Right", RIGHT),
        ("ungraded", "Nothing to find, not graded", UNGRADED),
    ):
        part = tuple(question for question in shown if question.outcome.mark == mark)
        if part:
            parts.append((key, title, part))
    return Page(
        quality=quality_chart(report),
        tags=tuple(filter(None, (*curve_charts(report), tag_chart(report)))),
        risk=risk_chart(report),
        time=time_chart(report),
        questions=tuple(parts),
        changed=tuple(question for question in shown if question.changes),
        documents=tuple(documents(report)),
        unfolded=sum(question.outcome.mark == WRONG for question in shown) <= MOST_UNFOLDED,
    )


def _markup(chart: Chart) -> Any:
    from markupsafe import Markup

    return Markup(chart.svg)  # noqa: S704 - written from a list of harmless elements, with all text escaped


def _metrics(report: Report, figures: Sequence[Figure]) -> list[MetricView]:
    """The lines of a table; under the last of the figures that the grounding check judges, how far it can be trusted."""
    shown = told(figures)
    judged = [figure for figure in shown if figure.metric.judged]
    return [_metric(report, figure, trusted(report) if judged and figure is judged[-1] else "") for figure in shown]


def _metric(report: Report, figure: Figure, note: str) -> MetricView:
    cells = metric_row(report, figure)
    interval = figure.interval
    bar = None
    if figure.metric.unit == "share" and figure.value is not None and interval is not None:
        bar = (round(100 * interval.low, 1), round(100 * figure.value, 1), round(100 * interval.high, 1))
    found = report.comparison.differences.get(str(figure.metric)) if report.comparison else None
    return MetricView(cells, _meaning(figure.metric), cells[-1] == "FAILED", bar, _side(figure.metric, found), note)


def _meaning(metric: Metric) -> str:
    """In words, at the level that its name says."""
    meaning = metric.meaning.replace("right article", "gold fact") if metric.argument == SENTENCES else metric.meaning
    if metric.cutoff and metric.unit == "share":
        return f"{meaning}, among the best {metric.cutoff}"
    return f"{meaning}, {'median' if metric.cutoff == 50 else f'{metric.cutoff}th percentile'}" if metric.cutoff else meaning


def _beside(report: Report) -> list[RivalView]:
    rows = []
    for name, ours, *theirs in rival_table(report)[1]:
        sides = [_side(parse_metric(name), rival.differences.get(name)) for rival in report.rivals]
        cells = tuple((*_parted(cell), side) for cell, side in zip(theirs, sides, strict=True))
        rows.append(RivalView(name, _parted(ours), cells))
    return rows


def _parted(cell: str) -> tuple[str, str]:
    """`0.81 (+0.07, p = 0.002)` as the figure and what stands in brackets."""
    value, _, rest = cell.partition(" (")
    return value, rest.removesuffix(")")


def _side(metric: Metric, found: Paired | None) -> str:
    """Whether a difference that is shown is `good` or `bad`; empty for one that is not."""
    if found is None or not found.is_shown:
        return ""
    return "good" if (found.difference > 0) is metric.higher_is_better else "bad"


def _tag(tag: str, figures: Sequence[Figure], report: Report) -> tuple[str, int, tuple[tuple[str, str], ...]]:
    """Name, number of questions, and the figure and `interval, n` for each metric of the table."""
    by_name = {str(figure.metric): figure for figure in figures}
    chosen = [by_name[name] for name in tag_metrics(report)]
    cells = ((number(figure.metric, figure.value), f"{spread(figure)}, n = {figure.n}" if figure.n else "") for figure in chosen)
    return tag, tag_count(report, tag), tuple(cells)
