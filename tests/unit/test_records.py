"""Records of answers: what comes back is what was kept, and what is no record is refused in our words."""

import json
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given as given_any
from hypothesis import settings
from hypothesis import strategies as st

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
    Reprint,
    Scope,
    Status,
    Support,
    Turn,
    Usage,
    Window,
)
from service.errors import BadInput
from service.records import dump_answer, lean, load_answer
from tests.answers import ARTICLE, CRACK, given

TEXT, NUMBER, NUMBERS = st.text(max_size=20), st.integers(0, 10**6), st.lists(st.integers(1, 99), max_size=3).map(tuple)
MOMENT = st.datetimes(timezones=st.just(UTC))
SCORE = st.floats(allow_nan=False)


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """The same, or nothing."""
    return st.none() | strategy


def several(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    """None, one or two."""
    return st.lists(strategy, max_size=2).map(tuple)


ARTICLES = st.builds(
    Article, TEXT, TEXT, TEXT, maybe(TEXT), maybe(TEXT), maybe(TEXT), maybe(TEXT), maybe(MOMENT), maybe(MOMENT),
    st.sampled_from(DateOrigin), maybe(TEXT), several(TEXT), maybe(MOMENT), maybe(NUMBER), maybe(TEXT),
    st.dictionaries(TEXT, NUMBER, max_size=2).map(MappingProxyType),
)  # fmt: skip
PASSAGES = st.builds(Passage, TEXT, TEXT, NUMBER, NUMBER, NUMBER, TEXT)
REPRINTS = several(st.builds(Reprint, TEXT, TEXT, maybe(MOMENT)))
CITATIONS = several(st.builds(Citation, NUMBER, ARTICLES, TEXT, NUMBER, NUMBER, REPRINTS))
TURNS = st.builds(Turn, TEXT, TEXT)
SCOPES = st.builds(Scope, MOMENT, maybe(MOMENT), maybe(MOMENT), several(TEXT), several(TEXT))
WINDOWS = st.builds(Window, maybe(MOMENT), maybe(MOMENT), TEXT, st.booleans())
ANSWERS = st.builds(
    Answer,
    id=TEXT,
    conversation_id=TEXT,
    question=st.builds(Question, TEXT, TEXT, MOMENT, SCOPES, maybe(WINDOWS), st.booleans(), maybe(TURNS)),
    status=st.sampled_from(Status),
    sentences=several(st.builds(AnswerSentence, TEXT, st.sampled_from(Support), NUMBERS)),
    citations=CITATIONS,
    conflicts=several(st.builds(Conflict, TEXT, several(st.builds(Position, TEXT, NUMBERS)))),
    nearest=CITATIONS,
    coverage=st.builds(Coverage, NUMBER, maybe(MOMENT), maybe(MOMENT)),
    generator=st.builds(GeneratorUsed, TEXT, TEXT, maybe(TEXT)),
    timings_ms=st.dictionaries(TEXT, SCORE, max_size=3).map(MappingProxyType),
    usage=st.builds(Usage, maybe(NUMBER), maybe(NUMBER)),
    evidence=several(st.builds(Evidence, NUMBER, ARTICLES, PASSAGES, NUMBER, NUMBER, TEXT, SCORE, maybe(NUMBER))),
    dropped=several(TEXT),
)


@settings(max_examples=60, deadline=None)
@given_any(ANSWERS)
def test_any_answer_comes_back_lean(answer: Answer) -> None:
    """Whatever stands in its fields: what is read equals the lean answer, and is written as the same line again."""
    record = dump_answer(answer)
    loaded = load_answer(record)
    assert loaded == lean(answer) == lean(loaded)
    assert dump_answer(loaded) == record
    assert "\n" not in record


def test_every_field_of_an_answer_is_kept() -> None:
    """All but the articles' texts, titles and metadata are as they were, to the microsecond; the passages' texts stay."""
    answer = given()
    loaded = load_answer(dump_answer(answer))
    kept = replace(ARTICLE, title="😀 The longest crack runs for 17 metres. Nobody was hurt.", text="", metadata={})
    assert loaded == replace(
        answer,
        citations=(replace(answer.citations[0], article=kept),),
        nearest=(replace(answer.nearest[0], article=kept),),
        evidence=(replace(answer.evidence[0], article=kept),),
    )
    assert loaded.evidence[0].passage.text == ARTICLE.text
    assert loaded.text == answer.text
    assert loaded.question.asked_at.utcoffset() == timedelta(0)
    assert {field.name for field in fields(Answer)} == json.loads(dump_answer(answer)).keys()


def test_a_lean_article_keeps_its_own_headline() -> None:
    """A title stays as it is; the first words stand in for one that is missing."""
    titled = replace(ARTICLE, title="Cracks found")
    for article in (titled, ARTICLE):
        citation = Citation(1, article, CRACK, 2, 2 + len(CRACK))
        loaded = load_answer(dump_answer(given(citations=(citation,))))
        assert loaded.citations[0].article.title == article.headline


def test_timings_cannot_be_changed_afterwards() -> None:
    """What was frozen is frozen again."""
    loaded = load_answer(dump_answer(given(timings_ms={"total": 1.0})))
    with pytest.raises(TypeError):
        loaded.timings_ms["total"] = 2.0  # type: ignore[index]


def test_odd_values_do_not_keep_an_answer_from_being_kept() -> None:
    """Infinity reads back; half a surrogate pair, which no file can hold, is a question mark; another zone is the same instant."""
    scope = Scope(datetime(2026, 3, 4, tzinfo=timezone(timedelta(hours=2))), sources=("\ud800",))
    record = dump_answer(given(scope=scope, timings_ms={"total": float("inf")}))
    record.encode()
    loaded = load_answer(record)
    assert loaded.timings_ms["total"] == float("inf")
    assert loaded.question.scope == replace(scope, sources=("?",))


def without(record: dict[str, Any], *path: str | int) -> None:
    """Take out the last of these keys."""
    inner: Any = record
    for key in path[:-1]:
        inner = inner[key]
    del inner[path[-1]]


def test_a_record_of_another_version_is_read() -> None:
    """A field that it lacks has its default, and one that is not known here is passed over."""
    record = json.loads(dump_answer(given()))
    without(record, "dropped")
    without(record, "citations", 0, "article", "language")
    without(record, "citations", 0, "also_in")
    without(record, "evidence", 0, "story")
    record["mood"] = record["question"]["mood"] = "hopeful"
    loaded = load_answer(json.dumps(record))
    assert loaded.dropped == ()
    assert loaded.citations[0].article.language is None
    assert loaded.citations[0].also_in == ()


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda record: record[:-1], "Invalid JSON"),
        (lambda record: "", "Invalid JSON"),
        (lambda record: "[" * 100_000, "recursion limit"),
        (lambda record: "null", "record: "),
        (lambda record: "{}", "id: Field required"),
        (lambda record: record.replace('"status":"answered"', '"status":"sure"'), "status: "),
        (lambda record: record.replace('"start":2,', '"start":"two",', 1), r"citations\.0\.start: "),
        (lambda record: record.replace("2026-06-01T12:00:00Z", "noon"), r"question\.asked_at: "),
        (lambda record: "\ud800", ""),
    ],
    ids=["cut short", "empty", "deep", "null", "no fields", "status", "offset", "moment", "surrogate"],
)
def test_what_is_no_record_is_refused_in_our_words(spoil: Callable[[str], str], words: str) -> None:
    """BadInput names the place and what to do, and repeats nothing of what the record holds."""
    record = dump_answer(given())
    assert spoil(record) != record
    with pytest.raises(BadInput, match=f"{words}.*ask the question again") as caught:
        load_answer(spoil(record))
    assert "crack" not in str(caught.value)
