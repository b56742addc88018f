"""The `/v1` routes. Each is a few lines over a flow; none holds a rule of its own."""

from __future__ import annotations

import asyncio
import json
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.responses import JSONResponse

from service.bodies import AskBody, FeedbackBody, SearchBody
from service.errors import BadQuestion
from service.http.admission import Doors
from service.http.keys import CLIENT_LEFT, AskRoute, Caller, QuestionRoute, SearchRoute
from service.http.recordings import Recordings
from service.http.streaming import event_stream, resumed, whole_answer
from service.retrieval.explain import explain
from service.retrieval.search import EVERYTHING
from service.services import Services, now
from service.settings import resources
from service.wire import AnswerOut, FeedbackOut, answer_out, article_out, coverage_out, feedback_out
from service.wire_articles import story_out, whole_article_out
from service.wire_search import explained_out, hit_out, window_out

reading = APIRouter(prefix="/v1", route_class=AskRoute)
asking = APIRouter(prefix="/v1", route_class=QuestionRoute)
searching = APIRouter(prefix="/v1", route_class=SearchRoute)


async def _services(request: Request) -> Services:  # a plain function would be handed to a thread, for every request
    found: Services = request.app.state.services
    return found


Wired = Annotated[Services, Depends(_services)]


async def _owner(request: Request) -> str:
    caller: Caller = request.state.caller
    return caller.owner


Owner = Annotated[str, Depends(_owner)]
"""Whose conversations the caller's are."""
LastEvent = Annotated[str | None, Header(max_length=128, description="The id of the last event that was read: go on after it.")]


def _doors(request: Request) -> Doors:
    found: Doors = request.app.state.doors
    return found


@asking.post("/ask", response_model=AnswerOut, responses={200: {"content": {"text/event-stream": {}}}})
async def ask(
    body: AskBody,
    wired: Wired,
    owner: Owner,
    request: Request,
    accept: Annotated[str | None, Header()] = None,
    last_event_id: LastEvent = None,
) -> Response:
    """Answer a question, every sentence with its citations; with `stream` true, as server-sent events.

    A stream that broke off is taken up by the same request with `Last-Event-ID`; 204 where there was nothing left to send.
    """
    asked, doors = body.ask_request(owner), _doors(request)
    recordings: Recordings = request.app.state.recordings
    streamed = body.stream or "text/event-stream" in (accept or "")
    if streamed and last_event_id:
        return resumed(*recordings.resume(last_event_id, owner, asked))
    place = doors.ask.enter(owner)
    try:
        # The request is found sound before the first byte of a stream.
        await asyncio.to_thread(wired.answerer.understand, asked)
        if streamed:
            return event_stream(recordings.begin(wired.answerer, asked, now(), debug=body.debug, door=doors.ask, place=place))
        answer = await whole_answer(wired.answerer, asked, request, place, doors.closed)
    except BaseException:
        place.leave()
        raise
    if answer is None:
        return Response(status_code=CLIENT_LEFT)
    return JSONResponse(answer_out(answer, debug=body.debug).model_dump(mode="json", by_alias=True))


@searching.post("/search")
async def search(body: SearchBody, wired: Wired) -> dict[str, Any]:
    """Retrieval only: the best passages for a question."""
    found = await asyncio.to_thread(wired.search, body.request(), EVERYTHING if body.debug else body.top_k)
    return {
        "passages": [hit_out(hit) for hit in found.hits[: body.top_k]],
        "window": window_out(found.question.window).model_dump(by_alias=True) if found.question.window else None,
        "coverage": coverage_out(found.coverage).model_dump(by_alias=True),
        "timings_ms": found.timings_ms,
        **({"debug": explained_out(found.question, explain(found.hits, body.top_k))} if body.debug else {}),
    }


@reading.post("/feedback", status_code=201)
def feedback(body: FeedbackBody, wired: Wired, owner: Owner) -> FeedbackOut:
    """Say whether an answer was right; kept beside it, every time. 404 for an answer that was not given here, or to another key."""
    given = body.feedback(now())
    wired.keep(given, owner)
    return feedback_out(given)


@reading.get("/articles")
def articles(
    wired: Wired,
    cursor: Annotated[str | None, Query(max_length=256)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    order: Annotated[Literal["id", "newest"], Query(description="By id, which a walk through all needs, or the newest first.")] = "id",
    source: Annotated[str | None, Query(max_length=500, description="Only this outlet's; with `order=newest`.")] = None,
) -> dict[str, Any]:
    """Articles in that order; `next` is the cursor of the page after, or null."""
    if order == "id":
        if source is not None:
            raise BadQuestion("source: ask with order=newest")
        rows = wired.archive.articles(cursor, limit + 1)
        after = rows[limit - 1].id if len(rows) > limit else None
    else:
        skip = _skip(cursor)
        rows = wired.archive.newest(skip, limit + 1, source)
        after = str(skip + limit) if len(rows) > limit else None
    return {"articles": [article_out(row, whole=False) for row in rows[:limit]], "next": after}


@reading.get("/stories")
def stories(
    wired: Wired, cursor: Annotated[str | None, Query(max_length=256)] = None, limit: Annotated[int, Query(ge=1, le=200)] = 50
) -> dict[str, Any]:
    """Stories that several articles print, the newest first, each with the first to print it first; `next` as elsewhere."""
    skip = _skip(cursor)
    found = wired.archive.newest_stories(skip, limit + 1)
    return {"stories": [story_out(one) for one in found[:limit]], "next": str(skip + limit) if len(found) > limit else None}


def _skip(cursor: str | None) -> int:
    if cursor is None:
        return 0
    if not (cursor.isascii() and cursor.isdecimal() and len(cursor) < 16):
        raise BadQuestion("cursor: send the `next` of the page before")
    return int(cursor)


@reading.get("/articles/{article_id:path}")
def article(article_id: str, wired: Wired, version: Annotated[int | None, Query(ge=1, lt=2**63)] = None) -> dict[str, Any]:
    """One article, whole: every citation's `text[start:end] == quote`, in code points, in the `version` that the citation names.

    By default the newest version; `state` says where it is a former one, or was withdrawn by its outlet.
    """
    return whole_article_out(wired.archive, article_id, version)


@reading.get("/coverage")
def coverage(wired: Wired) -> dict[str, Any]:
    """How many articles there are, from when to when, by outlet and by month."""
    return {
        **coverage_out(wired.archive.coverage()).model_dump(by_alias=True),
        "passages": wired.archive.passage_count(),
        "sources": [{"source": source, "articles": count} for source, count in wired.archive.sources()],
        "months": [{"month": month, "articles": count} for month, count in wired.archive.months()],
        "examples": json.loads((resources() / "corpus" / "examples.json").read_text("utf-8")) if wired.holds_sample() else [],
    }
