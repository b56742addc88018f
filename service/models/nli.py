"""A cross-encoder for natural-language inference as a judge of sentences: does the evidence entail the claim?

Premise first, as such models are trained (SNLI, MultiNLI): `(evidence, claim)`. Which of its labels is entailment is read from its
configuration.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from service.domain import Evidence
from service.errors import ModelError
from service.models.cross_encoder import LazyCrossEncoder, named

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

JUDGE = "DATELINE_JUDGE"
NLI = "nli:"
"""How the setting begins that names one."""
ENTAILS = ("entailment", "entailed", "supported", "consistent")
"""What models call it, whatever the case."""
_log = logging.getLogger(__name__)


class NliJudge:
    """`ports.SentenceJudge` over a cross-encoder for entailment, in a folder or by its name on the hub. Loads on first use."""

    def __init__(self, chosen: str) -> None:
        short, find = named(chosen, JUDGE)
        self.name = f"{NLI}{short}"
        self._model = LazyCrossEncoder("judge", short, find, _no_entailment)

    async def odds(self, claim: str, evidence: Sequence[Evidence]) -> float | None:
        """Natural-log odds of entailment over every other label; None where the model cannot be used."""
        try:
            return await asyncio.to_thread(self._odds, claim, evidence)
        except ModelError as error:
            _log.warning("no verdict on a sentence: %s", error.in_short)
            return None

    def examine(self) -> str:
        """Where it lies, without loading or fetching it. Raises ModelError."""
        return self._model.examine()

    def _odds(self, claim: str, evidence: Sequence[Evidence]) -> float:
        logits = self._model.logits([(" ".join(one.text for one in evidence), claim)])[0]
        entails = _entailment(self._model.loaded())
        if len(logits) == 1:  # One label is already the log-odds of it.
            return logits[0]
        others = [value for label, value in enumerate(logits) if label != entails]
        highest = max(others)
        return logits[entails or 0] - highest - math.log(sum(math.exp(value - highest) for value in others))


def _entailment(model: CrossEncoder) -> int | None:
    """The label that says entailment; the only one, where there is one; None where no label is called so."""
    labels = _labels(model)
    return 0 if len(labels) == 1 else next((number for number, label in labels.items() if label.casefold() in ENTAILS), None)


def _no_entailment(model: CrossEncoder) -> str:
    return "" if _entailment(model) is not None else f"has no label for entailment ({', '.join(_labels(model).values())})"


def _labels(model: CrossEncoder) -> dict[int, str]:
    named = model.config.id2label if model.config else None
    return {int(number): str(label) for number, label in (named or {}).items()}
