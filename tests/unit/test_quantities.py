"""Numbers of a sentence, with what they count and how exact they are."""

from decimal import Decimal

import pytest

from service.answering.quantities import quantities


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("It destroyed 64 homes.", "64", "64"),
        ("It destroyed 640 homes.", "635", "645"),
        ("It destroyed 641 homes.", "641", "641"),
        ("It destroyed about 4,000 homes.", "3500", "4500"),
        ("It destroyed nearly 700 homes.", "600", "700"),
        ("It destroyed more than 50 homes.", "50", "Infinity"),
        ("It destroyed fewer than 50 homes.", "0", "50"),
        ("It destroyed between 40 and 60 homes.", "40", "60"),
        ("It destroyed 40 to 60 homes.", "40", "60"),
        ("It destroyed sixty-four homes.", "64", "64"),
        ("It cost 4.1 million crowns.", "4050000", "4150000"),
        ("It cost $2bn.", "1500000000", "2500000000"),
        ("It rose by 2.5 percent.", "2.45", "2.55"),
        ("It rose by 2.5%.", "2.45", "2.55"),
    ],
)
def test_a_quantity_is_the_range_that_its_words_allow(text: str, low: str, high: str) -> None:
    """Approximations, bounds, ranges and trailing zeros leave room; a small count leaves none."""
    (found,) = quantities(text)
    assert (found.low, found.high) == (Decimal(low), Decimal(high))


@pytest.mark.parametrize(
    ("text", "unit", "said"),
    [
        ("It is 4 kilometres long.", "metre", "4 kilometres"),
        ("It is 2.5 miles long.", "metre", "2.5 miles"),
        ("It cost €40.", "€", "€40"),
        ("It cost 40 euros.", "€", "40 euros"),
        ("It rose by 4 per cent.", "percent", "4 percent"),
        ("It cost 74 million crowns.", "crown", "74 million"),
        ("Attendance was 41,500.", "", "41,500"),
    ],
)
def test_units_of_one_dimension_are_one(text: str, unit: str, said: str) -> None:
    """Currencies by sign or name, percentages however written; another noun is its own unit."""
    (found,) = quantities(text)
    assert (found.unit, found.said) == (unit, said)


@pytest.mark.parametrize(
    "text",
    [
        "It opened on 4 May.",
        "It opened on May 4.",
        "It opened in 2024.",
        "It opened at 4:17 and closed at 5 p.m.",
        "They won 3-2.",
        "It was the 3rd time.",
        "Another 12 came.",
        "Of these 12 of them left.",
        "A man aged 54 spoke.",
        "It fell two days after the vote.",
        "One of them left.",
    ],
)
def test_dates_scores_and_parts_are_no_quantities(text: str) -> None:
    """What does not say how much of the whole there is cannot be compared."""
    assert quantities(text) == ()
