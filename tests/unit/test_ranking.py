"""What puts one passage before another."""

import itertools
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from service.domain import Article, Hit, Passage, Question, Scope, Window
from service.retrieval.ranking import HALF_LIFE, PARTS, WEIGHTS, Candidate, Weights, fused_share, rank, recency, signals, switched_off

ASKED_AT = datetime(2026, 5, 20, 12, tzinfo=UTC)
NOTHING = Weights(**{field.name: 0.0 for field in fields(Weights)})


def question(text: str = "How many people left Harsk?", **known: Any) -> Question:
    """A question as understood."""
    return Question(text, text, ASKED_AT, known.pop("scope", Scope(ASKED_AT)), **known)


def found(
    name: str, text: str = "It rained.", *, cosine: float = 0.5, bm25: float = 0.0, days: float | None = None, **fields: Any
) -> Candidate:
    """A candidate whose article was published so many days before the question; of unknown date without."""
    ordinal, ranks = fields.pop("ordinal", 1), (fields.pop("dense_rank", None), fields.pop("lexical_rank", None))
    published_at = None if days is None else ASKED_AT - timedelta(days=days)
    article = Article(fields.pop("article", name), text, published_at=published_at, **fields)
    return Candidate(Hit(replace(Passage.cut(article, ordinal, 0, len(text)), id=name), article, 0.0, *ranks), cosine, bm25)


def order(candidates: list[Candidate], asked: Question | None = None, **weights: float) -> str:
    """The ids in order, under these weights alone."""
    return "".join(hit.passage.id for hit in rank(asked or question(), candidates, replace(NOTHING, **weights)))


def part(name: str, candidate: Candidate, asked: Question, *others: Candidate) -> float:
    """One unweighted part of the first candidate."""
    return float(signals(asked, [candidate, *others])[0][PARTS.index(name)])


def test_the_parts_of_a_score_add_up_to_it() -> None:
    """What a reader is shown of a hit is all there is."""
    candidates = [found(str(n), cosine=n / 10, bm25=n, days=n, article=str(n // 3), dense_rank=n + 1) for n in range(9)]
    hits = rank(question(), candidates)
    assert len(hits) == 9
    assert any(name == "repeat" for hit in hits for name, _ in hit.parts)
    for hit in hits:
        assert hit.score == pytest.approx(sum(value for _, value in hit.parts))


def test_nothing_found_is_ranked_as_nothing() -> None:
    """No candidates, no hits."""
    assert rank(question(), []) == []
    assert signals(question(), []).shape == (0, len(PARTS))


def test_equals_stand_by_their_ids() -> None:
    """The order never depends on chance."""
    for permuted in itertools.permutations([found("a"), found("b"), found("c")]):
        assert order(list(permuted), similarity=1.0) == "abc"


def test_similarity_and_words_each_decide_alone() -> None:
    """The cosine as it is; BM25 as a share of the best."""
    candidates = [found("a", cosine=0.2, bm25=8.0), found("b", cosine=0.9, bm25=2.0)]
    assert order(candidates, similarity=1.0) == "ba"
    assert order(candidates, lexical=1.0) == "ab"
    assert part("lexical", candidates[1], question(), candidates[0]) == pytest.approx(0.25)


def test_fusion_is_one_for_the_first_of_both_rankings() -> None:
    """Reciprocal ranks with the constant 60, as a share of their most."""
    assert fused_share(1, 1) == 1.0
    assert fused_share(1, None) == 0.5
    assert fused_share(None, None) == 0.0
    assert fused_share(1, 10) == pytest.approx((1 / 61 + 1 / 70) / (2 / 61))


def test_one_sentence_that_holds_the_words_beats_two_that_share_them() -> None:
    """People who left Harsk in one sentence, not people here and Harsk there."""
    together, apart = found("a", "Some people left Harsk. It rained."), found("b", "Some people came. Harsk is where others left.")
    assert part("sentence", together, question(), apart) == pytest.approx(1.0)
    assert 0 < part("sentence", apart, question(), together) < 1
    assert order([apart, together], sentence=1.0) == "ab"


def test_rare_words_weigh_more_than_common_ones() -> None:
    """Of a question's two words, the one that fewer candidates hold decides."""
    candidates = [found("rare", "Harsk."), *(found(f"people {n}", "People.") for n in range(5))]
    assert order(candidates, question("people Harsk"), sentence=1.0).startswith("rare")


def test_a_part_of_a_question_is_found_by_itself() -> None:
    """A passage about one of two things has that part whole."""
    asked = question("Did Harsk flood and did Skell burn?", clauses=("Did Harsk flood", "did Skell burn?"))
    half = found("a", "Skell did burn.")
    assert part("clause", half, asked, found("b")) == pytest.approx(1.0)
    assert part("sentence", half, asked, found("b")) < 1
    assert part("clause", half, question("Did Harsk flood and did Skell burn?"), found("b")) == 0.0


def test_the_lead_is_the_first_passage() -> None:
    """News says first what it is about."""
    assert order([found("b", ordinal=1), found("a", ordinal=0)], lead=1.0) == "ab"


def test_a_named_outlet_or_author_comes_first() -> None:
    """Those of other outlets stay in the list."""
    asked = question(outlets=("Gazette",), authors=("Ada Berg",))
    candidates = [found("c", source="Courier"), found("a", source="Gazette"), found("b", source="Courier", author="Ada Berg")]
    assert order(candidates, asked, outlet=1.0) == "abc"
    assert [part("outlet", one, asked) for one in candidates] == [0.0, 1.0, 1.0]
    assert part("outlet", found("x"), question()) == 0.0


@pytest.mark.parametrize(
    ("title", "text", "holds"), [("", "He saw a  Sign of RAIN there.", 1.0), ("A sign of rain", "No.", 1.0), ("Rain", "A sign.", 0.0)]
)
def test_a_quoted_phrase_stands_in_headline_or_text(title: str, text: str, holds: float) -> None:
    """Whatever the case and the spaces; its words alone are not it."""
    assert part("quoted", found("a", text, title=title), question(quoted=("sign of rain",))) == holds


def test_newer_comes_first_and_unknown_dates_last() -> None:
    """Hyperbolic: half after a half-life, and never nothing."""
    assert order([found("c", days=400), found("d"), found("a", days=0), found("b", days=30)], recency=1.0) == "abcd"
    assert recency(ASKED_AT - HALF_LIFE, question()) == pytest.approx(0.5)
    assert 0 < recency(ASKED_AT - timedelta(days=9999), question()) < 0.01
    assert recency(None, question()) == 0.0


def window(start: str | None, end: str | None) -> Window:
    """A window of whole days."""
    first, last = (datetime.fromisoformat(day).replace(tzinfo=UTC) if day else None for day in (start, end))
    return Window(first, last, "then")


@pytest.mark.parametrize(
    ("windows", "nearest"),
    [
        ([window("2026-04-01", "2026-05-01")], "b"),
        ([window(None, "2026-04-01")], "c"),
        ([window("2026-05-15", None)], "a"),
        ([window("2026-01-01", "2026-02-01")], "d"),
        ([window("2026-01-01", "2026-02-01"), window("2026-03-15", "2026-03-25")], "c"),
    ],
)
def test_with_a_window_it_is_nearness_to_the_window(windows: list[Window], nearest: str) -> None:
    """Asked about April, April comes first and not what is newest; before a day, what was last before it; of several, any."""
    days = {"a": 3, "b": 35, "c": 61, "d": 120}  # 17 May, 15 April, 20 March, 20 January
    candidates = [found(name, days=number) for name, number in days.items()]
    assert order(candidates, question(windows=tuple(windows)), recency=1.0)[0] == nearest


def test_a_time_still_to_come_is_in_todays_news() -> None:
    """What is planned for 2029 was reported now: recency counts from the moment of asking."""
    asked = question(windows=(window("2029-01-01", "2030-01-01"),))
    assert recency(ASKED_AT - HALF_LIFE, asked) == pytest.approx(0.5)


def test_as_of_a_day_the_newest_until_then_comes_first() -> None:
    """Recency counts from the end of what the question may see."""
    march = datetime(2026, 3, 1, tzinfo=UTC)
    for scope in (Scope(march), Scope(ASKED_AT, published_to=march)):
        assert recency(march - HALF_LIFE, question(scope=scope)) == pytest.approx(0.5)


def test_whoever_wants_the_newest_state_gets_the_newest_on_the_subject() -> None:
    """By order and not by days, so that it tells old from older; what is not on the subject gains nothing, however new."""
    candidates = [found("b", days=500), found("a", days=400), found("c", days=1, cosine=0.2), found("d")]
    asked = question(wants_latest=True)
    assert [part("latest", one, asked, *(other for other in candidates if other is not one)) for one in candidates] == [0.5, 1.0, 0.0, 0.0]
    assert order(candidates, asked, similarity=1.0, latest=0.3) == "abdc"
    assert part("latest", candidates[1], question()) == 0.0


def test_a_second_passage_of_an_article_gives_way() -> None:
    """Each repeat costs once more; what is far better stays in front all the same."""
    candidates = [found("a", cosine=0.9, article="x"), found("b", cosine=0.8, article="x"), found("c", cosine=0.75), found("d", cosine=0.1)]
    assert order(candidates, similarity=1.0, repeat=0.1) == "acbd"
    assert order(candidates, similarity=1.0) == "abcd"


def test_prints_of_one_story_give_way_to_another_voice() -> None:
    """Twelve outlets that each changed a word are one story: the thirteenth, who saw for himself, is heard second."""
    prints = [found(f"p{n:02}", cosine=0.8) for n in range(12)]
    prints = [replace(one, hit=replace(one.hit, story=7)) for one in prints]
    other = found("x", cosine=0.75)
    assert [hit.passage.id for hit in rank(question(), [*prints, other], replace(NOTHING, similarity=1.0, repeat=0.1))][1] == "x"


def test_parts_of_a_question_take_turns() -> None:
    """Of three passages about one part and one about the other, the other comes second."""
    asked = question("Did Harsk flood and did Skell burn?", clauses=("Did Harsk flood", "did Skell burn?"))
    candidates = [found(str(n), "Harsk did flood.", cosine=0.8 - n / 100) for n in range(3)] + [found("x", "Skell did burn.", cosine=0.76)]
    assert order(candidates, asked, similarity=1.0, repeat=0.1).startswith("0x")


def test_scores_fall_from_the_first_to_the_last() -> None:
    """Behind the places that are given out one by one too, repeats cost."""
    candidates = [found(str(n), cosine=1 - n / 100, article=str(n % 3)) for n in range(60)]
    scores = [hit.score for hit in rank(question(), candidates, replace(NOTHING, similarity=1.0, repeat=0.05))]
    assert scores == sorted(scores, reverse=True)


def test_a_part_can_be_switched_off() -> None:
    """For measuring what it buys; a typo is an error."""
    assert switched_off("recency") == replace(WEIGHTS, recency=0.0)
    with pytest.raises(TypeError):
        switched_off("recensy")
