"""A follow-up that rules cannot resolve, rewritten by the model into a question that stands alone; kept only where it is sound."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from contextlib import aclosing
from datetime import datetime

from service.answering.neutral import neutral
from service.answering.prompting import EARLIER, PromptTemplate
from service.domain import Turn
from service.errors import ModelError
from service.ports import Generator, Prompt
from service.retrieval.rewriting import ABOUT, Rewrite, about, is_faithful, rewrite
from service.words import names

logger = logging.getLogger(__name__)
STANDALONE_PROMPT = "standalone.v1"
SHOWN = 2
"""Exchanges that the model sees: the last one and the one before, for what "it" was there."""
_QUESTION_WORD = re.compile(r"\b(?:who|whom|whose|what|which|when|where|why|how)\b", re.IGNORECASE)
LONGEST = 300
"""Characters of a rewriting; a longer one is no question."""


class Rewriter:
    """Asks a language model what a follow-up means, in at most `prompt.max_tokens` tokens."""

    def __init__(self, generator: Generator, prompt: PromptTemplate) -> None:
        self._generator = generator
        self._prompt = prompt

    async def standalone(self, question: str, history: Sequence[Turn], asked_at: datetime) -> str | None:
        """The question as it stands alone, or None where rules resolve it, or the model is down or has nothing sound to say.

        Sound is one question that keeps the follow-up's words and adds only words that were said before; where it lacks a name of what it
        is about, that stays beside it. `history` is oldest first.
        """
        found = rewrite(question, tuple(history), asked_at)
        if found.resolved:
            return None
        try:
            said = await self._said(self._fill(question, found, history))
        except ModelError as error:
            logger.warning("a follow-up is not rewritten: %s", error.in_short)
            return None
        before = " ".join(f"{turn.statement} {turn.question} {turn.answer[:EARLIER]}" for turn in history[-SHOWN:])
        line = sound(said, question, f"{before} {found.standalone}")
        topic = ABOUT.match(found.standalone)
        # A small model drops names: "Where did they go?" of those who left Harsk became "Where did the people go?".
        return about(line, topic["topic"]) if line and topic and not names(topic["topic"]) <= names(line) else line

    async def _said(self, prompt: Prompt) -> str:
        text = ""
        async with aclosing(self._generator.stream(prompt)) as pieces:
            async for piece in pieces:
                text += piece.text
                if "\n" in text.strip() or len(text) > LONGEST:
                    break
        return text

    def _fill(self, question: str, found: Rewrite, history: Sequence[Turn]) -> Prompt:
        """Earlier turns are data, as articles are: tokens of chat templates are broken, and a long answer is cut."""
        lines = [f"Question: {neutral(turn.statement)[:EARLIER]}\nAnswer: {neutral(turn.answer)[:EARLIER]}" for turn in history[-SHOWN:]]
        messages = self._prompt.template.format_messages(earlier="\n".join(lines), question=neutral(question))
        return Prompt(str(messages[0].content), str(messages[1].content), self._prompt.max_tokens)


def sound(said: str, question: str, before: str) -> str | None:
    """The first line of what a model said, where it is one question made of the follow-up's and earlier words alone."""
    line = " ".join(said.strip().partition("\n")[0].strip("\"'“”` ").split())
    if not line.endswith("?") or line.count("?") != 1 or len(line) > LONGEST:
        return None
    asked, kept = ({word.casefold() for word in _QUESTION_WORD.findall(text)} for text in (question, line))
    return line if asked <= kept and is_faithful(line, question, before) else None
