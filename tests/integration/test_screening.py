"""What is put together before it is embedded: the few changed articles of many full batches, on the real archive."""

from collections.abc import Iterator, Sequence

import pytest

from service.articles.items import Item
from service.bootstrap import build
from service.indexing.screening import Screen, Screened
from service.services import Services
from service.settings import Settings
from tests.fakes import CountingEmbedder
from tests.integration.test_ingest import loaded

SIZE = 4


@pytest.fixture
def services(settings: Settings) -> Iterator[Services]:
    """An archive of 40 articles."""
    with build(settings, embedder=CountingEmbedder()) as built:
        built.ingest(loaded(f"a{number}", f"Report {number}.") for number in range(40))
        yield built


def edition(changed: Sequence[int], articles: int = 40, size: int = SIZE) -> Iterator[list[Item]]:
    """The articles in batches; those of these numbers with other words."""
    texts = [f"Report {number}{', corrected' if number in changed else ''}." for number in range(articles)]
    for start in range(0, articles, size):
        yield [loaded(f"a{number}", texts[number]) for number in range(start, min(start + size, articles))]


def sizes(found: Sequence[Screened]) -> list[tuple[int, int]]:
    """Articles looked at, and fresh ones, of each."""
    return [(len(one.rows), len(one.fresh)) for one in found]


def test_the_few_fresh_articles_of_full_batches_are_put_together(services: Services) -> None:
    """One in each of ten batches of four: three times four of them and the rest, every article told once and in order."""
    found = list(Screen(services.archive).looks(edition(range(0, 40, 4)), SIZE, clock=lambda: 0.0))
    assert sizes(found) == [(16, 4), (16, 4), (8, 2)]
    assert [row.article_id for one in found for row in one.rows] == [f"a{number}" for number in range(40)]


def test_what_is_unchanged_waits_for_nothing(services: Services) -> None:
    """A batch with nothing fresh is told at once, unless something fresh before it still waits."""
    assert sizes(list(Screen(services.archive).looks(edition(()), SIZE, clock=lambda: 0.0))) == [(4, 0)] * 10
    assert sizes(list(Screen(services.archive).looks(edition((9,)), SIZE, clock=lambda: 0.0))) == [(4, 0), (4, 0), (32, 1)]


def test_nothing_fresh_waits_longer_than_some_seconds(services: Services) -> None:
    """The clock moves by two seconds with each look at it: what came first is given after five."""
    ticks = iter(range(0, 1_000, 2))
    found = list(Screen(services.archive).looks(edition(range(0, 40, 4), 24), SIZE, seconds=5.0, clock=lambda: next(ticks)))
    assert sizes(found) == [(12, 3)] * 2
    ticks = iter(range(0, 1_000, 3))
    found = list(Screen(services.archive).looks(edition(range(0, 40, 4), 24), SIZE, seconds=5.0, clock=lambda: next(ticks)))
    assert sizes(found) == [(8, 2)] * 3


def test_a_short_batch_is_not_kept_back(services: Services) -> None:
    """A source that gives one thing in five seconds is seen article by article."""
    found = list(Screen(services.archive).looks(edition(range(3), 3, size=1), SIZE, clock=lambda: 0.0))
    assert sizes(found) == [(1, 1)] * 3


def test_what_was_found_before_an_error_is_given_before_it(services: Services) -> None:
    """Two fresh articles that waited are not lost when the source breaks."""

    def broken() -> Iterator[list[Item]]:
        yield from edition((1, 5), 8)
        raise OSError("the disk is gone")

    looks = Screen(services.archive).looks(broken(), SIZE, clock=lambda: 0.0)
    assert sizes([next(looks)]) == [(8, 2)]
    with pytest.raises(OSError, match="the disk is gone"):
        next(looks)
