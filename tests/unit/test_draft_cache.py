"""What a model wrote before for the same prompt."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from service.errors import ModelUnavailable
from service.models.draft_cache import DraftCache
from service.models.scripted import ScriptedGenerator
from service.ports import Generator, Piece, Prompt

pytestmark = pytest.mark.anyio
PROMPT = Prompt("You answer.", "How many left?", 32)


class Dying:
    """Implements `ports.Generator`: one piece, and then it is gone."""

    name = "dying"

    async def stream(self, prompt: Prompt) -> AsyncGenerator[Piece]:
        """Raises ModelUnavailable."""
        yield Piece(prompt.user[:3])
        raise ModelUnavailable("it died")

    async def first_token_logprobs(self, prompt: Prompt) -> dict[str, float]:
        """Raises ModelUnavailable."""
        raise ModelUnavailable(f"it died of {prompt.user}")


async def drafted(generator: Generator, prompt: Prompt = PROMPT) -> list[Piece]:
    """Everything that it writes."""
    return [piece async for piece in generator.stream(prompt)]


async def test_the_same_prompt_is_written_to_once(tmp_path: Path) -> None:
    """In a later run the same pieces come, with their usage, though the model behind it would now write something else."""
    with DraftCache(ScriptedGenerator(["Some 3,400."], logprobs={"Yes": -0.1}), tmp_path / "d") as cache:
        first, odds = await drafted(cache), await cache.first_token_logprobs(PROMPT)
    with DraftCache(ScriptedGenerator(["None."], logprobs={"No": -0.1}), tmp_path / "d") as cache:
        assert await drafted(cache) == first
        assert await cache.first_token_logprobs(PROMPT) == odds == {"Yes": -0.1}
        assert "".join(piece.text for piece in await drafted(cache, Prompt("You answer.", "How many left?", 33))) == "None."


async def test_a_draft_that_was_cut_short_is_not_kept(tmp_path: Path) -> None:
    """Neither where the model died, nor where the reader had enough: the next run must not take half of it for the whole."""
    with DraftCache(Dying(), tmp_path / "d") as cache:
        with pytest.raises(ModelUnavailable):
            await drafted(cache)
        with pytest.raises(ModelUnavailable):
            await drafted(cache)
        with pytest.raises(ModelUnavailable):
            await cache.first_token_logprobs(PROMPT)
