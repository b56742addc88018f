"""Malformed articles, all in one run of the command: each is rejected with its reason, the rest is taken in, the exit code tells."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

LINES: list[tuple[bytes, str]] = [
    (b'{"id": "nul", "text": "The dam\\u0000 holds."}', "NUL"),
    (b'{"id": "surrogate", "text": "The dam \\ud800 holds."}', "half a surrogate pair"),
    ('{"id": "latin", "text": "Müller says."}'.encode("latin-1"), "is not UTF-8"),
    (b'{"id": "deep", "text": "x", "more": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested too deeply"),
    (b'{"id": "digits", "text": "x", "more": ' + b"9" * 100_000 + b"}", "too many digits"),
    (b'{"id": "empty", "text": " "}', "the text is empty"),
    (b'{"id": "twice", "text": "The ferry sank, says another."}', "id 'twice'"),
    (b'{"id": "broken", "text": ', "is not JSON"),
]
HUGE = 100_000_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One file of good and bad lines, one with a line of 100 MB between two good ones, an empty file, one in another encoding."""
    made = tmp_path / "news"
    made.mkdir()
    good = [
        b'{"id": "twice", "text": "The ferry runs."}',
        b'{"id": "future", "text": "The tram runs.", "published_at": "2999-01-01"}',
        b'{"id": "last", "text": "The bridge is open."}',
    ]
    (made / "a.jsonl").write_bytes(b"\n".join([*good[:2], *(line for line, _ in LINES), good[2]]))
    with (made / "b.jsonl").open("wb") as file:
        file.write(b'{"id": "before", "text": "The dam holds."}\n{"id": "huge", "text": "')
        for _ in range(100):
            file.write(b"x" * (HUGE // 100))
        file.write(b'"}\n{"id": "after", "text": "The dam still holds."}\n')
    (made / "c.txt").write_bytes(b"")
    (made / "d.txt").write_bytes("The dam holds.".encode("utf-16"))
    return made


def test_each_is_rejected_with_its_reason_and_the_rest_is_taken_in(
    folder: Path, run: Callable[..., Result], capsys: pytest.CaptureFixture[str]
) -> None:
    """A date in the future is no reason to lose an article: it is not believed, with a warning."""
    done = run("ingest", folder, "--json")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    rejected = {row["place"]: row["reason"] for row in rows if row.get("outcome") == "rejected"}
    with capsys.disabled():
        print(f"\n{len(rejected)} rejected: {', '.join(sorted(reason[:40] for reason in rejected.values()))}")
    assert done.exit_code == 1
    assert len(rejected) == len(LINES) + 3
    for number, (_, reason) in enumerate(LINES, 3):
        assert reason in rejected[f"{folder / 'a.jsonl'}:{number}"]
    assert "the line is longer than" in rejected[f"{folder / 'b.jsonl'}:2"]
    assert "is empty" in rejected[str(folder / "c.txt")]
    assert "UTF-16" in rejected[str(folder / "d.txt")]
    listed = [line.split("\t") for line in run("articles", "list").stdout.splitlines()]
    assert sorted(line[0] for line in listed) == ["after", "before", "future", "last", "twice"]
    assert next(line[1] for line in listed if line[0] == "future") == ""
    assert json.loads(run("articles", "show", "twice").stdout)["text"] == "The ferry runs."
    assert any("in the future" in warning for row in rows for warning in row.get("warnings", []))
