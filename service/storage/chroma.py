"""What embedded Chroma and a Chroma server have in common: the kind of graph, the settings, and what must not be stored there."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from service.errors import ArchiveDamaged
from service.ports import Vectors
from service.storage import embedding_functions

if TYPE_CHECKING:
    from chromadb.config import Settings as ChromaSettings

logger = logging.getLogger(__name__)

MOST = 30_000
"""Neighbours a query: from 32,767 on Chroma fails with "too many SQL variables"."""
GRAPH: Mapping[str, str | int] = {"space": "cosine", "max_neighbors": 32, "ef_construction": 200}
"""With Chroma's 16 and 100, one outlying passage of 765 could not be reached by any query in 11 of 24 rebuilds of one archive;
with either value doubled in none of 12 (the archive of `tests/integration/test_crash.py` after its tenth kill)."""
_STEP = 10_000
"""Vectors between two words on how far a rebuild is."""
_HARMLESS = frozenset({"legacy", "unknown"})
"""How Chroma writes that a collection has no embedding function."""


def chroma_settings(**more: Any) -> ChromaSettings:
    """Chroma's own settings: nothing of the working directory's `.env`, which is ours or anybody's, and nothing told to anybody.

    Nor are CHROMA_OTEL_… heard: its tracing takes OpenTelemetry's global provider, and sends what it likes. No embedding function that a
    stored configuration names can be built from here on.
    """
    from chromadb.config import Settings as ChromaSettings

    embedding_functions.forget()
    return ChromaSettings(_env_file=None, anonymized_telemetry=False, allow_reset=False, chroma_otel_granularity="none", **more)


def names_embedding_function(configuration: object) -> bool:
    """Whether a stored configuration names one: building it runs code in this process (CVE-2026-45829), and there must be none."""
    return not _HARMLESS.issuperset(_embedding_functions(configuration))


def similarities(found: Mapping[str, Any]) -> list[tuple[str, float]]:
    """Ids with their cosine similarity, of the first question of a query's answer."""
    return [(row, 1.0 - float(distance)) for row, distance in zip(found["ids"][0], (found["distances"] or [[]])[0], strict=True)]


def batches(count: int, size: int) -> Iterator[slice]:
    """So many rows, in parts of that size."""
    return (slice(first, first + size) for first in range(0, count, size))


def sound(batches_of: Iterator[tuple[list[str], Vectors]], total: int) -> Iterator[tuple[list[str], Vectors]]:
    """Stored vectors as an index is filled with them; how far it is goes to the log. Raises ArchiveDamaged where one is not finite."""
    done = 0
    for ids, vectors in batches_of:
        if not np.isfinite(vectors).all():
            raise ArchiveDamaged("stored vectors are not finite (`dateline doctor --deep` names them): run `dateline reindex --embed`")
        yield ids, vectors
        done += len(ids)
        if done % _STEP < len(ids):
            logger.info("vector index: %d of %d stored vectors", done, total)


def _embedding_functions(configuration: object) -> Iterator[str]:
    """The type of every embedding function that a stored configuration names, at any depth."""
    if isinstance(configuration, Sequence) and not isinstance(configuration, str):
        for value in configuration:
            yield from _embedding_functions(value)
    elif isinstance(configuration, Mapping):
        for key, value in configuration.items():
            if key != "embedding_function":
                yield from _embedding_functions(value)
            elif value is not None:
                yield str(value.get("type")) if isinstance(value, Mapping) else str(value)
