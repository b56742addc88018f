"""What a search costs beside its bare ingredients, at growing archives, all in one run on this machine.

    python eval/benchmark_search.py [--passages 30000 100000] [--questions N]

The archive is synthetic and temporary: words by Zipf's law, vectors in topics, fifty outlets, two years. Ratios and not milliseconds are
what counts. Exit code 1 where a target is missed. Filling takes some 3 minutes for each 50,000 passages.
"""

from __future__ import annotations

import argparse
import gc
import os
import sqlite3
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np
import psutil
from benchmark import BATCH_ARTICLES, SEED, Line, write

from service.bootstrap import ARCHIVE_FILE, build
from service.domain import Article, Passage, Question, Scope
from service.errors import DatelineError
from service.ports import StagedArticle
from service.retrieval.search import CANDIDATES
from service.retrieval.understand import understand
from service.settings import load_settings
from service.words import search_terms

if TYPE_CHECKING:
    from service.ports import Vectors
    from service.services import Services

SIZES = (30_000, 100_000)
QUESTIONS = 100
PASSAGES_PER_ARTICLE = 8
WORDS_PER_PASSAGE = 120
VOCABULARY = 50_000
ZIPF = 1.05
"""Exponent of the words' frequencies; English news has about 1."""
TOPICS = 500
OUTLETS = 50
DAYS = 730
NOW = datetime(2026, 1, 1, tzinfo=UTC)
TOP_K = 10
RAREST_SKIPPED, COMMONEST_SKIPPED = 20_000, 100
"""Words of questions are neither of the very rare nor of those that would be stop words."""
FILTERS = {
    "half of the time": {"published_from": NOW - timedelta(days=365)},
    "one month": {"published_from": NOW - timedelta(days=90), "published_to": NOW - timedelta(days=60)},
    "one day": {"published_from": NOW - timedelta(days=90), "published_to": NOW - timedelta(days=89)},
    "one outlet": {"sources": ("Outlet 7",)},
    "one outlet in a month": {
        "sources": ("Outlet 7",), "published_from": NOW - timedelta(days=90), "published_to": NOW - timedelta(days=60),
    },
}  # fmt: skip


def main() -> int:
    """Measure and print every line as it is ready; returns the exit code."""
    parser = argparse.ArgumentParser(description="Measure what a search costs, beside its targets.")
    parser.add_argument("--passages", type=int, nargs="+", default=SIZES, help="sizes of the archive")
    parser.add_argument("--questions", type=int, default=QUESTIONS, help="how many are asked of each")
    arguments = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before the start: times taken above a load of 1 are not to be trusted")
    missed = False
    try:
        for passages in arguments.passages:
            for line in measured(passages, arguments.questions):
                print(line, flush=True)
                missed |= line.missed
    except DatelineError as error:
        print(f"not measured: {error}", file=sys.stderr)
        return 1
    return 1 if missed else 0


def measured(passages: int, count: int) -> list[Line]:
    """The lines of one size. Raises DatelineError."""
    process = psutil.Process()
    with TemporaryDirectory() as folder, build(load_settings(data_dir=Path(folder), model="extractive")) as services:
        services.embedder.embed(["warm"])
        gc.collect()
        before = process.memory_info().rss
        fill(services, passages)
        texts = questions(count)
        plain = [understand(text, NOW, Scope(NOW)) for text in texts]
        lines = [_against_ingredients(services, plain, passages, Path(folder))]
        lines += _filtered(services, plain, passages)
        named = [understand(f"What did Outlet {n % OUTLETS} report? {text}", NOW, Scope(NOW), known=services.archive.bylines())
                 for n, text in enumerate(texts)]  # fmt: skip
        lines.append(_ratio(f"{passages:,}: naming an outlet / not", _times(services, named), _times(services, plain), 3.0))
        gc.collect()
        grown = (process.memory_info().rss - before) / passages / 1024
    return [*lines, Line(f"{passages:,}: memory a passage, filling and index", grown, "KiB", 8.0, at_most=True, note="resident")]


def fill(services: Services, passages: int) -> None:
    """Write articles of made-up words with vectors near topics, by the same calls as ingest. Raises DatelineError."""
    rng = np.random.default_rng(SEED)
    frequency = 1 / np.arange(1, VOCABULARY + 1) ** ZIPF
    topics = rng.standard_normal((TOPICS, services.embedder.dimension))
    batch: list[StagedArticle] = []
    for number in range(passages // PASSAGES_PER_ARTICLE):
        words = rng.choice(VOCABULARY, size=PASSAGES_PER_ARTICLE * WORDS_PER_PASSAGE, p=frequency / frequency.sum())
        noise = rng.standard_normal((PASSAGES_PER_ARTICLE, services.embedder.dimension))
        vectors = (topics[rng.integers(TOPICS)] + noise).astype(np.float32)
        batch.append(_article(number, [_word(word) for word in words], vectors, float(rng.random())))
        if len(batch) == BATCH_ARTICLES:
            write(services, batch)
            batch = []
    if batch:
        write(services, batch)


def _article(number: int, words: Sequence[str], vectors: Vectors, when: float) -> StagedArticle:
    parts = [" ".join(words[start : start + WORDS_PER_PASSAGE]) + "." for start in range(0, len(words), WORDS_PER_PASSAGE)]
    article = Article(
        f"synthetic-{number}",
        "\n".join(parts),
        title=" ".join(words[:6]),
        source=f"Outlet {number % OUTLETS}",
        published_at=NOW - timedelta(days=DAYS * when),
    )
    starts = np.cumsum([0, *(len(part) + 1 for part in parts)])
    cut = [Passage.cut(article, n, int(starts[n]), int(starts[n]) + len(part)) for n, part in enumerate(parts)]
    return StagedArticle(article, cut, vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def _word(number: int) -> str:
    """A made-up word of syllables, another for each number."""
    syllables = [consonant + vowel for consonant in "bdfgklmnprstvz" for vowel in "aeiou"]
    word = ""
    while number or not word:
        number, syllable = divmod(number, len(syllables))
        word += syllables[syllable]
    return word + "n"


def questions(count: int) -> list[str]:
    """Questions of three to eight words that the articles hold."""
    rng = np.random.default_rng(SEED + 1)
    return [
        "What happened to "
        + " ".join(_word(word) for word in rng.integers(COMMONEST_SKIPPED, RAREST_SKIPPED, size=rng.integers(3, 9)))
        + "?"
        for _ in range(count)
    ]


def _against_ingredients(services: Services, asked: Sequence[Question], passages: int, folder: Path) -> Line:
    """The search's 95th percentile over that of its bare ingredients: embedding, Chroma's query and FTS5's, for the same questions."""
    connection = sqlite3.connect(folder / ARCHIVE_FILE)
    statement = "SELECT rowid FROM words WHERE words MATCH ? ORDER BY bm25(words) LIMIT ?"

    def bare(question: Question) -> None:
        vector = services.embedder.embed_questions([question.standalone])[0]
        services.index.query(vector, CANDIDATES)
        terms = " OR ".join(f'"{term}"' for term in search_terms(question.standalone))
        connection.execute(statement, (terms, CANDIDATES)).fetchall()

    try:
        return _ratio(f"{passages:,}: search p95 / its ingredients", _times(services, asked), _each(bare, asked), 3.0, percentile=95)
    finally:
        connection.close()


def _filtered(services: Services, asked: Sequence[Question], passages: int) -> list[Line]:
    lines = []
    for name, limits in FILTERS.items():
        inside = [replace(question, scope=replace(question.scope, **limits)) for question in asked]
        lines.append(_ratio(f"{passages:,}: filtered to {name} / not", _times(services, inside), _times(services, asked), 2.0))
    return lines


def _times(services: Services, asked: Sequence[Question]) -> list[float]:
    """Milliseconds of each search."""
    return _each(lambda question: services.searcher.search(question, TOP_K), asked)


def _each(work: Callable[[Question], object], asked: Sequence[Question]) -> list[float]:
    work(asked[0])
    taken = []
    for question in asked:
        began = time.perf_counter()
        work(question)
        taken.append((time.perf_counter() - began) * 1000)
    return taken


def _ratio(name: str, ours: Sequence[float], theirs: Sequence[float], target: float, percentile: int = 50) -> Line:
    upper, lower = (float(np.percentile(values, percentile)) for values in (ours, theirs))
    medians, tails = (tuple(float(np.percentile(values, at)) for values in (ours, theirs)) for at in (50, 95))
    note = f"medians {medians[0]:.1f} / {medians[1]:.1f} ms, p95 {tails[0]:.1f} / {tails[1]:.1f} ms, n = {len(ours)}"
    return Line(name, upper / lower, "", target, at_most=True, note=note)


if __name__ == "__main__":
    sys.exit(main())
