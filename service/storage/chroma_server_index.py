"""The vector index in a Chroma server: for several processes over one archive. Derived, and made again where it is out of step.

A beside-file points to the archive's collection (`index_pointer`); `chroma_server_collection` says whether that is in order,
`chroma_server_filling` makes a new one. Writers take turns; a turn gives the collection and the pointer a new state before its first
write, so that a collection which another archive has written into, such as a copy of this one, or that was restored from an older volume,
is known by its state. A turn that was broken off, by a kill or by the server, leaves a mark. Then a new collection is filled from the
stored vectors, without embedding, and takes the old one's place in one step. A new one, because what the server was sent and did not
answer in time it may still do, later, to the old one. That one is asked meanwhile: it holds everything that is visible, since vectors
come before their articles are published and go after. Where it is not there, or is not what it should be, nobody is answered out of it:
IndexUnavailable, until the new one is whole.

Any process may make it again, one at a time, when it next looks: at a question (once a second), a write, or the readiness.
"""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar
from uuid import UUID

from service.errors import ArchiveError, ArchiveInUse, IndexUnavailable
from service.ports import Vectors
from service.storage.archive import SqliteArchive
from service.storage.chroma import GRAPH, MOST
from service.storage.chroma_server import ChromaServer, Gone
from service.storage.chroma_server_collection import ArchiveCollection, IndexLost, Known, Look
from service.storage.chroma_server_filling import Filling
from service.storage.index_pointer import Mark, PointerFile
from service.storage.lock import SharedLock
from service.storage.turns import LAST_WRITE, PATIENCE, Turns

logger = logging.getLogger(__name__)
Result = TypeVar("Result")
_BROKEN_OFF = "a write was broken off, or the archive was restored"


class ChromaServerIndex:
    """Implements `ports.VectorIndex`. Any number of processes; writers hold `turn`."""

    def __init__(self, folder: Path, archive: SqliteArchive, url: str, *, graph: Mapping[str, str | int] = GRAPH) -> None:
        """Nothing is asked of the server yet. Raises ArchiveInUse where a process holds the archive alone, else ArchiveError."""
        self._archive = archive
        self.server = ChromaServer(url)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ArchiveError(f"the folder {folder} cannot be made ({error.strerror}): set DATELINE_DATA_DIR") from error
        self._lock = SharedLock(folder)
        self._turns = Turns(folder)
        self._pointer = PointerFile(folder)
        self._mark = Mark(folder)
        self._collection = ArchiveCollection(archive, self.server, self._pointer, self._turns, graph)
        self._filling = Filling(archive, self.server, self._collection.checks, self._pointer, self._mark, graph, self._gives_up)
        self._writes_to: UUID | None = None
        """The collection of the turn that this process has."""
        self._mender: threading.Thread | None = None
        self._failed = self._closed = self._stopping = False
        self._lock.acquire()

    # ── reading ──────────────────────────────────────────────────────────────

    def query(self, vector: Vectors, k: int) -> list[tuple[str, float]]:
        """At most k ids with their cosine similarity, best first. Raises IndexUnavailable, ArchiveError for a vector that does not fit."""
        k = min(k, MOST)
        if k < 1:
            return []
        return self._asked(lambda collection: self.server.query(collection, vector, k), [])

    def count(self) -> int:
        """Vectors in the index. Raises IndexUnavailable."""
        return self._asked(self.server.count, 0)

    def stored(self, ids: Sequence[str]) -> dict[str, Vectors]:
        """The vectors that the server holds for these ids, each `(dimension,)`; others are absent. Raises IndexUnavailable."""
        return self._asked(lambda collection: self.server.stored(collection, ids), {})

    def mend(self) -> None:
        """Look, and make it again where it is out of step. Raises IndexUnavailable where the server is down, ArchiveInUse after a while."""
        self._refuse_if_closed()
        with self._collection.noting_failures():
            if self._collection.settled().wrong is None and not self._broken_off():
                return
            with self._alone():
                self._mend()

    # ── writing ──────────────────────────────────────────────────────────────

    @contextmanager
    def turn(self, patience: float = PATIENCE) -> Iterator[None]:
        """Whatever a writer does to archive and index belongs inside; others wait so long.

        Raises IndexUnavailable, ArchiveInUse, Stopping, else ArchiveError."""
        with self._alone(patience):
            self._begin()
            try:
                yield
            finally:
                self._end(held_against_archive=True)

    @contextmanager
    def _alone(self, patience: float = PATIENCE) -> Iterator[None]:
        """The turn, with nothing left of one that was broken off."""
        with self._turns.mine(patience, self._gives_up):
            self._archive.drop_pending()
            yield

    def upsert(self, ids: Sequence[str], vectors: Vectors) -> None:
        """Raises IndexUnavailable; some rows may be written then, and the index is in doubt."""
        if len(ids):
            with self._writing() as collection:
                self.server.upsert(collection, ids, vectors)

    def delete(self, ids: Sequence[str]) -> None:
        """Ids that are not there are passed over. Raises IndexUnavailable."""
        if len(ids):
            with self._writing() as collection:
                self.server.delete(collection, ids)

    def rebuild(self) -> int:
        """Fill a new collection from the archive's vectors and put it in the old one's place; returns how many. Raises ArchiveError."""
        with self._alone(), self._collection.noting_failures():
            self._fill()
            return self._archive.vector_count()

    def announce(self, url: str) -> None:
        """Leave the address at which this process serves the archive, for commands that come by. Raises ArchiveError."""
        self._lock.announce(url)

    def give_up(self) -> None:
        """Wait for no turn any more, and make nothing again: who is at it gets Stopping. Questions are answered until it is closed."""
        self._stopping = True

    def close(self) -> None:
        """Let archive and server go. A rebuild of this process's is broken off; another process, or the next start, makes it anew."""
        self.give_up()
        if not self._turns.over_here(LAST_WRITE):
            logger.warning("the vector index is still being written: it is made again from the archive at the next start")
        self._closed = True
        self.server.close()
        self._lock.release()

    # ── looking ──────────────────────────────────────────────────────────────

    def _asked(self, ask: Callable[[UUID], Result], nothing: Result) -> Result:
        """What the archive's collection says; `nothing` where there is none, because there is nothing to hold."""
        for _ in range(2):
            collection = self._current()
            if collection is None:
                return nothing
            try:
                with self._collection.noting_failures():
                    return ask(collection)
            except IndexLost:
                self._collection.forget()  # another process has just put a new one in its place, or the server lost it
        raise IndexUnavailable("the vector index is just being replaced: ask again")

    def _current(self) -> UUID | None:
        """The collection to ask; None where there is nothing to be found. Raises IndexUnavailable."""
        self._refuse_if_closed()
        if known := self._collection.known():
            return known.id
        with self._collection.noting_failures():
            found = self._collection.settled()
        if found.wrong or self._broken_off():
            self._mend_beside()
        if found.wrong:
            raise IndexUnavailable(f"the vector index is being made again from the archive, because {found.wrong}: ask again in a moment")
        return found.known.id if found.known else None

    def _broken_off(self) -> bool:
        """Whether a turn was left in the middle: its mark is there, and nobody has the turn."""
        return self._mark.exists() and not self._turns.taken()

    # ── turns ────────────────────────────────────────────────────────────────

    def _begin(self) -> None:
        """Mend what is in doubt, then say in both places that from now on the collection is another."""
        self._refuse_if_closed()
        with self._collection.noting_failures():
            known = self._mend() or self._fill()
            pointer = known.pointer.model_copy(update={"state": secrets.token_hex(8), "before": known.pointer.state})
            self._mark.set()
            try:
                self._pointer.write(pointer)
            except ArchiveError:  # on a full disk, say
                with suppress(ArchiveError):
                    self._mark.clear()  # the server was sent nothing yet
                raise
            self.server.restate(known.id, self._collection.checks.metadata(pointer))
            self._collection.trust(known.id, pointer)
        self._writes_to, self._failed = known.id, False

    def _end(self, *, held_against_archive: bool) -> None:
        """Take the mark away where all went well; else it stays, and the index is made again."""
        collection, self._writes_to = self._writes_to, None
        if self._failed or collection is None:
            return
        try:
            pointer = self._pointer.read()
            if pointer is None:
                logger.warning("the vector index is in doubt: what points to it is gone")
                return
            if held_against_archive and self.server.count(collection) != self._archive.vector_count():
                logger.warning("the vector index is in doubt: after a turn of writing it does not hold the archive's passages")
                return
            self._pointer.write(pointer.model_copy(update={"stamp": self._archive.stamp()}))
            self._mark.clear()
        except (ArchiveError, Gone) as error:
            logger.warning("the vector index is in doubt: a turn of writing could not be ended (%s)", error)

    @contextmanager
    def _writing(self) -> Iterator[UUID]:
        """One write, in a turn of its own where there is none."""
        self._refuse_if_closed()
        if self._writes_to is None:
            with self._turns.mine(given_up=self._gives_up):
                self._begin()
                try:
                    with self._writing() as collection:
                        yield collection
                finally:
                    self._end(held_against_archive=False)
            return
        try:
            with self._collection.noting_failures():
                yield self._writes_to
        except BaseException as error:
            self._failed = True
            logger.warning("the vector index is in doubt: a write failed (%s)", error)
            raise

    # ── making it again ──────────────────────────────────────────────────────

    def _mend_beside(self) -> None:
        """In a thread, where nobody is at it: here or in another process."""
        if self._mender and self._mender.is_alive():
            return

        def mend() -> None:
            try:
                with self._alone(patience=0), self._collection.noting_failures():
                    self._mend()
            except ArchiveInUse:
                return
            except Exception as error:  # noqa: BLE001 - told, and tried again by whoever looks next
                logger.warning("the vector index could not be made again: %s", error)

        self._mender = threading.Thread(target=mend, name="vector index", daemon=True)
        self._mender.start()

    def _mend(self) -> Known | None:
        """With the turn in hand: an index that is out of step is made again. None where there is none."""
        found = Look(wrong=_BROKEN_OFF) if self._mark.exists() else self._collection.look(deep=True)
        if found.wrong:
            logger.warning("making the vector index again from the archive: %s", found.wrong)
            return self._fill()
        return found.known

    def _fill(self) -> Known:
        return self._collection.trust(*self._filling.run(), held_against_archive=True)

    def _gives_up(self) -> bool:
        return self._stopping

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise ArchiveError("the vector index is closed")
