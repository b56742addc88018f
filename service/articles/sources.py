"""Whatever a user names: files and folders, addresses, and `-` for standard input."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from service.articles.files import load, load_as, load_lines
from service.articles.items import Item, Loaded, Unreadable, Untouched
from service.articles.reading import Meter, Parser, Reading
from service.articles.web import Web
from service.ports import Clock, Fetcher, VisitBook

STDIN = "-"
UPLOAD = "upload:"
"""What the origin of an article begins with that came as a file over HTTP; its name follows."""


def is_address(source: str) -> bool:
    """Whether this names something of the web, or tries to: `ftp://…` is refused by the fetcher and not looked for on disk."""
    return "://" in source


def _was_passed_over(item: Item) -> bool:
    """Whether it is a page that was not even asked for, since nothing speaks for a change."""
    return isinstance(item, Untouched) and item.visit is None and not item.warnings


def _standard_input(reading: Reading) -> Iterator[Item]:
    """JSON Lines from standard input, by a descriptor of its own: a read that blocks must not hold a lock that Python needs to end."""
    try:
        file = os.fdopen(os.dup(0), "rb")
    except OSError as error:
        yield Unreadable("standard input", f"cannot be read: {error.strerror}", "stdin")
        return
    with file:
        yield from load_lines(file, reading)


def _offered(item: Item) -> Item:
    """The item, as one that a watched source has and nobody named."""
    return replace(item, offered=True) if isinstance(item, Loaded) else item


class Intake:
    """Reads sources, the folders to `leave` (resolved: the archive's own) aside. Nothing is started or asked before an item is."""

    def __init__(
        self, parser: Parser, fetcher: Fetcher, book: VisitBook, clock: Clock, max_chars: int, leave: frozenset[Path] = frozenset()
    ) -> None:
        self._parser = parser
        self._fetcher = fetcher
        self._book = book
        self._clock = clock
        self._max_chars = max_chars
        self._leave = leave
        self.meter = Meter()

    def items(self, sources: Iterable[str | Path], columns: Mapping[str, str] | None = None) -> Iterator[Item]:
        """Every article of every source, in order. `columns` are those of tables, by field; the usual ones by default."""
        reading = self._reading(columns)
        for source in map(str, sources):
            if not source.strip():
                yield Unreadable(repr(source), "name a file or folder")
            elif source == STDIN:
                yield from _standard_input(reading)
            elif is_address(source):
                yield from Web(self._fetcher, self._book, reading).items(source)
            else:
                yield from load([Path(source)], reading)

    def uploaded(self, path: Path, name: str) -> Iterator[Item]:
        """Every article of a file of a kind that is read. Its name tells nothing of identity: many are called `article.html`."""
        yield from load_as(path, name, f"{UPLOAD}{name}", self._reading(None))

    def look_again(self, source: str) -> Iterator[Item]:
        """What is new at a source that is watched, and those of its pages whose time it is to be looked at again."""
        if not is_address(source):
            yield from map(_offered, self.items([source]))
            return
        web = Web(self._fetcher, self._book, self._reading(None))
        yield from (_offered(item) for item in web.items(source) if not _was_passed_over(item))
        yield from web.rechecks(source)

    def _reading(self, columns: Mapping[str, str] | None) -> Reading:
        return Reading(self._clock(), self._max_chars, self._parser, columns or {}, self.meter, self._leave)
