"""The commands as a container or a unit runs them: an account without name and home, and nothing that may be written but the data."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.conftest import HASHED

ROOT = Path(__file__).parents[2]
NAMELESS = """
import pwd
def getpwuid(uid):
    raise KeyError(uid)
pwd.getpwuid = getpwuid
"""
"""As where no list of accounts has ours: nobody knows its home."""
LOCKED = """
set -e
mount --bind "$1" "$1"
mount -o remount,ro,bind /
for folder in "$2" "$3"; do ! touch "$folder/canary" 2>/dev/null; done
shift 3
exec "$@"
"""
"""Only the first folder can be written; the test of the two others fails where that is not so."""
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def nameless(environment: dict[str, str], tmp_path: Path) -> Run:
    """A command of an account without a home, behind other words if any, with an encoder that needs no weights."""

    def start(*words: str, before: tuple[str, ...] = (), **more: str) -> subprocess.CompletedProcess[str]:
        kept = {name: value for name, value in environment.items() if name not in {"HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME"}} | more
        command = [*before, sys.executable, "-B", "-c", NAMELESS + HASHED, *words]
        return subprocess.run(command, capture_output=True, text=True, env=kept, cwd=tmp_path, timeout=120, check=False)

    return start


def test_without_a_home_articles_are_taken_in(nameless: Run, tmp_path: Path) -> None:
    """Chroma, which asks for a home as it is imported, gets the folder of the data, and leaves nothing of its own there."""
    (tmp_path / "a.txt").write_text("Some 3,400 people were evacuated below the Halvern Dam.", encoding="utf-8")
    done = nameless("ingest", "a.txt")
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
    assert not [path.name for path in (tmp_path / "data").iterdir() if path.name.startswith(".")]
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700, "articles and conversations are nobody else's to read"


def test_without_a_home_a_folder_below_it_is_named(nameless: Run) -> None:
    """One sentence that says what to set."""
    done = nameless("doctor", DATELINE_CACHE_DIR="")
    assert done.returncode == 2
    assert done.stderr == "dateline: there is no home directory: set HOME, or DATELINE_DATA_DIR and DATELINE_CACHE_DIR to whole paths\n"


@pytest.mark.skipif(sys.platform != "linux" or not shutil.which("unshare"), reason="mounts in a namespace of its own are Linux's")
def test_code_and_system_may_be_read_only(nameless: Run, environment: dict[str, str], tmp_path: Path) -> None:
    """A page is parsed, taken in and indexed while nothing but the data can be written, temporary files included."""
    page = "<article><h1>Dam</h1><p>" + "Some 3,400 people were evacuated below the Halvern Dam. " * 5
    (tmp_path / "a.html").write_text(page, encoding="utf-8")
    data = tmp_path / "data"
    (data / "tmp").mkdir(parents=True)
    owner = () if os.geteuid() == 0 else ("--map-root-user",)
    locked = ("unshare", *owner, "--mount", "bash", "-c", LOCKED, "locked", str(data), str(ROOT), "/usr")
    probe = subprocess.run([*locked, "true"], capture_output=True, text=True, check=False)
    if probe.returncode:
        pytest.skip(f"no mounts in a namespace of its own here: {probe.stderr.strip()[-100:]}")
    done = nameless("ingest", "a.html", before=locked, TMPDIR=str(data / "tmp"))
    assert done.returncode == 0, done.stderr
    assert "1 added" in done.stdout + done.stderr
