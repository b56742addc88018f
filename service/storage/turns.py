"""Writers of one archive take turns, across threads and processes: only one adds to it at a time, while any number read."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from service.errors import ArchiveInUse

PATIENCE = 600.0
"""Seconds for those who were there before: as long as some thousand articles take to be embedded."""
_STEP = 0.25
"""Seconds between two looks at whether waiting still makes sense."""


class Turns:
    """One file beside the archive, locked by whoever writes; the system lets it go when the process dies."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "writing.lock"
        self._here = threading.Lock()

    @contextmanager
    def mine(self, patience: float = PATIENCE, given_up: Callable[[], bool] = lambda: False) -> Iterator[None]:
        """Wait for the turn, and have it. Raises ArchiveInUse where it does not come in so many seconds, or waiting is given up."""
        until = time.monotonic() + patience
        lock = FileLock(self._file, thread_local=False)
        while not self._here.acquire(timeout=_pause(until)):
            self._make_sure(until, given_up)
        try:
            while not _taken(lock, _pause(until)):
                self._make_sure(until, given_up)
            try:
                yield
            finally:
                lock.release()
        finally:
            self._here.release()

    def taken(self) -> bool:
        """Whether somebody has the turn now, in this process or another."""
        lock = FileLock(self._file, thread_local=False)
        if self._here.locked() or not _taken(lock, 0):
            return True
        lock.release()
        return False

    def _make_sure(self, until: float, given_up: Callable[[], bool]) -> None:
        if given_up() or time.monotonic() >= until:
            raise ArchiveInUse("others are writing into this archive (a `dateline ingest` or `watch`, or a service): try again later")


def _taken(lock: FileLock, seconds: float) -> bool:
    try:
        lock.acquire(timeout=seconds)
    except Timeout:
        return False
    return True


def _pause(until: float) -> float:
    return max(0.0, min(_STEP, until - time.monotonic()))
