"""The JSON that enters and leaves: dates, ages, open windows, events."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from service.answering.request import AskRequest, Checked, Delta, Sources, Understood
from service.bodies import AskBody, SearchBody, body_from
from service.domain import (
    AnswerSentence,
    Article,
    Citation,
    Coverage,
    Evidence,
    Hit,
    Outcome,
    Passage,
    Question,
    Reprint,
    Scope,
    Support,
    Window,
)
from service.errors import BadQuestion
from service.indexing.report import ItemReport
from service.wire import article_out, coverage_out, event_out, item_out
from service.wire_search import hit_out, window_out

DAY = datetime(2026, 3, 4, tzinfo=UTC)
ARTICLE = Article("a", "😀 One. Two.", source="Herald", published_at=DAY, origin="/home/secret/a.txt", metadata={"k": 1})


def test_a_day_as_asked_at_means_its_last_moment() -> None:
    """What was published on the day of the question may be used; filters are half-open from the first moment."""
    request = AskBody(
        question="x", asked_at="2026-03-04", filters={"published_from": "2026-03-01", "published_to": "2026-03-04"}
    ).ask_request()
    assert request.asked_at == datetime(2026, 3, 4, 23, 59, 59, 999999, UTC)
    assert (request.published_from, request.published_to) == (datetime(2026, 3, 1, tzinfo=UTC), DAY)


@pytest.mark.parametrize(
    ("asked_at", "time_zone", "moment", "today"),
    [
        ("2026-03-04", None, "2026-03-04T23:59:59.999999Z", "2026-03-04"),
        ("2026-03-04", "Europe/Berlin", "2026-03-04T22:59:59.999999Z", "2026-03-04"),
        ("2026-03-04", "America/Los_Angeles", "2026-03-05T07:59:59.999999Z", "2026-03-04"),
        # The day on which the clocks of Berlin go forward has 23 hours.
        ("2026-03-29", "Europe/Berlin", "2026-03-29T21:59:59.999999Z", "2026-03-29"),
        ("2026-03-04T01:00:00+02:00", None, "2026-03-03T23:00:00Z", "2026-03-04"),
        ("2026-03-04T01:00:00+02:00", "UTC", "2026-03-03T23:00:00Z", "2026-03-03"),
        ("2026-03-04T01:00:00Z", None, "2026-03-04T01:00:00Z", "2026-03-04"),
        ("2026-03-04T01:00:00Z", "America/New_York", "2026-03-04T01:00:00Z", "2026-03-03"),
        ("2026-03-04T01:00:00", None, "2026-03-04T01:00:00Z", "2026-03-04"),
        ("2026-03-04T01:00:00", "Europe/Berlin", "2026-03-04T00:00:00Z", "2026-03-04"),
    ],
)
def test_asked_at_is_a_moment_in_the_zone_of_the_asker(asked_at: str, time_zone: str | None, moment: str, today: str) -> None:
    """The zone given, else the offset written, else UTC; a date is the end of that day there."""
    request = SearchBody(question="x", asked_at=asked_at, time_zone=time_zone).request()
    found = request.moment(DAY)
    assert found == datetime.fromisoformat(moment)
    assert found.date().isoformat() == today


def test_without_asked_at_it_is_now_in_the_zone_of_the_asker() -> None:
    """Midnight UTC is still the day before in New York."""
    assert SearchBody(question="x", time_zone="America/New_York").request().moment(DAY).date().isoformat() == "2026-03-03"


@pytest.mark.parametrize("name", ["Berlin", "Europe", "../etc/passwd", "/etc/passwd", "+02:00", "a\0b", "😀"])
def test_a_time_zone_that_is_none_is_named_with_its_field(name: str) -> None:
    """BadQuestion says which field and what to write, to bodies and to the flow alike."""
    for asking in (lambda: SearchBody(question="x", time_zone=name).request(), lambda: AskRequest("x", time_zone=name).moment(DAY)):
        with pytest.raises(BadQuestion, match=r"time_zone: .* write an IANA name such as Europe/Berlin"):
            asking()


@pytest.mark.parametrize("field", ["asked_at", "published_from", "published_to"])
@pytest.mark.parametrize("text", ["tuesday", "2026-02-30", "0001-01-01", "9999-12-31", "2026-03-04T25:00", "١٢٣٤"])
def test_a_date_that_is_none_is_named_with_its_field(field: str, text: str) -> None:
    """BadQuestion says which field and what was in it."""
    body = {"asked_at": text} if field == "asked_at" else {"filters": {field: text}}
    with pytest.raises(BadQuestion, match=field) as caught:
        AskBody(question="x", **body).ask_request()
    assert text in str(caught.value)


def test_options_that_are_wrong_are_a_bad_question() -> None:
    """What the command line hands over is checked as a request is, down to the filters."""
    with pytest.raises(BadQuestion, match="question"):
        body_from(AskBody, question="")
    with pytest.raises(BadQuestion, match=r"filters\.sources"):
        body_from(SearchBody, question="x", filters={"sources": ["x" * 501]})


def test_an_open_window_has_nulls() -> None:
    """A side that is open is null, and no window is null."""
    found = window_out(Window(DAY, None, "since March"))
    assert found is not None
    assert found.model_dump(by_alias=True) == {"from": "2026-03-04", "to": None, "phrase": "since March", "applied": True}
    assert coverage_out(Coverage(0)).model_dump(by_alias=True) == {"articles": 0, "from": None, "to": None}


def test_an_article_never_shows_its_file() -> None:
    """Whole or listed, the path it was read from stays here."""
    for whole in (True, False):
        assert "secret" not in str(article_out(ARTICLE, whole=whole))
    assert article_out(ARTICLE, whole=False)["characters"] == 11
    assert article_out(ARTICLE)["metadata"] == {"k": 1}


def test_a_hit_is_a_passage_with_its_ranks() -> None:
    """Scores are rounded, a rank that is not there is null."""
    hit = Hit(Passage("p", "a", 0, 2, 6, "One."), ARTICLE, 0.0327868852, dense_rank=2)
    found = hit_out(hit)
    assert (found["score"], found["dense_rank"], found["lexical_rank"], found["text"]) == (0.032787, 2, None, "One.")
    assert found["title"] == "😀 One. Two."
    assert (found["rerank_score"], hit_out(replace(hit, rerank_score=-1.25))["rerank_score"]) == (None, -1.25)


def test_an_outcome_has_its_place_and_reason() -> None:
    """As `POST /v1/articles` shows it."""
    assert item_out(ItemReport("item 3", Outcome.REJECTED, reason="the text is empty", warnings=("w",))) == {
        "place": "item 3", "outcome": "rejected", "id": None, "reason": "the text is empty", "warnings": ["w"],
        "story": None,
    }  # fmt: skip


def test_each_event_has_its_name_and_data() -> None:
    """Meta, sources, delta and sentence, as the contract lists them."""
    question = Question("Who?", "Who?", DAY, Scope(DAY))
    passage = Passage("p", "a", 0, 2, 6, "One.")
    citation = Citation(1, ARTICLE, "One.", 2, 6, (Reprint("b", "Ledger", DAY), Reprint("c", "Wire")))
    assert event_out(Understood("ans_1", "con_1", question, Coverage(1, DAY, DAY))) == ("meta", {
        "id": "ans_1", "conversation_id": "con_1", "standalone_question": "Who?", "window": None,
        "coverage": {"articles": 1, "from": "2026-03-04", "to": "2026-03-04"},
    })  # fmt: skip
    name, data = event_out(Sources((Evidence(1, ARTICLE, passage, 2, 6, "One.", 0.51239),)))
    assert (name, data["evidence"][0]["number"], data["evidence"][0]["score"]) == ("sources", 1, 0.5124)
    assert event_out(Delta("On")) == ("delta", {"text": "On"})
    name, data = event_out(Checked(0, AnswerSentence("One.", Support.SUPPORTED, (1,)), (citation,)))
    assert (name, data["index"], data["citations"], data["new_citations"][0]["quote"]) == ("sentence", 0, [1], "One.")
    assert data["new_citations"][0]["also_in"] == [
        {"article_id": "b", "source": "Ledger", "published_at": "2026-03-04"},
        {"article_id": "c", "source": "Wire", "published_at": None},
    ]
    assert ARTICLE.text[data["new_citations"][0]["start"] : data["new_citations"][0]["end"]] == "One."
