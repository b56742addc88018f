"""An archive of an older schema is copied before it is brought up to date, once, and is as it was where that fails."""

import logging
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from service.errors import ArchiveError, ArchiveInUse, ArchiveMismatch
from service.storage.archive import SqliteArchive
from service.storage.ledger import summary
from service.storage.schema import SCHEMA_VERSION
from service.storage.upgrade import copies_of, copy_of
from service.urls import url_key
from tests.contract.test_feedback import OLD
from tests.fakes import FixedClock
from tests.unit.test_storage_lock import holding

STEPS = {number: (Path(__file__).parent / f"schema_{number}.sql").read_text("utf-8") for number in range(2, 7)}
ROOT = Path(__file__).parents[2]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the archive lies."""
    (tmp_path / "data").mkdir()
    return tmp_path / "data" / "archive.sqlite3"


def made_by(schema: int, path: Path, *, articles: int = 3) -> None:
    """An archive of an older schema with so many articles."""
    with closing(sqlite3.connect(path)) as connection:
        connection.create_function("url_key", 1, url_key, deterministic=True)
        connection.executescript(OLD + "".join(STEPS[number] for number in range(2, schema + 1)))
        connection.execute("INSERT INTO meta VALUES ('fingerprint', 'hashing')")
        statement = (
            "INSERT INTO articles (id, state, content_hash, text_hash, title, date_origin, ingested_at, metadata, text)"
            " VALUES (?, 'ready', 'c', 't', 'T', 'document', 7, '{}', ?)"
        )
        connection.executemany(statement, [(f"a{number}", f"The dam {number} holds.") for number in range(articles)])
        connection.commit()


def opened(path: Path) -> SqliteArchive:
    """The archive, by the code that opens every archive."""
    return SqliteArchive(path, "hashing", FixedClock())


def files(path: Path) -> list[str]:
    """What lies in the folder, the lock of the index left out."""
    return sorted(one.name for one in path.parent.iterdir() if one.name != "index.lock")


@pytest.mark.parametrize("schema", range(1, 6))
def test_an_older_archive_is_kept_as_it_was(path: Path, schema: int, caplog: pytest.LogCaptureFixture) -> None:
    """Every row of it, in a file that is named in the log and may be deleted; an older copy goes; opened again, nothing is copied."""
    made_by(schema, path)
    before = summary(path)
    copy_of(path, 0).touch()
    for _ in range(2):
        opened(path).close()
    assert summary(path).schema == SCHEMA_VERSION
    assert files(path) == ["archive.sqlite3", f"archive.sqlite3.schema-{schema}"]
    assert summary(copy_of(path, schema)) == before
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert f"from schema {schema} to {SCHEMA_VERSION}" in caplog.text
    assert f"{copy_of(path, schema)}, which may be deleted" in caplog.text


def test_of_an_archive_that_holds_nothing_no_copy_is_made(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """There is nothing to lose."""
    made_by(5, path, articles=0)
    opened(path).close()
    assert summary(path).schema == SCHEMA_VERSION
    assert files(path) == ["archive.sqlite3"]
    assert caplog.text == ""


def test_a_step_that_fails_leaves_the_archive_as_it_was(path: Path) -> None:
    """All steps are one transaction: here the last of schema 5 to 6 finds its column there already; the copy goes again."""
    made_by(4, path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("ALTER TABLE feedback ADD COLUMN sentence INTEGER")
    before = summary(path)
    with pytest.raises(ArchiveError, match=rf"from schema 4 to {SCHEMA_VERSION} \(duplicate column.* is as it was: use the version"):
        opened(path)
    assert summary(path) == before
    assert files(path) == ["archive.sqlite3"]
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("ALTER TABLE feedback DROP COLUMN sentence")
    opened(path).close()
    assert summary(path).schema == SCHEMA_VERSION


@pytest.mark.parametrize("url", [None, "http://127.0.0.1:8321"], ids=["a command", "a service"])
def test_the_archive_of_a_running_process_is_left_alone(path: Path, url: str | None) -> None:
    """Whoever holds an older archive is of an older Dateline: it is named, and its archive is not changed under it."""
    made_by(5, path)
    before = summary(path)
    with holding(path.parent, *filter(None, [url])) as process:
        with pytest.raises(ArchiveInUse, match=f"process {process.pid} holds .*: it is of another Dateline.*: stop it") as caught:
            opened(path)
        assert caught.value.url == url
        assert summary(path) == before
        assert copies_of(path) == []
        process.communicate()
    opened(path).close()
    assert summary(path).schema == SCHEMA_VERSION


OPEN = """
import sys
from pathlib import Path
from service.storage.archive import SqliteArchive
from tests.fakes import FixedClock
print("ready", flush=True)
sys.stdin.readline()
SqliteArchive(Path(sys.argv[1]), "hashing", FixedClock()).close()
"""


def test_processes_that_open_it_at_once_bring_it_up_to_date_once(path: Path) -> None:
    """One does it, the others wait for it; all open it."""
    made_by(4, path, articles=2_000)
    before = summary(path)
    command = [sys.executable, "-c", OPEN, str(path)]
    started = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)
        for _ in range(3)
    ]
    for process in started:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in started:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    told = [process.communicate(timeout=60)[1] for process in started]
    assert [process.returncode for process in started] == [0, 0, 0], told
    assert sum("was brought from schema 4" in one for one in told) == 1
    assert summary(copy_of(path, 4)) == before
    assert summary(path).schema == SCHEMA_VERSION


def test_an_archive_of_a_later_version_names_the_copy_from_before(path: Path) -> None:
    """What an older Dateline says: which schemas, and where the archive is kept as it was."""
    opened(path).close()
    shutil.copy(path, copy_of(path, SCHEMA_VERSION))
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version={SCHEMA_VERSION + 1}")
    words = f"schema {SCHEMA_VERSION + 1}, this one reads {SCHEMA_VERSION}.*use that version.*kept as {copy_of(path, SCHEMA_VERSION)}"
    with pytest.raises(ArchiveMismatch, match=words):
        opened(path)


@pytest.mark.parametrize("name", ["archive.sqlite3.schema-", "archive.sqlite3.schema-x", "archive.sqlite3.schema-5.old"])
def test_other_files_are_no_copies(path: Path, name: str) -> None:
    """And stay where they are."""
    made_by(5, path)
    path.with_name(name).touch()
    assert copies_of(path) == []
    opened(path).close()
    assert path.with_name(name).exists()
