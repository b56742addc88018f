"""Many askers at once, on loopback, bounded in number and time: each asks once a round and keeps what became of it."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import numpy as np

QUESTIONS = (
    "Why did the ferry Petrel run aground?",
    "What is the central bank's base rate now?",
    "How many people were moved out of the valley below the Halvern Dam?",
    "How many homes in Skell did the earthquake destroy or leave beyond repair?",
    "Who won the cup final?",
)
LONGEST = 300.0
"""Seconds that any request gets."""


@dataclass(slots=True)
class Outcome:
    """What became of one question: times in seconds from when its head was sent, so that a crowd of clients on one core does not count."""

    status: int
    retry_after: str | None = None
    refused: float | None = None
    first_sentence: float | None = None
    ended: float | None = None
    events: Counter[str] = field(default_factory=Counter)
    generator: str | None = None
    fallback: str | None = None
    problem: dict[str, Any] | None = None

    @property
    def terminals(self) -> int:
        """How many events ended it; one is right."""
        return self.events["final"] + self.events["error"]


async def ask(session: aiohttp.ClientSession, url: str, question: str, **body: Any) -> Outcome:
    """Ask once, streamed, and read to the end."""
    sent: list[float] = []
    asked = session.post(f"{url}/v1/ask", json={"question": question, "stream": True, **body}, trace_request_ctx=sent)
    async with asked as response:
        began = sent[0]
        outcome = Outcome(response.status, response.headers.get("Retry-After"))
        if response.status != 200:
            await response.read()
            outcome.refused = time.monotonic() - began
            return outcome
        name = ""
        async for raw in response.content:
            line = raw.decode().rstrip("\r\n")
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            elif line.startswith("data: "):
                outcome.events[name] += 1
                if name == "sentence" and outcome.first_sentence is None:
                    outcome.first_sentence = time.monotonic() - began
                if name == "final":
                    made = json.loads(line.removeprefix("data: "))["generator"]
                    outcome.generator, outcome.fallback = made["kind"], made["fallback"]
                elif name == "error":
                    outcome.problem = json.loads(line.removeprefix("data: "))
        outcome.ended = time.monotonic() - began
        return outcome


def session(key: str | None = None) -> aiohttp.ClientSession:
    """As many connections as are wanted, each used once."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    connector, trace = aiohttp.TCPConnector(limit=0, force_close=True), aiohttp.TraceConfig()
    trace.on_request_headers_sent.append(_note)
    timeout = aiohttp.ClientTimeout(total=LONGEST)
    return aiohttp.ClientSession(connector=connector, headers=headers, timeout=timeout, trace_configs=[trace])


async def _note(session: aiohttp.ClientSession, context: Any, sent: aiohttp.TraceRequestHeadersSentParams) -> None:
    if context.trace_request_ctx is not None:
        context.trace_request_ctx.append(time.monotonic())


async def crowd(url: str, askers: int, rounds: int = 1, key: str | None = None) -> list[Outcome]:
    """So many ask at the same moment, and each again when it was answered or refused, so many rounds."""
    async with session(key) as client:

        async def one(number: int) -> list[Outcome]:
            return [await ask(client, url, QUESTIONS[(number + turn) % len(QUESTIONS)]) for turn in range(rounds)]

        return [outcome for outcomes in await asyncio.gather(*map(one, range(askers))) for outcome in outcomes]


class Pings:
    """Asks `/healthz` twenty times a second, and keeps how long it took: an upper bound of what holds up the service's event loop."""

    def __init__(self, url: str, every: float = 0.05) -> None:
        self.seconds: list[float] = []
        self._url = url
        self._every = every
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Pings:
        self._client = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=LONGEST))
        self._task = asyncio.create_task(self._ping())
        return self

    async def __aexit__(self, *error: object) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.wait({self._task})
        await self._client.close()

    async def _ping(self) -> None:
        while True:
            began = time.monotonic()
            async with self._client.get(f"{self._url}/healthz") as response:
                await response.read()
            self.seconds.append(time.monotonic() - began)
            await asyncio.sleep(self._every)


def percentile(values: Sequence[float | None], share: float) -> float:
    """In the unit of the values, those that are None left out; NaN of none."""
    known = [value for value in values if value is not None]
    return float(np.percentile(known, share)) if known else float("nan")
