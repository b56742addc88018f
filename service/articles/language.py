"""The language that a text is written in, where that is beyond reasonable doubt, and what a language tag means.

By py3langid, a naive Bayes classifier over byte n-grams (Lui and Baldwin, "langid.py", ACL 2012), whose model is part of its package
and no pickle. To take an English article for a foreign one costs more than not to know: an encoder that serves only English would not
embed it. So a language is named only at a probability of `SURE`, and `eval/fit_language.py` shows what that gives.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

SURE = 0.9
"""The least probability at which a language is named: see `eval/fit_language.py`."""
FEWEST_LETTERS = 20
"""With fewer there is no telling: a headline may be nothing but names. Halved for scripts in which a letter is a syllable or a word."""
WINDOW = 500
"""Characters of each of the two places that are looked at, the start and the middle. Of 1,000 no more articles were named."""
_NOT_MACRO = {
    "arb": "ar", "ary": "ar", "arz": "ar", "cmn": "zh", "wuu": "zh", "yue": "zh", "nb": "no", "nn": "no", "uzn": "uz", "uzs": "uz",
    "iw": "he", "in": "id", "ji": "yi", "mo": "ro",
}  # fmt: skip
"""Languages that the IANA registry puts under a wider one, and withdrawn codes, each with what stands for it."""
_LONG = {
    "ara": "ar", "ben": "bn", "bul": "bg", "cat": "ca", "ces": "cs", "chi": "zh", "cze": "cs", "dan": "da", "deu": "de", "dut": "nl",
    "ell": "el", "eng": "en", "est": "et", "fas": "fa", "fin": "fi", "fra": "fr", "fre": "fr", "ger": "de", "gre": "el", "heb": "he",
    "hin": "hi", "hrv": "hr", "hun": "hu", "ind": "id", "ita": "it", "jpn": "ja", "kor": "ko", "lav": "lv", "lit": "lt", "msa": "ms",
    "nld": "nl", "nob": "no", "nno": "no", "nor": "no", "per": "fa", "pol": "pl", "por": "pt", "ron": "ro", "rum": "ro", "rus": "ru",
    "slk": "sk", "slo": "sk", "slv": "sl", "spa": "es", "sqi": "sq", "srp": "sr", "swa": "sw", "swe": "sv", "tam": "ta", "tha": "th",
    "tur": "tr", "ukr": "uk", "urd": "ur", "vie": "vi", "zho": "zh",
}  # fmt: skip
"""Codes of three letters (ISO 639-2 and 639-3) that documents state instead of two."""


def language_of(text: str, *, title: str = "") -> str | None:
    """The ISO 639-1 code of a text's language (`en`, `zh`), or None where it is not sure: too short, mixed, or no language at all.

    At most 1,000 characters of the text are read. Norwegian is `no` and Chinese `zh`, however written.
    """
    head = f"{title[:WINDOW]}\n{text[:WINDOW]}"
    if len(text) < 3 * WINDOW:
        return _sure(f"{title[:WINDOW]}\n{text[: 2 * WINDOW]}")
    middle = (len(text) - WINDOW) // 2
    first, second = _sure(head), _sure(text[middle : middle + WINDOW])
    return first if first == second else None


def primary(tag: str) -> str:
    """The language of a tag (BCP 47, RFC 5646) as ISO 639-1: `en-GB` and `eng` are `en`, `zh_Hant` is `zh`, `nb-NO` is `no`.

    A language without a two-letter code keeps its three letters. Empty for what names no language, such as `und`, `x-default` or `English`.
    """
    subtag = tag.strip().replace("_", "-").partition("-")[0].partition(".")[0].lower()
    if not (subtag.isascii() and subtag.isalpha() and 2 <= len(subtag) <= 3) or subtag in {"und", "mul", "mis", "zxx"}:
        return ""
    return _NOT_MACRO.get(subtag) or _LONG.get(subtag, subtag)


def _sure(text: str) -> str | None:
    letters = sum(1 if character < "\u0e00" else 2 for character in text if character.isalpha())
    if letters < FEWEST_LETTERS:
        return None
    odds: dict[str, float] = {}
    for code, probability in _identifier().rank(text):
        odds[primary(code)] = odds.get(primary(code), 0.0) + probability
    best = max(odds, key=lambda code: odds[code])
    return best if len(best) == 2 and odds[best] >= SURE else None


@cache
def _identifier() -> LanguageIdentifier:
    """Loaded on first use, in half a second; reading it changes nothing in it, so that threads may share it."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
