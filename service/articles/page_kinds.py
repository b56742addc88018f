"""What is served or named as a page and holds no article: pictures and other binary data, and pages that do little but link."""

from __future__ import annotations

from typing import Any

SNIFFED = 1_445
"""Bytes at the beginning that are looked at, as browsers do (WHATWG, MIME Sniffing §5.2)."""
MAX_BINARY = 0.01
"""Share of bytes there that no text has: pages have one now and then, pasted; compressed data have a tenth."""
MAX_LINKED = 0.5
"""Share of a text's characters that may be the words of links. No page of tests/dates has any in its text, pages of manuals up to 0.25."""
_STRAY = 4
"""So many are none, however short the page."""
_MAGIC = (
    b"\x89PNG\r\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a", b"RIFF", b"%PDF-", b"PK\x03\x04", b"\x1f\x8b", b"\x7fELF", b"\xd0\xcf\x11\xe0",
)  # fmt: skip
"""PNG, JPEG, GIF, WebP and WAV, PDF, ZIP, gzip, ELF, the older documents of Office."""
_NO_TEXT = bytes({*range(0x09), 0x0B, *range(0x0E, 0x1B), *range(0x1C, 0x20)})
"""What the MIME Sniffing standard calls binary data bytes (§3)."""
_WIDE_MARKS = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")
_MAX_LINKS, _MAX_TEXT = 2_000, 50_000
"""Links, and characters: a text of more is one, however many links it has."""


def is_binary(data: bytes, content_type: str = "") -> bool:
    """Whether these bytes are no text: by their first ones, or by those that only UTF-16 and UTF-32, said to be such, have."""
    if data.startswith(_MAGIC):
        return True
    if data.startswith(_WIDE_MARKS) or any(wide in content_type.lower() for wide in ("utf-16", "utf-32")):
        return False
    start = data[:SNIFFED]
    return len(start) - len(start.translate(None, _NO_TEXT)) > max(_STRAY, MAX_BINARY * len(start))


def is_mostly_links(tree: Any, text: str) -> bool:
    """Whether more of a page's text than MAX_LINKED is the words of its links: a home page, a list of topics (Kohlschütter 2010)."""
    if len(text) > _MAX_TEXT:
        return False
    from service.articles.page_tree import words_of

    rest = " ".join(text.split())
    letters = len(rest)
    links = sorted({words_of(link) for link in list(tree.iter("a"))[:_MAX_LINKS] if link.get("href")}, key=len, reverse=True)
    for words in filter(None, links):
        rest = rest.replace(words, "", 1)
    return letters - len(rest) > MAX_LINKED * letters
