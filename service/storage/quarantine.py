"""A damaged folder set aside for a look, or thrown away where it would take too much room."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from service.storage.space import free_space

_SHARE = 10
"""A damaged folder is kept where it takes less than this part of the free space; a runaway graph has taken 16 GB."""


def set_aside(folder: Path, free: Callable[[Path], int] = free_space) -> Path | None:
    """Rename the folder to `<name>.damaged`, in place of an older one; returns where it is, or None where it was thrown away.

    Raises OSError.
    """
    aside = folder.with_name(f"{folder.name}.damaged")
    discard(aside)
    if folder.is_symlink() or not folder.is_dir() or _taken(folder) * _SHARE > free(folder.parent):
        discard(folder)
        return None
    folder.replace(aside)
    return aside


def discard(path: Path) -> None:
    """Remove whatever is there, following no link. Raises OSError."""
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.exists():
        shutil.rmtree(path)


def _taken(folder: Path) -> int:
    """Bytes on the disk: a file with holes takes less than its size says."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            status = Path(parent, name).lstat()
            total += getattr(status, "st_blocks", -(-status.st_size // 512)) * 512
    return total
