"""The articles in a ZIP, member by member, in memory only: nothing is written to disk, so no name can lead anywhere.

A member with a name that would lead out of a folder, a link, an encrypted member or one packed twice (.gz, .zip) is a problem of its own,
and the others are read. What headers say about sizes is not believed: bytes are counted as they are unpacked, and a member that is more
than it says, or more than text can be, ends the reading, as do members that overlap. Folders, hidden files and `__MACOSX` are left aside
without a word, as in a folder on disk; a member of a kind that Dateline does not read is a `Raw` that says it was skipped.
"""

from __future__ import annotations

import io
import stat
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import PurePosixPath
from typing import IO
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from service.articles.raw import Raw
from service.errors import BadArticle

MAX_MEMBERS = 10_000
MAX_RATIO = 200
"""Unpacked over packed bytes of a member, once it is larger than MAX_UNCHECKED; text takes 3 to 10, deflate can at most 1,032."""
MAX_UNCHECKED = 1024 * 1024
MAX_MEMBER = 128 * 1024 * 1024
MAX_TOTAL = 512 * 1024 * 1024
"""Bytes unpacked, of one member and of all."""
_LOCAL_HEADER = 30
_CHUNK = 256 * 1024

Parse = Callable[[str, bytes, str], Iterable[Raw]]
"""Kind, bytes and name of a member → its articles; raises BadArticle."""


def zip_articles(source: bytes | IO[bytes], *, kind_of: Callable[[str], str | None], parse: Parse) -> Iterator[Raw]:
    """Each article, at place `!/member` and what follows in it. Raises BadArticle where nothing can be read, or too much."""
    try:
        with ZipFile(io.BytesIO(source) if isinstance(source, bytes) else source) as archive:
            members = archive.infolist()
            if len(members) > MAX_MEMBERS:
                raise BadArticle(f"holds {len(members):,} files; the limit is {MAX_MEMBERS:,}: split it")
            if _overlap(members, archive.start_dir):
                raise BadArticle("is a ZIP bomb: its members overlap")
            yield from _members(archive, members, kind_of, parse)
    except (BadZipFile, NotImplementedError, EOFError, OSError, ValueError, zlib.error) as error:
        raise BadArticle(f"is not a ZIP that can be read: {error}") from error


def _members(archive: ZipFile, members: list[ZipInfo], kind_of: Callable[[str], str | None], parse: Parse) -> Iterator[Raw]:
    total = 0
    seen: set[str] = set()
    for member in members:
        name = member.orig_filename
        place = f"!/{name}"
        if not (outside := _leads_out(name)) and (member.is_dir() or _hidden(name)):
            continue
        kind = kind_of(PurePosixPath(name).name)
        problem = outside or ("is there twice, only the first is read" if name in seen else _refused(member, kind))
        seen.add(name)
        if problem or kind is None:
            yield Raw(problem=problem, place=place, skipped=problem is None)
            continue
        data = _unpacked(archive, member, MAX_TOTAL - total)
        if isinstance(data, Raw):
            yield data
            continue
        total += len(data)
        try:
            for raw in parse(kind, data, PurePosixPath(name).name):
                yield replace(raw, place=place + raw.place)
        except BadArticle as error:
            yield Raw(problem=str(error), place=place)


def _overlap(members: list[ZipInfo], directory: int) -> bool:
    """Whether two members share bytes, or one the directory: how a small file quotes one piece of data a thousand times over.

    After D. Fifield, A better zip bomb (WOOT 2019).
    """
    spans = sorted((member.header_offset, member.header_offset + _LOCAL_HEADER + member.compress_size) for member in members)
    return any(end > start for (_, end), (start, _) in pairwise([*spans, (directory, directory)]))


def _hidden(name: str) -> bool:
    return any((part.startswith(".") and part.strip(".")) or part == "__MACOSX" for part in name.split("/"))


def _leads_out(name: str) -> str | None:
    unsafe = name.startswith("/") or "\\" in name or "\0" in name or name[1:2] == ":" or ".." in name.split("/")
    return "has a name that leads out of the folder" if unsafe else None


def _refused(member: ZipInfo, kind: str | None) -> str | None:
    """Why a member is not read, if so."""
    if stat.S_IFMT(member.external_attr >> 16) not in {0, stat.S_IFREG}:
        return "is a link or device, not a file"
    if kind and (kind == "zip" or member.orig_filename.lower().endswith(".gz")):
        return "is packed twice: unpack it first"
    if kind and member.flag_bits & 0x1:
        return "is encrypted: unpack it first"
    if kind and member.compress_type not in {ZIP_STORED, ZIP_DEFLATED}:
        return "is packed by a method other than deflate: unpack it first"
    if kind and member.file_size > MAX_MEMBER:
        return f"unpacks to {member.file_size:,} bytes; the limit is {MAX_MEMBER:,}: unpack it first"
    return None


def _unpacked(archive: ZipFile, member: ZipInfo, left: int) -> bytes | Raw:
    """The bytes of a member, counted as they come, or why there are none. Raises BadArticle where there are too many."""
    limit = min(left, MAX_MEMBER, max(MAX_UNCHECKED, MAX_RATIO * member.compress_size))
    data = bytearray()
    try:
        with archive.open(member) as file:
            while chunk := file.read(_CHUNK):
                data += chunk
                if len(data) > limit:
                    of_all = "all members" if limit == left else f"{member.compress_size:,} bytes of {_shown(member.orig_filename)}"
                    raise BadArticle(f"is a ZIP bomb, or too large: {of_all} unpack to more than {MAX_TOTAL if limit == left else limit:,}")
    except (BadZipFile, NotImplementedError, EOFError, RuntimeError, ValueError, zlib.error) as error:
        return Raw(problem=f"cannot be unpacked: {error}", place=f"!/{member.orig_filename}")
    return bytes(data)


def _shown(name: str) -> str:
    return ascii(name[:100])
