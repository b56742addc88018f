"""The vector index in embedded Chroma: ids and vectors only, rebuilt from the archive whenever it is in doubt.

Chroma's HNSW files are not crash-safe: killed while persisting, they can fail to open, lose vectors silently, or grow
without end (chroma #7510, and our own kills, 5 in 200). So a mark on disk says "in use" from before the first touch until
after a clean close. An index found with the mark, with another number of vectors than the archive has passages, or
beside an archive in another state than at its close (a restored backup), is thrown away and rebuilt from the stored
vectors, without embedding again; with the mark it is not even opened. Killed while rebuilding, it still has the mark.
"""

from __future__ import annotations

import logging
import shutil
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
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
MOST = 30_000
"""Neighbours a query: from 32,767 on Chroma fails with "too many SQL variables"."""
IN_USE = "chroma.in-use"
"""The mark beside the index while it is open; found at a start, it means that the index is in doubt."""
_COLLECTION = "passages"
_GRAPH = {"space": "cosine", "max_neighbors": 32, "ef_construction": 200}
"""With Chroma's 16 and 100, one outlying passage of 765 could not be reached by any query in 11 of 24 rebuilds of one archive;
with either value doubled in none of 12 (the archive of `tests/integration/test_crash.py` after its tenth kill)."""


class ChromaIndex:
    """Implements `ports.VectorIndex`. One process at a time; see `ProcessLock`."""

    def __init__(self, folder: Path, archive: SqliteArchive) -> None:
        """Open, or rebuild where in doubt. Raises ArchiveInUse where another process holds it, else ArchiveError."""
        self._path = folder / "chroma"
        self._in_use = folder / IN_USE
        self._stamp = self._path / "archive.stamp"
        self._archive = archive
        self._guard = threading.RLock()
        self._client: ClientAPI | None = None
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ArchiveError(f"the folder {folder} cannot be made ({error.strerror}): set DATELINE_DATA_DIR") from error
        self._lock = ProcessLock(folder)
        self._lock.acquire()
        try:
            with self._told():
                self._open()
        except BaseException:
            try:
                self._disconnect()
            finally:
                self._lock.release()  # the mark stays
            raise

    def _open(self) -> None:
        self._archive.drop_pending()
        doubt = self._doubt()
        self._in_use.touch()
        if doubt is None:
            try:
                self._connect()
                if self._collection.count() == self._archive.passage_count():
                    return
                doubt = "it does not hold the archive's passages"
            except Exception as error:  # noqa: BLE001 - Chroma's errors have no common root, and here all mean the same
                doubt = f"it cannot be opened ({error})"
        logger.warning("vector index rebuilt from the archive: %s", doubt)
        self.rebuild(self._archive)

    def _doubt(self) -> str | None:
        """Why the index on disk cannot be trusted, if so, without opening it."""
        if self._in_use.exists():
            return "it was not closed cleanly"
        if not self._path.exists() and not self._archive.passage_count():
            return None
        stamp = self._stamp.read_text() if self._stamp.is_file() else "none"
        return None if stamp == self._archive.stamp() else "it is not there, or not of this state of the archive"

    def rebuild(self, archive: SqliteArchive) -> int:
        """Throw the index away and fill a new one from the archive's vectors; returns how many."""
        with self._guard:
            self._disconnect()
            if self._path.exists():
                shutil.rmtree(self._path)
            self._connect()
            total = 0
            for ids, vectors in archive.vectors():
                self.upsert(ids, vectors)
                total += len(ids)
            logger.info("vector index rebuilt from %d stored vectors", total)
            return total

    def upsert(self, ids: Sequence[str], vectors: Vectors) -> None:
        """Rows are written in small batches. Raises ArchiveError; some rows may be written then."""
        with self._guard, self._told():
            for first in range(0, len(ids), BATCH):
                rows = slice(first, first + BATCH)
                self._collection.upsert(ids=list(ids[rows]), embeddings=np.asarray(vectors[rows], dtype=np.float32))

    def delete(self, ids: Sequence[str]) -> None:
        """Ids that are not there are passed over. Raises ArchiveError."""
        with self._guard, self._told():
            for first in range(0, len(ids), BATCH):
                self._collection.delete(ids=list(ids[first : first + BATCH]))

    def query(self, vector: Vectors, k: int) -> list[tuple[str, float]]:
        """At most k ids with their cosine similarity, best first. Raises ArchiveError."""
        with self._told():
            k = min(k, MOST)
            if k < 1:
                return []
            found = self._collection.query(query_embeddings=[np.asarray(vector, dtype=np.float32)], n_results=k, include=["distances"])
        return [(row, 1.0 - float(distance)) for row, distance in zip(found["ids"][0], (found["distances"] or [[]])[0], strict=True)]

    def count(self) -> int:
        """Vectors in the index. Raises ArchiveError."""
        with self._told():
            return int(self._collection.count())

    def close(self) -> None:
        """Close cleanly: the next start opens what is there. Whatever fails, the lock is let go; the mark then stays."""
        with self._guard:
            try:
                if self._client is not None:
                    with self._told():
                        self._disconnect()
                        self._stamp.write_text(self._archive.stamp())
                        self._in_use.unlink(missing_ok=True)
            finally:
                self._lock.release()

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Chroma's many errors as ours."""
        try:
            yield
        except ArchiveError:
            raise
        except Exception as error:
            raise ArchiveError(f"the vector index in {self._path} failed ({error}): run `dateline reindex`") from error

    def _connect(self) -> None:
        import chromadb
        from chromadb.config import Settings as ChromaSettings

        # Chroma would read its settings from a `.env` in the working directory, which is ours or anybody's.
        settings = ChromaSettings(_env_file=None, anonymized_telemetry=False, allow_reset=False)
        self._client = chromadb.PersistentClient(str(self._path), settings)
        self._collection: Any = self._client.get_or_create_collection(
            _COLLECTION,
            configuration={"hnsw": _GRAPH},  # type: ignore[arg-type]
            embedding_function=None,
        )

    def _disconnect(self) -> None:
        from chromadb.api.shared_system_client import SharedSystemClient

        client, self._client = self._client, None
        try:
            if client is not None:
                client.close()  # type: ignore[attr-defined]
        finally:  # Chroma keeps what it has opened by path, even where opening failed half-way
            SharedSystemClient._identifier_to_system.pop(str(self._path), None)
            SharedSystemClient._identifier_to_refcount.pop(str(self._path), None)
