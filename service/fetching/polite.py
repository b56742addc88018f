"""Asking politely: as robots.txt allows, one request at a time per host with a pause between, none while a host wants to be left alone."""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from service.errors import FetchFailed, FetchRefused
from service.fetching.addresses import Target, shown, target_of
from service.fetching.fetch import NoAnswer
from service.fetching.robots import Rules, product_token
from service.ports import Clock, Fetched, Fetcher

_log = logging.getLogger(__name__)

INTERVAL = 1.0
"""Seconds between two requests to a host, where its robots.txt asks for no more."""
LONGEST_DELAY = 30.0
"""Seconds; a longer Crawl-delay is taken for so much."""
FIRST_REST = 10.0
"""Seconds that a host is left alone after a 429, a 503 or no answer; twice as long each time that it happens again."""
LONGEST_REST = 3600.0
PATIENCE = 10.0
"""Seconds to wait for a host that is left alone, before giving up for now."""
ROBOTS_KEPT = 86_400.0
"""Seconds, as RFC 9309, 2.4 has it."""
ROBOTS_RETRY = 600.0
"""Seconds until a robots.txt that gave an error is asked for again."""
MOST_KEPT = 256
"""Sites whose robots.txt is kept, and hosts whose last request is remembered once nothing is due there."""


@dataclass(slots=True)
class _Host:
    """What is known of a host. Times are those of the monotonic clock."""

    turn: threading.Lock = field(default_factory=threading.Lock)
    users: int = 0
    free_at: float = 0.0
    """When the next request may go out."""
    rest_until: float = 0.0
    """Until when the host is left alone."""
    failures: int = 0
    """Since the last time that it answered well."""


@dataclass(frozen=True, slots=True)
class _Robots:
    rules: Rules | None
    """None: it could not be read, so nothing may be asked for now."""
    until: float


class PoliteFetcher:
    """Implements `ports.Fetcher` on another one. Safe to call from any thread; calls for one host wait for each other.

    A redirect is followed by the fetcher underneath, without a pause. Where one leads to another page, that page's robots.txt is
    looked at afterwards, and what came is not handed out if it forbids the page.
    """

    def __init__(
        self,
        fetcher: Fetcher,
        *,
        user_agent: str,
        interval: float = INTERVAL,
        clock: Clock = lambda: datetime.now(UTC),
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`interval` is in seconds. `clock` only says in messages until when a host is left alone."""
        self._fetcher = fetcher
        self._token = product_token(user_agent)
        self._interval = interval
        self._clock = clock
        self._monotonic = monotonic
        self._sleep = sleep
        self._lock = threading.Lock()
        self._hosts: OrderedDict[str, _Host] = OrderedDict()
        self._robots: OrderedDict[str, _Robots] = OrderedDict()

    def fetch(self, url: str, *, etag: str | None = None, last_modified: str | None = None) -> Fetched:
        """What the fetcher gives. Raises FetchRefused where robots.txt forbids it, FetchFailed while the host is to be left alone."""
        target = _target(url)
        with self._turn(target.host) as host:
            delay = self._permit(target, host)
            fetched = self._ask(host, url, delay, etag=etag, last_modified=last_modified)
        arrived = _target(fetched.url)
        if fetched.status == 200 and arrived.url != target.url:
            with self._turn(arrived.host) as host:
                host.free_at = max(host.free_at, self._monotonic() + self._interval)
                self._permit(arrived, host)
        return fetched

    @contextmanager
    def _turn(self, name: str) -> Iterator[_Host]:
        """Alone with a host."""
        with self._lock:
            host = self._hosts.setdefault(name, _Host())
            self._hosts.move_to_end(name)
            host.users += 1
        try:
            with host.turn:
                yield host
        finally:
            with self._lock:
                host.users -= 1
                self._forget()

    def _forget(self) -> None:
        """Drop the hosts where nothing is due, oldest first, beyond those that are kept."""
        now = self._monotonic()
        for name in list(self._hosts)[: max(0, len(self._hosts) - MOST_KEPT)]:
            host = self._hosts[name]
            if not host.users and max(host.free_at, host.rest_until) <= now:
                del self._hosts[name]

    def _permit(self, target: Target, host: _Host) -> float:
        """Seconds to leave after a request to this host. Raises FetchRefused where its robots.txt forbids the page."""
        robots = self._robots_of(target, host)
        if robots.rules is None:
            raise FetchFailed(f"{shown(target.url)}: the site's robots.txt cannot be read; asked again {self._after(robots.until)}")
        verdict = robots.rules.verdict(target.url)
        if not verdict.allowed:
            raise FetchRefused(f"{shown(target.url)}: the site's robots.txt forbids it")
        return max(self._interval, min(verdict.delay, LONGEST_DELAY))

    def _robots_of(self, target: Target, host: _Host) -> _Robots:
        """The rules of a site, asked for once a day. 4xx allows everything, 5xx nothing for now (RFC 9309, 2.3.1)."""
        with self._lock:
            kept = self._robots.get(target.origin)
        if kept is not None and kept.until > self._monotonic():
            return kept
        robots = self._asked_robots(target, host)
        with self._lock:
            self._robots[target.origin] = robots
            self._robots.move_to_end(target.origin)
            while len(self._robots) > MOST_KEPT:
                self._robots.popitem(last=False)
        return robots

    def _asked_robots(self, target: Target, host: _Host) -> _Robots:
        self._wait(host, target.url)
        address = f"{target.origin}/robots.txt"
        try:
            fetched = self._ask(host, address, self._interval)
        except FetchRefused as error:
            where, why = f"{shown(address)}: ", str(error)
            # Scheme, host and port are the page's own: what is wrong with them is wrong with the page, robots.txt or not.
            reason = why.removeprefix(where) if why.startswith(where) else f"its robots.txt would be asked first, but {why}"
            raise FetchRefused(f"{shown(target.url)}: {reason}") from error
        except NoAnswer:
            raise
        except FetchFailed as error:
            _log.warning("no page of %s is asked for now: %s", target.origin, error)
            return _Robots(None, self._monotonic() + ROBOTS_RETRY)
        now = self._monotonic()
        if fetched.status == 429 or fetched.status >= 500:
            return _Robots(None, max(now + ROBOTS_RETRY, host.rest_until))
        return _Robots(Rules(fetched.body, self._token), now + ROBOTS_KEPT)

    def _ask(self, host: _Host, url: str, pause: float, *, etag: str | None = None, last_modified: str | None = None) -> Fetched:
        """One request, when the host is ready for it; what came of it decides when it is ready again."""
        self._wait(host, url)
        try:
            fetched = self._fetcher.fetch(url, etag=etag, last_modified=last_modified)
        except NoAnswer:
            self._leave_alone(host, None)
            raise
        finally:
            host.free_at = self._monotonic() + pause
        if fetched.status in {429, 503}:
            self._leave_alone(host, fetched.retry_after)
        else:
            host.failures, host.rest_until = 0, 0.0
        return fetched

    def _wait(self, host: _Host, url: str) -> None:
        """Until the host is ready. Raises FetchFailed where that would take long."""
        now = self._monotonic()
        if host.rest_until - now > PATIENCE:
            until = self._after(host.rest_until)
            raise FetchFailed(f"{shown(url)}: the server is left alone for now, as it asked or because it failed; asked again {until}")
        if (seconds := max(host.free_at, host.rest_until) - now) > 0:
            self._sleep(seconds)

    def _leave_alone(self, host: _Host, asked: float | None) -> None:
        """Twice as long at every failure, or as long as the server asks where that is longer; never more than an hour."""
        rest = FIRST_REST * 2 ** min(host.failures, 16)
        host.failures += 1
        host.rest_until = self._monotonic() + min(max(rest, asked or 0.0), LONGEST_REST)

    def _after(self, moment: float) -> str:
        """A moment of the monotonic clock, by the clock on the wall."""
        return (self._clock() + timedelta(seconds=moment - self._monotonic())).astimezone(UTC).strftime("after %Y-%m-%d %H:%M:%S UTC")


def _target(url: str) -> Target:
    """The address, whatever its port and network: those are the fetcher's to refuse."""
    return target_of(url, private_networks=True)
