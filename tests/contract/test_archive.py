"""What the archive promises: nothing half-visible, scopes exact to the microsecond, and clear words about a file that is not right."""

import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from service.articles.row import article_from_row
from service.domain import Answer, Article, Coverage, GeneratorUsed, Question, Scope, Status, Usage
from service.errors import ArchiveDamaged, ArchiveError, ArchiveMismatch, NotFound
from service.indexing.passages import cut_passages, embedded_text
from service.models.hashing import HashingEmbedder
from service.ports import StagedArticle
from service.storage.archive import SqliteArchive
from service.storage.conversations import REMEMBERED, Conversations
from tests.fakes import NOON, FixedClock

EMBEDDER = HashingEmbedder()
NOW = Scope(visible_at=NOON)


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


def article(article_id: str, text: str = "The dam holds.", **fields: Any) -> Article:
    """An article as ingest makes it."""
    return article_from_row({"id": article_id, "text": text, **fields}, now=NOON, max_chars=1_000_000).article


def staged(one: Article) -> StagedArticle:
    """The article cut into passages of at most eight tokens, with vectors."""
    passages = cut_passages(one, EMBEDDER.token_starts([one.text])[0], 8)
    return StagedArticle(one, passages, EMBEDDER.embed([embedded_text(one, passage) for passage in passages]))


def put(archive: SqliteArchive, *articles: Article) -> list[str]:
    """Stage and publish; the passage ids now gone."""
    return archive.publish(archive.stage([staged(one) for one in articles]))


def passages(archive: SqliteArchive) -> list[str]:
    """Every visible passage's id."""
    return [row for ids, _ in archive.vectors() for row in ids]


def found(archive: SqliteArchive, scope: Scope) -> list[str]:
    """The articles inside a scope, by every read that takes one; they must agree."""
    ids = [passage.id for one in archive.articles(None, 1000) for passage in staged(one).passages]
    exact, matrix = archive.vectors_in(scope, 1000) or ([], np.zeros((0, 0)))
    assert len(exact) == len(matrix)
    lexical = [row for row, _ in archive.lexical(["dam"], scope, 1000)]
    inside = archive.in_scope([*ids, "nobody"], scope)
    assert sorted(exact) == sorted(lexical) == sorted(inside)
    names = sorted(hit.article.id for hit in archive.hits(exact).values())
    assert archive.coverage(scope).articles == len(names)
    return names


def reads(archive: SqliteArchive, ids: Sequence[str]) -> dict[str, object]:
    """What every read shows of a new article `new` with these passages."""
    inside = archive.vectors_in(NOW, 1000)
    return {
        "articles": [one.id for one in archive.articles(None, 10)],
        "known": archive.known(["new"]),
        "twin": archive.twin(article("other", "A quake struck.")),
        "coverage": archive.coverage(NOW).articles + archive.coverage().articles,
        "passages": archive.passage_count(),
        "sources": archive.sources(),
        "months": archive.months(),
        "under": archive.under("/"),
        "lexical": archive.lexical(["quake"], NOW, 5),
        "in_scope": archive.in_scope(ids, NOW),
        "vectors_in": inside and inside[0],
        "vectors": passages(archive),
        "hits": list(archive.hits(ids)),
        "check": archive.check(),
    }


def test_a_pending_version_is_invisible_to_every_read(archive: SqliteArchive) -> None:
    """What is staged changes no read at all; `drop_pending` forgets it."""
    put(archive, article("old"))
    new = staged(article("new", "A quake struck.", published_at="2026-01-01", source="Herald"))
    ids = [passage.id for passage in new.passages]
    before = reads(archive, ids)
    archive.stage([new])
    with pytest.raises(NotFound):
        archive.article("new")
    assert reads(archive, ids) == before
    assert archive.drop_pending() == 1
    assert archive.drop_pending() == 0
    assert reads(archive, ids) == before


def test_what_a_failed_batch_left_is_replaced_by_the_next(archive: SqliteArchive) -> None:
    """Staging the same article again and again does not pile up."""
    for _ in range(3):
        archive.stage([staged(article("new"))])
    assert archive.drop_pending() == 1


def test_published_is_what_was_staged(archive: SqliteArchive, clock: FixedClock) -> None:
    """Every field comes back, with the moment of the ingest; passages and vectors row by row."""
    one = article(
        "a/b ü", "😀 The dam holds. " * 9, title="T", source="H", author="A", url="https://x", language="en",
        published_at="1899-12-31T23:59:59.000001Z", updated_at="2026-01-02", desk={"k": [1, None, "ü"]},
    )  # fmt: skip
    put(archive, one)
    back = archive.article("a/b ü")
    assert back.ingested_at == clock.now
    assert back == replace(one, ingested_at=clock.now, version=1)
    assert back.content_hash == one.content_hash
    made = staged(one)
    (ids, vectors), = archive.vectors()  # fmt: skip
    assert ids == [passage.id for passage in made.passages]
    assert np.array_equal(vectors, made.vectors)
    assert [archive.hits(ids)[row].passage for row in ids] == list(made.passages)


def test_a_new_version_replaces_the_old_in_one_step(archive: SqliteArchive) -> None:
    """`publish` names the passages that went; the old words are found no more, the new ones are."""
    put(archive, article("a", "The bridge is open. " * 5))
    before = passages(archive)
    assert sorted(put(archive, article("a", "The tunnel is shut."))) == sorted(before)
    assert archive.lexical(["bridge"], NOW, 5) == []
    assert [row for row, _ in archive.lexical(["tunnel"], NOW, 5)] == passages(archive)
    assert archive.hits(before) == {}
    assert archive.check() is None


def test_a_passage_that_stays_is_not_reported_gone(archive: SqliteArchive) -> None:
    """New metadata on the same text keeps every passage id."""
    put(archive, article("a", title="Old"))
    before = passages(archive)
    assert put(archive, article("a", title="New")) == []
    assert passages(archive) == before
    assert archive.article("a").title == "New"
    assert archive.lexical(["old"], NOW, 5) == []


def test_an_exception_inside_a_publish_leaves_the_old_version(archive: SqliteArchive) -> None:
    """Two versions of one article at once cannot be: everything stays as it was."""
    put(archive, article("a", "The bridge is open."), article("b"))
    before = passages(archive)
    versions = archive.stage([staged(article("a", "The tunnel is shut.")), staged(article("a", "The tunnel is wet."))])
    with pytest.raises(sqlite3.IntegrityError):
        archive.publish(versions)
    assert passages(archive) == before
    assert archive.article("a").text == "The bridge is open."
    assert len(archive.lexical(["bridge"], NOW, 5)) == 1
    assert archive.check() is None
    assert archive.publish(versions[:1]) != []


def test_a_removed_article_is_gone_from_every_table(archive: SqliteArchive) -> None:
    """Rows, passages, full text; unknown ids are passed over."""
    put(archive, article("a", "The bridge is open."), article("b"))
    assert len(archive.remove(["a", "nobody"])) == 1
    assert archive.lexical(["bridge"], NOW, 5) == []
    counts = [archive.rows(f"SELECT count(*) FROM {table}")[0][0] for table in ("articles", "passages", "words")]
    assert counts == [1, 1, 1]
    assert archive.check() is None


def test_the_check_finds_full_text_that_does_not_fit(archive: SqliteArchive) -> None:
    """A row missing from the full text is found by holding it against the articles."""
    put(archive, article("a"), article("b"))
    with archive.transaction() as connection:
        connection.execute("INSERT INTO words (words) VALUES ('delete-all')")
    assert archive.check() is not None


MARCH, APRIL = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)
TICK = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("scope", "articles"),
    [
        (NOW, ["april", "early", "march", "unknown"]),
        (Scope(NOON - TICK), ["april", "early", "march"]),
        (Scope(MARCH), ["early", "march"]),
        (Scope(MARCH - TICK), ["early"]),
        (Scope(NOON, published_from=MARCH), ["april", "march"]),
        (Scope(NOON, published_from=MARCH + TICK), ["april"]),
        (Scope(NOON, published_to=APRIL), ["early", "march"]),
        (Scope(NOON, published_from=MARCH, published_to=APRIL), ["march"]),
        (Scope(NOON, published_from=MARCH, published_to=MARCH), []),
        (Scope(NOON, sources=("HERALD", "straße")), ["april", "early", "march"]),
        (Scope(NOON, sources=("Her", "%", "' OR 1=1 --")), []),
        (Scope(NOON, article_ids=("unknown", "march", "nobody")), ["march", "unknown"]),
        (Scope(NOON, published_to=APRIL, sources=("herald",), article_ids=("march", "april")), ["march"]),
        (Scope(NOON, article_ids=(*(f"x{n}" for n in range(50_000)), "march")), ["march"]),
        (Scope(NOON, sources=("\ud800",), article_ids=("\udfff",)), []),
    ],
)
def test_a_scope_is_exact(archive: SqliteArchive, scope: Scope, articles: list[str]) -> None:
    """Half-open ranges, later articles hidden, unknown dates in no range and visible from their ingest on, outlets by case folding."""
    put(
        archive,
        article("early", source="Herald", published_at="2026-02-28T23:59:59.999998Z"),
        article("march", source="Herald", published_at="2026-03-01"),
        article("april", source="STRASSE", published_at="2026-04-01"),
        article("unknown"),
    )
    assert found(archive, scope) == articles


def test_coverage_is_of_what_is_inside(archive: SqliteArchive) -> None:
    """Count, first and last date; none where nothing is dated."""
    assert archive.coverage() == Coverage(0)
    put(archive, article("a", published_at="2026-03-01"), article("b", published_at="2026-04-01"), article("c"))
    assert archive.coverage() == Coverage(3, MARCH, APRIL)
    assert archive.coverage(Scope(NOON, article_ids=("c",))) == Coverage(1)
    assert archive.months() == [("2026-03", 1), ("2026-04", 1)]


def test_vectors_are_given_up_to_the_limit(archive: SqliteArchive) -> None:
    """As many as the limit are given, one more is None."""
    put(archive, *(article(f"a{number}") for number in range(5)))
    assert len((archive.vectors_in(NOW, 5) or ([], None))[0]) == 5
    assert archive.vectors_in(NOW, 4) is None
    assert len((archive.vectors_in(Scope(NOON, sources=("none",)), 0) or (["x"], None))[0]) == 0


@pytest.mark.parametrize("term", ["dam", "dam*", "^dam", "-dam", "{dam", '"dam'])
def test_marks_around_a_word_are_nothing(archive: SqliteArchive, term: str) -> None:
    """A word is found whatever full-text syntax its marks would be."""
    put(archive, article("a", "The dam by the town holds."), article("b", "Bread."))
    assert [row for row, _ in archive.lexical([term], NOW, 5)] == [staged(article("a", "The dam by the town holds.")).passages[0].id]


@pytest.mark.parametrize(
    "terms",
    [['"'], ['""'], ["*"], ["NEAR"], ["AND", "OR", "NOT"], ["NEAR(dam, 2)"], ["title:dam"], ["'"], ["\0"], ["\ud800"], [""], [" "],
     ["日本"], ["😀"], ["dam\0x"], ["a" * 100_000], [f"w{n}" for n in range(5_000)], []],
    ids=range(18),
)  # fmt: skip
def test_odd_words_find_nothing_and_fail_nothing(archive: SqliteArchive, terms: list[str]) -> None:
    """No operator, column name, NUL or half character in a search is more than a word; the word beside it is still found."""
    put(archive, article("a", "The dam by the town holds."))
    assert archive.lexical(terms, NOW, 5) == []
    assert [row for row, _ in archive.lexical([*terms, "town"], NOW, 5)] == passages(archive)


def test_the_best_match_comes_first(archive: SqliteArchive) -> None:
    """BM25, higher for better; stems match, and the headline weighs more than the text."""
    put(
        archive,
        article("body", "The council discussed floods."),
        article("title", "The council discussed it.", title="Flood"),
        article("none", "Bread."),
    )
    rows = archive.lexical(["flooding"], NOW, 5)
    assert [hit.article.id for hit in (archive.hits([row])[row] for row, _ in rows)] == ["title", "body"]
    assert rows[0][1] > rows[1][1]
    assert len(archive.lexical(["council"], NOW, 1)) == 1


def test_thousands_of_ids_at_once(archive: SqliteArchive) -> None:
    """More than SQLite takes as parameters."""
    put(archive, article("a"))
    many = [f"x{number}" for number in range(40_000)]
    ids = passages(archive)
    assert archive.in_scope([*many, *ids], NOW) == set(ids)
    assert list(archive.hits([*many, *ids])) == ids
    assert list(archive.known([*many, "a"])) == ["a"]
    assert archive.remove(many) == []


def test_a_twin_is_of_the_same_outlet_and_text(archive: SqliteArchive) -> None:
    """The outlet's case does not matter; another outlet, another text and the article itself are none."""
    put(archive, article("a", source="Herald"), article("b"))
    assert archive.twin(article("new", source="HERALD")) == "a"
    assert archive.twin(article("new", source="Ledger")) is None
    assert archive.twin(article("new", "Other.", source="Herald")) is None
    assert archive.twin(article("a", source="Herald")) is None
    assert archive.twin(article("new")) == "b"


def test_articles_of_a_folder_are_those_below_it(archive: SqliteArchive) -> None:
    """Not those of a folder whose name begins alike; `%` and `_` are characters; odd bytes of a name are taken."""
    for number, origin in enumerate(("/n/a.txt", "/n/sub/b.txt", "/n2/c.txt", "/n_/d.txt", "/\\udce9/e.txt", "api")):
        one = article(f"a{number}")
        put(archive, Article(one.id, one.text, origin=origin))
    assert archive.under("/n") == archive.under("/n/") == ["a0", "a1"]
    assert archive.under("/n_") == ["a3"]
    assert archive.under("/\udce9") == ["a4"]
    assert archive.under("/n%") == []


def test_inside_a_snapshot_nothing_moves(archive: SqliteArchive) -> None:
    """A thread's reads stay with what was there, while another publishes; afterwards it sees the new."""
    put(archive, article("a", "The bridge is open."))
    with archive.snapshot():
        before = passages(archive)
        thread = threading.Thread(target=put, args=(archive, article("a", "The tunnel is shut.")))
        thread.start()
        thread.join()
        with archive.snapshot():
            assert list(archive.hits(before)) == before
            assert archive.article("a").text == "The bridge is open."
    assert archive.article("a").text == "The tunnel is shut."
    assert archive.hits(before) == {}


def test_threads_that_end_leave_no_connection(archive: SqliteArchive) -> None:
    """Fifty short threads read; at most the last one's connection is still open beside ours."""
    for _ in range(50):
        thread = threading.Thread(target=archive.coverage)
        thread.start()
        thread.join()
    assert len(archive._connections) <= 2


def test_many_openers_of_a_new_archive_agree(path: Path) -> None:
    """Eight at once on a path where nothing is: each gets an archive that works."""
    failures: list[BaseException] = []
    barrier = threading.Barrier(8)

    def opener() -> None:
        try:
            barrier.wait()
            opened = SqliteArchive(path, "hashing", FixedClock())
            opened.coverage()
            opened.close()
        except BaseException as error:  # noqa: BLE001 - carried to the test's own thread
            failures.append(error)

    threads = [threading.Thread(target=opener) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_an_archive_can_be_opened_and_read_while_it_is_written(archive: SqliteArchive, path: Path) -> None:
    """A long write, such as embedding everything again, blocks no reader that comes."""
    put(archive, article("a"))
    with archive.transaction() as connection:
        connection.execute("UPDATE meta SET value = value")
        other = SqliteArchive(path, "hashing", FixedClock())
        assert other.article("a").id == "a"
        other.close()


def database(path: Path, script: str) -> None:
    """Run a script on the file, as somebody else might."""
    connection = sqlite3.connect(path)
    connection.executescript(script)
    connection.close()


def truncated(path: Path) -> None:
    """The first page stays, most others go, as after a copy that was cut short."""
    path.write_bytes(path.read_bytes()[:8192])


def opened_and_read(path: Path) -> None:
    """Open the archive and read all of its articles."""
    opened = SqliteArchive(path, "hashing", FixedClock())
    try:
        opened.articles(None, 100)
    finally:
        opened.close()


@pytest.mark.parametrize(
    ("damage", "error", "words"),
    [
        (lambda path: path.write_bytes(b"garbage " * 1000), ArchiveDamaged, "move it away, or restore a backup"),
        (truncated, ArchiveDamaged, "move it away, or restore a backup"),
        (lambda path: database(path, "PRAGMA user_version=99"), ArchiveMismatch, "schema 99"),
        (lambda path: (path.unlink(), database(path, "CREATE TABLE mine (x)")), ArchiveDamaged, "not an archive of Dateline"),
        (lambda path: (path.unlink(), path.mkdir()), ArchiveError, "cannot be used"),
        (lambda path: database(path, "UPDATE meta SET value = 'another'"), ArchiveMismatch, "made with another, .*reindex --embed"),
    ],
    ids=["garbage", "truncated", "schema", "not ours", "a folder", "fingerprint"],
)
def test_a_file_that_is_not_right_is_named_with_what_to_do(
    path: Path, damage: Callable[[Path], object], error: type[ArchiveError], words: str
) -> None:
    """On opening, or at the latest on the first read."""
    made = SqliteArchive(path, "hashing", FixedClock())
    put(made, *(article(f"a{number}", f"The dam {number} holds. " * 50) for number in range(20)))
    made.close()
    damage(path)
    with pytest.raises(error, match=words) as caught:
        opened_and_read(path)
    assert type(caught.value) is error


def test_an_empty_file_is_a_new_archive(path: Path) -> None:
    """A file of no bytes, as `touch` makes it."""
    path.touch()
    opened = SqliteArchive(path, "hashing", FixedClock())
    assert opened.coverage() == Coverage(0)
    opened.close()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """A file stands where the folder should be."""
    (tmp_path / "file").touch()
    with pytest.raises(ArchiveError, match="set DATELINE_DATA_DIR"):
        SqliteArchive(tmp_path / "file" / "archive.sqlite3", "hashing", FixedClock())


def test_without_a_fingerprint_any_maker_will_do(archive: SqliteArchive, path: Path) -> None:
    """For `reindex --embed`, which then records its own; passages keep their numbers and get the new vectors."""
    put(archive, article("a", "The dam holds. " * 9))
    opened = SqliteArchive(path, None, FixedClock())
    numbered = list(opened.numbered_passages(2))
    assert all(passage.text == one.text[passage.start : passage.end] for rows in numbered for _, passage, one in rows)
    opened.refresh_vectors("other", iter([([n for n, _, _ in rows], np.ones((len(rows), 3), np.float32)) for rows in numbered]))
    assert next(opened.vectors())[1].tolist() == [[1, 1, 1]] * sum(map(len, numbered))
    opened.close()
    SqliteArchive(path, "other", FixedClock()).close()


def test_the_stamp_changes_with_every_change(archive: SqliteArchive) -> None:
    """Adding, replacing and removing; not reading."""
    stamps = [archive.stamp()]
    for change in (
        lambda: put(archive, article("a")),
        lambda: put(archive, article("a", "The gate holds.")),
        lambda: archive.remove(["a"]),
    ):
        change()
        stamps += [archive.stamp()]
        assert archive.stamp() == stamps[-1]
    assert len(set(stamps)) == 4


def test_a_conversation_is_kept_in_order(archive: SqliteArchive) -> None:
    """The last turns, oldest first, each conversation for itself, with what was understood and when it was asked."""
    memory = Conversations(archive)
    for number in range(REMEMBERED + 2):
        for conversation in ("one", "two"):
            question = Question(f"asked {number}", f"standalone {number} {conversation}", NOON, NOW)
            memory.remember(
                Answer(
                    f"{conversation}{number}", conversation, question, Status.ANSWERED, (), (), (), (), Coverage(0),
                    GeneratorUsed("x", "extractive"), {}, Usage(),
                )
            )  # fmt: skip
    assert [turn.question for turn in memory.history("one", NOON)] == [f"asked {number}" for number in range(2, REMEMBERED + 2)]
    assert {(turn.standalone.split()[2], turn.asked_at) for turn in memory.history("one", NOON)} == {("one", NOON)}
