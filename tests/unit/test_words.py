"""Words, numbers and names of a text."""

from service.words import content_stems, measured, names, negated, numbers, search_terms


def test_a_number_is_the_same_however_it_is_written() -> None:
    """`4,100`, `4100` and `4100.0` are one number; so are `five` and `5`."""
    assert numbers("4,100 people") == numbers("4100 people") == numbers("4100.0 people") == {"4100"}
    assert numbers("five ships") == numbers("5 ships") == {"5"}
    assert numbers("thirty-one dead") == numbers("thirty one dead") == {"31"}


def test_a_unit_belongs_to_its_number() -> None:
    """However percent is written; a noun that is no unit is left out."""
    assert measured("41 minutes, 11% and 12 per cent of 300 ships") == {("41", "minut"), ("11", "percent"), ("12", "percent")}
    assert measured("a ten-day trip of 2 million kilometres") == {("10", "day"), ("2000000", "kilometr")}


def test_digits_in_a_word_are_no_number() -> None:
    """`C3` and `T20` are names; `5pm` and `1990s` begin with a number."""
    assert numbers("the C3 road and the T20 final") == frozenset()
    assert numbers("at 5pm in the 1990s") == {"5", "1990"}


def test_a_magnitude_belongs_to_its_number() -> None:
    """`1.2 million` and `1,200,000` are one number; a million and a billion are two."""
    assert numbers("1.2 million") == numbers("1,200,000") == {"1200000"}
    assert numbers("two million") == {"2000000"}
    assert numbers("1 million") != numbers("1 billion")


def test_different_numbers_stay_different() -> None:
    """A changed digit, a decimal and a longer list do not fall together."""
    assert numbers("4.25 percent") != numbers("425 percent")
    assert numbers("12, 13 and 14") == {"12", "13", "14"}
    assert numbers("100") == {"100"}


def test_names_are_capitalised_words_inside_a_sentence() -> None:
    """The word that opens a sentence is capitalised anyway, so it is no evidence of a name."""
    assert names("Yesterday Mara Telle met Joren Vask.") == {"mara", "tell", "joren", "vask"}
    assert "the" not in names("Then The Ledger wrote.")


def test_stems_join_forms_of_a_word_and_leave_out_function_words() -> None:
    """`evacuated` and `evacuating` meet; `the` and `of` carry nothing."""
    assert content_stems("the evacuated people of Harsk") == {"evacu", "peopl", "harsk"}
    assert content_stems("evacuating") == {"evacu"}


def test_search_terms_keep_numbers_and_order() -> None:
    """What is searched for is what the question says, without its function words."""
    assert search_terms("How many of the 4,100 people were evacuated?") == ["4,100", "people", "evacuated"]


def test_negation_is_seen_in_its_short_forms() -> None:
    """`wasn't` negates as `not` does; `nothing else` does not exist here."""
    assert negated("The dam wasn't safe.")
    assert negated("No one was hurt.")
    assert not negated("The note was northern.")
