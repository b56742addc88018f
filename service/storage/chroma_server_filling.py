"""A new collection of everything the archive holds, in the place of one that is out of step; nothing is embedded."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

from service.errors import IndexUnavailable, Stopping
from service.storage.archive import SqliteArchive
from service.storage.chroma import sound
from service.storage.chroma_server import ChromaServer, Gone
from service.storage.index_checks import IndexChecks
from service.storage.index_pointer import Mark, Pointer, PointerFile, new_collection
from service.storage.turns import STOPPING
from service.telemetry import INDEX_REBUILDS

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Filling:
    """What filling needs. Whoever runs it has the turn."""

    archive: SqliteArchive
    server: ChromaServer
    checks: IndexChecks
    pointer: PointerFile
    mark: Mark
    graph: Mapping[str, str | int]
    given_up: Callable[[], bool]

    def run(self) -> tuple[UUID, Pointer]:
        """Filled, held against the archive, and pointed to when it is whole; then the old one goes, where it was ours.

        Raises Stopping where it is given up, IndexUnavailable, Gone, else ArchiveError; the next one then starts anew."""
        old, half = self.pointer.read(), self.mark.filling()
        state = secrets.token_hex(8)
        pointer = Pointer(collection=new_collection(self.archive), state=state, before=state, stamp=self.archive.stamp())
        self.server.version()  # who is not there is found out in little time
        self.mark.set_filling(pointer.collection)
        if half:
            self.server.drop(half)
        collection = self.server.create(pointer.collection, self.checks.metadata(pointer), self.graph)
        done = self._fill(collection)
        if wrong := self.checks.held_against(collection, pointer):
            raise IndexUnavailable(f"the Chroma server at {self.server.url} does not keep what it is given ({wrong}): see its log")
        self.pointer.write(pointer)
        self.mark.clear()
        INDEX_REBUILDS.inc()
        logger.info("vector index made again from %d stored vectors", done)
        if old:
            self._drop(old)
        return collection, pointer

    def _fill(self, collection: UUID) -> int:
        done = 0
        for ids, vectors in sound(self.archive.vectors(), self.archive.vector_count()):
            if self.given_up():
                raise Stopping(STOPPING)
            self.server.upsert(collection, ids, vectors)
            done += len(ids)
        return done

    def _drop(self, old: Pointer) -> None:
        """One that another archive has written into stays: it may be in use there."""
        with suppress(IndexUnavailable, Gone):
            if old.is_of(self.server.look(old.collection).metadata.get("state")):
                self.server.drop(old.collection)
            else:
                logger.warning("the collection %s is left on the Chroma server: another archive has written into it", old.collection)
