"""Dateline's own grounding check as a judge: of citations, and, against people's verdicts, of itself.

Citation recall and precision follow ALCE (Gao et al., EMNLP 2023), with this check in place of its entailment model. How far
the check may be trusted is measured by the `check-…` suites, and stands beside every figure that it judges.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from service.answering import grounding
from service.answering.grounding import Verdict, ground, strip_marks
from service.domain import Answer, Article, Citation, Evidence, Passage
from service.evaluation.cases import Case, digest
from service.evaluation.systems import Response
from service.ports import Embedder, Vectors
from service.sentences import sentence_spans
from service.words import content_stems, numbers

CHECK_CODE = (
    *(f"answering/{name}.py" for name in ("alignment", "grounding", "opposites", "signals", "weights")), "words.py", "sentences.py"
)  # fmt: skip
"""What the model-free check is made of."""
COSINE = 0.45
"""Where the cosine alone says yes: where the check stood before it was tuned. It is shown for its area under the curve."""


@dataclass(frozen=True, slots=True)
class JudgedSentence:
    """ALCE's verdicts on one sentence of an answer: is it carried by all it cites, and which of its citations are of use?

    A citation is of no use where it does not carry the sentence alone and the others carry it without; none is where the
    sentence is not carried.
    """

    carried: bool
    useful: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class CitationJudge:
    """Judges the citations of answers."""

    embedder: Embedder

    def judge(self, answer: Answer) -> tuple[JudgedSentence, ...]:
        """One verdict for each sentence of the answer, in order. Raises ModelError."""
        if not answer.sentences:
            return ()
        by_marker = {citation.marker: _evidence(citation, answer) for citation in answer.citations}
        texts = [sentence.text for sentence in answer.sentences]
        rows = self.embedder.embed([*texts, *(one.text for one in by_marker.values())])
        vectors = dict(zip(by_marker, rows[len(texts) :], strict=True))
        judged = []
        for sentence, vector in zip(answer.sentences, rows, strict=False):
            markers = [marker for marker in sentence.citations if marker in by_marker]
            judged.append(_judged(sentence.text, vector, [(by_marker[m], vectors[m]) for m in markers]))
        return tuple(judged)


@dataclass(frozen=True, slots=True)
class GroundingCheck:
    """The check as a `System`: a claim is supported where every sentence of it is carried by the document."""

    embedder: Embedder
    name: str = "grounding"

    async def respond(self, case: Case) -> Response:
        """The verdict, and the strength of the weakest sentence."""
        verdicts = await asyncio.to_thread(self._verdicts, case)
        return Response(verdict=all(one.is_supported for one in verdicts), strength=min(one.strength for one in verdicts))

    def _verdicts(self, case: Case) -> list[Verdict]:
        claims, evidence, rows = read_pair(case, self.embedder)
        return [ground(text, (), vector, evidence, rows[len(claims) :]) for text, vector in zip(claims, rows, strict=False)]


@dataclass(frozen=True, slots=True)
class CosineCheck:
    """The simplest check there is, to compare with: the best cosine of a claim's sentence to any sentence of the document."""

    embedder: Embedder
    name: str = "cosine"

    async def respond(self, case: Case) -> Response:
        """Supported from `COSINE` on."""
        claims, _, rows = await asyncio.to_thread(read_pair, case, self.embedder)
        best = (rows[: len(claims)] @ rows[len(claims) :].T).max(axis=1) if len(rows) > len(claims) else np.zeros(len(claims))
        weakest = float(best.min())
        return Response(verdict=weakest >= COSINE, strength=weakest)


@cache
def check_fingerprint(encoder: str) -> str:
    """Names the check: its code and the encoder. Figures measured with another one say so."""
    folder = Path(grounding.__file__).parent.parent
    code = "\0".join((folder / name).read_text("utf-8") for name in CHECK_CODE)
    return digest(f"{encoder}\0{code}")[:16]


def read_pair(case: Case, embedder: Embedder) -> tuple[list[str], list[Evidence], Vectors]:
    """The claim's sentences, the document's as evidence, and the vectors of both, the claim's first."""
    text = case.document or ""
    article = Article(case.id, text)
    spans = sentence_spans(text)
    evidence = [
        Evidence(number, article, Passage(f"{case.id}-{number}", case.id, 0, start, end, text[start:end]), start, end, text[start:end], 0.0)
        for number, (start, end) in enumerate(spans, 1)
    ]
    said = [strip_marks(case.question[start:end], 0)[0] for start, end in sentence_spans(case.question)]
    claims = [one for one in said if content_stems(one) or numbers(one)] or [case.question]  # A list's "1." claims nothing.
    return claims, evidence, embedder.embed([*claims, *(one.text for one in evidence)])


def _evidence(citation: Citation, answer: Answer) -> Evidence:
    """The citation as evidence, in the passage it was chosen from where that is known."""
    place = (citation.article.id, citation.start, citation.end)
    for one in answer.evidence:
        if (one.article.id, one.start, one.end) == place:
            return one
    passage = Passage(f"{citation.article.id}-{citation.start}", citation.article.id, 0, citation.start, citation.end, citation.quote)
    return Evidence(citation.marker, citation.article, passage, citation.start, citation.end, citation.quote, 0.0)


def _judged(text: str, vector: Vectors, cited: Sequence[tuple[Evidence, Vectors]]) -> JudgedSentence:
    def carried(chosen: Sequence[tuple[Evidence, Vectors]]) -> bool:
        return bool(chosen) and ground(text, (), vector, [one for one, _ in chosen], np.array([row for _, row in chosen])).is_supported

    if not carried(cited):
        return JudgedSentence(carried=False, useful=(False,) * len(cited))
    rest = [[other for other in cited if other is not one] for one in cited]
    return JudgedSentence(
        carried=True, useful=tuple(carried([one]) or not carried(others) for one, others in zip(cited, rest, strict=True))
    )
