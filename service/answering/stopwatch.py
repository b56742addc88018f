"""Milliseconds by stage, each stage also counted and traced."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from service.telemetry import STAGE_SECONDS, span


class Stopwatch:
    """Adds up the time of named stages. A stage inside another is taken out of the outer one."""

    def __init__(self, road: str = "ask") -> None:
        """`road` is what the stages are counted under: `ask` or `search`."""
        self._road = road
        self._began = time.perf_counter()
        self._spent: dict[str, float] = {}
        self._inner: list[float] = []

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        """Time what happens inside the `with` under this name."""
        start = time.perf_counter()
        self._inner.append(0.0)
        try:
            with span(stage):
                yield
        finally:
            elapsed = time.perf_counter() - start
            own = elapsed - self._inner.pop()
            self._spent[stage] = self._spent.get(stage, 0.0) + own
            STAGE_SECONDS.labels(self._road, stage).observe(own)
            if self._inner:
                self._inner[-1] += elapsed

    def milliseconds(self) -> dict[str, float]:
        """Each stage so far, and the total since the watch was made, rounded to a tenth."""
        total = time.perf_counter() - self._began
        return {stage: round(seconds * 1000, 1) for stage, seconds in {**self._spent, "total": total}.items()}
