"""What a whole set of requests leaves in the log at INFO: no question, no key and no article's text.

Everything that nobody may read holds one planted word. `test_a_whole_service` has the real process, uvicorn and the llama.cpp child; the
other tests have providers that repeat what they were sent, which is how such a word would come into the log.
"""

import io
import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from service import logs
from service.models.generator import ChatGenerator, Target
from tests.integration.conftest import HASHED, Door
from tests.load.service import Service
from tests.tiny_gguf import write_tiny_gguf

WORD = "zorvex"
OUT = "standard-output"
ADMIN, ASK = f"{WORD}-admin-key-of-the-newsroom", f"{WORD}-ask-key-of-the-newsroom"
QUESTION = f"How many people left the {WORD.capitalize()} valley after the flood?"
ARTICLE = {
    "id": f"{WORD}-1", "title": f"The {WORD} flood", "source": f"{WORD} Herald", "author": f"A. {WORD}", "published_at": "2026-03-20",
    "url": f"https://{WORD}.example/flood", "text": f"Some 3,400 people left the {WORD.capitalize()} valley after the flood.",
}  # fmt: skip
BROKEN = f"""
from service.storage.archive import SqliteArchive
def fail(self):
    raise RuntimeError("{WORD}: " + repr(self))
SqliteArchive.months = fail
{HASHED}
"""
"""The real command with an encoder that needs no weights, and one fault that nobody expects."""


@pytest.fixture
def service(environment: dict[str, str], tmp_path: Path) -> Iterator[Service]:
    """The service over a model of a few hundred kilobytes, with a key of each scope, at its own level and format."""
    pytest.importorskip("xllamacpp")
    more = {
        "DATELINE_MODEL": f"local/{write_tiny_gguf(tmp_path / 'tiny.gguf')}", "DATELINE_API_KEYS": f"admin:{ADMIN},ask:{ASK}",
        "DATELINE_MODEL_THREADS": "1",
    }  # fmt: skip
    command = [sys.executable, "-c", BROKEN, "serve", "--port", "0"]
    with (
        (tmp_path / OUT).open("w") as out,
        subprocess.Popen(command, stdout=out, stderr=subprocess.PIPE, text=True, env=environment | more, cwd=tmp_path) as process,
    ):
        yield Service(process, tmp_path)
        process.kill()


def test_a_whole_service(service: Service, capsys: pytest.CaptureFixture[str]) -> None:
    """Each line is JSON, each request has one and only one, and the word is in none, whatever became of the request."""
    url = service.wait_for(r"serves (http://\S+?)/ ").group(1)
    child = int(service.wait_for(r"runs as process (\d+)").group(1))
    with httpx2.Client(base_url=url, timeout=120) as client:
        statuses = [*_taking_in(client), *_asking(client), *_going_wrong(client)]
        os.kill(child, signal.SIGKILL)
        answer = client.post("/v1/ask", json={"question": QUESTION}, headers=_key(ASK))
        statuses.append(answer.status_code)
        assert client.request(WORD.upper(), "/v1/ask", headers=_key(ASK)).status_code == 400  # by uvicorn, which has no request to show
    service.end()
    said = service.said + (service.folder / OUT).read_text("utf-8")
    lines = [json.loads(line) for line in said.splitlines()]
    requests = [line for line in lines if line["event"] == "request"]
    assert sorted(line["status"] for line in requests) == sorted(statuses)
    assert {200, 400, 401, 403, 404, 405, 413, 415, 422, 500} <= set(statuses)
    assert len({line["request_id"] for line in requests}) == len(requests)
    assert [line["event"] for line in lines if line["level"] == "error"] == [
        f"incident {line['request_id']}" for line in requests if line["status"] == 500
    ]
    assert [line["logger"] for line in lines if line["event"] == "Invalid HTTP request received."] == ["uvicorn.error"]
    assert any("the local model died" in line["event"] for line in lines)
    assert WORD in answer.text.lower()
    assert WORD not in said.lower()
    with capsys.disabled():
        print(f"\nlog scan: {len(lines)} lines of {len(statuses)} requests, {said.lower().count(WORD)} with the planted word")


def _key(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def _taking_in(client: httpx2.Client) -> Iterator[int]:
    """Articles that are taken in, that are not, in rows, in files and from addresses; and gone again."""
    for body in ([ARTICLE], [{"text": f"{WORD} " * 9, "published_at": WORD}, {"text": 7, WORD: WORD}], {WORD: WORD}):
        yield client.post("/v1/articles", json=body, headers=_key(ADMIN)).status_code
    yield client.post("/v1/ingest/file?name=a.html", content=f"<p>{WORD}<p".encode(), headers=_key(ADMIN)).status_code
    yield client.post("/v1/ingest/file?name=a.csv", content=f'{WORD},"x\n{WORD}'.encode(), headers=_key(ADMIN)).status_code
    yield client.post("/v1/ingest/address", json={"url": f"http://127.0.0.1:9/{WORD}"}, headers=_key(ADMIN)).status_code
    yield client.get(f"/v1/articles/{WORD}-1?version=1", headers=_key(ASK)).status_code
    yield client.get(f"/v1/articles?order=newest&source={WORD}", headers=_key(ASK)).status_code
    yield client.delete(f"/v1/articles/{WORD}-none", headers=_key(ADMIN)).status_code


def _asking(client: httpx2.Client) -> Iterator[int]:
    """Questions with and without the model, whole and as streams, followed up, searched for, judged and deleted."""
    asked = {"question": QUESTION, "asked_at": "2026-04-01"}
    answer = client.post("/v1/ask", json=asked, headers=_key(ASK))
    yield answer.status_code
    conversation, answer_id = answer.json()["conversation_id"], answer.json()["id"]
    for more in ({"mode": "model"}, {"mode": "extractive"}, {"stream": True}, {"debug": True}, {"filters": {"sources": [f"{WORD}s"]}}):
        yield client.post("/v1/ask", json={**asked, **more}, headers=_key(ASK)).status_code
    yield client.post(
        "/v1/ask", json={"question": f"and why {WORD}?", "conversation_id": conversation}, headers=_key(ASK)
    ).status_code
    yield client.post("/v1/search", json=asked, headers=_key(ASK)).status_code
    said = {"answer_id": answer_id, "verdict": "down", "comment": WORD}
    yield client.post("/v1/feedback", json=said, headers=_key(ASK)).status_code
    yield client.get(f"/v1/conversations?q={WORD}", headers=_key(ASK)).status_code
    yield client.patch(f"/v1/conversations/{conversation}", json={"name": WORD}, headers=_key(ASK)).status_code
    yield client.delete(f"/v1/conversations/{conversation}", headers=_key(ASK)).status_code


def _going_wrong(client: httpx2.Client) -> Iterator[int]:
    """Wrong keys, wrong bodies, wrong places, and what nobody expected."""
    asked = {"question": QUESTION}
    for key in (f"{ASK}x", f"{WORD}\xff", ADMIN.upper()):
        yield client.post("/v1/ask", json=asked, headers={"Authorization": f"Bearer {key}".encode("latin-1")}).status_code
    yield client.post("/v1/ask", json=asked, headers={"X-Api-Key": ASK}).status_code
    yield client.post("/v1/articles", json=[ARTICLE], headers=_key(ASK)).status_code
    for body in ({"question": WORD * 900}, {WORD: WORD}, {**asked, "asked_at": WORD}, {**asked, "conversation_id": f"con_{WORD}"},
                 {**asked, "time_zone": f"Europe/{WORD}"}, {"question": f"{WORD} \ud800"}):  # fmt: skip
        content = json.dumps(body).encode()
        yield client.post("/v1/ask", content=content, headers=_key(ASK) | {"Content-Type": "application/json"}).status_code
    yield client.post("/v1/ask", content=f'{{"question": "{WORD}'.encode(), headers=_key(ASK)).status_code
    resuming = {"Last-Event-ID": f"ans_{WORD}:1", "Accept": "text/event-stream"}
    yield client.post("/v1/ask", json=asked, headers=_key(ASK) | resuming).status_code
    yield client.get(f"/{WORD}?q={WORD}", headers=_key(ASK)).status_code
    yield client.request("PROPFIND", "/v1/ask", headers=_key(ASK)).status_code
    yield client.get("/v1/coverage", headers={"Host": f"{WORD}.example"}).status_code
    yield client.post("/v1/articles", content=iter([WORD.encode() * 6_000_000]), headers=_key(ADMIN)).status_code
    yield client.get("/v1/coverage", headers=_key(ASK)).status_code
    for path in ("/healthz", "/readyz", "/", "/openapi.json"):
        yield client.get(path).status_code
    yield client.get("/metrics", headers=_key(ASK)).status_code


async def _repeats(scope: Any, receive: Any, send: Any) -> None:
    """A provider that refuses every request and repeats it."""
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    said = " ".join(str(one["content"]) for one in json.loads(body)["messages"])
    start = max(0, said.lower().find(WORD) - 20)
    error = {"error": {"message": f"not allowed: {said[start : start + 100]}", "type": "x", "code": "content_filter"}}
    await send({"type": "http.response.start", "status": 400, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": json.dumps(error).encode()})


@contextmanager
def _log() -> Iterator[io.StringIO]:
    """All that is logged inside at INFO."""
    stream, logger = io.StringIO(), logging.getLogger("service")
    handler, level = logging.StreamHandler(stream), logger.level
    handler.setFormatter(logs.formatter("json"))
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield stream
    logger.setLevel(level)
    logger.removeHandler(handler)


def test_a_provider_that_repeats_what_it_was_sent(open_door: Door, on_loopback: Callable[[Any], str]) -> None:
    """The asker is told what it said; the log is not, of the answer, of a follow-up's rewriting and of the judge alike."""
    url = f"{on_loopback(_repeats)}/v1"
    door = open_door(ChatGenerator(Target("openai", "repeats", url, api_key="not-needed"), name="openai:repeats"))
    door.post("/v1/articles", json=[ARTICLE])
    with _log() as stream:
        answer = door.post("/v1/ask", json={"question": QUESTION}).json()
        follow_up = {"question": "Why did they?", "conversation_id": answer["conversation_id"]}
        door.post("/v1/ask", json=follow_up)
        door.post("/v1/ask", json={"question": QUESTION, "mode": "model"})
    assert WORD in answer["generator"]["fallback"].lower()
    events = [json.loads(line)["event"] for line in stream.getvalue().splitlines()]
    assert "answering without the model: openai:repeats refused the request with status 400" in events
    assert "a follow-up is not rewritten: openai:repeats refused the request with status 400" in events
    assert WORD not in stream.getvalue().lower()
