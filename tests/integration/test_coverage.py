"""Whether the archive holds anything from where and when a question asks."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from service.domain import Article, Passage, Question, Scope, Window
from service.errors import BadQuestion
from service.ports import StagedArticle
from service.retrieval.coverage import check_outlets, is_covered
from service.storage.archive import SqliteArchive
from tests.fakes import NOON, FixedClock


def day(text: str | None) -> datetime | None:
    """Midnight UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC) if text else None


def opened(folder: Path, *dates: str | None) -> SqliteArchive:
    """An archive with an article of each date."""
    archive = SqliteArchive(folder / "archive.sqlite3", "hashing", FixedClock(NOON))
    for number, date in enumerate(dates):
        article = Article(f"a{number}", "It rained.", source="Herald", published_at=day(date))
        archive.publish(archive.stage([StagedArticle(article, [Passage.cut(article, 0, 0, 10)], np.ones((1, 2), dtype=np.float32))]))
    return archive


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[SqliteArchive]:
    """Articles of two years with a year between them, and of one day."""
    archive = opened(tmp_path, "2023-05-01", "2023-11-20", "2025-02-10", "2025-08-01", "2026-03-04")
    yield archive
    archive.close()


def asked(*windows: tuple[str | None, str | None], scope: Scope | None = None) -> Question:
    """A question at noon of 1 June 2026 about these windows."""
    return Question("q", "q", NOON, scope or Scope(NOON), windows=tuple(Window(day(start), day(end), "then") for start, end in windows))


@pytest.mark.parametrize(
    ("window", "covered"),
    [
        (("2023-01-01", "2024-01-01"), True),
        (("2024-01-01", "2025-01-01"), False),  # a hole inside the archive's range, with nothing in the month after it
        (("1994-01-01", "1995-01-01"), False),
        (("2026-05-01", "2026-05-08"), False),  # after the last article
        (("2026-03-04", "2026-03-05"), True),
        (("2026-03-01", "2026-03-02"), True),  # printed two days later
        (("2026-02-01", "2026-02-02"), False),  # a month later is no report of that day
        (("2026-01-20", "2026-02-20"), True),  # but a month's news may be in the next month's papers
        (("2026-03-05", "2026-03-06"), False),  # printed before it happened
        ((None, "2023-01-01"), False),
        ((None, "2023-05-02"), True),
        (("2026-03-05", None), False),
        (("2026-03-04", None), True),
        (("2026-07-01", "2026-08-01"), True),  # still to come: forecasts may say
    ],
)
def test_a_window_is_covered_by_an_article_in_it_or_soon_after(
    archive: SqliteArchive, window: tuple[str | None, str | None], covered: bool
) -> None:
    """The reader is told that the archive has nothing from then, rather than given the news of another time."""
    assert is_covered(asked(window), archive) is covered


def test_of_several_windows_one_is_enough(archive: SqliteArchive) -> None:
    """A question that compares two times can be answered in part."""
    assert is_covered(asked(("1994-01-01", "1995-01-01"), ("2023-01-01", "2024-01-01")), archive)
    assert not is_covered(asked(("1994-01-01", "1995-01-01"), ("2024-01-01", "2025-01-01")), archive)


def test_a_window_that_is_not_applied_limits_nothing(archive: SqliteArchive) -> None:
    """The reader took it away."""
    question = asked(("1994-01-01", "1995-01-01"))
    assert is_covered(replace(question, windows=tuple(replace(window, applied=False) for window in question.windows)), archive)


def test_a_filter_without_articles_is_not_covered(archive: SqliteArchive) -> None:
    """Whatever the question; nor is anything in an empty archive."""
    assert is_covered(asked(), archive)
    assert not is_covered(asked(scope=Scope(NOON, published_from=day("2026-04-01"))), archive)
    assert not is_covered(asked(scope=Scope(NOON, article_ids=("nobody",))), archive)


def test_articles_without_dates_cover_any_time(tmp_path: Path) -> None:
    """Nobody knows when they are from."""
    archive = opened(tmp_path, None, None)
    assert is_covered(asked(("1994-01-01", "1995-01-01")), archive)
    archive.close()


def test_an_unknown_outlet_is_an_error_that_helps() -> None:
    """A typo is told from an outlet that has nothing; case does not matter."""
    known = ("Northern Herald", "The Ledger")
    check_outlets((), known)
    check_outlets(("northern herald", "THE LEDGER"), known)
    with pytest.raises(BadQuestion, match=r"filters.sources: .*'The Leger'; did you mean The Ledger\?"):
        check_outlets(("The Leger",), known)
    with pytest.raises(BadQuestion, match="it has 2, which"):
        check_outlets(("xyz",), known)
    check_outlets(("anyone",), ())
