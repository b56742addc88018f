"""What is counted and traced, and what is never in a label or an attribute."""

import asyncio
import os
import runpy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from service.answering.stopwatch import Stopwatch
from service.errors import BadQuestion
from service.settings import resources
from service.telemetry import REGISTRY, exposition, kind_of, span, stage, trace_with

LABELS = {
    "model",
    "road", "stage", "generator", "status", "fallback", "error", "direction", "method", "route", "door", "reason", "outcome", "kind",
    "version", "python",
}  # fmt: skip
"""Each with few values, whoever asks what of which archive."""


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    """Where spans end up."""
    kept, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(kept))
    trace_with(provider)
    yield kept
    trace_with(None)


def test_the_page_lists_every_metric_as_it_is() -> None:
    """The table of docs/seeing.md is what scripts/metrics_doc.py prints today."""
    table = runpy.run_path(str(resources() / "scripts" / "metrics_doc.py"))["table"]
    assert table() in (resources() / "docs" / "seeing.md").read_text("utf-8")


def test_no_label_is_without_bounds() -> None:
    """Each label is one that somebody thought about, and every name follows Prometheus' conventions."""
    for metric in REGISTRY.collect():
        if metric.name.startswith("dateline_"):
            assert metric.documentation.endswith(".")
            assert metric.name.endswith("_seconds") == (metric.type == "histogram")
            assert {label for sample in metric.samples for label in sample.labels} - {"le"} <= LABELS, metric.name


def test_an_error_is_counted_by_its_kind() -> None:
    """Ours by class, which are few; a client who left; all others together."""
    assert kind_of(BadQuestion("what is this?")) == "BadQuestion"
    assert kind_of(asyncio.CancelledError()) == "cancelled"
    assert kind_of(GeneratorExit()) == "cancelled"
    assert kind_of(KeyError("what is this?")) == "unexpected"


def test_a_span_of_an_error_has_its_class_and_no_word_of_it(spans: InMemorySpanExporter) -> None:
    """Neither as an event nor as the status' description."""
    with pytest.raises(BadQuestion), span("outer", count=3), span("inner"):
        raise BadQuestion("the vault is under the stairs")
    inner, outer = spans.get_finished_spans()
    assert parent_of(inner) == id_of(outer)
    for one in (inner, outer):
        assert one.status.status_code is StatusCode.ERROR
        assert one.attributes is not None
        assert one.attributes["error.type"] == "BadQuestion"
        assert "vault" not in one.to_json()
    assert outer.attributes is not None
    assert outer.attributes["count"] == 3


def test_who_leaves_makes_no_error(spans: InMemorySpanExporter) -> None:
    """A cancelled span says so, and is not counted as failed."""
    with pytest.raises(asyncio.CancelledError), span("x"):
        raise asyncio.CancelledError
    (found,) = spans.get_finished_spans()
    assert found.status.status_code is StatusCode.UNSET


def test_a_stage_is_a_span_and_a_measurement(spans: InMemorySpanExporter) -> None:
    """Also one that fails."""
    before = count("ingest", "write")
    with pytest.raises(ValueError, match="x"), stage("ingest", "write"):
        raise ValueError("x")
    assert count("ingest", "write") == before + 1
    assert [one.name for one in spans.get_finished_spans()] == ["write"]


def test_a_stopwatch_measures_what_it_times(spans: InMemorySpanExporter) -> None:
    """The metric has what `timings_ms` has: a stage inside another is not counted twice. Its span is inside the other's."""
    before = {name: total("ask", name) for name in ("generate", "ground")}
    watch = Stopwatch()
    with watch("generate"):
        for _ in range(3):
            with watch("ground"):
                sum(range(10_000))
    told = watch.milliseconds()
    for name, earlier in before.items():
        assert total("ask", name) - earlier == pytest.approx(told[name] / 1000, abs=2e-4)
    *inner, outer = spans.get_finished_spans()
    assert [one.name for one in (*inner, outer)] == ["ground"] * 3 + ["generate"]
    assert {parent_of(one) for one in inner} == {id_of(outer)}


def count(road: str, name: str) -> float:
    return REGISTRY.get_sample_value("dateline_stage_seconds_count", {"road": road, "stage": name}) or 0


def total(road: str, name: str) -> float:
    return REGISTRY.get_sample_value("dateline_stage_seconds_sum", {"road": road, "stage": name}) or 0


def id_of(one: ReadableSpan) -> int:
    assert one.context is not None
    return one.context.span_id


def parent_of(one: ReadableSpan) -> int | None:
    return one.parent.span_id if one.parent else None


@pytest.mark.parametrize(
    ("accept", "kind"), [("", "text/plain"), ("application/openmetrics-text; version=1.0.0", "application/openmetrics")]
)
def test_it_is_told_as_the_scraper_reads_it(accept: str, kind: str) -> None:
    """Prometheus' text or OpenMetrics; the process and what was built are in both, series of creation times in neither."""
    body, media_type = exposition(accept)
    assert media_type.startswith(kind)
    text = body.decode()
    assert 'dateline_build_info{python="' in text
    assert "process_resident_memory_bytes" in text
    assert "_created" not in text


WORKER = """
import sys
from service.telemetry import ANSWERS, IN_FLIGHT, exposition
ANSWERS.labels("answered", "model", "no").inc(int(sys.argv[1]))
IN_FLIGHT.labels("ask").set(int(sys.argv[1]))
print(exposition()[0].decode())
sys.stdout.flush()
sys.stdin.read()
"""


def test_several_processes_count_together(tmp_path: Path) -> None:
    """With PROMETHEUS_MULTIPROC_DIR, whichever is asked tells of all: counters add up, gauges those of the living."""
    environment = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path), "PYTHONPATH": str(resources())}
    command = [sys.executable, "-c", WORKER]
    first = subprocess.Popen([*command, "2"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
    with first:
        assert first.stdout is not None
        while not first.stdout.readline().startswith("dateline_in_flight"):
            assert first.poll() is None
        second = subprocess.run([*command, "3"], input="", capture_output=True, text=True, env=environment, timeout=60, check=True)
        first.communicate("")
    assert 'dateline_answers_total{fallback="no",generator="model",status="answered"} 5.0' in second.stdout
    assert 'dateline_in_flight{door="ask"} 5.0' in second.stdout
