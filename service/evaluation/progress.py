"""What a run shows while it works: a bar on a terminal, a line now and then in a log, and nothing to a reader who has left."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from service.cli_common import leave_output
from service.evaluation.bench import Told
from service.evaluation.runner import OnRow, Row

if TYPE_CHECKING:
    from rich.console import Console

LOG_EVERY = 15.0
"""Seconds between two lines of progress in a log."""


def terminal() -> Console:
    """Standard output."""
    from rich.console import Console

    return Console()


@contextmanager
def setting_up(console: Console) -> Iterator[Told]:
    """What is being set up: beside a spinner on a terminal, a line now and then in a log."""
    if not console.is_terminal:
        due = _every(LOG_EVERY)
        yield lambda words: say(console, f"Setting up: {words}") if due() else None
        return
    with console.status("Reading the suite …") as status:
        yield lambda words: status.update(f"Setting up: {words} …")


@contextmanager
def asking(console: Console, system: str) -> Iterator[OnRow]:
    """A bar on a terminal, a line now and then in a log."""
    if not console.is_terminal:
        due = _every(LOG_EVERY)

        def log(done: int, total: int, _: Row) -> None:
            if due() or done == total:
                say(console, f"{system}: {done} of {total} asked")

        yield log
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(f"Asking {system}", total=None)

        def advance(done: int, total: int, row: Row) -> None:
            bar.update(task, completed=done, total=total, description=f"Asked {system}: {row.case.id}")

        yield advance


def _every(seconds: float) -> Callable[[], bool]:
    """True at most once in so many seconds."""
    last = time.monotonic()

    def due() -> bool:
        nonlocal last
        now = time.monotonic()
        if now - last < seconds:
            return False
        last = now
        return True

    return due


def say(console: Console, words: str, style: str = "none") -> None:
    """One line of words, which may come from anywhere."""
    from rich.markup import escape

    with readers_may_leave():
        console.print(escape(words), style=style, highlight=False, soft_wrap=True)


@contextmanager
def readers_may_leave() -> Iterator[None]:
    """`| head` must not turn a gate that failed into one that passed: the run goes on unread, to its own exit code."""
    try:
        yield
    except BrokenPipeError:
        leave_output()
