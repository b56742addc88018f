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

from service.answering.ask import Answerer
from service.answering.request import AskRequest
from service.domain import Answer
from service.http.recordings import Recording

KEEP_ALIVE = 15
"""Seconds between comment lines on a quiet stream."""
STALLED = 20
"""Seconds after which a reader that takes nothing loses its stream, so that it does not hold the model."""
FAREWELL = 2
"""Seconds that streams get to say that the service stops."""


def event_stream(recording: Recording, after: int = 0, *, keep_alive: float = KEEP_ALIVE) -> EventSourceResponse:
    """The response, with the events after that number; closing the connection stops the model."""
    stopping = anyio.Event()
    return EventSourceResponse(
        events(recording, after, stopping), ping=keep_alive, send_timeout=STALLED, shutdown_event=stopping, shutdown_grace_period=FAREWELL
    )


def resumed(recording: Recording, after: int) -> Response:
    """The rest of a stream; 204 where nothing is left, which tells an `EventSource` to stay away."""
    if recording.has_ended and after == recording.count():
        return Response(status_code=204)
    return event_stream(recording, after)


async def events(recording: Recording, after: int = 0, stopping: anyio.Event | None = None) -> AsyncGenerator[ServerSentEvent, None]:
    """`meta`, `sources`, `delta`…, `sentence`…, then exactly one `final` or `error`. Closing the iterator stops the model."""
    async with aclosing(recording.read(after, stopping)) as sent:
        async for one in sent:
            yield ServerSentEvent(data=one.data, event=one.name, id=one.id or None)


async def whole_answer(answerer: Answerer, asked: AskRequest, request: Request) -> Answer | None:
    """The answer, or None where the client left before it was there: then the model has been stopped."""
    work = asyncio.create_task(answerer.ask(asked))
    left = asyncio.create_task(_left(request))
    try:
        await asyncio.wait({work, left}, return_when=asyncio.FIRST_COMPLETED)
        return await work if work.done() else None
    finally:
        await _cancelled(left)
        await _cancelled(work)


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _cancelled(task: asyncio.Task[Any]) -> None:
    """Cancel the task and see it end."""
    if task.cancel():
        with suppress(asyncio.CancelledError):
            await asyncio.wait({task})
