"""`dateline doctor --deep` finds what does not fit, wherever it is, and says what to do; the quick one asks the running service."""

import json
import shutil
import socket
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result

from service.access import open_keys
from service.audit import Audit, audit
from service.bootstrap import ARCHIVE_FILE, build
from service.doctor import Check, examine
from service.http.app import create_app
from service.services import now
from service.settings import Settings
from service.storage.archive import SqliteArchive
from service.storage.chroma_index import ChromaIndex
from tests.integration.conftest import ROWS
from tests.integration.test_keeping import EMBEDDER, made, settings_of
from tests.unit.test_storage_lock import holding

MORE = [{"id": f"more-{number}", "text": f"Reporter {number} saw river{number} rise at Skell{number}."} for number in range(20)]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sound archive of 23 articles."""
    return made(tmp_path_factory.mktemp("whole") / "data", *ROWS, *MORE).data_dir


@pytest.fixture
def kept(whole: Path, tmp_path: Path) -> Settings:
    """The settings of a copy of it."""
    return settings_of(Path(shutil.copytree(whole, tmp_path / "data")))


def ill(found: Audit) -> dict[str, str]:
    """The checks that are not well, with what they found."""
    assert all(check.remedy for check in found.checks if not check.ok)
    return {check.name: check.found for check in found.checks if not check.ok}


def change(settings: Settings, *statements: str) -> None:
    """Change the archive behind everybody's back."""
    with closing(sqlite3.connect(settings.data_dir / ARCHIVE_FILE)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def index_changed(settings: Settings, do: Callable[[Any, list[str]], object]) -> None:
    """Change the index, and close it as if that were right."""
    with (
        closing(SqliteArchive(settings.data_dir / ARCHIVE_FILE, None, now)) as archive,
        closing(ChromaIndex(settings.data_dir, archive)) as index,
    ):
        do(index._chroma.collection, [row for ids, _ in archive.vectors() for row in ids])


def test_a_sound_archive_is_sound(kept: Settings) -> None:
    """Every check is well and says how much it looked at; each step is told of."""
    told: list[str] = []
    found = audit(kept, lambda what, done, total: told.append(what))
    assert ill(found) == {}
    assert {check.name: check.found for check in found.checks} == {
        "the file": "every page, index and reference is whole",
        "full text": "holds the words of the passages",
        "texts and passages": "23 articles and 23 passages are what was taken in",
        "stored vectors": "23 of 256 dimensions, finite and of length 1",
        "vectors of the index": "23 compared, each equals the stored one, and there are no others",
        "self-queries": "23 passages are found by their own vectors",
        "leftovers": "none",
    }
    assert list(dict.fromkeys(told)) == [
        "The file", "Full text", "Texts and passages", "Stored vectors", "Vectors of the index", "Self-queries",
    ]  # fmt: skip


FIRST = "(SELECT min(number) FROM passages)"
SHORT = np.full(256, 0.01, "<f4").tobytes().hex()
DAMAGE: list[tuple[str, str, str, str]] = [
    ("text", "UPDATE articles SET text = replace(text, 'six', 'two')", "texts and passages", "1 articles have another text"),
    ("metadata", "UPDATE articles SET metadata = '{' WHERE id = 'more-3'", "texts and passages", "1 articles cannot be read (more-3)"),
    ("offset", f'UPDATE passages SET "end" = 9999 WHERE number = {FIRST}', "texts and passages", "1 passages lie outside their article"),
    ("place", f'UPDATE passages SET "end" = "end" - 1 WHERE number = {FIRST}', "texts and passages", "1 passages are of other words"),
    ("uncut", f"DELETE FROM passages WHERE number = {FIRST}", "texts and passages", "1 articles have no passage"),
    ("words", "INSERT INTO words (words) VALUES ('delete-all')", "full text", "malformed"),
    ("orphan", "INSERT INTO passages SELECT 999, 'x', 999, 0, 0, 1, vector FROM passages LIMIT 1", "the file", "1 rows of passages refer"),
    ("short", f"UPDATE passages SET vector = x'{SHORT}' WHERE number = {FIRST}", "stored vectors", "1 are of another size, not finite"),
    ("size", f"UPDATE passages SET vector = x'0000803f' WHERE number = {FIRST}", "stored vectors", "1 are of another size"),
    ("nan", f"UPDATE passages SET vector = x'{'0000c07f' * 256}' WHERE number = {FIRST}", "stored vectors", "1 are of another size"),
    ("infinite", f"UPDATE passages SET vector = x'{'0000807f' * 256}' WHERE number = {FIRST}", "stored vectors", "1 are of another size"),
]


@pytest.mark.parametrize(("statement", "check", "words"), [row[1:] for row in DAMAGE], ids=[row[0] for row in DAMAGE])
def test_what_does_not_fit_in_the_archive_is_found(kept: Settings, statement: str, check: str, words: str) -> None:
    """By the check that is meant for it."""
    change(kept, statement)
    assert words in ill(audit(kept))[check]


@pytest.mark.parametrize("share", [0.25, 0.5, 0.75, 0.9])
def test_pages_that_are_damaged_are_told_and_end_nothing(kept: Settings, share: float) -> None:
    """Every check says what it met, or the only one that the file cannot be opened."""
    path = kept.data_dir / ARCHIVE_FILE
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(int(size * share))
        file.write(b"\xff" * (size - int(size * share)))
    assert "the file" in ill(audit(kept))


def test_vectors_of_the_index_that_differ_are_found(kept: Settings) -> None:
    """One missing, one other, one too many, each with its number; the count alone would have shown one of them."""

    def spoil(collection: Any, ids: list[str]) -> None:
        collection.delete(ids=ids[:1])
        collection.update(ids=ids[1:2], embeddings=np.eye(256, dtype=np.float32)[:1])
        collection.add(ids=["stranger"], embeddings=np.eye(256, dtype=np.float32)[1:2])

    index_changed(kept, spoil)
    found = ill(audit(kept))
    assert all(words in found["vectors of the index"] for words in ("1 are missing", "1 differ", "1 are of passages that are gone"))
    assert "of 23 passages are not found by their own vector" in found["self-queries"]


def test_beside_a_service_counts_are_compared(kept: Settings, on_loopback: Callable[[Any], str]) -> None:
    """It holds the index, so it is asked; what is read of the archive is looked at all the same."""
    with build(kept, embedder=EMBEDDER) as services:
        url = on_loopback(create_app(services))
        services.announce(url)
        beside = audit(kept)
        assert ill(beside) == {}
        told = {check.name: check.found for check in beside.checks}
        assert told["vectors of the index"].startswith("the running service counts 23, 23 are stored; stop it")
        services.archive.remove(["more-1"])
        assert "counts 23, 22 are stored" in ill(audit(kept))["vectors of the index"]


def test_beside_a_process_that_cannot_be_asked_that_is_said(kept: Settings) -> None:
    """Not compared is not the same as well."""
    with holding(kept.data_dir) as process:
        told = {check.name: check.found for check in audit(kept).checks}
    assert "self-queries" not in told
    assert told["vectors of the index"].startswith(f"not compared: process {process.pid} holds the archive")


def test_what_is_left_over_is_named(kept: Settings) -> None:
    """With what to do; what an ingest has written and not published is told, and fails nothing."""
    archive = kept.data_dir / ARCHIVE_FILE
    archive.with_name(f"{ARCHIVE_FILE}.schema-5").write_bytes(b"x" * 2_000_000)
    twin = archive.with_name(f"{ARCHIVE_FILE}.replaced-20260101T000000Z")
    twin.hardlink_to(archive)
    change(kept, "UPDATE articles SET state = 'pending' WHERE id = 'more-3'")
    found = audit(kept)
    told = {check.name: check.found for check in found.checks}
    assert f"{twin.name} is the archive itself by a second name: delete that name" in ill(found)["leftovers"]
    assert "archive.sqlite3.schema-5 (2 MB)" in told["leftovers"]
    assert "1 not published yet" in told["texts and passages"]


# ── the quick one ────────────────────────────────────────────────────────────


def quick(settings: Settings, name: str) -> Check:
    """One check of the quick doctor."""
    return next(check for check in examine(settings) if check.name == name)


def test_settings_are_shown_without_their_secrets(tmp_path: Path) -> None:
    """Keys, and what stands before the host of an address; and an address that may not be listened on without keys fails."""
    given = {
        "embedding_api_key": "sesame-sesame", "api_keys": "admin:open-open-open-open", "port": 0,
        "model_url": "http://me:hunter2@127.0.0.1:1/v1",
    }  # fmt: skip
    well = quick(settings_of(tmp_path / "data", **given), "settings")
    assert well.ok
    assert not any(secret in well.found for secret in ("sesame", "open-open", "hunter2"))
    assert "DATELINE_MODEL_URL=http://(hidden)@127.0.0.1:1/v1" in well.found
    assert "DATELINE_API_KEYS=(1 hidden)" in well.found
    assert "listens on 127.0.0.1:0 with keys" in well.found
    kept = settings_of(tmp_path / "kept", port=0)
    with open_keys(kept) as stored:
        assert quick(kept, "settings").found.endswith("without keys")
        stored.create("ask", "desk")
    assert quick(kept, "settings").found.endswith("listens on 127.0.0.1:0 with keys")
    open_to_all = quick(settings_of(tmp_path / "data", host="0.0.0.0", port=0), "settings")
    assert not open_to_all.ok
    assert "set DATELINE_API_KEYS" in open_to_all.found


def test_the_disk_is_held_against_the_floor(tmp_path: Path) -> None:
    """Below it nothing is taken in, and that is said."""
    assert "200 MB are left free" in quick(settings_of(tmp_path / "data", port=0), "disk").found
    low = quick(settings_of(tmp_path / "data", port=0, min_free_mb=10**9), "disk")
    assert not low.ok
    assert "nothing is taken in until there is more" in low.found


def test_a_running_service_is_asked_for_its_parts(kept: Settings, on_loopback: Callable[[Any], str]) -> None:
    """The part that is not ready is named with its reason; one that does not answer, and a port that is taken, too."""
    with build(kept, embedder=EMBEDDER) as services:
        services.announce(on_loopback(create_app(services)))
        assert quick(kept, "service").found.endswith("every part is ready")
        services.index._suspect("a write failed")  # type: ignore[attr-defined]
        found = quick(kept, "service")
        assert not found.ok
        assert "index is not ready (the vector index is in doubt until it is rebuilt" in found.found
    with holding(kept.data_dir, "http://127.0.0.1:9"):
        assert "http://127.0.0.1:9 does not answer" in quick(kept, "service").found
    with holding(kept.data_dir) as process:
        assert quick(kept, "service").found == f"process {process.pid} holds the archive and serves nothing"
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        found = quick(kept.model_copy(update={"port": taken.getsockname()[1]}), "service")
        assert not found.ok
        assert "none could listen on 127.0.0.1:" in found.found


def test_the_command_tells_both_and_as_json(
    kept: Settings, run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The exit code is 1 where something of either is not well."""
    monkeypatch.setenv("DATELINE_PORT", "0")
    monkeypatch.setenv("DATELINE_EMBEDDING_MODEL", str(tmp_path))
    plain = run("doctor", "--deep")
    assert (plain.exit_code, "FAIL" in plain.stdout) == (0, False), plain.stdout
    assert "ok   self-queries: 23 passages" in plain.stdout
    assert "looked at everything in " in plain.stdout
    change(kept, "UPDATE articles SET text = text || '!' WHERE id = 'more-3'")
    told = run("doctor", "--deep", "--json")
    found = json.loads(told.stdout)
    assert (told.exit_code, found["ok"]) == (1, False)
    assert [check["name"] for check in found["checks"] if not check["ok"]] == ["texts and passages"]
    assert "full text" not in [check["name"] for check in json.loads(run("doctor", "--json").stdout)["checks"]]
