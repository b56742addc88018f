"""What taking articles in costs beside the raw encoder: `python eval/benchmark_ingest.py`, or `make bench`.

Each archive is filled by a process of its own, so that its peak memory is that of the ingest. The raw encoder is the bare library, with its
own batching, over every tenth of the same passages, before and after: machines are shared, and only ratios within one run are told.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from benchmark import Line, raw_encoder

from service.articles.items import Item, Loaded
from service.articles.row import article_from_row
from service.bootstrap import build
from service.indexing.passages import embedded_text
from service.services import Services, now
from service.settings import load_settings, resources

EVERY = 10
"""The share of the passages that the raw encoder is given."""
CHANGED = 20
"""Every so-manieth article is changed for the third load: 5 %."""
GENERATED, SENTENCES, SEED = 12_390, 9, 7
"""Made-up articles: ten times those of realtimeqa-2025q4, some 120 words each."""


@dataclass(frozen=True, slots=True)
class Load:
    """One ingest: seconds, passages written and embedded, outcomes, and tokens the encoder read and multiplied."""

    seconds: float
    cpu: float
    passages: int
    embedded: int
    outcomes: dict[str, int]
    tokens: int
    padded: int


def main() -> int:
    """Measure and print every line; exit code 1 where a target is missed."""
    arguments = _arguments()
    if arguments.fill:
        print(json.dumps(_filled(arguments.fill, arguments.articles)))
        return 0
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before the start: times taken above a load of 1 are not to be trusted")
    missed = _measured("", arguments.articles)
    if arguments.generated:
        missed |= _measured(f", {GENERATED:,} made-up articles", None)
    return int(missed)


def _measured(what: str, articles: Path | None) -> bool:
    """The lines of one set; returns whether a target was missed."""
    with TemporaryDirectory() as folder:
        command = [sys.executable, __file__, "--fill", folder, *(["--articles", str(articles)] if articles else [])]
        before = _raw_rate(articles)
        shown = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout  # noqa: S603, this very file
        after = _raw_rate(articles)
    found = json.loads(shown.splitlines()[-1])
    first, again, changed = (Load(**found[name]) for name in ("first", "again", "changed"))
    raw = (before + after) / 2
    rate = first.passages / first.seconds
    lines = [
        Line(f"first load / raw encoder, passages per second{what}", rate / raw, "", 0.90, at_most=False,
             note=f"{rate:.1f} / {raw:.1f} (raw before {before:.1f}, after {after:.1f}), {first.passages:,} passages, {first.outcomes}"),
        Line(f"real tokens / tokens multiplied{what}", first.tokens / first.padded, "", 0.90, at_most=False,
             note=f"{first.tokens:,} / {first.padded:,}, {first.tokens / first.seconds:,.0f} tokens a second"),
        Line(f"load of the same again, times faster{what}", first.seconds / again.seconds, "", 50.0, at_most=False,
             note=f"{first.seconds:.1f} s / {again.seconds:.2f} s, {again.outcomes}, {again.embedded} passages embedded"),
        Line(f"load with 5 % changed, share of the first{what}", changed.seconds / first.seconds, "", 0.10, at_most=True,
             note=f"{changed.seconds:.1f} s, {changed.outcomes}, {changed.embedded:,} of {changed.passages:,} passages embedded"),
        Line(f"peak memory of the ingest{what}", found["peak"] / 1e9, "GB", 2.0, at_most=True, note="resident, encoder included"),
    ]  # fmt: skip
    for line in lines:
        print(line, flush=True)
    return any(line.missed for line in lines)


def _filled(folder: Path, articles: Path | None) -> dict[str, object]:
    """Fill an archive, load the same again, and once more with every twentieth article changed."""
    with build(load_settings(data_dir=folder, model="extractive")) as services:
        services.embedder.embed(["warm"])
        first = _timed(services, lambda: _items(services, articles))
        again = _timed(services, lambda: _items(services, articles))
        changed = _timed(services, lambda: map(_edited, range(10**9), _items(services, articles)))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    loads = {"first": first, "again": again, "changed": changed}
    return {"peak": peak, **{name: {key: getattr(load, key) for key in Load.__slots__} for name, load in loads.items()}}


def _timed(services: Services, items: Callable[[], Iterator[Item]]) -> Load:
    work = services.embedder.work  # type: ignore[attr-defined]
    wall, cpu, tokens, padded = time.perf_counter(), time.process_time(), work.tokens, work.padded
    report = services.ingest(items())
    work = services.embedder.work  # type: ignore[attr-defined]
    outcomes = {kind.value: count for kind, count in report.counts.items()}
    spent = time.perf_counter() - wall, time.process_time() - cpu
    return Load(*spent, report.passages, report.embedded, outcomes, work.tokens - tokens, work.padded - padded)


def _items(services: Services, articles: Path | None) -> Iterator[Item]:
    return iter(services.load([articles])) if articles else generated()


def generated() -> Iterator[Item]:
    """Made-up articles from outlets and days that differ, each with words of its own."""
    rng, at = np.random.default_rng(SEED), now()
    for number in range(GENERATED):
        words = [f"{chr(97 + n % 26)}{'aeiou'[n % 5]}{'lmnrst'[n % 6]}{'ao'[n % 2]}" for n in rng.integers(3_000, size=150)]
        sentences = (" ".join(words[start : start + 12]).capitalize() + f" {number}." for start in range(0, 12 * SENTENCES, 12))
        row = {"id": f"made-up-{number}", "title": f"Report {number}", "source": f"Outlet {number % 40}", "text": " ".join(sentences),
               "published_at": f"2025-{number % 12 + 1:02}-{number % 28 + 1:02}"}  # fmt: skip
        yield article_from_row(row, now=at, max_chars=100_000)


def _edited(number: int, item: Item) -> Item:
    """Every twentieth article with a sentence more at its end."""
    if not isinstance(item, Loaded) or number % CHANGED:
        return item
    return replace(item, article=replace(item.article, text=item.article.text + "\n\nThe figures were confirmed a day later."))


def _raw_rate(articles: Path | None) -> float:
    """Passages a second of the bare library over every tenth passage, the median of three runs, the model warm."""
    settings = load_settings(model="extractive")
    encode, texts = raw_encoder(settings), _texts(articles)[::EVERY]
    encode(texts[:32])
    rates = []
    for _ in range(3):
        began = time.perf_counter()
        encode(texts)
        rates.append(len(texts) / (time.perf_counter() - began))
    return statistics.median(rates)


def _texts(articles: Path | None) -> Sequence[str]:
    """What the ingest embeds, cut by the ingest's own preparation with an encoder that only counts."""
    from service.indexing.passages import cut_passages, header
    from service.indexing.preparation import MIN_PASSAGE_TOKENS
    from service.models.embedders import build_embedder

    with TemporaryDirectory() as folder, build(load_settings(data_dir=Path(folder), model="extractive")) as services:
        embedder = build_embedder(services.settings)
        texts: list[str] = []
        for item in _items(services, articles):
            if isinstance(item, Loaded):
                head, starts = embedder.token_starts([header(item.article), item.article.text])
                room = max(MIN_PASSAGE_TOKENS, embedder.max_tokens - len(head))
                texts += [embedded_text(item.article, passage) for passage in cut_passages(item.article, starts, room)]
        return texts


def _arguments() -> argparse.Namespace:
    real = load_settings().eval_data / "realtimeqa-2025q4" / "articles.jsonl.gz"
    articles = real if real.is_file() else resources() / "corpus" / "articles"
    parser = argparse.ArgumentParser(description="Measure ingest beside the raw encoder.")
    parser.add_argument("--articles", type=Path, default=articles, help="what is taken in: a file or folder")
    parser.add_argument("--generated", action="store_true", help=f"also {GENERATED:,} made-up articles: some minutes more")
    parser.add_argument("--fill", type=Path, metavar="FOLDER", help=argparse.SUPPRESS)
    found = parser.parse_args()
    if found.fill and "--articles" not in sys.argv:
        found.articles = None
    return found


if __name__ == "__main__":
    sys.exit(main())
