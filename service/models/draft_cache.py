"""What a model wrote before for the same prompt, so that work that is repeated over the same prompts does not wait for it again.

For the eval (`--replay`): a changed check or status is measured in minutes over drafts that are there. Times are then not the model's.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from service.domain import Usage
from service.models.cache_file import CacheFile
from service.ports import Generator, Piece, Prompt


class DraftCache:
    """Implements `ports.Generator` over another one, with a file of its whole drafts by SHA-256 of model and prompt.

    A draft that was cut short, because the reader had enough or the model died, is not kept. A file that cannot be read or written
    is done without.
    """

    def __init__(self, generator: Generator, path: Path) -> None:
        self._generator = generator
        self._file = CacheFile(path)

    @property
    def name(self) -> str:
        """That of the generator behind it."""
        return self._generator.name

    @property
    def server(self) -> Any:
        """The local process behind it, if there is one."""
        return getattr(self._generator, "server", None)

    async def stream(self, prompt: Prompt) -> AsyncGenerator[Piece, None]:
        """The pieces as they came, or come. Raises ModelUnavailable."""
        key = self._key("stream", prompt)
        kept = self._file.get([key]).get(key)
        if kept is not None:
            for text, usage in json.loads(kept):
                yield Piece(text, Usage(*usage) if usage else None)
            return
        pieces: list[tuple[str, tuple[int | None, int | None] | None]] = []
        async with aclosing(self._generator.stream(prompt)) as stream:
            async for piece in stream:
                pieces.append((piece.text, (piece.usage.prompt_tokens, piece.usage.completion_tokens) if piece.usage else None))
                yield piece
        self._file.put({key: json.dumps(pieces).encode()})

    async def first_token_logprobs(self, prompt: Prompt) -> dict[str, float]:
        """As they were, or are. Raises ModelUnavailable."""
        key = self._key("first", prompt)
        kept = self._file.get([key]).get(key)
        if kept is None:
            found = await self._generator.first_token_logprobs(prompt)
            self._file.put({key: json.dumps(found).encode()})
            return found
        return {str(token): float(value) for token, value in json.loads(kept).items()}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._file.close()

    def _key(self, what: str, prompt: Prompt) -> bytes:
        said = json.dumps([what, self._generator.name, prompt.system, prompt.user, prompt.max_tokens])
        return hashlib.sha256(said.encode("utf-8", "surrogatepass")).digest()
