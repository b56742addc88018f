"""The archive's file: a connection for each thread, reads, snapshots, transactions, and SQLite's errors in our words."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from service.errors import ArchiveError
from service.storage import schema
from service.storage.sqlite_errors import told


class ArchiveFile:
    """One SQLite file. Every method may be called from any thread: each has its own connection, and writers take turns."""

    def __init__(self, path: Path, fingerprint: str | None) -> None:
        """Open or create; without a fingerprint, whoever made it. Raises ArchiveMismatch or ArchiveDamaged with what to do."""
        self.path = path
        self._writing = threading.Lock()
        self._connections: dict[threading.Thread, sqlite3.Connection] = {}
        try:
            with self._told():
                schema.prepare(self._connection, path, fingerprint)
        except BaseException:
            self.close()
            raise

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Inside, every read of this thread sees the archive as it was at the first one, whatever is published meanwhile."""
        connection = self._connection
        if connection.in_transaction:
            yield
            return
        connection.execute("BEGIN")
        try:
            yield
        finally:
            connection.execute("ROLLBACK")

    def rows(self, statement: str, values: Sequence[object] = ()) -> list[sqlite3.Row]:
        """Everything a query finds; for the other modules of this package too. Raises ArchiveDamaged or ArchiveError."""
        with self._told():
            return self._connection.execute(statement, tuple(values)).fetchall()

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Inside, this thread does not wait for a file that is locked: it gets ArchiveError."""
        connection = self._connection
        connection.execute("PRAGMA busy_timeout=0")
        try:
            yield
        finally:
            connection.execute(f"PRAGMA busy_timeout={schema.PATIENCE * 1000:.0f}")

    def _batches(self, statement: str, size: int) -> Iterator[list[sqlite3.Row]]:
        with self._told():
            cursor = self._connection.execute(statement)
            while rows := cursor.fetchmany(size):
                yield rows

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """One write transaction; rolled back whole on any exception. Raises ArchiveError with what to do on a full disk."""
        with self._writing, self._told():
            connection = self._connection
            try:
                connection.execute("BEGIN IMMEDIATE")
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def _told(self) -> AbstractContextManager[None]:
        return told(self.path)

    @property
    def _connection(self) -> sqlite3.Connection:
        """This thread's connection."""
        thread = threading.current_thread()
        connection = self._connections.get(thread)
        if connection is None:
            for finished in [other for other in list(self._connections) if not other.is_alive()]:
                if (left := self._connections.pop(finished, None)) is not None:
                    left.close()
            try:
                self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            except OSError as error:
                raise ArchiveError(f"the folder {self.path.parent} cannot be made ({error.strerror}): set DATELINE_DATA_DIR") from error
            with self._told():
                connection = self._connections[thread] = schema.connect(self.path)
        return connection

    def close(self) -> None:
        """Close every thread's connection; to be called when no other thread uses the archive any more."""
        while self._connections:
            self._connections.popitem()[1].close()
