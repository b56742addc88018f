"""What is counted and traced of a whole answer. Of its words there is nothing in it."""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec

from opentelemetry.trace import Span

from service.answering.request import Checked, Emit, Event
from service.domain import Answer
from service.telemetry import ANSWER_FAILURES, ANSWER_SECONDS, ANSWERS, FIRST_SENTENCE_SECONDS, TOKENS, kind_of, span

Asked = ParamSpec("Asked")
Ask = Callable[Asked, Coroutine[Any, Any, Answer]]


def observed(ask: Ask[Asked]) -> Ask[Asked]:
    """The same flow, each of its answers counted, and a span `answer` around its stages."""

    @wraps(ask)
    async def watched(*args: Asked.args, **kwargs: Asked.kwargs) -> Answer:
        began = time.perf_counter()
        try:
            with span("answer") as opened:
                answer = await ask(*args, **kwargs)
                _describe(answer, opened)
        except BaseException as error:
            ANSWER_FAILURES.labels(kind_of(error)).inc()
            raise
        _count(answer, time.perf_counter() - began)
        return answer

    return watched


def first_sentence_timed(emit: Emit) -> Emit:
    """The same, and the time from now until the first checked sentence counted."""
    began: float | None = time.perf_counter()

    async def timed(event: Event) -> None:
        nonlocal began
        if began is not None and isinstance(event, Checked):
            FIRST_SENTENCE_SECONDS.observe(time.perf_counter() - began)
            began = None
        await emit(event)

    return timed


def _count(answer: Answer, seconds: float) -> None:
    by = answer.generator
    ANSWERS.labels(answer.status.value, by.kind, "yes" if by.fallback else "no").inc()
    ANSWER_SECONDS.labels(by.kind).observe(seconds)
    TOKENS.labels("in").inc(answer.usage.prompt_tokens or 0)
    TOKENS.labels("out").inc(answer.usage.completion_tokens or 0)


def _describe(answer: Answer, opened: Span) -> None:
    opened.set_attributes(
        {
            "dateline.answer.id": answer.id,
            "dateline.answer.status": answer.status.value,
            "dateline.answer.sentences": len(answer.sentences),
            "dateline.answer.citations": len(answer.citations),
            "dateline.passages.found": len(answer.found),
            "dateline.passages.read": answer.read,
            "dateline.evidence.sentences": len(answer.evidence),
            "dateline.generator": answer.generator.name,
            "dateline.generator.kind": answer.generator.kind,
            "dateline.generator.fallback": answer.generator.fallback is not None,
            "dateline.tokens.in": answer.usage.prompt_tokens or 0,
            "dateline.tokens.out": answer.usage.completion_tokens or 0,
        }
    )
