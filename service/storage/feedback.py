"""What readers say of answers, each word kept, in the order it came."""

from __future__ import annotations

from service.domain import Feedback, FeedbackVerdict
from service.errors import NotFound
from service.storage.archive import SqliteArchive
from service.storage.rows import from_micros, storable, to_micros


class FeedbackLog:
    """Feedback on answers, in the archive's file. Nothing is overwritten: the latest one is the last."""

    def __init__(self, archive: SqliteArchive) -> None:
        self._archive = archive

    def add(self, feedback: Feedback, owner: str = "") -> None:
        """Keep one more. Raises NotFound for an answer that was never given to this owner, ArchiveError with what to do on a full disk."""
        answer_id = storable(feedback.answer_id)
        reason, comment = (None if words is None else storable(words) for words in (feedback.reason, feedback.comment))
        with self._archive.transaction() as connection:
            statement = "SELECT 1 FROM turns JOIN conversations c ON c.id = conversation_id WHERE turns.id = ? AND owner = ?"
            if not connection.execute(statement, (answer_id, owner)).fetchone():
                raise NotFound(f"no answer {feedback.answer_id!r} in this archive: send the `id` of an answer that it gave")
            connection.execute(
                "INSERT INTO feedback (answer_id, given_at, verdict, reason, comment, sentence) VALUES (?, ?, ?, ?, ?, ?)",
                (answer_id, to_micros(feedback.given_at), feedback.verdict.value, reason, comment, feedback.sentence),
            )

    def of(self, answer_id: str) -> tuple[Feedback, ...]:
        """All that was said of an answer, oldest first; empty for one that nobody judged, or that is not known."""
        rows = self._archive.rows(
            "SELECT answer_id, verdict, given_at, reason, comment, sentence FROM feedback WHERE answer_id = ? ORDER BY number",
            (storable(answer_id),),
        )
        return tuple(Feedback(row[0], FeedbackVerdict(row[1]), from_micros(row[2]), row[3], row[4], row[5]) for row in rows)
