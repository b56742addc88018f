"""Writes `requirements.lock` and `requirements-build.lock`: what a deployment installs, each file by its SHA-256. Run by `make lock`.

    python scripts/lock.py

Versions are those of `constraints.txt`; the hashes are those that the package index gives for every wheel and source of them, so one lock
serves Linux and macOS, every Python from 3.11.5 on. uv resolves, since pip-tools sees only the platform and the Python it runs on; it
comes from the index into an environment that is thrown away. Where your index is another, say so in uv's own variable UV_DEFAULT_INDEX.

Wheels only, since a source runs its build script, with tools that pip fetches by no hash. What is published as source alone is built
without pip's isolation, by the setuptools of `requirements-build.lock`.

torch is the exception. Of one version there are a build for CPUs and several with gigabytes of CUDA libraries; the index's own Linux wheel
is one of the latter. A lock must not leave open which is meant, and Dateline's encoder runs on the CPU, so the lock names the CPU build by
its local version. Its wheels' hashes are in `scripts/torch-cpu.sha256`, as PyTorch publishes them, in the form of `sha256sum`.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
import venv
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parent.parent
LOCK, BUILD_LOCK = ROOT / "requirements.lock", ROOT / "requirements-build.lock"
WHEELS = ROOT / "scripts" / "torch-cpu.sha256"
UV = "uv==0.13.9"
OLDEST_PYTHON = "3.11.5"
"""soupsieve of constraints.txt wants it."""
SOURCES = ("jstyleson",)
"""Published as source only; extruct needs it."""
TORCH_NEEDS = ("filelock", "typing-extensions>=4.10.0", "setuptools>=77.0.3", "sympy>=1.13.3", "networkx>=2.5.1", "jinja2", "fsspec>=0.8.5")
"""What the CPU build of torch requires; the one on the index adds CUDA. A test holds this to the installed one."""
PLATFORMS = "sys_platform == 'darwin' or sys_platform == 'linux'"
HEAD = """\
# {what}, every file by its SHA-256. Made by `make lock` from pyproject.toml and constraints.txt; do not edit.
# pip install --require-hashes --only-binary :all: {more}-r {name}
"""


def main() -> None:
    """Both locks. Ends with what went wrong where uv cannot resolve."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    pins = pinned(ROOT / "constraints.txt")
    with TemporaryDirectory(prefix="dateline-lock-") as folder:
        uv = tool(Path(folder) / "venv")
        found = resolved(uv, Path(folder), project["project"]["dependencies"], pins["torch"])
        more = f"--no-binary {','.join(SOURCES)} --no-build-isolation "
        written = HEAD.format(what="What Dateline needs to run", name=LOCK.name, more=more) + with_torch(found, pins["torch"])
        LOCK.write_text(written, encoding="utf-8")
        found = resolved(uv, Path(folder), [*project["build-system"]["requires"], "setuptools"], pins["torch"])
        written = HEAD.format(what="What builds Dateline's wheel, and sources in the other lock", name=BUILD_LOCK.name, more="") + found
        BUILD_LOCK.write_text(written, encoding="utf-8")


def pinned(path: Path) -> dict[str, str]:
    """Version by name, as `constraints.txt` pins them."""
    lines = [line for line in path.read_text("utf-8").splitlines() if "==" in line and not line.startswith("#")]
    return {normal(name): version.strip() for name, _, version in (line.partition("==") for line in lines)}


def normal(name: str) -> str:
    """A distribution's name as the index writes it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def tool(folder: Path) -> Path:
    """uv, in an environment of its own."""
    venv.create(folder, with_pip=True)
    command = [folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", UV]
    subprocess.run(command, check=True)  # noqa: S603 - no shell
    return folder / "bin" / "uv"


def resolved(uv: Path, folder: Path, requirements: list[str], torch: str) -> str:
    """What uv locks these requirements to, without comments; the clause that says Linux or macOS goes without saying."""
    needs = {"name": "torch", "version": torch, "requires-dist": list(TORCH_NEEDS)}
    (folder / "pyproject.toml").write_text(
        f"[project]\nname = 'dateline'\nversion = '0'\nrequires-python = '>={OLDEST_PYTHON}'\ndependencies = {json.dumps(requirements)}\n"
        f"[tool.uv]\nenvironments = {json.dumps(PLATFORMS.split(' or '))}\ndependency-metadata = [{inline(needs)}]\n",
        encoding="utf-8",
    )
    command = [uv, "pip", "compile", "pyproject.toml", "--quiet", "--native-tls", "--universal", "--python-version", OLDEST_PYTHON]
    command += ["--generate-hashes", "--no-header", "--no-annotate", "--constraint", ROOT / "constraints.txt"]
    command += ["--only-binary", ":all:", *(word for name in SOURCES for word in ("--no-binary", name))]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603 - no shell
    if done.returncode:
        sys.exit(f"the lock cannot be made: {done.stderr.strip()}")
    return done.stdout.replace(f" ; {PLATFORMS}", "").replace(f" and ({PLATFORMS})", "")


def inline(table: dict[str, object]) -> str:
    """A TOML inline table; JSON's strings and lists are TOML's."""
    return "{" + ", ".join(f"{key} = {json.dumps(value)}" for key, value in table.items()) + "}"


def with_torch(lock: str, version: str) -> str:
    """The lock with the CPU builds of torch in place of the index's. Ends where their hashes are not known."""
    wheels = [line.split() for line in WHEELS.read_text("utf-8").splitlines() if not line.startswith("#")]
    entry = re.search(r"(?m)^torch==.*\n(?:    --hash=.*\n)+", lock)
    if entry is None:
        sys.exit("the lock cannot be made: torch is not among the requirements")
    parts = []
    for system, local, marker in (("manylinux", "+cpu", "linux"), ("macosx", "", "darwin")):
        hashes = [digest for digest, name in wheels if name.startswith(f"torch-{version}{local}-") and system in name]
        if not hashes:
            sys.exit(f"the lock cannot be made: {WHEELS.name} has no {system} wheel of torch {version}{local}; put PyTorch's hashes there")
        if unknown := [digest for digest in hashes if not local and digest not in entry[0]]:
            sys.exit(f"the lock cannot be made: the index does not have the wheel {unknown[0]} of {WHEELS.name}")
        lines = " \\\n".join(f"    --hash=sha256:{digest}" for digest in sorted(hashes))
        parts.append(f"torch=={version}{local} ; sys_platform == '{marker}' \\\n{lines}\n")
    return lock.replace(entry[0], "".join(parts))


if __name__ == "__main__":
    main()
