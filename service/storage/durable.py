"""Small files that are whole or not there: written beside, synced, renamed, and the folder synced after it (POSIX rename, fsync)."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path


def write(file: Path, content: bytes) -> None:
    """Replace the file's content in one step, readable by its owner only. Raises OSError; the old content is there then."""
    descriptor, name = tempfile.mkstemp(prefix=f"{file.name}.", suffix=".new", dir=file.parent)  # several may write at once
    fresh = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(content)
            opened.flush()
            os.fsync(opened.fileno())
        fresh.replace(file)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
    sync_folder(file.parent)


def sync(file: Path) -> None:
    """Make what was written to a file last. Raises OSError."""
    opened = os.open(file, os.O_RDWR)  # Windows syncs nothing that was opened to be read
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def place(fresh: Path, file: Path, *, replace: bool) -> None:
    """Give a synced file its name in one step. Raises FileExistsError where there is one of that name and it is not to be replaced."""
    if replace:
        fresh.replace(file)
    else:
        try:
            os.link(fresh, file)  # unlike a rename, it fails where the name is taken
        except FileExistsError:
            raise
        except OSError:  # a file system without hard links
            if file.exists():
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(file)) from None
            fresh.rename(file)
        else:
            fresh.unlink()
    sync_folder(file.parent)


def touch(file: Path) -> None:
    """Make an empty file where there is none. Raises OSError."""
    file.touch(mode=0o600)
    sync_folder(file.parent)


def remove(file: Path) -> None:
    """Take a file away, if it is there. Raises OSError."""
    file.unlink(missing_ok=True)
    sync_folder(file.parent)


def sync_folder(folder: Path) -> None:
    """Make names that were given or taken in a folder last. Nothing where the system cannot open folders (Windows)."""
    if os.name != "posix":
        return
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
