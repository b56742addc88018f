"""What `dateline eval` does: a suite from its name to its exit code."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from service.domain import Mode
from service.errors import BadInput, DatelineError
from service.evaluation.gate import Baseline, check, compare, failed, load_baseline, write_baseline
from service.evaluation.metrics import parse_metric
from service.evaluation.render import print_report, write_reports
from service.evaluation.report import Report
from service.evaluation.runner import Articles, Asker, OnRow, Row, RunResult, run_suite
from service.evaluation.scoring import score_run
from service.evaluation.suite import Suite, load_suite
from service.settings import Settings, resources

if TYPE_CHECKING:
    from rich.console import Console

LOG_EVERY = 20
PASSED, FAILED, CANNOT_RUN, INTERRUPTED = 0, 1, 2, 130
"""Exit codes: the gate passed or the suite was skipped; it failed; the suite cannot be run; Ctrl-C."""


@dataclass(frozen=True, slots=True)
class Graded:
    """What a suite is asked of."""

    asker: Asker
    articles: Articles


@dataclass(frozen=True, slots=True)
class Options:
    """How to run a suite. `baseline` stands in for the suite's own; `limit` asks only the first so many questions."""

    report_dir: Path
    baseline: Path | None = None
    extractive: bool = False
    limit: int | None = None
    write_baseline: bool = False


def evaluate(
    name_or_path: str,
    settings: Settings,
    *,
    report_dir: Path,
    baseline: Path | None = None,
    extractive: bool = False,
    limit: int | None = None,
    write_baseline: bool = False,
    console: Console | None = None,
) -> int:
    """Run a suite, write its reports and print them. Returns an exit code: 0, 1, 2 or 130.

    A suite with a corpus runs on an archive of its own, in a temporary folder; one without, on the user's archive. A suite
    whose files are not on this machine is skipped, which is said, with 0.
    """
    options = Options(report_dir, baseline, extractive, limit, write_baseline)
    console = console or _terminal()
    try:
        suite = _suite(name_or_path, options)
        if suite.missing:
            missing = ", ".join(map(str, suite.missing))
            _say(console, f"Skipped: suite {suite.name} needs {missing}, which is not on this machine.", "yellow")
            return PASSED
        with opened(suite, settings, console) as graded:
            return grade(suite, graded, options, console)
    except (DatelineError, OSError) as error:
        _say(console, f"The suite cannot be run: {error}", "bold red")
        return CANNOT_RUN


def grade(suite: Suite, graded: Graded, options: Options, console: Console) -> int:
    """Ask, score, gate and report; returns the exit code. Raises BadInput before asking anything that would be in vain."""
    old = _baseline(suite, options)
    with _progress(console) as progress:
        result = run_suite(suite, graded.asker, graded.articles, limit=options.limit, progress=progress)
    report = report_of(result, old)
    paths = write_reports(report, options.report_dir)
    print_report(report, console)
    _say(console, "Written: " + ", ".join(map(str, paths)), "none")
    if result.partial:
        return INTERRUPTED
    if options.write_baseline and suite.baseline:
        write_baseline(suite.baseline, report.scored)
        _say(console, f"Baseline written: {suite.baseline}", "none")
    return FAILED if failed(report.lines) else PASSED


def report_of(result: RunResult, baseline: Baseline | None) -> Report:
    """The run scored, compared and gated. An interrupted run is neither compared nor gated."""
    scored = score_run(result)
    if result.partial:
        return Report(scored)
    comparison = compare(scored, baseline) if baseline else None
    return Report(scored, tuple(check(scored, comparison)), comparison)


@contextmanager
def opened(suite: Suite, settings: Settings, console: Console) -> Iterator[Graded]:
    """The service over the suite's corpus, closed and its temporary archive removed afterwards.

    Raises BadInput where an article of the corpus is rejected, DatelineError where the service cannot be built.
    """
    from service.bootstrap import build

    if suite.mode is Mode.EXTRACTIVE:
        settings = settings.model_copy(update={"model": "extractive"})
    if not suite.corpus:
        with build(settings) as services:
            yield Graded(services.answerer, services.archive)
        return
    with (
        TemporaryDirectory(prefix="dateline-eval-") as folder,
        build(settings.model_copy(update={"data_dir": Path(folder)})) as services,
    ):
        with console.status("Reading the suite's articles …"):
            found = services.ingest(services.load(suite.corpus))
        if found.rejected:
            reasons = "; ".join(f"{item.place}: {item.reason}" for item in found.rejected)
            raise BadInput(f"the suite's corpus has articles that are rejected: {reasons}")
        if not found.items:
            raise BadInput("the suite's corpus has no articles")
        yield Graded(services.answerer, services.archive)


def _terminal() -> Console:
    from rich.console import Console

    return Console()


def _suite(name_or_path: str, options: Options) -> Suite:
    """The suite, checked as far as can be before anything is opened."""
    suite = load_suite(name_or_path, resources())
    if options.extractive and suite.mode is not Mode.EXTRACTIVE:
        suite = replace(suite, mode=Mode.EXTRACTIVE, baseline=None)  # the committed baseline is of another generator
    for name in suite.thresholds:
        parse_metric(name)
    if options.limit is not None and options.limit < 1:
        raise BadInput("--limit must be at least 1")
    if options.write_baseline and (options.limit or suite.baseline is None):
        raise BadInput("a baseline is written only from a whole run of the suite as it stands: drop --limit and --extractive")
    if not suite.missing:
        suite.cases()
    return suite


def _baseline(suite: Suite, options: Options) -> Baseline | None:
    """The one that was named, else the suite's own where it exists; none while a new one is being written."""
    if options.baseline:
        return load_baseline(options.baseline)
    if options.write_baseline or suite.baseline is None or not suite.baseline.is_file():
        return None
    return load_baseline(suite.baseline)


@contextmanager
def _progress(console: Console) -> Iterator[OnRow]:
    """A bar on a terminal, a line now and then in a log."""
    if not console.is_terminal:
        yield lambda done, total, row: _say(console, f"{done} of {total} asked", "none") if done % LOG_EVERY == 0 else None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("Asking", total=None)

        def advance(done: int, total: int, row: Row) -> None:
            bar.update(task, completed=done, total=total, description=f"Asked {row.case.id}")

        yield advance


def _say(console: Console, words: str, style: str) -> None:
    from rich.markup import escape

    console.print(escape(words), style=style, highlight=False, soft_wrap=True)
