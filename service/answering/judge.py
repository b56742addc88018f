"""A second reader of a drafted sentence, asked where the model-free check is in doubt.

A `SentenceJudge` (a language model that says Yes or No, or a cross-encoder for entailment) gives log-odds that a few sentences state
every detail of a claim; `combine` puts them together with what the model-free check found, by weights fitted for that judge.
Neither alone is enough: on news that people altered in one detail a model sees what words do not, and words see the number that it
overlooks.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from service.answering.grounding import Verdict
from service.answering.neutral import neutral
from service.answering.prompting import TITLE, PromptTemplate
from service.domain import Evidence, Support
from service.errors import ModelError
from service.ports import Generator, Prompt, SentenceJudge, Vectors

CARRIED_PROMPT = "carried.v1"
CARRIED_NEEDS = ("evidence", "claim")
NEAREST = 5
"""Evidence sentences that a judge reads, the nearest in meaning: a small model loses the detail in more, and reads 100 tokens a second."""
TIMEOUT = 10.0
"""Seconds that a judge has for one sentence, which afterwards stands as the model-free check left it. On two cores it takes 1 to 3."""
_LEAST = 1e-9
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Calibration:
    """What a judge's log-odds are worth: `intercept + odds * log-odds + free * the model-free log-odds` is the log-odds of being carried.

    It is asked where the model-free probability lies in `[low, high)`.
    """

    threshold: float = 0.0
    """Log-odds of the judge from which it says yes where it is asked alone."""
    intercept: float = 0.0
    odds: float = 0.5
    free: float = 1.0
    low: float = 0.0
    high: float = 1.0

    @classmethod
    def of(cls, prompt: PromptTemplate, name: str) -> Calibration:
        """That of the judge of this name in the prompt's file; of the kind `nli` for every model of entailment; else the `default`."""
        table = prompt.calibrations
        kind = name.partition(":")[0]
        return cls(**(table.get(name) or table.get(kind) or table.get("default") or {}))


class ModelJudge:
    """`ports.SentenceJudge` over a language model that is asked for one token."""

    def __init__(self, generator: Generator, prompt: PromptTemplate, *, timeout: float = TIMEOUT) -> None:
        self._generator = generator
        self._prompt = prompt
        self._timeout = timeout

    @property
    def name(self) -> str:
        """The model's name."""
        return self._generator.name

    async def odds(self, claim: str, evidence: Sequence[Evidence]) -> float | None:
        """Natural-log odds of Yes over No; None where the model's server tells no probabilities, is down or is too slow."""
        try:
            async with asyncio.timeout(self._timeout):
                return log_odds(await self._generator.first_token_logprobs(self.fill(claim, evidence)))
        except TimeoutError:
            _log.warning("%s gave no verdict on a sentence within %g seconds", self.name, self._timeout)
        except ModelError as error:
            _log.warning("no verdict on a sentence: %s", error.in_short)
        return None

    def fill(self, claim: str, evidence: Sequence[Evidence]) -> Prompt:
        """The prompt for this claim over these sentences."""
        messages = self._prompt.template.format_messages(evidence=passage_of(evidence), claim=neutral(claim))
        return Prompt(str(messages[0].content), str(messages[1].content), self._prompt.max_tokens)


@dataclass(frozen=True, slots=True)
class SecondReader:
    """A judge with what its log-odds are worth: what the answer flow asks."""

    judge: SentenceJudge
    calibration: Calibration

    async def read(self, verdict: Verdict, vector: Vectors, evidence: Sequence[Evidence], vectors: Vectors) -> Verdict:
        """The verdict after the judge, where there is doubt. `vector` is the sentence's `(d,)`, `vectors` the evidence's `(n, d)`.

        Never raises ModelError: where the judge does not answer, the verdict stays as it is.
        """
        if not in_doubt(verdict, self.calibration):
            return verdict
        return combine(verdict, await self.judge.odds(verdict.text, nearest(vector, evidence, vectors)), self.calibration)


def in_doubt(verdict: Verdict, calibration: Calibration) -> bool:
    """True where a judge could turn the verdict and is worth its time. A changed number or name is certain."""
    return bool(verdict.aligned) and not verdict.contradicts and calibration.low <= verdict.strength < calibration.high


def combine(verdict: Verdict, odds: float | None, calibration: Calibration) -> Verdict:
    """The verdict with a judge's log-odds taken into account; as it was where there are none, or where something was changed."""
    if odds is None or verdict.contradicts or not verdict.aligned:
        return verdict
    strength = sigmoid(calibration.intercept + calibration.odds * odds + calibration.free * logit(verdict.strength))
    carried = strength >= 0.5
    support = Support.SUPPORTED if carried else Support.UNSUPPORTED
    return replace(verdict, support=support, evidence=verdict.aligned if carried else (), strength=strength)


def nearest(vector: Vectors, evidence: Sequence[Evidence], vectors: Vectors, *, most: int = NEAREST) -> list[Evidence]:
    """The evidence nearest in meaning to a sentence, in reading order."""
    best = (-(vectors @ vector)).argsort(kind="stable")[:most]
    return [evidence[row] for row in sorted(best)]


def passage_of(evidence: Sequence[Evidence]) -> str:
    """The sentences, a line each, under what is known of their article: a date or a name may stand there alone."""
    blocks = []
    for _, group in groupby(evidence, key=lambda one: one.article.id):
        rows = list(group)
        article = rows[0].article
        day = f"{article.published_at.day} {article.published_at:%B %Y}" if article.published_at else ""
        head = ": ".join(filter(None, (", ".join(filter(None, (article.source, day))), article.title[:TITLE])))
        blocks.append("\n".join(filter(None, (neutral(head), *(neutral(row.text) for row in rows)))))
    return "\n\n".join(blocks)


def log_odds(logprobs: Mapping[str, float]) -> float | None:
    """Natural-log odds of Yes over No among first tokens, in any spelling; None where neither is there."""
    yes = sum(math.exp(value) for token, value in logprobs.items() if token.strip().casefold() == "yes")
    no = sum(math.exp(value) for token, value in logprobs.items() if token.strip().casefold() == "no")
    if yes == no == 0:
        return None
    return math.log(max(yes, _LEAST) / max(no, _LEAST))


def sigmoid(value: float) -> float:
    """The probability with these log-odds."""
    return 1 / (1 + math.exp(-value)) if value >= 0 else math.exp(value) / (1 + math.exp(value))


def logit(probability: float) -> float:
    """The log-odds of a probability, bounded at one in 10,000 either way."""
    kept = min(max(probability, 1e-4), 1 - 1e-4)
    return math.log(kept / (1 - kept))
