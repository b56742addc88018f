"""What the signals of `sureness` are worth, by generator. Fitted by `eval/fit_status.py`, which writes down the figures beside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

EXTRACTIVE = "extractive"
MODEL = "model"
"""A model that was not measured itself: the weights of the one that was."""
OTHER = "other"
"""A model whose server tells no probabilities."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """A logistic regression over signals, and the log-odds from which it is answered."""

    intercept: float
    weights: Mapping[str, float]
    operating_point: float


CALIBRATIONS: Mapping[str, Calibration] = {
    MODEL: Calibration(-3.0, {"stated": 0.5, "verified": 0.5, "similarity": 3.0, "strength": 2.0}, 0.0),
    OTHER: Calibration(-3.0, {"similarity": 3.0, "coverage": 1.0, "strength": 2.0}, 0.0),
    EXTRACTIVE: Calibration(-3.0, {"similarity": 4.0, "coverage": 2.0}, 0.0),
}
