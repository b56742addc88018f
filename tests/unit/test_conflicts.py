"""When two outlets give different figures for the same thing."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from service.answering.conflicts import Disagreement, find_disagreement
from service.domain import Article, Evidence, Passage
from service.models.hashing import HashingEmbedder

EMBEDDER = HashingEmbedder()
QUESTION = "How many homes has the earthquake destroyed in Skell?"


def said(number: int, text: str, source: str, day: int, title: str = "Skell after the earthquake") -> Evidence:
    """A sentence that is a whole article of March 2026."""
    article = Article(f"a{number}", text, title=title, source=source, published_at=datetime(2026, 3, day, tzinfo=UTC))
    return Evidence(number, article, Passage.cut(article, 0, 0, len(text)), 0, len(text), text, 1.0)


def judge(*rows: Evidence) -> Disagreement | None:
    """The disagreement among these sentences on how many homes were destroyed."""
    vectors = EMBEDDER.embed([row.text for row in rows])
    return find_disagreement(QUESTION, rows, vectors, EMBEDDER.embed([QUESTION])[0])


def test_two_outlets_with_different_figures_at_one_time_disagree() -> None:
    """Both values are named, with the sentences that give them."""
    found = judge(
        said(1, "The earthquake destroyed 640 homes in Skell.", "Herald", 4),
        said(2, "The earthquake destroyed 910 homes in Skell.", "Courier", 5),
    )
    assert found is not None
    assert {found.first, found.second} == {("640", 1), ("910", 2)}
    assert found.about == "homes"


def test_a_figure_that_grows_over_weeks_is_a_development() -> None:
    """What is printed weeks apart may both have been true."""
    assert (
        judge(
            said(1, "The earthquake destroyed 640 homes in Skell.", "Herald", 1),
            said(2, "The earthquake destroyed 910 homes in Skell.", "Courier", 28),
        )
        is None
    )


def test_one_outlet_does_not_disagree_with_itself() -> None:
    """A second figure of the same outlet is an update."""
    assert (
        judge(
            said(1, "The earthquake destroyed 640 homes in Skell.", "Herald", 4),
            said(2, "The earthquake destroyed 910 homes in Skell.", "Herald", 5),
        )
        is None
    )


@pytest.mark.parametrize(("first", "second", "differ"), [(7, 7, False), (7, 8, True), (7, None, True), (None, None, True)])
def test_two_prints_of_one_story_do_not_disagree(first: int | None, second: int | None, differ: bool) -> None:
    """With different figures one is a revision of the other, whatever the outlets; articles of no known story may disagree."""
    herald = said(1, "The earthquake destroyed 640 homes in Skell.", "Herald", 4)
    courier = said(2, "The earthquake destroyed 910 homes in Skell.", "Courier", 5)
    assert (judge(replace(herald, story=first), replace(courier, story=second)) is not None) is differ


def test_the_same_figure_written_differently_is_no_disagreement() -> None:
    """`1,640` and `1640` are one number."""
    assert (
        judge(
            said(1, "The earthquake destroyed 1,640 homes in Skell.", "Herald", 4),
            said(2, "The earthquake destroyed 1640 homes in Skell.", "Courier", 5),
        )
        is None
    )


def test_figures_of_different_things_do_not_disagree() -> None:
    """Homes destroyed and people injured are counted apart."""
    assert (
        judge(
            said(1, "The earthquake destroyed 640 homes in Skell.", "Herald", 4),
            said(2, "The earthquake injured 910 people in Skell.", "Courier", 5),
        )
        is None
    )


def test_a_correction_is_no_second_opinion() -> None:
    """An outlet that takes its figure back agrees with the other."""
    assert (
        judge(
            said(1, "The earthquake destroyed 640 homes in Skell.", "Herald", 4),
            said(2, "The earthquake destroyed 910 homes in Skell.", "Courier", 5, title="Correction: homes in Skell"),
        )
        is None
    )
