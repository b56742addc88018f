"""Which texts are embedded together: those of similar length here, so that little of what is computed is padding; few enough by request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

TOKENS = 4096
"""Tokens of a batch, padding included, near the fastest of 1,024 to 6,144 on two cores (see `encoder`). It is what a question waits for
an ingest at most."""
TEXTS = 64
"""Texts of a batch at most, however short."""


@dataclass(frozen=True, slots=True)
class Batch:
    """The rows that are computed together, longest first, and their tokens with the padding."""

    rows: list[int]
    padded: int


def token_batches(lengths: Sequence[int], *, multiple: int = 1, tokens: int = TOKENS, texts: int = TEXTS) -> Iterator[Batch]:
    """Every row once, longest first, in batches of at most so many padded tokens; a longer text is a batch of its own.

    `lengths` are in tokens; the width of a batch is that of its longest text, rounded up to `multiple`.
    """
    order = sorted(range(len(lengths)), key=lambda row: -lengths[row])
    start = 0
    while start < len(order):
        width = max(1, -(-lengths[order[start]] // multiple)) * multiple
        rows = order[start : start + max(1, min(texts, tokens // width))]
        yield Batch(rows, width * len(rows))
        start += len(rows)


def requests(texts: Sequence[str], most: int, longest: int) -> Iterator[list[int]]:
    """The rows of each request to a server, in order: at most so many texts and characters; a longer text goes alone."""
    rows: list[int] = []
    characters = 0
    for row, text in enumerate(texts):
        if rows and (len(rows) == most or characters + len(text) > longest):
            yield rows
            rows, characters = [], 0
        rows.append(row)
        characters += len(text)
    if rows:
        yield rows
