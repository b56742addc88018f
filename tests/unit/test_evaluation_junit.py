"""JUnit XML: the gate's lines fail, questions that raised are errors, and whatever a text holds, the document is XML."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from junitparser import JUnitXml
from test_evaluation_fakes import answer, case, crashed, good_answer, ranked, row
from test_evaluation_report import EVIL, many, report, some_rows

from service.evaluation.junit import junit
from service.evaluation.report import Report
from service.evaluation.runner import Failure, Row


def suites(shown: Report) -> dict[str, list[ElementTree.Element]]:
    """The tests of each suite of the document."""
    return {str(suite.get("name")): suite.findall("testcase") for suite in ElementTree.fromstring(junit(shown))}


def properties(test: ElementTree.Element) -> dict[str, str]:
    """What the test says of itself."""
    return {str(one.get("name")): str(one.get("value")) for one in test.findall("properties/property")}


def test_a_failed_line_of_the_gate_is_a_failure() -> None:
    """It says metric, figure and bound; a line that passed is a passed test that says its words too."""
    gate = suites(report(*many(2, right=1), thresholds={"Contains": 0.9}))["gate"]
    by_name = {test.get("name"): test for test in gate}
    assert list(by_name) == ["Contains (threshold)", "Completed (promise)", "SpanValidity (promise)", "NothingNewer (promise)"]
    failure = by_name["Contains (threshold)"].find("failure")
    assert failure is not None
    assert failure.attrib == {"message": "Contains is 0.5, required at least 0.9", "type": "threshold"}
    kept = by_name["Completed (promise)"]
    assert kept.find("failure") is None
    assert kept.findtext("system-out") == "Completed is 1 (n = 2) and is promised to be 1"


def test_a_question_that_raised_is_an_error_and_a_wrong_one_is_not() -> None:
    """The gate decides: a question that is not right is a passed test that says so."""
    questions = {test.get("name"): test for test in suites(report(*some_rows()))["questions"]}
    assert list(questions) == ["q1", "q2", "q3", "q4"]
    error = questions["q4"].find("error")
    assert error is not None
    assert error.attrib == {"message": "ValueError, error abc123.", "type": "ValueError"}
    assert properties(questions["q3"]) == {"status": "answered", "graded": "not right"}
    assert [child.tag for child in questions["q3"]] == ["properties", "system-out"]
    assert "It is short" in str(questions["q3"].findtext("system-out"))
    assert properties(questions["q2"]) == {"status": "insufficient_evidence", "graded": "right"}


def test_the_suites_are_counted_and_named() -> None:
    """As CI systems read them; the time is that of the answers, in seconds."""
    root = ElementTree.fromstring(junit(report(*some_rows(1500.0), thresholds={"Contains": 0.9})))
    assert (root.get("name"), root.get("tests"), root.get("failures"), root.get("errors")) == ("dateline eval mine", "8", "2", "1")
    gate, questions = root
    assert [(gate.get("name"), gate.get("failures")), (questions.get("name"), questions.get("errors"))] == [
        ("gate", "2"),
        ("questions", "1"),
    ]
    assert {test.get("classname") for test in questions.iter("testcase")} == {"mine.questions"}
    assert questions[0].get("time") == "1.5"


def test_a_ranking_has_its_own_time() -> None:
    """Where nothing was answered it is the search's."""
    (test,) = suites(report(Row(case(gold_articles=("dam",)), ranking=ranked(case(), "dam").ranking, search_ms=250.0)))["questions"]
    assert test.get("time") == "0.25"


def test_an_interrupted_run_fails() -> None:
    """Its gate was not applied, and CI must not take that for success."""
    (test,) = suites(report(*many(2, right=2), partial=True))["gate"]
    failure = test.find("failure")
    assert failure is not None
    assert failure.get("message") == "interrupted: 2 of 2 questions were asked, and the gate was not applied"


def test_whatever_a_text_holds_the_document_is_xml() -> None:
    """Markup, quotes, control characters and half characters, in ids, questions, answers and errors."""
    bad = EVIL + "\x0b\ufffe\ud800]]>"
    raised = Row(case(bad), failure=Failure("abc123", "ValueError", bad))
    document = junit(report(raised, row(case("b", question=bad), answer(bad)), row(case("c"), good_answer())))
    read = JUnitXml.fromstring(document)
    assert (read.tests, read.errors) == (6, 1)
    root = ElementTree.fromstring(document)
    assert {element.tag for element in root.iter()} == {
        "testsuites", "testsuite", "testcase", "system-out", "error", "failure", "properties", "property",
    }  # fmt: skip
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\ud800-\udfff]", document)
    names = [str(test.get("name")) for test in suites(report(raised))["questions"]]
    assert names[0].startswith('<img src=x onerror="alert(1)">')


def test_equal_runs_make_equal_documents() -> None:
    """No hostname, no timestamp, and rows in order of their ids."""
    document = junit(report(*some_rows()))
    assert document == junit(report(*reversed(some_rows())))
    assert "timestamp" not in document
    assert "hostname" not in document


def test_a_crash_alone_is_a_document_too() -> None:
    """With nothing answered at all."""
    assert len(suites(report(crashed(case())))["questions"]) == 1
