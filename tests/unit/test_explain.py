"""Why a candidate was used or not."""

from datetime import UTC, datetime

from service.domain import Article, Evidence, Hit, Passage, Question, Scope, Window
from service.retrieval.explain import explain
from service.wire_search import explained_out

DAY = datetime(2026, 3, 4, tzinfo=UTC)
ARTICLE = Article("a", "It rained. It snowed.", title="Weather", source="Herald", published_at=DAY)


def hit(start: int, end: int) -> Hit:
    """A passage of the article."""
    return Hit(Passage.cut(ARTICLE, 0, start, end), ARTICLE, 0.75, dense_rank=2, parts=(("similarity", 0.5), ("lead", 0.25)), story=3)


HITS = [hit(0, 10), hit(11, 21), hit(0, 21)]


def test_what_gave_evidence_what_did_not_and_what_was_not_read() -> None:
    """Two were read, and the sentences of one were better."""
    chosen = [Evidence(number, ARTICLE, HITS[0].passage, 0, 10, "It rained.", 1.0) for number in (2, 5)]
    found = explain(HITS, 2, chosen)
    assert [(one.rank, one.used, one.why) for one in found] == [
        (1, True, "gave evidence 2, 5"),
        (2, False, "read, but others had better sentences"),
        (3, False, "below the first 2"),
    ]


def test_without_evidence_being_chosen_those_read_are_used() -> None:
    """As in a search, which chooses no sentences; none at all where nothing was found."""
    assert [one.why for one in explain(HITS, 2)] == ["among the first 2", "among the first 2", "below the first 2"]
    assert explain([], 2) == []


def test_an_explanation_shows_all_that_was_understood_and_weighed() -> None:
    """Windows, names, quotations and parts of the question; the parts of each score."""
    window = Window(DAY, None, "since 4 March")
    question = Question(
        "q", "q", DAY, Scope(DAY), window, windows=(window,), outlets=("Herald",), authors=("Ada Berg",), quoted=("it rained",),
        clauses=("one", "two"),
    )  # fmt: skip
    shown = explained_out(question, explain(HITS[:1], 1))
    assert shown["understood"] == {
        "windows": [{"from": "2026-03-04", "to": None, "phrase": "since 4 March", "applied": True}],
        "outlets": ["Herald"], "authors": ["Ada Berg"], "quoted": ["it rained"], "clauses": ["one", "two"], "wants_latest": False,
    }  # fmt: skip
    (row,) = shown["candidates"]
    assert row["parts"] == {"similarity": 0.5, "lead": 0.25}
    assert (row["rank"], row["used"], row["story"], row["dense_rank"], row["article_id"]) == (1, True, 3, 2, "a")
