"""Words as evidence: what a text's content words, numbers and names are, so that two texts can be compared.

Stems by snowballstemmer (Porter 2). English; other languages pass through unstemmed words.
"""

from __future__ import annotations

import re
from functools import lru_cache

import snowballstemmer

_STOP = frozenset(
    """a about above after again all also am an and any are as at be because been before being between both but by can could did do does
    doing done down during each either else ever few for from further get gets give given got had has have having he her here hers him his
    how however i if in into is it its itself just let like many may me might more most much must my no nor not now of off on once one
    only or other our ours out over own per please same say said says she should so some such tell than that the their theirs them then
    there these they this those through to too under until up upon us very was we were what when where which while who whom whose why
    will with would yet you your""".split()
)
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*(?:[.,:]\d+)*", re.UNICODE)
_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
_NAME = re.compile(r"[^\W\d_][\w'’&-]*", re.UNICODE)
_SMALL = {
    word: str(value)
    for value, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen "
        "nineteen twenty".split()
    )
} | {"thirty": "30", "forty": "40", "fifty": "50", "sixty": "60", "seventy": "70", "eighty": "80", "ninety": "90", "dozen": "12"}
_NEGATION = re.compile(r"\b(?:not|no|never|none|nobody|neither|nor|without|cannot)\b|n['’]t\b", re.IGNORECASE)


@lru_cache(maxsize=50_000)
def stem(word: str) -> str:
    """The Porter 2 stem of a lower-case word; possessive endings go first."""
    word = re.sub(r"['’]s?$", "", word)
    return str(_stemmer().stemWord(word))


@lru_cache(maxsize=1)
def _stemmer() -> snowballstemmer.stemmer:
    return snowballstemmer.stemmer("english")


def search_terms(text: str) -> list[str]:
    """The words worth searching for, lower case, in order, stop words left out."""
    return [word for word in (match.group().casefold() for match in _WORD.finditer(text)) if word not in _STOP]


def content_stems(text: str) -> frozenset[str]:
    """Stems of the content words, numbers left out (see `numbers`)."""
    return frozenset(stem(word) for word in search_terms(text) if not word[0].isdigit() and word not in _SMALL)


def numbers(text: str) -> frozenset[str]:
    """Every number, in digits: `4,100`, `4100` and, up to twenty and for tens, its word are the same number."""
    found = {_digits(match.group()) for match in _NUMBER.finditer(text)}
    found |= {_SMALL[word] for word in (m.group().casefold() for m in _NAME.finditer(text)) if word in _SMALL and word != "one"}
    return frozenset(found)


def _digits(number: str) -> str:
    """`4,100` to `4100`, `4.50` to `4.5`; times and versions stay as they are."""
    number = re.sub(r"(?<=\d),(?=\d{3}(?:\D|$))", "", number).replace(",", ".")
    return number.rstrip("0").rstrip(".") if number.count(".") == 1 else number


def names(text: str) -> frozenset[str]:
    """Stems of capitalised words that do not merely open the sentence; months and weekday-like words included."""
    found = set()
    for match in _NAME.finditer(text):
        word = match.group()
        before = text[: match.start()].rstrip(" \"“‘'(")
        opens = not before or before[-1] in ".!?:\n"
        if word[0].isupper() and not opens and word.casefold() not in _STOP:
            found.add(stem(word.casefold()))
    return frozenset(found)


def negated(text: str) -> bool:
    """Whether the text carries a word of negation."""
    return bool(_NEGATION.search(text))


def folded(text: str) -> str:
    """The text with case and white space folded, for telling reprinted sentences."""
    return " ".join(text.casefold().split())
