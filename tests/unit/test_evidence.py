"""The sentences a model is shown."""

from dataclasses import replace
from datetime import UTC, datetime

from service.domain import Article, Hit, Passage, Question, Scope
from service.models.hashing import HashingEmbedder
from service.retrieval.evidence import select_evidence

EMBEDDER = HashingEmbedder(256)
ASKED_AT = datetime(2026, 5, 20, tzinfo=UTC)
QUESTION = Question("q", "How many people left Harsk?", ASKED_AT, Scope(ASKED_AT))


def hit(name: str, text: str, day: int, title: str = "") -> Hit:
    """An article of one passage, published in March 2026."""
    article = Article(name, text, title=title, published_at=datetime(2026, 3, day, tzinfo=UTC))
    return Hit(Passage.cut(article, 0, 0, len(text)), article, 1.0)


OLD = hit("old", "😀 It rained. Some 1,200 people left Harsk.", 1)
NEW = hit("new", "Some 3,400 people left Harsk. The road was open.", 5)


def choose(*hits: Hit, sentences: int = 8, tokens: int = 300) -> list[str]:
    """The texts chosen, in reading order."""
    return [one.text for one in select_evidence(QUESTION, hits, EMBEDDER, max_sentences=sentences, max_tokens=tokens).evidence]


def test_the_best_sentences_are_chosen_and_read_oldest_first() -> None:
    """Both counts are kept, the weather is not, and the newer report comes last."""
    assert choose(NEW, OLD, sentences=2) == ["Some 1,200 people left Harsk.", "Some 3,400 people left Harsk."]


def test_offsets_are_exact_characters_of_the_article() -> None:
    """Also behind an emoji, each text is the article's own characters."""
    for one in select_evidence(QUESTION, [NEW, OLD], EMBEDDER, max_sentences=8, max_tokens=300).evidence:
        assert one.article.text[one.start : one.end] == one.text


def test_a_reprinted_sentence_counts_once() -> None:
    """The same words in two outlets take one place."""
    again = hit("again", "SOME 3,400  people left Harsk.", 6)
    assert choose(NEW, again, OLD) == [
        "😀 It rained.",
        "Some 1,200 people left Harsk.",
        "Some 3,400 people left Harsk.",
        "The road was open.",
    ]


def test_the_token_budget_holds_but_never_leaves_nothing() -> None:
    """At most so many tokens; the very best sentence is shown even where it alone is longer."""
    assert len(choose(NEW, OLD, tokens=9)) == 1
    assert len(choose(NEW, OLD, tokens=1)) == 1


def test_numbers_count_from_one_in_reading_order() -> None:
    """The numbers are those the model sees."""
    found = select_evidence(QUESTION, [NEW, OLD], EMBEDDER, max_sentences=8, max_tokens=300)
    assert [one.number for one in found.evidence] == list(range(1, len(found.evidence) + 1))
    assert found.vectors.shape == (len(found.evidence), EMBEDDER.dimension)


def test_no_hits_give_no_evidence() -> None:
    """An empty search is an empty selection, not an error."""
    found = select_evidence(QUESTION, [], EMBEDDER, max_sentences=8, max_tokens=300)
    assert found.evidence == ()
    assert found.vectors.shape[0] == 0


def test_a_second_voice_on_the_best_sentence_is_read() -> None:
    """Another outlet's figure is taken before nearer sentences of the same outlet; without an outlet, or days later, it is not."""
    first = hit("first", "Some 1,200 people left Harsk after the flood.", 5)
    near = hit("near", "Harsk is a town. In spring the people of Harsk sow.", 5)
    other = hit("other", "Figures tell that 3,400 left the town Harsk after the flood.", 6)

    def chosen(source: str | None, day: int = 6) -> bool:
        """Whether the other article's sentence is read beside the first one's, at the expense of the near ones."""
        dated = datetime(2026, 3, day, tzinfo=UTC)
        rows = [
            replace(first, article=replace(first.article, source="Herald")),
            near,
            replace(other, article=replace(other.article, source=source, published_at=dated)),
        ]
        return other.passage.text in choose(*rows, sentences=2)

    assert chosen("Courier")
    assert not chosen("Herald")
    assert not chosen(None)
    assert not chosen("Courier", day=16)
