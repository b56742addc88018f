"""Exact nearest neighbours over the vectors stored in the archive: no second copy, no lock, any number of readers.

Used where another process holds Chroma (a command beside the running service). 15,000 passages are 23 MB of vectors
and some tens of milliseconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

from service.errors import ArchiveError, ArchiveInUse
from service.ports import Vectors
from service.storage.archive import SqliteArchive
from service.vectors import nearest


class ExactIndex:
    """Implements the reading half of `ports.VectorIndex`; writing is refused. It keeps nothing that could be mended or closed."""

    def __init__(self, archive: SqliteArchive, refusal: ArchiveError | None = None) -> None:
        """`refusal` is raised where something is to be written."""
        self._archive = archive
        self._refusal = refusal or ArchiveInUse("this index only reads")

    def query(self, vector: Vectors, k: int) -> list[tuple[str, float]]:
        """At most k ids with their cosine similarity, best first."""
        best: list[tuple[str, float]] = []
        for ids, vectors in self._archive.vectors(batch=5000):
            best = sorted(best + nearest(ids, vectors, vector, k), key=lambda pair: (-pair[1], pair[0]))[:k]
        return best

    def count(self) -> int:
        """Vectors that a search can see."""
        return self._archive.vector_count()

    def upsert(self, ids: Sequence[str], vectors: Vectors) -> None:
        """Raises the refusal."""
        raise self._refusal

    def delete(self, ids: Sequence[str]) -> None:
        """Raises the refusal."""
        raise self._refusal

    def turn(self, patience: float = 0.0) -> NoReturn:
        """Raises the refusal."""
        raise self._refusal

    def mend(self) -> None:
        """Nothing to do."""

    def announce(self, url: str) -> None:
        """Nothing to do: another process holds the archive."""

    def give_up(self) -> None:
        """Nothing to do."""

    def close(self) -> None:
        """Nothing to do."""
