"""Documents damaged on purpose: a good one, and what is done to it, as Hypothesis draws it.

Hypothesis draws the recipe and not the bytes, so that an input of a quarter of a megabyte costs no more than one of ten bytes, and a
failing one shrinks to few steps. Parsers of text are given the same, read as UTF-8, with what is none as lone surrogates.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

LARGEST = 256 * 1024
"""Bytes of an input, where a format does not say otherwise."""
WHOLE = 1 << 20
"""Places in a document are drawn as parts of this."""
TIMES = (1, 2, 3, 9, 17, 64, 257, 1_000, 5_001, 20_000, 70_000)
ODD = (
    *(text.encode("utf-8", "surrogatepass")
    for text in (
        "\0", "\x01", "\x0b", "\x1b[2J", "\x7f", "\x85", "\u00a0", "\u00ad", "\u0301", "\u0301" * 300, "\u200b", "\u200d", "\u202e",
        "\u2028",
        "\u2029", "\u2066", "\ufeff", "\ufffd", "\uffff", "\ud800", "\udfff", "\U0001f600", "\U000e0041", "\U0010ffff", "İ", "ß", "ﬁ", "٣",
        "²",
        "Ⅷ", "日本", "א", "ﷺ", "e\u0301", "\r", "\r\n", "\n\n", "\t", " ", "\u3000",
    )),
    b"\xff", b"\xfe\xff", b"\xc0\x80", b"\xf8\x88\x80\x80\x80", b"\xed\xa0\x80", b"\x80", b"\xef\xbb\xbf",
)  # fmt: skip
NUMBERS = tuple(
    text.encode()
    for text in (
        "0", "-1", "00", "1e9999", "-0.0", "NaN", "Infinity", "2147483648", "4294967296", "9223372036854775808", "18446744073709551616",
        "9" * 40, "9" * 5_000, "0x1p-1074", "1_000", "٣", "1,000.5",
    )
)  # fmt: skip
CHARSETS = ("utf-16", "utf-16-be", "utf-32", "cp1252", "shift_jis", "iso2022_jp", "utf-7", "cp037")


@dataclass(frozen=True)
class Format:
    """How documents of a kind look: whole ones, pieces that mean something in them, and what opens and closes a nesting."""

    whole: Sequence[bytes]
    pieces: Sequence[bytes]
    pairs: Sequence[tuple[bytes, bytes]] = ((b"(", b")"),)
    largest: int = LARGEST


@dataclass
class Copy:
    """A document while it is damaged."""

    data: bytes
    form: Format
    rest: list[bytes] = field(default_factory=list)

    def at(self, part: int) -> int:
        """A place in it."""
        return len(self.data) * part // WHOLE

    def between(self, one: int, other: int) -> tuple[int, int]:
        """Two places in it, the first one first."""
        start, end = sorted((self.at(one), self.at(other)))
        return start, end

    def put(self, start: int, end: int, inner: bytes) -> None:
        """What lies between two places is this instead."""
        self.data = (self.data[:start] + inner[: self.form.largest] + self.data[end:])[: self.form.largest]


@dataclass(frozen=True)
class Step:
    """One thing done to a document. What the numbers mean goes by `what`."""

    what: str
    one: int
    other: int
    times: int
    piece: bytes
    pair: tuple[bytes, bytes]

    def do(self, copy: Copy) -> None:
        """Change the copy."""
        start, end = copy.between(self.one, self.other)
        inner = copy.data[start:end]
        if self.what == "cut":
            copy.data = copy.data[:start]
        elif self.what == "drop":
            copy.put(start, end, b"")
        elif self.what == "repeat":
            copy.put(start, end, _many(inner, self.times, copy.form.largest))
        elif self.what == "flip" and start < len(copy.data):
            copy.put(start, start + 1, bytes([copy.data[start] ^ (1 << self.times % 8)]))
        elif self.what == "put":
            copy.put(start, start, self.piece)
        elif self.what == "instead":
            copy.put(start, min(end, start + 1 + self.times % 40), self.piece)
        elif self.what == "many":
            copy.put(start, start, _many(self.piece, self.times, copy.form.largest))
        elif self.what == "nest":
            opened, closed = (_many(mark, self.times, copy.form.largest // 2) for mark in self.pair)
            copy.put(start, end, opened + inner + closed)
        elif self.what == "open":
            copy.put(start, start, _many(self.pair[0], self.times, copy.form.largest))
        elif self.what == "splice":
            other = copy.form.whole[self.times % len(copy.form.whole)]
            copy.put(
                start, end, other[len(other) * self.one // WHOLE : len(other) * self.other // WHOLE] if self.one < self.other else other
            )
        elif self.what == "numbered":
            copy.put(start, start, b"".join(_numbered(self.piece, self.times, copy.form.largest)))
        elif self.what == "number":
            copy.put(*_figures(copy.data, start), NUMBERS[self.times % len(NUMBERS)])
        elif self.what == "charset":
            copy.data = _recoded(copy.data, CHARSETS[self.times % len(CHARSETS)])[: copy.form.largest]


STEPS = (0, 1, 1, 1, 1, 2, 2, 2, 3, 3, 4, 5, 8)
"""How many are drawn: few, so that much of a document is still what it was."""
WAYS = ("cut", "drop", "repeat", "flip", "put", "instead", "many", "nest", "open", "splice", "numbered", "number", "charset")


def _many(piece: bytes, times: int, largest: int) -> bytes:
    return piece * min(times, largest // max(len(piece), 1))


def _numbered(piece: bytes, times: int, largest: int) -> list[bytes]:
    """The piece so many times, each time with another number: names that must differ."""
    found: list[bytes] = []
    size = 0
    for number in count():
        size += len(piece) + 6
        if number >= times or size > largest:
            return found
        found.append(piece + str(number).encode())
    return found


def _figures(data: bytes, start: int) -> tuple[int, int]:
    """The next run of digits, or nothing at that place."""
    while start < len(data) and not data[start : start + 1].isdigit():
        start += 1
    end = start
    while end < len(data) and data[end : end + 1].isdigit():
        end += 1
    return start, end


def _recoded(data: bytes, charset: str) -> bytes:
    return data.decode("utf-8", "replace").encode(charset, "replace")


@st.composite
def damaged(draw: st.DrawFn, form: Format, most: int = 5) -> bytes:
    """A document of the format after at most so many steps; none of them leaves it as it is."""
    places = st.integers(0, WHOLE)
    pieces = st.sampled_from((*form.pieces, *form.pieces, *ODD))
    copy = Copy(draw(st.sampled_from(form.whole)), form)
    for _ in range(min(most, draw(st.sampled_from(STEPS)))):
        what = draw(st.sampled_from(WAYS))
        step = Step(
            what,
            draw(places),
            draw(places),
            draw(st.sampled_from(TIMES) | st.integers(0, 300)),
            draw(pieces),
            draw(st.sampled_from(form.pairs)),
        )
        step.do(copy)
    return copy.data


def damaged_text(form: Format, most: int = 5) -> SearchStrategy[str]:
    """The same as text; what is not UTF-8 is lone surrogates."""
    return damaged(form, most).map(lambda data: data.decode("utf-8", "surrogateescape"))
