"""Settings → Services: the only module that knows every adapter. Nothing heavy is imported before it is needed."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from service.answering.ask import Answerer, Limits
from service.answering.prompting import ANSWER_PROMPT, load_prompt
from service.answering.request import AskRequest
from service.answering.stopwatch import Stopwatch
from service.answering.writing import ModelWriter
from service.articles.files import Item, load
from service.domain import Coverage, Hit, Outcome, Question, Scope
from service.errors import ArchiveInUse
from service.indexing.ingest import Ingester, IngestReport, Progress
from service.indexing.passages import PASSAGE_VERSION, embedded_text
from service.models.encoder import build_embedder
from service.models.generator import ChatGenerator, build_generator
from service.ports import Embedder, VectorIndex
from service.retrieval.search import Searcher
from service.settings import Settings, resources
from service.storage.archive import SqliteArchive
from service.storage.chroma_index import ChromaIndex
from service.storage.conversations import Conversations
from service.storage.exact_index import ExactIndex
from service.storage.lock import ProcessLock

logger = logging.getLogger(__name__)
ARCHIVE_FILE = "archive.sqlite3"


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found, and in what."""

    question: Question
    hits: list[Hit]
    coverage: Coverage
    timings_ms: dict[str, float]


def sample_folder() -> Path:
    """The articles that ship."""
    return resources() / "corpus" / "articles"


def now() -> datetime:
    """The present, UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Services:
    """Everything a door needs. A context manager: leaving it closes index, archive and model."""

    settings: Settings
    archive: SqliteArchive
    index: VectorIndex
    embedder: Embedder
    searcher: Searcher
    ingester: Ingester
    answerer: Answerer
    generator: ChatGenerator | None
    writing: threading.Lock = field(default_factory=threading.Lock)

    def load(self, paths: Iterable[Path]) -> Iterable[Item]:
        """Articles from files and folders, by these settings."""
        return load(paths, now=now(), max_chars=self.settings.max_article_chars)

    def ingest(self, items: Iterable[Item], progress: Progress | None = None) -> IngestReport:
        """`Ingester.run`, one at a time."""
        with self.writing:
            return self.ingester.run(items, progress)

    def prune(self, folders: Iterable[Path], report: IngestReport) -> None:
        """Remove the articles that were once read from these folders and that this run did not see."""
        seen = {item.article_id for item in report.items}
        kept = {item.place.rpartition(":")[0] or item.place for item in report.items if item.outcome is Outcome.REJECTED}
        with self.writing:
            gone = [
                article_id
                for folder in folders
                for article_id in self.archive.under(str(folder.resolve()))
                if article_id not in seen and self.archive.article(article_id).origin not in kept
            ]
            self.ingester.remove(gone)
        report.pruned.extend(gone)

    def remove(self, article_id: str) -> None:
        """Take an article out of every index. Raises NotFound."""
        with self.writing:
            self.archive.article(article_id)
            self.ingester.remove([article_id])

    def search(self, request: AskRequest, k: int) -> Found:
        """Retrieval only. Raises BadQuestion."""
        watch = Stopwatch()
        with watch("understand"):
            question = self.answerer.understand(request)
        with watch("search"):
            hits = self.searcher.search(question, k)
        return Found(question, hits, self.archive.coverage(Scope(question.scope.visible_at)), watch.milliseconds())

    def holds_sample(self) -> bool:
        """Whether the archive holds articles of the sample that ships."""
        return bool(self.archive.under(str(sample_folder())))

    def readiness(self) -> dict[str, Any]:
        """Each part of the service and whether it can serve."""
        model = {"ready": True, "name": "extractive"} if self.generator is None else {"ready": True, "name": self.generator.name}
        archive = {"ready": True, "articles": self.archive.coverage().articles}
        index = {"ready": True, "kind": type(self.index).__name__, "vectors": self.index.count()}
        parts = {"archive": archive, "index": index, "generator": model, "reranker": None}
        return {"ready": all(part["ready"] for part in parts.values() if part), **parts}

    def close(self) -> None:
        """Close everything, the index first so that it is left clean."""
        if isinstance(self.index, ChromaIndex):
            self.index.close()
        self.archive.close()
        if self.generator is not None and self.generator.server is not None:
            self.generator.server.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def fingerprint(embedder: Embedder) -> str:
    """What must agree between an archive and the settings: the encoder's weights and how passages are cut."""
    return f"{embedder.fingerprint}; passages v{PASSAGE_VERSION}"


def open_archive(settings: Settings, embedder: Embedder) -> SqliteArchive:
    """The archive alone. Raises ArchiveMismatch, ArchiveDamaged or ArchiveError."""
    return SqliteArchive(settings.data_dir / ARCHIVE_FILE, fingerprint(embedder), now)


def build(settings: Settings, *, writable: bool = True, embedder: Embedder | None = None) -> Services:
    """Wire the real adapters. With `writable` false, an archive held by another process can still be searched.

    Raises SettingsError, ArchiveError (ArchiveInUse, ArchiveMismatch, …) or ModelNotFound, each with what to do.
    """
    embedder = embedder or build_embedder(settings)
    archive = open_archive(settings, embedder)
    try:
        index = _index(settings, archive, writable=writable)
        searcher = Searcher(archive, index, embedder)
        generator = build_generator(settings)
        writer = ModelWriter(generator, load_prompt(resources() / "prompts", ANSWER_PROMPT), embedder) if generator else None
        limits = Limits(settings.top_k, settings.evidence_sentences, settings.evidence_tokens)
        answerer = Answerer(archive, searcher, embedder, writer, Conversations(archive), now, limits)
    except BaseException:
        archive.close()
        raise
    return Services(settings, archive, index, embedder, searcher, Ingester(archive, index, embedder), answerer, generator)


def _index(settings: Settings, archive: SqliteArchive, *, writable: bool) -> VectorIndex:
    try:
        return ChromaIndex(settings.data_dir, archive)
    except ArchiveInUse as error:
        if writable:
            raise
        logger.info("another process holds the vector index: searching the stored vectors")
        return ExactIndex(archive, error)


@contextmanager
def reading(settings: Settings) -> Iterator[SqliteArchive]:
    """The archive alone, for looking; beside a running service too."""
    archive = open_archive(settings, build_embedder(settings))
    try:
        yield archive
    finally:
        archive.close()


def reindex(settings: Settings, *, embed: bool) -> int:
    """Rebuild the vector index, embedding every passage again first where asked; returns how many vectors it holds."""
    embedder = build_embedder(settings)
    if embed:
        _embed_again(settings, embedder)
    archive = open_archive(settings, embedder)
    try:
        index = ChromaIndex(settings.data_dir, archive)
        try:
            return index.rebuild(archive)
        finally:
            index.close()
    finally:
        archive.close()


def _embed_again(settings: Settings, embedder: Embedder) -> None:
    """New vectors for every passage, in one transaction, under the index's lock; passages keep their offsets."""
    lock = ProcessLock(settings.data_dir)
    lock.acquire()
    try:
        archive = SqliteArchive(settings.data_dir / ARCHIVE_FILE, None, now)
        try:
            archive.refresh_vectors(
                fingerprint(embedder),
                (
                    ([number for number, _, _ in rows], embedder.embed([embedded_text(article, passage) for _, passage, article in rows]))
                    for rows in archive.numbered_passages()
                ),
            )
        finally:
            archive.close()
        (settings.data_dir / "chroma.in-use").touch()
    finally:
        lock.release()
