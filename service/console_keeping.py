"""What `backup`, `restore` and `doctor --deep` print."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn

from service.console import err, escape, out

if TYPE_CHECKING:
    from service.keeping import Restored
    from service.storage.copying import Progress as Told
    from service.storage.ledger import Summary


@contextmanager
def steps() -> Iterator[Told]:
    """A bar for each step, on a terminal; nothing elsewhere."""
    if not err.is_terminal:
        yield lambda what, done, total: None
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    with Progress(*columns, console=err, transient=True) as bar:
        task = bar.add_task("…", total=None)
        yield lambda what, done, total: bar.update(task, description=f"{what} …", completed=done, total=total or None)


def print_backup(summary: Summary, file: Path) -> None:
    """What is in the file."""
    out.print(f"{escape(str(file))} holds")
    print_summary(summary)


def print_restored(restored: Restored, place: Path) -> None:
    """What is in the archive now, where the old one is, and what is left to do."""
    out.print(f"{escape(str(place))} now holds")
    print_summary(restored.summary)
    if restored.vectors is not None:
        out.print(f"{restored.vectors:,} vectors indexed")
    if restored.replaced:
        out.print(f"the archive that was there is kept as {escape(str(restored.replaced))}")
    if restored.trouble:
        err.print(f"[yellow]the index is not rebuilt yet, the next start does it:[/yellow] {escape(restored.trouble)}", soft_wrap=True)


def print_summary(held: Summary) -> None:
    """Counts, size, encoder and digest: two that agree hold the same."""
    counts = (
        (held.articles, "article"), (held.passages, "passage"), (held.former_versions, "former version"),
        (held.conversations, "conversation"), (held.answers, "answer"), (held.feedback, "verdict"),
    )  # fmt: skip
    out.print("  " + ", ".join(f"{number:,} {one}{'' if number == 1 else 's'}" for number, one in counts))
    out.print(f"  {held.bytes / 1e6:,.1f} MB, schema {held.schema}, vectors of {escape(held.made_by or 'no encoder yet')}")
    out.print(f"  content sha256 {held.digest}")
