"""A small site on loopback for tests: pages that can be changed between requests, and a count of who came.

    with Site({"/feed": Page("<rss/>", etag='"1"')}) as site:
        fetcher.fetch(site.url("/feed"))

`pages` maps a path, with its query, to a `Page`, to `moved(…)` or to `Raw` bytes. What is not there is a 404, what has not changed a 304.
"""

import ssl
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self


@dataclass(frozen=True)
class Page:
    """What a path answers with."""

    body: bytes | str = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    etag: str | None = None
    last_modified: str | None = None

    def unchanged(self, request: BaseHTTPRequestHandler) -> bool:
        """Whether the asker has this page already; an ETag decides where there is one (RFC 9110, 13.2.2)."""
        if (known := request.headers.get("If-None-Match")) is not None:
            return known == self.etag
        return self.last_modified is not None and request.headers.get("If-Modified-Since") == self.last_modified


@dataclass(frozen=True)
class Raw:
    """Bytes to send as they are, piece by piece, the status line first; then the connection is closed."""

    pieces: Iterable[bytes]


def moved(location: str, status: int = 301) -> Page:
    """A redirect."""
    return Page(status=status, headers={"Location": location})


class Site:
    """The server, in threads, until its context is left. With `tls` it speaks HTTPS."""

    def __init__(self, pages: Mapping[str, Page | Raw] | None = None, tls: ssl.SSLContext | None = None) -> None:
        self.pages: dict[str, Page | Raw] = dict(pages or {})
        self.requests: list[tuple[str, dict[str, str]]] = []  # path and headers of each, in order
        self.connections = 0  # accepted, whether or not anything was asked on them
        self.closing = threading.Event()  # what a piece of `Raw` may wait for, so that the server can stop
        self._scheme = "https" if tls else "http"
        self._server = _Server(self)
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._thread.join(10)
        self._server.server_close()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def asked(self) -> list[str]:
        """The paths that were asked for, in order."""
        return [path for path, _ in self.requests]

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        """The address of a path."""
        return f"{self._scheme}://{host}:{self.port}{path}"


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # So that closing the server waits for its threads and nothing outlives a test.

    def __init__(self, site: Site) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.site = site

    def verify_request(self, *_: object) -> bool:
        self.site.connections += 1
        return True

    def handle_error(self, request: object, client_address: object) -> None:
        """Who hangs up early, or speaks no TLS, is part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        site: Site = self.server.site  # type: ignore[attr-defined]
        site.requests.append((self.path, dict(self.headers)))
        page = site.pages.get(self.path, Page("nothing here", 404))
        if isinstance(page, Raw):
            for piece in page.pieces:
                self.wfile.write(piece)
            return
        same = page.status == 200 and page.unchanged(self)
        body = b"" if same else page.body.encode() if isinstance(page.body, str) else page.body
        self.send_response(304 if same else page.status)
        stated = {"ETag": page.etag, "Last-Modified": page.last_modified, "Content-Length": str(len(body))}
        for name, value in (stated | dict(page.headers)).items():
            if value is not None and (name != "Content-Length" or not same):
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing: the tests look at `requests`."""
