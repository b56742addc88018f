"""A server of a model that the settings name: JSON is posted to it, and what it answers is bounded in time and size and checked.

No error here holds what was sent or the key: a server's own words are not shown, since it may repeat what it was sent.
"""

from __future__ import annotations

import ssl
import time
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from service.errors import ModelError, ModelUnavailable

if TYPE_CHECKING:
    import httpx2

CONNECT_SECONDS = 3.0
Kind = TypeVar("Kind", bound=BaseModel)


class Refused(Exception):
    """It answered with another status than 200; `retry_after` is what it said about trying again, as written."""

    def __init__(self, status: int, retry_after: str | None = None) -> None:
        super().__init__(status)
        self.status = status
        self.retry_after = retry_after


class NoConnection(ModelUnavailable):
    """Nobody takes connections there, or one broke off."""


class ModelServer:
    """One address. Safe to use from any thread; connections are the caller's, so there is nothing to close."""

    def __init__(self, name: str, url: str, *, key: str | None, timeout: float, longest: int) -> None:
        """`name` stands in messages; `timeout` is in seconds, for connecting and for the whole answer each; `longest` in bytes."""
        self.name = f"{name} at {url}"
        self.url = url
        self._key = key
        self._timeout = timeout
        self._longest = longest

    def client(self) -> httpx2.Client:
        """A client with the key, for one or several posts; to be closed."""
        import httpx2

        headers = {"Authorization": f"Bearer {self._key}"} if self._key else {}
        timeout = httpx2.Timeout(self._timeout, connect=min(CONNECT_SECONDS, self._timeout))
        return httpx2.Client(headers=headers, timeout=timeout, verify=self._tls)

    def post(self, client: httpx2.Client, asked: dict[str, Any], kind: type[Kind]) -> Kind:
        """The answer. Raises Refused, NoConnection, ModelUnavailable where its time is up, and ModelError where it makes no sense."""
        import httpx2

        latest, answer = time.monotonic() + self._timeout, bytearray()
        try:
            with client.stream("POST", self.url, json=asked) as response:
                if response.status_code != 200:
                    raise Refused(response.status_code, response.headers.get("retry-after"))
                for piece in response.iter_bytes():
                    answer += piece
                    if len(answer) > self._longest:
                        raise self.wrong("it is too long")
                    if time.monotonic() > latest:
                        raise self._silent()
        except httpx2.TimeoutException as error:
            raise self._silent() from error
        except httpx2.TransportError as error:
            raise NoConnection(f"{self.name} does not answer: no connection ({type(error).__name__})") from error
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise self.wrong(f"it cannot be read ({type(error).__name__})") from error
        return self._read(bytes(answer), kind)

    def wrong(self, what: str) -> ModelError:
        """An answer that makes no sense, and why."""
        return ModelError(f"the answer of {self.name} makes no sense: {what}")

    def _read(self, answer: bytes, kind: type[Kind]) -> Kind:
        try:
            return kind.model_validate_json(answer)
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            place = ".".join(map(str, first["loc"]))
            raise self.wrong(f"{place}: {first['msg']}" if place else first["msg"]) from None  # Its input would hold what was sent.

    def _silent(self) -> ModelUnavailable:
        return ModelUnavailable(f"{self.name} gave no answer within {self._timeout:g} seconds")

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        """Made once: reading the certificates takes longer than a call."""
        import httpx2

        return httpx2.create_ssl_context()
