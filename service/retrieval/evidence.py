"""Evidence: the best sentences of the best passages, numbered, few enough to be read by a small model in seconds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from service.domain import Evidence, Hit, Question
from service.ports import Embedder, Vectors
from service.retrieval.corrections import replaced
from service.retrieval.instructions import Kind, addressed, asks_about_instructions
from service.sentences import sentence_spans
from service.words import content_stems, folded, numbers

LEXICAL_WEIGHT = 0.8
"""Weight of the question's words that a sentence (or its headline) holds, beside its cosine to the question."""
RANK_WEIGHT = 0.3
"""Weight of the passage's own rank: 1 for the best passage, falling to 0."""
NEIGHBOUR = 0.8
"""A sentence is worth at least this share of its neighbour: answers often follow the sentence that names their subject."""
# The three were read off eval/questions/a.jsonl: of its 87 gold facts, the share among the 8 sentences rose from 0.81 to 0.92. On b.jsonl,
# which had no part in it, it rose from 0.88 to 0.93 of 75. Weighing words by rarity among the candidates did most of it.
SECOND_VOICE = 0.9
"""What the nearest sentence of an independent story is worth, as a share of one of the best `VOICED` sentences with a number."""
VOICED = 3
ALIKE, SAME_TIME = 0.6, timedelta(days=4)
"""Cosine and distance in time of two sentences that can disagree, as in `answering.conflicts`."""
# With it the fifth disagreement of half a comes into the evidence, and 82 of its 87 gold facts instead of 81; of half b the same 71 of 75.
_UNDATED = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Selection:
    """The chosen evidence, in reading order, with each sentence's vector (`(n, d)`) and the question's (`(d,)`)."""

    evidence: tuple[Evidence, ...]
    vectors: Vectors
    question_vector: Vectors

    @property
    def best_similarity(self) -> float | None:
        """The best cosine of a sentence to the question; None without evidence."""
        return float((self.vectors @ self.question_vector).max()) if self.evidence else None


def select_evidence(question: Question, hits: Sequence[Hit], embedder: Embedder, *, max_sentences: int, max_tokens: int) -> Selection:
    """The sentences most worth reading, grouped by article, oldest article first, at most `max_tokens` of them.

    A sentence reprinted word for word counts once, for its best passage. One that is spoken to its reader (an order, a
    question) is not chosen, unless the question is about such sentences; what follows a question still gains by it. Neither is
    one that a correction replaces: the correction takes its place.
    """
    candidates = _candidates(hits)
    asked = embedder.embed_questions([question.standalone])[0]
    vectors = embedder.embed([one.text for one in candidates])
    kinds = [None if asks_about_instructions(question.asked) else addressed(one.text) for one in candidates]
    alone = _scores(question, candidates, vectors @ asked, hits)
    scores = _lifted(candidates, [score if kind in {None, Kind.QUESTION} else 0.0 for score, kind in zip(alone, kinds, strict=True)])
    corrected = replaced(question, candidates)
    for row, by in corrected.items():
        scores[by] = max(scores[by], scores[row])
    reports = [row for row, kind in enumerate(kinds) if kind is None and row not in corrected]
    scores = _with_second_voices(candidates, scores, reports, vectors)
    scored = [replace(one, score=score) for one, score in zip(candidates, scores, strict=True)]
    rows = _best(scored, reports, embedder, max_sentences, max_tokens)
    rows.sort(key=lambda row: _reading_order(scored[row]))
    chosen = tuple(replace(scored[row], number=number) for number, row in enumerate(rows, 1))
    return Selection(chosen, vectors[rows], asked)


def _candidates(hits: Sequence[Hit]) -> list[Evidence]:
    seen: set[str] = set()
    candidates = []
    for hit in hits:
        offset = hit.passage.start
        for start, end in sentence_spans(hit.passage.text, hit.article.language):
            text = hit.passage.text[start:end]
            if (key := folded(text)) not in seen:
                seen.add(key)
                candidates.append(Evidence(0, hit.article, hit.passage, offset + start, offset + end, text, 0.0, hit.story))
    return candidates


def _scores(question: Question, candidates: Sequence[Evidence], cosines: Vectors, hits: Sequence[Hit]) -> list[float]:
    """Cosine, the question's words held (each by its inverse document frequency among the candidates), and the passage's rank."""
    wanted = content_stems(question.standalone) | numbers(question.standalone)
    held = [wanted & (content_stems(f"{one.text} {one.article.title}") | numbers(f"{one.text} {one.article.title}")) for one in candidates]
    rarity = {word: math.log((len(held) + 1) / (sum(word in words for words in held) + 0.5)) for word in wanted}
    total = sum(rarity.values()) or 1.0
    place = {hit.passage.id: 1 - rank / len(hits) for rank, hit in enumerate(hits)}
    return [
        float(cosine) + LEXICAL_WEIGHT * sum(rarity[word] for word in words) / total + RANK_WEIGHT * place[one.passage.id]
        for one, cosine, words in zip(candidates, cosines, held, strict=True)
    ]


def _lifted(candidates: Sequence[Evidence], scores: Sequence[float]) -> list[float]:
    """Each score, or its neighbour's share where that is more. Candidates of one passage stand in order."""
    lifted = list(scores)
    for row, one in enumerate(candidates):
        for near in (row - 1, row + 1):
            if 0 <= near < len(candidates) and candidates[near].passage.id == one.passage.id:
                lifted[row] = max(lifted[row], NEIGHBOUR * scores[near])
    return lifted


def _with_second_voices(candidates: Sequence[Evidence], scores: Sequence[float], reports: Sequence[int], vectors: Vectors) -> list[float]:
    """Each score, or most of that of a sentence with a number among the best which it is the nearest second voice to.

    So that where another outlet gives another figure, both are read.
    """
    voiced = list(scores)
    told = sorted((row for row in reports if numbers(candidates[row].text)), key=lambda row: (-scores[row], row))
    for first in told[:VOICED]:
        near = [row for row in told if vectors[row] @ vectors[first] >= ALIKE and _is_second_voice(candidates[first], candidates[row])]
        if near:
            second = max(near, key=lambda row: float(vectors[row] @ vectors[first]))
            voiced[second] = max(voiced[second], SECOND_VOICE * scores[first])
    return voiced


def _is_second_voice(first: Evidence, other: Evidence) -> bool:
    """Whether another outlet tells it of its own, within days."""
    one, two = first.article, other.article
    if not (one.published_at and two.published_at and one.source and two.source):
        return False
    reprint = first.story is not None and first.story == other.story
    return not reprint and one.source.casefold() != two.source.casefold() and abs(one.published_at - two.published_at) <= SAME_TIME


def _best(scored: Sequence[Evidence], reports: Sequence[int], embedder: Embedder, max_sentences: int, max_tokens: int) -> list[int]:
    """Those rows of the best sentences among `reports` that fit the token budget, best first."""
    sizes = [len(starts) for starts in embedder.token_starts([one.text for one in scored])]
    chosen: list[int] = []
    spent = 0
    for row in sorted(reports, key=lambda row: (-scored[row].score, row)):
        if len(chosen) < max_sentences and (not chosen or spent + sizes[row] <= max_tokens):
            chosen.append(row)
            spent += sizes[row]
    return chosen


def _reading_order(one: Evidence) -> tuple[datetime, str, int]:
    return one.article.published_at or _UNDATED, one.article.id, one.start
