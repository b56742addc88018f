"""An optional second opinion on correctness, by a configured model. Off by default, never alone: its verdicts are one more metric.

Each verdict is kept by the SHA-256 of model and prompt, so the same answer is never paid for twice, and a run can be repeated.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import Path

from service.answering.neutral import neutral
from service.answering.prompting import PromptTemplate
from service.domain import Answer
from service.evaluation.cases import Case, digest
from service.evaluation.runner import Row
from service.ports import Generator, Prompt

PROMPT = "judge.v1"
NEEDS = ("question", "expected", "answer")
GRADES = {"correct": 1.0, "partial": 0.5, "wrong": 0.0}


@dataclass(frozen=True, slots=True)
class HostedJudge:
    """Asks a model whether an answer says what was expected."""

    generator: Generator
    prompt: PromptTemplate
    verdicts: Path
    """A file of JSON lines: what was said before."""

    def grade(self, rows: Sequence[Row]) -> tuple[Row, ...]:
        """The rows with `correctness` where one was expected and the model gave a word that is a grade. Raises ModelError.

        Starts an event loop, so not to be called inside one.
        """
        return asyncio.run(self._all(rows))

    async def _all(self, rows: Sequence[Row]) -> tuple[Row, ...]:
        known = self._known()
        graded = []
        for row in rows:
            wanted = row.answer is not None and (row.case.answers or row.case.must_refuse)
            graded.append(replace(row, correctness=await self._one(row.case, row.answer, known)) if wanted and row.answer else row)
        return tuple(graded)

    async def _one(self, case: Case, answer: Answer, known: dict[str, str]) -> float | None:
        prompt = self._filled(case, answer)
        key = digest(f"{self.generator.name}\0{self.prompt.name}\0{prompt.system}\0{prompt.user}")
        if key not in known:
            said = ""
            async with aclosing(self.generator.stream(prompt)) as pieces:
                async for piece in pieces:
                    said += piece.text
            known[key] = said.strip()[:80]
            self.verdicts.parent.mkdir(parents=True, exist_ok=True)
            with self.verdicts.open("a", encoding="utf-8") as file:
                file.write("\n" + json.dumps({"key": key, "said": known[key]}))  # the break first: a cut-off line spoils no other
        return grade_in(known[key])

    def _filled(self, case: Case, answer: Answer) -> Prompt:
        groups = "; and ".join(" or ".join(group) for group in case.answers)
        messages = self.prompt.template.format_messages(
            question=neutral(case.question),
            expected=neutral(groups if not case.must_refuse else "a refusal: the archive does not know"),
            answer=neutral(answer.text if not answer.status.is_refusal else "a refusal"),
        )
        return Prompt(str(messages[0].content), str(messages[1].content), self.prompt.max_tokens)

    def _known(self) -> dict[str, str]:
        known: dict[str, str] = {}
        try:
            lines = self.verdicts.read_text("utf-8").splitlines()
        except FileNotFoundError:
            return known
        for line in lines:
            try:
                row = json.loads(line)
                known[row["key"]] = str(row["said"])
            except (ValueError, KeyError, TypeError):
                continue  # cut off by a kill: asked again
        return known


def grade_in(said: str) -> float | None:
    """The grade in a model's words: the first word, if it is one of the three."""
    word = said.split(maxsplit=1)[0].strip(".,:*\"'").casefold() if said.split() else ""
    return GRADES.get(word)
