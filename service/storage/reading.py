"""What can be read from the archive: articles, passages, vectors, full text. Only visible versions are seen unless it says otherwise."""

# ruff: noqa: S608 - statements are put together from constants of this package; every value is a parameter
from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime

import numpy as np

from service.domain import Article, Bylines, Coverage, Hit, Notice, Passage, Reprint, Scope, Version
from service.errors import ArchiveDamaged, NotFound
from service.ports import Vectors
from service.storage import notices, removed, stories, versions
from service.storage.file import ArchiveFile
from service.storage.rows import article_from, from_micros, storable, visible

_BM25 = "bm25(2.0, 1.0)"
"""The headline's words weigh twice those of the body; not tuned yet."""
_EMBEDDED = "length(p.vector) > 0"
"""SQLite reads a blob's length without the blob."""
_THESE = "FROM json_each(?) j CROSS JOIN passages p ON p.id = j.value CROSS JOIN articles a USING (version)"  # CROSS: in this order
"""Passages by id: left to itself, SQLite has read every article first, 10 ms instead of 0.1."""


class ArchiveReader(ArchiveFile):
    """The reading half of `ports.Archive`."""

    def article(self, article_id: str) -> Article:
        """Raises NotFound."""
        rows = self.rows("SELECT * FROM articles WHERE id = ? AND state = 'ready'", (storable(article_id),))
        if not rows:
            raise NotFound(f"no article {article_id!r} in this archive")
        return article_from(rows[0])

    def version(self, article_id: str, number: int | None = None) -> Article:
        """A version that was ever visible and not removed; by default the newest, withdrawn or not. Raises NotFound."""
        chosen = number or next((one.number for one in self.versions(article_id)), None)
        found = versions.former(self, article_id, chosen) if chosen is not None else None
        if found:
            return found
        article = self.article(article_id)
        if number not in {None, article.version}:
            raise NotFound(f"article {article_id!r} has no version {number}")
        return article

    def versions(self, article_id: str) -> list[Version]:
        """Every version of an article, the newest first; none for one that is not here, or was removed."""
        return versions.history(self, article_id)

    def articles(self, after: str | None, limit: int) -> list[Article]:
        """At most `limit` articles, by id, those with ids above `after`."""
        statement = "SELECT * FROM articles WHERE state = 'ready' AND id > ? ORDER BY id LIMIT ?"
        return [article_from(row) for row in self.rows(statement, (storable(after or ""), limit))]

    def newest(self, skip: int, limit: int, source: str | None = None) -> list[Article]:
        """At most `limit` articles, the newest first and those without a date last, after `skip` of them; of one outlet or of all."""
        statement = (
            "SELECT * FROM articles WHERE state = 'ready' AND (? IS NULL OR source_key = ?)"
            " ORDER BY published_at DESC NULLS LAST, id LIMIT ? OFFSET ?"
        )
        key = None if source is None else storable(source).casefold()
        return [article_from(row) for row in self.rows(statement, (key, key, limit, skip))]

    def known(self, article_ids: Sequence[str]) -> dict[str, str]:
        """The content hash of each of these articles that is in the archive."""
        statement = "SELECT id, content_hash FROM articles WHERE state = 'ready' AND id IN (SELECT value FROM json_each(?))"
        return {row[0]: row[1] for row in self.rows(statement, (json.dumps(list(article_ids)),))}

    def twin(self, article: Article) -> str | None:
        """The id of another article of the same outlet with the same text, if there is one."""
        rows = self.rows(
            "SELECT id FROM articles WHERE state = 'ready' AND text_hash = ? AND source_key IS ? AND id <> ? ORDER BY version LIMIT 1",
            (article.text_hash, article.source.casefold() if article.source else None, article.id),
        )
        return str(rows[0][0]) if rows else None

    def at_urls(self, urls: Sequence[str]) -> dict[str, str]:
        """For each of these addresses (`service.urls.url_key`) that an article has, or had before it moved, the article's id."""
        chosen = json.dumps(list(urls))
        moved = "SELECT url_key, article_id FROM visits WHERE article_id IS NOT NULL AND url_key IN (SELECT value FROM json_each(?))"
        here = "SELECT url_key, id FROM articles WHERE state = 'ready' AND url_key IN (SELECT value FROM json_each(?)) ORDER BY version"
        return {row[0]: row[1] for statement in (moved, here) for row in self.rows(statement, (chosen,))}

    def removed(self, keys: Sequence[str]) -> set[str]:
        """Those of these ids and addresses (`service.urls.url_key`) that were taken out by hand and not taken in by name since."""
        return removed.among(self, keys)

    def under(self, folder: str) -> list[str]:
        """Ids of the articles that were read from files inside a folder."""
        prefix = storable(folder).rstrip("/") + "/"
        statement = "SELECT id FROM articles WHERE state = 'ready' AND substr(origin, 1, ?) = ?"
        return [row[0] for row in self.rows(statement, (len(prefix), prefix))]

    def coverage(self, scope: Scope | None = None) -> Coverage:
        """How many articles there are inside the scope, and from when to when."""
        condition, values = visible(scope)
        statement = f"SELECT count(*), min(a.published_at), max(a.published_at) FROM articles a WHERE {condition}"
        count, first, last = self.rows(statement, values)[0]
        return Coverage(count, from_micros(first), from_micros(last))

    def sources(self) -> list[tuple[str, int]]:
        """Each outlet with its number of articles, most first."""
        statement = "SELECT source, count(*) FROM articles WHERE state = 'ready' AND source IS NOT NULL GROUP BY source_key"
        return sorted(((row[0], row[1]) for row in self.rows(statement)), key=lambda pair: (-pair[1], pair[0]))

    def months(self) -> list[tuple[str, int]]:
        """Each month (`YYYY-MM`) with its number of articles, in order."""
        statement = (
            "SELECT strftime('%Y-%m', published_at / 1000000, 'unixepoch') AS month, count(*) FROM articles"
            " WHERE state = 'ready' AND published_at IS NOT NULL GROUP BY month ORDER BY month"
        )
        return [(row[0], row[1]) for row in self.rows(statement)]

    def is_embedded(self, article_id: str) -> bool:
        """Whether an article is found by meaning, too, and not by its words alone."""
        tables = f"passages p JOIN articles a USING (version) WHERE a.id = ? AND a.state = 'ready' AND {_EMBEDDED}"
        return bool(self.rows(f"SELECT 1 FROM {tables} LIMIT 1", (storable(article_id),)))

    def passage_count(self) -> int:
        """Passages that a search can see."""
        statement = "SELECT count(*) FROM passages p JOIN articles a USING (version) WHERE a.state = 'ready'"
        return int(self.rows(statement)[0][0])

    def vector_count(self) -> int:
        """Passages that a search can see and that have a vector: what the index must hold."""
        statement = f"SELECT count(*) FROM passages p JOIN articles a USING (version) WHERE a.state = 'ready' AND {_EMBEDDED}"
        return int(self.rows(statement)[0][0])

    def stamp(self) -> str:
        """Changes with every change of what a search can see: the last version ever given, and how many passages there are."""
        rows = self.rows("SELECT seq FROM sqlite_sequence WHERE name = 'articles'")
        return f"{rows[0][0] if rows else 0}-{self.passage_count()}"

    def lexical(self, terms: Sequence[str], scope: Scope, k: int) -> list[tuple[str, float]]:
        """At most k passage ids by BM25 (FTS5), best first; the score is higher for better."""
        words = dict.fromkeys(storable(term).replace("\0", " ").strip() for term in terms)
        quoted = " OR ".join('"' + word.replace('"', '""') + '"' for word in words if word)
        if not quoted or k < 1:
            return []
        condition, values = visible(scope)
        # In the order of FTS5's own ranks, so that rows are held against the scope one by one and only until there are enough.
        statement = (
            "SELECT p.id, words.rank FROM words CROSS JOIN passages p ON p.number = words.rowid CROSS JOIN articles a USING (version)"
            f" WHERE words MATCH ? AND words.rank MATCH '{_BM25}' AND {condition} ORDER BY words.rank LIMIT ?"
        )
        return [(row[0], -row[1]) for row in self.rows(statement, (quoted, *values, k))]

    def in_scope(self, passage_ids: Sequence[str], scope: Scope) -> set[str]:
        """Those of the passages that are visible and inside the scope."""
        condition, values = visible(scope)
        return {row[0] for row in self.rows(f"SELECT p.id {_THESE} WHERE {condition}", (json.dumps(list(passage_ids)), *values))}

    def vectors_in(self, scope: Scope, limit: int) -> tuple[list[str], Vectors] | None:
        """The ids and vectors of all passages inside the scope that have one, or None where there are more than `limit`."""
        condition, values = visible(scope)
        tables = f"FROM passages p JOIN articles a USING (version) WHERE {condition} AND {_EMBEDDED} LIMIT {int(limit) + 1}"
        if self.rows(f"SELECT count(*) FROM (SELECT 1 {tables})", values)[0][0] > limit:
            return None
        rows = self.rows(f"SELECT p.id, p.vector {tables}", values)
        return [row[0] for row in rows], _matrix([row[1] for row in rows])

    def vectors_of(self, passage_ids: Sequence[str]) -> dict[str, Vectors]:
        """The vectors of these passages, each `(dimension,)`; ids that are not visible or have none are absent."""
        rows = self.rows(f"SELECT p.id, p.vector {_THESE} WHERE a.state = 'ready' AND {_EMBEDDED}", (json.dumps(list(passage_ids)),))
        return dict(zip((row[0] for row in rows), _matrix([row[1] for row in rows]), strict=True))

    def bylines(self) -> Bylines:
        """Every outlet and author of a visible article, as written there, sorted."""

        def distinct(column: str) -> tuple[str, ...]:
            return tuple(
                row[0] for row in self.rows(f"SELECT DISTINCT {column} FROM articles WHERE state = 'ready' AND {column} <> '' ORDER BY 1")
            )

        return Bylines(distinct("source"), distinct("author"))

    def hits(self, passage_ids: Sequence[str]) -> dict[str, Hit]:
        """The passages with their articles, score 0; ids that are not visible are absent."""
        rows = self.rows(
            f'SELECT p.id AS passage_id, p.version, p.ordinal, p.start, p."end" AS stop, s.story {_THESE}'
            " LEFT JOIN stories s USING (version) WHERE a.state = 'ready'",
            (json.dumps(list(passage_ids)),),
        )
        versions = json.dumps(sorted({row["version"] for row in rows}))
        whole = self.rows("SELECT a.* FROM json_each(?) j CROSS JOIN articles a ON a.version = j.value", (versions,))
        articles = {row["version"]: article_from(row) for row in whole}
        found: dict[str, Hit] = {}
        for row in rows:
            article = articles[row["version"]]
            text = article.text[row["start"] : row["stop"]]
            passage = Passage(row["passage_id"], article.id, row["ordinal"], row["start"], row["stop"], text)
            found[passage.id] = Hit(passage, article, 0.0, story=row["story"])
        return found

    def reprints(self, article_ids: Sequence[str], visible_at: datetime) -> dict[str, tuple[Reprint, ...]]:
        """For each article the other outlets that print its story by then, one article each, the first to print it first."""
        return stories.reprints(self, article_ids, visible_at)

    def joined(self, numbers: Sequence[int]) -> dict[str, str]:
        """For each of the articles of these versions that is of a story with others, the first of those others, by id."""
        return stories.joined(self, numbers)

    def notices(self) -> list[Notice]:
        """Every notice of a visible article, the oldest first."""
        return notices.all_notices(self)

    def notices_about(self, article_ids: Sequence[str]) -> list[Notice]:
        """The notices that are about these articles, the oldest first."""
        return notices.about(self, article_ids)

    def notices_of(self, article_id: str) -> list[Notice]:
        """The notice that an article carries, if it is one or has one."""
        return notices.carried_by(self, article_id)

    def unread_for_notices(self, batch: int = 256) -> Iterator[list[Article]]:
        """The articles of an archive from before notices were recognised, in batches."""
        return notices.unread(self, batch)

    def loose_notices(self, article_ids: Sequence[str]) -> list[Notice]:
        """Notices without a known subject: those that these articles carry, and those of their outlets that may be about one of them."""
        return notices.loose(self, article_ids)

    def stories(self) -> list[list[Article]]:
        """The articles of every story that has several, the first to print it first."""
        return stories.all_stories(self)

    def story_of(self, article_id: str) -> list[Article]:
        """The other articles that print the story of this one, the first to print it first."""
        return stories.story_of(self, article_id)

    def newest_stories(self, skip: int, limit: int) -> list[list[Article]]:
        """Stories that have several articles, the one with the newest of them first."""
        return stories.newest_stories(self, skip, limit)

    def unsketched(self, batch: int = 256) -> Iterator[list[tuple[int, str]]]:
        """Version and text of the articles that have no sketch, in batches: those of an archive from before there were stories."""
        return stories.unsketched(self, batch)

    def vectors(self, batch: int = 1000) -> Iterator[tuple[list[str], Vectors]]:
        """Every visible passage's id and vector, in batches: what an index is rebuilt from."""
        tables = f"FROM passages p JOIN articles a USING (version) WHERE a.state = 'ready' AND {_EMBEDDED}"
        statement = f"SELECT p.id, p.vector {tables} ORDER BY p.number"
        for rows in self._batches(statement, batch):
            yield [row[0] for row in rows], _matrix([row[1] for row in rows])

    def numbered_passages(self, batch: int = 512) -> Iterator[list[tuple[int, Passage, Article]]]:
        """Every passage with its number and article, pending or not, in batches: what is embedded again."""
        statement = 'SELECT number, id, version, ordinal, start, "end" AS stop FROM passages ORDER BY number'
        for rows in self._batches(statement, batch):
            wanted = json.dumps(sorted({row["version"] for row in rows}))
            found = self.rows("SELECT * FROM articles WHERE version IN (SELECT value FROM json_each(?))", (wanted,))
            articles = {row["version"]: article_from(row) for row in found}
            yield [
                (r["number"], Passage.cut(articles[r["version"]], r["ordinal"], r["start"], r["stop"]), articles[r["version"]])
                for r in rows
            ]


def _matrix(blobs: Sequence[bytes]) -> Vectors:
    if not blobs:
        return np.zeros((0, 0), dtype=np.float32)
    if len(sizes := {len(blob) for blob in blobs}) > 1 or sizes.pop() % 4:
        raise ArchiveDamaged("stored vectors differ in size: run `dateline doctor --deep`, which names them, or `dateline reindex --embed`")
    return np.frombuffer(b"".join(blobs), dtype="<f4").reshape(len(blobs), -1).astype(np.float32, copy=False)
