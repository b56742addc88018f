"""Markdown: its front matter as strings, its body as plain text."""

from datetime import datetime
from pathlib import Path

import pytest

from service.articles.files import load
from service.articles.items import Loaded
from service.articles.markdown import plain_text, split_front_matter
from service.errors import BadArticle
from tests.fakes import reading

FRONT = """---
id: 007
title: "Yes: prices"
published_at: 2026-03-04
updated_at: 2026-03-05T10:00:00+02:00
author: null
rate: 4.50
draft: true
tags: [a, 1]
when: 2025-13-45
tag: !!python/object/apply:os.system ["true"]
---
Body.
"""


def read(tmp_path: Path, content: str) -> Loaded:
    """The article of a Markdown file with this content."""
    (tmp_path / "a.md").write_text(content, encoding="utf-8")
    (item,) = load([tmp_path / "a.md"], reading())
    assert isinstance(item, Loaded), item
    return item


def test_front_matter_is_the_text_as_written() -> None:
    """Dates, numbers and booleans are not interpreted, an impossible date is no error, null is nothing, tags run nothing."""
    metadata, body = split_front_matter(FRONT)
    assert body.strip() == "Body."
    assert metadata == {
        "id": "007", "title": "Yes: prices", "published_at": "2026-03-04", "updated_at": "2026-03-05T10:00:00+02:00", "author": None,
        "rate": "4.50", "draft": "true", "tags": ["a", "1"], "when": "2025-13-45", "tag": ["true"],
    }  # fmt: skip


def test_front_matter_becomes_the_row(tmp_path: Path) -> None:
    """Known keys are fields, the others metadata."""
    article = read(tmp_path, FRONT).article
    assert (article.id, article.title, article.author, article.text) == ("007", "Yes: prices", None, "Body.")
    assert article.published_at == datetime.fromisoformat("2026-03-04T00:00:00+00:00")
    assert article.updated_at == datetime.fromisoformat("2026-03-05T08:00:00+00:00")
    assert article.metadata["rate"] == "4.50"


@pytest.mark.parametrize("text", ["---\nWords between rules.\n---\nMore.", "---\nopen", "+++\na = 1\n+++\nText", "{\n}\nText", "----"])
def test_what_is_no_front_matter_is_text(text: str) -> None:
    """Rules, TOML and braces at the beginning lose no word."""
    assert split_front_matter(text) == ({}, text)


def test_an_impossible_date_in_front_matter_is_a_warning(tmp_path: Path) -> None:
    """As in every other format."""
    item = read(tmp_path, "---\npublished_at: 2025-13-45\n---\nBody.")
    assert item.article.published_at is None
    assert "2025-13-45" in item.warnings[0]


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_marks_go_and_words_stay(tmp_path: Path, ending: str) -> None:
    """Emphasis, links, images, lists, quotes, code and breaks become plain paragraphs; HTML is dropped."""
    lines = [
        "# The *title*", "", "A **bold** [link](https://x.example) and `code`", "in one &amp; line.", "", "- one", "- two", "",
        "> said", "", "![a picture](p.png) 5 < 6 <b>x</b>", "", "<script>alert(1)</script>", "", "    indented", "", "## Part",
    ]  # fmt: skip
    article = read(tmp_path, ending.join(lines)).article
    assert article.title == "The title"
    assert article.text.split("\n\n") == [
        "A bold link and code in one & line.", "one", "two", "said", "a picture 5 < 6 x", "indented", "Part",
    ]  # fmt: skip


def test_a_heading_beside_a_title_stays_in_the_text(tmp_path: Path) -> None:
    """The title of the front matter wins; a different first heading is not lost, the same one not repeated."""
    assert read(tmp_path, "---\ntitle: T\n---\n# Other\n\nBody.").article.text == "Other\n\nBody."
    assert read(tmp_path, "---\ntitle: T\n---\n# T\n\nBody.").article.text == "Body."


def test_a_later_heading_is_no_title() -> None:
    """Only a heading that opens the text names it."""
    assert plain_text("Body.\n\n# Late") == (None, "Body.\n\nLate")


def test_front_matter_may_use_other_names(tmp_path: Path) -> None:
    """As static site generators write it: date, lastmod, a list of authors."""
    front = "---\ndate: 2026-03-04\nlastmod: 2026-03-05\nauthor: [A. Moor, B. Fell]\npublisher: Herald\ntags: [dam]\n---\nBody."
    article = read(tmp_path, front).article
    assert [str(moment)[:10] for moment in (article.published_at, article.updated_at)] == ["2026-03-04", "2026-03-05"]
    assert (article.author, article.source, dict(article.metadata)) == ("A. Moor, B. Fell", "Herald", {"tags": ["dam"]})


@pytest.mark.parametrize("before", ["", "The dam holds.\n\n"])
def test_what_is_nested_too_deeply_is_said(before: str) -> None:
    """markdown-it leaves away what lies deeper than twenty levels, in silence."""
    with pytest.raises(BadArticle, match="nested too deeply"):
        plain_text(f"{before}{'>' * 40} The wall is long.")
    assert plain_text(f"{before}{'>' * 15} The wall is long.")[1].endswith("The wall is long.")


def test_a_headline_of_front_matter_comes_before_a_heading(tmp_path: Path) -> None:
    """As a title does: the heading is then the first line of the text. What would be another name of the text stays metadata."""
    article = read(tmp_path, "---\nheadline: Dam holds\nbody: short\n---\n# Cracks seen\n\nWords.").article
    assert (article.title, article.text, dict(article.metadata)) == ("Dam holds", "Cracks seen\n\nWords.", {"body": "short"})
