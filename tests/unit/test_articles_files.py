"""Articles from files and folders: every format, and every way in which a file can be wrong."""

import gzip
import json
import os
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from service.articles.files import load, size_of
from service.articles.items import Item, Loaded, Skipped, Unreadable
from service.articles.parsing import kind_of_name
from service.domain import Article, DateOrigin
from tests.fakes import reading

LIMIT = 10_000


def read(*paths: Path, limit: int = LIMIT) -> list[Item]:
    """Everything that loading these paths yields."""
    return list(load(paths, reading(limit)))


def one(path: Path) -> Article:
    """The only article of a file."""
    (item,) = read(path)
    assert isinstance(item, Loaded), item
    return item.article


def refused(path: Path, limit: int = LIMIT) -> Unreadable:
    """The only item of a file, which cannot be read."""
    (item,) = read(path, limit=limit)
    assert isinstance(item, Unreadable), item
    return item


def written(path: Path, content: str | bytes) -> Path:
    """A file with this content, gzipped where its name says so."""
    data = content.encode() if isinstance(content, str) else content
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


JSON_ROW = json.dumps({"id": "a1", "text": "The dam holds.", "source": "Herald", "published_at": "2026-03-04", "desk": "home"})
MARKDOWN = "---\nid: a1\nsource: Herald\npublished_at: 2026-03-04\ndesk: home\n---\nThe dam holds.\n"


@pytest.mark.parametrize("ending", ["", ".gz"])
@pytest.mark.parametrize(
    ("name", "content"),
    [("a.json", JSON_ROW), ("b.json", f"[{JSON_ROW}]"), ("a.jsonl", JSON_ROW + "\n"), ("a.ndjson", f"\n{JSON_ROW}"), ("a.md", MARKDOWN)],
)
def test_every_format_gives_the_same_article(tmp_path: Path, name: str, content: str, ending: str) -> None:
    """JSON object and list, JSON Lines and Markdown, each also gzipped, carry the same fields."""
    article = one(written(tmp_path / (name + ending), content))
    assert (article.id, article.text, article.source) == ("a1", "The dam holds.", "Herald")
    assert article.published_at == datetime(2026, 3, 4, tzinfo=UTC)
    assert article.date_origin is DateOrigin.DOCUMENT
    assert dict(article.metadata) == {"desk": "home"}


@pytest.mark.parametrize(
    "content",
    [
        "date 2026-03-04 The dam holds.",
        " date 2026-03-04 The dam holds.",
        "date 2026-03-04\nThe dam holds.",
        "date 2026-03-04\r\n\r\nThe dam holds.\r\n",
        "\ufeffdate 2026-03-04 The dam holds.",
    ],
)
def test_plain_text_may_begin_with_its_date(tmp_path: Path, content: str) -> None:
    """The date line, with a space before it, a line end or a byte order mark, is the date and no part of the text."""
    article = one(written(tmp_path / "a.txt", content))
    assert article.text == "The dam holds."
    assert article.published_at == datetime(2026, 3, 4, tzinfo=UTC)


@pytest.mark.parametrize("content", ["The date 2026-03-04 was set.", "dated 2026-03-04 x", "date 2026-03-041 x", "date\n2026-03-04 x"])
def test_other_words_are_text(tmp_path: Path, content: str) -> None:
    """Only the exact line at the beginning is a date."""
    article = one(written(tmp_path / "a.txt", content))
    assert (article.text, article.published_at, article.date_origin) == (content, None, DateOrigin.UNKNOWN)


@pytest.mark.parametrize("name", ["a.txt", "a.md", "a.json", "a.jsonl"])
def test_byte_order_marks_and_line_ends_of_windows_go(tmp_path: Path, name: str) -> None:
    """A BOM is not part of the text, and CRLF inside it becomes LF."""
    content = "One.\r\n\r\nTwo." if name[-4:] in {".txt", "a.md"} else json.dumps({"text": "One.\r\n\r\nTwo."}) + "\r\n"
    assert one(written(tmp_path / name, "\ufeff" + content)).text == "One.\n\nTwo."


def test_a_folder_is_read_in_order_of_names(tmp_path: Path) -> None:
    """Subfolders too; hidden files are left aside without a word, other kinds are counted as skipped."""
    for name in ("b.txt", "a.txt", "sub/c.txt", ".hidden.txt", ".git/d.txt", "picture.png", "noending"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        written(tmp_path / name, name)
    items = read(tmp_path)
    assert [item.article.text for item in items if isinstance(item, Loaded)] == ["a.txt", "b.txt", "sub/c.txt"]
    assert [Path(item.place).name for item in items if isinstance(item, Skipped)] == ["noending", "picture.png"]
    assert len(items) == 5


def test_links_that_lead_out_of_the_folder_are_left_aside(tmp_path: Path) -> None:
    """A link to a file or folder elsewhere brings nothing in; one to a file inside is that file again."""
    (tmp_path / "in").mkdir()
    written(tmp_path / "secret.txt", "secret")
    inside = written(tmp_path / "in" / "a.txt", "inside")
    (tmp_path / "in" / "b.txt").symlink_to(tmp_path / "secret.txt")
    (tmp_path / "in" / "c").symlink_to(tmp_path)
    (tmp_path / "in" / "d.txt").symlink_to(inside)
    items = read(tmp_path / "in")
    assert [(item.article.text, item.article.origin) for item in items if isinstance(item, Loaded)] == [("inside", str(inside))] * 2
    assert len(items) == 2


def test_folders_of_the_archive_are_left_aside(tmp_path: Path) -> None:
    """Where they lie in a folder that is read, also by another name; named by itself such a folder is refused."""
    (tmp_path / "data" / "ingests").mkdir(parents=True)
    written(tmp_path / "data" / "ingests" / "run.jsonl", '{"text": "a report"}')
    written(tmp_path / "a.txt", "an article")
    (tmp_path / "link").symlink_to(tmp_path / "data")
    aside = replace(reading(LIMIT), leave=frozenset({(tmp_path / "data").resolve()}))
    (item,) = load([tmp_path], aside)
    assert isinstance(item, Loaded)
    assert item.article.text == "an article"
    assert size_of([tmp_path], aside.leave) == len("an article") < size_of([tmp_path])
    (item,) = load([tmp_path / "data"], aside)
    assert isinstance(item, Unreadable)
    assert "the archive's own folder" in item.reason


def test_the_size_of_what_cannot_be_looked_into_is_none(tmp_path: Path) -> None:
    """A name too long for the system costs the measure nothing; reading names it."""
    written(tmp_path / "a.txt", "12345")
    assert size_of([tmp_path / ("n" * 300 + ".txt"), tmp_path / "a.txt", tmp_path / "none.txt"]) == 5


FEED = "<rss version='2.0'><channel><title>Herald</title>{}</channel></rss>"


def test_a_summary_in_the_file_of_a_feed_is_said_to_be_one(tmp_path: Path) -> None:
    """Its page is not fetched; an item that carries its text is taken without a word."""
    short = "<item><title>Dam</title><link>https://herald.example/a</link><description>The dam holds.</description></item>"
    text = "<p>" + "The wall is long. " * 50 + "</p>"
    full = f"<item><title>Wall</title><link>https://herald.example/b</link><description><![CDATA[{text * 3}]]></description></item>"
    summary, whole = read(written(tmp_path / "feed.rss", FEED.format(short + full)))
    assert isinstance(summary, Loaded)
    assert isinstance(whole, Loaded)
    assert summary.warnings == ("only the feed's summary: name the feed's address to have its pages fetched",)
    assert whole.warnings == ()


def test_items_of_a_feed_beyond_the_limit_are_counted(tmp_path: Path) -> None:
    """One thing passed over that says how many."""
    items = [{"id": str(number), "content_text": f"Item {number}."} for number in range(2_100)]
    feed = json.dumps({"version": "https://jsonfeed.org/version/1.1", "title": "Herald", "items": items})
    *articles, last = read(written(tmp_path / "feed.json", feed))
    assert len(articles) == 2_000
    assert isinstance(last, Skipped)
    assert "100 items more than 2,000 are left out" in last.place


def test_a_loop_of_links_ends(tmp_path: Path) -> None:
    """Links to themselves and to the folder above are passed over."""
    (tmp_path / "me.txt").symlink_to(tmp_path / "me.txt")
    (tmp_path / "up").symlink_to(tmp_path)
    written(tmp_path / "a.txt", "text")
    assert [type(item) for item in read(tmp_path)] == [Loaded]
    assert refused(tmp_path / "me.txt").reason == "no such file or folder"


def test_a_folder_may_be_called_like_a_file(tmp_path: Path) -> None:
    """A folder `x.txt` is a folder, given by name or found."""
    (tmp_path / "x.txt").mkdir()
    written(tmp_path / "x.txt" / "a.txt", "inside")
    assert [one(tmp_path / "x.txt"), one(tmp_path)] == [one(tmp_path / "x.txt" / "a.txt")] * 2


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda folder: folder / "none.txt", "no such file or folder"),
        (lambda folder: folder / ("n" * 300), "File name too long"),
        (lambda folder: written(folder / "a.png", "x"), "is not of a kind"),
    ],
    ids=["missing", "name too long", "kind"],
)
def test_a_path_that_cannot_be_read_is_named(tmp_path: Path, make: Callable[[Path], Path], reason: str) -> None:
    """What was asked for by name and is not there, or no article, is an item of its own."""
    path = make(tmp_path)
    item = refused(path)
    assert item.place == str(path)
    assert reason in item.reason


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    """A named pipe would block for ever: given by name it is refused, in a folder it is passed over."""
    os.mkfifo(tmp_path / "a.txt")
    assert "neither" in refused(tmp_path / "a.txt").reason
    assert read(tmp_path) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read_is_named(tmp_path: Path) -> None:
    """A file and a folder without permission are unreadable; the rest is read."""
    written(tmp_path / "a.txt", "text").chmod(0)
    (tmp_path / "closed").mkdir()
    (tmp_path / "closed").chmod(0)
    written(tmp_path / "b.txt", "text")
    items = read(tmp_path)
    (tmp_path / "closed").chmod(0o700)
    assert sorted(item.place for item in items if isinstance(item, Unreadable)) == [str(tmp_path / "a.txt"), str(tmp_path / "closed")]
    assert len(items) == 3


DEEP = "[" * 100_000 + "]" * 100_000
BAD_FILES = [
    ("empty", "a.txt", "", "is empty"),
    ("blank", "a.md", " \n\t", "is empty"),
    ("empty list", "a.json", "[]", "empty list"),
    ("empty lines", "a.jsonl", "\n\n", "is empty"),
    ("only a date", "a.txt", "date 2026-03-04\n", "the text is empty"),
    ("latin-1", "a.txt", "Müller sagt.".encode("latin-1"), "is not UTF-8 (byte 0xfc at offset 1)"),
    ("utf-16", "a.txt", "The dam holds.".encode("utf-16"), "UTF-16"),
    ("nul", "a.txt", "The dam\0holds.", "NUL"),
    ("broken json", "a.json", '{"text": "x"', "is not JSON (line 1, column"),
    ("deep json", "a.json", f'{{"text": "x", "more": {DEEP}}}', "nested too deeply"),
    ("long number", "a.json", f'{{"text": "x", "more": {"9" * 100_000}}}', "too many digits"),
    ("no object", "a.json", '"words"', "must be a JSON object, not str"),
    ("truncated gzip", "a.txt.gz", None, "end-of-stream marker"),
    ("no gzip", "b.txt.gz", None, "Not a gzipped file"),
    ("broken yaml", "a.md", "---\nid: a\ntitle: [unclosed\n---\nText.", "is not YAML (line 4)"),
    ("yaml control", "a.md", "---\ntitle: a\x07b\n---\nText.", "is not YAML"),
    ("deep yaml", "a.md", f"---\ntitle: {'[' * 20_000}\n---\nText.", "nested too deeply"),
    ("yaml bomb", "a.md", "---\na: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]\n---\nText.", "aliases are not read"),
    ("much yaml", "a.md", f"---\ntitle: {'x' * 70_000}\n---\nText.", "front matter of"),
]


@pytest.mark.parametrize(("name", "content", "reason"), [bad[1:] for bad in BAD_FILES], ids=[bad[0] for bad in BAD_FILES])
def test_a_bad_file_is_refused_with_its_reason(tmp_path: Path, name: str, content: str | bytes | None, reason: str) -> None:
    """One item that names the file and says what is wrong, never an exception."""
    path = tmp_path / name
    if content is None:
        packed = gzip.compress(os.urandom(1000))
        path.write_bytes(packed[:500] if name == "a.txt.gz" else b"plain")
    else:
        written(path, content)
    item = refused(path, limit=300_000)
    assert item.place == str(path)
    assert item.origin == str(path)
    assert reason in item.reason


BAD_LINES = [
    ("malformed", '{"text": ', "is not JSON (column"),
    ("no text", '{"id": "b"}', "the text is missing"),
    ("null text", '{"text": null}', "the text is missing"),
    ("empty text", '{"text": " \\n "}', "the text is empty"),
    ("number as text", '{"text": 5}', "text: input should be a valid string"),
    ("list", "[1]", "must be a JSON object, not list"),
    ("null", "null", "must be a JSON object, not NoneType"),
    ("invisible text", '{"text": "\\u200b"}', "no visible character"),
    ("latin-1", b'{"text": "M\xfcller"}', "is not UTF-8"),
    ("nul byte", '{"text": "a\0b"}', "NUL"),
    ("nul escape", '{"text": "a\\u0000b"}', "NUL"),
    ("deep", f'{{"text": "x", "more": {DEEP}}}', "nested too deeply"),
    ("digits", f'{{"text": "x", "more": {"9" * 100_000}}}', "too many digits"),
    ("surrogate in text", '{"text": "a\\ud800"}', "half a surrogate pair"),
    ("surrogate in title", '{"text": "a", "title": "\\ud800"}', "title: holds half a surrogate pair"),
    ("surrogate in id", '{"text": "a", "id": "\\udfff"}', "id: holds half a surrogate pair"),
    ("surrogate in metadata", '{"text": "a", "x": ["\\ud800"]}', "half a surrogate pair"),
    ("surrogate as key", '{"text": "a", "\\ud800": 1}', "half a surrogate pair"),
    ("long id", json.dumps({"text": "a", "id": "i" * 257}), "id: string should have at most 256"),
    ("control in id", '{"text": "a", "id": "b\\u0007"}', "id: must be printable"),
]


@pytest.mark.parametrize(("line", "reason"), [bad[1:] for bad in BAD_LINES], ids=[bad[0] for bad in BAD_LINES])
def test_a_bad_line_costs_no_other(tmp_path: Path, line: str | bytes, reason: str) -> None:
    """The line in the middle is named by its number; those before and after it are read."""
    data = line.encode() if isinstance(line, str) else line
    path = written(tmp_path / "a.jsonl", b'{"text": "before"}\n\n' + data + b'\n{"text": "after"}')
    before, bad, after = read(path, limit=1_000_000)
    assert isinstance(before, Loaded)
    assert before.article.text == "before"
    assert isinstance(after, Loaded)
    assert (after.article.text, after.place) == ("after", f"{path}:4")
    assert isinstance(bad, Unreadable)
    assert bad.place == f"{path}:3"
    assert reason in bad.reason
    bad.reason.encode()  # can be printed


def test_a_bad_row_of_a_json_list_costs_no_other(tmp_path: Path) -> None:
    """Rows of a list are numbered from one."""
    good, bad = read(written(tmp_path / "a.json", '[{"text": "good"}, {"text": ""}]'))
    assert isinstance(good, Loaded)
    assert (type(bad), bad.place) == (Unreadable, f"{tmp_path / 'a.json'}:2")


def test_a_line_longer_than_the_limit_is_passed_over(tmp_path: Path) -> None:
    """It is counted as one line, and the next one is read; nothing is mistaken for a row in between."""
    long = json.dumps({"text": '{"text": "inner"}\\n' * 10_000})
    path = written(tmp_path / "a.jsonl", f'{long}\n{{"text": "after"}}\n')
    bad, after = read(path, limit=1_000)
    assert isinstance(bad, Unreadable)
    assert (bad.place, bad.reason) == (f"{path}:1", "the line is longer than 6,000 bytes")
    assert isinstance(after, Loaded)
    assert (after.article.text, after.place) == ("after", f"{path}:2")


@pytest.mark.parametrize("name", ["a.txt", "a.txt.gz", "a.jsonl", "a.jsonl.gz", "a.json.gz"])
def test_fifty_megabytes_are_refused_without_being_held(tmp_path: Path, name: str) -> None:
    """A text of 50 MB, in the gzipped case from 50 kB, is refused, and memory stays below a third of it."""
    size = 50_000_000
    path = tmp_path / name
    with gzip.open(path, "wb", compresslevel=1) if name.endswith(".gz") else path.open("wb") as file:
        file.write(b'{"text": "' if ".json" in name else b"")
        for _ in range(50):
            file.write(b"x" * (size // 50))
        file.write(b'"}' if ".json" in name else b"")
    tracemalloc.start()
    item = refused(path, limit=100_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "long" in item.reason or "larger" in item.reason
    assert peak < size / 3


def test_what_was_read_of_a_broken_archive_is_kept(tmp_path: Path) -> None:
    """The lines before the place where gzip ends too early are articles; the end is reported."""
    data = gzip.compress(b"".join(json.dumps({"text": f"{i} {os.urandom(500).hex()}"}).encode() + b"\n" for i in range(50)))
    (tmp_path / "a.jsonl.gz").write_bytes(data[: len(data) // 2])
    *articles, last = read(tmp_path / "a.jsonl.gz")
    assert len(articles) > 5
    assert all(isinstance(item, Loaded) for item in articles)
    assert isinstance(last, Unreadable)


@pytest.mark.parametrize("name", [b"caf\xe9.txt", b"[red]a[bold].txt", b"a\x1b[31m\n.txt", "übung: 1.txt".encode()])
def test_any_file_name_can_be_printed_and_stored(tmp_path: Path, name: bytes) -> None:
    """Bytes that are not UTF-8, brackets and control characters: place and origin are plain text, and tell files apart."""
    paths = [Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + prefix + name)) for prefix in (b"1", b"2")]
    for path in paths:
        path.write_bytes(b"text")
    first, second = read(tmp_path)
    assert isinstance(first, Loaded)
    assert isinstance(second, Loaded)
    assert first.article.id != second.article.id
    assert first.place.isprintable()
    assert (first.article.origin or "").encode()


def test_the_same_file_is_the_same_article(tmp_path: Path) -> None:
    """Without id and URL a text file is known by where it lies, so that a correction is an update."""
    before = one(written(tmp_path / "a.txt", "Ten people."))
    after = one(written(tmp_path / "a.txt", "Eleven people."))
    other = one(written(tmp_path / "b.txt", "Ten people."))
    assert before.id == after.id != other.id


@pytest.mark.parametrize(
    ("name", "kind"),
    [("A.TXT", "text"), ("a.Markdown.GZ", "markdown"), ("a.ndjson", "jsonl"), ("a.gz", None), (".txt", None), ("a.7z", None)],
)
def test_kinds_go_by_the_ending(name: str, kind: str | None) -> None:
    """Case does not matter, `.gz` is looked through."""
    assert kind_of_name(name) == kind
