"""How the sides of a disagreement are told."""

from datetime import UTC, datetime

import pytest

from service.answering.composing import AROUND, Composer, Outcome, surroundings
from service.answering.conflicts import Disagreement, Side
from service.answering.grounding import Verdict
from service.domain import Article, Conflict, Coverage, Evidence, GeneratorUsed, Passage, Position, Question, Scope, Status, Support, Usage

ASKED = datetime(2026, 3, 9, tzinfo=UTC)
QUESTION = Question("How many homes?", "How many homes?", ASKED, Scope(ASKED))
TWO = Disagreement("homes", (Side("640", (1, 2)), Side("910", (3, 4))))
ALONE = Disagreement("homes", (Side("640", (1, 2)), Side("910", (3,))))


def said(number: int, text: str, source: str) -> Evidence:
    """A sentence that is a whole article of March 2026."""
    article = Article(f"a{number}", text, source=source, published_at=datetime(2026, 3, number, tzinfo=UTC))
    return Evidence(number, article, Passage.cut(article, 0, 0, len(text)), 0, len(text), text, 1.0)


def composer() -> Composer:
    """With four outlets, two of which say 640 and two 910."""
    outlets = ("Herald", "Courier", "Ledger", "Gazette")
    rows = [said(number, f"It was {640 if number < 3 else 910} homes.", outlet) for number, outlet in enumerate(outlets, 1)]
    return Composer(QUESTION, rows, {})


def conflict(of: Composer, dispute: Disagreement) -> Conflict:
    """The conflict of the whole answer."""
    outcome = Outcome(
        "ans_1", "con_1", QUESTION, Status.CONFLICTING, Coverage(4), GeneratorUsed("extractive", "extractive"), {}, Usage(), {}, 1.0
    )
    return of.answer(outcome, dispute).conflicts[0]


def test_each_side_is_quoted_with_all_its_voices() -> None:
    """Who says it and when, then the words of the first; every voice is a citation."""
    one = composer()
    texts = [checked.sentence.text for verdict in one.positions(TWO) if (checked := one.add(verdict))]
    assert texts == [
        "Herald (1 March 2026) and Courier (2 March 2026): “It was 640 homes.”",
        "Ledger (3 March 2026) and Gazette (4 March 2026): “It was 910 homes.”",
    ]
    assert conflict(one, TWO) == Conflict("homes", (Position("640", (1, 2), 2), Position("910", (3, 4), 2)))


def test_a_side_that_is_cited_already_adds_its_other_voices_only() -> None:
    """Nothing is quoted twice, and no voice goes without its citation."""
    one = composer()
    one.add(Verdict("It was 640 homes.", Support.SUPPORTED, (1, 2)))
    one.add(Verdict("It was 910 homes.", Support.SUPPORTED, (3,)))
    assert [verdict.evidence for verdict in one.positions(TWO)] == [(4,)]


def test_the_outlier_is_said_to_be_alone() -> None:
    """Also where the draft has cited both sides."""
    one = composer()
    one.add(Verdict("It was 640 homes.", Support.SUPPORTED, (1,)))
    (verdict,) = one.positions(ALONE)
    assert verdict.text == "Ledger (3 March 2026), alone, says 910; Herald (1 March 2026) and Courier (2 March 2026) say 640."
    one.add(verdict)
    found = conflict(one, ALONE)
    assert found.outlier == "910"
    assert found.positions == (Position("640", (1, 3), 2), Position("910", (2,), 1))


@pytest.mark.parametrize(
    ("text", "quote", "around"),
    [
        ("It rained. The dam holds. Nobody left.", "The dam holds.", ("It rained.", "Nobody left.")),
        ("The dam holds.", "The dam holds.", ("", "")),
        ("Another day.\n\nIt rained. The dam holds.\n \nNobody left.", "The dam holds.", ("It rained.", "")),
        ("It\nrained. The dam holds. Nobody\tleft.", "The dam holds.", ("It rained.", "Nobody left.")),
    ],
)
def test_a_quote_is_shown_among_the_words_of_its_paragraph(text: str, quote: str, around: tuple[str, str]) -> None:
    """What stands before and after it, up to the paragraph's ends, on one line."""
    start = text.index(quote)
    assert surroundings(text, start, start + len(quote)) == around


def test_long_surroundings_are_cut_between_words() -> None:
    """At most AROUND characters and the mark of the cut."""
    text = "word " * 100 + "The dam holds. " + "later " * 100
    start = text.index("The")
    before, after = surroundings(text, start, start + 14)
    assert before.startswith("… word ")
    assert after.endswith(" later …")
    assert max(len(before), len(after)) <= AROUND + 2
