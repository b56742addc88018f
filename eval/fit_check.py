"""The weights of the model-free check (`service/answering/weights.py`), measured: fitted on half a of the check sets, shown on both halves.

    python eval/fit_check.py [--weights shipped]

Logistic regression, every set and both verdicts weighing alike, a little ridge, each set with an intercept of its own while fitting,
weights bounded to the side that their signal is for. A claim of several sentences stands or falls with its weakest, which is found anew in
each round. The operating point is the one at which the mean of the sets' balanced accuracies on half a is best.
Sets that are not on this machine are left out, and named.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import minimize

from service.answering import weights
from service.answering.grounding import examine
from service.answering.signals import NAMES
from service.evaluation.cases import digest
from service.evaluation.judging import read_pair
from service.evaluation.other_metrics import area_under_roc, balanced_accuracy
from service.evaluation.suite import load_suite
from service.models.encoder import build_embedder
from service.models.vector_cache import VectorCache
from service.settings import load_settings, resources

if TYPE_CHECKING:
    from service.ports import Vectors

SUITES = ("check-sample", "check-summedits-news", "check-qags-cnndm", "check-attributionbench")
FOR = {"closeness", "coverage", "single"}
"""Signals that speak for a sentence; the length may speak for either side, and all others speak against it."""
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

    def worth(self, weight: Vectors, intercept: float) -> float:
        """The log-odds of the weakest sentence."""
        return float((self.rows @ weight + intercept - CHANGED * self.changed).min())


def main() -> int:
    """Fit, and print weights and figures; returns the exit code."""
    parser = argparse.ArgumentParser(description="Fit the weights of the check on half a of the check sets, and show both halves.")
    parser.add_argument("--weights", choices=("fitted", "shipped"), default="fitted", help="whose figures to show")
    shipped = parser.parse_args().weights == "shipped"
    sets = dict(_sets())
    shipped_weight = np.array([weights.WEIGHTS.get(name, 0.0) for name in NAMES])
    weight, intercept = (shipped_weight, weights.INTERCEPT) if shipped else fitted(sets)
    print(f"INTERCEPT = {intercept:.3f}")
    for name, value in zip(NAMES, weight, strict=True):
        print(f'    "{name}": {value:.3f},')
    for name, pairs in sets.items():
        print(f"{name:<24} {_figures(pairs, weight, intercept)}", flush=True)
    return 0


def fitted(sets: Mapping[str, Sequence[Pair]]) -> tuple[Vectors, float]:
    """Weights and intercept."""
    tuned = [[pair for pair in pairs if pair.half == "a"] for pairs in sets.values()]
    rows = np.vstack([pair.rows for pairs in tuned for pair in pairs])
    middle, spread = rows.mean(axis=0), rows.std(axis=0) + 1e-9
    label = np.array([1.0 if pair.supported else -1.0 for pairs in tuned for pair in pairs])
    share = np.concatenate([_shares(pairs) for pairs in tuned]) / len(tuned)
    own = np.repeat(np.eye(len(tuned)), [len(pairs) for pairs in tuned], axis=0)
    bounds = [(None, None) if name == "length" else (0, None) if name in FOR else (None, 0) for name in NAMES]
    found = np.zeros(len(NAMES) + len(tuned))
    found[: len(NAMES)] = [1.0 if name in FOR else 0.0 for name in NAMES]
    for _ in range(ROUNDS):
        weakest = [pair.rows[int(np.argmin(pair.rows @ (found[: len(NAMES)] / spread)))] for pairs in tuned for pair in pairs]
        design = np.hstack([(np.array(weakest) - middle) / spread, own])
        found = minimize(_loss, found, (design, label, share), jac=True, bounds=[*bounds, *[(None, None)] * len(tuned)]).x
    weight = found[: len(NAMES)] / spread
    intercept = float(found[len(NAMES) :].mean() - middle @ weight)
    return weight, intercept - operating_point(tuned, weight, intercept)


def operating_point(tuned: Sequence[Sequence[Pair]], weight: Vectors, intercept: float) -> float:
    """The log-odds at which the mean of the sets' balanced accuracies is best: the middle of those within `FLAT` of it, since a few pairs
    move the best one about."""
    worth = [(np.array([pair.worth(weight, intercept) for pair in pairs]), np.array([pair.supported for pair in pairs])) for pairs in tuned]
    grid = np.linspace(-2, 2, 161)
    means = np.array([np.mean([_balanced(values >= point, said) for values, said in worth]) for point in grid])
    return float(np.median(grid[means >= means.max() - FLAT]))


def _loss(found: Vectors, design: Vectors, label: Vectors, share: Vectors) -> tuple[float, Vectors]:
    odds = label * (design @ found)
    ridge = np.where(np.arange(len(found)) < len(NAMES), RIDGE, 0.0)
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
    tuned = [pair for pair in pairs if pair.half == "a"]
    own = operating_point([tuned], weight, intercept)
    for half in ("a", "b", "ab"):
        chosen = [pair for pair in pairs if pair.half in half]
        said, worth = np.array([pair.supported for pair in chosen]), np.array([pair.worth(weight, intercept) for pair in chosen])
        figures = f"{_balanced(worth >= 0, said):.3f}, own point {_balanced(worth >= own, said):.3f}, AUC {area_under_roc(said, worth):.3f}"
        told.append(f"{half}: {figures} (n = {len(chosen)})")
    return "; ".join(told)


def _sets() -> Iterator[tuple[str, list[Pair]]]:
    settings = load_settings()
    with VectorCache(build_embedder(settings), settings.cache_dir / "eval" / "vectors.sqlite3") as embedder:
        for name in SUITES:
            suite = load_suite(name, resources(), data=settings.eval_data)
            if suite.missing:
                print(f"{name} is left out: {suite.missing[0]} is not there", file=sys.stderr)
                continue
            pairs = []
            for case in suite.cases():
                claims, evidence, rows = read_pair(case, embedder)
                seen = [examine(text, (), vector, evidence, rows[len(claims) :]) for text, vector in zip(claims, rows, strict=False)]
                half = next((tag[-1] for tag in case.tags if tag.startswith("half ")), "ab"[int(digest(case.id), 16) % 2])
                table = np.array([one.signals.row() for one in seen])
                pairs.append(Pair(half, bool(case.supported), table, np.array([float(bool(one.changed)) for one in seen])))
            yield name, pairs


if __name__ == "__main__":
    sys.exit(main())
