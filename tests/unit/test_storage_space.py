"""Room on the disk, files that are whole or not there, and damaged folders set aside."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from service.errors import ArchiveError, DiskFull
from service.storage import durable, quarantine
from service.storage.space import FLOOR, NEARLY_NONE, blame_the_disk, free_space, require_space


def test_too_little_room_is_told_with_what_to_do() -> None:
    """How much there is, how much is needed, and that nothing is lost."""
    with pytest.raises(DiskFull) as caught:
        require_space(Path("/data"), 200_000_000, lambda folder: 120_900_000)
    assert str(caught.value) == (
        "only 120 MB are free at /data, 200 MB are needed: free some space, or set DATELINE_DATA_DIR; what was taken in so far is kept"
    )
    assert isinstance(caught.value, ArchiveError)


def test_enough_room_is_enough() -> None:
    """To the byte: the floor itself will do, and one byte less will not."""
    require_space(Path("/data"), 200_000_000, lambda folder: 200_000_000)
    with pytest.raises(DiskFull):
        require_space(Path("/data"), 200_000_000, lambda folder: 199_999_999)


def test_the_disk_is_blamed_where_it_is_full_only() -> None:
    """Just below the mark and just at it."""
    with pytest.raises(DiskFull, match=f"{FLOOR // 1_000_000} MB are needed"):
        blame_the_disk(Path("/data"), lambda folder: NEARLY_NONE - 1)
    blame_the_disk(Path("/data"), lambda folder: NEARLY_NONE)


def test_the_room_of_a_folder_to_come_is_that_of_the_one_above(tmp_path: Path) -> None:
    """The disk is the same."""
    assert abs(free_space(tmp_path / "not" / "there") - free_space(tmp_path)) < 1_000_000_000
    assert free_space(tmp_path) > 0


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    """Nothing is left beside it, and nobody else can read it."""
    file = tmp_path / "note"
    for content in (b"one", b"another"):
        durable.write(file, content)
        assert file.read_bytes() == content
    assert [path.name for path in tmp_path.iterdir()] == ["note"]
    if os.name == "posix":
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_several_may_write_one_file_at_once(tmp_path: Path) -> None:
    """Each write succeeds, and what is there in the end is one of them, whole."""
    contents = [bytes([65 + number]) * 1000 for number in range(8)]
    with ThreadPoolExecutor(len(contents)) as writers:
        for _ in range(20):
            list(writers.map(lambda content: durable.write(tmp_path / "note", content), contents))
    assert (tmp_path / "note").read_bytes() in contents
    assert [path.name for path in tmp_path.iterdir()] == ["note"]


def test_what_cannot_be_replaced_leaves_nothing_beside_it(tmp_path: Path) -> None:
    """A folder stands in its place."""
    (tmp_path / "note").mkdir()
    with pytest.raises(OSError, match="note"):
        durable.write(tmp_path / "note", b"one")
    assert [path.name for path in tmp_path.iterdir()] == ["note"]


def test_a_mark_is_made_and_taken_away_twice(tmp_path: Path) -> None:
    """The second time nothing is to do."""
    mark = tmp_path / "mark"
    for _ in range(2):
        durable.touch(mark)
        assert mark.exists()
    for _ in range(2):
        durable.remove(mark)
        assert not mark.exists()


def test_the_last_damaged_folder_is_kept(tmp_path: Path) -> None:
    """In place of an earlier one."""
    for name in ("first", "second"):
        (tmp_path / "index").mkdir()
        (tmp_path / "index" / name).write_text(name)
        assert quarantine.set_aside(tmp_path / "index") == tmp_path / "index.damaged"
    assert [path.name for path in (tmp_path / "index.damaged").iterdir()] == ["second"]
    assert not (tmp_path / "index").exists()


def test_a_damaged_folder_that_takes_much_room_is_thrown_away(tmp_path: Path) -> None:
    """More than a tenth of what is free; what a file with holes says of its size does not count."""
    for free, kept in ((100_000_000, True), (10_000_000, False)):
        (tmp_path / "index").mkdir()
        with (tmp_path / "index" / "large").open("wb") as opened:
            opened.write(bytes(2_000_000))
            opened.truncate(1 << 40)
        aside = quarantine.set_aside(tmp_path / "index", lambda folder, free=free: free)
        assert (aside is not None, (tmp_path / "index.damaged").exists()) == (kept, kept)
        assert not (tmp_path / "index").exists()


@pytest.mark.skipif(os.name != "posix", reason="links")
def test_nothing_behind_a_link_is_touched(tmp_path: Path) -> None:
    """A link in the folder's place goes, what it leads to stays; so does what a link inside leads to."""
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "file").write_text("kept")
    (tmp_path / "index").symlink_to(tmp_path / "there")
    assert quarantine.set_aside(tmp_path / "index") is None
    (tmp_path / "index").mkdir()
    (tmp_path / "index" / "inside").symlink_to(tmp_path / "there")
    quarantine.discard(tmp_path / "index")
    quarantine.discard(tmp_path / "index")
    assert (tmp_path / "there" / "file").read_text() == "kept"
    assert [path.name for path in tmp_path.iterdir()] == ["there"]
