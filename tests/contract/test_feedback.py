"""What the archive keeps of answers: the record, the turns before, what readers said; and that an older archive is upgraded in place."""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from service.domain import Feedback, FeedbackVerdict, Scope, Turn
from service.errors import ArchiveError, ArchiveMismatch, BadInput, NotFound
from service.records import lean
from service.storage.archive import SqliteArchive
from service.storage.conversations import REMEMBERED, Conversations
from service.storage.feedback import FeedbackLog
from service.storage.schema import SCHEMA_VERSION
from tests.answers import given
from tests.contract.test_archive import article, put
from tests.fakes import NOON, FixedClock

UP, DOWN = FeedbackVerdict.UP, FeedbackVerdict.DOWN
OLD = (Path(__file__).parent / "schema_1.sql").read_text("utf-8")


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


def counts(archive: SqliteArchive) -> list[int]:
    """How many turns, records and words of feedback there are."""
    return [archive.rows(f"SELECT count(*) FROM {table}")[0][0] for table in ("turns", "answers", "feedback")]


def together(*calls: Callable[[], object]) -> list[BaseException]:
    """Each in a thread of its own, all at once; what they raised."""
    failures: list[BaseException] = []
    barrier = threading.Barrier(len(calls))

    def run(call: Callable[[], object]) -> None:
        try:
            barrier.wait()
            call()
        except BaseException as error:  # noqa: BLE001 - carried to the test's own thread
            failures.append(error)

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return failures


def test_an_answer_is_kept_whole(archive: SqliteArchive) -> None:
    """It comes back lean, and equal in everything else."""
    memory = Conversations(archive)
    memory.remember(given("ans_1"))
    assert memory.answer("ans_1") == lean(given("ans_1"))


@pytest.mark.parametrize("answer_id", ["nobody", "", "ANS_1", "ans_1 ", "\ud800", "' OR 1=1 --"])
def test_an_unknown_answer_is_not_found(archive: SqliteArchive, answer_id: str) -> None:
    """Neither its record, nor turns before it, nor words about it; and none can be added."""
    memory = Conversations(archive)
    memory.remember(given("ans_1"))
    with pytest.raises(NotFound, match="no answer"):
        memory.answer(answer_id)
    with pytest.raises(NotFound, match="send the `id`"):
        FeedbackLog(archive).add(Feedback(answer_id, UP, NOON))
    assert memory.before(answer_id) == FeedbackLog(archive).of(answer_id) == ()
    assert counts(archive) == [1, 1, 0]


def test_the_same_answer_is_kept_once(archive: SqliteArchive) -> None:
    """A second one of the same id, of a stream that was taken up again, changes nothing."""
    memory = Conversations(archive)
    assert memory.remember(given("ans_1", "First?"))
    assert memory.remember(given("ans_1", "Second?"))
    assert memory.answer("ans_1").question.asked == "First?"
    assert counts(archive) == [1, 1, 0]


def test_on_a_full_disk_neither_turn_nor_record_is_kept(archive: SqliteArchive) -> None:
    """The error says what to do; with room again, the same answer is kept."""
    memory = Conversations(archive)
    memory.remember(given("ans_1"))
    full = archive.rows("PRAGMA page_count")[0][0]
    archive.rows(f"PRAGMA max_page_count={full}")
    big = given("ans_2", dropped=("It is 99 metres long. " * 5_000,))
    with pytest.raises(ArchiveError, match="free space"):
        memory.remember(big)
    with pytest.raises(ArchiveError, match="free space"):
        FeedbackLog(archive).add(Feedback("ans_1", DOWN, NOON, comment="x" * 100_000))
    assert counts(archive) == [1, 1, 0]
    archive.rows(f"PRAGMA max_page_count={full + 1_000}")
    memory.remember(big)
    assert counts(archive) == [2, 2, 0]


def test_a_record_that_cannot_be_read_is_told(archive: SqliteArchive) -> None:
    """BadInput, with what to do."""
    memory = Conversations(archive)
    memory.remember(given("ans_1"))
    with archive.transaction() as connection:
        connection.execute("UPDATE answers SET record = '{}'")
    with pytest.raises(BadInput, match="ask the question again"):
        memory.answer("ans_1")


def test_the_turns_before_are_those_a_question_could_refer_to(archive: SqliteArchive) -> None:
    """Of its own conversation, earlier ones only, asked no later than itself, the last few, oldest first."""
    memory = Conversations(archive)
    for number in range(REMEMBERED + 2):
        memory.remember(given(f"ans_{number}", f"asked {number}", asked_at=NOON + timedelta(hours=number)))
        memory.remember(given(f"other_{number}", "elsewhere", conversation_id="con_2"))
    memory.remember(given("ans_back", "asked back then", asked_at=NOON + timedelta(hours=1)))
    last = REMEMBERED + 1
    seen_then = [turn.question for turn in memory.before(f"ans_{last}")]
    assert seen_then == [f"asked {number}" for number in range(last - REMEMBERED, last)]
    assert memory.before("ans_0") == ()
    assert memory.before("ans_1") == (Turn("asked 0", given().text, "asked 0 (standalone)", NOON),)
    assert [turn.question for turn in memory.before("ans_back")] == ["asked 0", "asked 1"]


def test_all_feedback_is_kept_in_order(archive: SqliteArchive) -> None:
    """Whatever the clock says, the last given is the last; each answer for itself; missing and odd words as they are."""
    memory, log = Conversations(archive), FeedbackLog(archive)
    for answer_id in ("ans_1", "ans_2"):
        memory.remember(given(answer_id))
    said = [
        Feedback("ans_1", DOWN, NOON + timedelta(microseconds=1), "wrong date", "It was\nMarch 9 😀\0"),
        Feedback("ans_1", UP, NOON),
        Feedback("ans_1", UP, NOON, "", ""),
    ]
    for feedback in said:
        log.add(feedback)
        log.add(Feedback("ans_2", DOWN, NOON))
    assert list(log.of("ans_1")) == said
    assert len(log.of("ans_2")) == 3
    log.add(Feedback("ans_1", DOWN, NOON, "\ud800"))
    assert log.of("ans_1")[-1].reason == "\\ud800"


def test_answers_and_feedback_are_kept_while_articles_are_taken_in(archive: SqliteArchive) -> None:
    """Writers take turns: nothing of any of them is lost, and nothing fails."""
    memory, log, rounds = Conversations(archive), FeedbackLog(archive), 20

    def ingest() -> None:
        for number in range(rounds):
            put(archive, article(f"a{number}", f"The dam {number} holds. " * 20))

    def judge(reader: int) -> Callable[[], None]:
        def judging() -> None:
            for number in range(rounds):
                memory.remember(given(f"ans_{reader}_{number}"))
                log.add(Feedback(f"ans_{reader}_{number}", UP, NOON, f"reader {reader}"))

        return judging

    assert together(ingest, judge(1), judge(2)) == []
    assert counts(archive) == [2 * rounds] * 3
    assert archive.coverage(Scope(NOON)).articles == rounds
    assert [feedback.reason for feedback in log.of(f"ans_2_{rounds - 1}")] == ["reader 2"]
    assert archive.check() is None


def test_another_process_reads_what_was_kept(archive: SqliteArchive, path: Path) -> None:
    """A second opening of the file sees answer and feedback, as a command beside the running service does."""
    Conversations(archive).remember(given("ans_1"))
    FeedbackLog(archive).add(Feedback("ans_1", DOWN, NOON, "wrong date"))
    beside = SqliteArchive(path, "hashing", FixedClock())
    assert Conversations(beside).answer("ans_1") == lean(given("ans_1"))
    FeedbackLog(beside).add(Feedback("ans_1", UP, NOON))
    beside.close()
    assert [feedback.verdict for feedback in FeedbackLog(archive).of("ans_1")] == [DOWN, UP]


def made_by_schema_1(path: Path) -> None:
    """An archive as it was before answers were kept: one article of one passage, and a conversation of two turns."""
    connection = sqlite3.connect(path)
    connection.executescript(OLD)
    connection.executescript("""
        INSERT INTO meta VALUES ('fingerprint', 'hashing');
        INSERT INTO articles (id, state, content_hash, text_hash, title, date_origin, ingested_at, metadata, text)
            VALUES ('old', 'ready', 'c', 't', 'Dam', 'unknown', 0, '{}', 'The dam holds.');
        INSERT INTO passages (id, version, ordinal, start, "end", vector) VALUES ('p', 1, 0, 0, 14, x'0000803f');
        INSERT INTO words (rowid, title, body) SELECT number, title, body FROM passage_words;
        INSERT INTO turns (id, conversation_id, asked_at, question, standalone, answer)
            VALUES ('ans_old', 'con_1', 1, 'Does it hold?', 'Does it hold?', 'It holds [1].'),
                   ('ans_older', 'con_1', 2, 'Still?', 'Still?', 'Yes.');
    """)
    connection.close()


def version_of(path: Path) -> int:
    """The schema version in the file."""
    connection = sqlite3.connect(path)
    found: int = connection.execute("PRAGMA user_version").fetchone()[0]
    connection.close()
    return found


def layout(path: Path) -> list[tuple[str, str]]:
    """Every table and index with the words that made it."""
    connection = sqlite3.connect(path)
    rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name").fetchall()
    connection.close()
    return rows


def test_an_archive_of_schema_1_is_upgraded_in_place(path: Path) -> None:
    """Its articles, passages, full text and turns are there; from now on answers and feedback are kept in it."""
    made_by_schema_1(path)
    archive = SqliteArchive(path, "hashing", FixedClock())
    memory, log = Conversations(archive), FeedbackLog(archive)
    assert version_of(path) == SCHEMA_VERSION
    assert archive.article("old").text == "The dam holds."
    assert [row for row, _ in archive.lexical(["dam"], Scope(NOON), 5)] == ["p"]
    assert [(turn.question, turn.answer) for turn in memory.history("con_1", NOON)] == [
        ("Does it hold?", "It holds [1]."),
        ("Still?", "Yes."),
    ]
    memory.remember(given("ans_1"))
    assert memory.answer("ans_1") == lean(given("ans_1"))
    assert len(memory.before("ans_1")) == 2
    log.add(Feedback("ans_1", UP, NOON))
    log.add(Feedback("ans_old", DOWN, NOON))
    assert [len(log.of(answer_id)) for answer_id in ("ans_1", "ans_old", "ans_older")] == [1, 1, 0]
    assert archive.check() is None
    archive.close()


def test_of_an_answer_of_schema_1_only_the_words_are_left(path: Path) -> None:
    """The error says so, and to ask again."""
    made_by_schema_1(path)
    archive = SqliteArchive(path, "hashing", FixedClock())
    with pytest.raises(NotFound, match=r"before whole answers were kept.*ask its question again"):
        Conversations(archive).answer("ans_old")
    archive.close()


def test_an_upgraded_archive_is_like_a_new_one(path: Path, tmp_path: Path) -> None:
    """The same tables and indexes, word for word; opening it once more changes nothing."""
    made_by_schema_1(path)
    for made in (path, tmp_path / "new.sqlite3", path):
        SqliteArchive(made, "hashing", FixedClock()).close()
    assert layout(path) == layout(tmp_path / "new.sqlite3")


def test_many_openers_of_an_old_archive_agree(path: Path) -> None:
    """Eight at once: one upgrades it, and each can use it."""
    made_by_schema_1(path)

    def open_and_read() -> None:
        opened = SqliteArchive(path, "hashing", FixedClock())
        assert counts(opened) == [2, 0, 0]
        opened.close()

    assert together(*[open_and_read] * 8) == []
    assert version_of(path) == SCHEMA_VERSION


@pytest.mark.parametrize("last", ["feedback_by_answer", "story_keys_by_version"])
def test_an_upgrade_that_fails_leaves_the_archive_as_it_was(path: Path, last: str) -> None:
    """The last statement of a step fails here: the tables before it are gone again, and with the cause gone it succeeds."""
    made_by_schema_1(path)
    before = layout(path)
    connection = sqlite3.connect(path)
    connection.execute(f"CREATE TABLE {last} (x)")  # takes the name of the index
    connection.close()
    with pytest.raises(ArchiveError, match=last):
        SqliteArchive(path, "hashing", FixedClock())
    assert version_of(path) == 1
    connection = sqlite3.connect(path)
    connection.execute(f"DROP TABLE {last}")
    connection.close()
    assert layout(path) == before
    SqliteArchive(path, "hashing", FixedClock()).close()
    assert version_of(path) == SCHEMA_VERSION


@pytest.mark.parametrize("version", [SCHEMA_VERSION + 1, 0, -1, 99])
def test_an_archive_of_no_version_known_here_is_refused_as_it_is(path: Path, version: int) -> None:
    """A newer one above all: it is named, and nothing in it is changed."""
    made_by_schema_1(path)
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version={version}")
    connection.close()
    before = layout(path)
    with pytest.raises(ArchiveMismatch, match=f"schema {version}, this one reads {SCHEMA_VERSION}"):
        SqliteArchive(path, "hashing", FixedClock())
    assert (version_of(path), layout(path)) == (version, before)
