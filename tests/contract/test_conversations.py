"""What the archive promises of conversations: whose they are, that they are kept as they were, deleted whole, and brought up to date."""

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from service.domain import Feedback, FeedbackVerdict, Turn
from service.errors import NotFound
from service.records import lean
from service.storage.archive import SqliteArchive
from service.storage.conversations import Conversations
from service.storage.feedback import FeedbackLog
from service.storage.schema import SCHEMA_VERSION
from tests.answers import ARTICLE, CRACK, HURT, given
from tests.contract.test_archive import put
from tests.contract.test_archive_stories import SCHEMA_2
from tests.contract.test_feedback import OLD, layout, version_of
from tests.fakes import NOON, FixedClock

SCHEMA_3 = (Path(__file__).parent / "schema_3.sql").read_text("utf-8")
MINE, YOURS = "a hash of my key", "a hash of your key"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the archive lies."""
    return tmp_path / "archive.sqlite3"


@pytest.fixture
def archive(path: Path, clock: FixedClock) -> Iterator[SqliteArchive]:
    """A real archive in a fresh folder."""
    opened = SqliteArchive(path, "hashing", clock)
    yield opened
    opened.close()


def rows(archive: SqliteArchive) -> list[int]:
    """How many conversations, turns, answers and words of feedback there are."""
    return [archive.rows(f"SELECT COUNT(*) FROM {table}")[0][0] for table in ("conversations", "turns", "answers", "feedback")]


def test_a_conversation_is_there_for_its_owner_alone(archive: SqliteArchive) -> None:
    """To another key, or to none, it does not exist, and the words do not tell it from one that never was."""
    memory = Conversations(archive)
    memory.remember(given(), MINE)
    assert memory.history("con_1", NOON, MINE) == (
        Turn("How long is the crack?", given().text, "How long is the crack? (standalone)", NOON),
    )
    said = set()
    for conversation_id, owner in (("con_1", YOURS), ("con_1", ""), ("con_2", MINE), ("\ud800", MINE)):
        for use in (
            lambda c=conversation_id, o=owner: memory.history(c, NOON, o),
            lambda c=conversation_id, o=owner: memory.turns(c, o, 0, 10),
            lambda c=conversation_id, o=owner: memory.delete(o, c),
        ):
            with pytest.raises(NotFound) as raised:
                use()
            said.add(str(raised.value).replace(repr(conversation_id), "ID"))
    assert len(said) == 1
    assert memory.page(YOURS, None, 10) == []
    assert rows(archive) == [1, 1, 1, 0]


def test_conversations_are_listed_newest_first_page_by_page(archive: SqliteArchive) -> None:
    """By when they began, with the first question and the newest turn; another's are not among them."""
    memory = Conversations(archive)
    for number in range(5):
        memory.remember(given(f"ans_{number}", f"First of {number}?", conversation_id=f"con_{number}"), MINE)
    memory.remember(given("ans_5", "Second?", conversation_id="con_0", asked_at=NOON + timedelta(hours=1)), MINE, continues=True)
    memory.remember(given("ans_6", conversation_id="con_6"), YOURS)
    seen, cursor = [], None
    while page := memory.page(MINE, cursor, 2):
        seen += page
        cursor = page[-1].number
    assert [one.id for one in seen] == ["con_4", "con_3", "con_2", "con_1", "con_0"]
    oldest = seen[-1]
    assert (oldest.question, oldest.turns, oldest.started_at, oldest.last_asked_at) == ("First of 0?", 2, NOON, NOON + timedelta(hours=1))


def test_turns_are_read_page_by_page(archive: SqliteArchive) -> None:
    """The oldest first, each whole."""
    memory = Conversations(archive)
    for number in range(5):
        memory.remember(given(f"ans_{number}"), continues=number > 0)
    first = memory.turns("con_1", "", 0, 3)
    rest = memory.turns("con_1", "", first[-1].number, 3)
    assert [turn.id for turn in (*first, *rest)] == [f"ans_{number}" for number in range(5)]
    assert [turn.answer for turn in rest] == [lean(given(f"ans_{number}")) for number in (3, 4)]


def test_an_answer_is_kept_as_it_was_shown_and_says_what_became_of_its_articles(archive: SqliteArchive) -> None:
    """Changed under the quotation, revised beside it, or deleted: the citations stay, and the turn says so."""
    memory = Conversations(archive)
    put(archive, ARTICLE)
    shown = archive.article("dam")
    answer = given(citations=(replace(given().citations[0], article=shown),), nearest=())
    memory.remember(answer)

    def since() -> dict[str, str]:
        turn = memory.turns("con_1", "", 0, 10)[0]
        assert turn.answer == lean(answer)
        return turn.since

    assert since() == {}
    later = ARTICLE.ingested_at
    assert later is not None
    archive._clock = FixedClock(later + timedelta(hours=1))
    put(archive, replace(ARTICLE, text=f"{ARTICLE.text} It rained."))
    assert since() == {"dam": "updated"}
    put(archive, replace(ARTICLE, text=f"{HURT} {CRACK}"))
    assert since() == {"dam": "changed"}
    archive.remove(["dam"])
    assert since() == {"dam": "removed"}


def test_what_is_deleted_is_gone_with_all_that_hangs_on_it(archive: SqliteArchive) -> None:
    """Turns, answers and feedback of one conversation, or of all of one owner; others are not touched."""
    memory, log = Conversations(archive), FeedbackLog(archive)
    for number, owner in enumerate((MINE, MINE, MINE, YOURS)):
        memory.remember(given(f"ans_{number}", conversation_id=f"con_{number}"), owner)
        log.add(Feedback(f"ans_{number}", FeedbackVerdict.UP, NOON), owner)
    assert memory.delete(MINE, "con_0") == ["con_0"]
    assert rows(archive) == [3, 3, 3, 3]
    with pytest.raises(NotFound):
        memory.answer("ans_0")
    assert sorted(memory.delete(MINE)) == ["con_1", "con_2"]
    assert rows(archive) == [1, 1, 1, 1]
    assert memory.delete(MINE) == []


def test_what_was_deleted_while_an_answer_was_written_stays_deleted(archive: SqliteArchive) -> None:
    """The answer is not kept, and the conversation does not rise again."""
    memory = Conversations(archive)
    memory.remember(given("ans_1"), MINE)
    memory.delete(MINE, "con_1")
    assert not memory.remember(given("ans_2"), MINE, continues=True)
    assert rows(archive) == [0, 0, 0, 0]


def test_of_an_answer_that_cannot_be_read_the_words_are_left(archive: SqliteArchive) -> None:
    """One bad record hides no other turn."""
    memory = Conversations(archive)
    memory.remember(given("ans_1"))
    memory.remember(given("ans_2"), continues=True)
    with archive.transaction() as connection:
        connection.execute("UPDATE answers SET record = '{}' WHERE id = 'ans_1'")
    first, second = memory.turns("con_1", "", 0, 10)
    assert (first.answer, first.turn.answer) == (None, given().text)
    assert second.answer is not None


def made_by_schema_3(path: Path) -> None:
    """An archive as it was before conversations had owners: two of them, of one and of two turns."""
    connection = sqlite3.connect(path)
    connection.executescript(OLD + SCHEMA_2 + SCHEMA_3)
    connection.execute("INSERT INTO meta VALUES ('fingerprint', 'hashing')")
    connection.executescript("""
        INSERT INTO turns (id, conversation_id, asked_at, question, standalone, answer)
            VALUES ('ans_1', 'con_b', 2, 'Does it hold?', 'Does the dam hold?', 'It holds.'),
                   ('ans_2', 'con_a', 3, 'Who?', 'Who?', 'They.'),
                   ('ans_3', 'con_b', 4, 'Still?', 'Does the dam still hold?', 'Yes.');
    """)
    connection.close()


def test_an_archive_of_schema_3_is_upgraded_in_place(path: Path) -> None:
    """Its conversations are nobody's key's: there for a service without keys, in the order they began, and continued."""
    made_by_schema_3(path)
    archive = SqliteArchive(path, "hashing", FixedClock())
    memory = Conversations(archive)
    assert version_of(path) == SCHEMA_VERSION
    assert [(one.id, one.turns, one.question) for one in memory.page("", None, 10)] == [("con_a", 1, "Who?"), ("con_b", 2, "Does it hold?")]
    assert [turn.standalone for turn in memory.history("con_b", NOON)] == ["Does the dam hold?", "Does the dam still hold?"]
    with pytest.raises(NotFound):
        memory.history("con_b", NOON, MINE)
    assert memory.remember(given("ans_4", conversation_id="con_b"), continues=True)
    assert archive.check() is None
    archive.close()


def test_an_upgraded_archive_of_schema_3_is_like_a_new_one(path: Path, tmp_path: Path) -> None:
    """The same tables and indexes, word for word; opened again, nothing is done twice."""
    made_by_schema_3(path)
    for made in (path, tmp_path / "new.sqlite3", path):
        SqliteArchive(made, "hashing", FixedClock()).close()
    assert layout(path) == layout(tmp_path / "new.sqlite3")
