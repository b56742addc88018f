"""Kill -9 in the middle of an ingest, again and again on one archive: nothing acknowledged is lost, nothing half-done is seen."""

import json
import os
import random
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from service.articles.row import Loaded, article_from_row
from service.domain import Scope
from service.indexing.ingest import Ingester
from service.models.hashing import HashingEmbedder
from service.storage.archive import SqliteArchive
from service.storage.chroma_index import ChromaIndex

ARTICLES, BATCH, KILLS = 600, 20, 10
NOW = datetime(2026, 6, 1, tzinfo=UTC)
EMBEDDER = HashingEmbedder(256)


def text(number: int, edition: int) -> str:
    """Every fifth article is rewritten in each edition, every seventh reprints the one before; all others have words of their own."""
    number -= number % 7 == 3
    said = f"edition{edition}" if number % 5 == 0 else "once"
    parts = range(number * 10, number * 10 + 1 + number % 4)
    own = [" ".join(f"word{part * 60 + place}" for place in range(60)) for part in parts]
    return " ".join(f"Reporter{number} wrote {said} that the river saw {words}." for words in own)


def articles(edition: int) -> Iterator[Loaded]:
    """The whole feed, in order."""
    for number in range(ARTICLES):
        yield article_from_row(
            {"id": f"a{number}", "text": text(number, edition), "source": f"Outlet {number % 2}"}, now=NOW, max_chars=100_000
        )


def opened(folder: Path) -> SqliteArchive:
    """The archive in a folder."""
    return SqliteArchive(folder / "archive.sqlite3", EMBEDDER.fingerprint, lambda: NOW)


def ingest(folder: Path, edition: int) -> None:
    """What the child does: each batch that was reported is acknowledged as a line of ids."""
    archive = opened(folder)
    index = ChromaIndex(folder, archive)
    told = 0

    def acknowledge(report: object) -> None:
        nonlocal told
        items = report.items  # type: ignore[attr-defined]
        os.write(1, (json.dumps([item.article_id for item in items[told:]]) + "\n").encode())
        told = len(items)

    Ingester(archive, index, EMBEDDER, batch=BATCH).run(articles(edition), acknowledge)
    index.close()
    archive.close()


def stories(archive: SqliteArchive) -> list[str]:
    """The articles of each story."""
    rows = archive.rows("SELECT group_concat(id) FROM (SELECT * FROM articles JOIN stories USING (version) ORDER BY id) GROUP BY story")
    return sorted(row[0] for row in rows)


def child(folder: Path, edition: int) -> subprocess.Popen[bytes]:
    """A process that ingests an edition."""
    program = "import sys, pathlib; from tests.integration.test_crash import ingest; ingest(pathlib.Path(sys.argv[1]), int(sys.argv[2]))"
    root = Path(__file__).parents[2]
    return subprocess.Popen([sys.executable, "-c", program, str(folder), str(edition)], stdout=subprocess.PIPE, cwd=root, bufsize=0)


def killed(folder: Path, edition: int, chance: random.Random) -> list[str]:
    """The ids that an ingest acknowledged before it was killed at a random moment after a random acknowledgement."""
    process = child(folder, edition)
    assert process.stdout is not None
    acknowledged: list[str] = []
    for _ in range(chance.randrange(ARTICLES // BATCH)):
        acknowledged += json.loads(process.stdout.readline())
    deadline = time.monotonic() + chance.uniform(0, 0.08)
    while (left := deadline - time.monotonic()) > 0 and select.select([process.stdout], [], [], left)[0]:
        acknowledged += json.loads(process.stdout.readline() or "[]")
    process.kill()
    assert process.wait(timeout=60) == -9, "the ingest ended before it was killed"
    for line in process.stdout.read().splitlines(keepends=True):
        acknowledged += json.loads(line) if line.endswith(b"\n") else []
    process.stdout.close()
    return acknowledged


def check(folder: Path, archive: SqliteArchive) -> None:
    """Index and archive hold the same, every passage is found by its own vector, and the full text fits."""
    index = ChromaIndex(folder, archive)
    pairs = [(row, vector) for ids, vectors in archive.vectors() for row, vector in zip(ids, vectors, strict=True)]
    assert index.count() == archive.passage_count() == len(pairs)
    assert [row for row, vector in pairs if row not in {found for found, _ in index.query(vector, 5)}] == []
    assert len(index.query(pairs[0][1], len(pairs))) == len(pairs)
    index.close()
    assert archive.check() is None


def test_ten_kills_lose_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """After each kill every acknowledged article is there, whole, in its edition or a newer one, and no pending version is visible."""
    chance = random.Random(20260601)
    folder, acknowledged, middle, rebuilds = tmp_path / "killed", {}, 0, 0
    for edition in range(KILLS):
        acknowledged |= dict.fromkeys(killed(folder, edition, chance), edition)
        archive = opened(folder)
        ready = {article.id: article for article in archive.articles(None, ARTICLES + 1)}
        pending = archive.rows("SELECT count(*) FROM articles WHERE state = 'pending'")[0][0]
        assert acknowledged.keys() <= ready.keys()
        for article_id, seen in acknowledged.items():
            assert ready[article_id].text in {text(int(article_id[1:]), newer) for newer in range(seen, edition + 1)}
        hits = archive.hits([row for ids, _ in archive.vectors() for row in ids]).values()
        assert {hit.article.id for hit in hits} == ready.keys()
        assert all(hit.passage.text == ready[hit.article.id].text[hit.passage.start : hit.passage.end] for hit in hits)
        visible = {article_id for article_id, article in ready.items() if f"edition{edition}" in article.text}
        ours = {article_id for article_id, seen in acknowledged.items() if seen == edition}
        middle += bool(pending or visible - ours)
        if chance.random() < 0.5:  # else the next child meets what this one left
            rebuilds += (folder / "chroma.in-use").exists()
            check(folder, archive)
        archive.close()

    with child(folder, KILLS) as process:
        assert process.wait(timeout=120) == 0
    ingest_alone = child(tmp_path / "alone", KILLS)
    ingest_alone.communicate(timeout=120)
    archive, alone = opened(folder), opened(tmp_path / "alone")
    check(folder, archive)
    for one in (archive, alone):
        assert one.rows("SELECT count(*) FROM articles WHERE state = 'pending'")[0][0] == 0
    assert archive.coverage() == alone.coverage()
    assert archive.passage_count() == alone.passage_count()
    assert [one.text for one in archive.articles(None, 1000)] == [one.text for one in alone.articles(None, 1000)]
    assert len(archive.lexical(["river"], Scope(NOW), 10_000)) == alone.passage_count()
    assert stories(archive) == stories(alone)
    assert sum("," in story for story in stories(alone)) >= ARTICLES // 8
    archive.close()
    alone.close()
    with capsys.disabled():
        print(f"\n{KILLS} kills, {middle} inside a batch, {rebuilds} rebuilds looked into, {len(acknowledged)} articles acknowledged")
    assert middle >= KILLS * 3 // 10, "too few kills landed inside a batch to show anything"
