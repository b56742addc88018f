"""Exact nearest neighbours in numpy: what every approximate index is measured against."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from service.ports import Vectors


def nearest(ids: Sequence[str], vectors: Vectors, vector: Vectors, k: int) -> list[tuple[str, float]]:
    """The k rows with the largest dot product, best first; ties by id. `vectors` is `(n, d)`, `vector` is `(d,)`.

    A row that is not finite, of a damaged file, comes last.
    """
    if not len(ids) or k < 1:
        return []
    scores = np.nan_to_num(vectors @ vector, nan=-1.0, posinf=-1.0, neginf=-1.0)
    best = np.argpartition(-scores, min(k, len(ids)) - 1)[:k]
    return sorted(((ids[row], float(scores[row])) for row in best), key=lambda pair: (-pair[1], pair[0]))
