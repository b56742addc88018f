"""The question road: from a question to an answer whose every citation is a place. Every door calls `Answerer.ask`."""

from __future__ import annotations

import asyncio
import logging
import secrets
from dataclasses import dataclass, replace
from datetime import UTC

from service.answering import abstention
from service.answering.composing import Composer, Outcome
from service.answering.conflicts import Disagreement, find_disagreement
from service.answering.grounding import Verdict
from service.answering.request import AskRequest, Emit, Sources, Understood, ignore
from service.answering.stopwatch import Stopwatch
from service.answering.writing import Draft, ModelWriter, quote_best
from service.domain import Answer, GeneratorUsed, Hit, Mode, Question, Scope
from service.errors import ModelError, ModelUnavailable
from service.ports import Archive, Clock, Embedder, Memory, Retriever
from service.retrieval.coverage import check_outlets, is_covered
from service.retrieval.evidence import Selection, select_evidence
from service.retrieval.search import EVERYTHING
from service.retrieval.understand import understand
from service.words import numbers

logger = logging.getLogger(__name__)
EXTRACTIVE = GeneratorUsed("extractive", "extractive")


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is read for one answer."""

    top_k: int
    evidence_sentences: int
    evidence_tokens: int


class Answerer:
    """Answers questions about the archive."""

    def __init__(
        self,
        archive: Archive,
        searcher: Retriever,
        embedder: Embedder,
        writer: ModelWriter | None,
        memory: Memory,
        clock: Clock,
        limits: Limits,
    ) -> None:
        self._archive = archive
        self._searcher = searcher
        self._embedder = embedder
        self._writer = writer
        self._memory = memory
        self._clock = clock
        self._limits = limits

    async def ask(self, request: AskRequest, emit: Emit = ignore) -> Answer:
        """Answer one question, telling `emit` what happens; cancelling stops the model.

        Raises BadQuestion, and ModelUnavailable where the mode insists on a model; otherwise a model that is down is a fallback.
        """
        watch = Stopwatch()
        answer_id, conversation_id = f"ans_{secrets.token_hex(10)}", request.conversation_id or f"con_{secrets.token_hex(10)}"
        with watch("understand"):
            question = await asyncio.to_thread(self.understand, request)
            coverage = await asyncio.to_thread(self._archive.coverage, Scope(question.scope.visible_at))
            covered = await asyncio.to_thread(is_covered, question, self._archive)
        await emit(Understood(answer_id, conversation_id, question, coverage))
        with watch("search"):
            found = await asyncio.to_thread(self._searcher.search, question, EVERYTHING)
        read = request.top_k or self._limits.top_k
        with watch("select"):
            selection = await asyncio.to_thread(self._select, question, found[:read])
        await emit(Sources(selection.evidence))
        composer, draft, generator, dispute = await asyncio.to_thread(self._composer, question, selection), Draft(), EXTRACTIVE, None
        status = abstention.before_writing(question, selection, covered=covered)
        if status is None:
            dispute = find_disagreement(question.standalone, selection.evidence, selection.vectors, selection.question_vector)
            generator = await self._write(request.mode, question, selection, composer, draft, watch, emit)
            dispute = None if draft.refused else dispute
            await self._add_positions(dispute, composer, draft, emit)
            status = abstention.after_writing(draft.verdicts, disagreement=dispute is not None, refused=draft.refused)
        confidence = selection.best_similarity if draft.confidence is None else draft.confidence
        outcome = Outcome(answer_id, conversation_id, question, status, coverage, generator, watch.milliseconds(), draft.usage, confidence)
        answer = replace(composer.answer(outcome, dispute), found=tuple(found), read=read)
        await asyncio.to_thread(self._memory.remember, answer)
        return answer

    def searching_with(self, retriever: Retriever) -> Answerer:
        """The same answerer over another ranking of passages."""
        return Answerer(self._archive, retriever, self._embedder, self._writer, self._memory, self._clock, self._limits)

    def understand(self, request: AskRequest) -> Question:
        """The question as it will be searched for. Raises BadQuestion, and ModelUnavailable where it wants a model and there is none."""
        if request.mode is Mode.MODEL and self._writer is None:
            raise ModelUnavailable("this service runs without a language model: set DATELINE_MODEL, or ask with mode auto")
        asked_at = request.moment(self._clock())
        scope = Scope(asked_at.astimezone(UTC), request.published_from, request.published_to, request.sources, request.article_ids)
        history = request.history
        if request.conversation_id:
            history += self._memory.history(request.conversation_id, scope.visible_at)
        known = self._archive.bylines()
        check_outlets(request.sources, known.sources)
        return understand(request.question, asked_at, scope, infer_window=request.infer_window, history=history, known=known)

    def _select(self, question: Question, hits: list[Hit]) -> Selection:
        limits = self._limits
        return select_evidence(question, hits, self._embedder, max_sentences=limits.evidence_sentences, max_tokens=limits.evidence_tokens)

    def _composer(self, question: Question, selection: Selection) -> Composer:
        """With, for each sentence, the other outlets that had printed it by then: a print without its figures is no second print of it."""
        found = self._archive.reprints(sorted({one.article.id for one in selection.evidence}), question.scope.visible_at)
        figures = {one.article_id: numbers(self._archive.article(one.article_id).text) for prints in found.values() for one in prints}
        also = {
            one.number: tuple(other for other in found.get(one.article.id, ()) if numbers(one.text) <= figures[other.article_id])
            for one in selection.evidence
        }
        return Composer(question, selection.evidence, also)

    async def _write(
        self, mode: Mode, question: Question, selection: Selection, composer: Composer, draft: Draft, watch: Stopwatch, emit: Emit
    ) -> GeneratorUsed:
        """Fill the draft, by the model or, without one, from the articles' own sentences; returns who did."""
        fallback = None
        if mode is not Mode.EXTRACTIVE and self._writer is not None:
            try:
                with watch("generate"):
                    async for verdict in self._writer.write(question, selection, draft, watch, emit):
                        await self._show(verdict, composer, emit)
                if mode is Mode.MODEL or draft.refused or draft.is_carried:
                    return GeneratorUsed(self._writer.name, "model")
                fallback = "what the model wrote is not carried by the articles"
            except ModelError as error:
                if mode is Mode.MODEL:
                    raise
                logger.warning("answering without the model: %s", error)
                fallback = str(error)
                if draft.is_carried:
                    return GeneratorUsed(self._writer.name, "model", fallback)
        composer.withdraw()
        draft.verdicts.clear()
        for verdict in quote_best(question, selection):
            draft.verdicts.append(verdict)
            await self._show(verdict, composer, emit)
        return GeneratorUsed("extractive", "extractive", fallback)

    async def _add_positions(self, dispute: Disagreement | None, composer: Composer, draft: Draft, emit: Emit) -> None:
        """Where sources disagree, each side is quoted, whatever the draft said."""
        for verdict in composer.positions(dispute) if dispute else ():
            draft.verdicts.append(verdict)
            await self._show(verdict, composer, emit)

    async def _show(self, verdict: Verdict, composer: Composer, emit: Emit) -> None:
        if checked := composer.add(verdict):
            await emit(checked)
