"""A model that is not the one it should be, or that would run code, is refused before it is read: whether it writes, encodes or judges.

The pickles here are real: whoever unpickles one leaves a file.
"""

import asyncio
import json
import pickle
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from test_nli import labelled, over
from test_reranker import write_model

from service.errors import ModelCorrupt, ModelError, ModelNotFound, ModelUnavailable
from service.models import cross_encoder, encoder_folder
from service.models.catalogue import CATALOGUE, Entry, Kind, ModelFile
from service.models.cross_encoder import LazyCrossEncoder
from service.models.encoder import SentenceEncoder
from service.models.fetch import locate
from service.models.llama_server import LlamaServer
from service.models.nli import NliJudge
from service.models.reranker import CrossEncoderReranker
from service.models.verification import sha256_of

COMMIT = "b" * 40
PICKLED = ["pytorch_model.bin", "model.pkl", "model.pt", "model.pth", "model.ckpt", "weights.pickle", "PYTORCH_MODEL.BIN"]


class Code:
    """Leaves a file where it is unpickled."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.canary,)


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    """Where code that ran would leave its file."""
    return tmp_path / "canary"


@pytest.fixture
def poison(canary: Path) -> bytes:
    """A pickle that shows that it was read; it does so once, so that it is known to."""
    data = pickle.dumps(Code(canary))
    pickle.loads(data)
    assert canary.exists()
    canary.unlink()
    return data


def embed(folder: Path) -> object:
    """As a question does."""
    return SentenceEncoder(folder).embed(["a"])


def rerank(folder: Path) -> object:
    """As a question does."""
    return CrossEncoderReranker("tiny", lambda *, fetch: cross_encoder.safe_folder(folder)).rerank("a", ["b"])


def judge(folder: Path) -> object:
    """As the check of a sentence does, whose errors are only logged."""
    found = NliJudge(str(folder))
    assert asyncio.run(found.odds("the bridge was closed", over("The council closed the bridge on monday"))) is None
    found.examine()
    return found._model.loaded()


def of_the_hub(find: Callable[..., Path], use: Callable[[Path], object], folder: Path) -> object:
    """The same folder as a snapshot in the hub's cache, found by its name."""
    place = folder.parent / "hub" / "models--acme--tiny"
    (place / "refs").mkdir(parents=True)
    (place / "refs" / "main").write_text(COMMIT)
    shutil.copytree(folder, place / "snapshots" / COMMIT)
    return use(find("acme/tiny", fetch=False, cache=place.parent))


USES = {
    "encoder": embed,
    "encoder of the hub": partial(of_the_hub, encoder_folder.hub_folder, embed),
    "reranker": rerank,
    "reranker of the hub": partial(of_the_hub, cross_encoder.hub_folder, rerank),
    "judge": judge,
    "judge of the hub": partial(of_the_hub, partial(cross_encoder.hub_folder, setting="DATELINE_JUDGE"), judge),
}


@pytest.mark.parametrize("name", PICKLED)
@pytest.mark.parametrize("use", USES.values(), ids=USES.keys())
def test_pickled_weights_are_refused_before_they_are_read(
    tmp_path: Path, canary: Path, poison: bytes, use: Callable[[Path], object], name: str
) -> None:
    """By their name alone, from a folder and from the hub: the error comes from looking for the model, not from loading it."""
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    (folder / "modules.json").write_text('[{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"}]')
    (folder / name).write_bytes(poison)
    with pytest.raises(ModelNotFound):
        use(folder)
    assert not canary.exists()


@pytest.mark.parametrize("use", [rerank, judge], ids=["reranker", "judge"])
def test_a_pickle_by_a_safe_name_is_not_unpickled(tmp_path: Path, canary: Path, poison: bytes, use: Callable[[Path], object]) -> None:
    """`model.safetensors` is read as nothing else."""
    folder = labelled(tmp_path / "model", "entailment")
    (folder / "model.safetensors").write_bytes(poison)
    with pytest.raises(ModelUnavailable):
        use(folder)
    assert not canary.exists()


@pytest.mark.parametrize("use", [rerank, judge, embed], ids=["reranker", "judge", "encoder"])
@pytest.mark.parametrize("how", ["module", "auto_map"])
def test_code_in_a_models_folder_is_not_run(tmp_path: Path, canary: Path, use: Callable[[Path], object], how: str) -> None:
    """Neither a module that `modules.json` names nor a class that `config.json` maps to; nobody is asked whether to trust it."""
    folder = labelled(tmp_path / "model", "entailment")
    (folder / "evil.py").write_text(f"import pathlib\npathlib.Path({str(canary)!r}).touch()\nclass Evil: pass\n")
    kind = "evil.Evil" if how == "module" else "sentence_transformers.models.Transformer"
    if how == "module" or use is embed:
        (folder / "modules.json").write_text(json.dumps([{"idx": 0, "name": "0", "path": "", "type": kind}]))
        saved_by = "SentenceTransformer" if use is embed else "CrossEncoder"
        (folder / "config_sentence_transformers.json").write_text(json.dumps({"model_type": saved_by}))
    if how == "auto_map":
        config = json.loads((folder / "config.json").read_text()) | {"model_type": "evil", "auto_map": {
            "AutoConfig": "evil.Evil", "AutoModel": "evil.Evil", "AutoModelForSequenceClassification": "evil.Evil"}}  # fmt: skip
        (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError):
        use(folder)
    assert not canary.exists()


# ── the catalogue's models ───────────────────────────────────────────────────


def sparse(folder: Path, entry: Entry) -> Path:
    """Files of the catalogue's names and sizes, of other bytes, that take no room."""
    for file in entry.files:
        path = folder / entry.name / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as stream:
            stream.truncate(file.size)
    return folder


SMALL = [entry for entry in CATALOGUE if entry.size < 200_000_000]


@pytest.mark.parametrize("entry", SMALL, ids=lambda entry: entry.name)
def test_other_bytes_of_the_right_size_are_refused(tmp_path: Path, entry: Entry) -> None:
    """An encoder and a language model of the catalogue: the hash is told, and no process was started."""
    models = sparse(tmp_path, entry)
    if entry.kind is Kind.ENCODER:
        with pytest.raises(ModelCorrupt, match=f"SHA-256: expected {entry.weights.sha256}"):
            SentenceEncoder.of(entry, models).embed(["a"])
    else:
        server = LlamaServer(lambda: locate(entry, models) / entry.weights.path)
        with pytest.raises(ModelCorrupt, match=f"SHA-256: expected {entry.weights.sha256}"):
            server.start()
        assert server.pid is None


def test_one_bit_is_enough(tmp_path: Path) -> None:
    """Each of 256 single bits of a small model, at all depths of it, is noticed; with its bit back, the model is found again."""
    write_model(tmp_path / "toy")
    weights = tmp_path / "toy" / "model.safetensors"
    good = weights.read_bytes()
    entry = Entry(name="toy", kind=Kind.ENCODER, repository="acme/toy", revision=COMMIT, licence="none",
                  files=(ModelFile("model.safetensors", len(good), sha256_of(weights)),))  # fmt: skip
    assert locate(entry, tmp_path) == tmp_path / "toy"
    for number in range(256):
        bad = bytearray(good)
        bad[number * len(good) // 256] ^= 1 << number % 8
        weights.write_bytes(bad)
        with pytest.raises(ModelCorrupt, match="SHA-256"):
            locate(entry, tmp_path)
    weights.write_bytes(good)
    assert locate(entry, tmp_path) == tmp_path / "toy"


def test_a_pickle_is_no_language_model(tmp_path: Path, canary: Path, poison: bytes) -> None:
    """By its first bytes, whatever it is called; no process was started for it."""
    path = tmp_path / "model.gguf"
    path.write_bytes(poison)
    server = LlamaServer(lambda: path)
    with pytest.raises(ModelCorrupt, match="not a GGUF file"):
        server.start()
    assert server.pid is None
    assert not canary.exists()


def test_a_cross_encoder_is_looked_at_before_it_is_loaded(tmp_path: Path) -> None:
    """One that was swapped for a pickle between two starts is refused at the second."""
    folder = labelled(tmp_path / "model", "entailment")
    assert rerank(folder)
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    again = LazyCrossEncoder("reranker", "tiny", lambda *, fetch: cross_encoder.safe_folder(folder), lambda model: "")
    with pytest.raises(ModelNotFound, match=r"pytorch_model\.bin"):
        again.loaded()
