"""Sending spans away, as OpenTelemetry's own variables say. Without them nothing of its SDK is imported here.

Only Dateline's own spans are sent: the provider is not made the global one, so that no library's spans, with who knows what in them, go
along.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from service import __version__
from service.errors import SettingsError
from service.telemetry import trace_with

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter

EXPORTERS = ("otlp", "console", "none")
PROTOCOLS = ("http/protobuf", "grpc")
LAST_SECONDS = 2.0
"""How long leaving may wait for the last spans: a collector that is away would hold it up for 10 seconds."""
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")


@contextmanager
def traced() -> Iterator[None]:
    """Inside, spans are exported, if the environment asks for it; on leaving, those that wait are sent, in two seconds or never.

    By `OTEL_TRACES_EXPORTER`, or where an endpoint is named; sampler, batches, resource and headers by their own variables. Raises
    SettingsError for an exporter or protocol that there is not.
    """
    wanted = _wanted()
    if not wanted:
        yield
        return
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    named = os.environ.get("OTEL_SERVICE_NAME") or "service.name=" in os.environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
    resource = Resource.create({"service.version": __version__} | ({} if named else {"service.name": "dateline"}))
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    for name in wanted:
        provider.add_span_processor(BatchSpanProcessor(_exporter(name)))
    trace_with(provider)
    try:
        yield
    finally:
        trace_with(None)
        last = threading.Thread(target=provider.shutdown, name="last-spans", daemon=True)
        last.start()
        last.join(LAST_SECONDS)


def _wanted() -> list[str]:
    """The exporters that are asked for."""
    if os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return []
    default = "otlp" if any(os.environ.get(name) for name in _ENDPOINTS) else "none"
    named = [name.strip() for name in (os.environ.get("OTEL_TRACES_EXPORTER") or default).split(",")]
    if wrong := [name for name in named if name not in EXPORTERS]:
        raise SettingsError(f"OTEL_TRACES_EXPORTER: {wrong[0]!r} is none of them: write one of {', '.join(EXPORTERS)}")
    return [name for name in named if name != "none"]


def _exporter(name: str) -> SpanExporter:
    if name == "console":
        from opentelemetry.sdk.trace.export import ConsoleSpanExporter

        return ConsoleSpanExporter(out=sys.stdout)
    variable = "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"
    if not os.environ.get(variable):
        variable = "OTEL_EXPORTER_OTLP_PROTOCOL"
    protocol = os.environ.get(variable) or PROTOCOLS[0]
    if protocol not in PROTOCOLS:
        raise SettingsError(f"{variable}: {protocol!r} is none of them: write one of {', '.join(PROTOCOLS)}")
    if protocol == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as OverGrpc

        return OverGrpc()
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as OverHttp

    return OverHttp()
