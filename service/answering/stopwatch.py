"""Milliseconds by stage."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Stopwatch:
    """Adds up the time of named stages. A stage inside another is taken out of the outer one."""

    def __init__(self) -> None:
        self._began = time.perf_counter()
        self._spent: dict[str, float] = {}
        self._inner: list[float] = []

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        """Time what happens inside the `with` under this name."""
        start = time.perf_counter()
        self._inner.append(0.0)
        try:
            yield
        finally:
            elapsed = time.perf_counter() - start
            self._spent[stage] = self._spent.get(stage, 0.0) + elapsed - self._inner.pop()
            if self._inner:
                self._inner[-1] += elapsed

    def milliseconds(self) -> dict[str, float]:
        """Each stage so far, and the total since the watch was made, rounded to a tenth."""
        total = time.perf_counter() - self._began
        return {stage: round(seconds * 1000, 1) for stage, seconds in {**self._spent, "total": total}.items()}
