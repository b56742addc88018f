"""The vector index in a Chroma server: for several processes over one archive. Derived, and made again where it is out of step.

A beside-file points to the archive's collection (`index_pointer`). Writers take turns; a turn gives the collection and the pointer a new
state before its first write, so that a collection which another archive has written into, such as a copy of this one, or that was restored
from an older volume, is known by its state. A turn that was broken off, by a kill or by the server, leaves a mark. Then a new collection
is filled from the stored vectors, without embedding, and takes the old one's place in one step. A new one, because what the server was
sent and did not answer in time it may still do, later, to the old one. That one is asked meanwhile: it holds everything that is visible,
since vectors come before their articles are published and go after. Where it is not there, or is not what it should be, nobody is
answered out of it: IndexUnavailable, until the new one is whole.

Any process may make it again, one at a time, when it next looks: at a question (once a second), a write, or the readiness.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from uuid import UUID

from service.errors import ArchiveError, ArchiveInUse, IndexUnavailable, Stopping
from service.ports import Vectors
from service.storage.archive import SqliteArchive
from service.storage.chroma import GRAPH, MOST
from service.storage.chroma_server import ChromaServer, Gone
from service.storage.index_checks import IndexChecks
from service.storage.index_pointer import Mark, Pointer, PointerFile, new_collection
from service.storage.lock import SharedLock
from service.storage.turns import PATIENCE, STOPPING, Turns
from service.telemetry import INDEX_READY, INDEX_REBUILDS

logger = logging.getLogger(__name__)
Result = TypeVar("Result")

LOOK_AGAIN = 1.0
"""Seconds for which a collection that was found in order is asked without looking again."""
PAUSE = 0.5
"""Seconds for which a server that failed is not asked again, so that questions do not queue up behind one that hangs."""
_TRIES, _MOMENT = 20, 0.02
"""A writer's turn begins with two writes, a few milliseconds from each other; who looks between them looks again."""
_STEP = 10_000
"""Vectors between two words on how far a rebuild is."""


@dataclass(frozen=True, slots=True)
class _Known:
    """A collection that was found in order."""

    id: UUID
    pointer: Pointer
    until: float


_Looked = tuple[_Known | None, str | None]
"""The collection, and why nobody may be answered out of it; neither where there is nothing to hold."""


class ChromaServerIndex:
    """Implements `ports.VectorIndex`. Any number of processes; writers hold `turn`."""

    def __init__(self, folder: Path, archive: SqliteArchive, url: str, *, graph: Mapping[str, str | int] = GRAPH) -> None:
        """Nothing is asked of the server yet. Raises ArchiveInUse where a process holds the archive alone, else ArchiveError."""
        self._archive = archive
        self._graph = dict(graph)
        self.server = ChromaServer(url)
        self._checks = IndexChecks(archive, self.server, self._graph)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ArchiveError(f"the folder {folder} cannot be made ({error.strerror}): set DATELINE_DATA_DIR") from error
        self._lock = SharedLock(folder)
        self._turns = Turns(folder)
        self._pointer = PointerFile(folder)
        self._mark = Mark(folder)
        self._known: _Known | None = None
        """Only kept for a moment, and shared by threads: what is to be relied on is handed from call to call."""
        self._deep: UUID | None = None
        """The collection that was held against the archive."""
        self._writes_to: UUID | None = None
        """The collection of the turn that this process has."""
        self._failure, self._ask_again = "", 0.0
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

    def ensure(self) -> None:
        """Look, and make it again where it is out of step. Raises IndexUnavailable where the server is down, ArchiveInUse after a while."""
        self._refuse_if_closed()
        with self._noting_failures():
            if self._wrong()[1] is None and not self._mark.exists():
                return
            with self._turns.mine(given_up=self._gives_up):
                self._mend()

    # ── writing ──────────────────────────────────────────────────────────────

    @contextmanager
    def turn(self, patience: float = PATIENCE) -> Iterator[None]:
        """Whatever a writer does to archive and index belongs inside; others wait so long.

        Raises IndexUnavailable, ArchiveInUse, Stopping, else ArchiveError."""
        with self._turns.mine(patience, self._gives_up):
            self._begin()
            try:
                yield
            finally:
                self._end(held_against_archive=True)

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

    def rebuild(self, archive: SqliteArchive) -> int:
        """Fill a new collection from the archive's vectors and put it in the old one's place; returns how many. Raises ArchiveError."""
        with self._turns.mine(given_up=self._gives_up), self._noting_failures():
            archive.drop_pending()
            self._fill()
            return archive.vector_count()

    def announce(self, url: str) -> None:
        """Leave the address at which this process serves the archive, for commands that come by. Raises ArchiveError."""
        self._lock.announce(url)

    def give_up(self) -> None:
        """Wait for no turn any more, and make nothing again: who is at it gets Stopping. Questions are answered until it is closed."""
        self._stopping = True

    def close(self) -> None:
        """Let archive and server go. A rebuild of this process's is broken off; another process, or the next start, makes it anew."""
        self._closed = True
        if self._mender:
            self._mender.join(2)
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
                with self._noting_failures():
                    return ask(collection)
            except Gone:
                self._known = None  # another process has just put a new one in its place, or the server lost it
        raise IndexUnavailable("the vector index is just being replaced: ask again")

    def _current(self) -> UUID | None:
        """The collection to ask; None where there is nothing to be found. Raises IndexUnavailable."""
        self._refuse_if_closed()
        if time.monotonic() < self._ask_again:
            raise IndexUnavailable(self._failure)
        pointer, known = self._pointer.read(), self._known
        if known and known.pointer == pointer and time.monotonic() < known.until:
            return known.id
        with self._noting_failures():
            known, wrong = self._wrong()
        if wrong or (self._mark.exists() and not self._turns.taken()):
            self._mend_beside()
        if wrong:
            raise IndexUnavailable(f"the vector index is being made again from the archive, because {wrong}: ask again in a moment")
        return known.id if known else None

    def _wrong(self) -> _Looked:
        """As `_look`, which looks again where a writer's turn is just beginning."""
        for _ in range(_TRIES):
            busy = self._turns.taken()
            looked = self._look(deep=not busy)
            if looked[1] is None or not busy:
                break
            time.sleep(_MOMENT)
        return looked

    def _look(self, *, deep: bool) -> _Looked:
        """At the collection that the pointer names; with `deep` it is also held against the archive, once."""
        looked = self._looked(deep=deep)
        self._known = looked[0]
        INDEX_READY.set(looked[1] is None)
        return looked

    def _looked(self, *, deep: bool) -> _Looked:
        pointer = self._pointer.read()
        if pointer is None:
            return None, "there is none yet" if self._archive.vector_count() else None
        try:
            found = self.server.look(pointer.collection)
            wrong = self._checks.described(found, pointer)
            if wrong is None and deep and self._deep != found.id:
                wrong = self._checks.held_against(found.id, pointer)
        except Gone:
            return None, "the Chroma server does not have it"
        if wrong:
            return None, wrong
        if deep:
            self._deep = found.id
        return _Known(found.id, pointer, time.monotonic() + LOOK_AGAIN), None

    # ── turns ────────────────────────────────────────────────────────────────

    def _begin(self) -> None:
        """Mend what is in doubt, then say in both places that from now on the collection is another."""
        self._refuse_if_closed()
        with self._noting_failures():
            known = self._mend() or self._fill()
            pointer = known.pointer.model_copy(update={"state": secrets.token_hex(8), "before": known.pointer.state})
            self._mark.set()
            try:
                self._pointer.write(pointer)
            except ArchiveError:  # on a full disk, say
                with suppress(ArchiveError):
                    self._mark.clear()  # the server was sent nothing yet
                raise
            self.server.restate(known.id, self._metadata(pointer))
            self._known = _Known(known.id, pointer, time.monotonic() + LOOK_AGAIN)
        self._writes_to, self._failed = known.id, False

    def _end(self, *, held_against_archive: bool) -> None:
        """Take the mark away where all went well; else it stays, and the index is made again."""
        collection, self._writes_to = self._writes_to, None
        if self._failed or collection is None:
            return
        try:
            pointer = self._pointer.read()
            if pointer is None:
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
        if self._writes_to is None:
            with self._turns.mine(given_up=self._gives_up):
                self._begin()
                try:
                    with self._writing() as collection:
                        yield collection
                finally:
                    self._end(held_against_archive=False)
            return
        self._refuse_if_closed()
        try:
            with self._noting_failures():
                yield self._writes_to
        except BaseException as error:
            self._failed = True
            logger.warning("the vector index is in doubt: a write failed (%s)", error)
            if isinstance(error, Gone):
                raise IndexUnavailable("the Chroma server has lost the vector index, which is made again: try again") from error
            raise

    # ── making it again ──────────────────────────────────────────────────────

    def _mend_beside(self) -> None:
        """In a thread, where nobody is at it: here or in another process."""
        if self._mender and self._mender.is_alive():
            return

        def mend() -> None:
            try:
                with self._turns.mine(patience=0), self._noting_failures():
                    self._mend()
            except ArchiveInUse:
                return
            except Exception as error:  # noqa: BLE001 - told, and tried again by whoever looks next
                logger.warning("the vector index could not be made again: %s", error)

        self._mender = threading.Thread(target=mend, name="vector index", daemon=True)
        self._mender.start()

    def _mend(self) -> _Known | None:
        """With the turn in hand: what a broken turn left goes, and an index that is out of step is made again. None where there is none."""
        self._archive.drop_pending()
        known, wrong = (None, "a write was broken off") if self._mark.exists() else self._look(deep=True)
        if wrong:
            logger.warning("vector index made again from the archive: %s", wrong)
            return self._fill()
        return known

    def _fill(self) -> _Known:
        """A new collection of everything the archive holds, pointed to when it is whole; then the old one goes, where it was ours."""
        old, half = self._pointer.read(), self._mark.filling()
        state = secrets.token_hex(8)
        pointer = Pointer(collection=new_collection(self._archive), state=state, before=state, stamp=self._archive.stamp())
        self.server.version()  # who is not there is found out in little time
        self._mark.set_filling(pointer.collection)
        if half:
            self.server.drop(half)
        collection = self.server.create(pointer.collection, self._metadata(pointer), self._graph)
        total, done = self._archive.vector_count(), 0
        for ids, vectors in self._archive.vectors():
            if self._gives_up():
                raise Stopping(STOPPING)
            self.server.upsert(collection, ids, vectors)
            done += len(ids)
            if done % _STEP < len(ids):
                logger.info("vector index: %d of %d stored vectors", done, total)
        if wrong := self._checks.held_against(collection, pointer):
            raise IndexUnavailable(f"the Chroma server at {self.server.url} does not keep what it is given ({wrong}): see its log")
        self._pointer.write(pointer)
        self._mark.clear()
        self._deep = collection
        self._known = known = _Known(collection, pointer, time.monotonic() + LOOK_AGAIN)
        INDEX_READY.set(1)
        INDEX_REBUILDS.inc()
        logger.info("vector index made again from %d stored vectors", done)
        if old:
            self._drop(old)
        return known

    def _drop(self, old: Pointer) -> None:
        """One that another archive has written into stays: it may be in use there."""
        with suppress(IndexUnavailable, Gone):
            if old.is_of(self.server.look(old.collection).metadata.get("state")):
                self.server.drop(old.collection)
            else:
                logger.warning("the collection %s is left on the Chroma server: another archive has written into it", old.collection)

    def _metadata(self, pointer: Pointer) -> dict[str, str]:
        return {"made": self._checks.made(), "state": pointer.state}

    @contextmanager
    def _noting_failures(self) -> Iterator[None]:
        """After a failure the server is left alone for a moment, and then everything is looked at anew."""
        try:
            yield
        except IndexUnavailable as error:
            self._known = self._deep = None
            INDEX_READY.set(0)
            self._failure, self._ask_again = str(error), time.monotonic() + PAUSE
            raise

    def _gives_up(self) -> bool:
        return self._closed or self._stopping

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise ArchiveError("the vector index is closed")
