"""Builders and a scripted asker for the evaluation's tests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

from service.answering.request import AskRequest, Checked, Emit, ignore
from service.domain import (
    Answer,
    AnswerSentence,
    Article,
    Citation,
    Coverage,
    Evidence,
    GeneratorUsed,
    Hit,
    Passage,
    Question,
    Scope,
    Status,
    Support,
    Usage,
)
from service.errors import NotFound
from service.evaluation.cases import Case
from service.evaluation.judging import JudgedSentence
from service.evaluation.runner import Bench, Failure, Row
from service.evaluation.systems import Answering

ASKED_AT = datetime(2026, 3, 10, 12, tzinfo=UTC)
ARTICLE = Article(
    "dam",
    "The dam is cracked. The longest crack runs for 17 metres. Nobody was hurt in the valley.",
    title="Cracks at the dam",
    source="The Ledger",
    published_at=datetime(2026, 3, 9, tzinfo=UTC),
)
CRACK = "The longest crack runs for 17 metres."
HURT = "Nobody was hurt in the valley."


def cite(quote: str, article: Article = ARTICLE, *, marker: int = 1, shift: int = 0) -> Citation:
    """A citation of the quote where it stands in the article, or beside it."""
    start = article.text.index(quote) + shift
    return Citation(marker, article, quote, start, start + len(quote))


def answer(
    *sentences: str,
    status: Status = Status.ANSWERED,
    citations: Sequence[Citation] = (),
    evidence: Sequence[str] = (),
    unsupported: int = 0,
    **more: Any,
) -> Answer:
    """An answer of these sentences, the last `unsupported` of them not carried by their citations."""
    passage = Passage.cut(ARTICLE, 0, 0, len(ARTICLE.text))
    carried = len(sentences) - unsupported
    fields: dict[str, Any] = {
        "id": "ans_1",
        "conversation_id": "con_1",
        "question": Question("?", "?", ASKED_AT, Scope(ASKED_AT)),
        "status": status,
        "sentences": tuple(
            AnswerSentence(text, Support.SUPPORTED if i < carried else Support.UNSUPPORTED, tuple(c.marker for c in citations))
            for i, text in enumerate(sentences)
        ),
        "citations": tuple(citations),
        "conflicts": (),
        "nearest": (),
        "coverage": Coverage(1),
        "generator": GeneratorUsed("extractive", "extractive"),
        "timings_ms": MappingProxyType({"search": 10.0, "total": 20.0}),
        "usage": Usage(),
        "evidence": tuple(Evidence(i, ARTICLE, passage, 0, len(text), text, 1.0) for i, text in enumerate(evidence, start=1)),
    }
    return Answer(**(fields | more))


def case(name: str = "q1", **more: Any) -> Case:
    """An answerable question about the dam, unless told otherwise."""
    known: dict[str, Any] = {"question": "How long is the longest crack?", "answers": (("17 metres", "17 m"),), "gold": ((CRACK,),)}
    return Case(name, **({"asked_at": ASKED_AT} | known | more))


def unanswerable(name: str = "q2", **more: Any) -> Case:
    """A question the archive cannot answer."""
    return Case(name, "Who painted the dam?", ASKED_AT, statuses=(Status.INSUFFICIENT_EVIDENCE,), **more)


def refusal(**more: Any) -> Answer:
    """An answer that says the archive does not know."""
    return answer(status=Status.INSUFFICIENT_EVIDENCE, **more)


def good_answer(**more: Any) -> Answer:
    """The right answer to `case()`, with its citation."""
    return answer("It is 17 metres long.", citations=[cite(CRACK)], evidence=[CRACK], **more)


def row(asked: Case, given: Answer | None, exact: tuple[bool, ...] = (), **more: Any) -> Row:
    """A row as the runner makes it."""
    return Row(asked, given, exact=exact, **more)


def crashed(asked: Case) -> Row:
    """The row of a question that raised."""
    return Row(asked, failure=Failure("abc123", "ValueError", ""))


def article(name: str, text: str = "The dam is cracked.", *, days_old: float | None = 1) -> Article:
    """An article published so many days before the questions are asked; of unknown date with None."""
    return Article(name, text, published_at=None if days_old is None else ASKED_AT - timedelta(days=days_old))


def hit(found: Article, text: str | None = None) -> Hit:
    """The passage of the article that is this text; the whole article without one."""
    start = found.text.index(text) if text else 0
    return Hit(Passage.cut(found, 0, start, start + len(text or found.text)), found, 1.0)


def ranking(*names: str) -> tuple[Hit, ...]:
    """One passage of each of these articles, best first."""
    return tuple(hit(article(name)) for name in names)


def ranked(asked: Case, *names: str) -> Row:
    """A row of which only the ranking is graded."""
    return Row(asked, ranking=ranking(*names))


def judged(*useful: bool, carried: bool = True) -> JudgedSentence:
    """What the grounding check says of a sentence with so many citations."""
    return JudgedSentence(carried, useful)


@dataclass
class ScriptedAsker:
    """Answers by a plain function of the request, and remembers what was asked. Each sentence of the answer is told as it comes."""

    script: Callable[[AskRequest], Answer]
    asked: list[AskRequest] = field(default_factory=list)

    async def ask(self, request: AskRequest, emit: Emit = ignore) -> Answer:
        await asyncio.sleep(0)
        self.asked.append(request)
        given = self.script(request)
        for index, sentence in enumerate(given.sentences):
            await emit(Checked(index, sentence, ()))
        return given

    def understand(self, request: AskRequest) -> Question:
        asked_at = request.asked_at or ASKED_AT
        return Question(request.question, request.question, asked_at, Scope(asked_at, article_ids=request.article_ids))


def bench_of(asker: ScriptedAsker, articles: StoredArticles | None = None, **more: Any) -> Bench:
    """What a suite is asked of, where this asker is the only system."""
    return Bench((Answering("dateline", asker),), articles or StoredArticles(), **more)


@dataclass(frozen=True)
class StoredArticles:
    """Articles by id."""

    articles: Mapping[str, Article] = field(default_factory=lambda: {ARTICLE.id: ARTICLE})

    def article(self, article_id: str) -> Article:
        if article_id not in self.articles:
            raise NotFound(f"no article {article_id}")
        return self.articles[article_id]


def test_the_builders_quote_the_article_exactly() -> None:
    """A built citation is a place in its article."""
    citation = cite(CRACK)
    assert ARTICLE.text[citation.start : citation.end] == citation.quote
