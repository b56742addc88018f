"""Learning that the process is to end, before uvicorn waits for what is under way: its lifespan says so only afterwards."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def told(stop: Callable[[], None]) -> Iterator[None]:
    """Inside, `stop` is called in the running loop on SIGTERM or SIGINT, and then whoever was told of these before.

    Signals belong to the main thread: a server in another one is stopped by whoever runs it, without a word.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop, before = asyncio.get_running_loop(), {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def heard(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(stop)
        earlier = before[signal.Signals(number)]
        if callable(earlier):
            earlier(number, frame)

    for number in before:
        signal.signal(number, heard)
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)
