"""Whether the files of a model are the right bytes, without reading a gigabyte at every start.

Beside the files lies a record of size, modification time and SHA-256 as they were when last hashed. A file whose size and time
still match is taken at its word; any other is hashed again. The record guards against accident, not against someone who can write there.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from pathlib import Path
from typing import TypedDict

from service.errors import ModelCorrupt
from service.models.catalogue import Entry, ModelFile

RECORD = ".verified.json"
_log = logging.getLogger(__name__)


class _Seen(TypedDict):
    size: int
    mtime_ns: int
    sha256: str


def sha256_of(path: Path) -> str:
    """The file's SHA-256 in hex; about 1.5 GB/s where the CPU has SHA instructions."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def check_file(path: Path, file: ModelFile) -> None:
    """Raises ModelCorrupt, naming file, expected and got, where size or SHA-256 differ."""
    size = path.stat().st_size
    if size != file.size:
        raise ModelCorrupt(f"{path.name} has the wrong size: expected {file.size} bytes, got {size} ({path})")
    digest = sha256_of(path)
    if digest != file.sha256:
        raise ModelCorrupt(f"{path.name} has the wrong SHA-256: expected {file.sha256}, got {digest} ({path})")


def verified(entry: Entry, folder: Path, *, rehash: bool = False) -> bool:
    """True where every file of the model is in the folder with the right bytes; False where one is missing.

    Raises ModelCorrupt where a file is there with other bytes; nothing is deleted.
    """
    if not all((folder / file.path).is_file() for file in entry.files):
        return False
    record = {} if rehash else _read_record(folder)
    fresh: dict[str, _Seen] = {}
    for file in entry.files:
        path = folder / file.path
        status = path.stat()
        seen = _Seen(size=status.st_size, mtime_ns=status.st_mtime_ns, sha256=file.sha256)
        if record.get(file.path) != seen or status.st_size != file.size:
            check_file(path, file)
        fresh[file.path] = seen
    if fresh != record:
        _write_record(folder, fresh)
    return True


def _read_record(folder: Path) -> dict[str, _Seen]:
    """The record, or an empty one where it is missing or unreadable: then everything is hashed again."""
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        _log.warning("verification record in %s is unreadable, hashing again: %s", folder, error)
        return {}
    return record if isinstance(record, dict) else {}


def _write_record(folder: Path, record: dict[str, _Seen]) -> None:
    """Best effort: in a folder that cannot be written the next start hashes again."""
    temporary = folder / f"{RECORD}.{os.getpid()}"
    try:
        temporary.write_text(json.dumps(record, indent=1), encoding="utf-8")
        temporary.replace(folder / RECORD)
    except OSError as error:
        _log.info("no verification record in %s, every start will hash the model again: %s", folder, error)
