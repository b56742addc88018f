"""`dateline serve` as a process of its own over an archive of made-up articles, with an encoder that needs no weights, or the real one."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from tests.integration.conftest import HASHED

ROOT = Path(__file__).parents[2]
REAL = "from service.cli import main; main()"
GRACE = 15.0
"""Seconds after which a process that was told to stop counts as hung."""


class Service:
    """A running process, its address, and what it has said so far."""

    def __init__(self, process: subprocess.Popen[str], folder: Path) -> None:
        self.process = process
        self.folder = folder
        self.said = ""
        self.url = ""
        self._heard = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def wait_for(self, pattern: str, seconds: float = 120) -> re.Match[str]:
        """Wait until standard error matches. Fails where the process ends before."""
        with self._heard:
            matched = lambda: re.search(pattern, self.said) or self.process.poll() is not None  # noqa: E731
            assert self._heard.wait_for(matched, seconds), self.said
            found = re.search(pattern, self.said)
            assert found, self.said
            return found

    def _read(self) -> None:
        """Keep the pipe from filling up, which would stop the process at its next word."""
        assert self.process.stderr is not None
        with self.process.stderr as errors:
            for line in errors:
                with self._heard:
                    self.said += line
                    self._heard.notify_all()
        with self._heard:
            self._heard.notify_all()

    def usage(self) -> tuple[float, int, int]:
        """Resident megabytes, open files, threads."""
        process = psutil.Process(self.process.pid)
        return process.memory_info().rss / 1e6, process.num_fds(), process.num_threads()

    def end(self) -> int:
        """Stop it as systemd would; the exit code."""
        self.process.terminate()
        return self.wait()

    def wait(self) -> int:
        """The exit code, once it has ended and everything it said was read."""
        self.process.wait(timeout=GRACE)
        self._reader.join(GRACE)
        return self.process.returncode


@contextmanager
def serving(folder: Path, *words: str, encoder: str = "hashing", **settings: object) -> Iterator[Service]:
    """Serve the archive below a folder on a free port, the sample taken in first, with `settings` by their names; killed at the end."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DATELINE_")}
    ours = {"data_dir": folder / "data", "model": "extractive", **settings}
    if encoder == "hashing":
        ours.setdefault("cache_dir", folder / "cache")
    environment = kept | {f"DATELINE_{name.upper()}": str(value) for name, value in ours.items()} | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", HASHED if encoder == "hashing" else REAL, "serve", "--port", "0", "--sample-if-empty", *words]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment, cwd=folder)
    service = Service(process, folder)
    try:
        service.url = service.wait_for(r"serves (http://\S+)/ ").group(1)
        yield service
    finally:
        if process.poll() is None:
            process.kill()
        service.wait()
