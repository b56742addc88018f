"""Passages: runs of whole sentences, at most what the encoder really reads, with exact offsets."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence

from service.domain import Article, Passage
from service.sentences import Span, sentence_spans

PASSAGE_VERSION = "1"
"""Part of the archive's fingerprint: change it when the cutting changes."""
HEADER_TITLE = 160
"""Characters of the headline that are embedded with every passage."""
HEADER_SOURCE = 40
"""Characters of the outlet: with headline and date at most some 206 tokens at one a character, so that room stays for the text."""

LONGEST_PARAGRAPH = 10_000
"""Characters without an empty line that are parted into sentences at once: sentencex takes the square of their number in time, so that
a million quotation marks took three and a half minutes. No article of shorter paragraphs is read otherwise than whole."""


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
    for first, last in _fitting(_sentences(article), token_starts, max_tokens):
        if start is not None and end is not None and _tokens(token_starts, start, last) > max_tokens:
            passages.append(Passage.cut(article, len(passages), start, end))
            start = None
        start, end = first if start is None else start, last
    if start is not None and end is not None:
        passages.append(Passage.cut(article, len(passages), start, end))
    return passages


def _tokens(token_starts: Sequence[int], start: int, end: int) -> int:
    return bisect_left(token_starts, end) - bisect_left(token_starts, start)


def _sentences(article: Article) -> Iterator[Span]:
    """The sentences of the article; of paragraphs that are too long, those of their pieces."""
    start = 0
    for end in _ends(article.text):
        for first, last in sentence_spans(article.text[start:end], article.language):
            yield start + first, start + last
        start = end


def _ends(text: str) -> Iterator[int]:
    """Where the text is cut before sentences are looked for: after a line, a sentence or a word, and at last at its end."""
    start = 0
    if max(map(len, text.split("\n\n"))) > LONGEST_PARAGRAPH:
        while len(text) - start > LONGEST_PARAGRAPH:
            end = start + LONGEST_PARAGRAPH
            start = 1 + next((place for mark in ("\n", ". ", " ") if (place := text.rfind(mark, start + 1, end)) > 0), end - 1)
            yield start
    yield len(text)


def _fitting(spans: Iterable[Span], token_starts: Sequence[int], max_tokens: int) -> list[Span]:
    """The spans, those with too many tokens cut between tokens."""
    fitting: list[Span] = []
    for start, end in spans:
        while _tokens(token_starts, start, end) > max_tokens:
            cut = max(start + 1, token_starts[bisect_left(token_starts, start) + max_tokens])
            fitting.append((start, cut))
            start = cut
        fitting.append((start, end))
    return fitting
