"""Asks every question of a suite, one after the other, and keeps what came back.

A question that raises is kept as a failed row, which every metric counts as wrong; the others are still asked.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from service.answering.request import AskRequest
from service.domain import Answer, Article, Citation, Mode
from service.errors import DatelineError, NotFound
from service.evaluation.suite import Case, Suite

log = logging.getLogger(__name__)


class Asker(Protocol):
    """What is graded. `service.answering.ask.Answerer` is one."""

    async def ask(self, request: AskRequest) -> Answer:
        """May raise anything: that is a failed row."""
        ...


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
    """One question and what came back: an answer, or the failure."""

    case: Case
    answer: Answer | None = None
    failure: Failure | None = None
    exact: tuple[bool, ...] = ()
    """For each of the answer's citations, then of its `nearest`: is `text[start:end] == quote` in the stored article?"""


@dataclass(frozen=True, slots=True)
class RunResult:
    """The rows in the order they were asked. `partial` where the run was interrupted."""

    suite: Suite
    rows: tuple[Row, ...]
    total: int
    """How many questions there were to ask."""
    partial: bool = False


OnRow = Callable[[int, int, Row], None]
"""Called after each question: how many are done, how many there are, and the row."""


def run_suite(suite: Suite, asker: Asker, articles: Articles, *, limit: int | None = None, progress: OnRow | None = None) -> RunResult:
    """Ask the suite's questions (the first `limit` of them), one at a time. Ctrl-C ends it with what is done.

    Raises BadInput where the question files are wrong. Starts an event loop, so not to be called inside one.
    """
    cases = suite.cases()[:limit]
    rows: list[Row] = []

    async def ask_all() -> None:
        for case in cases:
            rows.append(await _ask(case, suite.mode, asker, articles))
            if progress:
                progress(len(rows), len(cases), rows[-1])

    try:
        asyncio.run(ask_all())
    except KeyboardInterrupt:
        return RunResult(suite, tuple(rows), len(cases), partial=True)
    return RunResult(suite, tuple(rows), len(cases))


async def _ask(case: Case, mode: Mode, asker: Asker, articles: Articles) -> Row:
    """The row of one question. Whatever it raises is logged and kept: a bug in one answer must not hide the others."""
    request = AskRequest(question=case.question, asked_at=case.asked_at, history=case.history, mode=mode)
    try:
        answer = await asker.ask(request)
        return Row(case, answer, exact=tuple(_is_exact(c, articles) for c in (*answer.citations, *answer.nearest)))
    except Exception as error:
        failure = Failure.of(case, error)
        log.exception("question %s got no answer, error %s", case.id, failure.id)
        return Row(case, failure=failure)


def _is_exact(citation: Citation, articles: Articles) -> bool:
    """Checked against what is stored now, not against the article that the citation carries."""
    try:
        text = articles.article(citation.article.id).text
    except NotFound:
        return False
    return 0 <= citation.start < citation.end <= len(text) and text[citation.start : citation.end] == citation.quote
