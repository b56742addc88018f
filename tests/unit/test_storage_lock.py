"""The lock: who holds it, where it can be reached, and what is made of a note that is not one of ours."""

import json
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from service.errors import ArchiveError, ArchiveInUse, Stopping
from service.storage.lock import Holder, ProcessLock, SharedLock
from service.storage.turns import Turns

HOLD = (
    "import sys; from pathlib import Path; from service.storage.lock import ProcessLock\n"
    "lock = ProcessLock(Path(sys.argv[1])); lock.acquire(); sys.argv[2:] and lock.announce(sys.argv[2])\n"
    "print('held', flush=True); sys.stdin.read()\n"
)
"""A process that takes the lock and holds it until its input ends."""


def holding(folder: Path, *url: str) -> subprocess.Popen[str]:
    """Another process that holds the lock by now."""
    command = [sys.executable, "-c", HOLD, str(folder), *url]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_the_holder_is_named_while_it_holds(tmp_path: Path) -> None:
    """The process id, and the address once it is announced; afterwards nobody."""
    lock = ProcessLock(tmp_path)
    assert lock.holder() is None
    lock.acquire()
    assert lock.holder() == Holder(os.getpid())
    lock.announce("http://127.0.0.1:8000")
    assert ProcessLock(tmp_path).holder() == Holder(os.getpid(), "http://127.0.0.1:8000")
    lock.release()
    lock.release()
    assert lock.holder() is None


@pytest.mark.skipif(os.name != "posix", reason="modes of files")
def test_only_the_owner_may_read_who_holds_it(tmp_path: Path) -> None:
    """Mode 0600 from the first moment and after every announcement; no other file of it is left."""
    lock = ProcessLock(tmp_path)
    lock.acquire()
    for url in ("http://127.0.0.1:8000", "http://127.0.0.1:8001"):
        assert stat.S_IMODE((tmp_path / "index.holder").stat().st_mode) == 0o600
        lock.announce(url)
    assert stat.S_IMODE((tmp_path / "index.holder").stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["index.holder", "index.lock"]
    lock.release()


def test_only_the_holder_announces(tmp_path: Path) -> None:
    """Without the lock nothing is written."""
    with pytest.raises(ArchiveError, match="does not hold"):
        ProcessLock(tmp_path).announce("http://127.0.0.1:8000")
    assert not (tmp_path / "index.holder").exists()


def test_another_process_is_named_with_the_way_out(tmp_path: Path) -> None:
    """Its id and what to do; with an address, that `dateline ingest` goes through it; once it has ended, the lock is free."""
    for urls, way_out in (((), "wait until it is done"), (("http://127.0.0.1:8123",), r"at http://127.0.0.1:8123: run `dateline ingest`")):
        with holding(tmp_path, *urls) as process:
            with pytest.raises(ArchiveInUse, match=f"process {process.pid} holds the archive in .*{way_out}"):
                ProcessLock(tmp_path).acquire()
            assert ProcessLock(tmp_path).holder() == Holder(process.pid, *urls)
            assert process.stdin is not None
            process.stdin.close()
    lock = ProcessLock(tmp_path)
    lock.acquire()
    lock.release()


def test_a_killed_holder_is_none(tmp_path: Path) -> None:
    """Its note is still there; the system has let its lock go."""
    with holding(tmp_path, "http://127.0.0.1:8123") as process:
        process.kill()
    assert (tmp_path / "index.holder").exists()
    assert ProcessLock(tmp_path).holder() is None
    lock = ProcessLock(tmp_path)
    lock.acquire()
    assert lock.holder() == Holder(os.getpid())
    lock.release()


@pytest.mark.skipif(os.name != "posix", reason="shared locks")
def test_those_who_share_refuse_one_who_wants_it_alone_and_the_other_way_round(tmp_path: Path) -> None:
    """Any number share; the note names the first of them, until another announces an address; it goes with whom it names."""
    first, second = SharedLock(tmp_path), SharedLock(tmp_path)
    first.acquire()
    second.acquire()
    with pytest.raises(ArchiveInUse, match=f"process {os.getpid()} holds"):
        ProcessLock(tmp_path).acquire()
    second.announce("http://127.0.0.1:8000")
    first.release()
    with pytest.raises(ArchiveInUse):
        ProcessLock(tmp_path).look()
    second.release()
    with holding(tmp_path, "http://127.0.0.1:8123") as process:
        with pytest.raises(ArchiveInUse, match=f"process {process.pid} holds the archive in .*8123"):
            SharedLock(tmp_path).acquire()
        process.kill()
    SharedLock(tmp_path).look()
    ProcessLock(tmp_path).look()


def test_looking_leaves_no_trace(tmp_path: Path) -> None:
    """Neither a folder, nor a note that would name this process."""
    ProcessLock(tmp_path / "nowhere").look()
    assert not (tmp_path / "nowhere").exists()
    ProcessLock(tmp_path).look()
    assert ProcessLock(tmp_path).holder() is None


def test_a_turn_comes_when_the_one_before_ends(tmp_path: Path) -> None:
    """Whoever does not want to wait longer, or has given up, is told that others write; nobody else has the turn afterwards."""
    mine, others = Turns(tmp_path), Turns(tmp_path)
    assert not others.taken()
    with mine.mine():
        assert mine.taken()
        assert others.taken()
        for turns in (mine, others):
            with pytest.raises(ArchiveInUse, match="others are writing"), turns.mine(patience=0.0):
                pass
            with pytest.raises(Stopping, match="run the same again"), turns.mine(given_up=lambda: True):
                pass
    with others.mine(patience=0):
        assert mine.taken()


@pytest.mark.skipif(os.name != "posix", reason="shared locks")
def test_who_looks_is_not_in_the_way(tmp_path: Path) -> None:
    """Two who look at once see nobody, and a turn waits for neither in vain."""
    with Turns(tmp_path).mine():
        pass
    looks, over = Turns(tmp_path), threading.Event()
    seen: set[bool] = set()

    def look() -> None:
        turns = Turns(tmp_path)
        while not over.is_set():
            seen.add(turns.taken())

    watching = threading.Thread(target=look)
    watching.start()
    try:
        seen |= {looks.taken() for _ in range(2000)}
        assert seen == {False}
        for _ in range(5):
            with looks.mine(patience=0):
                pass
    finally:
        over.set()
        watching.join()


def test_a_turn_whose_file_cannot_be_written_says_so(tmp_path: Path) -> None:
    """A folder stands in its place."""
    (tmp_path / "writing.lock").mkdir()
    with pytest.raises(ArchiveError, match="set DATELINE_DATA_DIR"), Turns(tmp_path).mine():
        pass


def note(**values: object) -> bytes:
    """A note of this process with some values changed."""
    return json.dumps({"pid": os.getpid(), "url": None} | values).encode()


def test_a_plain_note_is_read(tmp_path: Path) -> None:
    """So that the refusals below are refusals of what was changed."""
    (tmp_path / "index.holder").write_bytes(note(url="https://news.example:8443/dateline"))
    assert ProcessLock(tmp_path).holder() == Holder(os.getpid(), "https://news.example:8443/dateline")


@pytest.mark.parametrize(
    "content",
    [
        b"", b"12345\n", b"\xff\xfe{}", b"[1]", b"null", b"[" * 5000, note()[:-1], note(more=1), note(pid=0), note(pid=-1), note(pid=True),
        note(pid="1"), note(pid=1.5), note(pid=2**31), note(pid=10**30), note(pid=2**31 - 1), note(url=1), note(url=""),
        note(url="127.0.0.1:8000"), note(url="file:///etc/passwd"), note(url="http://"), note(url="http://user:word@127.0.0.1"),
        note(url="http://127.0.0.1\\@evil.example"), note(url="http://127.0.0.1:x"), note(url="http://127.0.0.1:99999"),
        note(url="http://127.0.0.1/\nHost: x"), note(url="http://[::1"), note(url="http://ⓛocalhost"),
        note(url="http://127.0.0.1/" + "a" * 600),
    ],
    ids=[f"note {number}" for number in range(29)],  # which hold the number of this process: each worker of the tests has another
)  # fmt: skip
def test_what_is_no_note_of_ours_names_nobody(tmp_path: Path, content: bytes) -> None:
    """Whatever stands in the file; a note cut off at its limit is none either."""
    (tmp_path / "index.holder").write_bytes(content)
    assert ProcessLock(tmp_path).holder() is None


@pytest.mark.skipif(os.name != "posix", reason="links and pipes")
@pytest.mark.parametrize(
    "make",
    [lambda file: file.symlink_to(file.with_name("there")), lambda file: os.mkfifo(file), lambda file: file.mkdir()],
    ids=["link", "pipe", "folder"],
)
def test_what_is_no_plain_file_is_not_read(tmp_path: Path, make: Callable[[Path], object]) -> None:
    """A link is not followed, and nobody waits at a pipe."""
    (tmp_path / "there").write_bytes(note())
    make(tmp_path / "index.holder")
    assert ProcessLock(tmp_path).holder() is None


def test_a_lock_whose_note_cannot_be_written_is_let_go(tmp_path: Path) -> None:
    """Here a folder stands in the note's place: an error that says what to do, and the lock is free again."""
    (tmp_path / "index.holder").mkdir()
    with pytest.raises(ArchiveError, match=r"cannot be written .* set DATELINE_DATA_DIR"):
        ProcessLock(tmp_path).acquire()
    (tmp_path / "index.holder").rmdir()
    lock = ProcessLock(tmp_path)
    lock.acquire()
    lock.release()
