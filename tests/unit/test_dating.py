"""Relative words of articles and the dates behind them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from service.answering.dating import annotated, date_words, dated, long_before, relative_times, reported, shown
from service.answering.prompting import evidence_block
from service.domain import Article, Evidence, Passage, Question, Scope

WEDNESDAY = datetime(2026, 3, 11, 8, tzinfo=UTC)


def said(text: str, published_at: datetime | None = WEDNESDAY) -> Evidence:
    """The sentence as the whole of an article of that moment."""
    article = Article("a", text, source="Gazette", published_at=published_at)
    return Evidence(1, article, Passage.cut(article, 0, 0, len(text)), 0, len(text), text, 1.0)


def asked(text: str) -> Question:
    """A question asked weeks later."""
    moment = datetime(2026, 6, 1, tzinfo=UTC)
    return Question(text, text, moment, Scope(moment))


@pytest.mark.parametrize(
    ("text", "phrase", "meant"),
    [
        ("He arrived yesterday.", "yesterday", "10 March 2026"),
        ("Vask flew over the dam on Wednesday as it rained.", "Wednesday", "11 March 2026"),
        ("The storm came on Friday.", "Friday", "6 March 2026"),
        ("The council will meet on Tuesday to vote.", "Tuesday", "17 March 2026"),
        ("Voting begins tomorrow.", "tomorrow", "12 March 2026"),
        ("It will reopen in three days.", "in three days", "14 March 2026"),
        ("They met last week.", "last week", "the week of 2 March 2026"),
        ("Last month's earthquake was strong.", "Last month", "February 2026"),
        ("Last year was dry.", "Last year", "2025"),
        ("The road was closed last night.", "last night", "the night of 10 March 2026"),
    ],
)
def test_a_relative_word_means_what_it_meant_on_the_day_of_the_article(text: str, phrase: str, meant: str) -> None:
    """Past sentences look back, sentences about what is to come look ahead."""
    assert [(one.phrase, one.said) for one in relative_times(text, WEDNESDAY)] == [(phrase, meant)]


@pytest.mark.parametrize(
    "text",
    [
        "Every Monday they meet.",
        "The Sunday Times said so.",
        "Shares rose 5 percent in three days.",
        "“We leave tomorrow,” he said.",
        "Next Friday is a holiday.",
        "It happened on Tuesday 3 March 2026.",
        "In the past week it fell.",
        "Monday nights are quiet.",
    ],
)
def test_what_is_no_certain_day_is_left_alone(text: str) -> None:
    """Names, habits, stretches, speech and what two readers read differently."""
    assert relative_times(text, WEDNESDAY) == ()


def test_an_article_without_a_date_resolves_nothing() -> None:
    """There is nothing to count from."""
    assert relative_times("He arrived yesterday.", None) == ()


def test_the_model_reads_the_date_behind_the_word() -> None:
    """In the evidence of its prompt."""
    assert annotated(said("He arrived yesterday.")) == "He arrived yesterday (10 March 2026)."
    assert "[1] He arrived yesterday (10 March 2026)." in evidence_block([said("He arrived yesterday.")])


def test_a_quoted_sentence_gets_a_note_in_brackets() -> None:
    """It stays the article's sentence for all to see."""
    assert dated("He arrived yesterday.", [said("He arrived yesterday.")]) == "He arrived yesterday [10 March 2026]."
    assert dated("Last month's quake hit.", [said("Last month's quake hit.")]) == "Last month's [February 2026] quake hit."


@pytest.mark.parametrize(
    ("draft", "shown"),
    [
        ("The minister came yesterday.", "The minister came on 10 March 2026."),
        ("Yesterday, the minister came.", "On 10 March 2026, the minister came."),
        ("The minister has been there since yesterday.", "The minister has been there since 10 March 2026."),
        ("The minister came on Tuesday.", "The minister came on Tuesday 10 March 2026."),
    ],
)
def test_a_drafted_sentence_says_the_date_instead(draft: str, shown: str) -> None:
    """By the word of the cited article, or another word for the same day."""
    assert dated(draft, [said("Minister Vask arrived yesterday.")]) == shown


def test_a_relative_word_that_the_article_does_not_use_is_anchored() -> None:
    """Nobody shall count it from the day of asking."""
    assert dated("Vask came last month.", [said("Minister Vask arrived.")]) == "Vask came last month (as of 11 March 2026)."


def test_the_date_words_are_those_of_the_resolution_alone() -> None:
    """A check may take them for the sentence's own; other dates are not among them."""
    assert date_words(said("He arrived yesterday.")) == "10 March 2026 Tuesday"
    assert date_words(said("He arrived.")) == ""


def test_the_latest_is_said_with_the_date_of_its_report() -> None:
    """In the sentence that opens the answer, and in no other."""
    question = replace(asked("What is the latest toll?"), wants_latest=True)
    assert shown("It is 5.", [said("The toll is 5.")], question, opens=True) == "It is 5 (reported 11 March 2026)."
    assert shown("It is 5.", [said("The toll is 5.")], question, opens=False) == "It is 5."
    assert reported("“It is 5.”", [said("It is 5.")]) == "“It is 5.” (reported 11 March 2026)"


def test_when_is_answered_with_a_date() -> None:
    """The sentence's own, or that of the report."""
    one = said("The minister came yesterday.")
    assert shown("The minister came.", [one], asked("When did he come?"), opens=True) == "The minister came (reported 11 March 2026)."
    assert shown("The minister came yesterday.", [one], asked("When did he come?"), opens=True).endswith("yesterday [10 March 2026].")
    assert shown("The minister came.", [one], asked("Who came?"), opens=True) == "The minister came."


def test_news_of_this_week_is_not_from_years_ago() -> None:
    """Of two articles of then neither can tell of the week that is asked about; one of a few days before may announce it."""
    question = replace(
        asked("Which country elected its first female prime minister this week?"), asked_at=datetime(2026, 4, 15, tzinfo=UTC)
    )
    draft = "Sweden elected its first female prime minister this week."
    old = said("Sweden's prime minister-elect resigned seven hours after being appointed.", datetime(2021, 11, 25, tzinfo=UTC))
    assert long_before(draft, [old], question) == "this week"
    assert long_before(draft, [replace(old, article=replace(old.article, published_at=datetime(2026, 4, 3, tzinfo=UTC)))], question) is None
    assert long_before("Sweden elected its first female prime minister.", [old], question) is None
    assert long_before(draft, [replace(old, article=replace(old.article, published_at=None))], question) is None
