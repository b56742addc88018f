"""The JSON of an article with all that the archive knows around it: its versions, its notices, the reports of its story."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from service.domain import Article, Notice, Version
from service.moments import iso
from service.storage.archive import SqliteArchive
from service.wire import article_out


def whole_article_out(archive: SqliteArchive, article_id: str, version: int | None = None) -> dict[str, Any]:
    """The article in that version, by default its newest. Raises NotFound."""
    article = archive.version(article_id, version)
    versions = archive.versions(article_id)
    state = next((one.state.value for one in versions if one.number == article.version), None)
    about = archive.notices_about([article_id])
    return {
        **article_out(article),
        "state": state,
        "searched_by": "meaning and words" if archive.is_embedded(article_id) else "words" if state == "current" else None,
        "versions": [_version_out(one) for one in versions],
        "corrected_by": [notice_out(one) for one in about],
        "corrects": [notice_out(one) for one in archive.notices_of(article_id)],
        "story": [article_out(one, whole=False) for one in archive.story_of(article_id)],
    }


def story_out(story: Sequence[Article]) -> dict[str, Any]:
    """A story: its articles, the first to print it first."""
    return {"story": [article_out(article, whole=False) for article in story]}


def notice_out(notice: Notice) -> dict[str, Any]:
    """A correction or retraction: who carries it, what it says, and which article it is about."""
    return {
        "kind": notice.kind.value,
        "article_id": notice.article_id,
        "said": notice.said,
        "about": notice.corrects,
        "published_at": iso(notice.published_at),
    }


def _version_out(version: Version) -> dict[str, Any]:
    return {
        "version": version.number,
        "state": version.state.value,
        "ingested_at": iso(version.ingested_at),
        "ended_at": iso(version.ended_at),
    }
