"""Prompts: versioned TOML files in `prompts/`, filled through LangChain's chat prompt template.

Article text enters as data (`neutral`), and a headline that gives orders does not enter.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from service.answering.dating import annotated
from service.answering.neutral import neutral
from service.domain import Article, Evidence, Question, Turn
from service.errors import SettingsError
from service.ports import Prompt
from service.retrieval.instructions import Kind, addressed

if TYPE_CHECKING:
    from langchain_core.prompts import ChatPromptTemplate

ANSWER_PROMPT = "answer.v2"
HOSTED_PROMPT = "answer-hosted.v1"
ANSWERABLE_PROMPT = "answerable.v1"
VERIFIED_PROMPT = "verified.v1"
EARLIER = 240
"""Characters of an earlier question and answer that a follow-up is shown."""
ANSWER = 400
"""Characters of a drafted answer that the model is asked about."""
TITLE = 160
"""Characters of a headline; eight of 2,000 would overflow a small model."""
SOURCE = 80
"""Characters of an outlet's name."""


@dataclass(frozen=True, slots=True)
class PromptTemplate:
    """One prompt file, ready to fill."""

    name: str
    template: ChatPromptTemplate
    max_tokens: int
    calibrations: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """For a prompt that judges sentences: the fields of `judge.Calibration`, by model name, `nli` and `default`."""

    @property
    def takes_parts(self) -> bool:
        """True where a question that asks several things is to be put one by one."""
        return "part" in self.template.input_variables

    def fill(self, question: Question, evidence: Sequence[Evidence], *, part: str = "", answer: str = "") -> Prompt:
        """The prompt for this question over this evidence; for one `part` of the question, or about an `answer` to it."""
        messages = self.template.format_messages(
            evidence=evidence_block(evidence),
            question=neutral(question.asked),
            part=f"\nAnswer only this part of it: {neutral(part)}" if part else "",
            answer=neutral(answer)[:ANSWER],
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
        return PromptTemplate(name, template, int(raw["max_tokens"]), dict(raw.get("calibrations", {})))
    except (OSError, tomllib.TOMLDecodeError, KeyError, ValueError) as error:
        raise SettingsError(f"prompt {path} cannot be read: {error}") from error


def evidence_block(evidence: Sequence[Evidence]) -> str:
    """The numbered sentences, each article's under one line with outlet, date and headline."""
    blocks = []
    for _, group in groupby(evidence, key=lambda one: one.article.id):
        rows = list(group)
        blocks.append("\n".join([_head(rows[0].article), *(f"[{row.number}] {neutral(annotated(row))}" for row in rows)]))
    return "\n".join(blocks)


def _head(article: Article) -> str:
    """Outlet, date and headline on one line; a name or headline that gives orders is left out, one that asks is a headline like others."""
    given = ((article.source or "")[:SOURCE], article.title[:TITLE])
    source, title = (neutral(text) if addressed(text) in {None, Kind.QUESTION} else "" for text in given)
    day = f"{article.published_at.day} {article.published_at:%B %Y}" if article.published_at else "undated"
    return ": ".join(filter(None, (", ".join(filter(None, (source, day))), title)))


def earlier_block(turn: Turn | None) -> str:
    """The exchange a follow-up leans on, in two lines, or nothing."""
    if turn is None:
        return ""
    return f"\nEarlier question: {neutral(turn.question)[:EARLIER]}\nEarlier answer: {neutral(turn.answer)[:EARLIER]}"


def answer_prompt_for(model: str, *, url: str | None = None) -> str:
    """The name of the prompt that a model gets, by the model's name and the address of its server, if it is one's own.

    A large hosted model is told more, asked to cite, and offered a way to refuse, which it does not take without need; a model on one's own
    machine gets the short prompt that the small default was measured with.
    """
    provider, _, name = model.partition(":")
    return HOSTED_PROMPT if name and provider != "ollama" and not url else ANSWER_PROMPT
