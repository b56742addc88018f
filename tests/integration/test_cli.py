"""The command line, in this process and as real processes: exit codes, messages, pipes, and two processes on one archive."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest
import typer.main
from click.testing import Result
from fastapi.testclient import TestClient

from service import __version__, bootstrap
from service.cli import app
from service.environment import refuse_unknown
from service.errors import SettingsError
from service.models.hashing import HashingEmbedder
from service.settings import Settings
from tests.integration.conftest import HASHED, ROWS

QUESTION = "How many people have been evacuated below the Halvern Dam?"
AS_OF = ["--asked-at", "2026-04-01"]
ANSI = re.compile(r"\x1b")
Run = Callable[..., Result]


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """The three articles as JSON Lines."""
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS), "utf-8")
    return path


@pytest.fixture
def filled(run: Run, rows: Path) -> Run:
    """The command over an archive of the three articles."""
    assert run("ingest", rows).exit_code == 0
    return run


def commands(group: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every command's words."""
    yield path
    for name, command in getattr(group, "commands", {}).items():
        yield from commands(command, (*path, name))


ALL = list(commands(typer.main.get_command(app)))


# ── what needs no archive ────────────────────────────────────────────────────


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_every_command_explains_itself(run: Run, words: tuple[str, ...]) -> None:
    """`--help` of each has a usage line and a sentence, and every option has its help."""
    result = run(*words, "--help")
    assert result.exit_code == 0
    assert "Usage:" in result.stdout
    command = typer.main.get_command(app)
    for word in words:
        command = command.commands[word]  # type: ignore[attr-defined]
    assert command.help
    assert [option.opts for option in command.params if isinstance(option, click.Option) and not option.help] == []


def test_help_loads_nothing_heavy() -> None:
    """Neither torch nor Chroma nor LangChain is imported before a command needs it."""
    code = "import sys, service.cli as c; from typer.testing import CliRunner as R; R().invoke(c.app, ['--help']); print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(__file__).parents[2], check=True
    ).stdout.split()
    assert {"torch", "chromadb", "langchain", "langchain_core", "sentence_transformers", "scipy", "fastapi"} & set(loaded) == set()


def test_the_version_is_printed(run: Run) -> None:
    """`--version` prints it, and a command without words explains itself with exit code 2."""
    assert run("--version").stdout == f"dateline {__version__}\n"
    assert run().exit_code == 2


def test_the_models_are_listed(run: Run) -> None:
    """One line a model with its licence, none of them here."""
    lines = run("models", "list").stdout.splitlines()
    assert len(lines) >= 3
    assert all(line.startswith("absent") and "Apache-2.0" in line for line in lines)


def test_an_unknown_model_is_answered_with_the_names_there_are(run: Run) -> None:
    """Exit code 2 and one line."""
    result = run("models", "fetch", "gpt-9")
    assert result.exit_code == 2
    assert "all-MiniLM-L6-v2" in result.stderr


def test_a_quiet_fetch_of_what_is_here_says_nothing(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--quiet` prints nothing when there is nothing to do; without it each model is named."""
    monkeypatch.setattr("service.models.fetch.installed", lambda entry, models_dir: True)
    monkeypatch.setattr("service.models.fetch.ensure", lambda entry, models_dir, progress: models_dir / entry.name)
    quiet, loud = run("models", "fetch", "--quiet"), run("models", "fetch")
    assert (quiet.exit_code, quiet.output) == (0, "")
    assert "all-MiniLM-L6-v2: verified" in loud.stdout


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("DATELINE_DATADIR", "x", "DATELINE_DATADIR.*DATELINE_DATA_DIR"), ("DATELINE_APIKEYS", "x", "DATELINE_API_KEYS"),
        ("DATELINE_PORT", "nine", "DATELINE_PORT"), ("DATELINE_MODEL", "gpt", "local, local/NAME"),
        ("DATELINE_API_KEYS", "short", "DATELINE_API_KEYS"), ("DATELINE_API_KEY", "two words", "DATELINE_API_KEY: .*ASCII"),
        ("DATELINE_LOG_LEVEL", "LOUD", "DATELINE_LOG_LEVEL.*INFO"), ("DATELINE_LOG_FORMAT", "xml", "DATELINE_LOG_FORMAT.*json"),
    ],
)  # fmt: skip
def test_a_setting_that_is_wrong_is_named(run: Run, monkeypatch: pytest.MonkeyPatch, name: str, value: str, words: str) -> None:
    """A misspelt variable is not ignored, and a value that makes no sense is one line with the variable: exit code 2."""
    monkeypatch.setenv(name, value)
    result = run("articles", "list")
    assert result.exit_code == 2
    assert re.search(words, result.stderr)
    assert len(result.stderr.splitlines()) == 1


def test_a_misspelt_setting_in_the_env_file_is_named_too(run: Run, tmp_path: Path) -> None:
    """`.env` is read, other programs' variables in it are not our business."""
    (tmp_path / ".env").write_text("DATABASE_URL=x\nDATELINE_TOPK=3\n")
    assert "DATELINE_TOP_K" in run("articles", "list").stderr
    (tmp_path / ".env").write_text("DATABASE_URL=x\nDATELINE_TOP_K=3\n")
    assert run("articles", "list").exit_code == 0


def test_every_setting_is_known() -> None:
    """No field of the settings is taken for a misspelling, in any case."""
    known = [f"DATELINE_{field}" for field in Settings.model_fields]
    refuse_unknown([*(name.upper() for name in known), *(name.lower() for name in known), "HOME", "DATELINER"], known)
    with pytest.raises(SettingsError, match="DATELINE_HOTS is not a setting; the nearest is DATELINE_HOST"):
        refuse_unknown(["DATELINE_HOTS"], known)


# ── ingest ───────────────────────────────────────────────────────────────────


def test_ingest_counts_what_it_did(run: Run, rows: Path) -> None:
    """The second time nothing is new, and the exit code is 0 both times."""
    first, second = run("ingest", rows), run("ingest", rows)
    assert (first.exit_code, second.exit_code) == (0, 0)
    assert first.stdout.startswith("3 articles read: 3 added")
    assert second.stdout.startswith("3 articles read: 0 added, 3 unchanged")


def test_what_is_rejected_is_named_by_file_and_line(run: Run, tmp_path: Path) -> None:
    """Exit code 1, a line each on standard error, and the good ones are in."""
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"text": "Good."}\n{"text": }\n\n{"title": "No text"}\n{"text": "Fine.", "published_at": "soon"}\n')
    result = run("ingest", bad, tmp_path / "nowhere.txt", tmp_path / "picture.png")
    assert result.exit_code == 1
    assert f"rejected {bad}:2: " in result.stderr
    assert f"rejected {bad}:4: the text is missing" in result.stderr
    assert f"warning {bad}:5: " in result.stderr
    assert f"rejected {tmp_path / 'nowhere.txt'}: no such file or folder" in result.stderr
    assert "2 added" in result.stdout
    assert len(run("articles", "list").stdout.splitlines()) == 2


def test_ingest_without_words_says_what_to_name(run: Run) -> None:
    """Exit code 2."""
    result = run("ingest")
    assert result.exit_code == 2
    assert "--sample" in result.stderr


def test_what_a_file_says_does_not_command_the_terminal(run: Run, tmp_path: Path) -> None:
    """Escape sequences and markup in names, texts and titles are shown as harmless characters."""
    evil = tmp_path / "e\x1b[2Jvil [red].json"
    evil.write_text(json.dumps([{"text": "The \x1b]0;owned\x07 council [bold]voted[/bold] on \u202eMonday."}, {"text": ""}]))
    outputs = [run("ingest", "-v", evil), run("articles", "list"), run("ask", "What did the council vote on?")]
    assert not any(ANSI.search(result.output) or "\x07" in result.output or "\u202e" in result.output for result in outputs)
    assert "[red]" in outputs[0].stderr
    assert "[bold]voted[/bold]" in outputs[1].output


# ── ask ──────────────────────────────────────────────────────────────────────


def test_an_answer_is_printed_with_its_sources(filled: Run) -> None:
    """Exit code 0; the sentence with its mark, then outlet, date, headline and the quote."""
    result = filled("ask", QUESTION, "--extractive", *AS_OF)
    assert result.exit_code == 0
    assert re.search(r"evacuated below the Halvern Dam.*\[1\]", result.stdout)
    assert re.search(r"^\[1\] \w+ \w+, 2026-03-", result.stdout, re.MULTILINE)
    assert "“" in result.stdout


def test_a_refusal_has_exit_code_3(filled: Run) -> None:
    """And shows the closest passages and what the archive holds."""
    result = filled("ask", "Who won the chess tournament in Reykjavik?", *AS_OF)
    assert result.exit_code == 3
    assert "The archive does not say." in result.stdout
    assert "Closest passages:" in result.stdout
    assert "2 articles, 2026-03-04 to 2026-03-20" in result.stdout


def test_an_empty_archive_says_how_articles_come_in(run: Run) -> None:
    """Exit code 3, and the command that takes some in."""
    result = run("ask", QUESTION)
    assert result.exit_code == 3
    assert "The archive holds no article up to then: `dateline ingest` takes some in." in result.stdout


@pytest.mark.parametrize(
    "words",
    [
        ["", *AS_OF], ["x" * 2_001], ["x", "--asked-at", "soon"], ["x", "--since", "2026-02-30"], ["x", "--source", "s" * 501],
        ["x", "--since", "2026-02-01", "--until", "2026-01-01"], ["x", "--conversation", "../x"], ["x", "--time-zone", "Mars"],
    ],
)  # fmt: skip
def test_a_question_that_cannot_be_asked_is_one_line(filled: Run, words: list[str]) -> None:
    """Exit code 2, no traceback."""
    result = filled("ask", *words)
    assert result.exit_code == 2
    assert result.stderr.startswith("dateline: ")
    assert len(result.stderr.splitlines()) == 1


def test_json_is_the_answer_of_the_http_door(filled: Run, open_door: Callable[..., TestClient], tmp_path: Path) -> None:
    """The same fields and, but for ids and timings, the same values."""
    printed = json.loads(filled("ask", QUESTION, "--extractive", "--json", *AS_OF).stdout)
    door = open_door(data_dir=tmp_path / "other", model="extractive")
    served = door.post("/v1/ask", json={"question": QUESTION, "asked_at": "2026-04-01", "mode": "extractive"}).json()
    for answer in (printed, served):
        del answer["id"], answer["conversation_id"], answer["timings_ms"], answer["given_at"]
    assert printed == served


def test_options_limit_the_question(filled: Run) -> None:
    """Outlet and dates do what the HTTP door's filters do."""
    for words in (["--source", "northern herald"], ["--until", "2026-03-05"]):
        answer = json.loads(filled("ask", QUESTION, "--json", *AS_OF, *words).stdout)
        assert {c["source"] for c in answer["citations"] or answer["nearest"]} == {"Northern Herald"}


# ── the archive ──────────────────────────────────────────────────────────────


def test_articles_are_listed_shown_and_removed(filled: Run) -> None:
    """Tab-separated lines, one article as JSON, and gone after `remove`; an unknown id is exit code 2."""
    lines = [line.split("\t") for line in filled("articles", "list").stdout.splitlines()]
    assert [line[0] for line in lines] == sorted(row["id"] for row in ROWS)
    assert lines[1] == ["dam/1 ?ü", "2026-03-04", "Northern Herald", "Cracks 🏗 found"]
    assert json.loads(filled("articles", "show", "dam/1 ?ü").stdout)["text"] == ROWS[0]["text"]
    assert filled("articles", "remove", "dam-2", "vote-1").stdout == "removed dam-2\nremoved vote-1\n"
    assert len(filled("articles", "list").stdout.splitlines()) == 1
    shown, removed = filled("articles", "show", "dam-2"), filled("articles", "remove", "dam-2")
    assert (shown.exit_code, shown.stderr) == (2, "dateline: no article 'dam-2' in this archive\n")
    assert (removed.exit_code, removed.stderr) == (1, "dam-2 is not in this archive\n")


def test_the_index_is_rebuilt(filled: Run) -> None:
    """From the stored vectors, or embedded again; answers are the same after it."""
    before = filled("ask", QUESTION, *AS_OF).stdout
    assert filled("reindex").stdout == "3 vectors indexed\n"
    assert filled("reindex", "--embed").stdout == "3 vectors indexed\n"
    assert filled("ask", QUESTION, *AS_OF).stdout == before


def test_the_doctor_says_what_to_do(filled: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing encoder is a failed check with its remedy and exit code 1; when it is there, all is well and the code is 0."""
    ill = filled("doctor")
    assert ill.exit_code == 1
    assert re.search(r"FAIL encoder.*\n.*dateline models fetch all-MiniLM-L6-v2", ill.stdout)
    assert "3 articles, 3 passages" in ill.stdout
    monkeypatch.setenv("DATELINE_EMBEDDING_MODEL", str(tmp_path))
    well = filled("doctor")
    assert (well.exit_code, "FAIL" in well.stdout) == (0, False)
    monkeypatch.setenv("DATELINE_MODEL", "local/nothing.gguf")
    assert re.search(r"FAIL language model: nothing\.gguf", filled("doctor").stdout)
    assert "ok   reranker: off" in well.stdout
    assert "ok   judge: " in well.stdout
    monkeypatch.setenv("DATELINE_JUDGE", f"nli:{tmp_path / 'nothing'}")
    assert re.search(r"FAIL judge: .*nothing is not the folder.*\n.*DATELINE_JUDGE", filled("doctor").stdout)
    monkeypatch.setenv("DATELINE_RERANKER", str(tmp_path / "nothing"))
    assert re.search(r"FAIL reranker: .*nothing is not the folder.*\n.*DATELINE_RERANKER", filled("doctor").stdout)


# ── processes ────────────────────────────────────────────────────────────────


def test_output_that_is_piped_is_plain(process: Callable[..., subprocess.CompletedProcess[str]], rows: Path) -> None:
    """No colour, no progress, no carriage return, nothing on standard error when all went well."""
    for words in (["ingest", rows], ["ask", QUESTION, *AS_OF], ["articles", "list"], ["articles", "show", "dam-2"]):
        done = process(*words)
        assert (done.returncode, done.stderr) == (0, ""), words
        assert not ANSI.search(done.stdout)
        assert "\r" not in done.stdout


@pytest.mark.parametrize("words", ["articles list", "ingest -v many.jsonl", "models list"])
def test_a_reader_who_has_enough_is_no_failure(
    process: Callable[..., subprocess.CompletedProcess[str]], environment: dict[str, str], tmp_path: Path, words: str
) -> None:
    """`| head -1` prints one line, no traceback, and the command ends with 0."""
    many = tmp_path / "many.jsonl"
    many.write_text(
        "".join(json.dumps({"id": f"{n:04}", "text": f"The Halvern Dam, {n} evacuated.", "title": "t" * 1_500}) + "\n" for n in range(150))
    )
    assert process("ingest", many).returncode == 0
    script = f'"$PYTHON" -c "$CODE" {words} | head -1; echo "${{PIPESTATUS[0]}}"'
    done = subprocess.run(["bash", "-c", script], env=environment | {"PYTHON": sys.executable, "CODE": HASHED}, cwd=tmp_path,
                          capture_output=True, text=True, timeout=120, check=False)  # fmt: skip
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert (len(lines), lines[-1]) == (2, "0")


def test_beside_a_running_service_one_can_ask_and_not_write(
    process: Callable[..., subprocess.CompletedProcess[str]], rows: Path, environment: dict[str, str]
) -> None:
    """While another process holds the archive, reading works; writing is refused in one line that names the holder and the way out."""
    assert process("ingest", rows).returncode == 0
    alone = json.loads(process("ask", QUESTION, "--json", *AS_OF).stdout)
    with bootstrap.build(Settings(data_dir=environment["DATELINE_DATA_DIR"], model="extractive"), embedder=HashingEmbedder(256)):
        beside = json.loads(process("ask", QUESTION, "--json", *AS_OF).stdout)
        assert beside["citations"] == alone["citations"]
        assert len(process("articles", "list").stdout.splitlines()) == 3
        for words in (["ingest", rows], ["articles", "remove", "dam-2"], ["reindex"]):
            refused = process(*words)
            assert refused.returncode == 2, words
            assert f"process {os.getpid()} holds the archive" in refused.stderr
            assert len(refused.stderr.splitlines()) == 1
    assert process("ingest", rows).returncode == 0
