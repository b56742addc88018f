"""Whether what the archive holds fits together: the file, the texts with their passages, the vectors."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from service.domain import Article, Passage
from service.storage.copying import Progress, silent
from service.storage.file import ArchiveFile
from service.storage.rows import article_from

READING, MEASURING = "Texts and passages", "Stored vectors"
_BATCH = 256
"""Articles read at once."""
_VECTORS = 2_000
"""Vectors read at once: 3 MB of 384 dimensions."""
_OFF = 1e-3
"""How far a vector's length may be from 1. Encoders normalise in float32, where it is off by 1e-7."""


@dataclass(slots=True)
class Texts:
    """What is wrong with articles and their passages, by id."""

    articles: int = 0
    passages: int = 0
    unreadable: list[str] = field(default_factory=list)
    """Articles whose other fields make no sense."""
    changed: list[str] = field(default_factory=list)
    """Articles whose text is not the one that was taken in."""
    outside: list[str] = field(default_factory=list)
    """Passages that do not lie inside their article's text."""
    other: list[str] = field(default_factory=list)
    """Passages whose id is of other words: ids are made of place and words."""
    uncut: list[str] = field(default_factory=list)
    """Articles without a passage, which no search can find."""


@dataclass(slots=True)
class StoredVectors:
    """What is wrong with the vectors of visible passages, by id."""

    count: int = 0
    absent: Counter[str] = field(default_factory=Counter)
    """Passages that have none, by the language of their article."""
    sizes: Counter[int] = field(default_factory=Counter)
    """How many there are of each size, in bytes."""
    unsound: list[str] = field(default_factory=list)
    """Those that are not finite, not of length 1 or not of the usual size."""


def broken(archive: ArchiveFile) -> list[str]:
    """What SQLite says of the file: pages, indexes, and rows that refer to none. Nothing where it is whole."""
    pages = [str(row[0]) for row in archive.rows("PRAGMA integrity_check(10)")]
    orphans = Counter((str(row[0]), str(row[2])) for row in archive.rows("PRAGMA foreign_key_check"))
    refer = [f"{count:,} rows of {table} refer to {parent} that are not there" for (table, parent), count in sorted(orphans.items())]
    return [*(" ".join(one.split()) for one in pages if one != "ok"), *refer]


def pending(archive: ArchiveFile) -> int:
    """Versions that were written and not published: an ingest is at it, or was ended."""
    return int(archive.rows("SELECT count(*) FROM articles WHERE state = 'pending'")[0][0])


def texts(archive: ArchiveFile, progress: Progress = silent) -> Texts:
    """Every visible article and passage, held against the hashes that were made when it was taken in."""
    found = Texts()
    total = int(archive.rows("SELECT count(*) FROM articles WHERE state = 'ready'")[0][0])
    for rows in _articles(archive):
        cut: dict[int, list[sqlite3.Row]] = defaultdict(list)
        statement = 'SELECT version, id, ordinal, start, "end" AS stop FROM passages WHERE version IN (SELECT value FROM json_each(?))'
        for one in archive.rows(statement, (json.dumps([row["version"] for row in rows]),)):
            cut[one["version"]].append(one)
        for row in rows:
            found.articles += 1
            try:
                article = article_from(row)
            except ValueError:  # a date's origin, or JSON, that is none
                found.unreadable.append(str(row["id"]))
            else:
                _hold(found, article, row["text_hash"], cut[row["version"]])
        progress(READING, found.articles, total)
    return found


def _articles(archive: ArchiveFile) -> Iterator[list[sqlite3.Row]]:
    statement = "SELECT * FROM articles WHERE state = 'ready' AND version > ? ORDER BY version LIMIT ?"
    version = -1
    while rows := archive.rows(statement, (version, _BATCH)):
        yield rows
        version = rows[-1]["version"]


def _hold(found: Texts, article: Article, text_hash: str, cut: Sequence[sqlite3.Row]) -> None:
    found.passages += len(cut)
    if article.text_hash != text_hash:
        found.changed.append(article.id)
    if not cut:
        found.uncut.append(article.id)
    for row in cut:
        if not 0 <= row["start"] < row["stop"] <= len(article.text):
            found.outside.append(row["id"])
        elif Passage.cut(article, row["ordinal"], row["start"], row["stop"]).id != row["id"]:
            found.other.append(row["id"])


def vectors(archive: ArchiveFile, progress: Progress = silent) -> StoredVectors:
    """Every stored vector of a visible passage: of one size, finite, of length 1."""
    found = StoredVectors()
    counted = archive.rows(
        "SELECT length(p.vector) AS size, coalesce(a.language, 'unknown') AS language, count(*) AS count"
        " FROM passages p JOIN articles a USING (version) WHERE a.state = 'ready' GROUP BY size, language"
    )
    for row in counted:
        if row["size"]:
            found.sizes[row["size"]] += row["count"]
        else:
            found.absent[row["language"]] += row["count"]
    usual = found.sizes.most_common(1)[0][0] if found.sizes else 0
    for rows in _vectors(archive):
        fit = [row for row in rows if len(row["vector"]) == usual and not usual % 4]
        found.unsound += [row["id"] for row in rows if len(row["vector"]) != usual or usual % 4]
        matrix = np.frombuffer(b"".join(row["vector"] for row in fit), dtype="<f4").reshape(len(fit), -1 if fit else 0)
        with np.errstate(over="ignore", invalid="ignore"):
            sound = np.abs(np.linalg.norm(matrix.astype(np.float64), axis=1) - 1) < _OFF  # NaN and infinity are not
        found.unsound += [row["id"] for row, well in zip(fit, sound, strict=True) if not well]
        found.count += len(rows)
        progress(MEASURING, found.count, sum(found.sizes.values()))
    return found


def _vectors(archive: ArchiveFile) -> Iterator[list[sqlite3.Row]]:
    statement = (
        "SELECT p.number, p.id, p.vector FROM passages p JOIN articles a USING (version)"
        " WHERE a.state = 'ready' AND length(p.vector) > 0 AND p.number > ? ORDER BY p.number LIMIT ?"
    )
    number = -1
    while rows := archive.rows(statement, (number, _VECTORS)):
        yield rows
        number = rows[-1]["number"]
