"""The environment of the process: names of variables, of which one that is misspelt would be ignored in silence, and a home."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from difflib import get_close_matches
from pathlib import Path

from service.errors import SettingsError

PREFIX = "DATELINE_"


def refuse_unknown(given: Iterable[str], known: Collection[str]) -> None:
    """Raises SettingsError for names with our prefix that are none of the known, each with the nearest known one."""
    folded = {name.upper() for name in known}
    unknown = sorted({name for name in given if name.upper().startswith(PREFIX)} - {name for name in given if name.upper() in folded})
    if unknown:
        raise SettingsError("; ".join(_sentence(name, folded) for name in unknown))


def lend_home(folder: Path) -> None:
    """Name `folder` as home where there is none: an account of a container that no list of accounts knows, without HOME.

    Chroma asks for one as it is imported, and fails. Nothing of ours is kept there.
    """
    try:
        Path.home()
    except RuntimeError:
        os.environ["HOME"] = str(folder)


def _sentence(name: str, known: Collection[str]) -> str:
    """With the nearest known one, where the names are alike behind the prefix, which they all share."""
    ends = [one.removeprefix(PREFIX) for one in known]
    nearest = get_close_matches(name.upper().removeprefix(PREFIX), ends, n=1)
    return f"{name} is not a setting; " + (f"the nearest is {PREFIX}{nearest[0]}" if nearest else "`docs/settings.md` lists them")
