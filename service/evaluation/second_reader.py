"""The judge of sentences alone and together with the model-free check, against people's verdicts.

What a judge said is kept by the SHA-256 of its name, its prompt, the claim and the sentences: a language model takes seconds for each.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from service.answering.grounding import ground
from service.answering.judge import SecondReader, nearest, passage_of, sigmoid
from service.answering.prompting import PromptTemplate
from service.domain import Evidence
from service.errors import ModelUnavailable
from service.evaluation.cases import Case, digest
from service.evaluation.judging import read_pair
from service.evaluation.systems import Response
from service.ports import Embedder, SentenceJudge


@dataclass(frozen=True, slots=True)
class KeptJudge:
    """`ports.SentenceJudge` that remembers what it said, in a file of JSON lines."""

    judge: SentenceJudge
    version: str
    """Names what its answers depend on beside model, claim and sentences: the prompt."""
    path: Path
    known: dict[str, float] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The judge's own."""
        return self.judge.name

    async def odds(self, claim: str, evidence: Sequence[Evidence]) -> float | None:
        """What it said before, else what it says now. That it could not say is not kept."""
        if not self.known:
            self.known.update(read_kept(self.path))
        key = key_of(self.name, self.version, claim, evidence)
        if key not in self.known:
            said = await self.judge.odds(claim, evidence)
            if said is None:
                return None
            self.known[key] = said
            await asyncio.to_thread(self._keep, key, said)
        return self.known[key]

    def _keep(self, key: str, said: float) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            file.write("\n" + json.dumps({"key": key, "odds": said}))  # the break first: a cut-off line spoils no other


def key_of(name: str, version: str, claim: str, evidence: Sequence[Evidence]) -> str:
    """Names one question to a judge."""
    return digest(f"{name}\0{version}\0{claim}\0{passage_of(evidence)}")


def kept(second: SecondReader, prompt: PromptTemplate, folder: Path) -> SecondReader:
    """The same, with what the judge says kept in `carried.jsonl` in this folder."""
    return replace(second, judge=KeptJudge(second.judge, version_of(prompt), folder / "carried.jsonl"))


def version_of(prompt: PromptTemplate) -> str:
    """Names the words of a prompt; its thresholds may change without the judge saying anything else."""
    return digest("\0".join(str(message.content) for message in prompt.template.format_messages(evidence="", claim="")))[:16]


def read_kept(path: Path) -> dict[str, float]:
    """What was said before, by key."""
    known: dict[str, float] = {}
    try:
        lines = path.read_text("utf-8").splitlines()
    except FileNotFoundError:
        return known
    for line in lines:
        try:
            row = json.loads(line)
            known[row["key"]] = float(row["odds"])
        except (ValueError, KeyError, TypeError):
            continue  # cut off by a kill: asked again
    return known


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
