"""`dateline watch`: the same ingest over the same sources, again and again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from service.articles.items import Item, Unreadable
from service.articles.sources import Intake
from service.indexing.report import IngestReport
from service.services import now

LONGEST = timedelta(days=1)
"""A source that fails is asked at least so often."""


@dataclass(slots=True)
class _Source:
    address: str
    due: datetime
    failures: int = 0
    well: bool = True
    """Whether the last look at it neither failed nor rejected anything."""


class Watcher:
    """Looks at each source when it is due, one after the other."""

    def __init__(
        self,
        sources: Sequence[str],
        every: timedelta,
        intake: Intake,
        ingest: Callable[[Iterable[Item]], IngestReport],
        tell: Callable[[str, IngestReport], None],
        *,
        clock: Callable[[], datetime] = now,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`ingest` takes items in; `tell` hears what each look came to. Time is told and waited for by `clock` and `sleep`."""
        self._sources = [_Source(address, clock()) for address in dict.fromkeys(sources)]
        self._every = every
        self._intake = intake
        self._ingest = ingest
        self._tell = tell
        self._clock = clock
        self._sleep = sleep
        self.at = ""
        """The source that is looked at, or was last."""

    def run(self, rounds: int | None = None) -> bool:
        """Look for ever, or so many times at every source; returns whether the last look at each went well, with nothing rejected.

        Raises what ingest raises; what was taken in before stays.
        """
        left = None if rounds is None else rounds * len(self._sources)
        while left is None or left > 0:
            source = min(self._sources, key=lambda one: one.due)
            if (wait := (source.due - self._clock()).total_seconds()) > 0:
                self._sleep(wait)
            self._look(source)
            left = None if left is None else left - 1
        return all(source.well for source in self._sources)

    def _look(self, source: _Source) -> None:
        """One look; a source that gave nothing but a failure is left alone for longer each time."""
        failed: list[Unreadable] = []
        self.at = source.address
        report = self._ingest(_noticing(self._intake.look_again(source.address), source.address, failed))
        source.failures = source.failures + 1 if failed else 0
        source.well = not failed and not report.rejected
        source.due = self._clock() + min(self._every * 2 ** min(source.failures, 20), max(LONGEST, self._every))
        self._tell(source.address, report)


def _noticing(items: Iterable[Item], address: str, failed: list[Unreadable]) -> Iterator[Item]:
    """The items, those put aside that say that the source itself could not be had."""
    for item in items:
        if isinstance(item, Unreadable) and item.place == address:
            failed.append(item)
        yield item
