"""What every embedder does: the hashing one, the cache of vectors, a server on loopback and, where its weights lie here, a real one."""

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from platformdirs import user_cache_path

from service.errors import ModelCorrupt, ModelError, ModelNotFound
from service.models.catalogue import DEFAULT_ENCODER
from service.models.embedders import build_embedder
from service.models.embedding_server import EmbeddingServer
from service.models.encoder import SentenceEncoder
from service.models.fetch import folder_of, installed
from service.models.hashing import HashingEmbedder
from service.models.prefixes import NONE, ToldPrefixes
from service.models.token_batches import TEXTS as BATCH
from service.models.vector_cache import VectorCache
from service.ports import Embedder
from service.settings import Settings
from tests.embedding_server import running

MODELS = user_cache_path("dateline") / "models"
TOLD = ToldPrefixes("query: ", "passage: ")
TEXTS = ["The council closed the bridge.", "Bread is baked from flour.", "The bridge was closed by the council on Monday."]


@pytest.fixture(scope="module")
def real() -> SentenceEncoder:
    """The real encoder, loaded once."""
    if not installed(DEFAULT_ENCODER, MODELS):
        pytest.skip(f"{DEFAULT_ENCODER.name} is not in {MODELS}: run `dateline models fetch {DEFAULT_ENCODER.name}`")
    return SentenceEncoder.of(DEFAULT_ENCODER, MODELS)


@pytest.fixture(params=["hashing", "sentence-transformers", "prefixed", "server", "prefixed server", "cached", "cached without a file"])
def embedder(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Embedder]:
    """Each embedder in turn."""
    if request.param == "hashing":
        yield HashingEmbedder()
    elif request.param == "sentence-transformers":
        yield request.getfixturevalue("real")
    elif request.param == "prefixed":
        request.getfixturevalue("real")
        yield SentenceEncoder.of(DEFAULT_ENCODER, MODELS, prefixes=TOLD)
    elif "server" in request.param:
        with running() as server:
            yield EmbeddingServer(server.url, "tester", prefixes=TOLD.over(NONE) if request.param == "prefixed server" else NONE)
    else:
        place = tmp_path / "folder" / "vectors.sqlite3"
        if request.param == "cached without a file":
            place.parent.touch()  # no folder can be made there
        with VectorCache(HashingEmbedder(), place) as cache:
            yield cache


def test_vectors_are_float32_and_of_length_one(embedder: Embedder) -> None:
    """One row a text, as wide as promised, normalised."""
    vectors = embedder.embed(TEXTS)
    assert vectors.shape == (3, embedder.dimension)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1.0, abs=1e-5)


def test_no_texts_make_no_rows(embedder: Embedder) -> None:
    """Nothing in, an empty array of the right width out."""
    assert embedder.embed([]).shape == (0, embedder.dimension)
    assert embedder.token_starts([]) == []


def test_an_empty_text_has_a_vector(embedder: Embedder) -> None:
    """Even nothing is a unit vector, so that no search divides by zero."""
    assert np.linalg.norm(embedder.embed([""])[0]) == pytest.approx(1.0, abs=1e-5)


def test_rows_keep_the_order_of_the_texts(embedder: Embedder) -> None:
    """Whatever the batches, row i belongs to text i."""
    texts = [" ".join(["word", str(number)] * (1 + number * 7 % 11)) for number in range(2 * BATCH + 3)]
    together = embedder.embed(texts)
    some = range(0, len(texts), 5)
    alone = np.vstack([embedder.embed([texts[row]]) for row in some])
    assert np.einsum("ij,ij->i", together[some], alone).min() > 0.999


def test_the_same_meaning_is_nearer_than_another(embedder: Embedder) -> None:
    """Two sentences on the bridge are nearer to each other than to one on bread."""
    bridge, bread, again = embedder.embed(TEXTS)
    assert bridge @ again > bridge @ bread


def test_a_question_is_nearer_to_its_answer_than_to_another(embedder: Embedder) -> None:
    """Questions and texts lie in one space, whatever words an encoder puts before either."""
    question = embedder.embed_questions(["Who closed the bridge?"])[0]
    assert question.shape == (embedder.dimension,)
    assert np.linalg.norm(question) == pytest.approx(1.0, abs=1e-5)
    bridge, bread, again = embedder.embed(TEXTS) @ question
    assert min(bridge, again) > bread
    assert embedder.embed_questions([]).shape == (0, embedder.dimension)


def test_tokens_start_where_their_words_do(embedder: Embedder) -> None:
    """Starts are code points, ascending, for the whole text however long."""
    text = "😀 Café prices rose."
    starts = embedder.token_starts([text])[0]
    assert starts == sorted(starts)
    assert {text.index("Café"), text.index("prices"), text.index("rose")} <= set(starts)
    assert len(embedder.token_starts(["rain " * 1000])[0]) == 1000


def test_what_lies_beyond_max_tokens_is_not_read(embedder: Embedder) -> None:
    """`max_tokens` is exact: a change in the last token read shows, one in the next token does not."""
    words = ["rain"] * embedder.max_tokens
    base, beyond, within = embedder.embed([" ".join(words), " ".join([*words, "flour"]), " ".join([*words[:-1], "flour"])])
    assert base @ beyond == pytest.approx(1.0, abs=1e-4)
    assert base @ within < base @ beyond


def test_many_threads_get_what_one_gets(embedder: Embedder) -> None:
    """Embedding and counting at once from several threads neither fails nor mixes rows."""
    expected = embedder.embed(TEXTS)
    failures: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(3):
                embedder.token_starts(TEXTS * 4)
                assert np.allclose(embedder.embed(TEXTS), expected, atol=1e-2)
        except BaseException as error:  # noqa: BLE001 - carried to the test's own thread
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_languages_are_codes_or_all(embedder: Embedder) -> None:
    """ISO 639-1 codes of those it serves, or None for all."""
    assert embedder.languages is None or all(len(code) == 2 for code in embedder.languages)


def test_the_fingerprint_stays_the_same(embedder: Embedder) -> None:
    """Whatever was embedded in between."""
    before = embedder.fingerprint
    embedder.embed(TEXTS)
    assert before == embedder.fingerprint
    assert before.strip()


def test_the_fingerprint_names_model_and_weights(real: SentenceEncoder) -> None:
    """The catalogue's encoder and the same folder named by path have one fingerprint."""
    by_path = SentenceEncoder(folder_of(DEFAULT_ENCODER, MODELS))
    assert real.fingerprint == by_path.fingerprint == f"all-MiniLM-L6-v2-{DEFAULT_ENCODER.weights.sha256[:12]}"
    assert (real.dimension, real.max_tokens) == (384, 254)
    assert real.languages == {"en"}
    assert real.examine() == f"all-MiniLM-L6-v2 in {folder_of(DEFAULT_ENCODER, MODELS)}"


def test_prefixes_stand_before_question_and_passage(real: SentenceEncoder) -> None:
    """As if they had been written there, their tokens counted off, and the fingerprint tells that passages have one."""
    prefixed = SentenceEncoder.of(DEFAULT_ENCODER, MODELS, prefixes=TOLD)
    written = real.embed([f"passage: {TEXTS[0]}", f"query: {TEXTS[0]}"])
    assert prefixed.embed(TEXTS[:1])[0] @ written[0] > 0.9999
    assert prefixed.embed_questions(TEXTS[:1])[0] @ written[1] > 0.9999
    assert prefixed.max_tokens == real.max_tokens - 2
    assert prefixed.fingerprint.startswith(f"{real.fingerprint}-")
    asked_only = SentenceEncoder.of(DEFAULT_ENCODER, MODELS, prefixes=ToldPrefixes("query: "))
    assert (asked_only.fingerprint, asked_only.max_tokens) == (real.fingerprint, real.max_tokens)


def test_the_work_counts_real_and_computed_tokens(real: SentenceEncoder) -> None:
    """Each text with its two special tokens, and each batch as wide as its longest text or the next multiple of a tile."""
    before = real.work
    real.embed(["rain " * 300, "rain " * 300, "rain"])
    tokens, padded = real.work.tokens - before.tokens, real.work.padded - before.padded
    assert tokens == 256 + 256 + 3
    assert padded == 3 * 256


def test_an_encoder_that_was_not_fetched_says_how_to_fetch_it(tmp_path: Path) -> None:
    """Building costs nothing; the first use names the command."""
    settings = Settings(_env_file=None, cache_dir=tmp_path)  # type: ignore[call-arg]
    encoder = build_embedder(settings)
    assert encoder.fingerprint.startswith("all-MiniLM-L6-v2-")
    with pytest.raises(ModelNotFound, match="dateline models fetch"):
        encoder.embed(["a"])


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, "modules.json"),
        ({"modules.json": "[]"}, "no weights"),
        ({"modules.json": "[]", "pytorch_model.bin": ""}, "pytorch_model.bin"),
        ({"modules.json": "[]", "model.safetensors": "", "2_Dense/pytorch_model.bin": ""}, "pytorch_model.bin"),
    ],
    ids=["no folder", "no weights", "pickled", "pickled in part"],
)
def test_a_folder_without_safe_weights_is_refused(tmp_path: Path, files: dict[str, str], words: str) -> None:
    """Pickled weights run code when loaded, so they are not loaded."""
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    encoder = build_embedder(Settings(_env_file=None, embedding_model=str(tmp_path)))  # type: ignore[call-arg]
    with pytest.raises(ModelError, match=words):
        encoder.embed(["a"])


def test_a_folder_with_broken_settings_is_corrupt(tmp_path: Path) -> None:
    """A file that is not JSON is named."""
    (tmp_path / "modules.json").write_text("{", encoding="utf-8")
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(ModelCorrupt, match=r"modules\.json"):
        _ = SentenceEncoder(tmp_path).dimension
