"""One article is one article: by address, by words, by version, and gone when it is removed."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as trying
from hypothesis import strategies as st

from service.answering.request import AskRequest
from service.articles.items import Gone, Loaded
from service.articles.row import article_from_row
from service.bootstrap import build
from service.domain import ArticleState, Outcome, Question, Scope
from service.errors import NotFound
from service.indexing.report import IngestReport
from service.models.hashing import HashingEmbedder
from service.ports import Visit
from service.services import Services, now
from service.settings import Settings
from tests.fakes import NOON, CountingEmbedder

LONG = " ".join(f"On day {number} the gauge at Skell stood at {number + 40} centimetres." for number in range(60))


def built(folder: Path, embedder: HashingEmbedder | None = None) -> Services:
    """A real archive and index."""
    return build(Settings(data_dir=folder, model="extractive"), embedder=embedder or HashingEmbedder(256))


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    """A real archive and index over a hashing encoder."""
    with built(tmp_path) as opened:
        yield opened


def loaded(text: str = "The dam holds.", **fields: Any) -> Loaded:
    """An article as a door hands it in."""
    return article_from_row({"text": text, **fields}, now=NOON, max_chars=100_000)


def outcomes(report: IngestReport) -> list[Outcome]:
    """One an article, in order."""
    return [item.outcome for item in report.items]


def found(services: Services, words: str) -> set[str]:
    """The articles that a search finds, by meaning or by words."""
    at = now()
    return {hit.article.id for hit in services.searcher.search(Question(words, words, at, Scope(at)), 100)}


def test_a_page_known_under_an_id_is_the_same_article_by_its_address(services: Services) -> None:
    """Taken in as a row with an id, met again as a page: the page updates the row, whatever its tracking parameters are."""
    services.ingest([loaded(id="cms-1", url="https://herald.example/dam")])
    report = services.ingest([loaded("The dam broke.", url="http://HERALD.example/dam/?utm_source=feed#top")])
    assert [(item.outcome, item.article_id) for item in report.items] == [(Outcome.UPDATED, "cms-1")]
    assert services.archive.coverage().articles == 1


def test_what_was_replaced_stays_readable_and_is_not_found(services: Services) -> None:
    """Two versions: the newer is searched, the older read by its number; offsets of both hold."""
    services.ingest([loaded("The bridge is open to lorries.", id="a")])
    first = services.archive.article("a")
    services.ingest([loaded("The bridge is shut to lorries.", id="a")])
    assert [(one.number, one.state) for one in services.archive.versions("a")] == [
        (2, ArticleState.CURRENT),
        (1, ArticleState.UPDATED),
    ]
    assert first.version == 1
    assert services.archive.version("a", 1).text == "The bridge is open to lorries."
    assert services.archive.version("a").text == "The bridge is shut to lorries."
    assert services.archive.lexical(["open"], Scope(now()), 10) == []
    with pytest.raises(NotFound, match="no version 7"):
        services.archive.version("a", 7)


def test_a_citation_names_the_version_that_it_quotes(services: Services) -> None:
    """An answer given before a change can be checked after it, character by character."""
    import asyncio

    services.ingest([loaded("The reservoir at Skell holds nine million cubic metres of water.", id="a", published_at="2026-03-04")])
    answer = asyncio.run(services.answerer.ask(AskRequest("How much water does the reservoir at Skell hold?")))
    (citation,) = answer.citations
    services.ingest([loaded("The reservoir at Skell is empty.", id="a", published_at="2026-03-04")])
    cited = services.archive.version(citation.article.id, citation.article.version)
    assert cited.text[citation.start : citation.end] == citation.quote


def test_only_new_passages_of_a_changed_article_are_embedded(tmp_path: Path) -> None:
    """A sentence at the end of a long text costs its last passage; another headline costs all, since it is embedded with each."""
    embedder = CountingEmbedder(max_tokens=120)
    with built(tmp_path, embedder) as services:
        services.ingest([loaded(LONG, id="a", title="The gauge")])
        whole = len(embedder.embedded)
        embedder.embedded.clear()
        report = services.ingest([loaded(f"{LONG} Then it fell.", id="a", title="The gauge")])
        assert (outcomes(report), len(embedder.embedded), report.embedded) == ([Outcome.UPDATED], 1, 1)
        assert services.index.count() == services.archive.vector_count() == report.passages
        embedder.embedded.clear()
        services.ingest([loaded(f"{LONG} Then it fell.", id="a", title="The gauge at Skell")])
        assert len(embedder.embedded) >= whole


def test_a_withdrawn_article_is_readable_and_never_found(services: Services) -> None:
    """Its outlet took the page down: no search knows it, its last version is there, and it may come back."""
    services.ingest([loaded("The bridge is open.", id="a", url="https://herald.example/a"), loaded("Bread is baked.", id="b")])
    report = services.ingest([Gone("https://herald.example/a", "a", "410", Visit("https://herald.example/a", "a"))])
    assert outcomes(report) == [Outcome.WITHDRAWN]
    assert found(services, "bridge open") == {"b"}
    assert services.archive.version("a").text == "The bridge is open."
    assert services.archive.versions("a")[0].state is ArticleState.WITHDRAWN
    assert services.index.count() == services.archive.vector_count() == 1
    assert outcomes(services.ingest([loaded("The bridge is open.", id="a", url="https://herald.example/a")])) == [Outcome.ADDED]
    assert [one.state for one in services.archive.versions("a")] == [ArticleState.CURRENT, ArticleState.WITHDRAWN]


TEXTS = st.lists(st.sampled_from(["bridge", "dam", "ferry", "tram", "quake", "hake"]), min_size=3, max_size=30).map(" ".join)
STEPS = st.lists(st.tuples(st.sampled_from(["put", "remove", "withdraw"]), st.sampled_from("abcd"), TEXTS), max_size=12)


@trying(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_whatever_happens_what_is_gone_is_not_found(tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, str, str]]) -> None:
    """After any series of changes, removals and withdrawals, search, full text, index and list hold the current articles and no other."""
    with built(tmp_path_factory.mktemp("any")) as services:
        current: dict[str, str] = {}
        for what, article_id, text in steps:
            if what == "put":
                services.ingest([loaded(f"{text} {article_id}.", id=article_id, source=f"Outlet {article_id}")])
                current[article_id] = f"{text} {article_id}."
            else:
                (services.ingester.remove if what == "remove" else services.ingester.withdraw)([article_id])
                current.pop(article_id, None)
                if what == "remove":
                    assert services.archive.versions(article_id) == []
        assert {one.id: one.text for one in services.archive.articles(None, 100)} == current
        assert found(services, "bridge dam ferry tram quake hake") == current.keys()
        assert services.index.count() == services.archive.passage_count() == len(current)
        assert services.archive.check() is None


def test_an_article_in_another_language_is_found_by_words(tmp_path: Path) -> None:
    """An encoder that serves English alone: the German text has no vector, is said to have none, and answers to its words."""
    german = "Der Damm bei Halvern hält dem Wasser stand, sagten die Ingenieure am Mittwoch. Die Behörden hatten das Tal geräumt."
    with built(tmp_path, HashingEmbedder(256, languages=frozenset({"en"}))) as services:
        report = services.ingest([loaded(german, id="de"), loaded("The dam holds, engineers said on Wednesday in the valley.", id="en")])
        assert ["not serve (de)" in " ".join(item.warnings) for item in report.items] == [True, False]
        assert (report.passages, report.embedded) == (2, 1)
        assert services.archive.article("de").language == "de"
        assert [services.archive.is_embedded(one) for one in ("de", "en")] == [False, True]
        assert services.index.count() == services.archive.vector_count() == 1
        assert found(services, "Ingenieure räumten Behörden Tal") >= {"de"}
        assert outcomes(services.ingest([loaded(german, id="de")])) == [Outcome.UNCHANGED]
    with built(tmp_path, HashingEmbedder(256, languages=frozenset({"en"}))) as again:
        assert again.index.count() == 1


def test_stories_are_told_as_they_are_joined(services: Services) -> None:
    """The second print of a text names the first; both are one story in the list."""
    services.ingest([loaded(LONG, id="a", source="Herald")])
    report = services.ingest([loaded(f"{LONG} More follows.", id="b", source="Ledger")])
    assert [(item.outcome, item.joined) for item in report.items] == [(Outcome.ADDED, "a")]
    assert [[one.id for one in story] for story in services.archive.stories()] == [["a", "b"]]


def test_a_retracted_article_is_no_evidence_from_then_on(services: Services) -> None:
    """The notice that comes later takes the article out of answers asked after it; asked as of before, it counts."""
    claim = "The mayor of Skell, Runa Dace, resigned over the tram contract, three officials told this newspaper on Monday."
    services.ingest([loaded(claim, id="claim", title="Mayor of Skell resigns", source="Skell Post", published_at="2026-03-02")])
    notice = (
        'Retraction: The Skell Post has retracted its article "Mayor of Skell resigns" of 2 March. Runa Dace did not resign, '
        "and the three officials cannot be found."
    )
    services.ingest([loaded(notice, id="notice", title="Retraction: Mayor of Skell", source="Skell Post", published_at="2026-03-05")])
    assert [(one.kind.value, one.corrects) for one in services.archive.notices()] == [("retraction", "claim")]
    assert "claim" not in found(services, "Who resigned over the tram contract in Skell?")
    early = NOON.replace(month=3, day=3)
    hits = services.searcher.search(Question("Who resigned?", "Who resigned over the tram contract in Skell?", early, Scope(early)), 10)
    assert {hit.article.id for hit in hits} == {"claim"}


def test_an_article_taken_down_and_met_again_in_one_run_comes_back_in_the_next(services: Services) -> None:
    """The archive does not know of the withdrawal yet when the second copy is screened: nothing is lost, in the index either."""
    article = loaded("The bridge is open.", id="a", url="https://herald.example/a")
    services.ingest([article])
    gone = Gone("https://herald.example/a", "a", "410", Visit("https://herald.example/a", "a"))
    report = services.ingest([gone, article])
    assert outcomes(report) == [Outcome.WITHDRAWN, Outcome.UNCHANGED]
    assert services.index.count() == services.archive.vector_count() == 0
    assert outcomes(services.ingest([article])) == [Outcome.ADDED]
    assert found(services, "bridge open") == {"a"}
    assert services.index.count() == services.archive.vector_count() == 1


def test_a_notice_is_linked_as_soon_as_both_are_there(services: Services) -> None:
    """In whichever order and run they come, and although a later batch of the run fails."""
    notice = loaded(
        'Correction: An article of 2 March ("Ferry carries 131") gave a wrong number. The ferry carried 113 people, and not 131.',
        id="notice", title="Correction", source="Skell Post", published_at="2026-03-05",
    )  # fmt: skip
    services.ingest([notice])
    assert [one.corrects for one in services.archive.notices()] == [None]

    def broken() -> Iterator[Loaded]:
        text = "The ferry carried 131 people to Skell."
        yield loaded(text, id="claim", title="Ferry carries 131", source="Skell Post", published_at="2026-03-02")
        yield from (loaded(f"Filler {number}.", id=f"f{number}") for number in range(80))
        raise OSError("the cable was cut")

    with pytest.raises(OSError, match="cable"):
        services.ingest(broken())
    assert [one.corrects for one in services.archive.notices()] == ["claim"]
