"""An answer as server-sent events, or whole. Either way a client that leaves stops the model.

The framing and keep-alive are sse-starlette's; the events are ours, and `recordings` keeps them. FastAPI's own event streams belong to
routes that always stream; `/v1/ask` answers both ways.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import Any

import anyio
from fastapi import Request, Response
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.types import Receive, Scope, Send

from service.answering.ask import Answerer
from service.answering.request import AskRequest
from service.domain import Answer
from service.errors import Stopping
from service.http.admission import STOPPING, Place
from service.http.recordings import Recording

KEEP_ALIVE = 15
"""Seconds between comment lines on a quiet stream."""
STALLED = 20
"""Seconds after which a reader that takes nothing loses its stream, so that it does not hold the model."""
FAREWELL = 2
"""Seconds that streams get to say that the service stops."""


class _AnswerStream(EventSourceResponse):
    """A response after which a stream that was never read gives its place up."""

    def __init__(self, recording: Recording, after: int, keep_alive: float) -> None:
        self._recording = recording
        stopping = anyio.Event()
        super().__init__(
            events(recording, after, stopping),
            ping=keep_alive,
            send_timeout=STALLED,
            shutdown_event=stopping,
            shutdown_grace_period=FAREWELL,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._recording.rest()


def event_stream(recording: Recording, after: int = 0, *, keep_alive: float = KEEP_ALIVE) -> EventSourceResponse:
    """The response, with the events after that number; closing the connection stops the model.

    Raises Overloaded or Stopping where the question would have to be asked again and there is no place for it.
    """
    recording.admit()
    return _AnswerStream(recording, after, keep_alive)


def resumed(recording: Recording, after: int) -> Response:
    """The rest of a stream; 204 where nothing is left, which tells an `EventSource` to stay away. Raises as `event_stream`."""
    if recording.has_ended and after == recording.count():
        return Response(status_code=204)
    return event_stream(recording, after)


async def events(recording: Recording, after: int = 0, stopping: anyio.Event | None = None) -> AsyncGenerator[ServerSentEvent, None]:
    """`queued` where one has to wait, `meta`, `sources`, `delta`…, `sentence`…, then exactly one `final` or `error`.

    Closing the iterator stops the model.
    """
    async with aclosing(recording.read(after, stopping)) as sent:
        async for one in sent:
            yield ServerSentEvent(data=one.data, event=one.name, id=one.id or None)


async def whole_answer(
    answerer: Answerer, asked: AskRequest, request: Request, place: Place, closed: asyncio.Event
) -> Answer | None:
    """The answer, in the caller's turn, or None where the client left before it was there: then the model has been stopped.

    Raises Stopping as soon as `closed` is set.
    """
    work = asyncio.create_task(_answer(answerer, asked, place))
    left, stopping = asyncio.create_task(_left(request)), asyncio.create_task(closed.wait())
    try:
        await asyncio.wait({work, left, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            return await work
        if left.done():
            return None
        await stopping
        raise Stopping(STOPPING)
    finally:
        for task in (stopping, left, work):
            await _cancelled(task)


async def _answer(answerer: Answerer, asked: AskRequest, place: Place) -> Answer:
    async with place:
        return await answerer.ask(asked)


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _cancelled(task: asyncio.Task[Any]) -> None:
    """Cancel the task and see it end."""
    if task.cancel():
        with suppress(asyncio.CancelledError):
            await asyncio.wait({task})
