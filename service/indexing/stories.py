"""Stories: which articles print one text. A reprint is no second witness, however many outlets print it.

Word shingles, MinHash and banded keys: Broder 1997 (see `service.sketches`); Leskovec, Rajaraman and Ullman, "Mining of Massive
Datasets", 3.4. A story is a connected component of likeness, so the order in which articles come does not matter.
A change of any number here changes every sketch: it wants a schema step that empties the tables of stories.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence

from service.sketches import Minima, Sketch
from service.words import bare_words

SHINGLE = 5
"""Words a shingle: few enough that an edited word costs five shingles only, enough that texts on one event written apart share next to
none (in the sample archive at most 5 of some 300)."""
SHORT = 20
"""A text of fewer words is one shingle: such texts are one story only where they are equal."""
PERMUTATIONS, SEED = 128, 1
BANDS, ROWS = 32, 4
"""Texts of resemblance r share a key with probability 1 - (1 - r⁴)³²: 0.87 at 0.5, 0.99 at 0.6, 0.05 at 0.2."""
LEAD_WORDS, LEAD_BANDS, LEAD_ROWS = 32, 10, 2
"""A brief holds the first words of the text it was cut from, but may have a place name of its own before them. Leads of resemblance r
share a key with probability 1 - (1 - r²)¹⁰: 0.99 where five words came before, 0.92 where ten did."""
_CHUNK = 10_000
"""Shingles hashed at once: 5 MB."""


def sketches(texts: Sequence[str]) -> list[Sketch]:
    """A sketch of each text: some 2 µs a word."""
    words = [bare_words(text) or [text] for text in texts]
    whole = [_shingles(one) for one in words]
    leads = [_shingles(one[:LEAD_WORDS]) for one in words]
    return [
        Sketch(minima, len(shingles), (*_keys(minima, BANDS, ROWS), *(_lead_keys(lead) if len(one) >= SHORT else ())))
        for one, shingles, minima, lead in zip(words, whole, _minima(whole), _minima(leads), strict=True)
    ]


def _shingles(words: Sequence[str]) -> list[bytes]:
    """Every run of words once; of a short text the whole as one."""
    size = SHINGLE if len(words) >= SHORT else len(words)
    runs = {" ".join(words[start : start + size]) for start in range(len(words) - size + 1)}
    return [run.encode("utf-8", "replace") for run in runs]


def _minima(sets: Sequence[list[bytes]]) -> Iterator[Minima]:
    """The minima of each set over the same permutations, by datasketch."""
    from datasketch import MinHash  # half a second: SciPy

    blank = MinHash(PERMUTATIONS, SEED, scheme="affine32")
    for shingles in sets:
        sketch = blank.copy()
        for start in range(0, len(shingles), _CHUNK):
            sketch.update_batch(shingles[start : start + _CHUNK])
        yield sketch.hashvalues


def _keys(minima: Minima, bands: int, rows: int) -> list[int]:
    """A key of 32 bits for each band of rows; the number of the band goes into it."""
    raw, width = minima.astype("<u4").tobytes(), 4 * rows
    return [zlib.crc32(raw[band * width : (band + 1) * width], band) for band in range(bands)]


def _lead_keys(minima: Minima) -> list[int]:
    return [-1 - key for key in _keys(minima, LEAD_BANDS, LEAD_ROWS)]
