"""How what was found looks outside: passages, what their scores are made of, and what became of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, Field

from service.domain import Hit, Question, Window
from service.moments import iso
from service.retrieval.explain import Explained


class WindowOut(BaseModel):
    """A time window read out of the question; half-open, an open side is null."""

    from_: str | None = Field(serialization_alias="from")
    to: str | None
    phrase: str
    applied: bool


def hit_out(hit: Hit) -> dict[str, Any]:
    """A passage of `/v1/search`."""
    article, passage = hit.article, hit.passage
    return {
        "passage_id": passage.id,
        "article_id": article.id,
        "title": article.headline,
        "source": article.source,
        "url": article.url,
        "published_at": iso(article.published_at),
        "start": passage.start,
        "end": passage.end,
        "text": passage.text,
        "score": round(hit.score, 6),
        "dense_rank": hit.dense_rank,
        "lexical_rank": hit.lexical_rank,
        "rerank_score": hit.rerank_score,
    }


def explained_out(question: Question, candidates: Sequence[Explained]) -> dict[str, Any]:
    """For `debug`: what was read out of the question, and every candidate with what became of it."""
    return {"understood": understood_out(question), "candidates": [candidate_out(one) for one in candidates]}


def understood_out(question: Question) -> dict[str, Any]:
    """What was read out of the question beside its words."""
    return {
        "windows": [window_out(window).model_dump(by_alias=True) for window in question.windows],
        "outlets": list(question.outlets),
        "authors": list(question.authors),
        "quoted": list(question.quoted),
        "clauses": list(question.clauses),
        "wants_latest": question.wants_latest,
    }


def candidate_out(one: Explained) -> dict[str, Any]:
    """A passage that was considered: what its score is the sum of, and what became of it."""
    parts = {name: round(value, 6) for name, value in one.hit.parts}
    shown = {name: value for name, value in hit_out(one.hit).items() if name != "text"}
    return {"rank": one.rank, "used": one.used, "why": one.why, **shown, "parts": parts, "story": one.hit.story}


def window_out(window: Window) -> WindowOut:
    """The window as every door shows it."""
    return WindowOut(from_=iso(window.start), to=iso(window.end), phrase=window.phrase, applied=window.applied)
