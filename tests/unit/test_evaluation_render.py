"""Reports on a terminal, in Markdown and as files: readable when piped, short enough for GitHub, and inert."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import pytest
from rich.console import Console
from test_evaluation_fakes import answer, case, cite, crashed, good_answer, ranked, refusal, row, unanswerable
from test_evaluation_report import EVIL, claim, many, report, some_rows

from service.domain import GeneratorUsed
from service.errors import ModelUnavailable
from service.evaluation.render import MOST_BYTES, PIPED_WIDTH, escape_markdown, markdown, print_report, write_reports
from service.evaluation.report import Report
from service.evaluation.runner import Failure, Row
from service.evaluation.suite import Task
from service.evaluation.tables import legible, outcome, rival_table, tag_metrics, tags_in_order


def printed(shown: Report, *, width: int = 80, terminal: bool = False) -> tuple[str, Console]:
    """What the console shows of the report, and the console."""
    console = Console(file=io.StringIO(), width=width, force_terminal=terminal, color_system=None, soft_wrap=True)  # as the CLI's is
    print_report(shown, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue(), console


def status(given: Row) -> tuple[str, str]:
    """What a report says became of a question, and whether it was right."""
    (scored,) = report(given).scored.rows
    found = outcome(scored)
    return found.status, found.mark


# ---- Tables


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (row(case(), good_answer()), ("answered", "right")),
        (row(unanswerable(), answer("Anna did.")), ("answered", "not right")),
        (crashed(case()), ("error", "not right")),
        (row(claim("c", supported=False), None, verdict=True), ("supported", "not right")),
        (row(claim("c", supported=False), None, verdict=False), ("not supported", "right")),
        (ranked(case(gold=(), gold_articles=("dam",)), "fire", "dam"), ("gold article at 2", "right")),
        (ranked(case(gold_articles=("dam",)), "fire"), ("no gold sentence among 10", "not right")),
        (ranked(unanswerable(), "fire"), ("nothing to find", "not graded")),
    ],
    ids=["right", "should have refused", "raised", "wrong verdict", "right verdict", "found", "not found", "nothing to find"],
)
def test_each_kind_of_question_says_what_became_of_it(given: Row, said: tuple[str, str]) -> None:
    """A ranking says where it found what it should; one with nothing to find is neither right nor wrong."""
    assert status(given) == said


def test_what_a_question_raised_is_told_with_its_id() -> None:
    """With the sentence that a user can act on, where the error is one of ours."""
    ours = Failure.of(case(), ModelUnavailable("the model is down"))
    (scored,) = report(Row(case(), failure=ours)).scored.rows
    assert outcome(scored).words == f"ModelUnavailable, error {ours.id}. the model is down"


def test_tags_are_sorted_as_people_sort() -> None:
    """By their words without case, and by numbers as numbers."""
    tags = ("part 10", "part 9", "Alpha", "beta", "part 0.5")
    assert tags_in_order(report(row(case(tags=tags), good_answer()))) == ["Alpha", "beta", "part 0.5", "part 9", "part 10"]


def test_the_metrics_by_tag_are_the_suites_own() -> None:
    """Where it names some; else the usual ones that apply, at most five."""
    rows = many(2, right=1)
    assert tag_metrics(report(*rows, metrics=("TokenF1", "Contains"))) == ["TokenF1", "Contains"]
    assert tag_metrics(report(*rows)) == ["Status", "Contains", "GoldRecall", "FalseRefusalRate"]
    six = ("Status", "Contains", "ExactMatch", "TokenF1", "GoldRecall", "Supported")
    assert tag_metrics(report(*rows, metrics=six)) == [*six[:5]]


def test_metrics_in_which_all_do_the_same_are_left_out_of_the_rivals_table() -> None:
    """A row in which one rival does otherwise stays, and says of each how it stands."""
    head, rows = rival_table(report(*many(20, right=20), others={"same": many(20, right=20), "worse": many(20, right=0)}))
    by_name = {cells[0]: cells for cells in rows}
    assert head == ("metric", "dateline", "same", "worse")
    assert by_name["Contains"][1:] == ("1.00 (0.83 to 1.00)", "1.00 (the same)", "0.00 (+1.000, p < 0.001)")
    assert "Completed" not in by_name
    assert "Status" not in by_name


def test_a_small_difference_is_not_called_one() -> None:
    """One question of twenty proves nothing."""
    _, rows = rival_table(report(*many(20, right=20), others={"bm25": many(20, right=19)}))
    assert {cells[0]: cells[2] for cells in rows}["Contains"] == "0.95 (+0.050, no difference shown)"


def test_illegible_characters_are_replaced_and_all_others_stay() -> None:
    """Controls, half characters, what XML forbids and what turns the text around; not an emoji, a tab or a Hebrew letter."""
    assert legible("\x00\x1b\x7f\x85\ud800\ufffe\u202e\u2066") == "\N{REPLACEMENT CHARACTER}" * 8
    assert legible("a\tb\r\nc é 😀 א \u2028") == "a\tb\r\nc é 😀 א \u2028"


# ---- On a terminal


def test_tables_have_room_where_nobody_says_how_wide_the_window_is() -> None:
    """Piped, a table takes up to 160 columns, and the console is left as it was."""
    compared = report(*many(20, right=20), others={name: many(20, right=19) for name in ("bm25", "dense", "rrf")}, metrics=("Contains",))
    shown, console = printed(compared)
    (line,) = [line for line in shown.splitlines() if line.count("no difference shown)") == 3]
    assert 80 < len(line) <= PIPED_WIDTH
    assert console.width == 80


def test_tables_keep_to_the_window_of_a_terminal() -> None:
    """However narrow it is."""
    compared = report(*many(20, right=20), others={name: many(20, right=19) for name in ("bm25", "dense", "rrf")}, metrics=("Contains",))
    shown, _ = printed(compared, terminal=True)
    table = shown[shown.index("What was answered") :]
    assert max(len(line) for line in table.splitlines()) <= 80


def test_the_terminal_shows_text_as_text() -> None:
    """Brackets are no markup, and control characters command nothing."""
    shown, _ = printed(report(row(case(tags=("[red]tag\x1b[2J",)), good_answer(generator=GeneratorUsed("[red]x\x1b]0;", "model")))))
    assert "answers by [red]x\N{REPLACEMENT CHARACTER}]0;." in shown
    assert "[red]tag" in shown
    assert "\x1b" not in shown


def test_columns_and_promises_with_nothing_to_say_are_left_out() -> None:
    """No baseline, no column for it; no citation, no line about citations."""
    shown, _ = printed(report(row(case(), answer("It is short."))))
    assert "against the baseline" not in shown
    assert "SpanValidity" not in shown
    assert "Contains" in shown
    with_both, _ = printed(report(row(case(), good_answer(), (True,)), before=[row(case(), good_answer())]))
    assert "against the baseline" in with_both
    assert "SpanValidity" in with_both


# ---- Markdown


def test_markdown_begins_with_the_verdict_and_what_failed() -> None:
    """Before any table."""
    lines = markdown(report(*some_rows(), thresholds={"Contains": 0.9})).splitlines()
    assert lines[0] == "## Eval `mine`: FAILED"
    assert lines[2] == "- FAILED: Contains is 0.3333, required at least 0.9."
    assert markdown(report(*some_rows(), partial=True)).startswith("## Eval `mine`: interrupted\n")


def test_markdown_holds_the_figures_the_rivals_and_the_tags() -> None:
    """Figures with intervals and n; each table under a heading of its own."""
    shown = markdown(report(*some_rows(), others={"bm25": [row(case("q1"), answer("No."))]}))
    assert re.search(r"^\| Contains \| 0\.33 \| 0\.\d\d to \d\.\d\d \| 3 \|", shown, re.MULTILINE)
    assert [line for line in shown.splitlines() if line.startswith("### ")] == [
        "### What was answered", "### Beside simpler systems", "### By tag", "### What it cost",
    ]  # fmt: skip
    assert "| x | 1 |" in shown


def test_the_first_table_is_named_after_what_was_graded() -> None:
    """Answers, rankings or the check."""
    found = ranked(case(gold_articles=("dam",)), "dam")
    assert "### What was found" in markdown(report(found, task=Task.RETRIEVAL))
    assert "### What the check says" in markdown(report(row(claim("c", supported=True), None, verdict=True), task=Task.CHECK))


def test_markdown_shows_text_as_text() -> None:
    """A question cannot end a table cell, load an image or call a team into a pull request."""
    shown = markdown(report(row(case(question=EVIL, tags=(EVIL,)), answer(EVIL))))
    assert "<img" not in shown
    assert "<script" not in shown
    assert "@team" not in shown
    assert "](http" not in shown
    assert "\x1b" not in shown
    cells = next(line for line in shown.splitlines() if "img" in line and "answered" in line)
    assert len(re.findall(r"(?<!\\)\|", cells)) == 5
    assert escape_markdown("a\n|b") == r"a \|b"


def test_markdown_lists_what_was_not_right() -> None:
    """Wrong and crashed questions are listed, right ones are not."""
    shown = markdown(report(*some_rows()))
    assert "2 questions not right" in shown
    assert "| q3 |" in shown
    assert "ValueError, error abc123." in shown
    assert "| q1 |" not in shown


def test_markdown_does_not_list_what_nobody_could_find() -> None:
    """In a suite of rankings, a question with nothing to find is not wrong."""
    shown = markdown(report(ranked(case("a", gold_articles=("dam",)), "dam"), ranked(unanswerable("b"), "fire"), task=Task.RETRIEVAL))
    assert "not right" not in shown


@pytest.mark.parametrize("text", ["word " * 200, "😀" * 500], ids=["words", "emoji"])
def test_markdown_fits_a_comment_however_much_was_wrong(text: str) -> None:
    """The list of wrong questions is cut, and a line says how many more there are; nothing is lost in the count."""
    rows = [row(case(f"q{number}", question=text), answer(text)) for number in range(400)]
    shown = markdown(report(*rows))
    assert len(shown.encode()) <= MOST_BYTES
    listed = len(re.findall(r"^\| q\d+ \|", shown, re.MULTILINE))
    assert f"… and {400 - listed} more, in the HTML report." in shown
    assert listed > 20
    assert shown.endswith("</details>\n")


def test_markdown_fits_a_comment_however_many_tags_there_are() -> None:
    """A table by tag is cut like the list of questions."""
    rows = [row(case(f"q{n}", tags=tuple(f"{'tag' * 40} {n} {m}" for m in range(12))), good_answer()) for n in range(60)]
    shown = markdown(report(*rows))
    assert len(shown.encode()) <= MOST_BYTES
    assert re.search(r"… and \d+ more, in the HTML report\.", shown)


# ---- Files


def test_the_four_files_are_written(tmp_path: Path) -> None:
    """One report, four files in a folder that is made, each of its kind."""
    paths = write_reports(report(*some_rows()), tmp_path / "new" / "folder")
    assert [path.name for path in paths] == ["mine.json", "mine.md", "mine.html", "mine.xml"]
    assert json.loads(paths[0].read_text(encoding="utf-8"))["suite"]["name"] == "mine"
    assert [path.read_text(encoding="utf-8")[:9] for path in paths[1:]] == ["## Eval `", "<!doctype", "<testsuit"]


def test_half_a_character_from_a_model_breaks_no_file(tmp_path: Path) -> None:
    """The JSON gives it back as it came; the others replace it."""
    half = "The crack \ud83d is 17 metres."
    paths = write_reports(report(row(case(), answer(half, citations=[cite("The dam is cracked.")]))), tmp_path)
    assert json.loads(paths[0].read_bytes())["rows"][0]["answer"]["text"].startswith("The crack \ud83d is")
    assert "The crack \N{REPLACEMENT CHARACTER} is 17 metres" in paths[2].read_text(encoding="utf-8")


def test_a_refusal_of_all_questions_still_makes_every_file(tmp_path: Path) -> None:
    """With no citation, no tag and nothing timed there are fewer tables, and no error."""
    write_reports(report(row(unanswerable(), refusal(timings_ms={}))), tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.html", "mine.json", "mine.md", "mine.xml"]
