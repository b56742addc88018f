"""`dateline reindex`: the vector index made again from the archive, with new vectors where asked."""

from __future__ import annotations

from service.bootstrap import ARCHIVE_FILE, fingerprint, now, open_archive
from service.indexing.passages import embedded_text
from service.indexing.preparation import serves
from service.models.encoder import build_embedder
from service.ports import Embedder
from service.settings import Settings
from service.storage.archive import SqliteArchive
from service.storage.chroma_index import IN_USE
from service.storage.index_pointer import IN_DOUBT
from service.storage.lock import ProcessLock
from service.storage.opening import open_index


def reindex(settings: Settings, *, embed: bool) -> int:
    """Rebuild the vector index, embedding every passage again first where asked; returns how many vectors it holds."""
    embedder = build_embedder(settings)
    if embed:
        _embed_again(settings, embedder)
    archive = open_archive(settings, embedder)
    try:
        index = open_index(settings, archive)
        try:
            return index.rebuild(archive)
        finally:
            index.close()
    finally:
        archive.close()


def _embed_again(settings: Settings, embedder: Embedder) -> None:
    """New vectors for every passage, in one transaction, under the index's lock; passages keep their offsets."""
    lock = ProcessLock(settings.data_dir)
    lock.acquire()
    try:
        archive = SqliteArchive(settings.data_dir / ARCHIVE_FILE, None, now)
        for mark in (IN_USE, IN_DOUBT):
            (settings.data_dir / mark).touch()  # before the first new vector: either index holds the old ones
        try:
            archive.refresh_vectors(
                fingerprint(embedder),
                (
                    ([number for number, _, _ in rows], embedder.embed([embedded_text(article, passage) for _, passage, article in rows]))
                    for batch in archive.numbered_passages()
                    if (rows := [row for row in batch if serves(embedder, row[2].language)])
                ),
            )
        finally:
            archive.close()
    finally:
        lock.release()
