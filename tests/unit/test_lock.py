"""What deployments install: the lock is of today's dependencies and pins, whole, and every file in it is known by its hash."""

import re
import tomllib
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from scripts.lock import BUILD_LOCK, LOCK, ROOT, SOURCES, TORCH_NEEDS, pinned
from scripts.vulnerabilities import locked

STALE = "run `make lock` after a change of pyproject.toml or constraints.txt"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
GPU = re.compile(r"nvidia-|cuda-|triton")
"""What the index's own build of torch brings along and the CPU's does not."""


def here(path: Path) -> dict[str, Version]:
    """What a lock installs on this platform."""
    wanted = [one for one in locked(path.read_text("utf-8")) if one.marker is None or one.marker.evaluate()]
    return {canonicalize_name(one.name): Version(next(iter(one.specifier)).version) for one in wanted}


def needed(requirements: list[str]) -> set[str]:
    """These and all that they require in turn on this platform, by the metadata of what is installed."""
    seen: set[tuple[str, str]] = set()
    waiting = [Requirement(line) for line in requirements]
    while waiting:
        one = waiting.pop()
        name = canonicalize_name(one.name)
        for extra in ("", *one.extras):
            if (name, extra) in seen or GPU.match(name) or (one.marker and not one.marker.evaluate({"extra": ""})):
                continue
            seen.add((name, extra))
            further = [Requirement(line) for line in requires(name) or []]
            waiting += [Requirement(f"{each.name}[{','.join(each.extras)}]") for each in further
                        if each.marker is None or each.marker.evaluate({"extra": extra})]  # fmt: skip
    return {name for name, _ in seen}


def test_the_lock_is_what_the_dependencies_need() -> None:
    """No more and no less than a walk through the metadata of what is installed here finds."""
    try:
        found = needed(PROJECT["project"]["dependencies"])
    except PackageNotFoundError as error:
        pytest.fail(f"{error.name} is not installed: run `make setup`")
    assert set(here(LOCK)) == found, STALE


def test_the_lock_holds_the_pins() -> None:
    """Every version is that of constraints.txt, which satisfies pyproject.toml; both locks."""
    pins = pinned(ROOT / "constraints.txt")
    for lock in (LOCK, BUILD_LOCK):
        assert {name: str(found.public) for name, found in here(lock).items()} == {name: pins.get(name) for name in here(lock)}, STALE
    for line in PROJECT["project"]["dependencies"]:
        one = Requirement(line)
        assert one.specifier.contains(here(LOCK)[canonicalize_name(one.name)], prereleases=True), STALE


def test_the_build_lock_builds() -> None:
    """What pyproject.toml builds with, and setuptools for what is published as source only."""
    builders = {canonicalize_name(Requirement(line).name) for line in PROJECT["build-system"]["requires"]}
    assert builders | {"setuptools"} <= here(BUILD_LOCK).keys()
    assert set(SOURCES) <= here(LOCK).keys()
    assert f"--only-binary :all: --no-binary {','.join(SOURCES)} --no-build-isolation" in LOCK.read_text("utf-8").splitlines()[1]


@pytest.mark.parametrize("path", [LOCK, BUILD_LOCK], ids=lambda path: path.name)
def test_every_file_is_known_by_its_hash(path: Path) -> None:
    """Each requirement is pinned exactly and has a SHA-256; the file names no index, no address and no folder."""
    text = path.read_text("utf-8")
    entries = re.split(r"(?m)^(?=[a-z0-9])", text.partition("\n-")[0])[1:]
    assert len(entries) == len(locked(text)) > 5
    for entry in entries:
        first, *hashes = entry.replace(" \\\n", "\n").strip().splitlines()
        assert re.fullmatch(r"[a-z0-9.-]+==[^ ]+( ; .+)?", first)
        assert hashes
        assert all(re.fullmatch(r" {4}--hash=sha256:[0-9a-f]{64}", line) for line in hashes)
    assert not re.search(r"://|--index|--extra-index|--find-links|--trusted-host|@ ", text)


def test_linux_gets_the_cpu_build_of_torch() -> None:
    """By its local version, so that the index's own build, with gigabytes of CUDA, is never taken by accident; macOS has but one."""
    torch = {str(one.marker): str(one.specifier) for one in locked(LOCK.read_text("utf-8")) if one.name == "torch"}
    release = pinned(ROOT / "constraints.txt")["torch"]
    assert torch == {'sys_platform == "linux"': f"=={release}+cpu", 'sys_platform == "darwin"': f"=={release}"}
    assert not [one.name for one in locked(LOCK.read_text("utf-8")) if GPU.match(one.name)]


@pytest.mark.skipif(not version("torch").endswith("+cpu"), reason="torch here is not the CPU build, whose requirements the lock has")
def test_what_the_cpu_build_of_torch_needs_is_written_down() -> None:
    """uv is told, since it asks the index, which has another build."""
    assert {*TORCH_NEEDS} == {str(one) for line in requires("torch") or [] if "extra ==" not in str(one := Requirement(line))}
