"""A first suite over someone's own archive: known-item questions from its headlines, so that it runs at once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from service.domain import Article
from service.errors import BadInput
from service.evaluation.cases import REFUSALS, digest
from service.evaluation.systems import ALL
from service.moments import iso
from service.sentences import sentence_spans

QUESTIONS = 8
SUITE = """\
# Your own suite. What to ask is in questions.jsonl, one question a line. `dateline eval suite.toml` runs it.
name = "{name}"
description = "Questions over my archive."
questions = ["questions.jsonl"]    # with `corpus = ["articles/"]`, these files are asked instead of your own archive

[thresholds]                       # the gate: exit code 1 below these; FalseRefusalRate is better when it is less, so there it is a ceiling
Status = 0.7
"R(sentences)@10" = 0.7
FalseRefusalRate = 0.2
"""


class Listing(Protocol):
    """What articles are listed from. The archive is one."""

    def articles(self, after: str | None, limit: int) -> list[Article]:
        """At most so many, by id."""
        ...


def start_suite(archive: Listing, folder: Path) -> Iterator[str]:
    """Write `suite.toml` and `questions.jsonl`; yields what to tell the user.

    Raises BadInput where one is there already, or the archive has no article to ask about.
    """
    suite, questions = folder / "suite.toml", folder / "questions.jsonl"
    for path in (suite, questions):
        if path.exists():
            raise BadInput(f"{path} is there already: name another folder")
    rows = [_row(article) for article in _chosen(archive)]
    if not rows:
        raise BadInput("the archive has no article with a headline to make a question of: ingest some first")
    refusals = [status.value for status in REFUSALS]
    rows.append({"id": "unanswerable-1", "question": "Who first walked on Neptune?", "statuses": refusals})
    folder.mkdir(parents=True, exist_ok=True)
    suite.write_text(SUITE.format(name=_name(folder)), encoding="utf-8")
    questions.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    yield f"{suite} and {questions} are written: {len(rows)} questions, made of headlines, to be replaced by yours."
    yield f"Run them: dateline eval {suite}"


def _chosen(archive: Listing) -> list[Article]:
    """Some articles with headlines, by the hash of their ids: the same ones each time, and not the newest alone."""
    titled = [article for article in archive.articles(None, ALL) if article.title and article.text.strip()]
    return sorted(titled, key=lambda article: digest(article.id))[:QUESTIONS]


def _row(article: Article) -> dict[str, Any]:
    """Known-item search: who knows the headline looks for the article; its first sentence is the gold one."""
    start, end = sentence_spans(article.text, article.language)[0]
    row: dict[str, Any] = {
        "id": f"headline-{digest(article.id)[:8]}",
        "question": f"What was reported under the headline “{article.title}”?",
        "statuses": ["answered", "partial", "conflicting"],
        "gold": [[article.text[start:end]]],
        "gold_articles": [article.id],
        "tags": ["known-item"],
    }
    return row | ({"asked_at": iso(article.published_at)} if article.published_at else {})


def _name(folder: Path) -> str:
    """The folder's name as a suite's: lower-case letters, digits and dashes."""
    kept = "".join(char if char.isascii() and char.isalnum() else "-" for char in folder.resolve().name.casefold()).strip("-")
    return kept[:64] or "my-eval"
