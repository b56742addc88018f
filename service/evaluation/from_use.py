"""From use to eval: an answer that was given, and what readers said of it, as a question row for a person to check.

The row proposes; it decides nothing. It carries `"review": true`, and a run leaves it out until a person has taken that away.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import UTC
from pathlib import Path
from typing import Any

from service.domain import Answer, Feedback, FeedbackVerdict, Scope, Status, Turn
from service.errors import BadInput
from service.evaluation.cases import read_lines
from service.moments import iso
from service.storage.archive import SqliteArchive
from service.storage.conversations import Conversations
from service.storage.feedback import FeedbackLog

TAG = "from-use"
"""On every row that came from use, so that their figures are given by themselves."""
SLUG_CHARACTERS = 40
"""Of a reason, as a tag: a tag is a column of a table."""


def question_row(answer: Answer, feedback: Sequence[Feedback], history: Sequence[Turn]) -> dict[str, Any]:
    """The row of `eval/README.md` that this answer proposes. `feedback` oldest first: the latest decides; `history` likewise.

    An answer found right is expected again, with the sentences it cited as gold, but for those of sentences found wrong. Of any other, only
    the question is kept: what is right is for the reviewer to say.
    """
    of_all = [one for one in feedback if one.sentence is None]
    latest = of_all[-1] if of_all else feedback[-1] if feedback else None
    right = latest is not None and latest.verdict is FeedbackVerdict.UP
    kept = _cited_by_right_ones(answer, feedback)
    quotes = dict.fromkeys(citation.quote.strip() for citation in answer.citations if citation.marker in kept)
    return {
        "id": answer.id,
        "question": answer.question.asked,
        # The instant in full: a bare date would stand for the day's last moment.
        "asked_at": answer.question.asked_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "statuses": [answer.status.value if right else Status.ANSWERED.value],
        "gold": [[quote] for quote in quotes if quote] if right else [],
        "answers": [],
        "history": [{"question": turn.question, "answer": turn.answer} for turn in _leaned_on(answer, history)],
        "tags": _tags(latest),
        "note": _note(answer, feedback),
        "review": True,
    }


def add_case(archive: SqliteArchive, answer_id: str, to: Path) -> dict[str, Any]:
    """Append the row of a stored answer to a question file, which is made where it is missing; returns the row.

    Raises NotFound for an answer that is not known or of which only the words were kept, and BadInput for a file that holds
    this id already, holds what is no row, or cannot be written.
    """
    conversations = Conversations(archive)
    answer = conversations.answer(answer_id)
    row = question_row(answer, FeedbackLog(archive).of(answer_id), conversations.before(answer_id))
    _append(row, to)
    return row


def _cited_by_right_ones(answer: Answer, feedback: Sequence[Feedback]) -> set[int]:
    """The markers of the citations that a sentence rests on which nobody, last of all, found wrong."""
    verdicts = {one.sentence: one.verdict for one in feedback}
    cited = [set(sentence.citations) for sentence in answer.sentences]
    wrong = {number for number, verdict in verdicts.items() if number is not None and verdict is FeedbackVerdict.DOWN}
    if not wrong:
        return {citation.marker for citation in answer.citations}
    return {marker for number, markers in enumerate(cited) if number not in wrong for marker in markers}


def _append(row: dict[str, Any], to: Path) -> None:
    if to.suffix == ".gz":
        raise BadInput(f"{to} is compressed: name a .jsonl file, to which a line can be added")
    try:
        held = to.exists()
        for place, other in read_lines(to) if held else ():
            if other.get("id") == row["id"]:
                raise BadInput(f"{place}: answer {row['id']!r} is in this file already: edit that line, or remove it first")
        to.parent.mkdir(parents=True, exist_ok=True)
        unfinished = held and to.read_bytes()[-1:] not in {b"", b"\n"}
        # One write of whole lines, so that nothing else lands in the middle of one.
        with to.open("ab") as file:
            file.write(b"\n" * unfinished + json.dumps(row, ensure_ascii=False).encode("utf-8", "replace") + b"\n")
    except OSError as error:
        raise BadInput(f"{to} cannot be written ({error.strerror}): name another file") from error


def _leaned_on(answer: Answer, history: Sequence[Turn]) -> list[Turn]:
    """The earlier turns, with the one the question leaned on last, as it was: it may have come with the request."""
    earlier = answer.question.earlier
    held = [(turn.question, turn.answer) for turn in history[-1:]]
    return list(history) if earlier is None or (earlier.question, earlier.answer) in held else [*history, earlier]


def _tags(latest: Feedback | None) -> list[str]:
    """`from-use`, the latest verdict, and its reason as a tag."""
    if latest is None:
        return [TAG]
    slug = re.sub(r"[\W_]+", "-", (latest.reason or "").casefold())[:SLUG_CHARACTERS].strip("-")
    return list(dict.fromkeys(filter(None, (TAG, latest.verdict.value, slug))))


def _note(answer: Answer, feedback: Sequence[Feedback]) -> str:
    """What the reviewer needs to see: what readers said, what was answered, and what a row cannot hold."""
    said = [f"{_place(one)}{one.verdict.value}{_of(' (', one.reason, ')')}{_of(': ', one.comment)}" for one in feedback]
    answered = f"{answer.status.value}: {answer.text or 'nothing was said'}"
    nearest = [f"nearest: “{citation.quote}”" for citation in answer.nearest]
    filters = _filters(answer.question.scope)
    return "\n".join([*said, answered, *nearest, *([f"asked with filters: {filters}"] if filters else [])])


def _filters(scope: Scope) -> str:
    """The reader's filters in words; empty where there were none. A row has no key for them."""
    named = {
        "published_from": iso(scope.published_from),
        "published_to": iso(scope.published_to),
        "sources": ", ".join(scope.sources),
        "article_ids": ", ".join(scope.article_ids),
    }
    return "; ".join(f"{name} {value}" for name, value in named.items() if value)


def _place(feedback: Feedback) -> str:
    return "" if feedback.sentence is None else f"sentence {feedback.sentence + 1}: "


def _of(before: str, words: str | None, after: str = "") -> str:
    return f"{before}{words}{after}" if words else ""
