"""Politeness: robots.txt, one request at a time per host, pauses, and leaving a host alone. No test waits."""

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from service.errors import FetchError, FetchFailed, FetchRefused
from service.fetching.fetch import NoAnswer
from service.fetching.polite import MOST_KEPT, PoliteFetcher
from service.fetching.robots import READ_BYTES, Rules, Verdict, product_token
from service.ports import Fetched
from tests.fakes import NOON

HERALD, LEDGER = "https://herald.example", "https://ledger.example"
Answer = Fetched | FetchError


class Hours:
    """A clock of both kinds, on which sleeping is what makes time pass."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def wall(self) -> datetime:
        return NOON + timedelta(seconds=self.now - 1000.0)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


class Web:
    """Implements `ports.Fetcher`: what `answers` says of an address, else a page, and a robots.txt that is not there."""

    def __init__(self, hours: Hours) -> None:
        self.hours = hours
        self.answers: dict[str, Answer] = {}
        self.asked: list[tuple[float, str]] = []
        self.conditions: list[tuple[str | None, str | None]] = []
        self.meanwhile: Callable[[str], None] = lambda url: None

    def fetch(self, url: str, *, etag: str | None = None, last_modified: str | None = None) -> Fetched:
        self.asked.append((self.hours.now, url))
        self.conditions.append((etag, last_modified))
        self.meanwhile(url)
        found = self.answers.get(url, Fetched(url, 404) if url.endswith("/robots.txt") else Fetched(url, 200, b"a page"))
        if isinstance(found, FetchError):
            raise found
        return found

    def urls(self) -> list[str]:
        return [url for _, url in self.asked]

    def robots(self, origin: str, text: str | bytes, status: int = 200) -> None:
        """Gives a site a robots.txt."""
        body = text.encode() if isinstance(text, str) else text
        self.answers[f"{origin}/robots.txt"] = Fetched(f"{origin}/robots.txt", status, body)


@pytest.fixture
def hours() -> Hours:
    return Hours()


@pytest.fixture
def web(hours: Hours) -> Web:
    return Web(hours)


@pytest.fixture
def polite(web: Web, hours: Hours) -> PoliteFetcher:
    return polite_over(web, hours)


def polite_over(web: Web, hours: Hours, agent: str = "Dateline/1.0 (+https://desk.example)") -> PoliteFetcher:
    """The fetcher under test."""
    return PoliteFetcher(web, user_agent=agent, clock=hours.wall, monotonic=hours.monotonic, sleep=hours.sleep)


def test_a_page_comes_through_with_its_conditions(polite: PoliteFetcher, web: Web) -> None:
    """After the robots.txt of its site, which is asked for without any."""
    assert polite.fetch(f"{HERALD}/feed", etag='"1"', last_modified="then").body == b"a page"
    assert web.urls() == [f"{HERALD}/robots.txt", f"{HERALD}/feed"]
    assert web.conditions == [(None, None), ('"1"', "then")]


def test_robots_txt_forbids_a_page(polite: PoliteFetcher, web: Web) -> None:
    """It is not asked for; what is allowed is."""
    web.robots(HERALD, "User-agent: *\nDisallow: /private/\nAllow: /private/open$\n")
    with pytest.raises(FetchRefused, match=r"herald\.example/private/a: the site's robots\.txt forbids it"):
        polite.fetch(f"{HERALD}/private/a")
    assert polite.fetch(f"{HERALD}/private/open").status == 200
    assert web.urls() == [f"{HERALD}/robots.txt", f"{HERALD}/private/open"]


@pytest.mark.parametrize(
    ("text", "allowed"),
    [
        ("", True),
        ("User-agent: *\nDisallow:\n", True),
        ("User-agent: *\nDisallow: /\n", False),
        ("User-agent: Dateline\nDisallow: /\n", False),
        ("USER-AGENT: DATELINE\nDISALLOW: /\n", False),
        ("User-agent: Dateline/2.0 # us\nDisallow: /\n", False),
        ("User agent dateline\nDisallow /a\n", False),
        ("User-agent: Other\nUser-agent: Dateline\nDisallow: /\n", False),
        ("User-agent: Other\nDisallow: /\n", True),
        ("User-agent: Date\nDisallow: /\n", True),
        ("User-agent: Dateliner\nDisallow: /\n", True),
        ("User-agent: *\nDisallow: /\n\nUser-agent: Dateline\nDisallow: /b\n", True),
        ("User-agent: Dateline\nDisallow: /b\n\nUser-agent: *\nDisallow: /\n", True),
        ("User-agent: Other\nDisallow: /b\n\nUser-agent: Another\nDisallow: /\n", True),
        ("User-agent: *\nDisallow: /*.php$\nAllow: /\n", True),
        ("\ufeffUser-agent: *\nDisallow: /\n", False),
        ("Disallow: /\n", True),
        ("<html>nothing here</html>", True),
        ("\x00\x00\xff" * 1000, True),
    ],
)
def test_the_group_of_our_own_name_counts(polite: PoliteFetcher, web: Web, text: str, allowed: bool) -> None:
    """Without regard to case, before the group of everybody, and never that of a robot whose name only begins alike (RFC 9309, 2.2.1)."""
    web.robots(HERALD, text)
    if allowed:
        polite.fetch(f"{HERALD}/a")
    else:
        with pytest.raises(FetchRefused, match="forbids it"):
            polite.fetch(f"{HERALD}/a")


@pytest.mark.parametrize(
    ("agent", "token"),
    [("Dateline", "dateline"), ("Dateline/1.0 (x)", "dateline"), ("my-News_bot 2", "my-news_bot"), ("2026 bot", "nameless/robot")],
)
def test_the_product_token_is_the_agents_first_word(agent: str, token: str) -> None:
    """Letters, hyphen and underscore; an agent without one is nobody, so that only the rules for everybody apply."""
    assert product_token(agent) == token
    assert Rules(b"User-agent: other\nDisallow: /\n", token).verdict(f"{HERALD}/a") == Verdict(allowed=True, delay=0.0)


def test_robots_txt_is_asked_for_once_a_day(polite: PoliteFetcher, web: Web, hours: Hours) -> None:
    """For each origin: http and https of a host, and two ports, have each their own."""
    for path in "abc":
        polite.fetch(f"{HERALD}/{path}")
    assert web.urls().count(f"{HERALD}/robots.txt") == 1
    polite.fetch("http://herald.example/a")
    polite.fetch("http://herald.example:8080/a")
    assert [url for url in web.urls() if url.startswith("http:") and "robots" in url] == [
        "http://herald.example/robots.txt",
        "http://herald.example:8080/robots.txt",
    ]
    hours.now += 86_400
    polite.fetch(f"{HERALD}/a")
    assert web.urls().count(f"{HERALD}/robots.txt") == 2


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
def test_a_robots_txt_that_is_not_there_allows_everything(polite: PoliteFetcher, web: Web, status: int) -> None:
    """RFC 9309, 2.3.1.3."""
    web.robots(HERALD, "", status)
    assert polite.fetch(f"{HERALD}/a").status == 200


@pytest.mark.parametrize("trouble", [500, 502, FetchFailed("too large")])
def test_a_robots_txt_in_trouble_allows_nothing_for_now(polite: PoliteFetcher, web: Web, hours: Hours, trouble: int | FetchFailed) -> None:
    """RFC 9309, 2.3.1.4; it is asked for again after ten minutes, not before."""
    url = f"{HERALD}/robots.txt"
    web.answers[url] = Fetched(url, trouble) if isinstance(trouble, int) else trouble
    for _ in range(3):
        with pytest.raises(FetchFailed, match=r"robots\.txt cannot be read; asked again after 2026-06-01 12:10:0\d UTC"):
            polite.fetch(f"{HERALD}/a")
    assert web.urls() == [url]
    del web.answers[url]
    hours.now += 601
    assert polite.fetch(f"{HERALD}/a").status == 200


def test_an_address_that_may_not_be_asked_is_refused_with_its_reason(polite: PoliteFetcher, web: Web) -> None:
    """What the fetcher underneath says of the robots.txt's address holds for the page; where it leads elsewhere, both are told."""
    web.answers["http://10.0.0.1/robots.txt"] = FetchRefused("http://10.0.0.1/robots.txt: 10.0.0.1 is a private address")
    with pytest.raises(FetchRefused, match=r"^http://10\.0\.0\.1/feed: 10\.0\.0\.1 is a private address$"):
        polite.fetch("http://10.0.0.1/feed")
    web.answers[f"{HERALD}/robots.txt"] = FetchRefused(f"{HERALD}/robots.txt redirects to http://10.0.0.1/: it is a private address")
    with pytest.raises(FetchRefused, match=r"/feed: its robots\.txt would be asked first, but .*redirects to"):
        polite.fetch(f"{HERALD}/feed")
    with pytest.raises(FetchRefused, match="only http and https"):
        polite.fetch("file:///etc/passwd")


def test_only_half_a_megabyte_of_robots_txt_is_read() -> None:
    """What comes after it does not count (RFC 9309, 2.5)."""
    start = b"User-agent: *\nDisallow: /a\n"
    filled = start + b"#" * (READ_BYTES - len(start) - 1) + b"\n"
    rules = Rules(filled + b"Disallow: /b\n", "dateline")
    assert not rules.verdict(f"{HERALD}/a").allowed
    assert rules.verdict(f"{HERALD}/b").allowed


def test_a_hostile_robots_txt_is_not_multiplied() -> None:
    """Thousands of robots with thousands of rules each, in half a megabyte: read as one other robot."""
    agents = "".join(f"User-agent: robot{number}\n" for number in range(10_000))
    rules = Rules((agents + "User-agent: dateline\n" + "Disallow: /b\n" * 20_000).encode(), "dateline")
    assert rules.verdict(f"{HERALD}/a").allowed
    assert not rules.verdict(f"{HERALD}/b").allowed


def test_a_host_has_a_second_between_requests(polite: PoliteFetcher, web: Web, hours: Hours) -> None:
    """Counted from the end of one to the start of the next; another host does not wait, and time that has passed anyway counts."""

    def takes_long(url: str) -> None:
        hours.now += 5

    web.meanwhile = takes_long
    polite.fetch(f"{HERALD}/a")
    polite.fetch(f"{LEDGER}/a")
    polite.fetch(f"{HERALD}/b")
    assert hours.slept == [1.0, 1.0]
    assert [moment for moment, _ in web.asked] == [1000, 1006, 1011, 1017, 1022]


@pytest.mark.parametrize(("written", "pause"), [("5", 5.0), ("0.1", 1.0), ("86400", 30.0), ("-1", 1.0), ("soon", 1.0), ("nan", 1.0)])
def test_a_crawl_delay_is_kept(polite: PoliteFetcher, web: Web, hours: Hours, written: str, pause: float) -> None:
    """Up to half a minute; never less than our own pause."""
    web.robots(HERALD, f"User-agent: *\nCrawl-delay: {written}\n")
    for path in "abc":
        polite.fetch(f"{HERALD}/{path}")
    assert hours.slept == [1.0, pause, pause]


def limited(status: int = 429, retry_after: float | None = None) -> Fetched:
    """A server that wants to be left alone."""
    return Fetched(f"{HERALD}/a", status, retry_after=retry_after)


@pytest.mark.parametrize("status", [429, 503])
def test_a_host_that_asks_for_it_is_left_alone(polite: PoliteFetcher, web: Web, hours: Hours, status: int) -> None:
    """For as long as it asks; meanwhile every page of it fails at once and says until when, and other hosts are asked."""
    web.answers[f"{HERALD}/a"] = limited(status, 120.0)
    assert polite.fetch(f"{HERALD}/a").status == status
    asked = len(web.asked)
    for path in "ab":
        with pytest.raises(FetchFailed, match=r"left alone for now.*asked again after 2026-06-01 12:02:01 UTC"):
            polite.fetch(f"{HERALD}/{path}")
    assert len(web.asked) == asked
    assert polite.fetch(f"{LEDGER}/a").status == 200
    hours.now += 120
    assert polite.fetch(f"{HERALD}/b").status == 200


def test_what_a_host_asks_for_is_capped_at_an_hour(polite: PoliteFetcher, web: Web, hours: Hours) -> None:
    """A week would be as good as never."""
    web.answers[f"{HERALD}/a"] = limited(retry_after=7 * 86_400.0)
    polite.fetch(f"{HERALD}/a")
    hours.now += 3590
    assert polite.fetch(f"{HERALD}/b").status == 200
    assert hours.slept[-1] == pytest.approx(10.0)


def test_rests_double_until_an_hour(polite: PoliteFetcher, web: Web, hours: Hours) -> None:
    """10 seconds after the first failure, which is waited for, then 20, 40 and so on, which are not; a good answer begins anew."""
    polite.fetch(f"{HERALD}/ok")
    web.answers[f"{HERALD}/a"] = NoAnswer("no connection")
    while web.urls().count(f"{HERALD}/a") < 12:
        with pytest.raises(FetchFailed):
            polite.fetch(f"{HERALD}/a")
        hours.now += 5
    moments = [moment for moment, url in web.asked if url == f"{HERALD}/a"]
    assert [later - sooner for sooner, later in pairwise(moments)] == [10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600]
    hours.now += 3600
    assert polite.fetch(f"{HERALD}/ok").status == 200
    with pytest.raises(NoAnswer):
        polite.fetch(f"{HERALD}/a")
    slept = len(hours.slept)
    assert polite.fetch(f"{HERALD}/ok").status == 200
    assert hours.slept[slept:] == [10.0]


def test_a_page_that_cannot_be_used_is_not_the_hosts_failure(polite: PoliteFetcher, web: Web, hours: Hours) -> None:
    """Too large, or refused: the host is well, and its other pages are asked for as always."""
    web.answers[f"{HERALD}/a"] = FetchFailed("too large")
    web.answers[f"{HERALD}/b"] = FetchRefused("a redirect to a private address")
    for path, error in (("a", FetchFailed), ("b", FetchRefused), ("a", FetchFailed)):
        with pytest.raises(error):
            polite.fetch(f"{HERALD}/{path}")
    assert polite.fetch(f"{HERALD}/c").status == 200
    assert hours.slept == [1.0] * 4


def test_a_host_that_is_down_is_told_as_such(polite: PoliteFetcher, web: Web) -> None:
    """Its robots.txt is what is asked for first, so the first failure is there; nothing is remembered of it but the rest."""
    web.answers[f"{HERALD}/robots.txt"] = NoAnswer("no connection: Connection refused")
    for _ in range(2):
        with pytest.raises(NoAnswer, match="Connection refused"):
            polite.fetch(f"{HERALD}/a")
    with pytest.raises(FetchFailed, match="left alone for now"):
        polite.fetch(f"{HERALD}/a")
    assert web.urls() == [f"{HERALD}/robots.txt"] * 2


def test_a_limit_on_robots_txt_is_a_limit_on_the_site(polite: PoliteFetcher, web: Web) -> None:
    """A 429 says nothing of what is allowed, so nothing is."""
    web.answers[f"{HERALD}/robots.txt"] = Fetched(f"{HERALD}/robots.txt", 429, retry_after=1800.0)
    with pytest.raises(FetchFailed, match=r"robots\.txt cannot be read; asked again after 2026-06-01 12:30:00 UTC"):
        polite.fetch(f"{HERALD}/a")


def test_where_a_redirect_led_robots_txt_counts_too(polite: PoliteFetcher, web: Web, hours: Hours) -> None:
    """The page came over a redirect, and its own site forbids it: it is not handed out. One that allows it is asked only once."""
    web.answers[f"{HERALD}/a"] = Fetched(f"{LEDGER}/private/a", 200, b"not for robots")
    web.answers[f"{HERALD}/b"] = Fetched(f"{LEDGER}/open", 200, b"for all")
    web.robots(LEDGER, "User-agent: *\nDisallow: /private/\n")
    with pytest.raises(FetchRefused, match=r"ledger\.example/private/a: the site's robots\.txt forbids it"):
        polite.fetch(f"{HERALD}/a")
    assert polite.fetch(f"{HERALD}/b").body == b"for all"
    assert web.urls() == [f"{HERALD}/robots.txt", f"{HERALD}/a", f"{LEDGER}/robots.txt", f"{HERALD}/b"]
    assert web.asked[2][0] - web.asked[1][0] == 1.0, "the other host had its pause as well"
    web.answers[f"{HERALD}/c"] = replace(web.answers[f"{HERALD}/a"], status=404, body=b"")  # type: ignore[type-var]
    assert polite.fetch(f"{HERALD}/c").status == 404


def test_a_host_is_asked_one_thing_at_a_time(web: Web, hours: Hours) -> None:
    """Twenty threads ask one host: no two requests overlap, and each has its pause."""
    polite, inside, alone = polite_over(web, hours), threading.Lock(), []

    def looks(url: str) -> None:
        if inside.acquire(blocking=False):
            threading.Event().wait(0.002)  # long enough for another thread to come in, if it could
            inside.release()
            alone.append(url)

    web.meanwhile = looks
    threads = [threading.Thread(target=polite.fetch, args=(f"{HERALD}/{number}",)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(alone) == len(web.asked) == 21
    assert hours.slept == [1.0] * 20


def test_two_hosts_are_asked_side_by_side(web: Web, hours: Hours) -> None:
    """A host that takes long holds up no other: here it answers only once the other has."""
    polite, other = polite_over(web, hours), threading.Event()

    def waits(url: str) -> None:
        if url == f"{HERALD}/slow":
            assert other.wait(30)

    web.meanwhile = waits
    slow = threading.Thread(target=polite.fetch, args=(f"{HERALD}/slow",))
    slow.start()
    polite.fetch(f"{LEDGER}/a")
    other.set()
    slow.join(30)
    assert f"{HERALD}/slow" in web.urls()


def test_two_hosts_that_redirect_to_each_other_do_not_lock_up(web: Web, hours: Hours) -> None:
    """Each thread holds one host at a time."""
    polite, both = polite_over(web, hours), threading.Barrier(2)
    web.answers = {f"{HERALD}/a": Fetched(f"{LEDGER}/b", 200), f"{LEDGER}/a": Fetched(f"{HERALD}/b", 200)}
    web.meanwhile = lambda url: both.wait(30) and None if url.endswith("/a") else None
    threads = [threading.Thread(target=polite.fetch, args=(f"{origin}/a",), daemon=True) for origin in (HERALD, LEDGER)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not any(thread.is_alive() for thread in threads)


def test_what_is_remembered_is_bounded(polite: PoliteFetcher, web: Web, hours: Hours) -> None:
    """A feed that links to thousands of hosts does not fill the memory; the oldest robots.txt is asked for anew, a rest is kept."""
    web.answers[f"{LEDGER}/a"] = replace(limited(retry_after=3600.0), url=f"{LEDGER}/a")
    polite.fetch(f"{LEDGER}/a")
    for number in range(3 * MOST_KEPT):
        hours.now += 1
        polite.fetch(f"https://h{number}.example/a")
    assert len(polite._robots) == MOST_KEPT
    assert len(polite._hosts) <= MOST_KEPT + 1
    asked = len(web.asked)
    with pytest.raises(FetchFailed, match="left alone for now"):
        polite.fetch(f"{LEDGER}/b")
    polite.fetch("https://h0.example/b")
    assert web.urls()[asked:] == ["https://h0.example/robots.txt", "https://h0.example/b"]
