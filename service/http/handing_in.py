"""Articles handed in by hand: a file in the body, or an address to fetch. What becomes of them is told as it goes, as server-sent events.

`progress` says how many articles are safe and how many bytes were read; `report` ends it, or `error`. A caller who leaves stops nothing:
what was begun is taken in.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Iterator
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import anyio
from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.requests import ClientDisconnect

from service.articles.items import Item
from service.articles.parsing import KINDS, kind_of_name
from service.articles.sources import is_address
from service.domain import Outcome
from service.errors import BadInput, DatelineError, DiskFull
from service.http import problems
from service.http.ingesting import turn
from service.http.keys import CLIENT_LEFT, AdminRoute
from service.http.routes import Wired
from service.http.streaming import FAREWELL, KEEP_ALIVE, STALLED
from service.indexing.report import IngestReport
from service.services import Services
from service.wire import item_out

SHOWN = 500
"""Items of a report that are sent; a longer one says how many there were, and the rejected come first."""
MAX_NAME = 60
"""Characters, of four bytes at most: a file system takes names of 255 bytes."""
router = APIRouter(prefix="/v1", route_class=AdminRoute)
_STREAM: dict[int | str, dict[str, Any]] = {200: {"content": {"text/event-stream": {}}}}
_BYTES = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
_running: set[asyncio.Task[None]] = set()
"""Held here, since the loop itself holds tasks weakly."""


class Source(BaseModel):
    """What is to be fetched."""

    model_config = ConfigDict(extra="forbid")

    url: str = Field(min_length=1, max_length=2000, description="A page, a feed or a sitemap.", examples=["https://herald.example/feed.xml"])


@router.post("/ingest/file", response_model=None, responses=_STREAM, openapi_extra={"requestBody": {"required": True, "content": _BYTES}})
async def file(
    name: Annotated[str, Query(min_length=1, max_length=1000, description="The file's name; its ending says what it is.")],
    wired: Wired,
    request: Request,
) -> Response:
    """Take in the articles of the file that is the body, of any kind that `dateline ingest` reads."""
    called = plain_name(name)
    folder = TemporaryDirectory(prefix="dateline-upload-")
    try:
        path = Path(folder.name) / called
        with path.open("xb") as spooled:
            async for chunk in request.stream():
                await asyncio.to_thread(spooled.write, chunk)
        size = path.stat().st_size
    except BaseException as error:
        folder.cleanup()
        if isinstance(error, ClientDisconnect):
            return Response(status_code=CLIENT_LEFT)
        if isinstance(error, OSError):
            raise DiskFull(f"the file cannot be set down ({error.strerror}): free some space where temporary files are kept") from error
        raise
    return _told(request, wired, lambda: wired.intake.uploaded(path, called), size, folder.cleanup)


@router.post("/ingest/address", responses=_STREAM)
async def address(source: Source, wired: Wired, request: Request) -> EventSourceResponse:
    """Fetch a page, a feed or a sitemap, and take in the articles it has."""
    url = source.url.strip()
    if not is_address(url):
        raise BadInput("url: write a whole address, such as https://herald.example/feed.xml")
    return _told(request, wired, lambda: wired.load([url]), 0, lambda: None)


def plain_name(name: str) -> str:
    """The last part of a file's name, fit for a folder. Raises BadInput for one that is none, or of a kind that is not read."""
    last = PurePosixPath(name.replace("\\", "/")).name
    shown = "".join(character for character in last if character.isprintable()).strip().lstrip(".")[-MAX_NAME:]
    if kind_of_name(shown) is None:
        raise BadInput(f"name: {last[:80]!r} is not of a kind Dateline reads: {', '.join(KINDS)}, each also with .gz")
    return shown.encode("utf-8", "replace").decode("utf-8")


def _told(
    request: Request, wired: Services, items: Callable[[], Iterator[Item]], size: int, done: Callable[[], None]
) -> EventSourceResponse:
    """Ingest in a thread, one at a time, and a stream that tells of it. Raises Overloaded or Stopping."""
    try:
        place = turn(request)
    except DatelineError:
        done()
        raise
    loop, told = asyncio.get_running_loop(), asyncio.Queue[ServerSentEvent | None]()

    def tell(event: str, data: dict[str, Any]) -> None:
        sent = ServerSentEvent(data=json.dumps(data, ensure_ascii=False), event=event)
        loop.call_soon_threadsafe(told.put_nowait, sent)

    def work() -> None:
        meter = wired.intake.meter
        before = meter.read

        def progress(report: IngestReport) -> None:
            tell("progress", {**_counts(report), "read": meter.read - before, "size": size})

        tell("report", _report(wired.ingest(items(), progress)))

    async def run() -> None:
        try:
            async with place:
                await asyncio.to_thread(work)
        except Exception as error:  # noqa: BLE001 - told, and logged by `describe` where nobody expected it
            tell("error", problems.describe(error))
        finally:
            await asyncio.to_thread(done)
            loop.call_soon(told.put_nowait, None)

    async def events() -> AsyncGenerator[ServerSentEvent, None]:
        while (sent := await told.get()) is not None:
            yield sent

    task = asyncio.create_task(run())
    _running.add(task)
    task.add_done_callback(_running.discard)
    return EventSourceResponse(
        events(), ping=KEEP_ALIVE, send_timeout=STALLED, shutdown_event=anyio.Event(), shutdown_grace_period=FAREWELL
    )


def _counts(report: IngestReport) -> dict[str, Any]:
    return {"articles": len(report.items), "counts": {kind.value: count for kind, count in sorted(report.counts.items())}}


def _report(report: IngestReport) -> dict[str, Any]:
    """What became of each article, the rejected first."""
    ordered = sorted(report.items, key=lambda item: item.outcome is not Outcome.REJECTED)
    return {**_counts(report), "skipped": len(report.skipped), "items": [item_out(item) for item in ordered[:SHOWN]]}
