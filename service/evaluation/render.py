"""A report for people: a table on the terminal, Markdown for a pull request, and the files of a report."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from service.evaluation.metrics import quality_metrics
from service.evaluation.report import Report, as_json, is_right, number, spent, spread, summary
from service.evaluation.runner import Row
from service.evaluation.scoring import Figure

if TYPE_CHECKING:
    from rich.console import Console

HEAD = ("metric", "figure", "95 % interval", "n", "against the baseline", "gate")
TAG_METRICS = ("Status", "Contains", "CitationRecall", "EvidenceRecall")
"""What is shown by tag; the JSON has every metric."""

_MARKUP = re.compile(r"([\\`*_{}\[\]()#+!|~-])")
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "@": "&#64;"})


def write_reports(report: Report, folder: Path) -> list[Path]:
    """Write NAME.json, NAME.md and NAME.html; returns their paths. Raises OSError."""
    from service.evaluation.render_html import html

    contents = {
        "json": json.dumps(as_json(report), indent=1, sort_keys=True, ensure_ascii=False) + "\n",
        "md": markdown(report),
        "html": html(report),
    }
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for suffix, content in contents.items():
        paths.append(folder / f"{report.scored.suite.name}.{suffix}")
        paths[-1].write_text(content, encoding="utf-8")
    return paths


def print_report(report: Report, console: Console) -> None:
    """The summary, then the figures as tables without the columns that say nothing."""
    from rich.box import SIMPLE_HEAD
    from rich.markup import escape
    from rich.table import Table

    for line in [*summary(report), spent(report.scored)]:
        if line:
            style = "bold red" if line.startswith(("FAILED", "Interrupted")) else "none"
            console.print(escape(line), style=style, highlight=False, soft_wrap=True)
    for title, head, rows in (
        ("What was answered", HEAD, _rows(report, report.scored.figures)),
        ("By tag", ("tag", "n", *TAG_METRICS), _tag_rows(report)),
        ("What it cost", HEAD, _rows(report, report.scored.costs)),
    ):
        told = [i for i in range(len(head)) if any(row[i] for row in rows)]
        table = Table(title=title, title_justify="left", box=SIMPLE_HEAD)
        for i in told:
            table.add_column(head[i], no_wrap=i == 0)
        for row in rows:
            table.add_row(*(escape(row[i]) for i in told))
        console.print(table)


def markdown(report: Report) -> str:
    """The report as GitHub-flavoured Markdown; article text and questions are escaped, mentions included."""
    scored = report.scored
    verdict = "interrupted" if scored.partial else "passed" if report.passed else "FAILED"
    lines = [f"## Eval `{scored.suite.name}`: {verdict}", ""]
    lines += [f"- {escape_markdown(line)}" for line in [*summary(report), spent(scored)] if line]
    lines += ["", *_table(HEAD, _rows(report, (*scored.figures, *scored.costs)))]
    if scored.by_tag:
        lines += ["", "### By tag", "", *_table(("tag", "n", *TAG_METRICS), _tag_rows(report))]
    wrong = [row for row in scored.rows if not is_right(row)]
    if wrong:
        lines += ["", f"<details><summary>{len(wrong)} questions not right</summary>", ""]
        lines += _table(("id", "question", "status", "answer"), [_wrong_row(row.row) for row in wrong])
        lines += ["", "</details>"]
    return "\n".join(lines) + "\n"


def escape_markdown(text: str) -> str:
    """Text that Markdown shows as it is, on one line: no markup, no HTML, no mention, no table cell ended early."""
    return _MARKUP.sub(r"\\\1", " ".join(text.split())).translate(_ENTITIES)


def metric_row(report: Report, figure: Figure) -> tuple[str, ...]:
    """Name, figure, interval, n, difference to the baseline and what the gate said, as text."""
    metric = figure.metric
    found = report.comparison.differences.get(str(metric)) if report.comparison else None
    gates = [line for line in report.lines if line.metric == metric]
    gate = "" if not gates else "passed" if all(line.passed for line in gates) else "FAILED"
    count = f" ({figure.hits:,} of {figure.of:,})" if figure.hits is not None else ""
    return (str(metric), number(metric, figure.value) + count, spread(figure), str(figure.n), str(found) if found else "", gate)


def _rows(report: Report, figures: Sequence[Figure]) -> list[tuple[str, ...]]:
    return [metric_row(report, figure) for figure in figures]


def _tag_rows(report: Report) -> list[tuple[str, ...]]:
    shown = [metric for metric in quality_metrics() if str(metric) in TAG_METRICS]
    rows = []
    for tag, figures in report.scored.by_tag.items():
        values = {str(figure.metric): number(figure.metric, figure.value) for figure in figures}
        rows.append((tag, str(figures[0].n), *(values[str(metric)] for metric in shown)))
    return rows


def _wrong_row(row: Row) -> tuple[str, ...]:
    answer = row.answer
    if answer is None:
        return (row.case.id, row.case.question, "error", f"{row.failure.kind} {row.failure.id}" if row.failure else "")
    return (row.case.id, row.case.question, answer.status.value, answer.text)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    cells = [[escape_markdown(cell) for cell in row] for row in rows]
    return ["| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *cells)]
