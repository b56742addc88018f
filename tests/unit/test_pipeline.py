"""Stages beside each other: order is kept, queues are bounded, and a failure stops what comes after it."""

import threading
from collections.abc import Iterator

import pytest

from service.indexing.pipeline import InTurn, read_ahead


def test_reading_is_one_ahead_and_no_further() -> None:
    """While a thing is used, the next one has been got, and not the one after it."""
    got: list[int] = []
    second = threading.Event()

    def source() -> Iterator[int]:
        for number in range(4):
            got.append(number)
            if number == 1:
                second.set()
            yield number

    things = read_ahead(source())
    assert next(things) == 0
    assert second.wait(10)
    assert got == [0, 1]
    assert list(things) == [1, 2, 3]


def test_what_the_source_raises_comes_after_what_it_gave() -> None:
    """Nothing that was read is lost, and the error is the source's own; falsy things are things."""

    def source() -> Iterator[int]:
        yield 0
        raise OSError("the disk is gone")

    things = read_ahead(source())
    assert next(things) == 0
    with pytest.raises(OSError, match="the disk is gone"):
        next(things)


def test_things_are_done_in_order_and_all_of_them() -> None:
    """Leaving waits for the last."""
    done: list[int] = []
    with InTurn(2) as writer:
        for number in range(50):
            writer.give(lambda number=number: done.append(number))
    assert done == list(range(50))


def test_a_failure_stops_what_comes_after_it() -> None:
    """Of three things given while the first is held up, the second fails: the third is not done, and the error comes out on leaving."""
    done: list[str] = []
    held = threading.Event()

    def fail() -> None:
        raise OSError("full")

    def first() -> None:
        held.wait(10)
        done.append("first")

    def give_all() -> None:
        with InTurn(5) as writer:
            for work in (first, fail, lambda: done.append("third")):
                writer.give(work)
            held.set()

    with pytest.raises(OSError, match="full"):
        give_all()
    assert done == ["first"]


def test_no_more_than_the_queue_holds_wait() -> None:
    """The giver waits where too many wait already: with a queue of one, the third is only taken once the first is done."""
    held, taken = threading.Event(), threading.Event()

    def give_three(writer: InTurn) -> None:
        for _ in range(3):
            writer.give(lambda: held.wait(10) and None)
        taken.set()

    with InTurn(1) as writer:
        giver = threading.Thread(target=give_three, args=(writer,))
        giver.start()
        assert not taken.is_set()
        held.set()
        giver.join(10)
        assert taken.is_set()
