"""Which addresses may be asked: read strictly, by two readers that must agree, and public wherever their names lead.

The ranges are those of IANA's special-purpose registries (RFC 6890 and later). `ipaddress.is_global` alone is not enough: Python 3.11 calls
`64:ff9b::7f00:1`, `2002:7f00:1::`, `::127.0.0.1` and `fec0::1` global, and each of them can lead to a private IPv4 address.
"""

from __future__ import annotations

import re
import socket
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urljoin, urlsplit

from service.errors import FetchRefused

if TYPE_CHECKING:
    import httpx2

Address = IPv4Address | IPv6Address
Resolver = Callable[[str, int], Sequence[str]]
"""The addresses of a host name and port, best first, as text. Raises OSError where there are none."""

LONGEST_URL = 8192
PORTS = {"http": 80, "https": 443}
PRIVATE_SETTING = "DATELINE_FETCH_PRIVATE_NETWORKS"

_NEVER = {
    "an address of a cloud's own services": (
        "169.254.0.0/16",  # instance metadata of most clouds, and every other link-local address
        "100.100.100.200/32",  # Alibaba's, in the shared range
        "168.63.129.16/32",  # Azure's, which would pass as public
        "fd00:ec2::254/128",  # Amazon's
        "fd20:ce::254/128",  # Google's
    ),
    "an unspecified address": ("0.0.0.0/8", "::/128"),  # Linux connects 0.0.0.0 to itself
    "a link-local address": ("fe80::/10",),
    "a site-local address": ("fec0::/10",),
    "a multicast address": ("224.0.0.0/4", "ff00::/8"),
    "a reserved address": ("240.0.0.0/4", "192.0.0.0/24", "192.88.99.0/24", "100::/64"),
    "an address for documentation or benchmarks": (
        "192.0.2.0/24",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "198.18.0.0/15",
        "2001:db8::/32",
        "3fff::/20",
    ),
    "an IPv4 address inside an IPv6 address": (
        "::ffff:0:0/96",  # mapped
        "::ffff:0:0:0/96",  # translated, RFC 2765
        "64:ff9b::/96",  # NAT64, RFC 6052
        "64:ff9b:1::/48",  # NAT64 of one's own, RFC 8215
        "2002::/16",  # 6to4
        "2001::/32",  # Teredo
    ),
    "an address of a protocol": ("2001::/23",),  # RFC 2928: no website lives there
}
_PRIVATE = {
    "a loopback address": ("127.0.0.0/8", "::1/128"),
    "a private address": ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"),
    "an address shared behind a provider": ("100.64.0.0/10",),
}
_COMPATIBLE = ip_network("::/96")
_GLOBAL_UNICAST = ip_network("2000::/3")
"""All that IANA has given out of IPv6 for hosts; whatever is outside is refused without being named."""
_ISATAP = {0x00005EFE, 0x02005EFE}
"""What stands before the IPv4 address in the lower half of an address, RFC 5214."""

_NEVER_NETWORKS = [(ip_network(text), kind) for kind, texts in _NEVER.items() for text in texts]
_PRIVATE_NETWORKS = [(ip_network(text), kind) for kind, texts in _PRIVATE.items() for text in texts]

_NAME = re.compile(r"(?:(?!-)[a-z0-9_-]{1,63}(?<!-)\.)*(?!-)[a-z0-9_-]{1,63}(?<!-)")
_NUMBER = re.compile(r"(?:0x[0-9a-f]*|[0-9]+)")
"""A last label that the C library reads as part of an IPv4 address: `127.1`, `0x7f000001`. Names of the web never end so."""
_DOTS = "\u3002\uff0e\uff61"
"""What IDNA takes for a dot and other readers do not."""


@dataclass(frozen=True, slots=True)
class Target:
    """An address as it was read: what to ask, of which host and port. Whether the host is public is still to be seen."""

    url: str
    """Normalised, without the fragment."""
    scheme: str
    host: str
    """Lower-case ASCII: a name without a final dot, or an IP address without brackets."""
    port: int
    literal: Address | None
    """The host where it is written as an IP address."""
    parsed: httpx2.URL

    @property
    def origin(self) -> str:
        """Scheme, host and port, such as `https://herald.example` (RFC 6454)."""
        return f"{self.scheme}://{self.parsed.netloc.decode('ascii')}"


def shown(url: str) -> str:
    """An address as messages show it: without name and password, query, and what cannot be printed; at most 200 characters."""
    bare = re.sub(r"^([^/?#]*//)[^/?#]*@", r"\1…@", re.sub(r"[?#].*", "?…", url, flags=re.DOTALL))
    text = "".join(character if character.isprintable() else "\ufffd" for character in bare)
    return text if len(text) <= 200 else f"{text[:199]}…"


def target_of(url: str, *, private_networks: bool = False) -> Target:
    """The address read by urllib and by the HTTP client alike.

    Raises FetchRefused where they differ, for every scheme but http and https, for a name or password, for a host that could be read as
    another one, and, unless private networks may be asked, for every port but 80 and 443.
    """
    if (wrong := _unfit(url)) is not None:
        raise FetchRefused(f"{shown(url)}: {wrong}")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise FetchRefused(f"{shown(url)}: it cannot be read as an address") from error
    if parts.scheme not in PORTS:
        raise FetchRefused(f"{shown(url)}: only http and https are fetched")
    if "@" in parts.netloc:
        raise FetchRefused(f"{shown(url)}: an address may not carry a name or password")
    parsed = _agreed(url, parts, port)
    host = parsed.raw_host.decode("ascii")
    port = PORTS[parts.scheme] if port is None else port
    literal = _literal(url, host)
    if not private_networks and port not in PORTS.values():
        hint = "" if literal and refusal(literal, private_networks=True) else f", unless {PRIVATE_SETTING} is true"
        raise FetchRefused(f"{shown(url)}: port {port} is not asked, only 80 and 443{hint}")
    return Target(str(parsed), parts.scheme, host, port, literal, parsed)


def redirected(target: Target, location: str, *, private_networks: bool = False) -> Target:
    """Where a redirect leads from a target, read as strictly. Raises FetchRefused, also for a way from https back to http."""
    try:
        # What is unfit is not joined but refused as it is: urllib would strip its tabs and newlines.
        joined = location if _unfit(location) else urljoin(target.url, location)
        following = target_of(joined, private_networks=private_networks)
    except ValueError as error:
        raise FetchRefused(f"{shown(target.url)} redirects to {shown(location)}: it cannot be read as an address") from error
    except FetchRefused as error:
        raise FetchRefused(f"{shown(target.url)} redirects to {error}") from error
    if target.scheme == "https" and following.scheme == "http":
        raise FetchRefused(f"{shown(target.url)} redirects to {shown(following.url)}: from https to http is not followed")
    return following


def checked(target: Target, answers: Sequence[str], *, private_networks: bool = False) -> tuple[Address, ...]:
    """The addresses that a target's host leads to, all fit to be connected to. Raises FetchRefused where a single one is not.

    A name's addresses are not told, nor of what kind they are: who may not reach a network shall not learn what is in it.
    """
    try:
        addresses = tuple(ip_address(answer) for answer in answers)
    except ValueError as error:
        raise FetchRefused(f"{shown(target.url)}: {target.host} leads to what is no IP address") from error
    kinds = [kind for address in addresses if (kind := refusal(address, private_networks=private_networks))]
    if not kinds:
        return addresses
    hint = "" if private_networks else f". If it is a server of your own, set {PRIVATE_SETTING}=true"
    if target.literal is not None:
        hint = "" if refusal(target.literal, private_networks=True) else hint
        raise FetchRefused(f"{shown(target.url)}: {target.host} is {kinds[0]}, which is not fetched from{hint}")
    raise FetchRefused(f"{shown(target.url)}: {target.host} leads to an address that is not public{hint}")


def refusal(address: Address, *, private_networks: bool = False) -> str | None:
    """Why an address may not be connected to, as in "a loopback address"; None where it may.

    With `private_networks` loopback, private and shared addresses may, all others that are not public still may not.
    """
    if isinstance(address, IPv6Address) and address.scope_id is not None:
        return "an address of one link"
    for network, kind in _NEVER_NETWORKS:
        if address in network:
            return kind
    for network, kind in _PRIVATE_NETWORKS:
        if address in network:
            return None if private_networks else kind
    if isinstance(address, IPv6Address):
        if address in _COMPATIBLE or (int(address) >> 32) & 0xFFFFFFFF in _ISATAP:
            return "an IPv4 address inside an IPv6 address"
        if address not in _GLOBAL_UNICAST:
            return "a reserved address"
    return None if address.is_global and not address.is_multicast else "an address that is not public"


def system_addresses(host: str, port: int) -> list[str]:
    """What the system's resolver says, best first (RFC 6724). Blocks. Raises OSError where the name leads nowhere."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(socket_address[0]) for *_, socket_address in found))


def _unfit(url: str) -> str | None:
    """What makes an address unfit to be read at all; urllib would strip tabs and newlines, and browsers take `\\` for `/`."""
    if len(url) > LONGEST_URL:
        return f"it is longer than {LONGEST_URL} characters"
    if any(unicodedata.category(character) in {"Cc", "Cs", "Zs", "Zl", "Zp"} for character in url):
        return "an address has no spaces or control characters"
    return "an address has no backslash" if "\\" in url else None


def _agreed(url: str, parts: SplitResult, port: int | None) -> httpx2.URL:
    """The address as the HTTP client reads it, without its fragment. Raises FetchRefused where urllib read anything else."""
    import httpx2

    name = parts.hostname or ""
    if any(dot in name for dot in _DOTS) or unicodedata.normalize("NFKC", name) != name:
        raise FetchRefused(f"{shown(url)}: the host is written in characters that stand for others")
    try:
        parsed = httpx2.URL(url).copy_with(fragment=None)
        host = parsed.raw_host.decode("ascii")
    except (httpx2.InvalidURL, ValueError) as error:
        raise FetchRefused(f"{shown(url)}: it cannot be read as an address") from error
    explicit = None if port == PORTS[parts.scheme] else port
    if (parsed.scheme, parsed.port, parsed.userinfo) != (parts.scheme, explicit, b"") or (name.isascii() and host != name) or port == 0:
        raise FetchRefused(f"{shown(url)}: it can be read as two different addresses")
    return parsed


def _literal(url: str, host: str) -> Address | None:
    """The IP address that a host is, or None for a name. Raises FetchRefused for a host that is neither."""
    try:
        if "%" not in host:  # which Python reads as the start of a scope, whatever follows
            return ip_address(host)
    except ValueError:
        if len(host) <= 253 and _NAME.fullmatch(host) and not _NUMBER.fullmatch(host.rpartition(".")[2]):
            return None
    raise FetchRefused(f"{shown(url)}: its host is neither a name nor a plain IP address")
