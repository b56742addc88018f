"""Questions that take for granted what the articles deny."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from service.answering.premises import find_false_premise
from service.domain import Article, Evidence, Passage, Question, Scope, Window
from service.retrieval.evidence import Selection

ASKED_AT = datetime(2026, 6, 1, tzinfo=UTC)
BLAMED = "Why did the inquiry blame Captain Ada Roos for the accident?"
WON = "By how many votes did Edda Brann win the recount in Merrin?"
CUT = "By how much did the central bank cut its base rate?"
ROLE = "What did the central bank governor Mara Telle say about prices?"
LINE = "When did the Norvig Electric power line that started the valley fire break?"
CLEARED = "Captain Ada Roos was cleared of any fault."
BRENN = "Edda Brenn has been elected mayor of Merrin by 88 votes after a recount."
RAISED = "The central bank raised its base rate to 4.5 percent."
TELLEN = "Mara Tellen, the governor of the central bank, spoke of prices."
NORVIK = "The fire in the valley was started by a power line of Norvik Energy."


def asked(text: str) -> Question:
    """A question of June 2026."""
    return Question(text, text, ASKED_AT, Scope(ASKED_AT))


def denied(question: str | Question, *texts: str) -> str | None:
    """The words of the denial, where the texts are the evidence, printed a day apart in March 2026."""
    rows = []
    for number, text in enumerate(texts, 1):
        article = Article(f"a{number}", text, source="Herald", published_at=datetime(2026, 3, number, tzinfo=UTC))
        rows.append(Evidence(number, article, Passage.cut(article, 0, 0, len(text)), 0, len(text), text, 1.0))
    nowhere = np.zeros((len(rows), 2), np.float32)
    found = find_false_premise(asked(question) if isinstance(question, str) else question, Selection(tuple(rows), nowhere, nowhere[0]))
    if found:
        assert found.verdict.evidence == (found.number,)
        assert texts[found.number - 1] in found.text
    return found.text if found else None


@pytest.mark.parametrize(
    ("question", "text"),
    [
        (BLAMED, CLEARED),
        ("Which mistake by Kesting Works caused the crack?", "The report clears Kesting Works of any fault."),
        (WON, BRENN),
        (CUT, RAISED),
        ("Why did the council reject the Merrin tram budget?", "The council approved the budget for the Merrin tram."),
        ("Why did the mayor resign?", "The mayor did not resign."),
        ("When did Edda Brenn resign as mayor?", "Edda Brenn, the mayor, refused to resign."),
        (ROLE, TELLEN),
        (LINE, NORVIK),
    ],
)
def test_what_the_articles_deny_is_answered_with_their_words(question: str, text: str) -> None:
    """The answer quotes the sentence that says otherwise."""
    assert denied(question, "It rained in Harsk.", text) == f"The articles say otherwise: “{text}”"


@pytest.mark.parametrize(
    ("question", "texts"),
    [
        ("Did the inquiry blame Captain Ada Roos?", [CLEARED]),
        ("Why was Captain Ada Roos cleared of blame?", [CLEARED]),
        ("What did Ada Roos say caused the accident?", [CLEARED]),
        ("What caused the accident of the ship of Ada Roos?", [CLEARED]),
        (BLAMED, [CLEARED, "A court found Ada Roos guilty."]),
        (BLAMED, ["Captain Ida Hall was cleared of any fault."]),
        ("By how many votes did Edda Brenn win the recount in Merrin?", [BRENN]),
        (WON, [BRENN, "Brann won the last recount in Merrin by nine votes."]),
        (WON, ["Edda Brenn won the vote in Harsk."]),
        (CUT, ["The central bank cut its base rate to 4.5 percent.", RAISED]),
        (CUT, ["The central bank of Kelmar raised a loan."]),
        ("By how much did the central bank raise its base rate?", [RAISED]),
        ("Why did the mayor resign?", ["The mayor did not resign.", "The mayor had to resign in the end."]),
        ("Why did the mayor not resign?", ["The mayor did not resign."]),
        ("Why did the bishop resign?", ["The mayor did not resign."]),
        (ROLE, ["The central bank governor Mara Telle spoke of prices.", TELLEN]),
        ("What did the transport minister Mara Telle say about prices?", [TELLEN]),
        (LINE, ["The fire in the valley was started by a power line of Norvig Electric.", NORVIK]),
        ("Where did Norvig Electric move?", [NORVIK]),
        ("Where was the Kelmari power line in the valley fire made?", ["The fire in the valley was started by a power line of Kelmar."]),
    ],
)
def test_a_sound_question_is_left_alone(question: str, texts: list[str]) -> None:
    """Questions whether, about the denial itself, about others, and those for which the articles say both."""
    assert denied(question, *texts) is None


def test_a_rise_of_another_time_denies_no_cut() -> None:
    """Only what was printed in the window that is asked about, and until the day after it, speaks of it."""
    march = Window(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC), "on 1 March")
    may = Window(datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 5, 2, tzinfo=UTC), "on 1 May")
    assert denied(replace(asked(CUT), windows=(march,)), RAISED)
    assert denied(replace(asked(CUT), windows=(may,)), RAISED) is None
