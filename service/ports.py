"""What the flows need from the outside world, as Protocols. Adapters live in `storage` and `models`.

Each port has a contract suite in `tests/contract` that runs against its fake and its real adapter alike.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from service.domain import Answer, Article, Bylines, Coverage, Evidence, Hit, Notice, Passage, Question, Reprint, Scope, Turn, Usage
from service.sketches import Sketch

Vectors = NDArray[np.float32]


class Embedder(Protocol):
    """Turns text into vectors: `(n, dimension) float32`, each row L2-normalised."""

    @property
    def fingerprint(self) -> str:
        """Names the weights; vectors of different fingerprints must never meet."""
        ...

    @property
    def dimension(self) -> int: ...

    @property
    def max_tokens(self) -> int:
        """How many tokens of a text are really read, special tokens not counted."""
        ...

    @property
    def languages(self) -> frozenset[str] | None:
        """ISO 639-1 codes of the languages it serves; None for all."""
        ...

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Rows in the order of `texts`, as what may be found; `(0, dimension)` for none. Raises ModelError."""
        ...

    def embed_questions(self, texts: Sequence[str]) -> Vectors:
        """The same for what is asked: some encoders are given other words before a question than before a passage."""
        ...

    def token_starts(self, texts: Sequence[str]) -> list[list[int]]:
        """For each text, the character at which each of its tokens starts, ascending, nothing truncated."""
        ...


class VectorIndex(Protocol):
    """Nearest neighbours by cosine. Derived from the archive, and rebuilt from it when in doubt."""

    def upsert(self, ids: Sequence[str], vectors: Vectors) -> None: ...

    def delete(self, ids: Sequence[str]) -> None:
        """Ids that are not there are passed over."""
        ...

    def query(self, vector: Vectors, k: int) -> list[tuple[str, float]]:
        """At most k ids with their cosine similarity, best first. `vector` is `(dimension,)`."""
        ...

    def count(self) -> int: ...

    def turn(self, patience: float = ...) -> AbstractContextManager[None]:
        """Whatever a writer does to archive and index belongs inside: without it, others may forget what is not yet visible.

        Others wait so many seconds, then get ArchiveInUse, or Stopping once it is given up."""
        ...

    def mend(self) -> None:
        """Make it again from the archive where it is in doubt. Raises ArchiveError."""
        ...

    def announce(self, url: str) -> None:
        """Leave word of the address at which this process serves the archive."""
        ...

    def give_up(self) -> None:
        """It is to be closed soon: a rebuild under way, or waiting for a turn, ends with Stopping. Questions are still answered."""
        ...

    def close(self) -> None:
        """Leave it clean. A writer gets a moment to come to an end."""
        ...


@dataclass(frozen=True, slots=True)
class StagedArticle:
    """An article ready to be written: its passages and their vectors, row by row, and what tells its reprints."""

    article: Article
    passages: Sequence[Passage]
    vectors: Vectors | None
    """None for an article in a language that the encoder does not serve: it is found by its words."""
    sketch: Sketch | None = None
    notice: Notice | None = None
    content_hash: str | None = None
    """Of the article as it came in, where something was added to it since; by default its own."""


class Archive(Protocol):
    """The truth: articles, passages, their vectors and full text. Every method is safe to call from any thread."""

    def article(self, article_id: str) -> Article:
        """Raises NotFound."""
        ...

    def known(self, article_ids: Sequence[str]) -> dict[str, str]:
        """The content hash of each of these articles that is in the archive."""
        ...

    def twin(self, article: Article) -> str | None:
        """The id of another article of the same outlet with the same text, if there is one."""
        ...

    def stage(self, batch: Sequence[StagedArticle]) -> list[int]:
        """Write new versions that no search sees yet; returns their version numbers."""
        ...

    def publish(self, staged: Sequence[int]) -> list[str]:
        """Make versions visible and put those they replace beside, in one transaction; returns passage ids now gone."""
        ...

    def remove(self, article_ids: Sequence[str]) -> list[str]:
        """Remove articles, with every version they had, from every table in one transaction; returns passage ids now gone."""
        ...

    def withdraw(self, article_ids: Sequence[str]) -> list[str]:
        """Take articles out of every search and keep them readable, in one transaction; returns passage ids now gone."""
        ...

    def removed(self, keys: Sequence[str]) -> set[str]:
        """Those of these ids and addresses (`service.urls.url_key`) that were taken out by hand and not taken in by name since."""
        ...

    def at_urls(self, urls: Sequence[str]) -> dict[str, str]:
        """For each of these addresses (`service.urls.url_key`) that an article has, the article's id."""
        ...

    def vectors_of(self, passage_ids: Sequence[str]) -> dict[str, Vectors]:
        """The vectors of these passages, each `(dimension,)`; ids that are not visible or have none are absent."""
        ...

    def joined(self, versions: Sequence[int]) -> dict[str, str]:
        """For each of the articles of these versions that is of a story with others, the first of those others, by id."""
        ...

    def loose_notices(self, article_ids: Sequence[str]) -> list[Notice]:
        """Notices without a known subject: those that these articles carry, and those of their outlets that may be about one of them."""
        ...

    def notices_about(self, article_ids: Sequence[str]) -> list[Notice]:
        """The notices that are about these articles, the oldest first."""
        ...

    def unread_for_notices(self) -> Iterator[list[Article]]:
        """The articles of an archive from before notices were recognised, in batches."""
        ...

    def read_up(self, found: Sequence[Notice]) -> None:
        """Keep the notices among `unread_for_notices`, in one transaction; none is unread from then on."""
        ...

    def link(self, corrects: Mapping[str, str]) -> None:
        """Say of articles with a notice, by id, which article it is about."""
        ...

    def unsketched(self) -> Iterator[list[tuple[int, str]]]:
        """Version and text of the articles that have no sketch, in batches: those of an archive from before there were stories."""
        ...

    def sketch(self, sketches: Sequence[tuple[int, Sketch]]) -> None:
        """Give versions their sketches and put them into their stories, in one transaction."""
        ...

    def reprints(self, article_ids: Sequence[str], visible_at: datetime) -> dict[str, tuple[Reprint, ...]]:
        """For each article the other outlets that print its story, one article each, the first to print it first.

        What is not visible yet at that moment counts for nothing; an article that names no outlet is none.
        """
        ...

    def coverage(self, scope: Scope | None = None) -> Coverage: ...

    def lexical(self, terms: Sequence[str], scope: Scope, k: int) -> list[tuple[str, float]]:
        """At most k passage ids by BM25, best first, all inside the scope."""
        ...

    def in_scope(self, passage_ids: Sequence[str], scope: Scope) -> set[str]:
        """Those of the passages that are visible and inside the scope."""
        ...

    def snapshot(self) -> AbstractContextManager[None]:
        """Inside, every read of this thread sees the archive as it was at the first one, whatever is published meanwhile."""
        ...

    def vectors_in(self, scope: Scope, limit: int) -> tuple[list[str], Vectors] | None:
        """All passage ids and vectors inside the scope, or None where there are more than `limit`."""
        ...

    def bylines(self) -> Bylines:
        """Every outlet and author of a visible article, as written there, sorted."""
        ...

    def hits(self, passage_ids: Sequence[str]) -> dict[str, Hit]:
        """The passages with their articles, score 0; ids that are not visible are absent."""
        ...


class Retriever(Protocol):
    """Finds passages for a question, inside its scope."""

    def search(self, question: Question, k: int) -> list[Hit]:
        """At most k hits, best first."""
        ...


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a model is given: a fixed `system` part, then the `user` part with evidence first and question last."""

    system: str
    user: str
    max_tokens: int


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of model output as it arrives; the last one carries the usage."""

    text: str
    usage: Usage | None = None
    cut_off: bool = False
    """On the last piece: the model was stopped at its limit, so what it said may end in the middle."""


class Generator(Protocol):
    """A language model. Closing the iterator stops the model."""

    @property
    def name(self) -> str: ...

    def stream(self, prompt: Prompt) -> AsyncGenerator[Piece, None]:
        """Pieces as they come. Raises ModelUnavailable, before or in the middle."""
        ...

    async def first_token_logprobs(self, prompt: Prompt) -> dict[str, float]:
        """The natural log-probabilities of the likeliest first tokens; empty where the model's server gives none."""
        ...


class Reranker(Protocol):
    """Reads question and text together and says how well the text answers."""

    @property
    def name(self) -> str: ...

    def rerank(self, question: str, texts: Sequence[str]) -> list[float]:
        """One finite score a text, in the order of `texts`, higher is better, on any scale. Raises ModelError or ModelUnavailable."""
        ...


class SentenceJudge(Protocol):
    """Reads a claim and a few sentences and says whether they state it."""

    @property
    def name(self) -> str: ...

    async def odds(self, claim: str, evidence: Sequence[Evidence]) -> float | None:
        """Natural-log odds that the sentences state every detail of the claim, as the judge sees it; None where it cannot say.

        A judge that is down or too slow cannot say: nothing is raised for that.
        """
        ...


class Memory(Protocol):
    """What was asked and answered before in a conversation."""

    def history(self, conversation_id: str, asked_at: datetime, owner: str = "") -> tuple[Turn, ...]:
        """The last turns asked up to then, oldest first. Raises NotFound for a conversation that is not there or not the owner's."""
        ...

    def remember(self, answer: Answer, owner: str = "", *, continues: bool = False) -> bool:
        """Keep an answer; false for one that continues a conversation which is gone."""
        ...


@dataclass(frozen=True, slots=True)
class Fetched:
    """What an address gave. `status` is 200, or 304 where it has not changed, 404, 410 and so on where there is nothing."""

    url: str
    """The address it came from, after redirects."""
    status: int
    body: bytes = b""
    """Decoded; empty but for status 200."""
    content_type: str = ""
    """As the server says, with its parameters: `text/html; charset=utf-8`."""
    etag: str | None = None
    last_modified: str | None = None
    moved_to: str | None = None
    """Where every redirect on the way was permanent (301, 308): the address to ask from now on."""
    retry_after: float | None = None
    """Seconds that the server wants to be left alone, with 429 or 503."""


@dataclass(frozen=True, slots=True)
class Visit:
    """A look at an address: what to ask with the next time, and what became of it."""

    url: str
    """As it was asked for."""
    article_id: str | None = None
    """The article that the page holds; None for a page without one, and for a feed or sitemap."""
    source: str | None = None
    """The feed or sitemap that led to the page."""
    arrived: str | None = None
    """Where the page was read, after redirects (`service.urls.url_key`)."""
    etag: str | None = None
    last_modified: str | None = None
    misses: int = 0
    """How many times in a row it was not there."""
    checked_at: datetime | None = None
    since: datetime | None = None
    """Of when its article is; None where there is none in the archive."""


class VisitBook(Protocol):
    """Remembers which addresses were looked at."""

    def visited(self, urls: Sequence[str]) -> dict[str, Visit]:
        """The last look at each of these addresses (`service.urls.url_key`) that was ever looked at."""
        ...

    def pages_of(self, source: str) -> list[Visit]:
        """The pages of visible articles that a feed or sitemap led to, the longest unseen first."""
        ...

    def note_visits(self, visits: Sequence[Visit]) -> None:
        """Remember looks; a later one replaces an earlier one at the same address."""
        ...


class Fetcher(Protocol):
    """Asks the web for one address."""

    def fetch(self, url: str, *, etag: str | None = None, last_modified: str | None = None) -> Fetched:
        """What is there now, if it has changed since. Raises FetchRefused for what may not be asked, FetchFailed where nothing came."""
        ...


class Clock(Protocol):
    """Tells the time, so that tests can."""

    def __call__(self) -> datetime: ...
