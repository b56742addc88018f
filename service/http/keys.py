"""API keys: `ask` for reading, `admin` for everything. Without any key configured, the service is loopback-only and open."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Coroutine
from typing import Any, ClassVar

from fastapi import HTTPException, Request, Response
from fastapi.routing import APIRoute

from service.errors import SettingsError
from service.settings import Settings

LARGEST = 1_000_000
"""Bytes of a body of those routes that take no articles in: a question with a thousand article ids has a quarter of that."""
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def require_keys(settings: Settings) -> None:
    """Raises SettingsError where the service would listen to strangers without a key."""
    if settings.host not in LOOPBACK and not settings.api_keys:
        raise SettingsError(
            f"to listen on {settings.host}, set DATELINE_API_KEYS (admin:KEY, ask:KEY); without keys only loopback is served"
        )


class Keys:
    """Compares keys as SHA-256 digests in constant time."""

    def __init__(self, settings: Settings) -> None:
        self._digests = [
            (name.partition(":")[0], hashlib.sha256(key.get_secret_value().encode()).digest()) for name, key in settings.api_keys.items()
        ]

    def owner_of(self, authorization: str | None) -> str:
        """A hash of the caller's key, by which conversations are kept; empty where no key is configured."""
        return hashlib.sha256(b"conversations of " + _key(authorization)).hexdigest() if self._digests else ""

    def scope_of(self, authorization: str | None) -> str | None:
        """`ask`, `admin`, or None for a header that carries no known key. Open to all where no key is configured."""
        if not self._digests:
            return "admin"
        scheme = (authorization or "").partition(" ")[0]
        digest = hashlib.sha256(_key(authorization)).digest()
        matching = {scope for scope, known in self._digests if hmac.compare_digest(known, digest)}
        if scheme.lower() != "bearer" or not matching:
            return None
        return "admin" if "admin" in matching else "ask"


def _key(authorization: str | None) -> bytes:
    # ASGI hands headers over as Latin-1, whatever bytes they are.
    return (authorization or "").partition(" ")[2].strip().encode("latin-1", "replace")


class KeyedRoute(APIRoute):
    """A route whose class names the scope that its callers need and the door they go through.

    The key, its rate and the queue are looked at before the body is read. Where the class is `brief`, the handler then runs in a slot of
    its door; the others take theirs when they know what is asked of them.
    """

    scope: ClassVar[str] = "admin"
    door: ClassVar[str] = "read"
    brief: ClassVar[bool] = True

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's handler behind the checks.

        Raises 401 without a known key, 403 where its scope does not reach, Overloaded or TooManyRequests where too much is asked.
        """
        handle = super().get_route_handler()

        async def keyed(request: Request) -> Response:
            authorization = request.headers.get("authorization")
            found = request.app.state.keys.scope_of(authorization)
            if found is None:
                raise HTTPException(401, "send a known key as Authorization: Bearer KEY", {"WWW-Authenticate": "Bearer"})
            if self.scope == "admin" and found != "admin":
                raise HTTPException(403, "this needs a key of scope admin")
            owner = request.app.state.keys.owner_of(authorization)
            request.state.caller = owner[:8]
            door = request.app.state.doors.glance(self.door, owner)
            if not self.brief:
                return await handle(request)
            await _small_body(request)  # before the slot: who sends slowly must not hold one
            async with door.enter(owner):
                return await handle(request)

        return keyed


async def _small_body(request: Request) -> None:
    """Read the body, which the request keeps. Raises 413."""
    announced = request.headers.get("content-length", "")
    if (announced.isdecimal() and int(announced[:20]) > LARGEST) or len(await request.body()) > LARGEST:
        raise HTTPException(413, f"the body is larger than {LARGEST:,} bytes")


class AskRoute(KeyedRoute):
    """For every key: reading, and what else is done at once."""

    scope = "ask"


class SearchRoute(AskRoute):
    """For every key: searches."""

    door = "search"


class QuestionRoute(AskRoute):
    """For every key: questions. The handler takes a place at the door `ask`."""

    door = "ask"
    brief = False


class AdminRoute(KeyedRoute):
    """For keys of scope `admin`: what changes the archive. The handler takes a place at the door `ingest`."""

    scope = "admin"
    door = "ingest"
    brief = False
