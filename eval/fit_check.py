"""The weights of the model-free check (`service/answering/weights.py`), measured: fitted on half a of the check sets, shown on both halves.

    python eval/fit_check.py [--weights shipped] [--judge local/qwen2.5-coder-1.5b-instruct]

With `--judge`, also what that judge's log-odds are worth beside the check (`[calibrations]` in `prompts/carried.v1.toml`), from what it
said of pairs before: `dateline eval check-… --beside judge` asks it, and keeps what it says. Other pairs are left out.

Logistic regression, every set and both verdicts weighing alike, a little ridge, each set with an intercept of its own while fitting,
weights bounded to the side that their signal is for. A claim of several sentences stands or falls with its weakest, which is found anew in
each round. The operating point is the one at which the mean of the sets' balanced accuracies on half a is best.
Sets that are not on this machine are left out, and named.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import minimize

from service.answering import weights
from service.answering.grounding import examine
from service.answering.judge import CARRIED_NEEDS, CARRIED_PROMPT, nearest
from service.answering.prompting import load_prompt
from service.answering.signals import NAMES
from service.evaluation.cases import digest
from service.evaluation.judging import read_pair
from service.evaluation.other_metrics import area_under_roc, balanced_accuracy
from service.evaluation.second_reader import FILE, said_before, version_of
from service.evaluation.suite import load_suite
from service.models.cache_file import CacheFile
from service.models.embedders import build_embedder
from service.models.vector_cache import VectorCache
from service.settings import load_settings, resources

if TYPE_CHECKING:
    from service.ports import Vectors

SUITES = ("check-sample", "check-summedits-news", "check-qags-cnndm", "check-attributionbench")
Bound = tuple[float | None, float | None]
FOR = {"closeness", "coverage", "single"}
BOUNDS: list[Bound] = [(None, None) if name == "length" else (0, None) if name in FOR else (None, 0) for name in NAMES]
"""Signals that speak for a sentence; the length may speak for either side, and all others speak against it."""
BOUND = 9.2
"""Log-odds that `judge.logit` gives at most."""
BANDS = ((0.0, 1.0), (0.1, 0.95), (0.2, 0.9), (0.25, 0.8), (0.3, 0.75), (0.35, 0.7), (0.4, 0.65))
RIDGE = 0.01
ROUNDS = 5
FLAT = 0.005
CHANGED = 50.0
"""Log-odds that a changed fact takes away: it decides alone."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A claim with people's verdict: its sentences' signals `(sentences, signals)`, and for each whether something was changed."""

    half: str
    supported: bool
    rows: Vectors
    changed: Vectors
    odds: Vectors
    """A judge's log-odds for each sentence; NaN where it was not asked."""

    def worth(self, weight: Vectors, intercept: float) -> float:
        """The log-odds of the weakest sentence."""
        return float((self.rows @ weight + intercept - CHANGED * self.changed).min())


def main() -> int:
    """Fit, and print weights and figures; returns the exit code."""
    parser = argparse.ArgumentParser(description="Fit the weights of the check on half a of the check sets, and show both halves.")
    parser.add_argument("--weights", choices=("fitted", "shipped"), default="fitted", help="whose figures to show")
    parser.add_argument("--judge", metavar="NAME", help="calibrate this judge by what it said before")
    given = parser.parse_args()
    shipped = given.weights == "shipped"
    sets = dict(_sets(given.judge))
    shipped_weight = np.array([weights.WEIGHTS.get(name, 0.0) for name in NAMES])
    weight, intercept = (shipped_weight, weights.INTERCEPT) if shipped else fitted(sets)
    print(f"INTERCEPT = {intercept:.3f}")
    for name, value in zip(NAMES, weight, strict=True):
        print(f'    "{name}": {value:.3f},')
    _show(sets, weight, intercept)
    if given.judge:
        _calibrate({name: _judged(pairs, weight, intercept) for name, pairs in sets.items()})
    return 0


def _show(sets: Mapping[str, Sequence[Pair]], weight: Vectors, intercept: float) -> None:
    for name, pairs in sets.items():
        print(f"{name:<24} {_figures(pairs, weight, intercept)}", flush=True)


def _judged(pairs: Sequence[Pair], weight: Vectors, intercept: float) -> list[Pair]:
    """The pairs that the judge was asked about, with two signals: its log-odds, and the model-free ones."""
    table = [(pair, np.column_stack([pair.odds, np.clip(pair.rows @ weight + intercept, -BOUND, BOUND)])) for pair in pairs]
    return [replace(pair, rows=rows) for pair, rows in table if not np.isnan(pair.odds).any()]


def _calibrate(sets: Mapping[str, Sequence[Pair]]) -> None:
    """Print the judge alone, the two together, and the band of the model-free probability in which it is worth asking."""
    alone = np.array([1.0, 0.0])
    bare = {name: [replace(pair, changed=np.zeros_like(pair.changed)) for pair in pairs] for name, pairs in sets.items()}
    threshold = operating_point([_half_a(pairs) for pairs in bare.values()], alone, 0.0)
    print(f"threshold = {threshold:.2f}")
    _show(bare, alone, -threshold)
    both, intercept = fitted(sets, bounds=[(0, None), (0, None)])
    print(f"intercept = {intercept:.3f}, odds = {both[0]:.3f}, free = {both[1]:.3f}")
    _show(sets, both, intercept)
    for low, high in BANDS:
        print(f"asked in [{low}, {high})")
        banded = {name: [_banded(pair, both, intercept, low, high) for pair in pairs] for name, pairs in sets.items()}
        free = [np.where(pair.changed > 0, -1, 1 / (1 + np.exp(-pair.rows[:, 1]))) for pairs in sets.values() for pair in pairs]
        asked = np.concatenate([(low <= row) & (row < high) for row in free])
        print(f"{asked.mean():.2f} of {len(asked)} sentences; mean of half a {_mean_a(banded):.3f}")
        _show(banded, np.array([1.0]), 0.0)


def _banded(pair: Pair, both: Vectors, intercept: float, low: float, high: float) -> Pair:
    """The pair with one signal: the combined log-odds inside the band, the model-free ones outside."""
    probability = 1 / (1 + np.exp(-pair.rows[:, 1]))
    inside = (low <= probability) & (probability < high)
    return replace(pair, rows=np.where(inside, pair.rows @ both + intercept, pair.rows[:, 1])[:, None])


def _mean_a(sets: Mapping[str, Sequence[Pair]]) -> float:
    found = []
    for pairs in map(_half_a, sets.values()):
        worth = np.array([pair.worth(np.array([1.0]), 0.0) for pair in pairs])
        found.append(_balanced(worth >= 0, np.array([pair.supported for pair in pairs])))
    return float(np.mean(found))


def _half_a(pairs: Sequence[Pair]) -> list[Pair]:
    return [pair for pair in pairs if pair.half == "a"]


def fitted(sets: Mapping[str, Sequence[Pair]], bounds: Sequence[Bound] = BOUNDS) -> tuple[Vectors, float]:
    """Weights, one for each bound, and intercept."""
    tuned, signals = [_half_a(pairs) for pairs in sets.values()], len(bounds)
    rows = np.vstack([pair.rows for pairs in tuned for pair in pairs])
    middle, spread = rows.mean(axis=0), rows.std(axis=0) + 1e-9
    label = np.array([1.0 if pair.supported else -1.0 for pairs in tuned for pair in pairs])
    share = np.concatenate([_shares(pairs) for pairs in tuned]) / len(tuned)
    own = np.repeat(np.eye(len(tuned)), [len(pairs) for pairs in tuned], axis=0)
    found = np.concatenate([[float(low == 0) for low, _ in bounds], np.zeros(len(tuned))])
    for _ in range(ROUNDS):
        weakest = [pair.rows[int(np.argmin(pair.rows @ (found[:signals] / spread)))] for pairs in tuned for pair in pairs]
        design = np.hstack([(np.array(weakest) - middle) / spread, own])
        found = minimize(_loss, found, (design, label, share, signals), jac=True, bounds=[*bounds, *[(None, None)] * len(tuned)]).x
    weight = found[:signals] / spread
    intercept = float(found[signals:].mean() - middle @ weight)
    return weight, intercept - operating_point(tuned, weight, intercept)


def operating_point(tuned: Sequence[Sequence[Pair]], weight: Vectors, intercept: float) -> float:
    """The log-odds at which the mean of the sets' balanced accuracies is best: the middle of those within `FLAT` of it, since a few pairs
    move the best one about."""
    worth = [(np.array([pair.worth(weight, intercept) for pair in pairs]), np.array([pair.supported for pair in pairs])) for pairs in tuned]
    grid = np.linspace(-2, 2, 161)
    means = np.array([np.mean([_balanced(values >= point, said) for values, said in worth]) for point in grid])
    return float(np.median(grid[means >= means.max() - FLAT]))


def _loss(found: Vectors, design: Vectors, label: Vectors, share: Vectors, signals: int) -> tuple[float, Vectors]:
    odds = label * (design @ found)
    ridge = np.where(np.arange(len(found)) < signals, RIDGE, 0.0)
    slope = -(design * (share * label / (1 + np.exp(odds)))[:, None]).sum(axis=0) + 2 * ridge * found
    return float(share @ np.logaddexp(0, -odds) + ridge @ found**2), slope


def _shares(pairs: Sequence[Pair]) -> Vectors:
    said = np.array([pair.supported for pair in pairs])
    return np.where(said, 0.5 / max(1, said.sum()), 0.5 / max(1, (~said).sum()))


def _balanced(verdict: Vectors, said: Vectors) -> float:
    return balanced_accuracy((verdict == said).astype(float), said.astype(float))


def _figures(pairs: Sequence[Pair], weight: Vectors, intercept: float) -> str:
    """At the operating point, and at the one that half a of this set alone would have."""
    told = []
    own = operating_point([_half_a(pairs)], weight, intercept)
    for half in ("a", "b", "ab"):
        chosen = [pair for pair in pairs if pair.half in half]
        said, worth = np.array([pair.supported for pair in chosen]), np.array([pair.worth(weight, intercept) for pair in chosen])
        figures = f"{_balanced(worth >= 0, said):.3f}, own point {_balanced(worth >= own, said):.3f}, AUC {area_under_roc(said, worth):.3f}"
        told.append(f"{half}: {figures} (n = {len(chosen)})")
    return "; ".join(told)


def _sets(judge: str | None) -> Iterator[tuple[str, list[Pair]]]:
    settings = load_settings()
    version = version_of(load_prompt(resources() / "prompts", CARRIED_PROMPT, CARRIED_NEEDS))
    folder = settings.cache_dir / "eval"
    with VectorCache(build_embedder(settings), folder / "vectors.sqlite3") as embedder, closing(CacheFile(folder / FILE)) as kept:
        for name in SUITES:
            suite = load_suite(name, resources(), data=settings.eval_data)
            if suite.missing:
                print(f"{name} is left out: {suite.missing[0]} is not there", file=sys.stderr)
                continue
            pairs = []
            for case in suite.cases():
                claims, evidence, rows = read_pair(case, embedder)
                held = rows[len(claims) :]
                seen = [examine(text, (), vector, evidence, held) for text, vector in zip(claims, rows, strict=False)]
                odds = [
                    said_before(kept, judge, version, text, nearest(vector, evidence, held)) if judge else None
                    for text, vector in zip(claims, rows, strict=False)
                ]
                half = next((tag[-1] for tag in case.tags if tag.startswith("half ")), "ab"[int(digest(case.id), 16) % 2])
                table = np.array([one.signals.row() for one in seen])
                changed = np.array([float(bool(one.changed)) for one in seen])
                pairs.append(Pair(half, bool(case.supported), table, changed, np.array(odds, dtype=float)))
            yield name, pairs


if __name__ == "__main__":
    sys.exit(main())
