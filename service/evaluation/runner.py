"""Asks every question of a suite, one after the other, and keeps what came back.

A question that raises is kept as a failed row, which every metric counts as wrong; the others are still asked.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Protocol

from service.domain import Answer, Article, Citation, Hit
from service.errors import DatelineError, NotFound
from service.evaluation.cases import Case
from service.evaluation.journal import Journal
from service.evaluation.judging import CitationJudge, JudgedSentence
from service.evaluation.planting import Span, planted_in
from service.evaluation.suite import Suite
from service.evaluation.systems import Response, System

log = logging.getLogger(__name__)


class Articles(Protocol):
    """The stored articles that citations are checked against. `service.ports.Archive` is one."""

    def article(self, article_id: str) -> Article:
        """Raises NotFound."""
        ...


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a question got no answer. The same failure has the same id in every run, and in the log."""

    id: str
    kind: str
    message: str
    """What a user can act on; empty where the error was not one of ours."""

    @classmethod
    def of(cls, case: Case, error: Exception) -> Failure:
        """The failure of this question by this error."""
        kind = type(error).__name__
        digest = hashlib.sha256(f"{case.id}\0{kind}\0{error}".encode()).hexdigest()[:12]
        return cls(digest, kind, str(error) if isinstance(error, DatelineError) else "")


@dataclass(frozen=True, slots=True)
class Row:
    """One question and what came back: an answer, a ranking, a verdict of the check, or the failure."""

    case: Case
    answer: Answer | None = None
    failure: Failure | None = None
    exact: tuple[bool, ...] = ()
    """For each of the answer's citations, then of its `nearest`: is `text[start:end] == quote` in the stored article?"""
    ranking: tuple[Hit, ...] | None = None
    judged: tuple[JudgedSentence, ...] | None = None
    """For each sentence of the answer, what the grounding check says of its citations."""
    planted: tuple[bool, ...] | None = None
    """For each of the answer's citations: was its text planted? None where nothing was planted inside articles."""
    attacks: tuple[str, ...] = ()
    """The planted texts that were among the evidence."""
    verdict: bool | None = None
    strength: float | None = None
    first_sentence_ms: float | None = None
    search_ms: float | None = None
    correctness: float | None = None
    """What a hosted judge says of the answer, 0 to 1; None where none was asked."""


@dataclass(frozen=True, slots=True)
class Bench:
    """What a suite is asked of: the graded system first, then those it is compared with; and what their answers are held against."""

    systems: tuple[System, ...]
    articles: Articles
    judge: CitationJudge | None = None
    planted: Mapping[str, Span] | None = None
    """Where attacks stand in articles, by article id."""
    aliases: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Ids of articles that are in the archive under another id, because they are the same article."""
    memory: Callable[[], Mapping[str, int]] = dict
    """Bytes of memory by process, when the run is over."""
    identity: str = ""
    """Names everything that answers depend on beside the question: an interrupted run goes on only where it is the same."""

    def absent(self, cases: Iterable[Case]) -> list[str]:
        """Ids that questions name and no article of the archive has: such labels could only ever count as missed."""
        named = dict.fromkeys(name for case in cases for name in case.named_articles)
        return [name for name in named if not self._holds(name)]

    def _holds(self, name: str) -> bool:
        try:
            self.articles.article(name)
        except NotFound:
            return False
        return True

    def renamed(self, case: Case) -> Case:
        """The case with the ids that its articles have in the archive."""

        def kept(names: tuple[str, ...]) -> tuple[str, ...]:
            return tuple(dict.fromkeys(self.aliases.get(name, name) for name in names))

        return replace(
            case,
            gold_articles=kept(case.gold_articles),
            stale_articles=kept(case.stale_articles),
            planted_articles=kept(case.planted_articles),
            only_articles=kept(case.only_articles),
        )


@dataclass(frozen=True, slots=True)
class RunResult:
    """The rows of one system in the order they were asked. `partial` where the run was interrupted."""

    suite: Suite
    rows: tuple[Row, ...]
    total: int
    """How many questions there were to ask."""
    partial: bool = False
    system: str = "dateline"
    kept: int = 0
    """How many rows were taken over from an interrupted run."""


OnRow = Callable[[int, int, Row], None]
"""Called after each question: how many are done, how many there are, and the row."""


def run_system(
    suite: Suite, cases: Sequence[Case], system: System, bench: Bench, *, journal: Journal | None = None, progress: OnRow | None = None
) -> RunResult:
    """Ask one system these questions, one at a time. Ctrl-C ends it with what is done.

    Starts an event loop, so not to be called inside one.
    """
    rows: list[Row] = []
    kept = 0

    async def ask_all() -> None:
        nonlocal kept
        for case in cases:
            known = journal.known(system.name, case) if journal is not None else None
            kept += known is not None
            rows.append(await _ask(case, system, bench, known))
            if journal is not None and known is None and rows[-1].failure is None:
                journal.add(system.name, case, response_of(rows[-1]))
            if progress:
                progress(len(rows), len(cases), rows[-1])

    try:
        asyncio.run(ask_all())
    except KeyboardInterrupt:
        return RunResult(suite, tuple(rows), len(cases), partial=True, system=system.name, kept=kept)
    return RunResult(suite, tuple(rows), len(cases), system=system.name, kept=kept)


def response_of(row: Row) -> Response:
    """What the system gave back, without what was found out about it."""
    return Response(row.ranking, row.answer, row.first_sentence_ms, row.search_ms, row.verdict, row.strength)


async def _ask(case: Case, system: System, bench: Bench, known: Response | None) -> Row:
    """The row of one question. Whatever it raises is logged and kept: a bug in one answer must not hide the others."""
    try:
        response = known or await system.respond(case)
        return await asyncio.to_thread(_row, case, response, bench)
    except DatelineError as error:
        failure = Failure.of(case, error)
        log.error("question %s got no answer, error %s: %s", case.id, failure.id, failure.kind)  # the report has its words
        return Row(case, failure=failure)
    except Exception as error:
        failure = Failure.of(case, error)
        log.exception("question %s got no answer, error %s", case.id, failure.id)
        return Row(case, failure=failure)


def _row(case: Case, response: Response, bench: Bench) -> Row:
    answer, spans = response.answer, bench.planted
    shown = (*answer.citations, *answer.nearest) if answer else ()
    reached = answer.evidence if answer and spans is not None else ()
    planted = [one for one in reached if spans and planted_in(spans, one.article.id, one.start, one.end)]
    return Row(
        case,
        answer,
        exact=tuple(_is_exact(citation, bench.articles) for citation in shown),
        ranking=response.ranking,
        judged=bench.judge.judge(answer) if bench.judge and answer else None,
        planted=tuple(planted_in(spans, c.article.id, c.start, c.end) for c in answer.citations) if answer and spans is not None else None,
        attacks=tuple(_planted_text(bench.articles, spans, one.article.id) for one in planted if spans),
        verdict=response.verdict,
        strength=response.strength,
        first_sentence_ms=response.first_sentence_ms,
        search_ms=response.search_ms,
    )


def _planted_text(articles: Articles, spans: Mapping[str, Span], article_id: str) -> str:
    start, end = spans[article_id]
    return articles.article(article_id).text[start:end]


def _is_exact(citation: Citation, articles: Articles) -> bool:
    """Checked against what is stored now, not against the article that the citation carries."""
    try:
        text = articles.article(citation.article.id).text
    except NotFound:
        return False
    return 0 <= citation.start < citation.end <= len(text) and text[citation.start : citation.end] == citation.quote
