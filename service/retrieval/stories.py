"""One vote for each story: of articles that print one text, what they all say is found once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from service.domain import Article, Hit
from service.sentences import sentence_spans
from service.words import bare_words

_LAST = datetime.max.replace(tzinfo=UTC)


def one_vote(hits: Sequence[Hit]) -> list[Hit]:
    """The hits, best first, without what a story's other articles repeat.

    Of each story one article keeps all its passages: that of the best hit, of equal ones the first to be published. A passage of
    another stays only where one of its sentences, word for word, is in none of the story's passages that stay. Where it
    goes, the passages that hold its sentences take its place and score if theirs are worse: no text that was found is lost or sinks.
    """
    stories: dict[int, list[int]] = defaultdict(list)
    for place, hit in enumerate(hits):
        stories[-1 - place if hit.story is None else hit.story].append(place)
    left = [pair for places in stories.values() for pair in _voted(hits, places)]
    return [hit for _, hit in sorted(left, key=lambda pair: pair[0])]


def _voted(hits: Sequence[Hit], places: Sequence[int]) -> list[tuple[int, Hit]]:
    """What is left of the hits of one story, which are those at these places, each with its new place."""
    if len({hits[place].article.id for place in places}) == 1:
        return [(place, hits[place]) for place in places]
    kept = _original([hits[place] for place in places]).id
    to = {place: place for place in places if hits[place].article.id == kept}
    prints = {place: _printed(hits[place].passage.text) for place in places}
    for place in places:
        if hits[place].article.id == kept:
            continue
        said = _sentences(hits[place])
        holders = [one for one in to if any(sentence in prints[one] for sentence in said)]
        if all(any(sentence in prints[one] for one in holders) for sentence in said):
            to |= {one: min(to[one], place) for one in holders}
        else:
            to[place] = place
    return [(new, _lifted(hits[old], hits[new])) for old, new in to.items()]


def _lifted(hit: Hit, to: Hit) -> Hit:
    """The hit with the better score of the two; what the other print of its words adds is a part of its own."""
    return replace(hit, score=to.score, parts=(*hit.parts, ("reprint", to.score - hit.score))) if to.score > hit.score else hit


def _original(rows: Sequence[Hit]) -> Article:
    """The article of the best hit, of equal ones the first to be published; one of unknown date comes after all others."""
    equal = [hit.article for hit in rows if hit.score == rows[0].score]
    return min(equal, key=lambda one: (one.published_at or _LAST, one.id))


def _sentences(hit: Hit) -> list[str]:
    spans = sentence_spans(hit.passage.text, hit.article.language)
    return [said for start, end in spans if (said := _printed(hit.passage.text[start:end])).strip()]


def _printed(text: str) -> str:
    """The text's words between spaces, so that whole sentences are found in it."""
    return f" {' '.join(bare_words(text))} "
