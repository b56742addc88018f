"""The vector index in embedded Chroma: ids and vectors only, rebuilt from the archive whenever it is in doubt.

Chroma's HNSW files are not crash-safe: killed while persisting, they can fail to open, lose vectors silently, or grow
without end (chroma #7510, and our own kills, 5 in 200). So a mark on disk says "in use" from before the first touch until
after a clean close, and the close leaves a manifest: the digest of every file, and the state of the archive that they
belong to. An index that is found with the mark, or that is not what its manifest says (a damaged or foreign file, a restored
backup, one left by a version that wrote no manifest), is not opened at all: it is filled again from the stored vectors,
without embedding. What was damaged is kept beside as `chroma.damaged`. Killed while rebuilding, it still has the mark.

A write that failed may have torn the files and may still be applied later; after a full disk, further writes to the open
index have hung for good. So from a failure on Chroma is not asked again: searches go over the stored vectors, exactly, and the
next write, or else the next start, rebuilds.

A manifest that fits also means that nobody but us chose the embedding function that Chroma would build from a stored
configuration (CVE-2026-45829, remote code among them); there must be none, and that is looked at once more after opening. Beside that,
Chroma's own functions are forgotten before anything is opened.
"""

from __future__ import annotations

import hashlib
import json
import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from service.errors import ArchiveDamaged, ArchiveError, Stopping
from service.ports import Vectors
from service.storage import durable, manifest, quarantine
from service.storage.archive import SqliteArchive
from service.storage.chroma import GRAPH, MOST, sound
from service.storage.chroma_embedded import EmbeddedChroma
from service.storage.exact_index import ExactIndex
from service.storage.lock import ProcessLock
from service.storage.manifest import Doubt
from service.storage.space import blame_the_disk, require_space
from service.storage.turns import LAST_WRITE, PATIENCE, Turns
from service.telemetry import INDEX_READY, INDEX_REBUILDS

logger = logging.getLogger(__name__)

IN_USE = "chroma.in-use"
"""The mark beside the index while it is open; found at a start, it means that the index is in doubt, for the reason it holds if any."""
MANIFEST = "chroma.manifest"
"""What the last clean close left, beside the index."""


class ChromaIndex:
    """Implements `ports.VectorIndex`. One process at a time; see `ProcessLock`."""

    def __init__(self, folder: Path, archive: SqliteArchive, *, graph: Mapping[str, str | int] = GRAPH, mend_later: bool = False) -> None:
        """Open, or rebuild where in doubt. Raises ArchiveInUse where another process holds it, else ArchiveError.

        `graph` is Chroma's HNSW configuration; an index made with another one is rebuilt. With `mend_later`, one in doubt waits for `mend`
        or the next write, and the stored vectors are searched until then.
        """
        self._folder = folder
        self._path = folder / "chroma"
        self._in_use = folder / IN_USE
        self._manifest = folder / MANIFEST
        self._archive = archive
        self._graph = dict(graph)
        self._chroma = EmbeddedChroma(self._path, graph)
        self._guard = threading.RLock()
        self._turns = Turns()
        self._given_up = threading.Event()
        self._closed = False
        self._distrust: str | None = None
        """Why Chroma is not asked until the next rebuild, if so."""
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise ArchiveError(f"the folder {folder} cannot be made ({error.strerror}): set DATELINE_DATA_DIR") from error
        self._lock = ProcessLock(folder)
        self._lock.acquire()
        try:
            with self._told():
                self._open(mend_later=mend_later)
        except BaseException:
            try:
                self._chroma.disconnect()
            finally:
                self._lock.release()  # the mark stays
            raise

    def _open(self, *, mend_later: bool) -> None:
        self._archive.drop_pending()
        doubt = self._doubt()
        durable.touch(self._in_use)
        doubt = doubt or self._opened()
        if doubt is None:
            INDEX_READY.set(1)
            return
        self._distrust = doubt.reason
        if mend_later:
            logger.warning("the vector index is in doubt: %s; until it is rebuilt the stored vectors are searched", doubt.reason)
        else:
            logger.warning("rebuilding the vector index from the archive: %s", doubt.reason)
        self._chroma.disconnect()
        if doubt.damaged:
            kept = quarantine.set_aside(self._path)
            logger.warning("the damaged index was %s", f"kept as {kept}" if kept else "thrown away: it is no folder, or takes much room")
        if not mend_later:
            self.rebuild()

    def mend(self) -> None:
        """Rebuild the index from the archive where it is in doubt. Raises ArchiveError."""
        with self._guard:
            if self._distrust is not None:
                logger.warning("rebuilding the vector index from the archive: %s", self._distrust)
                self.rebuild()

    def _doubt(self) -> Doubt | None:
        """Why the index on disk cannot be trusted, if so, without opening it."""
        if self._in_use.exists():
            return Doubt(self._in_use.read_text("utf-8", "replace")[:200] or "it was not closed cleanly")
        if not self._path.exists():
            return Doubt("it is not there") if self._archive.vector_count() else None
        return manifest.doubt(self._manifest, self._path, self._made())

    def _opened(self) -> Doubt | None:
        """Open what is there; what is wrong with it even so."""
        try:
            self._chroma.connect()
            if self._chroma.count() != self._archive.vector_count():
                return Doubt("it does not hold the archive's passages")
            if self._chroma.embeds:
                return Doubt("it names an embedding function", damaged=True)
        except Exception as error:  # noqa: BLE001 - Chroma's errors have no common root, and here all mean the same
            return Doubt(f"it cannot be opened ({error})", damaged=True)
        return None

    def _made(self) -> dict[str, str]:
        """What an index would have to be made of and with to be opened now. 0.06 s for 20,000 passages."""
        rows = self._archive.rows("SELECT p.id FROM passages p JOIN articles a USING (version) WHERE a.state = 'ready' ORDER BY p.number")
        maker = self._archive.rows("SELECT value FROM meta WHERE key = 'fingerprint'")
        passages = "\n".join([*(row[0] for row in rows), *(row[0] for row in maker)])
        return {
            "state of the archive": f"{self._archive.stamp()}-{hashlib.sha256(passages.encode()).hexdigest()}",
            "version of Chroma": version("chromadb"),
            "kind of graph": json.dumps(self._graph, sort_keys=True),
        }

    def rebuild(self) -> int:
        """Throw the index away and fill a new one from the archive's vectors; returns how many. Raises ArchiveError.

        Meanwhile searches go over the stored vectors. Ended in the middle, it is done again at the next write or start.
        """
        with self._guard, self._told():
            self._distrust = self._distrust or "it is being rebuilt"
            INDEX_READY.set(0)
            self._chroma.disconnect()
            quarantine.discard(self._path)
            durable.remove(self._manifest)
            try:
                done = self._fill()
            except ArchiveDamaged as error:
                self._distrust = str(error)
                raise
            self._distrust = None
            INDEX_READY.set(1)
            INDEX_REBUILDS.inc()
            logger.info("vector index rebuilt from %d stored vectors", done)
            return done

    def _fill(self) -> int:
        total, done = self._archive.vector_count(), 0
        for ids, vectors in sound(self._archive.vectors(), total):
            if self._given_up.is_set():
                raise Stopping("the vector index is not rebuilt to its end: the next start does it")
            if not done:
                require_space(self._folder, total * (vectors.shape[1] * 5 + 1500))
                self._chroma.connect()
            self._chroma.upsert(ids, vectors)
            done += len(ids)
        if not done:
            self._chroma.connect()
        return done

    @contextmanager
    def turn(self, patience: float = PATIENCE) -> Iterator[None]:
        """Writers are threads of this process. Raises ArchiveInUse where the turn does not come in so many seconds, Stopping."""
        with self._turns.mine(patience, self._given_up.is_set):
            yield

    def upsert(self, ids: Sequence[str], vectors: Vectors) -> None:
        """Rows are written in small batches. Raises ArchiveError; some rows may be written then."""
        with self._guard:
            self._refuse_if_closed()
            self.mend()
            with self._writing():
                self._chroma.upsert(ids, vectors)

    def delete(self, ids: Sequence[str]) -> None:
        """Ids that are not there are passed over. Raises ArchiveError."""
        with self._guard:
            self._refuse_if_closed()
            if self._distrust is not None:
                return  # the archive has let them go, and the index is rebuilt from it: so room can be made on a full disk
            with self._writing():
                self._chroma.delete(ids)

    def query(self, vector: Vectors, k: int) -> list[tuple[str, float]]:
        """At most k ids with their cosine similarity, best first. Raises ArchiveError.

        Where Chroma fails, the stored vectors are searched exactly, from then on until the next rebuild.
        """
        k = min(k, MOST)
        if k < 1:
            return []
        self._refuse_if_closed()
        with self._told():
            if self._distrust is None:
                try:
                    return self._chroma.query(vector, k)
                except Exception as error:  # noqa: BLE001 - Chroma's errors have no common root, and here all mean the same
                    failure = f"a search failed ({error})"
                found = ExactIndex(self._archive).query(vector, k)  # raises where the vector was at fault
                self._suspect(failure)
                return found
            return ExactIndex(self._archive).query(vector, k)

    def count(self) -> int:
        """Vectors in the index. Raises ArchiveError, also while Chroma is not asked."""
        self._refuse_if_closed()
        with self._told():
            if self._distrust is not None:
                raise ArchiveError(f"the vector index is in doubt until it is rebuilt, at the next write or start: {self._distrust}")
            return self._chroma.count()

    def stored(self, ids: Sequence[str]) -> dict[str, Vectors]:
        """The vectors that the index itself holds for these ids, each `(dimension,)`; those that are not there are absent.

        Raises ArchiveError.
        """
        with self._guard, self._told():
            return self._chroma.stored(ids)

    def announce(self, url: str) -> None:
        """Leave the address at which this process serves the archive, for commands that come by. Raises ArchiveError."""
        self._lock.announce(url)

    def give_up(self) -> None:
        """It is to be closed soon: a rebuild under way ends after the batch at hand, and nobody gets a turn any more."""
        self._given_up.set()

    def close(self) -> None:
        """Close cleanly: the next start opens what is there. Whatever fails, the lock is let go; the mark then stays."""
        self.give_up()
        if not self._turns.over_here(LAST_WRITE):
            logger.warning("articles are still being written while the vector index is closed: the next start looks after it")
        with self._guard:
            self._closed = True
            try:
                if self._chroma.client is not None:
                    with self._told():
                        self._chroma.disconnect()
                        if self._distrust is None:
                            manifest.write(self._manifest, self._path, self._made())
                            durable.remove(self._in_use)
            finally:
                self._lock.release()

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise ArchiveError("the vector index is closed")

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """What fails inside leaves the index in doubt."""
        try:
            with self._told():
                yield
        except BaseException as error:
            self._suspect(f"a write failed ({error.__cause__ or error})")
            raise

    def _suspect(self, reason: str) -> None:
        if self._distrust is None:
            self._distrust = reason
            INDEX_READY.set(0)
            logger.warning("the vector index is in doubt: %s; until it is rebuilt the stored vectors are searched", reason)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Chroma's many errors as ours."""
        try:
            yield
        except (ArchiveError, Stopping):
            raise
        except Exception as error:
            blame_the_disk(self._folder)
            raise ArchiveError(f"the vector index in {self._path} failed ({error}): run `dateline reindex`") from error
