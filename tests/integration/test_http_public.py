"""What needs no key: health, readiness, the page, the API's own documentation; hosts, origins and surprises."""

import hashlib
import json
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from service.errors import ModelUnavailable
from service.http.app import WEB
from service.models.generator import ChatGenerator, Target
from service.models.llama_server import LlamaServer
from service.services import Services
from tests.fakes import WordReranker
from tests.integration.conftest import Door

VENDORED = WEB / "vendor" / "swagger-ui"


def services_of(door: TestClient) -> Services:
    """What stands behind the door."""
    found: Services = door.services  # type: ignore[attr-defined]
    return found


def test_it_is_alive(door: TestClient) -> None:
    """`/healthz` says so without looking at anything."""
    assert door.get("/healthz").json() == {"status": "ok"}


def test_readiness_names_its_parts(door: TestClient) -> None:
    """200 with every part ready, and the model's name for the page."""
    response = door.get("/readyz")
    assert response.status_code == 200
    found = response.json()
    assert found.pop("disk").pop("free_bytes") > 0
    assert found == {
        "ready": True, "not_ready": [], "archive": {"ready": True, "articles": 3},
        "index": {"ready": True, "kind": "ChromaIndex", "vectors": 3},
        "encoder": {"ready": True, "state": "ready"}, "generator": {"ready": True, "state": "ready", "name": "scripted"}, "reranker": None,
    }  # fmt: skip


def test_a_local_model_is_loading_until_it_is_there_and_failed_with_its_reason(open_door: Callable[..., TestClient]) -> None:
    """503 names the generator: loading while the process starts, failed with the reason after; nothing of it stops the other parts."""
    import threading

    go_on = threading.Event()

    def find() -> Path:
        assert go_on.wait(30)
        raise ModelUnavailable("the disk is gone")

    door = open_door(ChatGenerator(Target("openai", "tiny"), name="local/tiny", server=LlamaServer(find)))
    services = services_of(door)
    loading = services.warm_up()
    response = door.get("/readyz")
    assert response.status_code == 503
    assert response.json()["generator"] == {"ready": False, "state": "loading", "name": "local/tiny"}
    go_on.set()
    loading.join(30)
    response = door.get("/readyz")
    assert response.status_code == 503
    assert response.json()["generator"] == {"ready": False, "state": "failed", "reason": "the disk is gone", "name": "local/tiny"}
    assert response.json()["not_ready"] == ["generator"]
    assert response.json()["archive"]["ready"]
    assert response.json()["encoder"]["ready"]


def test_a_reranker_is_shown_and_does_not_count(open_door: Door) -> None:
    """Ready with its name when it was warmed up, failed with its reason after a call that failed; the service is ready, and answers."""
    reranker = WordReranker()
    door = open_door(reranker=reranker, rerank_candidates=2)
    services_of(door).warm_up().join(30)
    assert door.get("/readyz").json()["reranker"] == {"ready": True, "state": "ready", "name": "words"}
    reranker.failure = ModelUnavailable("it is away")
    assert door.post("/v1/ask", json={"question": "How many were evacuated below the Halvern Dam?"}).json()["status"] == "answered"
    response = door.get("/readyz")
    assert (response.status_code, response.json()["ready"]) == (200, True)
    assert response.json()["not_ready"] == ["reranker"]
    assert response.json()["reranker"] == {"ready": False, "state": "failed", "reason": "it is away", "name": "words"}
    reranker.failure = None
    found = door.post("/v1/search", json={"question": "Who voted on the tram budget?"}).json()["passages"]
    assert [(one["article_id"], one["rerank_score"] is None) for one in found[:2]] == [("vote-1", False), (found[1]["article_id"], False)]
    assert found[0]["rerank_score"] > found[1]["rerank_score"]
    assert found[2]["rerank_score"] is None
    assert door.get("/readyz").json()["reranker"]["ready"]


def test_a_disk_without_room_is_shown_and_does_not_count(open_services: Callable[..., Services], tmp_path: Path) -> None:
    """Below the floor nothing is taken in, and questions are answered: `disk` is named, with what to do, and the service is ready."""
    services = open_services(min_free_mb=10**9)
    found = services.readiness()
    assert (found["ready"], found["not_ready"]) == (True, ["disk"])
    assert "DATELINE_DATA_DIR" in found["disk"]["reason"]


def test_an_archive_that_cannot_be_read_is_not_ready(door: TestClient) -> None:
    """503 names the part, without a word of the database's own."""
    path = services_of(door).archive.path
    path.rename(path.with_suffix(".moved"))
    path.write_bytes(b"this is no database" * 1000)
    for extra in ("-wal", "-shm"):
        Path(f"{path}{extra}").unlink(missing_ok=True)
    # Threads with a connection still see the old file: what a look from a new one gives is what counts.
    found = _in_new_thread(services_of(door).readiness)
    assert not found["ready"]
    assert not found["archive"]["ready"]
    assert found["generator"]["ready"]


def _in_new_thread(call: Callable[[], Any]) -> Any:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(call).result()


@pytest.mark.parametrize("path", ["/", "/archive", "/articles/dam-2", "/articles/a%2Fb", "/answers/ans_1", "/conversations/con_1"])
def test_the_page_is_served_under_a_strict_policy(door: TestClient, path: str) -> None:
    """Nothing from elsewhere, nothing inline, no frame around it."""
    response = door.get(path)
    policy = response.headers["content-security-policy"]
    assert response.status_code == 200
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["referrer-policy"] == "no-referrer"


def test_the_documentation_comes_from_here(door: TestClient) -> None:
    """`/docs` names only our own files, all of them there, under a policy without inline code; no other viewer is served."""
    response = door.get("/docs")
    assert response.status_code == 200
    assert "unsafe" not in response.headers["content-security-policy"]
    assert "//" not in response.text.replace("<!doctype html>", "")
    for path in ("/static/docs.js", "/static/vendor/swagger-ui/swagger-ui.css", "/static/vendor/swagger-ui/swagger-ui-bundle.js"):
        assert path in response.text
        assert door.get(path).status_code == 200
    assert door.get("/redoc").status_code == 404


def test_vendored_files_are_what_their_note_says() -> None:
    """Swagger UI's files have the sha256 in the README beside them."""
    noted = dict(line.split()[::-1] for line in (VENDORED / "README.md").read_text("utf-8").splitlines() if line.startswith("    "))
    assert noted == {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in VENDORED.iterdir() if path.suffix in {".js", ".css"}
    }


def test_the_openapi_document_is_valid(door: TestClient) -> None:
    """It names every route, the key, and problems; openapi-spec-validator agrees where it is installed."""
    document = door.get("/openapi.json").json()
    assert document["paths"].keys() == {
        "/v1/ask", "/v1/search", "/v1/feedback", "/v1/articles", "/v1/articles/{article_id}", "/v1/articles/remove", "/v1/ingest",
        "/v1/coverage", "/healthz", "/readyz",
        "/v1/conversations", "/v1/conversations/{conversation_id}", "/v1/answers/{answer_id}/events", "/v1/answers/{answer_id}",
        "/v1/stories", "/v1/ingest/file", "/v1/ingest/address", "/metrics",
    }  # fmt: skip
    for path, operations in document["paths"].items():
        for operation in operations.values():
            assert operation["description"]
            assert ("security" in operation) == (path.startswith("/v1/") or path == "/metrics")
    assert "application/problem+json" in json.dumps(document["paths"]["/v1/ask"]["post"]["responses"])
    pytest.importorskip("openapi_spec_validator").validate(document)


TRAVERSAL = [
    "../cli.py", "..%2fcli.py", "%2e%2e/cli.py", "%2e%2e%2fcli.py", "..%5ccli.py", "....//cli.py", "/etc/passwd", "%2fetc%2fpasswd",
    "vendor/../../cli.py", "vendor/..%2f..%2fcli.py", "%00", "index.html%00.js", "", "vendor", "vendor/",
]  # fmt: skip


@pytest.mark.parametrize("path", TRAVERSAL)
def test_nothing_outside_the_page_is_read(door: TestClient, path: str) -> None:
    """Traversal, absolute paths, NUL and folders are not found."""
    response = door.get(f"/static/{path}")
    assert response.status_code in {400, 404}
    assert "import" not in response.text


def test_files_of_the_page_are_packed(door: TestClient) -> None:
    """For whoever takes gzip; an answer, which may be told word by word, is not."""
    packed = door.get("/static/app.js", headers={"Accept-Encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.headers["cache-control"] == "no-cache"
    same = door.get("/static/app.js", headers={"If-None-Match": packed.headers["etag"]})
    assert (same.status_code, same.headers["cache-control"]) == (304, "no-cache")
    assert "content-encoding" not in door.get("/static/app.js", headers={"Accept-Encoding": "identity"}).headers
    assert "content-encoding" not in door.get("/v1/coverage", headers={"Accept-Encoding": "gzip"}).headers


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="no symbolic links here")
def test_files_of_the_page_are_served_with_their_type(door: TestClient) -> None:
    """A module is JavaScript to the browser, which `nosniff` insists on."""
    assert door.get("/static/app.js").headers["content-type"].startswith("text/javascript")
    assert door.get("/static/style.css").headers["content-type"].startswith("text/css")


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8321", "localhost.evil.example", "127.0.0.1.evil.example", "", "[::2]", "x/health?"]
)
def test_an_unknown_host_is_refused(door: TestClient, host: str) -> None:
    """400 as a problem: a foreign name that points here reads nothing."""
    response = door.get("/v1/coverage", headers={"Host": host})
    assert (response.status_code, response.headers["content-type"]) == (400, "application/problem+json")
    assert "DATELINE_TRUSTED_HOSTS" in response.json()["detail"]


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1:8321", "[::1]:8321", "[::1]"])
def test_our_own_hosts_are_served(door: TestClient, host: str) -> None:
    """With and without port, IPv6 in brackets, in any case."""
    assert door.get("/v1/coverage", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:3000"])
def test_no_other_origin_is_let_in(door: TestClient, origin: str) -> None:
    """No answer carries a CORS header, and a preflight is refused."""
    for response in (
        door.get("/v1/coverage", headers={"Origin": origin}),
        door.post("/v1/ask", json={"question": "x"}, headers={"Origin": origin}),
        door.options("/v1/ask", headers={"Origin": origin, "Access-Control-Request-Method": "POST"}),
    ):
        assert not [name for name in response.headers if name.startswith("access-control")]
    assert response.status_code == 405


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nope", 404), ("GET", "/v1/nope", 404), ("GET", "/metrics/nope", 404),
        ("PUT", "/v1/ask", 405), ("GET", "/v1/ask", 405), ("PATCH", "/v1/articles/dam-2", 405),
    ],
)  # fmt: skip
def test_what_is_not_served_is_a_problem(door: TestClient, method: str, path: str, status: int) -> None:
    """404 and 405 come as problems too, with the security headers."""
    response = door.request(method, path)
    assert (response.status_code, response.headers["content-type"]) == (status, "application/problem+json")
    assert response.headers["x-content-type-options"] == "nosniff"


def test_a_surprise_shows_its_id_and_nothing_else(
    door: TestClient, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An exception that nobody expected is logged once under an id; the answer is that id, as a problem."""

    def fail(self: object) -> None:
        raise RuntimeError("the secret of the vault")

    monkeypatch.setattr(type(services_of(door).archive), "passage_count", fail)
    response = door.get("/v1/coverage")
    assert (response.status_code, response.headers["content-type"]) == (500, "application/problem+json")
    assert "vault" not in response.text
    assert response.headers["x-content-type-options"] == "nosniff"
    incident = response.json()["detail"].split()[-1]
    records = [record for record in caplog.records if incident in record.getMessage()]
    assert len(records) == 1
    assert "vault" in caplog.text


def test_no_question_is_logged(open_door: Callable[..., TestClient], caplog: pytest.LogCaptureFixture) -> None:
    """At INFO, neither the question nor a key nor an article's text is written, whatever became of the question."""
    caplog.set_level(logging.INFO)
    key = "sesame-open-sesame-open"
    door = open_door(api_keys=f"admin:{key}", headers={"Authorization": f"Bearer {key}"})
    for body in ({"question": "Where is the purple zeppelin?"}, {"question": "Where is the purple zeppelin?", "asked_at": "purple"},
                 {"question": "Who was evacuated below the Halvern Dam, purple?", "stream": True}):  # fmt: skip
        door.post("/v1/ask", json=body)
        door.post("/v1/search", json=body)
    door.post("/v1/articles", json=[{"text": "A purple text."}, {"text": 7}])
    for secret in ("purple", key, "Halvern"):
        assert secret not in caplog.text
