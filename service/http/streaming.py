"""An answer as server-sent events. The framing and keep-alive are sse-starlette's; the events are ours.

FastAPI's own event streams belong to routes that always stream; `/v1/ask` answers both ways.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from sse_starlette import EventSourceResponse, ServerSentEvent

from service.answering.ask import Answerer
from service.answering.request import AskRequest, Event
from service.http import problems
from service.wire import answer_out, event_out

BACKLOG = 64
"""Events that may wait for a slow reader; after that the model waits too."""
KEEP_ALIVE = 15
"""Seconds between comment lines on a quiet stream."""


def event_stream(answerer: Answerer, request: AskRequest, *, debug: bool) -> EventSourceResponse:
    """The response; closing the connection stops the model."""
    return EventSourceResponse(events(answerer, request, debug=debug), ping=KEEP_ALIVE, headers={"X-Accel-Buffering": "no"})


async def events(answerer: Answerer, request: AskRequest, *, debug: bool) -> AsyncIterator[ServerSentEvent]:
    """`meta`, `sources`, `delta`…, `sentence`…, then exactly one `final` or `error`. Closing the iterator stops the model."""
    queue: asyncio.Queue[tuple[str, Any] | None] = asyncio.Queue(BACKLOG)

    async def emit(event: Event) -> None:
        await queue.put(event_out(event))

    async def work() -> None:
        try:
            answer = await answerer.ask(request, emit)
            await queue.put(("final", answer_out(answer, debug=debug).model_dump(mode="json", by_alias=True)))
        except Exception as error:
            await queue.put(("error", problems.describe(error)))
        await queue.put(None)

    task = asyncio.create_task(work())
    try:
        while (item := await queue.get()) is not None:
            name, data = item
            yield ServerSentEvent(data=json.dumps(data, ensure_ascii=False), event=name)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
