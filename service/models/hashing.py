"""An embedder without weights, for tests: deterministic, instant, and close enough to meaning that shared words mean shared direction."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

import numpy as np

from service.ports import Vectors

_WORD = re.compile(r"\w+|[^\w\s]")


class HashingEmbedder:
    """Bag of words by feature hashing (Weinberger et al., 2009): each word adds a signed one to one of the dimensions.

    Not for use on a real archive. A token is a run of word characters or one other character.
    """

    def __init__(self, dimension: int = 64, max_tokens: int = 254, languages: frozenset[str] | None = None) -> None:
        self._dimension = dimension
        self._max_tokens = max_tokens
        self._languages = languages

    @property
    def fingerprint(self) -> str:
        """`hashing-64`, with the dimension."""
        return f"hashing-{self._dimension}"

    @property
    def dimension(self) -> int:
        """64, unless told otherwise."""
        return self._dimension

    @property
    def max_tokens(self) -> int:
        """254 like the real one, unless told otherwise."""
        return self._max_tokens

    @property
    def languages(self) -> frozenset[str] | None:
        """All, unless told otherwise."""
        return self._languages

    def embed(self, texts: Sequence[str]) -> Vectors:
        """`(n, dimension) float32`, L2-normalised. A text without words gets the first axis."""
        rows = np.zeros((len(texts), self._dimension), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            for word in _WORD.findall(text.casefold())[: self._max_tokens]:
                digest = hashlib.blake2b(word.encode(), digest_size=8).digest()
                row[int.from_bytes(digest[:4], "little") % self._dimension] += 1.0 if digest[4] & 1 else -1.0
            if not row.any():
                row[0] = 1.0
            row /= np.linalg.norm(row)
        return rows

    def embed_questions(self, texts: Sequence[str]) -> Vectors:
        """The same."""
        return self.embed(texts)

    def examine(self) -> str:
        """That it is there."""
        return self.fingerprint

    def token_starts(self, texts: Sequence[str]) -> list[list[int]]:
        """The character at which each token starts."""
        return [[match.start() for match in _WORD.finditer(text)] for text in texts]
