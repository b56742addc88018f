"""The routes by which articles come in and go: rows from anybody with an admin key, items from `dateline ingest` beside the service."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Body, Request
from pydantic import BaseModel, ConfigDict, Field

from service.articles.items import Item, Unreadable
from service.articles.row import article_from_row
from service.errors import BadArticle
from service.http.admission import Place
from service.http.keys import AdminRoute
from service.http.routes import Wired
from service.services import Services, now
from service.wire import item_out
from service.wire_ingest import report_out, unpacked

MAX_ROWS = 1_000
router = APIRouter(prefix="/v1", route_class=AdminRoute)


class Removal(BaseModel):
    """Which articles are to go."""

    model_config = ConfigDict(extra="forbid")

    ids: list[Annotated[str, Field(max_length=256)]] = Field(min_length=1, max_length=MAX_ROWS)


def turn(request: Request) -> Place:
    """The caller's place among those that change the archive, one at a time. Raises Overloaded or Stopping."""
    place: Place = request.app.state.doors.ingest.enter(request.state.caller.owner)
    return place


@router.post("/articles")
async def articles(rows: Annotated[list[Any], Body(max_length=MAX_ROWS)], wired: Wired, request: Request) -> dict[str, Any]:
    """Take in a list of corpus rows; each gets its outcome, and a bad one costs no other."""
    # Waiting here and not in a thread: those that wait must not take the threads that questions need.
    async with turn(request):
        report = await asyncio.to_thread(lambda: wired.ingest([_item(number, row, wired) for number, row in enumerate(rows)]))
    return {"items": [item_out(item) for item in report.items], "counts": {kind.value: n for kind, n in sorted(report.counts.items())}}


@router.post("/ingest")
async def ingest(items: Annotated[list[Any], Body(max_length=MAX_ROWS)], wired: Wired, request: Request) -> dict[str, Any]:
    """Take in what a `dateline ingest` or `dateline watch` beside this service has read. Its format follows the version of Dateline."""
    at, longest = now(), wired.settings.max_article_chars
    async with turn(request):
        report = await asyncio.to_thread(lambda: wired.ingest([unpacked(item, now=at, max_chars=longest) for item in items]))
    return report_out(report)


@router.post("/articles/remove", status_code=204)
async def remove_several(removal: Removal, wired: Wired, request: Request) -> None:
    """Take articles out of every index in one step, those that are not there passed over."""
    async with turn(request):
        await asyncio.to_thread(wired.remove, removal.ids)


@router.delete("/articles/{article_id:path}", status_code=204)
async def remove(article_id: str, wired: Wired, request: Request) -> None:
    """Take an article out of every index, with every version it had; it is never found or cited again."""
    async with turn(request):
        await asyncio.to_thread(wired.archive.version, article_id)
        await asyncio.to_thread(wired.remove, [article_id])


def _item(number: int, row: object, wired: Services) -> Item:
    place = f"item {number}"
    try:
        loaded = article_from_row(row, now=now(), max_chars=wired.settings.max_article_chars, origin="api")
    except BadArticle as error:
        return Unreadable(place, str(error))
    return loaded.at(place)
