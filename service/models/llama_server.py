"""The parent's side of the llama.cpp process: start it, notice that it died, start it again, give up for a while.

A crash by a request is possible in llama.cpp, so the model lives in a child process (`llama_child`), bound to loopback on a port that the
system chooses, behind a random key.
"""

from __future__ import annotations

import json
import logging
import os
import queue
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import IO

from service.errors import ModelError, ModelUnavailable
from service.models.gguf_header import require_chat_model
from service.telemetry import MODEL_BREAKER, MODEL_FAILURES, MODEL_STARTS, BreakerState

START_SECONDS = 180.0
"""A 1.1 GB model is ready in about 5 seconds from a warm disk; a cold network disk may take minutes."""

STEADY_SECONDS = 30.0
"""A process that dies sooner than this after its start counts as a failed start: a request may be crashing it."""

FAILURES_ALLOWED = 3
COOL_DOWN_SECONDS = 60.0
FIRST_PAUSE_SECONDS = 0.5

_log = logging.getLogger(__name__)


def cores() -> int:
    """CPU cores this process may use.

    As many threads as cores is right only while nothing else runs: llama.cpp's threads wait for each other at every layer. On two cores
    that other programs kept busy, the default model wrote 0.5 to 2 tokens a second with two threads and 8 to 15 with one.
    """
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class LlamaServer:
    """One llama.cpp process, started when first needed. Every method is safe to call from any thread.

    `find` returns the GGUF file, and may raise ModelError. `context` is in tokens for each of `slots` questions at a time;
    `max_tokens` bounds every generation, whatever a request asks for.
    """

    def __init__(
        self,
        find: Callable[[], Path],
        *,
        context: int = 4096,
        threads: int | None = None,
        slots: int = 1,
        max_tokens: int = 1024,
        alias: str = "local",
        start_seconds: float = START_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.api_key = secrets.token_urlsafe(32)
        self.alias = alias
        self._find = find
        self._settings = {
            "context": context * slots, "slots": slots, "max_tokens": max_tokens, "alias": alias, "port": 0,
            "threads": threads or cores(), "api_key": self.api_key,
        }  # fmt: skip
        self._start_seconds = start_seconds
        self._clock = clock
        self._lock = threading.RLock()
        self._process: subprocess.Popen[str] | None = None
        self._base_url: str | None = None
        self._errors: deque[str] = deque(maxlen=30)
        self._failures = 0
        self._last_failure = ""
        self._last_change = clock()
        self._stopped = threading.Event()
        self._wanted = False
        self._loading = False

    @property
    def base_url(self) -> str:
        """Where the OpenAI protocol is spoken, `http://127.0.0.1:PORT/v1`. Raises ModelUnavailable before the first start."""
        if self._base_url is None:
            raise ModelUnavailable("the local model is not running yet")
        return self._base_url

    @property
    def alive(self) -> bool:
        """True while the process runs."""
        process = self._process
        return process is not None and process.poll() is None

    @property
    def has_started(self) -> bool:
        """True once it was started, until it is stopped."""
        return self._wanted and not self._stopped.is_set()

    @property
    def is_loading(self) -> bool:
        """True while a process is on its way to be ready, which may take minutes."""
        return self._loading

    @property
    def pid(self) -> int | None:
        """The process id, for logs and tests."""
        return self._process.pid if self._process else None

    def ensure(self) -> str:
        """The base URL of a running process, started or restarted where needed; blocks while the model loads.

        After three failures in a row it raises ModelUnavailable at once until a minute has passed. A model that is not there or not
        fit raises its own ModelError.
        """
        with self._lock:
            if not self.alive:
                self._note_death()
                self._back_off()
                self.start()
            return self.base_url

    def recover(self) -> str:
        """As `ensure`, after a connection failed: a process that is just dying gets a second to be gone."""
        with self._lock:
            if self._process is not None:
                try:
                    self._process.wait(timeout=1.0)
                except subprocess.TimeoutExpired:
                    _log.warning("the local model's process %s runs but does not take connections", self.pid)
            return self.ensure()

    def start(self) -> None:
        """Spawn the process and wait until the model is loaded. Raises ModelUnavailable with the signal and its last words."""
        with self._lock:
            model = self._find()
            require_chat_model(model)
            self._stopped.clear()
            self._wanted = self._loading = True
            self._last_change = self._clock()
            try:
                self._base_url = self._spawn(model)
            except ModelUnavailable as error:
                self._failures, self._last_failure = self._failures + 1, str(error)
                MODEL_FAILURES.labels("start").inc()
                self._kill()
                raise
            finally:
                self._loading = False
                self._last_change = self._clock()
            MODEL_STARTS.inc()
            MODEL_BREAKER.labels(self.alias).set(BreakerState.CLOSED)
            _log.info("local model %s runs as process %s", self.alias, self.pid)

    def start_in_background(self) -> threading.Thread:
        """Start loading now, so that the first question need not wait. A failure is logged, and met again by the first question."""
        thread = threading.Thread(target=self._start_quietly, name="llama-start", daemon=True)
        thread.start()
        return thread

    def end(self) -> None:
        """Kill a process that hangs; what it was asked breaks off. The next `ensure` starts another and counts this one as failed."""
        process = self._process
        if process is not None:
            process.kill()
            process.wait()

    def stop(self) -> None:
        """Ask the process to end by closing its standard input; kill it where it does not within a second. It may be started again."""
        self._stopped.set()
        if self._loading and (loading := self._process):
            loading.kill()  # or whoever started it would hold the lock until the model is loaded
        with self._lock:
            process = self._process
            if process is None:
                return
            assert process.stdin is not None
            _close(process.stdin)
            try:
                process.wait(timeout=1.0)
            except subprocess.TimeoutExpired:
                _log.warning("the local model's process %s did not end by itself, killing it", process.pid)
            self._kill()

    def _start_quietly(self) -> None:
        try:
            self.ensure()
        except ModelError as error:
            _log.warning("the local model did not start: %s", error)

    def _spawn(self, model: Path) -> str:
        command = [sys.executable, "-m", "service.models.llama_child"]
        root = str(Path(__file__).resolve().parents[2])
        path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
        process = subprocess.Popen(  # noqa: S603 - our own module, no shell
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8", errors="replace",
            env={**os.environ, "PYTHONPATH": path}, start_new_session=True,  # Ctrl-C is for the parent, which then closes the pipe.
        )  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        self._process = process
        errors: deque[str] = deque(maxlen=30)
        self._errors = errors
        drain = threading.Thread(target=_drain, args=(process.stderr, errors), name="llama-stderr", daemon=True)
        drain.start()
        try:
            process.stdin.write(json.dumps({**self._settings, "model": str(model)}) + "\n")
            process.stdin.flush()
        except BrokenPipeError:
            _log.warning("the local model's process ended before it read its settings")
        line = _first_line(process.stdout, self._start_seconds)
        if line is None:
            raise ModelUnavailable(f"the local model was not ready after {self._start_seconds:.0f} seconds")
        answer = json.loads(line) if line.startswith("{") else {"ready": False, "error": ""}
        if answer["ready"]:
            return f"{answer['address']}/v1"
        process.wait(timeout=self._start_seconds)
        drain.join(timeout=1.0)
        raise ModelUnavailable(f"the local model did not start ({_ending(process.returncode)}): {answer['error'] or _tail(errors)}")

    def _note_death(self) -> None:
        """Log how a process that we had running ended; one that ran for long starts with a clean sheet.

        What it said last is not for everybody's eyes: it may be of a question.
        """
        if self._process is None:
            return
        lasted = self._clock() - self._last_change
        self._failures = self._failures + 1 if lasted < STEADY_SECONDS else 0
        self._last_failure = f"it died after {lasted:.0f} s: {_ending(self._process.returncode)}"
        MODEL_FAILURES.labels("died").inc()
        _log.warning("the local model died after %.0f s: %s", lasted, _ending(self._process.returncode))
        _log.debug("the last that the local model said: %s", _tail(self._errors))
        self._kill()
        self._last_change = self._clock()

    def _back_off(self) -> None:
        """Nothing before the first restart, then half a second, then one; after the third failure a refusal until a minute is over."""
        since = self._clock() - self._last_change
        if self._failures >= FAILURES_ALLOWED:
            if since < COOL_DOWN_SECONDS:
                MODEL_BREAKER.labels(self.alias).set(BreakerState.OPEN)
                raise ModelUnavailable(
                    f"the local model failed {self._failures} times in a row; the next try is in {COOL_DOWN_SECONDS - since:.0f} seconds. "
                    f"Last: {self._last_failure}. Check free memory, or set DATELINE_MODEL to a smaller one or to extractive."
                )
            self._failures = FAILURES_ALLOWED - 1
            MODEL_BREAKER.labels(self.alias).set(BreakerState.HALF_OPEN)
        elif self._failures > 1:
            self._stopped.wait(max(0.0, FIRST_PAUSE_SECONDS * 2 ** (self._failures - 2) - since))

    def _kill(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe:
                    _close(pipe)


def _close(pipe: IO[str]) -> None:
    try:
        pipe.close()
    except BrokenPipeError:
        _log.debug("unsent bytes to a process that is gone")


def _first_line(stream: IO[str], seconds: float) -> str | None:
    """The first line, empty at the end of the stream, or None where none came in time."""
    lines: queue.Queue[str] = queue.Queue()
    threading.Thread(target=lambda: lines.put(stream.readline()), name="llama-ready", daemon=True).start()
    try:
        return lines.get(timeout=seconds)
    except queue.Empty:
        return None


def _drain(stream: IO[str], into: deque[str]) -> None:
    """Keep the last lines, and keep the pipe from filling up, which would stop the process."""
    with stream:
        for line in stream:
            into.append(line.rstrip())


def _ending(code: int | None) -> str:
    if code is None:
        return "still running"
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"


def _tail(errors: deque[str]) -> str:
    return " | ".join(list(errors)[-3:]) or "it said nothing"
