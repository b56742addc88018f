"""How sure it is that the evidence answers the question: what the reader finds in it, put together by logistic regression.

Small models that are offered a way to refuse take it, so refusing is decided here: from the evidence, from what the model says of it as a
one-token judge (log-odds of Yes over No; Kadavath et al. 2022), and from how well the evidence carries what was drafted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from service.answering.calibration import CALIBRATIONS, EXTRACTIVE, MODEL, OTHER, Calibration
from service.domain import Question
from service.retrieval.evidence import Selection
from service.words import content_stems, numbers


@dataclass(frozen=True, slots=True)
class Signals:
    """What speaks for an answer. None where nobody could say."""

    similarity: float
    """Best cosine of an evidence sentence to the question."""
    coverage: float
    """Share of the question's words and numbers that the evidence and its headlines hold together."""
    stated: float | None = None
    """The model's log-odds that the evidence states the answer, before it drafts one."""
    verified: float | None = None
    """The model's log-odds that the evidence states its draft as the answer."""
    strength: float | None = None
    """How well the evidence carries the best drafted sentence, by the model-free check."""

    def known(self) -> dict[str, float]:
        """Those that there are, by name."""
        return {name: float(value) for name, value in asdict(self).items() if value is not None}


def signals_of(question: Question, selection: Selection) -> Signals:
    """What the evidence alone says. Without evidence, nothing speaks for an answer."""
    wanted = content_stems(question.standalone) | numbers(question.standalone)
    held = [
        wanted & (content_stems(f"{one.text} {one.article.title}") | numbers(f"{one.text} {one.article.title}"))
        for one in selection.evidence
    ]
    share = 1 / max(1, len(wanted))
    return Signals(
        similarity=selection.best_similarity or 0.0,
        coverage=share * len(set().union(*held)),
    )


def sureness(signals: Signals, generator: str) -> float:
    """Log-odds, less the operating point: what is below 0 is refused.

    Where a signal is missing that the generator's calibration needs, as where a server tells no probabilities, a lesser one decides.
    """
    known = signals.known()
    wanted = (CALIBRATIONS.get(generator, CALIBRATIONS[MODEL]), CALIBRATIONS[OTHER], CALIBRATIONS[EXTRACTIVE])
    calibration = next((one for one in wanted if one.weights.keys() <= known.keys()), wanted[-1])
    return _log_odds(calibration, known) - calibration.operating_point


def _log_odds(calibration: Calibration, known: Mapping[str, float]) -> float:
    return calibration.intercept + sum(weight * known[name] for name, weight in calibration.weights.items())
