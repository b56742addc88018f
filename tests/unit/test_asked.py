"""Whether a drafted sentence gives anything of the kind that is asked for."""

import pytest

from service.answering.asked import may_answer


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("How many people were injured in the Skell earthquake?", "At least nine people were killed in the Skell earthquake."),
        ("How many cars was the Petrel carrying?", "The Petrel carried 131 passengers when she ran aground."),
        ("What was the name of the fisherman who died in Grenna?", "The fisherman who died in Grenna was 77 years old."),
    ],
)
def test_another_count_and_no_name_are_no_answer(question: str, text: str) -> None:
    """What is counted, what befell the people, and a name that the question does not have already."""
    assert not may_answer(question, text)


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("How many people were injured in the Skell earthquake?", "In Skell 112 people were hurt in the earthquake."),
        ("How many people were injured in the Skell earthquake?", "In Skell nine people were killed and 112 injured."),
        ("How many homes were lost in Skell?", "In Skell 640 houses are beyond repair."),
        ("How many cars was the Petrel carrying?", "41."),
        ("How many by late April?", "By late April 32 people were dead in Skell."),
        ("What was the name of the fisherman who died in Grenna?", "The fisherman who died in Grenna was Odd Brekke."),
        ("How many people died in Skell?", "The toll rose to 32 in Skell on Tuesday."),
        ("How many injured people died in Skell?", "Nine people died of it in Skell."),
        ("How many soldiers were killed?", "The army lost 31 troops in the fighting."),
        ("How many people live in Merrin?", "The population of Merrin is 412,000 by the census."),
        ("Why did the number of people killed rise?", "More homes were found to have been lost."),
        ("When will the names of the dead be published?", "They will be published on a Tuesday in March."),
        ("Why did the Petrel run aground?", "A steering alarm had been switched off weeks before."),
    ],
)
def test_other_words_for_it_and_bare_answers_may_be(question: str, text: str) -> None:
    """Synonyms and tallies count, a number may leave its noun to the question, and other questions have no kind."""
    assert may_answer(question, text)
