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
    MODEL: Calibration(-1.75, {"similarity": 0.09, "coverage": 0.53, "stated": 0.27, "verified": 1.28, "strength": 2.12}, 0.08),
    OTHER: Calibration(-0.88, {"similarity": 0.18, "coverage": 0.55, "strength": 2.66}, 0.31),
    EXTRACTIVE: Calibration(-2.37, {"similarity": 2.12, "coverage": 1.67}, -0.21),
}
"""185 questions of four sets answered by local/qwen2.5-coder-1.5b-instruct (EXTRACTIVE: 387 without a model).

With that model it refused in half a / half b of the unanswerable: clapnq 0.75 / 0.50, rgb 0.50 / 0.50 (only noise given); of the
answerable: clapnq 0.00 / 0.14, rgb 0.08 / 0.17, realtimeqa 0.11 / 0.06, sample 0.07 / 0.17. Some 10 to 30 questions each.
"""
