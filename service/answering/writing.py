"""Who writes the draft: a model, sentence by sentence, or the articles themselves."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from service.answering.grounding import Verdict, ground, strip_marks
from service.answering.judge import SecondReader, log_odds
from service.answering.prompting import PromptTemplate
from service.answering.request import Delta, Emit
from service.answering.stopwatch import Stopwatch
from service.domain import Question, Support, Usage
from service.ports import Embedder, Generator
from service.retrieval.evidence import Selection
from service.sentences import sentence_spans
from service.words import content_stems, folded, numbers

MAX_SENTENCES = 4
MAX_DRAFT = 4_000
"""Characters after which a model that does not stop is stopped."""
_REFUSES = re.compile(
    r"\b(?:(?:articles?|sentences?|sources?|text|passages?|reports?|information) (?:do|does|did) not "
    r"(?:say|mention|contain|provide|state|specify|give|include)"
    r"|(?:is|are|was) not (?:mentioned|stated|provided|specified|given)"
    r"|no information|not enough information|cannot (?:be )?(?:answer|determine)|unknown)",
    re.IGNORECASE,
)


@dataclass(slots=True)
class Draft:
    """What has been written so far, after the check; `refused` where the model said that it cannot tell."""

    verdicts: list[Verdict] = field(default_factory=list)
    usage: Usage = field(default_factory=Usage)
    refused: bool = False
    confidence: float | None = None
    """The model's log-odds that the evidence states an answer, where its server tells probabilities."""

    @property
    def is_carried(self) -> bool:
        """True where the evidence carries at least one sentence."""
        return any(verdict.is_supported for verdict in self.verdicts)


class ModelWriter:
    """Lets a language model write, and checks each sentence as soon as it is whole."""

    def __init__(
        self, generator: Generator, prompt: PromptTemplate, judge: PromptTemplate, embedder: Embedder, second: SecondReader | None = None
    ) -> None:
        self._generator = generator
        self._prompt = prompt
        self._judge = judge
        self._embedder = embedder
        self._second = second

    @property
    def name(self) -> str:
        """The model's name, as answers show it."""
        return self._generator.name

    async def write(self, question: Question, selection: Selection, draft: Draft, watch: Stopwatch, emit: Emit) -> AsyncGenerator[Verdict]:
        """Checked sentences as they come; `draft` is filled on the way. Raises ModelUnavailable.

        Where the model finds no answer in the evidence, nothing is written and `draft.refused` is set.
        """
        if not await self._answerable(question, selection, draft):
            draft.refused = True
            return
        seen: set[str] = set()
        async with aclosing(self._sentences(question, selection, draft, emit)) as sentences:
            async for raw in sentences:
                text, marked = strip_marks(raw, len(selection.evidence))
                if folded(text) in seen:
                    return
                seen.add(folded(text))
                if not content_stems(text) and not numbers(text):
                    continue
                with watch("ground"):
                    verdict = await self._check(text, marked, question, selection)
                if not verdict.is_supported and _REFUSES.search(text):
                    draft.refused = True
                    continue
                draft.verdicts.append(verdict)
                yield verdict
                if len(draft.verdicts) >= MAX_SENTENCES:
                    return

    async def _answerable(self, question: Question, selection: Selection, draft: Draft) -> bool:
        """The model as a one-token judge of whether the evidence states an answer; true where its server tells no probabilities.

        Asked before the draft: it reads the evidence once for both, and a refusal costs no draft.
        """
        found = await self._generator.first_token_logprobs(self._judge.fill(question, selection.evidence))
        odds = draft.confidence = log_odds(found)
        threshold = self._judge.thresholds.get(self.name, self._judge.thresholds.get("default", 0.0))
        return odds is None or odds >= threshold

    async def _sentences(self, question: Question, selection: Selection, draft: Draft, emit: Emit) -> AsyncGenerator[str]:
        """Whole sentences of the model's text; a last one without an end is whole when the model stops."""
        text, done = "", 0
        stream = self._generator.stream(self._prompt.fill(question, selection.evidence))
        async with aclosing(stream) as pieces:
            async for piece in pieces:
                if piece.usage:
                    draft.usage = piece.usage
                if not piece.text:
                    continue
                text += piece.text
                await emit(Delta(piece.text))
                rest = text[done:]
                *whole, last = sentence_spans(rest) or [(0, 0)]
                for start, end in whole:
                    yield rest[start:end]
                done += last[0]
                if len(text) > MAX_DRAFT:
                    return
        rest = text[done:]
        for start, end in sentence_spans(rest):
            yield rest[start:end]

    async def _check(self, text: str, marked: Sequence[int], question: Question, selection: Selection) -> Verdict:
        # A short answer ("4,100.") means nothing alone: it is compared together with its question.
        alone = len(content_stems(text)) > 2
        vector = (await asyncio.to_thread(self._embedder.embed, [text if alone else f"{question.standalone} {text}"]))[0]
        verdict = await asyncio.to_thread(ground, text, marked, vector, selection.evidence, selection.vectors)
        # The judge reads whole statements, and a short answer is none.
        return await self._second.read(verdict, vector, selection.evidence, selection.vectors) if self._second and alone else verdict


def quote_best(question: Question, selection: Selection, *, most: int = 3) -> list[Verdict]:
    """The best evidence sentences as they stand: the first, then those that hold more of the question's words."""
    wanted = set(content_stems(question.standalone) | numbers(question.standalone))
    ranked = sorted(selection.evidence, key=lambda one: -one.score)
    chosen: list[Verdict] = []
    for one in ranked:
        held = content_stems(one.text) | numbers(one.text)
        if chosen and (len(chosen) == most or one.score < 0.75 * ranked[0].score or len(wanted & held) < 2):
            continue
        chosen.append(Verdict(" ".join(one.text.split()), Support.SUPPORTED, (one.number,)))
        wanted -= held
    return chosen
