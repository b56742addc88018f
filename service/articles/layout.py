"""From the lines of printed pages to running text: paragraphs found by spacing, indents and short last lines, hyphens and headers gone.

Rules of thumb, made for articles of one or a few columns. A wrong paragraph costs little, a sentence cut in two costs a citation, so
in doubt lines are joined.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

_PAGE_NUMBER = re.compile(r"\W*(?:page|seite|p\.)?\W*\d{1,4}(?:\s*(?:/|of|von)\s*\d{1,4})?\W*", re.IGNORECASE)
_DIGITS = re.compile(r"\d+")
_CONTROL = {code: None for code in range(0x20) if chr(code) not in "\t\n\r\x02"} | {0x7F: None, 0xFEFF: None, 0xAD: None}
_MARKED = re.compile("(?<=[a-zß-öø-ÿ])[\x02\ufffe] *(?=[a-zß-öø-ÿ])")
_HYPHEN_MARKS = ("\x02", "\ufffe")
"""What PDFium writes for a hyphen at the end of a line, mostly without the line's end."""
_ITEM = re.compile(r"[•‣◦▪●○■\-–*]\s")
_ENDS = tuple(".!?:;…\"'”’»)")
_EDGE = 2
"""Lines at the top and bottom of a page that may be a header or footer."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line as printed; the place of its first character and the height of its font in points, y upwards, all 0 where unknown."""

    text: str
    x: float = 0.0
    y: float = 0.0
    size: float = 0.0


def running_text(pages: Sequence[Sequence[Line]]) -> str:
    """Paragraphs with an empty line between them; a sentence that runs over a line or page is whole."""
    paragraphs: list[str] = []
    open_ended = False
    for page in _without_furniture(pages):
        for number, paragraph in enumerate(_paragraphs(page)):
            if number == 0 and open_ended and paragraph[:1].islower():
                paragraphs[-1] = _joined(paragraphs[-1], paragraph)
            else:
                paragraphs.append(paragraph)
        open_ended = bool(paragraphs) and not _clean(paragraphs[-1]).endswith(_ENDS)
    return "\n\n".join(filter(None, map(_clean, paragraphs)))


def _without_furniture(pages: Sequence[Sequence[Line]]) -> Iterator[Sequence[Line]]:
    """The pages without page numbers, and without what stands, digits aside, at the edge of at least half of three pages or more."""
    edges = Counter(key for page in pages for key in {_key(page[place]) for place in _edge(page)})
    often = {key for key, count in edges.items() if count >= 3 and count * 2 >= len(pages)}
    for page in pages:
        edge = _edge(page) if len(page) > 1 else set()
        gone = {place for place in edge if _key(page[place]) in often or _PAGE_NUMBER.fullmatch(page[place].text)}
        yield [line for place, line in enumerate(page) if place not in gone]


def _edge(page: Sequence[Line]) -> set[int]:
    return {place for place in range(len(page)) if place < _EDGE or place >= len(page) - _EDGE}


def _key(line: Line) -> str:
    return _DIGITS.sub("#", line.text.casefold())


def _paragraphs(lines: Sequence[Line]) -> Iterator[str]:
    if not lines:
        return
    pitch = _pitch(lines)
    width = median(len(line.text) for line in lines)
    paragraph = lines[0].text
    for before, line in pairwise(lines):
        if _breaks(before, line, pitch, width):
            yield paragraph
            paragraph = line.text
        else:
            paragraph = _joined(paragraph, line.text)
    yield paragraph


def _pitch(lines: Sequence[Line]) -> float:
    """The usual distance from one line down to the next in points; 0 where it is not known."""
    down = [before.y - line.y for before, line in pairwise(lines) if before.y > line.y]
    return median(down) if down else 0.0


def _breaks(before: Line, line: Line, pitch: float, width: float) -> bool:
    """Whether a paragraph ends between two lines."""
    if before.text.endswith(_HYPHEN_MARKS):
        return False
    if before.size and line.size and not 0.85 < line.size / before.size < 1.18:
        return True
    down = before.y - line.y
    if _ITEM.match(line.text) and before.text.endswith(_ENDS):
        return True
    if pitch and down > 1.4 * pitch:
        return True
    if not before.text.endswith(_ENDS):
        return False
    indented = 0 <= down <= 1.4 * pitch and line.size * 0.8 < line.x - before.x < line.size * 6
    return indented or len(before.text) < 0.75 * width


def _joined(before: str, after: str) -> str:
    """Two lines as one. A hyphen between small letters was put there by the line's end; before a capital or digit it is the word's own."""
    if before.endswith(_HYPHEN_MARKS):
        return before + after
    if before.endswith(("-", "\u2010")):
        split = len(before) > 1 and before[-2].islower() and after[:1].islower()
        return before[:-1] + after if split else before + after
    return f"{before} {after}"


def _clean(paragraph: str) -> str:
    paragraph = _MARKED.sub("", paragraph)
    for mark in _HYPHEN_MARKS:
        paragraph = paragraph.replace(mark, "-")
    return " ".join(paragraph.translate(_CONTROL).split())
