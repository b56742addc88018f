"""One question as the HTML report shows it: what came back beside what was expected, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from urllib.parse import quote

from service.domain import Answer, Article, Citation, Hit
from service.evaluation.answer_metrics import cites_gold
from service.evaluation.cases import Case
from service.evaluation.matching import states
from service.evaluation.metrics import parse_metric
from service.evaluation.report import Report
from service.evaluation.scoring import ScoredRow
from service.evaluation.tables import Outcome, found_at, outcome
from service.moments import iso

EXCERPT = 260
"""Characters of a passage or a document in a question; a document stands whole once in the page."""
BEFORE = 60
"""Characters shown before what a passage is found for."""
PASSAGES = 5
MANY = 500
"""Questions from which on only MANY_PASSAGES are shown of each, so that the file stays small enough to open."""
MANY_PASSAGES = 3


@dataclass(frozen=True, slots=True)
class CitationView:
    """A citation and what is known of it."""

    marker: int
    place: str
    quote: str
    exact: bool
    gold: bool


@dataclass(frozen=True, slots=True)
class FactView:
    """A gold fact: its sentences, and whether the evidence held it and a citation shows it."""

    sentences: tuple[str, ...]
    found: bool
    cited: bool


@dataclass(frozen=True, slots=True)
class PassageView:
    """A passage that was found: where it stands, what it is good or bad for, and an excerpt with its gold sentence apart."""

    place: str
    good: tuple[str, ...]
    bad: tuple[str, ...]
    excerpt: tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class ChangeView:
    """A score of the baseline and of this run; `better` is None where either is missing."""

    metric: str
    before: str
    after: str
    better: bool | None


@dataclass(frozen=True, slots=True)
class QuestionView:
    """Everything the page shows of one question."""

    case: Case
    key: str
    """Its anchor: characters that are safe in an address and in an attribute."""
    asked_at: str
    outcome: Outcome
    answer: Answer | None
    citations: tuple[CitationView, ...]
    facts: tuple[FactView, ...]
    passages: tuple[PassageView, ...]
    found: str | None
    scores: tuple[tuple[str, str], ...]
    stages: tuple[tuple[str, str], ...]
    changes: tuple[ChangeView, ...]
    document: tuple[int, str] | None
    """The number of the document in the page, and how it begins."""


@dataclass(frozen=True, slots=True)
class DocumentView:
    """A document that claims were checked against, whole, and how many claims."""

    number: int
    text: str
    claims: int


def questions(report: Report) -> list[QuestionView]:
    """Every question, sorted by id."""
    rows = report.scored.rows
    changed = report.comparison.changed if report.comparison else {}
    numbers = {document.text: document.number for document in documents(report)}
    count = PASSAGES if len(rows) < MANY else MANY_PASSAGES
    return [_question(row, changed.get(row.row.case.id, {}), numbers, count) for row in rows]


def documents(report: Report) -> list[DocumentView]:
    """The documents of a suite that judges the grounding check, each once, in the order of their claims."""
    counts: dict[str, int] = {}
    for row in report.scored.rows:
        if row.row.case.document is not None:
            counts[row.row.case.document] = counts.get(row.row.case.document, 0) + 1
    return [DocumentView(number, text, claims) for number, (text, claims) in enumerate(counts.items(), start=1)]


def anchor(case_id: str) -> str:
    """The anchor of a question; different ids have different ones."""
    return "q-" + quote(case_id, safe="", errors="replace").replace("%", ":")


def excerpt(text: str, wanted: Sequence[str] = ()) -> tuple[str, str, str]:
    """The beginning of the text, or what stands around the first of the wanted strings: before, itself, after."""
    found = next(((text.index(part), part) for part in wanted if part and part in text), None)
    if found is None:
        return (_begun(text, EXCERPT), "", "")
    at, part = found
    before = text[:at] if at <= BEFORE else "… " + text[at - BEFORE : at].partition(" ")[2]
    return (before, part, _begun(text[at + len(part) :], max(0, EXCERPT - BEFORE - len(part))))


def _question(
    scored: ScoredRow, changed: Mapping[str, tuple[float | None, float | None]], numbers: Mapping[str, int], count: int
) -> QuestionView:
    row, case, answer = scored.row, scored.row.case, scored.row.answer
    quotes = [citation.quote for citation in answer.citations] if answer else []
    shown = [evidence.text for evidence in answer.evidence] if answer else []
    scores = [(name, score) for name, score in scored.scores.items() if score is not None and parse_metric(name).unit == "share"]
    stages = answer.timings_ms if answer else {"search": row.search_ms} if row.search_ms is not None else {}
    return QuestionView(
        case=case,
        key=anchor(case.id),
        asked_at=iso(case.asked_at) or "the time of the run",
        outcome=outcome(scored),
        answer=answer,
        citations=_citations(answer, case, row.exact) if answer else (),
        facts=tuple(FactView(fact, found=states(shown, fact), cited=states(quotes, fact)) for fact in case.gold),
        passages=tuple(_passage(hit, case) for hit in islice(row.ranking or (), count)),
        found=found_at(row) if row.ranking is not None else None,
        scores=tuple((name, f"{score.value:.3g}") for name, score in scores),
        stages=tuple((name, f"{spent:,.0f} ms") for name, spent in stages.items()),
        changes=tuple(_change(name, *pair) for name, pair in changed.items()),
        document=None if case.document is None else (numbers[case.document], _begun(case.document, EXCERPT)),
    )


def _citations(answer: Answer, case: Case, exact: Sequence[bool]) -> tuple[CitationView, ...]:
    return tuple(
        CitationView(citation.marker, _place(citation.article, citation), citation.quote, is_exact, cites_gold(citation, case))
        for citation, is_exact in zip(answer.citations, exact, strict=False)
    )


def _place(article: Article, citation: Citation) -> str:
    """Headline, outlet, day and offsets."""
    known = [article.headline, article.source, iso(article.published_at), f"characters {citation.start} to {citation.end}"]
    return ", ".join(filter(None, known))


def _passage(hit: Hit, case: Case) -> PassageView:
    article, text = hit.article, hit.passage.text
    good = {
        "states a gold fact": any(states([text], fact) for fact in case.gold),
        "gold article": article.id in case.gold_articles,
    }
    bad = {"stale article": article.id in case.stale_articles, "planted article": article.id in case.planted_articles}
    return PassageView(
        ", ".join((article.source or "unknown outlet", iso(article.published_at) or "date unknown", article.id)),
        tuple(name for name, holds in good.items() if holds),
        tuple(name for name, holds in bad.items() if holds),
        excerpt(text, [sentence for fact in case.gold for sentence in fact]),
    )


def _change(name: str, before: float | None, after: float | None) -> ChangeView:
    better = None if before is None or after is None else (after > before) is parse_metric(name).higher_is_better
    return ChangeView(name, _score(before), _score(after), better)


def _score(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}"


def _begun(text: str, length: int) -> str:
    return text if len(text) <= length else text[:length].rsplit(" ", 1)[0] + " …"
