"""Articles from files and folders: plain text, Markdown with front matter, JSON and JSON Lines, each also gzipped.

What cannot be read is yielded as `Unreadable` with file, line and reason; the rest goes on.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO

from service.articles.markdown import plain_text, split_front_matter
from service.articles.row import Loaded, article_from_row
from service.errors import BadArticle

BYTES_PER_CHARACTER = 4
"""The most UTF-8 needs; JSON escapes can take more, so rows get half as much again."""
JSON_ARTICLES = 16
"""A JSON file is parsed whole, so it holds at most the bytes of so many of the longest articles; JSON Lines has no limit."""
_DATE_LINE = re.compile(r"\s*date[ \t]+(\d{4}-\d{1,2}-\d{1,2})(?:\s+|$)")
_KINDS = (".txt", ".md", ".markdown", ".json", ".jsonl", ".ndjson")


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Something that could not be taken in: where (`file`, `file:line` or, in a JSON list, `file:item`) and why."""

    place: str
    reason: str
    origin: str | None = None
    """The file or folder, as `Article.origin` names it."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file in a folder that is not of a kind Dateline reads."""

    place: str


Item = Loaded | Unreadable | Skipped


def load(paths: Iterable[Path], *, now: datetime, max_chars: int) -> Iterator[Item]:
    """Every article under `paths`, in name order. A path that does not exist is Unreadable, not an exception."""
    for path in paths:
        try:
            yield from _path(path, now, max_chars)
        except OSError as error:
            yield _failed(path, error)


def origin_of(path: Path) -> str:
    """The resolved path as text that can be stored: a byte of a file name that is not UTF-8 is written `\\udce9`."""
    return os.path.realpath(path).encode("utf-8", "backslashreplace").decode("utf-8")


def place_of(path: Path) -> str:
    """The path as text that can be printed, control characters escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(path))


def _path(path: Path, now: datetime, max_chars: int) -> Iterator[Item]:
    if path.is_dir():
        files, failures = _walk(path)
        yield from failures
        for file in files:
            yield from _file(file, now, max_chars) if kind_of(file) else (Skipped(place_of(file)),)
    elif not path.exists():
        yield Unreadable(place_of(path), "no such file or folder", origin_of(path))
    elif not path.is_file():
        yield Unreadable(place_of(path), "is neither a file nor a folder", origin_of(path))
    elif kind_of(path) is None:
        yield Unreadable(place_of(path), f"is not of a kind Dateline reads: {', '.join(_KINDS)}, each also with .gz", origin_of(path))
    else:
        yield from _file(path, now, max_chars)


def kind_of(path: Path) -> str | None:
    """`.txt`, `.md`, `.json`, `.jsonl`, or None; `.gz` is looked through."""
    suffix = Path(path.stem).suffix.lower() if path.suffix.lower() == ".gz" else path.suffix.lower()
    return {".markdown": ".md", ".ndjson": ".jsonl"}.get(suffix, suffix) if suffix in _KINDS else None


def _walk(folder: Path) -> tuple[list[Path], list[Unreadable]]:
    """Files below `folder` in order, hidden ones and links that lead out of it left aside, and what could not be looked into."""
    root = folder.resolve()
    files: list[Path] = []
    failures: list[Unreadable] = []
    for base, folders, names in os.walk(folder, onerror=lambda error: failures.append(_failed(Path(error.filename), error))):
        folders[:] = [name for name in folders if not name.startswith(".")]
        visible = (Path(base, name) for name in names if not name.startswith("."))
        files.extend(file for file in visible if file.is_file() and file.resolve().is_relative_to(root))
    return sorted(files), failures


def _failed(path: Path, error: Exception) -> Unreadable:
    return Unreadable(place_of(path), f"cannot be read: {getattr(error, 'strerror', None) or error}", origin_of(path))


def _file(path: Path, now: datetime, max_chars: int) -> Iterator[Item]:
    read: dict[str, Callable[[Path, int], Iterator[_Row]]] = {".txt": _text, ".md": _markdown, ".json": _json, ".jsonl": _json_lines}
    kind = kind_of(path) or ""
    try:
        for row in read[kind](path, max_chars):
            yield _item(row, path, now, max_chars, one_per_file=kind in {".txt", ".md"})
    except BadArticle as error:
        yield Unreadable(place_of(path), str(error), origin_of(path))
    except (OSError, EOFError, zlib.error) as error:
        yield _failed(path, error)


@dataclass(frozen=True, slots=True)
class _Row:
    """One row of a file: its line where the file has several, and either the row or why there is none."""

    line: int | None
    row: object = None
    problem: str | None = None


def _item(row: _Row, path: Path, now: datetime, max_chars: int, *, one_per_file: bool) -> Item:
    place = place_of(path) + (f":{row.line}" if row.line else "")
    origin = origin_of(path)
    if row.problem:
        return Unreadable(place, row.problem, origin)
    try:
        return article_from_row(row.row, now=now, max_chars=max_chars, origin=origin, origin_is_identity=one_per_file).at(place)
    except BadArticle as error:
        return Unreadable(place, str(error), origin)


def _open(path: Path) -> IO[bytes]:
    return gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb")  # type: ignore[return-value]


def _whole(path: Path, limit: int) -> str:
    with _open(path) as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise BadArticle(f"is larger than {limit:,} bytes: raise DATELINE_MAX_ARTICLE_CHARS, or split it (JSON Lines is read line by line)")
    if not data.strip():
        raise BadArticle("is empty")
    return _decode(data)


def _decode(data: bytes) -> str:
    if b"\0" in data:
        raise BadArticle("contains NUL bytes: is this a binary file, or UTF-16? Convert it to UTF-8")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadArticle(f"is not UTF-8 (byte 0x{data[error.start]:02x} at offset {error.start}): convert it, e.g. with iconv") from error


def _text(path: Path, max_chars: int) -> Iterator[_Row]:
    text = _whole(path, max_chars * BYTES_PER_CHARACTER)
    found = _DATE_LINE.match(text)
    row = {"text": text[found.end() :], "published_at": found.group(1)} if found else {"text": text}
    yield _Row(None, row)


def _markdown(path: Path, max_chars: int) -> Iterator[_Row]:
    row, body = split_front_matter(_whole(path, max_chars * BYTES_PER_CHARACTER))
    heading, text = plain_text(body)
    if heading and not row.get("title"):
        row["title"] = heading
    elif heading and heading != row["title"]:
        text = f"{heading}\n\n{text}"
    yield _Row(None, row | {"text": text})


def _json(path: Path, max_chars: int) -> Iterator[_Row]:
    text = _whole(path, max_chars * BYTES_PER_CHARACTER * JSON_ARTICLES)
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise BadArticle(f"is not JSON (line {error.lineno}, column {error.colno}): {error.msg}") from error
    except (ValueError, RecursionError) as error:
        raise BadArticle(_unparsed(error)) from error
    rows: Sequence[object] = value if isinstance(value, list) else [value]
    if not rows:
        raise BadArticle("is an empty list")
    for number, row in enumerate(rows, 1):
        yield _Row(number if isinstance(value, list) else None, row)


def _unparsed(error: Exception) -> str:
    """Why Python's parser gave up: its own words speak of interpreter settings."""
    return "is nested too deeply" if isinstance(error, RecursionError) else "is not JSON that can be read: a number has too many digits"


def _json_lines(path: Path, max_chars: int) -> Iterator[_Row]:
    limit = max_chars * BYTES_PER_CHARACTER * 3 // 2
    empty = True
    with _open(path) as file:
        number = 0
        while line := file.readline(limit + 1):
            number += 1
            if len(line) > limit:
                _skip_line(file, line)
                yield _Row(number, problem=f"the line is longer than {limit:,} bytes")
            elif line.strip():
                yield _json_line(number, line)
            else:
                continue
            empty = False
    if empty:
        raise BadArticle("is empty")


def _skip_line(file: IO[bytes], line: bytes) -> None:
    while line and not line.endswith(b"\n"):
        line = file.readline(1 << 20)


def _json_line(number: int, line: bytes) -> _Row:
    try:
        return _Row(number, json.loads(_decode(line)))
    except BadArticle as error:
        return _Row(number, problem=str(error))
    except json.JSONDecodeError as error:
        return _Row(number, problem=f"is not JSON (column {error.colno}): {error.msg}")
    except (ValueError, RecursionError) as error:
        return _Row(number, problem=_unparsed(error))
