"""The parts of a question that asks about several things."""

import pytest

from service.retrieval.clauses import clauses, things_asked


@pytest.mark.parametrize(
    ("question", "parts"),
    [
        (
            "Which firm built the Halvern dam in the north, and which firm repaired the Merrin bridge afterwards?",
            ("Which firm built the Halvern dam in the north", "which firm repaired the Merrin bridge afterwards?"),
        ),
        (
            "Does the Gazette expect higher ferry fares this summer while the Courier expects lower ferry fares?",
            ("Does the Gazette expect higher ferry fares this summer", "while the Courier expects lower ferry fares?"),
        ),
        (
            "Who closed the old harbour bridge at night and the new railway line to Merrin?",
            ("Who closed the old harbour bridge at night", "the new railway line to Merrin?"),
        ),
    ],
)
def test_a_question_about_two_things_has_two_parts(question: str, parts: tuple[str, ...]) -> None:
    """Broken at commas, semicolons, "while" and an "and" that opens a new clause."""
    assert clauses(question) == parts


@pytest.mark.parametrize(
    "question",
    [
        "Who closed the bridge?",
        "Who are Ada Berg, Jo Lund and Kai Holm?",
        "How many people left Harsk and Skell?",
        "What happened in Merrin, Halland?",
        "",
        ", ; , and ,",
        ", ".join(f"did minister number{i} resign from office{i} because of scandal{i}" for i in range(9)),
    ],
)
def test_one_thing_or_a_long_list_stays_whole(question: str) -> None:
    """Parts that say too little go with their neighbour, and a list of more than six is searched for as a whole."""
    assert clauses(question) == ()


def test_no_word_is_lost() -> None:
    """A short piece is kept with the part before it."""
    question = "Which company, founded in Merrin, sells electric ferries abroad, and which bank lends money to shipyards?"
    joined = " ".join(clauses(question))
    assert all(word.strip(",?") in joined for word in question.split() if word != "and")


@pytest.mark.parametrize(
    ("question", "things"),
    [
        ("Who won the cup, and by how much?", ("Who won the cup", "by how much?")),
        ("How many died on the first day and how many by April?", ("How many died on the first day", "how many by April?")),
        ("What failed? When was it found?", ("What failed", "When was it found?")),
        ("Which firm owns the line, and on what date did it break?", ("Which firm owns the line", "on what date did it break?")),
        ("Who said that the dam and the road are safe?", ()),
        ("How many men and women left?", ()),
        ("Is it true that he knew who, and so did she?", ()),
    ],
)
def test_what_a_question_asks_for_one_by_one(question: str, things: tuple[str, ...]) -> None:
    """Another question word after an "and" asks for another thing; other words after it do not."""
    assert things_asked(question) == things
