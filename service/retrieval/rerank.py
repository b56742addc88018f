"""Reranking: the best hits read again, question and passage together, by a reranker where there is one.

Nogueira and Cho, "Passage Re-ranking with BERT", arXiv:1901.04085.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

from service.domain import Hit, Question
from service.errors import ModelError
from service.indexing.passages import embedded_text
from service.ports import Reranker

logger = logging.getLogger(__name__)


def reranked(question: Question, hits: Sequence[Hit], reranker: Reranker | None, candidates: int) -> list[Hit]:
    """The first `candidates` hits in the reranker's order, equals as they stood, and the rest behind them.

    What is read of a hit is what its vector stands for: headline, outlet, date and text. `rerank_score` is what the reranker said;
    `score` and its parts stay those of the ranking before. Without a reranker, or where it fails, the hits are as they were: it never
    costs an answer.
    """
    best, rest = hits[:candidates], hits[candidates:]
    if reranker is None or not best:
        return list(hits)
    try:
        said = reranker.rerank(question.standalone, [embedded_text(hit.article, hit.passage) for hit in best])
    except ModelError as error:
        logger.warning("not reranked: %s", error.in_short)
        return list(hits)
    scored = [replace(hit, rerank_score=score) for hit, score in zip(best, said, strict=True)]
    return [*(scored[place] for place in sorted(range(len(scored)), key=lambda place: -said[place])), *rest]
