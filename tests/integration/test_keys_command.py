"""`dateline keys`: what it prints where, that a running service honours it at once, and commands that use such a key."""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2
import pytest

from service.bootstrap import ARCHIVE_FILE
from tests.integration.conftest import HASHED, ROWS, Door

KEY = re.compile(r"dl_([0-9a-f]{16})_[0-9a-f]{64}\n")
Run = Callable[..., Any]
Process = Callable[..., subprocess.CompletedProcess[str]]


def made(result: Any) -> tuple[str, str]:
    """The key that a command printed, and its id."""
    found = KEY.fullmatch(result.stdout)
    assert found, result.output
    return found[0].strip(), found[1]


def test_a_key_is_printed_once_and_alone(run: Run) -> None:
    """On standard output nothing else, so that it pipes; what to do with it on standard error; no other command ever shows it."""
    first = run("keys", "create", "--scope", "ask", "--name", "the newsroom")
    key, key_id = made(first)
    assert first.exit_code == 0
    assert f"Key {key_id} of scope ask" in first.stderr
    assert "asks everybody for a key" in first.stderr
    second = run("keys", "create", "--scope", "admin", "--name", "Łucja", "--expires-in", "90d")
    assert "asks everybody" not in second.stderr
    listed, as_json = run("keys", "list"), run("keys", "list", "--json")
    assert [line.split("\t")[0] for line in listed.stdout.splitlines()] == [key_id, made(second)[1]]
    assert listed.stdout.splitlines()[0].split("\t")[3:] == ["-", "-", "the newsroom"]
    rows = [json.loads(line) for line in as_json.stdout.splitlines()]
    assert [(one["id"], one["scope"], one["name"], one["revoked_at"]) for one in rows] == [
        (key_id, "ask", "the newsroom", None), (made(second)[1], "admin", "Łucja", None),
    ]  # fmt: skip
    assert rows[0]["expires_at"] is None
    assert rows[1]["expires_at"] > rows[1]["created_at"]
    for shown in (listed, as_json, run("keys", "revoke", key_id)):
        assert key.rpartition("_")[2] not in shown.output


def test_a_revoked_key_is_shown_as_such(run: Run) -> None:
    """With the moment; an id that is none is exit code 2, and a key given for its id is not repeated."""
    key, key_id = made(run("keys", "create", "--scope", "ask", "--name", "x"))
    assert run("keys", "revoke", key_id).stdout.startswith(f"revoked {key_id} (x) at 2")
    assert json.loads(run("keys", "list", "--json").stdout)["revoked_at"]
    for wrong in ("nobody", key):
        result = run("keys", "revoke", wrong)
        assert (result.exit_code, key in result.output) == (2, False)
        assert "dateline keys list" in result.stderr


def test_forgetting_asks_first(run: Run) -> None:
    """Since the service is open afterwards; `--yes` does not ask."""
    made(run("keys", "create", "--scope", "ask", "--name", "x"))
    assert run("keys", "forget-all").exit_code == 1
    assert run("keys", "list").stdout
    assert run("keys", "forget-all", "--yes").stdout == "1 forgotten\n"
    assert run("keys", "list").stdout == ""


@pytest.mark.parametrize(
    "words",
    [
        ("--scope", "root", "--name", "x"), ("--name", "x"), ("--scope", "ask"), ("--scope", "ask", "--name", " "),
        ("--scope", "ask", "--name", "x", "--expires-in", "soon"), ("--scope", "ask", "--name", "x", "--expires-in", "2020-01-01"),
    ],
)  # fmt: skip
def test_what_makes_no_key_says_so(run: Run, words: tuple[str, ...]) -> None:
    """Exit code 2, nothing on standard output, nothing made."""
    result = run("keys", "create", *words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr
    assert run("keys", "list").stdout == ""


def test_a_running_service_honours_it_at_once(open_door: Door, run: Run) -> None:
    """The command writes beside the service: made, the key opens; revoked, it does not; the next request counts."""
    door = open_door()
    assert door.get("/v1/coverage").status_code == 200
    key, key_id = made(run("keys", "create", "--scope", "ask", "--name", "x"))
    door.headers["Authorization"] = f"Bearer {key}"
    assert door.get("/v1/coverage").status_code == 200
    assert door.post("/v1/articles", json=[]).status_code == 403
    assert run("keys", "revoke", key_id).exit_code == 0
    assert door.get("/v1/coverage").status_code == 401


@pytest.fixture
def serve(environment: dict[str, str], tmp_path: Path) -> Iterator[Callable[..., str]]:
    """Starts a service with an encoder that needs no weights, and says where it is; stopped at the end."""
    with ExitStack() as stack:

        def start(*words: str) -> str:
            command = [sys.executable, "-c", HASHED, "serve", "--port", "0", *words]
            service = stack.enter_context(subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment, cwd=tmp_path))
            stack.callback(service.terminate)
            assert service.stderr is not None
            said = ""
            while not (found := re.search(r"serves (http://\S+?)/ ", said)):
                line = service.stderr.readline()
                assert line, said
                said += line
            return found[1]

        yield start


def test_a_stored_key_is_enough_to_listen_elsewhere(
    serve: Callable[..., str], process: Process, environment: dict[str, str], tmp_path: Path
) -> None:
    """Refused without a key, before anything is opened; with one made it is served, and ingest goes through it with an admin key."""
    refused = process("serve", "--host", "127.0.0.2")
    assert refused.returncode == 2
    assert "dateline keys create" in refused.stderr
    assert not (tmp_path / "data" / ARCHIVE_FILE).exists()
    ask, admin = (process("keys", "create", "--scope", scope, "--name", "x").stdout.strip() for scope in ("ask", "admin"))
    url = serve("--host", "127.0.0.2")
    rows = tmp_path / "rows.jsonl"
    rows.write_text("\n".join(json.dumps(row) for row in ROWS), encoding="utf-8")
    for key in ("", ask):
        environment["DATELINE_API_KEY"] = key
        refused = process("ingest", rows)
        assert refused.returncode == 2
        assert "set DATELINE_API_KEY=KEY" in refused.stderr
        assert "dateline keys create --scope admin" in refused.stderr
    environment["DATELINE_API_KEY"] = admin
    taken = process("ingest", rows)
    assert (taken.returncode, taken.stdout[:24]) == (0, "3 articles read: 3 added")
    with httpx2.Client(base_url=url, headers={"Authorization": f"Bearer {ask}"}) as client:
        assert client.get("/v1/coverage").json()["articles"] == 3
        assert process("keys", "revoke", ask.split("_")[1]).returncode == 0
        assert client.get("/v1/coverage").status_code == 401
