"""The article road, from files to what a search finds, on real SQLite and Chroma with a hashing encoder."""

import json
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from service.articles.files import load
from service.articles.items import Item, Loaded, Unreadable
from service.articles.row import article_from_row
from service.bootstrap import build
from service.domain import Hit, Outcome, Question, Scope
from service.errors import ArchiveError
from service.indexing.ingest import BATCH_ARTICLES, Ingester
from service.indexing.passages import embedded_text
from service.indexing.report import IngestReport
from service.ports import Vectors
from service.retrieval.search import Searcher
from service.services import Services
from service.settings import Settings
from service.taking_in import LocalRoad
from tests.fakes import CountingEmbedder, MemoryIndex, reading

LATE = datetime(2100, 1, 1, tzinfo=UTC)
READ_AT = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture
def embedder() -> CountingEmbedder:
    """Remembers what it embedded."""
    return CountingEmbedder()


@pytest.fixture
def services(settings: Settings, embedder: CountingEmbedder) -> Iterator[Services]:
    """The real archive and index."""
    with build(settings, embedder=embedder) as built:
        yield built


def loaded(article_id: str, text: str = "The dam holds.", **fields: Any) -> Loaded:
    """An article as a door hands it in."""
    return article_from_row({"id": article_id, "text": text, **fields}, now=READ_AT, max_chars=100_000).at(f"place of {article_id}")


def outcomes(report: IngestReport) -> list[Outcome]:
    """One an article, in order."""
    return [item.outcome for item in report.items]


def search(searcher: Searcher, words: str, k: int = 10) -> list[Hit]:
    """What is found in the whole archive."""
    return searcher.search(Question(words, words, LATE, Scope(LATE)), k)


def consistent(services: Services) -> bool:
    """Whether index, archive and full text hold the same passages."""
    stored = {row for ids, _ in services.archive.vectors() for row in ids}
    indexed = {row for row, _ in services.index.query(services.embedder.embed(["x"])[0], 10_000)}
    return stored == indexed and services.index.count() == services.archive.passage_count() and services.archive.check() is None


def test_the_same_again_is_unchanged_and_nothing_is_embedded(services: Services, embedder: CountingEmbedder) -> None:
    """The second run asks the encoder for nothing."""
    items = [loaded("a"), loaded("b", "A quake struck.", published_at="2026-03-04", desk="home")]
    assert outcomes(services.ingest(items)) == [Outcome.ADDED] * 2
    embedder.embedded.clear()
    assert outcomes(services.ingest(items)) == [Outcome.UNCHANGED] * 2
    assert embedder.embedded == []
    assert services.archive.coverage().articles == 2


def test_a_changed_text_replaces_the_old_everywhere(services: Services) -> None:
    """The old passages are in no search, no table and not in the index."""
    services.ingest([loaded("a", "The bridge is open. " * 40), loaded("b", "Bread is baked.")])
    before = {row for ids, _ in services.archive.vectors() for row in ids}
    assert outcomes(services.ingest([loaded("a", "The tunnel is shut.")])) == [Outcome.UPDATED]
    assert services.archive.lexical(["bridge"], Scope(LATE), 10) == []
    assert {hit.passage.text for hit in search(services.searcher, "bridge")} == {"The tunnel is shut.", "Bread is baked."}
    assert [hit.article.id for hit in services.archive.hits(sorted(before)).values()] == ["b"]
    assert services.index.count() == services.archive.passage_count() == 2
    assert consistent(services)


def test_changed_metadata_alone_is_an_update(services: Services) -> None:
    """The text stays, its passages too; the new outlet is found and filtered by."""
    services.ingest([loaded("a", source="Herald")])
    assert outcomes(services.ingest([loaded("a", source="Ledger", desk="home")])) == [Outcome.UPDATED]
    assert services.archive.sources() == [("Ledger", 1)]
    assert services.archive.article("a").metadata == {"desk": "home"}
    assert consistent(services)


def test_a_removed_article_is_never_found_again(services: Services) -> None:
    """Not by words, not by meaning, not by id."""
    services.ingest([loaded("a", "The bridge is open."), loaded("b", "Bread is baked.")])
    services.remove(["a"])
    assert [hit.article.id for hit in search(services.searcher, "bridge open")] == ["b"]
    assert services.archive.known(["a"]) == {}
    assert consistent(services)
    assert outcomes(services.ingest([loaded("a", "The bridge is open.")])) == [Outcome.ADDED]


def test_the_same_text_twice_is_one_article_unless_it_is_a_reprint(services: Services) -> None:
    """Same outlet and text under another id: a duplicate, in one batch and later; another outlet's is an article of its own."""
    first = services.ingest([loaded("a", source="Herald"), loaded("b", source="HERALD"), loaded("c", source="Ledger"), loaded("d")])
    assert outcomes(first) == [Outcome.ADDED, Outcome.DUPLICATE, Outcome.ADDED, Outcome.ADDED]
    assert first.items[1].reason == "a"
    second = services.ingest([loaded("e", source="herald"), loaded("f")])
    assert [(item.outcome, item.reason) for item in second.items] == [(Outcome.DUPLICATE, "a"), (Outcome.DUPLICATE, "d")]
    assert services.archive.coverage().articles == 3


def test_a_text_that_moves_to_another_id_is_not_lost(services: Services) -> None:
    """`a` is rewritten in the very batch that brings its old text under a new id: both are kept."""
    services.ingest([loaded("a", "The old text.")])
    assert outcomes(services.ingest([loaded("a", "The new text."), loaded("b", "The old text.")])) == [Outcome.UPDATED, Outcome.ADDED]
    assert services.archive.article("b").text == "The old text."


def test_an_id_used_twice_in_a_run_is_refused_and_named(services: Services) -> None:
    """The second text is rejected with the place of the first, also in a later batch; in a later run it is an update."""
    filler = [loaded(f"x{number}", f"Text {number}.") for number in range(BATCH_ARTICLES)]
    report = services.ingest([loaded("a", "One."), *filler, loaded("a", "Two."), loaded("a", "One.")])
    *_, second, third = report.items
    assert (second.outcome, second.article_id) == (Outcome.REJECTED, "a")
    assert "place of a" in (second.reason or "")
    assert third.outcome is Outcome.UNCHANGED
    assert services.archive.article("a").text == "One."
    assert outcomes(services.ingest([loaded("a", "Two.")])) == [Outcome.UPDATED]


def test_a_folder_of_good_and_bad_files(services: Services, tmp_path: Path) -> None:
    """Every article has its outcome, every bad one its reason, other kinds are counted, and the numbers add up."""
    folder = tmp_path / "news"
    folder.mkdir()
    (folder / "a.txt").write_text(" date 2025-04-07 Militias are ready to disarm.", encoding="utf-8")
    (folder / "b.txt").write_bytes(b"\xff\xfe\x00")
    rows = [{"text": "One."}, {"text": ""}, {"text": "Two.", "published_at": "2025-13-45"}, {"text": "One."}]
    (folder / "c.jsonl").write_text("\n".join([*map(json.dumps, rows), "{"]), encoding="utf-8")
    (folder / "d.png").write_bytes(b"")
    report = services.ingest(services.load([folder]))
    assert report.counts == {Outcome.ADDED: 3, Outcome.REJECTED: 3, Outcome.UNCHANGED: 1}
    assert sum(report.counts.values()) == len(report.items) == 7
    assert [item.place for item in report.rejected] == [f"{folder}/b.txt", f"{folder}/c.jsonl:2", f"{folder}/c.jsonl:5"]
    assert [Path(place).name for place in report.skipped] == ["d.png"]
    assert [item.warnings != () for item in report.items].count(True) == 1
    assert report.passages == services.archive.passage_count() == 3
    assert services.archive.coverage().articles == 3


def test_progress_is_told_after_each_batch(services: Services) -> None:
    """What was reported is visible at that moment."""
    told: list[tuple[int, int]] = []
    items = [loaded(f"a{number}", f"Text {number}.") for number in range(BATCH_ARTICLES * 2 + 1)]
    services.ingest(items, lambda report: told.append((len(report.items), services.archive.coverage().articles)))
    assert told == [(size, size) for size in (BATCH_ARTICLES, BATCH_ARTICLES * 2, BATCH_ARTICLES * 2 + 1)]


class FailingIndex(MemoryIndex):
    """Refuses to write while it is full."""

    full = False

    def upsert(self, ids: Sequence[str], vectors: Vectors) -> None:
        if self.full:
            raise ArchiveError("no space")
        super().upsert(ids, vectors)


def test_a_batch_that_cannot_be_indexed_is_not_acknowledged(services: Services) -> None:
    """What was before stays and is found; once there is room again the same run goes through, and nothing is left over."""
    index = FailingIndex()
    ingester = Ingester(services.archive, index, services.embedder)
    ingester.run([loaded("a", "The bridge is open.")])
    index.full = True
    told: list[IngestReport] = []
    for _ in range(2):
        with pytest.raises(ArchiveError):
            ingester.run([loaded("a", "The tunnel is shut."), loaded("b", "Bread is baked.")], told.append)
    assert told == []
    assert services.archive.article("a").text == "The bridge is open."
    assert services.archive.known(["b"]) == {}
    index.full = False
    assert outcomes(ingester.run([loaded("a", "The tunnel is shut."), loaded("b", "Bread is baked.")])) == [Outcome.UPDATED, Outcome.ADDED]
    assert (services.archive.drop_pending(), index.count(), services.archive.check()) == (0, 2, None)


def test_a_reader_sees_the_old_or_the_new_and_never_nothing(services: Services) -> None:
    """While an article of many passages is replaced again and again, every search finds passages of exactly one version."""

    def version(number: int) -> Loaded:
        return loaded("a", " ".join(f"Edition{number} says the dam at place {place} holds." for place in range(60)))

    services.ingest([version(0), loaded("other", "Bread is baked.")])
    done, failures, seen = threading.Event(), [], set()

    def reader() -> None:
        try:
            while not done.is_set():
                with services.archive.snapshot():
                    hits = [hit for hit in search(services.searcher, "dam place holds", 50) if hit.article.id == "a"]
                editions = {hit.passage.text.split()[0] for hit in hits} | {hit.article.text.split()[0] for hit in hits}
                assert len(editions) == 1, editions
                assert all(hit.passage.text == hit.article.text[hit.passage.start : hit.passage.end] for hit in hits)
                seen.update(editions)
        except BaseException as error:  # noqa: BLE001 - carried to the test's own thread
            failures.append(error)

    threads = [threading.Thread(target=reader) for _ in range(2)]
    for thread in threads:
        thread.start()
    for number in range(1, 25):
        services.ingest([version(number)])
    done.set()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(seen) > 3
    assert consistent(services)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three files, one article each."""
    made = tmp_path / "news"
    made.mkdir()
    for name in ("a", "b", "c"):
        (made / f"{name}.txt").write_text(f"Report {name}.", encoding="utf-8")
    return made


def pruned(services: Services, folder: Path) -> list[str]:
    """The texts of the articles that a run over the folder with `--prune` removes."""
    texts = {article.id: article.text for article in services.archive.articles(None, 100)}
    report = services.ingest(services.load([folder]))
    LocalRoad(services).prune([folder], report)
    assert consistent(services)
    return [texts[article_id] for article_id in report.pruned]


def test_pruning_removes_what_has_gone_from_the_folder(services: Services, folder: Path) -> None:
    """Only that: articles from elsewhere stay."""
    services.ingest([*services.load([folder]), loaded("api", "From the API.")])
    (folder / "b.txt").unlink()
    assert pruned(services, folder) == ["Report b."]
    assert [article.text for article in services.archive.articles(None, 9)].count("From the API.") == 1
    assert services.archive.coverage().articles == 3
    assert pruned(services, folder) == []


def vanished(services: Services, items: list[Item]) -> list[str]:
    """The texts of the articles that a run over these items finds gone."""
    held = services.archive.articles(None, 100)
    ids = services.ingest(items).vanished([(article.id, article.origin or "") for article in held])
    return [article.text for article in held if article.id in ids]


def test_what_cannot_be_read_just_now_has_not_vanished(services: Services, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that became unreadable keeps its article, whatever its name and however the folder was given; so does an unreadable folder."""
    (folder / "a.txt").rename(folder / "a: 1.txt")
    services.ingest(services.load([folder]))
    (folder / "a: 1.txt").write_bytes(b"\xff\xff")
    (folder / "b.txt").unlink()
    monkeypatch.chdir(folder.parent)
    items = list(load([Path("news")], reading(1000, READ_AT)))
    assert vanished(services, items) == ["Report b."]
    assert vanished(services, [Unreadable("news", "cannot be read", str(folder))]) == []


def test_a_renamed_file_has_not_vanished(services: Services, folder: Path) -> None:
    """Its text is met again under another name, as a duplicate: the one article that holds it stays."""
    services.ingest(services.load([folder]))
    (folder / "a.txt").rename(folder / "z.txt")
    assert vanished(services, list(services.load([folder]))) == []


def test_vectors_of_a_batch_belong_to_their_passages(services: Services) -> None:
    """Long and short articles in one batch: each stored vector is that of its own passage with its headline."""
    services.ingest([loaded(f"a{n}", f"Word{n} stands alone. " * (1 + n * 17 % 120), title=f"Title {n}") for n in range(40)])
    stored = {row: vector for ids, vectors in services.archive.vectors() for row, vector in zip(ids, vectors, strict=True)}
    for rows in services.archive.numbered_passages():
        for _, passage, article in rows:
            assert np.array_equal(stored[passage.id], services.embedder.embed([embedded_text(article, passage)])[0])
    assert len(stored) > 40


def test_an_article_without_words_is_kept(services: Services) -> None:
    """A text of one sign has nothing to find and harms nothing."""
    assert outcomes(services.ingest([loaded("a", "…"), loaded("b", "—")])) == [Outcome.ADDED] * 2
    assert consistent(services)


def test_languages_of_any_name_are_taken(services: Services) -> None:
    """A language that no splitter knows is split like English."""
    report = services.ingest([loaded(name, f"One {name}. Two.", language=name) for name in ("en-GB", "xx-../..", "日本", "DE")])
    assert outcomes(report) == [Outcome.ADDED] * 4
