"""Sketches: a few hundred bytes of a text from which its likeness to another is read.

MinHash: Broder, "On the resemblance and containment of documents", Compression and Complexity of Sequences, 1997. The share
of equal minima estimates the Jaccard index ("resemblance") of two sets of shingles, with a standard error of at most 0.044
for 128 minima. `service.indexing.stories` makes sketches from texts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Minima = NDArray[np.uint32]

MIN_RESEMBLANCE = 0.5
"""From here on two texts are one story: that of Broder et al., "Syntactic clustering of the Web", WWW6, 1997. Of two texts of one length
two thirds are then common. A wire text of 100 words that loses its last 30 and gains a sentence of 15 keeps 0.54; a follow-up half
of which is background from the day before has 0.33. In the sample archive reprints have 0.89 or more, all other pairs less than 0.03."""
MIN_CONTAINMENT = 0.7
"""From here on a text is cut from a longer one that begins alike: editors shorten wire texts from the end. Asked for beside a common
lead only, so that a digest does not join all the stories in it. Below 1, because the estimate for a brief of a tenth of the text
has a standard error of some 0.25."""


@dataclass(frozen=True, slots=True, eq=False)
class Sketch:
    """What is kept of a text: `(128,)` minima over its shingles, and how many shingles there are.

    Texts that may be one story share a key; negative keys are of the lead alone.
    """

    minima: Minima
    size: int
    keys: tuple[int, ...]


def resemblance(minima: Minima, others: Minima) -> NDArray[np.float64]:
    """The estimated Jaccard index of one text and each of `(n, 128)` others: `(n,)`."""
    agreeing: NDArray[np.float64] = (others == minima).mean(axis=1)
    return agreeing


def one_story(minima: Minima, size: int, others: Minima, sizes: NDArray[np.int64], leads: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which of the other texts are the same story as this one: `(n,)`. `leads` says whose leads share a key with this one's."""
    alike = resemblance(minima, others)
    common = alike / (1 + alike) * (size + sizes)
    found: NDArray[np.bool_] = (alike >= MIN_RESEMBLANCE) | (leads & (common >= MIN_CONTAINMENT * np.minimum(size, sizes)))
    return found
