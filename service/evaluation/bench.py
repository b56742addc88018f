"""Sets up what a suite is asked of: its corpus in an archive of its own, and the systems over it.

Vectors of the corpus are kept by content in the user's cache, so that a suite that was run before is set up in seconds.
Questions are always embedded anew: their time is part of what is measured.
"""

from __future__ import annotations

import hashlib
import resource
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from service.answering.judge import CARRIED_NEEDS, CARRIED_PROMPT
from service.answering.part import Part
from service.answering.prompting import load_prompt
from service.domain import Article, Outcome
from service.errors import BadInput, NotFound
from service.evaluation.judging import CitationJudge, CosineCheck, GroundingCheck, check_fingerprint
from service.evaluation.planting import Planter
from service.evaluation.runner import Bench
from service.evaluation.second_reader import FILE, CombinedCheck, JudgeCheck, KeptJudge, version_of
from service.evaluation.suite import Suite, Task
from service.evaluation.systems import ALL, DATELINE, Answering, Dense, Lexical, PlainFusion, Ranked, Replayed, System
from service.evaluation.textbook import NAME as TEXTBOOK
from service.evaluation.textbook import PROMPT, textbook
from service.indexing.ingest import Ingester
from service.indexing.report import IngestReport
from service.ports import Embedder, Generator, Retriever
from service.retrieval.ranking import WEIGHTS, Weights, switched_off
from service.settings import Settings, resources

if TYPE_CHECKING:
    from service.models.vector_cache import VectorCache
    from service.services import Services

RANKERS = ("bm25", "dense", "rrf")
RIVALS = {Task.ANSWER: (*RANKERS, TEXTBOOK), Task.RETRIEVAL: (*RANKERS, TEXTBOOK), Task.CHECK: ("cosine", "judge", "combined")}
"""What Dateline can be compared with, by what is graded."""
WITHOUT = "no-"
ABLATIONS = tuple(f"{WITHOUT}{field.name}" for field in fields(Weights) if field.name != "similarity")
"""Dateline with one part of its ranking switched off: what the part buys."""
OF_ANSWERS = {
    f"{WITHOUT}{Part.GROUNDING}": (Part.GROUNDING, WEIGHTS),
    f"{WITHOUT}{Part.STATUS}": (Part.STATUS, WEIGHTS),
    f"{WITHOUT}{Part.TIME}": (Part.TIME, replace(WEIGHTS, recency=0.0, latest=0.0)),
    f"{WITHOUT}{Part.VOTES}": (Part.VOTES, replace(WEIGHTS, repeat=0.0)),
}
"""Dateline with one part of its answering switched off, and how it then ranks."""
EXTRACTIVE = "extractive"
ELSEWHERE = {
    "data_dir", "cache_dir", "api_keys", "api_key", "reranker_api_key", "host", "port", "trusted_hosts", "chroma_url", "workers",
}  # fmt: skip
"""Settings that no answer depends on, and the keys."""
Told = Callable[[str], None]
"""Shows how far the work is."""


@contextmanager
def opened(
    suite: Suite, settings: Settings, tell: Told, *, embedder: Embedder | None = None, generator: Generator | None = None,
    replay: bool = False,
) -> Iterator[Bench]:  # fmt: skip
    """The suite's systems, closed and the temporary archive removed afterwards. Encoder and writer are those of the settings by default.

    With `replay`, what the model wrote before for the same prompt is taken again, and answers carry no times.

    Raises BadInput where an article of the corpus is rejected or a system is not known, DatelineError where the service cannot be built,
    ModelError where its reranker does not work: questions are answered without it, but not graded under its name.
    """
    from service import bootstrap
    from service.models.draft_cache import DraftCache
    from service.models.embedders import build_embedder
    from service.models.generator import build_generator
    from service.models.vector_cache import VectorCache

    there = RIVALS[suite.task] + (() if suite.task is Task.CHECK else ABLATIONS) + (tuple(OF_ANSWERS) if suite.task is Task.ANSWER else ())
    if unknown := set(suite.systems) - set(there):
        raise BadInput(f"suite {suite.name!r} cannot be compared with {', '.join(sorted(unknown))}: there are {', '.join(there)}")
    settings = settings.model_copy(update={"model": _writer(suite, settings)})
    embedder = embedder or build_embedder(settings)
    with VectorCache(embedder, settings.cache_dir / "eval" / "vectors.sqlite3") as cached:
        if suite.task is Task.CHECK:
            with _checks(suite, settings, cached, generator) as rivals:
                yield Bench((GroundingCheck(cached), *rivals), _NoArticles(), identity=check_fingerprint(embedder.fingerprint))
        else:
            with ExitStack() as stack:
                if replay and (writer := generator or build_generator(settings)):
                    generator = stack.enter_context(DraftCache(writer, settings.cache_dir / "eval" / "drafts.sqlite3"))
                build = partial(bootstrap.build, embedder=embedder, generator=generator)
                services, planter, aliases = stack.enter_context(_archive(suite, settings, build, cached, tell))
                if services.reranker:
                    services.reranker.rerank("Does it work?", ["It does."])
                bench = _bench(suite, services, cached, planter, aliases, stack, tell)
                yield replace(bench, systems=tuple(map(Replayed, bench.systems))) if replay else bench


@contextmanager
def _checks(suite: Suite, settings: Settings, cached: VectorCache, generator: Generator | None) -> Iterator[list[System]]:
    """The checks that ours is compared with; what the judge said before is not asked again. Raises BadInput where none is set."""
    systems: list[System] = [CosineCheck(cached)] if "cosine" in suite.systems else []
    judged = [kind for name, kind in (("judge", JudgeCheck), ("combined", CombinedCheck)) if name in suite.systems]
    if not judged:
        yield systems
        return
    from service.bootstrap import build_second_reader
    from service.models.cache_file import CacheFile
    from service.models.generator import ChatGenerator, build_generator

    model = generator or build_generator(settings)
    second = build_second_reader(settings, model)
    if second is None:
        raise BadInput("there is no judge to ask: set DATELINE_JUDGE, and DATELINE_MODEL where it is the model")
    version = version_of(load_prompt(resources() / "prompts", CARRIED_PROMPT, CARRIED_NEEDS))
    file = CacheFile(settings.cache_dir / "eval" / FILE)
    try:
        remembering = replace(second, judge=KeptJudge(second.judge, version, file))
        yield [*systems, *(kind(cached, remembering) for kind in judged)]
    finally:
        file.close()
        if isinstance(model, ChatGenerator) and model.server:
            model.server.stop()


def _writer(suite: Suite, settings: Settings) -> str:
    """Who writes: nobody where only rankings are graded."""
    return EXTRACTIVE if suite.task is Task.RETRIEVAL else suite.model or settings.model


@contextmanager
def _archive(
    suite: Suite, settings: Settings, build: Callable[..., Services], cached: VectorCache, tell: Told
) -> Iterator[tuple[Services, Planter, Mapping[str, str]]]:
    """The service over the suite's corpus in a temporary folder; over the user's own archive where it has none."""
    from service.services import now

    taken_in = suite.ingested_at
    clock = (lambda: taken_in) if taken_in else now
    planter = Planter(suite, now, settings.max_article_chars)
    if not suite.corpus:
        with build(settings) as services:
            yield services, planter, {}
        return
    with (
        TemporaryDirectory(prefix="dateline-eval-") as folder,
        build(settings.model_copy(update={"data_dir": Path(folder), "chroma_url": None}), ingest_clock=clock) as services,
    ):
        ingester = Ingester(services.archive, services.index, cached)
        report = ingester.run(planter.items(services.load(suite.corpus)), lambda so_far: tell(f"{len(so_far.items):,} articles read"))
        yield services, planter, _aliases(report)


def _aliases(report: IngestReport) -> dict[str, str]:
    """Ids of articles that are in the archive under another id. Raises BadInput where an article was rejected or there is none."""
    if report.rejected:
        reasons = "; ".join(f"{item.place}: {item.reason}" for item in report.rejected[:5])
        more = f" (and {len(report.rejected) - 5} more)" if len(report.rejected) > 5 else ""
        raise BadInput(f"the suite's corpus has articles that are rejected: {reasons}{more}")
    if not report.items:
        raise BadInput("the suite's corpus has no articles")
    return {str(item.article_id): str(item.reason) for item in report.items if item.outcome is Outcome.DUPLICATE}


def _bench(
    suite: Suite, services: Services, cached: VectorCache, planter: Planter, aliases: Mapping[str, str], stack: ExitStack, tell: Told
) -> Bench:
    archive, answerer, embedder = services.archive, services.answerer, services.embedder
    retrievers: dict[str, Retriever] = {
        DATELINE: services.searcher,
        "bm25": Lexical(archive),
        "dense": Dense(archive, embedder),
        "rrf": PlainFusion(archive, embedder),
        **{name: services.searcher.weighing(switched_off(name.removeprefix(WITHOUT))) for name in ABLATIONS},
        **{name: services.searcher.weighing(weights) for name, (_, weights) in OF_ANSWERS.items()},
    }
    systems: list[System] = []
    for name in (DATELINE, *suite.systems):
        if name == TEXTBOOK:
            from service.services import now

            tell("indexing the textbook chain's chunks")
            chain = textbook(
                archive.articles(None, ALL), passages=cached, questions=embedder, clock=now, depth=suite.depth,
                prompt=load_prompt(resources() / "prompts", PROMPT), generator=services.generator,
            )  # fmt: skip
            systems.append(stack.enter_context(chain))
            continue
        ranked = Ranked(name, answerer, retrievers[name], suite.depth)
        asker = answerer if name == DATELINE else answerer.searching_with(retrievers[name])
        if name in OF_ANSWERS:
            asker = asker.without(OF_ANSWERS[name][0])
        systems.append(ranked if suite.task is Task.RETRIEVAL else Answering(name, asker, suite.mode, ranked))
    return Bench(
        tuple(systems),
        archive,
        CitationJudge(embedder) if suite.task is Task.ANSWER else None,
        planter.spans if suite.plant and suite.plant.attacks else None,
        aliases,
        lambda: _memory(services),
        _identity(suite, services),
    )


def _identity(suite: Suite, services: Services) -> str:
    """The code, the prompts, the settings that matter and the archive: an answer depends on nothing else."""
    settings = services.settings.model_dump(mode="json", exclude=ELSEWHERE)
    seen = [repr(sorted(settings.items())), services.archive.stamp(), services.embedder.fingerprint, repr(suite.depth)]
    folder = Path(__file__).parent.parent
    files = [*folder.rglob("*.py"), *(resources() / "prompts").glob("*.toml")]
    seen += [hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(files)]
    return "\0".join(seen)


def _memory(services: Services) -> dict[str, int]:
    """The most memory this process held, and what the model's process holds now, in bytes."""
    import psutil

    held = {"service": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)}
    server = services.server
    if server and server.pid:
        try:
            held["model"] = psutil.Process(server.pid).memory_info().rss
        except psutil.Error:
            return held
    return held


class _NoArticles:
    """The archive of a suite that has none."""

    def article(self, article_id: str) -> Article:
        """Raises NotFound."""
        raise NotFound(f"no article {article_id!r}: this suite has no archive")
