"""Reports: what they say first, what they escape, and what two equal runs share."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from rich.console import Console
from test_evaluation_fakes import CRACK, answer, case, cite, good_answer, refusal, row, unanswerable

from service.domain import GeneratorUsed, Usage
from service.evaluation.command import report_of
from service.evaluation.gate import load_baseline, write_baseline
from service.evaluation.metrics import Contains
from service.evaluation.render import escape_markdown, markdown, print_report, write_reports
from service.evaluation.render_html import html
from service.evaluation.report import Report, as_json, number, spent, summary
from service.evaluation.runner import Failure, Row, RunResult
from service.evaluation.scoring import score_run
from service.evaluation.suite import Suite

EVIL = '<img src=x onerror="alert(1)"> | @team #12 [x](http://evil) `'


def report(*rows: Row, partial: bool = False, thresholds: Mapping[str, float] | None = None) -> Report:
    """The report of a run of these rows."""
    return report_of(RunResult(Suite("mine", (), thresholds=thresholds or {}), rows, len(rows), partial), None)


def some_rows(total: float = 20.0) -> list[Row]:
    """A right answer, a wrong one, a refusal and a crash."""
    return [
        row(case("q3"), answer("It is short.", citations=[cite("The dam is cracked.")], unsupported=1, dropped=("It is 9.",)), (True,)),
        row(case("q1", tags=("x",)), good_answer(timings_ms={"total": total}, usage=Usage(400, 20)), (True,)),
        row(unanswerable("q2"), refusal()),
        Row(case("q4"), failure=Failure("abc123", "ValueError", "")),
    ]


def test_the_summary_says_first_what_failed() -> None:
    """The gate's failed lines come before any figure."""
    words = summary(report(*some_rows(), thresholds={"Contains": 0.9}))
    assert words[0] == "FAILED: Contains is 0.3333, required at least 0.9."
    assert words[1].startswith("FAILED: Completed is 0.75")
    assert "1 questions got no answer: ValueError." in words
    assert any(line.startswith("1 of 3 answerable questions were answered with what was expected (95 % interval ") for line in words)
    assert "2 of 2 citations exact." in words


def test_a_run_that_passes_says_so() -> None:
    """With nothing failed the first words say how much was checked."""
    assert summary(report(row(case(), good_answer(), (True,)), thresholds={"Contains": 0.5}))[0] == "Passed: 4 checks."


def test_an_interrupted_run_has_no_gate_and_never_passes() -> None:
    """A part of a suite proves nothing about the whole."""
    partial = report(row(case(), good_answer()), partial=True, thresholds={"Contains": 0.99})
    assert (partial.lines, partial.passed) == ((), False)
    assert summary(partial)[0].startswith("Interrupted: 1 of 1 questions")
    assert "interrupted" in markdown(partial)
    assert "interrupted" in html(partial)


def test_a_stand_in_for_the_model_is_named() -> None:
    """Answers that were extractive because the model was down are counted as such."""
    fallen = good_answer(generator=GeneratorUsed("extractive", "extractive", "the model is down"))
    assert "1 answers by extractive (instead: the model is down)." in summary(report(row(case(), fallen)))


def test_an_almost_perfect_share_is_not_shown_as_perfect() -> None:
    """Rounding never turns 0.999 into 1.00."""
    assert [number(Contains, value) for value in (0.999, 1.0, 0.0, 0.125, None)] == ["0.99", "1.00", "0.00", "0.12", "–"]


def test_time_is_told_in_seconds() -> None:
    """The median and the slow end, with n; nothing where nothing was timed."""
    assert spent(report(row(case(), good_answer())).scored) == "An answer took 0.02 s (median), 0.02 s (95th percentile), n = 1."
    assert spent(report(row(case(), None)).scored) is None


def test_equal_answers_make_equal_json_but_for_timing() -> None:
    """Rows are sorted by id, and the clock is seen under `timing` alone."""
    slow, fast = as_json(report(*some_rows(900.0))), as_json(report(*reversed(some_rows(10.0))))
    assert slow.pop("timing") != fast.pop("timing")
    assert json.dumps(slow, sort_keys=True) == json.dumps(fast, sort_keys=True)
    assert [shown["id"] for shown in slow["rows"]] == ["q1", "q2", "q3", "q4"]
    assert "900.0" not in json.dumps(slow)


def test_a_threshold_on_time_is_kept_with_the_timings() -> None:
    """The compared part holds no milliseconds, in the gate's words either."""
    content = as_json(report(row(case(), good_answer()), thresholds={"Latency(total)@95": 5.0}))
    assert [line["metric"] for line in content["timing"]["gate"]] == ["Latency(total)@95"]
    assert "Latency" not in json.dumps(content["gate"])


def test_the_json_holds_every_figure_with_its_n_and_interval() -> None:
    """Another program can redo every judgement from the rows."""
    content = as_json(report(*some_rows()))
    assert content["figures"]["Contains"]["n"] == 3
    assert content["figures"]["Contains"]["low"] < 1 / 3 < content["figures"]["Contains"]["high"]
    assert content["by_tag"]["x"]["Contains"]["value"] == 1.0
    (cited,) = content["rows"][0]["answer"]["citations"]
    assert (cited["quote"], cited["exact"], cited["gold"]) == (CRACK, True, True)
    assert content["rows"][3]["failure"] == {"id": "abc123", "kind": "ValueError", "message": ""}
    assert content["rows"][3]["scores"]["Contains"] == 0.0


def test_markdown_shows_text_as_text() -> None:
    """A question cannot end a table cell, load an image or call a team into a pull request."""
    shown = markdown(report(row(case(question=EVIL), answer(EVIL))))
    assert "<img" not in shown
    assert "@team" not in shown
    assert "](http" not in shown
    cells = next(line for line in shown.splitlines() if "img" in line)
    assert len(re.findall(r"(?<!\\)\|", cells)) == 5
    assert escape_markdown("a\n|b") == r"a \|b"


def test_markdown_lists_what_was_not_right() -> None:
    """Wrong and crashed questions are listed, right ones are not."""
    shown = markdown(report(*some_rows()))
    assert "2 questions not right" in shown
    assert "| q3 |" in shown
    assert "ValueError abc123" in shown
    assert "| q1 |" not in shown


class Page(HTMLParser):
    """Tags, their attributes and the text of a page; refuses ends that do not match."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, Any]]] = []
        self.text = ""
        self.feed(content)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in {"meta", "img"}:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_is_whole_and_fetches_nothing() -> None:
    """Well-formed, one detail a question, no script and no address."""
    content = html(report(*some_rows(), thresholds={"Contains": 0.9}))
    page = Page(content)
    names = [tag for tag, _ in page.tags]
    assert names.count("details") == 4
    assert not {"script", "link", "img", "iframe"} & set(names)
    assert not any({"src", "href"} & set(attributes) for _, attributes in page.tags)
    assert "prefers-color-scheme: dark" in content
    assert "FAILED: Contains is 0.3333" in page.text
    for shown in (CRACK, "not in the evidence", "unsupported", "It is 9.", "ValueError, error abc123", "Not right (2)"):
        assert shown in page.text


def test_the_page_shows_markup_as_text() -> None:
    """What an article, a question or a model says is never a tag."""
    asked = case(EVIL, question=EVIL, answers=((EVIL,),), gold=((EVIL,),), tags=(EVIL,))
    page = Page(html(report(row(asked, answer(EVIL, dropped=(EVIL,))))))
    assert "img" not in [tag for tag, _ in page.tags]
    assert page.text.count(EVIL) >= 5


def test_a_baseline_is_shown_in_every_form(tmp_path: Path) -> None:
    """Each report says how the run compares."""
    rows = [row(case(f"q{i}"), good_answer()) for i in range(3)]
    write_baseline(tmp_path / "b.json", score_run(RunResult(Suite("mine", ()), tuple(rows), 3)))
    compared = report_of(RunResult(Suite("mine", ()), tuple(rows), 3), load_baseline(tmp_path / "b.json"))
    assert "No difference shown in any metric." in summary(compared)
    assert "the same on all 3" in markdown(compared)
    assert "the same on all 3" in Page(html(compared)).text
    assert as_json(compared)["comparison"]["differences"]["Contains"]["n"] == 3


def test_the_three_files_are_written_and_the_table_is_printed(tmp_path: Path) -> None:
    """One report, three files, one table, and text in brackets survives the terminal."""
    found = report(*some_rows(), row(case("q5"), good_answer(generator=GeneratorUsed("[red]x", "model"))))
    paths = write_reports(found, tmp_path / "new" / "folder")
    assert [path.name for path in paths] == ["mine.json", "mine.md", "mine.html"]
    assert json.loads(paths[0].read_text(encoding="utf-8"))["suite"]["name"] == "mine"
    screen = io.StringIO()
    print_report(found, Console(file=screen, width=160))
    assert "EvidenceRecall@5" in screen.getvalue()
    assert "answers by [red]x." in screen.getvalue()
