"""Every error Dateline raises on purpose.

    DatelineError
     ├─ BadInput              the request or file is wrong: say what to change
     │   ├─ BadQuestion       empty, too long, or a window that ends before it begins
     │   └─ BadArticle        one article cannot be taken in
     ├─ NotFound              no article, answer or conversation of that id
     ├─ SettingsError         a setting is missing or makes no sense
     ├─ FetchError
     │   ├─ FetchRefused      an address that may not be asked: scheme, port, private network, robots.txt
     │   └─ FetchFailed       nothing came, or too much, or too slowly
     ├─ ArchiveError
     │   ├─ ArchiveInUse      another process holds the archive
     │   ├─ ArchiveMismatch   made by another embedder, chunker or newer version
     │   ├─ ArchiveDamaged    the file is not an archive, or fails its check
     │   ├─ DiskFull          too little room to write; reading goes on
     │   └─ IndexUnavailable  the vector index's server is down, or the index is being made again; later it goes on by itself
     └─ ModelError
         ├─ ModelNotFound     not in the catalogue, or not fetched yet
         ├─ ModelCorrupt      the bytes do not have the expected SHA-256
         └─ ModelUnavailable  it does not answer, or stopped in the middle

The message is one a user can act on. Nothing here knows of HTTP; `service.http.problems` maps classes to responses.
"""

from __future__ import annotations


class DatelineError(Exception):
    """The root of the tree. `str(error)` is written for the user."""


class BadInput(DatelineError):
    """The request or file is wrong."""


class BadQuestion(BadInput):
    """The question cannot be asked as it stands."""


class BadArticle(BadInput):
    """One article cannot be taken in. The others can."""


class NotFound(DatelineError):
    """Nothing of that id exists here."""


class SettingsError(DatelineError):
    """A setting is missing or makes no sense."""


class FetchError(DatelineError):
    """An address of the web gave nothing."""


class FetchRefused(FetchError):
    """The address may not be asked."""


class FetchFailed(FetchError):
    """Nothing came from the address, or too much, or too slowly."""


class ArchiveError(DatelineError):
    """The archive cannot be used."""


class ArchiveInUse(ArchiveError):
    """Another process holds the archive; `url` is where it can be asked to do what is wanted, if it is a service."""

    def __init__(self, message: str, url: str | None = None) -> None:
        super().__init__(message)
        self.url = url


class ArchiveMismatch(ArchiveError):
    """The archive was made by another embedder, chunker or version."""


class ArchiveDamaged(ArchiveError):
    """The archive's file is not what it should be."""


class DiskFull(ArchiveError):
    """There is too little room on the disk to write. What was acknowledged is kept."""


class IndexUnavailable(ArchiveError):
    """The vector index cannot be asked just now: its server does not answer, or it is being made again. Nothing is lost."""


class ModelError(DatelineError):
    """A language model or encoder cannot be used.

    `in_short` is the message without what the model's server said, which may repeat a question or an article: for the log.
    """

    def __init__(self, message: str, in_short: str | None = None) -> None:
        super().__init__(message)
        self.in_short = in_short or message


class ModelNotFound(ModelError):
    """The model is not in the catalogue or not on this machine."""


class ModelCorrupt(ModelError):
    """The model's bytes do not have the expected SHA-256."""


class ModelUnavailable(ModelError):
    """The model does not answer, or stopped in the middle."""


class ModelRefused(ModelUnavailable):
    """The model is there and does not take this request."""


class Overloaded(DatelineError):
    """More is asked than is taken on at once; `retry_after` is when to ask again, in seconds."""

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class TooManyRequests(Overloaded):
    """One caller asks more than its share. Others are served."""


class Stopping(DatelineError):
    """The service is being stopped. What was acknowledged is kept."""
