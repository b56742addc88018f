"""The stored API keys alone, without encoder, index and lock: for commands, and before a service opens anything heavy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from service.bootstrap import ARCHIVE_FILE
from service.services import now
from service.settings import Settings
from service.storage.file import ArchiveFile
from service.storage.keys import StoredKeys


@contextmanager
def open_keys(settings: Settings) -> Iterator[StoredKeys]:
    """The stored API keys alone; beside a running service too. An archive is begun where there is none."""
    file = ArchiveFile(settings.data_dir / ARCHIVE_FILE, None)
    try:
        yield StoredKeys(file, now)
    finally:
        file.close()


def keys_were_made(settings: Settings) -> bool:
    """Whether the archive, if there is one, holds any API key, revoked and expired ones too. Raises ArchiveError."""
    if not (settings.data_dir / ARCHIVE_FILE).exists():
        return False
    with open_keys(settings) as stored:
        return stored.any()
