"""Nothing that is not public is connected to: a corpus of addresses against a canary on loopback, straight, by name and by redirect.

Two seams make the checks themselves meet every address, and not only the port of a server that happens to listen. The resolver is a
dictionary, with the reserved name `.example`. The transport is the real one, but what it is told to connect to is noted, and goes to the
site of the test for the one public address that stands for the web, and to the canary for EVERY other address and port. So whatever
passes the checks is counted there. The last test uses neither seam.
"""

import asyncio
import ssl
from collections import Counter
from collections.abc import Iterator, Sequence

import httpx2
import pytest

from service.errors import FetchError, FetchRefused
from service.fetching.fetch import FetchLimits, SafeFetcher
from tests.site import Page, Raw, Site, moved

WEB = "93.184.215.14"
PRIVATE_NAMES = {
    "localhost": ["127.0.0.1"],
    "localhost6.example": ["::1"],
    "loopback.example": ["127.0.0.1"],
    "ten.example": ["10.0.0.5"],
    "router.example": ["192.168.0.1"],
    "office.example": ["172.20.1.1"],
    "provider.example": ["100.64.1.1"],
    "metadata.example": ["169.254.169.254"],
    "wireserver.example": ["168.63.129.16"],
    "zero.example": ["0.0.0.0"],
    "group.example": ["224.0.0.251"],
    "ula.example": ["fd00::1"],
    "link.example": ["fe80::1"],
    "scoped.example": ["fe80::1%lo"],
    "site.example": ["fec0::1"],
    "mapped.example": ["::ffff:127.0.0.1"],
    "compatible.example": ["::127.0.0.1"],
    "nat64.example": ["64:ff9b::7f00:1"],
    "local-nat64.example": ["64:ff9b:1::7f00:1"],
    "6to4.example": ["2002:7f00:1::"],
    "teredo.example": ["2001:0:7f00:1::"],
    "isatap.example": ["2606:4700::5efe:7f00:1"],
    "mixed.example": [WEB, "127.0.0.1"],
    "mixed-last.example": ["127.0.0.1", WEB],
    "mixed-6.example": [WEB, "::1"],
    "nonsense.example": ["canary"],
}
HOSTS = [
    # Plain, and as the C library reads numbers.
    "127.0.0.1", "127.1", "127.0.1", "127.127.127.127", "2130706433", "0x7f000001", "0x7f.0.0.1", "0x7f.1", "0177.0.0.1", "017700000001",
    "0177.1", "00000177.0.0.1", "127.0.0.1.", "127.0.0.01", "0", "0.0.0.0", "0x0", "10.0.0.1", "10.1", "167772161", "172.16.0.1",
    "192.168.0.1", "192.168.257", "100.64.0.1", "169.254.169.254", "2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "168.63.129.16",
    "192.0.0.192", "198.18.0.1", "203.0.113.9", "224.0.0.1", "240.0.0.1", "255.255.255.255", "256.0.0.1", "127.0.0.1%00", "4294967297",
    # Characters that stand for others.
    "①②⑦.⓪.⓪.①", "１２７.0.0.1", "127。0。0。1", "127．0．0．1", "127｡0｡0｡1", "ⓛocalhost", "ｌocalhost", "𝟏𝟐𝟕.𝟎.𝟎.𝟏", "127.0.0.1\u200b",
    "loc\u00adalhost", "localhost\u3002", "%6c%6f%63alhost", "127%2e0%2e0%2e1", "%31%32%37.0.0.1",
    # IPv6.
    "[::1]", "[0:0:0:0:0:0:0:1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[::ffff:0:127.0.0.1]",
    "[64:ff9b::127.0.0.1]", "[64:ff9b::7f00:1]", "[64:ff9b:1::7f00:1]", "[2002:7f00:1::]", "[2001:0:7f00:1::]", "[fe80::1]",
    "[fe80::1%25lo]", "[fec0::1]", "[fc00::1]", "[fd00:ec2::254]", "[ff02::1]", "[2001:db8::1]", "[2606:4700::5efe:7f00:1]", "[127.0.0.1]",
    "[::1", "::1", "[::1]web.example", "[v1.127]", "[::1%2525lo]",
    # Who is the host, who the name and password.
    "web.example@127.0.0.1", "web.example:80@127.0.0.1", "127.0.0.1@web.example", "web.example\\@127.0.0.1", "127.0.0.1\\@web.example",
    "web.example@127.0.0.1@web.example", "@127.0.0.1", ":@127.0.0.1", "127.0.0.1\\.web.example", "web.example%40127.0.0.1",
    "127.0.0.1\t", "127.0.0.1\n", "127.\t0.0.1", "127.0.0.1 .web.example", "127.0.0.1\x00.web.example", "web.example\r\nHost: 127.0.0.1",
    "localhost.", "LOCALHOST", "localhost:80", "127.0.0.1:443", "127.0.0.1:0", "127.0.0.1:22", "127.0.0.1:6379", "web.example:8080",
    "web.example:11211", "127.0.0.1:+80", "127.0.0.1:８０", "127.0.0.1:080", "127.0.0.1:80:80", "127.0.0.1:", "127.0.0.1;web.example",
    "127.0.0.1,web.example", "{127.0.0.1}", "<127.0.0.1>", "..", "-", "",
]  # fmt: skip
OTHERS = [
    "file:///etc/passwd", "file://127.0.0.1/etc/passwd", "FILE:///etc/passwd", "gopher://127.0.0.1:6379/_INFO", "ftp://127.0.0.1/",
    "dict://127.0.0.1:11211/stats", "ldap://127.0.0.1/", "tftp://127.0.0.1/x", "data:text/html,hello", "javascript:alert(1)", "jar:http://127.0.0.1!/",
    "http+unix://%2Fvar%2Frun%2Fdocker.sock/info", "unix:///var/run/docker.sock", "ws://127.0.0.1/", "netdoc:///etc/passwd", "view-source:http://127.0.0.1/",
    "http:127.0.0.1", "http:/127.0.0.1/", "http:///127.0.0.1/",
    "http:\\\\127.0.0.1\\", "http://\\127.0.0.1/", "//127.0.0.1/", "/\\127.0.0.1/", "\\\\127.0.0.1\\x",
    "127.0.0.1", "localhost:80", " http://127.0.0.1/", "http://127.0.0.1/ ", "\thttp://127.0.0.1/", "ht\ntp://127.0.0.1/", "http\u200b://127.0.0.1/",
    "https://127.0.0.1/", "https://[::ffff:127.0.0.1]/", "https://2130706433/", "HTTP://LOCALHOST/", "http://127.0.0.1?@web.example/",
    "http://127.0.0.1#@web.example/", "http://127.0.0.1/../../@web.example", "http://127.0.0.1:80\\@web.example:80/", "http://127.0.0.1&@web.example#@web.example/",
]  # fmt: skip
CORPUS = [*(f"http://{host}/" for host in HOSTS), *(f"http://{name}/" for name in PRIVATE_NAMES), *OTHERS]
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
STATUSES = (301, 302, 303, 307, 308)


class Rerouted(httpx2.AsyncBaseTransport):
    """The real transport, with the web's address led to the site and every other one to the canary."""

    def __init__(self, site: Site, canary: Site, told: list[str]) -> None:
        self._inner = httpx2.AsyncHTTPTransport(trust_env=False, verify=NO_TLS)
        self._site, self._canary, self._told = site, canary, told

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self._told.append(request.url.host)
        public = request.url.host == WEB and request.url.port is None
        port = (self._site if public else self._canary).port
        request.url = request.url.copy_with(scheme="http", host="127.0.0.1", port=port)
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        await self._inner.aclose()


class Web:
    """The site that stands for the web, the canary, and a fetcher between them."""

    def __init__(self, site: Site, canary: Site) -> None:
        self.site, self.canary = site, canary
        self.told: list[str] = []
        self.names: dict[str, list[list[str]]] = {name: [answers] for name, answers in PRIVATE_NAMES.items()}
        """For each name its answers, one look-up after another; the last one stays. Every other name is the web."""
        self.lookups: list[str] = []
        self.fetcher = SafeFetcher(FetchLimits(seconds=20), resolve=self.resolve, transport=self.transport)

    def resolve(self, host: str, port: int) -> Sequence[str]:
        """A resolver of DNS names. Like the system's, it reads numbers as IPv4 addresses, so that none is refused by accident."""
        self.lookups.append(host)
        answers = self.names.get(host, [["127.0.0.1"] if not host.endswith("example") else [WEB]])
        return answers.pop(0) if len(answers) > 1 else answers[0]

    def transport(self) -> Rerouted:
        """A new one."""
        return Rerouted(self.site, self.canary, self.told)


@pytest.fixture
def web() -> Iterator[Web]:
    """A web with one page, and the canary."""
    with Site({"/page": Page("hello")}) as site, Site({"/": Page("from inside")}) as canary:
        yield Web(site, canary)


def outcome(fetcher: SafeFetcher, url: str) -> str:
    """`refused`, or whatever else came of a fetch."""
    try:
        return f"status {fetcher.fetch(url).status}"
    except FetchRefused:
        return "refused"
    except FetchError as error:
        return f"failed: {error}"


def unguarded(web: Web, urls: Sequence[str]) -> None:
    """What a client without our checks does with them, over the same transport."""

    async def ask() -> None:
        async with httpx2.AsyncClient(transport=web.transport(), trust_env=False) as client:
            for url in urls:
                try:
                    await client.get(url)
                except (httpx2.HTTPError, httpx2.InvalidURL, ValueError):
                    continue

    asyncio.run(ask())


def test_no_address_of_the_corpus_reaches_the_canary(web: Web, capsys: pytest.CaptureFixture[str]) -> None:
    """Every one is refused, and no connection is made; the same addresses reach the canary where nothing checks them."""
    outcomes = {url: outcome(web.fetcher, url) for url in CORPUS}
    assert {url: found for url, found in outcomes.items() if found != "refused"} == {}
    assert (web.canary.connections, web.site.connections, web.told) == (0, 0, [])
    unguarded(web, CORPUS)
    with capsys.disabled():
        print(f"\nSSRF, straight: {len(CORPUS)} addresses, 0 connections; without the checks {web.canary.connections} are connected to")
    assert len(CORPUS) >= 80
    assert web.canary.connections >= len(CORPUS) // 3, "the canary would not have noticed"


def test_no_redirect_reaches_the_canary(web: Web, capsys: pytest.CaptureFixture[str]) -> None:
    """A page of the web may redirect to each address of the corpus, by every status, and over a second redirect: none is followed."""
    outcomes: Counter[str] = Counter()
    for number, target in enumerate(CORPUS):
        status = STATUSES[number % len(STATUSES)]
        location = target.encode("utf-8", "surrogatepass")
        head = b"HTTP/1.1 %d Moved\r\nLocation: %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n" % (status, location)
        web.site.pages |= {"/first": Raw([head]), "/chain": moved("http://other.example/first")}
        for start in ("/first", "/chain"):
            outcomes[outcome(web.fetcher, f"http://web.example{start}").partition(":")[0]] += 1
    assert set(web.told) == {WEB}
    assert web.canary.connections == 0
    assert outcomes.keys() <= {"refused", "failed", "status 404"}, "a header that is none, or a path of the web where nothing is"
    with capsys.disabled():
        found = ", ".join(f"{count} {what}" for what, count in outcomes.most_common())
        print(f"\nSSRF, by redirect: {outcomes.total()} chains ({found}), {web.site.connections} connections to the web, 0 to the canary")
    assert outcomes["refused"] >= 2 * 80


def test_a_name_is_looked_up_once(web: Web) -> None:
    """A name that leads to the web at first and to loopback a moment later (DNS rebinding): the page comes from the first answer."""
    web.names["flips.example"] = [[WEB], ["127.0.0.1"]]
    assert web.fetcher.fetch("http://flips.example/page").body == b"hello"
    assert (web.lookups, web.told) == (["flips.example"], [WEB])
    for _ in range(3):
        assert outcome(web.fetcher, "http://flips.example/page") == "refused"
    assert web.canary.connections == 0


def test_a_redirect_to_the_same_name_is_looked_up_anew(web: Web) -> None:
    """Each hop is checked from scratch, so the second answer counts."""
    web.names["flips.example"] = [[WEB], ["127.0.0.1"]]
    web.site.pages["/again"] = moved("http://flips.example/page", 302)
    with pytest.raises(FetchRefused, match=r"flips\.example leads to an address that is not public"):
        web.fetcher.fetch("http://flips.example/again")
    assert (web.lookups, web.told, web.canary.connections) == (["flips.example"] * 2, [WEB], 0)


def test_a_refusal_tells_no_address_of_a_name(web: Web) -> None:
    """What a name leads to inside a network is not for whoever may only write addresses."""
    for name, answers in PRIVATE_NAMES.items():
        with pytest.raises(FetchRefused) as refused:
            web.fetcher.fetch(f"http://{name}/")
        assert not [answer for answer in answers if answer in str(refused.value)]


def test_the_canary_notices_the_first_connection(web: Web) -> None:
    """The count is not zero because nobody counts: where private networks are allowed, the same fetch arrives."""
    allowed = SafeFetcher(FetchLimits(private_networks=True), resolve=web.resolve, transport=web.transport)
    assert allowed.fetch("http://127.0.0.1/").body == b"from inside"
    assert (web.canary.connections, web.told) == (1, ["127.0.0.1"])


def test_the_real_path_refuses_as_well() -> None:
    """The system's resolver and real sockets: nothing of loopback without the setting, and no disguise even with it."""
    disguised = ["2130706433", "127.1", "0x7f000001", "①②⑦.⓪.⓪.①", "127。0。0。1", "0.0.0.0", "[::ffff:127.0.0.1]", "[::127.0.0.1]",
                 "web.example\\@127.0.0.1", "reader@127.0.0.1", "127.0.0.1."]  # fmt: skip
    with Site({"/": Page("from inside")}) as canary:
        for host in ["127.0.0.1", "localhost", *disguised]:
            assert outcome(SafeFetcher(FetchLimits()), f"http://{host}:{canary.port}/") == "refused"
            assert outcome(SafeFetcher(FetchLimits()), f"http://{host}/") == "refused"
        for host in disguised:
            assert outcome(SafeFetcher(FetchLimits(private_networks=True)), f"http://{host}:{canary.port}/") == "refused"
        assert canary.connections == 0
        assert SafeFetcher(FetchLimits(private_networks=True)).fetch(canary.url()).body == b"from inside"
        assert canary.connections == 1
