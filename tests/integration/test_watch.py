"""A small site on loopback, watched through three changes: what the archive holds after each, and what was asked of the site."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from service.articles.items import Item
from service.articles.sources import Intake
from service.bootstrap import build
from service.domain import ArticleState, DateOrigin, Outcome, Scope
from service.errors import BadInput
from service.fetching.fetch import FetchLimits, SafeFetcher
from service.fetching.polite import PoliteFetcher
from service.indexing.ingest import Ingester
from service.indexing.report import IngestReport
from service.models.hashing import HashingEmbedder
from service.moments import span
from service.services import Services
from service.settings import Settings
from service.storage.visits import Visits
from service.watching import Watcher
from tests.fakes import NOON, FixedClock, PlainParser
from tests.site import Page, Site, moved

HOUR = timedelta(hours=1)


def page(title: str, text: str, published: str = "2026-06-01T08:00:00+02:00", more: str = "") -> str:
    """An article's page as a newsroom writes it."""
    return (
        f'<!doctype html><html lang="en"><head><title>{title} - The Skell Post</title>'
        f'<meta property="og:site_name" content="The Skell Post">'
        f'<meta property="article:published_time" content="{published}">{more}</head>'
        f"<body><article><h1>{title}</h1><p>{text}</p></article></body></html>"
    )


def item(title: str, link: str, body: str, published: str = "Mon, 01 Jun 2026 06:00:00 GMT") -> str:
    """An item of a feed."""
    return f"<item><title>{title}</title><link>{link}</link><pubDate>{published}</pubDate>{body}</item>"


def feed(*items: str) -> str:
    """An RSS feed of these items."""
    namespace = 'xmlns:content="http://purl.org/rss/1.0/modules/content/"'
    return f'<?xml version="1.0"?><rss version="2.0" {namespace}><channel><title>The Skell Post</title>{"".join(items)}</channel></rss>'


DAM = "The Halvern Dam holds back 80 million cubic metres of water. Engineers found a crack of four metres in its northern wall on Monday."
FERRY = "The ferry Petrel runs between Port Asel and Skell every two hours, and it carried some 131 passengers on its first trip in June."
VOTE = "The council of Skell voted on the budget of the tram on Monday evening, and it passed by five votes after a debate of six hours."
FISH = "Trawlers from Drannick landed nine hundred tonnes of hake in May, the largest catch that the harbour has recorded since 1998."


@dataclass
class Watched:
    """A site, the archive that watches it, and a clock that tests set."""

    site: Site
    services: Services
    clock: FixedClock
    watcher: Watcher
    reports: list[tuple[str, IngestReport]]

    def round(self, later: timedelta = timedelta()) -> dict[str, list[Outcome]]:
        """One look at every source, that much later: the outcomes by path of the site."""
        self.clock.now += later
        self.reports.clear()
        self.site.requests.clear()
        self.watcher.run(1)
        root = self.site.url("")
        rows = [row for _, report in self.reports for row in report.items]
        return {path: [row.outcome for row in rows if row.place == root + path] for path in {row.place.removeprefix(root) for row in rows}}

    def found(self, words: str) -> list[str]:
        """Headlines of what a search for the words finds by full text."""
        scope = Scope(self.clock.now + HOUR)
        hits = self.services.archive.hits([row for row, _ in self.services.archive.lexical(words.split(), scope, 10)])
        return sorted({hit.article.title for hit in hits.values()})


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    """A feed with one item in full and one that wants its page fetched, and a sitemap with a page that will move and one that will go."""
    clock, reports = FixedClock(NOON), list[tuple[str, IngestReport]]()
    with Site() as site, build(Settings(data_dir=tmp_path, model="extractive"), embedder=HashingEmbedder(256)) as services:
        full = f"<content:encoded><![CDATA[<p>{FISH}</p><p>{FISH.replace('May', 'April')}</p>]]></content:encoded>"
        site.pages = {
            "/feed.xml": Page(
                feed(item("Cracks in the dam", site.url("/dam"), "<description>Engineers found a crack.</description>"),
                     item("Record catch", site.url("/fish"), full)),
                etag='"f1"', headers={"Content-Type": "application/rss+xml"}),
            "/sitemap.xml": Page(
                '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">'
                f"<url><loc>{site.url('/ferry')}</loc></url><url><loc>{site.url('/vote')}</loc></url></urlset>",
                headers={"Content-Type": "application/xml"}),
            "/dam": Page(page("Cracks in the dam", DAM), etag='"d1"', headers={"Content-Type": "text/html; charset=utf-8"}),
            "/ferry": Page(page("The ferry runs", FERRY), etag='"e1"', headers={"Content-Type": "text/html; charset=utf-8"}),
            "/vote": Page(page("Tram budget passes", VOTE), etag='"v1"', headers={"Content-Type": "text/html; charset=utf-8"}),
        }  # fmt: skip
        visits = Visits(services.archive, clock)
        fetcher = PoliteFetcher(SafeFetcher(FetchLimits(private_networks=True)), user_agent="Dateline", interval=0)
        intake = Intake(PlainParser(), fetcher, visits, clock, 100_000)
        ingester = Ingester(services.archive, services.index, services.embedder, visits=visits)

        def ingest(items: Iterator[Item]) -> IngestReport:
            return ingester.run(items)

        def tell(address: str, report: IngestReport) -> None:
            reports.append((address, report))

        sources = [site.url("/feed.xml"), site.url("/sitemap.xml")]
        watcher = Watcher(sources, HOUR, intake, ingest, tell, clock=clock, sleep=lambda seconds: clock.set_later(seconds))
        yield Watched(site, services, clock, watcher, reports)


def test_a_site_is_followed_through_three_changes(watched: Watched, capsys: pytest.CaptureFixture[str]) -> None:
    """Taken in; corrected; moved, taken down and busy; gone for good and new: the archive is what the site is, and old versions stay."""
    site, archive, states = watched.site, watched.services.archive, list[str]()

    def told(what: str) -> None:
        articles = [f"{one.title} (v{one.version})" for one in archive.articles(None, 100)]
        states.append(f"{what}: {', '.join(articles)}; asked {len(site.asked)}")

    added = [Outcome.ADDED]
    assert watched.round() == {"/dam": added, "/feed.xml#2": added, "/ferry": added, "/vote": added}
    dam = next(one for one in archive.articles(None, 100) if one.url == site.url("/dam"))
    vote = next(one for one in archive.articles(None, 100) if one.url == site.url("/vote"))
    assert (dam.source, dam.zone, dam.date_origin) == ("The Skell Post", "+02:00", DateOrigin.META)
    assert dam.published_at == NOON.replace(hour=6)
    assert site.asked.count("/robots.txt") == 1
    told("first look")

    # Nothing has changed: conditional requests only, and no page is asked for before its time.
    assert {outcome for outcomes in watched.round(HOUR / 2).values() for outcome in outcomes} <= {Outcome.UNCHANGED}
    assert [path for path, headers in site.requests if "If-None-Match" not in headers] == ["/sitemap.xml"]
    assert archive.coverage().articles == 4

    # First change: the dam's page is corrected.
    corrected = page("Cracks in the dam", DAM.replace("four metres", "three metres") + "</p><p>Correction: An earlier version of this "
                     "article said that the crack was four metres long. It is three.")  # fmt: skip
    site.pages["/dam"] = Page(corrected, etag='"d2"', headers={"Content-Type": "text/html; charset=utf-8"})
    outcomes = watched.round(2 * HOUR)
    assert outcomes["/dam"] == [Outcome.UPDATED]
    assert "three metres" in archive.article(dam.id).text
    assert "four metres" in archive.version(dam.id, dam.version).text
    assert [one.state for one in archive.versions(dam.id)] == [ArticleState.CURRENT, ArticleState.UPDATED]
    assert [(one.kind.value, one.corrects) for one in archive.notices_about([dam.id])] == [("correction", dam.id)]
    told("corrected")

    # Second change: the ferry's page has moved, the council's was taken down, the dam's site is busy.
    site.pages["/ferry"] = moved(site.url("/news/ferry"))
    site.pages["/news/ferry"] = Page(page("The ferry runs", FERRY), etag='"e1"', headers={"Content-Type": "text/html; charset=utf-8"})
    site.pages["/vote"] = Page("gone", 410)
    site.pages["/dam"] = Page("busy", 404)
    outcomes = watched.round(2 * HOUR)
    assert outcomes["/vote"] == [Outcome.WITHDRAWN]
    assert outcomes["/ferry"] in ([Outcome.UNCHANGED], [Outcome.UPDATED])
    assert outcomes["/dam"] == [Outcome.UNCHANGED]
    assert archive.coverage().articles == 3, "the moved page is one article"
    assert watched.found("council budget tram") == []
    assert archive.version(vote.id).text == vote.text, "what was cited stays readable"
    assert archive.versions(vote.id)[0].state is ArticleState.WITHDRAWN
    told("moved and taken down")

    # Third change: the dam's page stays away, and the feed has a new item.
    site.pages["/feed.xml"] = Page(
        feed(item("Storm warning", site.url("/storm"), "<description>A storm nears.</description>", "Mon, 01 Jun 2026 17:00:00 GMT")),
        etag='"f2"', headers={"Content-Type": "application/rss+xml"})  # fmt: skip
    assert watched.round(2 * HOUR)["/storm"] == added, "the summary, until the page can be had"
    site.pages["/storm"] = Page(page("Storm warning", FERRY.replace("Petrel", "Heron").replace("131", "90")), etag='"s1"',
                                headers={"Content-Type": "text/html; charset=utf-8"})  # fmt: skip
    outcomes = watched.round(2 * HOUR)
    assert outcomes["/storm"] == [Outcome.UPDATED]
    assert outcomes["/dam"] == [Outcome.WITHDRAWN], "404 three times in a row"
    assert watched.found("crack northern wall") == []
    assert watched.services.index.count() == archive.vector_count()
    assert archive.check() is None
    told("gone and new")
    with capsys.disabled():
        print("\n" + "\n".join(states))


def test_a_failing_source_is_asked_more_and_more_seldom(watched: Watched) -> None:
    """One hour, then two, four and so on; as soon as it answers, every hour again."""
    watched.site.pages["/feed.xml"] = Page("broken", 500)
    looks: list[float] = []
    for _ in range(12):
        watched.watcher.run(1)
        looks.append((watched.clock.now - NOON) / HOUR)
    feeds = [address for address, report in watched.reports if address.endswith("/feed.xml")]
    sitemaps = [address for address, _ in watched.reports if address.endswith("/sitemap.xml")]
    assert 0 < len(feeds) < len(sitemaps) / 2


def test_an_article_removed_by_hand_does_not_come_back(watched: Watched) -> None:
    """The feed still lists it and its page still answers: it stays away, also after its page has changed."""
    watched.round()
    dam = next(one for one in watched.services.archive.articles(None, 100) if one.url == watched.site.url("/dam"))
    watched.services.remove([dam.id])
    watched.site.pages["/dam"] = Page(page("Cracks in the dam", DAM + " Again."), etag='"d9"', headers={"Content-Type": "text/html"})
    watched.site.pages["/feed.xml"] = replace(watched.site.pages["/feed.xml"], etag='"f9"')  # type: ignore[type-var]
    watched.round(3 * HOUR)
    assert dam.id not in [one.id for one in watched.services.archive.articles(None, 100)]
    assert watched.found("crack northern wall") == []


@pytest.mark.parametrize("text", ["", "0m", "15", "-5m", "m", "15 m", "1e9h", "9999999d"])
def test_a_time_to_wait_that_is_none_is_refused(text: str) -> None:
    """The message shows how to write one."""
    with pytest.raises(BadInput, match="15m"):
        span(text)


def test_times_to_wait() -> None:
    """Seconds, minutes, hours and days."""
    expected = [timedelta(seconds=90), timedelta(minutes=15), 2 * HOUR, timedelta(days=1)]
    assert [span(text) for text in ("90s", "15m", "2h", "1d")] == expected


def article_of(watched: Watched, path: str) -> str:
    """The id of the article that was read from a page of the site."""
    return next(one.id for one in watched.services.archive.articles(None, 100) if one.url == watched.site.url(path))


def test_a_page_that_leads_elsewhere_for_now_keeps_its_article(watched: Watched) -> None:
    """A temporary redirect to a page for logging in is no new version; one to the front page, for good, counts as not found."""
    watched.round()
    html = {"Content-Type": "text/html; charset=utf-8"}
    watched.site.pages["/login"] = Page(page("Please log in", FERRY.replace("ferry", "form")), headers=html)
    watched.site.pages["/"] = Page(page("Front page", FERRY.replace("ferry", "page")), headers=html)
    watched.site.pages["/dam"] = moved("/login", 302)
    watched.site.pages["/vote"] = moved("/", 301)
    assert watched.round(2 * HOUR)["/dam"] == [Outcome.UNCHANGED]
    assert watched.services.archive.article(article_of(watched, "/dam")).title == "Cracks in the dam"
    watched.round(2 * HOUR)
    assert watched.round(2 * HOUR)["/vote"] == [Outcome.WITHDRAWN]
    assert watched.found("front log") == []


def test_a_link_that_always_leads_elsewhere_is_followed(watched: Watched) -> None:
    """Feeds link through counters that answer 302: a page that was first read behind one is read there again."""
    watched.site.pages["/count?to=ferry"] = moved(watched.site.url("/ferry"), 302)
    watched.site.pages["/sitemap.xml"] = Page(
        f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"><url><loc>{watched.site.url("/count?to=ferry")}</loc></url></urlset>',
        headers={"Content-Type": "application/xml"},
    )
    assert watched.round()["/count?to=ferry"] == [Outcome.ADDED]
    corrected = Page(page("The ferry runs", FERRY.replace("131", "113")), etag='"e2"', headers={"Content-Type": "text/html"})
    watched.site.pages["/ferry"] = corrected
    assert watched.round(2 * HOUR)["/count?to=ferry"] == [Outcome.UPDATED]


def test_the_end_of_a_second_copy_is_not_the_end_of_the_first(watched: Watched) -> None:
    """Two pages with one text are one article; the second is taken down, and the first stays found, round after round."""
    html = {"Content-Type": "text/html; charset=utf-8"}
    watched.site.pages["/copy"] = Page(page("The ferry runs", FERRY), etag='"c1"', headers=html)
    entries = "".join(f"<url><loc>{watched.site.url(path)}</loc></url>" for path in ("/ferry", "/copy"))
    urlset = f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{entries}</urlset>'
    watched.site.pages["/sitemap.xml"] = Page(urlset, headers={"Content-Type": "application/xml"})
    first = watched.round()
    assert (first["/ferry"], first["/copy"]) == ([Outcome.ADDED], [Outcome.DUPLICATE])
    assert watched.round(2 * HOUR).get("/copy", [Outcome.UNCHANGED]) in ([Outcome.UNCHANGED], [Outcome.DUPLICATE])
    watched.site.pages["/copy"] = Page("gone", 410)
    for _ in range(4):
        watched.round(2 * HOUR)
        assert watched.found("ferry Petrel") == ["The ferry runs"]


def test_a_page_is_missed_only_where_it_was_read(watched: Watched) -> None:
    """Another spelling of its address that is not there says nothing of the page."""
    watched.round()
    watched.clock.now += 2 * HOUR
    for _ in range(4):
        report = watched.watcher._ingest(watched.watcher._intake.items([watched.site.url("/ferry?utm_source=x")]))
        assert [row.outcome for row in report.items] == [Outcome.UNCHANGED]
    assert watched.found("ferry Petrel") == ["The ferry runs"]


def test_what_was_removed_stays_away_until_it_is_named(watched: Watched, tmp_path: Path) -> None:
    """An item that a feed carries in full, and a file of a watched folder; named, the file comes back."""
    folder = tmp_path / "news"
    folder.mkdir()
    (folder / "note.txt").write_text("The lighthouse of Ostrel was painted red.", encoding="utf-8")
    watched.watcher._sources[1].address = str(folder)
    watched.round()
    fish = article_of(watched, "/fish")
    note = next(one.id for one in watched.services.archive.articles(None, 100) if "lighthouse" in one.text)
    watched.services.remove([fish, note])
    watched.site.pages["/feed.xml"] = replace(watched.site.pages["/feed.xml"], etag='"f9"')  # type: ignore[type-var]
    watched.round(2 * HOUR)
    assert {fish, note}.isdisjoint(one.id for one in watched.services.archive.articles(None, 100))
    report = watched.watcher._ingest(watched.watcher._intake.items([folder]))
    assert [row.outcome for row in report.items] == [Outcome.ADDED]
    (folder / "note.txt").write_text("The lighthouse of Ostrel was painted red and white.", encoding="utf-8")
    watched.round(2 * HOUR)
    assert "white" in watched.services.archive.article(note).text


def test_a_page_that_could_not_be_had_is_asked_for_again_although_the_feed_is_the_same(watched: Watched) -> None:
    """The first time the page is broken and the summary is taken; the feed answers 304 only once nothing of it is left."""
    good = watched.site.pages["/dam"]
    watched.site.pages["/dam"] = Page("broken", 500)
    watched.round()
    assert "Engineers found a crack." in watched.services.archive.article(article_of(watched, "/dam")).text
    watched.site.pages["/dam"] = good
    assert watched.round(2 * HOUR)["/dam"] == [Outcome.UPDATED]
    watched.round(2 * HOUR)
    (feed_request,) = [headers for path, headers in watched.site.requests if path == "/feed.xml"]
    assert feed_request["If-None-Match"] == '"f1"'


def test_a_page_that_was_taken_down_is_told_once(watched: Watched) -> None:
    """The sitemap still names it, round after round; back again, its article is found again under its old id."""
    watched.round()
    vote, good = article_of(watched, "/vote"), watched.site.pages["/vote"]
    watched.site.pages["/vote"] = Page("gone", 410)
    assert watched.round(2 * HOUR)["/vote"] == [Outcome.WITHDRAWN]
    for _ in range(2):
        assert watched.round(2 * HOUR)["/vote"] == [Outcome.UNCHANGED]
    watched.site.pages["/vote"] = good
    assert watched.round(2 * HOUR)["/vote"] == [Outcome.ADDED]
    assert article_of(watched, "/vote") == vote


def test_more_sitemaps_than_are_read_are_told(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of an index of three, two are read with the limit at two; the third is named as passed over, and the next look is a whole one."""
    monkeypatch.setattr("service.articles.web.MAX_SITEMAPS", 2)
    namespace = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'
    xml = {"Content-Type": "application/xml"}
    inner = "".join(f"<sitemap><loc>{watched.site.url(f'/s{number}.xml')}</loc></sitemap>" for number in range(3))
    watched.site.pages["/sitemap.xml"] = Page(f"<sitemapindex {namespace}>{inner}</sitemapindex>", etag='"i1"', headers=xml)
    for number, path in enumerate(("/ferry", "/vote", "/fish")):
        body = f"<urlset {namespace}><url><loc>{watched.site.url(path)}</loc></url></urlset>"
        watched.site.pages[f"/s{number}.xml"] = Page(body, headers=xml)
    outcomes = watched.round()
    assert (outcomes["/ferry"], outcomes["/vote"]) == ([Outcome.ADDED], [Outcome.ADDED])
    skipped = [place for _, report in watched.reports for place in report.skipped]
    assert [place.split(":")[2].split("/")[1] for place in skipped] == ["s2.xml"]
    watched.round(2 * HOUR)
    (again,) = [headers for path, headers in watched.site.requests if path == "/sitemap.xml"]
    assert "If-None-Match" not in again
