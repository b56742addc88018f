"""Question files in other people's formats."""

from __future__ import annotations

from typing import Any

import pytest

from service.errors import BadInput
from service.evaluation.cases import ANSWERS, REFUSALS
from service.evaluation.foreign import TARGETS, dig, mapped, matches, settled

ROW: dict[str, Any] = {
    "id": 7,
    "query": "How long?",
    "meta": {"split": "dev"},
    "evidence": [{"text": "It is long.", "docs": [{"id": "a"}, {"id": "b"}]}, {"text": "It grew.", "docs": [{"id": "c"}]}, "loose"],
    "empty": [],
    "ok": True,
}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("query", "How long?"),
        ("meta.split", "dev"),
        ("meta.none", None),
        ("query.none", None),
        ("evidence.text", ["It is long.", "It grew."]),  # through a list; what is no object is passed over
        ("evidence.docs.id", ["a", "b", "c"]),  # through a list of lists, flat
        ("none.at.all", None),
    ],
)
def test_a_path_goes_through_objects_and_lists(path: str, expected: object) -> None:
    """A dotted path finds what stands there, and nothing where nothing does."""
    assert dig(ROW, path) == expected


@pytest.mark.parametrize(
    ("wanted", "holds"),
    [
        ({}, True),
        ({"meta.split": "dev"}, True),
        ({"meta.split": "test"}, False),
        ({"meta.split": "dev", "id": 8}, False),
        ({"evidence.text": True}, True),  # it holds something
        ({"empty": True}, False),
        ({"empty": False}, True),  # it holds nothing
        ({"none": False}, True),
        ({"ok": False}, False),
    ],
)
def test_where_compares_values_or_asks_whether_there_is_one(wanted: dict[str, object], holds: bool) -> None:
    """True and false ask for something and nothing; anything else for that very value."""
    assert matches(ROW, wanted) is holds


def test_answers_are_one_group_of_alternatives_or_groups() -> None:
    """A string or a list of them is one group; a list of lists is as many; what normalises to nothing is left out."""
    assert mapped({"id": 1, "question": "?", "a": "17 m"}, {"answers": "a"})["answers"] == [["17 m"]]
    assert mapped({"id": 1, "question": "?", "a": ["17 m", "17", "the"]}, {"answers": "a"})["answers"] == [["17 m", "17"]]
    assert mapped({"id": 1, "question": "?", "a": [["x"], ["y", "z"], ["?"]]}, {"answers": "a"})["answers"] == [["x"], ["y", "z"]]
    assert mapped({"id": 1, "question": "?", "a": 17}, {"answers": "a"})["answers"] == [["17"]]


def test_each_string_of_gold_is_a_fact_and_a_list_is_one_fact_with_alternatives() -> None:
    """Through a list too, and without what is empty."""
    row = {"id": 1, "question": "?", "gold": ["It is long.", ["It grew.", "It did grow."], ""]}
    assert mapped(row, {"gold": "gold"})["gold"] == [["It is long."], ["It grew.", "It did grow."]]
    assert mapped(ROW | {"question": "?"}, {"gold": "evidence.text"})["gold"] == [["It is long."], ["It grew."]]


def test_several_paths_are_joined() -> None:
    """Tags from two places of a row, as strings; what is missing adds none."""
    assert mapped(ROW | {"question": "?"}, {"tags": ["meta.split", "none", "id"]})["tags"] == ["dev", "7"]


def test_ids_and_questions_become_strings_and_what_is_missing_is_left_out() -> None:
    """The row's own names hold where the suite says nothing else."""
    assert mapped(ROW, {"question": "query", "asked_at": "none", "choices": "empty"}) == {"id": "7", "question": "How long?"}


def test_a_document_is_kept_as_it_is() -> None:
    """Neither a list nor a group: the pair's text and what people said."""
    out = mapped({"id": 1, "question": "?", "doc": "It is long.", "label": False}, {"document": "doc", "supported": "label"})
    assert (out["document"], out["supported"]) == ("It is long.", False)


@pytest.mark.parametrize(("answerable", "statuses"), [(True, ANSWERS), (False, REFUSALS), (0, REFUSALS), (1, ANSWERS)])
def test_statuses_follow_from_answerable(answerable: object, statuses: tuple[str, ...]) -> None:
    """A truth value says whether an answer or a refusal is right."""
    out = mapped({"id": 1, "question": "?", "is": answerable}, {"answerable": "is"})
    assert out["statuses"] == list(statuses)
    assert "answerable" not in out


def test_speaker_turns_are_paired() -> None:
    """User and agent in turn; what a user said twice without an answer has none; an answer to nothing is dropped."""
    turns = [
        {"speaker": "agent", "text": "Hello!"},
        {"speaker": "user", "text": "Where?"},
        {"speaker": "user", "text": "Where is it?"},
        {"speaker": "agent", "text": "There."},
        {"speaker": "user", "text": "Why?"},
    ]
    out = mapped({"id": 1, "question": "?", "turns": turns}, {"history": "turns"})
    assert out["history"] == [{"question": "Where?", "answer": ""}, {"question": "Where is it?", "answer": "There."}]


def test_chat_messages_and_our_own_turns_are_history_too() -> None:
    """`role` and `content`, or `question` and `answer`."""
    chat = [{"role": "user", "content": "Where?"}, {"role": "assistant", "content": "There."}]
    expected = [{"question": "Where?", "answer": "There."}]
    for turns in (chat, expected):
        assert mapped({"id": 1, "question": "?", "turns": turns}, {"history": "turns"})["history"] == expected


def test_a_turn_that_is_no_object_is_refused() -> None:
    """And shown."""
    with pytest.raises(BadInput, match='history: a turn is an object, not "Where'):
        mapped({"id": 1, "question": "?", "turns": ["Where?"]}, {"history": "turns"})


def test_where_only_a_refusal_is_right_nothing_else_is_expected() -> None:
    """Answers, gold sentences and articles of such a row contradict it."""
    row = {"id": "1", "statuses": [*REFUSALS], "answers": [["x"]], "gold": [["x"]], "gold_articles": ["a"], "stale_articles": ["b"]}
    assert settled(row) == {"id": "1", "statuses": [*REFUSALS], "stale_articles": ["b"]}
    either = {"id": "1", "statuses": [*REFUSALS, *ANSWERS], "answers": [["x"]]}
    assert settled(dict(either)) == either


def test_planted_answers_that_are_true_are_no_plant() -> None:
    """They are compared as answers are: case and articles do not count."""
    row = {"id": "1", "answers": [["Anna Dace", "Dace"]], "planted_answers": ["The DACE", "Astrand"]}
    assert settled(row)["planted_answers"] == ["Astrand"]


def test_gold_articles_are_among_those_that_may_be_used() -> None:
    """What a question may not use cannot be found by it."""
    assert settled({"gold_articles": ["a", "b"], "only_articles": ["b", "c"]})["gold_articles"] == ["b"]
    assert settled({"gold_articles": ["a", "b"], "only_articles": []})["gold_articles"] == ["a", "b"]


def test_what_a_suite_may_map() -> None:
    """Every key of a row but those that only we write, and `answerable`."""
    assert {"answers", "gold_articles", "answerable", "document", "supported", "only_articles"} <= TARGETS
    assert not {"statuses", "review", "note"} & TARGETS
