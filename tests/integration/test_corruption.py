"""A vector index that was damaged after it was closed is found out before Chroma opens it, and filled again from the archive.

Each damage is opened by a process of its own, which may not write files above 64 MB and gets a minute: what Chroma does with such
files is to end the process, to hang, or to fill the disk.
"""

import hashlib
import json
import logging
import os
import re
import resource
import shutil
import sqlite3
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from service.articles.row import article_from_row
from service.domain import Passage
from service.errors import ArchiveDamaged
from service.ports import StagedArticle
from service.storage import manifest
from service.storage.archive import SqliteArchive
from service.storage.chroma_index import GRAPH, IN_USE, MANIFEST, ChromaIndex

NOW = datetime(2026, 6, 1, tzinfo=UTC)
PASSAGES = 640
SMALL = {**GRAPH, "sync_threshold": 100}
"""Chroma writes its graph every 100 vectors, so that so few have one on the disk."""
LARGEST = 64_000_000  # bytes of a file that the opening process may write


def opened(folder: Path) -> SqliteArchive:
    """The archive in a folder."""
    return SqliteArchive(folder / "archive.sqlite3", "hashing", lambda: NOW)


def closed_index(folder: Path, seed: int) -> Path:
    """A folder with an archive of one-passage articles with vectors of 32 dimensions, and its index, cleanly closed."""
    random = np.random.default_rng(seed)
    archive = opened(folder)
    staged = []
    for number in range(PASSAGES):
        row = {"id": f"a{seed}-{number}", "text": f"Report {number} of edition {seed} on town {number}."}
        article = article_from_row(row, now=NOW, max_chars=1000).article
        vector = random.normal(size=(1, 32)).astype(np.float32)
        staged.append(StagedArticle(article, [Passage.cut(article, 0, 0, len(article.text))], vector / np.linalg.norm(vector)))
    archive.publish(archive.stage(staged))
    ChromaIndex(folder, archive, graph=SMALL).close()
    archive.close()
    return folder


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cleanly closed index; tests work on copies."""
    return closed_index(tmp_path_factory.mktemp("whole"), 1)


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One of another archive, with as many passages and as many versions."""
    return closed_index(tmp_path_factory.mktemp("other"), 2)


# ── in the other process ─────────────────────────────────────────────────────


class Heard(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())


def look(folder: Path) -> None:
    """Open the index, ask it for every vector of the archive, close and open it again, and tell what was found and said."""
    import chromadb  # noqa: F401 - so that its import is not part of the time

    resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST, LARGEST))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    heard = Heard()
    logging.getLogger("service").addHandler(heard)
    archive = opened(folder)
    begun = time.perf_counter()
    index = ChromaIndex(folder, archive, graph=SMALL)
    seconds = time.perf_counter() - begun
    pairs = [(row, vector) for ids, vectors in archive.vectors() for row, vector in zip(ids, vectors, strict=True)]
    missed = [row for row, vector in pairs if index.query(vector, 1)[0][0] != row]
    told = {"seconds": seconds, "count": index.count(), "missed": missed, "distrust": index._distrust, "said": [*heard.said]}
    index.close()
    heard.said.clear()
    begun = time.perf_counter()
    again = ChromaIndex(folder, archive, graph=SMALL)
    told |= {"again": time.perf_counter() - begun, "count again": again.count(), "said again": [*heard.said]}
    again.close()
    archive.close()
    print(json.dumps(told))


def looked(folder: Path, function: str = "look") -> dict[str, Any]:
    """What a process of its own found."""
    program = f"import sys, pathlib; from tests.integration.test_corruption import {function}; {function}(pathlib.Path(sys.argv[1]))"
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", program, str(folder)], capture_output=True, text=True, timeout=60, check=False, cwd=root)
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)  # type: ignore[no-any-return]


# ── the damages ──────────────────────────────────────────────────────────────


def graph(folder: Path, name: str) -> Path:
    """One of the files of Chroma's graph."""
    return next((folder / "chroma").glob(f"*/{name}"))


def database(folder: Path) -> Path:
    """Chroma's database."""
    return folder / "chroma" / "chroma.sqlite3"


def cut(file: Path) -> None:
    """Half a file."""
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def flipped(file: Path, places: int) -> None:
    """Some bytes of a file inverted, spread over it but for a database's first page; size and time stay."""
    content, status = bytearray(file.read_bytes()), file.stat()
    first = 4096 if len(content) > 8192 else 0
    for place in np.random.default_rng(3).integers(first, len(content), places):
        content[place] ^= 0xFF
    file.write_bytes(content)
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))


def grown(file: Path, size: int) -> None:
    """A file with a hole up to that size."""
    with file.open("r+b") as opened_file:
        opened_file.truncate(size)


def edited(folder: Path, statement: str, *values: str) -> None:
    """Chroma's database changed by a program that knows it."""
    connection = sqlite3.connect(database(folder))
    with connection:
        connection.execute(statement, values)
    connection.close()


def text(folder: Path) -> str:
    """The manifest."""
    return (folder / MANIFEST).read_text()


def emptied(folder: Path) -> None:
    """Every file of the index without content."""
    for file in (folder / "chroma").rglob("*"):
        if file.is_file():
            file.write_bytes(b"")


def linked(folder: Path) -> None:
    """A file replaced by a link to a copy of it elsewhere."""
    graph(folder, "header.bin").rename(folder / "elsewhere.bin")
    next(path for path in (folder / "chroma").iterdir() if path.is_dir()).joinpath("header.bin").symlink_to(folder / "elsewhere.bin")


Damage = Callable[[Path], object]
TWELVE: dict[str, Damage] = {
    "database cut short": lambda folder: cut(database(folder)),
    "database that is none": lambda folder: database(folder).write_bytes(b"no database " * 4000),
    "database with flipped bytes": lambda folder: flipped(database(folder), 400),
    "database gone": lambda folder: database(folder).unlink(),
    "graph with flipped bytes": lambda folder: flipped(graph(folder, "data_level0.bin"), 400),
    "header with flipped bytes": lambda folder: flipped(graph(folder, "header.bin"), 20),
    "graph cut short": lambda folder: cut(graph(folder, "data_level0.bin")),
    "links cut short": lambda folder: cut(graph(folder, "link_lists.bin")),
    "links run away": lambda folder: grown(graph(folder, "link_lists.bin"), 1 << 39),
    "graph's folder gone": lambda folder: shutil.rmtree(graph(folder, "header.bin").parent),
    "ids of the graph cut short": lambda folder: cut(graph(folder, "index_metadata.pickle")),
    "lengths zeroed": lambda folder: graph(folder, "length.bin").write_bytes(bytes(graph(folder, "length.bin").stat().st_size)),
}
MORE: dict[str, Damage] = {
    "ids of the graph gone": lambda folder: graph(folder, "index_metadata.pickle").unlink(),
    "one byte of the database": lambda folder: flipped(database(folder), 1),
    "one byte of the graph": lambda folder: flipped(graph(folder, "data_level0.bin"), 1),
    "links a little longer": lambda folder: grown(graph(folder, "link_lists.bin"), graph(folder, "link_lists.bin").stat().st_size + 9),
    "a journal to roll back": lambda folder: database(folder).with_name("chroma.sqlite3-journal").write_bytes(b"\xd9\xd5\x05\xf9" * 999),
    "the collection renamed": lambda folder: edited(folder, "UPDATE collections SET name = 'others'"),
    "every file emptied": emptied,
    "a link in place of a file": linked,
    "manifest cut short": lambda folder: cut(folder / MANIFEST),
    "manifest with other digests": lambda folder: (folder / MANIFEST).write_text(re.sub('"[0-9a-f]{64}"', f'"{0:064}"', text(folder))),
}


@pytest.mark.parametrize("shape", [*TWELVE, *MORE])
def test_a_damaged_index_is_found_out_set_aside_and_filled_again(
    whole: Path, tmp_path: Path, shape: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is embedded (there is no embedder), every vector finds its passage, the damaged files are kept, the next start is clean."""
    folder = shutil.copytree(whole, tmp_path / "copy", symlinks=True)
    (TWELVE | MORE)[shape](folder)
    found = looked(folder)
    assert (found["count"], found["missed"], found["distrust"]) == (PASSAGES, [], None)
    assert found["said"][0].startswith("rebuilding the vector index from the archive: ")
    assert found["said"][1] == f"the damaged index was kept as {folder / 'chroma.damaged'}"
    assert (folder / "chroma.damaged").is_dir()
    assert (found["count again"], found["said again"]) == (PASSAGES, [])
    with capsys.disabled():
        reason = found["said"][0].partition("archive: ")[2]
        print(f"\n{shape}: {reason}; opened in {found['seconds']:.2f} s, then in {found['again']:.2f} s")


@pytest.mark.parametrize("shape", TWELVE)
def test_with_the_mark_nothing_is_looked_at(whole: Path, tmp_path: Path, shape: str) -> None:
    """The same damages after a kill: thrown away unopened, nothing kept."""
    folder = shutil.copytree(whole, tmp_path / "copy", symlinks=True)
    TWELVE[shape](folder)
    (folder / IN_USE).touch()
    found = looked(folder)
    assert (found["count"], found["missed"], found["distrust"]) == (PASSAGES, [], None)
    assert found["said"][0] == "rebuilding the vector index from the archive: it was not closed cleanly"
    assert not (folder / "chroma.damaged").exists()


def test_an_index_that_is_whole_is_opened_as_it_is(whole: Path, tmp_path: Path) -> None:
    """Two starts, no word of a rebuild, and the graph on the disk is the very one."""
    folder = shutil.copytree(whole, tmp_path / "copy")
    before = graph(folder, "data_level0.bin").parent.name
    found = looked(folder)
    assert (found["count"], found["missed"], found["said"], found["said again"]) == (PASSAGES, [], [], [])
    assert graph(folder, "data_level0.bin").parent.name == before


@pytest.mark.parametrize("parts", [["chroma"], ["chroma", MANIFEST]], ids=["its files", "its files and manifest"])
def test_the_index_of_another_archive_is_not_taken_for_this_ones(whole: Path, other: Path, tmp_path: Path, parts: list[str]) -> None:
    """Both archives gave as many versions and hold as many passages; only the passages differ."""
    folder = shutil.copytree(whole, tmp_path / "copy")
    for part in parts:
        shutil.rmtree(folder / part) if (folder / part).is_dir() else (folder / part).unlink()
        shutil.copytree(other / part, folder / part) if (other / part).is_dir() else shutil.copy(other / part, folder / part)
    found = looked(folder)
    assert (found["count"], found["missed"]) == (PASSAGES, [])
    assert len(found["said"]) == 3 - len(parts)  # an index that was whole, of something else, is not kept


def test_the_index_of_an_earlier_version_is_filled_again_once(whole: Path, tmp_path: Path) -> None:
    """It had a stamp and no manifest; its files cannot be vouched for."""
    folder = shutil.copytree(whole, tmp_path / "copy")
    (folder / MANIFEST).unlink()
    (folder / "chroma" / "archive.stamp").write_text("640-640")
    found = looked(folder)
    assert (found["count"], found["missed"]) == (PASSAGES, [])
    assert found["said"][0].endswith("there is no record of its last close")
    assert found["said again"] == []


def test_one_damaged_index_is_kept_the_last(whole: Path, tmp_path: Path) -> None:
    """A second damage replaces what the first one left."""
    folder = shutil.copytree(whole, tmp_path / "copy")
    for content in (b"first", b"second"):
        database(folder).write_bytes(content)
        looked(folder)
    assert (folder / "chroma.damaged" / "chroma.sqlite3").read_bytes() == b"second"
    assert sorted(path.name for path in folder.glob("chroma*")) == ["chroma", "chroma.damaged", "chroma.manifest"]


# ── a stored embedding function ──────────────────────────────────────────────

PLANTED = {"name": "planted", "type": "known", "config": {"trust_remote_code": True}}


def planted_class(canary: Path) -> None:
    """Register an embedding function with Chroma that leaves a file when it is built."""
    from chromadb.utils import embedding_functions

    class Planted(embedding_functions.EmbeddingFunction[Any]):  # type: ignore[misc]
        """Stands for one that fetches and runs code."""

        def __init__(self) -> None:
            canary.touch()

        def __call__(self, input: Any) -> Any:  # noqa: A002 - the name is Chroma's
            return input

        @staticmethod
        def name() -> str:
            """As stored."""
            return "planted"

        def get_config(self) -> dict[str, Any]:
            """Nothing."""
            return {}

        @staticmethod
        def build_from_config(config: dict[str, Any]) -> "Planted":
            """What must never be called."""
            return Planted()

    embedding_functions.known_embedding_functions["planted"] = Planted


def look_planted(folder: Path) -> None:
    """As `look`, with the embedding function within reach."""
    planted_class(folder / "canary")
    look(folder)


def write_unguarded(folder: Path) -> None:
    """What a write with Chroma alone does."""
    import chromadb
    from chromadb.config import Settings

    planted_class(folder / "canary")
    client = chromadb.PersistentClient(str(folder / "chroma"), Settings(_env_file=None, anonymized_telemetry=False))  # type: ignore[call-arg]
    client.get_collection("passages", embedding_function=None).upsert(ids=["x"], embeddings=[[0.5] * 32])
    print("{}")


def write_afterwards(folder: Path) -> None:
    """The same in a process in which Dateline has opened an index before, of a configuration that was written after every look at it."""
    import chromadb
    from chromadb.config import Settings
    from chromadb.utils import embedding_functions

    planted_class(folder / "canary")
    archive = opened(folder)
    ChromaIndex(folder, archive, graph=SMALL).close()
    archive.close()
    left = {*embedding_functions.known_embedding_functions, *embedding_functions.sparse_known_embedding_functions}
    plant(folder)
    client = chromadb.PersistentClient(str(folder / "chroma"), Settings(_env_file=None, anonymized_telemetry=False))  # type: ignore[call-arg]
    with warnings.catch_warnings(action="ignore"):
        try:
            client.get_collection("passages", embedding_function=None).upsert(ids=["x"], embeddings=[[0.5] * 32])
        except (KeyError, ValueError) as error:
            left.add(f"refused: {'planted' in str(error)}")
    print(json.dumps(sorted(left)))


def plant(folder: Path) -> None:
    """Write the configuration into Chroma's database."""
    edited(
        folder,
        "UPDATE collections SET config_json_str = ?, schema_str = replace(schema_str, ?, ?)",
        json.dumps({"embedding_function": PLANTED}),
        '"embedding_function":{"type":"legacy"}',
        f'"embedding_function":{json.dumps(PLANTED)}',
    )


def test_a_stored_embedding_function_is_never_built(whole: Path, tmp_path: Path) -> None:
    """Written into the database together with a manifest that fits: the index is given up after opening, before anything is built.

    Chroma alone builds it at the first write (CVE-2026-45829).
    """
    for function, built in (("write_unguarded", True), ("look_planted", False)):
        folder = shutil.copytree(whole, tmp_path / function)
        plant(folder)
        made = json.loads((folder / MANIFEST).read_text())["made"]
        manifest.write(folder / MANIFEST, folder / "chroma", made)
        found = looked(folder, function)
        assert (folder / "canary").exists() is built
        if not built:
            assert (found["count"], found["missed"]) == (PASSAGES, [])
            assert found["said"][0].endswith("it names an embedding function")


def test_no_embedding_function_is_left_to_build(whole: Path, tmp_path: Path) -> None:
    """Where the look came too early, there is none by any name: Chroma's registries are empty once an index was opened."""
    folder = shutil.copytree(whole, tmp_path / "copy")
    found = looked(folder, "write_afterwards")
    assert found in ([], ["refused: True"])
    assert not (folder / "canary").exists()


# ── the archive itself ───────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "damage",
    [cut, lambda file: file.write_bytes(b"no database " * 4000), lambda file: file.write_bytes(b"\xff" * 4096 + file.read_bytes()[4096:])],
    ids=["cut short", "no database", "first page overwritten"],
)
def test_a_damaged_archive_is_told_and_nothing_is_touched(whole: Path, tmp_path: Path, damage: Damage) -> None:
    """ArchiveDamaged with what to do; archive and index stay byte by byte as they are."""
    folder = shutil.copytree(whole, tmp_path / "copy")
    damage(folder / "archive.sqlite3")

    def digests() -> dict[str, str]:
        files = [path for path in folder.rglob("*") if path.is_file() and not path.name.endswith(("-wal", "-shm"))]
        return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}

    before = digests()
    with pytest.raises(ArchiveDamaged, match="move it away, or restore a backup"):
        ChromaIndex(folder, opened(folder), graph=SMALL)
    assert digests() == before
