"""`GET /metrics` for Prometheus, and how late the event loop is."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Annotated

from fastapi import APIRouter, Header, Response

from service.http.keys import AskRoute
from service.telemetry import LOOP_LAG_SECONDS, exposition

EVERY = 0.25
"""Seconds between two looks at the loop."""
router = APIRouter(route_class=AskRoute)


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
def metrics(accept: Annotated[str, Header()] = "") -> Response:
    """What has been counted since the start, in Prometheus' text format, or OpenMetrics where that is accepted.

    No series names an article, an outlet, a caller or anybody's words.
    """
    body, media_type = exposition(accept)
    return Response(body, media_type=None, headers={"Content-Type": media_type})


@asynccontextmanager
async def loop_watched() -> AsyncGenerator[None, None]:
    """Inside, the lag of the running event loop is measured."""
    task = asyncio.create_task(_watch())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _watch() -> None:
    while True:
        due = time.perf_counter() + EVERY
        await asyncio.sleep(EVERY)
        LOOP_LAG_SECONDS.observe(max(0.0, time.perf_counter() - due))
