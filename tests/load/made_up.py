"""Made-up articles that no other is like, the same ones every time."""

import random

WORDS = "the council of Skell voted on a harbour dam after rain ferry minister said people homes river budget tram north bridge".split()


def made_up(number: int) -> dict[str, str]:
    """One of some three passages."""
    draw = random.Random(number)
    sentences = [" ".join(draw.choices(WORDS, k=18)).capitalize() + f" {draw.randrange(10**6)}." for _ in range(28)]
    made = {"id": f"made-up-{number}", "title": f"Report {number}", "source": "The Ledger", "published_at": "2026-03-04"}
    return made | {"text": " ".join(sentences)}
