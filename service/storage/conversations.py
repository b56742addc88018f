"""What was asked and answered before: conversations, their turns in words, and each answer whole, as its record.

A conversation belongs to the key that started it: every method that names one takes its `owner`, the hash of that key, empty where the
service runs without keys. To another owner it does not exist.
"""

from __future__ import annotations

import logging
import sqlite3
from dataclasses import dataclass
from datetime import datetime

from service.domain import Answer, Citation, Turn
from service.errors import BadInput, NotFound
from service.records import dump_answer, load_answer
from service.storage.archive import SqliteArchive
from service.storage.rows import from_micros, storable, to_micros

logger = logging.getLogger(__name__)
REMEMBERED = 6
"""Turns of a conversation that a follow-up can refer to."""
_TURN = "earlier.question, earlier.answer, earlier.standalone, earlier.asked_at"


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation as it is listed. `number` orders conversations by when they began; `last_asked_at` is that of the newest turn."""

    number: int
    id: str
    started_at: datetime
    last_asked_at: datetime
    turns: int
    question: str
    """The first one, as it was asked."""


@dataclass(frozen=True, slots=True)
class KeptTurn:
    """A turn as it was, in the words, and whole unless it was given before whole answers were kept.

    `since` says of each article that it showed and that is no longer what it was, what became of it: `removed`, `changed` where the
    quoted words are no longer in their place, `updated` where they are.
    """

    number: int
    id: str
    turn: Turn
    answer: Answer | None
    since: dict[str, str]


class Conversations:
    """Implements `ports.Memory` in the archive's file, and keeps every answer beside its turn."""

    def __init__(self, archive: SqliteArchive) -> None:
        self._archive = archive

    def history(self, conversation_id: str, asked_at: datetime, owner: str = "") -> tuple[Turn, ...]:
        """The last turns asked up to then, oldest first. Raises NotFound for a conversation that is not there or not the owner's."""
        self._check(conversation_id, owner)
        rows = self._archive.rows(
            f"SELECT {_TURN} FROM turns earlier WHERE conversation_id = ? AND asked_at <= ? ORDER BY number DESC LIMIT ?",  # noqa: S608
            (storable(conversation_id), to_micros(asked_at), REMEMBERED),
        )
        return tuple(_turn(row) for row in reversed(rows))

    def before(self, answer_id: str) -> tuple[Turn, ...]:
        """The turns that a question could refer to when it was asked, oldest first; empty for an answer that is not known."""
        rows = self._archive.rows(
            f"SELECT {_TURN} FROM turns earlier JOIN turns given USING (conversation_id) WHERE given.id = ?"  # noqa: S608
            " AND earlier.number < given.number AND earlier.asked_at <= given.asked_at ORDER BY earlier.number DESC LIMIT ?",
            (storable(answer_id), REMEMBERED),
        )
        return tuple(_turn(row) for row in reversed(rows))

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

    def remember(self, answer: Answer, owner: str = "", *, continues: bool = False) -> bool:
        """Keep an answer as the newest turn of its conversation, and its record; whether it was kept.

        One that `continues` a conversation which was deleted meanwhile is not: what is deleted stays so. An answer that was kept
        already stays as it was.
        """
        question, record = answer.question, dump_answer(answer)
        named = (storable(answer.conversation_id), owner)
        with self._archive.transaction() as connection:
            if not continues:
                connection.execute(
                    "INSERT INTO conversations (id, owner, started_at) VALUES (?, ?, ?) ON CONFLICT (id) DO NOTHING",
                    (*named, to_micros(question.asked_at)),
                )
            if not connection.execute("SELECT 1 FROM conversations WHERE id = ? AND owner = ?", named).fetchone():
                logger.info("answer %s is not kept: its conversation was deleted while it was written", answer.id)
                return False
            kept = connection.execute(
                "INSERT INTO turns (id, conversation_id, asked_at, question, standalone, answer) VALUES (?, ?, ?, ?, ?, ?)"
                " ON CONFLICT (id) DO NOTHING",
                (answer.id, named[0], to_micros(question.asked_at), storable(question.asked), storable(question.standalone), answer.text),
            ).rowcount
            if kept:
                connection.execute("INSERT INTO answers (id, record) VALUES (?, ?)", (answer.id, record))
        return True

    def page(self, owner: str, before: int | None, limit: int) -> list[Conversation]:
        """At most `limit` of the owner's conversations, the newest first; those that began before the one of that number."""
        rows = self._archive.rows(
            "SELECT c.number, c.id, c.started_at, MAX(t.asked_at) AS last, COUNT(*) AS turns,"
            " (SELECT question FROM turns WHERE conversation_id = c.id ORDER BY number LIMIT 1) AS question"
            " FROM conversations c JOIN turns t ON t.conversation_id = c.id WHERE c.owner = ? AND (? IS NULL OR c.number < ?)"
            " GROUP BY c.number ORDER BY c.number DESC LIMIT ?",
            (owner, before, before, limit),
        )
        return [Conversation(row[0], row[1], from_micros(row[2]), from_micros(row[3]), row[4], row[5]) for row in rows]

    def turns(self, conversation_id: str, owner: str, after: int, limit: int) -> list[KeptTurn]:
        """At most `limit` turns, the oldest first, those after that number. Raises NotFound."""
        self._check(conversation_id, owner)
        rows = self._archive.rows(
            "SELECT number, id, question, answer, standalone, asked_at, record FROM turns LEFT JOIN answers USING (id)"
            " WHERE conversation_id = ? AND number > ? ORDER BY number LIMIT ?",
            (storable(conversation_id), after, limit),
        )
        return [self._kept(row) for row in rows]

    def delete(self, owner: str, conversation_id: str | None = None) -> list[str]:
        """Delete a conversation with its answers and what was said of them, or all of the owner's; returns their ids. Raises NotFound."""
        if conversation_id is not None:
            self._check(conversation_id, owner)
        chosen = None if conversation_id is None else storable(conversation_id)
        with self._archive.transaction() as connection:
            found = connection.execute("SELECT id FROM conversations WHERE owner = ? AND (? IS NULL OR id = ?)", (owner, chosen, chosen))
            gone = [row[0] for row in found]
            connection.executemany("DELETE FROM turns WHERE conversation_id = ?", [(one,) for one in gone])
            connection.executemany("DELETE FROM conversations WHERE id = ?", [(one,) for one in gone])
        return gone

    def _check(self, conversation_id: str, owner: str) -> None:
        if not self._archive.rows("SELECT 1 FROM conversations WHERE id = ? AND owner = ?", (storable(conversation_id), owner)):
            # The same words whether it never was, was deleted or is another's: nobody learns which ids exist.
            raise NotFound(f"no conversation {conversation_id!r} here: leave conversation_id out to begin one, its answer names the new id")

    def _kept(self, row: sqlite3.Row) -> KeptTurn:
        try:
            answer = load_answer(row["record"]) if row["record"] else None
        except BadInput as error:
            logger.warning("%s", error)
            answer = None
        since = self._since(answer) if answer else {}
        return KeptTurn(row["number"], row["id"], _turn(row), answer, since)

    def _since(self, answer: Answer) -> dict[str, str]:
        """Of the articles that an answer showed, those that are no longer what they were."""
        found: dict[str, str] = {}
        for citation in (*answer.citations, *answer.nearest):
            state = self._state(citation)
            if state and found.get(citation.article.id) != "changed":
                found[citation.article.id] = state
        return found

    def _state(self, citation: Citation) -> str | None:
        try:
            article = self._archive.article(citation.article.id)
        except NotFound:
            return "removed"
        if article.text[citation.start : citation.end] != citation.quote:
            return "changed"
        return None if article.ingested_at == citation.article.ingested_at else "updated"


def _turn(row: sqlite3.Row) -> Turn:
    return Turn(row["question"], row["answer"], row["standalone"], from_micros(row["asked_at"]))
