"""The rows of a Parquet file by pyarrow, batch by batch, as values that JSON can carry (bytes aside).

What the file claims of itself is checked before anything is read: rows against bytes, uncompressed against compressed size. A claim that
lies is met by the memory limit of the child process.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import IO, TYPE_CHECKING, Any

from service.errors import BadArticle

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow.parquet import ParquetFile

MAX_ROW_GROUP = 1 << 30
"""Bytes of a row group, uncompressed. Writers' defaults give 128 MB to 512 MB."""
MAX_RATIO = 200
"""Uncompressed over compressed bytes; text takes 3 to 10."""
MAX_ROWS_PER_BYTE = 1
"""An article takes many bytes; runs of nulls take nearly none, and a billion of them fit in a kilobyte."""
MAX_METADATA, MAX_ITEMS = 16 * 1024 * 1024, 1_000_000
"""Bytes of a text, and items of a list, in what the file says about itself."""
BATCH_BYTES, BATCH_ROWS = 16 * 1024 * 1024, 1_000


def open_table(source: bytes | IO[bytes]) -> ParquetFile:
    """The file, its claims checked. Raises BadArticle."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = pa.BufferReader(source) if isinstance(source, bytes) else pa.PythonFile(source, mode="r")
    size = len(source) if isinstance(source, bytes) else source.seek(0, io.SEEK_END)
    if not isinstance(source, bytes):
        source.seek(0)
    try:
        table = pq.ParquetFile(file, thrift_string_size_limit=MAX_METADATA, thrift_container_size_limit=MAX_ITEMS, pre_buffer=False)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise BadArticle(f"is not a Parquet file that can be read: {_said(error)}") from error
    if problem := _claims(table, size):
        raise BadArticle(problem)
    return table


def read_rows(table: ParquetFile, names: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Each row as column → value. Raises BadArticle where the file breaks off, after the rows before it."""
    import pyarrow as pa

    groups = [table.metadata.row_group(number) for number in range(table.num_row_groups)]
    widest = max((group.total_byte_size / max(group.num_rows, 1) for group in groups), default=0)
    batch_rows = int(min(BATCH_ROWS, max(1, BATCH_BYTES / max(widest, 1))))
    try:
        for batch in table.iter_batches(batch_rows, columns=list(names), use_threads=False):
            columns = [_exact(batch.column(name)) for name in names]
            for row in range(batch.num_rows):
                yield {name: _value(column[row]) for name, column in zip(names, columns, strict=True)}
    except MemoryError:  # pyarrow's is an ArrowException, too
        raise
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        raise BadArticle(f"cannot be read further: {_said(error)}") from error


def is_bytes(kind: pa.DataType) -> bool:
    """Whether a column holds bytes that need not be text."""
    from pyarrow import types

    if types.is_dictionary(kind):
        return is_bytes(kind.value_type)
    tests = (types.is_binary, types.is_large_binary, types.is_fixed_size_binary, types.is_binary_view)
    return any(test(kind) for test in tests)


def _claims(table: ParquetFile, size: int) -> str | None:
    """What is wrong with what the file says about itself."""
    metadata = table.metadata
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    largest = max((group.total_byte_size for group in groups), default=0)
    if metadata.num_rows > MAX_ROWS_PER_BYTE * size:
        return f"claims {metadata.num_rows:,} rows in {size:,} bytes, which cannot be articles"
    if metadata.num_rows < 0 or any(group.num_rows < 0 or group.total_byte_size < 0 for group in groups):
        return "is not a Parquet file that can be read: it claims a negative size"
    if sum(group.num_rows for group in groups) != metadata.num_rows:
        return "is not a Parquet file that can be read: its row groups do not add up"
    if sum(group.total_byte_size for group in groups) > MAX_RATIO * size:
        return f"would unpack to more than {MAX_RATIO} times its size"
    if largest > MAX_ROW_GROUP:
        return f"has a row group of {largest:,} bytes; the limit is {MAX_ROW_GROUP:,}: write it with smaller row groups"
    return None if metadata.num_rows else "has no rows"


def _exact(column: pa.Array) -> pa.Array:
    """Nanoseconds cut to microseconds, which is all that Python's moments hold."""
    import pyarrow as pa

    if pa.types.is_timestamp(column.type) and column.type.unit == "ns":
        return column.cast(pa.timestamp("us", column.type.tz), safe=False)
    return column


def _value(cell: pa.Scalar) -> Any:
    """The cell as JSON carries it; text that is not UTF-8 as its bytes; a moment that Python cannot hold as words that are no date."""
    try:
        return _plain(cell.as_py())
    except UnicodeDecodeError as error:
        return error.object
    except (ValueError, OverflowError, KeyError):
        return f"unreadable {cell.type}"


def _plain(value: Any) -> Any:
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, (Decimal, timedelta)):
        return str(value)
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items() if not isinstance(inner, bytes)}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value if not isinstance(inner, bytes)]
    return value if value is None or isinstance(value, (str, int, bool, bytes)) else str(value)


def _said(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
