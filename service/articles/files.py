"""Articles from files and folders, of every kind in `parsing.KINDS`, each also gzipped.

Lines of text, JSON and CSV are read here, by Python's own readers and within limits; every other kind by the parser in its process.
What cannot be read is yielded as `Unreadable` with file, line and reason; the rest goes on.
"""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import IO

from service.articles.items import Item, Loaded, Skipped, Unreadable
from service.articles.parsing import KINDS, ONE_ARTICLE, Job, kind_of_name, raws
from service.articles.raw import Raw
from service.articles.reading import Reading
from service.errors import BadArticle

LINES = frozenset({"text", "json", "jsonl", "csv"})
STREAMED = frozenset({"parquet", "zip"})
"""Read piece by piece by the parser itself: they may be larger than memory."""
MAX_FILE = 512 * 1024 * 1024
"""Bytes of a file that is parsed whole."""
_SUMMARY = "only the feed's summary: name the feed's address to have its pages fetched"


def load(paths: Iterable[Path], reading: Reading) -> Iterator[Item]:
    """Every article under `paths`, in name order. A path that does not exist is Unreadable, not an exception."""
    for path in paths:
        try:
            yield from _path(path, reading)
        except OSError as error:
            yield _failed(path, error)


def load_lines(file: IO[bytes], reading: Reading, place: str = "standard input") -> Iterator[Item]:
    """JSON Lines from a stream, read as they come."""
    try:
        yield from _items(raws(file, Job("jsonl", max_chars=reading.max_chars)), reading, place, "stdin")
    except BadArticle as error:
        yield Unreadable(place, str(error), "stdin")


def origin_of(path: Path) -> str:
    """The resolved path as text that can be stored: a byte of a file name that is not UTF-8 is written `\\udce9`."""
    return os.path.realpath(path).encode("utf-8", "backslashreplace").decode("utf-8")


def place_of(path: Path) -> str:
    """The path as text that can be printed, control characters escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(path))


def size_of(paths: Iterable[Path], leave: frozenset[Path] = frozenset()) -> int:
    """Bytes of the files that `load` would read of these paths, those it cannot look into left out: what progress is measured against."""
    return sum(_size(path, leave) for path in paths)


def _size(path: Path, leave: frozenset[Path]) -> int:
    try:
        files = _walk(path, leave)[0] if path.is_dir() else [path]
        return sum(file.stat().st_size for file in files if kind_of_name(file.name) and file.is_file())
    except OSError:  # `load` names it with its reason
        return 0


def _path(path: Path, reading: Reading) -> Iterator[Item]:
    if path.is_dir():
        if path.resolve() in reading.leave:
            yield Unreadable(place_of(path), "is the archive's own folder: name that of the articles", origin_of(path))
            return
        files, failures = _walk(path, reading.leave)
        yield from failures
        for file in files:
            yield from _file(file, reading) if kind_of_name(file.name) else (Skipped(place_of(file)),)
    elif not path.exists():
        yield Unreadable(place_of(path), "no such file or folder", origin_of(path))
    elif not path.is_file():
        yield Unreadable(place_of(path), "is neither a file nor a folder", origin_of(path))
    elif kind_of_name(path.name) is None:
        yield Unreadable(place_of(path), f"is not of a kind Dateline reads: {', '.join(KINDS)}, each also with .gz", origin_of(path))
    else:
        yield from _file(path, reading)


def _walk(folder: Path, leave: frozenset[Path]) -> tuple[list[Path], list[Unreadable]]:
    """Files below `folder` in order, and what could not be looked into.

    Hidden files, links that lead out of it, and the folders to leave are left aside.
    """
    root = folder.resolve()
    files: list[Path] = []
    failures: list[Unreadable] = []
    for base, folders, names in os.walk(folder, onerror=lambda error: failures.append(_failed(Path(error.filename), error))):
        folders[:] = [name for name in folders if not name.startswith(".") and Path(base, name).resolve() not in leave]
        visible = (Path(base, name) for name in names if not name.startswith("."))
        files.extend(file for file in visible if file.is_file() and file.resolve().is_relative_to(root))
    return sorted(files), failures


def _failed(path: Path, error: Exception) -> Unreadable:
    return Unreadable(place_of(path), f"cannot be read: {getattr(error, 'strerror', None) or error}", origin_of(path))


def _file(path: Path, reading: Reading) -> Iterator[Item]:
    yield from load_as(path, place_of(path), origin_of(path), reading, one_per_file=kind_of_name(path.name) in ONE_ARTICLE)


def load_as(path: Path, place: str, origin: str, reading: Reading, *, one_per_file: bool = False) -> Iterator[Item]:
    """The articles of one file of a kind that Dateline reads, told as read at `place` and kept under `origin`, whatever its path is.

    With `one_per_file` an article without an id or address is known again by its origin, else by its words.
    """
    kind = kind_of_name(path.name) or ""
    try:
        yield from _items(_raws(path, kind, reading), reading, place, origin, one_per_file=one_per_file)
    except BadArticle as error:
        yield Unreadable(place, str(error), origin)
    except (OSError, EOFError, zlib.error) as error:
        yield Unreadable(place, f"cannot be read: {getattr(error, 'strerror', None) or error}", origin)


def _raws(path: Path, kind: str, reading: Reading) -> Iterator[Raw]:
    before, size = reading.meter.read, path.stat().st_size
    options = {"columns": dict(reading.columns), "max_chars": reading.max_chars}
    if kind in STREAMED and path.suffix.lower() != ".gz":
        yield from reading.parser.stream(kind, path, name=path.name, options=options)
    elif kind in LINES:
        gzipped = path.suffix.lower() == ".gz"
        with path.open("rb") as packed, gzip.open(packed) if gzipped else nullcontext(packed) as file:
            for raw in raws(file, Job(kind, path.stem if gzipped else path.name, **options)):  # type: ignore[arg-type]
                reading.meter.read = before + packed.tell()
                yield raw
    elif size > MAX_FILE:
        raise BadArticle(f"is larger than {MAX_FILE:,} bytes: split it")
    else:
        yield from reading.parser.parse(kind, path.read_bytes(), name=path.name, options=options)
    reading.meter.read = before + size


def _items(found: Iterable[Raw], reading: Reading, place: str, origin: str, *, one_per_file: bool = False) -> Iterator[Item]:
    for raw in found:
        item = reading.item(raw, place + raw.place, origin, one_per_file=one_per_file)
        yield replace(item, warnings=(*item.warnings, _SUMMARY)) if raw.links and isinstance(item, Loaded) else item
