"""Addresses of pages, in the one form in which two of them can be held against each other."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

_TRACKING = ("utm_", "fbclid=", "gclid=", "dclid=", "msclkid=", "mc_cid=", "mc_eid=", "igshid=", "ocid=", "cmpid=", "smid=")
"""Parameters that say where a reader came from and never what is read."""


def canonical_url(url: str) -> str:
    """The URL without fragment, default port, tracking parameters and trailing slash, host in lower case. Raises ValueError."""
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    host = f"[{host}]" if ":" in host else host
    port = f":{parts.port}" if parts.port and (parts.scheme, parts.port) not in {("http", 80), ("https", 443)} else ""
    query = "&".join(p for p in parts.query.split("&") if p and not p.lower().startswith(_TRACKING))
    return urlunsplit(("https" if parts.scheme in {"http", "https"} else parts.scheme, host + port, parts.path.rstrip("/"), query, ""))


def url_key(url: str | None) -> str | None:
    """What two addresses of one page have in common: the canonical one, or the address itself where it cannot be read."""
    if not url:
        return None
    try:
        return canonical_url(url)
    except ValueError:
        return url
