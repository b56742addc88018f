"""Asking and searching while articles come in."""

from __future__ import annotations

import asyncio
import random
import time

from tests.load.askers import QUESTIONS, Pings, ask, percentile, session
from tests.load.made_up import made_up

ASKERS = 64
AT_ONCE = 250
"""Articles a request."""


async def while_taking_in(url: str, articles: int) -> dict[str, float]:
    """Seconds of the slowest in a hundred pings and in twenty searches, and counts; 64 ask without a model, twice a second each at most."""
    rows = [made_up(number) for number in range(articles)]
    done = asyncio.Event()
    searches: list[float] = []
    asked = 0

    async with session() as client, Pings(url) as pings:
        before = (await (await client.get(f"{url}/v1/coverage")).json())["passages"]

        async def asker(number: int) -> None:
            nonlocal asked
            while not done.is_set():
                outcome = await ask(client, url, QUESTIONS[number % len(QUESTIONS)], mode="extractive")
                asked += outcome.status == 200
                await asyncio.sleep(0.5)

        async def searcher() -> None:
            while not done.is_set():
                began = time.monotonic()
                async with client.post(f"{url}/v1/search", json={"question": random.choice(QUESTIONS), "top_k": 8}) as response:
                    await response.read()
                    assert response.status == 200
                searches.append(time.monotonic() - began)
                await asyncio.sleep(0.1)

        readers = [asyncio.create_task(one) for one in (*map(asker, range(ASKERS)), searcher())]
        for first in range(0, len(rows), AT_ONCE):
            async with client.post(f"{url}/v1/articles", json=rows[first : first + AT_ONCE]) as response:
                assert (await response.json())["counts"] == {"added": len(rows[first : first + AT_ONCE])}
        done.set()
        await asyncio.gather(*readers)
        after = (await (await client.get(f"{url}/v1/coverage")).json())["passages"]
        pinged = list(pings.seconds)
    return {
        "passages": after - before,
        "asked": asked,
        "searches": len(searches),
        "loop lag p99": round(percentile(pinged, 99), 3),
        "search p95": round(percentile(searches, 95), 3),
    }
