"""What a sentence counts."""

from decimal import Decimal

import pytest

from service.answering.figures import asks_for_a_figure, figures, wanted_things


@pytest.mark.parametrize(
    ("text", "value", "thing"),
    [
        ("At least nine people were killed.", "9", "toll"),
        ("Twenty-three people died.", "23", "toll"),
        ("The death toll of the earthquake stands at 31, they said.", "31", "toll"),
        ("The institute revised the magnitude from 6.1 to 6.3 on Friday.", "6.3", "magnitud"),
        ("The number of people moved out rose to 3,400 on Sunday.", "3400", "peopl"),
        ("It will cost 112 million orrans.", "112000000", "orran"),
        ("The final was watched by 38,200 people.", "38200", "spectator"),
        ("The offer was raised to 4.8 percent.", "4.8", "percent"),
    ],
)
def test_a_figure_has_a_value_and_what_it_counts(text: str, value: str, thing: str) -> None:
    """Words for the dead, for spectators and for homes are made one; of a change the new value counts."""
    found = figures(text)
    assert [figure.value for figure in found] == [Decimal(value)]
    assert thing in found[0].of


@pytest.mark.parametrize(
    "text", ["It began in 2026.", "It began on 5 May.", "They met at 6 a.m. on Monday.", "They won 3-2.", "No one came."]
)
def test_dates_times_and_scores_count_nothing(text: str) -> None:
    """They are no figures that reports could differ on."""
    assert not any(figure.of for figure in figures(text))


def test_the_dead_are_not_any_people() -> None:
    """Who asks for the killed does not ask for the evacuated."""
    assert "peopl" not in wanted_things("How many people were killed?")
    assert "peopl" in wanted_things("How many people were moved?")


def test_a_question_for_a_figure_is_told_from_others() -> None:
    """By its words."""
    assert asks_for_a_figure("What is the death toll of the earthquake?")
    assert not asks_for_a_figure("Who lives there?")
