"""A full disk, a folder that cannot be written, a lock held elsewhere: clear errors, reading goes on, nothing is lost.

The disks are real: tmpfs of 24 MB in a mount namespace of the test's own process (`unshare`), which goes away with it. Where the
system does not allow that, those tests are skipped, and the one with a limit on the size of files stands for them.
"""

import contextlib
import json
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from service import keeping
from service.articles.row import Loaded, article_from_row
from service.bootstrap import build
from service.domain import Scope
from service.errors import ArchiveError, DiskFull
from service.http.app import create_app
from service.indexing.ingest import Ingester
from service.services import Services
from service.settings import Settings
from service.storage.archive import SqliteArchive
from service.storage.chroma_index import GRAPH, IN_USE, ChromaIndex
from service.storage.exact_index import ExactIndex
from service.storage.ledger import summary
from tests.contract.test_upgrade import made_by
from tests.fakes import CountingEmbedder

NOW = datetime(2026, 6, 1, tzinfo=UTC)
DIMENSION, BATCH = 256, 20
SMALL = {**GRAPH, "sync_threshold": 100}
ROOT = Path(__file__).parents[2]


def articles(first: int, last: int) -> Iterator[Loaded]:
    """Articles of one passage, each with words of its own."""
    for number in range(first, last):
        words = " ".join(f"word{number}x{place}" for place in range(80))
        yield article_from_row({"id": f"a{number:05}", "text": f"The river saw {words}.", "language": "en"}, now=NOW, max_chars=10_000)


def opened(folder: Path) -> SqliteArchive:
    """The archive in a folder."""
    return SqliteArchive(folder / "archive.sqlite3", CountingEmbedder(DIMENSION).fingerprint, lambda: NOW)


def taken(archive: SqliteArchive, index: ChromaIndex, first: int, last: int) -> tuple[set[str], ArchiveError | None]:
    """The ids that were acknowledged, and what ended it."""
    acknowledged: set[str] = set()

    def acknowledge(report: Any) -> None:
        acknowledged.update(item.article_id for item in report.items)

    try:
        Ingester(archive, index, CountingEmbedder(DIMENSION), batch=BATCH).run(articles(first, last), acknowledge)
    except ArchiveError as error:
        return acknowledged, error
    return acknowledged, None


def missed(archive: SqliteArchive, index: ChromaIndex | ExactIndex) -> list[str]:
    """Passages that their own vectors do not find."""
    pairs = [(row, vector) for ids, vectors in archive.vectors() for row, vector in zip(ids, vectors, strict=True)]
    step = max(1, len(pairs) // 300)
    return [row for row, vector in pairs[::step] if index.query(vector, 1)[0][0] != row]


def ready(archive: SqliteArchive) -> set[str]:
    """Ids of the visible articles."""
    return {article.id for article in archive.articles(None, 100_000)}


# ── in a process of its own ──────────────────────────────────────────────────


def fill(folder: Path, size: str) -> None:
    """Fill the disk, look whether what was taken in is there, make room, go on, and tell how it went."""
    ballast = folder / "ballast"
    ballast.write_bytes(bytes(int(size)))
    archive = opened(folder)
    index = ChromaIndex(folder, archive, graph=SMALL)
    acknowledged, error = taken(archive, index, 0, 100_000)
    told: dict[str, Any] = {"error": type(error).__name__, "message": str(error), "acknowledged": len(acknowledged)}
    told["distrust"] = index._distrust
    full = ready(archive)
    told["lost"] = len(acknowledged - full)
    told["beyond a batch"] = len(full - acknowledged) > BATCH
    told["missed while full"] = missed(archive, index)
    told["words while full"] = len(archive.lexical(["river"], Scope(NOW), 100_000)) == len(full)
    told["again"] = type(taken(archive, index, 50_000, 50_040)[1]).__name__
    ballast.unlink()
    more, error = taken(archive, index, 60_000, 60_400)
    told |= {"resumed": len(more), "error then": str(error), "missed then": missed(archive, index)}
    told["lost then"] = len((acknowledged | more) - ready(archive))
    told["agree"] = index.count() == archive.vector_count() == len(ready(archive))
    index.close()
    told["closed"] = not (folder / IN_USE).exists()
    index = ChromaIndex(folder, archive, graph=SMALL)
    told["agree at last"] = index.count() == archive.vector_count()
    told["missed at last"] = missed(archive, index)
    index.close()
    archive.close()
    print(json.dumps(told))


def close_full(folder: Path, size: str) -> None:
    """Fill the disk, close, try to open, read without the index, make room, open."""
    ballast = folder / "ballast"
    ballast.write_bytes(bytes(int(size)))
    archive = opened(folder)
    index = ChromaIndex(folder, archive, graph=SMALL)
    acknowledged, _ = taken(archive, index, 0, 100_000)
    told: dict[str, Any] = {"acknowledged": len(acknowledged), "distrust": index._distrust}
    index.close()
    told["marked"] = (folder / IN_USE).exists()
    archive.close()
    archive = opened(folder)
    free = shutil.disk_usage(folder).free
    (folder / "more").write_bytes(bytes(max(0, free - 8192)))
    try:
        ChromaIndex(folder, archive, graph=SMALL)
        told["opening"] = None
    except ArchiveError as error:
        told |= {"opening": type(error).__name__, "message": str(error)}
    told["missed while full"] = missed(archive, ExactIndex(archive))
    ballast.unlink()
    (folder / "more").unlink()
    index = ChromaIndex(folder, archive, graph=SMALL)
    told["lost"] = len(acknowledged - ready(archive))
    told["agree"] = index.count() == archive.vector_count()
    told["missed"] = missed(archive, index)
    index.close()
    archive.close()
    print(json.dumps(told))


def fill_limited(folder: Path, size: str) -> None:
    """As `close_full`, with files that cannot grow instead of a disk that is full."""
    archive = opened(folder)
    index = ChromaIndex(folder, archive, graph=SMALL)
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(size), most))
    acknowledged, error = taken(archive, index, 0, 100_000)
    told: dict[str, Any] = {"error": type(error).__name__, "acknowledged": len(acknowledged), "missed while full": missed(archive, index)}
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    more, error = taken(archive, index, 60_000, 60_400)
    told |= {"resumed": len(more), "error then": str(error), "lost": len((acknowledged | more) - ready(archive))}
    index.close()
    index = ChromaIndex(folder, archive, graph=SMALL)
    told |= {"agree": index.count() == archive.vector_count(), "missed": missed(archive, index)}
    index.close()
    archive.close()
    print(json.dumps(told))


def read_only(folder: Path, size: str) -> None:
    """Open in a folder that was made read-only after an archive was put there."""
    archive = opened(folder)
    ChromaIndex(folder, archive, graph=SMALL).close()
    archive.close()
    subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
    told: list[str] = []
    begun = time.perf_counter()
    for open_one in (lambda: opened(folder), lambda: ChromaIndex(folder, SqliteArchive(Path(size), None, lambda: NOW), graph=SMALL)):
        try:
            open_one()
        except ArchiveError as error:
            told.append(str(error))
    print(json.dumps({"told": told, "seconds": time.perf_counter() - begun}))


def door_of(services: Services) -> TestClient:
    """Its HTTP door, in one event loop while it is open."""
    return TestClient(create_app(services), base_url="http://localhost", raise_server_exceptions=False)


def serve_full(folder: Path, size: str) -> None:
    """The HTTP door over a disk that something else fills to the last byte, and that has room again."""
    settings = Settings(_env_file=None, data_dir=folder, model="extractive", min_free_mb=0)  # type: ignore[call-arg]
    with build(settings, embedder=CountingEmbedder(DIMENSION)) as services, door_of(services) as door:

        def take(article_id: str) -> Any:
            rows = [{"id": article_id, "text": f"The ferry {article_id} ran aground. " + "It was towed to Skell. " * 400}]
            answer = door.post("/v1/articles", json=rows)
            return answer.status_code, answer.json().get("detail") or answer.json()["items"][0]["outcome"]

        def ask() -> Any:
            answer = door.post("/v1/ask", json={"question": "Which dam holds?", "asked_at": "2026-04-01"})
            return answer.status_code, [(one["article_id"], one["quote"]) for one in answer.json().get("citations", [])]

        rows = [{"id": f"a{number}", "text": f"The dam of town {number} holds.", "published_at": "2026-03-01"} for number in range(20)]
        told: dict[str, Any] = {"before": door.post("/v1/articles", json=rows).status_code, "asked before": ask()}
        ballast = (folder / "ballast").open("wb", buffering=0)
        for piece in (1_000_000, 4_096, 1):
            with contextlib.suppress(OSError):
                while ballast.write(bytes(piece)):
                    pass
        told |= {"free": shutil.disk_usage(folder).free, "taken while full": take("full"), "asked while full": ask()}
        told["there"] = door.get("/v1/articles/full").status_code
        told["search"] = len(door.post("/v1/search", json={"question": "Which dam holds?", "asked_at": "2026-04-01"}).json()["passages"])
        ballast.close()
        (folder / "ballast").unlink()
        told |= {"taken then": take("full"), "asked then": ask(), "there then": door.get("/v1/articles/full").status_code}
    little = settings.model_copy(update={"min_free_mb": 200})
    with build(little, embedder=CountingEmbedder(DIMENSION)) as services, door_of(services) as door:
        told |= {"below the floor": take("more"), "asked below": ask(), "there below": door.get("/v1/articles/more").status_code}
    print(json.dumps(told))


def keep_full(folder: Path, size: str) -> None:
    """Copies for which there is no room: a backup, a restore, and the copy of an archive that is to be brought up to date."""
    outside = Path(size)
    (folder / "small").write_bytes(b"kept")
    with contextlib.suppress(OSError):
        (folder / "ballast").write_bytes(bytes(shutil.disk_usage(folder).free - 1_000_000))
    told: dict[str, Any] = {}

    def attempt(name: str, do: Any) -> None:
        before = sorted(path.name for path in folder.rglob("*"))
        try:
            do()
            told[name] = "done"
        except ArchiveError as error:
            told[name] = [type(error).__name__, str(error)]
        told[f"left by {name}"] = sorted((set(before) ^ {path.name for path in folder.rglob("*")}) - {"index.lock"})

    settings = Settings(_env_file=None, data_dir=outside, model="extractive")  # type: ignore[call-arg]
    here = settings.model_copy(update={"data_dir": folder})
    encoder = CountingEmbedder(DIMENSION)
    attempt("backup", lambda: keeping.backup(settings, folder / "small", replace=True))
    attempt("restore", lambda: keeping.restore(here, outside / "archive.sqlite3", replace=False, embedder=encoder))
    shutil.copy(outside / "old.sqlite3", folder / "archive.sqlite3")
    attempt("upgrade", lambda: SqliteArchive(folder / "archive.sqlite3", None, lambda: NOW))
    told["schema"] = summary(folder / "archive.sqlite3").schema
    told["small"] = (folder / "small").read_text()
    print(json.dumps(told))


def on_own_disk(folder: Path, function: str, size: str, megabytes: int = 24) -> dict[str, Any]:
    """What a process told for which the folder is a disk of its own."""
    folder.mkdir()
    run = f"import sys, pathlib; from tests.integration import test_full_disk as t; t.{function}(pathlib.Path(sys.argv[1]), sys.argv[2])"
    script = f'mount -t tmpfs -o size={megabytes}m none "$1" && exec "$2" -c "$3" "$1" "$4"'
    command = ["unshare", "-rm", "sh", "-c", script, "sh", str(folder), sys.executable, run, size]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def own_disk(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Skips where a process may not mount a disk for itself."""
    folder = tmp_path_factory.mktemp("probe")
    script = ["unshare", "-rm", "sh", "-c", 'mount -t tmpfs -o size=1m none "$1"', "sh", str(folder)]
    if shutil.which("unshare") is None or subprocess.run(script, capture_output=True, check=False).returncode != 0:
        pytest.skip("no mount namespaces here")


# ── the tests ────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("ballast", [8_000_000, 9_300_000, 10_100_000])
@pytest.mark.usefixtures("own_disk")
def test_on_a_full_disk_searches_go_on_and_ingest_resumes(tmp_path: Path, ballast: int, capsys: pytest.CaptureFixture[str]) -> None:
    """What met the end is an error and not acknowledged; words and vectors are found; with room again the same process goes on."""
    told = on_own_disk(tmp_path / "disk", "fill", str(ballast))
    with capsys.disabled():
        print(f"\n{told}")
    assert told["error"] in {"DiskFull", "ArchiveError"}
    assert "free s" in told["message"]  # some space, or: has free space
    assert told["acknowledged"] > 1000
    assert (told["lost"], told["beyond a batch"], told["missed while full"], told["words while full"]) == (0, False, [], True)
    assert told["again"] != "NoneType"
    assert (told["resumed"], told["error then"], told["missed then"], told["lost then"]) == (400, "None", [], 0)
    assert (told["agree"], told["closed"], told["agree at last"], told["missed at last"]) == (True, True, True, [])


@pytest.mark.usefixtures("own_disk")
def test_what_is_closed_on_a_full_disk_is_in_doubt(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The mark stays, opening says what is missing, the stored vectors are searched; with room again it is rebuilt."""
    told = on_own_disk(tmp_path / "disk", "close_full", "8000000")
    with capsys.disabled():
        print(f"\n{told}")
    assert (told["lost"], told["agree"], told["missed"], told["missed while full"]) == (0, True, [], [])
    assert told["marked"] is (told["distrust"] is not None)
    assert told["opening"] == "DiskFull"
    assert "free some space, or set DATELINE_DATA_DIR; what was taken in so far is kept" in told["message"]


@pytest.mark.parametrize("size", [1_500_000, 3_000_000, 6_000_000])
def test_files_that_cannot_grow_lose_nothing(tmp_path: Path, size: int, capsys: pytest.CaptureFixture[str]) -> None:
    """The same by a limit on the size of files, which reaches archive, database and graph at different moments."""
    run = "import sys, pathlib; from tests.integration import test_full_disk as t; t.fill_limited(pathlib.Path(sys.argv[1]), sys.argv[2])"
    command = [sys.executable, "-c", run, str(tmp_path), str(size)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    with capsys.disabled():
        print(f"\n{told}")
    assert told["error"] in {"DiskFull", "ArchiveError"}
    assert told["acknowledged"] >= BATCH
    assert (told["missed while full"], told["resumed"], told["error then"], told["lost"]) == ([], 400, "None", 0)
    assert (told["agree"], told["missed"]) == (True, [])


@pytest.mark.usefixtures("own_disk")
def test_a_folder_that_cannot_be_written_is_told_at_once(tmp_path: Path) -> None:
    """Archive and index each say that it cannot be written, and what to do."""
    told = on_own_disk(tmp_path / "disk", "read_only", str(tmp_path / "elsewhere.sqlite3"))
    assert len(told["told"]) == 2
    assert all("DATELINE_DATA_DIR" in message for message in told["told"])
    assert all("cannot be" in message for message in told["told"])


@pytest.mark.usefixtures("own_disk")
def test_on_a_full_disk_questions_are_answered_over_http(tmp_path: Path) -> None:
    """What is not taken in is said to be so and is not there; answers are the same; with room again the same article goes in."""
    told = on_own_disk(tmp_path / "disk", "serve_full", "0", megabytes=12)
    assert (told["before"], told["free"]) == (200, 0)
    status, reason = told["taken while full"]
    assert (status, "free some space" in reason) == (507, True)
    assert (told["there"], told["search"]) == (404, 10)
    assert told["asked before"][0] == 200
    assert told["asked before"][1]
    assert told["asked while full"] == told["asked then"] == told["asked below"] == told["asked before"]
    assert (told["taken then"], told["there then"]) == ([200, "added"], 200)
    status, reason = told["below the floor"]
    assert (status, "200 MB are needed" in reason, told["there below"]) == (507, True, 404)


@pytest.mark.usefixtures("own_disk")
def test_what_there_is_no_room_to_copy_is_not_begun(tmp_path: Path) -> None:
    """Backup, restore and the upgrade of an old archive say how much is needed, and leave everything as it was."""
    archive = opened(tmp_path)
    taken(archive, ChromaIndex(tmp_path, archive, graph=SMALL), 0, 40)
    archive.close()
    made_by(5, tmp_path / "old.sqlite3", articles=2_000)
    told = on_own_disk(tmp_path / "disk", "keep_full", str(tmp_path))
    for name in ("backup", "restore", "upgrade"):
        kind, reason = told[name]
        assert (kind, "are needed: free some space" in reason, "nothing was changed" in reason) == ("DiskFull", True, True), reason
    assert (told["left by backup"], told["left by restore"], told["left by upgrade"]) == ([], [], [])
    assert (told["schema"], told["small"]) == (5, "kept")


def test_the_error_is_one_of_the_archives() -> None:
    """Whoever catches ArchiveError is told of a full disk too."""
    assert issubclass(DiskFull, ArchiveError)
