"""The question road: from a question to an answer whose every citation is a place. Every door calls `Answerer.ask`."""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing
from copy import copy
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from service.answering import abstention
from service.answering.composing import Composer, Outcome
from service.answering.conflicts import Disagreement, find_disagreement
from service.answering.conversation import Rewriter
from service.answering.deadline import Deadline
from service.answering.grounding import Verdict
from service.answering.observing import first_sentence_timed, observed
from service.answering.part import Part
from service.answering.premises import Premise, find_false_premise
from service.answering.request import AskRequest, Emit, Sources, Understood, ignore, new_id
from service.answering.stopwatch import Stopwatch
from service.answering.superseded import superseded
from service.answering.sureness import signals_of, sureness
from service.answering.writing import Draft, ModelWriter, quote_best
from service.domain import Answer, GeneratorUsed, Hit, Mode, Question, Scope, Status, Turn
from service.errors import ArchiveError, ModelError, ModelUnavailable
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
    seconds: float = 180.0
    """What a model may take, for all it is asked for one answer."""


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
        rewriter: Rewriter | None = None,
    ) -> None:
        self._archive = archive
        self._searcher = searcher
        self._embedder = embedder
        self._writer = writer
        self._memory = memory
        self._clock = clock
        self._limits = limits
        self._rewriter = rewriter
        self._off: Part | None = None

    @observed
    async def ask(self, request: AskRequest, emit: Emit = ignore) -> Answer:
        """Answer one question, telling `emit` what happens; cancelling stops the model.

        Raises BadQuestion, NotFound for a conversation that is not the asker's, and ModelUnavailable where the mode insists on a model;
        otherwise a model that is down is a fallback.
        """
        watch, given_at, emit = Stopwatch(), self._clock(), first_sentence_timed(emit)
        model_time = Deadline(self._limits.seconds)
        answer_id = request.answer_id or new_id("ans")
        conversation_id = request.conversation_id or request.new_conversation_id or new_id("con")
        with watch("understand"):
            request = await self._standing_alone(request, model_time)
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
        composer, generator, dispute = await asyncio.to_thread(self._composer, question, selection), EXTRACTIVE, None
        draft = Draft(signals_of(question, selection), without=self._off)
        status = abstention.before_writing(question, selection, covered=covered, without=self._off)
        if status is None and (premise := find_false_premise(question, selection)):
            generator, status = await self._deny(premise, composer, draft, emit), Status.ANSWERED
        elif status is None:
            dispute = self._disagreement(question, selection)
            generator = await self._write(request.mode, question, selection, composer, draft, watch, emit, model_time)
            dispute = None if draft.refused else dispute
            await self._add_what_differs(dispute, question, selection, composer, draft, emit)
            status = abstention.after_writing(
                draft.verdicts, disagreement=dispute is not None, unanswered=draft.unanswered, without=self._off
            )
        outcome = Outcome(
            answer_id, conversation_id, question, status, coverage, generator, watch.milliseconds(), draft.usage, draft.signals.known(),
            sureness(draft.signals, generator.name),
        )  # fmt: skip
        prompts = tuple((one.system, one.user) for one in draft.prompts)
        answer = replace(composer.answer(outcome, dispute), found=tuple(found), read=read, prompts=prompts, given_at=given_at)
        await asyncio.to_thread(self._remember, answer, request)
        return answer

    def _remember(self, answer: Answer, request: AskRequest) -> None:
        """Keep the answer; where the archive cannot be written, as on a full disk, it is given all the same. Raises NotFound."""
        try:
            self._memory.remember(answer, request.owner, continues=request.conversation_id is not None)
        except ArchiveError as error:
            logger.warning("answer %s is given and not kept: %s", answer.id, error)

    def searching_with(self, retriever: Retriever) -> Answerer:
        """The same answerer over another ranking of passages."""
        other = copy(self)
        other._searcher = retriever
        return other

    def without(self, part: Part) -> Answerer:
        """The same answerer with one part switched off, for measuring; what that means for the search is the retriever's affair."""
        other = copy(self)
        other._off = part
        return other

    def understand(self, request: AskRequest) -> Question:
        """The question as it will be searched for.

        Raises BadQuestion, NotFound for a conversation that is not the asker's, and ModelUnavailable where it wants a model and there is
        none.
        """
        if request.mode is Mode.MODEL and self._writer is None:
            raise ModelUnavailable("this service runs without a language model: set DATELINE_MODEL, or ask with mode auto")
        asked_at = request.moment(self._clock())
        scope = Scope(asked_at.astimezone(UTC), request.published_from, request.published_to, request.sources, request.article_ids)
        history = self._history(request, asked_at)
        known = self._archive.bylines()
        check_outlets(request.sources, known.sources)
        return understand(
            request.question, asked_at, scope,
            infer_window=request.infer_window, history=history, known=known, standalone=request.standalone,
        )  # fmt: skip

    def _history(self, request: AskRequest, asked_at: datetime) -> tuple[Turn, ...]:
        """What the caller gave, then what is remembered. Raises NotFound."""
        if not request.conversation_id:
            return request.history
        return request.history + self._memory.history(request.conversation_id, asked_at.astimezone(UTC), request.owner)

    async def _standing_alone(self, request: AskRequest, model_time: Deadline) -> AskRequest:
        """With the model's rewriting of a follow-up that leans on what was said and that rules cannot resolve, if it has a sound one."""
        if self._rewriter is None or request.mode is Mode.EXTRACTIVE or not (request.history or request.conversation_id):
            return request
        asked_at = request.moment(self._clock())
        history = await asyncio.to_thread(self._history, request, asked_at)
        try:
            async with model_time:
                return replace(request, standalone=await self._rewriter.standalone(request.question, history, asked_at))
        except ModelUnavailable as error:
            logger.warning("a follow-up is not rewritten: %s", error)
            return request

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

    def _disagreement(self, question: Question, selection: Selection) -> Disagreement | None:
        if self._off is Part.VOTES:
            return None
        return find_disagreement(question.standalone, selection.evidence, selection.vectors, selection.question_vector)

    async def _write(
        self, mode: Mode, question: Question, selection: Selection, composer: Composer, draft: Draft, watch: Stopwatch, emit: Emit,
        model_time: Deadline,
    ) -> GeneratorUsed:  # fmt: skip
        """Fill the draft, by the model or, without one, from the articles' own sentences; returns who did."""
        fallback: str | None = None
        meant: tuple[int, ...] = ()
        if mode is not Mode.EXTRACTIVE and self._writer is not None:
            try:
                with watch("generate"):
                    async with model_time, aclosing(self._writer.write(question, selection, draft, watch, emit)) as verdicts:
                        async for verdict in verdicts:
                            await self._show(verdict, composer, emit)
                if mode is Mode.MODEL or draft.refused or draft.is_carried:
                    return GeneratorUsed(self._writer.name, "model")
                fallback = draft.failure(selection.evidence)
            except ModelError as error:
                if mode is Mode.MODEL:
                    raise
                logger.warning("answering without the model: %s", error.in_short)
                fallback = str(error)
                if draft.is_carried:
                    return GeneratorUsed(self._writer.name, "model", fallback)
        composer.withdraw()
        meant = tuple(dict.fromkeys(number for verdict in draft.verdicts for number in verdict.aligned))
        draft.verdicts.clear()
        draft.unanswered = 0
        draft.decide(EXTRACTIVE.name)
        if draft.refused:
            return replace(EXTRACTIVE, fallback=fallback)
        for verdict in quote_best(question, selection, meant=meant):
            draft.verdicts.append(verdict)
            await self._show(verdict, composer, emit)
        return GeneratorUsed("extractive", "extractive", fallback)

    async def _deny(self, premise: Premise, composer: Composer, draft: Draft, emit: Emit) -> GeneratorUsed:
        """Answer with the sentence that denies what the question takes for granted; a draft would only go along with it."""
        draft.verdicts.append(premise.verdict)
        await self._show(premise.verdict, composer, emit)
        return replace(EXTRACTIVE, fallback="the question takes for granted what the articles deny")

    async def _add_what_differs(
        self, dispute: Disagreement | None, question: Question, selection: Selection, composer: Composer, draft: Draft, emit: Emit
    ) -> None:
        """Where sources disagree, each side is quoted, whatever the draft said; where a figure has changed, the earlier one is named."""
        earlier = None if self._off is Part.TIME else superseded(question, selection, draft.verdicts)
        for verdict in composer.positions(dispute) if dispute else filter(None, [earlier]):
            draft.verdicts.append(verdict)
            await self._show(verdict, composer, emit)

    async def _show(self, verdict: Verdict, composer: Composer, emit: Emit) -> None:
        if checked := composer.add(verdict):
            await emit(checked)
