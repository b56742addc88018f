"""Which articles print one text, in the archive's file: sketches, the keys they meet by, and the stories they make.

Everything here runs inside a transaction or a read of the archive. A version whose `story` is NULL is pending: no other joins it.
"""

# ruff: noqa: S608 - statements are put together from constants of this package; every value is a parameter
from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import groupby

import numpy as np

from service.domain import Article, Reprint, Scope
from service.sketches import Sketch, one_story
from service.storage.file import ArchiveFile
from service.storage.rows import article_from, from_micros, storable, visible

_CHOSEN = "version IN (SELECT value FROM json_each(?))"


def add(connection: sqlite3.Connection, sketches: Iterable[tuple[int, Sketch]]) -> None:
    """Keep the sketches of new versions, in no story yet."""
    for version, sketch in sketches:
        signature = np.concatenate([[sketch.size], sketch.minima]).astype("<u4").tobytes()
        connection.execute("INSERT INTO stories (version, signature) VALUES (?, ?)", (version, signature))
        connection.executemany("INSERT OR IGNORE INTO story_keys VALUES (?, ?)", [(key, version) for key in sketch.keys])


def inherited(connection: sqlite3.Connection, versions: Sequence[int]) -> list[tuple[int, int]]:
    """Those of the versions to be published that keep the text they replace: (its story, version)."""
    rows = connection.execute(
        "SELECT s.story, new.version FROM articles new JOIN articles old ON old.id = new.id AND old.state = 'ready'"
        f" JOIN stories s ON s.version = old.version WHERE old.text_hash = new.text_hash AND new.{_CHOSEN}",
        (json.dumps(list(versions)),),
    )
    return [(row[0], row[1]) for row in rows]


def join(connection: sqlite3.Connection, versions: Sequence[int], inherited: Sequence[tuple[int, int]] = ()) -> None:
    """Put versions into stories: each into one of its own or that which it inherits, then into one with all that it is like.

    A story is known by the smallest of the numbers it was made of; a version's number is never given again.
    """
    connection.execute(f"UPDATE stories SET story = version WHERE {_CHOSEN}", (json.dumps(list(versions)),))
    connection.executemany("UPDATE stories SET story = ? WHERE version = ?", inherited)
    moves = _merged(_links(connection, versions))
    connection.executemany("UPDATE stories SET story = ? WHERE story = ?", [(into, story) for story, into in moves.items()])


def _links(connection: sqlite3.Connection, versions: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Pairs of stories that are one, because one of the versions is like a version in each."""
    rows = connection.execute(
        "SELECT k.version, o.version, min(o.key) < 0 FROM story_keys k JOIN story_keys o ON o.key = k.key AND o.version <> k.version"
        f" JOIN stories s ON s.version = o.version AND s.story IS NOT NULL WHERE k.{_CHOSEN} GROUP BY k.version, o.version",
        (json.dumps(list(versions)),),
    )
    meetings: dict[int, list[tuple[int, bool]]] = defaultdict(list)
    for version, other, lead in rows:
        meetings[version].append((other, bool(lead)))
    wanted = json.dumps(sorted({*meetings, *(other for met in meetings.values() for other, _ in met)}))
    rows = connection.execute(f"SELECT version, story, signature FROM stories WHERE {_CHOSEN}", (wanted,))
    held = {row["version"]: (row["story"], np.frombuffer(row["signature"], "<u4")) for row in rows}
    for version, met in meetings.items():
        story, own = held[version]
        signatures = np.stack([held[other][1] for other, _ in met])
        leads = np.array([lead for _, lead in met])
        same = one_story(own[1:], int(own[0]), signatures[:, 1:], signatures[:, 0].astype(np.int64), leads)
        yield from ((story, held[other][0]) for (other, _), one in zip(met, same, strict=True) if one)


def _merged(links: Iterable[tuple[int, int]]) -> dict[int, int]:
    """Where each story goes that is one with a smaller number: connected components, by union-find."""
    into: dict[int, int] = {}

    def root(story: int) -> int:
        while story in into:
            story = into[story]
        return story

    for one, two in links:
        low, high = sorted((root(one), root(two)))
        if low != high:
            into[high] = low
    return {story: root(story) for story in into}


def joined(archive: ArchiveFile, versions: Sequence[int]) -> dict[str, str]:
    """As `ports.Archive.joined` says."""
    rows = archive.rows(
        "SELECT mine.id AS id, other.id AS first, min(other.version) FROM stories s JOIN stories o ON o.story = s.story"
        " AND o.version <> s.version JOIN articles mine ON mine.version = s.version JOIN articles other ON other.version = o.version"
        f" WHERE s.{_CHOSEN} AND other.state = 'ready' GROUP BY s.version",
        (json.dumps(list(versions)),),
    )
    return {row["id"]: row["first"] for row in rows}


def all_stories(archive: ArchiveFile) -> list[list[Article]]:
    """The visible articles of every story that has several, the first to print it first, the oldest story first."""
    rows = archive.rows(
        "SELECT a.*, s.story FROM articles a JOIN stories s USING (version) WHERE a.state = 'ready' AND s.story IN"
        " (SELECT story FROM stories JOIN articles USING (version) WHERE state = 'ready' GROUP BY story HAVING count(*) > 1)"
        " ORDER BY s.story, a.published_at IS NULL, a.published_at, a.id"
    )
    return [[article_from(row) for row in story] for _, story in groupby(rows, key=lambda row: row["story"])]


def story_of(archive: ArchiveFile, article_id: str) -> list[Article]:
    """The visible articles that print the same story as this one, itself left out, the first to print it first."""
    rows = archive.rows(
        "SELECT a.* FROM articles mine JOIN stories s USING (version) JOIN stories o ON o.story = s.story AND o.version <> s.version"
        " JOIN articles a ON a.version = o.version WHERE mine.state = 'ready' AND mine.id = ? AND a.state = 'ready'"
        " ORDER BY a.published_at IS NULL, a.published_at, a.id",
        (storable(article_id),),
    )
    return [article_from(row) for row in rows]


def newest_stories(archive: ArchiveFile, skip: int, limit: int) -> list[list[Article]]:
    """Stories that several visible articles print, the one with the newest article first; of each the first to print it first."""
    rows = archive.rows(
        "SELECT a.*, s.story, chosen.newest FROM (SELECT story, max(published_at) AS newest FROM stories JOIN articles USING (version)"
        " WHERE state = 'ready' GROUP BY story HAVING count(*) > 1 ORDER BY newest DESC NULLS LAST, story LIMIT ? OFFSET ?) chosen"
        " JOIN stories s ON s.story = chosen.story JOIN articles a ON a.version = s.version WHERE a.state = 'ready'"
        " ORDER BY chosen.newest DESC NULLS LAST, s.story, a.published_at IS NULL, a.published_at, a.id",
        (limit, skip),
    )
    return [[article_from(row) for row in story] for _, story in groupby(rows, key=lambda row: row["story"])]


def unsketched(archive: ArchiveFile, batch: int) -> Iterator[list[tuple[int, str]]]:
    """Version and text of the visible articles without a sketch, in batches."""
    statement = (
        "SELECT version FROM articles WHERE version NOT IN (SELECT version FROM stories)"  # from indexes alone: some 10 ms for 100,000
    )
    missing = [row[0] for row in archive.rows(statement)]
    for start in range(0, len(missing), batch):
        wanted = json.dumps(missing[start : start + batch])
        rows = archive.rows(f"SELECT version, text FROM articles WHERE state = 'ready' AND {_CHOSEN}", (wanted,))
        yield [(row["version"], row["text"]) for row in rows]


def take_up(connection: sqlite3.Connection, sketches: Sequence[tuple[int, Sketch]]) -> None:
    """Sketches of articles that are visible already: those of them that still are, and have none yet, get theirs and their stories."""
    wanted = json.dumps([version for version, _ in sketches])
    statement = f"SELECT version FROM articles WHERE state = 'ready' AND version NOT IN (SELECT version FROM stories) AND {_CHOSEN}"
    lacking = {row[0] for row in connection.execute(statement, (wanted,))}
    add(connection, [(version, sketch) for version, sketch in sketches if version in lacking])
    join(connection, sorted(lacking))


def reprints(archive: ArchiveFile, article_ids: Sequence[str], visible_at: datetime) -> dict[str, tuple[Reprint, ...]]:
    """As `ports.Archive.reprints` says."""
    condition, values = visible(Scope(visible_at))
    rows = archive.rows(
        "SELECT mine.id AS asked, a.id, a.source, a.source_key, a.published_at FROM articles mine JOIN stories s USING (version)"
        " JOIN stories o ON o.story = s.story AND o.version <> s.version JOIN articles a ON a.version = o.version"
        f" WHERE mine.state = 'ready' AND mine.id IN (SELECT value FROM json_each(?)) AND {condition}"
        " AND a.source_key IS NOT NULL AND a.source_key IS NOT mine.source_key ORDER BY a.published_at IS NULL, a.published_at, a.id",
        (json.dumps(list(article_ids)), *values),
    )
    found: dict[str, dict[str, Reprint]] = defaultdict(dict)
    for row in rows:
        found[row["asked"]].setdefault(row["source_key"], Reprint(row["id"], row["source"], from_micros(row["published_at"])))
    return {asked: tuple(by_outlet.values()) for asked, by_outlet in found.items()}
