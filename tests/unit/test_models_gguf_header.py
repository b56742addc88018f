"""A GGUF header is read without trust."""

from pathlib import Path

import pytest

from service.errors import ModelCorrupt, ModelNotFound
from service.models.gguf_header import CHAT_TEMPLATE, read_string, require_chat_model
from tests.tiny_gguf import TEMPLATE, write_tiny_gguf


def test_the_chat_template_is_found_behind_the_vocabulary(tmp_path: Path) -> None:
    """Arrays of every kind are stepped over on the way to the wanted key."""
    path = write_tiny_gguf(tmp_path / "tiny.gguf")
    assert read_string(path, CHAT_TEMPLATE) == TEMPLATE
    assert read_string(path, "general.architecture") == "llama"
    assert read_string(path, "no.such.key") is None
    require_chat_model(path)


def test_a_base_model_is_refused(tmp_path: Path) -> None:
    """Without a chat template the user is told to take the instruct version."""
    path = write_tiny_gguf(tmp_path / "base.gguf", chat_template=None)
    with pytest.raises(ModelNotFound, match=r"base model.*instruct"):
        require_chat_model(path)


def test_an_absent_file_is_named(tmp_path: Path) -> None:
    """A path with nothing at it is said to have nothing at it."""
    with pytest.raises(ModelNotFound, match=r"none\.gguf"):
        require_chat_model(tmp_path / "none.gguf")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"PK\x03\x04" + bytes(100),
        b"GGUF" + (9).to_bytes(4, "little") + bytes(16),
        b"GGUF" + (3).to_bytes(4, "little") + bytes(8) + b"\xff" * 8,
        b"GGUF" + (3).to_bytes(4, "little") + bytes(8) + (1).to_bytes(8, "little") + b"\xff" * 8,
        b"GGUF" + (3).to_bytes(4, "little") + bytes(8) + (1).to_bytes(8, "little") + (4).to_bytes(8, "little") + b"ab",
        b"GGUF" + (3).to_bytes(4, "little") + bytes(8) + (1).to_bytes(8, "little") + (1).to_bytes(8, "little") + b"a\x63\0\0\0",
    ],
    ids=["empty", "a zip", "version 9", "endless pairs", "endless key", "cut off", "unknown type"],
)
def test_damaged_headers_are_corrupt_and_not_a_crash(tmp_path: Path, data: bytes) -> None:
    """Whatever the lengths claim, the reader ends with ModelCorrupt."""
    path = tmp_path / "bad.gguf"
    path.write_bytes(data)
    with pytest.raises(ModelCorrupt, match=r"bad\.gguf"):
        require_chat_model(path)
