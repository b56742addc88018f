"""Sentences with exact offsets, by sentencex (Wikimedia): about 1 ms for 38 kB, non-destructive."""

from __future__ import annotations

from collections.abc import Iterator

import sentencex

MAX_SENTENCE = 600
"""Characters. A longer run without an end (a table, a list of names) is cut at white space, so that evidence stays small."""

Span = tuple[int, int]


def sentence_spans(text: str, language: str | None = None) -> list[Span]:
    """`(start, end)` of each sentence in code points, white space around it left out, none empty."""
    spans: list[Span] = []
    for boundary in sentencex.get_sentence_boundaries(language or "en", text):
        start, end = _trim(text, boundary["start_index"], boundary["end_index"])
        if start < end:
            spans.extend(_pieces(text, start, end))
    return spans


def _trim(text: str, start: int, end: int) -> Span:
    piece = text[start:end]
    return start + len(piece) - len(piece.lstrip()), start + len(piece.rstrip())


def _pieces(text: str, start: int, end: int) -> Iterator[Span]:
    while end - start > MAX_SENTENCE:
        cut = max(text.rfind(" ", start + 1, start + MAX_SENTENCE), text.rfind("\n", start + 1, start + MAX_SENTENCE))
        cut = cut if cut > start else start + MAX_SENTENCE
        yield _trim(text, start, cut)
        start = _trim(text, cut, end)[0]
    yield start, end
