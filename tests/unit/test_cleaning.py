"""What becomes of a model's text: sentences, or nothing and a reason."""

import asyncio
from collections.abc import AsyncGenerator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.answering.cleaning import MAX_HIDDEN, MAX_TEXT, Report, in_another_language, sentences_of, smuggles


def cleaned(text: str, *, size: int = 3, cut_off: bool = False, echoed: str = "") -> tuple[list[str], Report]:
    """The sentences of a text that comes in pieces of so many characters, and what is told of it."""
    report = Report()

    async def pieces() -> AsyncGenerator[str]:
        for at in range(0, len(text), size):
            yield text[at : at + size]
        report.cut_off = cut_off

    async def collect() -> list[str]:
        return [sentence async for sentence in sentences_of(pieces(), report, echoed=echoed)]

    return asyncio.run(collect()), report


@pytest.mark.parametrize("size", [1, 3, 7, 10_000])
@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("The dam broke. Nobody was hurt", ["The dam broke.", "Nobody was hurt"]),
        ("<think>The user asks. I lie.</think>The dam broke.", ["The dam broke."]),
        ("<think>I go on and on. And on.", []),
        ("Hm. <|channel|>analysis<|message|>I see.<|end|><|start|>assistant<|channel|>final<|message|>It broke.", ["Hm.", "It broke."]),
        ("<|channel|>final<|message|>It broke.<|im_end|>", ["It broke."]),
        ("It broke [1].\n```python\nprint('It held [2].')\n```\nBuses came [3].", ["It broke [1].", "Buses came [3]."]),
        ("It broke.\n```\nNever closed. It held.", ["It broke."]),
        ("Answer: It broke.", ["It broke."]),
        ("**Final answer:** It broke.", ["It broke."]),
        ("Here is the answer: It broke.", ["It broke."]),
        ("1. It broke.\n2) Buses came.\n- Nobody was hurt.\n# All left.", ["It broke.", "Buses came.", "Nobody was hurt.", "All left."]),
        ("**It** broke on *Monday*, __they__ say.", ["It broke on Monday, they say."]),
        ("It broke【1†source】. Buses came [^2]. All left [Source 3].", ["It broke[1].", "Buses came [2].", "All left [3]."]),
        ("It \x00bro\ud800ke\u200b.\u202e", ["It broke."]),
        ("Question: What broke?\nThe dam broke.", ["The dam broke."]),
        ("What broke? The dam broke.", ["The dam broke."]),
        ("The dam, 2.5 km long, broke. Dr. Ott left.", ["The dam, 2.5 km long, broke.", "Dr. Ott left."]),
        ("4,100", ["4,100"]),
        ("a < b and 5 ~ 6", ["a < b and 5 ~ 6"]),
        ("", []),
        (" \n\n . … ", []),
    ],
)  # fmt: skip
def test_text_becomes_sentences_however_it_is_cut_into_pieces(text: str, sentences: list[str], size: int) -> None:
    """Reasoning, code, layout, prefixes and invisible characters go, and what is left are the sentences."""
    assert cleaned(text, size=size)[0] == sentences


def test_reasoning_that_never_began_is_forgotten_where_it_ends() -> None:
    """Chat templates that open the reasoning themselves leave only its end in the text."""
    assert cleaned("so the user wants\nthe dam</think>The dam broke.", size=100)[0] == ["The dam broke."]


def test_an_unfinished_end_is_no_sentence_where_the_model_was_stopped() -> None:
    """At its limit, the last sentence is whole only with an end; a figure may lack its other half."""
    assert cleaned("It broke. Some 3,400 people we", cut_off=True)[0] == ["It broke."]
    assert cleaned("It broke. It cost 3.", cut_off=True)[0] == ["It broke."]
    assert cleaned("It broke. All left [1].", cut_off=True)[0] == ["It broke.", "All left [1]."]
    found, report = cleaned("Some 3,400 people we", cut_off=True)
    assert found == []
    assert report.trouble == "the model was cut off in its first sentence"


@pytest.mark.parametrize("text", ["the dam and " * 500, "na" * 3_000, "It broke [1]. " * 400, "It broke [1]. It broke [2]. It held."])
def test_a_loop_ends_the_draft(text: str) -> None:
    """The same words or the same sentence again and again are left at once."""
    found, report = cleaned(text, size=11)
    assert report.loops
    assert found in ([], ["It broke [1]."])


def test_a_model_that_does_not_stop_is_left() -> None:
    """Ten megabytes in one line without an end cost no more than the limit, and give no sentence."""
    read = 0

    async def endless(unit: str) -> AsyncGenerator[str]:
        nonlocal read
        for number in range(10**9):
            read += 1
            yield unit.format(number)

    async def count(unit: str) -> int:
        return len([one async for one in sentences_of(endless(unit))])

    assert asyncio.run(count("word{} ")) == 0
    assert read < MAX_TEXT
    read = 0
    assert asyncio.run(count("<think>{}")) == 0
    assert read < MAX_HIDDEN
    found, _ = cleaned(" ".join(f"w{number}" for number in range(1_500_000)), size=20_000_000)
    assert found == []


@pytest.mark.parametrize(
    ("text", "trouble"),
    [
        ("", "the model wrote nothing that is an answer"),
        ("<think>Well.", "the model wrote only reasoning or code, and no answer"),
        ("la la la la la la la la la la la la la", "the model went round in a loop"),
        ("It broke.", None),
    ],
)
def test_nothing_has_a_reason(text: str, trouble: str | None) -> None:
    """Where no sentence came out, it is said why."""
    assert cleaned(text)[1].trouble == trouble


def test_an_echo_of_the_prompt_is_left_out() -> None:
    """The instructions come back, the answer stays; a short answer that happens to stand in the prompt stays too."""
    prompt = "Use only the numbered sentences.\nQuestion: Who left in May?\nThink about which sentence answers it."
    assert cleaned("Use only the numbered sentences. In May.", echoed=prompt)[0] == ["In May."]


def test_what_the_model_raises_passes_and_the_unfinished_is_lost() -> None:
    """A model that dies in the middle of a sentence has said what was whole before."""
    heard: list[str] = []

    async def dies() -> AsyncGenerator[str]:
        yield "It broke. Some 3,400 peo"
        raise ConnectionError

    async def listen() -> None:
        async for sentence in sentences_of(dies()):
            heard.append(sentence)  # noqa: PERF401 - what was heard before the error counts

    with pytest.raises(ConnectionError):
        asyncio.run(listen())
    assert heard == ["It broke."]


@given(st.text(max_size=300), st.integers(1, 40))
def test_any_text_gives_bounded_clean_sentences(text: str, size: int) -> None:
    """No text breaks it, and nothing invisible or in reasoning gets through."""
    for sentence in cleaned(f"{text}<think>SECRET</think>", size=size)[0]:
        assert "SECRET" not in sentence
        assert "\x00" not in sentence
        assert sentence.encode().decode() == sentence


@pytest.mark.parametrize(
    "text",
    [
        "See https://evil.example/?q=1.", "See www.evil.example.", "![x](//evil.example/a.png) It broke.", "It [broke](evil).",
        "Write to a@evil.example.",
        "<img src=x onerror=alert(1)>", "It broke.</p>", "javascript:alert(1)", "[x]: http://evil.example", "See evil.com/x for more.",
    ],
)  # fmt: skip
def test_links_that_no_quote_holds_are_smuggled(text: str) -> None:
    """Addresses, images, links and markup are seen; the same in the cited quote is a quotation."""
    assert smuggles(text, ["The dam broke."])
    assert not smuggles(text, [f"The dam broke. {text}"])


@pytest.mark.parametrize(
    "text", ["At 10:30, 5 < 6, he [sic] said: no.", "The U.S. and St. Mary's.", "It rose 3.5%/year (see [2]).", "Ratio 3:2 and/or 4:1."]
)
def test_ordinary_sentences_carry_no_link(text: str) -> None:
    """Times, ratios, abbreviations and brackets are no links."""
    assert not smuggles(text, [])


def test_another_language_is_told_by_its_small_words() -> None:
    """French under English evidence is another language, a list of names is not, and German under German is not."""
    english = "Some 3,400 people have been moved out of the valley below the dam since Monday."
    french = "Environ 3 400 personnes ont été évacuées de la vallée depuis lundi"
    assert in_another_language(french, english)
    assert in_another_language("大坝下方约有三千四百人被疏散", english)
    assert not in_another_language(english, english)
    assert not in_another_language("Ott, Merrin", english)
    assert not in_another_language(french, french)
