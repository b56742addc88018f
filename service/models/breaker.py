"""A circuit breaker (Nygard, Release It!, 2007) before a language model: after some failures in a row it is not asked for a while.

purgatory, the one breaker for asyncio that is kept, lets every caller through when the while is over and counts a reader who leaves as a
failure of the model.
"""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing, contextmanager

from service.errors import ModelError, ModelRefused, ModelUnavailable
from service.ports import Generator, Piece, Prompt
from service.telemetry import MODEL_BREAKER, BreakerState

FAILURES = 5
"""In a row."""
OPEN_SECONDS = 30.0
_log = logging.getLogger(__name__)


class Breaker:
    """Counts failures in a row. Open after too many, then half open: one call decides for all. Belongs to one event loop."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, *, failures: int = FAILURES, seconds: float = OPEN_SECONDS) -> None:
        self._clock = clock
        self._allowed = failures
        self._seconds = seconds
        self._failures = 0
        self._opened: float | None = None
        self._trying = False

    @property
    def state(self) -> BreakerState:
        """Closed, open or half-open."""
        if self._opened is None:
            return BreakerState.CLOSED
        waits = self._trying or self._clock() - self._opened < self._seconds
        return BreakerState.OPEN if waits else BreakerState.HALF_OPEN

    @contextmanager
    def guarding(self, name: str) -> Iterator[None]:
        """One call. Raises ModelUnavailable instead of making it while the breaker is open, and passes on what the call raises."""
        trial = self._begin(name)
        try:
            yield
        except ModelRefused:
            self._succeeded()  # it is there, and does not want this
            raise
        except ModelError:
            self._failed(name)
            raise
        else:
            self._succeeded()
        finally:
            self._trying = self._trying and not trial  # one that nobody waited for decides nothing

    def _begin(self, name: str) -> bool:
        """Whether it is the call that decides."""
        if self._opened is None:
            return False
        left = self._seconds - (self._clock() - self._opened)
        if left > 0 or self._trying:
            when = f"in {max(1, round(left))} seconds" if left > 0 else "under way"
            raise ModelUnavailable(f"{name} failed {self._failures} times in a row; the next try is {when}")
        self._trying = True
        return True

    def _succeeded(self) -> None:
        self._failures, self._opened = 0, None

    def _failed(self, name: str) -> None:
        self._failures += 1
        if self._failures >= self._allowed:
            if self._opened is None:
                _log.warning("%s failed %d times in a row and is not asked for %g seconds", name, self._failures, self._seconds)
            self._opened = self._clock()


class GuardedGenerator:
    """`ports.Generator` behind two breakers, one for each kind of call: a server may judge well and break off whenever it writes."""

    def __init__(self, generator: Generator, clock: Callable[[], float] = time.monotonic) -> None:
        self._generator = generator
        self._writing, self._judging = Breaker(clock), Breaker(clock)

    @property
    def name(self) -> str:
        """The generator's own."""
        return self._generator.name

    @property
    def state(self) -> BreakerState:
        """That of the breaker that is worse off."""
        return max(self._writing.state, self._judging.state)

    async def stream(self, prompt: Prompt) -> AsyncGenerator[Piece, None]:
        """The generator's pieces. Raises ModelUnavailable at once while the breaker is open. Read to its end it counts as answered."""
        with self._told(), self._writing.guarding(self.name):
            async with aclosing(self._generator.stream(prompt)) as pieces:
                async for piece in pieces:
                    yield piece

    async def first_token_logprobs(self, prompt: Prompt) -> dict[str, float]:
        """The generator's own. Raises ModelUnavailable at once while the breaker is open."""
        with self._told(), self._judging.guarding(self.name):
            return await self._generator.first_token_logprobs(prompt)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """What became of the breakers is among the metrics."""
        try:
            yield
        finally:
            MODEL_BREAKER.labels(self.name).set(self.state)
