"""From a question's words to what is searched for."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from service.domain import Bylines, Question, Scope, Turn
from service.errors import BadQuestion
from service.retrieval.understand import understand

ASKED_AT = datetime(2026, 5, 20, 12, tzinfo=UTC)


def ask(text: str, *turns: Turn, infer_window: bool = True) -> Question:
    """The question as understood on 20 May 2026."""
    return understand(text, ASKED_AT, Scope(ASKED_AT), infer_window=infer_window, history=turns)


@pytest.mark.parametrize("text", ["", "   ", "\n\t", "\x00\x07"])
def test_a_question_without_words_is_refused(text: str) -> None:
    """White space and control characters ask nothing."""
    with pytest.raises(BadQuestion, match="empty"):
        ask(text)


def test_a_question_that_is_too_long_says_how_long_it_may_be() -> None:
    """2,000 characters are the limit, and the message says so."""
    with pytest.raises(BadQuestion, match=r"10,000 characters; the limit is 2,000"):
        ask("a" * 10_000)


def test_a_filter_that_ends_before_it_begins_is_refused() -> None:
    """An empty interval would silently find nothing."""
    scope = Scope(ASKED_AT, datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC))
    with pytest.raises(BadQuestion, match="ends before it begins"):
        understand("Who won?", ASKED_AT, scope)


def test_as_of_cuts_off_what_came_later() -> None:
    """What the reader asked not to know is not visible at all."""
    question = ask("How many were missing as of 3 March 2026?")
    assert question.scope.visible_at == datetime(2026, 3, 4, tzinfo=UTC) - timedelta(microseconds=1)
    assert question.wants_latest


def test_as_of_a_later_day_shows_nothing_from_after_the_question() -> None:
    """A date ahead of `asked_at` does not lift its limit."""
    assert ask("How many were missing as of 3 June 2027?").scope.visible_at == ASKED_AT


def test_a_window_weighs_but_does_not_cut() -> None:
    """ "Last week" is shown and used to rank; the scope stays as it was."""
    question = ask("What was decided last week?")
    assert question.window is not None
    assert question.scope == Scope(ASKED_AT)


def test_the_reader_can_remove_the_window() -> None:
    """With `infer_window` false, what was read is told and has no effect, "as of" included."""
    question = ask("What was decided last week as of 15 May 2026?", infer_window=False)
    assert question.window is not None
    assert not question.window.applied
    assert [window.applied for window in question.windows] == [False, False]
    assert question.scope == Scope(ASKED_AT)
    assert not question.wants_latest


def test_all_windows_are_kept_and_what_spans_them_is_searched() -> None:
    """Two dates are two windows, and one that holds both."""
    question = ask("Do the  reports of 4 October 2025 and of\n5 November 2025 agree?")
    assert [window.phrase for window in question.windows] == ["4 October 2025", "5 November 2025"]
    assert [question.standalone[slice(*window.span)] for window in question.windows if window.span] == ["4 October 2025", "5 November 2025"]
    assert question.window is not None
    assert (question.window.start, question.window.end) == (datetime(2025, 10, 4, tzinfo=UTC), datetime(2025, 11, 6, tzinfo=UTC))


def test_as_of_is_one_of_the_windows() -> None:
    """Its cut bounds the other from above."""
    question = ask("How many were missing as of 7 March 2026 since January?")
    assert [window.phrase for window in question.windows] == ["as of 7 March 2026", "since January"]
    assert question.window is not None
    assert (question.window.start, question.window.end) == (datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 3, 8, tzinfo=UTC))


def test_the_zone_of_asking_is_that_of_yesterday_and_the_question_is_utc() -> None:
    """Half past midnight in Berlin, yesterday is the day that UTC still has."""
    asked_at = datetime(2026, 5, 21, 0, 30, tzinfo=ZoneInfo("Europe/Berlin"))
    question = understand("What happened yesterday?", asked_at, Scope(asked_at.astimezone(UTC)))
    assert question.window is not None
    assert question.window.start == datetime(2026, 5, 20, tzinfo=UTC)
    assert (question.asked_at, question.asked_at.tzinfo) == (datetime(2026, 5, 20, 22, 30, tzinfo=UTC), UTC)


@pytest.mark.parametrize(
    ("text", "latest"),
    [
        ("What is the latest figure?", True),
        ("Who is the current mayor?", True),
        ("What is the newest estimate?", True),
        ("What does it cost now?", True),
        ("Who leads at the moment?", True),
        ("What sells these days?", True),
        ("Who resigned recently?", True),
        ("How has demand been lately?", True),
        ("What happened in recent weeks?", True),
        ("What happened in the past few days?", True),
        ("Who sang 'Right Now' there?", False),
        ("Who knows the answer?", False),
    ],
)
def test_a_wish_for_news_is_no_window(text: str, latest: bool) -> None:
    """ "Latest" and "recently" ask for what is newest, and do not say when."""
    question = ask(text)
    assert (question.wants_latest, question.window) == (latest, None)


def test_a_follow_up_takes_along_what_it_leans_on() -> None:
    """A question with a pronoun and few names of its own is searched together with the one before."""
    question = ask("And how many of them returned?", Turn("How many people left Harsk?", "3,400."))
    assert question.standalone == "And how many of them returned? (about: How many people left Harsk?)"


def test_a_new_topic_does_not_drag_the_old_one_along() -> None:
    """A question that names its own things stands alone."""
    text = "Did Mara Telle open the Harrow Bridge before it closed?"
    assert ask(text, Turn("How many people left Harsk?", "3,400.")).standalone == text


def test_a_question_that_leans_on_nothing_stays_as_it_is() -> None:
    """Without history there is nothing to add."""
    assert ask("Why did it close?").standalone == "Why did it close?"


def test_a_quotation_is_two_words_or_more_and_no_outlet() -> None:
    """Double, curly and single marks; an apostrophe opens nothing, and the name of an outlet in quotation marks is the outlet."""
    text = "Did 'The Merrin Courier' call it \"a sign of rain\", “the last ferry” or 'never mind' in the mayor's \"speech\"?"
    question = understand(text, ASKED_AT, Scope(ASKED_AT), known=Bylines(("The Merrin Courier",)))
    assert question.quoted == ("a sign of rain", "the last ferry", "never mind")
    assert question.outlets == ("The Merrin Courier",)
