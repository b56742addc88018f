"""The parent's side of parsing in a process of its own, limited in time and memory: what a hostile file can reach is that process.

The child (`parsing_child`) gets bytes through a pipe and answers in JSON, never pickle; what it answers is checked for size and shape. It
writes no file, inherits no descriptor and only a handful of environment variables, so no key. That guards against crashes, endless loops
and memory, and against what a parser would do by mistake. It is no wall against code: a file that takes the parser over can read what this
user can read and use the network, and make articles up; only the system can keep it from that (a container, a user of its own).

On Linux memory is bounded by the kernel (RLIMIT_DATA, RLIMIT_AS). macOS does not hold to either, so there only time is bounded.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from service.articles.parsing_process import MAX_WEIGHT, Failed, Limits, ParsingProcess
from service.articles.raw import Raw
from service.errors import BadArticle

PROGRAM = "service.articles.parsing_child"
START_SECONDS = 60.0
"""For starting Python and importing a parser: 0.2 to 0.6 seconds on an idle machine."""
JOBS = 200
"""Jobs after which a process makes way for a fresh one: parsers keep caches, and memory that is full is the next file's problem."""


class Sandbox:
    """Parses untrusted bytes in a child process, started when first needed. Every method is safe to call from any thread.

    `seconds` is what one file may take, `memory_mb` what the process may use. A context manager; closing ends the process.
    """

    def __init__(self, seconds: float, memory_mb: int, *, start_seconds: float = START_SECONDS, program: str = PROGRAM) -> None:
        self._limits = Limits(seconds, memory_mb, start_seconds, program)
        self._lock = threading.Lock()
        self._child: ParsingProcess | None = None
        self._jobs = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    @property
    def pid(self) -> int | None:
        """The process that waits for the next file, if one runs; for tests."""
        child = self._child
        return child.pid if child else None

    def parse(
        self,
        kind: str,
        data: bytes,
        *,
        name: str = "",
        url: str | None = None,
        content_type: str = "",
        options: Mapping[str, Any] | None = None,
    ) -> list[Raw]:
        """Every article in the bytes; kinds and options as in `parsing.parse`. What was passed over is a Raw, too.

        Raises BadArticle, also where the process ran out of time or memory or broke down; the next file then gets a fresh one.
        """
        job = {"kind": kind, "name": name, "url": url, "content_type": content_type, **(options or {})}
        with self._lock:
            child = self._ready_child()
            whole = False
            try:
                child.send(job, data)
                found: list[Raw] = []
                total = 0
                deadline = time.monotonic() + self._limits.seconds
                for weight, raws in child.articles(lambda: deadline):
                    total += weight
                    if total > MAX_WEIGHT:
                        raise BadArticle(f"holds articles of more than {MAX_WEIGHT:,} bytes: split it")
                    found += raws
                whole = True
            except Failed as failed:
                whole = failed.child_is_sound
                raise BadArticle(str(failed)) from failed
            finally:
                if not whole:
                    self._stop()
            return found

    def stream(
        self,
        kind: str,
        path: Path,
        *,
        name: str = "",
        url: str | None = None,
        content_type: str = "",
        options: Mapping[str, Any] | None = None,
    ) -> Iterator[Raw]:
        """Each article of a file as it is parsed, in a process of its own that reads the file itself: for what may be larger than memory.

        The time limit is for every next article rather than for the file. Raises BadArticle as `parse` does, after the articles before, and
        OSError where the file cannot be opened. Closing the iterator ends the process.
        """
        job = {"kind": kind, "name": name or path.name, "url": url, "content_type": content_type, **(options or {})}
        with path.open("rb") as file:
            child = ParsingProcess(self._limits, file.fileno())
        try:
            child.send(job, None)
            for _, raws in child.articles(lambda: time.monotonic() + self._limits.seconds):
                yield from raws
        except Failed as failed:
            raise BadArticle(str(failed)) from failed
        finally:
            child.stop()

    def close(self) -> None:
        """End the process. The next file would start another."""
        with self._lock:
            self._stop()

    def _ready_child(self) -> ParsingProcess:
        if self._child and (self._jobs >= JOBS or not self._child.alive):
            self._stop()
        if self._child is None:
            self._child, self._jobs = ParsingProcess(self._limits), 0
        self._jobs += 1
        return self._child

    def _stop(self) -> None:
        child, self._child = self._child, None
        if child:
            child.stop()
