"""What a later notice puts right."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from service.domain import Article, Hit, Passage, Question, Scope
from service.models.hashing import HashingEmbedder
from service.retrieval.evidence import select_evidence

EMBEDDER = HashingEmbedder(256)
ASKED_AT = datetime(2026, 5, 20, tzinfo=UTC)
QUESTION = Question("What will the Varn bridge cost?", "What will the Varn bridge cost?", ASKED_AT, Scope(ASKED_AT))
FALSE = "The Varn bridge will cost 112 million orrans, the council heard."
NOTICE = (
    "Correction: an article of 9 March gave the wrong cost of the Varn bridge. "
    "It said 112 million orrans. The correct figure is 121 million orrans."
)


def hit(name: str, text: str, day: int, source: str = "Courier", title: str = "Bridge") -> Hit:
    """An article of one passage, published in March 2026."""
    article = Article(name, text, title=title, source=source, published_at=datetime(2026, 3, day, tzinfo=UTC))
    return Hit(Passage.cut(article, 0, 0, len(text)), article, 1.0)


def chosen(*hits: Hit, question: Question = QUESTION, sentences: int = 8) -> list[str]:
    """The texts of the evidence, in reading order."""
    return [one.text for one in select_evidence(question, hits, EMBEDDER, max_sentences=sentences, max_tokens=300).evidence]


def test_a_corrected_figure_is_not_evidence() -> None:
    """Neither where it was printed nor where the notice repeats it; the right one is."""
    found = chosen(hit("a", FALSE, 9), hit("b", NOTICE, 11))
    assert "The correct figure is 121 million orrans." in found
    assert not any("112" in text for text in found)


def test_the_correction_takes_the_place_of_what_it_corrects() -> None:
    """Its sentence shares no word with the question, and is chosen all the same where there is room for one."""
    assert chosen(hit("a", FALSE, 9), hit("b", NOTICE, 11), sentences=1) == ["The correct figure is 121 million orrans."]


@pytest.mark.parametrize(
    ("false", "notice"),
    [
        (
            "The hull was last inspected in March 2023.",
            "Correction. The hull was last inspected in March 2025, and not in March 2023 as we reported.",
        ),
        (
            "The ferry Tern had 118 passengers aboard at Port Asel.",
            "The ferry Tern carried 131 passengers to Port Asel and not 118, its owner admitted.",
        ),
        ("The captain of the Tern was Ida Roos.", "Correction: the captain of the Tern was Ada Ross, not Ida Roos as first reported."),
        (
            "Prices in Orvane rose by 3.9 percent.",
            "The office also corrected its figure. Prices in Orvane rose not by 3.9 but by 4.0 percent.",
        ),
        (
            "The Varn bridge is 410 metres long.",
            "An earlier version of this article said the Varn bridge was 410 metres long. It should have said 140 metres.",
        ),
        (
            "The Varn bridge opens on 4 May.",
            "The day on which the Varn bridge opens was mistakenly given as 4 May. The correct date of the opening is 14 May.",
        ),
    ],
)
def test_the_ways_of_correcting(false: str, notice: str) -> None:
    """The wrong value is dropped."""
    assert false in chosen(hit("a", false, 9))
    assert false not in chosen(hit("a", false, 9), hit("b", notice, 11))


@pytest.mark.parametrize(
    ("other", "notice"),
    [
        ("The school in Harsk costs 112 million orrans.", NOTICE),
        ("The Varn bridge brings in 112 people a day.", NOTICE),
        (
            "The Varn bridge will cost 112 million orrans.",
            "The Varn bridge should not cost more than a tunnel. It costs 121 million orrans, not pounds.",
        ),
        (
            "Prices rose by 3.9 percent in September.",
            "The office corrected its figure for July: prices rose by 4.0 percent in July and not by 3.9 percent.",
        ),
    ],
)
def test_what_only_looks_corrected_stays(other: str, notice: str) -> None:
    """Another thing with the same number, another unit, another month, a sentence that corrects nothing."""
    assert other in chosen(hit("a", other, 9), hit("b", notice, 11))


def test_another_outlet_is_corrected_only_about_the_same_named_thing() -> None:
    """With two names in common it is; with none it is not."""
    notice = hit("b", "The ferry Tern carried 131 passengers to Port Asel and not 118, its owner admitted.", 11)
    same = "The Tern left for Port Asel with 118 passengers."
    other = "A ferry sank with 118 passengers."
    assert same not in chosen(hit("a", f"It was foggy. {same}", 9, "Herald"), notice)
    assert other in chosen(hit("a", other, 9, "Herald", "Accident abroad"), notice)


def test_what_is_printed_after_the_correction_is_not_corrected_by_it() -> None:
    """A later report with that value knows the correction."""
    assert FALSE in chosen(hit("a", FALSE, 14), hit("b", NOTICE, 11))


def test_a_question_about_the_mistake_sees_it() -> None:
    """Who asks what was wrong gets both sentences."""
    asked = replace(QUESTION, asked="What cost of the Varn bridge did the Courier report by mistake?")
    assert FALSE in chosen(hit("a", FALSE, 9), hit("b", NOTICE, 11), question=asked)
