"""One request, seen from outside: its line, its id, its spans and its place among the metrics."""

import io
import json
import logging
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
from fastapi.testclient import TestClient
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from service import logs
from service.errors import ModelUnavailable
from service.http.app import create_app
from service.models.scripted import ScriptedGenerator
from service.telemetry import REGISTRY, trace_with
from tests.integration.conftest import Door, take_in

ASKED = {"question": "How many people have been evacuated below the Halvern Dam?", "asked_at": "2026-04-01"}
KEY = "ask-key-of-the-newsroom"
Told = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> Told:
    """The lines of finished requests so far, by field."""
    caplog.set_level(logging.INFO, "service")
    fields = ("method", "route", "status", "seconds", "bytes", "left", "caller")
    return lambda: [
        {name: getattr(record, name) for name in fields if hasattr(record, name)}
        for record in caplog.records
        if record.name == "service.http.request_log"
    ]


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    """Where spans end up."""
    kept, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(kept))
    trace_with(provider)
    yield kept
    trace_with(None)


@contextmanager
def _formatted() -> Iterator[list[dict[str, Any]]]:
    """What Dateline's loggers write inside, as JSON, there on leaving."""
    stream, found, logger = io.StringIO(), list[dict[str, Any]](), logging.getLogger("service")
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logs.formatter("json"))
    logger.addHandler(handler)
    level = logger.level
    logger.setLevel(logging.INFO)
    yield found
    logger.setLevel(level)
    logger.removeHandler(handler)
    found.extend(json.loads(line) for line in stream.getvalue().splitlines())


def value(name: str, **labels: str) -> float:
    """A sample of the metrics; 0 where there is none yet."""
    return REGISTRY.get_sample_value(name, labels) or 0.0


def test_a_request_is_one_line(door: TestClient, told: Told) -> None:
    """Method, the route's template, status, duration and bytes; never the address or the query."""
    response = door.get("/v1/articles/dam%2F1%20%3Fü?version=1")
    (line,) = told()
    assert 0 < line.pop("seconds") < 60
    assert line == {
        "method": "GET", "route": "/v1/articles/{article_id:path}", "status": 200, "bytes": len(response.content), "left": False,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("method", "path", "route", "status"),
    [
        ("GET", "/nope/secret?q=secret", "unmatched", 404), ("GET", "/static/app.js", "/static/…", 200),
        ("GET", "/static/no", "/static/…", 404), ("PATCH", "/v1/ask", "/v1/ask", 405), ("BREW", "/v1/ask", "/v1/ask", 405),
        ("GET", "/v1/conversations?q=x", "/v1/conversations", 200),
        ("GET", "/articles/a/b", "/articles/{article_id:path}", 200),
    ],
)  # fmt: skip
def test_every_request_has_a_template(door: TestClient, told: Told, method: str, path: str, route: str, status: int) -> None:
    """Also one for what is not served, and with a method that nobody knows."""
    assert door.request(method, path).status_code == status
    (line,) = told()
    assert (line["method"], line["route"], line["status"]) == (method if method != "BREW" else "OTHER", route, status)


def test_the_caller_is_a_few_digits_of_a_hash(open_door: Door, told: Told) -> None:
    """The same for the same key, none for a wrong one."""
    door = open_door(api_keys=f"ask:{KEY},ask:another-{KEY}")
    for key in (KEY, KEY, f"another-{KEY}", "a-wrong-key-of-the-newsroom"):
        door.get("/v1/coverage", headers={"Authorization": f"Bearer {key}"})
    callers = [line.get("caller") for line in told()]
    assert callers[0] == callers[1] != callers[2]
    assert re.fullmatch("[0-9a-f]{8}", callers[0] or "")
    assert callers[3] is None


def test_a_client_who_leaves_is_seen(open_services: Callable[..., Any], on_loopback: Callable[[Any], str], told: Told) -> None:
    """A stream that is closed after its first event."""
    services = open_services(ScriptedGenerator(lambda prompt: " ".join(["word"] * 200_000)))
    take_in(services)
    url = on_loopback(create_app(services))
    with httpx2.Client(base_url=url) as client:
        with client.stream("POST", "/v1/ask", json={**ASKED, "stream": True}) as response:
            next(response.iter_lines())
        while not (lines := [line for line in told() if line["route"] == "/v1/ask"]):
            client.get("/healthz")
    (line,) = lines
    assert (line["left"], line["status"]) == (True, 200)


@pytest.mark.parametrize("path", ["/v1/ask", "/v1/search", "/v1/feedback"])
def test_a_client_who_leaves_in_the_middle_of_its_body_is_no_incident(
    open_services: Callable[..., Any], on_loopback: Callable[[Any], str], told: Told, path: str
) -> None:
    """499 in the log, which no alert counts."""
    url = urlsplit(on_loopback(create_app(open_services())))
    with socket.create_connection((url.hostname, url.port)) as one:
        one.sendall(f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{{".encode())
    with httpx2.Client(base_url=url.geturl()) as client:
        while not (lines := [line for line in told() if line["route"] == path]):
            client.get("/healthz")
    (line,) = lines
    assert (line["left"], line["status"]) == (True, 499)


def test_the_id_is_in_the_response_and_in_every_line(open_door: Door) -> None:
    """A sane one of the client's, else a new one; a fallback, logged deep below, has it too, and so has the response of a wrong host."""
    door = open_door(ScriptedGenerator(ModelUnavailable("it is away")))
    with _formatted() as lines:
        response = door.post("/v1/ask", json=ASKED, headers={"X-Request-ID": "from-the-proxy.1"})
    assert response.headers["x-request-id"] == "from-the-proxy.1"
    assert {line["event"] for line in lines if line["request_id"] == "from-the-proxy.1"} == {
        "answering without the model: it is away", "request",
    }  # fmt: skip
    for headers in ({}, {"X-Request-ID": "no good"}, {"Host": "evil.example"}):
        assert re.fullmatch("[0-9a-f]{16}", door.get("/healthz", headers=headers).headers["x-request-id"])


def test_an_incident_is_found_by_the_id_of_its_request(door: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the problem says is what the header says and what the log has."""

    secret = "of the vault"

    def fail(self: object) -> None:
        raise RuntimeError(secret)

    monkeypatch.setattr(type(door.services.archive), "passage_count", fail)  # type: ignore[attr-defined]
    with _formatted() as lines:
        response = door.get("/v1/coverage")
    incident = response.headers["x-request-id"]
    assert response.json()["detail"].endswith(incident)
    (line,) = [line for line in lines if line["event"] == f"incident {incident}"]
    assert line["request_id"] == incident
    assert "RuntimeError" in line["exception"]
    assert "vault" not in json.dumps(line)


def test_a_question_is_one_trace(door: TestClient, spans: InMemorySpanExporter) -> None:
    """One span the request, in the trace that the client has begun, one the answer, one each stage of it, in order."""
    begun = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    answer = door.post("/v1/ask", json=ASKED, headers={"traceparent": begun}).json()
    kept = spans.get_finished_spans()
    assert [(one.name, name_of(one.parent, kept)) for one in sorted(kept, key=lambda one: one.start_time or 0)] == [
        ("POST /v1/ask", "b7ad6b7169203331"), ("answer", "POST /v1/ask"), ("understand", "answer"), ("search", "answer"),
        ("select", "answer"), ("generate", "answer"), ("ground", "generate"),
    ]  # fmt: skip
    assert {f"{one.context.trace_id:032x}" for one in kept if one.context} == {begun.split("-")[1]}
    described = next(dict(one.attributes or {}) for one in kept if one.name == "answer")
    assert described["dateline.answer.id"] == answer["id"]
    assert described["dateline.answer.status"] == "answered"
    assert described["dateline.generator"] == "scripted"
    assert described["dateline.tokens.out"] == answer["usage"]["completion_tokens"]
    request = next(dict(one.attributes or {}) for one in kept if one.name == "POST /v1/ask")
    assert (request["http.route"], request["http.response.status_code"]) == ("/v1/ask", 200)
    assert not [word for one in kept for word in ("Halvern", "evacuated", "Ledger", "dam-2") if word in one.to_json()]


def test_a_stream_is_the_same_trace(door: TestClient, spans: InMemorySpanExporter) -> None:
    """The worker that a stream leaves its question to knows whose request it is."""
    door.post("/v1/ask", json={**ASKED, "stream": True})
    kept = spans.get_finished_spans()
    assert {one.name for one in kept} == {"POST /v1/ask", "answer", "understand", "search", "select", "generate", "ground"}
    assert len({one.context.trace_id for one in kept if one.context}) == 1


def test_taking_in_is_one_trace(door: TestClient, spans: InMemorySpanExporter) -> None:
    """What is embedded is inside what is prepared; what is written, by a thread of its own, is beside it."""
    door.post("/v1/articles", json=[{"id": "new-1", "source": "The Ledger", "text": "A ferry ran aground off Skell."}])
    kept = spans.get_finished_spans()
    assert {(one.name, name_of(one.parent, kept)) for one in kept} == {
        ("POST /v1/articles", ""), ("ingest", "POST /v1/articles"), ("prepare", "ingest"), ("embed", "prepare"), ("write", "ingest"),
    }  # fmt: skip


def test_what_happens_is_counted(open_door: Door) -> None:
    """Answers, stages, tokens, the first sentence, articles, passages and requests, as `/metrics` then tells."""
    names = {
        "answered": ("dateline_answers_total", {"status": "answered", "generator": "model", "fallback": "no"}),
        "fallen back": ("dateline_answers_total", {"status": "answered", "generator": "extractive", "fallback": "yes"}),
        "failed": ("dateline_answer_failures_total", {"error": "ModelUnavailable"}),
        "first sentences": ("dateline_first_sentence_seconds_count", {}),
        "tokens": ("dateline_model_tokens_total", {"direction": "out"}),
        "searches": ("dateline_stage_seconds_count", {"road": "search", "stage": "search"}),
        "grounded": ("dateline_stage_seconds_count", {"road": "ask", "stage": "ground"}),
        "added": ("dateline_ingested_articles_total", {"outcome": "added"}),
        "rejected": ("dateline_ingested_articles_total", {"outcome": "rejected"}),
        "embedded": ("dateline_embedded_passages_total", {}),
        "asked well": ("dateline_http_request_seconds_count", {"method": "POST", "route": "/v1/ask", "status": "2xx"}),
        "asked badly": ("dateline_http_request_seconds_count", {"method": "POST", "route": "/v1/ask", "status": "4xx"}),
        "asked in vain": ("dateline_http_request_seconds_count", {"method": "POST", "route": "/v1/ask", "status": "5xx"}),
    }  # fmt: skip
    before = {what: value(name, **labels) for what, (name, labels) in names.items()}
    script = ScriptedGenerator(["Some 3,400 people have been evacuated below the Halvern Dam [1]."])
    door = open_door(script)
    tokens = door.post("/v1/ask", json=ASKED).json()["usage"]["completion_tokens"]
    script.says(ModelUnavailable("it is away"))
    door.post("/v1/ask", json=ASKED)
    door.post("/v1/ask", json={**ASKED, "mode": "model"})
    door.post("/v1/ask", json={"question": ""})
    door.post("/v1/search", json=ASKED)
    door.post("/v1/articles", json=[{"text": 7}])
    assert {what: value(name, **labels) - before[what] for what, (name, labels) in names.items()} == {
        "answered": 1, "fallen back": 1, "failed": 1, "first sentences": 2, "tokens": tokens, "searches": 1, "grounded": 1,
        "added": 3, "rejected": 1, "embedded": 3, "asked well": 2, "asked badly": 1, "asked in vain": 1,
    }  # fmt: skip
    text = door.get("/metrics").text
    assert 'dateline_http_request_seconds_bucket{le="+Inf",method="POST",route="/v1/ask",status="2xx"}' in text
    assert not [word for word in ("Halvern", "dam-2", "Ledger", "evacuated") if word in text]


def test_the_loop_is_watched(door: TestClient) -> None:
    """While the app runs, how late its loop is gets measured."""
    before = value("dateline_event_loop_lag_seconds_count")
    while value("dateline_event_loop_lag_seconds_count") == before:
        assert door.get("/healthz").status_code == 200


def test_metrics_need_a_key_where_there_are_any(open_door: Door) -> None:
    """One of scope `ask` will do; strangers see nothing."""
    door = open_door(api_keys=f"ask:{KEY}")
    assert door.get("/metrics").status_code == 401
    found = door.get("/metrics", headers={"Authorization": f"Bearer {KEY}"})
    assert found.status_code == 200
    assert found.headers["content-type"].startswith("text/plain")
    assert "dateline_index_ready 1.0" in found.text


def name_of(parent: Any, kept: tuple[ReadableSpan, ...]) -> str:
    """The name of a span that is kept, by its context; its own id for one of elsewhere."""
    if parent is None:
        return ""
    return next((one.name for one in kept if one.context and one.context.span_id == parent.span_id), f"{parent.span_id:016x}")


def test_chroma_traces_nothing_of_its_own(open_services: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever its variables say. The embedded one does not look at them in this version; a client of its server does."""
    monkeypatch.setenv("CHROMA_OTEL_GRANULARITY", "all")
    services = open_services()
    assert services.index._chroma.client.get_settings().chroma_otel_granularity == "none"
