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
    """A route whose class names the scope that its callers need. The key is asked for before the body is read."""

    scope: ClassVar[str] = "admin"

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's handler behind the check. Raises 401 without a known key, 403 where its scope does not reach."""
        handle = super().get_route_handler()

        async def keyed(request: Request) -> Response:
            found = request.app.state.keys.scope_of(request.headers.get("authorization"))
            if found is None:
                raise HTTPException(401, "send a known key as Authorization: Bearer KEY", {"WWW-Authenticate": "Bearer"})
            if self.scope == "admin" and found != "admin":
                raise HTTPException(403, "this needs a key of scope admin")
            request.state.caller = request.app.state.keys.owner_of(request.headers.get("authorization"))[:8]
            return await handle(request)

        return keyed


class AskRoute(KeyedRoute):
    """For every key."""

    scope = "ask"


class AdminRoute(KeyedRoute):
    """For keys of scope `admin`."""

    scope = "admin"
