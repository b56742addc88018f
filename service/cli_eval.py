"""`dateline eval`: run suites, compare runs, start a suite, turn an answer into a question."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from typer.core import TyperGroup

from service.cli_common import DataDir, settings_of, told

RUN = "run"
Report = Annotated[Path, typer.Option(help="Folder for the JSON, Markdown, HTML and JUnit reports.")]


class _RunByDefault(TyperGroup):
    """`dateline eval SUITE` means `dateline eval run SUITE`."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        """Put the command in where it was left out."""
        named = args[:1] and (args[0] in self.commands or args[0] in {"--help"})
        return super().parse_args(ctx, args if named else [RUN, *args])


eval_app = typer.Typer(
    cls=_RunByDefault,
    help="Grade answers: `dateline eval SUITE …` runs suites (its options: `dateline eval run --help`); exit code 1 when the gate fails.",
    rich_markup_mode=None,
)


@eval_app.command(RUN)
def run(
    suites: Annotated[list[str] | None, typer.Argument(help="Built-in suites (see `dateline eval list`) or paths of .toml files.")] = None,
    baseline: Annotated[Path | None, typer.Option(help="Compare with this report instead of the committed baseline.")] = None,
    report: Report = Path("eval-report"),
    systems: Annotated[
        list[str] | None,
        typer.Option(
            "--beside",
            help="Compare with this simpler system (bm25, dense, rrf, textbook; cosine, judge, combined for a check; all or none), or with "
            "Dateline without a part of its ranking (no-recency, no-outlet, …; parts for each in turn) or of its answering (no-grounding, "
            "no-status, no-time, no-votes; answering for each in turn); may be repeated.",
        ),
    ] = None,
    extractive: Annotated[bool, typer.Option("--extractive", help="Ask without a language model.")] = False,
    limit: Annotated[int | None, typer.Option(help="Only the first so many questions.", min=1)] = None,
    sample: Annotated[int | None, typer.Option(help="Ask so many questions, always the same ones.", min=1)] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Ask everything again, also what an interrupted run has asked.")] = False,
    replay: Annotated[
        bool, typer.Option("--replay", help="Take what the model wrote before for the same prompt; the report then has no times.")
    ] = False,
    judge: Annotated[str | None, typer.Option(help="Let this model grade correctness too, such as openai:NAME.")] = None,
    write_baseline: Annotated[bool, typer.Option("--write-baseline", help="Make this run the suite's baseline.")] = False,
) -> None:
    """Run suites. Exit code 1 when a threshold fails or a figure fell beyond its interval, 2 when a suite cannot be run."""
    with told():
        from service import console
        from service.evaluation.command import Options, evaluate, worst

        options = Options(
            report,
            baseline,
            extractive,
            limit,
            write_baseline,
            tuple(systems) if systems else None,
            sample=sample,
            fresh=fresh,
            judge=judge,
            replay=replay,
        )
        raise typer.Exit(worst(evaluate(suite, settings_of(), options, console.out) for suite in suites or ["sample"]))


@eval_app.command("list")
def list_suites() -> None:
    """The suites that come with Dateline, and whether their files are here."""
    with told():
        from service.evaluation.suite import built_in_suites, load_suite
        from service.settings import resources

        data = settings_of().eval_data
        for name in built_in_suites(resources()):
            suite = load_suite(name, resources(), data=data)
            typer.echo(f"{name}\t{suite.task.value}\t{'not on this machine' if suite.missing else 'ready'}\t{suite.description}")


@eval_app.command()
def compare(
    before: Annotated[Path, typer.Argument(help="The JSON report, or the baseline, of one run.")],
    after: Annotated[Path, typer.Argument(help="That of another run of the same suite.")],
) -> None:
    """Compare two runs, question by question. Exit code 1 where the second is shown to be worse in something."""
    with told():
        from service import console
        from service.evaluation.comparing import compare_files

        raise typer.Exit(compare_files(before, after, console.out))


@eval_app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="Where to put suite.toml and questions.jsonl.")] = Path("my-eval"),
    data_dir: DataDir = None,
) -> None:
    """Start a suite over your own archive, with some questions made of its headlines."""
    with told():
        from service.bootstrap import reading
        from service.evaluation.starting import start_suite

        with reading(settings_of(data_dir)) as archive:
            for line in start_suite(archive, folder):
                typer.echo(line)


@eval_app.command("add-case")
def add_case(
    answer_id: Annotated[str, typer.Argument(help="The `id` of an answer that was given, such as ans_….")],
    to: Annotated[Path, typer.Option(help="The question file to add it to.")] = Path("questions.jsonl"),
    data_dir: DataDir = None,
) -> None:
    """Turn an answer, with the feedback it got, into a question row that waits for review."""
    with told():
        import json

        from service.bootstrap import reading
        from service.evaluation.from_use import add_case as add

        with reading(settings_of(data_dir)) as archive:
            row = add(archive, answer_id, to)
        typer.echo(json.dumps(row, ensure_ascii=False, indent=2))
        typer.echo(f'Added to {to}. Check what is expected, then take out "review" so that it is asked.', err=True)
