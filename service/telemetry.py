"""What is counted, in Prometheus' terms, and the spans that are traced, in OpenTelemetry's. Everything may import this.

No label and no attribute ever holds an id, an outlet or anybody's words: each label has few values, all of them written down here or in
the service's own enumerations. With `PROMETHEUS_MULTIPROC_DIR` set before the process starts, several processes count together.

Spans go to OpenTelemetry's API alone, which does nothing until `tracing` or an agent has set a provider.
"""

from __future__ import annotations

import os
import platform
import time
from asyncio import CancelledError
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, StatusCode
from opentelemetry.util.types import AttributeValue
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.exposition import choose_encoder
from prometheus_client.gc_collector import GCCollector
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from service import __version__
from service.domain import Outcome
from service.errors import DatelineError

disable_created_metrics()  # type: ignore[no-untyped-call]  # a series more for each, and nobody reads them
MULTIPROCESS = "PROMETHEUS_MULTIPROC_DIR"
REGISTRY = CollectorRegistry()
"""Ours alone, so that no library's metrics come along. One a process: several apps in it count together."""
DOORS = ("ask", "search", "read", "ingest")
REASONS = ("rate", "queue", "deadline")
QUICK = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds: what this machine does itself. Retrieval takes some 10 ms."""
SLOW = (*QUICK, 20.0, 40.0, 80.0, 160.0)
"""Seconds: what waits for a model. On two cores the default one takes about 10."""

STAGE_SECONDS = Histogram(
    "dateline_stage_seconds",
    "Time of one run of a stage. Of a question, `ground` (once a drafted sentence) is not counted within `generate`; at ingest (once a "
    "batch), `embed` is within `prepare`.",
    ["road", "stage"],
    buckets=SLOW,
    registry=REGISTRY,
)
ANSWER_SECONDS = Histogram(
    "dateline_answer_seconds", "Time of a whole answer, by who wrote it.", ["generator"], buckets=SLOW, registry=REGISTRY
)
FIRST_SENTENCE_SECONDS = Histogram(
    "dateline_first_sentence_seconds", "Time until the first checked sentence of an answer is there.", buckets=SLOW, registry=REGISTRY
)
ANSWERS = Counter(
    "dateline_answers",
    "Answers by status, by who wrote them, and whether that was because the model could not.",
    ["status", "generator", "fallback"],
    registry=REGISTRY,
)
ANSWER_FAILURES = Counter(
    "dateline_answer_failures",
    "Questions that got no answer, by kind of error; `cancelled`: the client left or the service stopped.",
    ["error"],
    registry=REGISTRY,
)
TOKENS = Counter("dateline_model_tokens", "Tokens that drafts cost, as the model reported them.", ["direction"], registry=REGISTRY)
REQUEST_SECONDS = Histogram(
    "dateline_http_request_seconds",
    "Time until a response was sent whole, streams included, by the route's template and the class of its status.",
    ["method", "route", "status"],
    buckets=SLOW,
    registry=REGISTRY,
)
REFUSALS = Counter("dateline_refusals", "Requests turned away because there were too many.", ["door", "reason"], registry=REGISTRY)
IN_FLIGHT = Gauge(
    "dateline_in_flight", "Requests being worked on, by door.", ["door"], multiprocess_mode="livesum", registry=REGISTRY
)
QUEUED = Gauge("dateline_queued", "Requests that wait for their turn, by door.", ["door"], multiprocess_mode="livesum", registry=REGISTRY)
INGESTED = Counter("dateline_ingested_articles", "What became of articles that were handed in.", ["outcome"], registry=REGISTRY)
EMBEDDED = Counter("dateline_embedded_passages", "Passages that were given to the encoder at ingest.", registry=REGISTRY)
MODEL_STARTS = Counter(
    "dateline_model_starts", "Starts of the local model's process; every one after the first is a restart.", registry=REGISTRY
)
MODEL_FAILURES = Counter(
    "dateline_model_failures", "Ends of the local model's process that nobody wanted, and starts that failed.", ["kind"], registry=REGISTRY
)
MODEL_BREAKER = Gauge(
    "dateline_model_breaker", "Whether a model of the settings is asked: 0 yes (closed), 1 on trial (half-open), 2 no (open).", ["model"],
    multiprocess_mode="livemax", registry=REGISTRY,
)  # fmt: skip
INDEX_READY = Gauge(
    "dateline_index_ready",
    "1 where the vector index is searched, 0 where it is in doubt: then the stored vectors are, or with a server questions are refused.",
    multiprocess_mode="livemax", registry=REGISTRY,
)  # fmt: skip
INDEX_REBUILDS = Counter("dateline_index_rebuilds", "Rebuilds of the vector index from the archive.", registry=REGISTRY)
LOOP_LAG_SECONDS = Histogram(
    "dateline_event_loop_lag_seconds", "How late the event loop woke up a task that slept: what every request waits for besides.",
    buckets=(0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5), registry=REGISTRY,
)  # fmt: skip
BUILD = Gauge(
    "dateline_build_info", "1, its labels say what runs.", ["version", "python"], multiprocess_mode="livemax", registry=REGISTRY
)


class BreakerState(IntEnum):
    """Values of `MODEL_BREAKER`."""

    CLOSED = 0
    HALF_OPEN = 1
    OPEN = 2


def _begin_at_zero() -> None:
    """Series that are to be there before anything has happened, so that a first increase is seen as one."""
    BUILD.labels(__version__, platform.python_version()).set(1)
    for door in DOORS:
        IN_FLIGHT.labels(door).set(0)
        QUEUED.labels(door).set(0)
        for reason in REASONS:
            REFUSALS.labels(door, reason)
    for outcome in Outcome:
        INGESTED.labels(outcome.value)
    for kind in ("died", "start"):
        MODEL_FAILURES.labels(kind)
    for direction in ("in", "out"):
        TOKENS.labels(direction)


def exposition(accept: str = "") -> tuple[bytes, str]:
    """All metrics as Prometheus reads them, and their media type: OpenMetrics for whoever accepts that."""
    encode, media_type = choose_encoder(accept)
    registry = REGISTRY
    if os.environ.get(MULTIPROCESS):
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return encode(registry), media_type


def kind_of(error: BaseException) -> str:
    """The class of an error of ours, `cancelled`, or `unexpected`: a label with few values."""
    if isinstance(error, CancelledError | GeneratorExit):
        return "cancelled"
    return type(error).__name__ if isinstance(error, DatelineError) else "unexpected"


_provider: trace.TracerProvider | None = None


def trace_with(provider: trace.TracerProvider | None) -> None:
    """From now on spans are made by this provider; by OpenTelemetry's global one, which an agent may have set, where None."""
    global _provider
    _provider = provider


@contextmanager
def span(
    name: str, *, kind: SpanKind = SpanKind.INTERNAL, parent: Context | None = None, **attributes: AttributeValue
) -> Iterator[Span]:
    """A span around what happens inside the `with`. An error is told by its class alone: its message may hold anybody's words."""
    tracer = trace.get_tracer("dateline", __version__, _provider)
    with tracer.start_as_current_span(
        name, parent, kind, attributes=attributes, record_exception=False, set_status_on_exception=False
    ) as opened:
        try:
            yield opened
        except BaseException as error:
            opened.set_attribute("error.type", type(error).__qualname__)
            if kind_of(error) != "cancelled":
                opened.set_status(StatusCode.ERROR)
            raise


@contextmanager
def stage(road: str, name: str) -> Iterator[None]:
    """A span around a stage, and its whole time among the metrics."""
    began = time.perf_counter()
    try:
        with span(name):
            yield
    finally:
        STAGE_SECONDS.labels(road, name).observe(time.perf_counter() - began)


_begin_at_zero()
if not os.environ.get(MULTIPROCESS):  # of one process, so of no use there
    ProcessCollector(registry=REGISTRY)
    PlatformCollector(registry=REGISTRY)
    GCCollector(registry=REGISTRY)
