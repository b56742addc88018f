"""Words as evidence: what a text's content words, numbers and names are, so that two texts can be compared.

Stems by snowballstemmer (Porter 2). English; other languages pass through unstemmed words.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from decimal import Decimal, InvalidOperation
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
_ALONE = r"\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"  # Han and Kana: no spaces between words
_BARE = re.compile(rf"[{_ALONE}]|[^\W_{_ALONE}]+(?:'[^\W_{_ALONE}]+)*(?:[.,:]\d+)*")
NUMBER_WORDS = {
    word: str(value)
    for value, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen "
        "nineteen twenty".split()
    )
} | {"thirty": "30", "forty": "40", "fifty": "50", "sixty": "60", "seventy": "70", "eighty": "80", "ninety": "90", "dozen": "12"}
"""Numbers that are words, with their digits."""
_MAGNITUDES = {"": 1, "hundred": 100, "thousand": 1_000, "million": 1_000_000, "billion": 1_000_000_000, "trillion": 1_000_000_000_000}
_TENS = "twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety"
_QUANTITY = re.compile(
    rf"(?:(?<![^\W_])(\d+(?:[.,:]\d+)*)|\b((?:{_TENS})[\s-](?:one|two|three|four|five|six|seven|eight|nine)|{'|'.join(NUMBER_WORDS)})\b)"
    rf"(?:[\s-]+({'|'.join(filter(None, _MAGNITUDES))})s?\b)?",
    re.IGNORECASE,
)
_UNIT = re.compile(
    r"[\s-]{0,2}(%|per ?cent|seconds?|minutes?|hours?|days?|weeks?|months?|years?|decades?|(?:kilo|centi|milli)?met(?:re|er)s?|miles?|feet|"
    r"tons?|tonnes?|kilos?|grams?|pounds?|lit(?:re|er)s?|degrees?|dollars?|euros?)(?![^\W\d_])",
    re.IGNORECASE,
)
_of_thread = threading.local()
_NEGATION = re.compile(r"\b(?:not(?! (?:only|merely|just)\b)|no|never|none|nobody|neither|nor|without|cannot)\b|n['’]t\b", re.IGNORECASE)


@lru_cache(maxsize=50_000)
def stem(word: str) -> str:
    """The Porter 2 stem of a lower-case word; possessive endings go first."""
    word = re.sub(r"['’]s?$", "", word)
    return str(_stemmer().stemWord(word))


def _stemmer() -> snowballstemmer.stemmer:
    """One a thread: the one in C (PyStemmer), which snowballstemmer takes where it is there, is not made to be shared."""
    if not hasattr(_of_thread, "stemmer"):
        _of_thread.stemmer = snowballstemmer.stemmer("english")
    return _of_thread.stemmer


def search_terms(text: str) -> list[str]:
    """The words worth searching for, lower case, in order, stop words left out."""
    return [word for word in (match.group().casefold() for match in _WORD.finditer(text)) if word not in _STOP]


def content_stems(text: str) -> frozenset[str]:
    """Stems of the content words, numbers left out (see `numbers`)."""
    return frozenset(stem(word) for word in search_terms(text) if not word[0].isdigit() and word not in NUMBER_WORDS)


def numbers(text: str) -> frozenset[str]:
    """Every number, in digits and with its magnitude: `4,100`, `4100` and `4.1 thousand` are one, `118 million` and `118 billion` two.

    Number words count below a hundred; `one` alone is a pronoun as often as a number and does not. Digits in a word (`C3`) are part of it.
    """
    return frozenset(_value(match) for match in _QUANTITY.finditer(text) if match.group().casefold() != "one")


_ER_FOR_RE = re.compile(r"(met|lit)er")
"""Meters are metres."""


def measured(text: str) -> frozenset[tuple[str, str]]:
    """Every number before a unit of time, share, length, weight or money, with the unit's stem: `41 minutes` is `("41", "minut")`."""
    found = set()
    for match in _QUANTITY.finditer(text):
        if unit := _UNIT.match(text, match.end()):
            word = _ER_FOR_RE.sub(r"\1re", unit.group(1).casefold())
            found.add((_value(match), "percent" if word == "%" or word.startswith("per") else stem(word)))
    return frozenset(found)


def _value(match: re.Match[str]) -> str:
    """The plain decimal form; times and versions stay as they are."""
    digits, word, magnitude = match.groups()
    written = _in_digits(word.casefold()) if word else re.sub(r"(?<=\d),(?=\d{3}(?:\D|$))", "", digits).replace(",", ".")
    try:
        value = Decimal(written) * _MAGNITUDES[magnitude.casefold() if magnitude else ""]
    except InvalidOperation:
        return written
    return format(value.normalize(), "f")


def _in_digits(word: str) -> str:
    """`thirty-one` is 31."""
    return str(sum(int(NUMBER_WORDS[part]) for part in re.split(r"[\s-]", word)))


def names(text: str) -> frozenset[str]:
    """Stems of capitalised words that do not merely open the sentence; number words are numbers, not names."""
    found = set()
    for match in _WORD.finditer(text):
        word = match.group()
        before = text[: match.start()].rstrip(" \"“‘'(")
        opens = not before or before[-1] in ".!?:\n"
        if word[0].isupper() and not opens and word.casefold() not in _STOP and word.casefold() not in NUMBER_WORDS:
            found.add(stem(word.casefold()))
    return frozenset(found)


def negated(text: str) -> bool:
    """Whether the text carries a word of negation."""
    return bool(_NEGATION.search(text))


def bare_words(text: str) -> list[str]:
    """Every word in order, with case, punctuation, kinds of apostrophe and forms of characters folded: reprints have the same ones.

    A character of a script that puts no spaces between words is a word.
    """
    return _BARE.findall(unicodedata.normalize("NFKC", text).replace("\u00ad", "").replace("’", "'").casefold())


def folded(text: str) -> str:
    """The text with case and white space folded, for telling reprinted sentences."""
    return " ".join(text.casefold().split())
