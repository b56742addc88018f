"""How sure a figure is: bootstrap intervals, exact ones where a bootstrap cannot work, and paired comparisons.

Sources: bias-corrected and accelerated bootstrap (Efron 1987) and the permutation test as in scipy.stats; Clopper and
Pearson (1934) for shares. Every resampling has a fixed seed, so the same rows give the same interval.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

CONFIDENCE = 0.95
RESAMPLES = 2_000
PERMUTATIONS = 9_999
COMBINED_RESAMPLES = 500
"""For figures that each resample computes anew, one by one."""
SEED = 20_261_101

Values = NDArray[np.float64]
Columns = tuple[Values, Values]
Key = TypeVar("Key", bound=Hashable)


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
    corrected_p: float | None = None
    """The p-value, corrected for all the comparisons that were made with it; None where it was the only one."""

    @property
    def is_shown(self) -> bool:
        """True where the interval does not reach 0, and chance alone is unlikely to differ so much among all that was compared."""
        p = self.p_value if self.corrected_p is None else self.corrected_p
        return (self.interval.low > 0 or self.interval.high < 0) and p <= 1 - CONFIDENCE

    def __str__(self) -> str:
        if self.identical:
            return f"the same on all {self.n}"
        p = f"p = {self.p_value:.3f}" if self.p_value >= 0.001 else "p < 0.001"
        if self.corrected_p is not None:
            p += f", corrected {self.corrected_p:.3f}" if self.corrected_p >= 0.001 else ", corrected < 0.001"
        spread = f"{self.difference:+.3f} [{self.interval.low:+.3f}, {self.interval.high:+.3f}], n = {self.n}, {p}"
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


def corrected(found: Mapping[Key, Paired]) -> dict[Key, Paired]:
    """The same comparisons, their p-values corrected for their number: Benjamini and Hochberg (1995), by scipy.

    The share of false alarms among the differences that are called shown stays below 5 %, where metrics rise and fall together.
    Where no question scored differently nothing was tested, so such a comparison does not count among them.
    """
    from scipy.stats import false_discovery_control

    tested = {key: one for key, one in found.items() if not one.identical}
    values = false_discovery_control([one.p_value for one in tested.values()], method="bh") if tested else ()
    right = {key: replace(one, corrected_p=float(value)) for (key, one), value in zip(tested.items(), values, strict=True)}
    return {key: right.get(key, one) for key, one in found.items()}


def combined_interval(values: Values, aux: Values, combine: Callable[[Values, Values], float]) -> Interval:
    """Interval of a figure that is no average, by the percentile bootstrap over questions; both arrays are `(n,)`."""
    from scipy.stats import bootstrap

    if len(values) < 2:
        return Interval(0.0, 1.0, "nothing known")
    whole = combine(values, aux)

    def figure(rows: Values, beside: Values) -> float:
        """A resample that has one side only says nothing new."""
        found = combine(rows, beside)
        return whole if math.isnan(found) else found

    found = bootstrap(
        (values, aux), figure, paired=True, vectorized=False, method="percentile", confidence_level=CONFIDENCE,
        n_resamples=COMBINED_RESAMPLES, rng=np.random.default_rng(SEED),
    ).confidence_interval  # fmt: skip
    if found.low == found.high and 0 <= whole <= 1:
        return _unvaried(whole, len(values), low=0.0, high=1.0)
    return Interval(float(found.low), float(found.high), "percentile bootstrap")


def paired_combined(before: Columns, after: Columns, combine: Callable[[Values, Values], float]) -> Paired:
    """`after - before` of a figure that is no average, over the same questions: each side as values and what stands beside them.

    The interval is a percentile bootstrap over questions; for the p-value, each question's answers change sides at random.
    """
    from scipy.stats import bootstrap, permutation_test

    n = len(before[0])
    values, aux = (np.concatenate(pair) for pair in zip(before, after, strict=True))
    rows = np.arange(n)

    def difference(old: NDArray[np.int64], new: NDArray[np.int64]) -> float:
        found = combine(values[new], aux[new]) - combine(values[old], aux[old])
        return 0.0 if math.isnan(found) else found

    sides = (rows, rows + n)
    options: dict[str, Any] = {"vectorized": False, "n_resamples": COMBINED_RESAMPLES, "rng": np.random.default_rng(SEED)}
    spread = bootstrap(sides, difference, paired=True, method="percentile", confidence_level=CONFIDENCE, **options).confidence_interval
    p_value = permutation_test(sides, difference, permutation_type="samples", **options).pvalue
    same = bool((before[0] == after[0]).all() and (before[1] == after[1]).all())
    interval = Interval(float(spread.low), float(spread.high), "percentile bootstrap")
    return Paired(n, float(difference(*sides)), interval, 1.0 if same else float(p_value), identical=same)


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
        return _unvaried(float(sample[0]), len(sample), low=low, high=high)
    return _bootstrap(sample, np.mean, "BCa")


def _unvaried(value: float, n: int, *, low: float, high: float) -> Interval:
    rate = 1 - ((1 - CONFIDENCE) / 2) ** (1 / n)
    kept = value * (1 - rate)
    return Interval(kept + rate * low, kept + rate * high, "Clopper-Pearson")


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
