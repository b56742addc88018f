"""Small stand-ins for the ports, held to the same contract suites as the real adapters."""

import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from service.articles.parsing import parse
from service.articles.raw import Raw
from service.articles.reading import Reading
from service.errors import ArchiveInUse, ModelError
from service.models.hashing import HashingEmbedder
from service.ports import Vectors
from service.vectors import nearest

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


class FixedClock:
    """Implements `ports.Clock`: `now` until it is set to something else."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def set_later(self, seconds: float) -> None:
        """Instead of sleeping."""
        self.now += timedelta(seconds=seconds)


class CountingEmbedder(HashingEmbedder):
    """A hashing embedder that remembers every text it was asked to embed."""

    def __init__(self, dimension: int = 64, max_tokens: int = 254) -> None:
        super().__init__(dimension, max_tokens)
        self.embedded: list[str] = []

    def embed(self, texts: Sequence[str]) -> Vectors:
        self.embedded.extend(texts)
        return super().embed(texts)


class PlainParser:
    """Implements `reading.Parser` in this very process: without limits, for files that a test has written."""

    def parse(self, kind: str, data: bytes, **more: Any) -> list[Raw]:
        return parse(kind, data, **more)

    def stream(self, kind: str, path: Path, **more: Any) -> Iterator[Raw]:
        yield from parse(kind, path.read_bytes(), **more)


def reading(max_chars: int = 10_000, now: datetime = NOON) -> Reading:
    """How tests read files."""
    return Reading(now, max_chars, PlainParser())


class WordReranker:
    """Implements `ports.Reranker`: how many of the question's words a text holds. Raises `failure` where there is one."""

    name = "words"

    def __init__(self, failure: ModelError | None = None) -> None:
        self.failure = failure
        self.asked: list[tuple[str, list[str]]] = []

    def rerank(self, question: str, texts: Sequence[str]) -> list[float]:
        self.asked.append((question, list(texts)))
        if self.failure:
            raise self.failure
        return word_scores(question, texts)


def word_scores(question: str, texts: Sequence[str]) -> list[float]:
    """The share of the question's words that each text holds."""
    wanted = set(re.findall(r"\w+", question.casefold()))
    return [len(wanted & set(re.findall(r"\w+", text.casefold()))) / max(1, len(wanted)) for text in texts]


class MemoryIndex:
    """Implements `ports.VectorIndex` on a dictionary."""

    def __init__(self) -> None:
        self.rows: dict[str, Vectors] = {}
        self.writer = threading.Lock()

    def upsert(self, ids: Sequence[str], vectors: Vectors) -> None:
        self.rows.update(zip(ids, vectors, strict=True))

    def delete(self, ids: Sequence[str]) -> None:
        for row in ids:
            self.rows.pop(row, None)

    def query(self, vector: Vectors, k: int) -> list[tuple[str, float]]:
        return nearest(list(self.rows), np.array(list(self.rows.values()), dtype=np.float32), vector, k)

    def count(self) -> int:
        return len(self.rows)

    @contextmanager
    def turn(self, patience: float = 10.0) -> Iterator[None]:
        if not self.writer.acquire(timeout=patience):
            raise ArchiveInUse("others are writing")
        try:
            yield
        finally:
            self.writer.release()

    def mend(self) -> None: ...

    def announce(self, url: str) -> None: ...

    def give_up(self) -> None: ...

    def close(self) -> None: ...
