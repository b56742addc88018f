"""Passages: whole sentences, every one once, within what the encoder reads."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from service.domain import Article
from service.indexing.passages import cut_passages, embedded_text, header
from service.models.hashing import HashingEmbedder
from service.sentences import sentence_spans

EMBEDDER = HashingEmbedder()
TEXTS = st.text(min_size=1, max_size=500) | st.lists(
    st.sampled_from(["Dr. Ho said so. ", "Rain fell. ", "\n\n", "😀! ", "3.5 % ", "word " * 60, "x" * 90]), min_size=1, max_size=9
).map("".join)


def tokens(text: str) -> int:
    """How many tokens the encoder reads in a text."""
    return len(EMBEDDER.token_starts([text])[0])


@given(TEXTS, st.integers(1, 40))
def test_passages_cover_every_sentence_once_and_in_order(text: str, budget: int) -> None:
    """Each passage is a piece of the text within the budget; end to end they leave out only white space."""
    article = Article("a", text)
    passages = cut_passages(article, EMBEDDER.token_starts([text])[0], budget)
    end = 0
    for ordinal, passage in enumerate(passages):
        assert passage.ordinal == ordinal
        assert end <= passage.start < passage.end
        assert not text[end : passage.start].strip()
        assert passage.text == text[passage.start : passage.end]
        assert tokens(passage.text) <= budget
        end = passage.end
    assert not text[end:].strip()
    assert len({passage.id for passage in passages}) == len(passages)


@given(TEXTS)
def test_a_sentence_that_fits_is_never_cut(text: str) -> None:
    """With a budget above the longest sentence, every sentence lies inside one passage."""
    spans = sentence_spans(text)
    starts = EMBEDDER.token_starts([text])[0]
    budget = max([1, *(tokens(text[start:end]) for start, end in spans)])
    passages = cut_passages(Article("a", text), starts, budget)
    assert all(any(p.start <= start and end <= p.end for p in passages) for start, end in spans)


def test_a_giant_sentence_is_cut_between_tokens() -> None:
    """A sentence of 30 tokens and a budget of 8 make four passages of whole words."""
    text = " ".join(f"w{number}" for number in range(30))
    passages = cut_passages(Article("a", text), EMBEDDER.token_starts([text])[0], 8)
    assert [len(passage.text.split()) for passage in passages] == [8, 8, 8, 6]


def test_many_tokens_on_one_character_do_not_hang() -> None:
    """Tokenizers that expand a character give several tokens one place; the cut still moves on."""
    passages = cut_passages(Article("a", "abc"), [0, 0, 0, 0, 1, 1, 1, 2], 2)
    assert "".join(passage.text for passage in passages) == "abc"


@given(st.text(max_size=300), st.text(max_size=300), st.dates().map(lambda day: datetime(day.year, day.month, day.day, tzinfo=UTC)), TEXTS)
def test_the_header_is_part_of_the_budget(title: str, source: str, date: datetime, text: str) -> None:
    """Headline, outlet and date together with a passage never exceed what the encoder reads."""
    article = Article("a", text, title=title, source=source, published_at=date)
    room = EMBEDDER.max_tokens - tokens(header(article))
    assert room >= 48
    for passage in cut_passages(article, EMBEDDER.token_starts([text])[0], room):
        assert tokens(embedded_text(article, passage)) <= EMBEDDER.max_tokens


def test_the_embedded_text_names_headline_outlet_and_date() -> None:
    """So that a passage is found by them."""
    article = Article("a", "Rain fell.", title="Storm", source="Herald", published_at=datetime(2026, 3, 4, tzinfo=UTC))
    (passage,) = cut_passages(article, EMBEDDER.token_starts([article.text])[0], 50)
    assert embedded_text(article, passage) == "Storm\nHerald, 4 March 2026\nRain fell."
    assert embedded_text(Article("b", "Rain fell."), passage) == "Rain fell."
