"""What the commands print: plain text that pipes, colour and progress only on a terminal."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape as marked
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from service.domain import Answer, Article, Citation, Notice, Outcome, Status, Support
from service.moments import iso

if TYPE_CHECKING:
    from service.doctor import Check
    from service.indexing.report import IngestReport
    from service.settings import Settings

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""What would command the terminal or turn the direction of what follows. Articles and file names are data."""


class Output(Console):
    """A console whose reader may leave: `| head` is no failure."""

    def on_broken_pipe(self) -> None:
        """Let the command end as it ends for other output."""
        raise BrokenPipeError


out = Output(highlight=False, soft_wrap=True)
err = Output(stderr=True, highlight=False)
_FACES = {
    Status.PARTIAL: "The archive answers part of the question.",
    Status.CONFLICTING: "Sources disagree.",
    Status.INSUFFICIENT_EVIDENCE: "The archive does not say.",
    Status.OUTSIDE_COVERAGE: "The archive has nothing from that time.",
}


def harmless(text: str) -> str:
    """The text with control characters replaced."""
    return _CONTROLS.sub("\N{REPLACEMENT CHARACTER}", text)


def escape(text: str) -> str:
    """The text as it stands: without control characters, and with no meaning as rich's markup."""
    return marked(harmless(text))


@contextmanager
def thinking(*, quiet: bool) -> Iterator[None]:
    """A spinner on a terminal."""
    if quiet or not err.is_terminal:
        yield
        return
    with err.status("Reading …"):
        yield


@contextmanager
def ingest_progress(read: Callable[[], int] = lambda: 0, total: int = 0) -> Iterator[Callable[[IngestReport], None]]:
    """Articles done, passages a second and, of `total` bytes of files, the share and the time left, on a terminal; nothing elsewhere."""
    if not err.is_terminal:
        yield lambda report: None
        return
    began = time.monotonic()
    shown = (BarColumn(), TaskProgressColumn(), TimeRemainingColumn()) if total else (TimeElapsedColumn(),)
    with Progress(SpinnerColumn(), TextColumn("{task.description}"), *shown, console=err, transient=True) as bar:
        task = bar.add_task("Reading articles …", total=total or None)

        def show(report: IngestReport) -> None:
            rate = report.passages / max(time.monotonic() - began, 1e-9)
            words = f"{len(report.items):,} articles, {report.passages:,} passages, {rate:,.0f} passages/s, {len(report.rejected)} rejected"
            bar.update(task, description=words, completed=read())

        yield show


def print_ingest(report: IngestReport, *, verbose: bool) -> None:
    """The summary, every rejection and every warning with its place."""
    for item in report.items:
        if item.outcome is Outcome.REJECTED:
            err.print(f"[red]rejected[/red] {escape(item.place)}: {escape(item.reason or '')}", soft_wrap=True)
        elif verbose or item.outcome is Outcome.WITHDRAWN:
            joined = f"joins the story of {item.joined}" if item.joined else None
            out.print(escape(" ".join(filter(None, (item.outcome.value, item.article_id, item.place, item.reason, joined)))))
        for warning in item.warnings:
            err.print(f"[yellow]warning[/yellow] {escape(item.place)}: {escape(warning)}", soft_wrap=True)
    counts = report.counts
    parts = [f"{counts[kind]:,} {kind.value.replace('_of', '')}" for kind in Outcome if counts[kind] or kind is Outcome.ADDED]
    more = [_counted(report.passages, "passage")] if report.passages else []
    more += [f"{len(report.stories):,} joined a story"] if report.stories else []
    more += [f"{len(report.pruned):,} removed"] if report.pruned else []
    more += [f"{_counted(len(report.skipped), 'file')} of other kinds skipped"] if report.skipped else []
    begun = "Nothing was written. " if report.dry_run else ""
    out.print(f"{begun}{_counted(len(report.items), 'article')} read: " + ", ".join(parts + more))


def _counted(number: int, one: str) -> str:
    return f"{number:,} {one}{'' if number == 1 else 's'}"


def print_report(report: IngestReport) -> None:
    """The report as JSON Lines."""
    from service.ingest_report import lines

    for line in lines(report):
        out.print(line, markup=False)


def print_round(address: str, report: IngestReport) -> None:
    """One line for a look at a source that is watched, after what went wrong or was taken down."""
    out.print(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%SZ} {escape(address)}")
    print_ingest(report, verbose=False)
    sys.stdout.flush()


def print_stories(stories: Sequence[Sequence[Article]], notices: Sequence[Notice]) -> None:
    """Each story with its articles, the first to print it first, then each notice with what it is about."""
    for story in stories:
        out.print(f"[bold]{escape(story[0].headline)}[/bold] ({len(story)} articles)")
        for article in story:
            out.print("    " + escape(article_line(article)))
    for notice in notices:
        about = "itself" if notice.corrects == notice.article_id else notice.corrects or "an article that is not here"
        out.print(f"[bold]{notice.kind.value}[/bold] {escape(notice.article_id)} of {escape(about)}: {escape(notice.said)}")


def print_answer(answer: Answer) -> None:
    """Status, sentences, disagreement, sources; the same words with and without colour."""
    if answer.status in _FACES:
        out.print(f"[bold]{_FACES[answer.status]}[/bold]")
    for sentence in answer.sentences:
        marks = "".join(f" [cyan]\\[{marker}][/cyan]" for marker in sentence.citations)
        note = " [yellow](not found in the sources)[/yellow]" if sentence.support is Support.UNSUPPORTED else ""
        out.print(escape(sentence.text) + marks + note)
    for conflict in answer.conflicts:
        sides = "; ".join(f"{p.value} {''.join(f'[{m}]' for m in p.citations)}" for p in conflict.positions)
        alone = f" ({conflict.outlier} by one voice alone)" if conflict.outlier else ""
        out.print(escape(f"They differ on {conflict.about}: {sides}{alone}"))
    if answer.nearest:
        out.print("Closest passages:")
    elif answer.citations:
        out.print()
    for citation in answer.nearest or answer.citations:
        _print_citation(citation)
    if answer.status.is_refusal:
        held = answer.coverage
        span = f", {iso(held.first)} to {iso(held.last)}" if held.first else ""
        holds = f"{held.articles:,} {'article' if held.articles == 1 else 'articles'}{span}."
        out.print(f"[dim]The archive holds {holds if held.articles else 'no article up to then: `dateline ingest` takes some in.'}[/dim]")
    _print_footer(answer)


def _print_citation(citation: Citation) -> None:
    article = citation.article
    head = ", ".join(filter(None, (article.source, iso(article.published_at) or "date unknown", article.headline)))
    out.print(f"[cyan]\\[{citation.marker}][/cyan] [dim]{escape(head)}[/dim]")
    out.print(f"    “{escape(' '.join(citation.quote.split()))}”")
    if others := len(citation.also_in):
        out.print(f"    [dim]also in {others} {'outlet' if others == 1 else 'outlets'}[/dim]")


def _print_footer(answer: Answer) -> None:
    window = answer.question.window
    if window and window.applied:
        span = f"{iso(window.start) or '…'} to {iso(window.end) or '…'}"
        err.print(f"[dim]Read as a time: “{escape(window.phrase)}” ({span})[/dim]", soft_wrap=True)
    if answer.generator.fallback:
        err.print(f"[yellow]Quoted without the model: {escape(answer.generator.fallback)}[/yellow]", soft_wrap=True)


def article_line(article: Article) -> str:
    """Id, date, outlet and headline, separated by tabs."""
    fields = (article.id, iso(article.published_at) or "", article.source or "", article.headline)
    return "\t".join(harmless(" ".join(field.split())) for field in fields)


def print_models(settings: Settings) -> None:
    """One line a model: here or not, name, size, licence, official repository."""
    from service.models.catalogue import CATALOGUE
    from service.models.fetch import installed

    for entry in CATALOGUE:
        here = "here  " if installed(entry, settings.models_dir) else "absent"
        size = sum(file.size for file in entry.files) / 1e6
        out.print(f"{here}  {entry.kind.value:<8} {entry.name:<30} {size:>6,.0f} MB  {entry.licence}  {entry.repository}")


def fetch_models(settings: Settings, names: Sequence[str], *, quiet: bool = False) -> None:
    """Fetch with a progress bar on a terminal; `quiet` about those that are already here. Raises ModelError."""
    from service.models.catalogue import DEFAULT_ENCODER, DEFAULT_GENERATOR, find
    from service.models.fetch import ensure, installed

    wanted = [find(name) for name in names] or [DEFAULT_ENCODER, *([DEFAULT_GENERATOR] if settings.model == "local" else [])]
    for entry in wanted:
        if quiet and installed(entry, settings.models_dir):
            continue
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
        bar = Progress(*columns, console=err, transient=True)
        task = bar.add_task(f"Fetching {entry.name}", total=None)

        def show(what: str, done: int, total: int, bar: Progress = bar, task: TaskID = task) -> None:
            bar.update(task, description=what, completed=done, total=total)

        with bar if err.is_terminal else nullcontext():
            folder = ensure(entry, settings.models_dir, show)
        out.print(f"{escape(entry.name)}: verified in {escape(str(folder))}")


def print_checks(checks: Sequence[Check]) -> bool:
    """One line a check, what to do under those that failed; returns whether all passed."""
    for check in checks:
        mark = "[green]ok  [/green]" if check.ok else "[red]FAIL[/red]"
        out.print(f"{mark} {escape(check.name)}: {escape(check.found)}")
        if not check.ok and check.remedy:
            out.print(f"     → {escape(check.remedy)}")
    sys.stdout.flush()
    return all(check.ok for check in checks)
