"""Looks after the llama.cpp process between questions: one that died is started again, one that hangs is ended and started again."""

from __future__ import annotations

import logging
import threading

import httpx2

from service.errors import ModelError
from service.models.llama_server import LlamaServer

EVERY = 2.0
"""Seconds between two looks."""
PATIENCE = 3.0
"""Seconds that `/health` gets. It is answered by threads of its own, in milliseconds while all cores compute."""
MISSES = 2
"""Unanswered looks in a row after which the process counts as hanging."""
_log = logging.getLogger(__name__)


class LlamaWatch:
    """A thread that looks at a server that was started once. A context manager."""

    def __init__(self, server: LlamaServer, *, every: float = EVERY, patience: float = PATIENCE) -> None:
        self._server = server
        self._every = every
        self._patience = patience
        self._ended = threading.Event()
        self._misses = 0
        self._given_up = False
        self._thread = threading.Thread(target=self._watch, name="llama-watch", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """End it. A look that is under way is not waited for."""
        self._ended.set()

    def look(self) -> None:
        """One look, and what follows from it."""
        if not self._server.has_started or self._server.is_loading:
            return
        if self._server.alive and not self._answers():
            self._misses += 1
            if self._misses >= MISSES:
                _log.warning("the local model's process %s does not answer: it is ended", self._server.pid)
                self._server.end()
        else:
            self._misses = 0
        if not self._server.alive:
            self._misses = 0
            try:
                self._server.ensure()
                self._given_up = False
            except ModelError as error:
                if not self._given_up:  # once: the error counts down
                    _log.warning("the local model is not started again: %s", error)
                self._given_up = True

    def _answers(self) -> bool:
        url = f"{self._server.base_url.removesuffix('/v1')}/health"
        try:
            with httpx2.Client(timeout=self._patience, trust_env=False) as client:
                return client.get(url).is_success
        except httpx2.HTTPError:
            return False

    def _watch(self) -> None:
        while not self._ended.wait(self._every):
            try:
                self.look()
            except Exception:  # noqa: BLE001 - whatever it is, there is a next look
                _log.exception("a look at the local model failed")
