"""What a metric is: a value that prints and parses as itself (`nDCG@10`, `R(sentences)@10`, `Latency(total)@95`), after ir_measures.

A metric first scores each question, then the scores are put together. It gives None where it does not apply to a question
(the answer's text, where the archive does not know). A question that raised scores `failed`, the worst there is, and never
disappears; only what cannot be said of a missing answer (was its citation exact?) is left out for it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from service.evaluation.cases import Case
from service.evaluation.runner import Row
from service.evaluation.statistics import Values


@dataclass(frozen=True, slots=True)
class Score:
    """One question's value; a share also says of what: `hits` of `of`. `aux` is what a figure over all questions needs beside it."""

    value: float
    hits: int | None = None
    of: int | None = None
    aux: float = 0.0

    @classmethod
    def share(cls, hits: int, of: int) -> Score | None:
        """None where there is nothing to take a share of."""
        return cls(hits / of, hits, of) if of else None

    @classmethod
    def flag(cls, *, holds: bool) -> Score:
        """1 or 0."""
        return cls(float(holds))


Measure = Callable[[Row, "Metric"], Score | None]
Combine = Callable[[Values, Values], float]
"""A figure from the questions' values and what stands beside them, both `(n,)`."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One way to grade. `unit` is `share` (0 to 1, put together by the mean), `ms` (by a percentile) or `tokens` (median)."""

    name: str
    measure: Measure
    meaning: str
    unit: str = "share"
    needs: str = "answer"
    """What must have come back for it to say anything: `answer`, `ranking` or `verdict`."""
    failed: float | None = 0.0
    """What a question that raised scores, where the metric applies to it."""
    failed_aux: Callable[[Case], float] = lambda _: 0.0
    """What stands beside that score."""
    applies: Callable[[Case], bool] = lambda _: True
    applies_at: Callable[[Case, str | None], bool] = lambda *_: True
    """The same, where it depends on the argument."""
    higher_is_better: bool = True
    promised: bool = False
    """Dateline promises 1.0: gated in every suite, with no threshold needed."""
    judged: bool = False
    """Whether the grounding check is the judge, so that how far it can be trusted must stand beside the figure."""
    selective: bool = False
    """Whether it speaks only of questions that the system chose itself (its refusals), with a score that follows from the question:
    where two runs both chose one, they always agree, so comparing them would never show anything."""
    of_itself: bool = False
    """Whether it is what the service says of its own answers: no figure to compare other systems by."""
    combine: Combine | None = None
    """For a figure that is not an average of questions. Other systems of the run are compared by it, baselines are not."""
    takes: str = ""
    """`argument`, `cutoff` or both: what may be given besides the name."""
    arguments: tuple[str, ...] = ()
    """What the argument may be; empty for anything."""
    argument: str | None = None
    cutoff: int | None = None

    def __str__(self) -> str:
        argument = f"({self.argument})" if self.argument else ""
        return f"{self.name}{argument}" + (f"@{self.cutoff}" if self.cutoff else "")

    def __matmul__(self, cutoff: int) -> Metric:
        return replace(self, cutoff=cutoff)

    def of(self, argument: str) -> Metric:
        """The metric of one stage or level: `Latency.of("total") @ 95`."""
        return replace(self, argument=argument)

    @property
    def compared(self) -> bool:
        """True where runs are compared by it: a share that is the mean of its questions, and not of those a run chose itself."""
        return self.unit == "share" and self.combine is None and not self.selective

    def score(self, row: Row) -> Score | None:
        """The row's score, or None where the metric does not apply to it."""
        if not (self.applies(row.case) and self.applies_at(row.case, self.argument)):
            return None
        if row.failure is not None:
            return None if self.failed is None else Score(self.failed, aux=self.failed_aux(row.case))
        return None if getattr(row, self.needs) is None else self.measure(row, self)

    def aggregate(self, scores: Sequence[Score]) -> float:
        """The figure: mean, percentile, or what `combine` makes of it. Raises ValueError for no scores."""
        if not scores:
            raise ValueError(f"{self} of nothing")
        values = np.array([score.value for score in scores])
        if self.combine:
            return self.combine(values, np.array([score.aux for score in scores]))
        return float(np.mean(values) if self.unit == "share" else np.percentile(values, self.cutoff or 50))
