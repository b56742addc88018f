"""What an encoder is given before a question and a passage: as told, as its folder says, as is known of its family."""

import json
from pathlib import Path

import pytest

from service.errors import ModelCorrupt
from service.models.prefixes import NONE, UNTOLD, Prefixes, ToldPrefixes, prefixes_of_folder, prefixes_of_name, told_prefixes
from service.settings import Settings

E5 = Prefixes("query: ", "passage: ")


@pytest.mark.parametrize("name", ["intfloat/multilingual-e5-small", "multilingual-e5-large", "intfloat/e5-base-v2", "E5-small"])
def test_the_e5_family_asks_for_query_and_passage(name: str) -> None:
    """By whatever name a folder or server has it."""
    assert prefixes_of_name(name) == E5


def test_english_bge_has_words_before_questions_only() -> None:
    """Its passages stand as they are, so that the fingerprint needs no tag."""
    found = prefixes_of_name("BAAI/bge-small-en-v1.5")
    assert found.question.startswith("Represent this sentence")
    assert (found.passage, found.tag) == ("", "")


@pytest.mark.parametrize("name", ["all-MiniLM-L6-v2", "BAAI/bge-m3", "multilingual-e5-large-instruct", "bone5-small", "case5-base", ""])
def test_other_names_have_none(name: str) -> None:
    """Also those that look alike: an instructed E5 wants a task, and bge-m3 nothing."""
    assert prefixes_of_name(name) == NONE


@pytest.mark.parametrize(
    ("stated", "found"),
    [
        ({"prompts": {"query": "ask: ", "document": "text: "}}, Prefixes("ask: ", "text: ")),
        ({"prompts": {"query": "", "passage": "text: "}}, Prefixes("", "text: ")),
        ({"prompts": {"query": "", "document": ""}}, E5),
        ({"prompts": {"query": 5}}, E5),
        ({"prompts": None}, E5),
        ([], E5),
    ],
)
def test_the_folder_s_own_prompts_come_first(tmp_path: Path, stated: object, found: Prefixes) -> None:
    """Empty ones, which the library writes for every model, and senseless ones say nothing."""
    (tmp_path / "config_sentence_transformers.json").write_text(json.dumps(stated), encoding="utf-8")
    assert prefixes_of_folder(tmp_path, "e5-small") == found


def test_a_folder_without_settings_goes_by_its_name_and_a_broken_one_is_corrupt(tmp_path: Path) -> None:
    """The broken file is named."""
    assert prefixes_of_folder(tmp_path, "e5-small") == E5
    (tmp_path / "config_sentence_transformers.json").write_text("{", encoding="utf-8")
    with pytest.raises(ModelCorrupt, match="config_sentence_transformers"):
        prefixes_of_folder(tmp_path, "e5-small")


def test_settings_win_and_none_is_an_empty_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not told stays as it is known."""
    assert told_prefixes(Settings(_env_file=None)) == UNTOLD  # type: ignore[call-arg]
    monkeypatch.setenv("DATELINE_EMBEDDING_QUESTION_PREFIX", "search_query: ")
    monkeypatch.setenv("DATELINE_EMBEDDING_PASSAGE_PREFIX", "none")
    told = told_prefixes(Settings(_env_file=None))  # type: ignore[call-arg]
    assert told == ToldPrefixes("search_query: ", "")
    assert told.over(E5) == Prefixes("search_query: ", "")
    assert ToldPrefixes(passage="text: ").over(E5) == Prefixes("query: ", "text: ")
