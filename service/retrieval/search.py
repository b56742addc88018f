"""Hybrid search: dense and lexical rankings, fused by reciprocal rank.

Cormack, Clarke and Büttcher, "Reciprocal rank fusion outperforms Condorcet and individual rank learning methods",
SIGIR 2009: score = Σ 1 / (60 + rank).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from service.domain import Hit, Question, Scope, Window
from service.ports import Archive, Embedder, VectorIndex, Vectors
from service.vectors import nearest
from service.words import search_terms

RANK_CONSTANT = 60
CANDIDATES = 50
"""Passages each ranking contributes."""
EXACT_LIMIT = 20_000
"""Up to so many passages in scope are compared one by one: 30 MB read, exact, faster than a filtered index."""
REPORTING_DELAY = timedelta(days=3)
"""News of a day is also printed on the days after."""
RECENCY_CANDIDATES = 15


class Searcher:
    """Finds passages inside a question's scope, best first."""

    def __init__(self, archive: Archive, index: VectorIndex, embedder: Embedder) -> None:
        self._archive = archive
        self._index = index
        self._embedder = embedder

    def search(self, question: Question, k: int) -> list[Hit]:
        """At most k hits. Filters and `asked_at` are exact; a window read out of the question only weighs."""
        vector = self._embedder.embed([question.standalone])[0]
        with self._archive.snapshot():
            return self._search(question, vector, k)

    def _search(self, question: Question, vector: Vectors, k: int) -> list[Hit]:
        terms = search_terms(question.standalone)
        dense = self._dense(vector, question.scope)
        lexical = [row for row, _ in self._archive.lexical(terms, question.scope, CANDIDATES)]
        rankings = [dense, lexical]
        if question.window and question.window.applied and (scope := published_in(question.window, question.scope)):
            rankings.append(self._dense(vector, scope))
            rankings.append([row for row, _ in self._archive.lexical(terms, scope, CANDIDATES)])
        fused = fuse(rankings)
        found = self._archive.hits([row for row, _ in fused])
        dense_ranks, lexical_ranks = ranks(dense), ranks(lexical)
        hits = [
            replace(found[row], score=score, dense_rank=dense_ranks.get(row), lexical_rank=lexical_ranks.get(row))
            for row, score in fused
            if row in found
        ]
        return (newest_lifted(hits) if question.wants_latest else hits)[:k]

    def _dense(self, vector: Vectors, scope: Scope) -> list[str]:
        """Ids by cosine inside the scope: from the index, or exactly where the scope is a small part of it."""
        wanted = min(CANDIDATES, self._index.count())
        found = [row for row, _ in self._index.query(vector, wanted)]
        allowed = self._archive.in_scope(found, scope)
        if len(allowed) == len(found):
            return found
        inside = self._archive.vectors_in(scope, EXACT_LIMIT)
        if inside is not None:
            return [row for row, _ in nearest(*inside, vector, CANDIDATES)]
        return self._overfetched(vector, scope, wanted)

    def _overfetched(self, vector: Vectors, scope: Scope, wanted: int) -> list[str]:
        """Ask for ever more until enough lie inside the scope, or everything has been seen."""
        total, asked = self._index.count(), wanted
        while True:
            asked = min(total, asked * 4)
            found = [row for row, _ in self._index.query(vector, asked)]
            allowed = self._archive.in_scope(found, scope)
            if len(allowed) >= wanted or asked >= total:
                return [row for row in found if row in allowed][:wanted]


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


def fuse(rankings: Sequence[Sequence[str]]) -> list[tuple[str, float]]:
    """Ids with their reciprocal rank fusion score, best first; ties by id."""
    scores: dict[str, float] = defaultdict(float)
    for ranking in rankings:
        for row, place in ranks(ranking).items():
            scores[row] += 1 / (RANK_CONSTANT + place)
    return sorted(scores.items(), key=lambda pair: (-pair[1], pair[0]))


def newest_lifted(hits: Sequence[Hit]) -> list[Hit]:
    """The hits with the newest of the best ones lifted: recency is one more ranking among them."""
    best = [hit for hit in hits[:RECENCY_CANDIDATES] if hit.article.published_at]
    by_date = sorted(best, key=lambda hit: hit.article.published_at or hit.article.ingested_at, reverse=True)  # type: ignore[arg-type, return-value]
    bonus = {hit.passage.id: 1 / (RANK_CONSTANT + place) for place, hit in enumerate(by_date, 1)}
    lifted = [replace(hit, score=hit.score + bonus.get(hit.passage.id, 0.0)) for hit in hits]
    return sorted(lifted, key=lambda hit: (-hit.score, hit.passage.id))
