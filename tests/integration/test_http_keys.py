"""Keys: who may listen without one, who is let in with one, and that no route is forgotten."""

from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from fastapi.testclient import TestClient

from service.errors import SettingsError
from service.http.app import PUBLIC, create_app, refuse_unkeyed
from service.http.keys import AdminRoute, KeyedRoute
from service.services import Services
from service.storage.conversations import Conversations
from tests.answers import given

ASK = "ask-key-of-the-newsroom"
ADMIN = "admin-key-of-the-newsroom"
KEYS = f"ask:{ASK},admin:{ADMIN}"
ROUTES = [
    ("POST", "/v1/ask", "ask"), ("POST", "/v1/search", "ask"), ("GET", "/v1/articles", "ask"), ("GET", "/v1/articles/dam-2", "ask"),
    ("GET", "/v1/coverage", "ask"), ("POST", "/v1/feedback", "ask"), ("POST", "/v1/articles", "admin"),
    ("DELETE", "/v1/articles/dam-2", "admin"), ("GET", "/v1/conversations", "ask"), ("DELETE", "/v1/conversations", "ask"),
    ("GET", "/v1/conversations/con_none", "ask"), ("DELETE", "/v1/conversations/con_none", "ask"),
    ("GET", "/v1/answers/ans_none/events", "ask"), ("POST", "/v1/ingest", "admin"), ("POST", "/v1/articles/remove", "admin"),
    ("GET", "/v1/answers/ans_none", "ask"), ("PATCH", "/v1/conversations/con_none", "ask"), ("GET", "/v1/stories", "ask"),
    ("GET", "/metrics", "ask"),
    ("POST", "/v1/ingest/file?name=a.txt", "admin"), ("POST", "/v1/ingest/address", "admin"),
]  # fmt: skip
BODIES: dict[str, Any] = {
    "/v1/articles": [], "/v1/ingest": [], "/v1/articles/remove": {"ids": ["nobody"]},
    "/v1/feedback": {"answer_id": "ans_known", "verdict": "up"}, "/v1/conversations/con_none": {"title": "x"},
    "/v1/ingest/address": {"url": "https://127.0.0.1/"},
}  # fmt: skip
WRONG: dict[str, dict[str, Any]] = {
    "missing": {},
    "empty": {"Authorization": ""},
    "wrong": {"Authorization": "Bearer not-the-key-of-the-newsroom"},
    "a prefix": {"Authorization": f"Bearer {ASK[:-1]}"},
    "longer": {"Authorization": f"Bearer {ASK}x"},
    "with its scope": {"Authorization": f"Bearer ask:{ASK}"},
    "without a scheme": {"Authorization": ASK},
    "of another scheme": {"Authorization": f"Basic {ASK}"},
    "not ASCII": {"Authorization": "Bearer kлюч".encode()},
    "no text at all": {"Authorization": b"Bearer \xff\xfe\x80"},
    "a megabyte": {"Authorization": "Bearer " + "x" * 1_000_000},
    "in the query": {"X-Api-Key": ASK},
}


def shaped(path: str) -> str:
    """The route's path."""
    route = path.partition("?")[0]
    return route.replace("dam-2", "{article_id:path}").replace("con_none", "{conversation_id}").replace("ans_none", "{answer_id}")


def sent(door: TestClient, method: str, path: str, headers: dict[str, Any]) -> Any:
    """The response to a request that would be right but for its key."""
    body = BODIES.get(path, {"question": "x"})
    return door.request(method, path, headers=headers, json=body if method in {"POST", "PATCH"} else None)


@pytest.fixture
def locked(open_door: Callable[..., TestClient]) -> TestClient:
    """A door with a key of each scope, and an answer that feedback can be given on."""
    door = open_door(api_keys=KEYS)
    owner = door.app.state.keys.owner_of(f"Bearer {ADMIN}")  # type: ignore[attr-defined]
    Conversations(door.services.archive).remember(given("ans_known"), owner)  # type: ignore[attr-defined]
    return door


@pytest.mark.parametrize("headers", WRONG.values(), ids=WRONG.keys())
def test_without_the_key_every_route_says_the_same(locked: TestClient, headers: dict[str, Any]) -> None:
    """401 with one and the same body, which does not tell how near the key was."""
    bodies = set()
    for method, path, _ in ROUTES:
        response = sent(locked, method, path, headers)
        assert response.status_code == 401, (method, path)
        assert response.headers["www-authenticate"] == "Bearer"
        bodies.add(response.text)
    assert bodies == {locked.get("/v1/coverage").text}


@pytest.mark.parametrize(("method", "path", "scope"), ROUTES)
def test_a_key_opens_what_its_scope_reaches(locked: TestClient, method: str, path: str, scope: str) -> None:
    """An `ask` key gets 403 where articles are changed; an `admin` key is let in everywhere, whatever the scheme's case."""
    response = sent(locked, method, path, {"Authorization": f"Bearer {ASK}"})
    assert (response.status_code == 403) == (scope == "admin")
    assert response.status_code != 401
    assert sent(locked, method, path, {"Authorization": f"bEaReR  {ADMIN}"}).status_code in ({404} if "none" in path else {200, 201, 204})


@pytest.mark.parametrize("content", [b"{", b"[" * 100_000, b"\xff", b""])
def test_the_key_is_asked_for_before_the_body_is_read(locked: TestClient, content: bytes) -> None:
    """A stranger learns nothing about bodies and costs no parsing."""
    for path in ("/v1/ask", "/v1/search", "/v1/feedback", "/v1/articles"):
        assert locked.post(path, content=content, headers={"Content-Type": "application/json"}).status_code == 401


def test_a_key_beyond_ascii_works(open_door: Callable[..., TestClient]) -> None:
    """A key is bytes: UTF-8 in the setting is UTF-8 in the header."""
    key = "ключ-от-редакции-2026"
    door = open_door(api_keys=f"ask:{key}")
    assert door.get("/v1/coverage", headers={"Authorization": f"Bearer {key}".encode()}).status_code == 200
    assert door.get("/v1/coverage", headers={"Authorization": f"Bearer {key[:-1]}".encode()}).status_code == 401


def test_a_megabyte_of_header_is_refused_by_the_server(open_services: Callable[..., Services], on_loopback: Callable[[Any], str]) -> None:
    """Over the wire too it is a 4xx, and the next request is answered."""
    url = on_loopback(create_app(open_services(api_keys=KEYS)))
    with httpx2.Client(base_url=url) as client:
        try:
            status = client.get("/v1/coverage", headers=WRONG["a megabyte"]).status_code
        except (httpx2.WriteError, httpx2.ReadError, httpx2.RemoteProtocolError):
            status = 400  # Cut off while it was still sending.
        assert status in {400, 401, 431}
        assert client.get("/v1/coverage", headers={"Authorization": f"Bearer {ASK}"}).status_code == 200


@pytest.mark.parametrize("path", ["/", "/docs", "/openapi.json", "/healthz", "/readyz", "/static/app.js"])
def test_what_is_public_needs_no_key(locked: TestClient, path: str) -> None:
    """The page must load before a key can be typed into it."""
    response = locked.get(path)
    assert response.status_code == 200
    assert ASK not in response.text


def test_every_route_names_its_scope_or_is_public(locked: TestClient) -> None:
    """A walk over what the app serves: routes of `/v1` are keyed, those that change anything for admins, the others on the list."""
    served = list(iter_route_contexts(locked.app.routes))  # type: ignore[attr-defined]
    scopes = [(one, one.original_route.scope) for one in served if isinstance(one.original_route, KeyedRoute)]
    keyed = {(method, one.path): scope for one, scope in scopes for method in one.methods or ()}
    assert keyed == {
        (method, shaped(path)): scope for method, path, scope in ROUTES
    }  # fmt: skip
    assert {one.path for one in served if not isinstance(one.original_route, KeyedRoute)} == PUBLIC
    assert not [one for one in served if isinstance(one.original_route, AdminRoute) and "GET" in (one.methods or ())]


def test_a_forgotten_route_is_not_served(locked: TestClient) -> None:
    """A route without a scope that is not public keeps the app from being made."""
    app = FastAPI(docs_url=None, redoc_url=None)
    refuse_unkeyed(app)
    app.get("/v1/backdoor")(lambda: "open")
    with pytest.raises(RuntimeError, match="/v1/backdoor"):
        refuse_unkeyed(app)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "news.example"])
def test_without_keys_only_loopback_is_served(open_services: Callable[..., Services], host: str) -> None:
    """Another address is refused in a sentence that names the setting; with a key it is served."""
    services = open_services(host=host)
    with pytest.raises(SettingsError, match="DATELINE_API_KEYS"):
        create_app(services)


def test_with_keys_another_address_is_served(open_services: Callable[..., Services]) -> None:
    """The app is made, and its own address is a host it knows."""
    services = open_services(host="192.168.1.7", api_keys=KEYS)
    with TestClient(create_app(services), base_url="http://192.168.1.7:8321") as door:
        assert door.get("/v1/coverage").status_code == 401
        assert door.get("/v1/coverage", headers={"Authorization": f"Bearer {ASK}"}).status_code == 200
