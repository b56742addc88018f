"""The one function that asks the web. It connects to checked addresses only, and bounds time, size and redirects.

A host's name is resolved once; the connection goes to an address of that answer, so that a name which leads elsewhere a moment later
(DNS rebinding) changes nothing. TLS is verified against the name all the same: httpcore2 takes the extension `sni_hostname` as the
server's name (`httpcore2/_async/connection.py`).

Only the HTTP client's transport is used, not its client: there are no proxies, cookies, credentials, `.netrc` or redirects of its own.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import os
import re
import ssl
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import TYPE_CHECKING

from service.errors import FetchFailed, SettingsError
from service.fetching.addresses import Address, Resolver, Target, checked, redirected, shown, system_addresses, target_of
from service.fetching.bodies import Body
from service.ports import Clock, Fetched

if TYPE_CHECKING:
    import httpx2

TRIES = 4
"""At most so many addresses of a host are tried."""
CONNECT_SECONDS = 10.0
"""For one address; a host's first one may be unreachable from here."""
MOST_HEADERS = 200
"""h11 bounds their size (about 160 KB), not their number."""
LONGEST_VALUE = 1024
"""A longer ETag, date or content type is taken for none."""
LONGEST_REST = 7 * 86_400.0
"""Seconds; a server that wants to be left alone for longer is asked again after a week."""

_PERMANENT = {301, 308}
_REDIRECTS = _PERMANENT | {302, 303, 307}
_VALUE = re.compile(r"[\x20-\x7e]+")


class NoAnswer(FetchFailed):
    """The host could not be reached, or did not answer in time: the polite fetcher leaves it alone for a while."""


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """What one fetch may take. Raises SettingsError for a user agent that no request can carry."""

    seconds: float = 30.0
    """From the first look at the name to the last byte, redirects included."""
    max_bytes: int = 20 * 1024 * 1024
    """Of the body, decoded."""
    redirects: int = 3
    private_networks: bool = False
    """Whether loopback and private addresses may be asked, and any port."""
    user_agent: str = "Dateline"

    def __post_init__(self) -> None:
        if not _VALUE.fullmatch(self.user_agent) or self.user_agent != self.user_agent.strip():
            raise SettingsError("DATELINE_FETCH_USER_AGENT: write a name in printable ASCII, such as Dateline (+https://herald.example)")


@dataclass(frozen=True, slots=True)
class _Redirect:
    status: int
    location: str


class SafeFetcher:
    """Implements `ports.Fetcher`. Blocks; safe to call from any thread that runs no event loop."""

    def __init__(
        self,
        limits: FetchLimits,
        *,
        clock: Clock = lambda: datetime.now(UTC),
        resolve: Resolver = system_addresses,
        transport: Callable[[], httpx2.AsyncBaseTransport] | None = None,
    ) -> None:
        """`transport` gives what opens a connection to an address that was found fit, a new one each time; tests pass their own."""
        self._limits = limits
        self._clock = clock
        self._resolve = resolve
        self._transport = transport or self._real_transport

    def fetch(self, url: str, *, etag: str | None = None, last_modified: str | None = None) -> Fetched:
        """What is there now. Every status that is an answer is a value; `moved_to` is set only with a page or with 304.

        An ETag or date that could not be a header's value is left out, and the page then comes whole. Raises FetchRefused naming what
        may not be asked, FetchFailed where nothing came, or too much, too slowly, or what cannot be read.
        """
        conditions = {"If-None-Match": _value(etag), "If-Modified-Since": _value(last_modified)}
        return asyncio.run(self._within(url, {name: value for name, value in conditions.items() if value}))

    async def _within(self, url: str, conditions: dict[str, str]) -> Fetched:
        try:
            async with asyncio.timeout(self._limits.seconds):
                return await self._follow(url, conditions)
        except TimeoutError as error:
            raise NoAnswer(f"{shown(url)}: not done within {self._limits.seconds:g} seconds (DATELINE_FETCH_SECONDS)") from error

    async def _follow(self, url: str, conditions: dict[str, str]) -> Fetched:
        """Ask, and ask where it leads, each hop checked like the first."""
        target = target_of(url, private_networks=self._limits.private_networks)
        permanent = True
        for hop in range(self._limits.redirects + 1):
            answer = await self._ask(target, conditions)
            if isinstance(answer, Fetched):
                moved = hop > 0 and permanent and answer.status in {200, 304}
                return replace(answer, moved_to=target.url if moved else None)
            permanent = permanent and answer.status in _PERMANENT
            target = redirected(target, answer.location, private_networks=self._limits.private_networks)
        raise FetchFailed(f"{shown(url)}: it redirects more than {self._limits.redirects} times")

    async def _ask(self, target: Target, conditions: dict[str, str]) -> Fetched | _Redirect:
        """One request, to the first address of the host that can be reached."""
        import httpx2

        failure: Exception | None = None
        for address in (await self._addresses(target))[:TRIES]:
            try:
                async with self._transport() as transport:
                    response = await transport.handle_async_request(self._request(target, address, conditions))
                    async with contextlib.aclosing(response):
                        return await self._read(target, response, conditions)
            except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
                failure = error
            except httpx2.RemoteProtocolError as error:
                raise NoAnswer(f"{shown(target.url)}: the server hung up in the middle, or does not speak proper HTTP") from error
            except (httpx2.TransportError, OSError) as error:
                raise NoAnswer(f"{shown(target.url)}: the connection broke{_why(error)}") from error
        raise NoAnswer(f"{shown(target.url)}: no connection{_why(failure)}") from failure

    async def _addresses(self, target: Target) -> tuple[Address, ...]:
        """The addresses to connect to, best first, looked up once and each of them fit."""
        if target.literal is not None:
            return checked(target, [target.host], private_networks=self._limits.private_networks)
        try:
            answers = await _in_thread(lambda: self._resolve(target.host, target.port))
        except OSError as error:
            raise NoAnswer(f"{shown(target.url)}: there is no host {target.host}, or its name cannot be looked up now") from error
        if not answers:
            raise NoAnswer(f"{shown(target.url)}: the name {target.host} has no address")
        return checked(target, answers, private_networks=self._limits.private_networks)

    def _request(self, target: Target, address: Address, conditions: dict[str, str]) -> httpx2.Request:
        import httpx2

        headers = {
            "Host": target.parsed.netloc.decode("ascii"),
            "User-Agent": self._limits.user_agent,
            "Accept": "*/*",
            "Accept-Encoding": "gzip",
            "Connection": "close",
        }
        timeout = httpx2.Timeout(None, connect=min(CONNECT_SECONDS, self._limits.seconds)).as_dict()  # The rest is under one deadline.
        extensions = {"sni_hostname": target.host, "timeout": timeout}
        return httpx2.Request("GET", target.parsed.copy_with(host=str(address)), headers=headers | conditions, extensions=extensions)

    async def _read(self, target: Target, response: httpx2.Response, conditions: dict[str, str]) -> Fetched | _Redirect:
        """The answer, its headers taken with care and its body only where there is a page."""
        where, status, headers = shown(target.url), response.status_code, response.headers
        if len(headers.raw) > MOST_HEADERS:
            raise FetchFailed(f"{where}: its answer has more than {MOST_HEADERS} headers")
        if status in _REDIRECTS:
            locations = headers.get_list("location")
            if len(locations) != 1:
                raise FetchFailed(f"{where}: it redirects with status {status}, but does not say where to")
            return _Redirect(status, locations[0])
        if status == 304 and not conditions:
            raise FetchFailed(f"{where}: it says that nothing has changed, which was not asked")
        current = status in {200, 304}
        return Fetched(
            url=target.url,
            status=status,
            body=await self._body(where, response) if status == 200 else b"",
            content_type=_value(headers.get("content-type")) or "",
            etag=_value(headers.get("etag")) if current else None,
            last_modified=_value(headers.get("last-modified")) if current else None,
            retry_after=self._rest(headers.get("retry-after", "")) if status in {429, 503} else None,
        )

    async def _body(self, where: str, response: httpx2.Response) -> bytes:
        body = Body(where, response.headers.get("content-encoding", ""), self._limits.max_bytes)
        async with contextlib.aclosing(response.aiter_raw()) as pieces:
            async for piece in pieces:
                body.add(piece)
        return body.whole()

    def _rest(self, text: str) -> float | None:
        """Seconds that `Retry-After` asks for, as a number or as a date (RFC 9110, 10.2.3); None where it is neither."""
        text = text.strip()
        if re.fullmatch(r"[0-9]{1,9}", text):
            return min(float(text), LONGEST_REST)
        try:
            moment = parsedate_to_datetime(text[:64])
            moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            return min(max(0.0, (moment - self._clock()).total_seconds()), LONGEST_REST)
        except (ValueError, TypeError, IndexError, OverflowError):
            return None

    def _real_transport(self) -> httpx2.AsyncBaseTransport:
        """A new one for each request: a connection that is kept could be used for another host of the same address."""
        import httpx2

        return httpx2.AsyncHTTPTransport(verify=self._tls, trust_env=False)

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        """Made once: reading the certificates takes longer than a call."""
        import httpx2

        return httpx2.create_ssl_context(trust_env=False)


def _value(text: str | None) -> str | None:
    """A header's value where it is short and printable, in either direction."""
    return text if text and len(text) <= LONGEST_VALUE and _VALUE.fullmatch(text) else None


def _why(error: BaseException | None) -> str:
    """The reason at the bottom of an error, in words that name no address."""
    reason = ""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return f": its certificate is not trusted ({error.verify_message})"
        if isinstance(error, ssl.SSLError):
            return ": no secure connection could be agreed on"
        if isinstance(error, OSError) and error.errno:
            reason = f": {os.strerror(error.errno)}"
        error = error.__cause__ or error.__context__
    return reason


async def _in_thread(call: Callable[[], Sequence[str]]) -> Sequence[str]:
    """The outcome of a call that may block for long, in a thread that is left behind at the deadline: resolvers cannot be stopped."""
    outcome: concurrent.futures.Future[Sequence[str]] = concurrent.futures.Future()
    outcome.set_running_or_notify_cancel()

    def work() -> None:
        try:
            outcome.set_result(call())
        except BaseException as error:  # noqa: BLE001 - handed to the caller, whatever it is
            outcome.set_exception(error)

    threading.Thread(target=work, name="resolver", daemon=True).start()
    return await asyncio.wrap_future(outcome)
