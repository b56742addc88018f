"""The `/v1` routes. Each is a few lines over a flow; none holds a rule of its own."""

from __future__ import annotations

import asyncio
import json
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Header, Query, Request, Response
from fastapi.responses import JSONResponse

from service.answering.request import AskRequest
from service.articles.files import Item, Unreadable
from service.articles.row import article_from_row
from service.bootstrap import Services, now
from service.errors import BadArticle
from service.http.keys import requires
from service.http.streaming import event_stream
from service.settings import resources
from service.wire import AnswerOut, AskBody, SearchBody, answer_out, article_out, coverage_out, hit_out, item_out, window_out

MAX_ROWS = 1_000
router = APIRouter(prefix="/v1")
_ask = [Depends(requires("ask"))]
_admin = [Depends(requires("admin"))]


def _services(request: Request) -> Services:
    found: Services = request.app.state.services
    return found


Wired = Annotated[Services, Depends(_services)]


def _checked(body: AskBody, wired: Wired) -> AskRequest:
    """The request, found sound before the first byte of a stream."""
    request = body.ask_request()
    wired.answerer.understand(request)
    return request


@router.post("/ask", dependencies=_ask, response_model=AnswerOut, responses={200: {"content": {"text/event-stream": {}}}})
async def ask(
    body: AskBody, wired: Wired, asked: Annotated[AskRequest, Depends(_checked)], accept: Annotated[str | None, Header()] = None
) -> Response:
    """Answer a question, every sentence with its citations; with `stream` true, as server-sent events."""
    if body.stream or "text/event-stream" in (accept or ""):
        return event_stream(wired.answerer, asked, debug=body.debug)
    answer = await wired.answerer.ask(asked)
    return JSONResponse(answer_out(answer, debug=body.debug).model_dump(mode="json", by_alias=True))


@router.post("/search", dependencies=_ask)
async def search(body: SearchBody, wired: Wired) -> dict[str, Any]:
    """Retrieval only: the best passages for a question."""
    found = await asyncio.to_thread(wired.search, body.request(), body.top_k)
    window = window_out(found.question.window)
    return {
        "passages": [hit_out(hit) for hit in found.hits],
        "window": window.model_dump(by_alias=True) if window else None,
        "coverage": coverage_out(found.coverage).model_dump(by_alias=True),
        "timings_ms": found.timings_ms,
    }


@router.post("/articles", dependencies=_admin)
async def ingest(rows: Annotated[list[dict[str, Any]], Body(max_length=MAX_ROWS)], wired: Wired) -> dict[str, Any]:
    """Take in a list of corpus rows; each gets its outcome, and a bad one costs no other."""
    items = [_item(number, row, wired) for number, row in enumerate(rows)]
    report = await asyncio.to_thread(wired.ingest, items)
    return {"items": [item_out(item) for item in report.items], "counts": {kind.value: n for kind, n in sorted(report.counts.items())}}


def _item(number: int, row: object, wired: Services) -> Item:
    place = f"item {number}"
    try:
        loaded = article_from_row(row, now=now(), max_chars=wired.settings.max_article_chars, origin="api")
    except BadArticle as error:
        return Unreadable(place, str(error))
    return loaded.at(place)


@router.get("/articles", dependencies=_ask)
def articles(
    wired: Wired, cursor: Annotated[str | None, Query(max_length=256)] = None, limit: Annotated[int, Query(ge=1, le=500)] = 100
) -> dict[str, Any]:
    """Articles by id; `next` is the cursor of the page after, or null."""
    rows = wired.archive.articles(cursor, limit + 1)
    more = len(rows) > limit
    return {"articles": [article_out(row, whole=False) for row in rows[:limit]], "next": rows[limit - 1].id if more else None}


@router.get("/articles/{article_id:path}", dependencies=_ask)
def article(article_id: str, wired: Wired) -> dict[str, Any]:
    """One article, whole: every citation's `text[start:end] == quote`, in code points."""
    return article_out(wired.archive.article(article_id))


@router.delete("/articles/{article_id:path}", dependencies=_admin, status_code=204)
async def remove(article_id: str, wired: Wired) -> None:
    """Take an article out of every index; it is never found or cited again."""
    await asyncio.to_thread(wired.remove, article_id)


@router.get("/coverage", dependencies=_ask)
def coverage(wired: Wired) -> dict[str, Any]:
    """How many articles there are, from when to when, by outlet and by month."""
    return {
        **coverage_out(wired.archive.coverage()).model_dump(by_alias=True),
        "passages": wired.archive.passage_count(),
        "sources": [{"source": source, "articles": count} for source, count in wired.archive.sources()],
        "months": [{"month": month, "articles": count} for month, count in wired.archive.months()],
        "examples": json.loads((resources() / "corpus" / "examples.json").read_text("utf-8")) if wired.holds_sample() else [],
    }
