"""The process in which untrusted files are parsed: its limits, its ends, and what its parent believes."""

import gzip
import io
import os
import resource
import select
import signal
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from service.articles.raw import Stated
from service.articles.sandbox import JOBS, Sandbox
from service.domain import DateOrigin
from service.errors import BadArticle
from tests.pdf_writer import column, write_pdf

ROOT = Path(__file__).parents[2]
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc, and memory is limited on Linux only")
MANY_LISTS = b"[" + b"[]," * 6_000_000 + b"[]]"
"""18 MB that take some 400 MB once parsed."""
LONG = b'{"text": "The dam holds."}\n' * 2_000_000
"""Seconds of parsing."""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """A sandbox with plenty of time."""
    with Sandbox(60, 1500) as sandbox:
        yield sandbox


@pytest.fixture
def taken_over() -> Iterator[Sandbox]:
    """A sandbox whose process is hostile."""
    with Sandbox(60, 256, program="tests.hostile_child") as sandbox:
        yield sandbox


def gone(pid: int) -> None:
    """Until the process has ended, by the kernel's word."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        assert select.select([descriptor], [], [], 30)[0], f"process {pid} still runs"
    finally:
        os.close(descriptor)


def test_every_kind_comes_back_as_it_was_parsed(sandbox: Sandbox) -> None:
    """Rows, dates, places and problems survive the way through JSON."""
    (text,) = sandbox.parse("text", b"The dam holds.", name="2025-04-07-dam.txt")
    assert text.row == {"text": "The dam holds."}
    assert text.stated == (Stated("published_at", DateOrigin.FILE_NAME, "2025-04-07"),)
    (pdf,) = sandbox.parse("pdf", write_pdf([column("The dam holds.")]))
    assert pdf.row == {"text": "The dam holds."}
    good, bad = sandbox.parse("csv", b"body,day\nThe dam holds.,home\n,x,y\n", options={"columns": {"title": "day"}})
    assert (good.row, good.place) == ({"text": "The dam holds.", "title": "home"}, ":2")
    assert (bad.problem, bad.place) == ("has 3 instead of 2 fields", ":3")


def test_a_file_is_read_through_gzip(sandbox: Sandbox) -> None:
    """Whatever is in it; a bomb ends at the limit."""
    assert sandbox.parse("text", gzip.compress(b"The dam holds."), name="a.txt.gz")[0].row == {"text": "The dam holds."}
    with pytest.raises(BadArticle, match="unpacks to more than"):
        sandbox.parse("html", gzip.compress(b"\0" * 10_000_000) * 30, name="a.html.gz")


def test_half_a_surrogate_pair_arrives_to_be_named(sandbox: Sandbox) -> None:
    """What Python's JSON reads and UTF-8 cannot write reaches the row, whose checks say which field it is in."""
    (raw,) = sandbox.parse("jsonl", b'{"text": "a\\ud800", "\\udfff": 1}')
    assert raw.row == {"text": "a\ud800", "\udfff": 1}


def test_control_characters_of_names_are_escaped(sandbox: Sandbox) -> None:
    """A place is printed on a terminal."""
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        archive.writestr("a\x1b[2J.json", b"{")
    (raw,) = sandbox.parse("zip", sink.getvalue())
    assert raw.place == "!/a\\x1b[2J.json"


def test_an_unknown_kind_and_a_bad_file_leave_the_process_alone(sandbox: Sandbox) -> None:
    """The reason is the parser's own, and the next file is parsed by the same process."""
    sandbox.parse("text", b"x")
    before = sandbox.pid
    for kind, data, reason in (
        ("docx", b"x", "not of a kind Dateline reads"),
        ("json", b"[" * 100_000, "is nested too deeply"),
        ("text", b"", "is empty"),
    ):
        with pytest.raises(BadArticle, match=reason):
            sandbox.parse(kind, data)
    assert sandbox.pid == before


def test_too_long_ends_the_process_and_the_next_file_is_parsed() -> None:
    """The parent's clock decides, and its message says what to set."""
    with Sandbox(0.2, 1500) as sandbox:
        with pytest.raises(BadArticle, match=r"took longer than 0\.2 s to parse \(DATELINE_PARSE_SECONDS\)"):
            sandbox.parse("jsonl", LONG)
        assert sandbox.pid is None
        assert sandbox.parse("text", b"The dam holds.")[0].row == {"text": "The dam holds."}


@LINUX
def test_too_much_memory_ends_the_process_and_the_next_file_is_parsed() -> None:
    """The kernel's limit decides: what takes 400 MB does not fit into 256."""
    with Sandbox(60, 256) as sandbox:
        with pytest.raises(BadArticle, match=r"needs more than 256 MB to parse"):
            sandbox.parse("json", MANY_LISTS)
        assert sandbox.parse("text", b"The dam holds.")[0].row == {"text": "The dam holds."}


@LINUX
@pytest.mark.parametrize("kind", ["pdf", "parquet", "html", "feed", "zip", "text"])
def test_the_smallest_memory_is_enough_for_a_small_file(kind: str) -> None:
    """256 MB, the least that can be set, hold each parser with its libraries."""
    sink = io.BytesIO()
    pq.write_table(pa.table({"text": ["The dam holds."]}), sink)
    page = b"<html><body><article><p>" + b"The dam holds, the engineers of Eastholm said on Monday. " * 20 + b"</p></article></body></html>"
    feed = (
        b"<rss version='2.0'><channel><title>E</title><item><title>Dam</title><description>It holds.</description></item></channel></rss>"
    )
    small = {
        "pdf": write_pdf([column("The dam holds.")]),
        "parquet": sink.getvalue(),
        "text": b"The dam holds.",
        "html": page,
        "feed": feed,
    }
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as members:
        for name in ("pdf", "parquet", "html"):
            members.writestr(f"a.{name}", small[name])
    with Sandbox(60, 256) as sandbox:
        raws = sandbox.parse(kind, small.get(kind, archive.getvalue()), url="https://herald.example/dam")
    assert [raw.problem for raw in raws if raw.problem] == []
    assert len(raws) == (3 if kind == "zip" else 1)


@LINUX
def test_the_kernel_holds_the_process_to_its_limits(sandbox: Sandbox) -> None:
    """No core file, no written file, few descriptors, bounded memory and processor time; no key in its environment; its own session."""
    os.environ["DATELINE_API_KEYS"] = "admin:0123456789abcdef"
    canary = os.open(os.devnull, os.O_RDONLY)
    os.set_inheritable(canary, True)
    try:
        with Sandbox(5, 300) as fresh:
            fresh.parse("text", b"x")
            assert fresh.pid is not None
            process = Path(f"/proc/{fresh.pid}")
            limits = {line[:26].strip(): line[26:].split()[0] for line in (process / "limits").read_text().splitlines()[1:]}
            environment = dict(item.split("=", 1) for item in (process / "environ").read_text().split("\0") if item)
            targets = sorted(str(path.readlink()).partition(":")[0] for path in (process / "fd").iterdir())
            session = os.getsid(fresh.pid)
            assert session == fresh.pid
    finally:
        os.close(canary)
        del os.environ["DATELINE_API_KEYS"]
    assert (limits["Max core file size"], limits["Max file size"], limits["Max open files"]) == ("0", "0", "32")
    assert limits["Max data size"] == str(300 * 1024 * 1024)
    assert limits["Max address space"] == str((300 + 1024) * 1024 * 1024)
    assert 1 <= int(limits["Max cpu time"]) <= 60
    assert not [name for name in environment if name.startswith(("DATELINE", "OPENAI", "ANTHROPIC", "AWS", "HOME"))]
    assert targets == ["/dev/null", "/dev/null", "pipe", "pipe"]


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGKILL])
def test_a_process_that_died_in_between_is_replaced(sandbox: Sandbox, number: signal.Signals) -> None:
    """Nobody's file is blamed for it."""
    sandbox.parse("text", b"x")
    before = sandbox.pid
    assert before is not None
    os.kill(before, number)
    os.waitid(os.P_PID, before, os.WEXITED | os.WNOWAIT)
    assert sandbox.parse("text", b"The dam holds.")[0].row == {"text": "The dam holds."}
    assert sandbox.pid != before


ENDS = [
    ("SIGSEGV", r"broke its parser \(SIGSEGV\): the file is damaged, or made to do harm"),
    ("SIGABRT", "SIGABRT"),
    ("SIGXCPU", "took longer than 60 s"),
    ("SIGKILL", "for want of memory"),
    ("exit", "exit code 3"),
]
ANSWERS = [
    ("pickle", "makes no sense"),
    ("no json", "makes no sense"),
    ("no list", "makes no sense"),
    ("wrong shape", "makes no sense"),
    ("no article", "makes no sense"),
    ("digits", "makes no sense"),
    ("deep", "makes no sense"),
    ("escapes", "makes no sense"),
    ("reason with escapes", "makes no sense"),
    ("long reason", "makes no sense"),
    ("not ready", "makes no sense"),
    ("too long", "too long"),
    ("too many", "too long"),
    ("many frames", "holds articles of more than"),
    ("half a frame", "exit code 0"),
]


@pytest.mark.parametrize(("kind", "reason"), ENDS + ANSWERS, ids=[case[0] for case in ENDS + ANSWERS])
def test_a_process_that_was_taken_over_does_no_harm(taken_over: Sandbox, kind: str, reason: str) -> None:
    """However it ends or whatever it answers, the file is refused with a reason, the process is gone, and the next one parses."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(BadArticle, match=reason):
        taken_over.parse(kind, b"x" * 100_000)
    assert taken_over.pid is None
    assert taken_over.parse("fine", b"x")[0].row == {"text": "The dam holds."}
    assert not Path("/tmp/dateline-canary-unpickled").exists()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300 * 1024, "the parent's memory grew by 300 MB"


@pytest.mark.parametrize("kind", ["loop", "SIGSTOP"])
def test_a_process_that_hangs_is_given_up(kind: str) -> None:
    """Whether it sleeps or is stopped, it is killed at the deadline."""
    with Sandbox(1, 256, program="tests.hostile_child") as sandbox:
        with pytest.raises(BadArticle, match="took longer than 1 s to parse"):
            sandbox.parse(kind, b"x")
        assert sandbox.pid is None


def test_noise_on_standard_error_blocks_nothing(taken_over: Sandbox) -> None:
    """A megabyte of it is dropped."""
    assert taken_over.parse("noise", b"x")[0].row == {"text": "The dam holds."}


def test_a_process_that_does_not_listen_is_given_up() -> None:
    """A body larger than a pipe holds does not block the parent for longer than a start may take."""
    with (
        Sandbox(2, 256, start_seconds=1, program="tests.hostile_child") as sandbox,
        pytest.raises(BadArticle, match="did not start within 1 s"),
    ):
        sandbox.parse("deaf", b"x" * 10_000_000)


def test_after_many_files_the_process_is_fresh() -> None:
    """Caches and leaks of libraries do not add up."""
    with Sandbox(60, 1500) as sandbox:
        pids = []
        for _ in range(JOBS + 1):
            sandbox.parse("text", b"x")
            pids.append(sandbox.pid)
    assert len(set(pids[:JOBS])) == 1
    assert pids[JOBS] != pids[0]


def test_threads_get_their_own_answers(sandbox: Sandbox) -> None:
    """Eight of them share the process, and no file's articles reach another."""
    found: dict[int, list[object]] = {}

    def work(number: int) -> None:
        found[number] = [sandbox.parse("text", f"{number} of {turn}".encode())[0].row for turn in range(20)]

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {number: [{"text": f"{number} of {turn}"} for turn in range(20)] for number in range(8)}


def test_large_files_go_both_ways(sandbox: Sandbox) -> None:
    """Twenty megabytes in and out, which is more than pipes hold, deadlock nothing."""
    (raw,) = sandbox.parse("text", "ä".encode() * 10_000_000, options={"max_chars": 20_000_000})
    assert raw.row == {"text": "ä" * 10_000_000}


def test_closing_ends_the_process_and_it_can_start_again() -> None:
    """Close is repeatable, and not final."""
    sandbox = Sandbox(60, 1500)
    sandbox.close()
    sandbox.parse("text", b"x")
    pid = sandbox.pid
    assert pid is not None
    sandbox.close()
    sandbox.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert sandbox.parse("text", b"The dam holds.")[0].row == {"text": "The dam holds."}
    sandbox.close()


PARENT = """
import sys
from service.articles.sandbox import Sandbox
sandbox = Sandbox(60, 1500)
sandbox.parse("text", b"x")
print(sandbox.pid, flush=True)
sys.stdin.read()
"""


@LINUX
def test_it_dies_with_its_parent() -> None:
    """The parent is killed without a chance to say goodbye, and the process ends by itself."""
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    with parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        os.kill(pid, 0)
        parent.kill()
        parent.wait()
        gone(pid)


def test_a_file_is_streamed_without_being_held(sandbox: Sandbox, tmp_path: Path) -> None:
    """Rows of a Parquet file come as they are parsed, from a process of their own, which ends with the last one or before."""
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"body": [f"{number} " + "x" * 10_000 for number in range(3_000)]}), path)
    assert [raw.place for raw in sandbox.stream("parquet", path)] == [f":row {number}" for number in range(1, 3_001)]
    found = sandbox.stream("parquet", path, options={"columns": {"title": "body", "text": "body"}})
    assert next(found).row == {"title": "0 " + "x" * 10_000, "text": "0 " + "x" * 10_000}
    assert sandbox.parse("text", b"in between")[0].row == {"text": "in between"}
    found.close()  # type: ignore[attr-defined]


def test_a_stream_says_what_is_wrong_after_what_it_had(sandbox: Sandbox, tmp_path: Path) -> None:
    """A file that breaks off gives its beginning; one that is not there, the system's error."""
    path = tmp_path / "a.zip"
    path.write_bytes(b"PK")
    with pytest.raises(BadArticle, match="is not a ZIP that can be read"):
        list(sandbox.stream("zip", path))
    with pytest.raises(FileNotFoundError):
        next(sandbox.stream("zip", tmp_path / "none.zip"))
