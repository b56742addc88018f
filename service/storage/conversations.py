"""What was asked and answered before: conversations, their turns in words, and each answer whole, as its record.

A conversation belongs to the key that started it: every method that names one takes its `owner`, the hash of that key, empty where the
service runs without keys. To another owner it does not exist.
"""

from __future__ import annotations

import json
import logging
import sqlite3
from dataclasses import dataclass
from datetime import datetime

from service.domain import Answer, Citation, Feedback, Turn
from service.errors import BadInput, NotFound
from service.records import dump_answer, load_answer
from service.storage.archive import SqliteArchive
from service.storage.feedback import FeedbackLog
from service.storage.rows import from_micros, storable, to_micros

logger = logging.getLogger(__name__)
REMEMBERED = 6
"""Turns of a conversation that a follow-up can refer to."""
_KEPT = "turns.number, turns.id, conversation_id, question, answer, standalone, asked_at, record"
_TURN = "earlier.question, earlier.answer, earlier.standalone, earlier.asked_at"


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation as it is listed, ordered by `number`; `last_asked_at` is when its newest turn was asked."""

    number: int
    id: str
    started_at: datetime
    last_asked_at: datetime
    turns: int
    question: str
    """The first one, as it was asked."""
    title: str | None = None
    """The name that its owner gave it."""


@dataclass(frozen=True, slots=True)
class KeptTurn:
    """A turn as it was, in the words, and whole unless it was given before whole answers were kept.

    `since` says of each article that it showed and that is no longer what it was, what became of it: `removed`, `changed` where the
    quoted words are no longer in their place, `updated` where they are.
    """

    number: int
    id: str
    conversation_id: str
    turn: Turn
    answer: Answer | None
    since: dict[str, str]
    feedback: tuple[Feedback, ...] = ()
    """What was said of the answer, oldest first."""


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
                "INSERT INTO turns (id, conversation_id, asked_at, given_at, question, standalone, answer) VALUES (?, ?, ?, ?, ?, ?, ?)"
                " ON CONFLICT (id) DO NOTHING",
                (answer.id, named[0], to_micros(question.asked_at), to_micros(answer.given_at), storable(question.asked),
                 storable(question.standalone), answer.text),
            ).rowcount  # fmt: skip
            if kept:
                connection.execute("INSERT INTO answers (id, record) VALUES (?, ?)", (answer.id, record))
        return True

    def page(self, owner: str, before: int | None, limit: int, words: str = "") -> list[Conversation]:
        """At most `limit` of the owner's conversations, the newest first; those that began before the one of that number.

        With `words`, only those that hold each of them in their title, a question or an answer, whatever the case.
        """
        sought = storable(words).casefold().split()
        rows = self._archive.rows(
            "SELECT c.number, c.id, min(coalesce(t.given_at, c.started_at)), max(coalesce(t.given_at, t.asked_at)), count(*),"
            " (SELECT question FROM turns WHERE conversation_id = c.id ORDER BY number LIMIT 1) AS question, c.title"
            " FROM conversations c JOIN turns t ON t.conversation_id = c.id WHERE c.owner = ? AND (? IS NULL OR c.number < ?)"
            " AND NOT EXISTS (SELECT 1 FROM json_each(?) AS word WHERE NOT coalesce(instr(casefold(c.title), word.value), 0)"
            " AND NOT EXISTS (SELECT 1 FROM turns WHERE conversation_id = c.id"
            " AND instr(casefold(question || char(10) || answer), word.value)))"
            " GROUP BY c.number ORDER BY c.number DESC LIMIT ?",
            (owner, before, before, json.dumps(sought), limit),
        )
        return [Conversation(row[0], row[1], from_micros(row[2]), from_micros(row[3]), row[4], row[5], row[6]) for row in rows]

    def rename(self, conversation_id: str, owner: str, title: str | None) -> None:
        """Give a conversation a name, or with None take it away. Raises NotFound."""
        self._check(conversation_id, owner)
        with self._archive.transaction() as connection:
            connection.execute(
                "UPDATE conversations SET title = ? WHERE id = ? AND owner = ?",
                (None if title is None else storable(title), storable(conversation_id), owner),
            )

    def title(self, conversation_id: str, owner: str) -> str | None:
        """The name that its owner gave it. Raises NotFound."""
        self._check(conversation_id, owner)
        found: str | None = self._archive.rows("SELECT title FROM conversations WHERE id = ?", (storable(conversation_id),))[0][0]
        return found

    def turn(self, answer_id: str, owner: str) -> KeptTurn:
        """One answer as it was given, with its question. Raises NotFound, also for an answer in another owner's conversation."""
        rows = self._archive.rows(
            f"SELECT {_KEPT} FROM turns LEFT JOIN answers USING (id) JOIN conversations c ON c.id = conversation_id"  # noqa: S608
            " WHERE turns.id = ? AND c.owner = ?",
            (storable(answer_id), owner),
        )
        if not rows:
            raise NotFound(f"no answer {answer_id!r} here: it was deleted, was given to another key, or by another archive")
        return self._kept(rows[0])

    def turns(self, conversation_id: str, owner: str, after: int, limit: int) -> list[KeptTurn]:
        """At most `limit` turns, the oldest first, those after that number. Raises NotFound."""
        self._check(conversation_id, owner)
        rows = self._archive.rows(
            f"SELECT {_KEPT} FROM turns LEFT JOIN answers USING (id)"  # noqa: S608
            " WHERE conversation_id = ? AND turns.number > ? ORDER BY turns.number LIMIT ?",
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
        said = FeedbackLog(self._archive).of(row["id"])
        return KeptTurn(row["number"], row["id"], row["conversation_id"], _turn(row), answer, since, said)

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
