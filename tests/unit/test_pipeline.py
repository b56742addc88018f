"""Stages beside each other: order is kept, queues are bounded, and a failure stops what comes after it."""

import logging
import threading
from collections.abc import Iterator

import pytest

from service.indexing.pipeline import InTurn, batches, read_ahead


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


def test_leaving_does_not_wait_for_a_read_that_never_ends() -> None:
    """Whoever is interrupted while a source blocks, as a terminal does, is free at once, and no thread is left that holds the exit up."""
    blocked, never = threading.Event(), threading.Event()

    def source() -> Iterator[int]:
        yield 0
        blocked.set()
        never.wait(60)
        yield 1

    def interrupted() -> None:
        for _ in read_ahead(batches(source(), 1)):
            blocked.wait(10)
            raise KeyboardInterrupt

    try:
        with pytest.raises(KeyboardInterrupt):
            interrupted()
        assert [thread.daemon for thread in threading.enumerate() if thread.name == "read"] == [True]
    finally:
        never.set()
    for thread in threading.enumerate():
        if thread.name == "read":
            thread.join(10)


def test_after_leaving_no_more_things_are_asked_for() -> None:
    """A thing that is being got when the user leaves is the last, although the batch that it belongs to is not full."""
    asked: list[int] = []
    second, left = threading.Event(), threading.Event()

    def source() -> Iterator[int]:
        for number in range(100):
            asked.append(number)
            if number == 2:
                second.set()
                left.wait(10)
            yield number

    things = read_ahead(batches(source(), 2))
    assert next(things) == [0, 1]
    assert second.wait(10)
    things.close()  # type: ignore[attr-defined]
    left.set()
    for thread in threading.enumerate():
        if thread.name == "read":
            thread.join(10)
    assert asked == [0, 1, 2]


def test_batches_are_full_where_the_source_is_fast() -> None:
    """The last one holds the rest; without a thing there is no batch."""
    assert list(batches(range(5), 2, clock=lambda: 0.0)) == [[0, 1], [2, 3], [4]]
    assert list(batches([], 2)) == []


def test_a_slow_source_is_not_waited_for_until_a_batch_is_full() -> None:
    """A page a second: after five seconds the next one ends the batch, however few there are."""
    now = [0.0]

    def pages() -> Iterator[int]:
        for number in range(13):
            now[0] += 1.0
            yield number

    found = list(batches(pages(), 64, seconds=5.0, clock=lambda: now[0]))
    assert found == [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11], [12]]


def test_what_came_before_an_error_is_a_batch() -> None:
    """The error comes next, and again for whoever asks again."""

    def source() -> Iterator[int]:
        yield 0
        raise OSError("the disk is gone")

    found = batches(source(), 64)
    assert next(found) == [0]
    for _ in range(2):
        with pytest.raises(OSError, match="the disk is gone"):
            next(found)


def test_a_writer_that_fails_while_the_body_fails_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """The body's error is raised, and the writer's is not lost."""

    def full() -> None:
        raise OSError("no space")

    def fail() -> None:
        with InTurn(2) as writer:
            held = threading.Event()
            writer.give(lambda: held.wait(10) and None)
            writer.give(full)
            held.set()
            raise KeyboardInterrupt

    with caplog.at_level(logging.WARNING), pytest.raises(KeyboardInterrupt):
        fail()
    assert "no space" in caplog.text
