"""Ranking: each candidate's score is a sum of parts that a reader can be shown, and the weights of the parts are measured.

A linear model over a handful of signals, its weights fitted listwise (ListNet's top-one softmax: Cao et al., ICML 2007). Passages are
compared with each other, so every signal is on the scale of a cosine and only differences count.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta

import numpy as np

from service.domain import Hit, Question, Window
from service.ports import Vectors
from service.sentences import sentence_spans
from service.words import NUMBER_WORDS, content_stems, folded, numbers, stem

RANK_CONSTANT = 60
"""Of reciprocal rank fusion: Cormack, Clarke and Büttcher, SIGIR 2009."""
HALF_LIFE = timedelta(days=14)
"""So long before the moment asked about, an article's recency is half. Of 7, 14, 30, 60 and 365 days the best on the tuned halves."""
ON_SUBJECT = 0.6
"""Share of the best cosine from which a passage is on the subject, so that its being newer counts. A first choice."""
PART_SHARE = 0.5
"""What a further passage about the same part of a question pays, beside one of the same article. Of 0, 0.5 and 1 the best on half a."""
SPREAD = 20
"""The first places, in which an article that was already shown gives way to others."""
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")


@dataclass(frozen=True, slots=True)
class Weights:
    """What each part of a score is worth beside a cosine of 1; a part with weight 0 is switched off.

    Fitted by `eval/fit_ranking.py` on half a of the development sets; `docs/retrieval.md` has the figures of both halves.
    """

    similarity: float = 1.0
    """Cosine of the question and the passage with its headline, outlet and date."""
    lexical: float = 0.12
    """BM25, as a share of the best passage's."""
    fusion: float = 0.09
    """Reciprocal rank fusion of both rankings, as a share of what being first in both gives."""
    sentence: float = 0.13
    """The share of the question's words, the rarer the heavier, that the best single sentence holds."""
    clause: float = 0.54
    """The same for the best part of a question that has several."""
    lead: float = 0.08
    """The first passage of an article, which is where news says what it is about."""
    outlet: float = 0.38
    """An outlet or author that the question names."""
    quoted: float = 0.1
    """A phrase that the question quotes, in headline or text. Not fitted: half a finds more so than with the likeliest, 0.54."""
    recency: float = 0.37
    """Nearness in time to the windows that the question speaks of, or to the moment of asking where it speaks of none."""
    latest: float = 0.3
    """Where the newest state is wanted: how new it is among what is on the subject. Not fitted: a first choice, with which half a
    of evotemp does as well as with twice the recency."""
    repeat: float = 0.1
    """Taken off for each passage above of the same story, half of it for each about the same part of the question. Not fitted: of
    0.03, 0.05, 0.07, 0.1 and 0.13 the best on half a."""


WEIGHTS = Weights()
PARTS = tuple(field.name for field in fields(Weights) if field.name != "repeat")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A passage that some ranking found: its cosine to the question, and BM25 where words of the question are in it (else 0)."""

    hit: Hit
    cosine: float
    bm25: float


def rank(question: Question, candidates: Sequence[Candidate], weights: Weights = WEIGHTS) -> list[Hit]:
    """The candidates as hits, best first; the parts of each hit add up to its score."""
    if not candidates:
        return []
    worth = np.array([getattr(weights, part) for part in PARTS], dtype=np.float32)
    values = signals(question, candidates) * worth
    hits = [
        replace(one.hit, score=float(row.sum()), parts=tuple((part, float(value)) for part, value in zip(PARTS, row, strict=True) if value))
        for one, row in zip(candidates, values, strict=True)
    ]
    return _spread(sorted(hits, key=lambda hit: (-hit.score, hit.passage.id)), _asked_parts(question, hits), weights.repeat)


def signals(question: Question, candidates: Sequence[Candidate]) -> Vectors:
    """The unweighted parts, `(n, len(PARTS))` float32, each between 0 and 1 but for the cosine."""
    whole, parts = _wanted(question.standalone), [_wanted(clause) for clause in question.clauses]
    said = [_said(one.hit, whole) for one in candidates]
    rarity = _rarity(whole, said)
    best = max((one.bm25 for one in candidates), default=0.0) or 1.0
    named, quotes = set(question.outlets) | set(question.authors), [folded(quote) for quote in question.quoted]
    rows = []
    for one, (_, *sentences), newest in zip(candidates, said, _newness(question, candidates), strict=True):
        hit, article = one.hit, one.hit.article
        rows.append(
            (
                one.cosine,
                one.bm25 / best,
                fused_share(hit.dense_rank, hit.lexical_rank),
                max((_share(words, whole, rarity) for words in sentences), default=0.0),
                max((_share(words & part, part, rarity) for part in parts for words in sentences), default=0.0),
                float(hit.passage.ordinal == 0),
                float(article.source in named or article.author in named),
                float(any(quote in folded(f"{article.title}\n{hit.passage.text}") for quote in quotes)) if quotes else 0.0,
                recency(article.published_at, question),
                newest,
            )
        )
    return np.array(rows, dtype=np.float32).reshape(len(candidates), len(PARTS))


def _newness(question: Question, candidates: Sequence[Candidate]) -> list[float]:
    """Where the newest state is wanted: 1 for the newest of what is on the subject, falling by order of date; 0 for what is not.

    By order and not by days, so that it tells apart what is all old too.
    """
    best = max((one.cosine for one in candidates), default=0.0)
    dates = {one.hit.article.published_at for one in candidates if question.wants_latest and one.cosine >= ON_SUBJECT * best}
    order = {date: place for place, date in enumerate(sorted(filter(None, dates), reverse=True))}
    return [
        1 - order[date] / len(order) if (date := one.hit.article.published_at) in order and one.cosine >= ON_SUBJECT * best else 0.0
        for one in candidates
    ]


def fused_share(*ranks: int | None) -> float:
    """Reciprocal rank fusion of the ranks, as a share of its most: 1 for the first of every ranking."""
    return sum((RANK_CONSTANT + 1) / (RANK_CONSTANT + place) for place in ranks if place) / len(ranks)


def recency(published_at: datetime | None, question: Question) -> float:
    """1 inside the question's windows (or at the moment it asks about), falling hyperbolically; 0 for an article of unknown date.

    Hyperbolic and not exponential, so that last year's news still comes before that of ten years ago.
    """
    if published_at is None:
        return 0.0
    away = min(_distance(published_at, window) for window in question.weighing or (_moment(question),))
    return HALF_LIFE / (HALF_LIFE + away)


def _moment(question: Question) -> Window:
    """The moment asked about: when the question is asked, or the end of what it may see."""
    scope = question.scope
    at = min(filter(None, (question.asked_at, scope.visible_at, scope.published_to)))
    return Window(at, at, "")


def _distance(moment: datetime, window: Window) -> timedelta:
    """How far outside the window; only its near end counts where it is open to the past ("before March")."""
    start = window.start or window.end
    if start and moment < start:
        return start - moment
    return moment - window.end if window.end and moment > window.end else timedelta(0)


def _asked_parts(question: Question, hits: Sequence[Hit]) -> dict[str, int]:
    """Which part of the question each passage is about, by passage id; empty where it has but one."""
    if not question.clauses:
        return {}
    said = [_said(hit, _wanted(question.standalone)) for hit in hits]
    rarity, parts = _rarity(_wanted(question.standalone), said), [_wanted(clause) for clause in question.clauses]
    shares = [[max(_share(words & part, part, rarity) for words in passage) for part in parts] for passage in said]
    return {hit.passage.id: share.index(max(share)) for hit, share in zip(hits, shares, strict=True) if max(share) > 0}


def _spread(hits: Sequence[Hit], about: Mapping[str, int], repeat: float) -> list[Hit]:
    """The first places given one by one, each to the best hit that is left after what repeats have cost it."""
    if not repeat:
        return list(hits)
    seen, parts = Counter[str | int](), Counter[int | None]()

    def told(hit: Hit) -> str | int:
        return hit.article.id if hit.story is None else hit.story

    def cost(hit: Hit) -> float:
        return repeat * (seen[told(hit)] + PART_SHARE * parts[about.get(hit.passage.id)])

    left, placed = list(hits), list[Hit]()
    while left and len(placed) < SPREAD:
        costs = [cost(hit) for hit in left[: 2 * SPREAD]]
        at = min(range(len(costs)), key=lambda row: (costs[row] - left[row].score, row))
        hit = left.pop(at)
        placed.append(_costing(hit, costs[at]))
        seen[told(hit)] += 1
        if hit.passage.id in about:
            parts[about[hit.passage.id]] += 1
    rest = (_costing(hit, cost(hit)) for hit in left)
    return [*placed, *sorted(rest, key=lambda hit: -hit.score)]


def _costing(hit: Hit, cost: float) -> Hit:
    return replace(hit, score=hit.score - cost, parts=(*hit.parts, ("repeat", -cost))) if cost else hit


Words = frozenset[str]


def _wanted(text: str) -> Words:
    return content_stems(text) | numbers(text)


def _said(hit: Hit, wanted: Words) -> list[Words]:
    """Which of the wanted words the headline holds, and which each sentence."""
    text = hit.passage.text
    spans = sentence_spans(text, hit.article.language)
    return [_held(hit.article.title, wanted), *(_held(text[start:end], wanted) for start, end in spans)]


def _held(text: str, wanted: Words) -> Words:
    """Those of the wanted words that the text holds: numbers, which are slow to read, only where some are wanted and there are some."""
    words = _WORD.findall(text.casefold())
    held = wanted.intersection(map(stem, words))
    counts = any(word[0].isdigit() for word in wanted) and any(word[0].isdigit() or word in NUMBER_WORDS for word in words)
    return held | (wanted & numbers(text)) if counts else held


def _rarity(wanted: Words, said: Sequence[Sequence[Words]]) -> dict[str, float]:
    """Inverse document frequency of the wanted words among the candidates."""
    holders = Counter(word for passage in said for word in Words().union(*passage))
    return {word: math.log((len(said) + 1) / (holders[word] + 0.5)) for word in wanted}


def _share(words: Words, wanted: Words, rarity: dict[str, float]) -> float:
    total = sum(rarity.get(word, 0.0) for word in wanted)
    return sum(rarity.get(word, 0.0) for word in words) / total if total > 0 else 0.0


def switched_off(part: str) -> Weights:
    """The weights without this part, for measuring what it buys. Raises TypeError for a part there is not."""
    return replace(WEIGHTS, **{part: 0.0})
