"""`dateline doctor`: each part looked at, and for each that is not well, what to do."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from service.bootstrap import build, reading
from service.errors import ArchiveInUse, DatelineError
from service.models.catalogue import DEFAULT_ENCODER, DEFAULT_GENERATOR, Entry
from service.models.fetch import installed
from service.settings import Settings

LOW_DISK = 2_000_000_000
"""Bytes: below this an ingest may run out in the middle."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at: what was found, and what to do if it is not well."""

    name: str
    ok: bool
    found: str
    remedy: str = ""


def examine(settings: Settings) -> list[Check]:
    """Every check, in the order in which to mend them."""
    return list(_checks(settings))


def _checks(settings: Settings) -> Iterator[Check]:
    yield Check("python", sys.version_info >= (3, 11), sys.version.split()[0], "install Python 3.11 or newer")
    yield _disk(settings)
    yield _model("encoder", settings, DEFAULT_ENCODER, needed=settings.embedding_model == DEFAULT_ENCODER.name)
    yield _model("language model", settings, DEFAULT_GENERATOR, needed=settings.model == "local")
    yield _asked("archive", lambda: _archive(settings), "see the message; a backup or a new DATELINE_DATA_DIR helps")
    yield _asked("vector index", lambda: _index(settings), "run `dateline reindex`")


def _disk(settings: Settings) -> Check:
    folder = next(parent for parent in (settings.data_dir, *settings.data_dir.parents) if parent.exists())
    free = shutil.disk_usage(folder).free
    return Check("disk", free > LOW_DISK, f"{free / 1e9:,.1f} GB free at {settings.data_dir}", "free some space, or set DATELINE_DATA_DIR")


def _model(name: str, settings: Settings, entry: Entry, *, needed: bool) -> Check:
    here = installed(entry, settings.models_dir)
    if not needed:
        return Check(name, True, settings.model if name == "language model" else settings.embedding_model)
    return Check(name, here, f"{entry.name} {'verified' if here else 'is not here'}", f"run `dateline models fetch {entry.name}`")


def _archive(settings: Settings) -> str:
    with reading(settings) as archive:
        wrong = archive.check()
        if wrong:
            raise DatelineError(wrong)
        held = archive.coverage()
        return f"{held.articles:,} articles, {archive.passage_count():,} passages in {archive.path}"


def _index(settings: Settings) -> str:
    try:
        with build(settings) as services:
            vectors, passages = services.index.count(), services.archive.passage_count()
    except ArchiveInUse as error:
        return f"in use: {error}"
    if vectors != passages:
        raise DatelineError(f"{vectors:,} vectors for {passages:,} passages")
    return f"{vectors:,} vectors"


def _asked(name: str, look: Callable[[], str], remedy: str) -> Check:
    try:
        return Check(name, True, look())
    except DatelineError as error:
        return Check(name, False, str(error), remedy)
