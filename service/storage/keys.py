"""API keys that were made here: of each its SHA-256 and what may be shown of it, in the archive's file.

A key is `dl_`, its public id, `_` and a secret of 256 bits, so that it is found by its id and no guess of the rest can succeed; a plain
hash is then enough (a slow one protects secrets that people choose). Revoked and expired keys stay in the list until all are forgotten.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from service.errors import BadInput, NotFound
from service.moments import parse_moment, span
from service.ports import Clock
from service.storage.file import ArchiveFile
from service.storage.rows import from_micros, storable, to_micros

KeyScope = Literal["ask", "admin"]
MAX_NAME = 100
"""Characters."""
_KEY = re.compile(rb"dl_([0-9a-f]{16})_[0-9a-f]{64}")
_COLUMNS = "id, name, scope, created_at, expires_at, revoked_at"
_NOBODYS = bytes(32)
"""Compared with where there is no such id, so that an unknown id takes as long as a wrong secret."""


@dataclass(frozen=True, slots=True)
class StoredKey:
    """What may be shown of a key."""

    id: str
    name: str
    scope: KeyScope
    created_at: datetime
    expires_at: datetime | None = None
    """From this moment on it opens nothing; None for never."""
    revoked_at: datetime | None = None


class StoredKeys:
    """Made, listed, revoked and looked up; a change counts at once for every process that has the archive open."""

    def __init__(self, file: ArchiveFile, clock: Clock) -> None:
        self._file = file
        self._clock = clock

    def at_once(self) -> AbstractContextManager[None]:
        """Inside, a look does not wait for an archive that is locked: it raises ArchiveError."""
        return self._file.at_once()

    def create(self, scope: KeyScope, name: str, expires_at: datetime | None = None) -> tuple[StoredKey, str]:
        """Make a key: what is kept of it, and the key itself, which is never seen again. Raises BadInput, ArchiveError."""
        called = storable(name.strip())
        if not called.isprintable() or not 0 < len(called) <= MAX_NAME:
            raise BadInput(f"name: say in 1 to {MAX_NAME} characters, none of them a control character, whose key it is, or what for")
        now = self._clock()
        if expires_at is not None and expires_at <= now:
            raise BadInput(f"a key that expires at {expires_at:%Y-%m-%d %H:%M} UTC would open nothing: name a later moment")
        stored = StoredKey(secrets.token_hex(8), called, scope, now, expires_at)
        key = f"dl_{stored.id}_{secrets.token_hex(32)}"
        with self._file.transaction() as connection:
            connection.execute(
                "INSERT INTO api_keys (id, digest, scope, name, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?)",
                (stored.id, hashlib.sha256(key.encode()).digest(), scope, called, to_micros(now), to_micros(expires_at)),
            )
        return stored, key

    def all(self) -> list[StoredKey]:
        """Every key, the oldest first."""
        rows = self._file.rows(f"SELECT {_COLUMNS} FROM api_keys ORDER BY created_at, id")  # noqa: S608 - a constant of this module
        return [StoredKey(row[0], row[1], row[2], from_micros(row[3]), from_micros(row[4]), from_micros(row[5])) for row in rows]

    def any(self) -> bool:
        """Whether a key was ever made and not forgotten, whatever became of it: then nobody is let in without one."""
        return bool(self._file.rows("SELECT 1 FROM api_keys LIMIT 1"))

    def scope_of(self, key: bytes) -> KeyScope | None:
        """What the key opens; None for one that is unknown, revoked or expired."""
        found = _KEY.fullmatch(key)
        if found is None:
            return None
        rows = self._file.rows("SELECT digest, scope, expires_at, revoked_at FROM api_keys WHERE id = ?", (found[1].decode(),))
        known, scope, expires_at, revoked_at = rows[0] if rows else (_NOBODYS, None, None, None)
        if not hmac.compare_digest(known, hashlib.sha256(key).digest()) or revoked_at is not None:
            return None
        expired = expires_at is not None and from_micros(expires_at) <= self._clock()
        return None if expired else scope

    def revoke(self, key_id: str) -> StoredKey:
        """End a key for good, by its id; the moment of the first time stands. Raises NotFound."""
        with self._file.transaction() as connection:
            now = to_micros(self._clock())
            connection.execute("UPDATE api_keys SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL", (now, storable(key_id)))
        for stored in self.all():
            if stored.id == key_id:
                return stored
        raise NotFound("no key has this id: `dateline keys list` shows the ids")

    def forget_all(self) -> int:
        """Forget that any key was made; returns how many there were. Where no other key is set, the archive is then open on loopback."""
        with self._file.transaction() as connection:
            return connection.execute("DELETE FROM api_keys").rowcount


def expiry(text: str, now: datetime) -> datetime:
    """From how long a key is to last (`90d`, `12h`), or from a date or instant, as UTC; a date means its first moment. Raises BadInput."""
    try:
        return now + span(text)
    except BadInput:
        pass
    try:
        return parse_moment(text)
    except ValueError as error:
        raise BadInput(f"{text!r} is neither a time nor a date: write 90d, 12h, YYYY-MM-DD or YYYY-MM-DDTHH:MM:SSZ") from error
