"""Who may open the archive: an advisory lock beside the index, and a note of who holds it and where it can be reached.

With embedded Chroma one process holds it alone; with a Chroma server any number share it, and take turns at writing (`turns`).
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from service.errors import ArchiveError, ArchiveInUse
from service.storage import durable
from service.storage.space import blame_the_disk

_LARGEST = 1000
"""Bytes of the note that are read."""
_LOOKS = 0.2
"""Seconds after which one who holds the lock alone does more than look."""


@dataclass(frozen=True, slots=True)
class Holder:
    """The process that holds the lock, and the address of its service where it is one."""

    pid: int
    url: str | None = None


class _Note(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")
    pid: Annotated[int, Field(gt=0, lt=2**31)]
    url: Annotated[str, Field(max_length=500)] | None


class ProcessLock:
    """Held from `acquire` to `release`, and released by the system when the process dies."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = FileLock(folder / "index.lock", thread_local=False)  # released by whichever thread closes
        self._note = folder / "index.holder"

    def acquire(self, otherwise: str | None = None) -> None:
        """Raises ArchiveInUse at once where another process holds it, naming its process id and what to do; else ArchiveError.

        `otherwise` is what to do, where that is not to wait or to go through the service.
        """
        try:
            self._take()
            self._sign()
        except Timeout as error:
            raise self._refusal(otherwise) from error
        except BaseException as error:
            self.release()
            if not isinstance(error, OSError):
                raise
            if error.errno == errno.ENOSPC:
                blame_the_disk(self._folder)
            raise ArchiveError(f"{self._folder} cannot be written ({error.strerror}): set DATELINE_DATA_DIR") from error

    def look(self) -> None:
        """Take it and let it go, without a trace: what `acquire` would raise is raised before anything heavy is loaded."""
        if self._folder.is_dir():
            try:
                self._take()
            except Timeout as error:
                raise self._refusal() from error
            except OSError:
                return  # `acquire` says what the matter is
            self._let_go()

    def announce(self, url: str) -> None:
        """Leave the address at which this process serves the archive. Raises ArchiveError where it does not hold the lock."""
        if not self._held:
            raise ArchiveError(f"this process does not hold the archive in {self._folder}")
        try:
            self._tell(url)
        except OSError as error:
            raise ArchiveError(f"{self._folder} cannot be written ({error.strerror}): set DATELINE_DATA_DIR") from error

    def holder(self) -> Holder | None:
        """Who last took the lock; None where there is no note, it is not one of ours, or its process is gone."""
        try:
            note = _Note.model_validate_json(_read(self._note))
        except (OSError, ValidationError):
            return None
        if not _is_alive(note.pid) or not (note.url is None or _is_address(note.url)):
            return None
        return Holder(note.pid, note.url)

    def release(self) -> None:
        """Let another process in."""
        if self._held:
            with suppress(OSError):  # a note that stays names a process that soon is none
                self._withdraw()
            self._let_go()

    @property
    def _held(self) -> bool:
        return self._lock.is_locked

    def _take(self) -> None:
        """Raises Timeout or OSError."""
        self._lock.acquire(timeout=0)

    def _let_go(self) -> None:
        self._lock.release()

    def _sign(self) -> None:
        self._tell(None)

    def _withdraw(self) -> None:
        self._note.unlink(missing_ok=True)

    def _tell(self, url: str | None) -> None:
        durable.write(self._note, _Note(pid=os.getpid(), url=url).model_dump_json().encode())

    def _refusal(self, otherwise: str | None = None) -> ArchiveInUse:
        holder = self.holder()
        held = f"process {holder.pid if holder else 'unknown'} holds the archive in {self._folder}"
        if holder and holder.url:
            what = otherwise or "run `dateline ingest`, which goes through it, or stop it"
            return ArchiveInUse(f"{held} and serves it at {holder.url}: {what}", holder.url)
        what = otherwise or "wait until it is done, or stop it (one process writes the index at a time)"
        return ArchiveInUse(f"{held}, probably a running `dateline ingest` or `watch`: {what}")


class SharedLock(ProcessLock):
    """The same lock, held by any number of processes beside each other, and by none while one holds it alone.

    The note names the one that came first, or announced an address last.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._file = folder / "index.lock"
        self._opened: int | None = None

    @property
    def _held(self) -> bool:
        return self._opened is not None

    def _take(self) -> None:
        import fcntl  # not on Windows, where filelock has no shared lock either

        opened = os.open(self._file, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            for attempt in Retrying(  # whoever only looks holds it for a moment
                retry=retry_if_exception_type(BlockingIOError), stop=stop_after_delay(_LOOKS), wait=wait_fixed(0.01), reraise=True
            ):
                with attempt:
                    fcntl.flock(opened, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BaseException as error:
            os.close(opened)
            if isinstance(error, BlockingIOError):
                raise Timeout(str(self._file)) from error
            raise
        self._opened = opened

    def _let_go(self) -> None:
        opened, self._opened = self._opened, None
        if opened is not None:
            os.close(opened)

    def _sign(self) -> None:
        if self.holder() is None:
            self._tell(None)

    def _withdraw(self) -> None:
        holder = self.holder()
        if holder and holder.pid == os.getpid():
            super()._withdraw()


def _read(file: Path) -> bytes:
    """The start of a plain file. Raises OSError for a link and for what one would wait at, such as a pipe."""
    opened = os.open(file, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    try:
        if not stat.S_ISREG(os.fstat(opened).st_mode):
            raise OSError(errno.EINVAL, "no plain file")
        return os.read(opened, _LARGEST)
    finally:
        os.close(opened)


def _is_alive(pid: int) -> bool:
    """Whether a process of that id runs; taken for granted where asking would end it (Windows)."""
    if os.name != "posix":
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _is_address(url: str) -> bool:
    """Whether it is a plain `http(s)://host[:port][/path]`: articles and a key are sent there."""
    if not url.isascii() or not url.isprintable() or set(url) & set(' "<>\\^`{|}'):
        return False
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0 and "@" not in parts.netloc
    except ValueError:
        return False
