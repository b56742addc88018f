"""What a connection may take, on real sockets: heads, bodies, requests behind each other, and how many connections there are."""

import asyncio
import json
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
import uvicorn

from service.http import connection
from service.http.connection import LARGEST_HEAD, MOST_PIPELINED, BoundedConnection
from service.http.middleware import BodyLimit
from tests.integration.conftest import running

HEAD = b"GET / HTTP/1.1\r\nHost: localhost\r\n"


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Reads the body and says how long it was."""
    size = 0
    while (message := await receive())["type"] == "http.request":
        size += len(message["body"])
        if not message["more_body"]:
            break
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": json.dumps(size).encode()})


@pytest.fixture
def connected() -> Iterator[Callable[[], socket.socket]]:
    """Opens connections to a server of our kind."""
    opened: list[socket.socket] = []
    config = uvicorn.Config(echo, host="127.0.0.1", port=0, http=BoundedConnection, ws="none", log_config=None, lifespan="off")
    with running(config) as url:
        port = int(url.rsplit(":", 1)[1])

        def connect() -> socket.socket:
            one = socket.create_connection(("127.0.0.1", port), timeout=30)
            opened.append(one)
            return one

        yield connect
        for one in opened:
            one.close()


def heard(one: socket.socket) -> bytes:
    """Everything until the other side ends it."""
    found = b""
    with suppress(ConnectionResetError):  # an end, too
        while piece := one.recv(65_536):
            found += piece
    return found


def test_a_plain_request_is_answered(connected: Callable[[], socket.socket]) -> None:
    """Head and body in one piece, larger together than a head may be."""
    one = connected()
    one.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 200000\r\n\r\n" + b"a" * 200_000)
    assert heard(one).endswith(b"200000\r\n0\r\n\r\n")


@pytest.mark.parametrize("endless", [b"X-Long: " + b"a" * 2 * LARGEST_HEAD, b"X-Many: a\r\n" * LARGEST_HEAD], ids=["one", "many"])
def test_a_head_without_end_is_refused(connected: Callable[[], socket.socket], endless: bytes) -> None:
    """431, and the connection is closed, whether it is one header that does not end or headers without number."""
    one = connected()
    with suppress(BrokenPipeError, ConnectionResetError):  # it was refused before all was sent
        one.sendall(HEAD + endless)
    found = heard(one)
    assert found == b"" or found.startswith(b"HTTP/1.1 431 ")  # the answer may be lost where more came after it


def test_a_head_that_is_just_too_long_is_told(connected: Callable[[], socket.socket]) -> None:
    """Where nothing more is sent the answer arrives."""
    one = connected()
    one.sendall(HEAD + b"X-Long: " + b"a" * LARGEST_HEAD)
    assert heard(one).startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\n")


@pytest.mark.parametrize("large", [b"X-Long: " + b"a" * LARGEST_HEAD, b"X-Many: a\r\n" * (LARGEST_HEAD // 11)], ids=["one", "many"])
def test_a_head_that_comes_at_once_is_bounded_too(connected: Callable[[], socket.socket], large: bytes) -> None:
    """Whole, and larger than allowed: 431 and no other answer."""
    one = connected()
    one.sendall(HEAD + large + b"\r\n\r\n")
    assert heard(one) == b"HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


def test_requests_behind_each_other_are_answered_in_order_and_bounded(connected: Callable[[], socket.socket]) -> None:
    """A few at once are answered; a flood of them ends the connection."""
    one = connected()
    one.sendall(3 * (HEAD + b"\r\n") + HEAD + b"Connection: close\r\n\r\n")
    assert heard(one).count(b"HTTP/1.1 200 OK") == 4
    flood = connected()
    with suppress(BrokenPipeError, ConnectionResetError):
        flood.sendall(50 * MOST_PIPELINED * (HEAD + b"\r\n"))
    assert heard(flood).count(b"HTTP/1.1 200 OK") <= 50 * MOST_PIPELINED - MOST_PIPELINED


def test_one_connection_too_many_is_told_to_come_again(connected: Callable[[], socket.socket], monkeypatch: pytest.MonkeyPatch) -> None:
    """503 with Retry-After, as a problem; when another has gone there is room."""
    monkeypatch.setattr(connection, "MOST", 2)
    first, _second, third = connected(), connected(), connected()
    told = heard(third)
    assert told.startswith(b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\n")
    head, _, body = told.partition(b"\r\n\r\n")
    assert f"Content-Length: {len(body)}".encode() in head
    assert json.loads(body)["status"] == 503
    first.sendall(HEAD + b"Connection: close\r\n\r\n")
    assert b"200 OK" in heard(first)
    fourth = connected()
    fourth.sendall(HEAD + b"Connection: close\r\n\r\n")
    assert b"200 OK" in heard(fourth)


def test_a_body_that_comes_too_slowly_is_refused() -> None:
    """408 once its time is up; every piece that comes earns it more time, and waiting for the client to leave has none."""
    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def never() -> Any:
        await asyncio.Event().wait()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()

    scope = {"type": "http", "headers": []}
    with pytest.raises(Exception, match="408"):
        asyncio.run(BodyLimit(app, 1000, seconds=0.01)(scope, never, send))

    pieces = [{"type": "http.request", "body": b"a", "more_body": True}, {"type": "http.request", "body": b"", "more_body": False}]

    async def trickle() -> Any:
        await asyncio.sleep(0.02)
        return pieces.pop(0)

    async def reads_all(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await receive()

    asyncio.run(BodyLimit(reads_all, 1000, seconds=0.03, rate=0.01)(scope, trickle, send))
    assert pieces == []
