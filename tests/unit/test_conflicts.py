"""When two outlets give different figures for the same thing."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
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
    assert {(side.value, side.evidence) for side in found.sides} == {("640", (1,)), ("910", (2,))}
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


def asked(question: str, *rows: Evidence, alike: float = 0.9) -> Disagreement | None:
    """The disagreement among sentences that are all this alike, and close to the question."""
    count = len(rows)
    vectors = np.linalg.cholesky(np.full((count, count), alike) + (1 - alike) * np.eye(count)).astype(np.float32)
    return find_disagreement(question, rows, vectors, vectors.mean(axis=0))


def test_one_report_against_several_is_an_outlier() -> None:
    """The side with most voices comes first; whoever prints the same story adds no voice."""
    found = asked(
        QUESTION,
        said(1, "The earthquake destroyed 640 homes in Skell.", "Herald", 4),
        replace(said(2, "The earthquake in Skell destroyed 640 homes.", "Courier", 4), story=7),
        replace(said(3, "In Skell the earthquake destroyed 640 homes.", "Ledger", 4), story=7),
        said(4, "The earthquake destroyed 910 homes in Skell.", "Weekly", 5),
    )
    assert found is not None
    assert [(side.value, side.evidence) for side in found.sides] == [("640", (1, 2)), ("910", (4,))]
    assert found.outlier == found.sides[1]


def test_there_may_be_more_than_two_positions() -> None:
    """None of them is then an outlier."""
    found = asked(QUESTION, *(said(n, f"The earthquake destroyed {n}40 homes in Skell.", f"Outlet {n}", 4) for n in (2, 6, 9)))
    assert found is not None
    assert sorted(side.value for side in found.sides) == ["240", "640", "940"]
    assert found.outlier is None


@pytest.mark.parametrize(
    ("first", "second"), [("about 4,000", "4,100"), ("4,000", "4,100"), ("more than 50", "62"), ("at least 600", "640"), ("up to 70", "66")]
)
def test_rounding_is_no_disagreement(first: str, second: str) -> None:
    """What is meant roughly, or as a bound, agrees with what lies near or within it."""
    rows = (said(1, f"It destroyed {first} homes in Skell.", "Herald", 4), said(2, f"It destroyed {second} homes in Skell.", "Courier", 5))
    assert asked(QUESTION, *rows) is None


def test_a_later_report_that_says_it_rose_is_a_development() -> None:
    """Even within days."""
    rows = (
        said(1, "The earthquake destroyed 640 homes in Skell.", "Herald", 4),
        said(2, "The number of homes destroyed in Skell rose to 910 on Thursday.", "Courier", 5),
    )
    assert asked(QUESTION, *rows) is None


def test_outlets_may_disagree_on_the_day() -> None:
    """Where it is asked when: days are compared, whether named or told by a relative word."""
    rows = (
        said(1, "The Kolm bridge collapsed on 2 March 2026.", "Herald", 4),
        said(2, "The Kolm bridge collapsed yesterday.", "Courier", 4),
        said(3, "The Kolm bridge collapsed on Tuesday.", "Ledger", 4),
    )
    found = asked("When did the Kolm bridge collapse?", *rows)
    assert found is not None
    assert [(side.value, side.evidence) for side in found.sides] == [("3 March 2026", (3, 2)), ("2 March 2026", (1,))]


def test_outlets_may_disagree_on_whether_it_is_so() -> None:
    """One says that it did, the other that it did not."""
    rows = (
        said(1, "The governor signed the harbour treaty.", "Herald", 4),
        said(2, "The governor has not signed the harbour treaty.", "Courier", 5),
    )
    assert asked("Did the governor sign the harbour treaty?", *rows) is not None
    assert asked("Who is the governor?", *rows) is None


def test_outlets_may_disagree_on_a_name() -> None:
    """At the same place of sentences that say the same otherwise; a shorter form of a name is that name."""
    herald = said(1, "The prize for the harbour design was won by Edda Brenn on stage.", "Herald", 4)
    assert asked(
        "Who won the prize for the harbour design?", herald, said(2, herald.text.replace("Edda Brenn", "Osk Hammar"), "Courier", 4)
    )
    assert not asked("Who won the prize for the harbour design?", herald, said(2, herald.text.replace("Edda Brenn", "Brenn"), "Courier", 4))


def test_a_figure_that_the_question_gives_is_not_disputed() -> None:
    """ "How many of the six towers" asks for another."""
    rows = (
        said(1, "Six central towers are planned for the Skell church, four of the towers are finished.", "Herald", 4),
        said(2, "Five central towers are planned for the Skell church.", "Courier", 4),
    )
    assert asked("How many of the six central towers of the Skell church are finished?", *rows) is None
