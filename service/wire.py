"""The JSON that leaves: pydantic models and shapes of answers, shared by HTTP, CLI and OpenAPI. What enters: `service.bodies`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, Field

from service.answering.request import Checked, Delta, Event, Sources, Understood
from service.domain import (
    Answer,
    AnswerSentence,
    Article,
    Citation,
    Conflict,
    Coverage,
    Evidence,
    Feedback,
    FeedbackVerdict,
    Status,
    Support,
)
from service.indexing.report import ItemReport
from service.moments import iso
from service.retrieval.explain import explain
from service.wire_search import WindowOut, explained_out, window_out


class ReprintOut(BaseModel):
    """An article in which another outlet prints the same story, whole or nearly so."""

    article_id: str
    source: str
    published_at: str | None


class CitationOut(BaseModel):
    """A place in an article: its `text[start:end] == quote`, in code points.

    `also_in` holds the other outlets that had printed the same story when the question was asked, one article each. They
    are no further witnesses, and a shorter or edited print need not hold the quoted words.
    """

    marker: int
    article_id: str
    title: str
    source: str | None
    url: str | None
    author: str | None
    published_at: str | None
    date_origin: str
    version: int | None = Field(None, description="Of the article: `GET /v1/articles/{id}?version=` shows it as it was cited.")
    age_days: int | None
    quote: str
    start: int
    end: int
    also_in: list[ReprintOut]
    before: str = Field("", description="The words of the paragraph that stand before the quote, shortened: for showing it in its place.")
    after: str = ""


class SentenceOut(BaseModel):
    """One sentence, whether its citations carry it, and their markers; for an unsupported one, what no article says of it."""

    text: str
    support: Support
    citations: list[int]
    missing: list[str] = Field(default_factory=list)


class PositionOut(BaseModel):
    """One side of a disagreement; `voices` counts independent stories, one for each citation."""

    value: str
    citations: list[int]
    voices: int


class ConflictOut(BaseModel):
    """Sources that give different values for the same thing; `outlier` is the value that one voice gives against several."""

    about: str
    positions: list[PositionOut]
    outlier: str | None


class CoverageOut(BaseModel):
    """What the archive holds."""

    articles: int
    from_: str | None = Field(serialization_alias="from")
    to: str | None


class GeneratorOut(BaseModel):
    """Who wrote the answer; `fallback` says why it was not the model."""

    name: str
    kind: Literal["model", "extractive"]
    fallback: str | None


class UsageOut(BaseModel):
    """Tokens as the model reported them."""

    prompt_tokens: int | None
    completion_tokens: int | None


class FiltersOut(BaseModel):
    """What the asker filtered by: half-open `[published_from, published_to)`."""

    published_from: str | None
    published_to: str | None
    sources: list[str]
    article_ids: list[str]


class AnswerOut(BaseModel):
    """`200` of `POST /v1/ask`, and the `final` event."""

    id: str
    conversation_id: str
    question: str
    standalone_question: str
    asked_at: str
    given_at: str | None = Field(None, description="When it was really asked; `asked_at` is the moment that it was asked for.")
    filters: FiltersOut
    status: Status
    text: str
    sentences: list[SentenceOut]
    citations: list[CitationOut]
    conflicts: list[ConflictOut]
    window: WindowOut | None
    nearest: list[CitationOut]
    coverage: CoverageOut
    generator: GeneratorOut
    timings_ms: dict[str, float]
    usage: UsageOut
    debug: dict[str, Any] | None = None


class FeedbackOut(BaseModel):
    """`201` of `POST /v1/feedback`."""

    answer_id: str
    verdict: FeedbackVerdict
    given_at: str


def feedback_out(feedback: Feedback) -> FeedbackOut:
    """That it was kept, and when it was given; the words stay in the archive."""
    given_at = feedback.given_at.isoformat().replace("+00:00", "Z")
    return FeedbackOut(answer_id=feedback.answer_id, verdict=feedback.verdict, given_at=given_at)


def answer_out(answer: Answer, *, debug: bool = False) -> AnswerOut:
    """The answer as every door shows it."""
    asked_at, scope = answer.question.asked_at, answer.question.scope
    return AnswerOut(
        id=answer.id,
        conversation_id=answer.conversation_id,
        question=answer.question.asked,
        standalone_question=answer.question.standalone,
        asked_at=asked_at.isoformat().replace("+00:00", "Z"),
        given_at=answer.given_at.isoformat().replace("+00:00", "Z") if answer.given_at else None,
        filters=FiltersOut(
            published_from=iso(scope.published_from), published_to=iso(scope.published_to), sources=list(scope.sources),
            article_ids=list(scope.article_ids),
        ),
        status=answer.status,
        text=answer.text,
        sentences=[_sentence_out(sentence) for sentence in answer.sentences],
        citations=[citation_out(citation, answer) for citation in answer.citations],
        conflicts=[_conflict_out(conflict) for conflict in answer.conflicts],
        window=window_out(answer.question.window) if answer.question.window else None,
        nearest=[citation_out(citation, answer) for citation in answer.nearest],
        coverage=coverage_out(answer.coverage),
        generator=GeneratorOut(name=answer.generator.name, kind=answer.generator.kind, fallback=answer.generator.fallback),
        timings_ms=dict(answer.timings_ms),
        usage=UsageOut(prompt_tokens=answer.usage.prompt_tokens, completion_tokens=answer.usage.completion_tokens),
        debug=_debug_out(answer) if debug else None,
    )


def _sentence_out(sentence: AnswerSentence) -> SentenceOut:
    return SentenceOut(
        text=sentence.text, support=sentence.support, citations=list(sentence.citations), missing=list(sentence.missing)
    )  # fmt: skip


def _conflict_out(conflict: Conflict) -> ConflictOut:
    sides = [PositionOut(value=side.value, citations=list(side.citations), voices=side.voices) for side in conflict.positions]
    return ConflictOut(about=conflict.about, positions=sides, outlier=conflict.outlier)


def _debug_out(answer: Answer) -> dict[str, Any]:
    """What was chosen and what was not, and why."""
    return {
        "evidence": [evidence_out(one) for one in answer.evidence],
        "dropped": list(answer.dropped),
        "prompts": [{"system": system, "user": user} for system, user in answer.prompts],
        **explained_out(answer.question, explain(answer.found, answer.read, answer.evidence)),
    }


def citation_out(citation: Citation, answer: Answer) -> CitationOut:
    """A citation with its age at the time of the question, in whole days."""
    article = citation.article
    age = (answer.question.asked_at - article.published_at).days if article.published_at else None
    return CitationOut(
        marker=citation.marker,
        article_id=article.id,
        title=article.headline,
        source=article.source,
        url=article.url,
        author=article.author,
        published_at=iso(article.published_at),
        date_origin=article.date_origin.value,
        version=article.version,
        age_days=age,
        quote=citation.quote,
        start=citation.start,
        end=citation.end,
        also_in=_also_in(citation),
        before=citation.before,
        after=citation.after,
    )


def _also_in(citation: Citation) -> list[ReprintOut]:
    return [ReprintOut(article_id=r.article_id, source=r.source, published_at=iso(r.published_at)) for r in citation.also_in]


def coverage_out(coverage: Coverage) -> CoverageOut:
    """The archive's range."""
    return CoverageOut(articles=coverage.articles, from_=iso(coverage.first), to=iso(coverage.last))


def evidence_out(one: Evidence) -> dict[str, Any]:
    """A numbered sentence, as the `sources` event and the inspector show it."""
    return {
        "number": one.number,
        "article_id": one.article.id,
        "title": one.article.headline,
        "source": one.article.source,
        "published_at": iso(one.article.published_at),
        "start": one.start,
        "end": one.end,
        "text": one.text,
        "score": round(one.score, 4),
    }


def article_out(article: Article, *, whole: bool = True) -> dict[str, Any]:
    """An article as `/v1/articles` shows it; its file path is never shown."""
    head = {
        "id": article.id,
        "title": article.headline,
        "source": article.source,
        "author": article.author,
        "url": article.url,
        "language": article.language,
        "published_at": iso(article.published_at),
        "updated_at": iso(article.updated_at),
        "date_origin": article.date_origin.value,
        "zone": article.zone,
        "date_conflicts": list(article.date_conflicts),
        "ingested_at": iso(article.ingested_at),
        "version": article.version,
    }
    return {**head, "metadata": dict(article.metadata), "text": article.text} if whole else {**head, "characters": len(article.text)}


def item_out(item: ItemReport) -> dict[str, Any]:
    """What became of one article; `story` is the first article of the story that it has joined."""
    return {
        "place": item.place,
        "outcome": item.outcome.value,
        "id": item.article_id,
        "reason": item.reason,
        "warnings": list(item.warnings),
        "story": item.joined,
    }


def event_out(event: Event) -> tuple[str, Mapping[str, Any]]:
    """An event's name and data on the stream."""
    match event:
        case Understood(answer_id, conversation_id, question, coverage):
            window = window_out(question.window) if question.window else None
            return "meta", {
                "id": answer_id,
                "conversation_id": conversation_id,
                "standalone_question": question.standalone,
                "window": window.model_dump(by_alias=True) if window else None,
                "coverage": coverage_out(coverage).model_dump(by_alias=True),
            }
        case Sources(evidence):
            return "sources", {"evidence": [evidence_out(one) for one in evidence]}
        case Delta(text):
            return "delta", {"text": text}
        case Checked(index, sentence, new_citations):
            return "sentence", {
                "index": index,
                "text": sentence.text,
                "support": sentence.support.value,
                "citations": list(sentence.citations),
                "missing": list(sentence.missing),
                "new_citations": [_new_citation(citation) for citation in new_citations],
            }


def _new_citation(citation: Citation) -> dict[str, Any]:
    article = citation.article
    return {
        "marker": citation.marker,
        "article_id": article.id,
        "title": article.headline,
        "source": article.source,
        "url": article.url,
        "author": article.author,
        "published_at": iso(article.published_at),
        "date_origin": article.date_origin.value,
        "version": article.version,
        "quote": citation.quote,
        "start": citation.start,
        "end": citation.end,
        "also_in": [reprint.model_dump() for reprint in _also_in(citation)],
        "before": citation.before,
        "after": citation.after,
    }
