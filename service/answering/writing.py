"""Who writes the draft: a model, sentence by sentence, or the articles themselves."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace

from service.answering.asked import may_answer
from service.answering.cleaning import MAX_TEXT, Report, in_another_language, sentences_of, smuggles
from service.answering.dating import long_before
from service.answering.grounding import Verdict, ground, strip_marks
from service.answering.judge import SecondReader, log_odds
from service.answering.part import Part
from service.answering.prompting import PromptTemplate
from service.answering.request import Delta, Emit
from service.answering.stopwatch import Stopwatch
from service.answering.sureness import Signals, sureness
from service.domain import Evidence, Question, Support, Usage
from service.ports import Embedder, Generator, Piece, Prompt
from service.retrieval.clauses import things_asked
from service.retrieval.evidence import Selection
from service.visible import visible
from service.words import content_stems, folded, numbers

MAX_SENTENCES = 4
STANDS_FROM, STANDS_AFTER_SECOND = 0.35, 0.2
"""How likely a drafted sentence must be carried, by the check and after its second reader. Both were fitted where half of the claims are
altered; where four of five are carried, as of drafts over the evidence at hand, even odds are a fifth by that scale (Saerens, Latinne and
Decaestecker, 2002). Of 63 right drafts on the sample archive and clapnq, two lay below 0.35 by the check alone.
"""
_REFUSES = re.compile(
    r"\b(?:(?:articles?|sentences?|sources?|text|passages?|reports?|information) (?:do|does|did) not "
    r"(?:say|mention|contain|provide|state|specify|give|include)"
    r"|(?:is|are|was) not (?:mentioned|stated|provided|specified|given)"
    r"|no information|not enough information|cannot (?:be )?(?:answer|determine)|unknown|not in the articles)",
    re.IGNORECASE,
)


@dataclass(slots=True)
class Draft:
    """What has been written so far, after the check; `refused` where the evidence does not answer the question."""

    signals: Signals
    verdicts: list[Verdict] = field(default_factory=list)
    usage: Usage = field(default_factory=Usage)
    refused: bool = False
    declined: bool = False
    """A sentence was left out that is no answer (`no_answer`)."""
    unanswered: int = 0
    """How many of the things asked got no sentence that the evidence carries."""
    strength: float = 0.0
    """Of the sentence that was checked last, before a second reader: on that the decision whether to answer was fitted."""
    without: Part | None = None
    """What is switched off, for measuring."""
    prompts: list[Prompt] = field(default_factory=list)
    """What the model was asked, in order."""
    report: Report = field(default_factory=Report)
    """What became of the model's text on its way to sentences."""

    @property
    def is_carried(self) -> bool:
        """True where the evidence carries at least one sentence."""
        return any(verdict.is_supported for verdict in self.verdicts)

    def failure(self, evidence: Sequence[Evidence]) -> str:
        """Why the model's text is not the answer, for the reader."""
        if in_another_language(" ".join(verdict.text for verdict in self.verdicts), " ".join(one.text for one in evidence)):
            return "the model wrote in another language than the articles"
        return self.report.trouble or "what the model wrote is not carried by the articles"

    def decide(self, generator: str) -> None:
        """Refuse where it is not sure enough that the evidence answers the question."""
        self.refused = self.without is not Part.STATUS and sureness(self.signals, generator) < 0


@dataclass(frozen=True, slots=True)
class Prompts:
    """What a model is asked, all over the same beginning: to write, whether there is an answer, whether its draft is one.

    A model that is told in the first how to refuse is not asked the others.
    """

    answer: PromptTemplate
    answerable: PromptTemplate | None = None
    verified: PromptTemplate | None = None


class ModelWriter:
    """Lets a language model write, and checks each sentence as soon as it is whole."""

    def __init__(self, generator: Generator, prompts: Prompts, embedder: Embedder, reader: SecondReader | None = None) -> None:
        self._generator = generator
        self._prompts = prompts
        self._embedder = embedder
        self._reader = reader

    @property
    def name(self) -> str:
        """The model's name, as answers show it."""
        return self._generator.name

    async def write(self, question: Question, selection: Selection, draft: Draft, watch: Stopwatch, emit: Emit) -> AsyncGenerator[Verdict]:
        """Checked sentences as they come; `draft` is filled on the way. Raises ModelUnavailable.

        Where the evidence is not likely to state the answer, nothing is written and `draft.refused` is set.
        """
        seen = set[str]()
        draft.signals = replace(draft.signals, stated=await self._odds(self._prompts.answerable, question, selection, draft))
        parts = (things_asked(question.asked) if self._prompts.answer.takes_parts else ()) or ("",)
        for number, part in enumerate(parts, 1):
            carried = False
            async with aclosing(self._part(part, seen, question, selection, draft, watch, emit)) as verdicts:
                async for verdict in verdicts:
                    if draft.signals.strength is None and not verdict.contradicts:
                        await self._verify(verdict, question, selection, draft)
                    if draft.refused:
                        return
                    draft.verdicts.append(verdict)
                    carried = carried or verdict.is_supported
                    yield verdict
                    if len(draft.verdicts) >= MAX_SENTENCES:
                        draft.unanswered += len(parts) - number + (not carried)
                        return
            draft.unanswered += not carried
        draft.refused = draft.refused or (draft.declined and not draft.is_carried)

    async def _part(
        self, part: str, seen: set[str], question: Question, selection: Selection, draft: Draft, watch: Stopwatch, emit: Emit
    ) -> AsyncGenerator[Verdict]:
        """Checked sentences on one of the things asked, until the model is done or says again what it said."""
        prompt = self._prompts.answer.fill(question, selection.evidence, part=part)
        draft.prompts.append(prompt)
        async with aclosing(self._sentences(question, prompt, draft, emit)) as sentences:
            async for raw in sentences:
                text, marked = strip_marks(raw, len(selection.evidence))
                if folded(text) in seen:
                    return
                seen.add(folded(text))
                if not content_stems(text) and not numbers(text):
                    continue
                with watch("ground"):
                    verdict = await self._checked(text, marked, question, selection, draft)
                if draft.without is Part.GROUNDING:
                    verdict, draft.strength = unchecked(verdict), 1.0
                if no_answer(part or question.standalone, verdict):
                    draft.declined = True
                    continue
                yield verdict

    async def _verify(self, verdict: Verdict, question: Question, selection: Selection, draft: Draft) -> None:
        """Ask the model about its own first sentence, before it is shown, and decide whether to answer at all."""
        verified = await self._odds(self._prompts.verified, question, selection, draft, verdict.text)
        draft.signals = replace(draft.signals, verified=verified, strength=draft.strength)
        draft.decide(self.name)

    async def _odds(
        self, template: PromptTemplate | None, question: Question, selection: Selection, draft: Draft, answer: str = ""
    ) -> float | None:
        """The model as a one-token judge; None where its server tells no probabilities. It has read the evidence already."""
        if template is None:
            return None
        prompt = template.fill(question, selection.evidence, answer=answer)
        draft.prompts.append(prompt)
        return log_odds(await self._generator.first_token_logprobs(prompt))

    async def _sentences(self, question: Question, prompt: Prompt, draft: Draft, emit: Emit) -> AsyncGenerator[str]:
        """Whole sentences of the model's text, and what it sends as it comes to `emit`, as far as it may become one."""
        # Its own words are no echo: they may be the answer.
        told = self._prompts.answer.fill(replace(question, asked="", earlier=None), ())
        echoed = f"{told.system}\n{told.user}"

        async def texts(pieces: AsyncIterator[Piece]) -> AsyncGenerator[str]:
            async for piece in pieces:
                draft.usage = draft.usage.plus(piece.usage) if piece.usage else draft.usage
                draft.report.cut_off |= piece.cut_off
                if text := visible(piece.text[:MAX_TEXT]):
                    await emit(Delta(text))
                    yield piece.text

        async with (
            aclosing(self._generator.stream(prompt)) as pieces,
            aclosing(texts(pieces)) as heard,
            aclosing(sentences_of(heard, draft.report, echoed=echoed)) as sentences,
        ):
            async for sentence in sentences:
                yield sentence

    async def _checked(self, text: str, marked: Sequence[int], question: Question, selection: Selection, draft: Draft) -> Verdict:
        """The verdict on one sentence: the model-free check's, and where that leaves doubt the second reader's."""
        # A short answer ("4,100.") means nothing alone: it is compared together with its question.
        alone = len(content_stems(text)) > 2
        vector = (await asyncio.to_thread(self._embedder.embed, [text if alone else f"{question.standalone} {text}"]))[0]
        verdict = await asyncio.to_thread(ground, text, marked, vector, selection.evidence, selection.vectors, question.standalone)
        draft.strength = verdict.strength
        aligned = [one for one in selection.evidence if one.number in verdict.aligned]
        if smuggles(text, [one.text for one in aligned]):
            return replace(verdict, support=Support.UNSUPPORTED, evidence=(), missing=(*verdict.missing, "link"))
        if draft.without is not Part.TIME and (phrase := long_before(text, aligned, question)):
            return replace(verdict, support=Support.UNSUPPORTED, evidence=(), missing=(*verdict.missing, phrase))
        # The judge reads whole statements, and a short answer is none.
        first = verdict
        if self._reader and alone:
            verdict = await self._reader.read(first, vector, selection.evidence, selection.vectors)
        stands_from = STANDS_FROM if verdict is first else STANDS_AFTER_SECOND
        if verdict.aligned and not verdict.contradicts and verdict.strength >= stands_from:
            return replace(verdict, support=Support.SUPPORTED, evidence=verdict.aligned)
        return verdict


def no_answer(question: str, verdict: Verdict) -> bool:
    """True where a carried sentence tells another thing than was asked, or one that is not carried says that it cannot tell."""
    return not may_answer(question, verdict.text) if verdict.is_supported else bool(_REFUSES.search(verdict.text))


def unchecked(verdict: Verdict) -> Verdict:
    """The sentence as if the check had let it pass: what measures what the check buys."""
    return replace(verdict, support=Support.SUPPORTED, evidence=verdict.aligned, missing=())


def quote_best(question: Question, selection: Selection, *, meant: Collection[int] = (), most: int = 3) -> list[Verdict]:
    """The best evidence sentences as they stand: the first, then those that hold more of the question's words.

    Where a draft was not carried, the sentences that it was `meant` to say come first.
    """
    wanted = set(content_stems(question.standalone) | numbers(question.standalone))
    ranked = sorted(selection.evidence, key=lambda one: (one.number not in meant, -one.score))
    chosen: list[Verdict] = []
    for one in ranked:
        held = content_stems(one.text) | numbers(one.text)
        if chosen and (len(chosen) == most or one.score < 0.75 * ranked[0].score or len(wanted & held) < 2):
            continue
        chosen.append(Verdict(" ".join(one.text.split()), Support.SUPPORTED, (one.number,)))
        wanted -= held
    return chosen
