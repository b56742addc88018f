"""Going on where an interrupted run stopped."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console
from test_evaluation_fakes import ARTICLE, CRACK, HURT, ScriptedAsker, StoredArticles, answer, bench_of, case, cite, good_answer, hit

from service.answering.request import AskRequest
from service.domain import Answer
from service.evaluation.command import INTERRUPTED, PASSED, Options, grade
from service.evaluation.journal import Journal
from service.evaluation.runner import Bench, RunResult, run_system
from service.evaluation.suite import Suite
from service.evaluation.systems import Answering, Response

IDS = [f"q{number}" for number in range(6)]
SUITE = Suite("mine", ())
CASES = [case(name, question=f"How long is {name}?") for name in IDS]
LOOKUP = StoredArticles().article


def say(request: AskRequest) -> Answer:
    """An answer that differs from question to question."""
    return answer(f"{request.question[:-1]}: 17 metres.", citations=[cite(CRACK)], nearest=(cite(HURT),), evidence=[CRACK], confidence=0.5)


def stops_at(*names: str) -> Callable[[AskRequest], Answer]:
    """Ctrl-C when one of these is asked."""

    def script(request: AskRequest) -> Answer:
        if any(name in request.question for name in names):
            raise KeyboardInterrupt
        return say(request)

    return script


def run(folder: Path, script: Callable[[AskRequest], Answer], identity: str = "v1") -> tuple[RunResult, list[str]]:
    """A run with a journal, and what it asked."""
    asker = ScriptedAsker(script)
    bench = bench_of(asker)
    result = run_system(SUITE, CASES, bench.systems[0], bench, journal=Journal(folder, "mine", identity, LOOKUP))
    return result, [request.question for request in asker.asked]


def asked_of(*ids: str) -> list[str]:
    """The questions with these ids."""
    return [f"How long is {name}?" for name in ids]


def test_after_an_interrupt_only_the_rest_is_asked(tmp_path: Path) -> None:
    """And the rows are those of a run that nobody interrupted, with what was checked of them."""
    first, asked = run(tmp_path, stops_at("q3"))
    assert (first.partial, asked) == (True, asked_of(*IDS[:4]))
    second, asked = run(tmp_path, say)
    assert (second.partial, second.kept, asked) == (False, 3, asked_of(*IDS[3:]))
    whole, _ = run(tmp_path / "elsewhere", say)
    assert whole.kept == 0
    assert [replace(row, first_sentence_ms=None) for row in second.rows] == [replace(row, first_sentence_ms=None) for row in whole.rows]
    assert second.rows[0].exact == (True, True)
    assert second.rows[0].first_sentence_ms == first.rows[0].first_sentence_ms


def test_what_was_answered_under_another_identity_is_not_taken_over(tmp_path: Path) -> None:
    """Another prompt, setting or archive gives other answers."""
    run(tmp_path, stops_at("q3"))
    result, asked = run(tmp_path, say, "v2")
    assert (result.kept, len(asked)) == (0, 6)


def test_a_question_that_changed_is_asked_again(tmp_path: Path) -> None:
    """So is that of another system."""
    journal = Journal(tmp_path, "mine", "v1", LOOKUP)
    journal.add("dateline", CASES[0], Response(answer=good_answer()))
    again = Journal(tmp_path, "mine", "v1", LOOKUP)
    assert again.known("dateline", CASES[0]) == Response(answer=good_answer())
    assert again.known("dateline", replace(CASES[0], question="How wide is q0?")) is None
    assert again.known("bm25", CASES[0]) is None


def test_a_line_that_was_cut_off_is_passed_over_and_spoils_no_other(tmp_path: Path) -> None:
    """A kill in the middle of a write costs that one answer, also when the run is interrupted once more."""
    run(tmp_path, stops_at("q3"))
    (path,) = tmp_path.iterdir()
    path.write_text(path.read_text()[:-40])
    second, asked = run(tmp_path, stops_at("q5"))
    assert (second.kept, asked) == (2, asked_of("q2", "q3", "q4", "q5"))
    third, asked = run(tmp_path, say)
    assert (third.kept, asked) == (5, asked_of("q5"))


@pytest.mark.parametrize("content", [b"\xff\xfe", b"[]\n1\nnull\n{}\n", b""], ids=["not UTF-8", "other JSON", "empty"])
def test_a_file_that_is_no_journal_is_an_empty_one(tmp_path: Path, content: bytes) -> None:
    """Everything is asked."""
    path = Journal(tmp_path, "mine", "v1", LOOKUP).path
    path.write_bytes(content)
    assert len(Journal(tmp_path, "mine", "v1", LOOKUP)) == 0


def test_an_answer_on_an_article_that_is_gone_is_asked_again(tmp_path: Path) -> None:
    """There is nothing to hold its citations against."""
    Journal(tmp_path, "mine", "v1", LOOKUP).add("dateline", CASES[0], Response(answer=good_answer()))
    assert Journal(tmp_path, "mine", "v1", StoredArticles({}).article).known("dateline", CASES[0]) is None


def test_a_broken_record_is_asked_again(tmp_path: Path) -> None:
    """A line that is JSON, and yet no answer."""
    journal = Journal(tmp_path, "mine", "v1", LOOKUP)
    journal.add("dateline", CASES[0], Response(answer=good_answer()))
    line = json.loads(journal.path.read_text())
    journal.path.write_text(json.dumps(line | {"answer": "{}"}))
    assert Journal(tmp_path, "mine", "v1", LOOKUP).known("dateline", CASES[0]) is None


def test_a_ranking_comes_back_whole(tmp_path: Path) -> None:
    """With the articles as they are in the archive, though the file holds no article's text."""
    given = Response((hit(ARTICLE, CRACK), hit(ARTICLE)), good_answer(), 5.0, 2.0)
    Journal(tmp_path, "mine", "v1", LOOKUP).add("dateline", CASES[0], given)
    journal = Journal(tmp_path, "mine", "v1", LOOKUP)
    assert journal.known("dateline", CASES[0]) == given
    assert "\n" not in journal.path.read_text().strip()


def suite_of(folder: Path) -> Suite:
    """A suite with a corpus and these questions in a file."""
    path = folder / "q.jsonl"
    path.write_text("\n".join(json.dumps({"id": name, "question": f"How long is {name}?"}) for name in IDS))
    return Suite("mine", (path,), corpus=(folder,))


def graded(folder: Path, script: Callable[[AskRequest], Answer], **options: object) -> tuple[int, list[str], str]:
    """`grade` with a folder for unfinished runs: exit code, what was asked, and what was shown."""
    asker, shown = ScriptedAsker(script), io.StringIO()
    chosen = Options(folder / "out", work_dir=folder / "work", **options)  # type: ignore[arg-type]
    code = grade(suite_of(folder), bench_of(asker), chosen, Console(file=shown, width=200))
    return code, [request.question for request in asker.asked], shown.getvalue()


def test_the_command_goes_on_and_forgets_a_whole_run(tmp_path: Path) -> None:
    """Exit code 130 and how to go on; then the rest alone; then, the run being whole, everything anew."""
    code, _, shown = graded(tmp_path, stops_at("q2"))
    assert (code, "goes on where this one stopped" in shown) == (INTERRUPTED, True)
    code, asked, shown = graded(tmp_path, say)
    assert (code, asked) == (PASSED, asked_of(*IDS[2:]))
    assert "Going on with an interrupted run: 2 answers are there already" in shown
    assert "2 answers were kept from an interrupted run." in shown
    assert list((tmp_path / "work").iterdir()) == []
    assert graded(tmp_path, say)[1] == asked_of(*IDS)


def test_fresh_asks_everything_again(tmp_path: Path) -> None:
    """`--fresh`."""
    graded(tmp_path, stops_at("q2"))
    code, asked, shown = graded(tmp_path, say, fresh=True)
    assert (code, asked) == (PASSED, asked_of(*IDS))
    assert "Going on" not in shown


def test_an_interrupt_ends_the_run_of_every_system(tmp_path: Path) -> None:
    """Who presses Ctrl-C once has not to press it again for each system."""
    first, second = ScriptedAsker(stops_at("q1")), ScriptedAsker(say)
    bench = Bench((Answering("dateline", first), Answering("bm25", second)), StoredArticles())
    code = grade(suite_of(tmp_path), bench, Options(tmp_path / "out"), Console(file=io.StringIO()))
    assert (code, second.asked) == (INTERRUPTED, [])
    assert json.loads((tmp_path / "out" / "mine.partial.json").read_text())["run"]["asked"] == 1


def test_a_question_that_raised_is_asked_again(tmp_path: Path) -> None:
    """A crash is no answer to keep."""
    broken = {"q1"}

    def script(request: AskRequest) -> Answer:
        if any(name in request.question for name in broken):
            raise ValueError("broken")
        return stops_at("q4")(request)

    run(tmp_path, script)
    broken.clear()
    result, asked = run(tmp_path, say)
    assert asked == asked_of("q1", "q4", "q5")
    assert all(row.failure is None for row in result.rows)


def test_a_full_disk_costs_the_journal_and_not_the_run(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What cannot be kept is said in the log, and every question is asked all the same."""
    (tmp_path / "taken").write_text("a file where the folder should be")
    journal = Journal(tmp_path / "taken", "mine", "one", lambda _: ARTICLE)
    with caplog.at_level("WARNING"):
        journal.add("dateline", case(), Response(answer=good_answer()))
    assert "is not kept for a run that is cut short" in caplog.text
    assert len(Journal(tmp_path / "taken", "mine", "one", lambda _: ARTICLE)) == 0
