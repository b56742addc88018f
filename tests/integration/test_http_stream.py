"""`POST /v1/ask` as server-sent events: order, the final answer, errors, readers that leave and readers that are slow."""

import asyncio
import json
import socket
import threading
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any
from urllib.parse import urlsplit

import anyio
import httpx2
import pytest
from fastapi.testclient import TestClient

from service.answering.request import AskRequest
from service.bodies import AskBody
from service.http import streaming
from service.http.app import create_app
from service.http.recordings import BACKLOG, STOPPING, Recording, Recordings
from service.http.streaming import event_stream, events
from service.models.scripted import ScriptedGenerator
from service.ports import Piece, Prompt
from service.services import Services
from tests.doors import WIDE
from tests.fakes import NOON
from tests.integration.conftest import take_in

QUESTION = "How many people have been evacuated below the Halvern Dam?"
BODY = {"question": QUESTION, "asked_at": "2026-04-01T09:00:00Z", "stream": True}
ASK = AskRequest(QUESTION, asked_at=AskBody(question=QUESTION, asked_at="2026-04-01T09:00:00Z").ask_request().asked_at)
Events = list[tuple[str, Any]]


class Endless:
    """A model that speaks without end and remembers whether it was stopped."""

    name = "endless"

    def __init__(self) -> None:
        self.pieces = 0
        self.spoke = threading.Event()
        self.closed = threading.Event()

    async def stream(self, prompt: Prompt) -> AsyncGenerator[Piece, None]:
        try:
            while True:
                self.pieces += 1
                yield Piece(f"{self.pieces} ")
                await asyncio.sleep(0)
        finally:
            self.closed.set()

    async def first_token_logprobs(self, prompt: Prompt) -> dict[str, float]:
        return {}


class Silent(Endless):
    """A model that says one word and then nothing."""

    async def stream(self, prompt: Prompt) -> AsyncGenerator[Piece, None]:
        try:
            yield Piece("Some")
            self.spoke.set()
            await asyncio.Event().wait()
        finally:
            self.closed.set()


def recorded(services: Services) -> Recording:
    """The stream of the question."""
    return Recordings().begin(services.answerer, ASK, NOON, debug=False, door=WIDE)


def stream(door: TestClient, read: Callable[..., Events], **more: Any) -> Events:
    """The events of one streamed question."""
    with door.stream("POST", "/v1/ask", json={**BODY, **more}) as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        return read(response.iter_lines())


def test_events_come_in_the_order_of_the_contract(door: TestClient, events_of: Callable[..., Events]) -> None:
    """Meta, sources, deltas, sentences, and one final; the deltas are the model's text, the sentence has its citations."""
    found = stream(door, events_of)
    names = [name for name, _ in found]
    assert names[:2] == ["meta", "sources"]
    assert names[-1] == "final"
    assert set(names[2:-1]) == {"delta", "sentence"}
    assert names.count("final") == 1
    assert "".join(data["text"] for name, data in found if name == "delta").startswith("Some 3,400 people")
    assert found[0][1].keys() == {"id", "conversation_id", "standalone_question", "window", "coverage"}
    assert [row["number"] for row in found[1][1]["evidence"]] == list(range(1, len(found[1][1]["evidence"]) + 1))
    sentence = next(data for name, data in found if name == "sentence")
    assert (sentence["index"], sentence["support"], sentence["citations"]) == (0, "supported", [1])
    assert sentence["new_citations"][0]["article_id"] == "dam-2"


@pytest.mark.parametrize("more", [{}, {"mode": "extractive"}, {"question": "Who won the chess tournament in Reykjavik?"}, {"debug": True}])
def test_final_is_the_json_answer(door: TestClient, events_of: Callable[..., Events], more: dict[str, Any]) -> None:
    """The last event equals the JSON answer of the same question, but for ids and timings; sentences were streamed as they ended up."""
    found = stream(door, events_of, **more)
    final = found[-1][1]
    plain = door.post("/v1/ask", json={**BODY, **more, "stream": False}).json()
    for answer in (final, plain):
        del answer["id"], answer["conversation_id"], answer["timings_ms"], answer["given_at"]
    assert final == plain
    streamed = [data for name, data in found if name == "sentence"]
    assert [{key: row[key] for key in ("text", "support", "citations", "missing")} for row in streamed] == final["sentences"]


def test_the_accept_header_asks_for_a_stream_too(door: TestClient) -> None:
    """`Accept: text/event-stream` does what `stream` does."""
    response = door.post("/v1/ask", json={**BODY, "stream": False}, headers={"Accept": "text/event-stream"})
    assert response.headers["content-type"].startswith("text/event-stream")
    assert response.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(("more", "status"), [({"question": " "}, 422), ({"asked_at": "nonsense"}, 422), ({"top_k": 0}, 422)])
def test_what_is_known_to_be_wrong_is_a_plain_http_error(door: TestClient, more: dict[str, Any], status: int) -> None:
    """Never a 200 with an error inside."""
    response = door.post("/v1/ask", json={**BODY, **more})
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"


def test_an_error_in_the_middle_is_the_one_last_event(open_door: Callable[..., TestClient], events_of: Callable[..., Events]) -> None:
    """A model that breaks off where only the model will do ends the stream with a problem."""
    door = open_door(ScriptedGenerator(["Some 3,400 people have been evacuated."], breaks_after=3))
    found = stream(door, events_of, mode="model")
    assert [name for name, _ in found][-1] == "error"
    assert {"final", "error"} & {name for name, _ in found[:-1]} == set()
    assert found[-1][1]["status"] == 503
    assert "stopped in the middle" in found[-1][1]["detail"]


def test_a_surprise_in_the_middle_shows_its_id_only(
    open_door: Callable[..., TestClient], events_of: Callable[..., Events], caplog: pytest.LogCaptureFixture
) -> None:
    """An exception that nobody expected is logged under an id, and the reader gets the id alone."""
    door = open_door(ScriptedGenerator(lambda prompt: 1 / 0))  # type: ignore[arg-type, return-value]
    name, problem = stream(door, events_of)[-1]
    assert (name, problem["status"]) == ("error", 500)
    assert "division" not in str(problem)
    assert problem["detail"].split()[-1] in caplog.text
    assert "ZeroDivisionError" in caplog.text


def test_a_model_that_is_down_is_a_fallback_in_the_stream_too(
    open_door: Callable[..., TestClient], events_of: Callable[..., Events]
) -> None:
    """With mode `auto` the sentences themselves are streamed, and the final answer says why."""
    door = open_door(ScriptedGenerator(["Some 3,400 people have been evacuated."], breaks_after=0))
    final = stream(door, events_of)[-1][1]
    assert final["generator"]["kind"] == "extractive"
    assert "stopped in the middle" in final["generator"]["fallback"]
    assert final["citations"]


@pytest.mark.parametrize("model", [Endless, Silent])
def test_a_reader_who_leaves_stops_the_model(
    open_services: Callable[..., Services], on_loopback: Callable[[Any], str], model: type[Endless]
) -> None:
    """Closing the connection of a stream closes the model's, whether it was speaking or not."""
    generator = model()
    services = open_services(generator)
    take_in(services)
    url = on_loopback(create_app(services))
    with httpx2.Client() as client, client.stream("POST", f"{url}/v1/ask", json=BODY) as response:
        next(line for line in response.iter_lines() if line == "event: delta")
    assert generator.closed.wait(30)


def test_who_leaves_before_a_whole_answer_stops_the_model_too(
    open_services: Callable[..., Services], on_loopback: Callable[[Any], str]
) -> None:
    """A plain JSON question that nobody waits for any more does not keep the model."""
    generator = Silent()
    services = open_services(generator)
    take_in(services)
    address = urlsplit(on_loopback(create_app(services)))
    body = json.dumps({**BODY, "stream": False}).encode()
    head = f"POST /v1/ask HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    with socket.create_connection((address.hostname, address.port)) as connection:
        connection.sendall(head.encode() + body)
        assert generator.spoke.wait(30)
    assert generator.closed.wait(30)


def test_a_slow_reader_holds_the_model_back(open_services: Callable[..., Services]) -> None:
    """However long the reader takes, no more than the backlog lies between it and the model."""
    generator = Endless()
    services = open_services(generator)
    take_in(services)

    async def read_slowly() -> None:
        read = 0
        async with aclosing(events(recorded(services))) as stream:
            async for _ in stream:
                read += 1
                for _ in range(5 * BACKLOG):
                    await asyncio.sleep(0)
                assert generator.pieces <= read + BACKLOG + 2
                if read == 10:
                    return

    asyncio.run(read_slowly())
    assert generator.pieces > BACKLOG
    assert generator.closed.is_set()


def test_streams_are_told_that_the_service_stops(open_services: Callable[..., Services]) -> None:
    """On shutdown, what has not been sent gives way to one last `error`, and the model is stopped."""
    generator = Silent()
    services = open_services(generator)
    take_in(services)

    async def read_until_stopped() -> list[str]:
        stopping, seen = anyio.Event(), []
        async for event in events(recorded(services), stopping=stopping):
            seen.append(event.encode().decode())
            if "event: delta" in seen[-1]:
                stopping.set()
        return seen

    seen = asyncio.run(read_until_stopped())
    assert "event: error" in seen[-1]
    assert STOPPING in seen[-1]
    assert generator.closed.is_set()


def test_a_quiet_stream_is_kept_alive_by_comments(open_services: Callable[..., Services], on_loopback: Callable[[Any], str]) -> None:
    """While the model thinks, comment lines come, which no event parser takes for an event."""
    services = open_services(Silent())
    take_in(services)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await event_stream(recorded(services), keep_alive=0.05)(scope, receive, send)

    with httpx2.Client() as client, client.stream("GET", on_loopback(app), timeout=30) as response:
        lines = response.iter_lines()
        assert next(line for line in lines if line.startswith(":"))
    assert streaming.KEEP_ALIVE == 15


def test_a_reader_who_takes_nothing_loses_the_stream(
    open_services: Callable[..., Services], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A send that is not taken in time ends the stream and stops the model; it is no incident."""
    monkeypatch.setattr(streaming, "STALLED", 0.05)
    caplog.set_level("INFO", logger="service")
    generator = Endless()
    services = open_services(generator)
    take_in(services)
    app = create_app(services)
    body = AskBody(question=QUESTION, stream=True).model_dump_json().encode()

    async def stall() -> None:
        taken: list[Any] = []
        parts = iter([{"type": "http.request", "body": body, "more_body": False}])

        async def receive() -> Any:
            return next(parts, None) or await asyncio.Event().wait()

        async def send(message: Any) -> None:
            taken.append(message)
            if len(taken) > 4:
                await asyncio.Event().wait()

        headers = [(b"host", b"localhost"), (b"content-type", b"application/json")]
        scope = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "path": "/v1/ask",
                 "raw_path": b"/v1/ask", "query_string": b"", "root_path": "", "scheme": "http", "headers": headers}  # fmt: skip
        await app(scope, receive, send)

    asyncio.run(stall())
    assert generator.closed.is_set()
    assert "its reader has stopped reading" in caplog.text
    assert "incident" not in caplog.text
