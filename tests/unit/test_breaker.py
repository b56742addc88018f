"""The breaker before a model: it opens after failures in a row, and one call decides when the while is over."""

import asyncio

import pytest

from service.errors import ModelRefused, ModelUnavailable
from service.models.breaker import FAILURES, OPEN_SECONDS, Breaker, GuardedGenerator
from service.models.scripted import ScriptedGenerator
from service.ports import Prompt
from service.telemetry import BreakerState

PROMPT = Prompt("", "How high is the dam?", max_tokens=50)
DOWN = ModelUnavailable("it does not answer")


class Ticking:
    """Seconds that stand still until they are moved."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def fail(breaker: Breaker, error: Exception = DOWN) -> None:
    with pytest.raises(type(error)), breaker.guarding("the model"):
        raise error


def read(generator: GuardedGenerator) -> str:
    async def whole() -> str:
        return "".join([piece.text async for piece in generator.stream(PROMPT)])

    return asyncio.run(whole())


def test_after_five_failures_in_a_row_nothing_is_asked() -> None:
    """The sixth question is refused at once, with the time of the next try."""
    breaker = Breaker(Ticking())
    for _ in range(FAILURES):
        assert breaker.state == BreakerState.CLOSED
        fail(breaker)
    assert breaker.state == BreakerState.OPEN
    with pytest.raises(ModelUnavailable, match="failed 5 times in a row; the next try is in 30 seconds"), breaker.guarding("the model"):
        pytest.fail("it was asked")


def test_a_success_between_failures_keeps_it_closed() -> None:
    """Four failures, one answer, four failures: it is still asked."""
    breaker = Breaker(Ticking())
    for _ in range(2):
        for _ in range(FAILURES - 1):
            fail(breaker)
        with breaker.guarding("the model"):
            pass
    assert breaker.state == BreakerState.CLOSED


@pytest.fixture
def opened() -> tuple[Breaker, Ticking]:
    """A breaker whose while is just over."""
    clock = Ticking()
    breaker = Breaker(clock)
    for _ in range(FAILURES):
        fail(breaker)
    clock.seconds += OPEN_SECONDS
    assert breaker.state == BreakerState.HALF_OPEN
    return breaker, clock


def test_one_call_goes_through_when_the_while_is_over(opened: tuple[Breaker, Ticking]) -> None:
    """While it is under way nobody else is let through; when it is answered everybody is."""
    breaker, _ = opened
    with breaker.guarding("the model"), pytest.raises(ModelUnavailable, match="under way"), breaker.guarding("the model"):
        pytest.fail("it was asked")
    assert breaker.state == BreakerState.CLOSED


def test_a_failure_then_opens_it_again(opened: tuple[Breaker, Ticking]) -> None:
    """Another whole while begins with the failure of the call that was let through."""
    breaker, clock = opened
    fail(breaker)
    assert breaker.state == BreakerState.OPEN
    clock.seconds += OPEN_SECONDS - 1
    assert breaker.state == BreakerState.OPEN
    clock.seconds += 1
    assert breaker.state == BreakerState.HALF_OPEN


def test_a_reader_who_leaves_decides_nothing(opened: tuple[Breaker, Ticking]) -> None:
    """The call that was let through is left: the next one is let through in its place."""
    breaker, _ = opened
    with pytest.raises(asyncio.CancelledError), breaker.guarding("the model"):
        raise asyncio.CancelledError
    assert breaker.state == BreakerState.HALF_OPEN


def test_a_request_that_is_refused_shows_that_the_model_is_there() -> None:
    """Prompts that are too long for it do not keep others from it."""
    breaker = Breaker(Ticking())
    for _ in range(FAILURES + 1):
        fail(breaker, ModelRefused("too long a prompt"))
    assert breaker.state == BreakerState.CLOSED


@pytest.mark.parametrize("breaks_after", [0, 1])
def test_a_model_that_breaks_off_is_a_failure_however_well_it_judges(breaks_after: int) -> None:
    """Judging goes on while writing is not asked for; `state` shows the worse of both."""
    inner = ScriptedGenerator(["a dam of 90 metres"], breaks_after=breaks_after, logprobs={"Yes": -0.1})
    guarded = GuardedGenerator(inner, Ticking())
    for _ in range(FAILURES):
        assert asyncio.run(guarded.first_token_logprobs(PROMPT)) == {"Yes": -0.1}
        with pytest.raises(ModelUnavailable):
            read(guarded)
    asked = len(inner.prompts)
    with pytest.raises(ModelUnavailable, match="next try"):
        read(guarded)
    assert len(inner.prompts) == asked
    assert guarded.state == BreakerState.OPEN


def test_it_passes_on_what_the_model_says() -> None:
    """Name and text are the generator's own."""
    guarded = GuardedGenerator(ScriptedGenerator(["It is 90 metres high."], name="openai:x"))
    assert (guarded.name, read(guarded), guarded.state) == ("openai:x", "It is 90 metres high.", BreakerState.CLOSED)
