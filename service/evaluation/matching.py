"""When two texts say the same words: SQuAD's normalisation and token F1, and sentences compared with gold ones.

Source of normalisation and F1: Rajpurkar et al., SQuAD (EMNLP 2016), official evaluation script. Four additions, each
for news: Unicode punctuation and signs go too, a possessive 's goes, dashes and slashes part words, and a decimal
point stays, so that 3.5 is not 35.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence

MIN_FRAGMENT_WORDS = 3
"""A piece of a sentence stands for it only from so many words on; `"No."` stands for nothing."""

_POSSESSIVE = re.compile(r"(?<=\w)['\u2019]s\b", re.IGNORECASE)
_PARTING = re.compile(r"[\u2010-\u2015/\-]")
_DECIMAL_POINT = re.compile(r"(?<=\d)\.(?=\d)")
_KEPT_POINT = "\ue000"  # a private-use character: in no category that is dropped, and in no article
_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
_WORD = re.compile(r"\w+")


def normalise(text: str) -> str:
    """Lower case, no punctuation, no articles, single spaces: `The £50,000-a-day fine` is `50000 day fine`."""
    text = unicodedata.normalize("NFKC", text).casefold()
    text = _DECIMAL_POINT.sub(_KEPT_POINT, _PARTING.sub(" ", _POSSESSIVE.sub("", text)))
    text = "".join(char for char in text if unicodedata.category(char)[0] not in "PS")
    return " ".join(_ARTICLES.sub(" ", text.replace(_KEPT_POINT, ".")).split())


def contains(text: str, wanted: str) -> bool:
    """True where the normalised words of `wanted` stand side by side in `text`: `5` is not in `50`."""
    needle = normalise(wanted)
    return bool(needle) and f" {needle} " in f" {normalise(text)} "


def token_f1(text: str, wanted: str) -> float:
    """Harmonic mean of precision and recall over normalised tokens, counted with multiplicity; 0 where either is empty."""
    got, gold = normalise(text).split(), normalise(wanted).split()
    shared = sum((Counter(got) & Counter(gold)).values())
    return 2 * shared / (len(got) + len(gold)) if shared else 0.0


def best_token_f1(text: str, groups: Sequence[Sequence[str]]) -> float:
    """F1 against the groups' best alternatives joined: with one group, SQuAD's best over alternatives."""
    picked = (max(group, key=lambda alternative: token_f1(text, alternative)) for group in groups)
    return token_f1(text, " ".join(picked))


def same_sentence(quote: str, gold: str) -> bool:
    """True where one is the other, or is contained in it and at least three words long; only the words count."""
    left, right = _words(quote), _words(gold)
    if left == right:
        return bool(left)
    inner, outer = sorted((left, right), key=len)
    return len(inner.split()) >= MIN_FRAGMENT_WORDS and f" {inner} " in f" {outer} "


def states(quotes: Iterable[str], fact: Sequence[str]) -> bool:
    """True where at least one of the quotes is one of the fact's sentences."""
    return any(same_sentence(quote, gold) for quote in quotes for gold in fact)


def _words(text: str) -> str:
    """The words alone, in lower case, single spaces between them."""
    return " ".join(_WORD.findall(text.casefold()))
