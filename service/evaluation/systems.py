"""What is graded: Dateline itself, and simpler systems over the same archive, asked in the same run.

`bm25`, `dense` and `rrf` differ from Dateline only in how passages are ranked; `textbook` is a whole chain of its own.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from service.answering.request import AskRequest, Checked, Emit, Event
from service.domain import Answer, Hit, Mode, Question
from service.evaluation.cases import Case
from service.ports import Archive, Embedder, Retriever
from service.retrieval.ranking import RANK_CONSTANT
from service.retrieval.search import CANDIDATES, ranks
from service.vectors import nearest
from service.words import search_terms

DATELINE = "dateline"
ALL = 2**31
"""More than any archive holds."""


@dataclass(frozen=True, slots=True)
class Response:
    """What a system gave back: a ranking, and where it answers, an answer. `verdict` and `strength` are the grounding check's."""

    ranking: tuple[Hit, ...] | None = None
    answer: Answer | None = None
    first_sentence_ms: float | None = None
    """From the question to the first checked sentence."""
    search_ms: float | None = None
    verdict: bool | None = None
    strength: float | None = None


class System(Protocol):
    """Something that a suite can be asked of."""

    @property
    def name(self) -> str:
        """Names it in reports."""
        ...

    async def respond(self, case: Case) -> Response:
        """May raise anything: that is a failed row."""
        ...


class Asker(Protocol):
    """What answers. `service.answering.ask.Answerer` is one."""

    async def ask(self, request: AskRequest, emit: Emit = ...) -> Answer:
        """The answer, telling `emit` what happens on the way."""
        ...

    def understand(self, request: AskRequest) -> Question:
        """The question as it is searched for."""
        ...


@dataclass(frozen=True, slots=True)
class Ranked:
    """A system of which only the ranking is graded, to `depth` passages."""

    name: str
    asker: Asker
    retriever: Retriever
    depth: int

    async def respond(self, case: Case) -> Response:
        """The ranking, and the time from understanding to the last passage."""
        return await asyncio.to_thread(self._search, request_of(case))

    def _search(self, request: AskRequest) -> Response:
        began = time.perf_counter()
        hits = self.retriever.search(self.asker.understand(request), self.depth)
        return Response(tuple(hits), search_ms=_since(began))


@dataclass(frozen=True, slots=True)
class Answering:
    """A system whose answers are graded, and where `ranked` is given, its ranking too."""

    name: str
    asker: Asker
    mode: Mode = Mode.AUTO
    ranked: Ranked | None = None

    async def respond(self, case: Case) -> Response:
        """The answer, by the same `ask` that every door calls, and the ranking by the same `search`."""
        ranking = (await self.ranked.respond(case)).ranking if self.ranked and is_ranked(case) else None
        began, first = time.perf_counter(), list[float]()

        async def watch(event: Event) -> None:
            if isinstance(event, Checked) and not first:
                first.append(_since(began))

        answer = replace(await self.asker.ask(request_of(case, self.mode), watch), found=())  # whole articles, for every question
        return Response(ranking, answer, first[0] if first and not answer.status.is_refusal else None)


@dataclass(frozen=True, slots=True)
class Replayed:
    """A system whose model may have written before the run: its times are nobody's, so there are none."""

    system: System

    @property
    def name(self) -> str:
        """That of the system."""
        return self.system.name

    async def respond(self, case: Case) -> Response:
        """The same without times."""
        response = await self.system.respond(case)
        answer = response.answer and replace(response.answer, timings_ms={})
        return replace(response, answer=answer, first_sentence_ms=None, search_ms=None)


@dataclass(frozen=True, slots=True)
class Lexical:
    """BM25 alone (SQLite's FTS5), inside the question's scope."""

    archive: Archive

    def search(self, question: Question, k: int) -> list[Hit]:
        """At most k hits, best first."""
        return hits_of(self.archive, {"lexical": _lexical(self.archive, question, k)}, k)


@dataclass(frozen=True, slots=True)
class Dense:
    """Cosine alone, exact, inside the question's scope."""

    archive: Archive
    embedder: Embedder

    def search(self, question: Question, k: int) -> list[Hit]:
        """At most k hits, best first."""
        return hits_of(self.archive, {"dense": _dense(self.archive, self.embedder, question, k)}, k)


@dataclass(frozen=True, slots=True)
class PlainFusion:
    """Both rankings fused by reciprocal rank, and nothing else: no window, no weights."""

    archive: Archive
    embedder: Embedder

    def search(self, question: Question, k: int) -> list[Hit]:
        """At most k hits, best first."""
        dense = _dense(self.archive, self.embedder, question, CANDIDATES)
        lexical = _lexical(self.archive, question, CANDIDATES)
        return hits_of(self.archive, {"dense": dense, "lexical": lexical}, k)


def hits_of(archive: Archive, rankings: dict[str, list[str]], k: int) -> list[Hit]:
    """The rankings fused, as hits that say their rank in each."""
    fused = fuse(list(rankings.values()))[:k]
    found = archive.hits([row for row, _ in fused])
    dense, lexical = ranks(rankings.get("dense", [])), ranks(rankings.get("lexical", []))
    return [
        replace(found[row], score=score, dense_rank=dense.get(row), lexical_rank=lexical.get(row)) for row, score in fused if row in found
    ]


def fuse(rankings: Sequence[Sequence[str]]) -> list[tuple[str, float]]:
    """Ids with their reciprocal rank fusion score (Cormack, Clarke and Büttcher, SIGIR 2009), best first; ties by id."""
    scores: dict[str, float] = defaultdict(float)
    for ranking in rankings:
        for row, place in ranks(ranking).items():
            scores[row] += 1 / (RANK_CONSTANT + place)
    return sorted(scores.items(), key=lambda pair: (-pair[1], pair[0]))


def request_of(case: Case, mode: Mode = Mode.AUTO) -> AskRequest:
    """The question as every door would put it."""
    return AskRequest(question=case.question, asked_at=case.asked_at, article_ids=case.only_articles, history=case.history, mode=mode)


def is_ranked(case: Case) -> bool:
    """True where the row says anything of what should be found, so that a ranking can be graded."""
    return bool(case.gold or case.gold_articles or case.stale_articles or case.answers)


def _lexical(archive: Archive, question: Question, k: int) -> list[str]:
    return [row for row, _ in archive.lexical(search_terms(question.standalone), question.scope, k)]


def _dense(archive: Archive, embedder: Embedder, question: Question, k: int) -> list[str]:
    inside = archive.vectors_in(question.scope, ALL)
    if inside is None or not inside[0]:
        return []
    return [row for row, _ in nearest(*inside, embedder.embed_questions([question.standalone])[0], k)]


def _since(began: float) -> float:
    return (time.perf_counter() - began) * 1000
