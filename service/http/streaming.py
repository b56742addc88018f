"""An answer as server-sent events, or whole. Either way a client that leaves stops the model.

The framing and keep-alive are sse-starlette's; the events are ours. FastAPI's own event streams belong to routes that always
stream; `/v1/ask` answers both ways.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import Any

import anyio
from fastapi import Request
from sse_starlette import EventSourceResponse, ServerSentEvent

from service.answering.ask import Answerer
from service.answering.request import AskRequest, Event
from service.domain import Answer
from service.http import problems
from service.wire import answer_out, event_out

BACKLOG = 64
"""Events that may wait for a slow reader; after that the model waits too."""
KEEP_ALIVE = 15
"""Seconds between comment lines on a quiet stream."""
STALLED = 20
"""Seconds after which a reader that takes nothing loses its stream, so that it does not hold the model."""
FAREWELL = 2
"""Seconds that streams get to say that the service stops."""
STOPPING = "the service is stopping: ask again when it is back"


def event_stream(answerer: Answerer, request: AskRequest, *, debug: bool, keep_alive: float = KEEP_ALIVE) -> EventSourceResponse:
    """The response; closing the connection stops the model."""
    stopping = anyio.Event()
    return EventSourceResponse(
        events(answerer, request, debug=debug, stopping=stopping),
        ping=keep_alive,
        send_timeout=STALLED,
        shutdown_event=stopping,
        shutdown_grace_period=FAREWELL,
    )


async def events(
    answerer: Answerer, request: AskRequest, *, debug: bool, stopping: anyio.Event | None = None
) -> AsyncGenerator[ServerSentEvent, None]:
    """`meta`, `sources`, `delta`…, `sentence`…, then exactly one `final` or `error`. Closing the iterator stops the model.

    Once `stopping` is set, what has not been sent is dropped for an `error`.
    """
    queue: asyncio.Queue[tuple[str, Any] | None] = asyncio.Queue(BACKLOG)

    async def emit(event: Event) -> None:
        await queue.put(event_out(event))

    async def work() -> None:
        try:
            answer = await answerer.ask(request, emit)
            await queue.put(("final", answer_out(answer, debug=debug).model_dump(mode="json", by_alias=True)))
        except Exception as error:  # noqa: BLE001 - becomes the one terminal event
            await queue.put(("error", problems.describe(error)))
        await queue.put(None)

    async def give_up(stopping: anyio.Event, worker: asyncio.Task[None]) -> None:
        await stopping.wait()
        if await _cancelled(worker):
            while not queue.empty():
                queue.get_nowait()
            queue.put_nowait(("error", problems.body(503, STOPPING)))
            queue.put_nowait(None)

    worker = asyncio.create_task(work())
    watcher = asyncio.create_task(give_up(stopping, worker)) if stopping else None
    try:
        while (item := await queue.get()) is not None:
            name, data = item
            yield ServerSentEvent(data=json.dumps(data, ensure_ascii=False), event=name)
    finally:
        for task in filter(None, (watcher, worker)):
            await _cancelled(task)


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


async def _cancelled(task: asyncio.Task[Any]) -> bool:
    """Cancel the task and see it end; whether it had not ended by itself."""
    if not task.cancel():
        return False
    with suppress(asyncio.CancelledError):
        await asyncio.wait({task})
    return task.cancelled()
