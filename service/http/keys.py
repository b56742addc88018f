"""API keys: `ask` for reading, `admin` for everything. Without any key configured, the service is loopback-only and open."""

from __future__ import annotations

import hashlib
import hmac

from fastapi import HTTPException, Request

from service.settings import Settings


class Keys:
    """Compares keys as SHA-256 digests in constant time."""

    def __init__(self, settings: Settings) -> None:
        self._digests = [
            (name.partition(":")[0], hashlib.sha256(key.get_secret_value().encode()).digest()) for name, key in settings.api_keys.items()
        ]

    def scope_of(self, authorization: str | None) -> str | None:
        """`ask`, `admin`, or None for a header that carries no known key. Open to all where no key is configured."""
        if not self._digests:
            return "admin"
        scheme, _, key = (authorization or "").partition(" ")
        digest = hashlib.sha256(key.strip().encode("utf-8", "surrogateescape")).digest()
        matching = [scope for scope, known in self._digests if hmac.compare_digest(known, digest)]
        return matching[0] if scheme.lower() == "bearer" and matching else None


def requires(scope: str) -> Requires:
    """A dependency: the request's key must have this scope."""
    return Requires(scope)


class Requires:
    """Raises 401 without a known key, 403 where its scope does not reach."""

    def __init__(self, scope: str) -> None:
        self.scope = scope

    def __call__(self, request: Request) -> None:
        found = request.app.state.keys.scope_of(request.headers.get("authorization"))
        if found is None:
            raise HTTPException(401, "send a known key as Authorization: Bearer KEY", {"WWW-Authenticate": "Bearer"})
        if self.scope == "admin" and found != "admin":
            raise HTTPException(403, "this needs a key of scope admin")
