"""Vectors by content: what was embedded once with the same weights is not embedded again.

For work that is repeated over the same texts, as the eval does with its corpora. A question is not to be embedded through it:
its time belongs to the answer.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from service.ports import Embedder, Vectors

LOOKED_UP = 500
"""Keys a statement; SQLite takes 32,766."""


class VectorCache:
    """Implements `ports.Embedder` over another one, with a file of vectors by SHA-256 of fingerprint and text.

    A file that cannot be read or written is done without: everything is then embedded anew.
    """

    def __init__(self, embedder: Embedder, path: Path) -> None:
        self._embedder = embedder
        self._connection = _connect(path)

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

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._connection.close()

    def _known(self, keys: Sequence[bytes]) -> dict[bytes, Vectors]:
        found: dict[bytes, Vectors] = {}
        for start in range(0, len(keys), LOOKED_UP):
            part = keys[start : start + LOOKED_UP]
            try:
                marks = ",".join("?" * len(part))
                rows = self._connection.execute(f"SELECT key, vector FROM vectors WHERE key IN ({marks})", part).fetchall()  # noqa: S608
            except sqlite3.Error:
                return found
            found.update((key, np.frombuffer(vector, dtype="<f4")) for key, vector in rows if len(vector) == 4 * self.dimension)
        return found

    def _keep(self, vectors: dict[bytes, Vectors]) -> None:
        rows = [(key, vector.astype("<f4").tobytes()) for key, vector in vectors.items()]
        try:
            with self._connection:
                self._connection.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?)", rows)
        except sqlite3.Error:
            return  # a full disk costs the next run its time, and this one nothing


def _connect(path: Path) -> sqlite3.Connection:
    """The file's connection; one in memory where the file cannot be used."""
    for place in (path, None):
        try:
            if place:
                place.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(place or ":memory:", timeout=10, check_same_thread=False)
            try:
                connection.execute("PRAGMA journal_mode=WAL")
                connection.execute("PRAGMA synchronous=NORMAL")
                connection.execute("CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, vector BLOB NOT NULL) WITHOUT ROWID")
            except BaseException:
                connection.close()
                raise
        except (OSError, sqlite3.Error):
            continue
        return connection
    raise AssertionError("SQLite cannot open a database in memory")
