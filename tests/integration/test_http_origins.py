"""Which hosts and origins a request may name: the table S9 of the reliability reference, in this process and over the wire."""

import itertools
import socket
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from fastapi.testclient import TestClient

from service.errors import SettingsError
from service.http.app import create_app
from service.services import Services
from tests.integration.conftest import Door
from tests.integration.test_http_keys import ADMIN, KEYS

OURS = "http://localhost"
FOREIGN = ["https://evil.example", "null", "http://localhost:3000", "https://localhost.evil.example", "http://127.0.0.1", "file://", ""]
ROUTES = [
    ("GET", "/v1/coverage"), ("POST", "/v1/ask"), ("POST", "/v1/articles"), ("POST", "/v1/ingest/file?name=a.txt"),
    ("DELETE", "/v1/conversations"), ("GET", "/"), ("GET", "/healthz"), ("GET", "/static/app.js"), ("GET", "/nope"),
]  # fmt: skip
HOSTS_REFUSED = [
    "evil.example", "localhost.evil.example", "x/health?", "localhost/health?", "localhost:1/health?", "localhost:8321@evil.example",
    "user@localhost", "localhost.", "localhost:", "localhost:port", "localhost:123456", "localhost, evil.example", "localhost evil.example",
    " localhost", "[::1", "[::1]evil.example", "[::1]:x", "::1", "[::2]", "[localhost]", "", "127.0.0.1.nip.io", "2130706433", "127.1",
    "0x7f000001", "localhost\x00", "localhost#", "localhost\\@evil.example", "ｌocalhost", "*",
]  # fmt: skip


@pytest.mark.parametrize("keys", [KEYS, ""], ids=["with keys", "without keys"])
def test_no_answer_lets_another_origin_read_it(open_door: Door, keys: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Plain and as a preflight: no response has a CORS header, and all are for pages of their own origin only."""
    door, tried = open_door(api_keys=keys, headers={"Authorization": f"Bearer {ADMIN}"}), 0
    for (method, path), origin, preflight in itertools.product(ROUTES, [*FOREIGN, OURS], (False, True)):
        asked = {"Access-Control-Request-Method": method, "Access-Control-Request-Headers": "authorization"} if preflight else {}
        response = door.request("OPTIONS" if preflight else method, path, headers={"Origin": origin, **asked})
        assert not [name for name in response.headers if name.startswith("access-control")], (method, path, origin)
        assert response.headers["cross-origin-resource-policy"] == "same-origin"
        assert not preflight or response.status_code in {404, 405}, (method, path, origin)
        tried += 1
    with capsys.disabled():
        print(f"\norigins: {len(FOREIGN) + 1} x {len(ROUTES)} routes, plain and preflight: {tried} requests")


PLANTED = b'[{"id": "planted", "text": "Planted by a page of another site."}]'
SIMPLE = [{"Content-Type": "text/plain"}, {"Content-Type": "text/plain;charset=application/json"}, {}, {"Content-Type": "application/json"},
          {"Content-Type": "application/x-www-form-urlencoded"}, {"Content-Type": "multipart/form-data; boundary=x"}]  # fmt: skip


@pytest.mark.parametrize("origin", FOREIGN)
@pytest.mark.parametrize("path", ["/v1/articles", "/v1/ingest", "/v1/ingest/file?name=a.jsonl", "/v1/ingest/address", "/v1/ask"])
def test_a_page_of_another_site_plants_nothing(door: TestClient, path: str, origin: str) -> None:
    """Not in a service without keys either, whatever a browser may send without asking first: 403, before the body is read."""
    for headers in SIMPLE:
        response = door.post(path, content=PLANTED, headers={"Origin": origin, **headers})
        assert (response.status_code, response.headers["content-type"]) == (403, "application/problem+json")
    assert [one["id"] for one in door.get("/v1/articles").json()["articles"]] == ["dam-2", "dam/1 ?ü", "vote-1"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "cross-site"}, 403), ({"Sec-Fetch-Site": "same-site"}, 403), ({"Sec-Fetch-Site": "x"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Origin": OURS}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 200), ({"Sec-Fetch-Site": "none"}, 200),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "https://news.example"}, 200),  # behind a proxy that names another Host
        ({"Origin": OURS}, 200), ({"Origin": "HTTP://LOCALHOST"}, 200), ({}, 200),
    ],
)  # fmt: skip
def test_our_own_page_and_programs_are_let_in(door: TestClient, headers: dict[str, str], status: int) -> None:
    """A browser says where a request comes from in Sec-Fetch-Site, an old one in Origin; a program says neither."""
    assert door.post("/v1/articles", json=[{"text": "The ferry runs."}], headers=headers).status_code == status


def test_two_origins_are_as_foreign_as_the_worse(door: TestClient) -> None:
    """In either order, and for Sec-Fetch-Site too."""
    for name, ours, foreign in ((b"Origin", OURS, FOREIGN[0]), (b"Sec-Fetch-Site", "none", "cross-site")):
        for pair in ((ours, foreign), (foreign, ours)):
            headers = [(name, one.encode()) for one in pair]
            assert door.post("/v1/articles", json=[], headers=headers).status_code == 403  # type: ignore[arg-type]


def test_a_body_that_is_not_said_to_be_json_is_not_read_as_such(door: TestClient) -> None:
    """Without an origin too: 415 that says what to send."""
    for headers in SIMPLE:
        if headers.get("Content-Type") != "application/json":
            response = door.post("/v1/articles", content=PLANTED, headers=headers)
            assert response.status_code == 415, headers
            assert "application/json" in response.json()["detail"]


@pytest.mark.parametrize("host", HOSTS_REFUSED)
def test_a_host_that_is_not_ours_is_refused(door: TestClient, host: str) -> None:
    """400, wherever it leads, and whatever a proxy's headers say; for what is public too."""
    for path in ("/v1/coverage", "/healthz", "/", "/v1/coverage/"):
        for more in ({}, {"X-Forwarded-Host": "localhost", "Forwarded": "host=localhost", "X-Host": "localhost"}):
            response = door.get(path, headers={"Host": host.encode(), **more})  # type: ignore[dict-item]
            assert response.status_code == 400
            assert "DATELINE_TRUSTED_HOSTS" in response.json()["detail"]


@pytest.mark.parametrize("host", ["localhost", "LocalHost:1", "127.0.0.1:8321", "[::1]:8321", "[::1]", "[0:0:0:0:0:0:0:1]"])
def test_what_a_proxy_says_of_the_host_counts_for_nothing(open_door: Door, host: str) -> None:
    """A forwarded name neither opens nor shuts, and is in no redirect."""
    door = open_door(trusted_hosts=["localhost", "127.0.0.1", "[::1]", "[0:0:0:0:0:0:0:1]"])
    foreign = {"Host": host, "X-Forwarded-Host": "evil.example", "X-Forwarded-Prefix": "/evil", "X-Original-URL": "/v1/articles"}
    assert door.get("/v1/coverage", headers=foreign).json()["articles"] == 3
    redirected = door.get("/v1/coverage/", headers=foreign, follow_redirects=False)
    assert "evil" not in redirected.headers.get("location", "")


def test_a_host_of_the_settings_is_known(open_door: Door) -> None:
    """In any case, beside those of loopback, by which commands reach the service; its subdomains are not."""
    door = open_door(trusted_hosts=["News.Example"], api_keys="ask:key-of-the-newsroom-desk")
    hosts = ("news.example:443", "NEWS.example", "127.0.0.1:8321", "[::1]", "a.news.example", "example")
    assert [door.get("/healthz", headers={"Host": host}).status_code for host in hosts] == [200, 200, 200, 200, 400, 400]


def test_a_name_that_strangers_use_needs_a_key(open_door: Door) -> None:
    """A proxy in front of loopback brings strangers in: without a key such a service does not start."""
    with pytest.raises(SettingsError, match=r"to be asked by the name news\.example \(DATELINE_TRUSTED_HOSTS\), make a key"):
        open_door(trusted_hosts=["localhost", "News.Example"])


WIRE = [
    ("HTTP/1.0 without a Host", "GET /v1/coverage HTTP/1.0\r\n\r\n", {400}),
    ("HTTP/1.1 without a Host", "GET /v1/coverage HTTP/1.1\r\n\r\n", {400}),
    ("two Hosts, ours first", "GET /v1/coverage HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n", {400}),
    ("two Hosts, ours last", "GET /v1/coverage HTTP/1.1\r\nHost: evil.example\r\nHost: localhost\r\n\r\n", {400}),
    ("twice our Host", "GET /v1/coverage HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n", {400}),
    ("absolute form, foreign Host", "GET http://localhost/v1/coverage HTTP/1.1\r\nHost: evil.example\r\n\r\n", {400}),
    ("absolute form, no Host", "GET http://localhost/v1/coverage HTTP/1.0\r\n\r\n", {400}),
    ("absolute form, public path as name", "GET http://healthz/v1/coverage HTTP/1.1\r\nHost: localhost\r\n\r\n", {400, 401, 404}),
    ("absolute form, ours", "GET http://localhost/v1/coverage HTTP/1.1\r\nHost: localhost\r\n\r\n", {400, 401, 404}),
    ("authority form", "CONNECT localhost:443 HTTP/1.1\r\nHost: localhost\r\n\r\n", {400, 404, 405}),
    ("a public path in the Host", "GET /v1/coverage HTTP/1.1\r\nHost: localhost/healthz?\r\n\r\n", {400}),
    ("two slashes", "GET //healthz/../v1/coverage HTTP/1.1\r\nHost: localhost\r\n\r\n", {400, 401, 404}),
    ("dots", "GET /healthz/../v1/coverage HTTP/1.1\r\nHost: localhost\r\n\r\n", {400, 401, 404}),
    ("encoded dots", "GET /static/%2e%2e/v1/coverage HTTP/1.1\r\nHost: localhost\r\n\r\n", {400, 401, 404}),
    ("a matrix parameter", "GET /v1/coverage;/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", {400, 401, 404}),
    ("folded header", "GET /v1/coverage HTTP/1.1\r\nHost: localhost\r\n evil.example\r\n\r\n", {400}),
    ("a space before the colon", "GET /v1/coverage HTTP/1.1\r\nHost : localhost\r\n\r\n", {400}),
    ("a socket", "GET /v1/ask HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                 "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n", {401, 403, 404, 405}),
]  # fmt: skip


def test_over_the_wire_no_form_of_a_request_gets_past(
    open_services: Callable[..., Services], on_loopback: Callable[[Any], str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Forms of naming host and path that RFC 9112 has or forbids, without a key: refused, and nothing of the archive is told."""
    url = urlsplit(on_loopback(create_app(open_services(api_keys=KEYS))))
    told: list[str] = []
    for name, request, allowed in WIRE:
        with socket.create_connection((url.hostname or "", url.port or 0), timeout=30) as wire:
            wire.sendall(request.encode())
            received = wire.recv(65_536)
        status = int(received.split(b" ")[1])
        assert status in allowed, (name, received)
        assert b"passages" not in received
        told.append(f"{name} {status}")
    with capsys.disabled():
        print(f"\nover the wire: {len(WIRE)} forms: {'; '.join(told)}")
