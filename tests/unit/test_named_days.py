"""Days in the words of a notice."""

from datetime import date

import pytest

from service.indexing.named_days import named_days

TODAY = date(2026, 6, 13)
"""A Saturday."""


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("An article of 11 February gave a wrong date for March 2025.", [date(2026, 2, 11)]),
        ("In Monday's paper, on page 3, we were wrong.", [date(2026, 6, 8)]),
        ("A story on Page 3 of Tuesday's edition was wrong.", [date(2026, 6, 9)]),
        ("Our report of 9 December was wrong.", [date(2025, 12, 9)]),
        ("On 12 April we printed what we withdrew on 14 April.", [date(2026, 4, 12), date(2026, 4, 14)]),
        ("It takes 41 minutes and costs 3.9 percent; we sat in 1989.", []),
    ],
)
def test_days_and_nothing_but_days(text: str, days: list[date]) -> None:
    """Weekdays and days without a year are the last ones; months, years, minutes and little words are no days."""
    assert list(named_days(text, TODAY)) == days


def test_german_days_in_a_german_text() -> None:
    """Read in the language that the article is in."""
    assert list(named_days("In unserem Bericht vom 3. Juni stand es falsch.", TODAY, "de-DE")) == [date(2026, 6, 3)]


@pytest.mark.parametrize(("text", "today"), [("article of 1 1 1 1 " * 20, TODAY), ("yesterday, or 12 March", date(1, 1, 1))])
def test_what_cannot_be_read_names_no_day(text: str, today: date) -> None:
    """A table of numbers, a day before the first of the calendar."""
    assert list(named_days(text, today)) == []
