"""Who writes the draft: a model, sentence by sentence, or the articles themselves."""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace

from service.answering.cleaning import MAX_TEXT, Report, in_another_language, sentences_of, smuggles
from service.answering.grounding import Verdict, ground, strip_marks
from service.answering.prompting import PromptTemplate
from service.answering.request import Delta, Emit
from service.answering.stopwatch import Stopwatch
from service.domain import Evidence, Question, Support, Usage
from service.ports import Embedder, Generator, Piece
from service.retrieval.evidence import Selection
from service.visible import visible
from service.words import content_stems, numbers

MAX_SENTENCES = 4
_LEAST = 1e-9
_REFUSES = re.compile(
    r"\b(?:(?:articles?|sentences?|sources?|text|passages?|reports?|information) (?:do|does|did) not "
    r"(?:say|mention|contain|provide|state|specify|give|include)"
    r"|(?:is|are|was) not (?:mentioned|stated|provided|specified|given)"
    r"|not in the articles|no information|not enough information|cannot (?:be )?(?:answer|determine)|unknown)",
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


class ModelWriter:
    """Lets a language model write, and checks each sentence as soon as it is whole."""

    def __init__(self, generator: Generator, prompt: PromptTemplate, judge: PromptTemplate, embedder: Embedder) -> None:
        self._generator = generator
        self._prompt = prompt
        self._judge = judge
        self._embedder = embedder

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
        async with aclosing(self._sentences(question, selection, draft, emit)) as sentences:
            async for raw in sentences:
                text, marked = strip_marks(raw, len(selection.evidence))
                if not content_stems(text) and not numbers(text):
                    continue
                with watch("ground"):
                    verdict = await asyncio.to_thread(self._check, text, marked, question, selection)
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
        """Whole sentences of the model's text, and what it sends as it comes to `emit`, as far as it may become one."""
        stream = self._generator.stream(self._prompt.fill(question, selection.evidence))
        told = self._prompt.fill(replace(question, asked="", earlier=None), ())  # Its own words are no echo: they may be the answer.

        async def texts(pieces: AsyncIterator[Piece]) -> AsyncGenerator[str]:
            async for piece in pieces:
                draft.usage = piece.usage or draft.usage
                draft.report.cut_off |= piece.cut_off
                if text := visible(piece.text[:MAX_TEXT]):
                    await emit(Delta(text))
                    yield piece.text

        async with (
            aclosing(stream) as pieces,
            aclosing(texts(pieces)) as heard,
            aclosing(sentences_of(heard, draft.report, echoed=f"{told.system}\n{told.user}")) as sentences,
        ):
            async for sentence in sentences:
                yield sentence

    def _check(self, text: str, marked: Sequence[int], question: Question, selection: Selection) -> Verdict:
        # A short answer ("4,100.") means nothing alone: it is compared together with its question.
        alone = len(content_stems(text)) > 2
        vector = self._embedder.embed([text if alone else f"{question.standalone} {text}"])[0]
        verdict = ground(text, marked, vector, selection.evidence, selection.vectors)
        cited = [one.text for one in selection.evidence if one.number in verdict.evidence]
        return (
            replace(verdict, support=Support.UNSUPPORTED, evidence=(), missing=(*verdict.missing, "link"))
            if smuggles(text, cited)
            else verdict
        )


def log_odds(logprobs: Mapping[str, float]) -> float | None:
    """Natural-log odds of Yes over No among first tokens, in any spelling; None where neither is there."""
    yes = sum(math.exp(value) for token, value in logprobs.items() if token.strip().casefold() == "yes")
    no = sum(math.exp(value) for token, value in logprobs.items() if token.strip().casefold() == "no")
    if yes == no == 0:
        return None
    return math.log(max(yes, _LEAST) / max(no, _LEAST))


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
