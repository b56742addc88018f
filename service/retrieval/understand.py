"""From the words of a question to what is searched for: standalone question, scope, window, wish for the newest state."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from service.domain import Bylines, Question, Scope, Turn, Window
from service.errors import BadQuestion
from service.retrieval.ambiguity import quotations, unquoted
from service.retrieval.bylines import find_bylines
from service.retrieval.clauses import clauses
from service.retrieval.rewriting import ABOUT, rewrite
from service.retrieval.window import combined, find_as_of, find_windows

NOBODY = Bylines()
MAX_QUESTION = 2_000
_AS_OF = ("as of", "as at")
_LATEST = re.compile(
    r"\b(?:latest|newest|most recent(?:ly)?|currently|current|right now|now|nowadays|these days|at the moment|at present|so far|to date"
    r"|up to date|recently|lately|of late|in recent (?:days|weeks|months)|(?:past|last) (?:few|several) (?:days|weeks)"
    r"|(?:few|several) days ago)\b",
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
    standalone: str | None = None,
) -> Question:
    """The question as understood at `asked_at`, in an archive with these outlets and authors.

    `asked_at` is aware and in the asker's zone: that decides what "yesterday" is. Everything in the question is UTC. Without
    `infer_window` its windows are told, and have no effect. `history` is oldest first; a follow-up that rules cannot resolve takes
    `standalone`, where someone else has rewritten it. Raises BadQuestion where there is nothing to ask.
    """
    text = _checked(asked)
    if scope.published_from and scope.published_to and scope.published_from >= scope.published_to:
        raise BadQuestion("the filter's window ends before it begins: published_from must be earlier than published_to")
    follow_up = rewrite(text, history, asked_at, known.sources)
    standalone = standalone if standalone and not follow_up.resolved else follow_up.standalone
    said, named = unquoted(standalone), find_bylines(standalone, known)
    windows = _windows(text, standalone, asked_at, follow_up.earlier)
    as_of = next((window for window in windows if window.phrase.lower().startswith(_AS_OF)), None)
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
        earlier=follow_up.earlier,
        windows=tuple(windows),
        outlets=named.sources,
        authors=named.authors,
        quoted=tuple(phrase for phrase in quoted(standalone) if phrase.casefold() not in {name.casefold() for name in named.sources}),
        clauses=clauses(text if follow_up.earlier else standalone),
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


def _windows(asked: str, standalone: str, asked_at: datetime, earlier: Turn | None) -> list[Window]:
    """Those of the question proper; where it has none, those of the topic beside it. What was said earlier means what it meant then."""
    topic = ABOUT.match(standalone)
    read = _found(standalone[: topic.end("core")] if topic else standalone, asked_at) or _found(standalone, asked_at)
    if earlier is None or earlier.asked_at is None:
        return read
    then = {window.span: window for window in _found(standalone, earlier.asked_at.astimezone(asked_at.tzinfo))}
    return [window if window.phrase.casefold() in asked.casefold() else then.get(window.span, window) for window in read]


def _found(text: str, asked_at: datetime) -> list[Window]:
    as_of = find_as_of(text, asked_at)
    return sorted([*find_windows(text, asked_at), *([as_of] if as_of else [])], key=lambda window: window.span or ())
