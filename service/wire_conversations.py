"""The JSON of conversations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, Field

from service.storage.conversations import Conversation, KeptTurn
from service.wire import AnswerOut, answer_out


class ConversationHead(BaseModel):
    """A conversation in a list: when it began, its newest turn, how many there are, and the first question."""

    id: str
    started_at: str
    last_asked_at: str
    turns: int
    question: str


class ConversationsOut(BaseModel):
    """`GET /v1/conversations`."""

    conversations: list[ConversationHead]
    next: str | None


class TurnOut(BaseModel):
    """One turn as it was. `answer` is null where it was given before whole answers were kept; its words are in `text`."""

    answer_id: str
    asked_at: str | None
    question: str
    standalone_question: str
    text: str
    answer: AnswerOut | None
    since: dict[str, Literal["removed", "changed", "updated"]] = Field(
        description="Articles shown here that are no longer what they were: `removed`; `changed`, so that a quotation is no longer "
        "in its place; `updated`, with the quoted text where it was. The answer is shown as it was given."
    )


class ConversationOut(BaseModel):
    """`GET /v1/conversations/{id}`."""

    id: str
    turns: list[TurnOut]
    next: str | None


def conversations_out(found: Sequence[Conversation], limit: int) -> ConversationsOut:
    """The first `limit` of them; where there are more, a cursor."""
    heads = [
        ConversationHead(
            id=one.id,
            started_at=_instant(one.started_at.isoformat()),
            last_asked_at=_instant(one.last_asked_at.isoformat()),
            turns=one.turns,
            question=one.question,
        )
        for one in found[:limit]
    ]
    return ConversationsOut(conversations=heads, next=str(found[limit - 1].number) if len(found) > limit else None)


def conversation_out(conversation_id: str, turns: Sequence[KeptTurn], limit: int) -> ConversationOut:
    """The first `limit` turns; where there are more, a cursor."""
    shown = [
        TurnOut(
            answer_id=one.id,
            asked_at=_instant(one.turn.asked_at.isoformat()) if one.turn.asked_at else None,
            question=one.turn.question,
            standalone_question=one.turn.statement,
            text=one.turn.answer,
            answer=answer_out(one.answer) if one.answer else None,
            since=one.since,
        )
        for one in turns[:limit]
    ]
    return ConversationOut(id=conversation_id, turns=shown, next=str(turns[limit - 1].number) if len(turns) > limit else None)


def _instant(text: str) -> str:
    return text.replace("+00:00", "Z")
