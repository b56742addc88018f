"""A real Chroma server (`chroma run`) on loopback, which tests can kill, stop, let go on, and give another volume."""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2

CHROMA = Path(sys.executable).with_name("chroma")


class RunningChroma:
    """One server; its port stays the same over its deaths."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns when it answers."""
        command = [CHROMA, "run", "--path", self.path, "--host", "127.0.0.1", "--port", str(self.port)]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until = time.monotonic() + 60
        while not self.answers():
            assert self._process.poll() is None, "chroma run ended"
            assert time.monotonic() < until
            time.sleep(0.02)

    def answers(self) -> bool:
        """Whether it is there."""
        try:
            return httpx2.get(f"{self.url}/api/v2/heartbeat", timeout=5, trust_env=False).status_code == 200
        except httpx2.HTTPError:
            return False

    def kill(self) -> None:
        """As the system would."""
        assert self._process
        self._process.kill()
        self._process.wait(60)

    def stop(self) -> None:
        """It takes connections and answers nothing."""
        assert self._process
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """After a stop."""
        assert self._process
        self._process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        """End it, whatever state it is in."""
        if self._process and self._process.poll() is None:
            self.kill()


@contextmanager
def running_chroma(path: Path) -> Iterator[RunningChroma]:
    """The server, ended afterwards."""
    server = RunningChroma(path)
    try:
        server.start()
        yield server
    finally:
        server.close()
