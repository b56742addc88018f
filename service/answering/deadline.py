"""How long a model may take for one answer, all calls together."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

from service.errors import ModelUnavailable


class Deadline:
    """A moment from its making on. An async context manager, one at a time and again and again: what is inside is cancelled at that moment.

    Leaving it then raises ModelUnavailable.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._moment = asyncio.get_running_loop().time() + seconds
        self._timeout: asyncio.Timeout | None = None

    async def __aenter__(self) -> Self:
        self._timeout = asyncio.timeout_at(self._moment)
        await self._timeout.__aenter__()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        assert self._timeout is not None
        try:
            await self._timeout.__aexit__(kind, error, trace)
        except TimeoutError as late:
            raise ModelUnavailable(f"the model took longer than {self._seconds:g} seconds for one answer (DATELINE_ASK_SECONDS)") from late
