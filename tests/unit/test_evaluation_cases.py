"""Question rows as cases, and the files they stand in."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from service.domain import Status, Turn
from service.errors import BadInput
from service.evaluation.cases import Case, QuestionRow, case_from, read_lines


def test_the_fingerprint_follows_what_is_asked_and_expected_but_not_tags() -> None:
    """A question that changed under its old id is not compared with what it was."""
    plain = Case("q1", "How long?", answers=(("17 m",),))
    assert plain.fingerprint == Case("q1", "How long?", answers=(("17 m",),), tags=("new",)).fingerprint
    assert plain.fingerprint != Case("q1", "How long?", answers=(("18 m",),)).fingerprint
    assert plain.fingerprint != Case("q1", "How wide?", answers=(("17 m",),)).fingerprint


@pytest.mark.parametrize(
    ("statuses", "must", "may"),
    [
        ((Status.ANSWERED,), False, False),
        ((Status.ANSWERED, Status.INSUFFICIENT_EVIDENCE), False, True),
        ((Status.OUTSIDE_COVERAGE, Status.INSUFFICIENT_EVIDENCE), True, True),
    ],
)
def test_which_refusals_are_right(statuses: tuple[Status, ...], must: bool, may: bool) -> None:
    """A refusal may be right, must be given, or neither."""
    asked = Case("q", "?", statuses=statuses)
    assert (asked.must_refuse, asked.may_refuse) == (must, may)


CHANGES = {
    "asked_at": datetime(2026, 3, 10, tzinfo=UTC), "answers": (("x",),), "gold": (("x",),), "statuses": (Status.PARTIAL,),
    "history": (Turn("Where?", "There."),), "choices": ("x",), "gold_articles": ("a",), "stale_articles": ("a",),
    "planted_articles": ("a",), "planted_answers": ("x",), "only_articles": ("a",), "document": "x", "supported": False,
}  # fmt: skip


@pytest.mark.parametrize("key", CHANGES)
def test_all_that_is_expected_is_in_the_fingerprint(key: str) -> None:
    """No change of a row goes unnoticed when runs are compared."""
    plain = Case("q1", "How long?")
    assert Case("q1", "How long?", **{key: CHANGES[key]}).fingerprint != plain.fingerprint  # type: ignore[arg-type]
    assert set(CHANGES) == set(Case.__slots__) - {"id", "question", "tags"}


def test_the_order_of_articles_is_no_change() -> None:
    """They are all of equal worth."""
    assert Case("q", "?", gold_articles=("a", "b")).fingerprint == Case("q", "?", gold_articles=("b", "a")).fingerprint


def test_a_row_names_each_article_once(tmp_path: Path) -> None:
    """A name that comes twice would count twice."""
    row = QuestionRow(id="q", question="?", gold_articles=["a", "b", "a"], only_articles=["a", "a"])
    case = case_from(row, "place")
    assert (case.gold_articles, case.only_articles) == (("a", "b"), ("a",))


def test_lines_are_read_compressed_or_not(tmp_path: Path) -> None:
    """Each with its place; empty lines are passed over, and a line separator of Unicode ends none."""
    text = '{"id": "a", "question": "x\u2028y"}\n\n{"id": "b"}\n'
    plain, packed = tmp_path / "q.jsonl", tmp_path / "q.jsonl.gz"
    plain.write_text(text, encoding="utf-8")
    packed.write_bytes(gzip.compress(text.encode()))
    for path in (plain, packed):
        assert [(place, row["id"]) for place, row in read_lines(path)] == [(f"{path.name}:1", "a"), (f"{path.name}:3", "b")]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b'{"id": "a"}\n{"id": }\n', r"q\.jsonl:2: this is not JSON"),
        (b"[1]\n", r"q\.jsonl:1: a row is a JSON object, this is a list"),
        (b"[" * 200_000, r"q\.jsonl:1: this is not JSON"),
        (b"\xff", "cannot be read"),
    ],
    ids=["broken", "a list", "too deep", "not UTF-8"],
)
def test_a_line_that_is_no_row_is_named(tmp_path: Path, content: bytes, words: str) -> None:
    """File and line, and what is wrong."""
    path = tmp_path / "q.jsonl"
    path.write_bytes(content)
    with pytest.raises(BadInput, match=words):
        list(read_lines(path))


PACKED = gzip.compress(json.dumps({"id": "a"}).encode())


@pytest.mark.parametrize("content", [b"not gzip", PACKED[:-9], PACKED[:10] + b"\xff" * 20], ids=["plain", "cut", "damaged"])
def test_a_broken_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    """By name, and not as a traceback."""
    path = tmp_path / "q.jsonl.gz"
    path.write_bytes(content)
    with pytest.raises(BadInput, match=r"q\.jsonl\.gz cannot be read"):
        list(read_lines(path))
