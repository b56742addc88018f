"""`POST /v1/ask` as JSON: the contract field by field, exact citations, refusals, and input that is wrong in every way we know."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.models.scripted import ScriptedGenerator

QUESTION = "How many people have been evacuated below the Halvern Dam?"
ASKED_AT = "2026-04-01T09:00:00Z"
JSON = {"Content-Type": "application/json"}
ANSWER_FIELDS = {
    "id", "conversation_id", "question", "standalone_question", "asked_at", "status", "text", "sentences", "citations", "conflicts",
    "window", "nearest", "coverage", "generator", "timings_ms", "usage", "debug", "given_at", "filters",
}  # fmt: skip
CITATION_FIELDS = {
    "marker", "article_id", "title", "source", "url", "author", "published_at", "date_origin", "age_days", "quote", "start", "end",
    "also_in", "version", "before", "after",
}  # fmt: skip


def ask(door: TestClient, question: str = QUESTION, **more: Any) -> dict[str, Any]:
    """The 200 answer."""
    response = door.post("/v1/ask", json={"question": question, "asked_at": ASKED_AT, **more})
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


def refused(response: Any, status: int) -> dict[str, Any]:
    """The problem of a refusal, which has all its members."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert body.keys() - {"errors"} == {"type", "title", "status", "detail"}
    assert body["status"] == status
    return body


def assert_exact(door: TestClient, citations: list[dict[str, Any]]) -> None:
    """Each citation's quote is what the article holds at its offsets."""
    assert citations
    for citation in citations:
        article = door.get(f"/v1/articles/{quote(citation['article_id'], safe='')}").json()
        assert article["text"][citation["start"] : citation["end"]] == citation["quote"]


def test_an_answer_has_exactly_the_fields_of_the_contract(door: TestClient) -> None:
    """No field is missing, none is undocumented, and each is of its documented type."""
    answer = ask(door)
    assert answer.keys() == ANSWER_FIELDS
    assert answer["status"] == "answered"
    assert answer["question"] == QUESTION
    assert answer["asked_at"] == ASKED_AT
    assert answer["text"].startswith("Some 3,400 people have been evacuated below the Halvern Dam [1].")
    assert answer["sentences"][0] == {
        "text": "Some 3,400 people have been evacuated below the Halvern Dam.", "support": "supported", "citations": [1],
        "missing": [],
    }  # fmt: skip
    assert answer["citations"][0].keys() == CITATION_FIELDS
    assert answer["citations"][0] | {"start": 0, "end": 0, "quote": ""} == {
        "marker": 1, "article_id": "dam-2", "title": "Evacuation grows", "source": "The Ledger", "url": None, "author": None,
        "published_at": "2026-03-20T06:30:00Z", "date_origin": "document", "age_days": 12, "quote": "", "start": 0, "end": 0,
        "also_in": [], "version": 2, "before": "", "after": "Buses took them to Skell.",
    }  # fmt: skip
    assert answer["coverage"] == {"articles": 2, "from": "2026-03-04", "to": "2026-03-20T06:30:00Z"}
    assert answer["generator"] == {"name": "scripted", "kind": "model", "fallback": None}
    assert answer["timings_ms"].keys() == {"understand", "search", "select", "generate", "ground", "total"}
    assert answer["usage"]["completion_tokens"] > 0
    assert (answer["window"], answer["conflicts"], answer["nearest"], answer["debug"]) == (None, [], [], None)


def test_a_number_the_articles_do_not_hold_is_not_shown(open_door: Callable[..., TestClient]) -> None:
    """The model's invented 77 is dropped, and only the debug field shows what was."""
    said = "Some 3,400 people have been evacuated below the Halvern Dam [1]. They went to the moon with 77 cats [1]."
    answer = ask(open_door(ScriptedGenerator([said])), debug=True)
    assert answer["sentences"]
    assert "77 cats" not in json.dumps({**answer, "debug": None})
    assert any("77 cats" in sentence for sentence in answer["debug"]["dropped"])


@pytest.mark.parametrize("question", [QUESTION, "Who found cracks in the Halvern Dam?", "Who won the chess tournament in Reykjavik?"])
def test_citations_count_code_points(door: TestClient, question: str) -> None:
    """Quotes of an article that begins with an astral character are exact, in answers and in refusals."""
    answer = ask(door, question, mode="extractive")
    assert_exact(door, answer["citations"] or answer["nearest"])


def test_a_window_is_shown_and_can_be_switched_off(door: TestClient) -> None:
    """“Last month” is resolved against `asked_at`; with `infer_window` false it is told and not applied."""
    question = "How many people were evacuated below the Halvern Dam last month?"
    assert ask(door, question)["window"] == {"from": "2026-03-01", "to": "2026-04-01", "phrase": "last month", "applied": True}
    assert ask(door, question, infer_window=False)["window"] == {
        "from": "2026-03-01", "to": "2026-04-01", "phrase": "last month", "applied": False,
    }  # fmt: skip


def test_a_window_that_is_not_applied_does_not_weigh(door: TestClient) -> None:
    """Asked in April, an article of March is as recent as can be where "last month" weighs, and less so where it does not."""
    asked = {"question": "How many people were evacuated below the Halvern Dam last month?", "asked_at": "2026-04-20", "debug": True}
    recency = [
        door.post("/v1/search", json=asked | {"infer_window": weighs}).json()["debug"]["candidates"][0]["parts"]["recency"]
        for weighs in (False, True)
    ]
    assert recency[0] < recency[1]


def test_yesterday_is_that_of_the_asker(door: TestClient) -> None:
    """Of the same instant, `time_zone` or the offset of `asked_at` say which day it is; `asked_at` comes back in UTC."""
    instant, question = "2026-04-01T23:30:00Z", "Who spoke yesterday?"
    for path in ("/v1/ask", "/v1/search"):
        for more, day in (
            ({"asked_at": instant}, "2026-03-31"),
            ({"asked_at": instant, "time_zone": "Europe/Berlin"}, "2026-04-01"),
            ({"asked_at": "2026-04-02T01:30:00+02:00"}, "2026-04-01"),
        ):
            answer = door.post(path, json={"question": question, **more}).json()
            assert answer["window"]["from"] == day
            assert answer.get("asked_at", instant) == instant
        assert "time_zone" in refused(door.post(path, json={"question": "x", "time_zone": "Mars/Base"}), 422)["detail"]


def test_a_refusal_carries_the_nearest_evidence_and_the_range(door: TestClient) -> None:
    """What the archive does not hold is a status with nearest citations, not a sentence and not an error."""
    answer = ask(door, "Who won the chess tournament in Reykjavik?")
    assert answer["status"] == "insufficient_evidence"
    assert (answer["text"], answer["sentences"], answer["citations"]) == ("", [], [])
    assert answer["nearest"][0].keys() == CITATION_FIELDS
    assert answer["coverage"]["articles"] == 2


def test_a_time_the_archive_has_nothing_from_is_outside_of_its_coverage(door: TestClient) -> None:
    """The status says why there is no answer, and the window and the archive's range say what was looked for and what there is."""
    answer = ask(door, "How many people were evacuated below the Halvern Dam in January 2020?")
    assert answer["status"] == "outside_coverage"
    assert answer["window"]["from"] == "2020-01-01"
    assert answer["coverage"]["from"] == "2026-03-04"


def test_what_was_published_later_is_hidden(door: TestClient) -> None:
    """Asked before the first article, there is nothing to cite and the coverage is empty."""
    answer = ask(door, asked_at="2020-01-01")
    assert answer["citations"] == answer["nearest"] == []
    assert answer["coverage"] == {"articles": 0, "from": None, "to": None}


def test_filters_hold(door: TestClient) -> None:
    """A filter by date, by outlet without regard to case, or by article leaves only what it names."""
    for filters in ({"published_to": "2026-03-05"}, {"sources": ["northern herald"]}, {"article_ids": ["dam/1 ?ü"]}):
        answer = ask(door, mode="extractive", filters=filters)
        assert {c["article_id"] for c in answer["citations"] or answer["nearest"]} == {"dam/1 ?ü"}, filters


WRONG: dict[str, Any] = {
    "empty": {"question": ""},
    "blank": {"question": " \t\n"},
    "only control characters": {"question": "\x00\x01\x1b"},
    "10,000 characters": {"question": "a" * 10_000},
    "no question": {},
    "a question that is a number": {"question": 7},
    "an unknown field": {"question": "x", "quesion": "y"},
    "an unknown field in filters": {"question": "x", "filters": {"published_form": "2026-01-01"}},
    "a window that ends before it begins": {"question": "x", "filters": {"published_from": "2026-02-01", "published_to": "2026-01-01"}},
    "a window of no length": {"question": "x", "filters": {"published_from": "2026-02-01", "published_to": "2026-02-01"}},
    "a day that does not exist": {"question": "x", "asked_at": "2026-02-30"},
    "a date in words": {"question": "x", "filters": {"published_from": "last tuesday"}},
    "the first year": {"question": "x last year", "asked_at": "0001-01-01"},
    "the last year": {"question": "x next year", "asked_at": "9999-12-31"},
    "a mode that is none": {"question": "x", "mode": "oracle"},
    "no passage": {"question": "x", "top_k": 0},
    "a huge number": {"question": "x", "top_k": 10**30},
    "a conversation id that is a path": {"question": "x", "conversation_id": "../x"},
    "null": None,
    "a list": [],
}


@pytest.mark.parametrize("body", WRONG.values(), ids=WRONG.keys())
def test_wrong_input_is_a_problem_that_says_what_to_change(door: TestClient, body: Any) -> None:
    """422, with a sentence, and without a word of the interpreter's."""
    detail = refused(door.post("/v1/ask", json=body), 422)["detail"]
    assert len(detail) > 15
    assert "Traceback" not in detail


def test_a_wrong_field_is_named_once(door: TestClient) -> None:
    """`errors` has one row a field."""
    body = refused(door.post("/v1/ask", json={"question": "x", "top_k": 0, "quesion": 1}), 422)
    assert sorted(row["field"] for row in body["errors"]) == ["quesion", "top_k"]


RAW: dict[str, tuple[bytes, int, str]] = {
    "not JSON": (b'{"question": "x"', 422, "not JSON at character"),
    "nothing": (b"", 422, "body"),
    "not UTF-8": (b'{"question": "\xff\xfe"}', 400, "not JSON"),
    "a lone surrogate": (b'{"question": "\\ud800 who?"}', 422, "question"),
    "a lone surrogate as a key": (b'{"question": "x", "\\ud800": 1}', 422, "not valid"),
    "deep lists": (b"[" * 100_000, 400, "nested too deeply"),
    "deep objects": (b'{"a":' * 100_000, 400, "nested too deeply"),
    "deep and closed": (b'{"question": ' + b"[" * 5_000 + b"]" * 5_000 + b"}", 400, "nested too deeply"),
    "a number of 5,000 digits": (b'{"question": "x", "top_k": ' + b"9" * 5_000 + b"}", 400, "number"),
    "not a number": (b'{"question": "x", "top_k": NaN}', 422, "top_k"),
}


@pytest.mark.parametrize(("content", "status", "words"), RAW.values(), ids=RAW.keys())
def test_bytes_that_are_no_request_are_refused(door: TestClient, content: bytes, status: int, words: str) -> None:
    """A body that cannot be read is the caller's mistake, told in a sentence."""
    assert words in refused(door.post("/v1/ask", content=content, headers=JSON), status)["detail"]


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x", None])
def test_another_content_type_is_named(door: TestClient, kind: str | None) -> None:
    """415 says which type to send."""
    headers = {"Content-Type": kind} if kind else {}
    assert "Content-Type: application/json" in refused(door.post("/v1/ask", content=b'{"question": "x"}', headers=headers), 415)["detail"]


def test_a_body_too_large_is_refused_announced_or_in_chunks(open_door: Callable[..., TestClient]) -> None:
    """413 names the limit, whether the length was announced or only seen on the way."""
    door = open_door(max_body_bytes=2_000)
    large = json.dumps({"question": "x" * 3_000}).encode()
    for content in (large, iter([large[:1_500], large[1_500:]])):
        assert "2,000 bytes" in refused(door.post("/v1/ask", content=content, headers=JSON), 413)["detail"]
    assert door.post("/v1/ask", json={"question": "x" * 1_900}).status_code == 200


@pytest.mark.parametrize(
    "question", ["🎉🎉🎉", "asdf qwer zxcv", "a\x00b\x1b[31mc", "\u202eevil", "'; DROP TABLE articles; --", '"NEAR(', "?" * 2_000]
)
def test_odd_questions_are_answered_with_a_status(door: TestClient, question: str) -> None:
    """Nonsense, emoji, control characters and query syntax are questions like any other."""
    assert ask(door, question)["question"] == question


@given(st.text(min_size=1, max_size=60), st.sampled_from(["auto", "extractive"]))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_question_is_a_server_error(door: TestClient, question: str, mode: str) -> None:
    """Any text is answered or refused as input, never a 5xx."""
    response = door.post("/v1/ask", content=json.dumps({"question": question, "mode": mode}).encode(), headers=JSON)
    assert response.status_code in {200, 422}, response.text


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=5), st.sampled_from(
    ["question", "asked_at", "time_zone", "filters", "infer_window", "conversation_id", "mode", "top_k", "debug", "stream"]))  # fmt: skip
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_value_of_a_field_is_a_server_error(door: TestClient, value: Any, field: str) -> None:
    """Any JSON in any field is answered or refused as input, never a 5xx."""
    response = door.post("/v1/ask", content=json.dumps({"question": "x", field: value}).encode(), headers=JSON)
    assert response.status_code in {200, 404, 422}, response.text


def test_without_a_model_the_mode_model_is_refused(open_door: Callable[..., TestClient]) -> None:
    """503 with Retry-After and what to set, where `auto` would have quoted."""
    door = open_door(model="extractive")
    response = door.post("/v1/ask", json={"question": QUESTION, "asked_at": ASKED_AT, "mode": "model"})
    assert "DATELINE_MODEL" in refused(response, 503)["detail"]
    assert int(response.headers["retry-after"]) > 0
    assert ask(door)["generator"] == {"name": "extractive", "kind": "extractive", "fallback": None}


def test_a_conversation_is_continued(door: TestClient) -> None:
    """The id that came back makes the next question lean on the one before."""
    first = ask(door)
    second = ask(door, "And where did they go?", conversation_id=first["conversation_id"])
    assert second["conversation_id"] == first["conversation_id"]
    assert "Halvern Dam" in second["standalone_question"]
