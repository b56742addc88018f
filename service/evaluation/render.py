"""A report for people: tables on the terminal, Markdown for a pull request, and the files of a report."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from service.evaluation.report import Report, spent, summary
from service.evaluation.report_json import as_json
from service.evaluation.scoring import Figure, ScoredRow
from service.evaluation.tables import HEAD, TITLES, WRONG, legible, metric_row, outcome, rival_table, tag_metrics, tag_rows, told

if TYPE_CHECKING:
    from rich.console import Console

PIPED_WIDTH = 160
"""Columns of a table that goes into a file or a log, where nothing says how wide the reader's window is."""
MOST_BYTES = 60_000
"""Of Markdown: GitHub takes 65,536 characters in a comment and 1 MiB in a step summary."""
MOST_TEXT = 300
"""Characters of a question or an answer in a Markdown table."""

_MARKUP = re.compile(r"([\\`*_{}\[\]()#+!|~-])")
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "@": "&#64;"})


def write_reports(report: Report, folder: Path) -> list[Path]:
    """Write NAME.json, NAME.md, NAME.html and NAME.xml (JUnit); returns their paths. Raises OSError.

    Those of an interrupted run are NAME.partial.json and so on: they must not take the place of a whole one's.
    """
    from service.evaluation.junit import junit
    from service.evaluation.render_html import html

    contents = {
        "json": json.dumps(as_json(report), indent=1, sort_keys=True, ensure_ascii=False) + "\n",
        "md": markdown(report),
        "html": html(report),
        "xml": junit(report),
    }
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    name = report.scored.suite.name + (".partial" if report.scored.partial else "")
    for suffix, content in contents.items():
        paths.append(folder / f"{name}.{suffix}")
        # half a character, as a model may send one, is written as JSON writes it
        paths[-1].write_bytes(content.encode("utf-8", errors="backslashreplace"))
    return paths


def print_report(report: Report, console: Console) -> None:
    """The summary, then the figures as tables without the columns that say nothing."""
    from rich.box import SIMPLE_HEAD
    from rich.markup import escape
    from rich.table import Table

    for line in _words(report):
        style = "bold red" if line.startswith(("FAILED", "Interrupted")) else "none"
        console.print(escape(legible(line)), style=style, highlight=False, soft_wrap=True)
    with _wide(console):
        for title, head, rows in _tables(report):
            kept = [i for i in range(len(head)) if any(row[i] for row in rows)]
            if not kept:
                continue
            table = Table(title=title, title_justify="left", box=SIMPLE_HEAD)
            for i in kept:
                table.add_column(escape(head[i]), no_wrap=i == 0)
            for row in rows:
                table.add_row(*(escape(legible(row[i])) for i in kept))
            console.print(table)


def markdown(report: Report) -> str:
    """The report as GitHub-flavoured Markdown, short enough for a comment.

    What failed comes first, and the list of what was not right is cut where there is no room for all of it. Article text and
    questions are escaped, mentions included.
    """
    scored = report.scored
    verdict = "interrupted" if scored.partial else "passed" if report.passed else "FAILED"
    lines = [f"## Eval `{scored.suite.name}`: {verdict}", ""]
    lines += [f"- {escape_markdown(line)}" for line in _words(report)]
    for title, head, rows in _tables(report):
        if rows:
            lines += ["", f"### {title}", "", *_table(head, rows, MOST_BYTES - _size(lines))]
    wrong = [row for row in scored.rows if outcome(row).mark == WRONG]
    if wrong:
        lines += ["", f"<details><summary>{len(wrong)} questions not right</summary>", ""]
        lines += _table(("id", "question", "came back", "answer"), [_wrong_row(row) for row in wrong], MOST_BYTES - _size(lines))
        lines += ["", "</details>"]
    return "\n".join(lines) + "\n"


def escape_markdown(text: str) -> str:
    """Text that Markdown shows as it is, on one line: no markup, no HTML, no mention, no table cell ended early."""
    return _MARKUP.sub(r"\\\1", " ".join(legible(text).split())).translate(_ENTITIES)


def _words(report: Report) -> list[str]:
    return [line for line in (*summary(report), spent(report.scored)) if line]


def _tables(report: Report) -> list[tuple[str, Sequence[str], list[tuple[str, ...]]]]:
    """Title, head and rows of each table, in a report's order."""
    return [
        (TITLES[report.scored.suite.task], HEAD, _rows(report, report.scored.figures)),
        ("Beside simpler systems", *rival_table(report)),
        ("By tag", ("tag", "n", *tag_metrics(report)), tag_rows(report)),
        ("What it cost", HEAD, _rows(report, report.scored.costs)),
    ]


def _rows(report: Report, figures: Sequence[Figure]) -> list[tuple[str, ...]]:
    return [metric_row(report, figure) for figure in told(figures)]


@contextmanager
def _wide(console: Console) -> Iterator[None]:
    """Room for tables where the console is no terminal: rich takes 80 columns there, in which they cannot be read."""
    if console.is_terminal or console.width >= PIPED_WIDTH:
        yield
        return
    before = console.width
    console.width = PIPED_WIDTH
    try:
        yield
    finally:
        console.width = before


def _wrong_row(scored: ScoredRow) -> tuple[str, ...]:
    found = outcome(scored)
    return scored.row.case.id, _cut(scored.row.case.question), found.status, _cut(found.words)


def _cut(text: str) -> str:
    return text if len(text) <= MOST_TEXT else text[:MOST_TEXT].rsplit(" ", 1)[0] + " …"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], room: int) -> list[str]:
    """The table without columns that are empty, in so many bytes; where rows are left out, a line that says how many."""
    kept = [i for i in range(len(head)) if any(row[i] for row in rows)]
    lines = [_line([head[i] for i in kept]), "|" + " --- |" * len(kept)]
    free = room - _size(lines) - MOST_TEXT  # for what comes after
    for done, row in enumerate(rows):
        lines.append(_line([row[i] for i in kept]))
        free -= _size(lines[-1:])
        if free < 0:
            return [*lines[:-1], "", f"… and {len(rows) - done:,} more, in the HTML report."]
    return lines


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(map(escape_markdown, cells)) + " |"


def _size(lines: Sequence[str]) -> int:
    return sum(len(line.encode("utf-8", errors="replace")) + 1 for line in lines)
