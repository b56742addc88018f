"""Plain text, Markdown, JSON and JSON Lines as raw articles: from any open binary file, whether on disk, gzipped or in memory.

JSON Lines is read line by line, the others whole. What cannot be read raises BadArticle where the file is at fault, and is a `Raw` with a
problem where only one line is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import IO

from service.articles.markdown import plain_text, split_front_matter
from service.articles.names import named
from service.articles.raw import Raw
from service.errors import BadArticle

BYTES_PER_CHARACTER = 4
"""The most UTF-8 needs; JSON escapes can take more, so rows get half as much again."""
JSON_ARTICLES = 16
"""A JSON file is parsed whole, so it holds at most the bytes of so many of the longest articles; JSON Lines has no limit."""
_DATE_LINE = re.compile(r"\s*date[ \t]+(\d{4}-\d{1,2}-\d{1,2})(?:\s+|$)")


def text_rows(file: IO[bytes], max_chars: int) -> Iterator[Raw]:
    """The text, without the line `date YYYY-MM-DD` that it may begin with. Raises BadArticle."""
    text = whole(file, max_chars * BYTES_PER_CHARACTER)
    found = _DATE_LINE.match(text)
    yield Raw({"text": text[found.end() :], "published_at": found.group(1)} if found else {"text": text})


def markdown_rows(file: IO[bytes], max_chars: int) -> Iterator[Raw]:
    """The front matter with the body as plain text; a first heading is the title where none is given. Raises BadArticle."""
    front, body = split_front_matter(whole(file, max_chars * BYTES_PER_CHARACTER))
    row = named({**front, "text": ""})
    heading, text = plain_text(body)
    if heading and not row.get("title"):
        row["title"] = heading
    elif heading and heading != row["title"]:
        text = f"{heading}\n\n{text}"
    yield Raw(row | {"text": text})


def json_rows(file: IO[bytes], max_chars: int) -> Iterator[Raw]:
    """The object, or each item of the list, at place `:number` from 1. Raises BadArticle."""
    value = json_value(whole(file, max_chars * BYTES_PER_CHARACTER * JSON_ARTICLES))
    rows: Sequence[object] = value if isinstance(value, list) else [value]
    if not rows:
        raise BadArticle("is an empty list")
    for number, row in enumerate(rows, 1):
        yield Raw(row, place=f":{number}" if isinstance(value, list) else "")


def json_line_rows(file: IO[bytes], max_chars: int) -> Iterator[Raw]:
    """Each line that is not blank, at place `:number`. Raises BadArticle where there is none."""
    limit = max_chars * BYTES_PER_CHARACTER * 3 // 2
    empty = True
    number = 0
    while line := file.readline(limit + 1):
        number += 1
        if len(line) > limit:
            skip_line(file, line)
            yield Raw(problem=f"the line is longer than {limit:,} bytes", place=f":{number}")
        elif line.strip():
            yield _json_line(number, line)
        else:
            continue
        empty = False
    if empty:
        raise BadArticle("is empty")


def whole(file: IO[bytes], limit: int) -> str:
    """Everything in the file, at most `limit` bytes, as text. Raises BadArticle."""
    data = file.read(limit + 1)
    if len(data) > limit:
        raise BadArticle(f"is larger than {limit:,} bytes: raise DATELINE_MAX_ARTICLE_CHARS, or split it (JSON Lines is read line by line)")
    if not data.strip():
        raise BadArticle("is empty")
    return decoded(data)


def decoded(data: bytes) -> str:
    """UTF-8 without a byte order mark. Raises BadArticle on any other encoding and on NUL."""
    if b"\0" in data:
        raise BadArticle("contains NUL bytes: is this a binary file, or UTF-16? Convert it to UTF-8")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadArticle(f"is not UTF-8 (byte 0x{data[error.start]:02x} at offset {error.start}): convert it, e.g. with iconv") from error


def json_value(text: str) -> object:
    """What the JSON says. Raises BadArticle with line and column."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise BadArticle(f"is not JSON (line {error.lineno}, column {error.colno}): {error.msg}") from error
    except (ValueError, RecursionError) as error:
        raise BadArticle(_unparsed(error)) from error


def skip_line(file: IO[bytes], line: bytes) -> None:
    """Read to the end of the line of which `line` is the beginning."""
    while line and not line.endswith(b"\n"):
        line = file.readline(1 << 20)


def _json_line(number: int, line: bytes) -> Raw:
    place = f":{number}"
    try:
        return Raw(json.loads(decoded(line)), place=place)
    except BadArticle as error:
        return Raw(problem=str(error), place=place)
    except json.JSONDecodeError as error:
        return Raw(problem=f"is not JSON (column {error.colno}): {error.msg}", place=place)
    except (ValueError, RecursionError) as error:
        return Raw(problem=_unparsed(error), place=place)


def _unparsed(error: Exception) -> str:
    """Why Python's parser gave up: its own words speak of interpreter settings."""
    return "is nested too deeply" if isinstance(error, RecursionError) else "is not JSON that can be read: a number has too many digits"
