"""Tables of articles: which column is which, CSV as it is really written, Parquet with its types, and what is refused."""

import io
import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from service.articles.raw import Raw
from service.articles.row import MAX_METADATA, article_from_row
from service.articles.tables import csv_rows, fields_of, parquet_rows, parse_columns
from service.errors import BadArticle, BadInput
from tests.fakes import NOON

LIMIT = 10_000


def from_csv(text: str | bytes, columns: dict[str, str] | None = None, limit: int = LIMIT) -> list[Raw]:
    """What a CSV file gives."""
    return list(csv_rows(io.BytesIO(text.encode() if isinstance(text, str) else text), columns or {}, limit))


def written(table: pa.Table, **options: Any) -> bytes:
    """A table as a Parquet file."""
    sink = io.BytesIO()
    pq.write_table(table, sink, **options)
    return sink.getvalue()


def from_parquet(columns: dict[str, Any], mapping: dict[str, str] | None = None) -> list[Raw]:
    """What a Parquet file of these columns gives."""
    return list(parquet_rows(written(pa.table(columns)), mapping or {}))


def rows(raws: list[Raw]) -> list[Any]:
    """The rows, where all are."""
    assert [raw.problem for raw in raws if raw.problem] == []
    return [raw.row for raw in raws]


def test_columns_are_written_as_field_and_name() -> None:
    """Spaces around them go, a name may hold spaces and equals signs, and nothing is nothing."""
    assert parse_columns(" text=body , published_at=Date of print,title=a=b") == {
        "text": "body",
        "published_at": "Date of print",
        "title": "a=b",
    }
    assert parse_columns("") == {}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("body", "'body' is not FIELD=COLUMN"),
        ("text=", "'text=' is not FIELD=COLUMN"),
        ("body=text", "no field 'body'; the fields are text, title"),
        ("text=a,text=b", "text is given twice"),
    ],
)
def test_a_mapping_that_makes_no_sense_is_refused(text: str, reason: str) -> None:
    """The message says how to write it, and which fields there are."""
    with pytest.raises(BadInput, match=reason):
        parse_columns(text)


def test_well_known_names_need_no_mapping() -> None:
    """In any case of letters; the likelier name wins, and the other is left for metadata."""
    header = ["ID", "Content", "Body", "Headline", "Outlet", "byline", "Link", "pubDate", "modified", "Lang", "desk"]
    assert fields_of(header, {}) == {
        "text": "Body",
        "title": "Headline",
        "source": "Outlet",
        "author": "byline",
        "url": "Link",
        "published_at": "pubDate",
        "updated_at": "modified",
        "language": "Lang",
        "id": "ID",
    }


def test_a_mapping_comes_before_well_known_names() -> None:
    """A column that is mapped is not taken a second time, and the case of letters does not matter where it is the only one."""
    assert fields_of(["text", "summary", "Date"], {"text": "SUMMARY", "title": "text"}) == {
        "text": "summary",
        "title": "text",
        "published_at": "Date",
    }


@pytest.mark.parametrize(
    ("header", "columns", "reason"),
    [
        (["headline", "day"], {}, "no column of text; its columns are 'headline', 'day': say which one it is with --columns text=NAME"),
        (["text"], {"title": "head"}, "no column 'head' for title; its columns are 'text'"),
        (["text", "desk", "desk"], {}, "the column 'desk' twice"),
        (["text"] + [f"c{number}" for number in range(2_000)], {}, "has 2,001 columns"),
        ([f"c{number}" for number in range(30)], {}, "and 10 more"),
    ],
)
def test_a_table_that_does_not_fit_is_refused_with_its_columns(header: list[str], columns: dict[str, str], reason: str) -> None:
    """One error for the file, which names what there is."""
    with pytest.raises(BadArticle, match=reason):
        fields_of(header, columns)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_csv_of_every_delimiter_gives_the_same_rows(delimiter: str, end: str) -> None:
    """The delimiter is the one the header has most of; a byte order mark is no part of the first name; quotes hold line ends."""
    lines = ["body#published_at#desk", '"The dam, it; says|holds.\n\nIt ""held"".\t"#2025-04-07 10:00:00#home', "Second.##"]
    text = "\ufeff" + end.join(lines).replace("#", delimiter) + end
    first, second = from_csv(text)
    assert first.row == {"text": 'The dam, it; says|holds.\n\nIt "held".\t', "published_at": "2025-04-07 10:00:00", "desk": "home"}
    assert (second.row, first.place, second.place) == ({"text": "Second."}, ":2", ":5")


def test_a_table_of_one_column_is_a_table() -> None:
    """Where no delimiter is in the header, the whole line is the text."""
    assert rows(from_csv("text\nThe dam holds\n")) == [{"text": "The dam holds"}]


def test_pandas_dates_and_numbers_reach_the_article() -> None:
    """The row of a CSV as pandas writes it is an article with its date, its index column dropped with its empty name."""
    (raw,) = from_csv(",text,date,score\n0,The dam holds.,2025-04-07 10:00:00,0.5\n")
    article = article_from_row(raw.row, now=NOON, max_chars=LIMIT).article
    assert article.published_at == datetime(2025, 4, 7, 10, tzinfo=UTC)
    assert dict(article.metadata) == {"score": "0.5"}


BAD_ROWS = [
    ("short", "only", "has 1 instead of 2 fields"),
    ("long", "a,b,c", "has 3 instead of 2 fields"),
    ("nul", "a\0b,c", "NUL"),
    ("latin-1", b"M\xfcller,c", "is not UTF-8 (byte 0xfc)"),
    ("stray quote", '"a" b,c', "cannot be read as CSV: ',' expected after '\"'"),
    ("too long", "x" * 20_000 + ",c", "the row is longer than 10,000 bytes"),
]


@pytest.mark.parametrize(("line", "reason"), [bad[1:] for bad in BAD_ROWS], ids=[bad[0] for bad in BAD_ROWS])
def test_a_bad_row_costs_no_other(line: str | bytes, reason: str) -> None:
    """The row in the middle is named by its line; those before and after it are read."""
    data = line.encode() if isinstance(line, str) else line
    before, bad, after = from_csv(b"text,desk\nbefore,x\n\n" + data + b"\nafter,x\n")
    assert (before.row, after.row) == ({"text": "before", "desk": "x"}, {"text": "after", "desk": "x"})
    assert (before.place, bad.place, after.place) == (":2", ":4", ":5")
    assert reason in (bad.problem or "")


def test_a_quote_that_is_never_closed_ends_at_the_limit() -> None:
    """What it swallowed is said with the lines, and what comes after is read."""
    lines = ["text,desk", '"open,x', *(f"line {number:04},x" for number in range(2_000)), "last,x"]
    raws = from_csv("\n".join(lines))
    assert raws[0].problem is not None
    assert "longer than 10,000 bytes, up to line" in raws[0].problem
    assert raws[0].place == ":2"
    assert raws[-1].row == {"text": "last", "desk": "x"}
    (end,) = from_csv('text,desk\n"open,x\n')
    assert "unexpected end of data" in (end.problem or "")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "is empty"),
        (b"\n\n", "has no header"),
        (b"text,desk\n", "a header and no rows"),
        (b"text,desk\n,\n\n", "a header and no rows"),
        ("text,desk\na,b\n".encode("utf-16"), "NUL"),
        ("text,Stra\xdfe\na,b\n".encode("latin-1"), "is not UTF-8"),
        (b"x" * 20_000, "a header that cannot be read as CSV"),
    ],
    ids=["empty", "blank", "only a header", "blank rows", "utf-16", "latin-1", "long header"],
)
def test_a_csv_without_a_table_is_refused(data: bytes, reason: str) -> None:
    """One error for the file."""
    with pytest.raises(BadArticle, match=reason):
        from_csv(data)


def test_csv_is_read_as_it_comes() -> None:
    """The first rows are there before the file is at its end."""

    class Endless(io.RawIOBase):
        """A table that never ends."""

        sent = 0

        def readable(self) -> bool:
            return True

        def readinto(self, into: Any) -> int:
            self.sent += 1
            line = b"text,desk\n" if self.sent == 1 else b"The dam holds.,home\n"
            into[: len(line)] = line
            return len(line)

    found = csv_rows(io.BufferedReader(Endless()), {}, LIMIT)
    assert [next(found).place for _ in range(5)] == [":2", ":3", ":4", ":5", ":6"]


def test_columns_that_are_too_much_for_metadata_are_left_out_and_named() -> None:
    """The largest go, the article stays and can be taken in."""
    (raw,) = from_csv(f"text,html,raw,desk\nThe dam holds.,{'h' * 40_000},{'r' * 30_000},home\n", limit=200_000)
    assert raw.row == {"text": "The dam holds.", "raw": "r" * 30_000, "desk": "home", "columns_left_out": ["html"]}
    article = article_from_row(raw.row, now=NOON, max_chars=LIMIT).article
    assert len(json.dumps(dict(article.metadata))) < MAX_METADATA


def test_a_column_called_like_a_field_that_comes_from_another_keeps_its_words() -> None:
    """With `text=body`, the column `text` becomes metadata under a name of its own."""
    (raw,) = from_csv("text,body\nshort,The dam holds.\n", {"text": "body"})
    assert raw.row == {"text": "The dam holds.", "column text": "short"}


def test_parquet_types_become_what_json_carries() -> None:
    """Moments with zone, days, numbers, lists and structures; nulls and NaN are left out."""
    berlin = timezone(timedelta(hours=2))
    (raw,) = from_parquet(
        {
            "Body": ["The dam holds."],
            "published": pa.array([datetime(2025, 4, 7, 10, tzinfo=berlin)], pa.timestamp("us", tz="Europe/Berlin")),
            "modified": pa.array([datetime(2025, 4, 8)], pa.timestamp("ns")),
            "id": [17],
            "source": pa.array(["Herald"]).dictionary_encode(),
            "day": [date(2025, 4, 7)],
            "price": [Decimal("1.50")],
            "score": [float("nan")],
            "tags": [["dam", "river"]],
            "place": [{"name": "Eastholm", "since": date(1850, 1, 1)}],
            "none": pa.nulls(1),
        }
    )
    assert raw.place == ":row 1"
    assert raw.row == {
        "text": "The dam holds.",
        "published_at": "2025-04-07T10:00:00+02:00",
        "updated_at": "2025-04-08T00:00:00",
        "id": "17",
        "source": "Herald",
        "day": "2025-04-07",
        "price": "1.50",
        "tags": ["dam", "river"],
        "place": {"name": "Eastholm", "since": "1850-01-01"},
    }
    assert article_from_row(raw.row, now=NOON, max_chars=LIMIT).article.published_at == datetime(2025, 4, 7, 8, tzinfo=UTC)


def test_parquet_takes_a_mapping_and_an_open_file() -> None:
    """A file is read from where it lies, by the columns that are named."""
    table = pa.table({"body": ["One.", "Two."], "when": ["2025-04-07", None], "text": ["a", "b"]})
    raws = list(parquet_rows(io.BytesIO(written(table)), {"text": "body", "published_at": "when"}))
    assert rows(raws) == [{"text": "One.", "published_at": "2025-04-07", "column text": "a"}, {"text": "Two.", "column text": "b"}]
    assert [raw.place for raw in raws] == [":row 1", ":row 2"]


def test_bytes_are_text_where_a_field_is_meant_and_passed_over_elsewhere() -> None:
    """Old writers do not mark text as text; a picture is none, and that its column was passed over is said once."""
    passed, first, second = from_parquet({"text": [b"The dam holds.", b"M\xfcller"], "picture": [b"\xff\xd8", b"\xff\xd8"]})
    assert (passed.skipped, passed.problem, passed.place) == (True, None, ":column picture")
    assert first.row == {"text": "The dam holds."}
    assert (second.row, second.problem) == (None, "is not UTF-8 (byte 0xfc)")


def test_text_that_is_not_utf_8_costs_its_row_only() -> None:
    """pyarrow does not look whether a column of text is text."""
    lying = pa.array([b"one", b"\xff\xfe", b"three"], pa.binary())
    column = pa.StringArray.from_buffers(3, lying.buffers()[1], lying.buffers()[2])
    first, second, third = from_parquet({"text": column})
    assert (first.row, third.row) == ({"text": "one"}, {"text": "three"})
    assert (second.problem, second.place) == ("is not UTF-8 (byte 0xff)", ":row 2")


def test_a_moment_beyond_python_is_an_unknown_date() -> None:
    """The year 200,000 costs the article its date, with a warning, and not the article."""
    (raw,) = from_parquet({"text": ["The dam holds."], "date": pa.array([6_250_000_000_000_000_000], pa.timestamp("us"))})
    loaded = article_from_row(raw.row, now=NOON, max_chars=LIMIT)
    assert loaded.article.published_at is None
    assert "unreadable timestamp" in loaded.warnings[0]


def test_large_rows_come_in_small_batches() -> None:
    """Rows of a megabyte are read a few at a time, all of them."""
    raws = from_parquet({"text": [f"{number} " + "x" * 1_000_000 for number in range(40)]})
    assert [raw.place for raw in raws] == [f":row {number}" for number in range(1, 41)]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "is not a Parquet file"),
        (b"PAR1" + b"\0" * 100 + b"PAR1", "is not a Parquet file"),
        (written(pa.table({"text": pa.array([], pa.string())})), "has no rows"),
        (written(pa.table({"day": ["x"]})), "no column of text; its columns are 'day'"),
        (written(pa.table({"text": pa.nulls(5_000_000, pa.string())})), "claims 5,000,000 rows in"),
        (written(pa.table({"text": ["x" * 50_000_000]}), compression="zstd", use_dictionary=False), "would unpack to more than 200 times"),
        (written(pa.table({"text": ["a" * 1_000]}))[:-20] + b"\xff" * 12 + b"PAR1", "is not a Parquet file"),
    ],
    ids=["empty", "no footer", "no rows", "no text", "five million nulls", "bomb", "broken footer"],
)
def test_a_parquet_file_that_cannot_be_articles_is_refused(data: bytes, reason: str) -> None:
    """By what it says about itself, before its rows are read."""
    with pytest.raises(BadArticle, match=reason):
        list(parquet_rows(data, {}))


def test_an_empty_cell_is_not_made_up_for_by_another_column() -> None:
    """Which column holds a field is said once for all rows: another well-known name beside it stays metadata."""
    raws = from_csv("text,when,date\nOne.,2025-04-07,2026-01-01\nTwo.,,2026-01-01\n", {"published_at": "when"})
    first, second = (article_from_row(row, now=NOON, max_chars=LIMIT).article for row in rows(raws))
    assert [str(first.published_at)[:10], second.published_at] == ["2025-04-07", None]
    assert first.metadata == second.metadata == {"date": "2026-01-01"}
