"""The adapter for a server of OpenAI's `/embeddings`: what it makes of every way in which one can answer."""

import json
import logging
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from service.errors import DatelineError, ModelError, ModelUnavailable, SettingsError
from service.models.embedders import build_embedder
from service.models.embedding_server import CHARACTERS, LONGEST_ANSWER, PROBE, TEXTS, TRIES, EmbeddingServer
from service.models.hashing import HashingEmbedder
from service.models.probe_memory import ProbeMemory
from service.settings import Settings
from tests.embedding_server import EmbeddingsServer, Script, at_most, first, hanging, running, said

KEY = "a-secret-key-of-some-length"
SECRET = "the mayor's secret"
SENTENCES = ["The council closed the bridge.", "Bread is baked from flour.", SECRET]


@pytest.fixture
def server() -> Iterator[EmbeddingsServer]:
    """The server, closed afterwards."""
    with running() as state:
        yield state


@pytest.fixture
def waits() -> list[float]:
    """The seconds that were waited between tries, without waiting them."""
    return []


def adapter(server: EmbeddingsServer, waits: list[float], **more: Any) -> EmbeddingServer:
    """The adapter on this server; 30 seconds are what a test would rather fail than wait."""
    return EmbeddingServer(server.url, "tester", pause=waits.append, **more)


def script(change: Any) -> Script:
    """Answers fine to the probe and then with rows that were changed."""
    return lambda server, request: said(server.rows(request["input"]) if request["input"] == [PROBE] else change(server, request))


def test_rows_are_put_in_order_by_index(server: EmbeddingsServer, waits: list[float]) -> None:
    """A server may answer in any order: the index says which text a vector belongs to."""
    expected = adapter(server, waits).embed(SENTENCES)
    server.script = script(lambda server, request: server.rows(request["input"])[::-1])
    assert np.array_equal(adapter(server, waits).embed(SENTENCES), expected)


def _changed(row: int, /, **fields: Any) -> Any:
    def change(server: EmbeddingsServer, request: dict[str, Any]) -> list[dict[str, Any]]:
        rows = server.rows(request["input"])
        rows[row].update(fields)
        return rows

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda server, request: server.rows(request["input"])[:-1], "2 vectors"),
        (lambda server, request: server.rows([*request["input"], "more"]), "4 vectors"),
        (lambda server, request: [], "0 vectors"),
        (_changed(1, index=0), "numbered otherwise"),
        (_changed(1, index=7), "numbered otherwise"),
        (_changed(1, index=-1), "index"),
        (_changed(1, embedding=[0.5] * 47), "47 numbers where there were 48"),
        (_changed(0, embedding=[float("nan")] * 48), "embedding"),
        (_changed(0, embedding=[float("inf")] * 48), "embedding"),
        (_changed(0, embedding=["0.1"] * 48), "embedding"),
        (_changed(0, embedding=[]), "embedding"),
        (_changed(0, embedding="AAAA"), "embedding"),
        (_changed(0, embedding=None), "embedding"),
        (_changed(2, embedding=[0.0] * 48), "without a direction"),
    ],
)  # fmt: skip
def test_a_wrong_answer_is_refused(server: EmbeddingsServer, waits: list[float], change: Any, words: str) -> None:
    """Too few, too many, numbered twice, another width, no number, no direction: nothing of it reaches the archive, or is tried again."""
    embedder = adapter(server, waits)
    server.script = script(change)
    with pytest.raises(ModelError, match=words) as raised:
        embedder.embed(SENTENCES)
    assert not isinstance(raised.value, ModelUnavailable)
    assert SECRET not in str(raised.value)
    assert waits == []


@pytest.mark.parametrize("number", [1e-300, 1e300])
def test_very_small_and_large_numbers_have_a_direction(server: EmbeddingsServer, waits: list[float], number: float) -> None:
    """Their squares do not fit into a float, their direction does."""
    server.script = script(_changed(1, embedding=[number] * 48))
    assert adapter(server, waits).embed(SENTENCES)[1] == pytest.approx(np.full(48, 48**-0.5))


@pytest.mark.parametrize("body", [b"", b"{", b"<html>busy</html>", b"\xff\xfe", b"[]", b'{"data": {}}', b'{"data": [[]]}', b"[" * 100_000])
def test_what_is_no_embedding_is_refused(server: EmbeddingsServer, waits: list[float], body: bytes) -> None:
    """Garbage with status 200 is an error of its own."""
    server.script = lambda server, request: (200, body)
    with pytest.raises(ModelError, match="makes no sense"):
        adapter(server, waits).embed(SENTENCES)


def test_an_endless_answer_is_cut_off(server: EmbeddingsServer, waits: list[float]) -> None:
    """No more is read than the largest answer could take."""
    server.script = lambda server, request: (200, b" " * (LONGEST_ANSWER + 1))
    with pytest.raises(ModelError, match="too long"):
        adapter(server, waits).embed(SENTENCES)


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503])
def test_a_busy_server_is_asked_again(server: EmbeddingsServer, waits: list[float], status: int) -> None:
    """Ever later, until it answers."""
    server.script = first(TRIES - 1, status)
    assert adapter(server, waits).embed(SENTENCES).shape == (3, 48)
    assert len(waits) == TRIES - 1
    assert waits == sorted(waits)
    assert 0 < waits[0] <= 1


def test_a_server_says_how_long_to_wait(server: EmbeddingsServer, waits: list[float]) -> None:
    """Retry-After is kept to."""
    server.script, server.extra = first(2, 429), {"Retry-After": "7"}
    adapter(server, waits).embed(SENTENCES)
    assert waits == [7.0, 7.0]


def test_a_server_that_wants_too_long_a_pause_is_given_up(server: EmbeddingsServer, waits: list[float]) -> None:
    """An hour is not waited."""
    server.script, server.extra = first(1, 429), {"Retry-After": "3600"}
    with pytest.raises(ModelUnavailable, match="429"):
        adapter(server, waits).embed(SENTENCES)
    assert waits == []


def test_a_server_that_stays_down_is_given_up(server: EmbeddingsServer, waits: list[float]) -> None:
    """After four tries in all, with its status."""
    server.script = first(100, 500)
    with pytest.raises(ModelUnavailable, match="failed with status 500"):
        adapter(server, waits).embed(SENTENCES)
    assert len(server.requests) == TRIES


def test_no_server_at_all(waits: list[float]) -> None:
    """A port nobody listens on: no connection, tried again as often."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        embedder = EmbeddingServer(f"http://127.0.0.1:{free.getsockname()[1]}/v1", "tester", pause=waits.append)
        with pytest.raises(ModelUnavailable, match="no connection"):
            embedder.embed(SENTENCES)
    assert len(waits) == TRIES - 1


def test_a_hanging_server_is_left(server: EmbeddingsServer, waits: list[float]) -> None:
    """It had its time, so it is not asked again."""
    server.script = hanging
    with pytest.raises(ModelUnavailable, match="gave no answer within"):
        adapter(server, waits, timeout=0.2).embed(SENTENCES)
    assert len(server.requests) == 1
    assert waits == []


@pytest.mark.parametrize(
    ("status", "words"),
    [(401, "DATELINE_EMBEDDING_API_KEY"), (403, "API_KEY"), (404, "DATELINE_EMBEDDING_MODEL"), (400, "MAX_TOKENS"), (302, "status 302")],
)
def test_a_refusal_says_what_to_change(server: EmbeddingsServer, waits: list[float], status: int, words: str) -> None:
    """And is not tried again."""
    server.script = first(100, status)
    with pytest.raises(ModelError, match=words):
        adapter(server, waits).embed(SENTENCES)
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [413, 422])
def test_a_server_that_takes_few_texts_gets_halves(server: EmbeddingsServer, waits: list[float], status: int) -> None:
    """The rows come out in order all the same."""
    texts = [f"word {number}" for number in range(11)]
    expected = adapter(server, waits).embed(texts)
    server.script = at_most(3, status)
    assert np.array_equal(adapter(server, waits).embed(texts), expected)


def test_a_single_text_that_is_too_long_is_said(server: EmbeddingsServer, waits: list[float]) -> None:
    """Halving ends at one text."""
    server.script = at_most(0, 413)
    with pytest.raises(ModelError, match="lower DATELINE_EMBEDDING_MAX_TOKENS"):
        adapter(server, waits).embed(["a"])


def test_requests_are_bounded(server: EmbeddingsServer, waits: list[float]) -> None:
    """By texts, and by characters."""
    embedder = adapter(server, waits, max_tokens=100_000)
    embedder.embed([f"word {number}" for number in range(2 * TEXTS + 1)])
    embedder.embed(["long " * (CHARACTERS // 10 - 10)] * 5)
    assert [len(request["input"]) for request in server.requests] == [1, TEXTS, TEXTS, 1, 2, 2, 1]
    assert all(sum(map(len, request["input"])) <= CHARACTERS for request in server.requests)


def test_no_more_is_sent_than_is_read(server: EmbeddingsServer, waits: list[float]) -> None:
    """A text is cut where the tokens end, by the same count as passages are; blanks and lone surrogates are sent as what can be sent."""
    embedder = adapter(server, waits, max_tokens=3)
    embedder.embed(["one two three four", "", " \n", "caf\udce9"])
    assert server.requests[-1]["input"] == ["one two three ", ".", ".", "caf?"]


def test_model_and_key_are_sent_and_no_more(server: EmbeddingsServer, waits: list[float]) -> None:
    """A request has what every such server knows; the key is in its header alone."""
    adapter(server, waits, api_key=KEY).embed(["a"])
    assert set(server.paths) == {"/v1/embeddings"}
    assert all(request.keys() == {"model", "input"} and request["model"] == "tester" for request in server.requests)
    assert {headers["authorization"] for headers in server.headers} == {f"Bearer {KEY}"}


def test_no_key_is_sent_where_there_is_none(server: EmbeddingsServer, waits: list[float]) -> None:
    """A local server needs none."""
    adapter(server, waits).embed(["a"])
    assert not any("authorization" in headers for headers in server.headers)


def test_neither_texts_nor_key_are_logged(server: EmbeddingsServer, waits: list[float], caplog: pytest.LogCaptureFixture) -> None:
    """Not by us at any level, and not in the error, though the server repeats both."""
    server.script = lambda server, request: (500, json.dumps({"error": [server.headers[-1], request]}).encode())
    with caplog.at_level(logging.DEBUG), caplog.at_level(logging.DEBUG, "service"), pytest.raises(ModelUnavailable) as raised:
        adapter(server, waits, api_key=KEY).embed([SECRET])
    assert "failed" in caplog.text
    assert not any(word in caplog.text + str(raised.value) + repr(raised.value) for word in (KEY, SECRET))


def test_examine_tells_name_address_and_width(server: EmbeddingsServer, waits: list[float]) -> None:
    """It asks each time: a server that went down since is noticed."""
    embedder = adapter(server, waits)
    assert embedder.examine() == f"tester answers at {server.url}/embeddings, 48 dimensions"
    server.script = first(100, 500)
    with pytest.raises(ModelUnavailable):
        embedder.examine()


def test_nothing_is_sent_before_the_first_use(server: EmbeddingsServer, waits: list[float]) -> None:
    """Building, counting tokens and the limits need no server; the width is asked once."""
    embedder = adapter(server, waits, languages=frozenset({"de"}))
    assert (embedder.max_tokens, embedder.languages, embedder.token_starts(["ab cd"])) == (254, {"de"}, [[0, 3]])
    assert server.requests == []
    assert (embedder.dimension, embedder.dimension) == (48, 48)
    assert len(server.requests) == 1


# ── the fingerprint ──────────────────────────────────────────────────────────


class Noisy(HashingEmbedder):
    """Another kernel, half precision: every number a little off. Or another model, where `turned`."""

    noise, turned = 0.0, False

    def embed(self, texts: Any) -> Any:
        rows = super().embed(texts)
        rows = rows[:, ::-1] if self.turned else rows
        return rows + self.noise * np.random.default_rng(7).standard_normal(rows.shape).astype(np.float32) / np.sqrt(rows.shape[1])


def test_noise_does_not_change_a_remembered_fingerprint(server: EmbeddingsServer, waits: list[float], tmp_path: Path) -> None:
    """A cosine of some 0.995 to the vector of before is the same model still, in this process and the next."""
    server.embedder = Noisy(48)
    before = adapter(server, waits, memory=ProbeMemory(tmp_path)).fingerprint
    server.embedder.noise = 0.1
    assert adapter(server, waits, memory=ProbeMemory(tmp_path)).fingerprint == before
    assert before.startswith("tester-48-")


def test_a_swapped_model_has_another_fingerprint(server: EmbeddingsServer, waits: list[float], tmp_path: Path) -> None:
    """Same name, same width, other vectors; and the first one is known again when it comes back."""
    server.embedder = Noisy(48)
    before = adapter(server, waits, memory=ProbeMemory(tmp_path)).fingerprint
    server.embedder.turned = True
    assert adapter(server, waits, memory=ProbeMemory(tmp_path)).fingerprint != before
    server.embedder.turned = False
    assert adapter(server, waits, memory=ProbeMemory(tmp_path)).fingerprint == before


def test_the_fingerprint_survives_a_lost_memory(server: EmbeddingsServer, waits: list[float], tmp_path: Path) -> None:
    """Float noise changes none of the signs it is made of, whether nothing was remembered or the file is damaged."""
    server.embedder = Noisy(48)
    before = adapter(server, waits, memory=ProbeMemory(tmp_path)).fingerprint
    server.embedder.noise = 1e-6
    assert adapter(server, waits).fingerprint == before
    for wrong in ("{", "[]", '["a"]', "[0, 0]", "[NaN]", "\ud800".encode("utf-8", "surrogatepass").decode("latin-1")):
        [file] = tmp_path.iterdir()
        file.write_text(wrong, encoding="utf-8")
        assert adapter(server, waits, memory=ProbeMemory(tmp_path)).fingerprint == before


def test_a_memory_that_cannot_be_kept_is_done_without(server: EmbeddingsServer, waits: list[float], tmp_path: Path) -> None:
    """A file where its folder should be."""
    (tmp_path / "taken").touch()
    assert adapter(server, waits, memory=ProbeMemory(tmp_path / "taken")).fingerprint.startswith("tester-48-")


# ── the settings ─────────────────────────────────────────────────────────────


def build(**more: Any) -> Any:
    """The embedder of these settings."""
    return build_embedder(Settings(_env_file=None, **more))  # type: ignore[call-arg]


def test_the_settings_name_a_server(server: EmbeddingsServer, tmp_path: Path) -> None:
    """Its model may be called as one of the catalogue: the address decides."""
    told = {"embedding_api_key": KEY, "embedding_max_tokens": 100, "embedding_languages": ["en", "de"]}
    embedder = build(embedding_url=server.url, embedding_model="all-MiniLM-L6-v2", cache_dir=tmp_path, **told)
    assert isinstance(embedder, EmbeddingServer)
    assert (embedder.max_tokens, embedder.languages) == (100, {"en", "de"})
    assert embedder.fingerprint.startswith("all-MiniLM-L6-v2-48-")
    assert server.headers[-1]["authorization"] == f"Bearer {KEY}"
    assert list((tmp_path / "embedding-servers").iterdir())


def test_a_server_serves_every_language_unless_told(server: EmbeddingsServer) -> None:
    """Even where its model is called as the one of the catalogue that serves English: it may be another."""
    assert build(embedding_url=server.url).languages is None
    assert build(embedding_url=server.url, embedding_languages=["*"]).languages is None


@pytest.mark.parametrize(
    ("url", "asked"),
    [("", "/v1"), ("/", "/v1"), ("/v1/", "/v1"), ("/v1/embeddings", "/v1"), ("/api/v3", "/api/v3")],
)
def test_an_address_may_be_written_in_several_ways(server: EmbeddingsServer, url: str, asked: str) -> None:
    """With or without `/v1` and `/embeddings`."""
    assert build(embedding_url=server.url.removesuffix("/v1") + url).dimension == 48
    assert server.paths == [f"{asked}/embeddings"]


@pytest.mark.parametrize("url", ["localhost:8000", "ftp://a.example", "http://", "http://[", "http://a.example:0", "http://a.example?x=1", "file:///a"])
def test_what_is_no_address_is_refused(url: str) -> None:
    """At start, naming the setting."""
    with pytest.raises(SettingsError, match="DATELINE_EMBEDDING_URL"):
        build(embedding_url=url)


def test_a_key_in_the_address_is_refused_without_repeating_it() -> None:
    """It would be shown wherever the address is."""
    with pytest.raises(SettingsError, match="DATELINE_EMBEDDING_API_KEY") as raised:
        build(embedding_url=f"http://me:{KEY}@a.example/v1")
    assert KEY not in str(raised.value)


@pytest.mark.parametrize("key", ["with space", "ключ", "line\nbreak"])
def test_a_key_that_fits_no_header_is_refused(key: str) -> None:
    """It would be an error in the middle of an ingest otherwise."""
    with pytest.raises(DatelineError, match="DATELINE_EMBEDDING_API_KEY"):
        build(embedding_url="http://a.example/v1", embedding_api_key=key)
