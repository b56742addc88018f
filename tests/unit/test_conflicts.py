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


def judge(*rows: Evidence, question: str = QUESTION) -> Disagreement | None:
    """The disagreement among these sentences, on how many homes were destroyed unless another question is given."""
    vectors = EMBEDDER.embed([row.text for row in rows])
    return find_disagreement(question, rows, vectors, EMBEDDER.embed([question])[0])


def sides(found: Disagreement | None) -> dict[str, tuple[int, ...]]:
    """Each value with the numbers of the sentences that give it."""
    return {side.value: side.voices for side in found.sides} if found else {}


def test_two_outlets_with_different_figures_at_one_time_disagree() -> None:
    """Both values are named, with the sentences that give them."""
    found = judge(
        said(1, "The earthquake destroyed 640 homes in Skell.", "Herald", 4),
        said(2, "The earthquake destroyed 910 homes in Skell.", "Courier", 5),
    )
    assert found is not None
    assert {side.value: side.voices for side in found.sides} == {"640": (1,), "910": (2,)}
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


def test_three_outlets_can_have_three_figures() -> None:
    """There may be more than two sides, and then nobody stands alone against several."""
    found = judge(
        said(1, "The earthquake destroyed 640 homes in Skell.", "Herald", 4),
        said(2, "The earthquake destroyed 910 homes in Skell.", "Courier", 5),
        said(3, "The earthquake destroyed 777 homes in Skell.", "Ledger", 5),
    )
    assert found is not None
    assert sides(found) == {"640": (1,), "910": (2,), "777": (3,)}
    assert found.outlier is None


def test_one_against_several_is_the_outlier() -> None:
    """Who agrees is on one side, whatever the words around the figure; what most say comes first."""
    found = judge(
        said(1, "The earthquake destroyed 910 homes in Skell.", "Herald", 4),
        said(2, "The earthquake destroyed 640 homes in Skell.", "Courier", 5),
        said(3, "About 600 houses in Skell were destroyed in the earthquake.", "Ledger", 5),
    )
    assert found is not None
    assert found.sides[0].value == "640"
    assert sorted(found.sides[0].voices) == [2, 3]
    assert found.outlier is not None
    assert found.outlier.value == "910"


def test_reprints_and_second_sentences_are_no_further_voices() -> None:
    """A story has one voice however many outlets print it, and so has an outlet."""
    found = judge(
        replace(said(1, "The earthquake destroyed 910 homes in Skell.", "Herald", 4), story=1),
        replace(said(2, "The earthquake destroyed 640 homes in Skell.", "Courier", 5), story=2),
        replace(said(3, "In Skell the earthquake destroyed 640 homes.", "Ledger", 5), story=2),
        replace(said(4, "The earthquake destroyed 640 homes in Skell, it is said.", "Courier", 5), story=4),
    )
    assert [len(voices) for voices in sides(found).values()] == [1, 1]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("destroyed about 4,000 homes", "destroyed 4,100 homes"),
        ("destroyed more than 50 homes", "destroyed 57 homes"),
        ("destroyed nearly 700 homes", "destroyed 680 homes"),
        ("destroyed up to 900 homes", "destroyed 640 homes"),
        ("destroyed 4 thousand homes", "destroyed 4,120 homes"),
        ("destroyed 600 to 700 homes", "destroyed 640 homes"),
        ("destroyed sixty-four homes", "destroyed 64 homes"),
        ("destroyed another 12 homes", "destroyed 640 homes"),
        ("destroyed 640 homes", "destroyed 12 of the 640 homes"),
    ],
)
def test_roundings_and_parts_are_no_disagreement(first: str, second: str) -> None:
    """What both sentences may truly say of one amount, or of a part of it, is not contradicted."""
    assert (
        judge(said(1, f"The earthquake {first} in Skell.", "Herald", 4), said(2, f"The earthquake {second} in Skell.", "Courier", 4))
        is None
    )


@pytest.mark.parametrize(
    "later", ["has now destroyed 910 homes", "destroyed 910 homes, up from 640,", "destroyed a latest count of 910 homes"]
)
def test_a_later_report_that_brings_up_to_date_is_a_development(later: str) -> None:
    """It says itself that the figure has changed."""
    assert (
        judge(
            said(1, "The earthquake destroyed 640 homes in Skell.", "Herald", 4), said(2, f"The earthquake {later} in Skell.", "Courier", 5)
        )
        is None
    )


@pytest.mark.parametrize(("day", "differ"), [(4, True), (5, False)])
def test_a_toll_that_is_higher_a_day_later_is_a_development(day: int, differ: bool) -> None:
    """On one day two tolls disagree; the dead are counted upwards."""
    found = judge(
        said(1, "The earthquake in Skell killed 14 people.", "Herald", 4),
        said(2, "The earthquake in Skell killed 23 people.", "Courier", day),
        question="How many people has the earthquake in Skell killed?",
    )
    assert (found is not None) is differ


@pytest.mark.parametrize(
    ("question", "first", "second", "values"),
    [
        (
            "What will the bridge in Skell cost?",
            "The bridge in Skell will cost 74 million crowns.",
            "The cost of the bridge in Skell will be 96 million crowns.",
            {"74 million", "96 million"},
        ),
        (
            "How high is the unemployment rate in Skell?",
            "The unemployment rate in Skell is 4.1 percent.",
            "In Skell the unemployment rate is at 5.3%.",
            {"4.1 percent", "5.3 percent"},
        ),
        (
            "When will the tunnel in Skell open?",
            "The tunnel in Skell will open on 9 April.",
            "The tunnel in Skell will open tomorrow, the mayor said on Monday.",
            {"9 April 2026", "5 March 2026"},
        ),
        (
            "Who won the mayoral election in Skell?",
            "Anna Brann won the mayoral election in Skell.",
            "The mayoral election in Skell was won by Edda Hammar.",
            {"Anna Brann", "Edda Hammar"},
        ),
        (
            "Where did the ferry Aurora sink?",
            "The ferry Aurora sank, or did sink, near Harsk.",
            "The ferry Aurora did sink near Merrin.",
            {"Harsk", "Merrin"},
        ),
        (
            "Did the council of Skell approve the tunnel?",
            "The council of Skell approved the tunnel.",
            "The council of Skell did not approve the tunnel.",
            {"yes", "no"},
        ),
        (
            "Who will pay for the tunnel in Skell, the town or the state?",
            "The tunnel in Skell will be paid by the town.",
            "The state will pay for the tunnel in Skell, and not the town.",
            {"town", "state"},
        ),
    ],
)
def test_each_kind_of_value_can_be_disputed(question: str, first: str, second: str, values: set[str]) -> None:
    """Prices, rates, days, people, places, yes and no, and which of two."""
    assert set(sides(judge(said(1, first, "Herald", 4), said(2, second, "Courier", 4), question=question))) == values


@pytest.mark.parametrize(
    ("question", "first", "second"),
    [
        (
            "When will the tunnel in Skell open?",
            "The tunnel in Skell will open on 5 March.",
            "The tunnel in Skell will open tomorrow, the mayor said on Monday.",
        ),
        ("How long is the tunnel in Skell?", "The tunnel in Skell is 4 kilometres long.", "The tunnel in Skell is 2.5 miles long."),
        (
            "Who won the mayoral election in Skell?",
            "Anna Brann won the mayoral election in Skell.",
            "Brann won the mayoral election in Skell.",
        ),
        (
            "Did the council of Skell approve the tunnel?",
            "The council of Skell approved the tunnel.",
            "The council of Skell might not approve the tunnel.",
        ),
        ("Why did the tunnel in Skell cost 74 million?", "The tunnel in Skell cost 74 million.", "The tunnel in Skell cost 96 million."),
        (
            "How many people live in Skell?",
            "In 2021 some 5,200 people lived in Skell, where people live long.",
            "In 2024 some 6,900 people lived in Skell, where people live long.",
        ),
    ],
)
def test_one_thing_said_in_two_ways_is_no_disagreement(question: str, first: str, second: str) -> None:
    """The same day, length and person; what is left open; what nobody asked; and amounts of different years."""
    assert judge(said(1, first, "Herald", 4), said(2, second, "Courier", 4), question=question) is None


def test_of_two_figures_that_each_passage_has_neither_is_disputed() -> None:
    """Articles that both have both count two things."""
    rows = [
        said(1, "The earthquake destroyed 640 homes in Skell.", "Herald", 4),
        said(2, "The earthquake destroyed 910 homes in Skell.", "Courier", 4),
    ]
    both = [replace(row, passage=replace(row.passage, text="The earthquake destroyed 640 homes in Skell and 910 in all.")) for row in rows]
    assert judge(*rows) is not None
    assert judge(*both) is None
