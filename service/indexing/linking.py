"""Linking: which article of the archive a notice is about. Never guessed: where nothing names one article, none is.

An outlet speaks for its own articles only. A retraction takes an article out of the evidence, and no outlet can do that to another's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from itertools import islice
from math import log
from urllib.parse import urlsplit

from service.domain import Article, Notice, Scope
from service.errors import NotFound
from service.indexing import notice_wording as wording
from service.indexing.named_days import named_days
from service.ports import Archive
from service.sentences import sentence_spans
from service.urls import url_key
from service.words import bare_words, content_stems, names, numbers, search_terms

CANDIDATES = 20
"""Articles that are looked at for one way of naming the article."""
PASSAGES = 60
"""Passages that are looked for to find them: a long article has many under one headline."""
NEAREST = timedelta(days=90)
"""How long before a notice that names neither headline nor day its article may have been printed."""
AHEAD = 1.5
"""How many times the likeness of the second candidate the first must have. A first choice."""
MIN_NAMES, MIN_STEMS = 2, 4
"""Names and content words that a notice shares with its article where nothing but these tells. First choices."""
SHORT_HEADLINE = 4
"""Quoted words, below which a headline may be any phrase and must share more with the notice."""
_READ = 2_000
"""Characters of a notice that say what it is about."""
_READ_OF_CANDIDATE = 5_000
_MOST = 20
"""Addresses, quotations and days of one notice that are followed."""
_EVER = datetime.max.replace(tzinfo=UTC)
_ADDRESS = re.compile(r"https?://[^\s<>\"“”«»|\\^`{}]{4,2000}")
_QUOTED = re.compile(r"[\"“„«] ?([^\"“”„«»\n]{3,300}?) ?[\"”“»]|(?<!\w)[‘']([^‘\n\"“”]{3,300}?)[’'](?!\w)")
_HEADLINED = re.compile(
    r"\bheadlin\w+|\b(?:en)?titled\b|\bunder the (?:heading|title)\b|\b(?:article|story|report|piece|column|interview) \(?[“\"‘]",
    re.IGNORECASE,
)
_PRINTED = re.compile(
    r"\b(?:article|story|report|piece|post|column|item|headline|caption|editorial|review|interview|obituary|edition|issue|paper|newspaper|"
    r"printed|published|reported|artikel|bericht|beitrag|meldung|ausgabe|paru|publié)\w*",
    re.IGNORECASE,
)
_GENERIC = content_stems(
    """article articles story stories report reported reports correction corrections clarification clarifications retraction
    retracted notice error errors wrong wrongly incorrect incorrectly correct corrected mistake mistakes mistakenly misstated
    published printed headline apologise apologize apologises regret regrets readers figure version earlier editor note withdrawn
    page edition newspaper paper online january february march april june july august september october november december monday
    tuesday wednesday thursday friday saturday sunday yesterday"""
)


def link(notice: Notice, archive: Archive) -> str | None:
    """The id of the article that a notice is about; None where that is not certain, or the archive does not have it.

    By an address in the notice, a headline that it quotes, the day that it names, or else by names and words that only one article of
    the outlet shares. Never the notice's own article, nor one published after it. A few milliseconds; the first time a third of a second.
    """
    try:
        case = _Case(archive.article(notice.article_id))
    except NotFound:  # removed since
        return None
    found = _by_address(case, archive) or _by_headline(case, archive)
    if found or not case.article.source:
        return found
    days = case.days(_PRINTED)
    if days:
        return _by_day(case, archive, days)
    return None if case.names_its_article else _by_likeness(case, archive)


@dataclass(frozen=True)
class _Case:
    """A notice as it is read here."""

    article: Article

    @cached_property
    def text(self) -> str:
        """Headline and opening."""
        return f"{self.article.title}.\n{self.article.text[:_READ]}"

    @cached_property
    def before(self) -> datetime | None:
        """What it is about was published before this; a notice dated by the day alone may be of the same day."""
        at = self.article.published_at
        return at if at is None or at.timetz() != time(tzinfo=UTC) else at + timedelta(days=1)

    @cached_property
    def addresses(self) -> frozenset[str]:
        """Keys of the addresses in its text and metadata, its own left out."""
        written = [self.article.text[: 10 * _READ], *_strings(self.article.metadata)]
        found = (match.group().rstrip(".,;:!?)]}'’") for text in written for match in _ADDRESS.finditer(text))
        return frozenset(key for one in islice(found, _MOST) if (key := url_key(one))) - {url_key(self.article.url) or ""}

    @cached_property
    def quoted(self) -> tuple[str, ...]:
        """What it puts in quotation marks, and its own headline without the label."""
        marked = (first or second for first, second in _QUOTED.findall(self.text))
        label = wording.CORRECTION_LABEL.match(self.article.title) or wording.RETRACTION_LABEL.match(self.article.title)
        rest = [self.article.title[label.end() :]] if label else []
        return tuple(islice(dict.fromkeys([*marked, *rest]), _MOST))

    @cached_property
    def names_its_article(self) -> bool:
        """Whether it gives a headline, or an address of its own site: then another article than that is none."""
        host = _host(self.article.url)
        return bool(_HEADLINED.search(self.text)) or any(host and _host(address) == host for address in self.addresses)

    @cached_property
    def stems(self) -> frozenset[str]:
        """What it speaks of, in words."""
        return content_stems(self.text) - _GENERIC - content_stems(self.article.source or "")

    @cached_property
    def names(self) -> frozenset[str]:
        """Whom and what it names."""
        return names(self.text) & self.stems

    @cached_property
    def numbers(self) -> frozenset[str]:
        """Its numbers of two digits and more."""
        return frozenset(number for number in numbers(self.text) if len(number) > 1)

    def days(self, about: re.Pattern[str] | None = None) -> list[date]:
        """The days, no later than the notice, that its sentences name, or those of them that are about something."""
        if self.article.published_at is None:
            return []
        language, today = self.article.language, self.article.published_at.date()
        sentences = (self.text[start:end] for start, end in sentence_spans(self.text, language))
        found = (day for one in sentences if about is None or about.search(one) for day in named_days(one, today, language))
        return list(islice(dict.fromkeys(day for day in found if day <= today), _MOST))

    def may_be_about(self, other: Article) -> bool:
        """Whether it is another article of the same outlet that was not published later."""
        if other.id == self.article.id or not _same_outlet(self.article, other):
            return False
        return self.before is None or other.published_at is None or other.published_at < self.before


def _same_outlet(one: Article, other: Article) -> bool:
    """By name, or by the site; where a name is missing, unless the sites differ."""
    first, second = _host(one.url), _host(other.url)
    if first and first == second:
        return True
    if one.source and other.source:
        return one.source.casefold() == other.source.casefold()
    return not (first and second)


def _host(url: str | None) -> str | None:
    try:
        return (urlsplit(url or "").hostname or "").removeprefix("www.") or None
    except ValueError:
        return None


def _strings(value: object, depth: int = 4) -> Iterator[str]:
    """The texts anywhere in metadata, to a depth."""
    if isinstance(value, str):
        yield value[:_READ]
    elif depth and isinstance(value, (Mapping, list, tuple)):
        for inner in value.values() if isinstance(value, Mapping) else value:
            yield from _strings(inner, depth - 1)


# ── the ways ─────────────────────────────────────────────────────────────────


def _by_address(case: _Case, archive: Archive) -> str | None:
    found = []
    for article_id in set(archive.at_urls(sorted(case.addresses)).values()):
        try:
            found.append(archive.article(article_id))
        except NotFound:  # an address that the archive remembers of an article that is gone
            continue
    return _only(one for one in found if case.may_be_about(one))


def _by_headline(case: _Case, archive: Archive) -> str | None:
    found: dict[str, Article] = {}
    for quote in case.quoted:
        words = bare_words(quote)
        if len(words) < 2:  # one word in quotation marks is no headline
            continue
        for sources in ((case.article.source,), ()) if case.article.source else ((),):
            same = [one for one in _search(archive, search_terms(quote) or words, Scope(_EVER, sources=sources)) if _is_title(quote, one)]
            same = [one for one in same if case.may_be_about(one) and (len(words) >= SHORT_HEADLINE or _Likeness(case, one).stems)]
            found |= {one.id: one for one in same}
            if same:
                break
    if len(found) > 1:  # "Morning briefing" is another article every day
        days = case.days()
        return _only(one for one in found.values() if one.published_at and one.published_at.date() in days)
    return _only(found.values())


def _is_title(quote: str, article: Article) -> bool:
    """Whether the words are those of the headline, the outlet's name behind it left out, or its beginning where they are cut off."""
    words = bare_words(quote)
    if quote.rstrip().endswith(("…", "...")):
        return len(words) >= SHORT_HEADLINE and bare_words(article.title)[: len(words)] == words
    return any(
        bare_words(title) == words for title in (article.title, *(article.title.rsplit(mark, 1)[0] for mark in (" | ", " - ", " – ")))
    )


def _by_day(case: _Case, archive: Archive, days: Sequence[date]) -> str | None:
    """What was printed that day, or, since papers and pages differ, the day before or after."""
    found = set()
    for day in days:
        start = datetime.combine(day, time(), UTC)
        near = _printed(case, archive, start - timedelta(days=1), start + timedelta(days=2))
        exact = [one for one in near if one.published_at and one.published_at.date() == day]
        found.add(_likest(case, exact, 1, MIN_STEMS - 1) or _likest(case, near, 1, MIN_STEMS - 1))
    found.discard(None)
    return found.pop() if len(found) == 1 else None


def _by_likeness(case: _Case, archive: Archive) -> str | None:
    if case.before is None:
        return None
    return _likest(case, _printed(case, archive, case.before - NEAREST, case.before), MIN_NAMES, MIN_STEMS)


def _printed(case: _Case, archive: Archive, start: datetime, end: datetime) -> list[Article]:
    """Articles of the outlet from that time with words of the notice; notices are not about notices."""
    end = min(end, case.before) if case.before else end
    scope = Scope(_EVER, start, end, (case.article.source or "",))
    terms = [word for word in search_terms(case.text) if not content_stems(word) & _GENERIC]
    labels = (wording.CORRECTION_LABEL, wording.RETRACTION_LABEL)
    found = _search(archive, list(dict.fromkeys(terms)), scope) if start < end else []
    return [one for one in found if case.may_be_about(one) and not any(label.match(one.title) for label in labels)]


def _search(archive: Archive, terms: Sequence[str], scope: Scope) -> list[Article]:
    """At most CANDIDATES articles, the best by words first."""
    ranked = [row for row, _ in archive.lexical(terms, scope, PASSAGES)]
    hits = archive.hits(ranked)
    found = {hits[row].article.id: hits[row].article for row in ranked if row in hits}
    return list(islice(found.values(), CANDIDATES))


def _only(found: Iterable[Article]) -> str | None:
    ids = {one.id for one in found}
    return ids.pop() if len(ids) == 1 else None


# ── likeness ─────────────────────────────────────────────────────────────────


class _Likeness:
    """What a notice and a candidate have in common."""

    def __init__(self, case: _Case, candidate: Article) -> None:
        text = f"{candidate.title}.\n{candidate.text[:_READ_OF_CANDIDATE]}"
        words = content_stems(text)
        self.article_id = candidate.id
        self.stems = case.stems & words
        self.names = case.names & words
        self.shared = [*self.stems, *self.names, *(2 * sorted(case.numbers & numbers(text)))]
        """Names count twice, and so do numbers."""


def _likest(case: _Case, candidates: Sequence[Article], min_names: int, min_stems: int) -> str | None:
    """The candidate that shares the most with the notice, clearly more than the next; what all of them share counts least."""
    likenesses = [_Likeness(case, one) for one in candidates]
    having: dict[str, int] = {}
    for one in likenesses:
        for word in set(one.shared):
            having[word] = having.get(word, 0) + 1
    scores = {one.article_id: sum(log(1 + (len(likenesses) - having[word]) / having[word]) for word in one.shared) for one in likenesses}
    fit = sorted(
        (one for one in likenesses if len(one.names) >= min_names and len(one.stems) >= min_stems), key=lambda one: -scores[one.article_id]
    )
    if not fit:
        return None
    best = scores[fit[0].article_id]
    others = [scores[one.article_id] for one in likenesses if one is not fit[0]]
    return fit[0].article_id if not others or best > AHEAD * max(others) else None
