"""From use to eval: what a stored answer proposes as a question row, and how the row gets into a file."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from service.domain import AnswerSentence, Feedback, FeedbackVerdict, Scope, Status, Support, Turn
from service.errors import BadInput, NotFound
from service.evaluation.cases import QuestionRow, case_from
from service.evaluation.from_use import add_case, question_row
from service.storage.archive import SqliteArchive
from service.storage.conversations import Conversations
from service.storage.feedback import FeedbackLog
from tests.answers import CRACK, HURT, cite, given
from tests.fakes import NOON, FixedClock

PLAIN = Scope(NOON)


def said(verdict: str, reason: str | None = None, comment: str | None = None) -> Feedback:
    """Feedback on the answer."""
    return Feedback("ans_1", FeedbackVerdict(verdict), NOON, reason, comment)


def refusal(status: Status = Status.INSUFFICIENT_EVIDENCE) -> Any:
    """An answer that gave none, with the nearest sentence."""
    return given(status=status, sentences=(), citations=(), conflicts=(), scope=PLAIN, earlier=None)


def test_an_answer_found_right_is_expected_again() -> None:
    """Its status, and each sentence it cited as a fact of its own, once."""
    answer = given(scope=PLAIN, earlier=None, nearest=(), citations=(cite(CRACK, 1), cite(HURT, 2), cite(CRACK, 3)))
    assert question_row(answer, [said("up")], []) == {
        "id": "ans_1",
        "question": "How long is the crack?",
        "asked_at": "2026-06-01T12:00:00Z",
        "statuses": ["answered"],
        "gold": [[CRACK], [HURT]],
        "answers": [],
        "history": [],
        "tags": ["from-use", "up"],
        "note": f"up\nanswered: {answer.text}",
        "review": True,
    }


def test_a_refusal_found_right_is_expected_again() -> None:
    """Its status stands, without gold, which a refusal must not have; the note shows what was nearest."""
    row = question_row(refusal(), [said("up")], [])
    assert (row["statuses"], row["gold"]) == (["insufficient_evidence"], [])
    assert row["note"] == f"up\ninsufficient_evidence: nothing was said\nnearest: “{HURT}”"


@pytest.mark.parametrize(
    ("feedback", "tags"),
    [
        ([], ["from-use"]),
        ([said("down")], ["from-use", "down"]),
        ([said("up"), said("down", "Wrong date!")], ["from-use", "down", "wrong-date"]),
        ([said("down", "wrong date"), said("down", " – ")], ["from-use", "down"]),
        ([said("down", "Down")], ["from-use", "down"]),
        ([said("down", "Falsche_Zahl, größer")], ["from-use", "down", "falsche-zahl-grösser"]),
        ([said("down", "word " * 40)], ["from-use", "down", "word-word-word-word-word-word-word-word"]),
    ],
)
@pytest.mark.parametrize("status", [Status.ANSWERED, Status.PARTIAL, Status.CONFLICTING])
def test_of_any_other_answer_only_the_question_is_kept(feedback: list[Feedback], tags: list[str], status: Status) -> None:
    """Nothing of what it said is taken for right, whatever it was; the latest word and its reason are tags."""
    row = question_row(given(status=status), feedback, [])
    assert (row["statuses"], row["gold"], row["answers"]) == (["answered"], [], [])
    assert row["tags"] == tags
    assert row["review"] is True


def test_a_sentence_found_wrong_leaves_its_citations_out() -> None:
    """The answer as a whole is right: the sentences that nobody found wrong, last of all, give the gold; the note names the other."""
    sentences = (AnswerSentence("Long.", Support.SUPPORTED, (1,)), AnswerSentence("Unhurt.", Support.SUPPORTED, (2,)))
    answer = given(scope=PLAIN, earlier=None, nearest=(), sentences=sentences, citations=(cite(CRACK, 1), cite(HURT, 2)))
    of_second = replace(said("down", "wrong date"), sentence=1)
    row = question_row(answer, [said("up"), of_second], [])
    assert (row["statuses"], row["gold"]) == (["answered"], [[CRACK]])
    assert row["note"].startswith("up\nsentence 2: down (wrong date)\n")
    again = question_row(answer, [of_second, said("up"), replace(said("up"), sentence=1)], [])
    assert again["gold"] == [[CRACK], [HURT]]
    alone = question_row(answer, [of_second], [])
    assert (alone["gold"], alone["tags"]) == ([], ["from-use", "down", "wrong-date"])


def test_the_latest_word_decides() -> None:
    """Who changes their mind is believed the second time."""
    answer = given()
    assert question_row(answer, [said("down", "wrong"), said("up")], [])["gold"] == [[CRACK]]
    assert question_row(answer, [said("up"), said("down", "wrong")], [])["gold"] == []


def test_a_refusal_found_wrong_is_expected_to_be_an_answer() -> None:
    """What it should have said is for the reviewer to add."""
    assert question_row(refusal(Status.OUTSIDE_COVERAGE), [said("down")], [])["statuses"] == ["answered"]


def test_the_note_says_what_a_reviewer_needs() -> None:
    """Every word of every reader in order, what was answered, and the filters it was asked with, for which a row has no key."""
    feedback = [said("up"), said("down", "wrong date", "It was\nMarch 9."), said("down", None, "Really.")]
    assert question_row(given(), feedback, [])["note"].splitlines() == [
        "up",
        "down (wrong date): It was",
        "March 9.",
        "down: Really.",
        "answered: The longest crack runs for 17 metres [1]. It grows.",
        "nearest: “Nobody was hurt.”",
        "asked with filters: published_from 2026-03-03T12:00:00Z; published_to 2026-06-01T12:00:00Z; sources The Ledger; article_ids dam",
    ]


@pytest.mark.parametrize(
    ("asked_at", "written"),
    [
        (datetime(2026, 3, 10, tzinfo=UTC), "2026-03-10T00:00:00Z"),
        (datetime(2026, 3, 10, 23, 59, 59, 999999, tzinfo=UTC), "2026-03-10T23:59:59.999999Z"),
    ],
)
def test_the_question_is_asked_again_at_the_same_instant(asked_at: datetime, written: str) -> None:
    """Midnight too, though a row that says only the day means its last moment."""
    row = question_row(given(asked_at=asked_at), [], [])
    assert row["asked_at"] == written
    assert case_from(QuestionRow.model_validate(row), "row").asked_at == asked_at


def test_the_turns_before_are_kept() -> None:
    """In order; the one that the question leaned on is the last, also where it came with the request and was never stored."""
    turns = [Turn("First?", "One."), Turn("Second?", "Two.")]
    rows = [{"question": turn.question, "answer": turn.answer} for turn in turns]
    assert question_row(given(earlier=turns[1]), [], turns)["history"] == rows
    assert question_row(given(earlier=None), [], turns)["history"] == rows
    assert question_row(given(earlier=turns[1]), [], turns[:1])["history"] == rows
    assert question_row(given(earlier=turns[1]), [], [])["history"] == rows[1:]


@pytest.mark.parametrize("feedback", [[], [said("up")], [said("down", "wrong date", "No.")]])
@pytest.mark.parametrize("status", Status)
def test_every_row_is_one_that_a_suite_reads(status: Status, feedback: list[Feedback]) -> None:
    """As JSON and back, it is a valid row, and the case in it contradicts itself nowhere."""
    answer = refusal(status) if status.is_refusal else given(status=status)
    row = json.loads(json.dumps(question_row(answer, feedback, [Turn("First?", "")])))
    case = case_from(QuestionRow.model_validate(row), "row")
    assert (case.id, case.question) == ("ans_1", "How long is the crack?")
    assert case.tags[0] == "from-use"


@pytest.fixture
def archive(tmp_path: Path, clock: FixedClock) -> Iterator[SqliteArchive]:
    """A real archive with two turns of one conversation, and feedback on the second."""
    opened = SqliteArchive(tmp_path / "archive.sqlite3", "hashing", clock)
    memory, log = Conversations(opened), FeedbackLog(opened)
    memory.remember(given("ans_0", "Is the dam cracked?", asked_at=NOON - timedelta(hours=1), earlier=None))
    memory.remember(given("ans_1", earlier=None))
    log.add(said("up"))
    log.add(said("down", "wrong date", "“It was March.”"))
    yield opened
    opened.close()


def lines(path: Path) -> list[Any]:
    """The file's lines; it ends with a newline."""
    text = path.read_text("utf-8")
    assert text.endswith("\n")
    return [json.loads(line) for line in text[:-1].split("\n")]


def test_a_stored_answer_becomes_a_line_of_a_new_file(archive: SqliteArchive, tmp_path: Path) -> None:
    """The file and its folders are made; the line is the row that is returned, in the characters it was said in."""
    to = tmp_path / "eval" / "questions" / "from-use.jsonl"
    row = add_case(archive, "ans_1", to)
    assert lines(to) == [row]
    assert row["history"] == [{"question": "Is the dam cracked?", "answer": given().text}]
    assert row["tags"] == ["from-use", "down", "wrong-date"]
    assert "“It was March.”" in to.read_text("utf-8")
    assert add_case(archive, "ans_0", to)["tags"] == ["from-use"]
    assert [one["id"] for one in lines(to)] == ["ans_1", "ans_0"]


@pytest.mark.parametrize(
    "before", ['{"id": "q1", "question": "?"}', '{"id": "q1", "question": "?"}\n', '{"id": "q1", "question": "?"}\n\n']
)
def test_what_stands_in_the_file_stays(archive: SqliteArchive, tmp_path: Path, before: str) -> None:
    """Also where its last line was not ended."""
    to = tmp_path / "mine.jsonl"
    to.write_text(before, "utf-8")
    add_case(archive, "ans_1", to)
    assert to.read_text("utf-8").startswith(before)
    assert [json.loads(line)["id"] for line in to.read_text("utf-8").split("\n") if line] == ["q1", "ans_1"]


def test_an_empty_file_gets_no_empty_line(archive: SqliteArchive, tmp_path: Path) -> None:
    """As `touch` makes it."""
    to = tmp_path / "mine.jsonl"
    to.touch()
    add_case(archive, "ans_1", to)
    assert [one["id"] for one in lines(to)] == ["ans_1"]


@pytest.mark.parametrize(
    ("held", "words"),
    [
        ('{"id": "q1"}\n\n{"id": "ans_1", "question": "?"}\n', r"mine\.jsonl:3: answer 'ans_1' is in this file already"),
        ('{"id": "q1"}\n{"id": \n', r"mine\.jsonl:2: .*JSON"),
        ('{"id": "q1"}\n[]\n', r"mine\.jsonl:2: "),
        ("id,question\n", r"mine\.jsonl:1: .*JSON"),
        (b"\xff\xfe", r"mine\.jsonl cannot be read"),
    ],
    ids=["the same id", "broken", "a list", "CSV", "not UTF-8"],
)
def test_a_file_that_cannot_take_the_row_is_left_as_it_is(archive: SqliteArchive, tmp_path: Path, held: str | bytes, words: str) -> None:
    """The error names the line."""
    to, raw = tmp_path / "mine.jsonl", held.encode() if isinstance(held, str) else held
    to.write_bytes(raw)
    with pytest.raises(BadInput, match=words):
        add_case(archive, "ans_1", to)
    assert to.read_bytes() == raw


@pytest.mark.parametrize(
    ("place", "words"),
    [
        (lambda folder: folder, "cannot be read"),
        (lambda folder: folder / "file" / "mine.jsonl", "cannot be written .*name another file"),
        (lambda folder: folder / "mine.jsonl.gz", "is compressed"),
    ],
    ids=["a folder", "below a file", "compressed"],
)
def test_a_place_where_no_file_can_be_is_named(archive: SqliteArchive, tmp_path: Path, place: Callable[[Path], Path], words: str) -> None:
    """And what to do."""
    (tmp_path / "file").touch()
    with pytest.raises(BadInput, match=words):
        add_case(archive, "ans_1", place(tmp_path))
    assert not (tmp_path / "mine.jsonl.gz").exists()


def test_an_unknown_answer_makes_no_file(archive: SqliteArchive, tmp_path: Path) -> None:
    """NotFound, and neither file nor folder."""
    with pytest.raises(NotFound, match="ans_2"):
        add_case(archive, "ans_2", tmp_path / "new" / "mine.jsonl")
    assert not (tmp_path / "new").exists()


def test_an_answer_whose_record_was_not_kept_makes_no_file(archive: SqliteArchive, tmp_path: Path) -> None:
    """As in an archive of schema 1: the error says to ask again."""
    with archive.transaction() as connection:
        connection.execute("DELETE FROM answers WHERE id = 'ans_1'")
    with pytest.raises(NotFound, match="ask its question again"):
        add_case(archive, "ans_1", tmp_path / "mine.jsonl")
    assert not (tmp_path / "mine.jsonl").exists()


def test_a_question_is_one_line_whatever_it_holds(archive: SqliteArchive, tmp_path: Path) -> None:
    """Line breaks, the separators of Unicode and quotes."""
    asked = 'How\nlong\u2028is "it"\r?\x85'
    Conversations(archive).remember(replace(given("ans_2", asked), conversation_id="con_2"))
    to = tmp_path / "mine.jsonl"
    add_case(archive, "ans_2", to)
    add_case(archive, "ans_1", to)
    assert [one["id"] for one in lines(to)] == ["ans_2", "ans_1"]
    assert lines(to)[0]["question"] == asked
