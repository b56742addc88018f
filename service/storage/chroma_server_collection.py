"""Which collection of the Chroma server is the archive's, and whether it may be asked: looked at again once a second."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

from service.errors import IndexUnavailable
from service.storage.archive import SqliteArchive
from service.storage.chroma_server import ChromaServer, Gone
from service.storage.index_checks import IndexChecks
from service.storage.index_pointer import Pointer, PointerFile
from service.storage.turns import Turns
from service.telemetry import INDEX_READY

logger = logging.getLogger(__name__)

LOOK_AGAIN = 1.0
"""Seconds for which a collection that was found in order is asked without looking again."""
PAUSE = 0.5
"""Seconds for which a server that failed is not asked again, so that questions do not queue up behind one that hangs."""
_TRIES, _MOMENT = 20, 0.02
"""A writer's turn begins with two writes, a few milliseconds from each other; who looks between them looks again."""


@dataclass(frozen=True, slots=True)
class Known:
    """A collection that was found in order."""

    id: UUID
    pointer: Pointer
    until: float
    """On the monotonic clock: asked until then without looking again."""


@dataclass(frozen=True, slots=True)
class Look:
    """The collection, or why nobody may be answered out of it; neither where there is nothing to hold."""

    known: Known | None = None
    wrong: str | None = None


class IndexLost(IndexUnavailable):
    """The server answers, and does not have the collection."""


class ArchiveCollection:
    """The collection that the archive's pointer names, as this process knows it. Safe to use from any thread."""

    def __init__(
        self, archive: SqliteArchive, server: ChromaServer, pointer: PointerFile, turns: Turns, graph: Mapping[str, str | int]
    ) -> None:
        self._archive = archive
        self._server = server
        self._pointer = pointer
        self._turns = turns
        self.checks = IndexChecks(archive, server, graph)
        self._known: Known | None = None
        """Only kept for a moment, and shared by threads: what is to be relied on is handed from call to call."""
        self._deep: UUID | None = None
        """The collection that was held against the archive."""
        self._failure, self._ask_again = "", 0.0

    def known(self) -> Known | None:
        """What was found in order a moment ago. Raises IndexUnavailable while a server that failed is left alone."""
        if time.monotonic() < self._ask_again:
            raise IndexUnavailable(self._failure)
        pointer, known = self._pointer.read(), self._known
        return known if known and known.pointer == pointer and time.monotonic() < known.until else None

    def look(self, *, deep: bool) -> Look:
        """At what the pointer names; with `deep` it is also held against the archive, once. Raises IndexUnavailable."""
        found = self._examined(deep=deep)
        self._known = found.known
        INDEX_READY.set(found.wrong is None)
        if self._failure:
            logger.info("the Chroma server answers again")
            self._failure = ""
        return found

    def settled(self) -> Look:
        """As `look`, which looks again where a writer's turn is just beginning."""
        for _ in range(_TRIES):
            busy = self._turns.taken()
            found = self.look(deep=not busy)
            if found.wrong is None or not (busy or self._turns.taken()):
                break
            time.sleep(_MOMENT)
        return found

    def trust(self, collection: UUID, pointer: Pointer, *, held_against_archive: bool = False) -> Known:
        """Take it as found in order: this process has just written both."""
        self._known = known = Known(collection, pointer, time.monotonic() + LOOK_AGAIN)
        if held_against_archive:
            self._deep = collection
            INDEX_READY.set(1)
        return known

    def forget(self) -> None:
        """Look again at the next question."""
        self._known = None

    @contextmanager
    def noting_failures(self) -> Iterator[None]:
        """After a failure the server is left alone for a moment, and then everything is looked at anew. Raises IndexLost for Gone."""
        try:
            yield
        except Gone as error:
            self._known = self._deep = None
            INDEX_READY.set(0)
            raise IndexLost("the Chroma server has lost the vector index, which is made again: try again") from error
        except IndexUnavailable as error:
            self._known = self._deep = None
            INDEX_READY.set(0)
            if not self._failure:
                logger.warning("the vector index cannot be asked: %s", error)
            self._failure, self._ask_again = str(error), time.monotonic() + PAUSE
            raise

    def _examined(self, *, deep: bool) -> Look:
        pointer = self._pointer.read()
        if pointer is None:
            return Look(wrong="there is none yet" if self._archive.vector_count() else None)
        try:
            found = self._server.look(pointer.collection)
            wrong = self.checks.described(found, pointer)
            if wrong is None and deep and self._deep != found.id:
                wrong = self.checks.held_against(found.id, pointer)
        except Gone:
            return Look(wrong="the Chroma server does not have it")
        if wrong:
            return Look(wrong=wrong)
        if deep:
            self._deep = found.id
        return Look(Known(found.id, pointer, time.monotonic() + LOOK_AGAIN))
