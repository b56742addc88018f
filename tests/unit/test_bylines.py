"""Outlets and authors that a question names."""

import pytest

from service.domain import Bylines
from service.retrieval.bylines import find_bylines

KNOWN = Bylines(
    sources=(
        "CityWire.com",
        "Gazette | News of the North",
        "Kestrel",
        "NewsBeacon",
        "Port Asel Gazette",
        "The Harbour",
        "The Harbour - Sport",
        "The Merrin Courier",
        "Time",
        "Us",
        "Ünited Press",
        "7Days",
    ),
    authors=("Ada Berg", "Berg", "Jo O'Neil", "Will May"),
)


@pytest.mark.parametrize(
    ("question", "sources"),
    [
        ("What did the Port Asel Gazette say of the dam?", ("Port Asel Gazette",)),
        ("What did The Merrin Courier say?", ("The Merrin Courier",)),
        ("What did the Merrin Courier say?", ("The Merrin Courier",)),
        ("Is the MERRIN COURIER right?", ("The Merrin Courier",)),
        ("What is the Merrin Courier's view?", ("The Merrin Courier",)),
        ("According to NewsBeacon, who won?", ("NewsBeacon",)),
        ("What has NewsBeacon found that 'The Merrin Courier' has not?", ("NewsBeacon", "The Merrin Courier")),
        ("Who said so on CityWire?", ("CityWire.com",)),
        ("Who said so on CityWire.com?", ("CityWire.com",)),
        ("Does the Gazette report that it rained?", ("Gazette | News of the North",)),
        ("Does Gazette | News of the North say that it rained?", ("Gazette | News of the North",)),
        ("What was in The Harbour - Sport on Monday?", ("The Harbour - Sport",)),
        ("What did Ünited Press report?", ("Ünited Press",)),
        ("Did 7Days cover it?", ("7Days",)),
        ("According to Time, who is it?", ("Time",)),
        ("Who does the Time article blame?", ("Time",)),
        ("Which firm, as Kestrel reported, is bankrupt?", ("Kestrel",)),
        ("What do Kestrel and NewsBeacon say?", ("Kestrel", "NewsBeacon")),
    ],
)
def test_an_outlet_is_found_however_it_is_written(question: str, sources: tuple[str, ...]) -> None:
    """With and without "The", a web ending or what follows a bar, in another case, in quotation marks, possessive."""
    assert find_bylines(question, KNOWN).sources == sources


@pytest.mark.parametrize(
    "question",
    [
        "What time is it?",
        "Time will tell: who was it?",
        "Is there Time Square in Merrin?",
        "How much time did the kestrel need?",
        "Which Kestrel nests in the tower?",
        "Kestrel claims rose, but why?",
        "What did the US report?",
        "Will May be warm?",
        "What is in the harbour?",
        "The weather in Merrin?",
        "Courier or post: what is faster?",
        "",
        "😀" * 500,
    ],
)
def test_ordinary_words_are_no_outlets(question: str) -> None:
    """A name that is also a word counts only where the question speaks of it as of a source, and never in lower case."""
    assert find_bylines(question, KNOWN) == Bylines()


def test_the_longest_name_is_meant() -> None:
    """ "Port Asel Gazette" is not also the "Gazette", and "The Harbour - Sport" not also "The Harbour"."""
    assert find_bylines("What did the Port Asel Gazette say?", KNOWN).sources == ("Port Asel Gazette",)
    assert find_bylines("What did The Harbour - Sport report?", KNOWN).sources == ("The Harbour - Sport",)


def test_sections_share_the_short_name_of_their_outlet() -> None:
    """Whoever asks for "The Harbour" may mean any of its sections."""
    assert find_bylines("What did The Harbour report?", KNOWN).sources == ("The Harbour", "The Harbour - Sport")


@pytest.mark.parametrize(
    ("question", "authors"),
    [
        ("What does Ada Berg write of the dam?", ("Ada Berg",)),
        ("What is Jo O'Neil's view?", ("Jo O'Neil",)),
        ("What does Berg write?", ()),
        ("What does ada berg write?", ()),
    ],
)
def test_authors_are_named_by_two_words(question: str, authors: tuple[str, ...]) -> None:
    """A single name is anybody's, and one in lower case is not a name."""
    assert find_bylines(question, KNOWN).authors == authors


def test_an_archive_without_names_knows_none() -> None:
    """Nothing is found among nothing, or among names without a letter."""
    assert find_bylines("What did The Merrin Courier say?", Bylines()) == Bylines()
    assert find_bylines("What did … say? - – |", Bylines(sources=("…", "-", "|", " | x", ""))) == Bylines()
