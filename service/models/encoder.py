"""The sentence encoder: sentence-transformers on the CPU, from a verified local folder.

Measured on a machine with AVX512-BF16 and AMX that had other work (torch 2.13, all-MiniLM-L6-v2, bfloat16, one thread, 112 news passages
of 230 tokens, four alternating runs, the least processor time of each): how much faster than `SentenceTransformer.encode` as it comes?

    16 a batch, sorted by characters, as it was before      1.00
    4,096 tokens a batch, sorted by tokens                  1.13
    the same, widths rounded up to a multiple of 16         1.17, and 1.14 for 32

On both cores while nothing else ran, such batches made by hand were 1.3 times as fast (320 passages, nine runs), and 1.5 times with
widths rounded up. To tokenize once, rather than to count first and tokenize again, would give 4 % more, for a way around the library.
In float32 rounding up gains nothing (1.12 without, 1.10 with), so it is not done.
The smallest cosine between a bfloat16 vector and its float32 twin was 0.9999 once normalised again; without that its length is 0.9965,
since the model's last layer normalises in bfloat16. So vectors of both precisions share one fingerprint. Torch's own choice of threads,
one a core, was the best.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from service.errors import ModelCorrupt, ModelNotFound, ModelUnavailable, Stopping
from service.models.allocation import keep_pages
from service.models.catalogue import Entry
from service.models.encoder_folder import UNKNOWN, Languages, Unknown, languages_of_card, users_folder
from service.models.fetch import folder_of, locate
from service.models.prefixes import NONE, UNTOLD, Prefixes, ToldPrefixes, prefixes_of_folder
from service.models.token_batches import token_batches
from service.models.verification import sha256_of
from service.ports import Vectors

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from tokenizers import Tokenizer

TILE = 16
"""Rows of a tile of Intel's matrix unit (AMX): a bfloat16 batch whose width is a multiple was 3 to 13 % faster, padding included."""
_PLAIN_MODULES = {"Transformer", "Pooling", "Normalize"}
_log = logging.getLogger(__name__)


def bf16_supported() -> bool:
    """True where the CPU multiplies bfloat16 itself (AVX512-BF16 or AMX); elsewhere bfloat16 is emulated and slower than float32."""
    import torch

    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


@dataclass(frozen=True, slots=True)
class Work:
    """What an encoder has done: tokens of the texts it read, special ones too, and tokens computed, padding included."""

    tokens: int = 0
    padded: int = 0


class SentenceEncoder:
    """`ports.Embedder` over a sentence-transformers folder. Safe to call from any thread; loads on first use."""

    def __init__(
        self, folder: Path, *, name: str | None = None, dtype: str = "auto", fingerprint: str | None = None,
        languages: Languages = UNKNOWN, prefixes: ToldPrefixes = UNTOLD, find: Callable[[], Path] | None = None,
        look: Callable[[], Path] | None = None,
    ) -> None:  # fmt: skip
        """`dtype` is auto, float32 or bfloat16. `find` returns the folder when its files are verified; by default it is the user's own.
        `look` does so without fetching anything.

        `name` is what the fingerprint calls it, by default the folder's. `languages` are those it serves; where they are unknown, the
        folder's model card says; so with `prefixes`, which its settings say.
        """
        self._folder = folder
        self._name = name
        self._dtype = dtype
        self._known_fingerprint = fingerprint
        self._known_languages = languages
        self._told_prefixes = prefixes
        self._find = find or (lambda: users_folder(folder))
        self._look = look or self._find
        self._turns = _Turns()
        self._loading = threading.Lock()
        self._model: SentenceTransformer | None = None
        self._work = Work()
        self._stopped = threading.Event()

    @classmethod
    def of(
        cls, entry: Entry, models_dir: Path, *, dtype: str = "auto", languages: Languages = UNKNOWN,
        prefixes: ToldPrefixes = UNTOLD,
    ) -> SentenceEncoder:  # fmt: skip
        """The encoder of this catalogue entry. Raises ModelNotFound on first use where it was not fetched."""
        name = f"{entry.name}-{entry.weights.sha256[:12]}"
        served = entry.languages if languages is UNKNOWN else languages
        folder = folder_of(entry, models_dir)
        return cls(folder, dtype=dtype, fingerprint=name, languages=served, prefixes=prefixes, find=lambda: locate(entry, models_dir))

    @cached_property
    def fingerprint(self) -> str:
        """The model's name and the first 12 digits of the SHA-256 of its weights; what passages are prefixed with shows behind it."""
        return self._weights + self._prefixes.tag

    @cached_property
    def _weights(self) -> str:
        if self._known_fingerprint:
            return self._known_fingerprint
        weights = sorted(self._verified_folder.rglob("*.safetensors"))
        digests = [sha256_of(path) for path in weights]
        digest = digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()
        return f"{self._name or self._folder.resolve().name}-{digest[:12]}"

    @cached_property
    def dimension(self) -> int:
        """Width of a vector; read from the folder where that is enough, else by loading the model."""
        kinds = {module["type"].rsplit(".", 1)[-1]: module["path"] for module in self._json("modules.json", [])}
        if kinds and kinds.keys() <= _PLAIN_MODULES:
            width = self._json(f"{kinds.get('Pooling', '')}/config.json", {}).get("word_embedding_dimension")
            if isinstance(width, int):
                return width
        return len(self._loaded().encode("width", show_progress_bar=False))

    @cached_property
    def max_tokens(self) -> int:
        """Tokens of a text that are read, special ones and a passage's prefix not counted: 254 for all-MiniLM-L6-v2."""
        prefix = self._tokenizer.encode(self._prefixes.passage, add_special_tokens=False)
        return self._width - self._tokenizer.num_special_tokens_to_add(is_pair=False) - len(prefix)

    @cached_property
    def _width(self) -> int:
        """Tokens that the model reads, special ones too."""
        return int(self._json("sentence_bert_config.json", {}).get("max_seq_length") or self._loaded().get_max_seq_length() or sys.maxsize)

    @cached_property
    def _prefixes(self) -> Prefixes:
        if self._known_fingerprint:  # One of the catalogue: none of them was trained with any.
            return self._told_prefixes.over(NONE)
        return self._told_prefixes.over(prefixes_of_folder(self._verified_folder, self._name or self._folder.resolve().name))

    @cached_property
    def languages(self) -> frozenset[str] | None:
        """As it was told, else as the model card in its folder says (`language:`); None for all. Raises ModelError."""
        return languages_of_card(self._verified_folder) if isinstance(self._known_languages, Unknown) else self._known_languages

    @property
    def work(self) -> Work:
        """What was done since the start."""
        return self._work

    def embed(self, texts: Sequence[str]) -> Vectors:
        """`(n, dimension) float32`, L2-normalised, in the order of `texts`; similar lengths share a batch. Raises ModelError."""
        return self._embed([self._prefixes.passage + text for text in texts])

    def embed_questions(self, texts: Sequence[str]) -> Vectors:
        """The same of what is asked, behind the prefix that the model knows questions by."""
        return self._embed([self._prefixes.question + text for text in texts])

    def stop(self) -> None:
        """Embed nothing more: whoever is in the middle of many texts gets Stopping after the batch at hand."""
        self._stopped.set()

    def _embed(self, texts: Sequence[str]) -> Vectors:
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        if not texts:
            return vectors
        model, special = self._loaded(), self._tokenizer.num_special_tokens_to_add(is_pair=False)
        counted = self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        lengths = [min(len(one) + special, self._width) for one in counted]
        for batch in token_batches(lengths, multiple=self._multiple):
            if self._stopped.is_set():
                raise Stopping("the service is stopping: run the same again when it is back; what was reported as done is kept")
            with self._turns.take():  # One batch uses every core; two at once would only slow each other down.
                vectors[batch.rows] = self._encoded(model, [texts[row] for row in batch.rows])
                self._work = Work(self._work.tokens + sum(lengths[row] for row in batch.rows), self._work.padded + batch.padded)
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        np.divide(vectors, norms, out=vectors, where=norms > 0)
        return vectors

    def _encoded(self, model: SentenceTransformer, texts: list[str]) -> Vectors:
        padding: dict[str, Any] = {"processing_kwargs": {"text": {"pad_to_multiple_of": self._multiple}}} if self._multiple > 1 else {}
        found: Vectors = model.encode(texts, batch_size=len(texts), show_progress_bar=False, convert_to_numpy=True, **padding)
        return found

    @cached_property
    def _multiple(self) -> int:
        """What the width of a batch is rounded up to: TILE in bfloat16, where that cannot exceed what the model reads."""
        model = self._loaded()
        tiled = self._half and type(model[0]).__name__ == "Transformer" and (model.get_max_seq_length() or 1) % TILE == 0
        return TILE if tiled else 1

    @property
    def _half(self) -> bool:
        return self._dtype == "bfloat16" or (self._dtype == "auto" and bf16_supported())

    def examine(self) -> str:
        """Its name and where it lies, without loading or fetching it. Raises ModelError."""
        return f"{self._name or self._folder.name} in {self._look()}"

    def token_starts(self, texts: Sequence[str]) -> list[list[int]]:
        """The character (code point) at which each token of each text starts; special tokens left out, nothing truncated."""
        encodings = self._tokenizer.encode_batch(list(texts), add_special_tokens=False)
        return [[start for start, _ in encoding.offsets] for encoding in encodings]

    @cached_property
    def _verified_folder(self) -> Path:
        return self._find()

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        """A second tokenizer for counting: the file's own settings would truncate at 128 and pad."""
        from tokenizers import Tokenizer

        path = self._verified_folder / "tokenizer.json"
        if not path.is_file():
            raise ModelNotFound(f"{self._folder} has no tokenizer.json: use a folder saved by sentence-transformers with a fast tokenizer")
        tokenizer = Tokenizer.from_file(str(path))
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return tokenizer

    def _json(self, name: str, default: Any) -> Any:
        path = self._verified_folder / name
        try:
            return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else default
        except ValueError as error:
            raise ModelCorrupt(f"{path} is not JSON: {error}") from error

    def _loaded(self) -> SentenceTransformer:
        with self._loading:
            if self._model is None:
                self._model = self._load(self._verified_folder)
            return self._model

    def _load(self, folder: Path) -> SentenceTransformer:
        started = time.monotonic()
        keep_pages()
        import torch
        from sentence_transformers import SentenceTransformer
        from transformers.utils import logging as transformers_logging

        transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        options = {"dtype": torch.bfloat16 if self._half else torch.float32, "use_safetensors": True}
        try:
            model = SentenceTransformer(str(folder), device="cpu", local_files_only=True, trust_remote_code=False, model_kwargs=options)
        except (OSError, ValueError, RuntimeError, KeyError) as error:
            raise ModelUnavailable(f"the encoder in {folder} cannot be loaded: {error}") from error
        _log.info("encoder loaded from %s in %.1f s, %s", folder, time.monotonic() - started, "bfloat16" if self._half else "float32")
        return model


class _Turns:
    """A lock that is taken in order of arrival, near enough: a question gets in between two batches of an ingest."""

    def __init__(self) -> None:
        self._next = threading.Lock()
        self._work = threading.Lock()

    @contextlib.contextmanager
    def take(self) -> Iterator[None]:
        with self._next:
            self._work.acquire()
        try:
            yield
        finally:
            self._work.release()
