"""The judge of sentences alone and together with the model-free check, against people's verdicts.

What a judge said is kept by the SHA-256 of its name, its prompt, the claim and the sentences: a language model takes seconds for each.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from service.answering.grounding import ground
from service.answering.judge import SecondReader, nearest, passage_of, sigmoid
from service.answering.prompting import PromptTemplate
from service.domain import Evidence
from service.errors import ModelUnavailable
from service.evaluation.cases import Case, digest
from service.evaluation.judging import read_pair
from service.evaluation.systems import Response
from service.models.cache_file import CacheFile
from service.ports import Embedder, SentenceJudge

FILE = "carried.sqlite3"


@dataclass(frozen=True, slots=True)
class KeptJudge:
    """`ports.SentenceJudge` that remembers what it said, in a file that other runs and `eval/fit_check.py` read too."""

    judge: SentenceJudge
    version: str
    """Names what its answers depend on beside model, claim and sentences: the prompt."""
    file: CacheFile

    @property
    def name(self) -> str:
        """The judge's own."""
        return self.judge.name

    async def odds(self, claim: str, evidence: Sequence[Evidence]) -> float | None:
        """What it said before, else what it says now. That it could not say is not kept."""
        before = said_before(self.file, self.name, self.version, claim, evidence)
        if before is not None:
            return before
        said = await self.judge.odds(claim, evidence)
        if said is not None:
            self.file.put({_key(self.name, self.version, claim, evidence): repr(said).encode()})
        return said


def said_before(file: CacheFile, name: str, version: str, claim: str, evidence: Sequence[Evidence]) -> float | None:
    """The log-odds that this judge gave for the claim and these sentences; None where it was not asked."""
    key = _key(name, version, claim, evidence)
    kept = file.get([key]).get(key)
    return None if kept is None else float(kept)


def version_of(prompt: PromptTemplate) -> str:
    """Names the words of a prompt; its thresholds may change without the judge saying anything else."""
    return digest("\0".join(str(message.content) for message in prompt.template.format_messages(evidence="", claim="")))[:16]


def _key(name: str, version: str, claim: str, evidence: Sequence[Evidence]) -> bytes:
    return bytes.fromhex(digest(f"{name}\0{version}\0{claim}\0{passage_of(evidence)}"))


@dataclass(frozen=True, slots=True)
class JudgeCheck:
    """The judge alone: it is asked of every sentence, and the weakest decides."""

    embedder: Embedder
    second: SecondReader
    name: str = "judge"

    async def respond(self, case: Case) -> Response:
        """Supported from the calibration's own threshold on. Raises ModelUnavailable where the judge cannot say."""
        claims, evidence, rows = await asyncio.to_thread(read_pair, case, self.embedder)
        if not evidence:
            return Response(verdict=False, strength=0.0)
        found = []
        for text, vector in zip(claims, rows, strict=False):
            odds = await self.second.judge.odds(text, nearest(vector, evidence, rows[len(claims) :]))
            if odds is None:
                raise ModelUnavailable(f"{self.second.judge.name} gives no log-odds: name another with DATELINE_JUDGE")
            found.append(odds)
        return Response(verdict=min(found) >= self.second.calibration.threshold, strength=sigmoid(min(found)))


@dataclass(frozen=True, slots=True)
class CombinedCheck:
    """The check as answers have it: model-free first, and the judge where that leaves doubt."""

    embedder: Embedder
    second: SecondReader
    name: str = "combined"

    async def respond(self, case: Case) -> Response:
        """The verdict, and the strength of the weakest sentence."""
        claims, evidence, rows = await asyncio.to_thread(read_pair, case, self.embedder)
        held, verdicts = rows[len(claims) :], []
        for text, vector in zip(claims, rows, strict=False):
            first = await asyncio.to_thread(ground, text, (), vector, evidence, held)
            verdicts.append(await self.second.read(first, vector, evidence, held))
        return Response(verdict=all(one.is_supported for one in verdicts), strength=min(one.strength for one in verdicts))
