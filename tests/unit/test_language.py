"""The language of a text is named where it is sure, and tags are read as what they mean."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.articles.language import FEWEST_LETTERS, WINDOW, language_of, primary

TEXTS: dict[str, dict[str, str]] = json.loads((Path(__file__).parents[2] / "eval" / "calibration" / "languages.json").read_text("utf-8"))
ENGLISH = "The council closed the old bridge over the river on Tuesday after engineers found cracks in one of its piers. "
GERMAN = "Der Rat hat die alte Brücke über den Fluss am Dienstag gesperrt, nachdem Ingenieure Risse im Pfeiler gefunden hatten. "


@pytest.mark.parametrize("code", sorted(TEXTS))
def test_a_paragraph_is_named(code: str) -> None:
    """Two paragraphs of news in each of fourteen languages."""
    assert [language_of(text) for text in TEXTS[code].values()] == [code, code]


@pytest.mark.parametrize(
    "text",
    ["", "   \n", "12 March 2026, 14:30", "Renko 2, Aldous 1, Marsh 0", "Serana", "Ja.", "https://the-ledger.example/2026/04/12345", "———"],
)
def test_what_is_no_prose_is_not_named(text: str) -> None:
    """Figures, names and addresses are of no language."""
    assert language_of(text) is None


def test_too_few_letters_are_not_named() -> None:
    """A text of nineteen letters could be anything; one more sentence and it is named."""
    short = ENGLISH.replace(" ", "")[: FEWEST_LETTERS - 1]
    assert language_of(short) is None
    assert language_of(ENGLISH) == "en"


def test_few_chinese_characters_are_enough() -> None:
    """A character of Chinese is a syllable, so that a line of them is a sentence."""
    assert language_of("塞拉纳市政府宣布老桥将关闭三个月。") == "zh"


def test_the_title_counts() -> None:
    """A body that is too short is named with its headline."""
    assert language_of("Mehr folgt.") is None
    assert language_of("Mehr folgt.", title=GERMAN) == "de"


def test_a_text_in_two_languages_is_not_named() -> None:
    """An article that begins in German and goes on in English is for an encoder of English, in doubt."""
    many = 1 + WINDOW // len(GERMAN)
    assert language_of(GERMAN * 4 * many) == "de"
    assert language_of(GERMAN * many + ENGLISH * 4 * many) is None


def test_foreign_names_do_not_make_an_article_foreign() -> None:
    """English with German names in it is English or nothing, never German; names alone in a frame of English may deceive."""
    text = (
        "Ilse Krüger-Weiß, the mayor of Schönau an der Lorne, told the Fränkische Nachrichten on Tuesday that the bridge was safe. "
        "The Süddeutsche Brückenbaugesellschaft, which had built it, said that it would wait for what the engineers find."
    )
    assert language_of(text) in {"en", None}


def test_a_long_text_costs_no_more_than_its_windows() -> None:
    """Only the start and the middle are read: what lies elsewhere changes nothing."""
    text = ENGLISH * 200
    assert language_of(text) == language_of(text + GERMAN * 60) == "en"


@given(st.text(max_size=300), st.text(max_size=50))
def test_any_text_has_an_answer(text: str, title: str) -> None:
    """Whatever comes in, lone surrogates and control characters too, gives two letters or none."""
    found = language_of(text, title=title)
    assert found is None or (len(found) == 2 and found == primary(found))


def test_lone_surrogates_and_nul_do_not_matter() -> None:
    """What no encoding holds is passed over."""
    assert language_of(f"\ud800\x00{ENGLISH}\udfff") == "en"


@pytest.mark.parametrize(
    ("tag", "code"),
    [
        ("en", "en"), ("en-GB", "en"), ("EN_us", "en"), (" en-Latn-US-x-private ", "en"), ("en_US.UTF-8", "en"), ("eng", "en"),
        ("zh_Hant", "zh"), ("zh-Hans-CN", "zh"), ("zho", "zh"), ("cmn-Hans", "zh"), ("yue", "zh"), ("nb-NO", "no"), ("nn", "no"),
        ("arz", "ar"), ("iw", "he"), ("de-1996", "de"), ("ger", "de"), ("gsw", "gsw"),
    ],
)  # fmt: skip
def test_a_tag_is_read_as_its_language(tag: str, code: str) -> None:
    """Region, script and variant fall away; three letters and withdrawn codes become the two in use."""
    assert primary(tag) == code


@pytest.mark.parametrize("tag", ["", " ", "-", "English", "x-default", "i-klingon", "und", "mul", "zxx", "e1", "٣٤", "日本", "_", "e"])
def test_a_tag_that_names_no_language_is_empty(tag: str) -> None:
    """So that it is never taken for a foreign language."""
    assert primary(tag) == ""
