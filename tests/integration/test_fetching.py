"""One fetch over real sockets on loopback: what comes back as a value, and every way in which a server can be wrong, slow or hostile."""

import asyncio
import gzip
import shutil
import ssl
import subprocess
import threading
import tracemalloc
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx2
import pytest

from service.errors import FetchFailed, FetchRefused, SettingsError
from service.fetching.fetch import LONGEST_REST, FetchLimits, NoAnswer, SafeFetcher
from tests.fakes import FixedClock
from tests.site import Page, Raw, Site, moved

MB = 1024 * 1024
YESTERDAY = "Sun, 31 May 2026 12:00:00 GMT"


def fetcher(**limits: object) -> SafeFetcher:
    """One that may ask loopback, at noon on 1 June 2026."""
    return SafeFetcher(FetchLimits(**{"private_networks": True, **limits}), clock=FixedClock())  # type: ignore[arg-type]


@pytest.fixture
def site() -> Iterator[Site]:
    """An empty site."""
    with Site() as running:
        yield running


def raw(*lines: str, body: bytes = b"") -> Raw:
    """An answer written by hand."""
    return Raw(["\r\n".join(["HTTP/1.1 200 OK", "Connection: close", *lines, "", ""]).encode("latin-1"), body])


def test_a_page_comes_with_what_the_server_says_of_it(site: Site) -> None:
    """Body, content type, ETag and date; the request says who asks, and carries nothing else of this machine."""
    site.pages["/a?b=c"] = Page("Grüße", headers={"Content-Type": "text/html; charset=utf-8"}, etag='W/"7"', last_modified=YESTERDAY)
    fetched = fetcher(user_agent="Dateline (+https://desk.example)").fetch(site.url("/a?b=c#part"))
    assert (fetched.url, fetched.status, fetched.body.decode()) == (site.url("/a?b=c"), 200, "Grüße")
    assert (fetched.content_type, fetched.etag, fetched.last_modified) == ("text/html; charset=utf-8", 'W/"7"', YESTERDAY)
    assert (fetched.moved_to, fetched.retry_after) == (None, None)
    assert site.requests == [
        (
            "/a?b=c",
            {
                "Host": f"127.0.0.1:{site.port}",
                "User-Agent": "Dateline (+https://desk.example)",
                "Accept": "*/*",
                "Accept-Encoding": "gzip",
                "Connection": "close",
            },
        )
    ]


def test_what_has_not_changed_is_not_sent(site: Site) -> None:
    """304 by ETag and by date; a page that did change comes whole."""
    site.pages["/"] = Page("one", etag='"1"', last_modified=YESTERDAY)
    for known in ({"etag": '"1"'}, {"last_modified": YESTERDAY}, {"etag": '"1"', "last_modified": "never"}):
        fetched = fetcher().fetch(site.url(), **known)
        assert (fetched.status, fetched.body, fetched.etag) == (304, b"", '"1"')
    site.pages["/"] = Page("two", etag='"2"')
    assert fetcher().fetch(site.url(), etag='"1"').body == b"two"


def test_a_304_that_was_not_asked_for_is_a_failure(site: Site) -> None:
    """There is nothing it could be the same as."""
    site.pages["/"] = Page(status=304)
    with pytest.raises(FetchFailed, match="nothing has changed, which was not asked"):
        fetcher().fetch(site.url())


@pytest.mark.parametrize("known", ['"1"\r\nX-Injected: yes', '"' + "a" * 2000 + '"', "", '"\x00"', '"ü"'])
def test_a_known_etag_that_is_no_header_is_left_out(site: Site, known: str) -> None:
    """It came from a server once, so it is as hostile as what comes next; the page comes whole."""
    site.pages["/"] = Page("one")
    assert fetcher().fetch(site.url(), etag=known, last_modified=known).body == b"one"
    assert not {"If-None-Match", "If-Modified-Since", "X-Injected"} & site.requests[0][1].keys()


@pytest.mark.parametrize("status", [204, 206, 400, 401, 403, 404, 410, 418, 429, 500, 503, 599])
def test_other_statuses_are_values_without_a_body(site: Site, status: int) -> None:
    """What to make of them is for the caller to decide."""
    site.pages["/"] = Page("an error page", status=status, etag='"1"')
    fetched = fetcher().fetch(site.url())
    assert (fetched.status, fetched.body, fetched.etag, fetched.retry_after) == (status, b"", None, None)


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("120", 120.0),
        ("0", 0.0),
        ("Mon, 01 Jun 2026 12:01:30 GMT", 90.0),
        ("Sun, 31 May 2026 12:00:00 GMT", 0.0),
        ("999999999", LONGEST_REST),
        ("Fri, 31 Dec 9999 23:59:59 GMT", LONGEST_REST),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("9" * 5000, None),
        ("Mon, 99 Jun 2026 99:99:99 GMT", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(site: Site, status: int, written: str, seconds: float | None) -> None:
    """A date counts from now by our clock; what is neither is none; nobody is left alone for more than a week."""
    site.pages["/"] = Page(status=status, headers={"Retry-After": written})
    assert fetcher().fetch(site.url()).retry_after == seconds


def test_redirects_are_followed_and_permanent_ones_are_told(site: Site) -> None:
    """`moved_to` only where every hop was permanent, and there is a page at the end."""
    site.pages |= {
        "/new": Page("here", etag='"1"'),
        "/301": moved("/new"),
        "/308": moved(site.url("/301"), 308),
        "/302": moved("/301", 302),
        "/301-302": moved("/302", 301),
        "/gone": moved("/nowhere", 308),
    }
    for start in ("/301", "/308"):
        fetched = fetcher().fetch(site.url(start))
        assert (fetched.url, fetched.body, fetched.moved_to) == (site.url("/new"), b"here", site.url("/new"))
    for start in ("/302", "/301-302"):
        fetched = fetcher().fetch(site.url(start))
        assert (fetched.url, fetched.body, fetched.moved_to) == (site.url("/new"), b"here", None)
    same = fetcher().fetch(site.url("/301"), etag='"1"')
    assert (same.status, same.moved_to) == (304, site.url("/new"))
    gone = fetcher().fetch(site.url("/gone"))
    assert (gone.url, gone.status, gone.moved_to) == (site.url("/nowhere"), 404, None)


def test_redirects_end(site: Site) -> None:
    """Three are followed, a fourth is not, and a loop is no more than that."""
    site.pages |= {f"/{number}": moved(f"/{number - 1}") for number in range(1, 6)} | {"/0": Page("end"), "/loop": moved("/loop", 307)}
    assert fetcher().fetch(site.url("/3")).body == b"end"
    for start in ("/4", "/loop"):
        site.requests.clear()
        with pytest.raises(FetchFailed, match="redirects more than 3 times"):
            fetcher().fetch(site.url(start))
        assert len(site.requests) == 4


@pytest.mark.parametrize("headers", [[], ["Location: /a", "Location: /b"]])
def test_a_redirect_that_leads_nowhere_certain_is_a_failure(site: Site, headers: list[str]) -> None:
    """Without a place, or with two."""
    site.pages["/"] = Raw(["\r\n".join(["HTTP/1.1 302 Found", *headers, "Content-Length: 0", "", ""]).encode()])
    with pytest.raises(FetchFailed, match="does not say where to"):
        fetcher().fetch(site.url())


def members(*texts: bytes) -> bytes:
    """A gzip of several members."""
    return b"".join(gzip.compress(text, mtime=0) for text in texts)


@pytest.mark.parametrize(
    ("encoding", "body", "text"),
    [
        ("gzip", members(b"hello"), b"hello"),
        ("X-GZip", members(b"hello"), b"hello"),
        ("gzip", members(b"hel", b"", b"lo"), b"hello"),
        ("gzip", members(b"a" * MB), b"a" * MB),
        ("gzip", b"", b""),
        ("identity", b"hello", b"hello"),
        ("", b"hello", b"hello"),
    ],
    ids=["gzip", "the old name", "members", "at the limit", "empty", "identity", "plain"],
)
def test_bodies_are_decoded(site: Site, encoding: str, body: bytes, text: bytes) -> None:
    """Plain and gzip, also of several members; exactly at the limit is not beyond it."""
    site.pages["/"] = Page(body, headers={"Content-Encoding": encoding})
    assert fetcher(max_bytes=max(len(text), 128)).fetch(site.url()).body == text


@pytest.mark.parametrize(
    ("encoding", "body", "why"),
    [
        ("deflate", zlib.compress(b"hello"), "encoded as 'deflate'"),
        ("br", b"\x0b\x02\x80hello\x03", "encoded as 'br'"),
        ("zstd", b"hello", "encoded as 'zstd'"),
        ("gzip, gzip", members(members(b"hello")), "encoded as 'gzip, gzip'"),
        ("gzip", members(b"hello")[:-4], "gzip is cut off"),
        ("gzip", b"hello", "gzip is damaged"),
        ("gzip", members(b"hello") + b"and more", "gzip is damaged"),
        ("gzip", members(b"a" * (MB + 1)), "larger than 1,048,576 bytes"),
        ("gzip", members(b"") * (MB // 20 + 1), "larger than 1,048,576 bytes"),
        ("", b"a" * (MB + 1), "larger than 1,048,576 bytes"),
    ],
    ids=[
        "deflate",
        "br",
        "zstd",
        "twice",
        "cut off",
        "not gzip",
        "more after it",
        "gzip beyond the limit",
        "gzip of nothing beyond it",
        "plain beyond the limit",
    ],
)
def test_bodies_that_cannot_be_read_whole_are_failures(site: Site, encoding: str, body: bytes, why: str) -> None:
    """No half of a page is ever taken for the page."""
    site.pages["/"] = Page(body, headers={"Content-Encoding": encoding})
    with pytest.raises(FetchFailed, match=why):
        fetcher(max_bytes=MB).fetch(site.url())


def test_a_gzip_bomb_is_refused_with_little_memory(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    """200 KB that decode to 200 MB cost no more than the limit, here 1 MB, and what it takes to read them."""
    zipper = zlib.compressobj(9, wbits=31)
    bomb = b"".join(zipper.compress(bytes(MB)) for _ in range(200)) + zipper.flush()
    site.pages["/"] = Page(bomb, headers={"Content-Encoding": "gzip"})
    small = fetcher(max_bytes=MB)
    site.pages["/warm"] = Page("hello")
    small.fetch(site.url("/warm"))  # what is imported and made once is no part of it
    tracemalloc.start()
    try:
        with pytest.raises(FetchFailed, match="larger than 1,048,576 bytes"):
            small.fetch(site.url())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    with capsys.disabled():
        print(f"\ngzip bomb: {len(bomb):,} bytes for 200 MB, peak {peak / MB:.1f} MB")
    assert len(bomb) < MB
    assert peak < 6 * MB


def dripping(site: Site, text: bytes) -> Iterator[bytes]:
    """One byte at a time, until the server stops."""
    for number in range(len(text)):
        if site.closing.wait(0.02):
            return
        yield text[number : number + 1]


def endless(site: Site, start: bytes, piece: bytes) -> Iterator[bytes]:
    """The same piece for ever."""
    yield start
    while not site.closing.is_set():
        yield piece


def test_a_server_that_drips_is_left_at_the_deadline(site: Site) -> None:
    """A byte at a time never lets a read time out, in the headers or in the body; the deadline is one for all."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"
    for text in (b"HTTP/1.1 200 OK\r\nX: " + b"a" * 100_000, head + b"a" * 100_000):
        site.pages["/"] = Raw(dripping(site, text))
        with pytest.raises(NoAnswer, match=r"not done within 0\.3 seconds"):
            fetcher(seconds=0.3).fetch(site.url())


def test_redirects_share_the_deadline(site: Site) -> None:
    """Three hops that drip take no longer than one."""
    site.pages |= {
        f"/{number}": Raw(dripping(site, b"HTTP/1.1 302 Found\r\nLocation: /%d\r\nContent-Length: 0\r\n\r\n" % (number + 1)))
        for number in range(3)
    }
    with pytest.raises(NoAnswer, match=r"not done within 0\.5 seconds"):
        fetcher(seconds=0.5).fetch(site.url("/0"))
    assert "/3" not in site.asked


def test_a_body_without_end_is_cut_at_the_limit(site: Site) -> None:
    """Without a length, and in chunks."""
    for head, piece in (("Connection: close", b"a" * 65536), ("Transfer-Encoding: chunked", b"10000\r\n" + b"a" * 65536 + b"\r\n")):
        site.pages["/"] = Raw(endless(site, f"HTTP/1.1 200 OK\r\n{head}\r\n\r\n".encode(), piece))
        with pytest.raises(FetchFailed, match="larger than 1,048,576 bytes"):
            fetcher(max_bytes=MB).fetch(site.url())


def test_headers_without_end_are_cut(site: Site) -> None:
    """One header that never ends, headers that never end, and more headers than any page has."""
    for start, piece in ((b"HTTP/1.1 200 OK\r\nX: ", b"a" * 65536), (b"HTTP/1.1 200 OK\r\n", b"X: a\r\n" * 1000)):
        site.pages["/"] = Raw(endless(site, start, piece))
        with pytest.raises(NoAnswer, match="does not speak proper HTTP"):
            fetcher().fetch(site.url())
    site.pages["/"] = raw(*["X: a"] * 300, body=b"hello")
    with pytest.raises(FetchFailed, match="more than 200 headers"):
        fetcher().fetch(site.url())


def test_interim_answers_without_end_are_left_at_the_deadline(site: Site) -> None:
    """A server may say `102 Processing` for ever."""
    site.pages["/"] = Raw(endless(site, b"", b"HTTP/1.1 102 Processing\r\n\r\n" * 100))
    with pytest.raises(NoAnswer, match=r"not done within 0\.3 seconds"):
        fetcher(seconds=0.3).fetch(site.url())


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (raw("Content-Length: 10", body=b"hello"), "hung up in the middle"),
        (raw("Content-Length: -1", body=b"hello"), "proper HTTP"),
        (raw("Content-Length: 5", "Content-Length: 6", body=b"hello!"), "proper HTTP"),
        (raw("Transfer-Encoding: chunked", body=b"5\r\nhello\r\n"), "hung up in the middle"),
        (raw("Transfer-Encoding: chunked", body=b"zz\r\nhello\r\n"), "proper HTTP"),
        (raw("Bad Header: x", body=b"hello"), "proper HTTP"),
        (Raw([b"hello"]), "proper HTTP"),
        (Raw([b"220 mail.example ESMTP\r\n"]), "proper HTTP"),
        (Raw([]), "hung up in the middle"),
    ],
)
def test_what_is_not_http_is_no_answer(site: Site, answer: Raw, why: str) -> None:
    """A wrong length, a wrong chunk, a wrong header, another protocol, and nothing at all."""
    site.pages["/"] = answer
    with pytest.raises(NoAnswer, match=why):
        fetcher().fetch(site.url())


def test_what_comes_beyond_its_length_is_not_read(site: Site) -> None:
    """As RFC 9112 has it: the message ends where its length says."""
    site.pages["/"] = raw("Content-Length: 5", body=b"hello and more")
    assert fetcher().fetch(site.url()).body == b"hello"


def test_header_values_that_are_hostile_are_none(site: Site) -> None:
    """Too long, or with what no later request could carry."""
    site.pages["/"] = raw(f'ETag: "{"a" * 2000}"', "Last-Modified: \xff\xfe", "Content-Type: text/ü", "Content-Length: 5", body=b"hello")
    fetched = fetcher().fetch(site.url())
    assert (fetched.body, fetched.etag, fetched.last_modified, fetched.content_type) == (b"hello", None, None, "")


def test_no_server_is_no_answer(site: Site) -> None:
    """The reason is told, without an address that was not written."""
    closed = Site()
    with closed:
        url = closed.url()
    with pytest.raises(NoAnswer, match="no connection: Connection refused"):
        fetcher().fetch(url)
    with pytest.raises(NoAnswer, match="no secure connection"):
        fetcher().fetch(site.url().replace("http:", "https:"))


def named(answers: Sequence[str], **limits: object) -> SafeFetcher:
    """One for which every name leads to these addresses."""
    return SafeFetcher(FetchLimits(**{"private_networks": True, **limits}), resolve=lambda host, port: answers)  # type: ignore[arg-type]


def test_the_next_address_is_tried_where_the_first_does_not_answer(site: Site) -> None:
    """A host whose first address has no server, as with IPv6 that is only announced; its name is what the server is asked for."""
    site.pages["/"] = Page("hello")
    assert named(["127.0.0.9", "127.0.0.1"]).fetch(site.url(host="herald.example")).body == b"hello"
    assert site.requests[0][1]["Host"] == f"herald.example:{site.port}"
    with pytest.raises(NoAnswer, match=r"the name herald\.example has no address"):
        named([]).fetch(site.url(host="herald.example"))


def test_a_name_that_leads_nowhere_is_no_answer() -> None:
    """A resolver's error is told in our words."""

    def fails(host: str, port: int) -> Sequence[str]:
        raise OSError("NXDOMAIN 10.0.0.53")

    with pytest.raises(NoAnswer, match=r"there is no host herald\.example") as failed:
        SafeFetcher(FetchLimits(), resolve=fails).fetch("http://herald.example/")
    assert "10.0.0.53" not in str(failed.value)


def test_a_resolver_that_hangs_is_left_at_the_deadline() -> None:
    """Looking up a name has no timeout of its own, so its thread is left behind."""
    released = threading.Event()

    def hangs(host: str, port: int) -> Sequence[str]:
        released.wait(30)
        return ["127.0.0.1"]

    with pytest.raises(NoAnswer, match=r"not done within 0\.2 seconds"):
        SafeFetcher(FetchLimits(seconds=0.2), resolve=hangs).fetch("http://herald.example/")
    released.set()
    for thread in threading.enumerate():
        if thread.name == "resolver":
            thread.join(10)


def test_proxies_and_credentials_of_the_environment_are_not_used(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a proxy, which would connect wherever it likes, nor `.netrc`."""
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login reader password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    site.pages["/"] = Page("hello", headers={"Set-Cookie": "a=b"})
    with Site() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "https_proxy"):
            monkeypatch.setenv(name, proxy.url())
        both = fetcher()
        for _ in range(2):
            assert both.fetch(site.url()).body == b"hello"
        assert proxy.connections == 0
    assert not {"Authorization", "Cookie"} & site.requests[1][1].keys()


def test_it_may_be_called_beside_a_running_loop(site: Site) -> None:
    """From a thread of a service, twice at once."""
    site.pages["/"] = Page("hello")
    shared = fetcher()

    async def both() -> list[bytes]:
        fetched = await asyncio.gather(*(asyncio.to_thread(shared.fetch, site.url()) for _ in range(2)))
        return [one.body for one in fetched]

    assert asyncio.run(both()) == [b"hello"] * 2


@pytest.mark.parametrize("agent", ["", " Dateline", "Dateline\r\nX: y", "Dateline ü"])
def test_a_user_agent_that_no_request_can_carry_is_a_setting_to_change(agent: str) -> None:
    """It is said at the start, not at every fetch."""
    with pytest.raises(SettingsError, match="DATELINE_FETCH_USER_AGENT"):
        FetchLimits(user_agent=agent)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate that herald.example signed itself."""
    if (openssl := shutil.which("openssl")) is None:
        pytest.skip("the openssl program is not here to make a certificate with")
    path = tmp_path_factory.mktemp("tls") / "herald.pem"
    command = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    command += ["-subj", "/CN=herald.example", "-addext", "subjectAltName=DNS:herald.example", "-keyout", str(path), "-out", f"{path}.crt"]
    subprocess.run(command, check=True, capture_output=True)
    return path


@pytest.fixture
def secure(certificate: Path) -> Iterator[Site]:
    """A site of herald.example over TLS."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(f"{certificate}.crt", certificate)
    with Site({"/": Page("hello"), "/down": moved("http://herald.example/")}, tls) as site:
        yield site


def trusting(certificate: Path) -> SafeFetcher:
    """One that takes herald.example's certificate for one of an authority, and for which every name leads to loopback."""
    context = ssl.create_default_context(cafile=f"{certificate}.crt")
    return SafeFetcher(
        FetchLimits(private_networks=True),
        resolve=lambda host, port: ["127.0.0.1"],
        transport=lambda: httpx2.AsyncHTTPTransport(verify=context, trust_env=False),
    )


def test_tls_is_verified_against_the_name(secure: Site, certificate: Path) -> None:
    """The connection goes to an IP address, and the certificate must be the name's: another name at the same address is refused."""
    assert trusting(certificate).fetch(secure.url(host="herald.example")).body == b"hello"
    assert secure.requests[0][1]["Host"] == f"herald.example:{secure.port}"
    for other in ("ledger.example", "127.0.0.1"):
        with pytest.raises(NoAnswer, match=r"certificate is not trusted \(.*mismatch"):
            trusting(certificate).fetch(secure.url(host=other))
    assert len(secure.requests) == 1


def test_a_certificate_of_nobody_known_is_refused(secure: Site) -> None:
    """The real transport trusts the usual authorities only."""
    with pytest.raises(NoAnswer, match=r"certificate is not trusted \(self.signed certificate\)"):
        named(["127.0.0.1"]).fetch(secure.url(host="herald.example"))
    assert secure.requests == []


def test_https_does_not_lead_back_to_http(secure: Site, certificate: Path) -> None:
    """Whoever can read one could change the other."""
    with pytest.raises(FetchRefused, match="from https to http is not followed"):
        trusting(certificate).fetch(secure.url("/down", host="herald.example"))
