"""The grounding check as a judge of citations, and against people's verdicts."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from test_evaluation_fakes import ARTICLE, CRACK, HURT, ScriptedAsker, answer, bench_of, case, cite, judged, refusal

from service.domain import Answer, AnswerSentence, Article, Evidence, Passage, Support
from service.evaluation.answer_metrics import CitationPrecision, CitationRecall
from service.evaluation.cases import Case
from service.evaluation.judging import CitationJudge, CosineCheck, GroundingCheck, JudgedSentence, check_fingerprint
from service.evaluation.metric import Metric
from service.evaluation.runner import run_system
from service.evaluation.suite import Suite
from service.evaluation.systems import Response, System
from service.models.hashing import HashingEmbedder

EMBEDDER = HashingEmbedder(256)
SAME = Article("copy", f"Rain fell. {CRACK}", published_at=ARTICLE.published_at)
RAIN = Article("rain", "Trains to the coast ran late because of heavy rain.", published_at=ARTICLE.published_at)
FLOOD = Article("flood", "Water flooded eleven streets below the spillway.", published_at=ARTICLE.published_at)
DAMAGE = Article("damage", "Falling trees damaged nine houses beside the harbour.", published_at=ARTICLE.published_at)
BOTH = "Water flooded eleven streets and falling trees damaged nine houses."
CITED = (
    cite(CRACK),
    cite(RAIN.text, RAIN, marker=2),
    cite(CRACK, SAME, marker=3),
    cite(FLOOD.text, FLOOD, marker=4),
    cite(DAMAGE.text, DAMAGE, marker=5),
)


def says(*sentences: tuple[str, tuple[int, ...]]) -> Answer:
    """An answer of these sentences with these marks."""
    told = tuple(AnswerSentence(text, Support.SUPPORTED, markers) for text, markers in sentences)
    return replace(answer(citations=CITED), sentences=told)


@pytest.mark.parametrize(
    ("text", "markers", "expected"),
    [
        (CRACK, (1,), judged(True)),
        (CRACK, (), judged(carried=False)),  # cites nothing
        (CRACK, (99,), judged(carried=False)),  # cites what is not there
        (CRACK, (2,), judged(False, carried=False)),  # cites another matter
        ("The longest crack runs for 19 metres.", (1,), judged(False, carried=False)),  # another number
        (CRACK, (1, 2), judged(True, False)),  # the second is of no use: the first carries it without
        (CRACK, (1, 3), judged(True, True)),  # each carries it alone
        (BOTH, (4, 5), judged(True, True)),  # neither does alone, together they do
        (BOTH, (4, 5, 2), judged(True, True, False)),
        (BOTH, (4,), judged(False, carried=False)),
    ],
)
def test_a_citation_is_judged_as_alce_does(text: str, markers: tuple[int, ...], expected: JudgedSentence) -> None:
    """Recall: do all of a sentence's citations carry it? Precision: is each of use?"""
    assert CitationJudge(EMBEDDER).judge(says((text, markers))) == (expected,)


def figure(metric: Metric, given: Answer) -> float | None:
    """The metric of this answer, judged by the real check in a run."""
    bench = bench_of(ScriptedAsker(lambda _: given), judge=CitationJudge(EMBEDDER))
    score = metric.score(run_system(Suite("mine", ()), [case()], bench.systems[0], bench).rows[0])
    return None if score is None else score.value


def test_citation_recall_and_precision_by_hand() -> None:
    """Of three sentences two are carried; of their five citations three are of use."""
    given = says((CRACK, (1, 2)), (BOTH, (4, 5)), ("The dam is nine years old.", (2,)))
    assert figure(CitationRecall, given) == pytest.approx(2 / 3)
    assert figure(CitationPrecision, given) == pytest.approx(3 / 5)


def test_a_refusal_has_no_citations_to_judge() -> None:
    """Nor has an answer without sentences."""
    assert figure(CitationRecall, refusal()) is None
    assert figure(CitationPrecision, refusal()) is None
    assert CitationJudge(EMBEDDER).judge(answer()) == ()


def test_a_citation_is_judged_in_the_passage_it_was_chosen_from() -> None:
    """A name that stands beside the sentence in its passage may be said, as when the answer was checked."""
    article = Article("spill", "Mayor Anna Dace spoke on Monday. She closed the spillway road.", published_at=ARTICLE.published_at)
    quote = "She closed the spillway road."
    citation = cite(quote, article)
    said = replace(answer("Then Dace closed the spillway road.", citations=[citation]), evidence=())
    passage = Passage.cut(article, 0, 0, len(article.text))
    evidence = Evidence(1, article, passage, citation.start, citation.end, quote, 1.0)
    judge = CitationJudge(EMBEDDER)
    assert judge.judge(replace(said, evidence=(evidence,))) == (judged(True),)
    assert judge.judge(said) == (judged(False, carried=False),)


def verdict(check: System, claim: str, document: str) -> Response:
    """What the check says of the claim."""
    return asyncio.run(check.respond(Case("c", claim, document=document, supported=True)))


def test_a_claim_is_supported_where_every_sentence_of_it_is() -> None:
    """One sentence that the document does not carry is enough against it; the weakest says how strong it is."""
    check = GroundingCheck(EMBEDDER)
    one, both, more = (verdict(check, claim, ARTICLE.text) for claim in (CRACK, f"{CRACK} {HURT}", f"{CRACK} Trains ran late."))
    assert (one.verdict, both.verdict, more.verdict) == (True, True, False)
    assert one.strength is not None
    assert more.strength is not None
    assert more.strength < 0.5 < one.strength
    assert (one.answer, one.ranking) == (None, None)


def test_another_number_is_weaker_than_other_words() -> None:
    """What is contradicted ranks below what is merely not said."""
    check = GroundingCheck(EMBEDDER)
    wrong = verdict(check, "The longest crack runs for 19 metres.", ARTICLE.text)
    loose = verdict(check, "The crack is rather long.", ARTICLE.text)
    assert wrong.strength is not None
    assert loose.strength is not None
    assert (wrong.verdict, loose.verdict) == (False, False)
    assert wrong.strength < loose.strength


@pytest.mark.parametrize("check", [GroundingCheck(EMBEDDER), CosineCheck(EMBEDDER)], ids=["grounding", "cosine"])
def test_an_empty_document_supports_nothing(check: System) -> None:
    """And the check does not fall over it, nor over a claim without a sentence."""
    assert verdict(check, CRACK, "") == Response(verdict=False, strength=0.0)
    assert verdict(check, "?", ARTICLE.text).verdict is False


def test_the_cosine_alone_does_not_see_a_number() -> None:
    """Which is why it is there: to be compared with."""
    claim = "The longest crack runs for 19 metres."
    assert verdict(CosineCheck(EMBEDDER), claim, ARTICLE.text).verdict is True
    assert verdict(GroundingCheck(EMBEDDER), claim, ARTICLE.text).verdict is False
    assert verdict(CosineCheck(EMBEDDER), CRACK, ARTICLE.text).strength == pytest.approx(1.0)


def test_the_fingerprint_names_encoder_and_code() -> None:
    """Another encoder is another check; the same one is the same."""
    assert check_fingerprint("hashing-64") == check_fingerprint("hashing-64")
    assert check_fingerprint("hashing-64") != check_fingerprint("hashing-128")
    assert len(check_fingerprint("hashing-64")) == 16
