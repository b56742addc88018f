"""What every vector index does: the one in memory that tests use, the exact one over the archive, and Chroma, embedded and as a server."""

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from service.articles.row import Loaded, article_from_row
from service.errors import ArchiveDamaged, ArchiveError, ArchiveInUse, Stopping
from service.indexing.ingest import Ingester
from service.ports import Vectors
from service.storage.archive import SqliteArchive
from service.storage.chroma_index import GRAPH, ChromaIndex
from service.storage.chroma_server_index import ChromaServerIndex
from service.storage.exact_index import ExactIndex
from service.storage.lock import Holder, ProcessLock
from service.telemetry import REGISTRY
from service.vectors import nearest
from tests.chroma_server import RunningChroma, running_chroma
from tests.fakes import NOON, CountingEmbedder, FixedClock, MemoryIndex

Writable = MemoryIndex | ChromaIndex | ChromaServerIndex


def loaded(number: int, words: str = "") -> Loaded:
    """Article `number`, of one passage."""
    row = {"id": f"a{number}", "text": f"Report {number} {words} on town {number}."}
    return article_from_row(row, now=NOON, max_chars=1000).at(f"a{number}")


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[SqliteArchive]:
    """A real archive in a fresh folder."""
    opened = SqliteArchive(tmp_path / "archive.sqlite3", "hashing", FixedClock())
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def chroma(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningChroma]:
    """One server for all tests, as many archives may share one."""
    with running_chroma(tmp_path_factory.mktemp("chroma")) as server:
        yield server


REAL = pytest.mark.parametrize("index", ["chroma", "chroma server"], indirect=True)


@pytest.fixture(params=["memory", "chroma", "chroma server"])
def index(request: pytest.FixtureRequest, tmp_path: Path, archive: SqliteArchive) -> Iterator[Writable]:
    """Each index that can be written."""
    if request.param == "memory":
        yield MemoryIndex()
        return
    opened: ChromaIndex | ChromaServerIndex
    if request.param == "chroma":
        opened = ChromaIndex(tmp_path, archive)
    else:
        opened = ChromaServerIndex(tmp_path, archive, request.getfixturevalue("chroma").url)
    yield opened
    opened.close()


def unit(*rows: list[float]) -> Vectors:
    """Normalised rows."""
    matrix = np.array(rows, dtype=np.float32)
    return matrix / np.linalg.norm(matrix, axis=1, keepdims=True)


def test_the_nearest_come_first_with_their_cosine(index: Writable) -> None:
    """Ids with similarity, best first, at most k of them."""
    index.upsert(["east", "north", "west"], unit([1, 0], [0, 1], [-1, 0]))
    found = index.query(unit([1, 0.5])[0], 2)
    assert [row for row, _ in found] == ["east", "north"]
    assert [score for _, score in found] == pytest.approx([0.894, 0.447], abs=1e-3)
    assert len(index.query(unit([1, 0])[0], 50)) == index.count() == 3


def test_an_empty_index_finds_nothing(index: Writable) -> None:
    """Nor does k of nought, nor one that was emptied."""
    assert index.query(unit([1, 0])[0], 5) == []
    index.upsert(["a"], unit([1, 0]))
    assert index.query(unit([1, 0])[0], 0) == []
    index.delete(["a"])
    assert (index.query(unit([1, 0])[0], 5), index.count()) == ([], 0)


def test_an_id_written_again_has_its_new_vector_only(index: Writable) -> None:
    """Upsert replaces."""
    index.upsert(["a", "b"], unit([1, 0], [0, 1]))
    index.upsert(["a"], unit([-1, 0]))
    assert index.count() == 2
    assert dict(index.query(unit([1, 0])[0], 5))["a"] == pytest.approx(-1, abs=1e-3)


def test_deleting_passes_over_what_is_not_there(index: Writable) -> None:
    """Unknown ids, ids deleted before and no ids at all."""
    index.upsert(["a", "b"], unit([1, 0], [0, 1]))
    index.delete([])
    index.upsert([], np.zeros((0, 2), dtype=np.float32))
    index.delete(["a", "nobody"])
    index.delete(["a"])
    assert [row for row, _ in index.query(unit([1, 0])[0], 5)] == ["b"]


def test_thousands_of_rows_are_written_and_deleted(index: Writable) -> None:
    """More than fit one write, and a k above all of them."""
    vectors = np.random.default_rng(1).normal(size=(3000, 8)).astype(np.float32)
    index.upsert([f"r{n}" for n in range(3000)], unit(*vectors.tolist()))
    index.delete([f"r{n}" for n in range(0, 3000, 2)])
    assert index.count() == 1500
    found = index.query(vectors[1], 10_000)
    assert {row for row, _ in found} == {f"r{n}" for n in range(1, 3000, 2)}


def test_readers_are_not_disturbed_by_a_writer(index: Writable) -> None:
    """Queries from threads succeed while rows come and go."""
    index.upsert(["fixed"], unit([1, 0]))
    failures: list[BaseException] = []
    done = threading.Event()

    def reader() -> None:
        try:
            while not done.is_set():
                assert index.query(unit([1, 0])[0], 1)[0][0] == "fixed"
        except BaseException as error:  # noqa: BLE001 - carried to the test's own thread
            failures.append(error)

    threads = [threading.Thread(target=reader) for _ in range(2)]
    if not isinstance(index, MemoryIndex):  # a dictionary changing under an iteration is the fake's own limit
        for thread in threads:
            thread.start()
    for number in range(15):
        index.upsert([f"x{number}"], unit([-1, 0]))
        index.delete([f"x{number - 1}"])
    done.set()
    for thread in threads:
        if thread.ident:
            thread.join()
    assert failures == []
    assert index.count() == 2


def test_writers_take_turns(index: Writable, archive: SqliteArchive) -> None:
    """While one has the turn, another gets ArchiveInUse after its patience; what the first wrote is there, and then the turn is free."""

    def tries() -> str:
        try:
            with index.turn(patience=0.01):
                return "has it"
        except ArchiveInUse as error:
            return str(error)

    with ThreadPoolExecutor(1) as other:
        with index.turn():
            Ingester(archive, index, CountingEmbedder()).run([loaded(1)])
            assert "others are writing" in other.submit(tries).result()
        assert other.submit(tries).result() == "has it"
    assert index.count() == 1


@REAL
def test_whoever_waits_for_a_turn_is_told_when_it_is_given_up(index: ChromaIndex | ChromaServerIndex, archive: SqliteArchive) -> None:
    """Stopping, at once and for whoever comes after; what is there is found until it is closed, and nothing after that."""
    waits = threading.Event()

    def waiter() -> str:
        waits.set()
        try:
            with index.turn():
                return "has it"
        except Stopping:
            return "stopping"

    with ThreadPoolExecutor(2) as others:
        with index.turn():
            Ingester(archive, index, CountingEmbedder()).run([loaded(1)])
            waiting = others.submit(waiter)
            waits.wait()
            index.give_up()
            assert waiting.result() == "stopping"
        assert others.submit(waiter).result() == "stopping"
    assert index.count() == 1
    index.close()
    vector = unit([1, *[0] * 63])
    for use in (lambda: index.query(vector[0], 1), lambda: index.upsert(["x"], vector), lambda: index.delete(["x"]), index.count):
        with pytest.raises(ArchiveError, match="closed"):
            use()


def test_what_is_taken_in_without_a_turn_is_there_too(index: Writable, archive: SqliteArchive) -> None:
    """In the archive as in the index, and an index in order is left as it is by mending."""
    Ingester(archive, index, CountingEmbedder()).run([loaded(number) for number in range(5)])
    rebuilt = REGISTRY.get_sample_value("dateline_index_rebuilds_total")
    index.mend()
    assert index.count() == archive.vector_count() == 5
    assert REGISTRY.get_sample_value("dateline_index_rebuilds_total") == rebuilt


def test_closing_waits_only_a_moment_for_a_writer(
    tmp_path: Path, archive: SqliteArchive, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that does not come to an end is told of in the log, and the index is closed."""
    monkeypatch.setattr("service.storage.chroma_index.LAST_WRITE", 0.01)
    index = ChromaIndex(tmp_path, archive)
    with index.turn():
        index.close()
        with pytest.raises(ArchiveError, match="closed"):
            index.upsert(["late"], unit([1, 0]))
    assert "articles are still being written" in caplog.text
    ChromaIndex(tmp_path, archive).close()


def test_vectors_that_are_no_numbers_are_told_and_looked_past(tmp_path: Path, archive: SqliteArchive) -> None:
    """A damaged file: the index is not filled with them, the message names the way out, and the others are found."""
    filled(tmp_path, archive).close()
    with archive.transaction() as connection:
        connection.execute("UPDATE passages SET vector = ? WHERE number = 1", (np.full(64, np.nan, dtype="<f4").tobytes(),))
    index = ChromaIndex(tmp_path, archive, mend_later=True)
    with pytest.raises(ArchiveDamaged, match="reindex --embed"):
        index.rebuild()
    ids, vectors = next(archive.vectors())
    assert [row for row, _ in index.query(vectors[5], 1)] == [ids[5]]
    with pytest.raises(ArchiveError, match="not finite"):
        index.count()
    index.close()


def test_the_exact_index_reads_what_the_archive_holds(archive: SqliteArchive) -> None:
    """It finds what is exactly nearest over several batches, counts, and refuses to write."""
    index, embedder = ExactIndex(archive), CountingEmbedder()
    Ingester(archive, MemoryIndex(), embedder).run([loaded(number) for number in range(20)])
    ids, vectors = next(archive.vectors())
    assert index.count() == 20
    for query in vectors[:5]:
        assert index.query(query, 7) == nearest(ids, vectors, query, 7)
    for write in (lambda: index.upsert(["a"], vectors[:1]), lambda: index.delete(["a"]), index.turn):
        with pytest.raises(ArchiveInUse):
            write()


# ── Chroma alone: what happens between one opening and the next ──────────────


def filled(folder: Path, archive: SqliteArchive, articles: int = 30) -> ChromaIndex:
    """An open Chroma index of some articles."""
    index = ChromaIndex(folder, archive)
    Ingester(archive, index, CountingEmbedder()).run([loaded(number) for number in range(articles)])
    return index


def holds_the_archive(index: ChromaIndex, archive: SqliteArchive) -> bool:
    """Whether the index has the archive's ids, each found by its own vector."""
    pairs = [(row, vector) for ids, vectors in archive.vectors() for row, vector in zip(ids, vectors, strict=True)]
    found = {row for row, _ in index.query(pairs[0][1], 10_000)}
    own = all(index.query(vector, 1)[0][1] == pytest.approx(1, abs=1e-3) for _, vector in pairs)
    return found == {row for row, _ in pairs} and own and index.count() == len(pairs)


def killed(folder: Path, index: ChromaIndex) -> None:
    """What a kill leaves: the files as they are, the mark, and no lock."""
    index._chroma.disconnect()
    index._lock.release()
    assert (folder / "chroma.in-use").exists()


def test_chroma_agrees_with_the_exact_neighbours(tmp_path: Path, archive: SqliteArchive) -> None:
    """On 2,000 random vectors of 64 dimensions, recall of the ten nearest is at least 0.95 over 100 queries."""
    random = np.random.default_rng(7)
    vectors = unit(*random.normal(size=(2000, 64)).tolist())
    ids = [f"v{number}" for number in range(2000)]
    index = ChromaIndex(tmp_path, archive)
    index.upsert(ids, vectors)
    queries = unit(*random.normal(size=(100, 64)).tolist())
    shared = [
        len({row for row, _ in index.query(query, 10)} & {row for row, _ in nearest(ids, vectors, query, 10)}) / 10 for query in queries
    ]
    index.close()
    assert np.mean(shared) >= 0.95


def test_after_a_clean_close_the_index_is_opened_as_it_is(tmp_path: Path, archive: SqliteArchive, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing is rebuilt: the very collection is there again."""
    index = filled(tmp_path, archive)
    collection = index._chroma.collection.id
    index.close()
    assert not (tmp_path / "chroma.in-use").exists()
    again = ChromaIndex(tmp_path, archive)
    assert again._chroma.collection.id == collection
    assert holds_the_archive(again, archive)
    again.close()
    assert caplog.records == []


def corrupted(folder: Path) -> None:
    """Every file of Chroma's overwritten: opening it would end the process."""
    for file in (folder / "chroma").rglob("*"):
        if file.is_file():
            file.write_bytes(b"\xff" * max(1, file.stat().st_size))


def torn(folder: Path) -> None:
    """Chroma's database cut in half."""
    file = folder / "chroma" / "chroma.sqlite3"
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


@pytest.mark.parametrize(
    "damage",
    [lambda folder: None, lambda folder: shutil.rmtree(folder / "chroma"), corrupted, torn],
    ids=["only killed", "folder gone", "every file overwritten", "database torn"],
)
def test_after_an_unclean_stop_the_index_is_rebuilt(tmp_path: Path, archive: SqliteArchive, damage: Callable[[Path], None]) -> None:
    """Whatever the files look like, it is thrown away unopened and filled from the stored vectors; the mark alone says so."""
    filled(tmp_path, archive).close()
    index = ChromaIndex(tmp_path, archive)
    collection = index._chroma.collection.id
    killed(tmp_path, index)
    damage(tmp_path)
    again = ChromaIndex(tmp_path, archive)
    assert again._chroma.collection.id != collection
    assert holds_the_archive(again, archive)
    again.close()


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder, archive: shutil.rmtree(folder / "chroma"),
        lambda folder, archive: (folder / "chroma" / "chroma.sqlite3").unlink(),
        lambda folder, archive: (folder / "chroma" / "chroma.sqlite3").write_bytes(b"no database" * 100),
        lambda folder, archive: archive.remove(["a3"]),
        lambda folder, archive: Ingester(archive, MemoryIndex(), CountingEmbedder()).run([loaded(3, "corrected")]),
    ],
    ids=["folder gone", "database gone", "database garbage", "another count", "same count, other passages"],
)
def test_a_closed_index_that_does_not_fit_is_rebuilt(
    tmp_path: Path, archive: SqliteArchive, damage: Callable[[Path, SqliteArchive], object]
) -> None:
    """Deleted or overwritten files, or an archive that changed meanwhile, such as a restored backup."""
    filled(tmp_path, archive).close()
    damage(tmp_path, archive)
    again = ChromaIndex(tmp_path, archive)
    assert holds_the_archive(again, archive)
    again.close()
    once_more = ChromaIndex(tmp_path, archive)
    assert holds_the_archive(once_more, archive)
    once_more.close()


def test_a_second_opener_in_this_process_is_refused_and_harms_nothing(tmp_path: Path, archive: SqliteArchive) -> None:
    """The first stays usable, and its mark and its holder's name stay on disk."""
    index = filled(tmp_path, archive)
    with pytest.raises(ArchiveInUse, match=f"process {os.getpid()} holds"):
        ChromaIndex(tmp_path, archive)
    assert holds_the_archive(index, archive)
    assert (tmp_path / "chroma.in-use").exists()
    index.close()


def test_a_second_process_is_refused_with_the_holders_name(tmp_path: Path, archive: SqliteArchive) -> None:
    """While this process holds the index another one gets ArchiveInUse with our process id; after the close it gets in."""
    program = (
        "import sys; from pathlib import Path; from datetime import UTC, datetime\n"
        "from service.storage.archive import SqliteArchive; from service.storage.chroma_index import ChromaIndex\n"
        "from service.errors import ArchiveInUse\n"
        "folder = Path(sys.argv[1]); archive = SqliteArchive(folder / 'archive.sqlite3', 'hashing', lambda: datetime.now(UTC))\n"
        "try:\n    index = ChromaIndex(folder, archive)\nexcept ArchiveInUse as error:\n    sys.exit(str(error))\n"
        "print(index.count()); index.close()\n"
    )

    def other() -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, timeout=120, check=False)

    index = filled(tmp_path, archive)
    refused = other()
    assert refused.returncode == 1
    assert f"process {os.getpid()} holds" in refused.stderr
    index.close()
    assert other().stdout == "30\n"


def test_the_lock_is_let_go_by_another_thread_too(tmp_path: Path, archive: SqliteArchive) -> None:
    """A server may close on another thread than it opened on."""
    index = filled(tmp_path, archive)
    thread = threading.Thread(target=index.close)
    thread.start()
    thread.join()
    again = ChromaIndex(tmp_path, archive)
    assert again.count() == archive.passage_count()
    again.close()


def test_a_close_that_fails_lets_the_lock_go_and_leaves_the_mark(tmp_path: Path, archive: SqliteArchive) -> None:
    """Here because the folder has gone: the next opening rebuilds."""
    index = filled(tmp_path, archive)
    shutil.rmtree(tmp_path / "chroma")
    with pytest.raises(ArchiveError, match="failed"):
        index.close()
    index.close()
    assert (tmp_path / "chroma.in-use").exists()
    again = ChromaIndex(tmp_path, archive)
    assert holds_the_archive(again, archive)
    again.close()


def test_a_kill_during_the_rebuild_leads_to_another_rebuild(tmp_path: Path, archive: SqliteArchive) -> None:
    """The mark stands before the first row is written, so half an index is never taken for a whole one."""
    filled(tmp_path, archive).close()
    shutil.rmtree(tmp_path / "chroma")

    class Killed(BaseException):
        """Ends the rebuild where a kill would."""

    class Dying(SqliteArchive):
        """An archive whose vectors end in the middle."""

        def vectors(self, batch: int = 1000) -> Iterator[tuple[list[str], Vectors]]:
            yield next(super().vectors(10))
            raise Killed

    dying = Dying(archive.path, None, FixedClock())
    with pytest.raises(Killed):
        ChromaIndex(tmp_path, dying)
    dying.close()
    assert (tmp_path / "chroma.in-use").exists()
    again = ChromaIndex(tmp_path, archive)
    assert holds_the_archive(again, archive)
    again.close()


def test_another_kind_of_graph_is_another_index(tmp_path: Path, archive: SqliteArchive) -> None:
    """Chroma keeps the configuration of the first day; so an index that was made with another one is made anew."""
    filled(tmp_path, archive).close()
    again = ChromaIndex(tmp_path, archive, graph={**GRAPH, "max_neighbors": 24})
    assert again._chroma.collection._model.configuration_json["hnsw"]["max_neighbors"] == 24
    assert holds_the_archive(again, archive)
    again.close()


class Broken:
    """Stands for Chroma after a failure: every call fails, and is counted."""

    def __init__(self) -> None:
        self.calls = 0

    def __getattr__(self, name: str) -> Callable[..., object]:
        def fails(**_: object) -> object:
            self.calls += 1
            raise RuntimeError("Failed to apply logs to the hnsw segment writer")

        return fails


def each_is_found(index: ChromaIndex, archive: SqliteArchive) -> bool:
    """Whether every vector of the archive finds itself."""
    return all(index.query(vector, 1)[0][1] == pytest.approx(1, abs=1e-3) for _, vectors in archive.vectors() for vector in vectors)


def broken(folder: Path, archive: SqliteArchive) -> tuple[ChromaIndex, Broken]:
    """An index of thirty articles whose Chroma fails from now on."""
    index = filled(folder, archive)
    index._chroma.collection = chroma = Broken()
    return index, chroma


def test_after_a_failed_write_chroma_is_not_asked_and_the_next_write_rebuilds(
    tmp_path: Path, archive: SqliteArchive, caplog: pytest.LogCaptureFixture
) -> None:
    """The batch is an error; what was taken in before is found meanwhile; the same batch again goes in."""
    index, chroma = broken(tmp_path, archive)
    ingester = Ingester(archive, index, CountingEmbedder())
    with pytest.raises(ArchiveError, match="Failed to apply logs"):
        ingester.run([loaded(100)])
    assert each_is_found(index, archive)
    assert chroma.calls == 1
    with pytest.raises(ArchiveError, match="in doubt"):
        index.count()
    ingester.run([loaded(100)])
    assert archive.vector_count() == 31
    assert holds_the_archive(index, archive)
    index.close()
    assert not (tmp_path / "chroma.in-use").exists()
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == [
        "the vector index is in doubt",
        "rebuilding the vector index from the archive",
    ]


def test_after_a_failed_write_the_mark_stays(tmp_path: Path, archive: SqliteArchive) -> None:
    """Chroma may have torn its files, or apply the write later: the next start rebuilds."""
    index, _ = broken(tmp_path, archive)
    with pytest.raises(ArchiveError):
        index.upsert(["a"], np.ones((1, 64), dtype=np.float32))
    index.close()
    assert (tmp_path / "chroma.in-use").exists()
    again = ChromaIndex(tmp_path, archive)
    assert holds_the_archive(again, archive)
    again.close()


def test_articles_can_be_removed_after_a_failed_write(tmp_path: Path, archive: SqliteArchive) -> None:
    """So that room can be made on a full disk: they are gone from the archive, and the rebuilt index never holds them."""
    index, chroma = broken(tmp_path, archive)
    ingester = Ingester(archive, index, CountingEmbedder())
    with pytest.raises(ArchiveError):
        ingester.remove(["a1"])
    ingester.remove(["a2"])
    assert (chroma.calls, archive.vector_count()) == (1, 28)
    index.upsert([], np.zeros((0, 64), dtype=np.float32))
    assert holds_the_archive(index, archive)
    index.close()


def test_where_a_search_fails_the_stored_vectors_are_searched(
    tmp_path: Path, archive: SqliteArchive, caplog: pytest.LogCaptureFixture
) -> None:
    """Told once; the mark stays; a vector that fits nothing is the asker's fault and no doubt about the index."""
    index, chroma = broken(tmp_path, archive)
    with pytest.raises(ArchiveError):
        index.query(np.ones(3, dtype=np.float32), 1)
    assert caplog.records == []
    for _ in range(2):
        assert each_is_found(index, archive)
    assert chroma.calls == 2
    assert len(caplog.records) == 1
    index.close()
    assert (tmp_path / "chroma.in-use").exists()


def test_a_closed_index_says_so(tmp_path: Path, archive: SqliteArchive) -> None:
    """And does not answer from the archive as if nothing were."""
    index = filled(tmp_path, archive)
    index.close()
    with pytest.raises(ArchiveError, match="closed"):
        index.query(np.ones(64, dtype=np.float32), 1)


def test_the_address_of_the_holder_is_announced(tmp_path: Path, archive: SqliteArchive) -> None:
    """A command that comes by learns it from the lock."""
    index = filled(tmp_path, archive)
    index.announce("http://127.0.0.1:8000")
    assert ProcessLock(tmp_path).holder() == Holder(os.getpid(), "http://127.0.0.1:8000")
    with pytest.raises(ArchiveInUse, match="run `dateline ingest`"):
        ChromaIndex(tmp_path, archive)
    index.close()


def test_a_rebuild_says_how_far_it_is(tmp_path: Path, archive: SqliteArchive, caplog: pytest.LogCaptureFixture) -> None:
    """Every ten thousand vectors."""

    class Long(SqliteArchive):
        """An archive of 20,500 vectors in large batches."""

        def vector_count(self) -> int:
            return 20_500

        def vectors(self, batch: int = 1000) -> Iterator[tuple[list[str], Vectors]]:
            for first in range(0, 20_500, 4_100):
                yield [f"p{first + n}" for n in range(4_100)], np.eye(4, dtype=np.float32)[np.arange(4_100) % 4]

    long = Long(archive.path, None, FixedClock())
    index = ChromaIndex(tmp_path, long, mend_later=True)
    caplog.set_level("INFO", logger="service")
    assert index.rebuild() == 20_500
    index.close()
    long.close()
    assert [record.getMessage() for record in caplog.records if record.levelname == "INFO"] == [
        "vector index: 12300 of 20500 stored vectors",
        "vector index: 20500 of 20500 stored vectors",
        "vector index rebuilt from 20500 stored vectors",
    ]


def test_settings_of_others_do_not_reach_chroma(tmp_path: Path, archive: SqliteArchive, monkeypatch: pytest.MonkeyPatch) -> None:
    """Chroma reads `.env` of the working directory by itself; a key that would turn it into a client of a server has no effect."""
    (tmp_path / ".env").write_text("CHROMA_SERVER_HOST=nowhere.invalid\nMIGRATIONS=none\nIS_PERSISTENT=false\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    index = filled(tmp_path, archive)
    assert index._chroma.client is not None
    assert index._chroma.client.get_settings().migrations == "apply"
    assert holds_the_archive(index, archive)
    index.close()


def test_two_archives_in_one_process_do_not_meet(tmp_path: Path) -> None:
    """Chroma keeps what it opened by path: two folders are two indexes, and a folder made anew is empty."""
    for name, articles in (("one", 3), ("two", 5), ("one", 4)):
        folder = tmp_path / name
        shutil.rmtree(folder, ignore_errors=True)
        archive = SqliteArchive(folder / "archive.sqlite3", "hashing", FixedClock())
        index = filled(folder, archive, articles)
        assert index.count() == articles
        index.close()
        archive.close()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path, archive: SqliteArchive) -> None:
    """A file stands where the folder should be."""
    (tmp_path / "file").write_text("")
    with pytest.raises(ArchiveError, match="set DATELINE_DATA_DIR"):
        ChromaIndex(tmp_path / "file", archive)
