"""The model-free check of a drafted sentence against the evidence."""

from datetime import UTC, datetime

import numpy as np
import pytest

from service.answering.grounding import ground, strip_marks
from service.domain import Article, Evidence, Passage, Support
from service.models.hashing import HashingEmbedder

EMBEDDER = HashingEmbedder()


def evidence(*texts: str, title: str = "Evacuation below Halvern Dam") -> list[Evidence]:
    """Numbered sentences of one article."""
    whole = "\n".join(texts)
    article = Article("a", whole, title=title, source="Northern Herald", published_at=datetime(2026, 3, 8, tzinfo=UTC))
    passage = Passage.cut(article, 0, 0, len(whole))
    found = []
    for number, text in enumerate(texts, 1):
        start = whole.index(text)
        found.append(Evidence(number, article, passage, start, start + len(text), text, 1.0))
    return found


def check(sentence: str, *texts: str, marked: tuple[int, ...] = ()) -> tuple[Support, tuple[int, ...]]:
    """Support and cited evidence of a sentence."""
    rows = evidence(*texts)
    vectors = EMBEDDER.embed([row.text for row in rows])
    verdict = ground(sentence, marked, EMBEDDER.embed([sentence])[0], rows, vectors)
    return verdict.support, verdict.evidence


PEOPLE = "Some 3,400 people left their homes in Harsk on Sunday."
ROAD = "The road to Pell stayed open for buses."


def test_a_sentence_that_says_what_the_evidence_says_is_supported() -> None:
    """It cites the sentence that carries it, though the model marked none."""
    assert check("Some 3,400 people left their homes in Harsk.", ROAD, PEOPLE) == (Support.SUPPORTED, (2,))


@pytest.mark.parametrize(
    "sentence",
    [
        "Some 4,300 people left their homes in Harsk.",
        "Some 3,400 people left their homes in Merrin.",
        "Some 3,400 people have not left their homes in Harsk.",
        "Some 3,400 people left their homes in Harsk on 12 March.",
    ],
)
def test_a_changed_number_name_negation_or_date_is_not_supported(sentence: str) -> None:
    """One detail that the evidence does not hold is enough."""
    assert check(sentence, ROAD, PEOPLE, marked=(2,)) == (Support.UNSUPPORTED, ())


def test_a_magnitude_is_part_of_a_number() -> None:
    """118 billion is not carried by 118 million."""
    loss = "Insurers lost 118 million orrans."
    assert check("Insurers lost 118 million orrans.", ROAD, loss)[0] is Support.SUPPORTED
    assert check("Insurers lost 118 billion orrans.", ROAD, loss)[0] is Support.UNSUPPORTED


def test_the_articles_date_lends_its_numbers_to_dates_only() -> None:
    """Published on 8 March, it may say that day, but not that there were 8 of anything."""
    hurt = "Several people were hurt when the wall fell."
    assert check("Several people were hurt when the wall fell on 8 March.", ROAD, hurt)[0] is Support.SUPPORTED
    assert check("8 people were hurt when the wall fell.", ROAD, hurt)[0] is Support.UNSUPPORTED


def test_a_sentence_that_loses_its_negation_is_not_supported() -> None:
    """What the council did not approve, it did not approve."""
    refused = "The council did not approve the harbour plan."
    assert check("The council approved the harbour plan.", ROAD, refused)[0] is Support.UNSUPPORTED


def test_names_with_hyphens_are_found() -> None:
    """A draft that repeats the evidence word for word is carried by it."""
    held = "Police said that Jean-Pierre Roux of AT&T was held."
    assert check("Police said that Jean-Pierre Roux of AT&T was held.", ROAD, held) == (Support.SUPPORTED, (2,))


def test_an_added_fact_is_not_supported() -> None:
    """Words that stand nowhere in the evidence are not carried by the rest of the sentence."""
    sentence = "Some 3,400 people left their homes because engineers feared explosives planted by saboteurs."
    assert check(sentence, ROAD, PEOPLE)[0] is Support.UNSUPPORTED


def test_a_name_may_come_from_the_headline() -> None:
    """News sentences say "the dam" under a headline that names it."""
    assert check("At Halvern Dam some 3,400 people left their homes.", ROAD, PEOPLE) == (Support.SUPPORTED, (2,))


def test_two_facts_cite_two_sentences() -> None:
    """Each cited sentence adds something; together they hold the whole."""
    support, cited = check("Some 3,400 people left Harsk and the road to Pell stayed open for buses.", ROAD, PEOPLE)
    assert support is Support.SUPPORTED
    assert sorted(cited) == [1, 2]


def test_without_evidence_nothing_is_supported() -> None:
    """An empty selection supports no sentence."""
    assert ground("Anything.", (), np.zeros(64, dtype=np.float32), [], np.zeros((0, 64), dtype=np.float32)).support is Support.UNSUPPORTED


@pytest.mark.parametrize(
    ("draft", "text", "marks"),
    [
        ("It rose to 3,400 [2].", "It rose to 3,400.", (2,)),
        ("[3] It rose.", "It rose.", (3,)),
        ("It rose [1, 2] fast [2][9].", "It rose fast.", (1, 2)),
        ("It rose 【1】.", "It rose.", (1,)),
        ("It rose [99].", "It rose.", ()),
        ("Rovers (2) won.", "Rovers (2) won.", ()),
        ("The law of (1994) held.", "The law of (1994) held.", ()),
    ],
)
def test_marks_leave_the_text_and_invented_ones_vanish(draft: str, text: str, marks: tuple[int, ...]) -> None:
    """No citation mark the model made up reaches the reader."""
    assert strip_marks(draft, highest=3) == (text, marks)


def test_a_date_that_the_articles_yesterday_means_is_carried_and_another_is_not() -> None:
    """The day is worked out from the article's own date."""
    text = "The minister Vask opened the bridge yesterday."
    article = Article("a", text, published_at=datetime(2026, 4, 1, tzinfo=UTC))
    one = Evidence(1, article, Passage.cut(article, 0, 0, len(text)), 0, len(text), text, 1.0)
    vector = np.ones(1, dtype=np.float32)
    right = ground("Vask opened the bridge on 31 March 2026.", (1,), vector, [one], vector[None, :])
    wrong = ground("Vask opened the bridge on 30 March 2026.", (1,), vector, [one], vector[None, :])
    assert right.is_supported
    assert wrong.missing == ("30",)
