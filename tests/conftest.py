"""Fixtures that every layer of tests shares."""

from pathlib import Path

import pytest

from service.settings import Settings
from tests.fakes import FixedClock


@pytest.fixture
def clock() -> FixedClock:
    """A clock that stands at 1 June 2026, noon UTC, until a test moves it."""
    return FixedClock()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings whose archive and models lie in a fresh folder; no environment file, no language model."""
    return Settings(_env_file=None, data_dir=tmp_path / "data", cache_dir=tmp_path / "cache", model="extractive")  # type: ignore[call-arg]
