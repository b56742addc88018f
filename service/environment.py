"""The names of environment variables: one that is misspelt would otherwise be ignored in silence."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from difflib import get_close_matches

from service.errors import SettingsError

PREFIX = "DATELINE_"


def refuse_unknown(given: Iterable[str], known: Collection[str]) -> None:
    """Raises SettingsError for names with our prefix that are none of the known, each with the nearest known one."""
    folded = {name.upper() for name in known}
    unknown = sorted({name for name in given if name.upper().startswith(PREFIX)} - {name for name in given if name.upper() in folded})
    if unknown:
        raise SettingsError("; ".join(_sentence(name, folded) for name in unknown))


def _sentence(name: str, known: Collection[str]) -> str:
    nearest = get_close_matches(name.upper(), known, n=1, cutoff=0.0)
    return f"{name} is not a setting; the nearest is {nearest[0]}"
