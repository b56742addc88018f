"""Sentences: every word in exactly one, with exact offsets, whatever the text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.sentences import MAX_SENTENCE, sentence_spans

PIECES = st.sampled_from(["Dr. Ho ", "said. ", "\n\n", "😀! ", "“Yes.” ", "3.5 ", "。", "x" * 700])
TEXTS = st.text(max_size=400) | st.lists(PIECES, max_size=12).map("".join)


@given(TEXTS, st.sampled_from([None, "en", "de", "zh", "xx", "../x"]))
def test_spans_cover_every_character_that_is_not_white_space(text: str, language: str | None) -> None:
    """In order, without overlap, trimmed, none empty and none too long, for any text and language."""
    spans = sentence_spans(text, language)
    end = 0
    for start, stop in spans:
        assert end <= start < stop
        assert not text[end:start].strip()
        assert text[start:stop] == text[start:stop].strip()
        assert stop - start <= MAX_SENTENCE
        end = stop
    assert not text[end:].strip()


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("Mr. Smith paid $3.50. He left.", ["Mr. Smith paid $3.50.", "He left."]),
        ("😀 One. Two!", ["😀 One.", "Two!"]),
        ("She said: “It is over.” Nobody moved.", ["She said: “It is over.”", "Nobody moved."]),
        ("", []),
        (" \n ", []),
    ],
)
def test_sentences_of_news(text: str, sentences: list[str]) -> None:
    """Abbreviations, amounts and quotations do not end a sentence; offsets count code points."""
    assert [text[start:end] for start, end in sentence_spans(text)] == sentences


def test_a_run_without_end_is_cut_at_white_space() -> None:
    """A list of 500 names is several spans, each of whole words."""
    text = " ".join(f"name{number}" for number in range(500))
    assert " ".join(text[start:end] for start, end in sentence_spans(text)) == text
