"""Tables of articles: CSV and TSV by the standard library, Parquet by pyarrow, with a mapping from our fields to their columns.

A column that is none of our fields is kept as metadata. Where the other columns of a row are more than metadata may be, the largest
are left out and named under `columns_left_out`. Dates stay as they are written: `article_from_row` reads them.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, Any

from service.articles.lines import skip_line
from service.articles.names import NAMES
from service.articles.raw import Raw
from service.errors import BadArticle, BadInput

MAX_OTHER_COLUMNS = 60_000
"""Characters of JSON that the other columns of a row may take; `article_from_row` refuses 65,536 with all keys."""
_DELIMITERS = ",;\t|"
_MAX_COLUMNS = 1_000
_SHOWN = 20


def parse_columns(text: str) -> dict[str, str]:
    """`text=body,published_at=date` as field → column; an empty text is an empty mapping. Raises BadInput."""
    columns: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        field, equals, column = (piece.strip() for piece in part.partition("="))
        if not equals or not column:
            raise BadInput(f"columns: {part!r} is not FIELD=COLUMN, such as text=body")
        if field not in NAMES:
            raise BadInput(f"columns: there is no field {field!r}; the fields are {', '.join(NAMES)}")
        if field in columns:
            raise BadInput(f"columns: {field} is given twice")
        columns[field] = column
    return columns


def fields_of(header: Sequence[str], columns: Mapping[str, str]) -> dict[str, str]:
    """Each of our fields that the table has → the column that holds it. Raises BadArticle naming the columns that there are."""
    shown = ", ".join(map(repr, header[:_SHOWN])) + (f" and {len(header) - _SHOWN} more" if len(header) > _SHOWN else "")
    if len(header) > _MAX_COLUMNS:
        raise BadArticle(f"has {len(header):,} columns; the limit is {_MAX_COLUMNS:,}")
    folded = {name.strip().casefold(): name for name in reversed(header)}
    found: dict[str, str] = {}
    for field, names in NAMES.items():
        if field in columns:
            wanted = columns[field]
            column = wanted if wanted in header else folded.get(wanted.strip().casefold())
            if column is None:
                raise BadArticle(f"has no column {wanted!r} for {field}; its columns are {shown}")
            found[field] = column
        elif column := next((folded[name] for name in names if name in folded and folded[name] not in columns.values()), None):
            found[field] = column
    if "text" not in found:
        raise BadArticle(f"has no column of text; its columns are {shown}: say which one it is with --columns text=NAME")
    twice = sorted({name for name in header if name and header.count(name) > 1})
    if twice:
        raise BadArticle(f"has the column {twice[0]!r} twice")
    return found


def csv_rows(file: IO[bytes], columns: Mapping[str, str], max_bytes_per_row: int) -> Iterator[Raw]:
    """Each row below the header, at place `:line`, read as it comes. Raises BadArticle where there is no header.

    UTF-8, with or without a byte order mark; comma, semicolon, tab or bar, whichever the header has most of; quotes by RFC 4180, where a
    quote out of place is a problem of its row rather than guessed at. A row with more or fewer fields than the header is a problem, too.
    """
    lines = _Lines(file, max_bytes_per_row)
    csv.field_size_limit(max(csv.field_size_limit(), max_bytes_per_row))  # global: `_Lines` bounds a row before this does
    header, reader = _header(lines)
    found = fields_of(header, columns)
    empty = True
    while True:
        place = f":{lines.number + 1}"
        lines.taken = 0
        try:
            cells = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            empty = False
            yield Raw(problem=f"cannot be read as CSV: {error}", place=place)
            continue
        empty = empty and not any(cells)
        if any(cells) and (problem := _wrong(cells, len(header))):
            yield Raw(problem=problem, place=place)
        elif any(cells):
            yield Raw(_row(dict(zip(header, cells, strict=True)), found), place=place)
    if empty:
        raise BadArticle("has a header and no rows")


def parquet_rows(source: bytes | IO[bytes], columns: Mapping[str, str]) -> Iterator[Raw]:
    """Each row, at place `:row 1` and so on, read in batches, so that a file may be larger than memory. Raises BadArticle.

    Points in time become ISO strings with their zone, lists and structures JSON. Text in a column of bytes is decoded where it is one of
    our fields; any other column of bytes is passed over, which a skipped `Raw` at place `:column NAME` says.
    """
    from service.articles.parquet import is_bytes, open_table, read_rows

    table = open_table(source)
    found = fields_of(table.schema_arrow.names, columns)
    wanted = []
    for name, binary in ((field.name, is_bytes(field.type)) for field in table.schema_arrow):
        if binary and name not in found.values():
            yield Raw(place=f":column {name}", skipped=True)
        else:
            wanted.append(name)
    named = [column for field, column in found.items() if field != "text"]  # where a number serves as an id or a date
    for number, cells in enumerate(read_rows(table, wanted), 1):
        place = f":row {number}"
        try:
            told = {name: value.decode() if isinstance(value, bytes) else value for name, value in cells.items()}
            numbers = {column: str(told[column]) for column in named if isinstance(told[column], (int, float))}
            yield Raw(_row(told | numbers, found), place=place)
        except UnicodeDecodeError as error:
            yield Raw(problem=f"is not UTF-8 (byte 0x{error.object[error.start]:02x})", place=place)


class _Lines:
    """The lines of a file as text, for csv.reader. A byte that is not UTF-8 becomes a lone surrogate, to be found again in its cell."""

    def __init__(self, file: IO[bytes], limit: int) -> None:
        self.number = 0
        self.taken = 0
        """Bytes of the row so far; to be set to 0 before each row."""
        self._file = file
        self._limit = limit

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._file.readline(self._limit + 1)
        if not line:
            raise StopIteration
        self.number += 1
        self.taken += len(line)
        if self.taken > self._limit:
            skip_line(self._file, line)
            raise csv.Error(f"the row is longer than {self._limit:,} bytes, up to line {self.number}: is a quote not closed?")
        return line.decode("utf-8-sig" if self.number == 1 else "utf-8", "surrogateescape")


def _header(lines: _Lines) -> tuple[list[str], Any]:
    """The names in the first line, and a reader of the rest."""
    try:
        first = next(lines, None)
        if first is None:
            raise BadArticle("is empty")
        if not first.strip():
            raise BadArticle("has no header: its first line must name the columns")
        delimiter = max(_DELIMITERS, key=lambda one: len(next(csv.reader([first], delimiter=one))))
        header = [name.strip() for name in next(csv.reader([first], delimiter=delimiter, strict=True))]
    except csv.Error as error:
        raise BadArticle(f"has a header that cannot be read as CSV: {error}") from error
    if problem := _wrong(header, len(header)):
        raise BadArticle(problem)
    return header, csv.reader(lines, delimiter=delimiter, strict=True)


def _wrong(cells: Sequence[str], width: int) -> str | None:
    """What is wrong with a row, if anything."""
    if len(cells) != width:
        return f"has {len(cells)} instead of {width} fields"
    joined = "".join(cells)
    if "\0" in joined:
        return "contains NUL bytes: is this a binary file, or UTF-16? Convert it to UTF-8"
    try:
        joined.encode()
    except UnicodeEncodeError as error:
        return f"is not UTF-8 (byte 0x{ord(joined[error.start]) - 0xDC00:02x}): convert it, e.g. with iconv"
    return None


def _row(cells: Mapping[str, Any], found: Mapping[str, str]) -> dict[str, Any]:
    """Our fields, and the other columns beside them; what is empty is left out, or None where another column would be taken for it."""
    row = {field: cells[column] for field, column in found.items() if cells[column] not in (None, "")}
    taken = set(found.values())
    others = {
        f"column {name}" if name in NAMES else name: value
        for name, value in cells.items()
        if name and name not in taken and value is not None and value != ""
    }
    names = {name.strip().casefold() for name in others}
    row |= {field: None for field in found if field not in row and not names.isdisjoint(NAMES[field])}
    sizes = {name: len(json.dumps(value, ensure_ascii=False)) + len(name) + 6 for name, value in others.items()}
    left_out = []
    while sum(sizes.values()) > MAX_OTHER_COLUMNS:
        largest = max(sizes, key=lambda name: sizes[name])
        left_out.append(largest)
        del sizes[largest]
    row |= {name: others[name] for name in sizes}
    return row | {"columns_left_out": sorted(left_out)} if left_out else row
