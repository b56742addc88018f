"""The routes of what was asked before: conversations, and streams that broke off."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response

from service.bodies import ID, MAX_ID, NameBody
from service.errors import BadQuestion
from service.http.keys import AskRoute
from service.http.recordings import Recordings
from service.http.routes import LastEvent, Owner, Wired
from service.http.streaming import resumed
from service.storage.conversations import Conversations
from service.wire_conversations import ConversationOut, ConversationsOut, TurnOut, conversation_out, conversations_out, turn_out

router = APIRouter(prefix="/v1", route_class=AskRoute)
Named = Annotated[str, Path(max_length=MAX_ID, pattern=ID)]
Cursor = Annotated[int | None, Query(ge=0, lt=2**63, description="`next` of the page before.")]
Limit = Annotated[int, Query(ge=1, le=200)]
Words = Annotated[str, Query(max_length=200, description="Only those with these words in a question, an answer or their title.")]


@router.get("/conversations")
def conversations(wired: Wired, owner: Owner, cursor: Cursor = None, limit: Limit = 50, q: Words = "") -> ConversationsOut:
    """The caller's conversations, the newest first; `next` is the cursor of the page after, or null."""
    return conversations_out(Conversations(wired.archive).page(owner, cursor, limit + 1, q), limit)


@router.get("/conversations/{conversation_id}")
def conversation(conversation_id: Named, wired: Wired, owner: Owner, cursor: Cursor = None, limit: Limit = 50) -> ConversationOut:
    """The turns of a conversation, the oldest first, each answer with its citations as they were shown."""
    held = Conversations(wired.archive)
    turns = held.turns(conversation_id, owner, cursor or 0, limit + 1)
    return conversation_out(conversation_id, held.title(conversation_id, owner), turns, limit)


@router.patch("/conversations/{conversation_id}", status_code=204)
def rename(conversation_id: Named, body: NameBody, wired: Wired, owner: Owner) -> None:
    """Give a conversation a name; null takes it away again."""
    Conversations(wired.archive).rename(conversation_id, owner, body.name)


@router.delete("/conversations", status_code=204)
async def forget_all(wired: Wired, owner: Owner, request: Request) -> None:
    """Delete all of the caller's conversations, their answers and what was said of these."""
    gone = await asyncio.to_thread(Conversations(wired.archive).delete, owner)
    request.app.state.recordings.forget(owner, gone)


@router.delete("/conversations/{conversation_id}", status_code=204)
async def forget(conversation_id: Named, wired: Wired, owner: Owner, request: Request) -> None:
    """Delete a conversation, its answers and what was said of these; it can be neither read nor continued."""
    gone = await asyncio.to_thread(Conversations(wired.archive).delete, owner, conversation_id)
    request.app.state.recordings.forget(owner, gone)


@router.get("/answers/{answer_id}")
def answer(answer_id: Named, wired: Wired, owner: Owner) -> TurnOut:
    """One answer of the caller's, with its question, exactly as it was given; `since` says what has changed."""
    return turn_out(Conversations(wired.archive).turn(answer_id, owner))


@router.get("/answers/{answer_id}/events", responses={200: {"content": {"text/event-stream": {}}}})
async def events(answer_id: Named, owner: Owner, request: Request, last_event_id: LastEvent = None) -> Response:
    """A stream that runs, or ran a short while ago: from its beginning, or after `Last-Event-ID`. 204 where nothing is left to send."""
    recordings: Recordings = request.app.state.recordings
    if last_event_id and last_event_id.partition(":")[0] != answer_id:
        raise BadQuestion("Last-Event-ID: it is of another answer")
    return resumed(*recordings.resume(last_event_id or answer_id, owner))
