"""What a retraction takes out of the evidence, and what it leaves."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from service.domain import Article, Hit, Notice, NoticeKind, Passage, Question, Scope
from service.retrieval.retracted import without_retracted

ASKED_AT = datetime(2026, 5, 20, tzinfo=UTC)
QUESTION = Question("Who won the loaf?", "Who won the loaf?", ASKED_AT, Scope(ASKED_AT))
BEFORE, AFTER = datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC)


def hit(name: str, text: str = "The loaf was won.", start: int = 0) -> Hit:
    """A passage of an article, from a place on."""
    article = Article(name, text)
    return Hit(Passage.cut(article, 0, start, len(text)), article, 1.0)


def retraction(about: str | None, published_at: datetime | None = BEFORE, said: str = "We retract it.", by: str = "notice") -> Notice:
    """A notice that takes an article back."""
    return Notice(NoticeKind.RETRACTION, said, by, about, published_at)


def left(*notices: Notice, question: Question = QUESTION) -> list[str]:
    """The articles that are still evidence, of `a`, `b` and the notice's own."""
    return [one.article.id for one in without_retracted(question, [hit("a"), hit("b"), hit("notice")], notices)]


def test_hits_of_a_retracted_article_are_left_out() -> None:
    """The others stay in their order, the notice's article among them."""
    assert left(retraction("a")) == ["b", "notice"]


@pytest.mark.parametrize("published_at", [BEFORE, ASKED_AT, None])
def test_a_retraction_counts_from_when_it_is_printed(published_at: datetime | None) -> None:
    """Also at that very moment, and without a date from when it is there."""
    assert left(retraction("b", published_at)) == ["a", "notice"]


@pytest.mark.parametrize(
    "notice", [retraction("a", AFTER), retraction(None), replace(retraction("a"), kind=NoticeKind.CORRECTION), retraction("elsewhere")]
)
def test_nothing_else_takes_an_article_out(notice: Notice) -> None:
    """Not what is printed later than the question, not a retraction of nobody knows what, not a correction."""
    assert left(notice) == ["a", "b", "notice"]


def test_a_question_about_the_mistake_sees_it() -> None:
    """Where it asks about what was printed, or names an outlet; what went wrong in the world is no such question."""
    about = replace(QUESTION, asked="Which story on the loaf was retracted?")
    outlet = replace(QUESTION, asked="What did the Courier get wrong about the loaf?", outlets=("Courier",))
    world = replace(QUESTION, asked="What went wrong with the loaf?")
    assert [len(left(retraction("a"), question=one)) for one in (about, outlet, world)] == [3, 3, 2]


def test_of_an_article_that_retracts_itself_the_notice_is_left() -> None:
    """The passage is cut down to that sentence, wherever lines were broken in it; a passage without it is left out."""
    text = "The loaf was won. This article\nhas been retracted. It said more."
    notice = retraction("a", said="This article has been retracted.", by="a")
    kept = without_retracted(QUESTION, [hit("a", text, 4), hit("a", text, 40)], [notice])
    assert [(one.passage.text, text[one.passage.start : one.passage.end]) for one in kept] == [("This article\nhas been retracted.",) * 2]


def test_a_notice_that_was_cut_short_is_found_all_the_same() -> None:
    """Its beginning is quoted."""
    kept = without_retracted(QUESTION, [hit("a", "We retract it because of rain.")], [retraction("a", said="We retract it…", by="a")])
    assert [one.passage.text for one in kept] == ["We retract it"]
