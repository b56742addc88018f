"""The files in `deploy/` keep what they promise: no root, nothing writable but the data, bounded memory, health, hashes, real settings."""

import configparser
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts.lock import ROOT, SOURCES
from service.server import GRACE
from service.settings import ELSEWHERE, Settings

DEPLOY = ROOT / "deploy"
CONTAINERFILE = (DEPLOY / "Containerfile").read_text("utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
SETTINGS = {*ELSEWHERE, *(f"DATELINE_{name.upper()}" for name in Settings.model_fields)}
ENDS = 5
"""Seconds within which the service ends by itself: its grace for connections, and its own closing."""


def unit() -> configparser.ConfigParser:
    """The unit file; of a name that is there several times, all values, one a line."""

    class Together(dict[str, Any]):
        def __setitem__(self, key: str, value: Any) -> None:
            if isinstance(value, list) and isinstance(self.get(key), list):
                self[key].extend(value)
            else:
                super().__setitem__(key, value)

    parser = configparser.ConfigParser(dict_type=Together, strict=False, interpolation=None, delimiters=("=",), comment_prefixes=("#",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(DEPLOY / "dateline.service", encoding="utf-8")
    return parser


def instructions() -> list[tuple[str, str]]:
    """Name and words of each instruction of the Containerfile, continued lines joined."""
    text = re.sub(r"\\\n", " ", re.sub(r"(?m)^#.*\n", "", CONTAINERFILE))
    return [(name, words.strip()) for line in text.splitlines() if line.strip() for name, _, words in [line.partition(" ")]]


def last_stage() -> list[tuple[str, str]]:
    """What the image that runs is made of."""
    found = instructions()
    return found[max(number for number, (name, _) in enumerate(found) if name == "FROM") :]


@pytest.mark.parametrize("path", sorted(DEPLOY.iterdir()), ids=lambda path: path.name)
def test_every_variable_is_a_setting(path: Path) -> None:
    """Of those that carry our prefix; a misspelt one would stop the service at its start."""
    found = set(re.findall(r"\bDATELINE_[A-Z_]+[A-Z]", path.read_text("utf-8")))
    assert found <= SETTINGS


def test_nothing_is_the_latest() -> None:
    """Every image has a tag that is none of those that move at will."""
    images = [one["image"] for one in SERVICES.values()] + re.findall(r"(?m)^ARG BASE=(\S+)", CONTAINERFILE)
    assert len(images) == len(SERVICES) + 1
    for image in images:
        assert re.fullmatch(r"[a-z0-9/.-]+:[a-z0-9.-]*\d[a-z0-9.-]*(@sha256:[0-9a-f]{64})?", image)
        assert "latest" not in image


# ── the image ────────────────────────────────────────────────────────────────


def test_the_image_installs_by_hash_and_wheels_only() -> None:
    """As the heads of the locks say; what is not locked, Dateline itself, is built and installed without an index."""
    pip = [line for line in re.split(r"\n|&&", CONTAINERFILE.replace("\\\n", "")) if re.search(r"\bpip (install|wheel)\b", line)]
    assert len(pip) == 4
    for line in pip:
        locked = "--require-hashes" in line and "--only-binary :all:" in line and ".lock" in line
        assert locked or ("--no-deps" in line and "--no-index" in line)
    assert f"--no-binary {','.join(SOURCES)} --no-build-isolation -r requirements.lock" in CONTAINERFILE
    assert not re.search(r"curl|wget|ADD |http(?!://127\.0\.0\.1)s?://", CONTAINERFILE)


def test_the_image_runs_as_nobody_in_particular() -> None:
    """A number, so that an orchestrator sees that it is not root; nothing is installed after it; no compiler is in the last stage."""
    stage = last_stage()
    names = [name for name, _ in stage]
    assert dict(stage)["USER"] == "10001:10001"
    assert "RUN" not in names[names.index("USER") :]
    assert not re.search(r"gcc|g\+\+|build-essential|clang|cargo|-dev\b", " ".join(words for _, words in stage))
    assert dict(stage)["ENTRYPOINT"] == '["dateline"]'
    assert dict(stage)["VOLUME"] == '["/data", "/models"]'


def test_the_image_asks_after_its_health() -> None:
    """By Python, since the image has no other client, at the readiness of the service itself."""
    words = dict(last_stage())["HEALTHCHECK"]
    assert "/readyz" in words
    assert '"python"' in words
    assert "--start-period=" in words


def test_the_image_holds_no_secret_and_no_archive() -> None:
    """What is copied into the build is the checkout less what git ignores and what only development needs."""
    ignored = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    for name in (".git", ".env", "**/*.env", ".dateline", ".venv", "tests", "docs", "eval-report"):
        assert name in ignored
    assert not re.search(r"(?i)(key|token|password|secret)\s*=", CONTAINERFILE)


# ── compose ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", SERVICES)
def test_every_container_is_held(name: str) -> None:
    """No root, no capability, no new privilege, nothing writable but volumes and /tmp, where nothing is executed; memory has an end."""
    one = SERVICES[name]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", one["user"])
    assert one["read_only"] is True
    assert one["cap_drop"] == ["ALL"]
    assert not {"cap_add", "privileged", "devices", "pid", "ipc", "network_mode"} & one.keys()
    assert "no-new-privileges:true" in one["security_opt"]
    assert one["mem_limit"]
    assert one["pids_limit"] > 0
    assert [mount.partition(":")[0] for mount in one["tmpfs"]] == ["/tmp"]
    assert {"noexec", "nosuid", "nodev"} <= set(one["tmpfs"][0].split(":", 1)[1].split(","))
    assert not [mount for mount in one["volumes"] if mount.startswith(("/", ".", "~"))], "volumes of their own, no folder of the host"
    assert one["restart"] == ("no" if name == "models" else "unless-stopped")
    assert one["logging"]["options"]["max-size"]


def test_only_the_service_is_reached_and_only_from_this_machine() -> None:
    """A proxy with TLS stands before it; the vectors' server, which knows no keys, is on a network without a way out or in."""
    assert {name: one.get("ports") for name, one in SERVICES.items()} == {
        "dateline": ["127.0.0.1:8321:8321"], "chroma": None, "models": None,
    }  # fmt: skip
    assert SERVICES["chroma"]["networks"] == ["inside"]
    assert COMPOSE["networks"]["inside"]["internal"] is True
    assert SERVICES["dateline"]["environment"]["DATELINE_CHROMA_URL"] == "http://chroma:8000"
    assert {"--host", "--port"} < set(SERVICES["chroma"]["entrypoint"])


def test_health_is_asked_and_waited_for() -> None:
    """The service starts when the models are there and the vectors' server answers; both that stay are asked by Python."""
    for name, place in (("dateline", "/readyz"), ("chroma", "/api/v2/heartbeat")):
        test = SERVICES[name]["healthcheck"]["test"]
        assert test[:2] == ["CMD", "python"]
        assert place in test[-1]
    assert SERVICES["dateline"]["depends_on"] == {
        "models": {"condition": "service_completed_successfully"}, "chroma": {"condition": "service_healthy"},
    }  # fmt: skip
    assert int(SERVICES["dateline"]["stop_grace_period"].removesuffix("s")) > ENDS > GRACE


def test_keys_come_from_a_file_that_is_not_committed() -> None:
    """The example has none, and git ignores the real one."""
    assert {name: one.get("env_file") for name, one in SERVICES.items()} == {"dateline": ["dateline.env"], "chroma": None, "models": None}
    assert not [name for name in SERVICES["models"]["environment"] if "KEY" in name or "TOKEN" in name]
    example = (DEPLOY / "dateline.env.example").read_text("utf-8")
    assert re.search(r"(?m)^DATELINE_API_KEYS=$", example)
    assert "deploy/dateline.env" in (ROOT / ".gitignore").read_text("utf-8").splitlines()
    assert not re.search(r"(?i)api_key|password|secret", (DEPLOY / "compose.yaml").read_text("utf-8"))


@pytest.mark.skipif(not shutil.which("docker"), reason="docker is not installed")
def test_compose_can_be_read_by_compose(tmp_path: Path) -> None:
    """By the client alone, which asks no daemon."""
    if subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode:
        pytest.skip("this docker has no compose")
    shutil.copytree(DEPLOY, tmp_path / "deploy")
    shutil.copy(DEPLOY / "dateline.env.example", tmp_path / "deploy" / "dateline.env")
    command = ["docker", "compose", "-f", str(tmp_path / "deploy" / "compose.yaml"), "config", "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


# ── systemd ──────────────────────────────────────────────────────────────────

HELD = {
    "Type": "exec", "DynamicUser": "yes", "NoNewPrivileges": "yes", "ProtectSystem": "strict", "ProtectHome": "yes", "PrivateTmp": "yes",
    "PrivateDevices": "yes", "ProtectKernelTunables": "yes", "ProtectControlGroups": "yes", "RestrictNamespaces": "yes",
    "CapabilityBoundingSet": "", "Restart": "on-failure", "StateDirectory": "dateline", "UMask": "0077", "LimitCORE": "0",
}  # fmt: skip


def test_the_unit_holds_the_service() -> None:
    """An account of its own, nothing writable but its state and cache, no privilege to gain, bounded memory and tasks."""
    service = dict(unit()["Service"])
    assert {name: service[name] for name in HELD} == HELD
    assert re.fullmatch(r"\d+G", service["MemoryMax"])
    assert int(service["TasksMax"]) > 0
    assert not {"User", "ReadWritePaths", "PermissionsStartOnly"} & service.keys()


def test_the_unit_lets_it_end_by_itself() -> None:
    """systemd waits longer than the service needs, starts it again only where it failed, and not for ever."""
    service = dict(unit()["Service"])
    assert int(service["TimeoutStopSec"]) > ENDS
    assert service["KillMode"] == "mixed"
    assert int(unit()["Unit"]["StartLimitBurst"]) > 0


def test_the_unit_starts_what_the_wheel_installs() -> None:
    """Its commands are ours; data and models lie where the unit may write."""
    service = dict(unit()["Service"])
    assert shlex.split(service["ExecStart"])[1:] == ["serve"]
    variables = dict(word.partition("=")[::2] for word in service["Environment"].split())
    assert (variables["DATELINE_DATA_DIR"], variables["DATELINE_CACHE_DIR"]) == ("%S/dateline", "%C/dateline")


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
def test_systemd_finds_no_fault_and_little_exposure(tmp_path: Path) -> None:
    """`systemd-analyze verify` says nothing, and its score for exposure is below 2 of 10."""
    path = tmp_path / "dateline.service"
    text = (DEPLOY / "dateline.service").read_text("utf-8").replace("/opt/dateline/bin/dateline", "/bin/true")
    path.write_text(text.replace("file:/opt/dateline/README.md", "https://dateline.example/"))
    verified = subprocess.run(["systemd-analyze", "verify", str(path)], capture_output=True, text=True, check=False)
    assert (verified.returncode, verified.stderr) == (0, "")
    judged = subprocess.run(["systemd-analyze", "security", "--offline=true", str(path)], capture_output=True, text=True, check=False)
    if judged.returncode:
        pytest.skip("this systemd-analyze judges no unit offline")
    score = re.search(r"exposure level for dateline\.service: (\d+\.\d)", judged.stdout)
    assert score
    assert float(score[1]) < 2
