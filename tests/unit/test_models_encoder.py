"""Choosing an encoder by setting, its folder, its languages and its batches, without weights."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import ModelNotFound, SettingsError
from service.models.approximate_tokens import approximate_starts
from service.models.embedders import build_embedder
from service.models.encoder import SentenceEncoder
from service.models.encoder_folder import LARGEST_CARD, hub_folder, languages_of_card
from service.models.token_batches import token_batches
from service.settings import Settings

COMMIT = "a" * 40


def build(**more: Any) -> Any:
    """The embedder of these settings."""
    return build_embedder(Settings(_env_file=None, **more))  # type: ignore[call-arg]


def write_folder(folder: Path, card: str | None = None, weights: str = "model.safetensors") -> Path:
    """A folder that looks like an encoder's, with nothing in its files."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "modules.json").write_text("[]", encoding="utf-8")
    (folder / weights).write_bytes(b"weights")
    if card is not None:
        (folder / "README.md").write_text(card, encoding="utf-8")
    return folder


def write_cache(cache: Path, name: str, weights: str = "model.safetensors") -> Path:
    """A cache of the hub that holds such a model, as its client lays it out."""
    place = cache / f"models--{name.replace('/', '--')}"
    (place / "refs").mkdir(parents=True)
    (place / "refs" / "main").write_text(COMMIT, encoding="utf-8")
    return write_folder(place / "snapshots" / COMMIT, weights=weights)


# ── languages ────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("card", "codes"),
    [
        ("---\nlanguage: en\n---\n# Encoder\n", {"en"}),
        ("---\nlanguage:\n- en\n- de-AT\n- nb\nlicense: mit\n---\n", {"en", "de", "no"}),
        ("\ufeff---\nlanguage: [pt, ceb]\n---\n", {"pt"}),
        ("---\nlanguage: no\n---\n", None),
        ("---\nlanguage: 'no'\n---\n", {"no"}),
        ("---\nlanguage: multilingual\n---\n", None),
        ("---\nlanguage: [multilingual, en]\n---\n", None),
        ("---\nlanguage: eng\n---\n", None),
        ("---\nlanguage: {a: b}\n---\n", None),
        ("---\nlicense: mit\n---\n", None),
        ("---\n- a\n---\n", None),
        ("---\nlanguage: [en\n---\n", None),
        ("---\nlanguage: !!python/object/apply:os.getpid []\n---\n", None),
        ("text\n---\nlanguage: en\n---\n", None),
        ("# Encoder\n", None),
        ("", None),
        (None, None),
    ],
)
def test_the_card_says_the_languages(tmp_path: Path, card: str | None, codes: set[str] | None) -> None:
    """Codes of two letters in its front matter; where it says nothing that can be read, the encoder counts as one for all."""
    assert languages_of_card(write_folder(tmp_path, card)) == codes


def test_a_large_card_is_read_in_part(tmp_path: Path) -> None:
    """Its front matter stands first."""
    assert languages_of_card(write_folder(tmp_path, "---\nlanguage: en\n---\n" + "x" * 2 * LARGEST_CARD)) == {"en"}
    assert languages_of_card(write_folder(tmp_path, "---\nx: " + "x" * LARGEST_CARD + "\nlanguage: en\n---\n")) is None


def test_the_setting_overrules_card_and_catalogue(tmp_path: Path) -> None:
    """Codes, or a star for all."""
    folder = str(write_folder(tmp_path, "---\nlanguage: en\n---\n"))
    assert build(embedding_model=folder).languages == {"en"}
    assert build(embedding_model=folder, embedding_languages=["de", "nb-NO"]).languages == {"de", "no"}
    assert build(embedding_model=folder, embedding_languages=["*"]).languages is None
    assert build().languages == {"en"}
    assert build(embedding_languages=["*"]).languages is None
    assert build(embedding_languages=["fr"]).languages == {"fr"}


@pytest.mark.parametrize("tags", [["english"], ["en", "*"], ["en", "deu"], [""]])
def test_a_setting_that_is_no_code_is_refused(tags: list[str]) -> None:
    """At start, naming the setting, since every article would count as foreign."""
    with pytest.raises(SettingsError, match="DATELINE_EMBEDDING_LANGUAGES"):
        build(embedding_languages=tags)


# ── the model hub ────────────────────────────────────────────────────────────


def test_a_name_on_the_hub_is_found_in_its_cache(tmp_path: Path) -> None:
    """What was fetched once needs no network, whether the newest is meant or a revision."""
    folder = write_cache(tmp_path, "acme/tiny")
    assert hub_folder("acme/tiny", fetch=False, cache=tmp_path) == folder
    assert hub_folder(f"acme/tiny@{COMMIT}", fetch=False, cache=tmp_path) == folder


def test_the_fingerprint_is_of_the_weights(tmp_path: Path) -> None:
    """The name without its owner, and the SHA-256 of the bytes: the same from the hub and from a folder of that name."""
    folder = write_cache(tmp_path, "acme/tiny")
    by_hub = SentenceEncoder(Path("acme/tiny"), name="tiny", find=lambda: hub_folder("acme/tiny", cache=tmp_path))
    by_path = SentenceEncoder(write_folder(tmp_path / "tiny"))
    assert by_hub.fingerprint == by_path.fingerprint
    before = by_hub.fingerprint
    (folder / "model.safetensors").write_bytes(b"other")
    assert SentenceEncoder(folder, name="tiny").fingerprint != before


def test_pickled_weights_of_the_hub_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As those of a folder: nothing but safetensors is loaded, and nothing else is fetched in their place."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    write_cache(tmp_path, "acme/tiny", weights="pytorch_model.bin")
    with pytest.raises(ModelNotFound, match="acme/tiny is not on this machine"):
        hub_folder("acme/tiny", cache=tmp_path)


def test_a_name_that_is_not_here_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing may be fetched, the hub is switched off, it cannot be reached, it cannot be a name: each says so."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    cases = [(False, False, "not on this machine"), (True, True, "HF_HUB_OFFLINE is set"), (True, False, "no connection")]
    for fetch, offline, words in cases:
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", offline)
        with pytest.raises(ModelNotFound, match=f"{words}.*hf download acme/tiny --revision v2.*DATELINE_EMBEDDING_MODEL"):
            hub_folder("acme/tiny@v2", fetch=fetch, cache=tmp_path)
    with pytest.raises(ModelNotFound, match="neither a folder nor a name"):
        hub_folder("a..b/tiny", cache=tmp_path)


def test_a_name_that_could_be_nothing_says_the_possibilities(tmp_path: Path) -> None:
    """A folder, the hub, the catalogue or a server."""
    encoder = build(embedding_model="all-MiniLM")
    with pytest.raises(ModelNotFound, match=r"OWNER/NAME.*all-MiniLM-L6-v2.*DATELINE_EMBEDDING_URL"):
        encoder.embed(["a"])


def test_a_folder_goes_before_a_name_of_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`OWNER/NAME` that is a folder here is that folder."""
    write_folder(tmp_path / "acme" / "tiny")
    monkeypatch.chdir(tmp_path)
    assert build(embedding_model="acme/tiny").examine() == "tiny in acme/tiny"


# ── batches ──────────────────────────────────────────────────────────────────


def test_batches_are_bounded_by_tokens() -> None:
    """Sixteen passages, or more of shorter texts, and never more than sixty-four."""
    assert [len(batch.rows) for batch in token_batches([256] * 40)] == [16, 16, 8]
    assert [len(batch.rows) for batch in token_batches([64] * 100)] == [64, 36]
    assert [len(batch.rows) for batch in token_batches([4] * 100)] == [64, 36]


def test_the_longest_come_first_and_share_their_width() -> None:
    """The width of a batch is that of its first text, rounded up."""
    batches = list(token_batches([10, 100, 30, 95], tokens=200))
    assert [(batch.rows, batch.padded) for batch in batches] == [([1, 3], 200), ([2, 0], 60)]
    assert [(batch.rows, batch.padded) for batch in token_batches([10, 30], multiple=16)] == [([1, 0], 64)]


def test_a_text_that_is_longer_than_a_batch_goes_alone() -> None:
    """A model may read more than a batch has."""
    assert [batch.rows for batch in token_batches([9000, 8000, 1])] == [[0], [1], [2]]


@given(st.lists(st.integers(0, 600), max_size=200), st.sampled_from([1, 8, 16]))
def test_every_row_is_in_one_batch(lengths: list[int], multiple: int) -> None:
    """And no batch computes more than it may, unless it is one text."""
    batches = list(token_batches(lengths, multiple=multiple))
    assert sorted(row for batch in batches for row in batch.rows) == list(range(len(lengths)))
    assert all(batch.padded <= 4096 or len(batch.rows) == 1 for batch in batches)
    assert all(batch.padded >= sum(lengths[row] for row in batch.rows) for batch in batches)


# ── tokens of an unknown tokenizer ───────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("The bridge closed.", ["The ", "bridg", "e ", "close", "d", "."]),
        ("in 2026, 14%", ["in ", "2", "0", "2", "6", ", ", "1", "4", "%"]),
        ("мост закрыт", ["мос", "т ", "зак", "рыт"]),
        ("老桥关闭 now", ["老", "桥", "关", "闭 ", "now"]),
        ("a_b 😀é", ["a", "_", "b ", "😀", "é"]),
        (" \n", []),
    ],
)
def test_tokens_are_counted_rather_too_many(text: str, pieces: list[str]) -> None:
    """Five letters of English, three of another alphabet, one digit, sign or character of Chinese."""
    starts = approximate_starts(text)
    assert [text[start:end] for start, end in zip(starts, [*starts[1:], len(text)], strict=False)] == pieces


@given(st.text(max_size=200))
def test_every_character_but_space_is_in_a_token(text: str) -> None:
    """Starts ascend, and where white space ends a token starts."""
    starts = approximate_starts(text)
    assert starts == sorted(set(starts))
    assert all(text[start].strip() for start in starts)
    assert bool(starts) == bool(text.strip())
