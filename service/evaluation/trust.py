"""How far the grounding check can be trusted as a judge: what the `check-` suites found, as their baselines keep it."""

from __future__ import annotations

from pathlib import Path

from service.evaluation.gate import Known, load_baseline
from service.evaluation.judging import check_fingerprint
from service.evaluation.report import Trust

PREFIX = "check-"
SHOWN = {"BalancedAccuracy": "balanced accuracy", "AUC": "area under the curve"}


def trust(root: Path, encoder: str | None = None) -> tuple[Trust, ...]:
    """One line for each `check-` suite that has a baseline, sorted. Raises BadInput where one cannot be read.

    With the `encoder`'s fingerprint, figures of another version of the check or of another encoder say so.
    """
    found = []
    for path in sorted((root / "eval" / "baselines").glob(f"{PREFIX}*.json")):
        kept = load_baseline(path)
        words = ", ".join(_figure(what, kept.figures[name]) for name, what in SHOWN.items() if name in kept.figures)
        count = next((kept.figures[name].n for name in SHOWN if name in kept.figures), 0)
        old = "" if encoder is None or kept.identity == check_fingerprint(encoder) else " (measured with another version of the check)"
        found.append(Trust(path.stem, f"{words}, n = {count}{old}"))
    return tuple(found)


def _figure(what: str, known: Known) -> str:
    if known.value is None:
        return f"{what} unknown"
    return f"{what} {known.value:.2f} [{known.low or 0:.2f}, {known.high or 0:.2f}]"
