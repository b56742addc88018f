"""Who is served, who waits, and who is turned away at once: bounded queues, fair between keys, and a rate for each key.

Each kind of work has a door with so many slots and so many places to wait in front of it. Where those are taken, a caller is refused before
its body is read, with a guess at when to come again. A free slot goes to the key that has the fewest of them, and among those in turn, so
that one key that asks without a pause does not keep another from being answered; nor may one key take the last quarter of the places.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter, deque
from collections.abc import Callable
from types import TracebackType
from typing import Self

from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from service.errors import Overloaded, Stopping, TooManyRequests
from service.settings import Settings
from service.telemetry import IN_FLIGHT, QUEUED, REFUSALS

STOPPING = "the service is stopping: ask again when it is back"
LONGEST = 60
"""Seconds of `Retry-After` at most: the guess is a coarse one."""
TYPICAL = {"ask": 10.0, "search": 0.1, "read": 0.05, "ingest": 5.0}
"""Seconds of one piece of work before any was seen: the default model on two cores, and the sample archive."""
_NEWEST = 0.2
"""Weight of the newest in the running mean of durations."""
_SLOTS_READING, _QUEUE_READING = 16, 128
"""Fewer than the forty threads that plain routes share, and what they clear in a second or two."""


class Door:
    """One kind of work. All methods belong to one event loop."""

    def __init__(
        self, name: str, *, slots: int, queue: int, patience: float, rate: str = "", clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`slots` at a time, `queue` waiting, each at most `patience` seconds; `rate` a key, such as `60/minute`, or empty."""
        self.name = name
        self._slots, self._queue, self._patience = slots, queue, patience
        self._rate = parse(rate) if rate else None
        self._clock = clock
        self._waiting: dict[str, deque[Place]] = {}
        self._served: Counter[str] = Counter()
        self._typical = TYPICAL.get(name, 1.0)
        self._closed = False

    @property
    def in_flight(self) -> int:
        """How many are served now."""
        return self._served.total()

    @property
    def waiting(self) -> int:
        """How many wait."""
        return sum(map(len, self._waiting.values()))

    def refuse_if_full(self, owner: str) -> None:
        """Raises Overloaded, TooManyRequests or Stopping where `enter` would."""
        if self._closed:
            raise Stopping(STOPPING)
        if self.in_flight < self._slots:
            return
        waiting = self.waiting
        if waiting >= self._queue:
            REFUSALS.labels(self.name, "queue").inc()
            raise Overloaded(f"the service is busy ({self.in_flight} served, {waiting} waiting): try again shortly", self._guess())
        if owner and len(self._waiting.get(owner, ())) >= self._queue - self._queue // 4:
            REFUSALS.labels(self.name, "queue").inc()
            raise TooManyRequests(f"{waiting} requests of this key wait already; try again shortly", self._guess())

    def refuse_if_fast(self, owner: str, limiter: MovingWindowRateLimiter) -> None:
        """Count a request of a key. Raises TooManyRequests beyond the rate. Without keys nothing is counted: it is one person's."""
        if not owner or self._rate is None or limiter.hit(self._rate, self.name, owner):
            return
        REFUSALS.labels(self.name, "rate").inc()
        free = limiter.get_window_stats(self._rate, self.name, owner).reset_time
        raise TooManyRequests(f"this key has used up its {self._rate} for this", min(LONGEST, max(1, math.ceil(free - time.time()))))

    def enter(self, owner: str) -> Place:
        """A place, to be left whatever happens. Raises Overloaded, TooManyRequests or Stopping."""
        self.refuse_if_full(owner)
        place = Place(self, owner)
        self._waiting.setdefault(owner, deque()).append(place)
        self._admit()
        return place

    def _tell(self) -> None:
        IN_FLIGHT.labels(self.name).set(self.in_flight)
        QUEUED.labels(self.name).set(self.waiting)

    def close(self) -> None:
        """Take nobody on any more. Those who wait are told so; those who are served are not touched."""
        self._closed = True
        while self._waiting:
            for place in self._waiting.popitem()[1]:
                place.refuse(Stopping(STOPPING))
        self._tell()

    def ahead(self, place: Place) -> int:
        """How many wait before this one, if each key were served in turn."""
        behind = self._waiting.get(place.owner, deque())
        before = behind.index(place) if place in behind else 0
        return sum(min(len(places), before + (owner != place.owner)) for owner, places in self._waiting.items())

    def left(self, place: Place, served: float | None) -> None:
        """A place is free again; `served` is how long it had a slot, in seconds, or None."""
        if served is None:
            places = self._waiting.get(place.owner, deque())
            if place in places:
                places.remove(place)
                if not places:
                    del self._waiting[place.owner]
            self._tell()
            return
        self._typical += _NEWEST * (served - self._typical)
        self._served[place.owner] -= 1
        if not self._served[place.owner]:
            del self._served[place.owner]
        self._admit()

    def _admit(self) -> None:
        while self._waiting and self.in_flight < self._slots:
            owner = min(self._waiting, key=lambda one: self._served[one])
            places = self._waiting.pop(owner)
            place = places.popleft()
            if places:
                self._waiting[owner] = places  # at the end of the turn
            self._served[owner] += 1
            place.serve(self._clock())
        self._tell()

    def _guess(self) -> int:
        return min(LONGEST, max(1, math.ceil((self.waiting + 1) * self._typical / self._slots)))

    @property
    def patience(self) -> float:
        """Seconds that one may wait."""
        return self._patience

    def now(self) -> float:
        """Seconds of the door's clock."""
        return self._clock()


class Place:
    """One caller at a door: waiting, then served, then gone. An async context manager: entering waits for the turn, leaving leaves."""

    def __init__(self, door: Door, owner: str) -> None:
        self.owner = owner
        self._door = door
        self._turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._since: float | None = None
        self._gone = False

    @property
    def ahead(self) -> int | None:
        """How many wait before this one; None once it is served."""
        return None if self._turn.done() else self._door.ahead(self)

    def serve(self, now: float) -> None:
        """It is this one's turn."""
        self._since = now
        if not self._turn.done():
            self._turn.set_result(None)

    def refuse(self, error: Exception) -> None:
        """There will be no turn."""
        if not self._turn.done():
            self._turn.set_exception(error)
            self._turn.exception()  # who never asks is not warned about

    def leave(self) -> None:
        """Give the place up, or the slot; a second time is nothing."""
        if not self._gone:
            self._gone = True
            self._door.left(self, None if self._since is None else self._door.now() - self._since)

    async def __aenter__(self) -> Self:
        """Raises Overloaded after waiting too long, Stopping where the door was closed meanwhile."""
        try:
            async with asyncio.timeout(self._door.patience):
                await asyncio.shield(self._turn)
        except TimeoutError as error:
            self.leave()
            REFUSALS.labels(self._door.name, "deadline").inc()
            raise Overloaded(f"the service is busy: no turn within {self._door.patience:g} seconds; try again shortly", LONGEST) from error
        except BaseException:
            self.leave()
            raise
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.leave()


class Doors:
    """The doors of one service, and the rates of its keys. Each process of several has its own."""

    def __init__(self, settings: Settings) -> None:
        patience = settings.queue_seconds
        self.ask = Door("ask", slots=settings.ask_slots, queue=settings.ask_queue, patience=patience, rate=settings.ask_rate)
        self.search = Door("search", slots=settings.search_slots, queue=settings.search_queue, patience=patience, rate=settings.search_rate)
        self.read = Door("read", slots=_SLOTS_READING, queue=_QUEUE_READING, patience=patience, rate=settings.read_rate)
        self.ingest = Door("ingest", slots=1, queue=settings.ingest_queue, patience=settings.ingest_queue_seconds)
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self.closed = asyncio.Event()

    def glance(self, name: str, owner: str) -> Door:
        """The door of that name, before anything is read. Raises Overloaded, TooManyRequests or Stopping."""
        door: Door = getattr(self, name)
        door.refuse_if_full(owner)
        door.refuse_if_fast(owner, self._limiter)
        return door

    def close(self) -> None:
        """Take nobody on any more, and tell those who wait."""
        for door in (self.ask, self.search, self.read, self.ingest):
            door.close()
        self.closed.set()
