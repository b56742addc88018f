"""How sure a figure is: bootstrap intervals, exact ones where a bootstrap cannot work, and paired comparisons.

Sources: bias-corrected and accelerated bootstrap (Efron 1987) and the permutation test as in scipy.stats; Clopper and
Pearson (1934) for shares. Every resampling has a fixed seed, so the same rows give the same interval.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

CONFIDENCE = 0.95
RESAMPLES = 2_000
PERMUTATIONS = 9_999
SEED = 20_261_101

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Interval:
    """A 95 % confidence interval, both ends included, and how it was found."""

    low: float
    high: float
    method: str


@dataclass(frozen=True, slots=True)
class Paired:
    """The same questions asked of two systems: mean difference, its interval, and how likely chance alone is to differ so much."""

    n: int
    difference: float
    interval: Interval
    p_value: float
    identical: bool = False
    """True where no question scored differently."""

    @property
    def is_shown(self) -> bool:
        """True where the interval does not reach 0."""
        return self.interval.low > 0 or self.interval.high < 0

    def __str__(self) -> str:
        if self.identical:
            return f"the same on all {self.n}"
        spread = f"{self.difference:+.3f} [{self.interval.low:+.3f}, {self.interval.high:+.3f}], n = {self.n}, p = {self.p_value:.3f}"
        return spread if self.is_shown else f"no difference shown ({spread})"


def share_interval(values: Sequence[float]) -> Interval | None:
    """Interval of the mean of values between 0 and 1; None for no values."""
    return _mean_interval(np.asarray(values, float), low=0.0, high=1.0) if len(values) else None


def percentile_interval(values: Sequence[float], percentile: float) -> Interval | None:
    """Interval of a percentile by the percentile bootstrap; None below two values, which say nothing of the spread."""
    if len(values) < 2:
        return None
    sample = np.asarray(values, float)
    if np.ptp(sample) == 0:
        return Interval(float(sample[0]), float(sample[0]), "constant")

    def statistic(rows: Values, axis: int = -1) -> Any:
        return np.percentile(rows, percentile, axis=axis)

    return _bootstrap(sample, statistic, "percentile")


def paired(before: Sequence[float], after: Sequence[float]) -> Paired | None:
    """`after - before`, question by question, both between 0 and 1; None for no pairs. Raises ValueError for unequal lengths."""
    if not before and not after:
        return None
    old, new = np.asarray(before, float), np.asarray(after, float)
    if old.shape != new.shape:
        raise ValueError(f"{len(before)} scores cannot be paired with {len(after)}")
    differences = new - old
    interval = _mean_interval(differences, low=-1.0, high=1.0)
    return Paired(len(differences), float(differences.mean()), interval, _p_value(differences), identical=not differences.any())


def _p_value(differences: Values) -> float:
    """Two-sided: each question's sign is flipped at random. 1.0 where nothing differs."""
    from scipy.stats import permutation_test  # half a second to import

    if len(differences) < 2 or not differences.any():
        return 1.0
    result = permutation_test(
        (differences,), np.mean, permutation_type="samples", vectorized=True, n_resamples=PERMUTATIONS, rng=np.random.default_rng(SEED)
    )
    return float(result.pvalue)


def _mean_interval(sample: Values, *, low: float, high: float) -> Interval:
    """BCa bootstrap; where all values are equal, which a bootstrap takes for certainty, an exact interval.

    Values other than the one that was always seen come at most at Clopper and Pearson's rate for 0 of n, and lie
    anywhere from `low` to `high`.
    """
    if np.ptp(sample) == 0:
        rate = 1 - ((1 - CONFIDENCE) / 2) ** (1 / len(sample))
        kept = float(sample[0]) * (1 - rate)
        return Interval(kept + rate * low, kept + rate * high, "Clopper-Pearson")
    return _bootstrap(sample, np.mean, "BCa")


def _bootstrap(sample: Values, statistic: Callable[..., Any], method: str) -> Interval:
    from scipy.stats import DegenerateDataWarning, bootstrap

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DegenerateDataWarning)  # answered below, by the percentile method
        found = bootstrap(
            (sample,),
            statistic,
            method=method,
            confidence_level=CONFIDENCE,
            n_resamples=RESAMPLES,
            vectorized=True,
            rng=np.random.default_rng(SEED),
        ).confidence_interval
    if method == "BCa" and not (math.isfinite(found.low) and math.isfinite(found.high)):
        return _bootstrap(sample, statistic, "percentile")
    return Interval(float(found.low), float(found.high), f"{method} bootstrap")
