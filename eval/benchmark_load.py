"""How many are answered, how many turned away, and how soon: `python -m eval.benchmark_load`, or with `--real` over the local model.

The service runs as a process of its own with the real encoder and the sample archive. Scripted, a model on loopback says 20 tokens a second
and 1, 8, 64 and 200 ask at once, again and again for so many rounds; real, the default local model is asked by 1, 2 and 4. Everything stays
on loopback and ends by itself. Then, scripted, 64 ask while some 5,000 passages are taken in.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx2

from service.settings import Settings
from tests.load.askers import Outcome, crowd, percentile
from tests.load.busy import while_taking_in
from tests.load.paced_model import PacedModel, running
from tests.load.service import Service, serving

CACHE = Settings().cache_dir
HEAD = ("askers", "n", "answered", "refused", "a minute", "first sentence p50 / p95", "refused p50 / max", "lag p50 / p99 / max", "memory")


def main() -> None:
    """Measure and print a row a crowd."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--real", action="store_true", help="the default local model, asked by 1, 2 and 4")
    parser.add_argument("--rounds", type=int, default=2, help="how often each asker asks (default 2)")
    given = parser.parse_args()
    print("| " + " | ".join(HEAD) + " |\n|" + "---|" * len(HEAD), flush=True)
    with TemporaryDirectory() as name:
        folder = Path(name)
        if given.real:
            with serving(folder, encoder="real", cache_dir=CACHE, model="local") as service:
                _rows(service, (1, 2, 4), given.rounds)
            return
        model = PacedModel()
        with running(model) as url, serving(folder, encoder="real", cache_dir=CACHE, model="openai:paced", model_url=url) as service:
            _rows(service, (1, 8, 64, 200), given.rounds)
        (folder / "busy").mkdir()
        with serving(folder / "busy", encoder="real", cache_dir=CACHE, ask_queue=100) as service:
            report = asyncio.run(while_taking_in(service.url, articles=1700))
            print(f"\nwhile articles come in: {report}; loop lag, told by the service: {lag(service)}")


def _rows(service: Service, crowds: Sequence[int], rounds: int) -> None:
    asyncio.run(crowd(service.url, 1))  # what is loaded once is loaded
    for askers in crowds:
        before = _buckets(service)
        began = time.monotonic()
        outcomes = asyncio.run(crowd(service.url, askers, rounds))
        print(_row(askers, outcomes, time.monotonic() - began, _since(before, _buckets(service)), service.usage()[0]), flush=True)


def _row(askers: int, outcomes: Sequence[Outcome], seconds: float, lag: str, memory: float) -> str:
    taken = [one for one in outcomes if one.status == 200]
    refused = [one for one in outcomes if one.status != 200]
    strange = {one.status for one in refused} - {429, 503}
    assert not strange, strange
    assert all(one.terminals == 1 for one in taken)
    first = [one.first_sentence for one in taken]
    late = [one.refused for one in refused]
    waits = f"{percentile(late, 50):.3f} / {percentile(late, 100):.3f} s" if refused else "-"
    ended = sum(one.events["final"] for one in taken)
    return (
        f"| {askers} | {len(outcomes)} | {ended} | {len(refused)} | {60 * ended / seconds:.1f} | {percentile(first, 50):.1f} / "
        f"{percentile(first, 95):.1f} s | {waits} | {lag} | {memory:.0f} MB |"
    )


def lag(service: Service) -> str:
    """Since the start."""
    return _since({}, _buckets(service))


def _buckets(service: Service) -> dict[float, float]:
    """The histogram of the event loop's lag: so many were at most so late, in seconds."""
    name = "dateline_event_loop_lag_seconds_bucket"
    lines = [line for line in httpx2.get(f"{service.url}/metrics", timeout=60).text.splitlines() if line.startswith(name)]
    return {float(line.split('"')[1]): float(line.rpartition(" ")[2]) for line in lines}


def _since(before: Mapping[float, float], after: Mapping[float, float]) -> str:
    """The bounds of the buckets in which the median, the 99th percentile and the largest lie."""
    counts = {bound: count - before.get(bound, 0.0) for bound, count in sorted(after.items())}
    total = max(counts.values(), default=0.0)
    if not total:
        return "-"
    bounds = [next(bound for bound, count in counts.items() if count >= share * total) for share in (0.5, 0.99, 1.0)]
    return " / ".join(f"≤ {bound * 1000:g}" for bound in bounds) + " ms"


if __name__ == "__main__":
    sys.exit(main())
