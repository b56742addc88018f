"""The parts of the question road that can be switched off, one at a time, to measure what each of them buys."""

from __future__ import annotations

from enum import StrEnum


class Part(StrEnum):
    """Named as in `dateline eval --beside no-PART`."""

    GROUNDING = "grounding"
    """The check of drafted sentences: without it each is shown, resting on the evidence that says most of it."""
    STATUS = "status"
    """Refusing and saying that an answer is partial or disputed: without it whatever was written is an answer."""
    TIME = "time"
    """Newer reports first, and earlier figures named: without it all news is of one day. Dates behind relative words stay."""
    VOTES = "votes"
    """Disagreement between stories, and room for another voice: without it none contradicts another. Reprints stay one story."""
