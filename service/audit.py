"""`dateline doctor --deep`: truth, full text and vectors held against each other, row by row, and what to do for each that differs.

12,390 made-up articles of one passage each (384 dimensions, 70 MB) took 2.6 s on two shared cores.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from service.archive_checks import REPLACE, archive_checks, looked, some
from service.bootstrap import ARCHIVE_FILE
from service.doctor import Check, readiness_at
from service.errors import ArchiveError, ArchiveInUse, DatelineError
from service.keeping import PREPARED, second_names
from service.services import now
from service.settings import Settings
from service.storage.archive import SqliteArchive
from service.storage.chroma_index import ChromaIndex
from service.storage.chroma_server_index import ChromaServerIndex
from service.storage.copying import Progress, silent
from service.storage.opening import open_index
from service.storage.space import megabytes

COMPARING, ASKING = "Vectors of the index", "Self-queries"
SELF_QUERIES = 300
_TOLERANCE = 1e-5
"""Of a vector's parts: the index keeps float32, as the archive does."""
_AS_NEAR = 1e-4
"""Of a cosine: passages of the same words have the same vector, and either may be found."""
_REINDEX = "run `dateline reindex`"


@dataclass(frozen=True, slots=True)
class Audit:
    """Every check, and how long they took together, in seconds."""

    checks: list[Check]
    seconds: float

    @property
    def ok(self) -> bool:
        """Whether all is well."""
        return all(check.ok for check in self.checks)


def audit(settings: Settings, progress: Progress = silent, *, queries: int = SELF_QUERIES) -> Audit:
    """Look at everything. An archive that cannot be opened is a check that is not well, and the last."""
    began = time.perf_counter()
    try:
        archive = SqliteArchive(settings.data_dir / ARCHIVE_FILE, None, now)
    except ArchiveError as error:
        return Audit([Check("the file", ok=False, found=str(error), remedy=REPLACE)], time.perf_counter() - began)
    with closing(archive):
        checks = [*archive_checks(archive, progress), *_of_index(settings, archive, progress, queries), _leftovers(settings)]
    return Audit(checks, time.perf_counter() - began)


def _of_index(settings: Settings, archive: SqliteArchive, progress: Progress, queries: int) -> Iterator[Check]:
    progress(COMPARING, 0, 0)
    try:
        with closing(open_index(settings, archive)) as index:
            yield looked("vectors of the index", lambda: _same(archive, index, progress), _REINDEX)
            yield looked("self-queries", lambda: _found(archive, index, queries, progress), _REINDEX)
    except ArchiveInUse as error:
        yield _of_service(archive, error)
    except DatelineError as error:
        yield Check("vectors of the index", ok=False, found=str(error), remedy=_REINDEX)


def _same(archive: SqliteArchive, index: ChromaIndex | ChromaServerIndex, progress: Progress) -> Check:
    absent: list[str] = []
    other: list[str] = []
    done, total = 0, archive.vector_count()
    for ids, vectors in archive.vectors():
        held = index.stored(ids)
        absent += [row for row in ids if row not in held]
        other += [row for row, vector in zip(ids, vectors, strict=True) if row in held and not _alike(held[row], vector)]
        done += len(ids)
        progress(COMPARING, done, total)
    strangers = index.count() - (done - len(absent))
    wrong = [
        some(absent, "are missing"),
        some(other, "differ"),
        f"{strangers:,} are of passages that are gone" if strangers else "",
    ]
    said = "; ".join(filter(None, wrong)) or f"{done:,} compared, each equals the stored one, and there are no others"
    return Check("vectors of the index", not any(wrong), said, _REINDEX)


def _alike(held: np.ndarray, stored: np.ndarray) -> bool:
    return held.shape == stored.shape and bool(np.allclose(held, stored, rtol=0, atol=_TOLERANCE))


def _found(archive: SqliteArchive, index: ChromaIndex | ChromaServerIndex, queries: int, progress: Progress) -> Check:
    """Passages looked for by their own vectors, spread over the archive."""
    total, missed, asked, place = archive.vector_count(), [], 0, 0
    step = max(1, -(-total // max(1, queries)))
    for ids, vectors in archive.vectors():
        for row, vector in zip(ids, vectors, strict=True):
            if place % step == 0:
                nearest = index.query(vector, 1)
                asked += 1
                if not nearest or (nearest[0][0] != row and nearest[0][1] < 1 - _AS_NEAR):
                    missed.append(row)
            place += 1
        progress(ASKING, asked, min(queries, total))
    said = some(missed, f"of {asked:,} passages are not found by their own vector") or f"{asked:,} passages are found by their own vectors"
    return Check("self-queries", not missed, said, _REINDEX)


def _of_service(archive: SqliteArchive, held: ArchiveInUse) -> Check:
    """Beside the process that holds the index, only counts can be compared: a second reader has made Chroma stand still."""
    stored = archive.vector_count()
    counted = readiness_at(held.url).get("index", {}).get("vectors") if held.url else None
    if counted is None:
        return Check("vectors of the index", ok=True, found=f"not compared: {held}; {stored:,} vectors are stored")
    said = f"the running service counts {counted:,}, {stored:,} are stored; stop it to compare them one by one"
    return Check("vectors of the index", counted == stored, said, "if an ingest is at it, look again after it; else restart the service")


def _leftovers(settings: Settings) -> Check:
    """What lies beside the archive and may go."""
    archive = settings.data_dir / ARCHIVE_FILE
    twins = [f"{one.name} is the archive itself by a second name: delete that name" for one in second_names(archive)]
    patterns = (f"{archive.name}.schema-*", f"{archive.name}.replaced-*", "*.damaged", f"{PREPARED}*", ".*.partial")
    kept = [one for pattern in patterns for one in settings.data_dir.glob(pattern) if one not in second_names(archive)]
    said = ", ".join(f"{one.name} ({megabytes(_size(one))})" for one in sorted(kept))
    found = "; ".join([*twins, *([f"kept beside, and may be deleted: {said}"] if said else [])]) or "none"
    return Check("leftovers", not twins, found, "see the message")


def _size(path: Path) -> int:
    return sum(one.lstat().st_size for one in (path.rglob("*") if path.is_dir() else [path]))
