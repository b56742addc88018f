"""The words of Dateline: immutable values that every stage speaks.

Nothing here reads a file, a clock or a socket, and nothing here knows which database, encoder or model is used.
All instants are timezone-aware UTC. All offsets count Unicode code points. All intervals are half-open.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any

LEAD_CHARACTERS = 80
"""How much of the text stands in for a headline where an article has none."""


class DateOrigin(StrEnum):
    """Where an article's `published_at` was found, the most trusted first."""

    JSON_LD = "json-ld"
    META = "meta"
    FEED = "feed"
    DOCUMENT = "document"
    """The article itself: a field of a row, front matter, a `<time>` of the article, a property of a PDF."""
    FILE_NAME = "file name"
    """The name of the file, or the path of the address."""
    UNKNOWN = "unknown"


class Status(StrEnum):
    """What kind of answer this is. A refusal is a value, not an exception."""

    ANSWERED = "answered"
    PARTIAL = "partial"
    CONFLICTING = "conflicting"
    INSUFFICIENT_EVIDENCE = "insufficient_evidence"
    OUTSIDE_COVERAGE = "outside_coverage"

    @property
    def is_refusal(self) -> bool:
        """True where no answer is given, only the nearest evidence."""
        return self in {Status.INSUFFICIENT_EVIDENCE, Status.OUTSIDE_COVERAGE}


class Support(StrEnum):
    """Whether the cited sentences carry an answer sentence."""

    SUPPORTED = "supported"
    UNSUPPORTED = "unsupported"


class Mode(StrEnum):
    """Who writes the answer: the model where there is one, always the model, or the articles' own sentences."""

    AUTO = "auto"
    MODEL = "model"
    EXTRACTIVE = "extractive"


class FeedbackVerdict(StrEnum):
    """Whether a reader found an answer right."""

    UP = "up"
    DOWN = "down"


class Outcome(StrEnum):
    """What ingest did with one article."""

    ADDED = "added"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    DUPLICATE = "duplicate_of"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


class ArticleState(StrEnum):
    """What a version of an article is: the one that is searched, replaced by a newer one, or withdrawn by its outlet."""

    CURRENT = "current"
    UPDATED = "updated"
    WITHDRAWN = "withdrawn"


class NoticeKind(StrEnum):
    """What a notice does to the article it is about."""

    CORRECTION = "correction"
    RETRACTION = "retraction"


@dataclass(frozen=True, slots=True)
class Notice:
    """An article that corrects or retracts: the sentence that says so, and what is known of the article it is about."""

    kind: NoticeKind
    said: str
    article_id: str
    """The article that carries the notice."""
    corrects: str | None = None
    """The article that it is about; its own id where it corrects itself; None where that is not known."""
    published_at: datetime | None = None
    """When the notice was published."""


@dataclass(frozen=True, slots=True)
class Version:
    """One version of an article, and from when to when the archive searched it."""

    number: int
    state: ArticleState
    ingested_at: datetime
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Article:
    """One news article, whole. `text` is what every offset in the system points into."""

    id: str
    text: str
    title: str = ""
    source: str | None = None
    author: str | None = None
    url: str | None = None
    language: str | None = None
    published_at: datetime | None = None
    updated_at: datetime | None = None
    date_origin: DateOrigin = DateOrigin.UNKNOWN
    zone: str | None = None
    """The offset in which the source gave `published_at`, such as `+02:00`; None for a day, or an instant without one."""
    date_conflicts: tuple[str, ...] = ()
    """What else was said of its dates, in words, where sources disagree."""
    ingested_at: datetime | None = None
    version: int | None = None
    """The archive's number of this version of it; never given again. None for an article that is not in the archive."""
    origin: str | None = None
    """Where it was read: a file's path, or `api`. Never shown to readers of answers."""
    metadata: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}), hash=False)

    @property
    def headline(self) -> str:
        """The title, or the first words of the text where there is none."""
        if self.title:
            return self.title
        lead = self.text[: LEAD_CHARACTERS + 1].split("\n", 1)[0]
        return lead if len(lead) <= LEAD_CHARACTERS else lead[:LEAD_CHARACTERS].rsplit(" ", 1)[0] + "…"

    @property
    def text_hash(self) -> str:
        """SHA-256 of the text alone: two articles with the same one say the same words."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def content_hash(self) -> str:
        """SHA-256 over everything a reader could see; unchanged content is not ingested again."""
        seen = (
            self.id,
            self.title,
            self.source,
            self.author,
            self.url,
            self.language,
            self.published_at,
            self.updated_at,
            sorted(self.metadata.items()),
            self.text_hash,
            *((self.zone,) if self.zone else ()),
            *((self.date_conflicts,) if self.date_conflicts else ()),
            *((self.date_origin.value,) if self.date_origin not in {DateOrigin.DOCUMENT, DateOrigin.UNKNOWN} else ()),
        )
        return hashlib.sha256(repr(seen).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Passage:
    """A run of whole sentences of one article: the unit that is embedded and found. `text == article.text[start:end]`."""

    id: str
    article_id: str
    ordinal: int
    start: int
    end: int
    text: str

    @classmethod
    def cut(cls, article: Article, ordinal: int, start: int, end: int) -> Passage:
        """The passage `article.text[start:end]`, its id made of article, offsets and text."""
        text = article.text[start:end]
        key = f"{article.id}\0{start}\0{end}\0{text}"
        return cls(hashlib.sha256(key.encode()).hexdigest()[:32], article.id, ordinal, start, end, text)


@dataclass(frozen=True, slots=True)
class Bylines:
    """Outlets and authors, as the archive writes them."""

    sources: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage that a search found, with its article. The scores belong to this retrieval and to no other."""

    passage: Passage
    article: Article
    score: float
    dense_rank: int | None = None
    lexical_rank: int | None = None
    parts: tuple[tuple[str, float], ...] = ()
    """What the score is the sum of, by name; empty for a ranking that has only a score."""
    rerank_score: float | None = None
    """What the reranker said of it, on the reranker's own scale; None where none was asked."""
    story: int | None = None
    """Articles that print one text share it; None where it was not worked out. Changes with what is taken in, so never kept."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One numbered sentence shown to the model: `text == article.text[start:end]`."""

    number: int
    article: Article
    passage: Passage
    start: int
    end: int
    text: str
    score: float
    story: int | None = None
    """That of the hit."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Which articles a search may use.

    `visible_at` hides everything published later. An article of unknown date is visible from when it was ingested,
    and never matches a date filter. Sources are compared without regard to case.
    """

    visible_at: datetime
    published_from: datetime | None = None
    published_to: datetime | None = None
    sources: tuple[str, ...] = ()
    article_ids: tuple[str, ...] = ()

    def within(self, window: Window) -> Scope:
        """This scope cut down to a window."""
        start = max(filter(None, (self.published_from, window.start)), default=None)
        end = min(filter(None, (self.published_to, window.end)), default=None)
        return replace(self, published_from=start, published_to=end)


@dataclass(frozen=True, slots=True)
class Window:
    """A time window read out of a question: `[start, end)` in UTC, either side open, and the words that said so."""

    start: datetime | None
    end: datetime | None
    phrase: str
    applied: bool = True
    """False where the reader wants no windows: it is shown and has no effect."""
    span: tuple[int, int] | None = None
    """Where the phrase lies in the standalone question, half-open; None for a phrase put together from several."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One earlier exchange of a conversation."""

    question: str
    answer: str
    standalone: str = ""
    """The question as it was understood; empty where nobody says."""
    asked_at: datetime | None = None
    """What "last week" in it is."""

    @property
    def statement(self) -> str:
        """The question as far as it is known to stand alone."""
        return self.standalone or self.question


@dataclass(frozen=True, slots=True)
class Question:
    """A question as understood: what to search for, where, and in which window."""

    asked: str
    standalone: str
    asked_at: datetime
    scope: Scope
    window: Window | None = None
    """The one that is shown: what spans all of `windows`."""
    wants_latest: bool = False
    earlier: Turn | None = None
    """The exchange that a follow-up leans on."""
    windows: tuple[Window, ...] = ()
    """Every time expression, in reading order."""
    outlets: tuple[str, ...] = ()
    """Outlets of the archive that the question names, as the archive writes them."""
    authors: tuple[str, ...] = ()
    quoted: tuple[str, ...] = ()
    """Phrases of two words or more that the question puts in quotation marks."""
    clauses: tuple[str, ...] = ()
    """The parts of a question that asks about several things."""

    @property
    def weighing(self) -> tuple[Window, ...]:
        """The windows that have an effect. What is still to come when the question is asked is in today's news, not in that day's."""
        return tuple(window for window in self.windows if window.applied and (window.start is None or window.start <= self.asked_at))


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens a model read and wrote, as it reported them; None where it did not."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None

    def plus(self, other: Usage) -> Usage:
        """Both together; what neither told is not known."""
        return Usage(_sum(self.prompt_tokens, other.prompt_tokens), _sum(self.completion_tokens, other.completion_tokens))


def _sum(one: int | None, two: int | None) -> int | None:
    return None if one is None and two is None else (one or 0) + (two or 0)


@dataclass(frozen=True, slots=True)
class Reprint:
    """An article in which another outlet prints the same story, whole or nearly so."""

    article_id: str
    source: str
    published_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Citation:
    """A place: `article.text[start:end] == quote`, always."""

    marker: int
    article: Article
    quote: str
    start: int
    end: int
    also_in: tuple[Reprint, ...] = ()
    """The other outlets that had printed the story when the question was asked, one article each, the first to print it first."""
    before: str = ""
    """The words of its paragraph that stand before the quote, shortened at a word; `…` where there is more."""
    after: str = ""


@dataclass(frozen=True, slots=True)
class AnswerSentence:
    """One sentence of an answer, whether the cited sentences carry it, and the markers of those citations."""

    text: str
    support: Support
    citations: tuple[int, ...] = ()
    missing: tuple[str, ...] = ()
    """For an unsupported one: what it says that no sentence of the evidence does, where the check can name it."""


@dataclass(frozen=True, slots=True)
class Position:
    """One side of a disagreement."""

    value: str
    citations: tuple[int, ...]
    voices: int = 1
    """How many independent stories say so: reprints are one, and so is all that one outlet says."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """Sources that give different values for the same thing; what most of them say comes first."""

    about: str
    positions: tuple[Position, ...]
    outlier: str | None = None
    """The value that only one voice gives, where every other has several."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """What the archive holds: number of articles and the half-open range of their dates."""

    articles: int
    first: datetime | None = None
    last: datetime | None = None


@dataclass(frozen=True, slots=True)
class GeneratorUsed:
    """Which generator wrote the answer, and why a lesser one had to, if it did."""

    name: str
    kind: str
    fallback: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """The whole answer, as every door shows it. Timings are milliseconds by stage."""

    id: str
    conversation_id: str
    question: Question
    status: Status
    sentences: tuple[AnswerSentence, ...]
    citations: tuple[Citation, ...]
    conflicts: tuple[Conflict, ...]
    nearest: tuple[Citation, ...]
    coverage: Coverage
    generator: GeneratorUsed
    timings_ms: Mapping[str, float]
    usage: Usage
    evidence: tuple[Evidence, ...] = ()
    found: tuple[Hit, ...] = ()
    """Every passage that was considered, best first, of which the first `read` were read for evidence."""
    read: int = 0
    dropped: tuple[str, ...] = ()
    """Draft sentences that grounding cut, for the curious and for the eval; never shown as an answer."""
    confidence: float | None = None
    """How sure it is that the evidence answers the question: log-odds by `answering.sureness`, below 0 where it was refused for that."""
    given_at: datetime | None = None
    """When it was really asked, which may be long after the moment that it was asked for; None where that was not kept."""
    prompts: tuple[tuple[str, str], ...] = ()
    """What the model was asked, each as its system and user part, in order; for the curious, and not kept."""
    signals: Mapping[str, float] = field(default_factory=dict, hash=False)
    """What that was made of, by name."""

    @property
    def text(self) -> str:
        """The sentences as one string, each followed by its citation marks."""
        return " ".join(
            sentence.text.rstrip(".") + " " + "".join(f"[{m}]" for m in sentence.citations) + "."
            if sentence.citations and sentence.text.endswith(".")
            else sentence.text + "".join(f" [{m}]" for m in sentence.citations)
            for sentence in self.sentences
        )


@dataclass(frozen=True, slots=True)
class Feedback:
    """What a reader said of an answer, and when. `reason` is a few words, `comment` a few sentences; either may be missing.

    `sentence` is the one that is meant, counted from 0; None for the whole answer.
    """

    answer_id: str
    verdict: FeedbackVerdict
    given_at: datetime
    reason: str | None = None
    comment: str | None = None
    sentence: int | None = None
