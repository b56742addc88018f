"""What a log line is made of, and what is never in one."""

import asyncio
import io
import json
import logging
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider

from service import logs
from service.telemetry import span, trace_with

SECRET = "the vault is under the stairs"
Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def logger() -> logging.Logger:
    """One of ours."""
    return logging.getLogger("service.of_the_test")


@pytest.fixture
def lines(logger: logging.Logger) -> Iterator[Lines]:
    """What the logger has written so far, as JSON."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logs.formatter("json"))
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    logger.removeHandler(handler)
    logger.setLevel(logging.NOTSET)


def test_a_line_is_an_object_with_time_level_and_logger(logger: logging.Logger, lines: Lines) -> None:
    """Also of a plain call of the standard library, line breaks and all; what is given as `extra` becomes fields."""
    logger.info("Zürich:\n%d articles", 7, extra={"road": "ingest"})
    (found,) = lines()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", found.pop("timestamp"))
    assert found == {"event": "Zürich:\n7 articles", "level": "info", "logger": "service.of_the_test", "road": "ingest"}


def test_every_line_of_a_request_has_its_id(logger: logging.Logger, lines: Lines) -> None:
    """In threads that the request starts too, and no longer than it lasts."""

    async def one(offered: str) -> None:
        with logs.within_request(offered):
            logger.info("here")
            await asyncio.to_thread(logger.info, "there")

    async def both() -> None:
        await asyncio.gather(one("a"), one("b"))

    asyncio.run(both())
    logger.info("after")
    assert sorted((one["event"], one.get("request_id", "")) for one in lines()) == [
        ("after", ""), ("here", "a"), ("here", "b"), ("there", "a"), ("there", "b"),
    ]  # fmt: skip


@pytest.mark.parametrize("offered", ["7f3a", "a-b_c.D9", "x" * 64])
def test_a_sane_id_is_taken_over(offered: str) -> None:
    """Letters, digits, dot, dash and underscore, 64 at most."""
    with logs.within_request(offered):
        assert logs.request_id() == offered
    assert logs.request_id() is None


@pytest.mark.parametrize("offered", [None, "", "x" * 65, "a b", 'a"b', "a\nb", "ä", "a/b", "{}"])
def test_another_is_replaced(offered: str | None) -> None:
    """By sixteen random digits, so that nobody writes into the log what he likes."""
    with logs.within_request(offered):
        found = logs.request_id()
    assert found is not None
    assert re.fullmatch("[0-9a-f]{16}", found)


def fail() -> None:
    """An exception whose cause and message both repeat what nobody may read."""
    try:
        raise KeyError(SECRET)
    except KeyError as error:
        raise ValueError(f"no such thing: {SECRET}") from error


@pytest.mark.parametrize("form", logs.FORMATS[1:])
@pytest.mark.parametrize("messages", [False, True])
def test_an_exception_is_its_class_and_its_place(form: str, messages: bool) -> None:
    """Its message, and that of its cause, only where they are wished for, which is at DEBUG."""
    try:
        fail()
    except ValueError:
        record = logging.LogRecord("service.x", logging.ERROR, __file__, 1, "incident %s", ("7f",), sys.exc_info())
    line = logs.formatter(form, messages=messages).format(record)
    assert "incident 7f" in line
    assert "KeyError" in line
    assert "ValueError" in line
    assert "test_logs.py" in line
    assert (SECRET in line) == messages


def test_of_another_librarys_exception_the_first_line_is_enough() -> None:
    """asyncio writes the exception itself into its message, below the first line."""
    message = f"Task exception was never retrieved\nfuture: <Task finished exception=KeyError({SECRET!r})>"
    record = logging.LogRecord("asyncio", logging.ERROR, __file__, 1, message, (), (KeyError, KeyError(SECRET), None))
    found = json.loads(logs.formatter("json").format(record))
    assert (found["event"], found["exception"].strip()) == ("Task exception was never retrieved", "KeyError")


def test_a_line_within_a_span_names_its_trace(logger: logging.Logger, lines: Lines) -> None:
    """So that one leads to the other; without tracing there is nothing to name."""
    logger.info("before")
    trace_with(TracerProvider(shutdown_on_exit=False))
    try:
        with span("x") as opened:
            logger.info("inside")
    finally:
        trace_with(None)
    before, inside = lines()
    assert "trace_id" not in before
    assert inside["trace_id"] == f"{opened.get_span_context().trace_id:032x}"
    assert inside["span_id"] == f"{opened.get_span_context().span_id:016x}"


def test_text_is_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    """One line, no JSON, uvicorn's second message for terminals left out."""
    record = logging.LogRecord("uvicorn.error", logging.INFO, __file__, 1, "Finished [%d]", (7,), None)
    record.color_message = "Finished \x1b[36m%d\x1b[0m"
    line = logs.formatter("text").format(record)
    assert "Finished [7]" in line
    assert "color" not in line
    assert "{" not in line
