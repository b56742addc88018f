"""An archive from before versions, notices and addresses were kept is brought up to date, and is then like a new one."""

import sqlite3
from pathlib import Path

import pytest

from service.indexing.ingest import Ingester
from service.models.hashing import HashingEmbedder
from service.storage.archive import SqliteArchive
from service.storage.conversations import Conversations
from service.storage.feedback import FeedbackLog
from service.storage.keys import StoredKeys
from service.storage.schema import SCHEMA_VERSION
from service.urls import url_key
from tests.contract.test_archive_stories import SCHEMA_2
from tests.contract.test_conversations import SCHEMA_3
from tests.contract.test_feedback import OLD, layout, version_of
from tests.fakes import FixedClock, MemoryIndex

SCHEMA_4, SCHEMA_5, SCHEMA_6 = ((Path(__file__).parent / f"schema_{number}.sql").read_text("utf-8") for number in (4, 5, 6))
NOTICE = "Correction: An earlier version of this article said that the crack was four metres long. It is three metres long."


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the archive lies."""
    return tmp_path / "archive.sqlite3"


def made_by_schema_4(path: Path) -> None:
    """Three articles: one with an address, one that corrects itself, one that is pending."""
    connection = sqlite3.connect(path)
    connection.executescript(OLD + SCHEMA_2 + SCHEMA_3 + SCHEMA_4)
    connection.execute("INSERT INTO meta VALUES ('fingerprint', 'hashing')")
    statement = (
        "INSERT INTO articles (id, state, content_hash, text_hash, title, source, url, date_origin, ingested_at, metadata, text)"
        " VALUES (?, ?, 'c', 't', 'T', 'Herald', ?, 'document', 7, '{}', ?)"
    )
    for article_id, state, url, text in (
        ("page", "ready", "http://HERALD.example/dam/?utm_source=x#top", "The dam holds."),
        ("notice", "ready", None, NOTICE),
        ("half", "pending", "https://herald.example/half", "Half."),
    ):
        connection.execute(statement, (article_id, state, url, text))
    connection.commit()
    connection.close()


def test_an_archive_of_schema_4_is_upgraded_in_place_and_caught_up(path: Path) -> None:
    """Its pages are known by their addresses, its notices are found once, and its articles are whole."""
    made_by_schema_4(path)
    archive = SqliteArchive(path, "hashing", FixedClock())
    ingester = Ingester(archive, MemoryIndex(), HashingEmbedder())
    assert version_of(path) == SCHEMA_VERSION
    assert archive.at_urls(["https://herald.example/dam", "https://herald.example/half"]) == {"https://herald.example/dam": "page"}
    assert archive.notices() == []
    assert ingester.catch_up() == 2
    assert [(one.article_id, one.corrects) for one in archive.notices()] == [("notice", "notice")]
    assert ingester.catch_up() == 0
    one = archive.article("page")
    assert (one.zone, one.date_conflicts, one.version, [kept.number for kept in archive.versions("page")]) == (None, (), 1, [1])
    assert archive.check() is None
    archive.close()


def made_by_schema_5(path: Path) -> None:
    """A conversation and what was said of its answer."""
    connection = sqlite3.connect(path)
    connection.create_function("url_key", 1, url_key, deterministic=True)
    connection.executescript(OLD + SCHEMA_2 + SCHEMA_3 + SCHEMA_4 + SCHEMA_5)
    connection.execute("INSERT INTO conversations (id, owner, started_at) VALUES ('con_1', '', 7)")
    turn = "INSERT INTO turns (id, conversation_id, asked_at, question, standalone, answer) VALUES ('ans_1', 'con_1', 7, 'q', 'q', 'a')"
    connection.execute(turn)
    connection.execute("INSERT INTO feedback (answer_id, given_at, verdict, reason) VALUES ('ans_1', 8, 'down', 'wrong date')")
    connection.commit()
    connection.close()


def test_an_archive_of_schema_5_is_upgraded_in_place(path: Path, tmp_path: Path) -> None:
    """Its conversations have no name yet, and what was said was said of whole answers; it is then like a new one."""
    made_by_schema_5(path)
    archive = SqliteArchive(path, "hashing", FixedClock())
    assert version_of(path) == SCHEMA_VERSION
    assert [(one.id, one.title) for one in Conversations(archive).page("", None, 9)] == [("con_1", None)]
    assert [(one.reason, one.sentence) for one in FeedbackLog(archive).of("ans_1")] == [("wrong date", None)]
    archive.close()
    SqliteArchive(tmp_path / "new.sqlite3", "hashing", FixedClock()).close()
    assert layout(path) == layout(tmp_path / "new.sqlite3")


def test_an_archive_of_schema_6_is_upgraded_in_place(path: Path, tmp_path: Path) -> None:
    """No key was made in it, so that nobody is locked out; what was said stays; it is then like a new one."""
    made_by_schema_5(path)
    connection = sqlite3.connect(path)
    connection.executescript(SCHEMA_6)
    connection.execute("UPDATE conversations SET title = 'The dam'")
    connection.commit()
    connection.close()
    archive = SqliteArchive(path, "hashing", FixedClock())
    assert version_of(path) == SCHEMA_VERSION
    assert not StoredKeys(archive, FixedClock()).any()
    assert [(one.id, one.title) for one in Conversations(archive).page("", None, 9)] == [("con_1", "The dam")]
    archive.close()
    SqliteArchive(tmp_path / "new.sqlite3", "hashing", FixedClock()).close()
    assert layout(path) == layout(tmp_path / "new.sqlite3")


def test_an_upgraded_archive_of_schema_4_is_like_a_new_one(path: Path, tmp_path: Path) -> None:
    """The same tables and indexes, word for word; opened again, nothing is done twice."""
    made_by_schema_4(path)
    for made in (path, tmp_path / "new.sqlite3", path):
        SqliteArchive(made, "hashing", FixedClock()).close()
    assert layout(path) == layout(tmp_path / "new.sqlite3")
