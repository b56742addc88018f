"""Suites: a TOML file that names a corpus, questions and thresholds, and the question rows themselves.

A suite that comes with Dateline is `eval/suites/NAME.toml`, its paths relative to the folder that holds `eval/`.
Anyone else's is a file anywhere, its paths relative to that file. The formats are in `eval/README.md`.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, StringConstraints, ValidationError

from service.domain import Mode, Status, Turn, iso, parse_moment
from service.errors import BadInput
from service.evaluation.matching import normalise

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Alternatives = Annotated[list[Text], Field(min_length=1)]
Model = TypeVar("Model", bound=BaseModel)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _TurnRow(_Strict):
    question: Text
    answer: str


class _QuestionRow(_Strict):
    id: Text
    question: Text
    asked_at: Text | None = None
    answers: list[Alternatives] = Field(default_factory=list)
    gold: list[Alternatives] = Field(default_factory=list)
    statuses: list[Status] = Field(default=[Status.ANSWERED], min_length=1)
    history: list[_TurnRow] = Field(default_factory=list)
    tags: list[Text] = Field(default_factory=list)


class _SuiteFile(_Strict):
    name: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
    description: str = ""
    corpus: list[Text] = Field(default_factory=list)
    questions: list[Text] = Field(min_length=1)
    mode: Mode = Mode.AUTO
    every: int = Field(default=1, ge=1)
    thresholds: dict[str, FiniteFloat] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Case:
    """One question with what a good answer must hold.

    `answers`: groups of alternative strings; every group is required. `gold`: for each fact, the exact sentences that
    state it, any of which will do. `statuses`: those that are right.
    """

    id: str
    question: str
    asked_at: datetime | None = None
    answers: tuple[tuple[str, ...], ...] = ()
    gold: tuple[tuple[str, ...], ...] = ()
    statuses: tuple[Status, ...] = (Status.ANSWERED,)
    history: tuple[Turn, ...] = ()
    tags: tuple[str, ...] = ()

    @property
    def must_refuse(self) -> bool:
        """True where the archive does not know: every right status is a refusal."""
        return all(status.is_refusal for status in self.statuses)

    @property
    def may_refuse(self) -> bool:
        """True where a refusal is one of the right statuses."""
        return any(status.is_refusal for status in self.statuses)

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
        )
        return hashlib.sha256(repr(seen).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Suite:
    """What to ask, over which articles, and what is good enough. An empty corpus means the user's own archive."""

    name: str
    questions: tuple[Path, ...]
    corpus: tuple[Path, ...] = ()
    description: str = ""
    mode: Mode = Mode.AUTO
    thresholds: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    every: int = 1
    """Ask only each so-manieth question: a fixed part of a suite, for runs that must be short."""
    baseline: Path | None = None
    """Where the figures to compare with are kept, whether or not the file exists."""

    @property
    def missing(self) -> tuple[Path, ...]:
        """Corpus and question files that are not on this machine."""
        return tuple(path for path in (*self.corpus, *self.questions) if not path.exists())

    def cases(self) -> tuple[Case, ...]:
        """The questions, in file order. Raises BadInput naming file, line and key, or an id that comes twice."""
        seen: dict[str, str] = {}
        cases: list[Case] = []
        for path in self.questions:
            for place, case in _read_cases(path):
                if case.id in seen:
                    raise BadInput(f"{place}: id {case.id!r} was used at {seen[case.id]}")
                seen[case.id] = place
                cases.append(case)
        if not cases:
            raise BadInput(f"suite {self.name!r} has no questions: its question files are empty")
        return tuple(cases[:: self.every])


def load_suite(name_or_path: str, root: Path) -> Suite:
    """The suite of that built-in name, or in that file. `root` holds `eval/`.

    Raises BadInput where there is none, or where the file is wrong, naming the key.
    """
    path = find_suite(name_or_path, root)
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadInput(f"{path} cannot be read as a suite: {error}") from error
    read = _checked(_SuiteFile, raw, str(path))
    built_in = path.resolve().parent == (root / "eval" / "suites").resolve()
    base = root if built_in else path.resolve().parent
    return Suite(
        name=read.name,
        description=read.description,
        corpus=tuple(base / part for part in read.corpus),
        questions=tuple(base / part for part in read.questions),
        mode=read.mode,
        thresholds=MappingProxyType(dict(read.thresholds)),
        every=read.every,
        baseline=root / "eval" / "baselines" / f"{read.name}.json" if built_in else path.with_suffix(".baseline.json"),
    )


def built_in_suites(root: Path) -> list[str]:
    """Names of the suites that come with Dateline, sorted."""
    return sorted(path.stem for path in (root / "eval" / "suites").glob("*.toml"))


def find_suite(name_or_path: str, root: Path) -> Path:
    """The file of a suite. A name without a slash or suffix is a built-in one. Raises BadInput listing those there are."""
    given = Path(name_or_path)
    if given.suffix != ".toml" and len(given.parts) == 1:
        given = root / "eval" / "suites" / f"{name_or_path}.toml"
    if not given.is_file():
        known = ", ".join(built_in_suites(root)) or "none"
        raise BadInput(f"no suite {name_or_path!r}: give the path of a .toml file or one of the built-in names ({known})")
    return given


def _read_cases(path: Path) -> Iterator[tuple[str, Case]]:
    """Each row as `file:line` and its case; blank lines are passed over."""
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path} cannot be read: {error}") from error
    for number, line in enumerate(lines, start=1):
        if line.strip():
            place = f"{path.name}:{number}"
            yield place, _case(_checked(_QuestionRow, line, place), place)


def _case(row: _QuestionRow, place: str) -> Case:
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
    )
    for alternative in (text for group in case.answers for text in group):
        if not normalise(alternative):
            raise BadInput(f"{place}: answers: {alternative!r} is nothing but articles and punctuation, which any answer would hold")
    if case.must_refuse and (case.answers or case.gold):
        raise BadInput(f"{place}: statuses allow only a refusal, yet answers or gold say what to answer")
    return case


def _checked(model: type[Model], raw: object, place: str) -> Model:
    """`raw` (a JSON text, or what a parser made of one) as `model`; BadInput names the place and every wrong key."""
    try:
        return model.model_validate_json(raw) if isinstance(raw, str) else model.model_validate(raw)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'row'}: {_reason(e['type'], e['msg'])}" for e in error.errors())
        raise BadInput(f"{place}: {wrong}") from error


def _reason(kind: str, message: str) -> str:
    return "unknown key" if kind == "extra_forbidden" else message
