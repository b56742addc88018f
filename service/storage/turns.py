"""Writers of one archive take turns, across threads and processes: only one adds to it at a time, while any number read."""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from service.errors import ArchiveError, ArchiveInUse, Stopping
from service.storage.space import blame_the_disk

PATIENCE = 600.0
"""Seconds for those who were there before: as long as some thousand articles take to be embedded."""
LAST_WRITE = 2.0
"""Seconds that a write under way gets when everything is closed."""
_STEP = 0.25
"""Seconds between two looks at whether waiting still makes sense."""
_LOOKS = 0.2
"""Seconds that everybody waits at least: who only looks is in the way for a moment."""
STOPPING = "the service is stopping: run the same again when it is back; what was reported as taken in is kept"


@contextmanager
def telling(folder: Path) -> Iterator[None]:
    """What the system refuses there, as DiskFull or another ArchiveError."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENOSPC:
            blame_the_disk(folder)
        raise ArchiveError(f"{folder} cannot be written ({error.strerror}): set DATELINE_DATA_DIR") from error


class Turns:
    """Of this process's threads and, with a folder, of all processes: a file there is locked by whoever writes, at most until it dies."""

    def __init__(self, folder: Path | None = None) -> None:
        self._file = folder / "writing.lock" if folder else None
        self._here = threading.Lock()

    @contextmanager
    def mine(self, patience: float = PATIENCE, given_up: Callable[[], bool] = lambda: False) -> Iterator[None]:
        """Wait for the turn, and have it. Raises ArchiveInUse where it does not come in so many seconds, Stopping where it is given up.

        ArchiveError where the file cannot be written."""
        until = time.monotonic() + max(patience, _LOOKS)
        lock = FileLock(self._file, thread_local=False) if self._file else None
        while not self._here.acquire(timeout=_pause(until)):
            _make_sure(until, given_up)
        try:
            while lock and not _taken(lock, _pause(until)):
                _make_sure(until, given_up)
            try:
                if given_up():
                    raise Stopping(STOPPING)
                yield
            finally:
                if lock:
                    lock.release()
        finally:
            self._here.release()

    def taken(self) -> bool:
        """Whether somebody has the turn now, in this process or another. Any number may look at once. Raises ArchiveError."""
        import fcntl  # not on Windows, where archives are not shared (`lock.SharedLock`)

        if self._here.locked() or self._file is None:
            return self._here.locked()
        with telling(self._file.parent):
            try:
                opened = os.open(self._file, os.O_RDONLY)
            except FileNotFoundError:
                return False
            try:
                fcntl.flock(opened, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
            finally:
                os.close(opened)
        return False

    def over_here(self, patience: float) -> bool:
        """Wait so many seconds until nobody in this process has the turn; false where somebody still has."""
        over = self._here.acquire(timeout=patience)
        if over:
            self._here.release()
        return over


def _make_sure(until: float, given_up: Callable[[], bool]) -> None:
    """That waiting still makes sense."""
    if given_up():
        raise Stopping(STOPPING)
    if time.monotonic() >= until:
        raise ArchiveInUse("others are writing into this archive (a `dateline ingest` or `watch`, or a service): try again later")


def _taken(lock: FileLock, seconds: float) -> bool:
    with telling(Path(lock.lock_file).parent):
        try:
            lock.acquire(timeout=seconds)
        except Timeout:
            return False
    return True


def _pause(until: float) -> float:
    return max(0.0, min(_STEP, until - time.monotonic()))
