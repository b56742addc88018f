"""Earlier figures beside the answer's."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from service.answering.figures import figures
from service.answering.grounding import Verdict
from service.answering.superseded import superseded
from service.domain import Article, Evidence, Passage, Question, Scope, Support, Window
from service.retrieval.evidence import Selection

ASKED_AT = datetime(2026, 6, 1, tzinfo=UTC)


def question(text: str) -> Question:
    """A question of June 2026."""
    return Question(text, text, ASKED_AT, Scope(ASKED_AT))


HOMES = question("How many people have left their homes below the dam?")


def said(number: int, text: str, day: int, source: str | None = "Herald", title: str = "The dam") -> Evidence:
    """A sentence that is a whole article of March 2026."""
    article = Article(f"a{number}", text, title=title, source=source, published_at=datetime(2026, 3, day, tzinfo=UTC))
    return Evidence(number, article, Passage.cut(article, 0, 0, len(text)), 0, len(text), text, 1.0)


def answered(asked: Question, *rows: Evidence, text: str = "") -> str | None:
    """The sentence that is added to an answer that rests on the last of the rows."""
    nowhere = np.zeros((len(rows), 2), np.float32)
    found = superseded(asked, Selection(rows, nowhere, nowhere[0]), [Verdict(text or rows[-1].text, Support.SUPPORTED, (rows[-1].number,))])
    if found:
        assert next(row for row in rows if row.number == found.evidence[0]).text != rows[-1].text
    return found.text if found else None


def test_the_newest_earlier_figure_is_named_with_its_day() -> None:
    """Of two earlier ones the later; where no outlet is known, the day stands alone."""
    first = said(1, "About 1,200 people left their homes below the dam.", 6)
    second = said(2, "The number of people who left their homes below the dam rose to 3,400.", 8)
    last = said(3, "Below the dam 4,100 people have now left their homes.", 12)
    assert answered(HOMES, first, second, last) == "An earlier report had 3,400 (Herald, 8 March 2026)."
    unknown = replace(first, article=replace(first.article, source=None))
    assert answered(HOMES, unknown, last) == "An earlier report had about 1,200 people (6 March 2026)."


@pytest.mark.parametrize(
    ("asked", "earlier", "later", "named"),
    [
        (
            "What is the death toll of the Skell earthquake?",
            "The death toll of the Skell earthquake stands at 31.",
            "The earthquake killed 32 people in Skell.",
            "31",
        ),
        (
            "How many people died in the Skell earthquake?",
            "At least nine people were killed in the Skell earthquake.",
            "The Skell earthquake has a death toll of 32.",
            "at least nine",
        ),
        (
            "What magnitude did the Skell earthquake have?",
            "An earthquake of magnitude 6.1 shook Skell.",
            "The magnitude of the Skell earthquake was revised from 6.0 to 6.3.",
            "6.1",
        ),
        (
            "What is the pay offer to the dockers?",
            "The port has offered dockers 3.5 percent more pay.",
            "The pay offer to the dockers was raised to 4.8 percent.",
            "3.5 percent",
        ),
        (
            "How much will the dam repair cost?",
            "The dam repair will cost 86 million orrans.",
            "The dam repair will cost 121 million orrans.",
            "86 million orrans",
        ),
    ],
)
def test_the_ways_of_counting(asked: str, earlier: str, later: str, named: str) -> None:
    """Tolls, measures, shares and money, each in another form in the earlier report."""
    assert answered(question(asked), said(1, earlier, 6), said(2, later, 14)) == f"An earlier report had {named} (Herald, 6 March 2026)."


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ("Another 90 people left their homes below the dam.", "Below the dam 4,100 people left their homes."),
        ("Below the dam 300 people a day left their homes.", "Below the dam 4,100 people left their homes."),
        ("Below the dam 16 homes were searched as people left.", "Below the dam 4,100 people left their homes."),
        ("Some 200 people danced.", "Below the dam 4,100 people left their homes."),
        ("Below the dam people left their homes in 1998.", "Below the dam 4,100 people left their homes."),
        ("Below the dam 4,100 people left their homes.", "Below the dam 4100 people left their homes."),
    ],
)
def test_other_things_are_not_earlier_figures(earlier: str, later: str) -> None:
    """Parts, rates, other nouns, other events, years, and the same figure."""
    assert answered(HOMES, said(1, earlier, 6, title=""), said(2, later, 14, title="")) is None


def test_two_outlets_at_one_time_are_no_development() -> None:
    """Unless the later one says that something changed, or is the same outlet."""
    one, plain = (
        said(1, "Below the dam 3,400 people left their homes.", 6),
        said(2, "Below the dam 4,100 people left their homes.", 8, "Courier"),
    )
    assert answered(HOMES, one, plain) is None
    assert answered(HOMES, one, replace(plain, article=replace(plain.article, source="Herald"))) is not None
    assert answered(HOMES, one, said(2, "Below the dam 4,100 people have now left their homes.", 8, "Courier")) is not None


def test_nothing_is_added_to_an_answer_that_is_not_the_newest_or_tells_both() -> None:
    """The second figure is in the answer, or the answer gives the older one."""
    one, two = said(1, "Below the dam 3,400 people left their homes.", 6), said(2, "Below the dam 4,100 people left their homes.", 14)
    assert answered(HOMES, two, one) is None
    assert answered(HOMES, one, two, text="First 3,400 people left their homes, then 4,100.") is None
    assert answered(HOMES, one, two, text="They left.") is None


@pytest.mark.parametrize("asked", ["Who left their homes below the dam?", "How many people first left their homes below the dam?"])
def test_only_a_question_for_a_figure_as_it_is_gets_one(asked: str) -> None:
    """Not one for a person, nor for the beginning."""
    rows = said(1, "Below the dam 3,400 people left their homes.", 6), said(2, "Below the dam 4,100 people left their homes.", 14)
    assert answered(question(asked), *rows) is None


def test_a_question_about_a_stretch_of_time_gets_none() -> None:
    """Each day has its own figure."""
    rows = said(1, "Below the dam 3,400 people left their homes.", 6), said(2, "Below the dam 4,100 people left their homes.", 14)
    day = Window(datetime(2026, 3, 14, tzinfo=UTC), datetime(2026, 3, 15, tzinfo=UTC), "on 14 March")
    assert answered(replace(HOMES, windows=(day,)), *rows) is None


def test_a_figure_knows_what_it_counts() -> None:
    """Units, measures before the figure, and rates."""
    assert [(one.number, sorted(one.counted), one.written, one.noun, one.per) for one in figures("It costs 4.2 million orrans a day.")] == [
        ("4200000", ["orran"], "4.2 million", "orrans", "day")
    ]
    assert [sorted(one.counted) for one in figures("The number of cases rose to 318 in 2026.")] == [["case"]]
