"""Whether a collection of the Chroma server is what the archive's pointer says, and holds what the archive holds."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from uuid import UUID

from service.storage.archive import SqliteArchive
from service.storage.chroma_server import ChromaServer, Found
from service.storage.index_pointer import Pointer

SAMPLE = 3
"""Vectors of which at least one must find itself: a graph that lost its files finds none, and still counts them all."""
_HERE = 0.99
"""Cosine of a vector with itself, at least."""


class IndexChecks:
    """Each check gives the reason why nobody may be answered out of the collection, or None. Raises IndexUnavailable and Gone."""

    def __init__(self, archive: SqliteArchive, server: ChromaServer, graph: Mapping[str, str | int]) -> None:
        self._archive = archive
        self._server = server
        self._graph = graph

    def made(self) -> str:
        """What an index would have to be made of and with to be asked now."""
        maker = [row[0] for row in self._archive.rows("SELECT value FROM meta WHERE key = 'fingerprint'")]
        return hashlib.sha256(json.dumps([1, maker, sorted(self._graph.items())]).encode()).hexdigest()

    def metadata(self, pointer: Pointer) -> dict[str, str]:
        """What the collection is to say of itself, so that `described` finds nothing wrong."""
        return {"made": self.made(), "state": pointer.state}

    def described(self, found: Found, pointer: Pointer) -> str | None:
        """By what the server says of it."""
        if found.embeds:
            return "it names an embedding function"
        if found.metadata.get("made") != self.made():
            return "it was made with other settings or another version"
        if not pointer.is_of(found.metadata.get("state")):
            return "another archive has written into it, or it is an older copy"
        return None

    def held_against(self, collection: UUID, pointer: Pointer) -> str | None:
        """By what it holds, while nobody writes."""
        if self._archive.stamp() != pointer.stamp:
            return "the archive was changed without it"
        if self._server.count(collection) != self._archive.vector_count():
            return "it does not hold the archive's passages"
        sample = next(self._archive.vectors(SAMPLE), None)
        if sample and not any(score >= _HERE for vector in sample[1] for _, score in self._server.query(collection, vector, 1)):
            return "it does not find what it holds"
        return None
