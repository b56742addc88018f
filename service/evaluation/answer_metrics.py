"""Metrics of answers: correctness after SQuAD, citations against gold sentences and after ALCE, abstention.

Rajpurkar et al., EMNLP 2016; Gao et al., EMNLP 2023; risk and coverage after Geifman and El-Yaniv, NIPS 2017.
"""

from __future__ import annotations

import math

import numpy as np

from service.domain import Answer, Citation, Support
from service.evaluation.cases import Case
from service.evaluation.matching import best_token_f1, contains, normalise, states
from service.evaluation.metric import Metric, Score
from service.evaluation.runner import Row
from service.evaluation.statistics import Values


def prose(answer: Answer) -> str:
    """The answer's words without citation marks, which would read as numbers."""
    return " ".join(sentence.text for sentence in answer.sentences)


def cites_gold(citation: Citation, case: Case) -> bool:
    """True where the quote is one of the sentences that state one of the facts."""
    return any(states([citation.quote], fact) for fact in case.gold)


def is_newer(citation: Citation, answer: Answer, case: Case) -> bool:
    """True where the cited article was published after the question was asked; an article of unknown date never is."""
    asked_at, published = case.asked_at or answer.question.asked_at, citation.article.published_at
    return published is not None and published > asked_at


def holds_answer(text: str, case: Case) -> bool:
    """True where one alternative of every group stands in the text."""
    return all(any(contains(text, wanted) for wanted in group) for group in case.answers)


def answers_rightly(case: Case, answer: Answer) -> bool:
    """True where the status is right and, where one was expected and the answer is no refusal, so is the answer."""
    if answer.status not in case.statuses:
        return False
    return answer.status.is_refusal or not case.answers or holds_answer(prose(answer), case)


def chosen(text: str, choices: tuple[str, ...]) -> str | None:
    """The choice that a text takes: the only one it holds, else the one whose words it holds most of; None where two are level."""
    held = [choice for choice in choices if contains(text, choice)]
    if len(held) == 1:
        return held[0]
    words = set(normalise(text).split())
    shares = {choice: len(words & set(tokens)) / len(tokens) for choice in held or choices if (tokens := normalise(choice).split())}
    best = [choice for choice, share in shares.items() if share == max(shares.values()) and share > 0]
    return best[0] if len(best) == 1 else None


def f1(values: Values, counted: Values) -> float:
    """F1 from each question's true positive (0 or 1) and its share of 2 TP + FP + FN; NaN where nothing was or should be refused."""
    return float(2 * values.sum() / counted.sum()) if counted.sum() else math.nan


def area_under_risk(right: Values, confidence: Values) -> float:
    """Mean risk over every coverage: the share of wrong answers among the k surest, averaged over k. 0 is perfect.

    Equal confidences are averaged over their orders, as if drawn at random.
    """
    risks = risk_curve(right, confidence)
    return float(np.mean(risks)) if len(risks) else 0.0


def risk_curve(right: Values, confidence: Values) -> Values:
    """`(n,)`: the share of wrong ones among the k surest, for k from 1 to n."""
    order = np.argsort(-confidence, kind="stable")
    ordered = 1.0 - right[order]
    for value in np.unique(confidence):
        tied = confidence[order] == value
        ordered[tied] = ordered[tied].mean()
    return np.asarray(np.cumsum(ordered) / np.arange(1, len(ordered) + 1))


def _answer(row: Row) -> Answer:
    assert row.answer is not None  # Metric.score asks only where there is one
    return row.answer


def _rightly_refused(row: Row) -> bool:
    return _answer(row).status.is_refusal and row.case.may_refuse


def _contains(row: Row, _: Metric) -> Score | None:
    answer = _answer(row)
    return None if _rightly_refused(row) else Score.flag(holds=not answer.status.is_refusal and holds_answer(prose(answer), row.case))


def _exact_match(row: Row, _: Metric) -> Score | None:
    answer, case = _answer(row), row.case
    if _rightly_refused(row):
        return None
    given = normalise(prose(answer))
    whole = {normalise(alternative) for alternative in case.answers[0]} if len(case.answers) == 1 else set()
    return Score.flag(holds=not answer.status.is_refusal and given in whole)


def _token_f1(row: Row, _: Metric) -> Score | None:
    answer = _answer(row)
    if _rightly_refused(row):
        return None
    return Score(0.0 if answer.status.is_refusal else best_token_f1(prose(answer), row.case.answers))


def _choice(row: Row, _: Metric) -> Score:
    answer, case = _answer(row), row.case
    if answer.status.is_refusal:
        return Score(0.0)
    taken = chosen(prose(answer), case.choices)
    right = {normalise(alternative) for group in case.answers for alternative in group}
    return Score.flag(holds=taken is not None and normalise(taken) in right)


def _status(row: Row, _: Metric) -> Score:
    return Score.flag(holds=_answer(row).status in row.case.statuses)


def _refusal_precision(row: Row, _: Metric) -> Score | None:
    return Score.flag(holds=row.case.may_refuse) if _answer(row).status.is_refusal else None


def _refused(row: Row, _: Metric) -> Score:
    return Score.flag(holds=_answer(row).status.is_refusal)


def _refusal_f1(row: Row, _: Metric) -> Score:
    refused, should = _answer(row).status.is_refusal, row.case.must_refuse
    return Score(float(refused and should), aux=float(refused) + float(should))


def _risk(row: Row, _: Metric) -> Score | None:
    answer = _answer(row)
    if answer.status.is_refusal or answer.confidence is None:
        return None
    return Score(float(answers_rightly(row.case, answer)), aux=answer.confidence)


def _gold_recall(row: Row, _: Metric) -> Score | None:
    answer = _answer(row)
    if _rightly_refused(row):
        return None
    quotes = [] if answer.status.is_refusal else [citation.quote for citation in answer.citations]
    return Score.share(sum(states(quotes, fact) for fact in row.case.gold), len(row.case.gold))


def _gold_precision(row: Row, _: Metric) -> Score | None:
    answer = _answer(row)
    if answer.status.is_refusal:
        return None
    right = sum(cites_gold(citation, row.case) for citation in answer.citations)
    return Score.share(right, len(answer.citations)) or Score(0.0)


def _citation_recall(row: Row, _: Metric) -> Score | None:
    assert row.judged is not None
    return Score.share(sum(sentence.carried for sentence in row.judged), len(row.judged))


def _citation_precision(row: Row, _: Metric) -> Score | None:
    assert row.judged is not None
    if _answer(row).status.is_refusal:
        return None
    useful = [one for sentence in row.judged for one in sentence.useful]
    return Score.share(sum(useful), len(useful)) or Score(0.0)


def _supported(row: Row, _: Metric) -> Score | None:
    answer = _answer(row)
    if answer.status.is_refusal:
        return None
    supported = sum(sentence.support is Support.SUPPORTED for sentence in answer.sentences)
    return Score.share(supported, len(answer.sentences)) or Score(0.0)


def _evidence_recall(row: Row, metric: Metric) -> Score | None:
    best = sorted(_answer(row).evidence, key=lambda evidence: -evidence.score)  # its numbers follow the articles, not the rank
    shown = [evidence.text for evidence in best[: metric.cutoff]]
    return Score.share(sum(states(shown, fact) for fact in row.case.gold), len(row.case.gold))


def _span_validity(row: Row, _: Metric) -> Score | None:
    return Score.share(sum(row.exact), len(row.exact))


def _has_answers(case: Case) -> bool:
    return bool(case.answers) and not case.must_refuse


def _has_gold(case: Case) -> bool:
    return bool(case.gold)


Completed = Metric("Completed", lambda *_: Score(1.0), "questions that came back without an error", needs="case", promised=True)
StatusRight = Metric("Status", _status, "the status is one of the right ones")
Contains = Metric("Contains", _contains, "every required answer is in the text", applies=_has_answers)
ExactMatch = Metric("ExactMatch", _exact_match, "the text is the expected answer and nothing else", applies=_has_answers)
TokenF1 = Metric("TokenF1", _token_f1, "words shared with the expected answer", applies=_has_answers)
Choice = Metric("Choice", _choice, "the right one of the choices is taken", applies=lambda case: bool(case.choices) and _has_answers(case))
RefusalPrecision = Metric("RefusalPrecision", _refusal_precision, "refusals that were right", failed=None, selective=True)
RefusalRecall = Metric("RefusalRecall", _refused, "unanswerable questions that were refused", applies=lambda case: case.must_refuse)
RefusalF1 = Metric(
    "RefusalF1", _refusal_f1, "F1 of refusing", combine=f1, failed_aux=lambda case: float(case.must_refuse),
    applies=lambda case: case.must_refuse or not case.may_refuse,
)  # fmt: skip
FalseRefusalRate = Metric(
    "FalseRefusalRate",
    _refused,
    "answerable questions that were refused",
    failed=1.0,
    applies=lambda case: not case.may_refuse,
    higher_is_better=False,
)
RiskCoverage = Metric(
    "RiskCoverage", _risk, "wrong among the surest answers, averaged over every share of them", failed=None,
    higher_is_better=False, combine=area_under_risk,
)  # fmt: skip
SpanValidity = Metric("SpanValidity", _span_validity, "citations exact in the stored article", failed=None, promised=True)
CitationRecall = Metric(
    "CitationRecall", _citation_recall, "sentences that all they cite carries, says our check", needs="judged", judged=True
)
CitationPrecision = Metric(
    "CitationPrecision", _citation_precision, "citations of use to their sentence, says our check", needs="judged", judged=True
)
GoldRecall = Metric("GoldRecall", _gold_recall, "gold facts that a citation shows", applies=_has_gold)
GoldPrecision = Metric("GoldPrecision", _gold_precision, "citations that show a gold fact", applies=_has_gold)
Judged = Metric(
    "Judged", lambda row, _: Score(row.correctness or 0.0), "correct, says the hosted judge (partly: half)", needs="correctness"
)
Supported = Metric("Supported", _supported, "answer sentences marked as carried by their citations", failed=0.0, of_itself=True)
EvidenceRecall = Metric("EvidenceRecall", _evidence_recall, "gold facts among the evidence sentences", applies=_has_gold, takes="cutoff")

ANSWER_METRICS = (
    Completed, StatusRight, Contains, ExactMatch, TokenF1, Choice, Judged, RefusalPrecision, RefusalRecall, RefusalF1, FalseRefusalRate,
    RiskCoverage, SpanValidity, CitationRecall, CitationPrecision, GoldRecall, GoldPrecision, Supported, EvidenceRecall,
    EvidenceRecall @ 5,
)  # fmt: skip
"""In the order of a report."""
