"""Why each candidate was used or not, for whoever asks with `debug`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from service.domain import Evidence, Hit


@dataclass(frozen=True, slots=True)
class Explained:
    """A candidate with its place, from 1, and what became of it."""

    rank: int
    hit: Hit
    used: bool
    why: str


def explain(found: Sequence[Hit], read: int, evidence: Sequence[Evidence] | None = None) -> list[Explained]:
    """Every candidate, best first: the first `read` are used, and where evidence was chosen from them, those that it was chosen from."""
    numbers: dict[str, list[int]] = defaultdict(list)
    for one in evidence or ():
        numbers[one.passage.id].append(one.number)
    return [Explained(rank, hit, *_fate(hit, rank, read, numbers, chosen=evidence is not None)) for rank, hit in enumerate(found, 1)]


def _fate(hit: Hit, rank: int, read: int, numbers: dict[str, list[int]], *, chosen: bool) -> tuple[bool, str]:
    if rank > read:
        return False, f"below the first {read}"
    if not chosen:
        return True, f"among the first {read}"
    mine = numbers.get(hit.passage.id, [])
    if mine:
        return True, f"gave evidence {', '.join(map(str, mine))}"
    return False, "read, but others had better sentences"
