"""From checked sentences to the answer: markers, citations, positions, nearest evidence."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from service.answering.conflicts import Disagreement, Side
from service.answering.dating import in_brackets, shown
from service.answering.grounding import Verdict
from service.answering.request import Checked
from service.domain import (
    Answer,
    AnswerSentence,
    Citation,
    Conflict,
    Coverage,
    Evidence,
    GeneratorUsed,
    Position,
    Question,
    Reprint,
    Status,
    Support,
    Usage,
)

NEAREST = 3
"""Citations shown with a refusal."""
AROUND = 180
"""Characters shown on each side of a quote, at most: two or three lines of a card."""
_GAP = re.compile(r"\n[^\S\n]*\n")


def surroundings(text: str, start: int, end: int) -> tuple[str, str]:
    """What stands around `text[start:end]` in its paragraph, at most AROUND characters a side, cut between words and marked where cut."""
    before, after = _GAP.split(text[max(0, start - 2 * AROUND) : start])[-1], _GAP.split(text[end : end + 2 * AROUND])[0]
    if len(before) > AROUND:
        before = "… " + before[-AROUND:].partition(" ")[2]
    if len(after) > AROUND:
        after = after[:AROUND].rpartition(" ")[0] + " …"
    return " ".join(before.split()), " ".join(after.split())


@dataclass(frozen=True, slots=True)
class Outcome:
    """Everything about an answer that is not its sentences."""

    answer_id: str
    conversation_id: str
    question: Question
    status: Status
    coverage: Coverage
    generator: GeneratorUsed
    timings_ms: Mapping[str, float]
    usage: Usage
    signals: Mapping[str, float]
    confidence: float


class Composer:
    """Collects checked sentences and numbers their citations in order of first use."""

    def __init__(self, question: Question, evidence: Sequence[Evidence], reprints: Mapping[int, tuple[Reprint, ...]]) -> None:
        """`reprints` says for an evidence number which other outlets print its sentence."""
        self._question = question
        self._evidence = {one.number: one for one in evidence}
        self._reprints = reprints
        self._sentences: list[AnswerSentence] = []
        self._markers: dict[int, int] = {}
        self._dropped: list[str] = []

    def add(self, verdict: Verdict) -> Checked | None:
        """The sentence as it is shown, or None where it says what the evidence does not: such a one is cut."""
        if verdict.contradicts:
            self._dropped.append(verdict.text)
            return None
        before = len(self._markers)
        markers = tuple(self._marker(number) for number in verdict.evidence)
        text = shown(verdict.text, [self._evidence[number] for number in verdict.evidence], self._question, opens=not self._sentences)
        missing = () if verdict.is_supported else tuple(verdict.missing)
        sentence = AnswerSentence(text, verdict.support, tuple(sorted(markers)), missing)
        self._sentences.append(sentence)
        new = tuple(self._citation(number) for number, marker in self._markers.items() if marker > before)
        return Checked(len(self._sentences) - 1, sentence, new)

    def withdraw(self) -> None:
        """Take back what was added so far: nothing of it was carried, and quotes take its place."""
        self._dropped.extend(sentence.text for sentence in self._sentences)
        self._sentences.clear()
        self._markers.clear()

    def positions(self, dispute: Disagreement) -> list[Verdict]:
        """Who stands alone against several; where nobody does, a quoted sentence for the voices of each side that none cites yet."""
        if outlier := dispute.outlier:
            return [self._alone(outlier, dispute)]
        left = [[number for number in side.voices if number not in self._markers] for side in dispute.sides]
        return [self._said(numbers) for numbers in left if numbers]

    def answer(self, outcome: Outcome, dispute: Disagreement | None) -> Answer:
        """The whole answer. A refusal keeps no sentence and shows the nearest evidence."""
        refusal = outcome.status.is_refusal
        sentences = () if refusal else tuple(self._sentences)
        dropped = (*self._dropped, *(one.text for one in self._sentences)) if refusal else tuple(self._dropped)
        return Answer(
            id=outcome.answer_id,
            conversation_id=outcome.conversation_id,
            question=outcome.question,
            status=outcome.status,
            sentences=sentences,
            citations=() if refusal else tuple(self._citation(number) for number in self._markers),
            conflicts=(self._conflict(dispute),) if dispute and outcome.status is Status.CONFLICTING else (),
            nearest=self._nearest() if refusal else (),
            coverage=outcome.coverage,
            generator=outcome.generator,
            timings_ms=outcome.timings_ms,
            usage=outcome.usage,
            evidence=tuple(self._evidence.values()),
            dropped=dropped,
            confidence=outcome.confidence,
            signals=outcome.signals,
        )

    def _marker(self, number: int) -> int:
        return self._markers.setdefault(number, len(self._markers) + 1)

    def _citation(self, number: int) -> Citation:
        return self._place(self._markers[number], self._evidence[number])

    def _place(self, marker: int, one: Evidence) -> Citation:
        before, after = surroundings(one.article.text, one.start, one.end)
        return Citation(marker, one.article, one.text, one.start, one.end, self._reprints.get(one.number, ()), before, after)

    def _conflict(self, dispute: Disagreement) -> Conflict:
        sides = tuple(
            Position(side.value, tuple(sorted(self._markers[number] for number in side.voices)), len(side.voices)) for side in dispute.sides
        )
        return Conflict(dispute.about, sides, dispute.outlier.value if dispute.outlier else None)

    def _said(self, numbers: Sequence[int]) -> Verdict:
        """Who says it and when, and the words of the first."""
        return Verdict(f"{self._who(numbers)}: “{in_brackets(self._evidence[numbers[0]])}”", Support.SUPPORTED, tuple(numbers))

    def _alone(self, outlier: Side, dispute: Disagreement) -> Verdict:
        """ "Herald (5 March 2026), alone, says 910; Courier (5 March 2026) and Ledger (6 March 2026) say 640"."""
        others = [side for side in dispute.sides if side != outlier]
        said = "; ".join(f"{self._who(side.voices)} say {side.value}" for side in others)
        cited = tuple(number for side in (outlier, *others) for number in side.voices)
        return Verdict(f"{self._who(outlier.voices)}, alone, says {outlier.value}; {said}.", Support.SUPPORTED, cited)

    def _who(self, numbers: Sequence[int]) -> str:
        """The outlets of these sentences, each with its day."""
        names = []
        for one in (self._evidence[number] for number in numbers):
            day = one.article.published_at
            names.append(f"{one.article.source or one.article.headline}{f' ({day.day} {day:%B %Y})' if day else ''}")
        return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))

    def _nearest(self) -> tuple[Citation, ...]:
        best = sorted(self._evidence.values(), key=lambda one: -one.score)[:NEAREST]
        return tuple(self._place(marker, one) for marker, one in enumerate(best, 1))
