"""Sending spans away: what the variables ask for, and nothing else."""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import opentelemetry.exporter.otlp.proto.grpc.trace_exporter as grpc_exporter
import pytest
from opentelemetry import trace
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from service.errors import SettingsError
from service.settings import resources
from service.telemetry import span
from service.tracing import traced


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("OTEL_")]:
        monkeypatch.delenv(name)


class Collector(ThreadingHTTPServer):
    """Takes OTLP over HTTP, and keeps what it was sent."""

    def __init__(self) -> None:
        self.received: list[tuple[str, dict[str, str], ExportTraceServiceRequest]] = []
        super().__init__(("127.0.0.1", 0), _Taking)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Taking(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append((self.path, dict(self.headers.items()), ExportTraceServiceRequest.FromString(body)))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join(30)


def test_spans_arrive_where_the_endpoint_says(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over HTTP, under the service's name and with the headers that are set; when it is left all have arrived, and no later one is sent."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-team=news")
    with traced(), span("outer"), span("inner"):
        pass
    with span("later"):
        pass
    ((path, headers, request),) = collector.received
    assert path == "/v1/traces"
    assert headers["x-team"] == "news"
    (resource,) = request.resource_spans
    assert {one.key: one.value.string_value for one in resource.resource.attributes}["service.name"] == "dateline"
    inner, outer = resource.scope_spans[0].spans
    assert (inner.name, outer.name, inner.parent_span_id) == ("inner", "outer", outer.span_id)


def test_a_collector_that_never_answers_holds_nothing_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaving waits two seconds, whatever the exporter's own patience."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "120")
        with traced(), span("x"):
            began = time.monotonic()
        assert time.monotonic() - began < 60


@pytest.mark.parametrize(
    "more",
    [{"OTEL_SDK_DISABLED": "true"}, {"OTEL_TRACES_EXPORTER": "none"}, {"OTEL_TRACES_SAMPLER": "always_off"}],
    ids=["disabled", "no exporter", "no samples"],
)
def test_what_is_switched_off_sends_nothing(collector: Collector, monkeypatch: pytest.MonkeyPatch, more: dict[str, str]) -> None:
    """An endpoint alone is not enough."""
    for name, value in {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, **more}.items():
        monkeypatch.setenv(name, value)
    with traced(), span("x"):
        pass
    assert collector.received == []


def test_the_service_is_called_what_the_variable_says(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    """`OTEL_SERVICE_NAME`; and `OTEL_TRACES_EXPORTER=otlp` with an endpoint for traces alone."""
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "otlp")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", f"{collector.url}/here")
    monkeypatch.setenv("OTEL_SERVICE_NAME", "newsroom")
    with traced(), span("x"):
        pass
    ((path, _, request),) = collector.received
    assert path == "/here"
    assert "newsroom" in {one.value.string_value for one in request.resource_spans[0].resource.attributes}


def test_the_console_shows_them(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """One JSON object a span, on standard output."""
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "console")
    with traced(), span("seen"):
        pass
    assert '"name": "seen"' in capsys.readouterr().out


def test_grpc_is_another_protocol(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its exporter is made, and not that of HTTP; nothing is sent where there is nothing to send."""
    made: list[str] = []
    kind, begin = grpc_exporter.OTLPSpanExporter, grpc_exporter.OTLPSpanExporter.__init__
    monkeypatch.setattr(kind, "__init__", lambda self, *given, **named: (made.append("grpc"), begin(self, *given, **named))[1])
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    with traced():
        pass
    assert made == ["grpc"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OTEL_TRACES_EXPORTER", "zipkin"), ("OTEL_EXPORTER_OTLP_PROTOCOL", "carrier pigeon"),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json"),
    ],
)  # fmt: skip
def test_what_there_is_not_is_said(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """The variable, what it was, and what it may be."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=f"{name}: '{value}'.*write one of"), traced():
        pass


def test_other_libraries_spans_stay_here(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    """Chroma's and whoever else's go to the global provider, which is left alone."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    with traced(), trace.get_tracer("chromadb").start_as_current_span("Collection.query"):
        pass
    assert collector.received == []


def test_without_the_variables_nothing_is_loaded() -> None:
    """The SDK and its exporters are not even imported."""
    code = "import sys; from service.tracing import traced\nwith traced(): print(*sys.modules)"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")} | {"PYTHONPATH": str(resources())}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=60, check=True)
    assert not [name for name in done.stdout.split() if name.startswith(("opentelemetry.sdk", "opentelemetry.exporter", "requests"))]
