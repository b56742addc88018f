"""A look into the header of a GGUF file, without reading the weights.

Format: the GGUF specification of the ggml project, versions 2 and 3, little-endian: magic, version, tensor count, number of pairs,
then `key, type, value` pairs. Every length is checked, since the file may be anybody's.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

from service.errors import ModelCorrupt, ModelNotFound

CHAT_TEMPLATE = "tokenizer.chat_template"

_STRING, _ARRAY = 8, 9
_WIDTHS = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
_LONGEST_STRING = 16 << 20
_MOST_PAIRS = 65_536


def require_chat_model(path: Path) -> None:
    """Raises ModelNotFound where there is no such file or it is a base model, ModelCorrupt where it is no GGUF file.

    A model without a chat template was not trained to follow instructions; llama.cpp would make one up and the model would ramble.
    """
    if not path.is_file():
        raise ModelNotFound(f"there is no model file {path}")
    if read_string(path, CHAT_TEMPLATE) is None:
        raise ModelNotFound(
            f"{path.name} carries no {CHAT_TEMPLATE}: it is a base model, which continues text instead of answering. "
            "Use the instruct version of it."
        )


def read_string(path: Path, wanted: str) -> str | None:
    """The string under this key of the header, or None where there is none. Raises ModelCorrupt."""
    try:
        with path.open("rb") as stream:
            if stream.read(4) != b"GGUF":
                raise ModelCorrupt(f"{path.name} is not a GGUF file")
            version = _number(stream, "<I")
            if version not in {2, 3}:
                raise ModelCorrupt(f"{path.name} is of GGUF version {version}; versions 2 and 3 can be read")
            _number(stream, "<Q")
            return _find(stream, _number(stream, "<Q"), wanted)
    except (struct.error, ValueError) as error:
        raise ModelCorrupt(f"the header of {path.name} is damaged: {error}") from error


def _find(stream: BinaryIO, pairs: int, wanted: str) -> str | None:
    if pairs > _MOST_PAIRS:
        raise ValueError(f"{pairs} metadata pairs")
    for _ in range(pairs):
        key = _bytes(stream)
        kind = _number(stream, "<I")
        if key == wanted.encode() and kind == _STRING:
            return _bytes(stream).decode("utf-8", errors="replace")
        _skip(stream, kind)
    return None


def _number(stream: BinaryIO, form: str) -> int:
    return int(struct.unpack(form, stream.read(struct.calcsize(form)))[0])


def _bytes(stream: BinaryIO) -> bytes:
    length = _number(stream, "<Q")
    if length > _LONGEST_STRING:
        raise ValueError(f"a string of {length} bytes")
    data = stream.read(length)
    if len(data) < length:
        raise ValueError("it ends too early")
    return data


def _skip(stream: BinaryIO, kind: int) -> None:
    if kind == _STRING:
        _bytes(stream)
    elif kind == _ARRAY:
        inner, count = _number(stream, "<I"), _number(stream, "<Q")
        if inner == _STRING:
            for _ in range(count):
                _bytes(stream)
        else:
            stream.seek(_width(inner) * count, 1)
    else:
        stream.seek(_width(kind), 1)


def _width(kind: int) -> int:
    try:
        return _WIDTHS[kind]
    except KeyError as error:
        raise ValueError(f"an unknown value type {kind}") from error
