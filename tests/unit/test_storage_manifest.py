"""The manifest of a closed index: what it takes for whole, and what it does not."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from service.storage import manifest
from service.storage.manifest import Doubt

MADE = {"state of the archive": "7-3", "version of Chroma": "1.0"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a file, a folder with a file in it, and an empty folder; its manifest lies beside it."""
    made = tmp_path / "index"
    (made / "graph").mkdir(parents=True)
    (made / "empty").mkdir()
    (made / "database").write_bytes(bytes(range(256)) * 20)
    (made / "graph" / "links").write_bytes(b"links")
    manifest.write(tmp_path / "manifest", made, MADE)
    return made


def test_a_folder_that_nobody_touched_is_whole(folder: Path) -> None:
    """Again and again; and an empty folder more or less is no difference."""
    (folder / "empty").rmdir()
    for _ in range(2):
        assert manifest.doubt(folder.parent / "manifest", folder, MADE) is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda folder: (folder / "database").write_bytes(bytes(range(256)) * 19), "'database' has 4,864 bytes, and had 5,120"),
        (lambda folder: (folder / "database").write_bytes(bytes(256) + bytes(range(256)) * 19), "'database' holds other bytes"),
        (lambda folder: (folder / "database").unlink(), "'database' is gone"),
        (lambda folder: (folder / "graph" / "links").rename(folder / "links"), "'links' was not there"),
        (lambda folder: (folder / "graph" / "more").touch(), "'graph/more' was not there"),
        (lambda folder: folder.rename(folder.with_name("elsewhere")), "cannot be read"),
        (lambda folder: (folder.rename(folder.with_name("elsewhere")), folder.touch()), "cannot be read"),
        (lambda folder: os.mkfifo(folder / "pipe"), "'pipe' is no plain file"),
        (lambda folder: (folder / "link").symlink_to(folder / "database"), "'link' is no plain file"),
    ],
)
def test_what_is_not_as_it_was_is_damage(folder: Path, change: Callable[[Path], object], said: str) -> None:
    """And it is said what."""
    change(folder)
    doubt = manifest.doubt(folder.parent / "manifest", folder, MADE)
    assert doubt is not None
    assert doubt.damaged
    assert said in doubt.reason


@pytest.mark.parametrize("made", [MADE | {"version of Chroma": "2.0"}, {"version of Chroma": "1.0"}, MADE | {"more": ""}, {}])
def test_an_index_of_something_else_is_no_damage(folder: Path, made: dict[str, str]) -> None:
    """Its files may be as whole as they were."""
    doubt = manifest.doubt(folder.parent / "manifest", folder, made)
    assert doubt is not None
    assert not doubt.damaged
    assert doubt.reason.startswith("it was closed with another ")


def test_without_a_manifest_nothing_is_known(folder: Path) -> None:
    """Of a version that wrote none, for example."""
    (folder.parent / "manifest").unlink()
    assert manifest.doubt(folder.parent / "manifest", folder, MADE) == Doubt("there is no record of its last close")


def changed(content: bytes, **values: object) -> bytes:
    """A manifest with something else in it."""
    return json.dumps(json.loads(content) | values).encode()


@pytest.mark.parametrize(
    "change",
    [
        lambda content: b"",
        lambda content: content[:-1],
        lambda content: b"[" * 100_000,
        lambda content: content + b" " * 2_000_000 + b"x",
        lambda content: b"\xff" + content,
        lambda content: changed(content, format=2),
        lambda content: changed(content, more=1),
        lambda content: changed(content, files=[]),
        lambda content: changed(content, files={"database": {"size": -1, "sha256": "0" * 64}}),
        lambda content: changed(content, files={"database": {"size": 1, "sha256": "0" * 63 + "g"}}),
    ],
)
def test_a_manifest_that_is_none_is_damage(folder: Path, change: Callable[[bytes], bytes]) -> None:
    """Cut, filled up, of another format: nothing is raised, and nothing is believed."""
    file = folder.parent / "manifest"
    file.write_bytes(change(file.read_bytes()))
    doubt = manifest.doubt(file, folder, MADE)
    assert doubt is not None
    assert (doubt.damaged, doubt.reason.startswith("the record of its last close ")) == (True, True)


def test_names_that_lead_out_are_no_names(folder: Path) -> None:
    """Only what lies in the folder is looked at; whatever else a manifest names is gone."""
    file = folder.parent / "manifest"
    said = json.loads(file.read_bytes())
    said["files"]["../manifest"] = {"size": 1, "sha256": "0" * 64}
    file.write_text(json.dumps(said))
    assert manifest.doubt(file, folder, MADE) == Doubt("the file '../manifest' is gone", damaged=True)


def test_no_manifest_is_written_of_what_is_no_plain_file(folder: Path) -> None:
    """A link could lead to anything by the next start."""
    (folder / "link").symlink_to(folder / "database")
    with pytest.raises(OSError, match="no plain file"):
        manifest.write(folder.parent / "manifest", folder, MADE)
