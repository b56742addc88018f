"""What `dateline eval` does: a suite from its name to its exit code."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from service.domain import Mode
from service.errors import BadInput, DatelineError, ModelError
from service.evaluation.bench import ABLATIONS, EXTRACTIVE, OF_ANSWERS, RIVALS, opened
from service.evaluation.cases import Case
from service.evaluation.gate import Baseline, check, compare, failed, load_baseline, write_baseline
from service.evaluation.hosted_judge import NEEDS, PROMPT, HostedJudge
from service.evaluation.journal import Journal
from service.evaluation.metrics import parse_metric
from service.evaluation.progress import asking, readers_may_leave, say, setting_up, terminal
from service.evaluation.render import print_report, write_reports
from service.evaluation.report import Report
from service.evaluation.rivals import rivals
from service.evaluation.runner import Bench, RunResult, run_system
from service.evaluation.scoring import score_run
from service.evaluation.suite import Suite, Task, load_suite
from service.evaluation.systems import System
from service.evaluation.trust import trust
from service.settings import Settings, load_settings, resources

if TYPE_CHECKING:
    from rich.console import Console

ABSENT_SHOWN = 5
PASSED, FAILED, CANNOT_RUN, INTERRUPTED = 0, 1, 2, 130
"""Exit codes: the gate passed or the suite was skipped; it failed; the suite cannot be run; Ctrl-C."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to run a suite. `baseline` stands in for the suite's own; `limit` asks only the first so many questions.

    `sample` and `systems` stand in for the suite's own; `fresh` asks again what an interrupted run has asked; `judge`
    names a model that grades correctness; `replay` takes what the model wrote before for the same prompt, and leaves times out.
    """

    report_dir: Path
    baseline: Path | None = None
    extractive: bool = False
    limit: int | None = None
    write_baseline: bool = False
    systems: tuple[str, ...] | None = None
    sample: int | None = None
    fresh: bool = False
    judge: str | None = None
    replay: bool = False
    work_dir: Path | None = None
    """Where unfinished runs are kept; nowhere without one."""


def worst(codes: Iterable[int]) -> int:
    """The exit code of several suites: an interrupt ends them all, then what failed, then what could not be run."""
    seen: set[int] = set()
    for code in codes:
        if code == INTERRUPTED:
            return code
        seen.add(code)
    return next((code for code in (FAILED, CANNOT_RUN) if code in seen), PASSED)


def evaluate(name_or_path: str, settings: Settings, options: Options, console: Console | None = None) -> int:
    """Run a suite, write its reports and print them. Returns an exit code: 0, 1, 2 or 130.

    A suite with a corpus runs on an archive of its own, in a temporary folder; one without, on the user's archive. A suite
    whose files are not on this machine is skipped, which is said, with 0.
    """
    console = console or terminal()
    options = replace(options, work_dir=settings.cache_dir / "eval" / "unfinished")
    try:
        suite = _suite(name_or_path, options, settings.eval_data)
        if suite.missing:
            missing = ", ".join(map(str, suite.missing))
            say(console, f"Skipped: suite {suite.name} needs {missing}, which is not on this machine (see DATELINE_EVAL_DATA).", "yellow")
            return PASSED
        _make_report_dir(options.report_dir)
        judge = _judge(settings, options)
        with ExitStack() as stack:
            with setting_up(console) as tell:
                bench = stack.enter_context(opened(suite, settings, tell, replay=options.replay))
            return grade(suite, bench, options, console, judge)
    except (DatelineError, OSError) as error:
        say(console, f"The suite cannot be run: {error}", "bold red")
        return CANNOT_RUN


def grade(suite: Suite, bench: Bench, options: Options, console: Console, judge: HostedJudge | None = None) -> int:
    """Ask, score, gate and report; returns the exit code. Raises BadInput before asking anything that would be in vain."""
    old = _baseline(suite, options)
    cases = [bench.renamed(case) for case in suite.cases()[: options.limit]]
    if absent := bench.absent(cases):
        shown = ", ".join(absent[:ABSENT_SHOWN]) + (" …" if len(absent) > ABSENT_SHOWN else "")
        raise BadInput(f"questions of suite {suite.name!r} name {len(absent)} articles that its archive does not hold: {shown}")
    journal = _journal(suite, bench, options)
    if journal is not None and len(journal):
        say(console, f"Going on with an interrupted run: {len(journal)} answers are there already (--fresh asks them again).")
    results: list[RunResult] = []
    for system in bench.systems:
        results.append(_asked(suite, cases, system, bench, journal, console))
        if results[-1].partial:
            break
    report = report_of(_judged(results, judge, console), old, bench)
    paths = write_reports(report, options.report_dir)
    with readers_may_leave():
        print_report(report, console)
    say(console, "Written: " + ", ".join(map(str, paths)))
    if report.scored.partial:
        goes_on = "The same command goes on where this one stopped." if journal is not None else ""
        say(console, f"Interrupted. {goes_on}".strip(), "yellow")
        return INTERRUPTED
    if journal is not None:
        journal.close()
    if options.write_baseline and suite.baseline:
        write_baseline(suite.baseline, report.scored)
        say(console, f"Baseline written: {suite.baseline}")
    return FAILED if failed(report.lines) else PASSED


def report_of(results: Sequence[RunResult], old: Baseline | None, bench: Bench) -> Report:
    """The runs scored, compared and gated, the graded system's first. An interrupted run is neither compared nor gated."""
    scored, *others = [score_run(result) for result in results]
    partial = any(result.partial for result in results)
    scored = replace(scored, partial=partial, identity=bench.identity if scored.suite.task is Task.CHECK else "", memory=bench.memory())
    waiting = scored.suite.awaiting_review
    encoder = bench.judge.embedder.fingerprint if bench.judge else None
    found = trust(resources(), encoder) if any(figure.metric.judged and figure.n for figure in scored.figures) else ()
    if partial:
        return Report(scored, trust=found, awaiting_review=waiting)
    comparison = compare(old, Baseline.of(scored)) if old else None
    return Report(scored, tuple(check(scored, comparison)), comparison, rivals(scored, others), found, waiting)


def _judged(results: Sequence[RunResult], judge: HostedJudge | None, console: Console) -> Sequence[RunResult]:
    """With the hosted judge's verdicts, where one is asked; a judge that fails costs only those."""
    if judge is None:
        return results
    try:
        return [replace(result, rows=judge.grade(result.rows)) for result in results]
    except ModelError as error:
        say(console, f"The judge gave no verdicts: {error}", "yellow")
        return results


def _asked(suite: Suite, cases: Sequence[Case], system: System, bench: Bench, journal: Journal | None, console: Console) -> RunResult:
    with asking(console, system.name) as progress:
        return run_system(suite, cases, system, bench, journal=journal, progress=progress)


def _journal(suite: Suite, bench: Bench, options: Options) -> Journal | None:
    """Only answers are worth keeping: a ranking or a verdict takes milliseconds."""
    if options.work_dir is None or suite.task is not Task.ANSWER:
        return None
    journal = Journal(options.work_dir, suite.name, bench.identity, bench.articles.article)
    if options.fresh:
        journal.close()
        return Journal(options.work_dir, suite.name, bench.identity, bench.articles.article)
    return journal


def _judge(settings: Settings, options: Options) -> HostedJudge | None:
    """Raises SettingsError or ModelNotFound where the judge cannot be opened."""
    if not options.judge:
        return None
    from service.answering.prompting import load_prompt
    from service.models.generator import build_generator

    named = load_settings(model=options.judge).model  # as DATELINE_MODEL is checked
    generator = build_generator(settings.model_copy(update={"model": named}))
    if generator is None:
        raise BadInput(f"--judge {options.judge}: this is no model that can judge")
    return HostedJudge(generator, load_prompt(resources() / "prompts", PROMPT, NEEDS), settings.cache_dir / "eval" / "verdicts.jsonl")


def _suite(name_or_path: str, options: Options, data: Path) -> Suite:
    """The suite as these options want it, checked as far as can be before anything is opened."""
    suite = load_suite(name_or_path, resources(), data=data)
    if options.extractive and suite.mode is not Mode.EXTRACTIVE and suite.model != EXTRACTIVE:
        suite = replace(suite, mode=Mode.EXTRACTIVE, model=EXTRACTIVE, baseline=None)  # the committed baseline is of another generator
    if options.sample:
        suite = replace(suite, sample=options.sample)
    if options.systems is not None:
        groups = {"all": RIVALS[suite.task], "parts": ABLATIONS, "answering": tuple(OF_ANSWERS), "none": ()}
        suite = replace(suite, systems=tuple(dict.fromkeys(one for name in options.systems for one in groups.get(name, (name,)))))
    if options.limit is not None and options.limit < 1:
        raise BadInput("--limit must be at least 1")
    if options.write_baseline and (options.limit or options.sample or suite.baseline is None):
        raise BadInput("a baseline is written only from a whole run of the suite as it stands: drop --limit, --sample and --extractive")
    _check(suite)
    return suite


def _check(suite: Suite) -> None:
    """Raises BadInput for a path that is wrong, and for rows and names that could only fail; not for absent third-party data."""
    if suite.mislaid:
        raise BadInput(f"suite {suite.name!r} names files that are not there: {', '.join(map(str, suite.mislaid))}")
    if suite.model:
        load_settings(model=suite.model)
    for metric in map(parse_metric, (*suite.thresholds, *suite.metrics)):
        if metric.needs == "ranking" and (metric.cutoff or 0) > suite.depth:
            raise BadInput(f"{metric}: rankings of suite {suite.name!r} are graded to {suite.depth} passages; write a larger depth")
    cases = () if suite.missing else suite.cases()
    if suite.task is Task.CHECK and (bare := [case.id for case in cases if case.document is None or case.supported is None]):
        raise BadInput(f"suite {suite.name!r} judges the check, and needs document and supported in every row: {bare[0]!r} has not both")


def _make_report_dir(folder: Path) -> None:
    """Said before anything is asked, and not when everything has been."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"the report folder {folder} cannot be made ({error.strerror}): name another with --report") from error


def _baseline(suite: Suite, options: Options) -> Baseline | None:
    """The one that was named, else the suite's own where it exists; none while a new one is being written."""
    path = options.baseline
    if path is None and not options.write_baseline and suite.baseline and suite.baseline.is_file():
        path = suite.baseline
    old = load_baseline(path) if path else None
    if old and old.suite != suite.name:
        raise BadInput(f"the baseline {path} is of suite {old.suite!r}, not of {suite.name!r}")
    return old
