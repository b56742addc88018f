"""Ids that are used more than once in one run of ingest."""

from __future__ import annotations

from service.articles.items import Loaded
from service.domain import Outcome
from service.indexing.report import ItemReport


class Repeats:
    """Remembers where each id of a run came first, and with what."""

    def __init__(self) -> None:
        self._first: dict[str, tuple[str, str]] = {}
        """By id: place and content hash."""

    def __contains__(self, article_id: object) -> bool:
        return article_id in self._first

    def digest(self, article_id: str) -> str:
        """The content hash that came first with an id of this run."""
        return self._first[article_id][1]

    def row(self, loaded: Loaded) -> ItemReport | None:
        """What becomes of an article whose id came before in this run: unchanged, or rejected with another text. None for a new id."""
        article, digest = loaded.article, loaded.article.content_hash
        if article.id not in self._first:
            self._first[article.id] = loaded.place, digest
            return None
        place, first = self._first[article.id]
        outcome = Outcome.UNCHANGED if first == digest else Outcome.REJECTED
        reason = None if first == digest else f"id {article.id!r} was already used with another text at {place}"
        return ItemReport(loaded.place, outcome, article.id, reason, loaded.warnings, article.origin)
