"""Which collection of the Chroma server is the archive's, kept beside the archive, and the mark that says that it is in doubt.

The pointer is replaced in one step, so that a new collection takes the place of an old one in the same moment for every process.
"""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from service.errors import IndexUnavailable
from service.storage import durable
from service.storage.file import ArchiveFile
from service.storage.turns import telling

IN_DOUBT = "chroma-server.in-doubt"
"""The mark: there from before the first write of a turn until after its clean end. It may name a collection that is being filled."""
POINTER = "chroma-server.json"
_NAME = Annotated[str, Field(pattern="^dateline-[0-9a-f]{16}-[0-9a-f]{16}$")]
_COLLECTION = TypeAdapter[str](_NAME)


class Pointer(BaseModel):
    """The archive's collection, and what both must agree on."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    collection: _NAME
    state: Annotated[str, Field(max_length=64)]
    """Changes with every turn of a writer, here and in the collection's metadata: so one that another archive has written into is known."""
    before: Annotated[str, Field(max_length=64)]
    """The state before the last turn: the collection's, where the turn was broken off before its first write."""
    stamp: Annotated[str, Field(max_length=64)]
    """`SqliteArchive.stamp` when the last turn ended well."""

    def is_of(self, state: object) -> bool:
        """Whether a collection in that state was written into by this archive last."""
        return state in {self.state, self.before}


class PointerFile:
    """The pointer, read again only where the file is another."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / POINTER
        self._read: tuple[tuple[int, int], Pointer] | None = None

    def read(self) -> Pointer | None:
        """None where there is none, or none of ours. Raises IndexUnavailable where it cannot be read: the index may well be in order."""
        try:
            status = self._file.stat()
            which = (status.st_ino, status.st_mtime_ns)
            kept = self._read
            if kept is None or kept[0] != which:
                self._read = kept = (which, Pointer.model_validate_json(self._file.read_bytes()))
            return kept[1]
        except (FileNotFoundError, ValidationError):
            return None
        except OSError as error:
            raise IndexUnavailable(f"{self._file} cannot be read ({error.strerror}): see to whose it is, and to the disk") from error

    def write(self, pointer: Pointer) -> None:
        """Raises DiskFull, else ArchiveError."""
        with telling(self._file.parent):
            durable.write(self._file, pointer.model_dump_json().encode())


class Mark:
    """The index is in doubt while this is there, unless somebody has the turn."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / IN_DOUBT

    def exists(self) -> bool:
        """Whether it is there."""
        return self._file.exists()

    def set(self) -> None:
        """Raises DiskFull, else ArchiveError."""
        with telling(self._file.parent):
            durable.touch(self._file)

    def filling(self) -> str | None:
        """The collection that was being filled when it was left."""
        try:
            return _COLLECTION.validate_python(self._file.read_text("ascii"))
        except (OSError, ValueError):
            return None

    def set_filling(self, collection: str) -> None:
        """Raises DiskFull, else ArchiveError."""
        with telling(self._file.parent):
            durable.write(self._file, collection.encode())

    def clear(self) -> None:
        """Raises DiskFull, else ArchiveError."""
        with telling(self._file.parent):
            durable.remove(self._file)


def new_collection(archive: ArchiveFile) -> str:
    """A name that no collection has had: the archive's own part, which is made where there is none, and one of this moment."""
    with archive.transaction() as connection:
        connection.execute("INSERT OR IGNORE INTO meta VALUES ('archive_id', ?)", (secrets.token_hex(8),))
        mine = connection.execute("SELECT value FROM meta WHERE key = 'archive_id'").fetchone()[0]
    return f"dateline-{mine}-{secrets.token_hex(8)}"
