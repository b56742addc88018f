"""Stages beside each other, with bounded queues between them: what is next is read, and what is done written, in threads of their own."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event
from types import TracebackType
from typing import Self, TypeVar

Thing = TypeVar("Thing")


def read_ahead(source: Iterable[Thing]) -> Iterator[Thing]:
    """The same things in order; while one is used, the next is got in a thread. Raises what the source raises."""
    rest = iter(source)
    with ThreadPoolExecutor(1, "read") as reading:
        upcoming = reading.submit(_next, rest)
        while got := upcoming.result():
            upcoming = reading.submit(_next, rest)
            yield got[0]


def _next(rest: Iterator[Thing]) -> tuple[Thing] | None:
    return next(((thing,) for thing in rest), None)


class InTurn:
    """Does things one after the other in a thread; after one that failed, nothing more. A context manager.

    Leaving it waits for what was given to it, and raises what that raised.
    """

    def __init__(self, waiting: int) -> None:
        """At most so many things wait while one is done."""
        self._waiting = waiting
        self._thread = ThreadPoolExecutor(1, "write")
        self._given: deque[Future[None]] = deque()
        self._stopped = Event()

    def give(self, work: Callable[[], None]) -> None:
        """Have it done when its turn comes. Waits while too many wait already; raises what an earlier one raised."""
        self._given.append(self._thread.submit(self._do, work))
        while len(self._given) > self._waiting or (self._given and self._given[0].done()):
            self._given.popleft().result()

    def _do(self, work: Callable[[], None]) -> None:
        if self._stopped.is_set():
            return
        try:
            work()
        except BaseException:
            self._stopped.set()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._thread.shutdown(wait=True)
        if error is None:
            for one in self._given:
                one.result()
