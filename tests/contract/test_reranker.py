"""What every reranker does, run against the fake, a real cross-encoder of a few kilobytes and a server on loopback."""

import json
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from service.errors import ModelCorrupt, ModelError, ModelNotFound, ModelUnavailable
from service.models import reranker as adapters
from service.models.cross_encoder import BATCH, hub_folder, safe_folder
from service.models.reranker import CrossEncoderReranker, HttpReranker, build_reranker
from service.ports import Reranker
from service.settings import Settings
from tests.fakes import WordReranker, word_scores

QUESTION = "Who closed the bridge?"
TEXTS = ["The council closed the bridge.", "Bread is baked from flour.", "The bridge was closed by the council on Monday."]
KEY = "a-secret-key"
PATIENCE = 30.0
"""Seconds after which a test would rather fail than wait."""


@dataclass
class RerankServer:
    """Speaks `/v1/rerank` on loopback. `answer` makes body and status of a request; `released` lets a hanging one go."""

    answer: Callable[[dict[str, Any]], tuple[int, bytes]] = field(default_factory=lambda: well)
    requests: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)
    url: str = ""


def well(request: dict[str, Any]) -> tuple[int, bytes]:
    """The texts by how many of the question's words they hold, best first, as servers send them."""
    scores = word_scores(request["query"], request["documents"])
    results = [{"index": index, "relevance_score": score, "document": {"text": "…"}} for index, score in enumerate(scores)]
    return 200, json.dumps({"id": "1", "results": sorted(results, key=lambda one: -one["relevance_score"])}).encode()


@pytest.fixture
def server() -> Iterator[RerankServer]:
    """The server in a thread, closed afterwards."""
    state = RerankServer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            state.paths.append(self.path)
            state.headers.append({name.lower(): value for name, value in self.headers.items()})
            state.requests.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            status, body = state.answer(state.requests[-1])
            try:
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            except OSError:
                self.close_connection = True  # The other end has left, as it should where the answer takes too long.

        def log_message(self, *args: Any) -> None:
            """Nothing on the terminal."""

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listening.daemon_threads = False  # so that closing waits for the last answer
    state.url = f"http://127.0.0.1:{listening.server_port}"
    thread = threading.Thread(target=listening.serve_forever, args=(0.01,))
    thread.start()
    yield state
    state.released.set()
    listening.shutdown()
    thread.join()
    listening.server_close()


def write_model(folder: Path, *, labels: int = 1) -> Path:
    """A random BERT of one narrow layer with a vocabulary of its own, as transformers saves it."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()
    folder.mkdir(parents=True, exist_ok=True)
    words = "[PAD] [UNK] [CLS] [SEP] [MASK] who closed the bridge ? council . bread is baked from flour was by on monday rain".split()
    (folder / "vocab.txt").write_text("\n".join(words), encoding="utf-8")
    config = BertConfig(
        vocab_size=len(words), hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8, max_position_embeddings=32,
        num_labels=labels, initializer_range=1.0,
    )  # fmt: skip
    torch.manual_seed(1)
    BertForSequenceClassification(config).save_pretrained(folder)
    BertTokenizerFast(str(folder / "vocab.txt")).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model's folder."""
    return write_model(tmp_path_factory.mktemp("models") / "tiny-reranker")


def chosen(name: str, **more: Any) -> Any:
    """The reranker that these settings name."""
    return build_reranker(Settings(_env_file=None, reranker=name, **more))  # type: ignore[call-arg]


@pytest.fixture(params=["fake", "cross-encoder", "http"])
def reranker(request: pytest.FixtureRequest) -> Reranker:
    """Each reranker in turn."""
    if request.param == "fake":
        return WordReranker()
    if request.param == "cross-encoder":
        built: Reranker = chosen(str(request.getfixturevalue("folder")))
        return built
    return HttpReranker(request.getfixturevalue("server").url, timeout=PATIENCE)


# ── the contract ─────────────────────────────────────────────────────────────


def test_each_text_has_its_score(reranker: Reranker) -> None:
    """One float a text; the bridge and the bread differ."""
    scores = reranker.rerank(QUESTION, TEXTS)
    assert [type(score) for score in scores] == [float] * 3
    assert scores[0] != scores[1]


def test_scores_stand_in_the_order_of_the_texts(reranker: Reranker) -> None:
    """Whatever the batches and the order of the answer, score i belongs to text i."""
    texts = [" ".join(TEXTS[number % 3].split()[: 1 + number % 5]) for number in range(2 * BATCH + 3)]
    together = reranker.rerank(QUESTION, texts)
    alone = [reranker.rerank(QUESTION, [text])[0] for text in texts]
    assert together == pytest.approx(alone, abs=1e-4)
    assert reranker.rerank(QUESTION, texts[::-1]) == pytest.approx(together[::-1], abs=1e-4)


def test_the_question_counts(reranker: Reranker) -> None:
    """Another question, other scores."""
    assert reranker.rerank(QUESTION, TEXTS) != pytest.approx(reranker.rerank("Bread from flour?", TEXTS), abs=1e-4)


def test_no_texts_have_no_scores(reranker: Reranker) -> None:
    """Nothing in, nothing out."""
    assert reranker.rerank(QUESTION, []) == []


def test_empty_and_endless_texts_have_scores(reranker: Reranker) -> None:
    """What a model cannot read is cut off."""
    assert len(reranker.rerank(QUESTION, ["", "rain " * 5000, "😀"])) == 3


def test_many_threads_get_what_one_gets(reranker: Reranker) -> None:
    """Reranking at once from several threads neither fails nor mixes scores, the first use included."""
    failures: list[BaseException] = []
    found: list[list[float]] = []

    def work() -> None:
        try:
            found.extend(reranker.rerank(QUESTION, TEXTS) for _ in range(3))
        except BaseException as error:  # noqa: BLE001 - carried to the test's own thread
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(found) == 12
    expected = reranker.rerank(QUESTION, TEXTS)
    assert all(scores == pytest.approx(expected, abs=1e-4) for scores in found)


def test_the_settings_name_it(folder: Path) -> None:
    """Nothing, a folder, a name on the hub, an address with and without a model; nothing is loaded or sent."""
    assert chosen("") is None
    assert chosen(str(folder)).name == "tiny-reranker"
    assert chosen("cross-encoder/ms-marco-MiniLM-L6-v2").name == "cross-encoder/ms-marco-MiniLM-L6-v2"
    assert chosen("http://127.0.0.1:9").name == "127.0.0.1:9"
    assert chosen("https://rerank.example/", reranker_model="tiny").name == "tiny"


# ── the cross-encoder ────────────────────────────────────────────────────────


def test_a_model_is_looked_for_and_loaded_once(folder: Path) -> None:
    """Its name and folder are known without loading it."""
    looks: list[bool] = []

    def find(*, fetch: bool) -> Path:
        looks.append(fetch)
        return safe_folder(folder)

    encoder = CrossEncoderReranker("tiny", find, batch=2)
    assert encoder.examine() == f"tiny in {folder}"
    for _ in range(3):
        encoder.rerank(QUESTION, TEXTS)
    assert looks == [False, True]


def test_scores_are_logits(folder: Path) -> None:
    """The model's last layer as it is: a sigmoid would push the best together until they are equal."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    model, tokenizer = AutoModelForSequenceClassification.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    with torch.inference_mode():
        logits = model(**tokenizer([QUESTION] * 3, TEXTS, padding=True, return_tensors="pt")).logits[:, 0].tolist()
    assert chosen(str(folder)).rerank(QUESTION, TEXTS) == pytest.approx(logits, abs=1e-4)


def test_a_model_that_cannot_be_loaded_is_not_tried_at_every_question() -> None:
    """The same error at once for a minute; then it is looked for again."""
    looks, clock = [0], [100.0]

    def find(*, fetch: bool) -> Path:
        looks[0] += 1
        raise ModelNotFound("it is not here")

    encoder = CrossEncoderReranker("tiny", find, clock=lambda: clock[0])
    for now, looked in [(100.0, 1), (101.0, 1), (159.0, 1), (161.0, 2)]:
        clock[0] = now
        with pytest.raises(ModelNotFound, match="it is not here"):
            encoder.rerank(QUESTION, TEXTS)
        assert looks == [looked]


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, r"no config\.json.*DATELINE_RERANKER"),
        ({"config.json": "{}"}, "no weights"),
        ({"config.json": "{}", "pytorch_model.bin": ""}, r"pytorch_model\.bin.*run code"),
        (
            {"config.json": "{}", "model.safetensors": "", "modules.json": '[{"path": ""}, {"path": "1"}]', "1/pytorch_model.bin": ""},
            r"pytorch_model\.bin.*run code",
        ),
    ],
    ids=["no folder", "no weights", "pickled", "pickled in part"],
)
def test_a_folder_without_safe_weights_is_refused(tmp_path: Path, files: dict[str, str], words: str) -> None:
    """Pickled weights run code when loaded, so they are not loaded; what the doctor says is what a question meets."""
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    for use in (chosen(str(tmp_path)).examine, lambda: chosen(str(tmp_path)).rerank(QUESTION, TEXTS)):
        with pytest.raises(ModelNotFound, match=words):
            use()


def test_what_is_not_loaded_may_lie_beside_the_weights(tmp_path: Path) -> None:
    """Repositories also hold the model for other runtimes, in files and folders that are not read."""
    for name in ("config.json", "model.safetensors", "pytorch_model.bin", "openvino/openvino_model.bin"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert safe_folder(tmp_path) == tmp_path


@pytest.mark.parametrize("listed", ["{", '[{"type": "x"}]', "[1]"])
def test_a_folder_with_a_broken_list_of_modules_is_corrupt(tmp_path: Path, listed: str) -> None:
    """The file is named."""
    (tmp_path / "config.json").touch()
    (tmp_path / "modules.json").write_text(listed, encoding="utf-8")
    with pytest.raises(ModelCorrupt, match=r"modules\.json"):
        safe_folder(tmp_path)


def test_broken_weights_are_an_error_of_ours(tmp_path: Path) -> None:
    """Bytes that are no safetensors."""
    write_model(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"no weights at all")
    with pytest.raises(ModelUnavailable, match="cannot be loaded"):
        chosen(str(tmp_path)).rerank(QUESTION, TEXTS)


def test_a_classifier_is_no_reranker(tmp_path: Path) -> None:
    """Three scores a text, as of entailment, have no order."""
    with pytest.raises(ModelError, match="3 scores a text"):
        chosen(str(write_model(tmp_path, labels=3))).rerank(QUESTION, TEXTS)


def test_weights_that_give_no_number_are_an_error(tmp_path: Path) -> None:
    """NaN has no place in an order."""
    import torch
    from safetensors.torch import load_file, save_file

    weights = load_file(write_model(tmp_path) / "model.safetensors")
    weights["classifier.bias"] = torch.tensor([float("nan")])
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match="no number"):
        chosen(str(tmp_path)).rerank(QUESTION, TEXTS)


def test_a_name_on_the_hub_is_found_in_its_cache(folder: Path, tmp_path: Path) -> None:
    """What was fetched once needs no network."""
    place = tmp_path / "models--acme--tiny"
    (place / "refs").mkdir(parents=True)
    (place / "refs" / "main").write_text("a" * 40)
    (place / "snapshots").mkdir()
    (place / "snapshots" / ("a" * 40)).symlink_to(folder)
    found = hub_folder("acme/tiny", fetch=False, cache=tmp_path)
    assert len(CrossEncoderReranker("acme/tiny", lambda *, fetch: found).rerank(QUESTION, TEXTS)) == 3


def test_a_name_that_is_not_here_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing may be fetched, the hub is switched off, it cannot be reached, it cannot be a name: each says so."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    cases = [(False, False, "not on this machine"), (True, True, "not on this machine"), (True, False, "no connection")]
    for fetch, offline, words in cases:
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", offline)
        with pytest.raises(ModelNotFound, match=f"{words}.*hf download acme/tiny.*DATELINE_RERANKER"):
            hub_folder("acme/tiny", fetch=fetch, cache=tmp_path)
    with pytest.raises(ModelNotFound, match="neither a folder nor a name"):
        hub_folder("a..b/tiny", cache=tmp_path)


# ── the server ───────────────────────────────────────────────────────────────


@pytest.mark.parametrize("path", ["", "/", "/v1", "/v1/", "/v1/rerank"])
def test_the_server_is_asked_plainly(server: RerankServer, path: str) -> None:
    """Question, texts, as many scores as texts, the model and the key; the address with or without `/v1`."""
    HttpReranker(server.url + path, model="tiny", api_key=KEY, timeout=PATIENCE).rerank(QUESTION, TEXTS)
    assert server.requests == [{"model": "tiny", "query": QUESTION, "documents": TEXTS, "top_n": 3}]
    assert server.paths == ["/v1/rerank"]
    assert server.headers[0]["authorization"] == f"Bearer {KEY}"


def test_a_server_without_a_name_for_its_model_or_a_key_gets_neither(server: RerankServer) -> None:
    """The fields are left out, not empty."""
    HttpReranker(server.url, timeout=PATIENCE).rerank(QUESTION, TEXTS)
    assert server.requests[0].keys() == {"query", "documents", "top_n"}
    assert "authorization" not in server.headers[0]


def test_the_doctor_asks_the_server(server: RerankServer) -> None:
    """The answer is that it answers, and where."""
    assert HttpReranker(server.url, timeout=PATIENCE).examine() == f"{server.url.removeprefix('http://')} answers at {server.url}/v1/rerank"


def ranking(*results: tuple[object, object]) -> bytes:
    """A body with these indexes and scores."""
    return json.dumps({"results": [{"index": index, "relevance_score": score} for index, score in results]}).encode()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"<html>", "Invalid JSON"),
        (b"", "Invalid JSON"),
        (b'{"results": ', "Invalid JSON"),
        (b"\xff\xfe", "makes no sense"),
        (b"[]", "makes no sense"),
        (b'{"data": []}', "results: Field required"),
        (ranking((0, 0.5), (1, 0.5)), "2 scores for 3 texts"),
        (ranking((0, 0.5), (1, 0.5), (2, 0.5), (3, 0.5)), "4 scores for 3 texts"),
        (ranking((0, 0.5), (1, 0.5), (1, 0.4)), "two scores for one text"),
        (ranking((0, 0.5), (1, 0.5), (3, 0.4)), "index 3 of 3 texts"),
        (ranking((-1, 0.5), (1, 0.5), (2, 0.4)), "results.0.index"),
        (ranking((0, 0.5), (True, 0.5), (2, 0.4)), "results.1.index"),
        (ranking((0, 0.5), ("1", 0.5), (2, 0.4)), "results.1.index"),
        (ranking((0, 0.5), (1, float("nan")), (2, 0.4)), "results.1.relevance_score"),
        (ranking((0, 0.5), (1, float("inf")), (2, 0.4)), "results.1.relevance_score"),
        (ranking((0, 0.5), (1, None), (2, 0.4)), "results.1.relevance_score"),
        (b" " * (adapters.LONGEST_ANSWER + 1), "too long"),
    ],
)
def test_an_answer_that_makes_no_sense_is_an_error_that_says_why(server: RerankServer, body: bytes, words: str) -> None:
    """Garbage, missing, doubled and unknown texts, scores that are no numbers."""
    server.answer = lambda request: (200, body)
    with pytest.raises(ModelError, match=words) as caught:
        HttpReranker(server.url, timeout=PATIENCE).rerank(QUESTION, TEXTS)
    assert not isinstance(caught.value, ModelUnavailable)


def test_a_whole_number_is_a_score(server: RerankServer) -> None:
    """JSON knows one kind of number."""
    server.answer = lambda request: (200, ranking((2, 3), (0, -1), (1, 0)))
    assert HttpReranker(server.url, timeout=PATIENCE).rerank(QUESTION, TEXTS) == [-1.0, 0.0, 3.0]


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (500, ModelUnavailable, "status 500"),
        (503, ModelUnavailable, "status 503"),
        (429, ModelUnavailable, "status 429"),
        (401, ModelError, "DATELINE_RERANKER_API_KEY"),
        (404, ModelError, "DATELINE_RERANKER_MODEL"),
        (400, ModelError, "status 400"),
        (307, ModelError, "status 307"),
    ],
)
def test_a_refusal_says_what_to_do_and_repeats_nothing(
    server: RerankServer, status: int, kind: type[ModelError], words: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither key nor question, which servers like to send back, is in the error or in any log."""
    caplog.set_level(logging.DEBUG)
    server.answer = lambda request: (status, json.dumps({"detail": [request, KEY]}).encode())
    with pytest.raises(kind, match=words) as caught:
        HttpReranker(server.url, api_key=KEY, timeout=PATIENCE).rerank(QUESTION, TEXTS)
    assert type(caught.value) is kind
    for secret in (KEY, "closed the bridge"):
        assert secret not in str(caught.value)
        assert secret not in caplog.text


def test_a_server_that_hangs_is_left(server: RerankServer) -> None:
    """No answer in time is ModelUnavailable."""

    def hang(request: dict[str, Any]) -> tuple[int, bytes]:
        server.released.wait(PATIENCE)
        return well(request)

    server.answer = hang
    with pytest.raises(ModelUnavailable, match=r"within 0\.2 seconds"):
        HttpReranker(server.url, timeout=0.2).rerank(QUESTION, TEXTS)


def test_a_server_that_answers_for_ever_is_left() -> None:
    """Bytes that keep coming, each in time, do not prolong the time a question has."""
    listening = socket.create_server(("127.0.0.1", 0))
    left = threading.Event()

    def drip() -> None:
        connection, _ = listening.accept()
        with connection:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
            try:
                while not left.wait(0.02):
                    connection.sendall(b" ")
            except OSError:
                return

    thread = threading.Thread(target=drip)
    thread.start()
    try:
        with pytest.raises(ModelUnavailable, match=r"within 0\.3 seconds"):
            HttpReranker(f"http://127.0.0.1:{listening.getsockname()[1]}", timeout=0.3).rerank(QUESTION, TEXTS)
    finally:
        left.set()
        thread.join()
        listening.close()


def test_a_server_that_is_not_there_is_unavailable() -> None:
    """A closed port."""
    with socket.create_server(("127.0.0.1", 0)) as once:
        port = once.getsockname()[1]
    with pytest.raises(ModelUnavailable, match="no connection"):
        HttpReranker(f"http://127.0.0.1:{port}", timeout=PATIENCE).rerank(QUESTION, TEXTS)
