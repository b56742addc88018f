"""Prompts: versioned TOML files in `prompts/`, filled through LangChain's chat prompt template.

Article text enters as data: what looks like a chat template's own tokens is broken up, so no article can speak in
another role.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from service.answering.dating import annotated
from service.domain import Evidence, Question, Turn
from service.errors import SettingsError
from service.ports import Prompt

if TYPE_CHECKING:
    from langchain_core.prompts import ChatPromptTemplate

ANSWER_PROMPT = "answer.v1"
ANSWERABLE_PROMPT = "answerable.v1"
EARLIER = 240
"""Characters of an earlier question and answer that a follow-up is shown."""
TITLE = 160
"""Characters of a headline; eight of 2,000 would overflow a small model."""
_ROLE_TOKENS = re.compile(
    r"<\s*\|[^<>]{0,64}?\|\s*>"
    r"|<\s*/?\s*(?:s|system|user|assistant|im_start|im_end)\s*>"
    r"|\[/?\s*INST\s*\]|<<\s*/?\s*SYS\s*>>",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class PromptTemplate:
    """One prompt file, ready to fill."""

    name: str
    template: ChatPromptTemplate
    max_tokens: int
    thresholds: Mapping[str, float] = field(default_factory=dict)
    """For a prompt that judges: the log-odds below which it says no, by model name, and `default`."""

    def fill(self, question: Question, evidence: Sequence[Evidence]) -> Prompt:
        """The prompt for this question over this evidence."""
        messages = self.template.format_messages(
            evidence=evidence_block(evidence),
            question=neutral(question.asked),
            earlier=earlier_block(question.earlier),
            today=f"{question.asked_at.day} {question.asked_at:%B %Y}",
        )
        return Prompt(str(messages[0].content), str(messages[1].content), self.max_tokens)


def load_prompt(folder: Path, name: str, needs: Iterable[str] = ("evidence", "question")) -> PromptTemplate:
    """Read `NAME.toml`, which must use the variables it `needs`. Raises SettingsError naming the file and what is wrong with it."""
    from langchain_core.prompts import ChatPromptTemplate

    path = folder / f"{name}.toml"
    try:
        raw = tomllib.loads(path.read_text("utf-8"))
        template = ChatPromptTemplate.from_messages([("system", raw["system"]), ("user", raw["user"])])
        missing = set(needs) - set(template.input_variables)
        if missing:
            raise SettingsError(f"prompt {path} does not use {{{'}, {'.join(sorted(missing))}}}")
        return PromptTemplate(name, template, int(raw["max_tokens"]), dict(raw.get("thresholds", {})))
    except (OSError, tomllib.TOMLDecodeError, KeyError, ValueError) as error:
        raise SettingsError(f"prompt {path} cannot be read: {error}") from error


def evidence_block(evidence: Sequence[Evidence]) -> str:
    """The numbered sentences, each article's under one line with outlet, date and headline."""
    blocks = []
    for _, group in groupby(evidence, key=lambda one: one.article.id):
        rows = list(group)
        article = rows[0].article
        day = f"{article.published_at.day} {article.published_at:%B %Y}" if article.published_at else "undated"
        head = ", ".join(filter(None, (article.source, day)))
        title = f": {article.title[:TITLE]}" if article.title else ""
        blocks.append("\n".join([neutral(f"{head}{title}"), *(f"[{row.number}] {neutral(annotated(row))}" for row in rows)]))
    return "\n".join(blocks)


def earlier_block(turn: Turn | None) -> str:
    """The exchange a follow-up leans on, in two lines, or nothing."""
    if turn is None:
        return ""
    return f"\nEarlier question: {neutral(turn.question)[:EARLIER]}\nEarlier answer: {neutral(turn.answer)[:EARLIER]}"


def neutral(text: str) -> str:
    """The text on one line, with tokens of chat templates broken so that none keeps its meaning."""
    return " ".join(_ROLE_TOKENS.sub(lambda match: " ".join(match.group()), text).split())
