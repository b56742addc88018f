"""Parquet files and rows to be damaged: values of every type that a column can have, and rows as strangers may send them."""

import csv
import io
import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import strategies as st

from tests.fuzz.documents import DATES, NOTICE, PAGE, WORDS
from tests.fuzz.mutations import Format

_MOMENT = datetime(2025, 4, 7, 10, 30, tzinfo=UTC)
_COLUMNS = {
    "text": pa.array([WORDS, WORDS * 2, None]),
    "title": pa.array(["Dam", "River", ""]).dictionary_encode(),
    "published_at": pa.array([_MOMENT, _MOMENT, None], pa.timestamp("ns", "UTC")),
    "day": pa.array([date(2025, 4, 7), None, date(1, 1, 1)]),
    "tags": pa.array([["dam", "river"], [], None]),
    "more": pa.array([{"a": 1, "b": b"x"}, {"a": None, "b": None}, None]),
    "pairs": pa.array([[("a", 1)], [], None], pa.map_(pa.string(), pa.int8())),
    "price": pa.array([Decimal("1.50"), None, Decimal("-2.00")], pa.decimal128(9, 2)),
    "score": pa.array([1.5, float("nan"), float("inf")]),
    "half": pa.array([1.5, 2.5, None]).cast(pa.float16()),
    "took": pa.array([timedelta(seconds=3), None, timedelta(days=9)]),
    "photo": pa.array([b"\xff\xd8", b"", None]),
    "word": pa.array([b"a", b"bc", b"\xff"]).view(pa.binary()),
    "id": pa.array([1, 2, 3], pa.uint64()),
}


@cache
def parquets() -> Format:
    """Tables of several columns, pages and compressions, and pieces of Thrift's compact protocol."""
    whole = []
    for compression in ("NONE", "snappy", "gzip", "zstd", "lz4", "brotli"):
        whole.append(_written(pa.table(_COLUMNS), compression=compression, row_group_size=2))
        whole.append(_written(pa.table({"text": [WORDS] * 200, "id": range(200)}), compression=compression, data_page_version="2.0"))
    whole.append(
        _written(pa.table({"body": pa.array([WORDS.encode()]), "x": pa.array([[[["a"]]]])}), compression="NONE", use_dictionary=False)
    )
    pieces = (
        b"PAR1", b"PARE", b"\x15\x00", b"\x15\x02", b"\x15\xfe\xff\xff\xff\x0f", b"\x16\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        b"\x19\x1c", b"\x19\xfc\xff\xff\xff\x07",
        b"\x1c", b"\x18\x04text", b"\x18\xff\xff\xff\xff\x07", b"\x00", b"\x00\x00\x00", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\x80",
        b"\x02\x00\x00\x00",
    )  # fmt: skip
    return Format(tuple(whole), pieces, ((b"\x1c", b"\x00"), (b"\x19\x1c", b"\x00"), (b"\x18\x01a", b"")))


def _written(table: pa.Table, **options: Any) -> bytes:
    file = io.BytesIO()
    pq.write_table(table, file, **options)
    return file.getvalue()


_odd_text = st.sampled_from(
    (
        "",
        " ",
        "\0",
        "\ud800",
        "a\u202eb",
        "\u0301" * 500,
        "x" * 2_001,
        "x" * 70_000,
        "-0",
        "NaN",
        "http://[",
        "https://herald.example/dam",
        *DATES,
        NOTICE,
        PAGE,
        WORDS,
    )
) | st.text(st.characters(), max_size=40)
_scalars = st.none() | st.booleans() | st.integers() | st.sampled_from([10**40, -(10**19), 2**63]) | st.floats() | _odd_text


def _deep(value: object) -> object:
    for _ in range(200):
        value = [value]
    return value


values = st.recursive(
    _scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_odd_text, inner, max_size=4) | inner.map(_deep), max_leaves=8
)
"""What JSON can carry, and how it should not."""
_FIELDS = (
    "id",
    "url",
    "title",
    "source",
    "author",
    "published_at",
    "updated_at",
    "language",
    "text",
    "tags",
    "status",
    "correction",
    "corrections",
)
rows = (
    st.dictionaries(st.sampled_from(_FIELDS) | _odd_text, st.one_of(_odd_text, _odd_text, _odd_text, values), max_size=5).map(
        lambda row: {"text": WORDS} | row
    )
    | values
)
"""Rows of a corpus, most of them with a text."""
json_texts = (rows | st.lists(rows, max_size=4)).map(lambda value: json.dumps(value).encode())
json_lines = st.lists(rows, max_size=4).map(lambda found: "\n".join(map(json.dumps, found)).encode())
_feed_item = st.dictionaries(
    st.sampled_from(["id", "url", "external_url", "title", "content_html", "content_text", "summary", "date_published", "date_modified",
    "authors", "author", "language"]),
    values | _odd_text | st.just([{"name": "Ana"}]),
    max_size=8,
)  # fmt: skip
json_feeds = st.builds(
    lambda items, more: json.dumps({**more, "version": "https://jsonfeed.org/version/1.1", "items": items}).encode(),
    st.lists(_feed_item | values, max_size=4),
    st.dictionaries(st.sampled_from(["title", "authors", "language", "home_page_url"]), values, max_size=3),
)


def _csv(cells: list[list[str]]) -> bytes:
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(["text", "title", "date", "url"])
    writer.writerows(cells)
    return file.getvalue().encode("utf-8", "surrogatepass")


csv_texts = st.lists(st.lists(_odd_text, min_size=3, max_size=5), max_size=6).map(_csv)
_article = st.fixed_dictionaries(
    {"id": _odd_text, "text": _odd_text},
    optional={
        "title": _odd_text, "source": _odd_text | st.none(), "author": _odd_text, "url": _odd_text | st.none(), "language": _odd_text,
        "published_at": _odd_text | st.none(), "updated_at": _odd_text, "date_origin": st.sampled_from(["json-ld", "meta", "unknown", "x"]),
        "zone": _odd_text, "date_conflicts": st.lists(_odd_text, max_size=3), "origin": _odd_text, "metadata": st.dictionaries(_odd_text,
        values, max_size=4),
        "ingested_at": _odd_text, "tombstone": st.booleans(),
    },
)  # fmt: skip
_visit = st.fixed_dictionaries(
    {"url": _odd_text},
    optional={
        "checked_at": _odd_text | values,
        "etag": _odd_text,
        "misses": values,
        "article_id": _odd_text | st.none(),
        "source": _odd_text,
        "a": values,
    },
)
items = (
    st.fixed_dictionaries(
        {
            "kind": st.sampled_from(["loaded", "unreadable", "skipped", "untouched", "gone", "looked", "Loaded", "", None, 1]),
            "item": st.fixed_dictionaries(
                {"place": _odd_text, "article": _article | values, "reason": _odd_text, "article_id": _odd_text},
                optional={
                    "visit": _visit | values,
                    "warnings": st.lists(_odd_text, max_size=2) | values,
                    "has_id": values,
                    "origin": _odd_text,
                    "x": values,
                },
            )
            | st.fixed_dictionaries({"place": _odd_text, "article": _article})
            | st.fixed_dictionaries({"visit": _visit})
            | values,
        }
    )
    | values
)
"""Items of ingest as a client may send them to the service."""
