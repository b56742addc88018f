"""API keys as the archive keeps them: found by their id, opened by the whole of them, ended at once, and never readable again."""

import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from service.errors import BadInput, NotFound
from service.storage.file import ArchiveFile
from service.storage.keys import MAX_NAME, StoredKeys, expiry
from tests.fakes import NOON, FixedClock

DAY = timedelta(days=1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the archive lies."""
    return tmp_path / "archive.sqlite3"


@pytest.fixture
def stored(path: Path, clock: FixedClock) -> Iterator[StoredKeys]:
    """No key yet, in a fresh archive."""
    file = ArchiveFile(path, None)
    yield StoredKeys(file, clock)
    file.close()


def test_a_key_opens_its_scope(stored: StoredKeys) -> None:
    """The key is made of its id and 64 characters that no other key has; what is kept of it can be listed."""
    ask, key = stored.create("ask", " the newsroom ")
    admin, other = stored.create("admin", "Łucja", NOON + DAY)
    assert (stored.scope_of(key.encode()), stored.scope_of(other.encode())) == ("ask", "admin")
    assert key.startswith(f"dl_{ask.id}_")
    assert len(set(key.split("_")[2]) | set(other.split("_")[2])) > 8
    assert stored.all() == sorted([ask, admin], key=lambda one: one.id)
    assert (ask.name, ask.created_at, ask.expires_at, admin.expires_at) == ("the newsroom", NOON, None, NOON + DAY)


def test_no_key_can_be_read_out_of_the_file(stored: StoredKeys, path: Path) -> None:
    """Neither the file nor its log holds the secret."""
    _, key = stored.create("admin", "the newsroom")
    held = b"".join(one.read_bytes() for one in path.parent.iterdir())
    assert b"the newsroom" in held
    assert key.rpartition("_")[2].encode() not in held


def test_what_is_nearly_the_key_opens_nothing(stored: StoredKeys) -> None:
    """A prefix, a longer one, another secret under its id, its secret under another id, its digest, another case, bytes of any kind."""
    made, key = stored.create("admin", "the newsroom")
    other, _ = stored.create("admin", "another")
    secret = key.rpartition("_")[2]
    near = [
        "", key[:-1], f"{key}0", f"{key}\n", f" {key}", f"dl_{made.id}_{'0' * 64}", f"dl_{other.id}_{secret}", f"dl_{'0' * 16}_{secret}",
        key.upper(), secret, f"dl_{made.id}", f"dl_{made.id}_", "dl__", "dl_%_%", "x" * 1_000_000, "ключ", "\x00", f"{key}\x00",
    ]  # fmt: skip
    assert {stored.scope_of(one.encode()) for one in near} == {None}
    assert stored.scope_of(b"\xff\xfe") is None
    assert stored.scope_of(key.encode()) == "admin"


def test_a_revoked_key_opens_nothing_from_then_on(stored: StoredKeys, path: Path, clock: FixedClock) -> None:
    """For another process that has the archive open too; revoked again, the first moment stands."""
    made, key = stored.create("ask", "the newsroom")
    elsewhere = ArchiveFile(path, None)
    other = StoredKeys(elsewhere, clock)
    assert other.scope_of(key.encode()) == "ask"
    assert stored.revoke(made.id).revoked_at == NOON
    assert other.scope_of(key.encode()) is None
    clock.now = NOON + DAY
    assert stored.revoke(made.id).revoked_at == NOON
    assert other.any()
    elsewhere.close()


@pytest.mark.parametrize("key_id", ["", "nobody", "%", "' OR 1=1 --", "\udce9"])
def test_only_a_key_that_is_there_is_revoked(stored: StoredKeys, key_id: str) -> None:
    """NotFound, which repeats nothing of what was given: it may have been a key."""
    _, key = stored.create("ask", "the newsroom")
    for given in (key_id, key):
        with pytest.raises(NotFound, match="dateline keys list") as caught:
            stored.revoke(given)
        assert key not in str(caught.value)
    assert stored.scope_of(key.encode()) == "ask"


def test_an_expired_key_opens_nothing(stored: StoredKeys, clock: FixedClock) -> None:
    """From the very moment on."""
    _, key = stored.create("ask", "the newsroom", NOON + DAY)
    clock.now = NOON + DAY - timedelta(microseconds=1)
    assert stored.scope_of(key.encode()) == "ask"
    clock.now = NOON + DAY
    assert stored.scope_of(key.encode()) is None


def test_keys_count_until_they_are_forgotten(stored: StoredKeys) -> None:
    """Revoked ones too."""
    assert not stored.any()
    made, key = stored.create("ask", "the newsroom")
    stored.revoke(made.id)
    assert stored.any()
    assert stored.forget_all() == 1
    assert (stored.any(), stored.all(), stored.scope_of(key.encode()), stored.forget_all()) == (False, [], None, 0)


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "a\x1b[31m", "x" * (MAX_NAME + 1), "\u202eeman"])
def test_a_name_can_be_read(stored: StoredKeys, name: str) -> None:
    """One that is empty, too long or would command a terminal is refused, and no key is made."""
    with pytest.raises(BadInput, match="name"):
        stored.create("ask", name)
    assert not stored.any()


def test_a_key_that_would_be_over_is_not_made(stored: StoredKeys) -> None:
    """Now, or before now."""
    for ends in (NOON, NOON - DAY):
        with pytest.raises(BadInput, match="later moment"):
            stored.create("ask", "the newsroom", ends)


@pytest.mark.parametrize(
    ("text", "after"),
    [("90d", 90 * DAY), ("12h", DAY / 2), (" 1d ", DAY), ("2026-06-02", DAY / 2), ("2026-06-01T13:00:00+00:00", DAY / 24)],
)
def test_an_end_is_a_time_from_now_or_a_date(text: str, after: timedelta) -> None:
    """A date is its first moment, in UTC."""
    assert expiry(text, NOON) == NOON + after


@pytest.mark.parametrize("text", ["", "soon", "0d", "-1d", "90", "90w", "2026-13-01", "９d", "1" * 5_000 + "d"])
def test_an_end_that_is_none_is_refused(text: str) -> None:
    """With what may be written."""
    with pytest.raises(BadInput, match="90d"):
        expiry(text, NOON)


def test_a_key_is_looked_up_while_another_process_writes(stored: StoredKeys, path: Path) -> None:
    """A writer in the middle of a transaction is not waited for."""
    _, key = stored.create("ask", "the newsroom")
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("DELETE FROM api_keys")
    assert stored.scope_of(key.encode()) == "ask"
    writer.execute("ROLLBACK")
    writer.close()
