"""Every parser of untrusted input, given damaged documents by the thousand: it parses them or refuses them, and never breaks.

Each target has less than a second; `DATELINE_FUZZ_SECONDS` says how many it has. Short runs try the same inputs every time and assert no
times. From 30 seconds on the inputs are new ones, and none may take longer than a second of processor time.
"""

import os
import random
import resource
import sys
import time
from collections.abc import Iterator
from heapq import nlargest
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.fuzz.targets import TARGETS, Target

SECONDS = float(os.environ.get("DATELINE_FUZZ_SECONDS", "0.7"))
LONG = SECONDS >= 30
LIMIT = 1.0
"""Seconds of processor time for one input."""
RETRIED = 5
"""Of the slowest inputs, those that are tried a second time."""
BATCH = 100
"""Inputs between two looks at the clock that end a run."""
MEMORY = 3 * 1024**3
"""Bytes of address space beside what there is: an input that would fill the machine is to fail here."""


class Run:
    """One target and its inputs until the time is up."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.tried = self.taken = 0
        self.has_failed = False
        self.slowest: list[tuple[float, int, object]] = []

    def go(self, seconds: float, first_seed: int) -> None:
        """Raises what the target raises and may not, for the smallest input that Hypothesis finds."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:

            @seed(first_seed)
            @settings(
                max_examples=BATCH,
                deadline=None,
                database=None,
                phases=[Phase.generate, Phase.shrink],
                suppress_health_check=list(HealthCheck),
            )
            @given(self.target.inputs)
            def batch(drawn: object) -> None:
                if time.monotonic() < end or self.has_failed:  # a failure is made smaller, however long that takes
                    self.give(drawn)

            batch()
            first_seed += 1

    def give(self, drawn: object) -> None:
        """One input, timed."""
        start = time.process_time()
        try:
            self.target.take(drawn)
        except self.target.refusals:
            pass
        except BaseException:
            self.has_failed = True
            raise
        else:
            self.taken += 1
        finally:
            self.tried += 1
            self.slowest = nlargest(RETRIED, [*self.slowest, (time.process_time() - start, self.tried, drawn)])

    def slow(self) -> tuple[float, object]:
        """The slowest input and its seconds, the quicker of two tries: the first may have met an import or a collection of garbage."""
        first, self.slowest = self.slowest, []
        for _, _, drawn in first:
            self.give(drawn)
        second = {number - self.tried + len(first): seconds for seconds, number, _ in self.slowest}
        return max(((min(seconds, second[n]), drawn) for n, (seconds, _, drawn) in enumerate(first, 1)), key=lambda pair: pair[0])


@pytest.fixture(scope="module", autouse=True)
def bounded() -> Iterator[None]:
    """No more address space than MEMORY beside what the process has; elsewhere than on Linux it cannot be told."""
    if sys.platform != "linux":
        yield
        return
    before = resource.getrlimit(resource.RLIMIT_AS)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(
        resource.RLIMIT_AS, (used + MEMORY if before[1] == resource.RLIM_INFINITY else min(used + MEMORY, before[1]), before[1])
    )
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


@pytest.mark.filterwarnings("ignore:Generating overly large repr")
@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name.replace(" ", "-"))
def test_a_parser_takes_or_refuses_whatever_comes(target: Target, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Damaged documents raise nothing but what the function says it raises, and most targets still take some of them."""
    run = Run(target)
    first = random.SystemRandom().randrange(1 << 32) if LONG else 1
    try:
        run.go(SECONDS, first)
    finally:
        tried, taken = run.tried, run.taken
        seconds, drawn = run.slow() if not run.has_failed else (0.0, None)
        with capsys.disabled():
            told = f"slowest {seconds:.3f} s" if not run.has_failed else "FAILED"
            print(f"\n{target.name}: {tried:,} inputs, {taken:,} not refused, {told}, first seed {first}", end="", flush=True)
    assert tried
    if LONG:
        kept = tmp_path / "slowest"
        kept.write_bytes(drawn if isinstance(drawn, bytes) else repr(drawn).encode("utf-8", "replace"))
        assert seconds <= LIMIT, f"an input took {seconds:.2f} s: {kept}"
