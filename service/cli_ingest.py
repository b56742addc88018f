"""The commands that bring articles in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli_common import FAILED, DataDir, settings_of, told

if TYPE_CHECKING:
    from service.articles.items import Item
    from service.indexing.report import IngestReport
    from service.ingest_report import Record
    from service.taking_in import Road

SOURCES = (
    "Files and folders (text, Markdown, HTML, JSON, JSON Lines, CSV, Parquet, PDF, feeds, ZIP, each also .gz), addresses of pages, feeds "
    "and sitemaps, or - for JSON Lines from standard input."
)


def ingest(
    sources: Annotated[list[str] | None, typer.Argument(help=SOURCES)] = None,
    sample: Annotated[bool, typer.Option("--sample", help="Take in the sample archive that ships.")] = False,
    prune: Annotated[bool, typer.Option("--prune", help="Remove articles whose file has gone from the given folders.")] = False,
    columns: Annotated[
        str | None, typer.Option(help="Columns of tables by field, such as text=body,published_at=date; the usual names are known.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and write nothing.")] = False,
    report: Annotated[Path | None, typer.Option(help="Write the run's report here, too: JSON Lines, as in the archive's folder.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON Lines.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="One line an article.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Take articles in.

    Exit code 0 when all were taken in or known already, 1 if any was rejected, 2 if the run could not be finished, 130 if interrupted.
    A run that broke off goes on where it stopped when it is started again. While the service runs, this goes through it.
    """
    with told():
        from service import console
        from service.articles.tables import parse_columns
        from service.ingest_report import Record
        from service.services import sample_folder
        from service.taking_in import only_looking, taking_in

        given = [*(sources or []), *([str(sample_folder())] if sample else [])]
        if not given:
            raise typer.BadParameter("name files, folders or addresses, - for standard input, or --sample")
        settings, mapping = settings_of(data_dir), parse_columns(columns) if columns else None
        record = Record(given, None if dry_run else settings.data_dir, report)
        with only_looking(settings) if dry_run else taking_in(settings) as road, record:
            _take_in(road, record, mapping, prune=prune)
        if as_json:
            console.print_report(record.report)
        else:
            console.print_ingest(record.report, verbose=verbose)
        raise typer.Exit(FAILED if record.report.rejected else 0)


def _take_in(road: Road, record: Record, columns: Mapping[str, str] | None, *, prune: bool) -> None:
    """One run over the record's sources, progress shown on a terminal."""
    from service import console
    from service.articles.files import size_of
    from service.articles.sources import STDIN, is_address

    paths = [Path(one) for one in record.sources if one != STDIN and not is_address(one)]
    with console.ingest_progress(lambda: road.intake.meter.read, size_of(paths)) as show:

        def progress(report: IngestReport) -> None:
            record.hear(report)
            show(report)

        record.hear(road.ingest(road.intake.items(record.sources, columns), progress))
    if prune:
        road.prune([path for path in paths if path.is_dir()], record.report)


def watch(
    sources: Annotated[list[str], typer.Argument(help="Feeds, sitemaps, pages and folders.")],
    every: Annotated[str, typer.Option(help="How long to wait between two looks, such as 15m or 2h.")] = "15m",
    rounds: Annotated[int | None, typer.Option(min=1, help="Stop after so many looks a source, instead of never.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Keep the archive current: look again and again at feeds, sitemaps, pages and folders, politely.

    Pages that feeds and sitemaps led to are looked at again, the older the more seldom: what was corrected becomes a new version, what
    was taken down (410, or 404 three times) is withdrawn. A source that fails is asked more and more seldom, at least once a day. A look
    that changed or rejected something leaves a report beside the archive.

    With --rounds, exit code 0 when the last look at every source went well, 1 if one failed or rejected anything; 2 if it could not go
    on, 130 if interrupted, as it ends without --rounds.
    """
    with told():
        from service import console
        from service.ingest_report import Record
        from service.moments import span
        from service.taking_in import taking_in
        from service.watching import Watcher

        settings, wait = settings_of(data_dir), span(every)
        with taking_in(settings) as road:

            def ingest(items: Iterable[Item]) -> IngestReport:
                with Record([watcher.at], settings.data_dir, only_news=True) as record:
                    record.hear(road.ingest(items, record.hear))
                return record.report

            watcher = Watcher(sources, wait, road.intake, ingest, console.print_round)
            well = watcher.run(rounds)
        raise typer.Exit(0 if well else FAILED)
