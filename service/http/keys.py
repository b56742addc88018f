"""API keys: `ask` for reading, `admin` for everything; those of the settings, and those made by `dateline keys`.

Where no key was ever set or made, the service is loopback-only and open. A key that was made and then revoked still counts: nobody is let
in without one until the keys are forgotten, so that a service does not fall open because its last key ended.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from anyio import CapacityLimiter, to_thread
from fastapi import HTTPException, Request, Response, Security, params
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer
from starlette.requests import ClientDisconnect

from service.access import keys_were_made
from service.errors import ArchiveError, SettingsError
from service.settings import Settings
from service.storage.keys import StoredKeys

LARGEST = 1_000_000
"""Bytes of a body of those routes that take no articles in: a question with a thousand article ids has a quarter of that."""
CLIENT_LEFT = 499
"""Nobody reads it; nginx's status for the same."""
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
BEARER = HTTPBearer(auto_error=False, description="A key of `dateline keys create` or of DATELINE_API_KEYS; none where there is none.")
SCOPES = frozenset({"ask", "admin"})
LOOKERS = 4
"""Threads in which keys are looked up: questions that wait for theirs must not keep callers from being told who they are."""


def require_keys(settings: Settings) -> None:
    """Raises SettingsError where the service would listen to strangers without a key, itself or behind a proxy."""
    if (strangers := _strangers(settings)) and not settings.api_keys and not keys_were_made(settings):
        raise SettingsError(
            f"{strangers}, make a key with `dateline keys create --scope admin --name NAME`, or set DATELINE_API_KEYS "
            "(admin:KEY, ask:KEY); without keys only loopback is served"
        )


def _strangers(settings: Settings) -> str | None:
    """By which setting others than this machine's users come in, as the beginning of a sentence; None where none does."""
    if settings.host not in LOOPBACK:
        return f"to listen on {settings.host}"
    names = (host.strip("[]").lower() for host in settings.trusted_hosts)
    foreign = next((name for name in names if name not in LOOPBACK and name.replace("0", "").strip(":") != "1"), None)
    return f"to be asked by the name {foreign} (DATELINE_TRUSTED_HOSTS)" if foreign else None


@dataclass(frozen=True, slots=True)
class Caller:
    """Who was let in: how far, and a hash of the key, by which conversations are kept; empty where none is needed."""

    scope: str
    owner: str = ""


class Keys:
    """Compares keys as SHA-256 digests in constant time."""

    def __init__(self, settings: Settings, stored: StoredKeys | None = None) -> None:
        self._digests = [
            (name.partition(":")[0], hashlib.sha256(key.get_secret_value().encode()).digest()) for name, key in settings.api_keys.items()
        ]
        self._stored = stored
        self._on_loopback = _strangers(settings) is None
        self._lookers = CapacityLimiter(LOOKERS)

    async def caller(self, headers: Sequence[str]) -> Caller | None:
        """Who sends these Authorization headers; None for nobody that is known.

        Raises ArchiveError where the archive cannot be read; a key of the settings is known all the same.
        """
        given = self._given(headers)
        if given or self._stored is None:
            return given or self.look_up(headers)
        try:  # A look takes 20 microseconds. Handed to a thread, it takes turns for the interpreter: 64 at once took 0.4 s.
            with self._stored.at_once():
                return self.look_up(headers)
        except ArchiveError:  # locked, as while another process recovers the file: that is waited for outside of the loop
            return await to_thread.run_sync(self.look_up, headers, limiter=self._lookers)

    def look_up(self, headers: Sequence[str]) -> Caller | None:
        """The same, by whoever can wait for the archive."""
        if given := self._given(headers):
            return given
        key = _key(headers)
        if key and self._stored and (scope := self._stored.scope_of(key)):
            return Caller(scope, _owner(key))
        return Caller("admin") if self._is_open() else None

    def scope_of(self, authorization: str | None) -> str | None:
        """`ask`, `admin`, or None for a header that carries no known key. Open to all where there is no key."""
        found = self.look_up([authorization] if authorization is not None else [])
        return found.scope if found else None

    def owner_of(self, authorization: str | None) -> str:
        """A hash of the caller's key, by which conversations are kept; empty where there is no key."""
        return "" if self._is_open() else _owner(_key([authorization or ""]))

    def _is_open(self) -> bool:
        """No key was ever set or made, and only this machine is listened to."""
        return self._on_loopback and not self._digests and not (self._stored and self._stored.any())

    def _given(self, headers: Sequence[str]) -> Caller | None:
        key = _key(headers)
        digest = hashlib.sha256(key).digest()
        matching = {scope for scope, known in self._digests if hmac.compare_digest(known, digest)}
        return Caller("admin" if "admin" in matching else "ask", _owner(key)) if matching else None


def _key(headers: Sequence[str]) -> bytes:
    """The key of the one Authorization header; empty where there are several, none, or one of another scheme."""
    scheme, _, key = headers[0].partition(" ") if len(headers) == 1 else ("", "", "")
    # ASGI hands headers over as Latin-1, whatever bytes they are.
    return key.strip().encode("latin-1", "replace") if scheme.lower() == "bearer" else b""


def _owner(key: bytes) -> str:
    return hashlib.sha256(b"conversations of " + key).hexdigest()


class KeyedRoute(APIRoute):
    """A route whose class names the scope that its callers need and the door they go through.

    The key, its rate and the queue are looked at before the body is read. Where the class is `brief`, the handler then runs in a slot of
    its door; the others take theirs when they know what is asked of them.
    """

    scope: ClassVar[str] = "admin"
    door: ClassVar[str] = "read"
    brief: ClassVar[bool] = True

    def __init__(self, *arguments: Any, dependencies: Sequence[params.Depends] | None = None, **options: Any) -> None:
        # For OpenAPI alone, whose 3.1 lets a scheme that is not OAuth name roles where OAuth names scopes.
        super().__init__(*arguments, dependencies=[Security(BEARER, scopes=[self.scope]), *(dependencies or [])], **options)
        self.description = f"{self.description}\n\nNeeds a key of scope `{self.scope}`{'' if self.scope == 'admin' else ' or `admin`'}."

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's handler behind the checks.

        Raises 401 without a known key, 403 where its scope does not reach, Overloaded or TooManyRequests where too much is asked.
        """
        handle = super().get_route_handler()

        async def keyed(request: Request) -> Response:
            caller = await request.app.state.keys.caller(request.headers.getlist("authorization"))
            if caller is None:
                raise HTTPException(401, "send a known key as Authorization: Bearer KEY", {"WWW-Authenticate": "Bearer"})
            if self.scope == "admin" and caller.scope != "admin":
                raise HTTPException(403, "this needs a key of scope admin")
            request.state.caller = caller
            door = request.app.state.doors.glance(self.door, caller.owner)
            if self.scope == "ask":
                try:
                    await _small_body(request)  # before the slot: who sends slowly must not hold one
                except ClientDisconnect:
                    return Response(status_code=CLIENT_LEFT)
            if not self.brief:
                return await handle(request)
            async with door.enter(caller.owner):
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
