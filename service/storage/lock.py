"""One process at a time: an advisory lock beside the index, and a note of who holds it and where it can be reached."""

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

from service.errors import ArchiveError, ArchiveInUse
from service.storage import durable
from service.storage.space import blame_the_disk

_LARGEST = 1000
"""Bytes of the note that are read."""


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
            self._lock.acquire(timeout=0)
            self._tell(None)
        except Timeout as error:
            raise self._refusal(otherwise) from error
        except BaseException as error:
            self.release()
            if not isinstance(error, OSError):
                raise
            if error.errno == errno.ENOSPC:
                blame_the_disk(self._folder)
            raise ArchiveError(f"{self._folder} cannot be written ({error.strerror}): set DATELINE_DATA_DIR") from error

    def announce(self, url: str) -> None:
        """Leave the address at which this process serves the archive. Raises ArchiveError where it does not hold the lock."""
        if not self._lock.is_locked:
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
        if self._lock.is_locked:
            with suppress(OSError):  # a note that stays names a process that soon is none
                self._note.unlink(missing_ok=True)
            self._lock.release()

    def _tell(self, url: str | None) -> None:
        durable.write(self._note, _Note(pid=os.getpid(), url=url).model_dump_json().encode())

    def _refusal(self, otherwise: str | None) -> ArchiveInUse:
        holder = self.holder()
        held = f"process {holder.pid if holder else 'unknown'} holds the archive in {self._folder}"
        if holder and holder.url:
            what = otherwise or "run `dateline ingest`, which goes through it, or stop it"
            return ArchiveInUse(f"{held} and serves it at {holder.url}: {what}", holder.url)
        what = otherwise or "wait until it is done, or stop it (one process writes the index at a time)"
        return ArchiveInUse(f"{held}, probably a running `dateline ingest` or `watch`: {what}")


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
