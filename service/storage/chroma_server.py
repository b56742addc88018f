"""A Chroma server (`chroma run`) as it is spoken to: every call bounded in time, nothing built from what it has stored.

This is the HTTP client that `chromadb.HttpClient` is a shell around, used without the shell. The shell asks the server for this and that
before anybody can give it a time limit, and the client's own is none: a stopped server would hang it for good. And its collections build
the embedding function that the server names, which runs code here (CVE-2026-45829); so a collection is only looked at as plain JSON,
and named by its id from then on.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import UUID

import numpy as np

from service.errors import ArchiveError, IndexUnavailable
from service.ports import Vectors
from service.storage.chroma import GRAPH, batches, chroma_settings, names_embedding_function, similarities

if TYPE_CHECKING:
    from chromadb.api.fastapi import FastAPI

QUICK = 1.5
"""Seconds for a question: what it adds to a request that then fails is less than two."""
PATIENT = 30.0
"""Seconds for a write of `ROWS`; on two cores 250 vectors of 384 dimensions took 0.08."""
ROWS = 500
"""A write: 10 MB for vectors of 4,096 dimensions, where the server takes 40."""


class Gone(Exception):
    """The server answers, and does not have the collection."""


@dataclass(frozen=True, slots=True)
class Found:
    """A collection as the server describes it."""

    id: UUID
    metadata: Mapping[str, Any]
    embeds: bool
    """It names an embedding function: somebody else has made it."""


class ChromaServer:
    """One server. Safe to use from any thread. Every method raises IndexUnavailable where it does not answer as it should."""

    def __init__(self, url: str) -> None:
        import chromadb.api.fastapi  # noqa: F401 - here, on one thread: two that were the first to use it have locked each other out

        self.url = url
        self._guard = threading.Lock()
        self._clients: dict[float, FastAPI] = {}

    def version(self) -> str:
        """Of its interface."""
        with self._told():
            return str(self._within(QUICK).get_version())

    def look(self, name: str) -> Found:
        """The collection of that name, from plain JSON. Raises Gone."""
        with self._told():
            said = self._within(QUICK)._make_request("get", f"/tenants/default_tenant/databases/default_database/collections/{name}")
            stored = [said.get("configuration_json"), said.get("schema")]
            return Found(UUID(said["id"]), dict(said.get("metadata") or {}), names_embedding_function(stored))

    def create(self, name: str, metadata: Mapping[str, str], graph: Mapping[str, str | int] = GRAPH) -> UUID:
        """A new, empty collection."""
        with self._told():
            configuration: Any = {"hnsw": dict(graph)}
            self._within(PATIENT).create_collection(name, configuration=configuration, metadata=dict(metadata))
            return self.look(name).id

    def restate(self, collection: UUID, metadata: Mapping[str, str]) -> None:
        """Give it other metadata. Raises Gone."""
        with self._told():
            self._within(PATIENT)._modify(collection, new_metadata=dict(metadata))

    def drop(self, name: str) -> None:
        """Delete the collection of that name, if it is there."""
        try:
            with self._told():
                self._within(PATIENT).delete_collection(name)
        except Gone:
            return

    def count(self, collection: UUID) -> int:
        """How many vectors it holds. Raises Gone."""
        with self._told():
            return int(self._within(QUICK)._count(collection))

    def query(self, collection: UUID, vector: Vectors, k: int) -> list[tuple[str, float]]:
        """At most k ids with their cosine similarity, best first. Raises Gone, and ArchiveError for a vector that does not fit."""
        with self._told():
            asked: Any = [np.asarray(vector, dtype=np.float32)]
            return similarities(self._within(QUICK)._query(collection, asked, n_results=k, include=["distances"]))

    def stored(self, collection: UUID, ids: Sequence[str]) -> dict[str, Vectors]:
        """The vectors it holds for these ids, each `(dimension,)`; those that are not there are absent. Raises Gone."""
        found: dict[str, Vectors] = {}
        with self._told():
            for rows in batches(len(ids), ROWS):
                held = self._within(PATIENT)._get(collection, ids=list(ids[rows]), include=["embeddings"])
                vectors = np.asarray(held["embeddings"], dtype=np.float32)
                found |= dict(zip(held["ids"], vectors, strict=True))
        return found

    def upsert(self, collection: UUID, ids: Sequence[str], vectors: Vectors) -> None:
        """Write rows in parts; some may be written where it fails, or be written later. Raises Gone."""
        with self._told():
            for rows in batches(len(ids), ROWS):
                self._within(PATIENT)._upsert(collection, list(ids[rows]), list(np.asarray(vectors[rows], dtype=np.float32)))

    def delete(self, collection: UUID, ids: Sequence[str]) -> None:
        """Ids that are not there are passed over. Raises Gone."""
        with self._told():
            for rows in batches(len(ids), ROWS):
                self._within(PATIENT)._delete(collection, ids=list(ids[rows]))

    def close(self) -> None:
        """Let the connections go."""
        with self._guard:
            clients, self._clients = self._clients, {}
        for client in clients.values():
            client._session.close()

    def _within(self, seconds: float) -> FastAPI:
        """The client whose calls take no longer: each of connecting, sending, and waiting for an answer."""
        with self._guard:
            if seconds not in self._clients:
                self._clients[seconds] = _client(self.url, seconds)
            return self._clients[seconds]

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Chroma's and its client's many errors as ours."""
        import httpx
        from chromadb.errors import InvalidArgumentError, InvalidDimensionException, NotFoundError

        try:
            yield
        except (ArchiveError, Gone):
            raise
        except NotFoundError as error:
            raise Gone(str(error)) from error
        except (InvalidArgumentError, InvalidDimensionException) as error:
            raise ArchiveError(f"the Chroma server at {self.url} refuses what it was given ({error})") from error
        except httpx.HTTPError as error:
            why = "does not answer in time" if isinstance(error, httpx.TimeoutException) else f"cannot be reached ({error})"
            raise IndexUnavailable(f"the Chroma server at {self.url} {why}: start it (`chroma run`), or see DATELINE_CHROMA_URL") from error
        except Exception as error:
            raise IndexUnavailable(f"the Chroma server at {self.url} failed ({error}): see its log") from error


def _client(url: str, seconds: float) -> FastAPI:
    """Chroma's HTTP client with a time limit, around any proxy, and without what it would read from the environment."""
    import httpx
    from chromadb.api.fastapi import FastAPI
    from chromadb.config import System

    parts = urlsplit(url)
    secure, host = parts.scheme == "https", parts.hostname or ""
    settings = chroma_settings(
        chroma_api_impl="chromadb.api.fastapi.FastAPI",
        chroma_server_host=f"[{host}]" if ":" in host else host,
        chroma_server_http_port=parts.port or (443 if secure else 80),
        chroma_server_ssl_enabled=secure,
        chroma_server_headers={},
        chroma_client_auth_provider=None,
    )
    client = FastAPI(System(settings))
    theirs, timeout = client._session, httpx.Timeout(seconds, connect=min(seconds, QUICK))
    client._session = httpx.Client(timeout=timeout, limits=client.http_limits, headers=theirs.headers, trust_env=False)
    theirs.close()
    return client
