"""What Dateline costs, as figures beside their targets, all from one run on this machine.

    python eval/benchmark.py [--questions N]

Ratios rather than speeds where there is a choice: they hold on a slow machine too. The archive is a temporary one. Exit
code 1 where a target is missed; what cannot be measured here is said, and fails nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from service.answering.request import AskRequest
from service.domain import Answer, Article, Mode, Passage
from service.errors import DatelineError
from service.evaluation.suite import load_suite
from service.ports import StagedArticle
from service.settings import Settings, load_settings, resources

if TYPE_CHECKING:
    from service.services import Services

HELP_RUNS = 5
SEARCHES = 20
PASSAGES_PER_ARTICLE = 10
SYNTHETIC_PASSAGES = 15_000
BATCH_ARTICLES = 64
WORDS_PER_PASSAGE = 150
VOCABULARY = 20_000
SEED = 7


@dataclass(frozen=True, slots=True)
class Line:
    """One figure beside its target; `figure` is None where it could not be measured, and `note` says why or of what."""

    name: str
    figure: float | None
    unit: str
    target: float
    at_most: bool
    note: str

    @property
    def missed(self) -> bool:
        """True where it was measured and the target was not met."""
        return self.figure is not None and (self.figure > self.target if self.at_most else self.figure < self.target)

    def __str__(self) -> str:
        figure = "not measured" if self.figure is None else f"{self.figure:,.3g} {self.unit}".strip()
        verdict = "" if self.figure is None else "missed" if self.missed else "met"
        target = f"{'at most' if self.at_most else 'at least'} {self.target:,.3g}"
        return f"{self.name:<44} {figure:>14}   {target:<14} {verdict:<7} {self.note}"


def main() -> int:
    """Measure and print every line as it is ready; returns the exit code."""
    arguments = _arguments()
    if arguments.measure_memory:
        print(json.dumps(serving_memory(arguments.measure_memory)))
        return 0
    settings, lines = load_settings(), []
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before the start: times taken above a load of 1 are not to be trusted")
    measures: tuple[Callable[[], list[Line]], ...] = (
        lambda: [help_seconds()],
        lambda: [memory(settings, arguments.passages)],
        lambda: model_lines(settings, arguments.questions),
    )
    for measure in measures:
        for line in measure():
            print(line, flush=True)
            lines.append(line)
    return 1 if any(line.missed for line in lines) else 0


def help_seconds() -> Line:
    """How long `dateline --help` takes, as a process, median of several after one that warms the disk cache."""
    installed = Path(sys.executable).with_name("dateline")
    command = [str(installed)] if installed.exists() else [sys.executable, "-c", "from service.cli import main; main()"]

    def run() -> None:
        subprocess.run([*command, "--help"], check=True, capture_output=True)  # noqa: S603, our own program

    taken = [_timed(run) for _ in range(HELP_RUNS + 1)]
    return Line("dateline --help", statistics.median(taken[1:]), "s", 0.5, at_most=True, note=f"median of {HELP_RUNS}")


def raw_encoder(settings: Settings) -> Callable[[Sequence[str]], object]:
    """The library as it comes, with its own batching, on the same weights and in the same precision as the service."""
    import torch
    from sentence_transformers import SentenceTransformer

    from service.models.encoder import bf16_supported

    folder = settings.models_dir / settings.embedding_model
    half = settings.embedding_dtype == "bfloat16" or (settings.embedding_dtype == "auto" and bf16_supported())
    model = SentenceTransformer(
        str(folder if folder.is_dir() else Path(settings.embedding_model).expanduser()),
        device="cpu",
        local_files_only=True,
        model_kwargs={"dtype": torch.bfloat16 if half else torch.float32},
    )
    return partial(model.encode, show_progress_bar=False, normalize_embeddings=True)


def memory(settings: Settings, passages: int) -> Line:
    """Resident memory of a fresh process that serves searches over so many passages, encoder loaded, without a model."""
    name, extractive = f"serving memory, {passages:,} passages", settings.model_copy(update={"model": "extractive"})
    with TemporaryDirectory() as folder:
        try:
            fill(extractive.model_copy(update={"data_dir": Path(folder)}), passages)
        except DatelineError as error:
            return Line(name, None, "GB", 1.0, at_most=True, note=str(error))
        command = [sys.executable, __file__, "--measure-memory", folder]
        shown = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout  # noqa: S603, this very file
    found = json.loads(shown.splitlines()[-1])
    note = f"after {SEARCHES} searches; {found['peak'] / 1e9:.2f} GB at its highest"
    return Line(name, found["resident"] / 1e9, "GB", 1.0, at_most=True, note=note)


def fill(settings: Settings, passages: int) -> None:
    """Write synthetic articles with random unit vectors, by the same calls as ingest. Raises DatelineError."""
    import numpy as np

    from service.bootstrap import build

    rng = np.random.default_rng(SEED)
    with build(settings) as services:
        batch: list[StagedArticle] = []
        for number in range(0, passages, PASSAGES_PER_ARTICLE):
            article, cut = _synthetic(number, min(PASSAGES_PER_ARTICLE, passages - number), rng.integers(VOCABULARY, size=2_000).tolist())
            vectors = rng.standard_normal((len(cut), services.embedder.dimension)).astype(np.float32)
            batch.append(StagedArticle(article, cut, vectors / np.linalg.norm(vectors, axis=1, keepdims=True)))
            if len(batch) == BATCH_ARTICLES or number + PASSAGES_PER_ARTICLE >= passages:
                write(services, batch)
                batch = []


def write(services: Services, batch: Sequence[StagedArticle]) -> None:
    """Stage, index and publish, as ingest does."""
    versions = services.archive.stage(batch)
    for staged in batch:
        services.index.upsert([passage.id for passage in staged.passages], staged.vectors)
    services.archive.publish(versions)


def _synthetic(number: int, count: int, numbers: Sequence[int]) -> tuple[Article, list[Passage]]:
    """An article of so many passages of made-up words."""
    words = [f"word{value}" for value in numbers]
    parts = [" ".join(words[i * WORDS_PER_PASSAGE : (i + 1) * WORDS_PER_PASSAGE]) + "." for i in range(count)]
    article = Article(f"synthetic-{number}", "\n".join(parts), title=f"Synthetic {number}", source="Synthetic")
    starts = [sum(len(part) + 1 for part in parts[:i]) for i in range(count)]
    return article, [Passage.cut(article, i, start, start + len(parts[i])) for i, start in enumerate(starts)]


def serving_memory(folder: Path) -> dict[str, int]:
    """Bytes resident now, and at most so far, in this process after searching the archive in `folder`."""
    from service.bootstrap import build

    settings = load_settings(data_dir=folder, model="extractive")
    with build(settings) as services:
        for number in range(SEARCHES):
            services.search(AskRequest(f"What of word{number * 37} and word{number}?"), settings.top_k)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
        status = Path("/proc/self/status")
        resident = (
            [int(line.split()[1]) * 1024 for line in status.read_text().splitlines() if line.startswith("VmRSS")]
            if status.exists()
            else [peak]
        )
        return {"resident": resident[0], "peak": peak}


def model_lines(settings: Settings, count: int) -> list[Line]:
    """The share of `ask` that is not the model's, and the tokens of a prompt, over questions spread through the sample suite."""
    names = (("ask outside the model, share of total time", "", 0.10), ("prompt tokens, median", "tokens", 600.0))
    try:
        answers = _ask_model(settings.model_copy(update={"model": "local"} if settings.model == "extractive" else {}), count)
    except DatelineError as error:
        return [Line(name, None, unit, target, at_most=True, note=str(error)) for name, unit, target in names]
    written = [answer for answer in answers if answer.generator.kind == "model" and "generate" in answer.timings_ms]
    tokens = [answer.usage.prompt_tokens for answer in written if answer.usage.prompt_tokens]
    total = sum(answer.timings_ms["total"] for answer in written)
    outside = total - sum(answer.timings_ms["generate"] for answer in written)
    figures = (outside / total if total else None, statistics.median(tokens) if tokens else None)
    notes = (f"{_stages(written)}, n = {len(written)}", f"n = {len(tokens)}")
    return [
        Line(name, figure, unit, target, at_most=True, note=note)
        for (name, unit, target), figure, note in zip(names, figures, notes, strict=True)
    ]


def _ask_model(settings: Settings, count: int) -> list[Answer]:
    """Answers to `count` questions of the sample suite, after one that warms the model up. Raises DatelineError."""
    from service.bootstrap import build

    suite = load_suite("sample", resources())
    cases = suite.cases()
    spread = cases[:: max(1, len(cases) // count)][:count]
    with TemporaryDirectory() as folder, build(settings.model_copy(update={"data_dir": Path(folder)})) as services:
        services.ingest(services.load(suite.corpus))

        async def ask_all() -> list[Answer]:
            asked = (cases[-1], *spread)
            return [await services.answerer.ask(AskRequest(c.question, c.asked_at, history=c.history, mode=Mode.MODEL)) for c in asked]

        return asyncio.run(ask_all())[1:]


def _stages(answers: Sequence[Answer]) -> str:
    """Median milliseconds of each stage."""
    stages = dict.fromkeys(stage for answer in answers for stage in answer.timings_ms)
    medians = {stage: statistics.median(answer.timings_ms.get(stage, 0.0) for answer in answers) for stage in stages}
    return "median ms: " + ", ".join(f"{stage} {value:,.0f}" for stage, value in medians.items())


def _timed(work: Callable[[], object]) -> float:
    """Seconds on the clock."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure what Dateline costs, beside its targets.")
    parser.add_argument("--questions", type=int, default=20, help="how many questions the local model is asked")
    parser.add_argument("--passages", type=int, default=SYNTHETIC_PASSAGES, help="how many passages memory is measured over")
    parser.add_argument("--measure-memory", type=Path, metavar="FOLDER", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
