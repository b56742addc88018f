"""Which outlets and authors of the archive a question names: "according to TechCrunch", "the Gazette's report", "by Ada Berg".

A name is matched word by word against the names the archive holds, with or without "The", a web domain's ending, or what follows a
bar, dash or colon ("Gazette | News of the North" is also called "Gazette"). A single ordinary word that is also an outlet's name
("Time", "People") counts only where the question speaks of it as of a source.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from service.domain import Bylines

_WORD = re.compile(r"[^\W_]+(?:['’.&-][^\W_]+)*")
_TAGLINE = re.compile(r"\s+[|–—-]\s+|:\s+")
_DOMAIN = re.compile(r"\.(?:com|org|net|co\.uk|co|info|news)$", re.IGNORECASE)
_CITED_BEFORE = re.compile(
    r"(?:\b(?:according to|as per|per|by|from|in|on|via|citing|both|and|or|to|an?|the|its|do|does|did|has|have|between|after|while|whereas)"
    r"|[,:;(])"
    r"\s+[\"'‘“]?(?:an? |the )?$",
    re.IGNORECASE,
)
_CITED_AFTER = re.compile(
    r"^[\"'’”]?(?:['’]s)?\s+(?:\w+ly\s+)?(?:articles?|reports?|reporting|reported|pieces?|story|stories|coverage|interview|reviews?|editorial|column|"
    r"headlines?|newsletter|says?|said|writes?|wrote|suggests?|suggested|claims?|claimed|mentions?|mentioned|discuss(?:es|ed)|argu(?:es|ed)|"
    r"notes?|noted|describ(?:es|ed)|publish(?:es|ed)|highlight(?:s|ed)|portray(?:s|ed)|covers?|covered|states?|stated|quot(?:es|ed))\b",
    re.IGNORECASE,
)
SHORTEST = 3
"""Letters up to which capitals are an abbreviation rather than emphasis."""
MIN_AUTHOR_WORDS = 2
"""A first or last name alone is anybody's."""


@dataclass(frozen=True, slots=True)
class _Token:
    word: str
    start: int
    end: int
    capital: bool


def find_bylines(question: str, known: Bylines) -> Bylines:
    """Those of the known outlets and authors that the question names, in reading order."""
    return Bylines(
        _found(question, _aliases(known.sources), cited=True),
        _found(question, _aliases(tuple(name for name in known.authors if len(_tokens(name)) >= MIN_AUTHOR_WORDS)), cited=False),
    )


def _found(question: str, aliases: dict[str, list[tuple[tuple[str, ...], str]]], *, cited: bool) -> tuple[str, ...]:
    """Longest match first: where "The Independent - Travel" is meant, "The Independent" is not."""
    tokens, found, place = _tokens(question), list[str](), 0
    words = tuple(token.word for token in tokens)
    while place < len(tokens):
        matches = [(len(alias), name) for alias, name in aliases.get(words[place], ()) if words[place : place + len(alias)] == alias]
        longest = max((size for size, _ in matches), default=0)
        run = tokens[place : place + longest]
        if (
            longest
            and any(token.capital for token in run)
            and (_is_source(question, run, [name for _, name in matches]) if cited else run[0].start > 0)
        ):
            found += [name for size, name in matches if size == longest]
            place += longest
        else:
            place += 1
    return tuple(dict.fromkeys(found))


def _is_source(question: str, run: Sequence[_Token], names: Sequence[str]) -> bool:
    """True where the words can hardly mean anything else, or the question speaks of them as of a source."""
    written = question[run[0].start : run[-1].end]
    content = [token for token in run if token.word != "the"]
    short = question[content[0].start : content[0].end] if len(content) == 1 else ""
    if 0 < len(short) <= SHORTEST and short.isupper() and short not in names:
        return False  # "the US" is not the outlet "Us"
    if (
        len(content) > 1
        or any(char.isdigit() or char in ".&" for char in written)
        or any(char.isupper() for char in written.split()[-1][1:])
    ):
        return True
    before = question[: run[0].start].rstrip(" \"'“‘")
    if (not before or before[-1] in ".?!:") and not re.match(r"['’]s\b", question[run[-1].end :]):
        return False  # a capital that opens a sentence is no name
    return bool(_CITED_AFTER.search(question[run[-1].end :]) or (_CITED_BEFORE.search(question[: run[0].start]) and _plain(question, run)))


def _plain(question: str, run: Sequence[_Token]) -> bool:
    """False where the name goes on ("in Time Square"): another capital follows at once."""
    return not re.match(r"\s+[A-Z]", question[run[-1].end :])


@lru_cache(maxsize=8)
def _aliases(names: tuple[str, ...]) -> dict[str, list[tuple[tuple[str, ...], str]]]:
    """Every name and its short forms, as words, by first word."""
    found: dict[str, list[tuple[tuple[str, ...], str]]] = {}
    for name in names:
        for alias in dict.fromkeys(_forms(name)):
            found.setdefault(alias[0], []).append((alias, name))
    return found


def _forms(name: str) -> Iterator[tuple[str, ...]]:
    for written in dict.fromkeys((name, _TAGLINE.split(name)[0])):
        words = tuple(token.word for token in _tokens(_DOMAIN.sub("", written.strip())))
        whole = tuple(token.word for token in _tokens(written))
        for form in (whole, words):
            bare = form[1:] if form[:1] == ("the",) else form
            yield from (one for one in (form, bare, ("the", *bare)) if bare and len("".join(bare)) > 1)


def _tokens(text: str) -> list[_Token]:
    return [
        _Token(_folded(match.group()), match.start(), match.end(), any(char.isupper() for char in match.group()))
        for match in _WORD.finditer(text)
    ]


def _folded(word: str) -> str:
    """Case and a possessive ending away."""
    return re.sub(r"['’]s?$", "", word.casefold())
