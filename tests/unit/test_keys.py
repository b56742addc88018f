"""API keys: which header carries a known one."""

from pathlib import Path

import pytest

from service.errors import SettingsError
from service.http.keys import Keys, require_keys
from service.settings import Settings

ASK, ADMIN = "ask-key-of-the-newsroom", "admin-key-of-the-newsroom"


def keys(setting: str = f"ask:{ASK}, admin:{ADMIN}") -> Keys:
    """Keys as the setting spells them."""
    return Keys(Settings(api_keys=setting))


@pytest.mark.parametrize(
    ("header", "scope"),
    [
        (f"Bearer {ASK}", "ask"), (f"Bearer {ADMIN}", "admin"), (f"bearer   {ADMIN} ", "admin"), (f"Bearer {ASK}{ADMIN}", None),
        (f"Bearer {ASK[:-1]}", None), (f"Basic {ASK}", None), (ASK, None), ("", None), (None, None), ("Bearer", None), ("Bearer ", None),
        ("Bearer \xff\xfe", None), ("Bearer ключ", None), ("Bearer " + "x" * 1_000_000, None),
    ],
)  # fmt: skip
def test_a_header_has_a_scope_or_none(header: str | None, scope: str | None) -> None:
    """Only the whole key after `Bearer` opens, and nothing makes it raise."""
    assert keys().scope_of(header) == scope


def test_without_keys_everyone_is_let_in() -> None:
    """The service is then on loopback only."""
    assert keys("").scope_of(None) == "admin"


def test_a_key_of_both_scopes_reaches_as_far_as_the_wider() -> None:
    """The order in the setting does not matter."""
    assert keys(f"ask:{ASK},admin:{ASK}").scope_of(f"Bearer {ASK}") == "admin"
    assert keys(f"admin:{ASK},ask:{ASK}").scope_of(f"Bearer {ASK}") == "admin"


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_loopback_needs_no_key(host: str) -> None:
    """Nothing is raised."""
    assert require_keys(Settings(host=host)) is None


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "news.example", "localhost.example"])
def test_anywhere_else_needs_one(host: str, tmp_path: Path) -> None:
    """A SettingsError that names address and setting, and none with a key."""
    with pytest.raises(SettingsError, match=f"{host}.*DATELINE_API_KEYS"):
        require_keys(Settings(host=host, data_dir=tmp_path))
    require_keys(Settings(host=host, api_keys=f"ask:{ASK}"))
