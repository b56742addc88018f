"""Logging to standard error by structlog, over the standard library's loggers: readable on a terminal, a JSON object a line elsewhere.

No question, key or article text is logged at INFO or above. An exception may repeat any of them, so of one only its class and where it
came from are shown; at DEBUG its message too. Every line of a request has its `request_id`, those of its threads as well.
"""

from __future__ import annotations

import logging
import os
import re
import secrets
import sys
import traceback
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any

import structlog
from opentelemetry import trace
from structlog.contextvars import bound_contextvars, get_contextvars, merge_contextvars
from structlog.typing import EventDict, ExcInfo, Processor, WrappedLogger

from service.errors import SettingsError

LEVEL, FORMAT = "DATELINE_LOG_LEVEL", "DATELINE_LOG_FORMAT"
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
FORMATS = ("auto", "json", "text")
_SANE_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


def configure(default: str = "WARNING") -> None:
    """Set up once, by `DATELINE_LOG_LEVEL`, which is for Dateline's own loggers and uvicorn's, and `DATELINE_LOG_FORMAT`.

    Raises SettingsError for a level or format that there is not.
    """
    level, form = _chosen(LEVEL, default, LEVELS, str.upper), _chosen(FORMAT, "auto", FORMATS, str.lower)
    as_json = form == "json" or (form == "auto" and not sys.stderr.isatty())
    handler = logging.StreamHandler()
    handler.setFormatter(formatter("json" if as_json else "text", messages=level == "DEBUG"))
    logging.basicConfig(handlers=[handler], level=logging.WARNING)
    for name in ("service", "uvicorn"):
        logging.getLogger(name).setLevel(level)


def formatter(form: str, *, messages: bool = False) -> logging.Formatter:
    """What turns a record of any logger into a line, `form` being `json` or `text`; with the `messages` of exceptions if so wished."""
    last: Processor = structlog.processors.JSONRenderer(ensure_ascii=False)
    if form == "text":
        last = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            merge_contextvars,
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.stdlib.ExtraAdder(),
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _with_trace,
        ],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            _without_colours,
            _Exceptions(messages=messages),
            last,
        ],
    )


def within_request(offered: str | None) -> AbstractContextManager[None]:
    """Lines logged inside have a `request_id`: the one that the client offers, if it is a sane one, else a new one."""
    sane = offered is not None and _SANE_ID.fullmatch(offered)
    return bound_contextvars(request_id=offered if sane else secrets.token_hex(8))


def request_id() -> str | None:
    """That of the request which is being answered, if one is."""
    return get_contextvars().get("request_id")


def _chosen(variable: str, default: str, known: tuple[str, ...], fold: Any) -> str:
    value: str = fold(os.environ.get(variable) or default)
    if value not in known:
        raise SettingsError(f"{variable}: {value!r} is none of them: write one of {', '.join(known)}")
    return value


def _with_trace(logger: WrappedLogger, name: str, event: EventDict) -> EventDict:
    """With the ids of the span, where there is one that is traced, so that a line can be found from its trace and back."""
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        event.update(trace_id=f"{context.trace_id:032x}", span_id=f"{context.span_id:016x}")
    return event


def _without_colours(logger: WrappedLogger, name: str, event: EventDict) -> EventDict:
    """Without uvicorn's second message, which is for terminals."""
    event.pop("color_message", None)
    return event


class _Exceptions:
    """Shows an exception and what it came from, innermost last, without their messages unless they are wished for."""

    def __init__(self, *, messages: bool) -> None:
        self._messages = messages

    def __call__(self, logger: WrappedLogger, name: str, event: EventDict) -> EventDict:
        found: ExcInfo | None = event.pop("exc_info", None)
        if not found or found[1] is None:
            return event
        event["exception"] = "\n".join(self._lines(found[1]))
        if not (self._messages or str(event.get("logger", "")).startswith("service")):
            event["event"] = str(event["event"]).partition("\n")[0]  # asyncio's goes on with the exception itself
        return event

    def _lines(self, error: BaseException) -> Iterator[str]:
        for link in reversed(list(_chain(error))):
            yield "".join(traceback.format_tb(link.__traceback__)).rstrip()
            yield "".join(traceback.format_exception_only(link)).rstrip() if self._messages else type(link).__qualname__


def _chain(error: BaseException) -> Iterator[BaseException]:
    link: BaseException | None = error
    met = set[int]()
    while link is not None and id(link) not in met:
        met.add(id(link))
        yield link
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
