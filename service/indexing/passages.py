"""Passages: runs of whole sentences, at most what the encoder really reads, with exact offsets."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from service.domain import Article, Passage
from service.sentences import Span, sentence_spans

PASSAGE_VERSION = "1"
"""Part of the archive's fingerprint: change it when the cutting changes."""
HEADER_TITLE = 160
"""Characters of the headline that are embedded with every passage."""
HEADER_SOURCE = 40
"""Characters of the outlet: with headline and date at most some 206 tokens at one a character, so that room stays for the text."""


def header(article: Article) -> str:
    """What is embedded before a passage so that it can be found by headline, outlet and date."""
    day = f"{article.published_at.day} {article.published_at:%B %Y}" if article.published_at else ""
    line = ", ".join(filter(None, ((article.source or "")[:HEADER_SOURCE], day)))
    return "\n".join(filter(None, (article.title[:HEADER_TITLE], line)))


def embedded_text(article: Article, passage: Passage) -> str:
    """The exact string whose vector stands for the passage."""
    return f"{header(article)}\n{passage.text}".lstrip()


def cut_passages(article: Article, token_starts: Sequence[int], max_tokens: int) -> list[Passage]:
    """Passages that cover every sentence of the article once, in order.

    `token_starts` are the ascending character offsets of the text's tokens; `max_tokens` is what is left for the text
    beside the header. A single sentence that is longer is cut between tokens.
    """
    passages: list[Passage] = []
    start = end = None
    for first, last in _fitting(sentence_spans(article.text, article.language), token_starts, max_tokens):
        if start is not None and end is not None and _tokens(token_starts, start, last) > max_tokens:
            passages.append(Passage.cut(article, len(passages), start, end))
            start = None
        start, end = first if start is None else start, last
    if start is not None and end is not None:
        passages.append(Passage.cut(article, len(passages), start, end))
    return passages


def _tokens(token_starts: Sequence[int], start: int, end: int) -> int:
    return bisect_left(token_starts, end) - bisect_left(token_starts, start)


def _fitting(spans: Sequence[Span], token_starts: Sequence[int], max_tokens: int) -> list[Span]:
    """The spans, those with too many tokens cut between tokens."""
    fitting: list[Span] = []
    for start, end in spans:
        while _tokens(token_starts, start, end) > max_tokens:
            cut = max(start + 1, token_starts[bisect_left(token_starts, start) + max_tokens])
            fitting.append((start, cut))
            start = cut
        fitting.append((start, end))
    return fitting
