"""When two texts say the same words."""

from __future__ import annotations

import pytest

from service.evaluation.matching import best_token_f1, contains, normalise, same_sentence, states, token_f1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The  Dam!", "dam"),
        ("Holm\u2019s £50,000-a-day fine", "holm 50000 day fine"),
        ("3.5 percent.", "3.5 percent"),
        ("2,4 / 2\u20134", "24 2 4"),
        ("an A the", ""),
        ("theatre", "theatre"),
    ],
)
def test_normalise(text: str, expected: str) -> None:
    """Case, punctuation, articles and possessives go; decimal points stay."""
    assert normalise(text) == expected


@pytest.mark.parametrize(
    ("text", "wanted", "expected"),
    [
        ("It is 17 metres long.", "17 Metres", True),
        ("It is 170 metres long.", "17", False),
        ("It rose by 3.5 percent.", "35 percent", False),
        ("It costs 50,000 orrans.", "5", False),
        ("The governor's wife", "governor", True),
        ("anything", "the", False),
        ("", "17", False),
    ],
)
def test_contains_wants_whole_words(text: str, wanted: str, expected: bool) -> None:
    """The expected words stand side by side in the text, as whole words."""
    assert contains(text, wanted) is expected


def test_token_f1_by_hand() -> None:
    """Two of four tokens against two of three: precision 2/4, recall 2/3, F1 4/7."""
    assert token_f1("crack runs seventeen metres", "crack of metres") == pytest.approx(4 / 7)


def test_token_f1_counts_repeated_tokens_once_for_each() -> None:
    """One `ten` in the gold matches one of two in the answer: F1 is 2/3."""
    assert token_f1("ten ten", "ten") == pytest.approx(2 / 3)


@pytest.mark.parametrize(("text", "wanted"), [("", "ten"), ("ten", ""), ("ten", "six"), ("", "")])
def test_token_f1_is_zero_where_nothing_is_shared(text: str, wanted: str) -> None:
    """No shared token, no credit, and no division by zero."""
    assert token_f1(text, wanted) == 0.0


def test_best_token_f1_takes_the_best_alternative_of_each_group() -> None:
    """`Astrand` and `Dace` are picked, and together they are the whole answer."""
    assert best_token_f1("Astrand and Dace", [["Pell Astrand", "Astrand"], ["Dace", "Runa Dace"]]) == pytest.approx(4 / 5)


@pytest.mark.parametrize(
    ("quote", "gold", "expected"),
    [
        ("The ship sank.", "The  ship sank", True),
        ("\u201cThe ship sank,\u201d he said.", '"The ship sank," he said.', True),
        ("The ship sank.", "Early on Monday the ship sank.", True),
        ("Early on Monday the ship sank. It rained.", "Early on Monday the ship sank.", True),
        ("It sank.", "Early on Monday it sank.", False),
        ("The ship sank.", "The ship sank 5.0 metres", True),
        ("The ship rose again.", "The ship sank.", False),
        ("he ship sank", "The ship sank", False),
        ("", "The ship sank.", False),
        ("...", "!", False),
    ],
)
def test_same_sentence(quote: str, gold: str, expected: bool) -> None:
    """Equal, containing or contained by whole words, and a fragment of under three words stands for nothing."""
    assert same_sentence(quote, gold) is expected


def test_states_wants_one_quote_and_one_sentence_of_the_fact() -> None:
    """Any quote may show the fact through any of its sentences."""
    assert states(["It rained all day.", "The ship sank."], ["The boat went down.", "The ship sank."])
    assert not states(["It rained all day."], ["The ship sank."])
    assert not states([], ["The ship sank."])
