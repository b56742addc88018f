"""What a cleanly closed index consists of: size and SHA-256 of every file, and what it was made of and with.

Chroma must never open files that changed since it closed them: flipped bytes end the process (SIGABRT in its SQLite file,
SIGSEGV in its graph), a deleted database is silently a new, empty one, and a torn graph has grown by 16 GB in a minute. So
everything is looked at before, sizes first. A loss of power is covered too: what had not reached the disk does not match.

It costs 0.75 s per GB at a start and again at a close, on two shared cores with the files in memory: 0.03 s for 20,000 vectors of
384 dimensions (44 MB), so some 0.17 s for 100,000.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from service.storage import durable

_LARGEST = 1_000_000
"""Bytes of a manifest that are read: some 5,000 files, where an index has six."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why an index is not opened, and whether its files are not what they were."""

    reason: str
    damaged: bool = False


class _File(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")
    size: Annotated[int, Field(ge=0)]
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class _Manifest(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")
    format: Literal[1]
    made: dict[str, str]
    files: dict[str, _File]


def write(file: Path, folder: Path, made: Mapping[str, str]) -> None:
    """Record what the folder holds, and what it was made of and with. Raises OSError, also for what is no plain file."""
    files = {name: _File(size=path.stat().st_size, sha256=_digest(path)) for name, path in _files(folder)}
    durable.write(file, _Manifest(format=1, made=dict(made), files=files).model_dump_json().encode())


def doubt(file: Path, folder: Path, made: Mapping[str, str]) -> Doubt | None:
    """What speaks against the folder, or None where it is, byte by byte, what the manifest says. Nothing is raised for bad content."""
    try:
        with file.open("rb") as opened:
            said = _Manifest.model_validate_json(opened.read(_LARGEST))
            if opened.read(1):
                return Doubt("the record of its last close is too large", damaged=True)
    except FileNotFoundError:
        return Doubt("there is no record of its last close")
    except (OSError, ValidationError):
        return Doubt("the record of its last close cannot be read", damaged=True)
    for part in sorted(made.keys() | said.made.keys()):
        if made.get(part) != said.made.get(part):
            return Doubt(f"it was closed with another {part}")
    try:
        wrong = _wrong(said.files, folder)
    except OSError as error:
        wrong = f"its files cannot be read ({error.strerror})"
    return Doubt(wrong, damaged=True) if wrong else None


def _wrong(said: Mapping[str, _File], folder: Path) -> str | None:
    """The first file that is not as it was: names and sizes of all, then the bytes."""
    left = dict(said)
    for name, path in _files(folder):
        known = left.pop(name, None)
        if known is None:
            return f"the file {name!r} was not there"
        if (size := path.stat().st_size) != known.size:
            return f"the file {name!r} has {size:,} bytes, and had {known.size:,}"
    if left:
        return f"the file {min(left)!r} is gone"
    for name, known in said.items():
        if _digest(folder / name) != known.sha256:
            return f"the file {name!r} holds other bytes than it did"
    return None


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Every file below a folder with its name from there. Raises OSError for a link or anything else that is no plain file."""
    waiting = [folder]
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                mode = entry.stat(follow_symlinks=False).st_mode
                if stat.S_ISDIR(mode):
                    waiting.append(Path(entry.path))
                elif stat.S_ISREG(mode):
                    yield Path(entry.path).relative_to(folder).as_posix(), Path(entry.path)
                else:
                    raise OSError(0, f"{entry.name!r} is no plain file")


def _digest(path: Path) -> str:
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
