"""Settings → Services: the only module that knows every adapter. Nothing heavy is imported before it is needed."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from service.answering.ask import Answerer, Limits
from service.answering.conversation import STANDALONE_PROMPT, Rewriter
from service.answering.judge import CARRIED_NEEDS, CARRIED_PROMPT, Calibration, ModelJudge, SecondReader
from service.answering.prompting import ANSWER_PROMPT, ANSWERABLE_PROMPT, VERIFIED_PROMPT, answer_prompt_for, load_prompt
from service.answering.writing import ModelWriter, Prompts
from service.articles.sandbox import Sandbox
from service.articles.sources import Intake
from service.errors import ArchiveInUse, DiskFull, IndexUnavailable
from service.fetching.fetch import FetchLimits, SafeFetcher
from service.fetching.polite import PoliteFetcher
from service.indexing.ingest import Ingester
from service.indexing.passages import PASSAGE_VERSION
from service.indexing.report import IngestReport
from service.models.breaker import GuardedGenerator
from service.models.embedders import build_embedder
from service.models.generator import ChatGenerator, build_generator
from service.models.nli import NLI, NliJudge
from service.models.reranker import build_reranker
from service.ports import Clock, Embedder, Generator, Reranker, SentenceJudge
from service.readiness import Warmth, WatchedReranker
from service.retrieval.search import Searcher
from service.services import Services, now
from service.settings import Settings, resources
from service.storage.archive import SqliteArchive
from service.storage.conversations import Conversations
from service.storage.opening import index_for
from service.storage.space import require_space
from service.storage.visits import Visits

logger = logging.getLogger(__name__)
ARCHIVE_FILE = "archive.sqlite3"


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
        if found := _catch_up(services):
            logger.info("looked for reprints among %d articles that were taken in before", found)
    except BaseException:
        services.close()
        raise
    return services


def _guarded(generator: ChatGenerator | None) -> Generator | None:
    """A model of somebody else's behind a breaker; one's own process is looked after by `LlamaServer`."""
    return GuardedGenerator(generator) if generator and not generator.server else generator


def _catch_up(services: Services) -> int:
    """Only if there is anything to do and nobody else writes; else the next start does it."""
    if not (any(services.archive.unsketched()) or any(services.archive.unread_for_notices())):
        return 0
    try:
        with services.index.turn(patience=0):
            return services.ingester.catch_up()
    except (ArchiveInUse, DiskFull, IndexUnavailable) as error:
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
