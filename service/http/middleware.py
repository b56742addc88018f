"""What stands before every route, as plain ASGI, so that a client that leaves is noticed by the stream at once."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Iterable

from fastapi import HTTPException
from sse_starlette.sse import SendTimeoutError
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Send
from starlette.types import Scope as ASGIScope

from service.http import problems

logger = logging.getLogger(__name__)
BODY_SECONDS = 20.0
BODY_RATE = 2_000.0
"""Bytes a second: a telephone's modem sends as many."""
_HOST = re.compile(r"(?:([a-zA-Z0-9._-]+)|\[([0-9a-fA-F:.]+)\])(?::[0-9]{1,5})?")
_READING = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
""" "Safe" methods (RFC 9110): they change nothing here."""
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class SecurityHeaders:
    """Adds the headers that keep the page to itself."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: ASGIScope, receive: Receive, send: Send) -> None:  # noqa: D102
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, with_headers if scope["type"] == "http" else send)


class KnownHosts:
    """Refuses a Host header that is not ours: a page of another site whose name was made to point here could read the answers.

    There must be exactly one, a name and at most a port: of two, a proxy may have read the other. What a proxy says of hosts in other
    headers counts for nothing.
    """

    def __init__(self, app: ASGIApp, hosts: Iterable[str]) -> None:
        self._app = app
        self._hosts = {host.strip("[]").lower() for host in hosts}

    async def __call__(self, scope: ASGIScope, receive: Receive, send: Send) -> None:  # noqa: D102
        if scope["type"] == "lifespan" or self._knows(Headers(scope=scope).getlist("host")):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            detail = "this Host is not known here: name it in DATELINE_TRUSTED_HOSTS"
            await problems.problem(400, detail)(scope, receive, send)

    def _knows(self, headers: list[str]) -> bool:
        return len(headers) == 1 and host_name(headers[0]) in self._hosts


def host_name(header: str) -> str | None:
    """The name in a Host header, without port and IPv6 brackets, in lower case; None for what is no name (RFC 3986, authority)."""
    found = _HOST.fullmatch(header)
    return (found[1] or found[2]).lower() if found else None


class OwnPages:
    """Refuses what a page of another site has a browser send: without a key to guess it could hand articles in to a service on loopback.

    The rule is that of Go's net/http.CrossOriginProtection: reading is left to the same-origin policy; a browser says in Sec-Fetch-Site
    where a request comes from, an old one in Origin; who says neither is no browser.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: ASGIScope, receive: Receive, send: Send) -> None:  # noqa: D102
        if scope["type"] == "http" and scope["method"] not in _READING and _is_foreign(Headers(scope=scope)):
            detail = "a page of another site sent this: use the page of this service, or send it from a program"
            await problems.problem(403, detail)(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def _is_foreign(headers: Headers) -> bool:
    if site := headers.getlist("sec-fetch-site"):
        return not set(site) <= {"same-origin", "none"}
    host = headers.get("host", "").lower()
    return any(origin.lower().partition("://")[2] != host for origin in headers.getlist("origin"))


class BodyLimit:
    """Bounds the size of a body with 413, and the time it takes with 408: so long, and a second more for so many bytes that came.

    The rule of the pace is that of Apache's mod_reqtimeout, `body=20,MinRate=500`, with a higher rate.
    """

    def __init__(self, app: ASGIApp, limit: int, *, seconds: float = BODY_SECONDS, rate: float = BODY_RATE) -> None:
        """`limit` in bytes; `rate` in bytes a second."""
        self._app = app
        self._limit = limit
        self._seconds = seconds
        self._rate = rate

    async def __call__(self, scope: ASGIScope, receive: Receive, send: Send) -> None:  # noqa: D102
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        detail = f"the body is larger than {self._limit:,} bytes (DATELINE_MAX_BODY_BYTES): send it in parts"
        announced = Headers(scope=scope).get("content-length", "")
        if announced.isdecimal() and int(announced[:20]) > self._limit:
            await problems.problem(413, detail)(scope, receive, send)
            return
        received, whole, latest = 0, False, asyncio.get_running_loop().time() + self._seconds

        async def counted() -> Message:
            nonlocal received, whole
            if whole:  # what comes now is that the client leaves
                return await receive()
            try:
                async with asyncio.timeout_at(latest + received / self._rate):
                    message = await receive()
            except TimeoutError as error:
                raise HTTPException(408, "the body came too slowly", {"Connection": "close"}) from error
            received += len(message.get("body", b""))
            whole = not message.get("more_body", False)
            if received > self._limit:
                raise HTTPException(413, detail)
            return message

        await self._app(scope, counted, send)


class Incidents:
    """Answers an exception that nobody expected with an id alone, under which the log has the rest."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: ASGIScope, receive: Receive, send: Send) -> None:  # noqa: D102
        started = False

        async def noting(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, noting)
        except SendTimeoutError:
            logger.info("a stream was ended: its reader has stopped reading")
        except Exception as error:
            if scope["type"] != "http":
                raise
            members = problems.describe(error)
            if not started:
                await JSONResponse(members, members["status"], media_type=problems.MEDIA_TYPE)(scope, receive, send)
