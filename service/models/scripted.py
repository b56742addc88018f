"""A generator that says what it is told to, for tests and demonstrations. It passes the same contract as the real one."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence

from service.domain import Usage
from service.errors import ModelUnavailable
from service.ports import Piece, Prompt

Script = Sequence[str | Exception] | Callable[[Prompt], str] | Exception


class ScriptedGenerator:
    """Answers with the texts of a list in turn (the last one again and again), with a function of the prompt, or with an exception.

    A text comes in pieces of one word; with `breaks_after` it stops after so many of them, as a model that crashes does.
    `prompts` holds what was asked, `closed` counts streams that were left before their end.
    """

    def __init__(
        self, script: Script, *, name: str = "scripted", logprobs: dict[str, float] | None = None, breaks_after: int | None = None
    ) -> None:
        self._script = script
        self._name = name
        self._logprobs = logprobs or {}
        self._breaks_after = breaks_after
        self.prompts: list[Prompt] = []
        self.closed = 0

    @property
    def name(self) -> str:
        """`scripted`, unless told otherwise."""
        return self._name

    def says(self, said: str | Exception) -> None:
        """From now on, say this."""
        self._script = [said]

    async def stream(self, prompt: Prompt) -> AsyncGenerator[Piece, None]:
        """The scripted text word by word, at most `prompt.max_tokens` words, then the usage. Raises what the script says."""
        self.prompts.append(prompt)
        text = self._next(prompt)
        said = text.split(" ")
        words = said[: prompt.max_tokens]
        finished = False
        try:
            for number, word in enumerate(words):
                if number == self._breaks_after:
                    raise ModelUnavailable(f"{self._name} stopped in the middle")
                yield Piece(word if number == 0 else f" {word}")
            yield Piece("", Usage(len(f"{prompt.system} {prompt.user}".split()), len(words)), cut_off=len(words) < len(said))
            finished = True
        finally:
            self.closed += not finished

    async def first_token_logprobs(self, prompt: Prompt) -> dict[str, float]:
        """The log-probabilities it was given."""
        self.prompts.append(prompt)
        return dict(self._logprobs)

    def _next(self, prompt: Prompt) -> str:
        if isinstance(self._script, Exception):
            raise self._script
        if callable(self._script):
            return self._script(prompt)
        said = self._script[min(len(self.prompts), len(self._script)) - 1]
        if isinstance(said, Exception):
            raise said
        return said
