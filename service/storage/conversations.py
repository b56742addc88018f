"""What was asked and answered before: the turns in words, and each answer whole, as its record."""

from __future__ import annotations

from datetime import datetime

from service.domain import Answer, Turn
from service.errors import NotFound
from service.records import dump_answer, load_answer
from service.storage.archive import SqliteArchive
from service.storage.rows import storable, to_micros

REMEMBERED = 6
"""Turns of a conversation that a follow-up can refer to."""


class Conversations:
    """Implements `ports.Memory` in the archive's file, and keeps every answer beside its turn."""

    def __init__(self, archive: SqliteArchive) -> None:
        self._archive = archive

    def history(self, conversation_id: str, asked_at: datetime) -> tuple[Turn, ...]:
        """The last turns asked up to then, oldest first; empty for a conversation that is not known."""
        rows = self._archive.rows(
            "SELECT question, answer FROM turns WHERE conversation_id = ? AND asked_at <= ? ORDER BY number DESC LIMIT ?",
            (storable(conversation_id), to_micros(asked_at), REMEMBERED),
        )
        return tuple(Turn(row[0], row[1]) for row in reversed(rows))

    def before(self, answer_id: str) -> tuple[Turn, ...]:
        """The turns that a question could refer to when it was asked, oldest first; empty for an answer that is not known."""
        rows = self._archive.rows(
            "SELECT earlier.question, earlier.answer FROM turns earlier JOIN turns given USING (conversation_id) WHERE given.id = ?"
            " AND earlier.number < given.number AND earlier.asked_at <= given.asked_at ORDER BY earlier.number DESC LIMIT ?",
            (storable(answer_id), REMEMBERED),
        )
        return tuple(Turn(row[0], row[1]) for row in reversed(rows))

    def answer(self, answer_id: str) -> Answer:
        """The answer as `records` keeps it: lean. Raises NotFound, and BadInput for a record that cannot be read."""
        rows = self._archive.rows("SELECT record FROM turns LEFT JOIN answers USING (id) WHERE id = ?", (storable(answer_id),))
        if not rows:
            raise NotFound(f"no answer {answer_id!r} in this archive")
        if rows[0][0] is None:
            raise NotFound(
                f"answer {answer_id!r} was given before whole answers were kept: only its words are here; ask its question again"
            )
        return load_answer(rows[0][0])

    def remember(self, answer: Answer) -> None:
        """Keep an answer as the newest turn of its conversation, and its record."""
        question, record = answer.question, dump_answer(answer)
        with self._archive.transaction() as connection:
            connection.execute(
                "INSERT INTO turns (id, conversation_id, asked_at, question, standalone, answer) VALUES (?, ?, ?, ?, ?, ?)",
                (answer.id, answer.conversation_id, to_micros(question.asked_at), question.asked, question.standalone, answer.text),
            )
            connection.execute("INSERT INTO answers (id, record) VALUES (?, ?)", (answer.id, record))
