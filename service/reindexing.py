"""`dateline reindex`: the vector index made again from the archive, with new vectors where asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from service.bootstrap import ARCHIVE_FILE, fingerprint, open_archive
from service.indexing.passages import embedded_text
from service.indexing.preparation import serves
from service.models.embedders import build_embedder
from service.ports import Embedder
from service.services import now
from service.settings import Settings
from service.storage.archive import SqliteArchive
from service.storage.chroma_index import IN_USE, ChromaIndex
from service.storage.chroma_server_index import ChromaServerIndex
from service.storage.index_pointer import IN_DOUBT
from service.storage.lock import ProcessLock
from service.storage.opening import open_index


def reindex(settings: Settings, *, embed: bool) -> int:
    """Rebuild the vector index, embedding every passage again first where asked; returns how many vectors it holds."""
    embedder = build_embedder(settings)
    if embed:
        embed_again(settings, embedder)
    with _opened(settings, embedder) as (_, index):
        return index.rebuild()


@contextmanager
def opened_index(settings: Settings, embedder: Embedder) -> Iterator[tuple[SqliteArchive, ChromaIndex | ChromaServerIndex]]:
    """The archive and its index, which is rebuilt where it is in doubt. Raises ArchiveInUse, ArchiveMismatch, else ArchiveError."""
    with _opened(settings, embedder) as (archive, index):
        index.mend()
        yield archive, index


@contextmanager
def _opened(settings: Settings, embedder: Embedder) -> Iterator[tuple[SqliteArchive, ChromaIndex | ChromaServerIndex]]:
    """A Chroma server's is not looked at."""
    archive = open_archive(settings, embedder)
    try:
        index = open_index(settings, archive)
        try:
            yield archive, index
        finally:
            index.close()
    finally:
        archive.close()


def embed_again(settings: Settings, embedder: Embedder) -> None:
    """New vectors for every passage, in one transaction, under the index's lock; passages keep their offsets."""
    archive = SqliteArchive(settings.data_dir / ARCHIVE_FILE, None, now)  # before the lock, which bringing it up to date takes itself
    try:
        lock = ProcessLock(settings.data_dir)
        lock.acquire()
        try:
            for mark in (IN_USE, IN_DOUBT):
                (settings.data_dir / mark).touch()  # before the first new vector: either index holds the old ones
            archive.refresh_vectors(
                fingerprint(embedder),
                (
                    ([number for number, _, _ in rows], embedder.embed([embedded_text(article, passage) for _, passage, article in rows]))
                    for batch in archive.numbered_passages()
                    if (rows := [row for row in batch if serves(embedder, row[2].language)])
                ),
            )
        finally:
            lock.release()
    finally:
        archive.close()
