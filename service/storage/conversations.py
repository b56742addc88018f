"""What was asked and answered before, in words."""

from __future__ import annotations

from datetime import datetime

from service.domain import Answer, Turn
from service.storage.archive import SqliteArchive
from service.storage.rows import storable, to_micros

REMEMBERED = 6
"""Turns of a conversation that a follow-up can refer to."""


class Conversations:
    """Turns of conversations, in the archive's file."""

    def __init__(self, archive: SqliteArchive) -> None:
        self._archive = archive

    def history(self, conversation_id: str, asked_at: datetime) -> tuple[Turn, ...]:
        """The last turns asked up to then, oldest first; empty for a conversation that is not known."""
        rows = self._archive.rows(
            "SELECT question, answer FROM turns WHERE conversation_id = ? AND asked_at <= ? ORDER BY number DESC LIMIT ?",
            (storable(conversation_id), to_micros(asked_at), REMEMBERED),
        )
        return tuple(Turn(row[0], row[1]) for row in reversed(rows))

    def remember(self, answer: Answer) -> None:
        """Keep an answer as the newest turn of its conversation."""
        question = answer.question
        with self._archive.transaction() as connection:
            connection.execute(
                "INSERT INTO turns (id, conversation_id, asked_at, question, standalone, answer) VALUES (?, ?, ?, ?, ?, ?)",
                (answer.id, answer.conversation_id, to_micros(question.asked_at), question.asked, question.standalone, answer.text),
            )
