"""Settings → Services: the only module that knows every adapter. Nothing heavy is imported before it is needed."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from service.answering.ask import Answerer, Limits
from service.answering.conversation import STANDALONE_PROMPT, Rewriter
from service.answering.judge import CARRIED_NEEDS, CARRIED_PROMPT, Calibration, ModelJudge, SecondReader
from service.answering.prompting import ANSWER_PROMPT, ANSWERABLE_PROMPT, VERIFIED_PROMPT, answer_prompt_for, load_prompt
from service.answering.request import AskRequest
from service.answering.stopwatch import Stopwatch
from service.answering.writing import ModelWriter, Prompts
from service.articles.items import Item
from service.articles.sandbox import Sandbox
from service.articles.sources import Intake
from service.domain import Coverage, Feedback, Hit, Question, Scope
from service.errors import ArchiveInUse, IndexUnavailable, Stopping
from service.fetching.fetch import FetchLimits, SafeFetcher
from service.fetching.polite import PoliteFetcher
from service.indexing.ingest import Ingester
from service.indexing.passages import PASSAGE_VERSION
from service.indexing.report import IngestReport, Progress
from service.models.breaker import GuardedGenerator
from service.models.encoder import SentenceEncoder, build_embedder
from service.models.generator import ChatGenerator, build_generator
from service.models.llama_server import LlamaServer
from service.models.llama_watch import LlamaWatch
from service.models.nli import NLI, NliJudge
from service.models.reranker import build_reranker
from service.ports import Clock, Embedder, Generator, Reranker, SentenceJudge, VectorIndex
from service.readiness import Warmth, WatchedReranker, not_ready, ready, seen
from service.retrieval.search import Searcher
from service.settings import Settings, resources
from service.storage.archive import SqliteArchive
from service.storage.chroma_index import ChromaIndex
from service.storage.chroma_server_index import ChromaServerIndex
from service.storage.conversations import Conversations
from service.storage.feedback import FeedbackLog
from service.storage.opening import index_for
from service.storage.space import free_space, require_space
from service.storage.visits import Visits
from service.telemetry import BreakerState

logger = logging.getLogger(__name__)
ARCHIVE_FILE = "archive.sqlite3"
LAST_WRITE = 2.0
"""Seconds that a write under way gets at the end."""


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
    writing: threading.Lock = field(default_factory=threading.Lock)
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

    def ingest(self, items: Iterable[Item], progress: Progress | None = None, *, dry_run: bool = False) -> IngestReport:
        """`Ingester.run`, one at a time.

        Raises IndexUnavailable or ArchiveInUse where its turn does not come, Stopping in the middle once `stop` was called.
        """
        with self.turn():
            return self.ingester.run(_until(self.stopping, items), progress, dry_run=dry_run)

    def remove(self, article_ids: Sequence[str]) -> None:
        """Take articles out of every index, with every version they had; those that are not there are passed over."""
        with self.turn():
            _raise_if(self.stopping)
            self.ingester.remove(article_ids)

    def turn(self) -> AbstractContextManager[object]:
        """The one turn at writing: of this process's threads, and with a Chroma server of all processes."""
        return self.index.turn() if isinstance(self.index, ChromaServerIndex) else self.writing

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
        if isinstance(self.index, ChromaIndex | ChromaServerIndex):
            self.index.announce(url)

    def warm_up(self) -> threading.Thread:
        """Load encoder and models in the background, before the first question needs them; `readiness` tells how it goes."""
        server, reranker = self.server, self.reranker
        loads: dict[str, Callable[[], object]] = {"index": self.index.count} if isinstance(self.index, ChromaServerIndex) else {}
        loads |= {"encoder": lambda: self.embedder.embed(["warm"])}
        loads |= {"index": self.index.mend} if isinstance(self.index, ChromaIndex) else {}
        if server:
            loads["generator"] = server.ensure
            watch = LlamaWatch(server)
            self.closing.callback(watch.stop)
            watch.start()
        return self.warmth.load(loads | ({"reranker": lambda: reranker.rerank("warm", ["warm"])} if reranker else {}))

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

    def close(self) -> None:
        """Close everything, the index first so that it is left clean; who writes to it gets a moment to come to an end."""
        self.stopping.set()
        if self.writing.acquire(timeout=LAST_WRITE):
            self.writing.release()
        else:
            logger.warning("articles are still being written: the vector index is rebuilt at the next start")
        with self.closing as last:
            if self.server:
                last.callback(self.server.stop)
            last.callback(self.archive.close)
            if isinstance(self.index, ChromaIndex | ChromaServerIndex):
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
        raise Stopping("the service is stopping: run the same again when it is back; what was reported as taken in is kept")


def fingerprint(embedder: Embedder) -> str:
    """What must agree between an archive and the settings: the encoder's weights and how passages are cut."""
    return f"{embedder.fingerprint}; passages v{PASSAGE_VERSION}"


def open_archive(settings: Settings, embedder: Embedder, ingest_clock: Clock = now) -> SqliteArchive:
    """The archive alone. Raises ArchiveMismatch, ArchiveDamaged or ArchiveError."""
    return SqliteArchive(settings.data_dir / ARCHIVE_FILE, fingerprint(embedder), ingest_clock)


def build(
    settings: Settings, *, writable: bool = True, serving: bool = False, embedder: Embedder | None = None,
    generator: Generator | None = None, reranker: Reranker | None = None, ingest_clock: Clock = now,
) -> Services:  # fmt: skip
    """Wire the real adapters. With `writable` false, an archive held by another process can still be searched.

    With `serving`, a vector index in doubt is rebuilt by `warm_up`, the stored vectors being searched until then, and a Chroma server that
    is down is no error: readiness tells of it, and what needs it goes on when it is back.

    `ingest_clock` says when articles were taken in, which is when those of unknown date become visible.

    Raises SettingsError, ArchiveError (ArchiveInUse, ArchiveMismatch, …) or ModelNotFound, each with what to do.
    """
    embedder, warmth = embedder or build_embedder(settings), Warmth()
    archive = open_archive(settings, embedder, ingest_clock)
    try:
        reranker = reranker or build_reranker(settings)
        watched = WatchedReranker(reranker, warmth) if reranker else None
        generator = generator or _guarded(build_generator(settings))
        closing = ExitStack()
        intake = closing.enter_context(open_intake(settings, archive))
        second = build_second_reader(settings, generator)
        writer = ModelWriter(generator, _prompts(generator, settings), embedder, second) if generator else None
        index = index_for(settings, archive, writable=writable, serving=serving)  # last: what fails after it would leave it in doubt
        searcher = Searcher(archive, index, embedder, reranker=watched, rerank_candidates=settings.rerank_candidates)
        limits = Limits(settings.top_k, settings.evidence_sentences, settings.evidence_tokens, settings.ask_seconds)
        rewriter = Rewriter(generator, load_prompt(resources() / "prompts", STANDALONE_PROMPT, needs=("question",))) if generator else None
        answerer = Answerer(archive, searcher, embedder, writer, Conversations(archive), now, limits, rewriter)
    except BaseException:
        archive.close()
        raise
    room = partial(require_space, settings.data_dir, settings.min_free_mb * 1_000_000)
    ingester = Ingester(archive, index, embedder, visits=Visits(archive, now), make_sure_of_room=room)
    return _caught_up(
        Services(
            settings, archive, index, embedder, searcher, ingester, answerer, generator, intake, watched, warmth=warmth, closing=closing
        )
    )


@contextmanager
def open_intake(settings: Settings, archive: SqliteArchive) -> Iterator[Intake]:
    """What reads sources: parser and fetcher are started when they are first needed, and end here."""
    limits = FetchLimits(
        settings.fetch_seconds,
        settings.fetch_max_bytes,
        private_networks=settings.fetch_private_networks,
        user_agent=settings.fetch_user_agent,
    )
    fetcher = PoliteFetcher(SafeFetcher(limits), user_agent=settings.fetch_user_agent)
    with Sandbox(settings.parse_seconds, settings.parse_memory_mb) as parser:
        yield Intake(parser, fetcher, Visits(archive, now), now, settings.max_article_chars, leave=frozenset({settings.data_dir.resolve()}))


def vanished(archive: SqliteArchive, folders: Iterable[Path], report: IngestReport) -> list[str]:
    """The articles that were once read from these folders and that the run did not see."""
    held = [(found, archive.article(found).origin or "") for folder in folders for found in archive.under(str(folder.resolve()))]
    return report.vanished(held)


def _prompts(generator: Generator, settings: Settings) -> Prompts:
    """What this model is asked: one on one's own machine is also its own judge, a hosted one is offered a way to refuse."""
    chosen = answer_prompt_for(generator.name, url=settings.model_url)
    names = (chosen, ANSWERABLE_PROMPT, VERIFIED_PROMPT) if chosen == ANSWER_PROMPT else (chosen,)
    return Prompts(*(load_prompt(resources() / "prompts", name) for name in names))


def build_second_reader(settings: Settings, generator: Generator | None) -> SecondReader | None:
    """The judge of sentences that the settings name, calibrated; None where it is off, or is to be the model and there is none.

    Nothing is loaded or sent before its first use. Raises SettingsError where a hosted one lacks its package or key.
    """
    prompt, chosen = load_prompt(resources() / "prompts", CARRIED_PROMPT, CARRIED_NEEDS), settings.judge
    if chosen == "off":
        return None
    judge: SentenceJudge
    if chosen.startswith(NLI):
        judge = NliJudge(chosen.removeprefix(NLI))
    else:
        model = generator if chosen == "model" else _guarded(build_generator(settings.model_copy(update={"model": chosen})))
        if model is None:
            return None
        judge = ModelJudge(model, prompt)
    return SecondReader(judge, Calibration.of(prompt, judge.name))


def _caught_up(services: Services) -> Services:
    """The same, with stories for an archive that has none yet, where this process is its only writer: once, seconds for 10,000 articles."""
    try:
        if isinstance(services.index, ChromaIndex | ChromaServerIndex) and (found := _catch_up(services)):
            logger.info("looked for reprints among %d articles that were taken in before", found)
    except BaseException:
        services.close()
        raise
    return services


def _guarded(generator: ChatGenerator | None) -> Generator | None:
    """A model of somebody else's behind a breaker; one's own process is looked after by `LlamaServer`."""
    return GuardedGenerator(generator) if generator and not generator.server else generator


def _catch_up(services: Services) -> int:
    """Where others may write, only if there is anything to do and nobody has the turn; else the next start does it."""
    if not isinstance(services.index, ChromaServerIndex):
        return services.ingester.catch_up()
    if not (any(services.archive.unsketched()) or any(services.archive.unread_for_notices())):
        return 0
    try:
        with services.index.turn(patience=0):
            return services.ingester.catch_up()
    except (ArchiveInUse, IndexUnavailable) as error:
        logger.warning("stories and notices of older articles are looked for at the next start: %s", error)
        return 0


@contextmanager
def reading(settings: Settings) -> Iterator[SqliteArchive]:
    """The archive alone, for looking; beside a running service too."""
    archive = open_archive(settings, build_embedder(settings))
    try:
        yield archive
    finally:
        archive.close()
