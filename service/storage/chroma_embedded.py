"""Embedded Chroma as it is spoken to: one folder, one collection of ids and vectors, written in small batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from service.ports import Vectors
from service.storage.chroma import batches, chroma_settings, names_embedding_function, similarities

if TYPE_CHECKING:
    from chromadb.api import ClientAPI

BATCH = 250
"""Rows a write: Chroma holds the interpreter's lock while it writes, some 100 ms for so many."""
_COLLECTION = "passages"


class EmbeddedChroma:
    """Every method but `connect` and `disconnect` wants it connected; all raise Chroma's own many errors, which have no common root."""

    def __init__(self, path: Path, graph: Mapping[str, str | int]) -> None:
        self._path = path
        self._graph = dict(graph)
        self.client: ClientAPI | None = None
        self.collection: Any = None

    def connect(self) -> None:
        """Open the folder, which is made where it is not there."""
        import chromadb

        self._path.mkdir(mode=0o700, exist_ok=True)  # Chroma's own files are readable for everybody
        self.client = chromadb.PersistentClient(str(self._path), chroma_settings())
        self.collection = self.client.get_or_create_collection(
            _COLLECTION,
            configuration={"hnsw": self._graph},  # type: ignore[arg-type]
            embedding_function=None,
        )

    def disconnect(self) -> None:
        """Let every file go; nothing to do where none is open."""
        from chromadb.api.shared_system_client import SharedSystemClient

        client, self.client = self.client, None
        try:
            if client is not None:
                client.close()  # type: ignore[attr-defined]
        finally:  # Chroma keeps what it has opened by path, even where opening failed half-way
            SharedSystemClient._identifier_to_system.pop(str(self._path), None)
            SharedSystemClient._identifier_to_refcount.pop(str(self._path), None)

    @property
    def embeds(self) -> bool:
        """Whether it names an embedding function: somebody else has made it."""
        model = self.collection._model
        return names_embedding_function([model.configuration_json, model.serialized_schema])

    def count(self) -> int:
        """Vectors in it."""
        return int(self.collection.count())

    def query(self, vector: Vectors, k: int) -> list[tuple[str, float]]:
        """At most k ids with their cosine similarity, best first."""
        vectors = [np.asarray(vector, dtype=np.float32)]
        return similarities(self.collection.query(query_embeddings=vectors, n_results=k, include=["distances"]))

    def stored(self, ids: Sequence[str]) -> dict[str, Vectors]:
        """The vectors that it holds for these ids, each `(dimension,)`; those that are not there are absent."""
        found: dict[str, Vectors] = {}
        for rows in batches(len(ids), BATCH):
            held = self.collection.get(ids=list(ids[rows]), include=["embeddings"])
            found |= dict(zip(held["ids"], np.asarray(held["embeddings"], dtype=np.float32), strict=True))
        return found

    def upsert(self, ids: Sequence[str], vectors: Vectors) -> None:
        """Where it fails, some rows may be written, or be written later."""
        for rows in batches(len(ids), BATCH):
            self.collection.upsert(ids=list(ids[rows]), embeddings=np.asarray(vectors[rows], dtype=np.float32))

    def delete(self, ids: Sequence[str]) -> None:
        """Ids that are not there are passed over."""
        for rows in batches(len(ids), BATCH):
            self.collection.delete(ids=list(ids[rows]))
