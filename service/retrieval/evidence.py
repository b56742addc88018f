"""Evidence: the best sentences of the best passages, numbered, few enough to be read by a small model in seconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from service.domain import Evidence, Hit, Question
from service.ports import Embedder, Vectors
from service.sentences import sentence_spans
from service.words import content_stems, folded, numbers

LEXICAL_WEIGHT = 0.35
"""Weight of the share of the question's words a sentence holds, beside its cosine."""
RANK_WEIGHT = 0.15
"""Weight of the passage's own rank: 1 for the best passage, falling to 0."""
_UNDATED = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Selection:
    """The chosen evidence, in reading order, with each sentence's vector (`(n, d)`) and the question's (`(d,)`)."""

    evidence: tuple[Evidence, ...]
    vectors: Vectors
    question_vector: Vectors


def select_evidence(question: Question, hits: Sequence[Hit], embedder: Embedder, *, max_sentences: int, max_tokens: int) -> Selection:
    """The sentences most worth reading, grouped by article, oldest article first, at most `max_tokens` of them.

    A sentence reprinted word for word counts once, for its best passage.
    """
    candidates = _candidates(hits)
    vectors = embedder.embed([question.standalone, *(_in_context(one) for one in candidates)])
    stems = content_stems(question.standalone) | numbers(question.standalone)
    scored = [
        replace(one, score=_score(one, float(vector @ vectors[0]), stems, place / max(1, len(hits))))
        for (one, place), vector in zip(((c, _place(c, hits)) for c in candidates), vectors[1:], strict=True)
    ]
    rows = _best(scored, embedder, max_sentences, max_tokens)
    rows.sort(key=lambda row: _reading_order(scored[row]))
    chosen = tuple(replace(scored[row], number=number) for number, row in enumerate(rows, 1))
    return Selection(chosen, vectors[[row + 1 for row in rows]], vectors[0])


def _candidates(hits: Sequence[Hit]) -> list[Evidence]:
    seen: set[str] = set()
    candidates = []
    for hit in hits:
        offset = hit.passage.start
        for start, end in sentence_spans(hit.passage.text, hit.article.language):
            text = hit.passage.text[start:end]
            if (key := folded(text)) not in seen:
                seen.add(key)
                candidates.append(Evidence(0, hit.article, hit.passage, offset + start, offset + end, text, 0.0))
    return candidates


def _in_context(one: Evidence) -> str:
    """A sentence as it is embedded: under its headline, which often names what the sentence calls "it"."""
    return f"{one.article.title}\n{one.text}" if one.article.title else one.text


def _place(one: Evidence, hits: Sequence[Hit]) -> int:
    return next(place for place, hit in enumerate(hits) if hit.passage.id == one.passage.id)


def _score(one: Evidence, cosine: float, stems: frozenset[str], place: float) -> float:
    held = content_stems(one.text) | numbers(one.text) | content_stems(one.article.title)
    lexical = len(stems & held) / len(stems) if stems else 0.0
    return cosine + LEXICAL_WEIGHT * lexical + RANK_WEIGHT * (1 - place)


def _best(scored: Sequence[Evidence], embedder: Embedder, max_sentences: int, max_tokens: int) -> list[int]:
    """Rows of the best sentences that fit the token budget, best first."""
    sizes = [len(starts) for starts in embedder.token_starts([one.text for one in scored])]
    chosen: list[int] = []
    spent = 0
    for row in sorted(range(len(scored)), key=lambda row: (-scored[row].score, row)):
        if len(chosen) < max_sentences and (not chosen or spent + sizes[row] <= max_tokens):
            chosen.append(row)
            spent += sizes[row]
    return chosen


def _reading_order(one: Evidence) -> tuple[datetime, str, int]:
    return one.article.published_at or _UNDATED, one.article.id, one.start
