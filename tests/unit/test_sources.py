"""Sources as a user names them: which are read, and how."""

from pathlib import Path

import pytest

from service.articles.items import Item, Loaded, Unreadable
from service.articles.sources import Intake
from service.ports import Fetched
from tests.fakes import FixedClock, PlainParser


class NoWeb:
    """Implements `ports.Fetcher` and `ports.VisitBook`: nothing may be asked."""

    def fetch(self, url: str, **_: object) -> Fetched:
        raise AssertionError(url)

    def visited(self, keys: object) -> dict[str, object]:
        raise AssertionError(keys)

    def pages_of(self, source: str) -> list[object]:
        raise AssertionError(source)


def read(*sources: str | Path, leave: frozenset[Path] = frozenset()) -> list[Item]:
    """Everything that these sources yield."""
    return list(Intake(PlainParser(), NoWeb(), NoWeb(), FixedClock(), 10_000, leave).items(sources))  # type: ignore[arg-type]


@pytest.mark.parametrize("source", ["", " "])
def test_nothing_is_not_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    """An empty name, such as that of a variable that is not set, is refused."""
    (tmp_path / "a.txt").write_text("The dam holds.", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    (item,) = read(source)
    assert isinstance(item, Unreadable)
    assert (item.place, item.reason) == (repr(source), "name a file or folder")


def test_folders_to_leave_reach_the_reading_of_files(tmp_path: Path) -> None:
    """The archive's own folder below the one that is named."""
    for name in ("a.txt", "data/b.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("The dam holds.", encoding="utf-8")
    assert [type(item) for item in read(tmp_path)] == [Loaded, Loaded]
    (item,) = read(tmp_path, leave=frozenset({(tmp_path / "data").resolve()}))
    assert isinstance(item, Loaded)
    assert item.place == str(tmp_path / "a.txt")
