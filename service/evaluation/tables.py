"""The tables of a report as text, the same on the terminal, in Markdown, in the HTML file and in JUnit's."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice

from service.domain import Hit
from service.evaluation.answer_metrics import holds_answer
from service.evaluation.matching import states
from service.evaluation.report import Report, is_right, number, spread
from service.evaluation.report_json import RANKING_SHOWN
from service.evaluation.runner import Row
from service.evaluation.scoring import Figure, ScoredRow
from service.evaluation.statistics import Paired
from service.evaluation.suite import Task

HEAD = ("metric", "figure", "95 % interval", "n", "against the baseline", "gate")
TAG_METRICS = (
    "Status",
    "Contains",
    "GoldRecall",
    "FalseRefusalRate",
    "nDCG@10",
    "R(sentences)@10",
    "AnswerIn@10",
    "FreshFirst",
    "Accuracy",
)
"""What is shown by tag where it applies and the suite names no metrics; the JSON has every metric."""
MOST_TAG_METRICS = 5
TITLES = {Task.ANSWER: "What was answered", Task.RETRIEVAL: "What was found", Task.CHECK: "What the check says"}
RIGHT, WRONG, UNGRADED = "right", "not right", "not graded"
MARKS = {True: RIGHT, False: WRONG, None: UNGRADED}
"""Where only rankings are graded, a question with nothing to find is neither right nor wrong."""

_ILLEGIBLE = re.compile("[^\t\n\r\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|[\u202a-\u202e\u2066-\u2069]")
"""Control characters, half characters, what XML 1.0 forbids, and what turns the direction of the text that follows."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a question: a word or two, what there is to read of it, and whether it was right."""

    status: str
    words: str
    mark: str


def legible(text: str) -> str:
    """The text with a replacement character for each that no reader, XML parser or terminal should meet."""
    return _ILLEGIBLE.sub("\N{REPLACEMENT CHARACTER}", text)


def told(figures: Sequence[Figure]) -> list[Figure]:
    """Those that say something: a promise about citations says nothing where there were none."""
    return [figure for figure in figures if figure.n]


def metric_row(report: Report, figure: Figure) -> tuple[str, ...]:
    """Name, figure, interval, n, difference to the baseline and what the gate said, as text."""
    metric = figure.metric
    found = report.comparison.differences.get(str(metric)) if report.comparison else None
    gates = [line for line in report.lines if line.metric == metric]
    gate = "" if not gates else "passed" if all(line.passed for line in gates) else "FAILED"
    count = f" ({figure.hits:,} of {figure.of:,})" if figure.hits is not None else ""
    return (str(metric), number(metric, figure.value) + count, spread(figure), str(figure.n), str(found) if found else "", gate)


def rival_table(report: Report) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Head and rows: each metric with the graded system's figure, and each rival's with how far it is behind.

    Metrics in which no rival does otherwise are left out.
    """
    head = ("metric", report.scored.system, *(rival.name for rival in report.rivals))
    rows = []
    for figure in told(report.scored.figures) if report.rivals else ():
        if figure.metric.of_itself:
            continue
        cells, differ = [], False
        for rival in report.rivals:
            other, found = rival.scored.figure(figure.metric), rival.differences.get(str(figure.metric))
            differ |= bool(other.n) and not (found and found.identical)
            cells.append(f"{number(figure.metric, other.value)} ({difference(found) if found else 'not compared'})" if other.n else "–")
        if differ:
            rows.append((str(figure.metric), f"{number(figure.metric, figure.value)} ({spread(figure)})", *cells))
    return head, rows


def difference(found: Paired) -> str:
    """The graded system less the other, and whether that is shown."""
    if found.identical:
        return "the same"
    p = found.p_value if found.corrected_p is None else found.corrected_p
    how = ("p < 0.001" if p < 0.001 else f"p = {p:.3f}") if found.is_shown else "no difference shown"
    return f"{found.difference:+.3f}, {how}"


def tag_metrics(report: Report) -> list[str]:
    """The metrics of the table by tag: those that the suite names, else the usual ones that apply."""
    present = [str(figure.metric) for figure in told(report.scored.figures)]
    named = report.scored.suite.metrics or TAG_METRICS
    return [name for name in named if name in present][:MOST_TAG_METRICS]


def tag_count(report: Report, tag: str) -> int:
    """How many questions have the tag."""
    return sum(tag in row.row.case.tags for row in report.scored.rows)


def tags_in_order(report: Report) -> list[str]:
    """The tags, sorted as people sort: by words, and by numbers where there are numbers."""

    def key(tag: str) -> list[tuple[int, float, str]]:
        parts = re.split(r"(\d+(?:\.\d+)?)", tag)
        return [(0, float(part), "") if place % 2 else (1, 0.0, part.casefold()) for place, part in enumerate(parts) if part]

    return sorted(report.scored.by_tag, key=lambda tag: (key(tag), tag))


def tag_rows(report: Report) -> list[tuple[str, ...]]:
    """Tag, number of questions, and each of `tag_metrics` as a figure."""
    rows = []
    for tag in tags_in_order(report):
        by_name = {str(figure.metric): figure for figure in report.scored.by_tag[tag]}
        figures = [by_name[name] for name in tag_metrics(report)]
        rows.append((tag, str(tag_count(report, tag)), *(number(figure.metric, figure.value) for figure in figures)))
    return rows


def outcome(scored: ScoredRow) -> Outcome:
    """What became of a question, whatever kind of suite asked it."""
    row, mark = scored.row, MARKS[is_right(scored.row)]
    if row.failure:
        message = f" {row.failure.message}" if row.failure.message else ""
        return Outcome("error", f"{row.failure.kind}, error {row.failure.id}.{message}", mark)
    if row.verdict is not None:
        strength = "" if row.strength is None else f" (strength {row.strength:.2f})"
        people = "nothing" if row.case.supported is None else _supported(row.case.supported)
        return Outcome(_supported(row.verdict), f"The check says {_supported(row.verdict)}{strength}, people say {people}.", mark)
    if row.answer:
        return Outcome(row.answer.status.value, row.answer.text, mark)
    found = found_at(row)
    return Outcome(found or "nothing to find", "", mark)


def found_at(row: Row) -> str | None:
    """`gold sentence at 3`: the rank of the first passage that is what should be found; None where nothing should be."""
    case = row.case
    levels: tuple[tuple[str, bool, Callable[[Hit], bool]], ...] = (
        ("gold sentence", bool(case.gold), lambda hit: any(states([hit.passage.text], fact) for fact in case.gold)),
        ("gold article", bool(case.gold_articles), lambda hit: hit.article.id in case.gold_articles),
        ("answer", bool(case.answers) and not case.must_refuse, lambda hit: holds_answer(hit.passage.text, case)),
    )
    for name, asked, holds in levels:
        if asked:
            ranks = (rank for rank, hit in enumerate(islice(row.ranking or (), RANKING_SHOWN), 1) if holds(hit))
            rank = next(ranks, None)
            return f"{name} at {rank}" if rank else f"no {name} among {RANKING_SHOWN}"
    return None


def _supported(verdict: bool) -> str:  # noqa: FBT001 - a verdict is what it says
    return "supported" if verdict else "not supported"
