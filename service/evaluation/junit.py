"""A report as JUnit XML, which CI systems show: what the gate checked, and every question.

The gate decides, so a question that is not right is no failure here; one that raised is an error.
"""

from __future__ import annotations

from typing import Any

import junitparser

from service.evaluation.gate import GateLine
from service.evaluation.report import Report
from service.evaluation.scoring import ScoredRow
from service.evaluation.tables import legible, outcome

_XML: Any = junitparser
"""Its methods are not annotated, its constructors not all."""


def junit(report: Report) -> str:
    """The report as an XML document: a suite `gate` with a test for each of its lines, and a suite `questions`."""
    name = report.scored.suite.name
    gate, questions = _XML.TestSuite("gate"), _XML.TestSuite("questions")
    gate.add_testcases([_interrupted(report)] if report.scored.partial else [_checked(line, name) for line in report.lines])
    questions.add_testcases([_asked(row, name) for row in report.scored.rows])
    document = _XML.JUnitXml(f"dateline eval {name}")
    document.add_testsuite(gate)
    document.add_testsuite(questions)
    document.update_statistics()
    return str(document.tostring().decode("utf-8"))


def _checked(line: GateLine, suite: str) -> Any:
    """A line of the gate; one that failed says metric, figure and bound."""
    test = _XML.TestCase(f"{line.metric} ({line.kind})", f"{suite}.gate", 0.0)
    if not line.passed:
        test.result = _XML.Failure(legible(line.words), line.kind)
    test.system_out = legible(line.words)
    return test


def _interrupted(report: Report) -> Any:
    test = _XML.TestCase("the run is whole", f"{report.scored.suite.name}.gate", 0.0)
    asked = f"{len(report.scored.rows)} of {report.scored.total} questions were asked"
    test.result = _XML.Failure(f"interrupted: {asked}, and the gate was not applied", "interrupted")
    return test


def _asked(scored: ScoredRow, suite: str) -> Any:
    row, found = scored.row, outcome(scored)
    spent = row.answer.timings_ms.get("total", 0.0) if row.answer else row.search_ms or 0.0
    test = _XML.TestCase(legible(row.case.id), f"{suite}.questions", round(spent / 1000, 3))
    graded = _XML.Properties()
    graded.add_property(_XML.Property("status", legible(found.status)))
    graded.add_property(_XML.Property("graded", found.mark))
    test.append(graded)
    if row.failure:
        test.result = _XML.Error(legible(found.words), row.failure.kind)
    test.system_out = legible("\n".join(filter(None, (row.case.question, f"{found.status}, {found.mark}", found.words))))
    return test
