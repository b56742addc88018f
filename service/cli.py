"""The command line: every command is a few lines over a flow. Heavy imports wait until a command needs them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service import __version__
from service.errors import DatelineError

if TYPE_CHECKING:
    from service.settings import Settings

app = typer.Typer(
    name="dateline",
    help="Questions about a news archive, every sentence of an answer tied to exact sentences of dated articles.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
models_app = typer.Typer(no_args_is_help=True, help="The local models: which there are, and fetching them.", rich_markup_mode=None)
articles_app = typer.Typer(no_args_is_help=True, help="What is in the archive: list, show, remove.", rich_markup_mode=None)
app.add_typer(models_app, name="models")
app.add_typer(articles_app, name="articles")

FAILED, USAGE = 1, 2
DataDir = Annotated[Path | None, typer.Option("--data-dir", help="Where the archive lives, instead of DATELINE_DATA_DIR.")]


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"dateline {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=_print_version)] = False,
) -> None:
    """What stands before every command."""


@contextmanager
def _told() -> Iterator[None]:
    """Turn our errors into one line on standard error and exit code 2."""
    try:
        yield
    except DatelineError as error:
        typer.echo(f"dateline: {error}", err=True)
        raise typer.Exit(USAGE) from error
    except KeyboardInterrupt:
        typer.echo("dateline: interrupted; what was reported as done is kept", err=True)
        raise typer.Exit(130) from None
    except BrokenPipeError:
        # Who read the output has enough. What is still buffered goes nowhere, so that the interpreter does not fail on it at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(0) from None


def _settings(data_dir: Path | None = None) -> Settings:
    from service.logs import configure
    from service.settings import load_settings

    configure()
    return load_settings(**({"data_dir": data_dir} if data_dir else {}))


@app.command()
def ingest(
    paths: Annotated[list[Path] | None, typer.Argument(help="Files and folders: .txt .md .json .jsonl, each also .gz.")] = None,
    sample: Annotated[bool, typer.Option("--sample", help="Take in the sample archive that ships.")] = False,
    prune: Annotated[bool, typer.Option("--prune", help="Remove articles whose file has gone from the given folders.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="One line an article.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Take articles in. Exit code 1 if any was rejected."""
    with _told():
        from service import console
        from service.bootstrap import build, sample_folder

        given = [*(paths or []), *([sample_folder()] if sample else [])]
        if not given:
            raise typer.BadParameter("name files or folders, or --sample")
        with build(_settings(data_dir)) as services, console.ingest_progress() as progress:
            report = services.ingest(services.load(given), progress)
            if prune:
                services.prune([path for path in given if path.is_dir()], report)
        console.print_ingest(report, verbose=verbose)
        raise typer.Exit(FAILED if report.rejected else 0)


@app.command()
def ask(
    question: Annotated[str, typer.Argument(help="The question.")],
    asked_at: Annotated[str | None, typer.Option(help="Ask as of this date or instant (UTC); nothing newer is used.")] = None,
    since: Annotated[str | None, typer.Option(help="Only articles published from this date on.")] = None,
    until: Annotated[str | None, typer.Option(help="Only articles published before this date.")] = None,
    source: Annotated[list[str] | None, typer.Option(help="Only articles of this outlet; may be repeated.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the answer as the HTTP API would.")] = False,
    extractive: Annotated[bool, typer.Option("--extractive", help="Quote the articles, without a language model.")] = False,
    infer_window: Annotated[bool, typer.Option("--infer-window/--no-infer-window", help="Read a time window out of the question.")] = True,
    conversation: Annotated[str | None, typer.Option(help="Continue this conversation.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Ask a question. Exit code 0 with an answer, 3 with a refusal."""
    with _told():
        import asyncio

        from service import console
        from service.bodies import AskBody, body_from
        from service.bootstrap import build
        from service.domain import Mode
        from service.wire import answer_out

        body = body_from(
            AskBody,
            question=question,
            asked_at=asked_at,
            infer_window=infer_window,
            conversation_id=conversation,
            mode=Mode.EXTRACTIVE if extractive else Mode.AUTO,
            filters={"published_from": since, "published_to": until, "sources": source or []},
        )
        with build(_settings(data_dir), writable=False) as services, console.thinking(quiet=as_json):
            answer = asyncio.run(services.answerer.ask(body.ask_request()))
        if as_json:
            typer.echo(answer_out(answer).model_dump_json(by_alias=True, indent=2))
        else:
            console.print_answer(answer)
        raise typer.Exit(3 if answer.status.is_refusal else 0)


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on; other than loopback needs DATELINE_API_KEYS.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.", min=0, max=65535)] = None,
    sample_if_empty: Annotated[
        bool, typer.Option("--sample-if-empty", help="Take in the sample archive if there is no article yet.")
    ] = False,
    data_dir: DataDir = None,
) -> None:
    """Serve the page and the HTTP API."""
    with _told():
        from service.server import run

        given = {"host": host, "port": port}
        run(_settings(data_dir).model_copy(update={k: v for k, v in given.items() if v is not None}), sample_if_empty=sample_if_empty)


@app.command("eval")
def evaluate(
    suite: Annotated[str, typer.Argument(help="A built-in suite (sample, sample-quick, sample-extractive) or the path of one.")] = "sample",
    baseline: Annotated[Path | None, typer.Option(help="Compare with this report instead of the committed baseline.")] = None,
    report: Annotated[Path, typer.Option(help="Folder for the JSON, Markdown and HTML reports.")] = Path("eval-report"),
    extractive: Annotated[bool, typer.Option("--extractive", help="Ask without a language model.")] = False,
    limit: Annotated[int | None, typer.Option(help="Only the first so many questions.", min=1)] = None,
    write_baseline: Annotated[bool, typer.Option("--write-baseline", help="Make this run the suite's baseline.")] = False,
) -> None:
    """Grade answers. Exit code 1 when a threshold fails or a figure fell beyond its interval."""
    with _told():
        from service import console
        from service.evaluation.command import evaluate as run

        status = run(
            suite, _settings(), report_dir=report, console=console.out,
            baseline=baseline, extractive=extractive, limit=limit, write_baseline=write_baseline,
        )  # fmt: skip
        raise typer.Exit(status)


@models_app.command("list")
def models_list() -> None:
    """The models Dateline knows, and which are on this machine."""
    with _told():
        from service import console

        console.print_models(_settings())


@models_app.command("fetch")
def models_fetch(
    names: Annotated[list[str] | None, typer.Argument(help="Names from `dateline models list`; the default ones if none.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing about models that are already here.")] = False,
) -> None:
    """Fetch models and verify every byte."""
    with _told():
        from service import console

        console.fetch_models(_settings(), names or [], quiet=quiet)


@articles_app.command("list")
def articles_list(limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 100_000, data_dir: DataDir = None) -> None:
    """One line an article: id, date, outlet, headline, separated by tabs."""
    with _told():
        from service import console
        from service.bootstrap import reading

        with reading(_settings(data_dir)) as archive:
            for article in archive.articles(None, limit):
                typer.echo(console.article_line(article))


@articles_app.command("show")
def articles_show(article_id: str, data_dir: DataDir = None) -> None:
    """One article as JSON."""
    with _told():
        import json

        from service.bootstrap import reading
        from service.wire import article_out

        with reading(_settings(data_dir)) as archive:
            typer.echo(json.dumps(article_out(archive.article(article_id)), ensure_ascii=False, indent=2))


@articles_app.command("remove")
def articles_remove(article_ids: list[str], data_dir: DataDir = None) -> None:
    """Take articles out of every index; they are never found or cited again."""
    with _told():
        from service.bootstrap import build

        with build(_settings(data_dir)) as services:
            for article_id in article_ids:
                services.remove(article_id)
                typer.echo(f"removed {article_id}")


@app.command()
def reindex(
    embed: Annotated[bool, typer.Option("--embed", help="Embed every passage again, with the encoder of the settings.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Rebuild the vector index from the stored vectors."""
    with _told():
        from service import console
        from service.bootstrap import reindex as rebuild

        with console.thinking(quiet=False):
            count = rebuild(_settings(data_dir), embed=embed)
        typer.echo(f"{count:,} vectors indexed")


@app.command()
def doctor(data_dir: DataDir = None) -> None:
    """Check disk, archive, index, models and settings, and say what to do. Exit code 1 if something is wrong."""
    with _told():
        from service import console
        from service.doctor import examine

        raise typer.Exit(0 if console.print_checks(examine(_settings(data_dir))) else FAILED)


def main() -> None:
    """The entry point."""
    app()
