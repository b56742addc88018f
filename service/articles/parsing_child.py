"""The process that parses: `python -m service.articles.parsing_child SECONDS MEGABYTES`, started by `sandbox` and by nobody else.

It reads jobs on standard input, one line of JSON and the bytes, and answers on standard output in frames: four bytes of length, big-endian,
and JSON. First `{"ready": true}`, when the parser is loaded; then lists of articles; last `{"done": true}`, `{"failed": REASON}` or
`{"memory": true}`. It limits itself before it reads anything, and ends when standard input does.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import date
from typing import Any, BinaryIO

from service.articles.parsing import Job, Source, raws
from service.articles.raw import Raw
from service.errors import BadArticle

MAX_HEADER = 256 * 1024
MAX_FRAME = 64 * 1024 * 1024
"""Bytes."""
FRAME, FRAME_SECONDS = 256 * 1024, 1.0
"""Bytes and seconds after which articles are sent on."""
DESCRIPTORS = 32
"""Open files: the pipes, and a module at a time while a parser is imported."""
RESERVE = 1024 * 1024 * 1024
"""Address space above the memory limit: pyarrow, NumPy and the C library reserve some 300 MB that they never touch."""


def serve(seconds: float, memory_mb: int) -> None:
    """Parse jobs until standard input ends, or memory does: what comes after MemoryError is a fresh process's."""
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # whatever a library prints is no answer
    _limit(memory_mb * 1024 * 1024)
    jobs = sys.stdin.buffer
    warm: set[str] = set()
    while line := jobs.readline(MAX_HEADER):
        header = json.loads(line)
        renew = _Renewal(2 * seconds + 10)
        job = Job(**header["job"])
        source: Source = os.fdopen(header["descriptor"], "rb") if header["descriptor"] else jobs.read(header["length"])
        if isinstance(source, bytes) and len(source) < header["length"]:
            break  # the parent has gone
        if job.kind not in warm:
            _warm(job.kind)
            warm.add(job.kind)
        _send(answers, b'{"ready": true}')
        try:
            for articles in _frames(source, job):
                _send(answers, articles)
                renew()
            last: dict[str, Any] = {"done": True}
        except BadArticle as error:
            last = {"failed": _printable(str(error))[:1_000]}
        except MemoryError:
            last = {"memory": True}
        _send(answers, json.dumps(last).encode())
        if "memory" in last:
            break


def _limit(memory: int) -> None:
    """No core, no written file, few descriptors, and so much memory: what is written to, and a gigabyte more of address space."""
    limits = {resource.RLIMIT_CORE: 0, resource.RLIMIT_FSIZE: 0, resource.RLIMIT_NOFILE: DESCRIPTORS}
    if sys.platform == "linux":  # macOS knows the names and holds to neither
        limits |= {resource.RLIMIT_DATA: memory, resource.RLIMIT_AS: memory + RESERVE}
    for limit, value in limits.items():
        hard = resource.getrlimit(limit)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(limit, (value, value))


class _Renewal:
    """Gives the process so many more seconds of processor time whenever it is called: what ends it if its parent cannot."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self()

    def __call__(self) -> None:
        used = resource.getrusage(resource.RUSAGE_SELF)
        hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
        soft = int(used.ru_utime + used.ru_stime + self._seconds) + 1
        resource.setrlimit(resource.RLIMIT_CPU, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard))


def _warm(kind: str) -> None:
    """Load what the parser needs, by parsing nothing much: importing is not the file's time."""
    with suppress(BadArticle):
        list(raws(b"<p>.</p>", Job(kind)))


def _frames(source: Source, job: Job) -> Iterator[bytes]:
    """The articles in lists of about FRAME bytes, at least one list a second where there are any."""
    batch: list[bytes] = []
    size, sent = 0, time.monotonic()
    for raw in raws(source, job):
        batch.append(_written(raw))
        size += len(batch[-1])
        if size >= FRAME or time.monotonic() - sent >= FRAME_SECONDS:
            yield b"[" + b",".join(batch) + b"]"
            batch, size, sent = [], 0, time.monotonic()
    yield b"[" + b",".join(batch) + b"]"


def _written(raw: Raw) -> bytes:
    """The article as JSON, or in its place what is wrong with it. Half a surrogate pair is kept: `article_from_row` names the field."""
    place = _printable(raw.place)[:2_000]
    told = {
        "row": raw.row,
        "stated": [{"field": stated.field, "origin": str(stated.origin), "written": _printable(stated.written)} for stated in raw.stated],
        "problem": None if raw.problem is None else _printable(raw.problem)[:1_000],
        "place": place,
        "links": [_printable(link) for link in raw.links],
        "skipped": raw.skipped,
    }
    try:
        data = json.dumps(told, ensure_ascii=False, default=_plain).encode("utf-8", "surrogatepass")
    except (TypeError, ValueError, RecursionError) as error:
        return json.dumps({"problem": _printable(f"holds what JSON cannot carry: {error}")[:1_000], "place": place}).encode()
    if len(data) > MAX_FRAME - 2 * FRAME:
        return json.dumps({"problem": f"is an article of {len(data):,} bytes; the limit is {MAX_FRAME:,}", "place": place}).encode()
    return data


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(type(value).__name__)


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _send(answers: BinaryIO, data: bytes) -> None:
    frame = memoryview(len(data).to_bytes(4, "big") + data)
    while frame:
        frame = frame[answers.write(frame) :]


if __name__ == "__main__":
    serve(float(sys.argv[1]), int(sys.argv[2]))
