"""The parts of a question that asks about several things at once, so that each of them can be found."""

from __future__ import annotations

import re

from service.words import search_terms

MOST = 6
"""A question of more parts is a list, and is searched for as a whole."""
MIN_TERMS = 3
"""Words worth searching for, below which a part says too little to stand alone and goes with its neighbour."""
_BREAKS = re.compile(
    r"""[,;]\s+(?:(?:and|while|whereas|but|or)\s+)?          # "…, and …"
      | \s+(?=(?:while|whereas|unlike|(?:compared|in\ contrast|as\ opposed|similar)\ (?:with|to))\b)
      | \s+and\s+(?=(?:an?|the|is|was|are|were|has|have|had|does|did|also|on|in|by|for|who|whose|which|that)\b)""",
    re.IGNORECASE | re.VERBOSE,
)

_ASKS = re.compile(
    r",?\s+and\s+(?=(?:(?:on|in|at|for|by|to|from|with|of)\s+)?(?:how|what|which|who|whom|whose|when|where|why)\b)"
    r"|\?\s+(?=\w)",
    re.IGNORECASE,
)


def things_asked(question: str) -> tuple[str, ...]:
    """The questions that one question puts ("Who won, and by how much?"), in order, at most `MOST`; empty where it puts one.

    The second may lean on the first, so each is to be read together with the whole.
    """
    parts = [part.strip(" ,;") for part in _ASKS.split(question) if part.strip(" ,;?")]
    return tuple(parts) if 1 < len(parts) <= MOST else ()


def clauses(question: str) -> tuple[str, ...]:
    """The parts, in order; empty where the question is about one thing."""
    parts: list[str] = []
    for part in filter(None, _BREAKS.split(question)):
        if parts and (len(search_terms(part)) < MIN_TERMS or len(search_terms(parts[-1])) < MIN_TERMS):
            parts[-1] = f"{parts[-1]}, {part}"
        else:
            parts.append(part)
    return tuple(parts) if 1 < len(parts) <= MOST else ()
