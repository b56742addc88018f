"""The vector index in embedded Chroma: ids and vectors only, rebuilt from the archive whenever it is in doubt.

Chroma's HNSW files are not crash-safe: killed while persisting, they can fail to open, lose vectors silently, or grow
without end (chroma #7510, and our own kills, 5 in 200). So a mark on disk says "in use" from the first touch to a clean close;
an index found with the mark, or with another number of vectors than the archive, is thrown away unopened and rebuilt
from the stored vectors, without embedding again.
"""

from __future__ import annotations

import logging
import shutil
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from service.errors import ArchiveError
from service.ports import Vectors
from service.storage.archive import SqliteArchive
from service.storage.lock import ProcessLock

if TYPE_CHECKING:
    from chromadb.api import ClientAPI

logger = logging.getLogger(__name__)

BATCH = 250
"""Rows a write: Chroma holds the interpreter's lock while it writes, some 100 ms for so many."""
_COLLECTION = "passages"


class ChromaIndex:
    """Implements `ports.VectorIndex`. One process at a time; see `ProcessLock`."""

    def __init__(self, folder: Path, archive: SqliteArchive) -> None:
        """Open, or rebuild where in doubt. Raises ArchiveInUse where another process holds it."""
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / "chroma"
        self._in_use = folder / "chroma.in-use"
        self._lock = ProcessLock(folder)
        self._lock.acquire()
        self._guard = threading.RLock()
        try:
            self._open(archive)
        except BaseException:
            self._lock.release()
            raise

    def _open(self, archive: SqliteArchive) -> None:
        archive.drop_pending()
        doubtful = self._in_use.exists()
        self._in_use.touch()
        if doubtful:
            self._discard("it was not closed cleanly")
        self._client, self._collection = self._connect()
        expected = archive.passage_count()
        if self._collection.count() != expected:
            if not doubtful:
                self._discard_open("it does not hold the archive's passages")
            self.rebuild(archive)

    def rebuild(self, archive: SqliteArchive) -> int:
        """Fill an empty index from the archive's vectors; returns how many."""
        with self._guard:
            if self._collection.count():
                self._discard_open("asked to")
            total = 0
            for ids, vectors in archive.vectors():
                self.upsert(ids, vectors)
                total += len(ids)
            logger.info("vector index rebuilt from %d stored vectors", total)
            return total

    def upsert(self, ids: Sequence[str], vectors: Vectors) -> None:
        """Rows are written in small batches."""
        with self._guard:
            for first in range(0, len(ids), BATCH):
                rows = slice(first, first + BATCH)
                self._collection.upsert(ids=list(ids[rows]), embeddings=np.asarray(vectors[rows], dtype=np.float32))

    def delete(self, ids: Sequence[str]) -> None:
        """Ids that are not there are passed over."""
        with self._guard:
            for first in range(0, len(ids), BATCH):
                self._collection.delete(ids=list(ids[first : first + BATCH]))

    def query(self, vector: Vectors, k: int) -> list[tuple[str, float]]:
        """At most k ids with their cosine similarity, best first."""
        k = min(k, self._collection.count())
        if k == 0:
            return []
        found = self._collection.query(query_embeddings=[np.asarray(vector, dtype=np.float32)], n_results=k, include=["distances"])
        return [(row, 1.0 - float(distance)) for row, distance in zip(found["ids"][0], (found["distances"] or [[]])[0], strict=True)]

    def count(self) -> int:
        """Vectors in the index."""
        return int(self._collection.count())

    def close(self) -> None:
        """Close cleanly: the next start opens what is there."""
        with self._guard:
            self._disconnect()
            self._in_use.unlink(missing_ok=True)
            self._lock.release()

    def _connect(self) -> tuple[ClientAPI, Any]:
        import chromadb
        from chromadb.config import Settings as ChromaSettings

        try:
            client = chromadb.PersistentClient(str(self._path), ChromaSettings(anonymized_telemetry=False, allow_reset=False))
            collection = client.get_or_create_collection(
                _COLLECTION, configuration={"hnsw": {"space": "cosine"}}, embedding_function=None
            )
        except Exception as error:
            raise ArchiveError(f"the vector index in {self._path} cannot be opened ({error}): delete that folder, it will be rebuilt") from error
        return client, collection

    def _disconnect(self) -> None:
        from chromadb.api.shared_system_client import SharedSystemClient

        identifier = getattr(self._client, "_identifier", None)
        system = SharedSystemClient._identifier_to_system.pop(identifier, None) if identifier else None
        if system is not None:
            system.stop()

    def _discard_open(self, reason: str) -> None:
        self._disconnect()
        self._discard(reason)
        self._client, self._collection = self._connect()

    def _discard(self, reason: str) -> None:
        if self._path.exists():
            logger.warning("vector index rebuilt from the archive: %s", reason)
            shutil.rmtree(self._path)
