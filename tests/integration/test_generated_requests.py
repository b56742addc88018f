"""Requests made up from the API's own document, good ones and bad, with every kind of key: schemathesis over the app in this process.

A few for each operation and key by default, many with `DATELINE_LONG_TESTS=1`. The counts are printed.
"""

import json
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import (
    content_type_conformance,
    not_a_server_error,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from schemathesis.generation import GenerationMode

from service.access import open_keys
from service.errors import FetchFailed
from service.http.app import create_app
from service.http.keys import Keys
from service.ports import Fetched
from service.services import Services, now
from service.storage.conversations import Conversations
from service.storage.visits import Visits
from tests.answers import given as answered
from tests.fakes import PlainParser
from tests.integration.conftest import take_in

LONG = os.environ.get("DATELINE_LONG_TESTS") == "1"
EXAMPLES = 100 if LONG else 4
"""Of good requests, and as many of bad ones: for each operation and key."""
CHECKS = [
    not_a_server_error, status_code_conformance, content_type_conformance, response_headers_conformance, response_schema_conformance,
]  # fmt: skip
SECRETS = {"admin": "planted-admin-key-of-the-newsroom", "model": "planted-key-of-an-embeddings-server"}
PUBLIC = {"/healthz", "/readyz"}
THERE = {"article_id": "vote-1", "answer_id": "ans_known", "conversation_id": "con_1"}
"""What every other good request names, as far as it has not been deleted meanwhile."""


class NoWeb:
    """A web on which nothing answers."""

    def fetch(self, url: str, *, etag: str | None = None, last_modified: str | None = None) -> Fetched:
        """As `ports.Fetcher` has it."""
        raise FetchFailed(f"{url[:100]} does not answer")


@dataclass
class Tried:
    """What was sent, and what came back."""

    requests: int = 0
    operations: set[str] = field(default_factory=set)
    statuses: Counter[int] = field(default_factory=Counter)

    def __str__(self) -> str:
        told = ", ".join(f"{status}: {count:,}" for status, count in sorted(self.statuses.items()))
        return f"{len(self.operations)} operations, {self.requests:,} requests ({told})"


@dataclass(frozen=True)
class Kept:
    """An app over a throw-away archive, a key for each kind of caller, and what no response may hold."""

    app: FastAPI
    keys: dict[str, str]
    secrets: list[str]


@pytest.fixture
def kept(open_services: Callable[..., Services], tmp_path: Path) -> Kept:
    """Three articles, an admin key of the settings, a stored key for asking, and no web."""
    services = open_services(
        api_keys=f"admin:{SECRETS['admin']}", embedding_api_key=SECRETS["model"], trusted_hosts=["testserver"], min_free_mb=0,
        ask_rate="", search_rate="", read_rate="",
    )  # fmt: skip
    take_in(services)
    with open_keys(services.settings) as stored:
        _, ask = stored.create("ask", "the newsroom")
    Conversations(services.archive).remember(answered("ans_known"), Keys(services.settings).owner_of(f"Bearer {ask}"))
    intake = type(services.intake)(PlainParser(), NoWeb(), Visits(services.archive, now), now, 10_000)
    keys = {"ask": ask, "admin": SECRETS["admin"], "wrong": ask[:-1] + ("0" if ask[-1] != "0" else "1")}
    secrets = [*SECRETS.values(), *keys.values(), ask.rpartition("_")[2], str(tmp_path)]
    return Kept(create_app(replace(services, intake=intake)), keys, secrets)


@pytest.mark.parametrize("kind", ["ask", "admin", "wrong"])
def test_whatever_is_sent_the_answer_is_as_documented(kept: Kept, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    """No 5xx, no status, header or body that the document does not have, no secret; without a known key 401 wherever anything is served."""
    tried = Tried()
    for found in _document(kept.app).get_all_operations():
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            _try(found.ok(), mode, kept, kind, tried)
    with capsys.disabled():
        print(f"\ngenerated requests, {kind} key: {tried}")
    assert tried.requests > len(tried.operations) * EXAMPLES / 2
    assert len(tried.operations) > 20


def _document(app: FastAPI) -> Any:
    """The app's document without its keys, which would else be made up, too."""
    document = json.loads(json.dumps(app.openapi()))
    del document["components"]["securitySchemes"]
    for operations in document["paths"].values():
        for operation in operations.values():
            operation.pop("security", None)
    schema = schemathesis.openapi.from_dict(document)
    schema.app = app
    return schema


def _try(operation: Any, mode: GenerationMode, kept: Kept, kind: str, tried: Tried) -> None:
    """So many requests for one operation."""

    @settings(
        max_examples=EXAMPLES, deadline=None, database=None, derandomize=True, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=operation.as_strategy(mode))
    def send(case: Any) -> None:
        if mode is GenerationMode.POSITIVE and tried.requests % 2:
            case.path_parameters |= {name: value for name, value in THERE.items() if name in case.path_parameters}
        response = case.call(headers={"Authorization": f"Bearer {kept.keys[kind]}"})
        tried.requests += 1
        tried.operations.add(operation.label)
        tried.statuses[response.status_code] += 1
        text = response.content.decode("utf-8", "replace") + str(response.headers)
        assert not [secret for secret in kept.secrets if secret in text], operation.label
        if kind == "wrong" and case.path not in PUBLIC:
            assert response.status_code == 401 or b"nothing is served at this path" in response.content, operation.label
        case.validate_response(response, checks=CHECKS)

    try:
        send()
    except Exception as error:
        if type(error).__name__ != "Unsatisfiable":  # nothing to be sent wrong: an operation without parameters
            raise
