"""Whether the evidence is sure enough to answer."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from service.answering.calibration import CALIBRATIONS, EXTRACTIVE, MODEL, OTHER
from service.answering.part import Part
from service.answering.sureness import Signals, signals_of, sureness
from service.answering.writing import Draft
from service.domain import Article, Evidence, Passage, Question, Scope
from service.retrieval.evidence import Selection

ASKED_AT = datetime(2026, 5, 20, tzinfo=UTC)
SURE = Signals(0.9, 1.0, stated=2.0, verified=2.0, strength=1.0)
DOUBTFUL = Signals(0.2, 0.1, stated=-4.0, verified=-4.0, strength=0.0)


def selection(*texts: str) -> Selection:
    """Sentences of one article, the first as close to the question as can be."""
    whole = " ".join(texts)
    article = Article("a", whole, title="Halvern Dam")
    passage = Passage.cut(article, 0, 0, len(whole))
    found = tuple(
        Evidence(n, article, passage, whole.index(text), whole.index(text) + len(text), text, 1.0) for n, text in enumerate(texts, 1)
    )
    vectors = np.array([[1.0, 0.0]] + [[0.0, 1.0]] * (len(texts) - 1), dtype=np.float32)[: len(texts)]
    return Selection(found, vectors.reshape(len(texts), 2), np.array([1.0, 0.0], dtype=np.float32))


def asked(text: str) -> Question:
    """A question on 20 May 2026."""
    return Question(text, text, ASKED_AT, Scope(ASKED_AT))


def test_the_evidence_speaks_by_its_nearness_and_by_the_words_it_holds() -> None:
    """Of dam, left and Harsk the headline holds one and the two sentences the others."""
    found = signals_of(asked("Who left Harsk under the dam?"), selection("People left.", "Harsk lies north."))
    assert found == Signals(similarity=1.0, coverage=1.0)
    assert found.known() == {"similarity": 1.0, "coverage": 1.0}


def test_without_evidence_nothing_speaks_for_an_answer() -> None:
    """And that is refused, whoever would write."""
    nothing = signals_of(asked("Who left Harsk?"), selection())
    assert nothing == Signals(0.0, 0.0)
    assert sureness(nothing, EXTRACTIVE) < 0


@pytest.mark.parametrize("generator", ["local/anything", EXTRACTIVE])
def test_what_speaks_for_an_answer_is_answered_and_what_does_not_is_refused(generator: str) -> None:
    """For every generator, and for a model whose server tells no probabilities."""
    assert sureness(SURE, generator) > 0 > sureness(DOUBTFUL, generator)
    silent = {"stated": None, "verified": None}
    assert sureness(replace(SURE, **silent), generator) > 0 > sureness(replace(DOUBTFUL, **silent), generator)


@pytest.mark.parametrize("name", [MODEL, OTHER, EXTRACTIVE])
def test_no_signal_speaks_against_what_it_is_meant_to_speak_for(name: str) -> None:
    """A fit on few questions may turn a sign; such a weight is not shipped."""
    assert all(weight >= 0 for weight in CALIBRATIONS[name].weights.values())


def test_without_statuses_nothing_is_refused() -> None:
    """So that it can be measured what refusing buys."""
    draft, plain = Draft(DOUBTFUL), Draft(DOUBTFUL, without=Part.STATUS)
    draft.decide(MODEL)
    plain.decide(MODEL)
    assert draft.refused
    assert not plain.refused
