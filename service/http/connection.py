"""What a connection may take: time for its head, time to be read, and room. uvicorn bounds none of these.

The body's pace is `middleware.BodyLimit`'s affair, since a refusal can still be said then; here there is nobody to say it to.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

HEAD_SECONDS = 15.0
"""From the first byte, or from the opening, to the end of the headers."""
STALLED = 20.0
"""Seconds after which a reader that takes nothing is cut."""
LARGEST_HEAD = 65_536
"""Bytes of the request line and all headers; the parser itself would take any number."""
MOST = 800
"""Connections at a time, below the 1,024 files that a process may have open by default."""
_DETAIL = b'{"type":"about:blank","title":"Service Unavailable","status":503,"detail":"too many connections: try again shortly"}'
FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nConnection: close\r\nContent-Type: application/problem+json\r\n"
    b"Content-Length: %d\r\n\r\n%b" % (len(_DETAIL), _DETAIL)
)
MOST_PIPELINED = 16
"""Requests that may wait behind one on the same connection."""
TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class BoundedConnection(HttpToolsProtocol):
    """uvicorn's connection, cut where its peer sends no head in time, sends too large a one, or does not read."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._head_timer = _Timer(self.loop, HEAD_SECONDS, self._abort)
        self._stall_timer = _Timer(self.loop, STALLED, self._abort)
        self._head = self._read = 0
        self._served: RequestResponseCycle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Refused with 503 where there are too many."""
        super().connection_made(transport)
        if len(self.connections) > MOST:
            transport.write(FULL)
            transport.close()
        else:
            self._head_timer.start()

    def connection_lost(self, exc: Exception | None) -> None:
        """No timer outlives it, and the request that is served learns of it: uvicorn tells the last that came, were it behind others."""
        self._head_timer.stop()
        self._stall_timer.stop()
        if self._served is not None and not self._served.response_complete:
            self._served.disconnected = True
            self._served.message_event.set()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """As uvicorn's; a head that is too large by then is refused with 431."""
        if self.transport.is_closing():
            return
        super().data_received(data)
        if self._head_timer.runs and not self.transport.is_closing():
            self._head += len(data)
            if self._head > LARGEST_HEAD:
                self.transport.write(TOO_LARGE)
                self.transport.close()

    def on_message_begin(self) -> None:
        """A head begins."""
        self._head = self._read = 0
        self._head_timer.start()
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Part of the head: counted, also where all of it came at once."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Another part of it."""
        self._count(len(name) + len(value) + 4)
        super().on_header(name, value)

    def send_400_response(self, msg: str) -> None:
        """What the parser stopped at: uvicorn's own answer, or 431 where that was our count."""
        if self._read > LARGEST_HEAD:
            self.transport.write(TOO_LARGE)
            self.transport.close()
        else:
            super().send_400_response(msg)

    def _count(self, size: int) -> None:
        self._read += size
        if self._read > LARGEST_HEAD:
            raise ValueError("the head is too large")  # which ends the parser

    def on_headers_complete(self) -> None:
        """The head is there."""
        self._head_timer.stop()
        super().on_headers_complete()
        if len(self.pipeline) > MOST_PIPELINED:
            self.transport.abort()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._served = cycle
        super()._start_asgi_task(cycle, app)

    def pause_writing(self) -> None:
        """The peer has not read what was sent: it gets a while."""
        super().pause_writing()
        self._stall_timer.start()

    def resume_writing(self) -> None:
        """It reads."""
        self._stall_timer.stop()
        super().resume_writing()

    def _abort(self) -> None:
        self.transport.abort()


class _Timer:
    """Calls once, so many seconds after `start`, unless it is stopped before. Starting one that runs changes nothing."""

    def __init__(self, loop: asyncio.AbstractEventLoop, seconds: float, call: Callable[[], None]) -> None:
        self._loop, self._seconds, self._call = loop, seconds, call
        self._handle: asyncio.TimerHandle | None = None

    @property
    def runs(self) -> bool:
        return self._handle is not None

    def start(self) -> None:
        self._handle = self._handle or self._loop.call_later(self._seconds, self._call)

    def stop(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
