"""Corrections and retractions on a real archive: what each notice is about, and what a retraction does to a search."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from service.articles.row import article_from_row
from service.bootstrap import build
from service.domain import Article, Notice, NoticeKind, Question, Scope
from service.indexing.linking import link
from service.indexing.notices import notice_of
from service.indexing.passages import cut_passages, embedded_text
from service.models.hashing import HashingEmbedder
from service.ports import StagedArticle
from service.retrieval.retracted import without_retracted
from service.services import Services
from service.settings import Settings
from service.storage.archive import SqliteArchive
from service.words import search_terms
from tests.fakes import CountingEmbedder, FixedClock

EMBEDDER = HashingEmbedder(64)
READ_AT = datetime(2027, 1, 1, tzinfo=UTC)
PRINTED: dict[str, tuple[str, str | None, str | None, str]] = {
    "bridge-cost": (
        "Varn bridge to cost 112 million orrans",
        "Courier",
        "2026-03-02",
        "The Varn bridge at Lower Harsk will cost 112 million orrans, the council heard on Monday. Engineer Mona Vail told members that "
        "steel from Brackwater had become dearer by 19 percent. Work begins in May.",
    ),
    "bridge-vote": (
        "Council votes for the Varn bridge",
        "Courier",
        "2026-03-05",
        "The council of Lower Harsk voted on Thursday by nine to four for the Varn bridge. Mayor Tilda Roos spoke of a new age. "
        "Opponents want a tunnel instead.",
    ),
    "bakers": (
        "Bakers win a prize",
        "Courier",
        "2026-03-05",
        "Two bakers of Port Asel, Jon Brisk and Hedda Lorn, won the Golden Loaf in Merrin on Wednesday night with a bread of rye.",
    ),
    "briefing-9": ("Morning briefing", "Courier", "2026-03-09", "Rain in the north, a strike on the trams, and a goat on the ring road."),
    "briefing-10": ("Morning briefing", "Courier", "2026-03-10", "Sun in the north, no strike on the trams, and the goat is home again."),
    "aground": (
        "Ferry Tern runs aground off Hallin",
        "Courier",
        "2026-03-11",
        "The ferry Tern ran aground off Hallin on Tuesday night with 118 passengers. Captain Ada Ross said that nobody was hurt.",
    ),
    "towed": (
        "Tern towed free",
        "Courier",
        "2026-03-12",
        "Two tugs from Brackwater towed the ferry Tern free on Wednesday. Captain Ada Ross thanked them.",
    ),
    "pool": (
        "Swimming pool in Harsk closes",
        "Courier",
        "2025-08-01",
        "The swimming pool in Harsk closes for good on Sunday. Lifeguard Pim Astor had worked there for 31 years.",
    ),
    "meals": (
        "School meals to be free in Merrin",
        "Courier",
        "2026-03-14",
        "School meals in Merrin will be free from April for 4,000 children. Head teacher Lise Okard called it overdue.",
    ),
    "later": (
        "Varn bridge: what happens now",
        "Courier",
        "2026-03-20",
        "Work on the Varn bridge at Lower Harsk waits for steel from Brackwater.",
    ),
    "undated": ("The harbour in pictures", "Courier", None, "Cranes, gulls and the ferry Tern, seen by our photographer."),
    "herald-aground": (
        "Ferry Tern runs aground off Hallin",
        "Herald",
        "2026-03-11",
        "The Tern sat on a sandbank off Hallin last night. Coastguards counted 118 passengers and eleven crew.",
    ),
    "herald-dear": (
        "A bridge too dear for Harsk?",
        "Herald",
        "2026-03-03",
        "The Varn bridge would be the dearest that Lower Harsk has built.",
    ),
    "crane": (
        "How the Brackwater yard lost its last crane",
        "Gazette",
        "2026-03-08",
        "The crane of the Brackwater yard was sold to Orvane.",
    ),
    "frei": (
        "Fähre Tern ist wieder frei",
        "Hafenbote",
        "2026-03-12",
        "Zwei Schlepper aus Brackwater haben die Fähre Tern vor Hallin befreit. Kapitänin Ada Ross dankte den Schleppern.",
    ),
}
"""Headline, outlet, day and text of each article of the archive, by id; each has an address at its outlet."""


def address(name: str, source: str) -> str:
    """Where an outlet printed an article."""
    return f"https://{source.casefold()}.example/2026/{name}"


def article(name: str, title: str, source: str | None, day: str | None, text: str, **fields: Any) -> Article:
    """An article as ingest makes it."""
    row = {"id": name, "title": title, "source": source, "published_at": day, "text": text, **fields}
    return article_from_row(row, now=READ_AT, max_chars=100_000).article


def put(archive: SqliteArchive, *articles: Article) -> None:
    """Publish articles with the notices that they carry."""
    staged = []
    for one in articles:
        passages = cut_passages(one, EMBEDDER.token_starts([one.text])[0], 60)
        vectors = EMBEDDER.embed([embedded_text(one, passage) for passage in passages])
        staged.append(StagedArticle(one, passages, vectors, notice=notice_of(one)))
    archive.publish(archive.stage(staged))


@pytest.fixture
def archive(tmp_path: Path, clock: FixedClock) -> Iterator[SqliteArchive]:
    """The archive of what was printed."""
    opened = SqliteArchive(tmp_path / "archive.sqlite3", "hashing", clock)
    put(opened, *(article(name, *one, url=address(name, one[1]) if one[1] else None) for name, one in PRINTED.items()))
    yield opened
    opened.close()


def linked(archive: SqliteArchive, text: str, title: str = "Correction", day: str | None = "2026-03-16", **fields: Any) -> str | None:
    """The article that a notice with this text is found to be about; its outlet is the Courier unless it says so."""
    carrier = article("notice", title, fields.pop("source", "Courier"), day, text, **fields)
    put(archive, carrier)
    return link(Notice(NoticeKind.CORRECTION, text, carrier.id, None, carrier.published_at), archive)


CASES: list[tuple[str, Mapping[str, Any], str | None]] = [
    # an address
    ("We gave a wrong figure in https://courier.example/2026/bridge-cost.", {}, "bridge-cost"),
    ("We gave a wrong figure (see http://COURIER.example/2026/bridge-cost/?utm_source=feed#top).", {}, "bridge-cost"),
    ("We gave a wrong figure.", {"about": {"url": "https://courier.example/2026/aground"}}, "aground"),
    ("We gave a wrong figure in https://herald.example/2026/herald-dear, we said.", {}, None),
    ("Wrong in https://courier.example/2026/meals.", {"url": "https://courier.example/2026/notice"}, "meals"),
    ("Wrong in https://courier.example/2026/meals and in https://courier.example/2026/aground.", {}, None),
    # a headline
    ("The article “Council votes for the Varn bridge” gave a wrong number of votes.", {}, "bridge-vote"),
    ('The article headlined "BAKERS WIN A PRIZE!" misspelled a name.', {}, "bakers"),
    ("The article ‘Ferry Tern runs aground off Hallin’ gave a wrong number.", {}, "aground"),
    ("The article ‘Ferry Tern runs aground off Hallin’ gave a wrong number.", {"source": "Herald"}, "herald-aground"),
    ("The article “A bridge too dear for Harsk?” was wrong about the cost of the Varn bridge at Lower Harsk.", {}, None),
    ("“How the Brackwater yard lost…” named the wrong buyer.", {"source": "Gazette"}, "crane"),
    ("The “Morning briefing” of 10 March was wrong about the goat.", {}, "briefing-10"),
    ("The “Morning briefing” was wrong about the goat.", {}, None),
    ("The article “Varn bridge: what happens now” was wrong about the steel from Brackwater.", {}, None),
    ("The article “The harbour in pictures” credited the wrong photographer.", {}, "undated"),
    ("We retract this article.", {"title": "Retraction: Bakers win a prize"}, "bakers"),
    ("The article “Swimming pool in Harsk closes” gave a wrong day.", {}, "pool"),
    ("“Council votes for the Varn bridge” and “Bakers win a prize” misspelled names.", {}, None),
    ("The article “Council votes for the Varn bridge” gave a wrong number of votes.", {"source": None}, "bridge-vote"),
    ("The article “Council votes for the Varn bridge” gave a wrong number of votes.", {"day": None}, "bridge-vote"),
    ("The article headlined “Varn bridge dearer than thought” said 112 million for Lower Harsk; Mona Vail said 121 million.", {}, None),
    # a day
    ("An article of 11 March on the ferry Tern off Hallin gave 118 passengers. There were 131.", {}, "aground"),
    ("An article published on March 5 named a baker of the Golden Loaf in Merrin wrongly. He is Jon Brisk, not Brask.", {}, "bakers"),
    ("In Thursday's report on the tugs from Brackwater that towed the ferry Tern we named the wrong captain, not Ada Ross.", {}, "towed"),
    ("In yesterday's article on free school meals in Merrin we gave a wrong number of children.", {"day": "2026-03-15"}, "meals"),
    ("An article of 26 February on the Varn bridge at Lower Harsk gave 112 million orrans. Mona Vail said 121 million.", {}, None),
    ("An article of 5 March misspelled a name. It is Hedda, not Heda.", {}, None),
    ("Our report of 5 March on the vote for the Varn bridge misquoted Mayor Tilda Roos, who spoke of “a new age”.", {}, "bridge-vote"),
    ("In unserem Bericht vom 12. März über die Fähre Tern vor Hallin stand, ein Schlepper aus Brackwater habe sie befreit.",
     {"source": "Hafenbote", "language": "de", "title": "Berichtigung"}, "frei"),
    ("An article of 11 March on the ferry Tern off Hallin gave 118 passengers. There were 131.", {"source": None}, None),
    ("A caption with our article “Tern towed free” (12 March, page 4) named the wrong tug.", {}, "towed"),
    ("We named the wrong captain in our story about the ferry Tern aground off Hallin last Wednesday. She is Ada Ross.", {}, "aground"),
    ("An article about a fire in Port Asel on 11 March gave the wrong street.", {}, None),
    ("An article on 12 March about the Golden Loaf said that Jon Brisk came from Hallin.", {}, None),
    (
        "A quote by Captain Ada Ross in Thursday's article about the tugs and the Tern was cut so that its meaning changed.",
        {"day": "2026-03-13"},
        "towed",
    ),
    ("An article of 11 March on 1 2 3 4 5 6 7 8 9 10 11 12 13 14 numbers of the ferry Tern off Hallin was wrong.", {}, None),
    # names and words
    ("The council vote on the Varn bridge was nine to three. Mayor Tilda Roos of Lower Harsk pointed it out.", {}, "bridge-vote"),
    ("The ferry had 131 passengers, not 118. The school meals are for 400 children, not 4,000.", {}, None),
    ("Mona Vail told the council of Lower Harsk that steel from Brackwater was dearer by 9 percent, and not by 19.", {}, "bridge-cost"),
    ("A report misspelled the name of a member of the council. She is Ilsa Brandt.", {}, None),
    ("Lifeguard Pim Astor worked at the swimming pool in Harsk for 13 years, and not 31 as we reported.", {}, None),
    ("Head teacher Lise Okard spoke of 400 children with free school meals in Merrin, and not of 4,000.", {}, "meals"),
    ("The Varn bridge at Lower Harsk will be built by Brackwater, and not by Orvane.", {"source": "Gazette"}, None),
    ("Head teacher Lise Okard spoke of 400 children with free school meals in Merrin, and not of 4,000.", {"day": None}, None),
]  # fmt: skip


@pytest.mark.parametrize(("text", "fields", "about"), CASES)
def test_a_notice_is_linked_to_what_it_names_and_to_nothing_else(
    archive: SqliteArchive, text: str, fields: Mapping[str, Any], about: str | None
) -> None:
    """By address, headline, day or names; never to another outlet's article, a later one, or one of several."""
    assert linked(archive, text, **fields) == about


def test_a_notice_that_is_gone_is_about_nothing(archive: SqliteArchive) -> None:
    """Its article was removed between the two reads."""
    assert link(Notice(NoticeKind.CORRECTION, "Correction", "gone"), archive) is None


def test_a_notice_is_not_about_another_notice_or_itself(archive: SqliteArchive) -> None:
    """A second correction of an article is not about the first one; a headline of its own that it quotes says nothing."""
    text = "Engineer Mona Vail told the council of Lower Harsk that steel from Brackwater was dearer by 9 percent, and not by 19."
    put(archive, article("first", "Correction: Varn bridge", "Courier", "2026-03-15", text))
    assert linked(archive, text, "Correction: steel for the Varn bridge") == "bridge-cost"
    assert linked(archive, "“Correction: a name” is what we print here. We were wrong.", "Correction: a name") is None


@pytest.fixture
def services(settings: Settings) -> Iterator[Services]:
    """The whole house, with a hashing encoder."""
    with build(settings, embedder=CountingEmbedder()) as built:
        yield built


SAMPLES = Path(__file__).parents[2] / "corpus" / "articles"


def test_the_corrections_of_the_sample_archive(services: Services) -> None:
    """Both are found and linked; the news of a withdrawn discovery is no retraction."""
    services.ingest(services.load([SAMPLES]))
    held = services.archive.articles(None, 1000)
    notices = [found for one in held if (found := notice_of(one))]
    assert {one.article_id: (one.kind, link(one, services.archive)) for one in notices} == {
        "b-ferry-03": (NoticeKind.CORRECTION, "b-ferry-02"),
        "a-dam-08": (NoticeKind.CORRECTION, "a-dam-07"),
    }


def found(archive: SqliteArchive, words: str, asked: str = "2026-04-01") -> list[tuple[str, str]]:
    """Article and text of each hit for these words that may be evidence."""
    at = datetime.fromisoformat(asked).replace(tzinfo=UTC)
    hits = archive.hits([row for row, _ in archive.lexical(search_terms(words), Scope(at), 10)])
    notices = archive.notices_about(sorted({hit.article.id for hit in hits.values()}))
    kept = without_retracted(Question(words, words, at, Scope(at)), list(hits.values()), notices)
    return [(hit.article.id, hit.passage.text) for hit in kept]


RETRACTION = "The Courier retracts the article “Bakers win a prize”. There was no prize, and there is no Golden Loaf."


def test_a_retracted_article_is_no_evidence_from_then_on(archive: SqliteArchive) -> None:
    """Until its retraction it is; then the retraction stands in its place, unless the question is about what was printed."""
    carrier = article("notice", "Retraction", "Courier", "2026-03-16", RETRACTION)
    put(archive, carrier)
    notice = notice_of(carrier)
    assert notice is not None
    assert notice.kind is NoticeKind.RETRACTION
    about = link(notice, archive)
    assert about == "bakers"
    archive.link({"notice": about})
    assert [one for one, _ in found(archive, "Golden Loaf", "2026-03-15")] == ["bakers"]
    assert [one for one, _ in found(archive, "Golden Loaf")] == ["notice"]
    assert {one for one, _ in found(archive, "Which article on the Golden Loaf was wrong")} == {"bakers", "notice"}


def test_what_is_retracted_where_it_stands_is_quoted_for_its_notice_only(archive: SqliteArchive) -> None:
    """The claims that still stand below are not evidence."""
    put(
        archive, article("own", "Gold", "Courier", "2026-03-16", "This article has been retracted. There was gold in the harbour, it said.")
    )
    assert found(archive, "gold harbour") == [("own", "This article has been retracted.")]
