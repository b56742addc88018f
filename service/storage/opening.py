"""Which vector index an archive is opened with: a Chroma server's, embedded Chroma, or none but the stored vectors."""

from __future__ import annotations

import logging

from service.errors import ArchiveInUse, DiskFull
from service.ports import VectorIndex
from service.settings import Settings
from service.storage.archive import SqliteArchive
from service.storage.chroma_index import ChromaIndex
from service.storage.chroma_server_index import ChromaServerIndex
from service.storage.exact_index import ExactIndex

logger = logging.getLogger(__name__)


def open_index(settings: Settings, archive: SqliteArchive, *, mend_later: bool = False) -> ChromaIndex | ChromaServerIndex:
    """The index of the settings, an embedded one in doubt rebuilt first unless that is for later.

    Raises ArchiveInUse where another process stands in the way, else ArchiveError."""
    if settings.chroma_url:
        return ChromaServerIndex(settings.data_dir, archive, settings.chroma_url)
    return ChromaIndex(settings.data_dir, archive, mend_later=mend_later)


def index_for(settings: Settings, archive: SqliteArchive, *, writable: bool, serving: bool) -> VectorIndex:
    """The same. Where it need not be `writable` and cannot be opened, the stored vectors are searched.

    A Chroma server's is looked at and mended before it is given, unless it is for `serving`, which goes on while that server is down;
    an embedded one that is in doubt is then mended later.
    """
    try:
        index = open_index(settings, archive, mend_later=serving)
    except ArchiveInUse as error:
        if writable:
            raise
        logger.info("another process holds the vector index: searching the stored vectors")
        return ExactIndex(archive, error)
    except DiskFull as error:
        if writable:
            raise
        logger.warning("%s; searching the stored vectors", error)
        return ExactIndex(archive, error)
    if not serving:
        try:
            index.mend()
        except BaseException:
            index.close()
            raise
    return index
