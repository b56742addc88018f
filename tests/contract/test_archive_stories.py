"""What the archive promises of stories: the same partition in any order, nothing pending in one, and an older archive caught up."""

import random
import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations
from pathlib import Path

import pytest

from service.domain import Article, Reprint
from service.errors import ArchiveMismatch
from service.indexing.ingest import Ingester
from service.indexing.stories import sketches
from service.ports import StagedArticle
from service.storage.archive import SqliteArchive
from service.storage.schema import SCHEMA_VERSION
from tests.contract.test_archive import EMBEDDER, article
from tests.contract.test_archive import staged as plain
from tests.contract.test_feedback import OLD, layout, version_of
from tests.fakes import NOON, FixedClock, MemoryIndex
from tests.prints import AGENCY, APART, BRIEF, CUT, EDITED, FOLLOW_UP, INSERTED, REWRITTEN, WHOLE, WIDENED, joined

SCHEMA_2 = (Path(__file__).parent / "schema_2.sql").read_text("utf-8")
MARCH = datetime(2026, 3, 1, tzinfo=UTC)
TEXTS = {
    "whole": WHOLE,
    "cut": CUT,
    "widened": WIDENED,
    "edited": EDITED,
    "brief": BRIEF,
    "follow": FOLLOW_UP,
    "new": REWRITTEN,
    "apart": APART,
}
STORIES = [{"apart"}, {"brief", "cut", "edited", "whole", "widened"}, {"follow"}, {"new"}]


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


def staged(articles: Sequence[Article]) -> list[StagedArticle]:
    """As ingest makes them, sketches and all."""
    made = sketches([one.text for one in articles])
    return [replace(plain(one), sketch=sketch) for one, sketch in zip(articles, made, strict=True)]


def put(archive: SqliteArchive, *articles: Article) -> None:
    """Stage and publish as one batch."""
    archive.publish(archive.stage(staged(articles)))


def stories(archive: SqliteArchive) -> list[set[str]]:
    """The ids of the articles of each story, as hits tell them; an article without a story is left out."""
    found: dict[int, set[str]] = defaultdict(set)
    for hit in archive.hits([row for ids, _ in archive.vectors() for row in ids]).values():
        if hit.story is not None:
            found[hit.story].add(hit.article.id)
    return sorted(found.values(), key=sorted)


def rows_left(archive: SqliteArchive) -> list[int]:
    """How many sketches and keys there are."""
    return [archive.rows(f"SELECT count(*) FROM {table}")[0][0] for table in ("stories", "story_keys")]


@pytest.mark.parametrize("size", [1, 3, len(TEXTS)])
@pytest.mark.parametrize("seed", range(5))
def test_any_order_and_any_batches_give_the_same_stories(archive: SqliteArchive, size: int, seed: int) -> None:
    """Prints of one text come together, whichever comes first and whether they come at once; other reports stay apart."""
    articles = [article(name, text, source=name) for name, text in TEXTS.items()]
    random.Random(seed).shuffle(articles)
    for start in range(0, len(articles), size):
        put(archive, *articles[start : start + size])
    assert stories(archive) == STORIES


@pytest.mark.parametrize("order", list(permutations(("first", "bridge", "last"))))
def test_a_print_between_two_others_joins_them(archive: SqliteArchive, order: tuple[str, ...]) -> None:
    """Its beginning is one's text and its whole like the other's, which are not alike themselves: one story, in every order."""
    chain = {"first": joined(*AGENCY[:3], INSERTED), "bridge": joined(*AGENCY[:3], INSERTED, *AGENCY[3:]), "last": joined(*AGENCY[1:])}
    put(archive, article("first", chain["first"]), article("last", chain["last"]))
    assert stories(archive) == [{"first"}, {"last"}]
    archive.remove(["first", "last"])
    for name in order:
        put(archive, article(name, chain[name]))
    assert stories(archive) == [{"bridge", "first", "last"}]


def test_a_pending_version_is_in_no_story(archive: SqliteArchive) -> None:
    """What is published meanwhile does not join it; once it is published itself it joins. What is dropped leaves nothing."""
    versions = archive.stage(staged([article("pending", WHOLE, source="Herald")]))
    put(archive, article("cut", CUT, source="Ledger"))
    assert stories(archive) == [{"cut"}]
    assert archive.reprints(["cut", "pending"], NOON) == {}
    archive.publish(versions)
    assert stories(archive) == [{"cut", "pending"}]
    before = rows_left(archive)
    archive.stage(staged([article("dropped", EDITED)]))
    assert archive.drop_pending() == 1
    assert rows_left(archive) == before


def test_a_publish_that_fails_moves_no_story(archive: SqliteArchive) -> None:
    """Everything is as it was, the keys too."""
    put(archive, article("a", WHOLE), article("b", APART))
    versions = archive.stage(staged([article("b", CUT), article("b", EDITED)]))
    with pytest.raises(sqlite3.IntegrityError):
        archive.publish(versions)
    assert stories(archive) == [{"a"}, {"b"}]
    archive.publish(versions[:1])
    assert stories(archive) == [{"a", "b"}]


def test_an_article_with_another_text_leaves_its_story(archive: SqliteArchive) -> None:
    """The others stay together, also where the story was known by its number, and the new text joins another story."""
    put(archive, article("a", WHOLE), article("b", CUT), article("c", EDITED), article("other", APART))
    put(archive, article("a", APART))
    assert stories(archive) == [{"a", "other"}, {"b", "c"}]
    put(archive, article("a", FOLLOW_UP))
    assert stories(archive) == [{"a"}, {"b", "c"}, {"other"}]
    put(archive, article("a", WIDENED))
    assert stories(archive) == [{"a", "b", "c"}, {"other"}]


def test_an_article_with_its_old_text_keeps_its_story(archive: SqliteArchive) -> None:
    """New metadata changes nothing, even where the print that joined it to the story has gone."""
    put(archive, article("first", joined(*AGENCY[:3], INSERTED)), article("bridge", WIDENED), article("last", joined(*AGENCY[1:])))
    archive.remove(["bridge"])
    put(archive, article("first", joined(*AGENCY[:3], INSERTED), title="New"))
    assert stories(archive) == [{"first", "last"}]


def test_a_removed_article_leaves_the_others_together(archive: SqliteArchive) -> None:
    """And nothing of itself; a new print joins what is left."""
    put(archive, article("a", WHOLE), article("b", CUT), article("c", EDITED))
    archive.remove(["a"])
    assert stories(archive) == [{"b", "c"}]
    put(archive, article("d", WIDENED))
    assert stories(archive) == [{"b", "c", "d"}]
    archive.remove(["b", "c", "d"])
    assert rows_left(archive) == [0, 0]


def test_the_numbers_of_stories_are_not_given_again(archive: SqliteArchive) -> None:
    """A story whose first article is gone is not met by a new article's own."""
    for turn in range(4):
        put(archive, article("a", WHOLE if turn % 2 else APART), article("b", CUT))
    assert stories(archive) == [{"a", "b"}]
    put(archive, article("a", APART))
    assert stories(archive) == [{"a"}, {"b"}]


def test_reprints_are_other_outlets_each_once_the_first_first(archive: SqliteArchive) -> None:
    """By case folding; neither the article's own outlet, nor one that names none, nor another story; unknown dates last."""
    put(
        archive,
        article("wire", WHOLE, source="Wire", published_at="2026-03-02"),
        article("wire-2", EDITED, source="WIRE", published_at="2026-03-01"),
        article("ledger-2", CUT, source="LEDGER", published_at="2026-03-04"),
        article("ledger", WIDENED, source="Ledger", published_at="2026-03-03"),
        article("post", CUT, source="Post"),
        article("herald", EDITED, source="Herald", published_at="2026-03-02"),
        article("nobody", WHOLE, published_at="2026-03-01"),
        article("apart", APART, source="Courier", published_at="2026-03-01"),
    )
    ledger = Reprint("ledger", "Ledger", MARCH + timedelta(days=2))
    herald, post = Reprint("herald", "Herald", MARCH + timedelta(days=1)), Reprint("post", "Post")
    found = archive.reprints(["wire", "apart", "absent", "\ud800"], NOON)
    assert found == {"wire": (herald, ledger, post)}
    assert [reprint.article_id for reprint in archive.reprints(["nobody"], NOON)["nobody"]] == ["wire-2", "herald", "ledger", "post"]


@pytest.mark.parametrize(
    ("asked", "outlets"),
    [
        (MARCH - timedelta(microseconds=1), []),
        (MARCH, ["Early"]),
        (MARCH + timedelta(days=8), ["Early", "Late"]),
        (NOON, ["Early", "Late", "Undated"]),
    ],
)
def test_what_is_not_visible_yet_is_no_reprint(archive: SqliteArchive, asked: datetime, outlets: list[str]) -> None:
    """Published later, rewritten later, or of unknown date and taken in later: each counts from its moment on."""
    put(
        archive,
        article("a", WHOLE, source="Own", published_at="2026-02-01"),
        article("b", WHOLE, source="Early", published_at="2026-03-01"),
        article("c", WHOLE, source="Late", published_at="2026-02-02", updated_at="2026-03-09"),
        article("d", WHOLE, source="Undated"),
    )
    assert [reprint.source for reprint in archive.reprints(["a"], asked).get("a", ())] == sorted(
        outlets, key="Late Early Undated".split().index
    )


# ── an archive from before there were stories ────────────────────────────────


def made_by_schema_2(path: Path) -> None:
    """An archive of every text, as it was before stories, with one version pending."""
    connection = sqlite3.connect(path)
    connection.executescript(OLD + SCHEMA_2)
    connection.execute("INSERT INTO meta VALUES ('fingerprint', 'hashing')")
    for name, text in {**TEXTS, "half": WHOLE}.items():
        row = (name, "pending" if name == "half" else "ready", f"c {name}", f"t {name}", name, text)
        connection.execute(
            "INSERT INTO articles (id, state, content_hash, text_hash, title, source, date_origin, ingested_at, metadata, text)"
            " VALUES (?, ?, ?, ?, '', ?, 'unknown', 0, '{}', ?)", row,
        )  # fmt: skip
    connection.executescript(f"""
        INSERT INTO passages (id, version, ordinal, start, "end", vector)
            SELECT id, version, 0, 0, 20, zeroblob({4 * EMBEDDER.dimension}) FROM articles;
        INSERT INTO words (rowid, title, body) SELECT number, title, body FROM passage_words;
    """)
    connection.commit()
    connection.close()


def ingester(archive: SqliteArchive) -> Ingester:
    """The real flow on an index in memory."""
    return Ingester(archive, MemoryIndex(), EMBEDDER)


def test_an_archive_of_schema_2_is_upgraded_in_place_and_caught_up(path: Path) -> None:
    """At first nothing is in a story and nothing is lost; then all stories are there, and there is nothing left to do."""
    made_by_schema_2(path)
    archive = SqliteArchive(path, "hashing", FixedClock())
    assert version_of(path) == SCHEMA_VERSION
    assert (stories(archive), len(archive.articles(None, 99))) == ([], len(TEXTS))
    put(archive, article("today", CUT, source="Today"))
    assert stories(archive) == [{"today"}]
    assert ingester(archive).catch_up() == len(TEXTS)
    assert stories(archive) == [story | {"today"} if "whole" in story else story for story in STORIES]
    assert ingester(archive).catch_up() == 0
    assert archive.check() is None
    archive.close()


def test_catching_up_goes_on_where_it_stopped(path: Path) -> None:
    """Killed after the first of its batches, it does the rest the next time; the stories are the same."""
    made_by_schema_2(path)
    archive = SqliteArchive(path, "hashing", FixedClock())
    batches = archive.unsketched(3)
    first = next(batches)
    archive.sketch([(version, sketch) for (version, text), sketch in zip(first, sketches([text for _, text in first]), strict=True)])
    archive.close()
    archive = SqliteArchive(path, "hashing", FixedClock())
    assert rows_left(archive)[0] == 3
    assert ingester(archive).catch_up() == len(TEXTS) - 3
    assert stories(archive) == STORIES
    archive.close()


def test_sketches_of_versions_that_are_gone_or_pending_or_have_one_are_passed_over(archive: SqliteArchive) -> None:
    """Nothing is written for them, and nothing fails."""
    sketch = sketches([WHOLE])[0]
    put(archive, article("done", WHOLE))
    pending = archive.stage([plain(article("pending", WHOLE))])
    before = rows_left(archive)
    archive.sketch([(10_000, sketch), (pending[0], sketch), (1, sketch)])
    archive.sketch([])
    assert rows_left(archive) == before
    assert [row[0] for batch in archive.unsketched() for row in batch] == []


def test_an_upgraded_archive_of_schema_2_is_like_a_new_one(path: Path, tmp_path: Path) -> None:
    """The same tables and indexes, word for word."""
    made_by_schema_2(path)
    for made in (path, tmp_path / "new.sqlite3", path):
        SqliteArchive(made, "hashing", FixedClock()).close()
    assert layout(path) == layout(tmp_path / "new.sqlite3")


def test_an_archive_with_stories_is_refused_by_what_does_not_know_them(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Dateline of schema 2 names both versions and changes nothing."""
    SqliteArchive(path, "hashing", FixedClock()).close()
    monkeypatch.setattr("service.storage.schema.SCHEMA_VERSION", 2)
    with pytest.raises(ArchiveMismatch, match=f"schema {SCHEMA_VERSION}, this one reads 2"):
        SqliteArchive(path, "hashing", FixedClock())
    assert version_of(path) == SCHEMA_VERSION
