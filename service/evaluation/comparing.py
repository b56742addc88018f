"""Two runs of a suite beside each other, from their JSON."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from service.evaluation.gate import Comparison, compare, is_worse, load_baseline
from service.evaluation.metrics import parse_metric
from service.evaluation.report import compared

if TYPE_CHECKING:
    from rich.console import Console

CHANGED_SHOWN = 50


def compare_files(before: Path, after: Path, console: Console) -> int:
    """Print what changed; returns 1 where the second run is shown to be worse in a metric, else 0. Raises BadInput."""
    old, new = load_baseline(before), load_baseline(after)
    found = compare(old, new)
    worse = [name for name, one in found.differences.items() if is_worse(parse_metric(name), one)]
    for name in worse:
        _say(console, f"WORSE: {name}: {found.differences[name]}.", "bold red")
    for line in compared(found):
        _say(console, line)
    _print_changes(found, console)
    return 1 if worse else 0


def _print_changes(found: Comparison, console: Console) -> None:
    """Each question that scored otherwise, one a line, at most so many."""
    from rich.box import SIMPLE_HEAD
    from rich.markup import escape
    from rich.table import Table

    if not found.changed:
        _say(console, "No question scored otherwise.")
        return
    table = Table(title=f"{len(found.changed)} questions scored otherwise", title_justify="left", box=SIMPLE_HEAD)
    for head in ("question", "metric, before → after"):
        table.add_column(head)
    for key in sorted(found.changed)[:CHANGED_SHOWN]:
        told = "; ".join(f"{name} {_number(old)} → {_number(new)}" for name, (old, new) in found.changed[key].items())
        table.add_row(escape(key), escape(told))
    console.print(table)
    if len(found.changed) > CHANGED_SHOWN:
        _say(console, f"… and {len(found.changed) - CHANGED_SHOWN} more.")


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _say(console: Console, words: str, style: str = "none") -> None:
    from rich.markup import escape

    console.print(escape(words), style=style, highlight=False, soft_wrap=True)
