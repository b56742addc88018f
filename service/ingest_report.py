"""The report that every run of ingest leaves beside the archive, as JSON Lines: one line an article, the counts last."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from service.domain import Outcome
from service.errors import ArchiveError, DatelineError
from service.indexing.report import IngestReport
from service.services import now
from service.wire_ingest import row_out, summary_out

logger = logging.getLogger(__name__)
FOLDER = "ingests"
KEPT = 50
"""Reports; of a run every quarter of an hour these are half a day's."""


NEWS = frozenset({Outcome.ADDED, Outcome.UPDATED, Outcome.WITHDRAWN, Outcome.REJECTED})
"""Of such a look at a watched source leaves a report."""


def lines(report: IngestReport, about: Mapping[str, Any] | None = None) -> Iterator[str]:
    """The report, line by line; the summary says `about` it, too."""
    for item in report.items:
        yield json.dumps(row_out(item), ensure_ascii=False)
    yield json.dumps({"summary": summary_out(report) | dict(about or {})}, ensure_ascii=False)


@dataclass(slots=True)
class Record:
    """The report of a run, written when the run ends, however it ends. A context manager.

    Of a run that broke off it holds what was acknowledged, and its summary says `interrupted` or names the `error`.
    """

    sources: Sequence[str]
    data_dir: Path | None
    """Whose `ingests` is written to, and where the last 50 are kept; None for none."""
    also: Path | None = None
    """Where else it is written."""
    only_news: bool = False
    """Whether a run that changed and rejected nothing leaves no report."""
    report: IngestReport = field(default_factory=IngestReport)

    def hear(self, report: IngestReport) -> None:
        """What is acknowledged: `Progress`. The report goes on growing where it is."""
        self.report = report

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Raises ArchiveError with what to do where it cannot be written, unless the run itself failed: then it is logged."""
        if error is None and self.only_news and not NEWS & self.report.counts.keys():
            return
        try:
            self._write(_ended(error))
        except ArchiveError as failure:
            if error is None:
                raise
            logger.warning("%s", failure)

    def _write(self, ended: Mapping[str, Any]) -> None:
        at = now()
        about = {"sources": list(self.sources), "finished_at": at.isoformat(), **ended}
        kept = [self.data_dir / FOLDER / f"{at:%Y%m%dT%H%M%S%fZ}.jsonl"] if self.data_dir else []
        for target in [*kept, *([self.also] if self.also else [])]:
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                with target.open("w", encoding="utf-8", errors="backslashreplace") as file:
                    file.writelines(f"{line}\n" for line in lines(self.report, about))
            except OSError as error:
                raise ArchiveError(f"the report cannot be written to {target} ({error.strerror}); the articles were taken in") from error
        if kept:
            for old in sorted(kept[0].parent.glob("*.jsonl"))[:-KEPT]:
                old.unlink(missing_ok=True)


def _ended(error: BaseException | None) -> dict[str, Any]:
    """What the summary says of a run that broke off."""
    if error is None:
        return {}
    if isinstance(error, KeyboardInterrupt):
        return {"interrupted": True}
    return {"error": str(error) if isinstance(error, DatelineError) else type(error).__name__}
