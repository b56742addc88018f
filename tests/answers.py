"""An answer with something in every field, for the tests of what is kept of answers."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

from service.domain import (
    Answer,
    AnswerSentence,
    Article,
    Citation,
    Conflict,
    Coverage,
    DateOrigin,
    Evidence,
    GeneratorUsed,
    Passage,
    Position,
    Question,
    Scope,
    Status,
    Support,
    Turn,
    Usage,
    Window,
)
from tests.fakes import NOON

CRACK, HURT = "The longest crack runs for 17 metres.", "Nobody was hurt."
ARTICLE = Article(
    "dam",
    f"😀 {CRACK} {HURT}",
    source="The Ledger",
    author="A. Reporter",
    url="https://ledger.example/dam",
    language="en",
    published_at=datetime(2026, 3, 9, tzinfo=UTC),
    updated_at=datetime(2026, 3, 9, 8, 30, 0, 123456, tzinfo=UTC),
    date_origin=DateOrigin.DOCUMENT,
    ingested_at=NOON,
    origin="/news/dam.txt",
    metadata=MappingProxyType({"desk": "weather", "tags": ["dam"]}),
)


def cite(quote: str, marker: int = 1) -> Citation:
    """A citation of the quote where it stands in the article."""
    start = ARTICLE.text.index(quote)
    return Citation(marker, ARTICLE, quote, start, start + len(quote))


def given(answer_id: str = "ans_1", asked: str = "How long is the crack?", **fields: Any) -> Answer:
    """An answer asked at noon in conversation `con_1`; any field of it, or of its question, may be another."""
    scope = Scope(NOON, NOON - timedelta(days=90), NOON, ("The Ledger",), ("dam",))
    window = Window(NOON - timedelta(days=7), None, "this week", applied=False)
    question = Question(asked, f"{asked} (standalone)", NOON, scope, window, wants_latest=True, earlier=Turn("Is it cracked?", "Yes."))
    asked_with = {name: fields.pop(name) for name in ("asked_at", "scope", "window", "earlier") if name in fields}
    passage = Passage.cut(ARTICLE, 0, 0, len(ARTICLE.text))
    whole = Answer(
        id=answer_id,
        conversation_id="con_1",
        question=replace(question, **asked_with),
        status=Status.ANSWERED,
        sentences=(AnswerSentence(CRACK, Support.SUPPORTED, (1,)), AnswerSentence("It grows.", Support.UNSUPPORTED)),
        citations=(cite(CRACK),),
        conflicts=(Conflict("metres", (Position("17", (1,)), Position("19", (2,)))),),
        nearest=(cite(HURT),),
        coverage=Coverage(2, datetime(2026, 3, 1, tzinfo=UTC), None),
        generator=GeneratorUsed("local/tiny", "model", "it was down"),
        timings_ms=MappingProxyType({"search": 10.25, "total": 20.0}),
        usage=Usage(412, None),
        evidence=(Evidence(1, ARTICLE, passage, 2, 2 + len(CRACK), CRACK, 0.87),),
        dropped=("It is 99 metres long.",),
    )
    return replace(whole, **fields)
