"""Fit `service/answering/calibration.py`: when is the evidence sure enough to answer?

    python eval/fit_status.py            fit on half a of every set from eval/calibration/status.json, print both halves
    python eval/fit_status.py --ask      ask first, with the configured model, and write that file: some 10 seconds a question

A row of the file is one question: its set, its half, whether it can be answered, and the signals (no words of anybody's article).
Each set weighs alike, and so do the questions with and without an answer. A signal that would speak against what it should speak for is
left out. The operating point refuses `ALLOWED` of the answerable questions of half a, by odds of ten-fold cross-validation.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from service.answering.part import Part
from service.evaluation.bench import WITHOUT, opened
from service.evaluation.suite import load_suite
from service.evaluation.systems import request_of
from service.settings import load_settings, resources

DATA = Path(__file__).parent / "calibration" / "status.json"
SETS = {"sample": 100, "clapnq": 60, "rgb": 60, "realtimeqa": 20}
"""How many questions of each are asked, always the same."""
GENERATORS = {
    "MODEL": ("similarity", "coverage", "stated", "verified", "strength"),
    "OTHER": ("similarity", "coverage", "strength"),
    "EXTRACTIVE": ("similarity", "coverage"),
}
ALLOWED = 0.05
"""Share of the answerable of half a that may be refused: half of the tenth that is the aim, for half b has about twice as many."""
Row = dict[str, Any]


def main() -> None:
    """Ask if told to, fit, and print."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--ask", action="store_true", help="ask the questions again")
    arguments.add_argument("--sets", nargs="*", default=list(SETS), help="ask only these sets again")
    given = arguments.parse_args()
    rows: list[Row] = json.loads(DATA.read_text("utf-8")) if DATA.exists() else []
    if given.ask:
        for name in given.sets:
            rows = [row for row in rows if row["set"] != name] + list(ask(name))
            DATA.parent.mkdir(exist_ok=True)
            DATA.write_text("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n", encoding="utf-8")
    for name, features in GENERATORS.items():
        fit(name, features, rows)


def ask(name: str) -> Iterator[Row]:
    """The signals of each question, nothing refused."""
    settings = load_settings()
    suite = replace(load_suite(name, resources(), data=settings.eval_data), systems=(f"{WITHOUT}{Part.STATUS}",), sample=SETS[name])
    with opened(suite, settings, print, replay=True) as bench:
        asker: Any = bench.systems[1]
        asker = asker.system.asker
        for number, case in enumerate(map(bench.renamed, suite.cases()), 1):
            answer = asyncio.run(asker.ask(request_of(case)))
            half = "a" if case.id.startswith("a-") or "half a" in case.tags else "b"
            print(name, number, case.id, dict(answer.signals), flush=True)
            yield {
                "set": name,
                "half": half,
                "answerable": not case.must_refuse,
                "signals": {k: round(v, 4) for k, v in answer.signals.items()},
            }


def fit(name: str, features: tuple[str, ...], rows: list[Row]) -> None:
    """A logistic regression on half a; the area under the curve, and what is refused, of each set and half."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import cross_val_predict

    known = [row for row in rows if all(feature in row["signals"] for feature in features)]
    inputs = np.array([[row["signals"][feature] for feature in features] for row in known])
    labels = np.array([row["answerable"] for row in known])
    sets, halves = np.array([row["set"] for row in known]), np.array([row["half"] for row in known])
    tuned = halves == "a"
    weight = np.array([1 / ((sets == one) & tuned & (labels == label)).sum() if half == "a" else 0.0
                       for one, half, label in zip(sets, halves, labels, strict=True)])[tuned]  # fmt: skip
    model = LogisticRegression(max_iter=1000)
    fitting = {"sample_weight": weight / weight.mean()}
    model.fit(inputs[tuned], labels[tuned], **fitting)
    if (worst := int(model.coef_[0].argmin())) >= 0 and model.coef_[0][worst] < 0:
        print(f"\n{name}: without {features[worst]}, whose weight would be {model.coef_[0][worst]:.2f}")
        fit(name, tuple(feature for feature in features if feature != features[worst]), rows)
        return
    odds = model.decision_function(inputs)
    held_out = cross_val_predict(model, inputs[tuned], labels[tuned], cv=10, method="decision_function", params=fitting)
    point = float(np.quantile(held_out[labels[tuned]], ALLOWED))
    weights = ", ".join(f'"{feature}": {value:.2f}' for feature, value in zip(features, model.coef_[0], strict=True))
    print(f"\n{name}: Calibration({model.intercept_[0]:.2f}, {{{weights}}}, {point:.2f})   n = {len(known)}")
    for one in sorted(set(sets)):
        for half in ("a", "b"):
            here = (sets == one) & (halves == half)
            both = len(set(labels[here])) == 2
            area = f"area {roc_auc_score(labels[here], odds[here]):.2f}" if both else "area -"
            false, true = odds[here & labels] < point, odds[here & ~labels] < point
            print(f"  {one} {half}: {area}, refused {_share(true)} of the unanswerable, {_share(false)} of the answerable")


def _share(refused: Any) -> str:
    return f"{refused.mean():.2f} (n = {len(refused)})" if len(refused) else "none"


if __name__ == "__main__":
    main()
