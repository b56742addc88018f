"""A response's body, decoded piece by piece and never beyond its limit: a gzip of 200 KB may hold 200 MB."""

from __future__ import annotations

import zlib

from service.errors import FetchFailed

_GZIP = 16 + zlib.MAX_WBITS
_PLAIN = {"", "identity"}
_ZIPPED = {"gzip", "x-gzip"}


class Body:
    """Takes a body in pieces as they come from the server, plain or gzipped (RFC 1952).

    Counts what came and what it decodes to, and raises FetchFailed as soon as either passes the limit: a bomb's piece is never
    decompressed whole.
    """

    def __init__(self, where: str, encoding: str, max_bytes: int) -> None:
        """`where` begins every message. Raises FetchFailed for an encoding that was not asked for."""
        self._where = where
        self._max_bytes = max_bytes
        name = encoding.strip().lower()
        if name not in _PLAIN | _ZIPPED:
            raise FetchFailed(f"{where}: it is encoded as {name[:40]!r}, which was not asked for and is not read")
        self._gzip = zlib.decompressobj(_GZIP) if name in _ZIPPED else None
        self._came = 0
        self._decoded = bytearray()

    def add(self, piece: bytes) -> None:
        """The next piece."""
        self._came += len(piece)
        if self._came > self._max_bytes:
            raise self._too_large()
        while piece and self._gzip is not None:
            piece = self._unzip(piece)
        self._keep(piece)

    def whole(self) -> bytes:
        """All of it, decoded. Raises FetchFailed where a gzip was cut off."""
        if self._gzip is not None and self._came and not self._gzip.eof:
            raise FetchFailed(f"{self._where}: its gzip is cut off")
        return bytes(self._decoded)

    def _unzip(self, piece: bytes) -> bytes:
        """Decode up to the end of one member; returns what is left of the piece."""
        assert self._gzip is not None
        if self._gzip.eof:  # A gzip may be several, one after another.
            self._gzip = zlib.decompressobj(_GZIP)
        try:
            self._keep(self._gzip.decompress(piece, self._max_bytes - len(self._decoded) + 1))
        except zlib.error as error:
            raise FetchFailed(f"{self._where}: its gzip is damaged") from error
        return self._gzip.unused_data

    def _keep(self, decoded: bytes) -> None:
        self._decoded += decoded
        if len(self._decoded) > self._max_bytes:
            raise self._too_large()

    def _too_large(self) -> FetchFailed:
        return FetchFailed(f"{self._where}: it is larger than {self._max_bytes:,} bytes (DATELINE_FETCH_MAX_BYTES)")
