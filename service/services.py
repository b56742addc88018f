"""Everything a door needs, as one thing that is opened by `bootstrap` and closed by whoever opened it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from service.answering.ask import Answerer
from service.answering.request import AskRequest
from service.answering.stopwatch import Stopwatch
from service.articles.items import Item
from service.articles.sources import Intake
from service.domain import Coverage, Feedback, Hit, Question, Scope
from service.errors import Stopping
from service.indexing.ingest import Ingester
from service.indexing.report import IngestReport, Progress
from service.models.breaker import GuardedGenerator
from service.models.encoder import SentenceEncoder
from service.models.llama_server import LlamaServer
from service.models.llama_watch import LlamaWatch
from service.ports import Embedder, Generator, Reranker, VectorIndex
from service.readiness import Warmth, not_ready, ready, seen
from service.retrieval.search import Searcher
from service.settings import Settings, resources
from service.storage.archive import SqliteArchive
from service.storage.feedback import FeedbackLog
from service.storage.space import free_space, require_space
from service.storage.turns import STOPPING
from service.telemetry import BreakerState

logger = logging.getLogger(__name__)


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
    generator: Generator | None
    intake: Intake
    reranker: Reranker | None = None
    warmth: Warmth = field(default_factory=Warmth)
    closing: ExitStack = field(default_factory=ExitStack)
    """What else ends with the services."""
    stopping: threading.Event = field(default_factory=threading.Event)

    @property
    def server(self) -> LlamaServer | None:
        """The local model's process, where there is one."""
        return getattr(self.generator, "server", None)

    def load(self, sources: Iterable[str | Path], columns: Mapping[str, str] | None = None) -> Iterator[Item]:
        """Articles from files, folders, addresses and, for `-`, standard input, by these settings."""
        return self.intake.items(sources, columns)

    def ingest(self, items: Iterable[Item], progress: Progress | None = None) -> IngestReport:
        """`Ingester.run`, one at a time.

        Raises IndexUnavailable or ArchiveInUse where its turn does not come, Stopping in the middle once `stop` was called.
        """
        with self.index.turn():
            return self.ingester.run(_until(self.stopping, items), progress)

    def remove(self, article_ids: Sequence[str]) -> None:
        """Take articles out of every index, with every version they had; those that are not there are passed over."""
        with self.index.turn():
            _raise_if(self.stopping)
            self.ingester.remove(article_ids)

    def search(self, request: AskRequest, k: int) -> Found:
        """Retrieval only. Raises BadQuestion."""
        watch = Stopwatch("search")
        with watch("understand"):
            question = self.answerer.understand(request)
        with watch("search"):
            hits = self.searcher.search(question, k)
        return Found(question, hits, self.archive.coverage(Scope(question.scope.visible_at)), watch.milliseconds())

    def keep(self, feedback: Feedback, owner: str) -> None:
        """Keep what a reader says of an answer of theirs. Raises NotFound."""
        FeedbackLog(self.archive).add(feedback, owner)

    def holds_sample(self) -> bool:
        """Whether the archive holds articles of the sample that ships."""
        return bool(self.archive.under(str(sample_folder())))

    def announce(self, url: str) -> None:
        """Leave word beside the archive that it is served there, for commands that want to write meanwhile."""
        self.index.announce(url)

    def warm_up(self) -> threading.Thread:
        """Load encoder and models in the background, before the first question needs them; `readiness` tells how it goes."""
        server, reranker = self.server, self.reranker
        loads: dict[str, Callable[[], object]] = {"encoder": lambda: self.embedder.embed(["warm"])}
        if server:
            loads["generator"] = server.ensure
            watch = LlamaWatch(server)
            self.closing.callback(watch.stop)
            watch.start()
        if reranker:
            loads["reranker"] = lambda: reranker.rerank("warm", ["warm"])
        return self.warmth.load(loads | {"index": self.index.mend})  # last: questions are answered before it is whole

    def readiness(self) -> dict[str, Any]:
        """Each part and whether it can serve, and the names of those that cannot.

        The reranker is None where there is none. One that failed, and a disk without room, are shown and do not count, since questions
        are answered all the same.
        """
        server, name = self.server, self.generator.name if self.generator else "extractive"
        generator = self.warmth.of("generator") | {"name": name}
        if isinstance(self.generator, GuardedGenerator) and self.generator.state is BreakerState.OPEN:
            generator |= {"ready": False, "state": "failed", "reason": "it failed several times in a row and is not asked for a while"}
        elif server and generator["ready"] and server.has_started and not server.alive:
            generator |= {"ready": False, "state": "failed", "reason": "its process has ended and is started again"}
        parts: dict[str, dict[str, Any] | None] = {
            "archive": seen("archive", lambda: {"articles": self.archive.coverage().articles}),
            "index": seen("index", lambda: {"kind": type(self.index).__name__, "vectors": self.index.count()}),
            "encoder": self.warmth.of("encoder"),
            "generator": generator,
            "reranker": self.warmth.of("reranker") | {"name": self.reranker.name} if self.reranker else None,
            "disk": seen("disk", self._room),
        }
        return {"ready": ready(parts), "not_ready": not_ready(parts), **parts}

    def _room(self) -> dict[str, Any]:
        """Bytes that are free. Raises DiskFull where that is too little to take anything in."""
        folder, least = self.settings.data_dir, self.settings.min_free_mb * 1_000_000
        require_space(folder, least)
        return {"free_bytes": free_space(folder)}

    def stop(self) -> None:
        """Have what is under way end soon: articles that are being taken in are left where they are, and nothing more is embedded."""
        self.stopping.set()
        if isinstance(self.embedder, SentenceEncoder):
            self.embedder.stop()
        self.index.give_up()

    def close(self) -> None:
        """Close everything, the index first so that it is left clean; who writes to it gets a moment to come to an end."""
        self.stopping.set()
        with self.closing as last:
            if self.server:
                last.callback(self.server.stop)
            last.callback(self.archive.close)
            last.callback(self.index.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def _until(stopping: threading.Event, items: Iterable[Item]) -> Iterator[Item]:
    """The items until then. Raises Stopping."""
    for item in items:
        _raise_if(stopping)
        yield item
    _raise_if(stopping)


def _raise_if(stopping: threading.Event) -> None:
    if stopping.is_set():
        raise Stopping(STOPPING)
