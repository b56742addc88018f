"""The command line: every command is a few lines over a flow. Heavy imports wait until a command needs them."""

from __future__ import annotations

from typing import Annotated

import typer

from service import __version__
from service.cli_common import FAILED, DataDir, settings_of, told
from service.cli_eval import eval_app
from service.cli_ingest import ingest, watch
from service.cli_keeping import backup, doctor, restore
from service.cli_keys import keys_app

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
app.add_typer(eval_app, name="eval")
app.add_typer(articles_app, name="articles")
app.add_typer(keys_app, name="keys")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"dateline {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=_print_version)] = False,
) -> None:
    """What stands before every command."""


app.command()(ingest)
app.command()(watch)
app.command()(backup)
app.command()(restore)
app.command()(doctor)


@app.command()
def ask(
    question: Annotated[str, typer.Argument(help="The question.")],
    asked_at: Annotated[str | None, typer.Option(help="Ask as of this date or instant; nothing newer is used.")] = None,
    time_zone: Annotated[str | None, typer.Option(help="Your time zone, such as Europe/Berlin: what “yesterday” is.")] = None,
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
    with told():
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
            time_zone=time_zone,
            infer_window=infer_window,
            conversation_id=conversation,
            mode=Mode.EXTRACTIVE if extractive else Mode.AUTO,
            filters={"published_from": since, "published_to": until, "sources": source or []},
        )
        with build(settings_of(data_dir), writable=False) as services, console.thinking(quiet=as_json):
            answer = asyncio.run(services.answerer.ask(body.ask_request()))
        if as_json:
            typer.echo(answer_out(answer).model_dump_json(by_alias=True, indent=2))
        else:
            console.print_answer(answer)
        raise typer.Exit(3 if answer.status.is_refusal else 0)


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on; other than loopback needs a key (dateline keys create).")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.", min=0, max=65535)] = None,
    workers: Annotated[int | None, typer.Option(help="Processes that answer; more than one needs DATELINE_CHROMA_URL.", min=1)] = None,
    sample_if_empty: Annotated[
        bool, typer.Option("--sample-if-empty", help="Take in the sample archive if there is no article yet.")
    ] = False,
    data_dir: DataDir = None,
) -> None:
    """Serve the page and the HTTP API."""
    with told():
        from service import workers as several

        given = {"host": host, "port": port, "workers": workers}
        settings = settings_of(data_dir, log_level="INFO").model_copy(update={k: v for k, v in given.items() if v is not None})
        several.refuse(settings)
        if settings.workers > 1:
            several.serve(settings, sample_if_empty=sample_if_empty)
            return
        from service.server import run

        run(settings, sample_if_empty=sample_if_empty)


@models_app.command("list")
def models_list() -> None:
    """The models Dateline knows, and which are on this machine."""
    with told():
        from service import console

        console.print_models(settings_of())


@models_app.command("fetch")
def models_fetch(
    names: Annotated[list[str] | None, typer.Argument(help="Names from `dateline models list`; the default ones if none.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing about models that are already here.")] = False,
) -> None:
    """Fetch models and verify every byte."""
    with told():
        from service import console

        console.fetch_models(settings_of(), names or [], quiet=quiet)


@articles_app.command("list")
def articles_list(limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 100_000, data_dir: DataDir = None) -> None:
    """One line an article: id, date, outlet, headline, separated by tabs."""
    with told():
        from service import console
        from service.bootstrap import reading

        with reading(settings_of(data_dir)) as archive:
            for article in archive.articles(None, limit):
                typer.echo(console.article_line(article))


@articles_app.command("show")
def articles_show(
    article_id: str,
    version: Annotated[int | None, typer.Option(min=1, help="A former version, as citations and `versions` name it.")] = None,
    data_dir: DataDir = None,
) -> None:
    """One article as JSON, with its versions, corrections and dates."""
    with told():
        import json

        from service.bootstrap import reading
        from service.wire_articles import whole_article_out

        with reading(settings_of(data_dir)) as archive:
            typer.echo(json.dumps(whole_article_out(archive, article_id, version), ensure_ascii=False, indent=2))


@articles_app.command("stories")
def articles_stories(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False, data_dir: DataDir = None
) -> None:
    """Articles that print one text, and what corrects or retracts what."""
    with told():
        import json

        from service import console
        from service.bootstrap import reading
        from service.wire_articles import notice_out, story_out

        with reading(settings_of(data_dir)) as archive:
            if as_json:
                for line in (*map(story_out, archive.stories()), *map(notice_out, archive.notices())):
                    typer.echo(json.dumps(line, ensure_ascii=False))
            else:
                console.print_stories(archive.stories(), archive.notices())


@articles_app.command("remove")
def articles_remove(article_ids: list[str], data_dir: DataDir = None) -> None:
    """Take articles out of every index, with every version they had; they are never found or cited again.

    Exit code 1 if one of them is not there.
    """
    with told():
        from service.taking_in import taking_in

        with taking_in(settings_of(data_dir)) as road:
            gone = road.remove(article_ids)
        for article_id in article_ids:
            there = article_id in gone
            typer.echo(f"removed {article_id}" if there else f"{article_id} is not in this archive", err=not there)
        raise typer.Exit(0 if len(gone) == len(set(article_ids)) else FAILED)


@app.command()
def reindex(
    embed: Annotated[bool, typer.Option("--embed", help="Embed every passage again, with the encoder of the settings.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Rebuild the vector index from the stored vectors."""
    with told():
        from service import console
        from service.reindexing import reindex as rebuild

        with console.thinking(quiet=False):
            count = rebuild(settings_of(data_dir), embed=embed)
        typer.echo(f"{count:,} vectors indexed")


def main() -> None:
    """The entry point."""
    app()
