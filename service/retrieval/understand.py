"""From the words of a question to what is searched for: standalone question, scope, window, wish for the newest state."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from service.domain import Bylines, Question, Scope, Turn
from service.errors import BadQuestion
from service.retrieval.ambiguity import quotations, unquoted
from service.retrieval.bylines import find_bylines
from service.retrieval.clauses import clauses
from service.retrieval.window import combined, find_as_of, find_windows
from service.words import names

NOBODY = Bylines()
MAX_QUESTION = 2_000
MAX_OWN_NAMES = 2
"""A question that names more than this stands alone, whatever pronouns it holds."""
_LATEST = re.compile(
    r"\b(?:latest|newest|most recent(?:ly)?|currently|current|right now|now|nowadays|these days|at the moment|at present|so far|to date"
    r"|up to date|recently|lately|of late|in recent (?:days|weeks|months)|(?:past|last) (?:few|several) (?:days|weeks)"
    r"|(?:few|several) days ago)\b",
    re.IGNORECASE,
)
_LEANS_BACK = re.compile(
    r"^(?:and|but|so|why|how come|what about|how about|when was that|where was that|who was that|then)\b"
    r"|\b(?:it|its|they|them|their|he|she|his|her|him|that|those|these|this|there|then|one|ones|same)\b",
    re.IGNORECASE,
)


def understand(
    asked: str,
    asked_at: datetime,
    scope: Scope,
    *,
    infer_window: bool = True,
    history: tuple[Turn, ...] = (),
    known: Bylines = NOBODY,
) -> Question:
    """The question as understood at `asked_at`, in an archive with these outlets and authors.

    `asked_at` is aware and in the asker's zone: that decides what "yesterday" is. Everything in the question is UTC. Without
    `infer_window` its windows are told, and have no effect. Raises BadQuestion where there is nothing to ask.
    """
    text = _checked(asked)
    if scope.published_from and scope.published_to and scope.published_from >= scope.published_to:
        raise BadQuestion("the filter's window ends before it begins: published_from must be earlier than published_to")
    earlier = history[-1] if history and _leans_back(text) else None
    standalone = f"{text} (about: {earlier.question})" if earlier else text
    as_of, said, named = find_as_of(text, asked_at), unquoted(text), find_bylines(text, known)
    windows = sorted([*find_windows(text, asked_at), *([as_of] if as_of else [])], key=lambda window: window.span or ())
    windows = [replace(window, applied=infer_window) for window in windows]
    if infer_window and as_of and as_of.end:
        # "As of" is a cut the reader asked for: nothing published later than that is used.
        scope = replace(scope, visible_at=min(scope.visible_at, as_of.end - timedelta(microseconds=1)))
    return Question(
        asked,
        standalone,
        asked_at.astimezone(UTC),
        scope,
        window=combined(windows),
        wants_latest=bool(_LATEST.search(said) or (infer_window and as_of)),
        earlier=earlier,
        windows=tuple(windows),
        outlets=named.sources,
        authors=named.authors,
        quoted=tuple(phrase for phrase in quoted(text) if phrase.casefold() not in {name.casefold() for name in named.sources}),
        clauses=clauses(text),
    )


def quoted(text: str) -> tuple[str, ...]:
    """What stands in quotation marks, two words or more: an apostrophe opens nothing."""
    found = (phrase.strip(" .,;:!?") for phrase in quotations(text))
    return tuple(dict.fromkeys(phrase for phrase in found if len(phrase.split()) >= 2))


def _checked(asked: str) -> str:
    text = " ".join("".join(c if c.isprintable() or c.isspace() else " " for c in asked).split())
    if not text:
        raise BadQuestion("the question is empty")
    if len(asked) > MAX_QUESTION:
        raise BadQuestion(f"the question has {len(asked):,} characters; the limit is {MAX_QUESTION:,}")
    return text


def _leans_back(text: str) -> bool:
    """True where the question opens with a connective or holds a pronoun, and names little of its own."""
    return bool(_LEANS_BACK.search(text)) and len(names(text)) <= MAX_OWN_NAMES
