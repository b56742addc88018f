"""Time windows read out of questions."""

from datetime import UTC, datetime

import pytest

from service.retrieval.window import find_as_of, find_window

ASKED_AT = datetime(2026, 5, 20, 15, 30, tzinfo=UTC)  # a Wednesday


@pytest.mark.parametrize(
    ("question", "start", "end"),
    [
        ("What happened yesterday?", "2026-05-19", "2026-05-20"),
        ("What was said today?", "2026-05-20", "2026-05-21"),
        ("What was decided this week?", "2026-05-18", "2026-05-25"),
        ("What was decided last week?", "2026-05-11", "2026-05-18"),
        ("Which part was demolished last month?", "2026-04-01", "2026-05-01"),
        ("How many strikes were there this month?", "2026-05-01", "2026-06-01"),
        ("Who won last year?", "2025-01-01", "2026-01-01"),
        ("What did the bank do in April?", "2026-04-01", "2026-05-01"),
        ("What did the bank do in September?", "2025-09-01", "2025-10-01"),
        ("What did the bank do in March 2026?", "2026-03-01", "2026-04-01"),
        ("What happened on 3 March?", "2026-03-03", "2026-03-04"),
        ("What happened on March 3, 2026?", "2026-03-03", "2026-03-04"),
        ("What happened on the 3rd of March 2026?", "2026-03-03", "2026-03-04"),
        ("What happened on 2026-03-03?", "2026-03-03", "2026-03-04"),
        ("Who was mayor in 1994?", "1994-01-01", "1995-01-01"),
        ("What happened between January and March 2026?", "2026-01-01", "2026-04-01"),
        ("What happened from 3 March 2026 to 5 March 2026?", "2026-03-03", "2026-03-06"),
        ("What has changed since February?", "2026-02-01", None),
        ("What happened after 5 March 2026?", "2026-03-06", None),
        ("What was known before 5 March 2026?", None, "2026-03-05"),
        ("How did exports do in Q1 2026?", "2026-01-01", "2026-04-01"),
    ],
)
def test_expressions_become_half_open_intervals(question: str, start: str | None, end: str | None) -> None:
    """Each expression means the interval a reader would say, in UTC, against the moment of asking."""
    window = find_window(question, ASKED_AT)
    assert window is not None
    assert (window.start and window.start.date().isoformat(), window.end and window.end.date().isoformat()) == (start, end)
    assert window.phrase in question


def test_rolling_windows_end_when_the_question_is_asked() -> None:
    """ "The past three weeks" reaches back from now, and includes this very moment."""
    window = find_window("What changed in the past three weeks?", ASKED_AT)
    assert window is not None
    assert window.start == datetime(2026, 4, 29, 15, 30, tzinfo=UTC)
    assert window.end is not None
    assert window.end > ASKED_AT


@pytest.mark.parametrize(
    "question",
    [
        "May the minister resign?",
        "Who will March in the parade?",
        "How many people may march?",
        "What did August Berg say?",
        "How many people were evacuated?",
        "What is the interest rate now?",
        "How long is the 24 hour strike?",
        "Who pays the fine of 2000 orrans?",
        "Which village of 1800 people was flooded?",
    ],
)
def test_words_that_may_mean_something_else_are_no_window(question: str) -> None:
    """A month's name alone is a verb or a person as often as a date, so it limits nothing."""
    assert find_window(question, ASKED_AT) is None


def test_as_of_is_everything_up_to_the_end_of_that_day() -> None:
    """ "As of 3 March" includes what was published on that day, and nothing after it."""
    window = find_as_of("How many were missing as of 3 March?", ASKED_AT)
    assert window is not None
    assert window.start is None
    assert window.end == datetime(2026, 3, 4, tzinfo=UTC)
    assert find_as_of("How many were missing?", ASKED_AT) is None


def test_an_interval_that_ends_before_it_begins_is_no_window() -> None:
    """ "Between May and March" of one year is not understood rather than turned around."""
    window = find_window("What happened between May 2026 and March 2026?", ASKED_AT)
    assert window is None or window.start is None or window.end is None or window.start < window.end
