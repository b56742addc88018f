"""A report as one HTML file: no script, nothing fetched, light and dark, and fit to print.

Everything from articles, questions and models is escaped by Jinja's autoescaping; the template marks nothing as safe.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from service.domain import Answer, Article, Citation, iso
from service.evaluation.matching import states
from service.evaluation.metrics import cites_gold
from service.evaluation.render import TAG_METRICS, metric_row
from service.evaluation.report import Report, is_right, number, spent, spread, summary
from service.evaluation.scoring import Figure, ScoredRow
from service.evaluation.suite import Case


@dataclass(frozen=True, slots=True)
class MetricView:
    """One line of a figures table; `bar` is low, value and high in percent, for shares."""

    cells: tuple[str, ...]
    meaning: str
    failed: bool
    bar: tuple[float, float, float] | None


@dataclass(frozen=True, slots=True)
class CitationView:
    """A citation and what is known of it."""

    marker: int
    place: str
    quote: str
    exact: bool
    gold: bool


@dataclass(frozen=True, slots=True)
class FactView:
    """A gold fact: its sentences, and whether the evidence held it and a citation shows it."""

    sentences: tuple[str, ...]
    found: bool
    cited: bool


@dataclass(frozen=True, slots=True)
class QuestionView:
    """Everything the page shows of one question."""

    case: Case
    asked_at: str
    right: bool
    status: str
    answer: Answer | None
    failure: str
    citations: tuple[CitationView, ...]
    facts: tuple[FactView, ...]
    scores: tuple[tuple[str, str], ...]


def html(report: Report) -> str:
    """The report as a whole HTML document."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    scored = report.scored
    environment = Environment(
        loader=PackageLoader("service.evaluation", ""), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    questions = [_question(row) for row in scored.rows]
    return environment.get_template("report.html.jinja").render(
        suite=scored.suite,
        verdict="interrupted" if scored.partial else "passed" if report.passed else "failed",
        summary=[line for line in (*summary(report), spent(scored)) if line],
        quality=[_metric(report, figure) for figure in scored.figures],
        costs=[_metric(report, figure) for figure in scored.costs],
        compared=report.comparison is not None,
        tag_metrics=TAG_METRICS,
        tags=[_tag(tag, figures) for tag, figures in scored.by_tag.items()],
        wrong=[question for question in questions if not question.right],
        right=[question for question in questions if question.right],
    )


def _metric(report: Report, figure: Figure) -> MetricView:
    cells = metric_row(report, figure)
    interval = figure.interval
    bar = None
    if figure.metric.unit == "share" and figure.value is not None and interval is not None:
        bar = (round(100 * interval.low, 1), round(100 * figure.value, 1), round(100 * interval.high, 1))
    meaning = f"{figure.metric.meaning}, the best {figure.metric.cutoff}" if bar and figure.metric.cutoff else figure.metric.meaning
    return MetricView(cells, meaning, cells[-1] == "FAILED", bar)


def _tag(tag: str, figures: Sequence[Figure]) -> tuple[str, int, tuple[str, ...]]:
    """Name, number of questions, and `figure (interval, n)` for each metric of the table."""
    by_name = {str(figure.metric): figure for figure in figures}
    cells = []
    for name in TAG_METRICS:
        figure = by_name[name]
        shown = number(figure.metric, figure.value)
        cells.append(f"{shown} ({spread(figure)}, n = {figure.n})" if figure.n else shown)
    return tag, by_name["Completed"].n, tuple(cells)


def _question(scored: ScoredRow) -> QuestionView:
    row, case, answer = scored.row, scored.row.case, scored.row.answer
    quotes = [citation.quote for citation in answer.citations] if answer else []
    shown = [evidence.text for evidence in answer.evidence] if answer else []
    shares = [(name, score) for name, score in scored.scores.items() if score is not None and not name.startswith("Latency")]
    failure = f"{row.failure.kind}, error {row.failure.id}. {row.failure.message}" if row.failure else ""
    return QuestionView(
        case=case,
        asked_at=iso(case.asked_at) or "the time of the run",
        right=is_right(scored),
        status=answer.status.value if answer else "error",
        answer=answer,
        failure=failure,
        citations=_citations(answer, case, row.exact) if answer else (),
        facts=tuple(FactView(fact, found=states(shown, fact), cited=states(quotes, fact)) for fact in case.gold),
        scores=tuple((name, f"{score.value:.3g}") for name, score in shares),
    )


def _citations(answer: Answer, case: Case, exact: Sequence[bool]) -> tuple[CitationView, ...]:
    return tuple(
        CitationView(citation.marker, _place(citation.article, citation), citation.quote, is_exact, cites_gold(citation, case))
        for citation, is_exact in zip(answer.citations, exact, strict=False)
    )


def _place(article: Article, citation: Citation) -> str:
    """Headline, outlet, day and offsets."""
    known = [article.headline, article.source, iso(article.published_at), f"characters {citation.start} to {citation.end}"]
    return ", ".join(filter(None, known))
