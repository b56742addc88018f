"""Addresses that pages, feeds and sitemaps name: which of them are of the web, and which of one site."""

from __future__ import annotations

import re
from urllib.parse import urljoin, urlsplit

MAX_URL = 2_000
_SPACE = re.compile(r"\s")


def web_address(url: str | None, base: str | None = None) -> str | None:
    """The absolute address where it is one of http or https, without white space and without a name or password; else None."""
    if not isinstance(url, str) or not url.strip():
        return None
    try:
        whole = urljoin(base or "", url.strip())
        parts = urlsplit(whole)
        fine = parts.scheme in {"http", "https"} and parts.hostname and parts.username is None and parts.port != 0
    except ValueError:
        return None
    return whole if fine and len(whole) <= MAX_URL and not _SPACE.search(whole) and whole.isprintable() else None


def site_of(url: str) -> str:
    """The host in lower case without `www.`, `m.`, `amp.`: one site has several. Of an address that `web_address` gave."""
    return re.sub(r"^(?:www|m|amp|mobile)\.", "", (urlsplit(url).hostname or "").lower())
