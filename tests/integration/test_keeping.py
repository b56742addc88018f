"""Backup and restore: the same articles and the same answers elsewhere, and whatever ends it, the old archive or the new one is whole."""

import asyncio
import errno
import json
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from service import keeping
from service.answering.request import AskRequest
from service.articles.items import Loaded
from service.articles.row import article_from_row
from service.bootstrap import ARCHIVE_FILE, build
from service.domain import Answer
from service.errors import ArchiveDamaged, ArchiveError, ArchiveInUse, ArchiveMismatch, BadInput, DatelineError, ModelUnavailable, NotFound
from service.models.hashing import HashingEmbedder
from service.models.scripted import ScriptedGenerator
from service.services import Services, now
from service.settings import Settings
from service.storage import copying
from service.storage.archive import SqliteArchive
from service.storage.chroma_index import ChromaIndex
from service.storage.copying import COPYING
from service.storage.ledger import digest, summary
from tests.integration.conftest import ROWS, SAID
from tests.unit.test_storage_lock import holding

EMBEDDER = HashingEmbedder(256)
QUESTIONS = (
    "How many people have been evacuated below the Halvern Dam?",
    "What did engineers find in the Halvern Dam?",
    "Who voted on the tram budget, and with how many votes?",
)
DEADLINE = 60.0
"""Seconds that another thread is waited for: never more than a moment."""


def settings_of(folder: Path, **more: Any) -> Settings:
    """An archive in this folder, without a model."""
    return Settings(_env_file=None, **{"data_dir": folder, "model": "extractive", **more})


def items(*rows: dict[str, Any]) -> list[Loaded]:
    """Articles as a door hands them in."""
    return [article_from_row(row, now=now(), max_chars=10_000) for row in rows]


@contextmanager
def serving(folder: Path) -> Iterator[Services]:
    """Real archive and index, a scripted model."""
    with build(settings_of(folder), embedder=EMBEDDER, generator=ScriptedGenerator([SAID])) as services:
        yield services


def made(folder: Path, *rows: dict[str, Any]) -> Settings:
    """An archive of these articles, by default three, with an article that was replaced and one question asked."""
    with serving(folder) as services:
        services.ingest(items(*(rows or ROWS)))
        services.ingest(items({**ROWS[2], "text": "The council voted on the tram budget. It passed by six votes."}))
        asked(services, QUESTIONS[0])
    return settings_of(folder)


def asked(services: Services, question: str) -> Answer:
    """The answer as of a day after all dated articles."""
    return asyncio.run(services.answerer.ask(AskRequest(question, asked_at=now())))


def seen(answer: Answer) -> object:
    """What a reader sees of an answer: its words, and where each is from."""
    cited = [(one.marker, one.article.id, one.article.version, one.quote, one.start, one.end) for one in answer.citations]
    return answer.status, [(one.text, one.citations) for one in answer.sentences], cited


def restored(file: Path, folder: Path, **more: Any) -> keeping.Restored:
    """A backup put in a folder's place."""
    return keeping.restore(settings_of(folder), file, **{"replace": False, "embedder": EMBEDDER, **more})


def left(folder: Path) -> dict[str, bytes]:
    """Every file of a folder that has content."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file() and path.stat().st_size}


# ── under load ───────────────────────────────────────────────────────────────


class Load:
    """A thread that ingests and one that asks, each holding its lock while it is at it."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.locks = threading.Lock(), threading.Lock()
        self.done = [0, 0]
        self.moved = threading.Condition()
        self.ending = threading.Event()
        self.threads = [threading.Thread(target=self._run, args=(place,)) for place in (0, 1)]

    def _run(self, place: int) -> None:
        while not self.ending.is_set():
            with self.locks[place]:
                (self._ingest, self._ask)[place](self.done[place])
            with self.moved:
                self.done[place] += 1
                self.moved.notify_all()

    def _ingest(self, number: int) -> None:
        words = " ".join(f"word{number}x{place}" for place in range(60))
        rows = [{"id": f"load-{number}-{one}", "text": f"The river saw {words} {one}.", "language": "en"} for one in range(8)]
        report = self.services.ingest(items(*rows, {"id": "often", "text": f"The gauge stood at {number}.", "language": "en"}))
        assert not report.rejected

    def _ask(self, number: int) -> None:
        asked(self.services, QUESTIONS[number % len(QUESTIONS)])

    def wait(self, more: int) -> None:
        """Until each has done so many more."""
        with self.moved:
            aim = [done + more for done in self.done]
            assert self.moved.wait_for(lambda: all(done >= least for done, least in zip(self.done, aim, strict=True)), DEADLINE)

    def __enter__(self) -> "Load":
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ending.set()
        for thread in self.threads:
            thread.join(DEADLINE)
            assert not thread.is_alive()


def test_a_backup_under_load_is_the_archive_of_one_moment(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Copied while articles come in and questions are asked, restored elsewhere: every row and every answer is that of the moment."""
    file, told = tmp_path / "kept.dateline", {}
    with serving(tmp_path / "data") as services, Load(services) as load:
        services.ingest(items(*ROWS))
        load.wait(3)
        for lock in load.locks:
            lock.acquire()
        before = [seen(asked(services, question)) for question in QUESTIONS]
        with copying.held_still(services.archive.path) as connection:
            at_the_moment = digest(connection)

        def go_on(what: str, done: int, total: int) -> None:
            """Once the copy has begun to hold still, and before its first page, the load goes on; and it has written when that is read."""
            if what == COPYING and not told:
                told["done"] = list(load.done)
                for lock in load.locks:
                    lock.release()
                load.wait(2)

        kept = keeping.backup(services.settings, file, replace=False, progress=go_on)
        load.wait(1)
        at_last = summary(services.archive.path)
        done = load.done[:]
    back = restored(file, tmp_path / "elsewhere")
    with serving(tmp_path / "elsewhere") as services:
        after = [seen(asked(services, question)) for question in QUESTIONS]
        counted = services.index.count(), services.archive.vector_count(), services.archive.check()
    with capsys.disabled():
        print(
            f"\nbatches and questions before, in all: {told['done']}, {done}; articles kept, at last: {kept.articles}, {at_last.articles};"
            f" answers kept, and at last: {kept.answers}, {at_last.answers}; {kept.bytes:,} bytes"
        )
    assert kept.digest == at_the_moment == back.summary.digest == summary(file).digest
    assert kept.digest != at_last.digest
    assert at_last.articles > kept.articles > 3
    assert at_last.answers > kept.answers > 3
    assert kept.former_versions > 0
    assert after == before
    assert len({str(one) for one in before}) == 3
    assert counted == (kept.passages, kept.passages, None)
    assert back.vectors == kept.passages


def test_pages_that_come_one_by_one_are_of_one_moment_too(tmp_path: Path) -> None:
    """Between any two steps another connection writes; the copy ends, and is the archive as it was."""
    settings = made(tmp_path / "data")
    archive, file, steps = settings.data_dir / ARCHIVE_FILE, tmp_path / "kept", []
    with copying.held_still(archive) as connection, closing(sqlite3.connect(archive)) as other:
        at_the_moment = digest(connection)

        def write(what: str, done: int, total: int) -> None:
            steps.append(done)
            other.execute("INSERT INTO removed VALUES (?, 0)", (f"key {len(steps)}",))
            other.commit()

        copying.write(connection, archive, file, progress=write, step=5)
    assert len(steps) > 10
    assert summary(file).digest == at_the_moment != summary(archive).digest


# ── the file ─────────────────────────────────────────────────────────────────


def test_a_backup_is_one_file_for_its_owner_alone(tmp_path: Path) -> None:
    """Mode 0600, nothing beside it, and what is told of it is what the archive holds."""
    settings = made(tmp_path / "data")
    (tmp_path / "kept").mkdir()
    file = tmp_path / "kept" / "a.dateline"
    found = keeping.backup(settings, file, replace=False)
    assert [path.name for path in file.parent.iterdir()] == ["a.dateline"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert found == summary(settings.data_dir / ARCHIVE_FILE)
    assert (found.articles, found.passages, found.former_versions, found.conversations, found.answers) == (3, 3, 1, 1, 1)


def test_a_file_that_is_there_is_replaced_only_where_that_is_said(tmp_path: Path) -> None:
    """Left as it is otherwise, also where it appears while the copy is made."""
    settings, file = made(tmp_path / "data"), tmp_path / "kept"
    file.write_text("mine")
    with pytest.raises(BadInput, match="is there already and was left as it is: name another file, or add --replace"):
        keeping.backup(settings, file, replace=False)
    with pytest.raises(BadInput, match="has appeared meanwhile"):
        keeping.backup(settings, tmp_path / "late", replace=False, progress=lambda *_: (tmp_path / "late").write_text("mine"))
    assert file.read_text() == (tmp_path / "late").read_text() == "mine"
    assert keeping.backup(settings, file, replace=True) == summary(file)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "kept", "late"]


@pytest.mark.parametrize("name", [ARCHIVE_FILE, f"{ARCHIVE_FILE}-wal", "chroma/a", "index.lock", "writing.lock", "../data/archive.sqlite3"])
def test_the_archives_own_files_are_no_place_for_a_backup(tmp_path: Path, name: str) -> None:
    """Whatever leads there, and with `--replace` too."""
    settings = made(tmp_path / "data")
    before = left(settings.data_dir)
    link = tmp_path / "link"
    link.symlink_to(settings.data_dir / name)
    for file in (settings.data_dir / name, link):
        with pytest.raises(BadInput, match="is of the archive itself"):
            keeping.backup(settings, file, replace=True)
    assert left(settings.data_dir) == before


def test_where_there_is_nothing_to_back_up_or_no_place_for_it_that_is_said(tmp_path: Path) -> None:
    """No archive is made on the way."""
    with pytest.raises(NotFound, match="there is no archive in"):
        keeping.backup(settings_of(tmp_path / "none"), tmp_path / "kept", replace=False)
    settings = made(tmp_path / "data")
    with pytest.raises(BadInput, match="make it first"):
        keeping.backup(settings, tmp_path / "nowhere" / "kept", replace=False)
    with pytest.raises(BadInput, match="is a folder"):
        keeping.backup(settings, tmp_path, replace=True)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(BadInput, match="a device or the like"):  # which it would take the place of
        keeping.backup(settings, tmp_path / "pipe", replace=True)
    assert (tmp_path / "pipe").is_fifo()
    (tmp_path / "pipe").unlink()
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_a_damaged_archive_is_not_passed_off_as_a_backup(tmp_path: Path) -> None:
    """The copy is looked at before it gets its name."""
    settings = made(tmp_path / "data", *({"id": f"a{one}", "text": f"The dam {one} holds. " * 40} for one in range(40)))
    damaged(settings.data_dir / ARCHIVE_FILE)
    with pytest.raises(ArchiveDamaged):
        keeping.backup(settings, tmp_path / "kept", replace=False)
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def damaged(path: Path) -> None:
    """The last pages overwritten, the first left as it is."""
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        file.write(b"\xff" * (path.stat().st_size // 2))


# ── what is refused ──────────────────────────────────────────────────────────


def foreign(file: Path) -> None:
    """A database of somebody else's."""
    file.unlink()
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE mine (x)")


def newer(file: Path) -> None:
    """Made by a Dateline to come."""
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA user_version=99")


def reworded(file: Path) -> None:
    """A word of an article is another: SQLite's own check sees nothing."""
    words = file.read_bytes()
    assert b"Halvern Dam" in words
    file.write_bytes(words.replace(b"Halvern Dam", b"Halvern Fen"))


def no_numbers(file: Path) -> None:
    """A stored vector that is not finite."""
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE passages SET vector = ? WHERE number = 1", (np.full(EMBEDDER.dimension, np.nan, "<f4").tobytes(),))


BAD: list[tuple[str, Callable[[Path], object], type[DatelineError], str]] = [
    ("nothing", lambda file: file.unlink(), BadInput, "is no file"),
    ("a folder", lambda file: (file.unlink(), file.mkdir()), BadInput, "is no file"),
    ("empty", lambda file: file.write_bytes(b""), ArchiveDamaged, "not an archive of Dateline"),
    ("garbage", lambda file: file.write_bytes(b"garbage " * 1000), ArchiveDamaged, "cannot be restored, and nothing was changed"),
    ("cut off", lambda file: os.truncate(file, file.stat().st_size // 2), ArchiveDamaged, "cannot be restored, and nothing was changed"),
    ("damaged", damaged, ArchiveDamaged, "cannot be restored, and nothing was changed"),
    ("reworded", reworded, ArchiveDamaged, r"nothing was changed \(.*have another text than was taken in.*--even-damaged restores it"),
    ("no numbers", no_numbers, ArchiveDamaged, r"nothing was changed \(stored vectors: 1 .*not finite.*--embed makes them anew"),
    ("foreign", foreign, ArchiveDamaged, "not an archive of Dateline"),
    ("newer", newer, ArchiveMismatch, "schema 99"),
]


@pytest.mark.parametrize(("spoil", "error", "words"), [bad[1:] for bad in BAD], ids=[bad[0] for bad in BAD])
@pytest.mark.parametrize("there", [False, True], ids=["new", "replacing"])
def test_a_file_that_is_no_whole_archive_is_refused(
    tmp_path: Path, spoil: Callable[[Path], object], error: type[DatelineError], words: str, there: bool
) -> None:
    """With what is wrong, and nothing is changed."""
    file, place = tmp_path / "kept", tmp_path / "place"
    keeping.backup(made(tmp_path / "data"), file, replace=False)
    spoil(file)
    if there:
        shutil.copytree(tmp_path / "data", place)
    before = left(place) if there else {}
    with pytest.raises(error, match=words):
        restored(file, place, replace=there)
    assert (left(place) if place.exists() else {}) == before
    assert not list(tmp_path.rglob("restoring-*"))


def test_the_only_backup_there_is_can_be_restored_although_it_is_damaged(tmp_path: Path) -> None:
    """Texts that are not what was taken in where that is said; vectors by embedding again."""
    file = tmp_path / "kept"
    keeping.backup(made(tmp_path / "data"), file, replace=False)
    no_numbers(file)
    assert restored(file, tmp_path / "first", embed=True).vectors == 3
    reworded(file)
    with pytest.raises(ArchiveDamaged, match="--even-damaged"):
        restored(file, tmp_path / "second", embed=True)
    assert restored(file, tmp_path / "second", embed=True, even_damaged=True).vectors == 3


def test_an_archive_that_is_there_is_replaced_only_where_that_is_said(tmp_path: Path) -> None:
    """And neither is one restored from itself."""
    settings, file = made(tmp_path / "data"), tmp_path / "kept"
    keeping.backup(settings, file, replace=False)
    before = left(settings.data_dir)
    with pytest.raises(BadInput, match="add --replace, and it is kept beside under another name"):
        restored(file, settings.data_dir)
    with pytest.raises(BadInput, match="is the archive itself"):
        restored(settings.data_dir / ARCHIVE_FILE, settings.data_dir, replace=True)
    with pytest.raises(BadInput, match="is no file"):  # which --replace would not help
        restored(tmp_path / "nowhere", settings.data_dir)
    assert left(settings.data_dir) == before


def test_while_a_process_holds_the_archive_nothing_is_restored(tmp_path: Path) -> None:
    """It is named, with its address where it is a service, and so is one that merely reads."""
    settings, file = made(tmp_path / "data"), tmp_path / "kept"
    keeping.backup(settings, file, replace=False)
    process = holding(settings.data_dir, "http://127.0.0.1:8321")
    with process:
        words = f"process {process.pid} holds the archive in .* serves it at http://127.0.0.1:8321: stop it, then restore again"
        with pytest.raises(ArchiveInUse, match=words):
            restored(file, settings.data_dir, replace=True)
    with closing(sqlite3.connect(settings.data_dir / ARCHIVE_FILE, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM meta").fetchall()
        with pytest.raises(ArchiveInUse, match="another process reads the archive"):
            restored(file, settings.data_dir, replace=True)
    assert summary(settings.data_dir / ARCHIVE_FILE).digest == summary(file).digest
    assert not list(settings.data_dir.glob("*.replaced-*"))


def test_an_archive_of_another_encoder_is_refused_or_embedded_again(tmp_path: Path) -> None:
    """With both ways out, before anything is touched; with `embed` the passages get new vectors, and nothing else changes."""
    file, place = tmp_path / "kept", tmp_path / "place"
    keeping.backup(made(tmp_path / "data"), file, replace=False)
    other = HashingEmbedder(64)
    with pytest.raises(ArchiveMismatch, match=r"made with hashing-256.*say hashing-64.*DATELINE_EMBEDDING_MODEL.*--embed"):
        restored(file, place, embedder=other)
    assert not (place / ARCHIVE_FILE).exists()
    assert restored(file, place, embedder=other, embed=True).vectors == 3
    with build(settings_of(place), embedder=other) as services:
        assert next(services.archive.vectors())[1].shape == (3, 64)
        assert services.index.count() == 3


class Failing(HashingEmbedder):
    """An encoder that is gone when passages are embedded."""

    def embed(self, texts: Any) -> Any:
        raise ModelUnavailable("the encoder does not answer")


def test_where_the_encoder_fails_nothing_is_restored(tmp_path: Path) -> None:
    """The passages are embedded before anything is replaced: the archive that was there still is, and opens."""
    settings, file = made(tmp_path / "place"), tmp_path / "kept"
    keeping.backup(made(tmp_path / "data", *ROWS[:2]), file, replace=False)
    before = summary(settings.data_dir / ARCHIVE_FILE).digest
    with pytest.raises(ModelUnavailable, match="does not answer"):
        restored(file, settings.data_dir, embedder=Failing(64), embed=True, replace=True)
    assert summary(settings.data_dir / ARCHIVE_FILE).digest == before
    assert not list(settings.data_dir.glob("*.replaced-*")) + list(settings.data_dir.glob("restoring-*"))
    with serving(settings.data_dir) as services:
        assert services.index.count() == 3


def test_a_file_that_cannot_be_read_is_not_blamed_on_the_archives_folder(tmp_path: Path) -> None:
    """The system's words stand beside the file's name."""
    with pytest.raises(BadInput, match=r"xxx cannot be read \(.*too long\), and nothing was changed"):
        restored(tmp_path / ("x" * 300), tmp_path / "place")


@pytest.mark.parametrize(
    ("step", "told"), [(keeping.KEEPING, "the archive that was there still is"), (keeping.INDEXING, "the backup is in place")],
    ids=["before", "after"],
)  # fmt: skip
def test_a_disk_that_fails_while_it_is_put_in_place_is_told_truly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, told: str
) -> None:
    """Which of the two archives is there is what is said."""
    file, place = tmp_path / "kept", tmp_path / "place"
    settings = made(place)
    keeping.backup(made(tmp_path / "data", *ROWS[:2]), file, replace=False)
    before, move = summary(settings.data_dir / ARCHIVE_FILE).digest, keeping.durable.place

    def fail(fresh: Path, archive: Path, *, replace: bool) -> None:
        ours = archive == place / ARCHIVE_FILE
        if step == keeping.INDEXING or not ours:
            move(fresh, archive, replace=replace)
        if ours:
            raise OSError(errno.EIO, "broken")

    monkeypatch.setattr(keeping.durable, "place", fail)
    with pytest.raises(ArchiveError, match=told):
        restored(file, place, replace=True)
    expected = before if step == keeping.KEEPING else summary(file).digest
    assert summary(place / ARCHIVE_FILE).digest == expected


# ── what was there before ────────────────────────────────────────────────────


def abandoned(folder: Path, copy: Path) -> str:
    """An archive as a killed process leaves it: what it wrote last is only in its log. Returns its digest."""
    settings = made(folder)
    with closing(SqliteArchive(settings.data_dir / ARCHIVE_FILE, None, now)) as archive:
        archive.remove(["dam-2"])
        shutil.copytree(folder, copy)
        found = summary(archive.path).digest
    assert (copy / f"{ARCHIVE_FILE}-wal").stat().st_size
    return found


def test_the_old_archive_is_kept_with_what_was_in_its_log(tmp_path: Path) -> None:
    """The log is taken into the old file, and not into the new one."""
    file, place = tmp_path / "kept", tmp_path / "place"
    keeping.backup(made(tmp_path / "data", *ROWS[:2]), file, replace=False)
    old = abandoned(tmp_path / "old", place)
    done = restored(file, place, replace=True)
    assert done.replaced is not None
    assert summary(done.replaced).digest == old != summary(file).digest
    assert summary(place / ARCHIVE_FILE).digest == done.summary.digest == summary(file).digest
    again = restored(file, place, replace=True)
    assert again.replaced not in {None, done.replaced}
    assert done.replaced.exists()


@pytest.mark.parametrize("shape", ["damaged", "gone"])
def test_the_log_of_an_archive_that_cannot_be_opened_is_not_applied_to_the_new_one(tmp_path: Path, shape: str) -> None:
    """It is moved aside with what there is of the old one."""
    file, place = tmp_path / "kept", tmp_path / "place"
    keeping.backup(made(tmp_path / "data", *ROWS[:2]), file, replace=False)
    abandoned(tmp_path / "old", place)
    log = (place / f"{ARCHIVE_FILE}-wal").read_bytes()
    if shape == "gone":
        (place / ARCHIVE_FILE).unlink()
    else:
        (place / ARCHIVE_FILE).write_bytes(b"garbage " * 1000)
    done = restored(file, place, replace=True)
    assert summary(place / ARCHIVE_FILE).digest == summary(file).digest
    with serving(place) as services:
        assert (services.archive.check(), services.archive.coverage().articles, services.index.count()) == (None, 3, 3)
    assert done.replaced is not None
    assert done.replaced.with_name(f"{done.replaced.name}-wal").read_bytes() == log or shape == "damaged"


# ── interrupted ──────────────────────────────────────────────────────────────

KILLED = """
import os, shutil, signal, sys
from pathlib import Path
from service import keeping
from service.models.hashing import HashingEmbedder
from service.settings import Settings

def attempt(place, file, end):
    told = []
    def step(what, done, total):
        if not told or what != told[-1]:
            told.append(what)
            if len(told) != end:
                return
            print(what, flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
    settings = Settings(_env_file=None, data_dir=place, model="extractive")
    keeping.restore(settings, file, replace=True, embedder=HashingEmbedder(256), progress=step)

root, file = Path(sys.argv[1]), Path(sys.argv[2])
end = 1
while True:
    place = shutil.copytree(root / "old", root / f"killed-{end}")
    child = os.fork()
    if child == 0:
        attempt(place, file, end)
        os._exit(0)
    if os.waitpid(child, 0)[1] == 0:
        break
    end += 1
"""
"""Restores again and again, killed one step later each time, until one is not killed any more; the imports are paid once."""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_restore_that_is_killed_leaves_the_old_archive_or_the_new_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """At every step it tells of: what is opened next is one of the two, whole, with an index of its own; the next restore succeeds."""
    file = tmp_path / "kept"
    keeping.backup(made(tmp_path / "data", *ROWS[:2]), file, replace=False)
    old, new = abandoned(tmp_path / "source", tmp_path / "old"), summary(file).digest
    command = [sys.executable, "-c", KILLED, str(tmp_path), str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd=Path(__file__).parents[2])
    assert done.returncode == 0, done.stderr
    killed = done.stdout.splitlines()
    states = []
    for number in range(1, len(killed) + 1):
        place = tmp_path / f"killed-{number}"
        found = summary(place / ARCHIVE_FILE).digest
        states.append({old: "old", new: "new"}[found])
        with closing(SqliteArchive(place / ARCHIVE_FILE, None, now)) as archive, closing(ChromaIndex(place, archive)) as index:
            assert archive.check() is None
            assert index.count() == archive.vector_count()
            assert all(
                index.query(vector, 1)[0][0] == row for ids, rows in archive.vectors() for row, vector in zip(ids, rows, strict=True)
            )
    again = restored(file, tmp_path / "killed-1", replace=True)
    with capsys.disabled():
        print(f"\n{len(killed)} kills: {states.count('old')} found the old archive, {states.count('new')} the new one; at {killed}")
    assert states == sorted(states, reverse=True)
    assert set(states) == {"old", "new"}
    assert again.summary.digest == new
    assert {keeping.MARKING, keeping.KEEPING, keeping.PLACING, keeping.INDEXING} <= set(killed)


def test_a_second_name_that_a_killed_restore_left_is_not_taken_for_the_old_archive(tmp_path: Path) -> None:
    """Between keeping the old one and replacing it, both names are of one file; the next restore takes the second away."""
    settings, file = made(tmp_path / "data"), tmp_path / "kept"
    keeping.backup(settings, file, replace=False)
    archive = settings.data_dir / ARCHIVE_FILE
    twin = archive.with_name(f"{ARCHIVE_FILE}.replaced-20260101T000000Z")
    os.link(archive, twin)
    (settings.data_dir / "restoring-left").mkdir()
    assert keeping.second_names(archive) == [twin]
    done = restored(file, settings.data_dir, replace=True)
    assert not twin.exists()
    assert not (settings.data_dir / "restoring-left").exists()
    assert keeping.second_names(archive) == []
    assert done.replaced is not None


# ── the commands ─────────────────────────────────────────────────────────────


def test_the_commands_tell_what_is_in_the_file_and_what_is_in_the_archive(
    process: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    """Beside a process that holds the archive too; the summaries of both are the same words."""
    settings = made(tmp_path / "data")
    with serving(settings.data_dir):
        backed = process("backup", tmp_path / "kept")
        refused = process("restore", tmp_path / "kept", "--replace")
    assert (backed.returncode, backed.stderr) == (0, "")
    assert "3 articles, 3 passages, 1 former version, 1 conversation, 1 answer, 0 verdicts" in backed.stdout
    assert (refused.returncode, len(refused.stderr.splitlines())) == (2, 1)
    assert f"process {os.getpid()} holds the archive" in refused.stderr
    done = process("restore", tmp_path / "kept", "--data-dir", tmp_path / "other")
    assert (done.returncode, done.stdout.splitlines()[1:4]) == (0, backed.stdout.splitlines()[1:4])
    assert "3 vectors indexed" in done.stdout
    again = process("backup", tmp_path / "kept", "--replace", "--json")
    assert json.loads(again.stdout)["digest"] in backed.stdout


def test_what_is_restored_is_told_where_the_index_waits(tmp_path: Path) -> None:
    """A process that takes the archive before the index is rebuilt costs nothing: it rebuilds it itself."""
    settings, file = made(tmp_path / "data"), tmp_path / "kept"
    keeping.backup(settings, file, replace=False)
    others: list[Any] = []

    def step(what: str, done: int, total: int) -> None:
        if what == keeping.INDEXING:
            others.append(holding(tmp_path / "place"))

    done = restored(file, tmp_path / "place", progress=step)
    with others[0]:
        assert (done.vectors, done.summary.articles) == (None, 3)
        assert f"process {others[0].pid} holds the archive" in (done.trouble or "")
    with serving(tmp_path / "place") as services:
        assert services.index.count() == 3
