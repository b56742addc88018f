"""Who gets in where: every route with every kind of key, of the settings and stored; and that no wrong header says more than another.

The tables S2 and S8 of the reliability reference; their counts are printed.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI, WebSocket
from fastapi.testclient import TestClient
from starlette.routing import Host, Mount, Router
from starlette.websockets import WebSocketDisconnect

from service.http.app import PUBLIC, create_app, refuse_unkeyed
from service.http.keys import AskRoute
from service.services import Services, now
from service.storage.keys import StoredKeys
from tests.fakes import FixedClock
from tests.integration.conftest import Door
from tests.integration.test_http_keys import ADMIN, ASK, KEYS, ROUTES, sent

NOBODY = {"detail": "send a known key as Authorization: Bearer KEY", "status": 401, "title": "Unauthorized", "type": "about:blank"}


def stored_of(door: TestClient, clock: Callable[[], Any] = now) -> StoredKeys:
    """The stored keys of what stands behind the door, with another clock, if wanted."""
    return StoredKeys(door.services.archive, clock)  # type: ignore[attr-defined]


def bearer(key: str) -> dict[str, Any]:
    """The header of a key."""
    return {"Authorization": f"Bearer {key}"}


@pytest.fixture
def keys(open_door: Door) -> tuple[TestClient, dict[str, str]]:
    """A door with keys of the settings, and stored ones of each kind."""
    door = open_door(api_keys=KEYS)
    stored = stored_of(door)
    made = {"stored ask": stored.create("ask", "reader")[1], "stored admin": stored.create("admin", "editor")[1]}
    for name, scope in (("revoked ask", "ask"), ("revoked admin", "admin")):
        gone, made[name] = stored.create(scope, name)  # type: ignore[arg-type]
        stored.revoke(gone.id)
    yesterday = StoredKeys(door.services.archive, FixedClock(now() - timedelta(days=1)))  # type: ignore[attr-defined]
    made["expired admin"] = yesterday.create("admin", "guest", now() - timedelta(hours=1))[1]
    return door, made | {"ask": ASK, "admin": ADMIN}


def test_every_route_asks_every_kind_of_key(keys: tuple[TestClient, dict[str, str]], capsys: pytest.CaptureFixture[str]) -> None:
    """S2: none, revoked and expired: 401. `ask`: 403 where anything is changed for all. `admin`: let in. The public ones: never asked."""
    door, known = keys
    tried = 0
    for method, path, scope in ROUTES:
        for name, key in {"none": None, **known}.items():
            status = sent(door, method, path, bearer(key) if key else {}).status_code
            if key is None or name.startswith(("revoked", "expired")):
                assert status == 401, (method, path, name)
            elif scope == "admin" and name.endswith("ask"):
                assert status == 403, (method, path, name)
            else:
                assert status in {200, 201, 204, 404, 422}, (method, path, name)
            tried += 1
    for path in PUBLIC - {"/static"}:
        assert door.get(path.replace("{article_id:path}", "x").replace("{", "").replace("}", "")).status_code == 200
    with capsys.disabled():
        print(f"\nroute walk: {len(ROUTES)} keyed routes x {len(known) + 1} kinds of key, {tried} requests")


def wrong_headers(known: dict[str, str]) -> dict[str, list[tuple[bytes, bytes]]]:
    """Authorization headers that open nothing."""
    ask, admin = known["stored ask"], known["stored admin"]
    values: dict[str, list[str | bytes]] = {
        "missing": [], "empty": [""], "wrong": ["Bearer not-the-key-of-the-newsroom"], "a prefix": [f"Bearer {ASK[:-1]}"],
        "a prefix of a stored one": [f"Bearer {admin[:-1]}"], "a suffix": [f"Bearer {ADMIN}x"],
        "a suffix to a stored one": [f"Bearer {ask}0"],
        "the id alone": [f"Bearer {admin.rpartition('_')[0]}"], "right id, wrong secret": [f"Bearer {admin[:-64]}{'0' * 64}"],
        "unknown id, right secret": [f"Bearer dl_{'0' * 16}_{admin[-64:]}"],
        "another id, right secret": [f"Bearer {ask[:-64]}{admin[-64:]}"],
        "in upper case": [f"Bearer {admin.upper()}"], "not ASCII": ["Bearer kлюч".encode()], "no text": [b"Bearer \xff\xfe\x80"],
        "a megabyte": ["Bearer " + "x" * 1_000_000], "a stored one and a megabyte": [f"Bearer {admin}{'0' * 1_000_000}"],
        "Basic": [f"Basic {ADMIN}"], "Token": [f"Token {admin}"], "no scheme": [admin], "the scheme alone": ["Bearer"],
        "several, right and wrong": [f"Bearer {ADMIN}", "Bearer x"], "several, wrong and right": ["Bearer x", f"Bearer {ADMIN}"],
        "twice the right one": [f"Bearer {admin}", f"Bearer {admin}"], "two in one": [f"Bearer {ADMIN}, Bearer {admin}"],
        "revoked": [f"Bearer {known['revoked admin']}"], "expired": [f"Bearer {known['expired admin']}"], "a NUL": [f"Bearer {admin}\x00"],
        "SQL": ["Bearer dl_' OR '1'='1_" + "0" * 64], "its digest": ["Bearer " + "0" * 64],
    }  # fmt: skip
    sent_as = {name: [one if isinstance(one, bytes) else one.encode() for one in found] for name, found in values.items()}
    return {name: [(b"authorization", one) for one in found] for name, found in sent_as.items()}


def test_no_wrong_key_is_told_from_another(keys: tuple[TestClient, dict[str, str]], capsys: pytest.CaptureFixture[str]) -> None:
    """S8: on every keyed route the same 401, byte for byte, with the same headers."""
    door, known = keys
    bodies, headers, tried = set(), set(), 0
    for method, path, _ in ROUTES:
        for name, wrong in wrong_headers(known).items():
            response = sent(door, method, path, wrong)  # type: ignore[arg-type]
            assert response.status_code == 401, (method, path, name)
            bodies.add(response.content)
            headers.add(tuple(sorted(pair for pair in response.headers.items() if pair[0] != "x-request-id")))
            tried += 1
    assert len(bodies) == 1
    assert len(headers) == 1
    assert response.json() == NOBODY
    with capsys.disabled():
        print(f"\nwrong keys: {len(wrong_headers(known))} headers x {len(ROUTES)} keyed routes, {tried} requests, {len(bodies)} body")


def test_a_stored_key_counts_from_its_making_to_its_end(open_door: Door) -> None:
    """Open on loopback until the first key is made; then for keys alone, and still so when the last one is revoked; open once forgotten."""
    door = open_door()
    stored = stored_of(door)
    assert door.get("/v1/coverage").status_code == 200
    made, key = stored.create("ask", "reader")
    assert door.get("/v1/coverage").status_code == 401
    assert door.get("/v1/coverage", headers=bearer(key)).status_code == 200
    stored.revoke(made.id)
    assert door.get("/v1/coverage", headers=bearer(key)).status_code == 401
    assert door.get("/v1/coverage").status_code == 401
    stored.forget_all()
    assert door.get("/v1/coverage").status_code == 200


def test_beyond_loopback_nothing_ever_falls_open(open_services: Callable[..., Services]) -> None:
    """A stored key is enough to listen there; when all are forgotten while it runs, nobody is let in."""
    services = open_services(host="192.168.1.7")
    stored = StoredKeys(services.archive, now)
    _, key = stored.create("ask", "reader")
    with TestClient(create_app(services), base_url="http://192.168.1.7") as door:
        assert door.get("/v1/coverage", headers=bearer(key)).status_code == 200
        stored.forget_all()
        assert [door.get("/v1/coverage", headers=headers).status_code for headers in ({}, bearer(key))] == [401, 401]


def test_conversations_belong_to_a_stored_key(open_door: Door) -> None:
    """As to one of the settings: another key does not see them, and those of the time before there were keys are nobody's."""
    door = open_door()
    asked = {"question": "How many were evacuated below the Halvern Dam?"}
    door.post("/v1/ask", json=asked)
    stored = stored_of(door)
    one, other = (stored.create("ask", name)[1] for name in ("one", "other"))
    door.post("/v1/ask", json=asked, headers=bearer(one))
    counts = [len(door.get("/v1/conversations", headers=bearer(key)).json()["conversations"]) for key in (one, other)]
    assert counts == [1, 0]
    assert door.app.state.keys.owner_of(f"Bearer {one}") not in {"", door.app.state.keys.owner_of(f"Bearer {other}")}  # type: ignore[attr-defined]


def test_a_key_is_known_while_the_archive_is_written_to(open_door: Door) -> None:
    """Another process in the middle of a write keeps nobody out."""
    door = open_door()
    _, key = stored_of(door).create("ask", "reader")
    with closing(sqlite3.connect(door.services.archive.path, isolation_level=None)) as writer:  # type: ignore[attr-defined]
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("UPDATE api_keys SET scope = 'admin'")
        assert door.get("/v1/coverage", headers=bearer(key)).status_code == 200
        assert door.post("/v1/articles", json=[], headers=bearer(key)).status_code == 403
        writer.execute("ROLLBACK")


def test_without_the_archive_a_key_of_the_settings_is_still_known(open_door: Door) -> None:
    """And nobody else is let in: a table that cannot be read is a 503, never an open door."""
    door = open_door(api_keys=KEYS)
    with door.services.archive.transaction() as connection:  # type: ignore[attr-defined]
        connection.execute("DROP TABLE api_keys")
    assert door.get("/v1/coverage", headers=bearer(ASK)).status_code == 200
    refused = [door.get("/v1/coverage", headers=headers) for headers in ({}, bearer(f"dl_{'0' * 16}_{'0' * 64}"))]
    assert [one.status_code for one in refused] == [401, 503]
    assert refused[1].headers["retry-after"]


def test_the_document_names_the_scope_of_each_operation(keys: tuple[TestClient, dict[str, str]]) -> None:
    """As a role of its security, and in words; what is public has neither."""
    paths = keys[0].get("/openapi.json").json()["paths"]
    scopes = {(method, path.partition("?")[0]): scope for method, path, scope in ROUTES}
    found = {(method.upper(), path): one for path, operations in paths.items() for method, one in operations.items()}
    for (method, path), operation in found.items():
        named = path.replace("{article_id}", "dam-2").replace("{conversation_id}", "con_none").replace("{answer_id}", "ans_none")
        scope = scopes.get((method, named))
        assert operation.get("security", []) == ([{"HTTPBearer": [scope]}] if scope else [])
        assert (f"Needs a key of scope `{scope}`" in operation["description"]) == bool(scope)
    assert len(found) == len(ROUTES) + 2


def _app() -> FastAPI:
    return FastAPI(docs_url=None, redoc_url=None, openapi_url=None)


def backdoors() -> Iterator[tuple[str, FastAPI]]:
    """Apps with a way in that nobody guards, each named for how."""
    public = sorted(PUBLIC)[0]
    for name in ("a mount", "a mount at a public path", "a host", "another host"):
        app, inner = _app(), Router(routes=[])
        inner.add_route("/x", lambda request: None)
        app.router.routes.append(
            Mount("/v1/x" if name == "a mount" else "/static", app=inner) if "mount" in name else Host("evil.example", app=inner)
        )
        yield name, app
    app = _app()
    app.websocket("/ws")(_socket)
    yield "a socket", app
    app = _app()
    app.websocket(public)(_socket)
    yield "a socket at a public path", app
    app = _app()
    app.post("/healthz")(lambda: None)
    yield "a public path that is written to", app
    app = _app()
    app.api_route("/readyz", methods=["GET", "DELETE"])(lambda: None)
    yield "a public path that is read and deleted", app
    app, router = _app(), APIRouter()
    router.get("/docs")(lambda: None)
    app.include_router(router, prefix="/v1/articles")
    yield "a router under a prefix", app
    app, outer, router = _app(), APIRouter(prefix="/v1"), APIRouter(route_class=AskRoute)
    outer.get("/x")(lambda: None)
    router.include_router(outer)
    app.include_router(router)
    yield "an unkeyed router in a keyed one", app
    app, router = _app(), APIRouter(route_class=type("Anyone", (AskRoute,), {"scope": "anyone"}))
    router.get("/x")(lambda: None)
    app.include_router(router)
    yield "a scope that is none", app
    app = _app()
    app.frontend("/", directory="service/web")
    yield "a frontend", app


async def _socket(socket: WebSocket) -> None:
    await socket.accept()


@pytest.mark.parametrize(("name", "app"), [pytest.param(name, app, id=name) for name, app in backdoors()])
def test_no_way_in_is_served_without_a_guard(name: str, app: FastAPI) -> None:
    """Whatever cannot be seen to need a key, and is not public and only read, keeps the app from being made."""
    with pytest.raises(RuntimeError, match="needs a scope"):
        refuse_unkeyed(app)


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "TRACE", "PUT", "CONNECT", "GE T"])
def test_no_other_method_is_a_way_in(keys: tuple[TestClient, dict[str, str]], method: str) -> None:
    """Without a key no method but a route's own is answered, and with none of them anything is told."""
    for path in {path for _, path, _ in ROUTES}:
        response = keys[0].request(method, path)
        assert response.status_code == 405
        assert "Dam" not in response.text


def test_there_is_no_socket(keys: tuple[TestClient, dict[str, str]]) -> None:
    """Not at a public path, not at a keyed one, with a key or without."""
    for path in ("/", "/v1/ask", "/healthz"):
        for headers in ({}, bearer(ADMIN)):
            with pytest.raises(WebSocketDisconnect), keys[0].websocket_connect(path, headers=headers):
                pass
