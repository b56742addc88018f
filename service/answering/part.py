"""The parts of the question road that can be switched off, one at a time, to measure what each of them buys."""

from __future__ import annotations

from enum import StrEnum


class Part(StrEnum):
    """Named as in `dateline eval --beside no-PART`."""

    GROUNDING = "grounding"
    """The check of drafted sentences: without it each is shown, resting on the evidence nearest to it."""
    STATUS = "status"
    """Refusing and saying that an answer is partial: without it whatever was written is an answer."""
    TIME = "time"
    """Newer reports first, windows and dates in the answer: without it all news is of one day."""
    VOTES = "votes"
    """One vote a story, and disagreement between stories: without it each article speaks for itself and none contradicts another."""
