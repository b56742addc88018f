"""Suites: a TOML file that names a corpus, questions, metrics, thresholds and who is graded. The keys are in `eval/README.md`.

A suite that comes with Dateline is `eval/suites/NAME.toml`, its paths relative to the folder that holds `eval/`. Anyone
else's is a file anywhere, its paths relative to that file. A path `data:…` is inside the folder of development data.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal, Self

from pydantic import Field, FiniteFloat, StringConstraints, model_validator

from service.domain import Mode, Status
from service.errors import BadInput
from service.evaluation.cases import Case, QuestionRow, Strict, Text, case_from, checked, digest, read_lines
from service.evaluation.foreign import TARGETS, mapped, matches, settled
from service.moments import parse_moment

DATA = "data:"
DEPTH = 50
"""Passages a ranking is graded to."""


class Task(StrEnum):
    """What is graded: whole answers, only what is found, or the grounding check itself."""

    ANSWER = "answer"
    RETRIEVAL = "retrieval"
    CHECK = "check"


class _VariantTable(Strict):
    tag: Text
    where: dict[str, Any] = Field(default_factory=dict)
    only: dict[str, Annotated[int, Field(ge=1)] | Literal["all"]] = Field(default_factory=dict)
    statuses: list[Status] | None = None


class _PlantTable(Strict):
    attacks: Text | None = None
    attack: Text = "attack"
    passages: Text | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.attacks is None) == (self.passages is None):
            raise ValueError("name either attacks (a file) or passages (a key of the question rows)")
        return self


class _SuiteFile(Strict):
    name: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
    description: str = ""
    task: Task = Task.ANSWER
    corpus: list[Text] = Field(default_factory=list)
    questions: list[Text] = Field(min_length=1)
    model: Text | None = None
    mode: Mode = Mode.AUTO
    sample: int | None = Field(default=None, ge=1)
    halves: bool = False
    depth: int = Field(default=DEPTH, ge=1, le=1000)
    ingested_at: Text | None = None
    systems: list[Text] = Field(default_factory=list)
    metrics: list[Text] = Field(default_factory=list)
    thresholds: dict[str, FiniteFloat] = Field(default_factory=dict)
    where: dict[str, Any] = Field(default_factory=dict)
    fields: dict[str, str | list[str]] = Field(default_factory=dict)
    variants: list[_VariantTable] = Field(default_factory=list)
    plant: _PlantTable | None = None

    @model_validator(mode="after")
    def _mappable(self) -> Self:
        if unknown := set(self.fields) - TARGETS:
            raise ValueError(f"fields: no key {', '.join(sorted(unknown))}: there are {', '.join(sorted(TARGETS))}")
        if self.ingested_at:
            parse_moment(self.ingested_at)
        return self


@dataclass(frozen=True, slots=True)
class Variant:
    """A question asked under a condition: over so many of the articles that a key of its row names, with other right statuses."""

    tag: str
    where: Mapping[str, object]
    only: Mapping[str, int | str]
    statuses: tuple[Status, ...] | None = None


@dataclass(frozen=True, slots=True)
class Plant:
    """What hostile text goes into the corpus: a file of attacks, one into each article, or passages of the question rows as articles."""

    attacks: Path | None = None
    attack: str = "attack"
    passages: str | None = None


@dataclass(frozen=True, slots=True)
class Suite:
    """What to ask, over which articles, of whom, and what is good enough. An empty corpus means the user's own archive."""

    name: str
    questions: tuple[Path, ...]
    corpus: tuple[Path, ...] = ()
    description: str = ""
    task: Task = Task.ANSWER
    model: str | None = None
    """Who writes, instead of DATELINE_MODEL."""
    mode: Mode = Mode.AUTO
    thresholds: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    metrics: tuple[str, ...] = ()
    """The figures a report shows; empty for all that say something."""
    systems: tuple[str, ...] = ()
    """What else is asked in the same run, to compare with."""
    sample: int | None = None
    """Ask only so many questions: a part that does not change while the questions do not, for runs that must be short."""
    halves: bool = False
    """Tag each question `half a` or `half b`, by the hash of its id: tune on one, report both."""
    depth: int = DEPTH
    ingested_at: datetime | None = None
    """When the archive took the corpus in, for articles of unknown date; now by default."""
    where: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    fields: Mapping[str, str | list[str]] = field(default_factory=lambda: MappingProxyType({}))
    variants: tuple[Variant, ...] = ()
    plant: Plant | None = None
    baseline: Path | None = None
    """Where the figures to compare with are kept, whether or not the file exists."""
    data: Path | None = None
    """Where third-party sets are, whether or not they are there."""

    @property
    def mislaid(self) -> tuple[Path, ...]:
        """Missing files that are no third-party data: a path that is wrong."""
        return tuple(path for path in self.missing if self.data is None or not path.is_relative_to(self.data))

    @property
    def missing(self) -> tuple[Path, ...]:
        """Files of the suite that are not on this machine."""
        planted = [self.plant.attacks] if self.plant and self.plant.attacks else []
        return tuple(path for path in (*self.corpus, *self.questions, *planted) if not path.exists())

    def cases(self) -> tuple[Case, ...]:
        """The questions, in file order. Raises BadInput naming file, line and key, or an id that comes twice."""
        cases = [case for case, review in self._read() if not review]
        if not cases:
            why = "no row is let through by its where table" if self.where else "its question files are empty"
            raise BadInput(f"suite {self.name!r} has no questions: {why}, or every row waits for review")
        if self.sample:
            chosen = {case.id for case in sorted(cases, key=lambda case: digest(case.id))[: self.sample]}
            cases = [case for case in cases if case.id in chosen]
        return tuple(cases)

    @property
    def awaiting_review(self) -> int:
        """Rows marked `"review": true`, which are not asked until a person has checked them."""
        return sum(review for _, review in self._read())

    def rows(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """The raw rows that `where` lets through, as `file:line` and object."""
        for path in self.questions:
            for place, row in read_lines(path):
                if matches(row, self.where):
                    yield place, row

    def _read(self) -> Iterator[tuple[Case, bool]]:
        seen: dict[str, str] = {}
        for place, raw in self.rows():
            for native in self._natives(raw):
                row = checked(QuestionRow, native, place)
                case = case_from(row, place)
                if case.id in seen:
                    raise BadInput(f"{place}: id {case.id!r} was used at {seen[case.id]}")
                seen[case.id] = place
                yield self._halved(case, str(raw.get("id"))), row.review

    def _natives(self, raw: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """The row with our keys: once, or once for each variant it has enough articles for."""
        native = mapped(raw, self.fields) if self.fields else raw
        if self.plant and self.plant.passages:
            native["planted_articles"] = [name for name, _ in planted_passages(raw, self.plant.passages)]
        if not self.variants:
            yield native
        for variant in self.variants:
            if matches(raw, variant.where) and (only := _only(raw, variant)) is not None:
                varied = {**native, "id": f"{native.get('id')}/{variant.tag}", "tags": [*native.get("tags", []), variant.tag]}
                if only:
                    varied["only_articles"] = only
                if variant.statuses:
                    varied["statuses"] = [*variant.statuses]
                yield settled(varied)

    def _halved(self, case: Case, root: str) -> Case:
        """Tagged by the hash of the row's own id, so that its variants stay together."""
        return replace(case, tags=(*case.tags, f"half {'ab'[int(digest(root), 16) % 2]}")) if self.halves else case


def planted_passages(row: Mapping[str, Any], key: str) -> list[tuple[str, str]]:
    """The articles that a row's planted passages become: id and text."""
    return [(f"{row.get('id')}-planted-{number}", str(text)) for number, text in enumerate(row.get(key) or (), start=1)]


def load_suite(name_or_path: str, root: Path, *, data: Path | None = None) -> Suite:
    """The suite of that built-in name, or in that file. `root` holds `eval/`, `data` the third-party sets (DATELINE_EVAL_DATA).

    Raises BadInput where there is none, or where the file is wrong, naming the key.
    """
    path = find_suite(name_or_path, root)
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadInput(f"{path} cannot be read as a suite: {error}") from error
    read = checked(_SuiteFile, raw, str(path))
    built_in = path.resolve().parent == (root / "eval" / "suites").resolve()
    base = root if built_in else path.resolve().parent
    folder = data or base

    def place(part: str) -> Path:
        return folder / part.removeprefix(DATA) if part.startswith(DATA) else base / part

    return Suite(
        name=read.name,
        description=read.description,
        task=read.task,
        corpus=tuple(map(place, read.corpus)),
        questions=tuple(map(place, read.questions)),
        model=read.model,
        mode=read.mode,
        thresholds=MappingProxyType(dict(read.thresholds)),
        metrics=tuple(read.metrics),
        systems=tuple(dict.fromkeys(read.systems)),
        sample=read.sample,
        halves=read.halves,
        depth=read.depth,
        ingested_at=parse_moment(read.ingested_at) if read.ingested_at else None,
        where=MappingProxyType(dict(read.where)),
        fields=MappingProxyType(dict(read.fields)),
        variants=tuple(Variant(v.tag, v.where, v.only, tuple(v.statuses) if v.statuses else None) for v in read.variants),
        plant=_plant(read.plant, place) if read.plant else None,
        data=data,
        baseline=root / "eval" / "baselines" / f"{read.name}.json" if built_in else path.with_suffix(".baseline.json"),
    )


def _plant(read: _PlantTable, place: Callable[[str], Path]) -> Plant:
    return Plant(place(read.attacks) if read.attacks else None, read.attack, read.passages)


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


def _only(raw: Mapping[str, Any], variant: Variant) -> list[str] | None:
    """The ids of the articles of a variant; None where the row names fewer than it needs."""
    only: list[str] = []
    for key, count in variant.only.items():
        names = [str(name) for name in raw.get(key) or ()]
        if not names or (isinstance(count, int) and len(names) < count):
            return None
        only += names[:count] if isinstance(count, int) else names
    return only
