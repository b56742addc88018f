"""`/v1/feedback`: what a reader says of an answer is kept beside it, and becomes an eval case."""

import json
import logging
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from service import bootstrap, services
from service.domain import Feedback, FeedbackVerdict
from service.evaluation.cases import QuestionRow, case_from
from service.evaluation.from_use import add_case
from service.models.hashing import HashingEmbedder
from service.storage.conversations import Conversations
from service.storage.feedback import FeedbackLog
from service.wire import answer_out

ASKED = {"question": "How many people have been evacuated below the Halvern Dam?", "asked_at": "2026-04-01"}


def ask(door: TestClient, **more: object) -> Any:
    """The answer to the question."""
    response = door.post("/v1/ask", json=ASKED | more)
    assert response.status_code == 200
    return response.json()


def kept(door: TestClient, answer_id: str) -> tuple[Feedback, ...]:
    """What the archive holds of feedback on an answer."""
    return FeedbackLog(door.services.archive).of(answer_id)  # type: ignore[attr-defined]


def test_every_answer_is_kept_as_it_was_shown(door: TestClient) -> None:
    """Whole or streamed, answered or refused: what is read back shows as the same JSON."""
    streamed = door.post("/v1/ask", json=ASKED | {"stream": True}).text
    final = json.loads(streamed.split("event: final")[1].split("data: ")[1].splitlines()[0])
    refused = ask(door, question="Which orchestra plays Bruckner symphonies in Vienna?")
    assert refused["status"] == "insufficient_evidence"
    for shown in (ask(door), ask(door, mode="extractive"), refused, final):
        stored = Conversations(door.services.archive).answer(shown["id"])  # type: ignore[attr-defined]
        assert answer_out(stored).model_dump(mode="json", by_alias=True) == shown


def test_feedback_is_kept(door: TestClient) -> None:
    """201 with what was kept and when; the words are in the archive, not in the response."""
    answer_id = ask(door)["id"]
    before = services.now()
    said = {"answer_id": answer_id, "verdict": "down", "reason": "wrong number", "comment": " It was 3,500 by then.\n"}
    response = door.post("/v1/feedback", json=said)
    assert response.status_code == 201
    assert response.json() == {"answer_id": answer_id, "verdict": "down", "given_at": response.json()["given_at"]}
    (feedback,) = kept(door, answer_id)
    assert feedback == Feedback(answer_id, FeedbackVerdict.DOWN, feedback.given_at, "wrong number", "It was 3,500 by then.")
    assert before <= feedback.given_at == datetime.fromisoformat(response.json()["given_at"]) <= services.now()


def test_every_word_is_kept_in_order(door: TestClient) -> None:
    """Who changes their mind is heard again; missing, null and blank words are none."""
    answer_id = ask(door)["id"]
    for more in ({"verdict": "down"}, {"verdict": "up", "reason": None, "comment": None}, {"verdict": "up", "reason": " ", "comment": ""}):
        assert door.post("/v1/feedback", json={"answer_id": answer_id} | more).status_code == 201
    assert [feedback.verdict.value for feedback in kept(door, answer_id)] == ["down", "up", "up"]
    assert {(feedback.reason, feedback.comment) for feedback in kept(door, answer_id)} == {(None, None)}


@pytest.mark.parametrize("answer_id", ["ans_unknown", "x" * 64, "-", "жук"])
def test_an_unknown_answer_is_not_found(door: TestClient, answer_id: str) -> None:
    """404 as a problem, and nothing is kept."""
    response = door.post("/v1/feedback", json={"answer_id": answer_id, "verdict": "up"})
    assert (response.status_code, response.headers["content-type"]) == (404, "application/problem+json")
    assert answer_id in response.json()["detail"]
    assert kept(door, answer_id) == ()


def test_words_of_the_allowed_length_are_taken(door: TestClient) -> None:
    """200 characters of reason, 2,000 of comment, counted in code points."""
    answer_id = ask(door)["id"]
    words = {"reason": "😀" * 200, "comment": "ü" * 2_000}
    assert door.post("/v1/feedback", json={"answer_id": answer_id, "verdict": "up"} | words).status_code == 201
    assert {"reason": kept(door, answer_id)[0].reason, "comment": kept(door, answer_id)[0].comment} == words


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"verdict": "sideways"}, "verdict"),
        ({"verdict": "UP"}, "verdict"),
        ({"verdict": None}, "verdict"),
        ({"verdict": 1}, "verdict"),
        ({"answer_id": None}, "answer_id"),
        ({"answer_id": ""}, "answer_id"),
        ({"answer_id": "x" * 65}, "answer_id"),
        ({"answer_id": "ans_1\n"}, "answer_id"),
        ({"answer_id": "ans 1"}, "answer_id"),
        ({"answer_id": 7}, "answer_id"),
        ({"reason": "x" * 201}, "reason"),
        ({"reason": ["wrong"]}, "reason"),
        ({"comment": "x" * 2_001}, "comment"),
        ({"comment": "\ud800"}, "comment"),
        ({"coment": "a typo"}, "coment"),
        ({"given_at": "2026-01-01"}, "given_at"),
    ],
)
def test_what_is_no_feedback_is_refused(door: TestClient, change: dict[str, Any], field: str) -> None:
    """422 as a problem that names the field; nothing is kept."""
    answer_id = ask(door)["id"]
    body = json.dumps({"answer_id": answer_id, "verdict": "up"} | change)
    response = door.post("/v1/feedback", content=body, headers={"Content-Type": "application/json"})
    assert (response.status_code, response.headers["content-type"]) == (422, "application/problem+json")
    assert [error["field"] for error in response.json()["errors"]] == [field]
    assert kept(door, answer_id) == ()


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"up"', b"null", b"{}"])
def test_a_body_that_is_no_object_is_refused(door: TestClient, body: bytes) -> None:
    """422 as a problem."""
    response = door.post("/v1/feedback", content=body, headers={"Content-Type": "application/json"})
    assert (response.status_code, response.headers["content-type"]) == (422, "application/problem+json")


def test_what_readers_say_is_not_logged(door: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    """Neither reason nor comment, whether it was kept or refused."""
    caplog.set_level(logging.DEBUG, "service")
    answer_id = ask(door)["id"]
    for verdict, known in (("down", answer_id), ("purple", answer_id), ("up", "ans_purple")):
        door.post("/v1/feedback", json={"answer_id": known, "verdict": verdict, "reason": "purple", "comment": "A purple zeppelin."})
    assert len(kept(door, answer_id)) == 1
    assert "purple" not in caplog.text
    assert "Halvern" not in caplog.text


def test_the_body_and_the_response_are_documented(door: TestClient) -> None:
    """OpenAPI names the fields with their limits, the 201, and the problems."""
    document = door.get("/openapi.json").json()
    operation = document["paths"]["/v1/feedback"]["post"]
    assert operation["responses"].keys() >= {"201", "4XX", "5XX"}
    schemas = document["components"]["schemas"]
    assert schemas["FeedbackBody"]["required"] == ["answer_id", "verdict"]
    assert schemas["FeedbackBody"]["additionalProperties"] is False
    assert schemas["FeedbackVerdict"]["enum"] == ["up", "down"]
    assert schemas["FeedbackOut"]["properties"].keys() == {"answer_id", "verdict", "given_at"}


def test_feedback_becomes_a_case_beside_the_running_service(
    open_door: Callable[..., TestClient], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked twice in one conversation, judged over HTTP, read by another opening of the archive: a row that asks the same again."""
    monkeypatch.setattr(bootstrap, "build_embedder", lambda settings: HashingEmbedder(256))
    door = open_door()
    first = ask(door)
    answer = ask(door, question="And where were they taken?", conversation_id=first["conversation_id"], asked_at="2026-04-02")
    door.post("/v1/feedback", json={"answer_id": first["id"], "verdict": "up"})
    door.post("/v1/feedback", json={"answer_id": answer["id"], "verdict": "down", "reason": "wrong place", "comment": "To Skell."})
    with bootstrap.reading(door.services.settings) as archive:  # type: ignore[attr-defined]
        rows = [add_case(archive, one["id"], tmp_path / "cases" / "from-use.jsonl") for one in (first, answer)]
    assert [json.loads(line) for line in (tmp_path / "cases" / "from-use.jsonl").read_text("utf-8").splitlines()] == rows
    right, wrong = rows
    assert (right["statuses"], right["gold"]) == (["answered"], [[citation["quote"]] for citation in first["citations"]])
    assert (right["history"], right["tags"]) == ([], ["from-use", "up"])
    assert (wrong["statuses"], wrong["gold"]) == (["answered"], [])
    assert wrong["history"] == [{"question": ASKED["question"], "answer": first["text"]}]
    assert wrong["tags"] == ["from-use", "down", "wrong-place"]
    assert "To Skell." in wrong["note"]
    case = case_from(QuestionRow.model_validate(wrong), "row")
    assert case.asked_at == datetime.fromisoformat(answer["asked_at"])
