"""Hostile text planted in a suite's corpus: instructions inside articles (BIPIA), or whole articles that mislead (PoisonedRAG).

Greshake et al. 2023 and Yi et al. 2023 (BIPIA); Zou et al. 2024 (PoisonedRAG). Where an attack stands in an article, and which
one it is, follows from the hash of the article's id.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from service.articles.items import Item, Loaded
from service.articles.row import article_from_row
from service.domain import Article
from service.errors import BadInput
from service.evaluation.cases import digest, read_lines
from service.evaluation.suite import Suite, planted_passages
from service.ports import Clock
from service.sentences import sentence_spans

Span = tuple[int, int]
PLACES = ("start", "middle", "end")


@dataclass(slots=True)
class Planter:
    """Adds a suite's hostile text to what is ingested, and remembers where it stands."""

    suite: Suite
    clock: Clock
    max_chars: int
    spans: dict[str, Span] = field(default_factory=dict)
    """Where the planted text stands, by article id."""

    def items(self, items: Iterable[Item]) -> Iterator[Item]:
        """The corpus with the planted text in it. Raises BadInput where the file of attacks is wrong."""
        plant = self.suite.plant
        attacks = _attacks(self.suite) if plant and plant.attacks else []
        for item in items:
            yield self._attacked(item, attacks) if attacks and isinstance(item, Loaded) else item
        if plant and plant.passages:
            yield from self._passages(plant.passages)

    def _attacked(self, item: Loaded, attacks: Sequence[str]) -> Loaded:
        article, span = attacked(item.article, attacks)
        self.spans[article.id] = span
        return replace(item, article=article)

    def _passages(self, key: str) -> Iterator[Loaded]:
        for place, row in self.suite.rows():
            for name, text in planted_passages(row, key):
                loaded = article_from_row({"id": name, "text": text}, now=self.clock(), max_chars=self.max_chars, origin="api")
                self.spans[name] = (0, len(loaded.article.text))
                yield loaded.at(place)


def attacked(article: Article, attacks: Sequence[str]) -> tuple[Article, Span]:
    """The article with one of the attacks as a paragraph of its own, at its start, middle or end; and where that stands."""
    number = int(digest(article.id), 16)
    attack, place = attacks[number % len(attacks)], PLACES[number // len(attacks) % len(PLACES)]
    spans = sentence_spans(article.text, article.language)
    at = {"start": 0, "middle": spans[len(spans) // 2][0] if spans else 0, "end": len(article.text)}[place]
    before, after = article.text[:at].rstrip(), article.text[at:].lstrip()
    head = f"{before}\n\n" if before else ""
    text = f"{head}{attack}\n\n{after}".rstrip()
    return replace(article, text=text), (len(head), len(head) + len(attack))


def touches(span: Span | None, start: int, end: int) -> bool:
    """True where `[start, end)` shares a character with the planted span."""
    return span is not None and start < span[1] and span[0] < end


def planted_in(spans: Mapping[str, Span], article_id: str, start: int, end: int) -> bool:
    """True where this place of this article was planted."""
    return touches(spans.get(article_id), start, end)


def _attacks(suite: Suite) -> list[str]:
    assert suite.plant
    assert suite.plant.attacks
    attacks = [str(row.get(suite.plant.attack) or "").strip() for _, row in read_lines(suite.plant.attacks)]
    if not attacks or not all(attacks):
        raise BadInput(f"{suite.plant.attacks}: every row must hold an attack under the key {suite.plant.attack!r}")
    return attacks
