"""The model-free check of a drafted sentence against the evidence."""

from datetime import UTC, datetime

import numpy as np
import pytest

from service.answering.grounding import Verdict, examine, ground, strip_marks
from service.answering.signals import Signals
from service.domain import Article, Evidence, Passage, Support
from service.models.hashing import HashingEmbedder

EMBEDDER = HashingEmbedder()


def evidence(*texts: str, title: str = "Evacuation below Halvern Dam") -> list[Evidence]:
    """Numbered sentences of one article."""
    whole = "\n".join(texts)
    article = Article("a", whole, title=title, source="Northern Herald", published_at=datetime(2026, 3, 8, tzinfo=UTC))
    passage = Passage.cut(article, 0, 0, len(whole))
    found = []
    for number, text in enumerate(texts, 1):
        start = whole.index(text)
        found.append(Evidence(number, article, passage, start, start + len(text), text, 1.0))
    return found


def verdict(sentence: str, *texts: str, marked: tuple[int, ...] = (), question: str = "") -> Verdict:
    """The verdict on a sentence."""
    rows = evidence(*texts)
    return ground(sentence, marked, EMBEDDER.embed([sentence])[0], rows, EMBEDDER.embed([row.text for row in rows]), question)


def check(sentence: str, *texts: str, marked: tuple[int, ...] = ()) -> tuple[Support, tuple[int, ...]]:
    """Support and cited evidence of a sentence."""
    found = verdict(sentence, *texts, marked=marked)
    return found.support, found.evidence


PEOPLE = "Some 3,400 people left their homes in Harsk on Sunday."
ROAD = "The road to Pell stayed open for buses."


def test_a_sentence_that_says_what_the_evidence_says_is_supported() -> None:
    """It cites the sentence that carries it, though the model marked none."""
    assert check("Some 3,400 people left their homes in Harsk.", ROAD, PEOPLE) == (Support.SUPPORTED, (2,))


@pytest.mark.parametrize(
    "sentence",
    [
        "Some 4,300 people left their homes in Harsk.",
        "Some 3,400 people left their homes in Merrin.",
        "Some 3,400 people have not left their homes in Harsk.",
        "Some 3,400 people left their homes in Harsk on 12 March.",
    ],
)
def test_a_changed_number_name_negation_or_date_is_not_supported(sentence: str) -> None:
    """One detail that the evidence does not hold is enough."""
    assert check(sentence, ROAD, PEOPLE, marked=(2,)) == (Support.UNSUPPORTED, ())


def test_a_magnitude_is_part_of_a_number() -> None:
    """118 billion is not carried by 118 million."""
    loss = "Insurers lost 118 million orrans."
    assert check("Insurers lost 118 million orrans.", ROAD, loss)[0] is Support.SUPPORTED
    assert check("Insurers lost 118 billion orrans.", ROAD, loss)[0] is Support.UNSUPPORTED


def test_the_articles_date_lends_its_numbers_to_dates_only() -> None:
    """Published on 8 March, it may say that day, but not that there were 8 of anything."""
    hurt = "Several people were hurt when the wall fell."
    assert check("Several people were hurt when the wall fell on 8 March.", ROAD, hurt)[0] is Support.SUPPORTED
    assert check("8 people were hurt when the wall fell.", ROAD, hurt)[0] is Support.UNSUPPORTED


def test_a_sentence_that_loses_its_negation_is_not_supported() -> None:
    """What the council did not approve, it did not approve."""
    refused = "The council did not approve the harbour plan."
    assert check("The council approved the harbour plan.", ROAD, refused)[0] is Support.UNSUPPORTED


def test_names_with_hyphens_are_found() -> None:
    """A draft that repeats the evidence word for word is carried by it."""
    held = "Police said that Jean-Pierre Roux of AT&T was held."
    assert check("Police said that Jean-Pierre Roux of AT&T was held.", ROAD, held) == (Support.SUPPORTED, (2,))


def test_an_added_fact_is_not_supported() -> None:
    """Words that stand nowhere in the evidence are not carried by the rest of the sentence."""
    sentence = "Some 3,400 people left their homes because engineers feared explosives planted by saboteurs."
    assert check(sentence, ROAD, PEOPLE)[0] is Support.UNSUPPORTED


def test_a_name_may_come_from_the_headline() -> None:
    """News sentences say "the dam" under a headline that names it."""
    assert check("At Halvern Dam some 3,400 people left their homes on Sunday.", ROAD, PEOPLE) == (Support.SUPPORTED, (2,))


def test_two_facts_cite_two_sentences() -> None:
    """Each cited sentence adds something; together they hold the whole."""
    support, cited = check("Some 3,400 people left Harsk and the road to Pell stayed open for buses.", ROAD, PEOPLE)
    assert support is Support.SUPPORTED
    assert sorted(cited) == [1, 2]


@pytest.mark.parametrize(
    ("said", "changed", "missing"),
    [
        ("Turnout in Merrin was the highest since 1990.", "Turnout in Merrin was the lowest since 1990.", "lowest"),
        ("Prices in Merrin fell by 11 percent in May.", "Prices in Merrin rose by 11 percent in May.", "rose"),
        ("The Merrin company won the contract, beating Sudhafen.", "Sudhafen won the contract, beating the Merrin company.", "merrin"),
        ("Orvane has cut what Kelmari boats may catch.", "Kelmar has cut what Orvanian boats may catch.", "kelmar"),
        ("The strike began before Anker came home.", "The strike began after Anker came home.", "after"),
        ("The court called the search lawful.", "The court called the search unlawful.", "unlaw"),
        ("The council did not approve the harbour plan.", "The council approved the harbour plan.", "not"),
        ("The council approved the harbour plan.", "The council did not approve the harbour plan.", "not"),
        ("Thirty-one people died.", "Forty-one people died.", "41"),
        ("The light flares up every 41 minutes.", "The light flares up every 41 seconds.", "41 second"),
        ("Prices in Harsk rose by 11 percent.", "Prices in Harsk rose by 11 dollars.", "11 dollar"),
        ("On Thursday Mara Telle met both sides.", "On Thursday Mara Tellen met both sides.", "tellen"),
    ],
)
def test_a_changed_fact_is_cut_and_named(said: str, changed: str, missing: str) -> None:
    """An opposite, swapped roles, a turned negation or another number contradicts the evidence, which is worse than weakness."""
    assert verdict(said, ROAD, said).is_supported
    found = verdict(changed, ROAD, said)
    assert found.support is Support.UNSUPPORTED
    assert found.contradicts
    assert missing in found.missing
    assert found.strength < 0


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        (
            "The dam has 31 gates and the council of Harsk closed them.",
            "The dam has thirty-one gates and the council of Harsk closed them.",
        ),
        ("Storms in Australia closed three ports on Monday.", "Australian storms closed three ports on Monday."),
        ("Talks at the United Nations ended on Monday without a vote.", "Talks at the UN ended on Monday without a vote."),
        ("Prices in Harsk rose by 11 percent.", "Prices in Harsk rose 11%."),
        ("The Chinese and the Orvanian navy met on Monday.", "The navy of China and the navy of Orvane met on Monday."),
        ("Farmers in France blocked the roads to three ports.", "French farmers blocked the roads to three ports."),
        ("The Merrin company won the contract from Sudhafen.", "The contract was won by the Merrin company from Sudhafen."),
        ("Anna Dace opened the new bridge in Harsk on Monday.", "On Monday Anna Dace opened the new bridge in Harsk."),
    ],
)
def test_another_wording_contradicts_nothing(said: str, sentence: str) -> None:
    """Numbers in words, people of a country, initials, the passive and another order say the same."""
    found = verdict(sentence, ROAD, said)
    assert found.missing == ()
    assert found.is_supported


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ("One of the outlets may be jammed.", "One of the outlets is jammed."),
        ("Sundmark plans to close the Harsk yard.", "Sundmark is closing the Harsk yard."),
        ("Gray allegedly took the money.", "Gray took the money."),
    ],
)
def test_what_is_left_open_is_weaker_when_said_as_done(said: str, sentence: str) -> None:
    """It is no changed fact, but it is worth less than the same words over evidence that leaves nothing open."""
    over_open = verdict(sentence, ROAD, said)
    assert over_open.strength < verdict(said, ROAD, said).strength
    assert signals_over(sentence, said).surer == 1
    assert signals_over(said, said).surer == 0


def signals_over(sentence: str, said: str) -> Signals:
    """The signals of a sentence over one evidence sentence."""
    rows = evidence(said)
    return examine(sentence, (), EMBEDDER.embed([sentence])[0], rows, EMBEDDER.embed([said])).signals


def test_added_words_are_counted() -> None:
    """The longest stretch that nothing holds is a signal of its own."""
    assert signals_over(PEOPLE, PEOPLE).added == 0
    assert signals_over(f"{PEOPLE[:-1]} after saboteurs planted explosives.", PEOPLE).added == pytest.approx(3 / 6)


def test_no_citation_is_one_too_many() -> None:
    """What the first sentence says alone needs no second, though the second says a part of it too."""
    part = "Some people left Harsk."
    assert verdict(PEOPLE, part, PEOPLE).evidence == (2,)


def test_a_weak_sentence_still_says_what_it_is_nearest_to() -> None:
    """A judge that finds it carried needs to know what to cite."""
    found = verdict("Bakers in Harsk struck over wages at dawn.", ROAD, PEOPLE)
    assert (found.support, found.evidence, found.missing) == (Support.UNSUPPORTED, (), ())
    assert found.aligned


def test_without_evidence_nothing_is_supported() -> None:
    """An empty selection supports no sentence."""
    assert ground("Anything.", (), np.zeros(64, dtype=np.float32), [], np.zeros((0, 64), dtype=np.float32)).support is Support.UNSUPPORTED


@pytest.mark.parametrize(
    ("draft", "text", "marks"),
    [
        ("It rose to 3,400 [2].", "It rose to 3,400.", (2,)),
        ("[3] It rose.", "It rose.", (3,)),
        ("It rose [1, 2] fast [2][9].", "It rose fast.", (1, 2)),
        ("It rose 【1】.", "It rose.", (1,)),
        ("It rose [99].", "It rose.", ()),
        ("Rovers (2) won.", "Rovers (2) won.", ()),
        ("The law of (1994) held.", "The law of (1994) held.", ()),
    ],
)
def test_marks_leave_the_text_and_invented_ones_vanish(draft: str, text: str, marks: tuple[int, ...]) -> None:
    """No citation mark the model made up reaches the reader."""
    assert strip_marks(draft, highest=3) == (text, marks)


def test_a_date_that_the_articles_yesterday_means_is_carried_and_another_is_not() -> None:
    """The day is worked out from the article's own date."""
    text = "The minister Vask opened the bridge yesterday."
    article = Article("a", text, published_at=datetime(2026, 4, 1, tzinfo=UTC))
    one = Evidence(1, article, Passage.cut(article, 0, 0, len(text)), 0, len(text), text, 1.0)
    vector = np.ones(1, dtype=np.float32)
    right = ground("Vask opened the bridge on 31 March 2026.", (1,), vector, [one], vector[None, :])
    wrong = ground("Vask opened the bridge on 30 March 2026.", (1,), vector, [one], vector[None, :])
    assert right.is_supported
    assert wrong.missing == ("30",)


SKIPPER = "The skipper of the Annika Rose, Per Stallard, spoke by telephone."
BOATS = "The Annika Rose and the Storm Daughter carried 13 crew."


def test_an_office_of_another_is_a_changed_fact() -> None:
    """The skipper of one boat is not that of the other, though both boats are in the article; of his own boat he is."""
    assert verdict("Per Stallard is the skipper of the Storm Daughter.", SKIPPER, BOATS).contradicts
    assert not verdict("Per Stallard is the skipper of the Annika Rose.", SKIPPER, BOATS).contradicts


INSPECTED = "The hull of the Petrel was last inspected in March 2025, and not in March 2023 as we reported."


def test_a_contrast_in_passing_negates_only_itself() -> None:
    """What stands before "and not" is said, and what stands behind it is denied."""
    assert not verdict("The hull of the Petrel was last inspected in March 2025.", INSPECTED).contradicts
    assert verdict("The hull of the Petrel was last inspected in March 2023.", INSPECTED).contradicts


def test_as_of_when_it_is_asked_need_not_be_in_the_evidence() -> None:
    """The question's own date says nothing new; one that the model made up does."""
    people = "About 1,200 people were ordered out of their homes in Harsk."
    said = "As of 17 March 2026, about 1,200 people were ordered out of their homes in Harsk."
    assert not verdict(said, people, question="As of 17 March 2026, how many people were ordered out?").contradicts
    assert verdict(said, people, question="As of 5 May 2026, how many people were ordered out?").contradicts
    assert verdict(said, people).contradicts


def test_the_year_of_a_month_is_the_last_or_the_next_of_that_name() -> None:
    """As seen from the article's day, 8 March 2026."""
    inflation = "Annual inflation was 3.6 percent in December."
    assert not verdict("Annual inflation was 3.6 percent in December 2025.", inflation).contradicts
    assert verdict("Annual inflation was 3.6 percent in December 2024.", inflation).contradicts


def test_of_a_name_one_word_is_enough_where_the_rest_is_known() -> None:
    """From the question; a first name that nobody said is made up."""
    cocks = "Mr Cocks takes over the company from the late founder."
    assert not verdict("He said that Chris Cocks takes over the company.", cocks, question="What does Chris Cocks take over?").contradicts
    assert verdict("He said that Chris Cocks takes over the company.", cocks).contradicts


def test_a_name_that_is_said_twice_has_changed_places_with_none() -> None:
    """Orvanian boats on the Kelmari side are those of the agreement between Orvane and Kelmar."""
    deal = "Orvane and Kelmar agreed that Orvanian boats may catch 15,200 tonnes of hake on the Kelmari side."
    assert not verdict("Under the deal with Kelmar, Orvane may catch 15,200 tonnes of hake.", deal).contradicts


@pytest.mark.parametrize(
    ("sentence", "said"),
    [
        (
            "Eight people died in the earthquake in Skell.",
            "Eight months after an earthquake killed 32 people in Skell, pupils moved into a new school.",
        ),
        ("Annual inflation was 3.6 percent in December 2025.", "Annual inflation was 3.6 percent in December 2019."),
        ("The bridge may close in 2025.", "The bridge may close."),
        ("The dam is safe and not at risk of collapse.", "The dam is safe for now and at risk of collapse."),
        ("Kelmar attacked Orvane on Sunday.", "Orvane attacked Kelmar on Sunday, Kelmari officials said."),
        ("On Sunday Anna Vik resigned.", "Nils Vik resigned on Sunday."),
        ("The skipper of the Storm Rose is Per Stallard.", "The skipper of the Annika Rose is Per Stallard."),
    ],
)
def test_what_looks_like_a_repetition_and_is_none_is_cut(sentence: str, said: str) -> None:
    """A number of another thing, another year, a verb that is a month, an invented contrast, a swap, another first name, half a name."""
    assert verdict(sentence, said, question="What did Anna Vik do?").contradicts


@pytest.mark.parametrize(
    ("sentence", "said"),
    [
        ("The mayor of Harsk is Anna Vik.", ("Anna Vik, Harsk's mayor, met the mayor of Telle.",)),
        ("Part of Harsk was flooded on Sunday.", ("Harsk was partly flooded on Sunday, as was part of Telle.",)),
        ("The rescue of the boy of six took 71 hours.", ("The boy, six years old, was rescued after 71 hours.",)),
    ],
)
def test_what_only_looks_like_a_change_is_not_cut(sentence: str, said: tuple[str, ...]) -> None:
    """A possessive turned round, a part of another town, an age."""
    assert not verdict(sentence, *said).contradicts
