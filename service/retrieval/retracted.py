"""Retracted articles: what an outlet has taken back is no evidence.

What the notice itself says may be quoted, also where it stands in the retracted article. Who asks about the mistake sees everything.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from service.domain import Hit, Notice, NoticeKind, Question
from service.retrieval.corrections import asks_of_a_mistake

_OF_PRINT = re.compile(
    r"\b(?:retract\w*|articles?|story|stories|reports?|newspapers?|headlines?|journalis\w+|reporters?|publish\w*|print\w*)\b", re.IGNORECASE
)
"""What was printed. "What went wrong at the dam?" asks of a mistake too, but of no newspaper's."""


def without_retracted(question: Question, hits: Sequence[Hit], notices: Sequence[Notice]) -> list[Hit]:
    """The hits without what was retracted by the time of asking, in their order.

    Of an article that carries its own retraction, a passage is cut down to the sentence that says so. A notice without a date counts
    from when it is there. Nothing is left out where the question asks about the mistake.
    """
    gone: dict[str, list[str]] = defaultdict(list)
    for notice in notices:
        known = notice.published_at is None or notice.published_at <= question.asked_at
        if notice.kind is NoticeKind.RETRACTION and notice.corrects and known:
            gone[notice.corrects] += [notice.said] if notice.corrects == notice.article_id else []
    if not gone or _asks_of_the_retracted(question):
        return list(hits)
    return [kept for hit in hits if (kept := _kept(hit, gone))]


def _asks_of_the_retracted(question: Question) -> bool:
    return asks_of_a_mistake(question) and bool(question.outlets or _OF_PRINT.search(question.asked))


def _kept(hit: Hit, gone: Mapping[str, Sequence[str]]) -> Hit | None:
    """The hit, or of a retracted article the part of it that is the notice, if there is one."""
    if hit.article.id not in gone:
        return hit
    for said in gone[hit.article.id]:
        words = said.removesuffix("…").split()
        if match := re.search(r"\s+".join(map(re.escape, words)), hit.passage.text):
            start, end = hit.passage.start + match.start(), hit.passage.start + match.end()
            return replace(hit, passage=replace(hit.passage, start=start, end=end, text=match.group()))
    return None
