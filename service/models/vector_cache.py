"""Vectors by content: what was embedded once with the same weights is not embedded again.

For work that is repeated over the same texts, as the eval does with its corpora. Questions are not kept: their time belongs to the answer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from service.models.cache_file import CacheFile
from service.ports import Embedder, Vectors


class VectorCache:
    """Implements `ports.Embedder` over another one, with a file of vectors by SHA-256 of fingerprint and text.

    A file that cannot be read or written is done without: everything is then embedded anew.
    """

    def __init__(self, embedder: Embedder, path: Path) -> None:
        self._embedder = embedder
        self._file = CacheFile(path)

    @property
    def fingerprint(self) -> str:
        """That of the embedder behind it."""
        return self._embedder.fingerprint

    @property
    def dimension(self) -> int:
        """That of the embedder behind it."""
        return self._embedder.dimension

    @property
    def max_tokens(self) -> int:
        """That of the embedder behind it."""
        return self._embedder.max_tokens

    @property
    def languages(self) -> frozenset[str] | None:
        """Those of the embedder behind it."""
        return self._embedder.languages

    def token_starts(self, texts: Sequence[str]) -> list[list[int]]:
        """Those of the embedder behind it."""
        return self._embedder.token_starts(texts)

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Rows in the order of `texts`, `(n, dimension) float32`. Raises ModelError."""
        keys = [hashlib.sha256(f"{self.fingerprint}\0{text}".encode("utf-8", "surrogatepass")).digest() for text in texts]
        known = self._known(keys)
        new = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
        if new:
            rows = self._embedder.embed(list(new.values()))
            known.update(zip(new, rows, strict=True))
            self._keep({key: known[key] for key in new})
        return np.array([known[key] for key in keys], dtype=np.float32).reshape(len(keys), self.dimension)

    def embed_questions(self, texts: Sequence[str]) -> Vectors:
        """By the embedder behind it, each time anew."""
        return self._embedder.embed_questions(texts)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._file.close()

    def _known(self, keys: Sequence[bytes]) -> dict[bytes, Vectors]:
        found = self._file.get(keys)
        return {key: np.frombuffer(vector, dtype="<f4") for key, vector in found.items() if len(vector) == 4 * self.dimension}

    def _keep(self, vectors: dict[bytes, Vectors]) -> None:
        self._file.put({key: vector.astype("<f4").tobytes() for key, vector in vectors.items()})
