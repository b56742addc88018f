"""What a site's robots.txt says to us (RFC 9309), read by Protego."""

from __future__ import annotations

import re
from dataclasses import dataclass

READ_BYTES = 500 * 1024
"""RFC 9309, 2.5: at least so much is read. What comes after is not."""
_TOKEN = re.compile(r"[A-Za-z_-]+")
_GROUP = re.compile(r"\s*user[\s-]*agent[\s:]+(?P<name>\*|[A-Za-z_-]*)", re.IGNORECASE)
_SOMEONE_ELSE, _NAMELESS = "another/robot", "nameless/robot"
"""Names that no product token can be."""


def product_token(user_agent: str) -> str:
    """The name that robots.txt files know a robot by: `dateline` of `Dateline/1.0 (+https://herald.example)`; RFC 9309, 2.2.1."""
    found = _TOKEN.match(user_agent)
    return found[0].lower() if found else _NAMELESS


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a robot may ask for an address, and how often."""

    allowed: bool
    delay: float
    """Seconds between requests (`Crawl-delay`, no part of the RFC but widely written); 0 where the file does not say."""


class Rules:
    """The rules of one robots.txt for one robot. An empty file allows everything."""

    def __init__(self, body: bytes, token: str) -> None:
        """`token` is the robot's name, see `product_token`."""
        self._text = body[:READ_BYTES].decode("utf-8", "replace").removeprefix("\ufeff")
        self._token = token

    def verdict(self, url: str) -> Verdict:
        """What the file says to the robot about an address of this site.

        It is parsed anew each time: half a megabyte of text may become 50 of rules, and the texts of hundreds of sites are kept.
        """
        from protego import Protego

        parsed = Protego.parse("\n".join(self._ours(line) for line in self._text.splitlines()))
        return Verdict(parsed.can_fetch(url, self._token), parsed.crawl_delay(self._token) or 0.0)

    def _ours(self, line: str) -> str:
        """The line, with every robot that we are not called the same.

        Protego copies each rule to each robot named above it: 10,000 names and 30,000 rules, in half a megabyte, would fill the memory.
        """
        if (found := _GROUP.match(line)) is None:
            return line
        name = found["name"].lower()
        return f"User-agent: {name if name in {'*', self._token} else _SOMEONE_ELSE}"
