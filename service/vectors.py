"""Exact nearest neighbours in numpy: what every approximate index is measured against."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from service.ports import Vectors


def nearest(ids: Sequence[str], vectors: Vectors, vector: Vectors, k: int) -> list[tuple[str, float]]:
    """The k rows with the largest dot product, best first; ties by id. `vectors` is `(n, d)`, `vector` is `(d,)`."""
    if not len(ids) or k < 1:
        return []
    scores = vectors @ vector
    best = np.argpartition(-scores, min(k, len(ids)) - 1)[:k]
    return sorted(((ids[row], float(scores[row])) for row in best), key=lambda pair: (-pair[1], pair[0]))
