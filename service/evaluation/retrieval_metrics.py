"""Metrics of rankings, through `ir_measures`, at two levels: articles, and the sentences that state the gold facts.

At the level of articles a ranking is that of each article's best passage. At the level of sentences every gold fact is an
item: a passage stands for the facts that it is the first to state (two of them take two places), or for itself where it
states none; the ranking is cut after k passages first, so that `R(sentences)@10` is the share of facts in ten passages.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import ir_measures

from service.domain import Hit
from service.evaluation.answer_metrics import is_newer
from service.evaluation.cases import Case
from service.evaluation.matching import contains, states
from service.evaluation.metric import Metric, Score
from service.evaluation.runner import Row

SENTENCES = "sentences"


def article_ranking(hits: Sequence[Hit]) -> list[str]:
    """Each article once, where its best passage stands."""
    return list(dict.fromkeys(hit.article.id for hit in hits))


def fact_ranking(hits: Sequence[Hit], case: Case) -> list[str]:
    """The items of the level of sentences, best first: `fact 1`, or a passage's id."""
    ranking: list[str] = []
    open_facts = dict(enumerate(case.gold))
    for hit in hits:
        stated = [number for number, fact in open_facts.items() if _states(hit, fact)]
        ranking += [f"fact {number}" for number in stated] or [hit.passage.id]
        for number in stated:
            del open_facts[number]
    return list(dict.fromkeys(ranking))


def score(measure: Any, ranking: Sequence[str], relevant: Sequence[str]) -> float:
    """An `ir_measures` measure of one ranking, best first, against the relevant items, all of equal worth."""
    qrels = [ir_measures.Qrel("q", item, 1) for item in relevant]
    run = [ir_measures.ScoredDoc("q", item, float(len(ranking) - place)) for place, item in enumerate(ranking)]
    if not run:
        return 0.0
    return float(next(iter(measure.iter_calc(qrels, run))).value)


def _measured(name: str) -> Callable[[Row, Metric], Score]:
    def measure(row: Row, metric: Metric) -> Score:
        hits, case, cutoff = row.ranking or (), row.case, metric.cutoff or 10
        if metric.argument == SENTENCES:
            ranking, relevant = fact_ranking(hits[:cutoff], case), [f"fact {number}" for number in range(len(case.gold))]
            cutoff = max(cutoff, len(ranking)) if name in {"R", "Success"} else cutoff
        else:
            ranking, relevant = article_ranking(hits), list(case.gold_articles)
        return Score(score(ir_measures.parse_measure(f"{name}@{cutoff}"), ranking, relevant))

    return measure


def _answer_in(row: Row, metric: Metric) -> Score:
    texts = [hit.passage.text for hit in (row.ranking or ())[: metric.cutoff or 10]]
    return Score.flag(holds=all(any(contains(text, wanted) for text in texts for wanted in group) for group in row.case.answers))


def _fresh_first(row: Row, _: Metric) -> Score:
    order = article_ranking(row.ranking or ())
    fresh = min((order.index(name) for name in row.case.gold_articles if name in order), default=None)
    stale = min((order.index(name) for name in row.case.stale_articles if name in order), default=None)
    return Score.flag(holds=fresh is not None and (stale is None or fresh < stale))


def _nothing_newer(row: Row, _: Metric) -> Score | None:
    """Citations, nearest passages and the whole ranking."""
    case, answer = row.case, row.answer
    shown = [is_newer(one, answer, case) for one in (*answer.citations, *answer.nearest)] if answer else []
    asked_at = case.asked_at or (answer.question.asked_at if answer else None)
    dates = [hit.article.published_at for hit in row.ranking or ()] if asked_at else []
    newer = [*shown, *(date is not None and asked_at is not None and date > asked_at for date in dates)]
    return Score.share(sum(not one for one in newer), len(newer))


def _states(hit: Hit, fact: Sequence[str]) -> bool:
    return states([hit.passage.text], fact)


def _labelled(case: Case, level: str | None) -> bool:
    return bool(case.gold if level == SENTENCES else case.gold_articles) and not case.must_refuse


def _ranks(name: str, meaning: str) -> Metric:
    return Metric(
        name, _measured(name), meaning, needs="ranking", applies_at=_labelled, takes="argument cutoff", arguments=(SENTENCES,), cutoff=10
    )


nDCG = _ranks("nDCG", "gain of the right articles, discounted by rank")  # noqa: N816 - its name everywhere
Recall = _ranks("R", "right articles found")
ReciprocalRank = _ranks("RR", "one over the rank of the first right article")
Success = _ranks("Success", "a right article is found")
AnswerIn = Metric(
    "AnswerIn", _answer_in, "the answer's string stands in the passages", needs="ranking",
    applies=lambda case: bool(case.answers) and not case.must_refuse, takes="cutoff", cutoff=10,
)  # fmt: skip
FreshFirst = Metric(
    "FreshFirst", _fresh_first, "a fresh article above every stale one", needs="ranking",
    applies=lambda case: bool(case.gold_articles and case.stale_articles),
)  # fmt: skip
NothingNewer = Metric(
    "NothingNewer", _nothing_newer, "citations and passages not newer than the question", needs="case", failed=None, promised=True
)

RETRIEVAL_METRICS = (
    nDCG @ 10, Recall @ 10, ReciprocalRank @ 10, Success @ 1, Success @ 4,
    nDCG.of(SENTENCES) @ 10, Recall.of(SENTENCES) @ 10, ReciprocalRank.of(SENTENCES) @ 10, Success.of(SENTENCES) @ 4,
    AnswerIn @ 10, FreshFirst, NothingNewer,
)  # fmt: skip
"""In the order of a report."""
