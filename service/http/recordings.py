"""Streams as they were sent, kept a while, so that a reader who lost the connection can go on where it broke off.

A stream has one worker, which asks, and any number of readers. The last reader who leaves stops the worker, and the model with it. A reader
who comes back is given what it missed; where the worker was stopped the same question is asked again, under the same ids and for the same
moment. Drafts are deterministic, so what was recorded is expected to come again and is not sent twice; where something else comes,
a `restart` event says that what came before is void.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import anyio

from service.answering.ask import Answerer
from service.answering.request import AskRequest, Event, new_id
from service.errors import BadQuestion, NotFound, Overloaded, Stopping
from service.http import problems
from service.http.admission import STOPPING, Door, Place
from service.wire import answer_out, event_out

BACKLOG = 64
"""Events that the foremost reader may be behind; after that the model waits."""
KEPT = 64
"""Streams that nobody reads and that are kept; beyond that the oldest goes."""
KEPT_SECONDS = 300
"""How long a stream is kept that nobody reads."""
RESTART = "restart"
QUEUED = "queued"
"""Sent to whoever has to wait, and not kept: how many are ahead."""
_ENDS = frozenset({"final", "error"})


@dataclass(frozen=True, slots=True)
class Sent:
    """An event as it goes over the wire. `id` is the stream's, a colon and the event's number from 1; empty for one that is not kept."""

    id: str
    name: str
    data: str


class Recording:
    """One stream. All methods belong to one event loop."""

    def __init__(
        self, answerer: Answerer, asked: AskRequest, now: datetime, *, debug: bool, door: Door, place: Place | None = None
    ) -> None:
        """`asked` is the request as it came; its moment and ids are settled here, so that it can be asked again.

        `place` is one that the asker has at the door already; where the question is asked again it takes another.
        """
        self.asked = asked
        self.debug = debug
        moment = asked.asked_at or now
        self._request = replace(asked, asked_at=moment, answer_id=new_id("ans"), new_conversation_id=new_id("con"))
        self._answerer = answerer
        self._events: list[tuple[str, str]] = []
        self._places: dict[int, int] = {}
        self._numbers = itertools.count()
        self._changed = asyncio.Condition()
        self._worker: asyncio.Task[None] | None = None
        self._door = door
        self._place = place
        self._expected: list[tuple[str, str]] = []
        self._came: list[tuple[str, str]] = []

    @property
    def id(self) -> str:
        """The answer's id."""
        return self._request.answer_id

    @property
    def conversation_id(self) -> str:
        """That of the conversation it is a turn of."""
        return self._request.conversation_id or self._request.new_conversation_id

    @property
    def is_read(self) -> bool:
        """Whether anybody reads it now."""
        return bool(self._places)

    @property
    def has_ended(self) -> bool:
        """Whether its last event is there."""
        return bool(self._events) and self._events[-1][0] in _ENDS

    def count(self) -> int:
        """How many events there are so far."""
        return len(self._events)

    def admit(self) -> None:
        """See to it that there is a place where the question is to be asked. Raises Overloaded or Stopping."""
        if self._place is None and self._worker is None and not self.has_ended:
            self._place = self._door.enter(self.asked.owner)

    def rest(self) -> None:
        """Give up a place that nobody reads from."""
        if not self._places and self._worker is None and self._place:
            self._place.leave()
            self._place = None

    async def read(self, after: int = 0, stopping: anyio.Event | None = None) -> AsyncGenerator[Sent, None]:
        """The events after that number up to the last. Leaving stops the model where nobody else reads.

        Once `stopping` is set, what has not been sent is dropped for an `error`.
        """
        reader = next(self._numbers)
        self._places[reader] = after
        watcher = asyncio.create_task(self._wake(stopping)) if stopping else None
        try:
            if self._worker is None and not self.has_ended:
                try:
                    self._begin()
                except (Overloaded, Stopping) as error:  # the headers have gone out
                    yield Sent("", "error", json.dumps(problems.describe(error)))
                    return
            if self._place and (ahead := self._place.ahead) is not None:
                yield Sent("", QUEUED, json.dumps({"ahead": ahead}))
            while True:
                async with self._changed:
                    await self._changed.wait_for(lambda: len(self._events) > self._places[reader] or _is_set(stopping))
                if _is_set(stopping):
                    yield Sent("", "error", json.dumps(problems.body(503, STOPPING)))
                    return
                place = self._places[reader]
                name, data = self._events[place]
                yield Sent(f"{self.id}:{place + 1}", name, data)
                if name in _ENDS and place + 1 == len(self._events):
                    return
                self._places[reader] = place + 1
                async with self._changed:
                    self._changed.notify_all()
        finally:
            del self._places[reader]
            if watcher:
                watcher.cancel()
            if not self._places:
                await self._stop()

    def _begin(self) -> None:
        """Ask; what is recorded already is expected to come again."""
        last = max((place for place, (name, _) in enumerate(self._events, 1) if name == RESTART), default=0)
        self._expected, self._came = self._events[last:], []
        self.admit()
        assert self._place is not None
        self._worker = asyncio.create_task(self._work(self._place))

    async def _stop(self) -> None:
        # Together: who comes back while the worker is being let go takes a place of its own.
        worker, place, self._worker, self._place = self._worker, self._place, None, None
        if worker and worker.cancel():
            with suppress(asyncio.CancelledError):
                await asyncio.wait({worker})
        if place:
            place.leave()

    async def _work(self, place: Place) -> None:
        async def emit(event: Event) -> None:
            name, data = event_out(event)
            await self._add(name, data)

        try:
            async with place:
                answer = await self._answerer.ask(self._request, emit)
            await self._add("final", answer_out(answer, debug=self.debug).model_dump(mode="json", by_alias=True))
        except Exception as error:  # noqa: BLE001 - becomes the one terminal event
            await self._add("error", problems.describe(error))

    async def _add(self, name: str, data: Any) -> None:
        """Record an event, once the foremost reader is near."""
        event = (name, json.dumps(data, ensure_ascii=False))
        if self._expected:
            if event == self._expected[0]:
                self._came.append(self._expected.pop(0))
                return
            self._expected = []
            for one in ((RESTART, "{}"), *self._came):
                await self._append(one)
        await self._append(event)

    async def _append(self, event: tuple[str, str]) -> None:
        async with self._changed:
            await self._changed.wait_for(lambda: len(self._events) - max(self._places.values(), default=0) < BACKLOG)
            self._events.append(event)
            self._changed.notify_all()

    async def _wake(self, stopping: anyio.Event) -> None:
        await stopping.wait()
        async with self._changed:
            self._changed.notify_all()


def _is_set(stopping: anyio.Event | None) -> bool:
    return stopping is not None and stopping.is_set()


class Recordings:
    """The streams of one service: those that run, and the last that ran."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` tells seconds."""
        self._clock = clock
        self._kept: dict[str, tuple[Recording, float]] = {}

    def begin(
        self, answerer: Answerer, asked: AskRequest, now: datetime, *, debug: bool, door: Door, place: Place | None = None
    ) -> Recording:
        """A new stream, which runs once it is read, in the turn of its place."""
        recording = Recording(answerer, asked, now, debug=debug, door=door, place=place)
        self._kept[recording.id] = (recording, self._clock())
        self._tidy()
        return recording

    def resume(self, last_event_id: str, owner: str, asked: AskRequest | None = None) -> tuple[Recording, int]:
        """The stream of an event and that event's number. A stream's id alone stands for its beginning.

        Raises NotFound for one that is not kept or not the owner's, BadQuestion for an id that is none or that is of another question.
        """
        name, _, number = last_event_id.partition(":")
        if not number.isascii() or (number and not number.isdecimal()) or len(number) > 9:
            raise BadQuestion("Last-Event-ID: send the `id` of an event of this service, such as ans_…:7")
        self._tidy()
        recording, _ = self._kept.get(name, (None, 0.0))
        place = int(number or 0)
        if recording is None or recording.asked.owner != owner or place > recording.count():
            raise NotFound("this stream is not kept any more: ask again without Last-Event-ID")
        if asked is not None and asked != recording.asked:
            raise BadQuestion("Last-Event-ID: that stream answers another question: ask this one without it")
        self._kept[name] = (recording, self._clock())
        return recording, place

    def forget(self, owner: str, conversation_ids: list[str]) -> None:
        """Keep no stream of these conversations; one that is read now goes on to its end."""
        gone = set(conversation_ids)
        for name, (recording, _) in list(self._kept.items()):
            if recording.asked.owner == owner and recording.conversation_id in gone:
                del self._kept[name]

    def _tidy(self) -> None:
        """Time runs, and places count, for what nobody reads."""
        now = self._clock()
        for name, (recording, _) in list(self._kept.items()):
            if recording.is_read:
                self._kept[name] = (recording, now)
        idle = [name for name, (recording, _) in self._kept.items() if not recording.is_read]
        idle.sort(key=lambda name: self._kept[name][1])
        for place, name in enumerate(idle):
            if now - self._kept[name][1] > KEPT_SECONDS or place < len(idle) - KEPT:
                del self._kept[name]
