"""The wheel, built and installed beside nothing: everything that the commands read is inside."""

import importlib.util
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROBE = """
import service
from service.answering.prompting import ANSWER_PROMPT, load_prompt
from service.bootstrap import build
from service.services import sample_folder
from service.evaluation.suite import load_suite
from service.http.app import WEB, create_app
from service.models.hashing import HashingEmbedder
from service.models.scripted import ScriptedGenerator
from service.settings import Settings, resources
import asyncio, sys
from service.answering.request import AskRequest

print(service.__file__)
print(resources())
assert load_prompt(resources() / "prompts", ANSWER_PROMPT).max_tokens > 0
assert (WEB / "index.html").is_file() and (WEB / "vendor" / "swagger-ui" / "swagger-ui.css").is_file()
generator = ScriptedGenerator(["Some 3,400 people were evacuated [1]."])
with build(Settings(), embedder=HashingEmbedder(), generator=generator) as services:
    report = services.ingest(services.load([sample_folder()]))
    assert not report.rejected and len(report.items) > 40, report.rejected
    asyncio.run(services.answerer.ask(AskRequest("How many people were evacuated below the Lorne dam?")))
    assert services.holds_sample()
    create_app(services)
print(Settings().data_dir)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from this checkout without the network."""
    if importlib.util.find_spec("hatchling") is None:
        pytest.skip("hatchling is not installed: the wheel cannot be built without the network")
    folder = tmp_path_factory.mktemp("wheel")
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
        "--wheel-dir",
        str(folder),
        str(ROOT),
    ]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    return next(folder.glob("dateline-*.whl"))


@pytest.fixture
def installed(wheel: Path, tmp_path: Path) -> dict[str, str]:
    """An environment whose `service` is the wheel's, in a folder that knows no checkout."""
    target = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(target)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DATELINE_")}
    ours = {"PYTHONPATH": target, "HOME": tmp_path, "XDG_DATA_HOME": tmp_path / "share", "DATELINE_CACHE_DIR": tmp_path / "cache"}
    return kept | {name: str(value) for name, value in ours.items()}


def run(environment: dict[str, str], code: str) -> list[str]:
    """The lines that the code prints, far from the checkout."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, env=environment, cwd=environment["HOME"], check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_everything_that_is_read_is_inside(installed: dict[str, str]) -> None:
    """From another folder the wheel finds its prompts, sample, page and documentation, and asks; its archive is in the user's data."""
    module, resources, data = run(installed, PROBE)
    home = installed["HOME"]
    assert module.startswith(home)
    assert resources == f"{home}/site/service/_data"
    assert data == f"{home}/share/dateline"


def test_the_built_in_suites_are_inside(installed: dict[str, str]) -> None:
    """Suites and their questions are read from the wheel."""
    code = "from service.settings import resources as r; print(*(p.relative_to(r()) for p in (r() / 'eval').rglob('*.*')), sep='\\n')"
    found = run(installed, code)
    expected = {str(path.relative_to(ROOT)) for folder in ("suites", "questions") for path in (ROOT / "eval" / folder).iterdir()}
    assert expected <= set(found)


def test_no_tests_and_no_leftovers_are_inside(wheel: Path) -> None:
    """Neither tests nor archives nor caches; the licence is, and the command's entry point."""
    names = zipfile.ZipFile(wheel).namelist()
    assert not [name for name in names if name.startswith(("tests/", "eval/", ".")) or "__pycache__" in name or ".sqlite3" in name]
    assert any(name.endswith("licenses/LICENSE") for name in names)
    with zipfile.ZipFile(wheel) as archive:
        entry = next(name for name in names if name.endswith("entry_points.txt"))
        assert "dateline = service.cli:main" in archive.read(entry).decode()
