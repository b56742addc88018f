"""The JSON of conversations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, Field

from service.domain import Feedback, FeedbackVerdict
from service.storage.conversations import Conversation, KeptTurn
from service.wire import AnswerOut, answer_out


class ConversationHead(BaseModel):
    """A conversation in a list: when it began, its newest turn, how many there are, the first question, and its name if it has one."""

    id: str
    started_at: str
    last_asked_at: str
    turns: int
    question: str
    title: str | None


class ConversationsOut(BaseModel):
    """`GET /v1/conversations`."""

    conversations: list[ConversationHead]
    next: str | None


class SaidOut(BaseModel):
    """What was said of an answer, or of one of its sentences, counted from 0."""

    verdict: FeedbackVerdict
    sentence: int | None
    reason: str | None
    comment: str | None
    given_at: str


class TurnOut(BaseModel):
    """One turn as it was. `answer` is null where it was given before whole answers were kept; its words are in `text`."""

    answer_id: str
    conversation_id: str
    asked_at: str | None
    question: str
    standalone_question: str
    text: str
    answer: AnswerOut | None
    since: dict[str, Literal["removed", "changed", "updated"]] = Field(
        description="Articles shown here that are no longer what they were: `removed`; `changed`, so that a quotation is no longer "
        "in its place; `updated`, with the quoted text where it was. The answer is shown as it was given."
    )
    feedback: list[SaidOut]


class ConversationOut(BaseModel):
    """`GET /v1/conversations/{id}`."""

    id: str
    title: str | None
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
            title=one.title,
        )
        for one in found[:limit]
    ]
    return ConversationsOut(conversations=heads, next=str(found[limit - 1].number) if len(found) > limit else None)


def conversation_out(conversation_id: str, title: str | None, turns: Sequence[KeptTurn], limit: int) -> ConversationOut:
    """The first `limit` turns; where there are more, a cursor."""
    more = str(turns[limit - 1].number) if len(turns) > limit else None
    return ConversationOut(id=conversation_id, title=title, turns=[turn_out(one) for one in turns[:limit]], next=more)


def turn_out(one: KeptTurn) -> TurnOut:
    """One turn as it was."""
    return TurnOut(
        answer_id=one.id,
        conversation_id=one.conversation_id,
        asked_at=_instant(one.turn.asked_at.isoformat()) if one.turn.asked_at else None,
        question=one.turn.question,
        standalone_question=one.turn.statement,
        text=one.turn.answer,
        answer=answer_out(one.answer) if one.answer else None,
        since=one.since,
        feedback=[_said(said) for said in one.feedback],
    )


def _said(said: Feedback) -> SaidOut:
    given_at = _instant(said.given_at.isoformat())
    return SaidOut(verdict=said.verdict, sentence=said.sentence, reason=said.reason, comment=said.comment, given_at=given_at)


def _instant(text: str) -> str:
    return text.replace("+00:00", "Z")
