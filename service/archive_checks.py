"""What is looked at in an archive alone, without its index: by `dateline doctor --deep`, and before a backup takes an archive's place."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from service.doctor import Check
from service.errors import DatelineError
from service.storage import soundness
from service.storage.archive import SqliteArchive
from service.storage.copying import Progress, silent

FILE, WORDS = "The file", "Full text"
REPLACE = "restore a backup: `dateline restore FILE --replace`"
_RESTORE = "restore a backup (`dateline restore`), or take these articles in again"
_NAMED = 3
"""Ids that are named of those that are wrong."""


def archive_checks(archive: SqliteArchive, progress: Progress = silent, *, vectors: bool = True) -> Iterator[Check]:
    """File, full text, texts with their passages and, unless they are made anew anyway, the stored vectors: each looked at row by row."""
    looks: dict[str, Callable[[], Check]] = {
        FILE: lambda: _file(archive),
        WORDS: lambda: _words(archive),
        soundness.READING: lambda: _texts(archive, progress),
        soundness.MEASURING: lambda: _vectors(archive, progress),
    }
    for name, look in looks.items():
        if vectors or name != soundness.MEASURING:
            progress(name, 0, 0)
            yield looked(name.lower(), look, _RESTORE)


def looked(name: str, look: Callable[[], Check], remedy: str) -> Check:
    """The check, or the error that it ended with."""
    try:
        return look()
    except DatelineError as error:
        return Check(name, ok=False, found=str(error), remedy=remedy)


def _file(archive: SqliteArchive) -> Check:
    wrong = soundness.broken(archive)
    found = "; ".join(wrong) if wrong else "every page, index and reference is whole"
    return Check("the file", not wrong, found, REPLACE)


def _words(archive: SqliteArchive) -> Check:
    wrong = archive.check()
    return Check("full text", wrong is None, wrong or "holds the words of the passages", REPLACE)


def _texts(archive: SqliteArchive, progress: Progress) -> Check:
    with archive.snapshot():
        found, waiting = soundness.texts(archive, progress), soundness.pending(archive)
    wrong = [
        some(found.unreadable, "articles cannot be read"),
        some(found.changed, "articles have another text than was taken in"),
        some(found.uncut, "articles have no passage"),
        some(found.outside, "passages lie outside their article"),
        some(found.other, "passages are of other words than their id"),
    ]
    said = "; ".join(filter(None, wrong)) or f"{found.articles:,} articles and {found.passages:,} passages are what was taken in"
    unfinished = f"; {waiting:,} not published yet: an ingest is at it, or the next start forgets them" if waiting else ""
    return Check("texts and passages", not any(wrong), said + unfinished, _RESTORE)


def some(ids: Sequence[str], what: str) -> str:
    """How many, and the first of them."""
    more = ", …" if len(ids) > _NAMED else ""
    return f"{len(ids):,} {what} ({', '.join(ids[:_NAMED])}{more})" if ids else ""


def _vectors(archive: SqliteArchive, progress: Progress) -> Check:
    with archive.snapshot():
        found = soundness.vectors(archive, progress)
    dimensions = "/".join(str(size // 4) for size, _ in found.sizes.most_common())
    said = some(found.unsound, "are of another size, not finite, or not of length 1") or (
        f"{found.count:,} of {dimensions} dimensions, finite and of length 1" if found.count else "there are none"
    )
    languages = ", ".join(f"{count:,} {language}" for language, count in found.absent.most_common(_NAMED))
    without = f"; passages without one, which are found by their words: {languages}" if languages else ""
    return Check("stored vectors", not found.unsound, said + without, "run `dateline reindex --embed`")
