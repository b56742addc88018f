"""Which addresses may be asked: how they are read, and which IP addresses count as public."""

from ipaddress import ip_address
from urllib.parse import urlsplit

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.errors import FetchRefused
from service.fetching.addresses import checked, redirected, refusal, shown, system_addresses, target_of

PUBLIC = [
    "93.184.215.14",
    "1.1.1.1",
    "9.255.255.255",
    "172.32.0.1",
    "100.128.0.1",
    "2606:4700::1111",
    "2a00:1450:4001::200e",
    "2400:cb00::1",
]
PRIVATE = {
    "127.0.0.1": "a loopback address",
    "127.255.255.254": "a loopback address",
    "::1": "a loopback address",
    "10.0.0.1": "a private address",
    "172.16.0.1": "a private address",
    "172.31.255.255": "a private address",
    "192.168.1.1": "a private address",
    "fd12:3456::1": "a private address",
    "fc00::1": "a private address",
    "100.64.0.1": "an address shared behind a provider",
    "100.127.255.255": "an address shared behind a provider",
}
NEVER = {
    "0.0.0.0": "an unspecified address",
    "0.1.2.3": "an unspecified address",
    "::": "an unspecified address",
    "169.254.169.254": "an address of a cloud's own services",
    "169.254.0.1": "an address of a cloud's own services",
    "100.100.100.200": "an address of a cloud's own services",
    "168.63.129.16": "an address of a cloud's own services",
    "fd00:ec2::254": "an address of a cloud's own services",
    "fe80::1": "a link-local address",
    "fe80::1%eth0": "an address of one link",
    "fec0::1": "a site-local address",
    "224.0.0.1": "a multicast address",
    "239.255.255.250": "a multicast address",
    "ff02::1": "a multicast address",
    "240.0.0.1": "a reserved address",
    "255.255.255.255": "a reserved address",
    "192.0.0.192": "a reserved address",
    "192.88.99.1": "a reserved address",
    "100::1": "a reserved address",
    "4000::1": "a reserved address",
    "5f00::1": "a reserved address",
    "192.0.2.1": "an address for documentation or benchmarks",
    "198.51.100.1": "an address for documentation or benchmarks",
    "203.0.113.1": "an address for documentation or benchmarks",
    "198.18.0.1": "an address for documentation or benchmarks",
    "198.19.255.255": "an address for documentation or benchmarks",
    "2001:db8::1": "an address for documentation or benchmarks",
    "3fff::1": "an address for documentation or benchmarks",
    "::127.0.0.1": "an IPv4 address inside an IPv6 address",
    "::ffff:127.0.0.1": "an IPv4 address inside an IPv6 address",
    "::ffff:1.1.1.1": "an IPv4 address inside an IPv6 address",
    "::ffff:0:127.0.0.1": "an IPv4 address inside an IPv6 address",
    "64:ff9b::7f00:1": "an IPv4 address inside an IPv6 address",
    "64:ff9b:1::7f00:1": "an IPv4 address inside an IPv6 address",
    "2002:7f00:1::": "an IPv4 address inside an IPv6 address",
    "2001::7f00:1": "an IPv4 address inside an IPv6 address",
    "2606:4700::5efe:7f00:1": "an IPv4 address inside an IPv6 address",
    "2606:4700::200:5efe:7f00:1": "an IPv4 address inside an IPv6 address",
    "2001:2::1": "an address of a protocol",
    "2001:20::1": "an address of a protocol",
}


@pytest.mark.parametrize("text", PUBLIC)
def test_public_addresses_may_be_asked(text: str) -> None:
    """With and without private networks; those just beyond a private range too."""
    assert refusal(ip_address(text)) is None
    assert refusal(ip_address(text), private_networks=True) is None


@pytest.mark.parametrize(("text", "kind"), PRIVATE.items())
def test_private_addresses_are_asked_by_setting_only(text: str, kind: str) -> None:
    """Loopback, private and shared ranges, from their first address to their last."""
    assert refusal(ip_address(text)) == kind
    assert refusal(ip_address(text), private_networks=True) is None


@pytest.mark.parametrize(("text", "kind"), NEVER.items())
def test_other_addresses_are_never_asked(text: str, kind: str) -> None:
    """Nor by the setting: a cloud's metadata, every link, every group, every IPv4 address inside an IPv6 address, and what is no host."""
    assert refusal(ip_address(text)) == kind
    assert refusal(ip_address(text), private_networks=True) == kind


@given(st.ip_addresses())
def test_what_python_does_not_call_global_is_never_public(address: object) -> None:
    """Our list only adds to the library's: nothing that it refuses passes."""
    assert refusal(address) is not None or address.is_global  # type: ignore[arg-type, attr-defined]


@pytest.mark.parametrize(
    ("written", "url", "host", "port"),
    [
        ("http://herald.example", "http://herald.example", "herald.example", 80),
        ("HTTPS://Herald.Example:443/a?b=c#d", "https://herald.example/a?b=c", "herald.example", 443),
        ("http://herald.example:443/", "http://herald.example:443/", "herald.example", 443),
        ("https://desk_1.herald.example/ä", "https://desk_1.herald.example/%C3%A4", "desk_1.herald.example", 443),
        ("https://zürich.example/", "https://xn--zrich-kva.example/", "xn--zrich-kva.example", 443),
        ("http://93.184.215.14/", "http://93.184.215.14/", "93.184.215.14", 80),
        ("http://[2606:4700::1111]/", "http://[2606:4700::1111]/", "2606:4700::1111", 80),
        ("http://herald.example/@desk?at=a@b", "http://herald.example/@desk?at=a@b", "herald.example", 80),
        ("http://4.herald.4chan.example/", "http://4.herald.4chan.example/", "4.herald.4chan.example", 80),
    ],
)
def test_addresses_of_the_web_are_read(written: str, url: str, host: str, port: int) -> None:
    """Normalised, without the fragment, names in IDNA."""
    target = target_of(written)
    assert (target.url, target.host, target.port) == (url, host, port)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("", "only http and https"),
        ("herald.example", "only http and https"),
        ("//herald.example/", "only http and https"),
        ("file:///etc/passwd", "only http and https"),
        ("http:///etc/passwd", "neither a name nor"),
        ("http:herald.example", "neither a name nor"),
        ("http://", "neither a name nor"),
        ("http://reader:secret@herald.example/", "name or password"),
        ("http://@herald.example/", "name or password"),
        ("http://herald.example:8080/", "port 8080 is not asked"),
        ("http://herald.example:0/", "two different addresses"),
        ("http://herald.example:99999/", "cannot be read"),
        ("http://herald.example:+80/", "cannot be read"),
        ("http://herald.example:８０/", "cannot be read"),
        ("http://herald.example\\@127.0.0.1/", "no backslash"),
        ("http://herald.example/a b", "no spaces"),
        ("http://herald.example/\ta", "no spaces or control"),
        ("http://127.0.0.1\n.herald.example/", "no spaces or control"),
        ("http://herald.example/\x00", "no spaces or control"),
        ("http://herald.example/\u2028", "no spaces or control"),
        ("http://herald.example/\ud800", "no spaces or control"),
        ("http://127。0。0。1/", "characters that stand for others"),
        ("http://①②⑦.⓪.⓪.①/", "characters that stand for others"),
        ("http://ｌocalhost/", "characters that stand for others"),
        ("http://her\u00adald.example/", "cannot be read"),
        ("http://2130706433/", "neither a name nor"),
        ("http://0x7f000001/", "neither a name nor"),
        ("http://127.1/", "neither a name nor"),
        ("http://127.0.0.0x1/", "neither a name nor"),
        ("http://0177.0.0.1/", "cannot be read"),
        ("http://127.0.0.1./", "neither a name nor"),
        ("http://herald.example./", "neither a name nor"),
        ("http://herald..example/", "neither a name nor"),
        ("http://-herald.example/", "neither a name nor"),
        ("http://herald%2eexample/", "neither a name nor"),
        ("http://[::1]evil/", "cannot be read"),
        ("http://[fe80::1%25eth0]/", "neither a name nor"),
        ("http://[v1.a]/", "cannot be read"),
        ("http://" + "a" * 64 + ".example/", "neither a name nor"),
        ("http://herald.example/" + "a" * 8192, "longer than 8192"),
    ],
)
def test_what_can_be_read_in_two_ways_is_refused(url: str, why: str) -> None:
    """Every refusal names its reason."""
    with pytest.raises(FetchRefused, match=why):
        target_of(url)


def test_any_port_is_asked_by_setting() -> None:
    """With private networks a server of one's own may listen anywhere."""
    assert target_of("http://127.0.0.1:8000/feed", private_networks=True).port == 8000


@settings(max_examples=400)
@given(st.one_of(st.text(), st.from_regex(r"https?://[^/]{0,30}(:[0-9]{1,5})?(/.*)?", fullmatch=True)))
def test_whatever_is_read_is_read_alike_by_both(url: str) -> None:
    """Any text is refused with our error, or has one host, port and scheme for urllib and for the client, before and after."""
    try:
        target = target_of(url)
    except FetchRefused:
        return
    for text in (url, target.url):
        theirs, client = urlsplit(text), httpx2.URL(text)
        assert (theirs.scheme, client.scheme) == (target.scheme, target.scheme)
        assert client.raw_host.decode() == target.host
        assert not theirs.hostname or not theirs.hostname.isascii() or theirs.hostname == target.host
        assert target.port in {80, 443}
    assert target.parsed.copy_with(host="93.184.215.14").raw_path == target.parsed.raw_path


def test_one_address_that_is_not_public_refuses_the_name() -> None:
    """A public address beside it does not help, wherever it stands, and neither address is told."""
    target = target_of("http://mixed.example/feed")
    for answers in (["93.184.215.14", "10.1.2.3"], ["10.1.2.3", "93.184.215.14"], ["93.184.215.14", "::ffff:10.1.2.3"]):
        with pytest.raises(FetchRefused, match=r"mixed\.example leads to an address that is not public") as refused:
            checked(target, answers)
        assert "10.1.2.3" not in str(refused.value)
    assert [str(address) for address in checked(target, ["93.184.215.14", "2606:4700::1"])] == ["93.184.215.14", "2606:4700::1"]


def test_an_answer_that_is_no_address_is_refused() -> None:
    """Whatever a resolver says."""
    with pytest.raises(FetchRefused, match="no IP address"):
        checked(target_of("http://odd.example/"), ["93.184.215.14", "localhost"])


def test_a_written_address_is_told_of_what_kind_it_is() -> None:
    """Who wrote it knows it already; the setting that would allow it is named."""
    with pytest.raises(FetchRefused, match=r"10\.1\.2\.3 is a private address.*DATELINE_FETCH_PRIVATE_NETWORKS=true"):
        checked(target_of("http://10.1.2.3/"), ["10.1.2.3"])


@pytest.mark.parametrize("host", ["169.254.169.254", "[fe80::1]", "100.100.100.200", "0.0.0.0"])
@pytest.mark.parametrize("port", ["", ":9"])
def test_the_setting_is_named_only_where_it_would_help(host: str, port: str) -> None:
    """It never opens link-local addresses and those of a cloud's own services, on any port."""
    with pytest.raises(FetchRefused) as refused:
        checked(target_of(f"http://{host}{port}/"), [host.strip("[]")])
    assert "DATELINE_FETCH_PRIVATE_NETWORKS" not in str(refused.value)


@pytest.mark.parametrize(
    ("location", "leads"),
    [
        ("/b", "https://herald.example/b"),
        ("b?c#d", "https://herald.example/a/b?c"),
        ("//ledger.example/", "https://ledger.example/"),
        ("https://ledger.example", "https://ledger.example"),
        ("", "https://herald.example/a/"),
    ],
)
def test_a_redirect_is_relative_to_where_it_stands(location: str, leads: str) -> None:
    """As RFC 3986 joins them."""
    assert redirected(target_of("https://herald.example/a/"), location).url == leads


@pytest.mark.parametrize(
    "location",
    ["http://herald.example/a/", "https://[::1", "/\t/x", "\\\\evil.example", "javascript:alert(1)", "//a@b/", "https://h.example:22/"],
)
def test_a_redirect_is_read_as_strictly(location: str) -> None:
    """No way back from https, no other scheme, port or reading."""
    with pytest.raises(FetchRefused, match=r"^https://herald\.example/a/ redirects to "):
        redirected(target_of("https://herald.example/a/"), location)


def test_messages_show_no_secrets() -> None:
    """Neither a password nor a query, nor anything that could move a terminal's cursor."""
    assert shown("https://reader:secret@herald.example/feed?token=abc#x") == "https://…@herald.example/feed?…"
    assert shown("http://a\x1b[2J/") == "http://a\ufffd[2J/"
    assert len(shown("http://herald.example/" + "a" * 9000)) == 200


def test_the_system_resolves_a_literal_to_itself() -> None:
    """The real resolver, without a network."""
    assert system_addresses("127.0.0.1", 80) == ["127.0.0.1"]
