"""Search: candidates from dense and lexical rankings, inside the question's scope, put in order by `ranking`.

Filters and `asked_at` cut; what was read out of the question (windows, outlets, quoted phrases) only brings more candidates in and weighs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta

from service.domain import Hit, Question, Scope, Window
from service.ports import Archive, Embedder, Reranker, VectorIndex, Vectors
from service.retrieval.ranking import WEIGHTS, Candidate, Weights, rank
from service.retrieval.rerank import reranked
from service.retrieval.retracted import without_retracted
from service.retrieval.stories import one_vote
from service.vectors import nearest
from service.words import search_terms

CANDIDATES = 50
"""Passages each ranking contributes."""
INFERRED = 20
"""Passages each ranking contributes for every window and outlet that the question speaks of, and full text for what it quotes."""
REPORTING_DELAY = timedelta(days=3)
"""News of a day is also printed on the days after."""
EVERYTHING = 200
"""So many candidates are told of at most; there are seldom more."""
FIRST_FETCH = 4
"""How many times more than is wanted are asked for before a filter's share of them is known."""
MOST_FETCHED = 500
"""Where more would have to be asked for, the vectors of a small filter are compared one by one; `docs/retrieval.md` has the times."""
EXACT_LIMIT = 5_000
"""Up to so many passages: 8 MB read, exact."""


class Searcher:
    """Finds passages inside a question's scope, best first."""

    def __init__(
        self,
        archive: Archive,
        index: VectorIndex,
        embedder: Embedder,
        *,
        weights: Weights = WEIGHTS,
        reranker: Reranker | None = None,
        rerank_candidates: int = 30,
    ) -> None:
        self._archive = archive
        self._index = index
        self._embedder = embedder
        self._weights = weights
        self._reranker = reranker
        self._rerank_candidates = rerank_candidates

    def weighing(self, weights: Weights) -> Searcher:
        """The same search under other weights."""
        return Searcher(
            self._archive, self._index, self._embedder, weights=weights, reranker=self._reranker, rerank_candidates=self._rerank_candidates
        )

    def search(self, question: Question, k: int) -> list[Hit]:
        """At most k hits; the parts of each say why it stands where it does."""
        hits = one_vote(rank(question, self.candidates(question), self._weights))
        return reranked(question, hits, self._reranker, self._rerank_candidates)[:k]

    def candidates(self, question: Question) -> list[Candidate]:
        """What any ranking found, in no order: a consistent view of the archive, whatever is published meanwhile."""
        vector = self._embedder.embed_questions([question.standalone])[0]
        with self._archive.snapshot():
            terms = search_terms(question.standalone)
            dense = self._near(vector, question.scope, CANDIDATES)
            lexical = self._archive.lexical(terms, question.scope, CANDIDATES)
            scored, more = dict(lexical), list[str]()
            for scope in inferred(question):
                more += self._near(vector, scope, INFERRED)
                scored |= self._archive.lexical(terms, scope, INFERRED)
            quoted = self._archive.lexical(question.quoted, question.scope, INFERRED)
            ids = list(dict.fromkeys([*dense, *scored, *more, *(row for row, _ in quoted)]))
            hits, vectors = self._archive.hits(ids), self._archive.vectors_of(ids)
            notices = self._archive.notices_about(sorted({hit.article.id for hit in hits.values()}))
        hits = {hit.passage.id: hit for hit in without_retracted(question, list(hits.values()), notices)}
        dense_ranks, lexical_ranks = ranks(dense), ranks([row for row, _ in lexical])
        return [
            Candidate(
                replace(hits[row], dense_rank=dense_ranks.get(row), lexical_rank=lexical_ranks.get(row)),
                float(vectors[row] @ vector) if row in vectors else 0.0,
                scored.get(row, 0.0),
            )
            for row in ids
            if row in hits
        ]

    def _near(self, vector: Vectors, scope: Scope, wanted: int) -> list[str]:
        """Ids by cosine inside the scope, best first.

        From the index while the scope's share of what it gives is large; exactly, over the stored vectors, where the scope is small.
        """
        asked = wanted
        while True:
            found = [row for row, _ in self._index.query(vector, asked)]
            allowed = self._archive.in_scope(found, scope)
            inside = [row for row in found if row in allowed]
            if len(inside) >= wanted or len(found) < asked:
                return inside[:wanted]
            needed = max(FIRST_FETCH * asked, asked * wanted * 3 // (2 * max(1, len(inside))))
            if needed > MOST_FETCHED and (stored := self._archive.vectors_in(scope, EXACT_LIMIT)) is not None:
                return [row for row, _ in nearest(*stored, vector, wanted)]
            asked = needed


def inferred(question: Question) -> Iterator[Scope]:
    """The scopes that the question speaks of without being cut to them: each of its windows, each outlet it names."""
    for window in question.weighing:
        if scope := published_in(window, question.scope):
            yield scope
    for outlet in question.outlets:
        if not question.scope.sources or outlet.casefold() in {source.casefold() for source in question.scope.sources}:
            yield replace(question.scope, sources=(outlet,))


def published_in(window: Window, scope: Scope) -> Scope | None:
    """The scope of what was printed about the window: in it, or shortly after it. None where the two exclude each other."""
    late = replace(window, end=window.end + REPORTING_DELAY) if window.end else window
    inside = scope.within(late)
    if inside.published_from and inside.published_to and inside.published_from >= inside.published_to:
        return None
    return inside


def ranks(ranking: Sequence[str]) -> dict[str, int]:
    """Each id's place, from 1."""
    return {row: place for place, row in enumerate(ranking, 1)}
