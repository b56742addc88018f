"""Room on the disk: asked for before much is written, because a full disk ends SQLite's and Chroma's reads as well as their writes."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from service.errors import DiskFull

FLOOR = 200_000_000
"""Bytes that stay free while articles are taken in: Chroma writes its whole graph anew every 1,000 vectors (some 180 MB for
100,000 of 384 dimensions), SQLite a journal of what it replaces."""
NEARLY_NONE = 32_000_000
"""Below so many free bytes, whatever fails is put down to the disk: Chroma does not say what its errors come from."""


def free_space(folder: Path) -> int:
    """Bytes that this user may still write in a folder, or in the nearest one above it that is there."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(folder).free


ELSEWHERE = "set DATELINE_DATA_DIR; what was taken in so far is kept"
"""What else helps on a full disk while articles are taken in."""


def require_space(folder: Path, least: int, free: Callable[[Path], int] = free_space, *, otherwise: str = ELSEWHERE) -> None:
    """Raises DiskFull, saying what to do, where fewer than `least` bytes are free."""
    there = free(folder)
    if there < least:
        raise DiskFull(f"only {megabytes(there)} are free at {folder}, {megabytes(least)} are needed: free some space, or {otherwise}")


def blame_the_disk(folder: Path, free: Callable[[Path], int] = free_space) -> None:
    """After a write that failed: raises DiskFull where next to nothing is free, so that it is told what the matter is."""
    if free(folder) < NEARLY_NONE:
        require_space(folder, FLOOR, free)


def megabytes(count: int) -> str:
    """Bytes as a person reads them, rounded down: `1,234 MB`."""
    return f"{count // 1_000_000:,} MB"
