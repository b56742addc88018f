"""A ZIP's members, one by one: what is read, what is left aside, and every way in which an archive can be a trap."""

import io
import stat
import struct
import warnings
import zipfile
from collections.abc import Callable, Mapping

import pytest

from service.articles import zips
from service.articles.parsing import kind_of_name, parse
from service.articles.raw import Raw
from service.articles.zips import MAX_MEMBERS, zip_articles
from service.errors import BadArticle

Members = Mapping[str | zipfile.ZipInfo, bytes]


def packed(members: Members, compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A ZIP of these members."""
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return sink.getvalue()


def read(data: bytes) -> list[Raw]:
    """What the ZIP gives, through the same table as files."""
    return parse("zip", data)


def only_problem(data: bytes) -> str:
    """What is wrong with the one member that has a problem, the good one beside it read."""
    good, bad = sorted(read(data), key=lambda raw: raw.problem or "")
    assert good.row == {"text": "The dam holds."}
    assert bad.problem is not None
    return bad.problem


def test_members_are_read_by_the_same_table_as_files() -> None:
    """Text, lines, tables; each at its place in the archive."""
    raws = read(
        packed(
            {
                "a.txt": b"The dam holds.",
                "in/b.jsonl": b'{"text": "One."}\n\n{"text": "Two."}\n',
                "in/deep/c.csv": b"body,day\nThree.,home\n",
                "d.md": b"# Title\n\nFour.",
            }
        )
    )
    assert [(raw.place, raw.row) for raw in raws] == [
        ("!/a.txt", {"text": "The dam holds."}),
        ("!/in/b.jsonl:1", {"text": "One."}),
        ("!/in/b.jsonl:3", {"text": "Two."}),
        ("!/in/deep/c.csv:2", {"text": "Three.", "day": "home"}),
        ("!/d.md", {"title": "Title", "text": "Four."}),
    ]


def test_what_is_not_read_is_passed_over_or_left_aside() -> None:
    """Another kind is a Raw without row and problem; folders, hidden files and those of macOS are not spoken of."""
    raws = read(packed({"a/": b"", "a/x.png": b"x", ".hidden.txt": b"x", "a/.git/b.txt": b"x", "__MACOSX/._a.txt": b"x", "Makefile": b"x"}))
    assert [(raw.place, raw.row, raw.problem) for raw in raws] == [("!/a/x.png", None, None), ("!/Makefile", None, None)]


def test_a_member_that_is_broken_costs_no_other() -> None:
    """Its problem is its own, whether it cannot be parsed or not be unpacked."""
    data = bytearray(packed({"a.txt": b"The dam holds.", "b.txt": b"x" * 40}, zipfile.ZIP_STORED))
    at = data.index(b"x" * 40)
    data[at] = ord("y")
    assert "Bad CRC" in only_problem(bytes(data))
    assert "is not JSON" in only_problem(packed({"a.txt": b"The dam holds.", "b.json": b"{"}))


NAMES = [
    "/etc/passwd.txt", "../up.txt", "a/../../up.txt", "..\\up.txt", "a\\b.txt", "C:\\windows.txt", "C:up.txt", "\\\\host\\share.txt",
    "a/..", "..", "/", "//host/a.txt", "a\0.txt",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_leads_out_is_refused(name: str) -> None:
    """Nothing is written anywhere; even so the member is not read, and the other one is."""
    plain = name.replace("\0", "#").replace("\\", "#")  # which zipfile writes as it is
    data = packed({"a.txt": b"The dam holds.", plain: b"secret"}, zipfile.ZIP_STORED)
    data = data.replace(plain.encode(), name.encode()) if plain != name else data
    assert only_problem(data) == "has a name that leads out of the folder"


def special(mode: int) -> zipfile.ZipInfo:
    """A member whose Unix mode says that it is no file."""
    member = zipfile.ZipInfo("b.txt")
    member.external_attr = mode << 16
    return member


@pytest.mark.parametrize("mode", [stat.S_IFLNK | 0o777, stat.S_IFIFO, stat.S_IFCHR])
def test_links_and_devices_are_refused(mode: int) -> None:
    """A link is not followed, for it is not even read."""
    assert only_problem(packed({"a.txt": b"The dam holds.", special(mode): b"/etc/passwd"})) == "is a link or device, not a file"


def flagged(data: bytes, name: bytes, change: Callable[[bytearray, int], None]) -> bytes:
    """The archive with the central entry of a member changed."""
    changed = bytearray(data)
    at = changed.index(b"PK\x01\x02")
    while changed[at + 46 : at + 46 + len(name)] != name:
        at = changed.index(b"PK\x01\x02", at + 4)
    change(changed, at)
    return bytes(changed)


def test_encrypted_and_otherwise_packed_members_are_refused() -> None:
    """With what to do about it."""
    two = {"a.txt": b"The dam holds.", "b.txt": b"secret"}
    encrypted = flagged(packed(two), b"b.txt", lambda data, at: struct.pack_into("<H", data, at + 8, 1))
    assert only_problem(encrypted) == "is encrypted: unpack it first"
    odd = flagged(packed(two), b"b.txt", lambda data, at: struct.pack_into("<H", data, at + 10, zipfile.ZIP_LZMA))
    assert "other than deflate" in only_problem(odd)
    assert "packed twice" in only_problem(packed({"a.txt": b"The dam holds.", "b.zip": packed(two)}))
    assert "packed twice" in only_problem(packed({"a.txt": b"The dam holds.", "b.txt.gz": b"x"}))


def test_a_member_that_says_it_is_huge_is_not_unpacked() -> None:
    """The others are read."""
    two = {"a.txt": b"The dam holds.", "b.txt": b"secret"}
    huge = flagged(packed(two), b"b.txt", lambda data, at: struct.pack_into("<I", data, at + 24, 1 << 30))
    assert "unpacks to 1,073,741,824 bytes" in only_problem(huge)


def test_a_name_that_is_there_twice_is_read_once() -> None:
    """The first one, and the second is named."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zipfile warns of what this test is about
        sink = io.BytesIO()
        with zipfile.ZipFile(sink, "w") as archive:
            archive.writestr("a.txt", "The dam holds.")
            archive.writestr("a.txt", "The dam broke.")
    assert only_problem(sink.getvalue()) == "is there twice, only the first is read"


def test_a_bomb_is_noticed_by_the_bytes_that_come_out() -> None:
    """A thousandfold ratio ends the reading, and what a header says of the size plays no part."""
    bomb = packed({"a.txt": b"\0" * 20_000_000})
    with pytest.raises(BadArticle, match="ZIP bomb"):
        read(bomb)
    with pytest.raises(BadArticle, match="ZIP bomb"):
        read(flagged(bomb, b"a.txt", lambda data, at: struct.pack_into("<I", data, at + 24, 1 << 26)))


def test_all_members_together_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    """The total counts across members; the limit is lowered here, for half a gigabyte takes seconds."""
    monkeypatch.setattr(zips, "MAX_TOTAL", 1_000)
    with pytest.raises(BadArticle, match="all members unpack to more than 1,000"):
        read(packed({f"{number}.txt": b"x" * 300 for number in range(4)}))
    assert len(read(packed({f"{number}.txt": b"x" * 300 for number in range(3)}))) == 3


def test_overlapping_members_are_refused() -> None:
    """Two entries of the directory that point to the same bytes, as a bomb without nesting has them."""
    two = packed({"a.txt": b"The dam holds.", "b.txt": b"The dam holds."}, zipfile.ZIP_STORED)
    quoting = flagged(two, b"b.txt", lambda data, at: struct.pack_into("<I", data, at + 42, 0))
    with pytest.raises(BadArticle, match="members overlap"):
        read(quoting)


def test_too_many_members_are_refused() -> None:
    """A number that no collection of articles needs."""
    with pytest.raises(BadArticle, match=f"holds {MAX_MEMBERS + 1:,} files"):
        read(packed({f"{number}.txt": b"" for number in range(MAX_MEMBERS + 1)}, zipfile.ZIP_STORED))


def test_zip64_is_read() -> None:
    """The format of archives above four gigabytes, whatever their size."""
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive, archive.open("a.txt", "w", force_zip64=True) as member:
        member.write(b"The dam holds.")
    assert [raw.row for raw in read(sink.getvalue())] == [{"text": "The dam holds."}]


@pytest.mark.parametrize(
    "data",
    [b"", b"PK", b"PK\x05\x06" + b"\0" * 10, packed({"a.txt": b"x" * 100})[:-30]],
    ids=["empty", "two letters", "an end alone", "cut"],
)
def test_what_is_no_zip_is_refused(data: bytes) -> None:
    """Rubbish, and an archive whose end is missing."""
    with pytest.raises(BadArticle, match="is not a ZIP that can be read"):
        read(data)


def test_members_come_one_by_one() -> None:
    """The first is parsed before the second is unpacked, so that a large archive needs no memory for all."""
    parsed: list[str] = []

    def note(kind: str, data: bytes, name: str) -> list[Raw]:
        parsed.append(name)
        return [Raw({"text": data.decode()})]

    found = zip_articles(io.BytesIO(packed({"a.txt": b"x", "b.txt": b"y"})), kind_of=kind_of_name, parse=note)
    assert next(found).place == "!/a.txt"
    assert parsed == ["a.txt"]
