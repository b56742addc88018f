"""The weights of `service/retrieval/ranking.py`, measured: fitted on half a of the development sets, shown on both halves.

    python eval/fit_ranking.py [--weights shipped]

Listwise softmax (ListNet top-one: Cao et al., ICML 2007), every set weighing alike, a little ridge. Beside the sets there are two of
known items made from the archive of real news itself: the headline, and the longest sentence, of articles at least 300 days old, asked on
the archive's last day. Without them nothing would keep recency from burying what is plainly asked for and old.
Sets that are not on this machine are left out, and named.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.optimize import minimize

from service.domain import Hit, Question, Scope
from service.evaluation.bench import opened
from service.evaluation.cases import Case, digest
from service.evaluation.matching import contains, states
from service.evaluation.metrics import parse_metric
from service.evaluation.runner import Row
from service.evaluation.suite import load_suite
from service.evaluation.systems import ALL, DATELINE, Ranked, request_of
from service.retrieval.ranking import PARTS, WEIGHTS, Candidate, Weights, rank, signals
from service.retrieval.understand import understand
from service.sentences import sentence_spans
from service.settings import load_settings, resources

if TYPE_CHECKING:
    from service.ports import Vectors
    from service.retrieval.search import Searcher
    from service.storage.archive import SqliteArchive

SUITES = {
    "realtimeqa-briefs": ("nDCG@10",),
    "realtimeqa-articles": ("AnswerIn@10",),
    "multihop-rag": ("R(sentences)@10", "Success(sentences)@4"),
    "evotemp": ("FreshFirst",),
    "newspolluted": ("Success@4",),
    "clapnq-retrieval": ("Success@1",),
    "sample-retrieval": ("nDCG(sentences)@10", "R(sentences)@10"),
}
KNOWN_ITEMS_FROM = "realtimeqa-articles"
KNOWN_ITEMS = 120
OLD = timedelta(days=300)
LONGEST = 300
"""Characters of a sentence that stands as a question."""
FITTED = [part for part in PARTS if part not in {"quoted", "latest"}]
"""The rest was chosen by its effect on half a: `Weights` says from what."""
RIDGE = 1e-3
DEPTH = 50


@dataclass(frozen=True, slots=True)
class Asked:
    """One question of a set: what was found for it, the unweighted parts `(n, parts)`, and which candidates are right (NaN: neither)."""

    case: Case
    half: str
    question: Question
    candidates: list[Candidate]
    parts: Vectors
    right: Vectors


def main() -> int:
    """Fit, and print weights and figures; returns the exit code."""
    parser = argparse.ArgumentParser(description="Fit the weights of ranking on half a of the development sets, and show both halves.")
    parser.add_argument("--weights", choices=("fitted", "shipped"), default="fitted", help="whose figures to show")
    shipped = parser.parse_args().weights == "shipped"
    sets = dict(_sets())
    if not sets:
        print("no development set is on this machine: set DATELINE_EVAL_DATA", file=sys.stderr)
        return 1
    weights = WEIGHTS if shipped else fitted(sets)
    for part in FITTED:
        print(f"{part:<12} {getattr(weights, part):6.3f}")
    for name, asked in sets.items():
        for metric in SUITES.get(name, ("Success@1", "Success@4")):
            print(f"{name:<24} {metric:<22} {_figures(asked, metric, weights)}", flush=True)
    return 0


def fitted(sets: dict[str, list[Asked]]) -> Weights:
    """The weights under which the right candidates of half a are likeliest to come first, scaled so that the cosine has weight 1."""
    lists: list[tuple[Vectors, Vectors, float]] = []
    columns = [PARTS.index(part) for part in FITTED]
    for asked in sets.values():
        tuned = [one for one in asked if one.half == "a" and (one.right == 1).any() and (one.right == 0).any()]
        lists += [(one.parts[~np.isnan(one.right)][:, columns], one.right[~np.isnan(one.right)] == 1, 1 / len(tuned)) for one in tuned]
    spread = np.concatenate([parts for parts, _, _ in lists]).std(axis=0) + 1e-9

    def loss(worth: Vectors) -> tuple[float, Vectors]:
        total, slope = RIDGE * float(worth @ worth), 2 * RIDGE * worth
        for parts, right, share in lists:
            scaled = parts / spread
            odds = np.exp(scaled @ worth - (scaled @ worth).max())
            odds /= odds.sum()
            hit = odds[right].sum() + 1e-12
            total -= share * float(np.log(hit))
            slope = slope - share * (scaled.T @ (np.where(right, odds / hit, 0.0) - odds))
        return total, slope

    found = minimize(loss, np.zeros(len(FITTED)), jac=True, method="L-BFGS-B").x / spread
    return replace(WEIGHTS, **{part: float(value / found[0]) for part, value in zip(FITTED, found, strict=True)})


def _figures(asked: Sequence[Asked], name: str, weights: Weights) -> str:
    metric, scores = parse_metric(name), {"a": list[float](), "b": list[float]()}
    for one in asked:
        hits = tuple(rank(one.question, one.candidates, weights)[:DEPTH])
        if (score := metric.score(Row(one.case, ranking=hits))) is not None:
            scores[one.half].append(score.value)
    both = scores["a"] + scores["b"]
    halves = ", ".join(f"{half} {np.mean(values):.3f}" for half, values in scores.items() if values)
    return f"{np.mean(both):.3f}  ({halves}, n = {len(both)})"


def _sets() -> Iterator[tuple[str, list[Asked]]]:
    settings = load_settings()
    for name in SUITES:
        suite = load_suite(name, resources(), data=settings.eval_data)
        if suite.missing:
            print(f"{name} is left out: {suite.missing[0]} is not there", file=sys.stderr)
            continue
        with ExitStack() as stack:
            bench = stack.enter_context(opened(replace(suite, systems=()), settings, lambda _: None))
            system: Any = next(one for one in bench.systems if one.name == DATELINE)
            ranked: Ranked = getattr(system, "ranked", None) or system
            searcher: Any = ranked.retriever
            cases = [bench.renamed(case) for case in suite.cases() if not case.must_refuse]
            yield name, [_asked(case, ranked.asker.understand(request_of(case)), searcher) for case in cases]
            if name == KNOWN_ITEMS_FROM:
                archive: Any = bench.articles
                yield "old headlines", list(_known_items(archive, searcher, lambda hit: hit.article.title))
                yield "old sentences", list(_known_items(archive, searcher, _longest_sentence))


def _asked(case: Case, question: Question, searcher: Searcher) -> Asked:
    candidates = searcher.candidates(question)
    half = next((tag[-1] for tag in case.tags if tag.startswith("half ")), "ab"[int(digest(case.id), 16) % 2])
    right = np.array([_is_right(one.hit, case) for one in candidates])
    return Asked(case, half, question, candidates, signals(question, candidates), right)


def _is_right(hit: Hit, case: Case) -> float:
    """1 for what should come first, 0 for what should not, NaN for what is both, or is on the subject but made to mislead."""
    article, text = hit.article.id, hit.passage.text
    if case.gold:
        return float(any(states([text], fact) for fact in case.gold))
    if case.gold_articles:
        neither = article in case.planted_articles or (article in case.gold_articles and article in case.stale_articles)
        return np.nan if neither else float(article in case.gold_articles)
    return float(any(contains(text, answer) for group in case.answers for answer in group))


def _known_items(archive: SqliteArchive, searcher: Searcher, words: Callable[[Hit], str]) -> Iterator[Asked]:
    """Questions that only say what one old article says, asked when the newest is out."""
    articles = [one for one in archive.articles(None, ALL) if one.published_at]
    last = max(one.published_at for one in articles if one.published_at)
    old = sorted((one for one in articles if one.published_at and last - one.published_at > OLD), key=lambda one: digest(one.id))
    at = last + timedelta(days=1)
    for article in old[:KNOWN_ITEMS]:
        passages, _ = archive.vectors_in(Scope(at, article_ids=(article.id,)), ALL) or ([], None)
        hits = sorted(archive.hits(passages).values(), key=lambda hit: hit.passage.ordinal)
        if hits and (asked := words(hits[len(hits) // 2]).strip()):
            case = Case(f"known-{article.id}", asked, at, gold_articles=(article.id,))
            yield _asked(case, understand(asked, at, Scope(at), infer_window=False), searcher)


def _longest_sentence(hit: Hit) -> str:
    text = hit.passage.text
    return max((text[start:end] for start, end in sentence_spans(text, hit.article.language)), key=len)[:LONGEST]


if __name__ == "__main__":
    sys.exit(main())
