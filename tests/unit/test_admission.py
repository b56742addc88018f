"""Doors: bounded, fair between keys, and empty again whatever happens."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from service.errors import Overloaded, Stopping, TooManyRequests
from service.http.admission import LONGEST, Door, Place


def door(slots: int = 1, queue: int = 4, patience: float = 60.0, rate: str = "", clock: Callable[[], float] = lambda: 0.0) -> Door:
    return Door("ask", slots=slots, queue=queue, patience=patience, rate=rate, clock=clock)


def running(scene: Coroutine[Any, Any, None]) -> None:
    asyncio.run(scene)


async def served(place: Place, order: list[str], name: str, until: asyncio.Event | None = None) -> None:
    async with place:
        order.append(name)
        if until:
            await until.wait()


def test_who_comes_first_is_served_at_once_and_the_rest_wait() -> None:
    """One slot: the second waits, is told how many are ahead, and is served when the first leaves."""

    async def scene() -> None:
        one = door()
        first, second = one.enter("a"), one.enter("b")
        assert (one.in_flight, one.waiting) == (1, 1)
        assert (first.ahead, second.ahead) == (None, 0)
        first.leave()
        async with second:
            assert (one.in_flight, one.waiting) == (1, 0)
        assert one.in_flight == 0

    running(scene())


def test_one_more_than_there_are_places_is_refused_with_a_time_to_come_back() -> None:
    """Slots and queue are taken: the next is refused, and taken on once somebody has left."""

    async def scene() -> None:
        one = door(slots=2, queue=1)
        taken = [one.enter("") for _ in range(3)]
        with pytest.raises(Overloaded) as refused:
            one.enter("")
        assert 1 <= refused.value.retry_after <= LONGEST
        taken[2].leave()
        one.enter("")

    running(scene())


def test_a_key_leaves_the_last_quarter_of_the_places_to_others() -> None:
    """Of four places one key gets three; another gets the fourth; without keys all four are for all."""

    async def scene() -> None:
        one = door(queue=4)
        for _ in range(1 + 3):
            one.enter("greedy")
        with pytest.raises(TooManyRequests):
            one.enter("greedy")
        one.enter("other")
        open_to_all = door(queue=4)
        for _ in range(1 + 4):
            open_to_all.enter("")
        assert open_to_all.waiting == 4

    running(scene())


def test_keys_are_served_in_turn() -> None:
    """Six of one key came before two of another: these are served second and fourth, not last."""

    async def scene() -> None:
        one, order = door(queue=40), list[str]()
        held = one.enter("a")
        names = ["a", "a", "a", "a", "a", "a", "b", "b"]
        tasks = [asyncio.create_task(served(one.enter(name), order, name)) for name in names]
        held.leave()
        await asyncio.gather(*tasks)
        assert "".join(order) == "ababaaaa"

    running(scene())


def test_a_free_slot_goes_to_the_key_that_has_the_fewest() -> None:
    """Two slots are held by one key and both keys wait: the other key is next."""

    async def scene() -> None:
        one = door(slots=2, queue=40)
        first, _second = one.enter("a"), one.enter("a")
        third, theirs = one.enter("a"), one.enter("b")
        first.leave()
        assert (third.ahead is not None, theirs.ahead) == (True, None)

    running(scene())


def test_who_leaves_while_waiting_is_gone() -> None:
    """A task that is cancelled in the queue frees its place, and takes no slot later."""

    async def scene() -> None:
        one = door()
        held = one.enter("a")
        waiting = asyncio.create_task(served(one.enter("b"), [], "b"))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait({waiting})
        assert one.waiting == 0
        held.leave()
        assert one.in_flight == 0

    running(scene())


def test_a_place_left_twice_frees_one_slot() -> None:
    """Leaving is idempotent: nothing is counted below nought."""

    async def scene() -> None:
        one = door(slots=2)
        first, _second = one.enter("a"), one.enter("a")
        first.leave()
        first.leave()
        assert one.in_flight == 1

    running(scene())


def test_nobody_waits_for_ever() -> None:
    """After the door's patience the one who waits is refused and gone; the one who is served is not touched."""

    async def scene() -> None:
        one = door(patience=0.01)
        held = one.enter("a")
        with pytest.raises(Overloaded, match=r"no turn within 0\.01 seconds"):
            await served(one.enter("b"), [], "b")
        assert (one.in_flight, one.waiting) == (1, 0)
        held.leave()

    running(scene())


def test_a_closed_door_tells_those_who_wait_and_those_who_come() -> None:
    """Closing refuses the queue and every newcomer; who is served goes on."""

    async def scene() -> None:
        one = door()
        held = one.enter("a")
        waiting = one.enter("b")
        one.close()
        with pytest.raises(Stopping):
            await served(waiting, [], "b")
        with pytest.raises(Stopping):
            one.enter("c")
        async with held:
            assert one.in_flight == 1
        assert one.in_flight == 0

    running(scene())


def test_a_key_has_a_rate_and_no_other_key_pays_for_it() -> None:
    """Two a minute: the third is refused with a time to come back, another key is not; without keys nothing is counted."""

    async def scene() -> None:
        one, limiter = door(rate="2/minute"), MovingWindowRateLimiter(MemoryStorage())
        for _ in range(2):
            one.refuse_if_fast("a", limiter)
        with pytest.raises(TooManyRequests) as refused:
            one.refuse_if_fast("a", limiter)
        assert 1 <= refused.value.retry_after <= LONGEST
        one.refuse_if_fast("b", limiter)
        for _ in range(5):
            one.refuse_if_fast("", limiter)

    running(scene())


def test_the_time_to_come_back_follows_what_answers_take() -> None:
    """With answers of half a minute a newcomer is sent away for longer than with answers of a second."""

    async def scene() -> None:
        guesses = []
        for seconds in (1.0, 30.0):
            time = [0.0]
            one = door(queue=0, clock=lambda time=time: time[0])  # type: ignore[misc]
            for _ in range(30):
                place = one.enter("")
                time[0] += seconds
                place.leave()
            one.enter("")
            with pytest.raises(Overloaded) as refused:
                one.enter("")
            guesses.append(refused.value.retry_after)
        assert guesses[0] < guesses[1]

    running(scene())
