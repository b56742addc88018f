"""Kill -9 in the middle of an ingest, again and again on one archive: nothing acknowledged is lost, nothing half-done is seen.

A dozen kills by default, a hundred with `DATELINE_LONG_TESTS=1`, any number with `DATELINE_KILLS`. A kill comes at a random moment
of the first second after a random acknowledgement, or as soon as Chroma begins to write its graph, or in the middle of a
rebuild. What one kill left is what the next process meets; three times in five it is looked at in a copy, so that it is the next
process that has to repair it.
"""

import json
import os
import random
import re
import select
import shutil
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from service.articles.row import Loaded, article_from_row
from service.domain import Scope
from service.indexing.ingest import Ingester
from service.storage.archive import SqliteArchive
from service.storage.chroma_index import GRAPH, IN_USE, ChromaIndex
from tests.fakes import CountingEmbedder

ARTICLES, BATCH, DIMENSION = 600, 20, 256
KILLS = int(os.environ.get("DATELINE_KILLS") or (100 if os.environ.get("DATELINE_LONG_TESTS") == "1" else 12))
NOW = datetime(2026, 6, 1, tzinfo=UTC)
SMALL = {**GRAPH, "sync_threshold": 100}
"""Chroma writes its graph every 100 vectors instead of 1,000, so that many kills meet it at that."""
SLACK = 200_000  # bytes
ROOT = Path(__file__).parents[2]


def text(number: int, edition: int) -> str:
    """Every second article is rewritten in each edition, every seventh reprints the one before; all others have words of their own."""
    number -= number % 7 == 3
    said = f"edition{edition}" if number % 2 == 0 else "once"
    parts = range(number * 10, number * 10 + 1 + number % 4)
    own = [" ".join(f"word{part * 60 + place}" for place in range(60)) for part in parts]
    return " ".join(f"Reporter{number} wrote {said} that the river saw {words}." for words in own)


def edition_of(article_text: str) -> int | None:
    """Which edition an article is from, where it is rewritten in each."""
    found = re.search(r"wrote edition(\d+) ", article_text)
    return int(found[1]) if found else None


def articles(edition: int) -> Iterator[Loaded]:
    """The whole feed, in order."""
    for number in range(ARTICLES):
        row = {"id": f"a{number}", "text": text(number, edition), "source": f"Outlet {number % 2}", "language": "en"}
        yield article_from_row(row, now=NOW, max_chars=100_000)


def opened(folder: Path) -> SqliteArchive:
    """The archive in a folder."""
    return SqliteArchive(folder / "archive.sqlite3", CountingEmbedder(DIMENSION).fingerprint, lambda: NOW)


# ── the process that is killed ───────────────────────────────────────────────


def tell(**what: object) -> None:
    """One line to whoever watches; a line that is not whole counts as not said."""
    os.write(1, (json.dumps(what) + "\n").encode())


def ingest(folder: Path, first: int, editions: int) -> None:
    """Take in editions; each batch that was reported is acknowledged by the ids of its articles."""
    import chromadb  # noqa: F401 - so that the opening that is told of is ours alone

    embedder, archive = CountingEmbedder(DIMENSION), opened(folder)
    tell(opening=True)
    index = ChromaIndex(folder, archive, graph=SMALL)
    tell(embedded=len(embedder.embedded))
    for edition in range(first, first + editions):
        told = 0

        def acknowledge(report: Any, edition: int = edition) -> None:
            nonlocal told
            tell(edition=edition, ids=[item.article_id for item in report.items[told:]])
            told = len(report.items)

        before = len(embedder.embedded)
        Ingester(archive, index, embedder, batch=BATCH).run(articles(edition), acknowledge)
        tell(embedded=len(embedder.embedded) - before)
    index.close()
    archive.close()


def command(folder: Path, first: int, editions: int) -> list[str]:
    """What starts a process that does so."""
    program = (
        "import sys, pathlib as p; from tests.integration.test_crash import ingest; ingest(p.Path(sys.argv[1]), *map(int, sys.argv[2:]))"
    )
    return [sys.executable, "-c", program, str(folder), str(first), str(editions)]


# ── the kills ────────────────────────────────────────────────────────────────


@dataclass
class Watched:
    """A child, and what it said: the newest acknowledged edition of each article."""

    process: subprocess.Popen[bytes]
    acknowledged: dict[str, int] = field(default_factory=dict)
    batches: int = 0
    embedded: int | None = None
    """Texts it had embedded when its index was open; None where it did not come so far."""

    def line(self, seconds: float) -> bool:
        """Take in a line, if one comes in time."""
        out = self.process.stdout
        assert out is not None
        if not select.select([out], [], [], max(0.0, seconds))[0]:
            return False
        self._take(out.readline())
        return True

    def _take(self, line: bytes) -> None:
        if not line.endswith(b"\n"):
            return
        said = json.loads(line)
        if "ids" in said:
            self.acknowledged |= dict.fromkeys(said["ids"], said["edition"])
            self.batches += 1
        elif "embedded" in said and self.embedded is None:
            self.embedded = said["embedded"]

    def kill(self) -> None:
        """End it as the system would, prove that it had not ended before, and take in what it still said."""
        assert self.process.stdout is not None
        self.process.kill()
        assert self.process.wait(timeout=60) == -9, "the ingest ended before it was killed"
        for line in self.process.stdout.read().splitlines(keepends=True):
            self._take(line)
        self.process.stdout.close()


def graph_files(folder: Path) -> dict[str, int]:
    """The files of Chroma's graph with the moment of their last change."""
    times: dict[str, int] = {}
    for file in (folder / "chroma").glob("*/*"):
        try:
            times[file.name] = file.stat().st_mtime_ns
        except FileNotFoundError:  # thrown away at this moment
            continue
    return times


def killed(folder: Path, first: int, kind: str, chance: random.Random, pause: float) -> Watched:
    """A child that was killed, after what it said."""
    endless = command(folder, first, 1000)
    watched = Watched(subprocess.Popen(endless, stdout=subprocess.PIPE, cwd=ROOT, bufsize=0))
    assert watched.line(120)  # it is about to open the index
    if kind == "rebuild":
        deadline = time.monotonic() + chance.uniform(0, pause)
        while watched.line(deadline - time.monotonic()) and watched.embedded is None:
            pass
        watched.kill()
        return watched
    wanted = chance.randrange(ARTICLES // BATCH)
    while watched.batches < wanted or watched.embedded is None:
        assert watched.line(120)
    if kind == "graph":
        before, deadline = graph_files(folder), time.monotonic() + 60
        while graph_files(folder) == before and time.monotonic() < deadline:
            pass
    else:
        deadline = time.monotonic() + chance.uniform(0, 1)
        while watched.line(deadline - time.monotonic()):
            pass
    watched.kill()
    return watched


def is_torn(folder: Path) -> bool:
    """Whether the kill came while the graph was written: its ids come last, and here something else is newer."""
    times = graph_files(folder)
    ids = times.pop("index_metadata.pickle", None)
    return bool(times) and (ids is None or max(times.values()) > ids)


# ── what is there afterwards ─────────────────────────────────────────────────


def check(folder: Path, archive: SqliteArchive) -> float:
    """Index and archive hold the same, every passage is found by its own vector, the full text fits; returns the seconds to open."""
    begun = time.perf_counter()
    index = ChromaIndex(folder, archive, graph=SMALL)
    seconds = time.perf_counter() - begun
    pairs = [(row, vector) for ids, vectors in archive.vectors() for row, vector in zip(ids, vectors, strict=True)]
    assert index.count() == archive.passage_count() == len(pairs)
    if pairs:
        assert {row for row, _ in index.query(pairs[0][1], len(pairs))} == {row for row, _ in pairs}
    for row, vector in pairs:
        found = index.query(vector, 5)
        assert found[0][1] == pytest.approx(1, abs=1e-3)
        assert row in {near for near, _ in found}
    assert index._distrust is None
    index.close()
    assert archive.check() is None
    return seconds


def half_done(archive: SqliteArchive, acknowledged: dict[str, int], first: int) -> bool:
    """Whether a batch of this child's was under way: something staged is not published, or something published not acknowledged."""
    pending = archive.rows("SELECT count(*) FROM articles WHERE state = 'pending'")[0][0]
    editions = {article.id: edition_of(article.text) for article in archive.articles(None, ARTICLES + 1)}
    return bool(pending) or any(
        edition is not None and edition > max(acknowledged.get(one, -1), first - 1) for one, edition in editions.items()
    )


def lost(archive: SqliteArchive, acknowledged: dict[str, int]) -> list[str]:
    """Acknowledged articles that are not there, whole, in their edition or a newer one."""
    ready = {article.id: article.text for article in archive.articles(None, ARTICLES + 1)}
    missing = [one for one in acknowledged if one not in ready]
    for one in acknowledged.keys() & ready.keys():
        edition = edition_of(ready[one])
        if ready[one] != text(int(one[1:]), edition or 0) or (edition is not None and edition < acknowledged[one]):
            missing.append(one)
    return missing


def nothing_pending_is_seen(archive: SqliteArchive) -> None:
    """Every vector that an index would be given belongs to a whole, visible article."""
    ready = {article.id: article for article in archive.articles(None, ARTICLES + 1)}
    hits = archive.hits([row for ids, _ in archive.vectors() for row in ids]).values()
    assert {hit.article.id for hit in hits} == ready.keys()
    assert all(hit.passage.text == ready[hit.article.id].text[hit.passage.start : hit.passage.end] for hit in hits)


def sizes(folder: Path) -> dict[str, int]:
    """The largest size of each kind of file of the index."""
    found: dict[str, int] = {}
    for file in (folder / "chroma").rglob("*"):
        if file.is_file():
            found[file.name] = max(found.get(file.name, 0), file.stat().st_size)
    return found


def stories(archive: SqliteArchive) -> list[str]:
    """The articles of each story."""
    rows = archive.rows("SELECT group_concat(id) FROM (SELECT * FROM articles JOIN stories USING (version) ORDER BY id) GROUP BY story")
    return sorted(row[0] for row in rows)


def embedded_by(folder: Path, edition: int) -> list[int]:
    """Texts embedded by a child that takes in an edition and lives: at its opening, and in the edition."""
    done = subprocess.run(command(folder, edition, 1), stdout=subprocess.PIPE, cwd=ROOT, timeout=300, check=True)
    return [said["embedded"] for said in map(json.loads, done.stdout.splitlines()) if "embedded" in said]


def test_kills_lose_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """After each kill every acknowledged article is there, whole; index and archive agree; no file ran away.

    Nothing is embedded for a repair, and at the end the archive equals one that was never killed.
    """
    chance = random.Random(20260602)
    folder, copy, alone = tmp_path / "killed", tmp_path / "copy", tmp_path / "alone"
    last = 1000 * (KILLS + 1)
    embedded_by(alone, last)
    expected = {name: 4 * size + SLACK for name, size in sizes(alone).items()}
    acknowledged: dict[str, int] = {}
    seen, seconds, again = Counter[str](), [0.5], 0
    for number in range(KILLS):
        kind = chance.choice(("moment", "moment", "graph", "rebuild" if (folder / IN_USE).exists() else "graph"))
        watched = killed(folder, 1000 * number, kind, chance, statistics.median(seconds))
        acknowledged |= watched.acknowledged
        again += watched.embedded or 0
        archive = opened(folder)
        place = "in a batch" if half_done(archive, acknowledged, 1000 * number) else "between two"
        place = place if watched.embedded is not None else "in a rebuild"
        seen.update([f"aimed at: {kind}", place, *["while the graph was written"] * is_torn(folder)])
        assert lost(archive, acknowledged) == []
        nothing_pending_is_seen(archive)
        archive.close()
        assert {name: size for name, size in sizes(folder).items() if size > expected.get(name, SLACK)} == {}
        assert (folder / IN_USE).exists()
        at = folder if chance.random() < 0.4 else copy  # else the next child meets what this kill left
        if at is copy:
            shutil.rmtree(copy, ignore_errors=True)
            shutil.copytree(folder, copy)
        archive = opened(at)
        seconds.append(check(at, archive))
        archive.close()

    repair, _ = embedded_by(folder, last)
    opening, rerun = embedded_by(folder, last)
    assert (again, repair, opening, rerun) == (0, 0, 0, 0)
    killed_often, never = opened(folder), opened(alone)
    check(folder, killed_often)
    for one in (killed_often, never):
        assert one.rows("SELECT count(*) FROM articles WHERE state = 'pending'")[0][0] == 0
    assert killed_often.coverage() == never.coverage()
    assert killed_often.passage_count() == never.passage_count()
    assert [one.text for one in killed_often.articles(None, 1000)] == [one.text for one in never.articles(None, 1000)]
    assert len(killed_often.lexical(["river"], Scope(NOW), 10_000)) == never.passage_count()
    assert stories(killed_often) == stories(never)
    assert sum("," in story for story in stories(never)) >= ARTICLES // 8
    killed_often.close()
    never.close()
    with capsys.disabled():
        print(f"\n{KILLS} kills landed: {dict(seen)}; {len(acknowledged)} articles acknowledged, 0 lost")
        print(f"{len(seconds) - 1} indexes rebuilt and looked into, {again + repair} texts embedded for it", end="; ")
        print(f"opened in {statistics.median(seconds[1:]):.2f} s (median), {max(seconds[1:]):.2f} s (most)")
    assert seen["in a batch"] >= KILLS * 3 // 10, "too few kills landed inside a batch to show anything"
