"""Chroma's embedding functions, which Dateline never uses and nobody else may make it use.

Chroma's client builds the function that a stored configuration names, at the first write and with that configuration's arguments, among
them `trust_remote_code` (CVE-2026-45829). Vectors are ours, so nothing needs to be built: what is unknown cannot be.
"""

from __future__ import annotations


def forget() -> None:
    """Empty Chroma's two registries in this process, for whatever collection is opened later. Repeatable, and cheap."""
    from chromadb.utils import embedding_functions

    embedding_functions.known_embedding_functions.clear()
    embedding_functions.sparse_known_embedding_functions.clear()
