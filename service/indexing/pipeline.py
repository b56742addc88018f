"""Stages beside each other, with bounded queues between them: what is next is read, and what is done written, in threads of their own.

Those threads have the context of whoever started them or gave them something to do: log lines and spans belong to its request.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from queue import SimpleQueue
from types import TracebackType
from typing import Generic, Self, TypeVar

logger = logging.getLogger(__name__)
Thing = TypeVar("Thing")

GRACE = 0.5
"""Seconds that a reader gets to end by itself when nobody wants more of it: what closes after it may be what it reads with."""


class Batches(Generic[Thing]):
    """Lists of things, read lazily. An iterator that another thread can stop between two things."""

    def __init__(self, source: Iterable[Thing], size: int, seconds: float, clock: Callable[[], float]) -> None:
        """As `batches` has it."""
        self._rest = iter(source)
        self._size = size
        self._seconds = seconds
        self._clock = clock
        self._stopped = threading.Event()
        self._failure: BaseException | None = None

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> list[Thing]:
        if self._failure:
            raise self._failure
        batch: list[Thing] = []
        begun = 0.0
        try:
            while not self._stopped.is_set() and len(batch) < self._size:
                batch.append(next(self._rest))
                if len(batch) == 1:
                    begun = self._clock()
                elif self._clock() - begun >= self._seconds:
                    break
        except BaseException as error:
            self._failure = error  # the end, too: what came before it is given first
            if not batch:
                raise
        if not batch:
            raise StopIteration
        return batch

    def stop(self) -> None:
        """No further thing is asked for; one that is being got is waited for by whoever asked."""
        self._stopped.set()


def batches(
    source: Iterable[Thing], size: int, *, seconds: float = 5.0, clock: Callable[[], float] = time.monotonic
) -> Iterator[list[Thing]]:
    """Lists of at most `size`, in order; a shorter one where another thing comes `seconds` or more after its first.

    So a source that gives one thing a second does not keep back a minute's worth. What came before an error is given before it is raised.
    """
    return Batches(source, size, seconds, clock)


def read_ahead(source: Iterable[Thing]) -> Iterator[Thing]:
    """The same things in order; while one is used, the next is got in a thread. Raises what the source raises.

    Who leaves early, or is interrupted, does not wait for a read that may never end, such as one of a terminal: the thread is asked to
    stop and left behind. It is a daemon, since the interpreter waits at its exit for every other, those of `concurrent.futures` too.
    """
    rest = iter(source)
    wanted, stopped = threading.Semaphore(1), threading.Event()
    got: SimpleQueue[tuple[Thing] | BaseException | None] = SimpleQueue()

    def read() -> None:
        try:
            while wanted.acquire() and not stopped.is_set():
                thing = next(((thing,) for thing in rest), None)
                got.put(thing)
                if thing is None:
                    return
        except BaseException as error:  # noqa: BLE001 - raised where the things are used
            got.put(error)

    reader = threading.Thread(target=copy_context().run, args=(read,), name="read", daemon=True)
    reader.start()
    try:
        while (thing := got.get()) is not None:
            if isinstance(thing, BaseException):
                raise thing
            wanted.release()
            yield thing[0]
    finally:
        stopped.set()
        if isinstance(rest, Batches):
            rest.stop()
        wanted.release()
        reader.join(GRACE)


class InTurn:
    """Does things one after the other in a thread; after one that failed, nothing more. A context manager.

    Leaving it waits for what was given to it, and raises what that raised; where the body itself failed, that is logged.
    """

    def __init__(self, waiting: int) -> None:
        """At most so many things wait while one is done."""
        self._waiting = waiting
        self._thread = ThreadPoolExecutor(1, "write")
        self._given: deque[Future[None]] = deque()
        self._stopped = threading.Event()

    def give(self, work: Callable[[], None]) -> None:
        """Have it done when its turn comes. Waits while too many wait already; raises what an earlier one raised."""
        self._given.append(self._thread.submit(copy_context().run, self._do, work))
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
        for one in self._given:
            if error is None:
                one.result()
            elif failure := one.exception():
                logger.warning("what was read before could not be written either", exc_info=failure)
