"""One process that parses, seen from its parent: jobs in, articles out, nothing that waits longer than a deadline.

What it answers is checked for size and shape. The program is `parsing_child`.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from service.articles.raw import Raw

MAX_FRAME = 64 * 1024 * 1024
MAX_WEIGHT = 128 * 1024 * 1024
"""Bytes of JSON in a frame, and about how many bytes it may take as objects."""
NESTED_BYTES = 64
"""What an empty list or object takes in Python, and two bytes in JSON."""
NONSENSE = "the parser gave an answer that makes no sense: the file is damaged, or made to do harm"
TOO_MUCH = "the parser gave an answer that is too long: split the file"
_WRITE = 1024 * 1024
_KEPT = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PATH", "TZ")
_RAWS = TypeAdapter(list[Raw])


@dataclass(frozen=True, slots=True)
class Limits:
    """What a process may take: seconds for a file and for its own start, megabytes. And the module that it runs."""

    seconds: float
    memory_mb: int
    start_seconds: float
    program: str


class Failed(Exception):
    """The child could not parse the file, or broke down over it."""

    def __init__(self, reason: str, *, child_is_sound: bool = False) -> None:
        super().__init__(reason)
        self.child_is_sound = child_is_sound


class ParsingProcess:
    """One process, with pipes that never block longer than a deadline."""

    def __init__(self, limits: Limits, descriptor: int | None = None) -> None:
        self._limits = limits
        self._descriptor = descriptor
        root = str(Path(__file__).resolve().parents[2])
        path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
        one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "ARROW_IO_THREADS", "MALLOC_ARENA_MAX"), "1")
        self._process = subprocess.Popen(  # noqa: S603 - our own module, no shell
            [sys.executable, "-P", "-B", "-m", limits.program, str(limits.seconds), str(limits.memory_mb)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0, cwd="/",
            env={name: os.environ[name] for name in _KEPT if name in os.environ}
            | one_thread | {"PYTHONPATH": path, "PYTHONUTF8": "1", "ARROW_DEFAULT_MEMORY_POOL": "system"},
            pass_fds=() if descriptor is None else (descriptor,), start_new_session=True,  # Ctrl-C is for the parent
        )  # fmt: skip
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._in, self._out = self._process.stdin.fileno(), self._process.stdout.fileno()
        os.set_blocking(self._in, False)
        os.set_blocking(self._out, False)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """True while the process runs."""
        return self._process.poll() is None

    def send(self, job: Mapping[str, Any], data: bytes | None) -> None:
        """Give the child a job, and wait until it is ready to parse: it answers nothing before it has read all. Raises Failed."""
        deadline = time.monotonic() + self._limits.start_seconds
        late = f"cannot be parsed: the parser did not start within {self._limits.start_seconds:g} s"
        header = {"job": job, "descriptor": self._descriptor, "length": len(data or b"")}
        self._write(json.dumps(header).encode() + b"\n", deadline, late)
        self._write(data or b"", deadline, late)
        if self._frame(deadline, late) != b'{"ready": true}':
            raise Failed(NONSENSE)

    def articles(self, deadline: Callable[[], float]) -> Iterator[tuple[int, list[Raw]]]:
        """Lists of articles, each by the deadline that is asked for before it, and about how many bytes they take here. Raises Failed."""
        while True:
            frame = self._frame(deadline(), self._too_slow())
            if frame.startswith(b"["):
                weight = len(frame) + NESTED_BYTES * (frame.count(b"[") + frame.count(b"{"))
                yield weight, _checked(frame, weight)
            elif self._last(frame):
                return

    def stop(self) -> None:
        """Kill the process, which has nothing to save, and wait for its end."""
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()
        self._process.kill()
        self._process.wait()

    def _last(self, frame: bytes) -> bool:
        try:
            said = json.loads(frame)
        except (ValueError, RecursionError):
            said = None
        if said == {"done": True}:
            return True
        if said == {"memory": True}:
            raise Failed(self._too_much())
        reason = said.get("failed") if isinstance(said, dict) else None
        if isinstance(reason, str) and reason.isprintable() and len(reason) <= 1_000:
            raise Failed(reason, child_is_sound=True)
        raise Failed(NONSENSE)

    def _write(self, data: bytes, deadline: float, late: str) -> None:
        left = memoryview(data)
        while left:
            self._wait(self._in, select.POLLOUT, deadline, late)
            try:
                left = left[os.write(self._in, left[:_WRITE]) :]
            except BlockingIOError:
                continue
            except BrokenPipeError as error:
                raise Failed(self._ending()) from error

    def _frame(self, deadline: float, late: str) -> bytes:
        size = int.from_bytes(self._read(4, deadline, late), "big")
        if size > MAX_FRAME:
            raise Failed(TOO_MUCH)
        return self._read(size, deadline, late)

    def _read(self, size: int, deadline: float, late: str) -> bytes:
        data = bytearray()
        while len(data) < size:
            self._wait(self._out, select.POLLIN, deadline, late)
            try:
                chunk = os.read(self._out, min(size - len(data), _WRITE))
            except BlockingIOError:
                continue
            if not chunk:
                raise Failed(self._ending())
            data += chunk
        return bytes(data)

    def _wait(self, descriptor: int, event: int, deadline: float, late: str) -> None:
        """Until the pipe is ready; by poll, for select takes no descriptor above 1,023. Raises Failed with `late` at the deadline."""
        poll = select.poll()
        poll.register(descriptor, event)
        left = deadline - time.monotonic()
        if left <= 0 or not poll.poll(left * 1_000):
            raise Failed(late)

    def _ending(self) -> str:
        """Why the process ended by itself."""
        try:
            code = self._process.wait(timeout=5.0)
        except subprocess.TimeoutExpired:
            return "the parser stopped answering"
        if code == -signal.SIGXCPU:
            return self._too_slow()
        if code == -signal.SIGKILL:
            return "the system ended its parser, probably for want of memory"
        if code < 0:
            return f"broke its parser ({signal.Signals(-code).name}): the file is damaged, or made to do harm"
        return f"broke its parser (exit code {code}), or needs more than {self._limits.memory_mb} MB to parse (DATELINE_PARSE_MEMORY_MB)"

    def _too_slow(self) -> str:
        return f"took longer than {self._limits.seconds:g} s to parse (DATELINE_PARSE_SECONDS)"

    def _too_much(self) -> str:
        return f"needs more than {self._limits.memory_mb} MB to parse (DATELINE_PARSE_MEMORY_MB)"


def _checked(frame: bytes, weight: int) -> list[Raw]:
    """The articles in an answer. Raises Failed where it is not of the shape."""
    if weight > MAX_WEIGHT:
        raise Failed(TOO_MUCH)
    try:
        raws = _RAWS.validate_python(json.loads(frame))
    except (ValidationError, ValueError, RecursionError) as error:
        raise Failed(NONSENSE) from error
    if not all(raw.place.isprintable() and (raw.problem or "").isprintable() for raw in raws):
        raise Failed(NONSENSE)
    return raws
