"""The report that every run of ingest leaves beside the archive, as JSON Lines: one line an article, the counts last."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

from service.bootstrap import now
from service.errors import ArchiveError
from service.indexing.report import IngestReport
from service.wire_ingest import row_out, summary_out

FOLDER = "ingests"
KEPT = 50
"""Reports; of a run every quarter of an hour these are half a day's."""


def lines(report: IngestReport, sources: Sequence[str] = (), at: datetime | None = None) -> Iterator[str]:
    """The report, line by line."""
    for item in report.items:
        yield json.dumps(row_out(item), ensure_ascii=False)
    about = {"sources": list(sources)} if sources else {}
    when = {"finished_at": at.isoformat()} if at else {}
    yield json.dumps({"summary": summary_out(report) | about | when}, ensure_ascii=False)


def write_report(report: IngestReport, sources: Sequence[str], data_dir: Path | None, also: Path | None = None) -> None:
    """Write it into the archive's folder, where the last 50 are kept, and to `also`. Raises ArchiveError with what to do."""
    at = now()
    targets = [data_dir / FOLDER / f"{at:%Y%m%dT%H%M%S%fZ}.jsonl"] if data_dir else []
    for target in [*targets, *([also] if also else [])]:
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("w", encoding="utf-8", errors="backslashreplace") as file:
                file.writelines(f"{line}\n" for line in lines(report, sources, at))
        except OSError as error:
            raise ArchiveError(f"the report cannot be written to {target} ({error.strerror}); the articles were taken in") from error
    if targets:
        for old in sorted(targets[0].parent.glob("*.jsonl"))[:-KEPT]:
            old.unlink(missing_ok=True)
