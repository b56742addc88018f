"""Reprints on the whole way, from ingest to answers: one story is one witness, and a citation says which other outlets printed it."""

import asyncio
import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from service.answering.request import AskRequest, Checked, Event
from service.articles.items import Loaded
from service.articles.row import article_from_row
from service.bootstrap import build
from service.domain import Answer, Mode, Question, Scope, Status
from service.models.hashing import HashingEmbedder
from service.services import Services
from service.settings import Settings, load_settings
from service.storage.conversations import Conversations
from service.wire import answer_out
from tests.fakes import CountingEmbedder
from tests.prints import AGENCY, APART, BRIEF, CUT, EDITED, FOLLOW_UP, INSERTED, REWRITTEN, WHOLE, WIDENED

NOW = datetime(2026, 6, 1, tzinfo=UTC)
QUESTION = "How many of the oak piles of the eastern quay did shipworm eat through?"


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    """The real archive and index, no model."""
    with build(load_settings(data_dir=tmp_path / "data", model="extractive"), embedder=HashingEmbedder(256)) as built:
        yield built


def loaded(article_id: str, text: str, source: str | None, published_at: str | None = None, **fields: Any) -> Loaded:
    """An article as a door hands it in."""
    row = {"id": article_id, "text": text, "source": source, "published_at": published_at, **fields}
    return article_from_row(row, now=NOW, max_chars=100_000)


WIRE = loaded("wire", WHOLE, "Orvane Press Agency", "2026-04-13")
COURIER = loaded("courier", CUT, "The Merrin Courier", "2026-04-14", title="Quay to close for eleven weeks")
GAZETTE = loaded("gazette", WIDENED, "Port Asel Gazette", "2026-04-14")
LATE = loaded("late", EDITED, "Northern Herald", "2026-04-20")
OTHERS = [
    loaded("apart", APART, "Coastline Weekly", "2026-04-15"),
    loaded("follow", FOLLOW_UP, "Orvane Press Agency", "2026-05-05"),
    loaded("new", REWRITTEN, "The Ledger", "2026-04-23"),
]


def stories(services: Services) -> list[set[str]]:
    """The articles of each story of more than one, by what a search finds."""
    found: dict[int | None, set[str]] = defaultdict(set)
    for hit in services.archive.hits([row for ids, _ in services.archive.vectors() for row in ids]).values():
        found[hit.story].add(hit.article.id)
    assert None not in found
    return sorted((ids for ids in found.values() if len(ids) > 1), key=sorted)


def ask(services: Services, asked_at: str = "2026-05-10", **more: Any) -> Answer:
    """An extractive answer."""
    moment = datetime.fromisoformat(asked_at).replace(tzinfo=UTC)
    return asyncio.run(services.answerer.ask(AskRequest(QUESTION, asked_at=moment, mode=Mode.EXTRACTIVE, **more)))


def test_prints_of_one_text_are_one_story_in_one_batch_and_in_several_runs(services: Services) -> None:
    """And are all kept as articles, with nothing embedded twice or lost."""
    services.ingest([WIRE, *OTHERS, COURIER])
    assert stories(services) == [{"courier", "wire"}]
    services.ingest([GAZETTE])
    services.ingest([LATE, loaded("brief", BRIEF, "The Ledger")])
    assert stories(services) == [{"brief", "courier", "gazette", "late", "wire"}]
    assert services.archive.coverage().articles == 8


def test_an_update_leaves_the_story_and_a_removal_does_not_break_it(services: Services) -> None:
    """The outlet that rewrote its article is no longer among those that printed it."""
    services.ingest([WIRE, COURIER, GAZETTE, LATE])
    services.ingest([loaded("gazette", REWRITTEN, "Port Asel Gazette", "2026-04-14")])
    services.remove(["wire"])
    assert stories(services) == [{"courier", "late"}]
    assert [one.source for one in services.archive.reprints(["courier"], NOW)["courier"]] == ["Northern Herald"]


def test_a_story_has_one_vote_in_a_search(services: Services) -> None:
    """What every print says is found once; what only one of them says is still found."""
    services.ingest([WIRE, loaded("herald", WHOLE.upper(), "Northern Herald", "2026-04-14"), GAZETTE, *OTHERS])
    question = Question(QUESTION, QUESTION, NOW, Scope(NOW))
    found = services.searcher.search(question, 20)
    assert len({hit.article.id for hit in found} & {"wire", "herald"}) == 1
    assert any(INSERTED in hit.passage.text for hit in found)
    assert {"apart", "new"} <= {hit.article.id for hit in found}


@pytest.mark.parametrize(
    ("asked_at", "count"), [("2026-04-13T12:00", 0), ("2026-04-14T12:00", 2), ("2026-04-19T23:59", 2), ("2026-04-20", 0)]
)
def test_a_citation_names_the_outlets_that_had_printed_it_by_then(services: Services, asked_at: str, count: int) -> None:
    """A print of a later day is not named, nor the outlet itself; nor one without the figures, as those before an edit that added some."""
    services.ingest([WIRE, COURIER, GAZETTE, LATE, *OTHERS])
    events: list[Event] = []

    async def note(event: Event) -> None:
        events.append(event)

    moment = datetime.fromisoformat(asked_at).replace(tzinfo=UTC)
    answer = asyncio.run(services.answerer.ask(AskRequest(QUESTION, asked_at=moment, mode=Mode.EXTRACTIVE), note))
    prints = {"wire", "courier", "gazette", "late"}
    citation = next(one for one in answer.citations if one.article.id in prints)
    assert len(citation.also_in) == count
    assert {one.article_id for one in citation.also_in} <= prints - {citation.article.id}
    assert {citation.article.source}.isdisjoint(one.source for one in citation.also_in)
    assert citation in [new for event in events if isinstance(event, Checked) for new in event.new_citations]


def test_the_outlets_are_in_the_json_and_in_what_is_kept(services: Services) -> None:
    """Each with its article's id and date, and read back as they were."""
    services.ingest([WIRE, COURIER, loaded("courier-2", EDITED, "THE MERRIN COURIER", "2026-04-16")])
    answer = ask(services, article_ids=("wire",))
    shown = answer_out(answer).model_dump(mode="json")["citations"]
    assert {json.dumps(one["also_in"]) for one in shown} == {
        json.dumps([{"article_id": "courier", "source": "The Merrin Courier", "published_at": "2026-04-14"}])
    }
    kept = Conversations(services.archive).answer(answer.id)
    assert [one.also_in for one in kept.citations] == [one.also_in for one in answer.citations]
    assert {one.story for one in answer.evidence} != {None} == {one.story for one in kept.evidence}


def test_a_revised_figure_in_a_reprint_is_no_disagreement(services: Services) -> None:
    """Two outlets that print one text with another figure do not contradict each other; they would if they were taken as two."""
    figure = "Shipworm ate through 212 oak piles of the eastern quay of Port Asel."
    text = " ".join([figure, *AGENCY[1:]])
    services.ingest([loaded("a", text, "Herald", "2026-04-13"), loaded("b", text.replace("212", "287"), "Courier", "2026-04-14")])
    assert stories(services) == [{"a", "b"}]
    assert ask(services).status is not Status.CONFLICTING
    with services.archive.transaction() as connection:
        connection.execute("DELETE FROM stories")
    assert ask(services).status is Status.CONFLICTING


def test_an_archive_without_stories_has_them_once_it_is_opened(settings: Settings) -> None:
    """As one that an older Dateline made; a second opening has nothing to do, and a reader beside a writer does nothing."""
    embedder = CountingEmbedder()
    with build(settings, embedder=embedder) as services:
        services.ingest([WIRE, COURIER])
        with services.archive.transaction() as connection:
            connection.execute("DELETE FROM stories")
        with build(settings, writable=False, embedder=embedder) as beside:
            assert beside.archive.rows("SELECT count(*) FROM stories")[0][0] == 0
    embedder.embedded.clear()
    with build(settings, embedder=embedder) as services:
        assert stories(services) == [{"courier", "wire"}]
        assert services.ingester.catch_up() == 0
    assert embedder.embedded == []


def test_the_command_line_says_how_many_outlets(run: Callable[..., Result], tmp_path: Path) -> None:
    """Under the quote, and nothing where there is none."""
    rows = [loaded.article for loaded in (WIRE, COURIER, GAZETTE)]
    path = tmp_path / "rows.jsonl"
    fields = ("id", "text", "source", "title")
    path.write_text(
        "".join(json.dumps({name: getattr(row, name) for name in fields} | {"published_at": "2026-04-14"}) + "\n" for row in rows), "utf-8"
    )
    assert run("ingest", path).exit_code == 0
    said = run("ask", QUESTION, "--extractive", "--asked-at", "2026-05-10").stdout
    assert "also in 2 outlets" in said
    assert run("articles", "remove", "gazette").exit_code == 0
    assert "also in 1 outlet\n" in run("ask", QUESTION, "--extractive", "--asked-at", "2026-05-10").stdout
