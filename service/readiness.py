"""Readiness: which parts of the service are loading, ready or failed, and why."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from service.errors import DatelineError, ModelError, Stopping
from service.ports import Reranker

logger = logging.getLogger(__name__)
OPTIONAL = frozenset({"reranker", "disk"})
"""Parts without which every question is still answered: they are shown, and do not count. On a full disk nothing is taken in."""


def ready(parts: Mapping[str, Mapping[str, Any] | None]) -> bool:
    """Whether every part that counts is ready; a part that is None is switched off."""
    return all(part["ready"] for name, part in parts.items() if part and name not in OPTIONAL)


def not_ready(parts: Mapping[str, Mapping[str, Any] | None]) -> list[str]:
    """The names of the parts that are not, those that do not count among them."""
    return [name for name, part in parts.items() if part and not part["ready"]]


class Warmth:
    """Which parts are loading, ready or failed, and why. A part that was never loaded here counts as ready."""

    def __init__(self) -> None:
        self._states: dict[str, dict[str, Any]] = {}
        self._loading: threading.Thread | None = None

    @property
    def idle(self) -> bool:
        """Whether nothing is being loaded."""
        return self._loading is None or not self._loading.is_alive()

    def of(self, part: str) -> dict[str, Any]:
        """`ready`, `state` (loading, ready or failed) and, where it failed, the `reason`."""
        state = self._states.get(part, {"state": "ready"})
        return {"ready": state["state"] == "ready", **state}

    def load(self, loads: dict[str, Callable[[], object]]) -> threading.Thread:
        """Run these one after the other in a thread that does not hold up the end of the process."""
        for part in loads:
            if self._states.get(part, {}).get("state") != "failed":
                self._states[part] = {"state": "loading"}
        self._loading = threading.Thread(target=self._run, args=(loads,), name="warm-up", daemon=True)
        self._loading.start()
        return self._loading

    def note(self, part: str, error: Exception | None = None) -> None:
        """The part was just used: it is ready, or failed with this error. Only errors of ours are shown, for they are written for users."""
        if error is None:
            self._states[part] = {"state": "ready"}
        else:
            shown = str(error) if isinstance(error, DatelineError) else "see the service's log"
            self._states[part] = {"state": "failed", "reason": shown}

    def _run(self, loads: dict[str, Callable[[], object]]) -> None:
        for part, load_part in loads.items():
            try:
                load_part()
            except Stopping:
                return
            except DatelineError as error:
                logger.warning("the %s is not ready: %s", part, error)
                self.note(part, error)
            except Exception as error:
                logger.exception("the %s is not ready", part)
                self.note(part, error)
            else:
                self.note(part)


def seen(part: str, look: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What a look at the part shows, or why there is nothing to see."""
    try:
        return {"ready": True, **look()}
    except DatelineError as error:
        return {"ready": False, "reason": str(error)}
    except Exception:
        logger.exception("the %s is not ready", part)
        return {"ready": False, "reason": "see the service's log"}


class WatchedReranker:
    """`ports.Reranker` whose last call is what the readiness shows: a server may come and go, and questions are answered without it."""

    def __init__(self, reranker: Reranker, warmth: Warmth) -> None:
        self._reranker = reranker
        self._warmth = warmth

    @property
    def name(self) -> str:
        """The reranker's own."""
        return self._reranker.name

    def rerank(self, question: str, texts: Sequence[str]) -> list[float]:
        """The reranker's own scores and errors."""
        try:
            scores = self._reranker.rerank(question, texts)
        except ModelError as error:
            self._warmth.note("reranker", error)
            raise
        self._warmth.note("reranker")
        return scores
