"""Question rows: what is asked, and what a good answer holds. One JSON object a line; the keys are in `eval/README.md`."""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from service.domain import Status, Turn
from service.errors import BadInput
from service.evaluation.matching import normalise
from service.moments import iso, parse_moment

REFUSALS = tuple(status for status in Status if status.is_refusal)
ANSWERS = tuple(status for status in Status if not status.is_refusal)

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Alternatives = Annotated[list[Text], Field(min_length=1)]
Model = TypeVar("Model", bound=BaseModel)


class Strict(BaseModel):
    """A row or table in which an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class _TurnRow(Strict):
    question: Text
    answer: str


class QuestionRow(Strict):
    """One line of a question file. Only `id` and `question` are required."""

    id: Text
    question: Text
    asked_at: Text | None = None
    answers: list[Alternatives] = Field(default_factory=list)
    gold: list[Alternatives] = Field(default_factory=list)
    statuses: list[Status] = Field(default=[Status.ANSWERED], min_length=1)
    history: list[_TurnRow] = Field(default_factory=list)
    tags: list[Text] = Field(default_factory=list)
    choices: list[Text] = Field(default_factory=list)
    gold_articles: list[Text] = Field(default_factory=list)
    stale_articles: list[Text] = Field(default_factory=list)
    planted_articles: list[Text] = Field(default_factory=list)
    planted_answers: list[Text] = Field(default_factory=list)
    only_articles: list[Text] = Field(default_factory=list)
    document: str | None = None
    supported: bool | None = None
    review: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """One question with what a good answer must hold.

    `answers`: groups of alternative strings; every group is required. `gold`: for each fact, the exact sentences that
    state it, any of which will do. `statuses`: those that are right. In a suite that judges the grounding check, `question`
    is the claim, `document` the text it is checked against, and `supported` what people said.
    """

    id: str
    question: str
    asked_at: datetime | None = None
    answers: tuple[tuple[str, ...], ...] = ()
    gold: tuple[tuple[str, ...], ...] = ()
    statuses: tuple[Status, ...] = (Status.ANSWERED,)
    history: tuple[Turn, ...] = ()
    tags: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    gold_articles: tuple[str, ...] = ()
    """Ids of the articles that should be found; all of equal worth."""
    stale_articles: tuple[str, ...] = ()
    """Ids of articles that say what is true no longer."""
    planted_articles: tuple[str, ...] = ()
    """Ids of articles that were made to mislead, and in `planted_answers` what they want to be said."""
    planted_answers: tuple[str, ...] = ()
    only_articles: tuple[str, ...] = ()
    """Ids of the only articles that may be used; empty for the whole archive."""
    document: str | None = None
    supported: bool | None = None

    @property
    def must_refuse(self) -> bool:
        """True where the archive does not know: every right status is a refusal."""
        return all(status.is_refusal for status in self.statuses)

    @property
    def may_refuse(self) -> bool:
        """True where a refusal is one of the right statuses."""
        return any(status.is_refusal for status in self.statuses)

    @property
    def named_articles(self) -> tuple[str, ...]:
        """The ids of every article that the row names."""
        return (*self.gold_articles, *self.stale_articles, *self.planted_articles, *self.only_articles)

    @property
    def fingerprint(self) -> str:
        """Changes when the question or what is expected changes (tags aside): only equal ones are compared across runs."""
        seen = (
            self.question,
            iso(self.asked_at),
            self.answers,
            self.gold,
            sorted(self.statuses),
            [(turn.question, turn.answer) for turn in self.history],
            self.choices,
            sorted(self.gold_articles),
            sorted(self.stale_articles),
            sorted(self.planted_articles),
            self.planted_answers,
            sorted(self.only_articles),
            self.document,
            self.supported,
        )
        return hashlib.sha256(repr(seen).encode()).hexdigest()[:16]


def digest(name: str) -> str:
    """SHA-256 of an id: an order that has nothing to do with that of the files, for samples and halves."""
    return hashlib.sha256(name.encode()).hexdigest()


def read_lines(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each row of a JSON Lines file, also gzipped, as `file:line` and its object. Raises BadInput naming the place."""
    try:
        raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        lines = raw.decode("utf-8-sig").split("\n")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise BadInput(f"{path} cannot be read: {error}") from error
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        place = f"{path.name}:{number}"
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise BadInput(f"{place}: this is not JSON: {error}") from error
        if not isinstance(row, dict):
            raise BadInput(f"{place}: a row is a JSON object, this is a {type(row).__name__}")
        yield place, row


def case_from(row: QuestionRow, place: str) -> Case:
    """The case in a row. Raises BadInput naming the place where the row contradicts itself."""
    try:
        asked_at = parse_moment(row.asked_at, end_of_day=True) if row.asked_at else None
    except ValueError as error:
        raise BadInput(f"{place}: asked_at: {error}") from error
    case = Case(
        id=row.id,
        question=row.question,
        asked_at=asked_at,
        answers=tuple(map(tuple, row.answers)),
        gold=tuple(map(tuple, row.gold)),
        statuses=tuple(row.statuses),
        history=tuple(Turn(turn.question, turn.answer) for turn in row.history),
        tags=tuple(row.tags),
        choices=tuple(row.choices),
        gold_articles=tuple(dict.fromkeys(row.gold_articles)),
        stale_articles=tuple(dict.fromkeys(row.stale_articles)),
        planted_articles=tuple(dict.fromkeys(row.planted_articles)),
        planted_answers=tuple(row.planted_answers),
        only_articles=tuple(dict.fromkeys(row.only_articles)),
        document=row.document,
        supported=row.supported,
    )
    for alternative in (text for group in case.answers for text in group):
        if not normalise(alternative):
            raise BadInput(f"{place}: answers: {alternative!r} is nothing but articles and punctuation, which any answer would hold")
    if case.must_refuse and (case.answers or case.gold):
        raise BadInput(f"{place}: statuses allow only a refusal, yet answers or gold say what to answer")
    return case


def checked(model: type[Model], raw: object, place: str) -> Model:
    """`raw`, as a parser made it, as `model`. Raises BadInput naming the place and every wrong key."""
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'row'}: {_reason(e['type'], e['msg'])}" for e in error.errors())
        raise BadInput(f"{place}: {wrong}") from error


def _reason(kind: str, message: str) -> str:
    return "unknown key" if kind == "extra_forbidden" else message
