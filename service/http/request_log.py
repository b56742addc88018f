"""One id, one line, one span and one measurement a request: what stands before everything else."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.propagate import extract
from opentelemetry.trace import Span, SpanKind
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Send
from starlette.types import Scope as ASGIScope

from service import logs
from service.telemetry import REQUEST_SECONDS, span

logger = logging.getLogger(__name__)
HEADER = "X-Request-ID"
UNMATCHED = "unmatched"
"""The route of a request for what is not served: never its path, which may hold anything."""
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class RequestLog:
    """Gives each request an id, or takes over a sane one of its client's, and tells it in the response.

    When the response is sent whole, or was left, there is a line at INFO and a time among the metrics. Both name the route's template
    and not the address, and the caller by eight digits of a hash of the key at most.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: ASGIScope, receive: Receive, send: Send) -> None:  # noqa: D102
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        seen = _Seen(scope["method"] if scope["method"] in _METHODS else "OTHER", scope.get("root_path", ""))
        scope.setdefault("state", {})

        async def receiving() -> Message:
            message = await receive()
            seen.left = seen.left or (message["type"] == "http.disconnect" and not seen.whole)
            return message

        async def sending(message: Message) -> None:
            seen.note(message)
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[HEADER] = logs.request_id() or ""
            await send(message)

        with (
            logs.within_request(headers.get(HEADER)),
            span(seen.method, kind=SpanKind.SERVER, parent=extract(headers), **{"http.request.method": seen.method}) as opened,
        ):
            try:
                await self._app(scope, receiving, sending)
            finally:
                seen.tell(scope, opened)


@dataclass(slots=True)
class _Seen:
    """What has been seen of a request so far."""

    method: str
    root: str
    began: float = field(default_factory=time.perf_counter)
    status: int = 499
    """nginx's for a client that left before there was any, until there is one."""
    sent: int = 0
    """Bytes of the body."""
    whole: bool = False
    left: bool = False

    def note(self, message: Message) -> None:
        """Something is sent."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
        elif message["type"] == "http.response.body":
            self.sent += len(message.get("body", b""))
            self.whole = self.whole or not message.get("more_body", False)

    def tell(self, scope: ASGIScope, opened: Span) -> None:
        """It is over."""
        seconds, route = time.perf_counter() - self.began, self._route(scope)
        REQUEST_SECONDS.labels(self.method, route, f"{self.status // 100}xx").observe(seconds)
        opened.update_name(f"{self.method} {route}")
        opened.set_attributes({"http.route": route, "http.response.status_code": self.status, "dateline.client_left": self.left})
        told: dict[str, Any] = {
            "method": self.method, "route": route, "status": self.status, "seconds": round(seconds, 4), "bytes": self.sent,
            "left": self.left or not self.whole,
        }  # fmt: skip
        if (caller := scope["state"].get("caller")) and caller.owner:
            told["caller"] = caller.owner[:8]
        logger.info("request", extra=told)

    def _route(self, scope: ASGIScope) -> str:
        if (path := getattr(scope.get("route"), "path", None)) is not None:
            return str(path)
        mounted = scope.get("root_path", "")
        return f"{mounted.removeprefix(self.root)}/…" if mounted != self.root else UNMATCHED
