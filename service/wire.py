"""The JSON that enters and leaves: pydantic models for requests and answers, shared by HTTP, CLI and OpenAPI."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from service.answering.request import AskRequest, Checked, Delta, Event, Sources, Understood
from service.domain import Answer, Article, Citation, Coverage, Evidence, Hit, Mode, Status, Support, Window, iso, parse_moment
from service.errors import BadQuestion
from service.indexing.ingest import ItemReport


class Body(BaseModel):
    """A request body: unknown fields are refused, so that a typo is not silently ignored."""

    model_config = ConfigDict(extra="forbid")


BodyKind = TypeVar("BodyKind", bound=Body)


MAX_MOMENT = 64
"""Characters of a date."""
YEARS = range(1600, 9000)
"""From the first newspapers to where the arithmetic of calendars ends."""


class Filters(Body):
    """Half-open `[published_from, published_to)` in UTC, dates or instants; outlets and articles by name and id."""

    published_from: str | None = Field(None, max_length=MAX_MOMENT, examples=["2026-04-01"])
    published_to: str | None = Field(None, max_length=MAX_MOMENT, examples=["2026-05-01"])
    sources: list[Annotated[str, Field(max_length=500)]] = Field(default_factory=list, max_length=100)
    article_ids: list[Annotated[str, Field(max_length=256)]] = Field(default_factory=list, max_length=1000)


class Asking(Body):
    """What `/v1/ask` and `/v1/search` have in common."""

    question: str = Field(min_length=1, max_length=2000, examples=["How many people were evacuated below the Lorne dam?"])
    asked_at: str | None = Field(None, max_length=MAX_MOMENT, description="When the question is asked; nothing newer is used. Now by default.")
    filters: Filters = Field(default_factory=Filters)
    infer_window: bool = True
    debug: bool = False

    def request(self, **more: Any) -> AskRequest:
        """The same for the flow. Raises BadQuestion on a date that is none, naming the field."""
        return AskRequest(
            question=self.question,
            asked_at=_moment("asked_at", self.asked_at, end_of_day=True),
            published_from=_moment("published_from", self.filters.published_from),
            published_to=_moment("published_to", self.filters.published_to),
            sources=tuple(self.filters.sources),
            article_ids=tuple(self.filters.article_ids),
            infer_window=self.infer_window,
            **more,
        )


class AskBody(Asking):
    """`POST /v1/ask`."""

    conversation_id: str | None = Field(None, max_length=64, pattern=r"^[\w-]+$")
    mode: Mode = Mode.AUTO
    top_k: int = Field(8, ge=1, le=100)
    stream: bool = False

    def ask_request(self) -> AskRequest:
        """The same for the flow. Raises BadQuestion."""
        return self.request(conversation_id=self.conversation_id, mode=self.mode, top_k=self.top_k)


class SearchBody(Asking):
    """`POST /v1/search`."""

    top_k: int = Field(10, ge=1, le=100)


def body_from(kind: type[BodyKind], **fields: Any) -> BodyKind:
    """A body from values that did not come over HTTP. Raises BadQuestion naming the field."""
    try:
        return kind(**fields)
    except ValidationError as error:
        first = error.errors()[0]
        raise BadQuestion(f"{'.'.join(str(part) for part in first['loc'])}: {first['msg'].lower()}") from error


def _moment(field: str, text: str | None, *, end_of_day: bool = False) -> datetime | None:
    if not text:
        return None
    try:
        moment = parse_moment(text, end_of_day=end_of_day)
    except ValueError as error:
        raise BadQuestion(f"{field}: {error}") from error
    if moment.year not in YEARS:
        raise BadQuestion(f"{field}: {text!r} lies outside of the years {YEARS.start} to {YEARS.stop - 1}")
    return moment


class CitationOut(BaseModel):
    """A place in an article: its `text[start:end] == quote`, in code points."""

    marker: int
    article_id: str
    title: str
    source: str | None
    url: str | None
    author: str | None
    published_at: str | None
    date_origin: str
    age_days: int | None
    quote: str
    start: int
    end: int


class SentenceOut(BaseModel):
    """One sentence, whether its citations carry it, and their markers."""

    text: str
    support: Support
    citations: list[int]


class PositionOut(BaseModel):
    """One side of a disagreement."""

    value: str
    citations: list[int]


class ConflictOut(BaseModel):
    """Sources that give different values for the same thing."""

    about: str
    positions: list[PositionOut]


class WindowOut(BaseModel):
    """A time window read out of the question; half-open, an open side is null."""

    from_: str | None = Field(serialization_alias="from")
    to: str | None
    phrase: str
    applied: bool


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


class AnswerOut(BaseModel):
    """`200` of `POST /v1/ask`, and the `final` event."""

    id: str
    conversation_id: str
    question: str
    standalone_question: str
    asked_at: str
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


def answer_out(answer: Answer, *, debug: bool = False) -> AnswerOut:
    """The answer as every door shows it."""
    asked_at = answer.question.asked_at
    return AnswerOut(
        id=answer.id,
        conversation_id=answer.conversation_id,
        question=answer.question.asked,
        standalone_question=answer.question.standalone,
        asked_at=asked_at.isoformat().replace("+00:00", "Z"),
        status=answer.status,
        text=answer.text,
        sentences=[SentenceOut(text=s.text, support=s.support, citations=list(s.citations)) for s in answer.sentences],
        citations=[citation_out(citation, answer) for citation in answer.citations],
        conflicts=[
            ConflictOut(about=c.about, positions=[PositionOut(value=p.value, citations=list(p.citations)) for p in c.positions])
            for c in answer.conflicts
        ],
        window=window_out(answer.question.window),
        nearest=[citation_out(citation, answer) for citation in answer.nearest],
        coverage=coverage_out(answer.coverage),
        generator=GeneratorOut(name=answer.generator.name, kind=answer.generator.kind, fallback=answer.generator.fallback),  # type: ignore[arg-type]
        timings_ms=dict(answer.timings_ms),
        usage=UsageOut(prompt_tokens=answer.usage.prompt_tokens, completion_tokens=answer.usage.completion_tokens),
        debug={"evidence": [evidence_out(one) for one in answer.evidence], "dropped": list(answer.dropped)} if debug else None,
    )


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
        age_days=age,
        quote=citation.quote,
        start=citation.start,
        end=citation.end,
    )


def window_out(window: Window | None) -> WindowOut | None:
    """The window, or null."""
    return WindowOut(from_=iso(window.start), to=iso(window.end), phrase=window.phrase, applied=window.applied) if window else None


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
        "ingested_at": iso(article.ingested_at),
    }
    return {**head, "metadata": dict(article.metadata), "text": article.text} if whole else {**head, "characters": len(article.text)}


def item_out(item: ItemReport) -> dict[str, Any]:
    """What became of one article."""
    return {
        "place": item.place,
        "outcome": item.outcome.value,
        "id": item.article_id,
        "reason": item.reason,
        "warnings": list(item.warnings),
    }


def event_out(event: Event) -> tuple[str, Mapping[str, Any]]:
    """An event's name and data on the stream."""
    match event:
        case Understood(answer_id, conversation_id, question, coverage):
            window = window_out(question.window)
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
        "quote": citation.quote,
        "start": citation.start,
        "end": citation.end,
    }
