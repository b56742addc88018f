"""One process at a time: an advisory lock beside the index that names its holder."""

from __future__ import annotations

import os
from pathlib import Path

from filelock import FileLock, Timeout

from service.errors import ArchiveError, ArchiveInUse


class ProcessLock:
    """Held from `acquire` to `release`, and released by the system when the process dies."""

    def __init__(self, folder: Path) -> None:
        self._lock = FileLock(folder / "index.lock", thread_local=False)  # released by whichever thread closes
        self._holder = folder / "index.holder"

    def acquire(self) -> None:
        """Raises ArchiveInUse at once where another process holds it, naming its process id."""
        try:
            self._lock.acquire(timeout=0)
        except Timeout as error:
            raise ArchiveInUse(
                f"process {self.holder() or 'unknown'} holds the archive in {self._holder.parent}: stop it, "
                "or send articles to it with POST /v1/articles (one process writes the index at a time)"
            ) from error
        except OSError as error:
            raise ArchiveError(f"{self._holder.parent} cannot be written ({error.strerror}): set DATELINE_DATA_DIR") from error
        self._holder.write_text(f"{os.getpid()}\n")

    def holder(self) -> int | None:
        """The process id that last took the lock."""
        try:
            return int(self._holder.read_text())
        except (OSError, ValueError):
            return None

    def release(self) -> None:
        """Let another process in."""
        if self._lock.is_locked:
            self._holder.unlink(missing_ok=True)
            self._lock.release()
