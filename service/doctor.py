"""`dateline doctor`: each part looked at, and for each that is not well, what to do."""

from __future__ import annotations

import re
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
from pydantic import SecretStr

from service.access import keys_were_made
from service.bootstrap import build, reading
from service.environment import PREFIX
from service.errors import ArchiveInUse, DatelineError, SettingsError
from service.http.keys import require_keys
from service.models import embedders
from service.models.catalogue import CATALOGUE, DEFAULT_GENERATOR, Entry
from service.models.fetch import installed
from service.models.generator import build_generator
from service.models.nli import NLI, NliJudge
from service.models.reranker import build_reranker
from service.ports import VectorIndex
from service.settings import Settings
from service.storage.chroma_server_index import ChromaServerIndex
from service.storage.lock import ProcessLock
from service.storage.space import free_space

PATIENCE = 5.0
"""Seconds for the running service to say how it is."""
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
    yield _settings(settings)
    yield _disk(settings)
    yield _encoder(settings)
    yield _language_model(settings)
    yield _asked("reranker", lambda: _reranker(settings), "see DATELINE_RERANKER; questions are answered without it meanwhile")
    yield _asked("judge", lambda: _judge(settings), "see DATELINE_JUDGE; sentences are checked without it meanwhile")
    yield _asked("archive", lambda: _archive(settings), "see the message; a backup or a new DATELINE_DATA_DIR helps")
    remedy = "see that the Chroma server runs and answers, and DATELINE_CHROMA_URL" if settings.chroma_url else "run `dateline reindex`"
    yield _asked("vector index", lambda: _index(settings), remedy)
    yield _service(settings)


def _settings(settings: Settings) -> Check:
    """Which are set and to what, and whether the service may listen where they say."""
    said = ", ".join(f"{PREFIX}{name.upper()}={_shown(getattr(settings, name))}" for name in sorted(settings.model_fields_set))
    try:
        require_keys(settings)
        keys = "with keys" if settings.api_keys or keys_were_made(settings) else "without keys"
    except SettingsError as error:
        return Check("settings", ok=False, found=f"{said or 'all as they come'}; {error}", remedy="see docs/settings.md")
    except DatelineError:
        keys = "with keys or without, which the archive does not tell (see there)"
    return Check("settings", ok=True, found=f"{said or 'all as they come'}; listens on {settings.host}:{settings.port} {keys}")


def _shown(value: object) -> str:
    """A setting's value; nothing of a key, and of an address not what stands before its host."""
    if isinstance(value, SecretStr):
        return "(hidden)"
    if isinstance(value, dict):
        return f"({len(value)} hidden)"
    if isinstance(value, list):
        return ",".join(map(_shown, value))
    return re.sub(r"(?<=://)[^/@]*@", "(hidden)@", str(value))


def _disk(settings: Settings) -> Check:
    free, floor = free_space(settings.data_dir), settings.min_free_mb * 1_000_000
    found = f"{free / 1e9:,.1f} GB free at {settings.data_dir}, of which {settings.min_free_mb:,} MB are left free"
    if free < floor:
        found += "; nothing is taken in until there is more"
    return Check("disk", free > max(LOW_DISK, floor), found, "free some space, or set DATELINE_DATA_DIR")


def _encoder(settings: Settings) -> Check:
    entry = next((one for one in CATALOGUE if one.name.casefold() == settings.embedding_model.casefold()), None)
    if entry and not settings.embedding_url:
        return _fetched("encoder", entry, settings)
    return _asked("encoder", lambda: embedders.build_embedder(settings).examine(), "see DATELINE_EMBEDDING_MODEL and _EMBEDDING_URL")


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


def _service(settings: Settings) -> Check:
    """What the running service says of its parts; where none holds the archive, whether one could listen."""
    holder = ProcessLock(settings.data_dir).holder()
    if holder is None:
        return _port(settings)
    if holder.url is None:
        return Check("service", ok=True, found=f"process {holder.pid} holds the archive and serves nothing")
    said = f"process {holder.pid} serves the archive at {holder.url}"
    try:
        state = readiness_at(holder.url)
    except DatelineError as error:
        return Check("service", ok=False, found=f"{said}; {error}", remedy="look at its log, or restart it")
    ill = [f"{name} is not ready ({part.get('reason') or part.get('state') or 'no reason given'})" for name, part in state.items()
           if isinstance(part, dict) and part.get("ready") is False]  # fmt: skip
    found = "; ".join([said, *ill]) if ill else f"{said}; every part is ready"
    return Check("service", not ill, found, "loading takes some seconds after a start; else look at its log, or restart it")


def readiness_at(url: str) -> dict[str, Any]:
    """What the service there says at `/readyz`, each part with `ready`. Raises ArchiveInUse where it says nothing that is understood."""
    try:
        answer = httpx2.get(f"{url.rstrip('/')}/readyz", timeout=PATIENCE, trust_env=False)
        state = answer.json()
    except (httpx2.HTTPError, ValueError) as error:
        raise ArchiveInUse(f"the service at {url} does not answer ({error or type(error).__name__})", url) from error
    return state if isinstance(state, dict) else {}


def _port(settings: Settings) -> Check:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    where = f"{settings.host}:{settings.port}"
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((settings.host, settings.port))
        except OSError as error:
            found = f"no service runs, and none could listen on {where} ({error.strerror})"
            return Check("service", ok=False, found=found, remedy="choose another port with --port or DATELINE_PORT")
    return Check("service", ok=True, found=f"none runs; {where} is free")


def _asked(name: str, look: Callable[[], str], remedy: str) -> Check:
    try:
        return Check(name, ok=True, found=look())
    except DatelineError as error:
        return Check(name, ok=False, found=str(error), remedy=remedy)
