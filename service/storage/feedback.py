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

    def add(self, feedback: Feedback) -> None:
        """Keep one more. Raises NotFound for an answer that was never given here, ArchiveError with what to do on a full disk."""
        answer_id = storable(feedback.answer_id)
        reason, comment = (None if words is None else storable(words) for words in (feedback.reason, feedback.comment))
        with self._archive.transaction() as connection:
            if not connection.execute("SELECT 1 FROM turns WHERE id = ?", (answer_id,)).fetchone():
                raise NotFound(f"no answer {feedback.answer_id!r} in this archive: send the `id` of an answer that it gave")
            connection.execute(
                "INSERT INTO feedback (answer_id, given_at, verdict, reason, comment) VALUES (?, ?, ?, ?, ?)",
                (answer_id, to_micros(feedback.given_at), feedback.verdict.value, reason, comment),
            )

    def of(self, answer_id: str) -> tuple[Feedback, ...]:
        """All that was said of an answer, oldest first; empty for one that nobody judged, or that is not known."""
        rows = self._archive.rows(
            "SELECT answer_id, verdict, given_at, reason, comment FROM feedback WHERE answer_id = ? ORDER BY number", (storable(answer_id),)
        )
        return tuple(
            Feedback(row["answer_id"], FeedbackVerdict(row["verdict"]), from_micros(row["given_at"]), row["reason"], row["comment"])
            for row in rows
        )
