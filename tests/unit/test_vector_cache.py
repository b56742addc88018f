"""Vectors by content. That it is an embedder like any other, the contract suite shows."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from service.errors import ModelUnavailable
from service.models.cache_file import LOOKED_UP
from service.models.hashing import HashingEmbedder
from service.models.vector_cache import VectorCache
from service.ports import Vectors
from tests.fakes import CountingEmbedder

TEXTS = ["The dam is cracked.", "Nobody was hurt.", "The dam is cracked."]


def same(found: Vectors, texts: list[str], dimension: int = 64) -> bool:
    """Whether these are the vectors that the embedder itself gives."""
    return np.array_equal(found, HashingEmbedder(dimension).embed(texts))


def test_the_same_text_is_embedded_once(tmp_path: Path) -> None:
    """Within a call, between calls and between runs; each row is the one that the embedder gives."""
    first, later = CountingEmbedder(), CountingEmbedder()
    with VectorCache(first, tmp_path / "new" / "vectors.sqlite3") as cache:
        assert same(cache.embed(TEXTS), TEXTS)
        assert same(cache.embed(TEXTS[1:]), TEXTS[1:])
    assert first.embedded == TEXTS[:2]
    with VectorCache(later, tmp_path / "new" / "vectors.sqlite3") as cache:
        assert same(cache.embed([*TEXTS, "Rain fell."]), [*TEXTS, "Rain fell."])
    assert later.embedded == ["Rain fell."]


def test_vectors_of_other_weights_never_meet(tmp_path: Path) -> None:
    """Another fingerprint is another key."""
    with VectorCache(CountingEmbedder(64), tmp_path / "v") as cache:
        cache.embed(TEXTS)
    other, again = CountingEmbedder(32), CountingEmbedder(64)
    with VectorCache(other, tmp_path / "v") as cache:
        assert same(cache.embed(TEXTS), TEXTS, 32)
    assert other.embedded == TEXTS[:2]
    with VectorCache(again, tmp_path / "v") as cache:
        assert same(cache.embed(TEXTS), TEXTS)
    assert again.embedded == []


@pytest.mark.parametrize(
    "content",
    [b"not a database, however long it may be" * 200, b"SQLite format 3\0" + b"\xff" * 5_000],
    ids=["text", "a database in its first bytes alone"],
)
def test_a_broken_file_is_done_without(tmp_path: Path, content: bytes) -> None:
    """Everything is embedded once in this run, and nothing fails."""
    (tmp_path / "v").write_bytes(content)
    embedder = CountingEmbedder()
    with VectorCache(embedder, tmp_path / "v") as cache:
        assert same(cache.embed(TEXTS), TEXTS)
        assert same(cache.embed(TEXTS), TEXTS)
    assert embedder.embedded == TEXTS[:2]


def test_a_table_of_another_shape_is_done_without(tmp_path: Path) -> None:
    """Some other program's database, or that of another version."""
    connection = sqlite3.connect(tmp_path / "v")
    connection.execute("CREATE TABLE kept (other TEXT)")
    connection.close()
    with VectorCache(CountingEmbedder(), tmp_path / "v") as cache:
        assert same(cache.embed(TEXTS), TEXTS)


def test_a_vector_of_the_wrong_length_is_embedded_anew(tmp_path: Path) -> None:
    """What was cut off on disk is not taken for a vector."""
    with VectorCache(CountingEmbedder(), tmp_path / "v") as cache:
        cache.embed(TEXTS)
    connection = sqlite3.connect(tmp_path / "v")
    with connection:
        connection.execute("UPDATE kept SET value = substr(value, 1, 40)")
    connection.close()
    embedder = CountingEmbedder()
    with VectorCache(embedder, tmp_path / "v") as cache:
        assert same(cache.embed(TEXTS), TEXTS)
    assert embedder.embedded == TEXTS[:2]


def test_more_texts_than_one_statement_asks_for(tmp_path: Path) -> None:
    """Each is looked up all the same."""
    texts = [f"text {number}" for number in range(2 * LOOKED_UP + 3)]
    later = CountingEmbedder()
    with VectorCache(CountingEmbedder(), tmp_path / "v") as cache:
        cache.embed(texts)
    with VectorCache(later, tmp_path / "v") as cache:
        assert same(cache.embed(texts), texts)
    assert later.embedded == []


class Broken(HashingEmbedder):
    """An embedder whose weights are gone."""

    def embed(self, texts: Sequence[str]) -> Vectors:
        raise ModelUnavailable("gone")


def test_an_error_of_the_embedder_is_not_swallowed(tmp_path: Path) -> None:
    """What is known already is still given."""
    with VectorCache(CountingEmbedder(), tmp_path / "v") as cache:
        cache.embed(TEXTS[:1])
    with VectorCache(Broken(), tmp_path / "v") as cache:
        assert same(cache.embed(TEXTS[:1]), TEXTS[:1])
        with pytest.raises(ModelUnavailable):
            cache.embed(TEXTS)
