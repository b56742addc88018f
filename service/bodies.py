"""The JSON that enters: request bodies of the HTTP door, built from options by the CLI."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, tzinfo
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from service.answering.request import AskRequest, zone_of
from service.domain import Feedback, FeedbackVerdict, Mode
from service.errors import BadQuestion
from service.moments import parse_asked_at, parse_moment


class Body(BaseModel):
    """A request body: unknown fields are refused, so that a typo is not silently ignored."""

    model_config = ConfigDict(extra="forbid")


BodyKind = TypeVar("BodyKind", bound=Body)


MAX_MOMENT = 64
"""Characters of a date."""
MAX_ZONE = 64
"""Characters of a time zone's name; the longest there is has 32."""
MAX_ID, ID = 64, r"^[\w-]+$"
"""What ids of conversations and answers look like."""
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
    asked_at: str | None = Field(
        None, max_length=MAX_MOMENT, description="When the question is asked; nothing newer is used. Now by default."
    )
    time_zone: str | None = Field(
        None,
        max_length=MAX_ZONE,
        description="The asker's time zone by its IANA name, for “yesterday”; else that of `asked_at`, or UTC.",
        examples=["Europe/Berlin"],
    )
    filters: Filters = Field(default_factory=Filters)
    infer_window: bool = True
    debug: bool = False

    def request(self, **more: Any) -> AskRequest:
        """The same for the flow. Raises BadQuestion on a date or zone that is none, naming the field."""
        return AskRequest(
            question=self.question,
            asked_at=_asked_at(self.asked_at, zone_of(self.time_zone)),
            published_from=_moment("published_from", self.filters.published_from),
            published_to=_moment("published_to", self.filters.published_to),
            sources=tuple(self.filters.sources),
            article_ids=tuple(self.filters.article_ids),
            infer_window=self.infer_window,
            time_zone=self.time_zone,
            **more,
        )


class AskBody(Asking):
    """`POST /v1/ask`."""

    conversation_id: str | None = Field(
        None,
        max_length=MAX_ID,
        pattern=ID,
        description="Continue this conversation; 404 where it is not there or not yours. Left out, one begins.",
    )
    mode: Mode = Mode.AUTO
    top_k: int | None = Field(None, ge=1, le=100, description="Passages to choose evidence from; DATELINE_TOP_K by default.")
    stream: bool = False

    def ask_request(self, owner: str = "") -> AskRequest:
        """The same for the flow, asked by that owner of conversations. Raises BadQuestion."""
        return self.request(conversation_id=self.conversation_id, mode=self.mode, top_k=self.top_k, owner=owner)


class SearchBody(Asking):
    """`POST /v1/search`."""

    top_k: int = Field(10, ge=1, le=100)


class FeedbackBody(Body):
    """`POST /v1/feedback`."""

    answer_id: str = Field(max_length=MAX_ID, pattern=ID, description="The `id` of an answer.", examples=["ans_0123456789abcdef0123"])
    verdict: FeedbackVerdict = Field(description="Whether the answer is right.")
    reason: str | None = Field(None, max_length=200, description="In a few words, such as `wrong date`.", examples=["wrong date"])
    comment: str | None = Field(None, max_length=2000, description="What a better answer would say.")
    sentence: int | None = Field(None, ge=0, lt=1000, description="The sentence that is meant, counted from 0; left out, the whole answer.")

    def feedback(self, given_at: datetime) -> Feedback:
        """The same for the archive; blank words are none."""
        reason, comment = (words.strip() if words and words.strip() else None for words in (self.reason, self.comment))
        return Feedback(self.answer_id, self.verdict, given_at, reason, comment, self.sentence)


class NameBody(Body):
    """`PATCH /v1/conversations/{id}`."""

    title: str | None = Field(max_length=200, description="The name; null or blank for none, the first question then stands for it.")

    @property
    def name(self) -> str | None:
        """Without spaces around it; None for a blank one."""
        return (self.title or "").strip() or None


def body_from(kind: type[BodyKind], **fields: Any) -> BodyKind:
    """A body from values that did not come over HTTP. Raises BadQuestion naming the field."""
    try:
        return kind(**fields)
    except ValidationError as error:
        first = error.errors()[0]
        raise BadQuestion(f"{'.'.join(str(part) for part in first['loc'])}: {first['msg'].lower()}") from error


def _moment(field: str, text: str | None) -> datetime | None:
    return _read(field, text, parse_moment)


def _asked_at(text: str | None, zone: tzinfo | None) -> datetime | None:
    return _read("asked_at", text, lambda words: parse_asked_at(words, zone))


def _read(field: str, text: str | None, parse: Callable[[str], datetime]) -> datetime | None:
    if not text:
        return None
    try:
        moment = parse(text)
    except ValueError as error:
        raise BadQuestion(f"{field}: {error}") from error
    if moment.year not in YEARS:
        raise BadQuestion(f"{field}: {text!r} lies outside of the years {YEARS.start} to {YEARS.stop - 1}")
    return moment
