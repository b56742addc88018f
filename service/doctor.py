"""`dateline doctor`: each part looked at, and for each that is not well, what to do."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from service.bootstrap import build, reading
from service.errors import ArchiveInUse, DatelineError
from service.models.catalogue import CATALOGUE, DEFAULT_GENERATOR, Entry
from service.models.encoder import build_embedder
from service.models.fetch import installed
from service.models.generator import build_generator
from service.models.nli import NLI, NliJudge
from service.models.reranker import build_reranker
from service.ports import VectorIndex
from service.settings import Settings
from service.storage.chroma_server_index import ChromaServerIndex

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
    yield _encoder(settings)
    yield _language_model(settings)
    yield _asked("reranker", lambda: _reranker(settings), "see DATELINE_RERANKER; questions are answered without it meanwhile")
    yield _asked("judge", lambda: _judge(settings), "see DATELINE_JUDGE; sentences are checked without it meanwhile")
    yield _asked("archive", lambda: _archive(settings), "see the message; a backup or a new DATELINE_DATA_DIR helps")
    yield _asked("vector index", lambda: _index(settings), "run `dateline reindex`")


def _disk(settings: Settings) -> Check:
    folder = next(parent for parent in (settings.data_dir, *settings.data_dir.parents) if parent.exists())
    free = shutil.disk_usage(folder).free
    return Check("disk", free > LOW_DISK, f"{free / 1e9:,.1f} GB free at {settings.data_dir}", "free some space, or set DATELINE_DATA_DIR")


def _encoder(settings: Settings) -> Check:
    entry = next((one for one in CATALOGUE if one.name.casefold() == settings.embedding_model.casefold()), None)
    if entry and not settings.embedding_url:
        return _fetched("encoder", entry, settings)
    return _asked("encoder", lambda: build_embedder(settings).examine(), "see DATELINE_EMBEDDING_MODEL and DATELINE_EMBEDDING_URL")


def _language_model(settings: Settings) -> Check:
    name = settings.model.removeprefix("local").removeprefix("/") or DEFAULT_GENERATOR.name
    entry = next((one for one in CATALOGUE if one.name.casefold() == name.casefold()), None)
    if settings.model.startswith("local") and entry:
        return _fetched("language model", entry, settings)
    if name.endswith(".gguf"):
        path = Path(name).expanduser()
        return Check("language model", path.is_file(), str(path), "DATELINE_MODEL names no file and no model of `dateline models list`")
    return _asked("language model", lambda: _opened(settings), "see DATELINE_MODEL")


def _fetched(name: str, entry: Entry, settings: Settings) -> Check:
    here = installed(entry, settings.models_dir)
    return Check(name, here, f"{entry.name} {'verified' if here else 'is not here'}", f"run `dateline models fetch {entry.name}`")


def _opened(settings: Settings) -> str:
    """The name, once its package and key were found to be there. Nothing is sent to a hosted model."""
    build_generator(settings)
    return settings.model


def _reranker(settings: Settings) -> str:
    """Where its files are, or that its server answered one question; nothing is loaded or fetched."""
    reranker = build_reranker(settings)
    return reranker.examine() if reranker else "off"


def _judge(settings: Settings) -> str:
    """Who it is, and for a cross-encoder where its files are; nothing is loaded, fetched or sent."""
    chosen = settings.judge
    if chosen.startswith(NLI):
        return NliJudge(chosen.removeprefix(NLI)).examine()
    if chosen == "model":
        return "off, since there is no language model" if settings.model == "extractive" else "the language model"
    if chosen != "off":
        build_generator(settings.model_copy(update={"model": chosen}))
    return chosen


def _archive(settings: Settings) -> str:
    with reading(settings) as archive:
        wrong = archive.check()
        if wrong:
            raise DatelineError(wrong)
        held = archive.coverage()
        return f"{held.articles:,} articles, {archive.passage_count():,} passages in {archive.path}"


def _index(settings: Settings) -> str:
    try:
        with build(settings.model_copy(update={"model": "extractive"})) as services:
            vectors, passages, where = services.index.count(), services.archive.vector_count(), _place(services.index)
    except ArchiveInUse as error:
        return f"in use: {error}"
    if vectors != passages:
        raise DatelineError(f"{vectors:,} vectors for {passages:,} passages")
    return f"{vectors:,} vectors{where}"


def _place(index: VectorIndex) -> str:
    """Where the server is, and that it has said so; nothing for embedded Chroma."""
    if not isinstance(index, ChromaServerIndex):
        return ""
    return f" in the Chroma server at {index.server.url} (version {index.server.version()} of its interface)"


def _asked(name: str, look: Callable[[], str], remedy: str) -> Check:
    try:
        return Check(name, ok=True, found=look())
    except DatelineError as error:
        return Check(name, ok=False, found=str(error), remedy=remedy)
