"""Ingest through the service that holds the archive: the same items, the same report, one batch a request."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any, Self

import httpx2

from service.articles.items import Item, Loaded, Looked, Skipped
from service.domain import Outcome
from service.environment import PREFIX
from service.errors import ArchiveInUse, DatelineError
from service.indexing.pipeline import batches, read_ahead
from service.indexing.repeats import Repeats
from service.indexing.report import IngestReport, ItemReport, Progress
from service.settings import Settings
from service.wire_ingest import packed, report_in

BATCH_ITEMS = 64
BATCH_BYTES = 8 * 1024 * 1024
"""Of JSON; a quarter of what the service takes by default."""
REMOVED_AT_ONCE = 1_000
"""Ids, as many as the service takes."""
PATIENCE = 900.0
"""Seconds for one batch: some two thousand passages are embedded in that time, and other writers may come first."""


class RemoteIngest:
    """`Ingester.run` and removal, done by a running service. A context manager."""

    def __init__(self, url: str, settings: Settings) -> None:
        """`url` is where the service listens, as it has written beside the archive."""
        known = [key for scope, key in settings.api_keys.items() if scope.startswith("admin")]
        key = settings.api_key or next(iter(known), None)
        headers = {b"Authorization": b"Bearer " + key.get_secret_value().encode()} if key else {}
        self._url = url
        self._client = httpx2.Client(base_url=url, headers=headers, timeout=PATIENCE, trust_env=False)

    def run(self, items: Iterable[Item], progress: Progress | None = None) -> IngestReport:
        """Ingest everything; what was reported is durable. Raises ArchiveInUse where the service does not take it."""
        report, repeats = IngestReport(), Repeats()
        for batch in read_ahead(batches(items, BATCH_ITEMS)):
            for request in _requests(batch, repeats):
                begun = len(report.items)
                if request.items:
                    report_in(self._sent("POST", "/v1/ingest", f"[{','.join(request.items)}]"), report)
                for place, row in request.settled:
                    report.items.insert(begun + place, row)
                if progress:
                    progress(report)
        return report

    def remove(self, article_ids: Sequence[str]) -> None:
        """Take articles out, those that are not there passed over."""
        for start in range(0, len(article_ids), REMOVED_AT_ONCE):
            self._sent("POST", "/v1/articles/remove", json.dumps({"ids": list(article_ids[start : start + REMOVED_AT_ONCE])}))

    def _sent(self, method: str, path: str, body: str) -> Any:
        try:
            answer = self._client.request(method, path, content=body.encode(), headers={"Content-Type": "application/json"})
        except httpx2.HTTPError as error:
            raise ArchiveInUse(
                f"the service at {self._url} holds the archive and does not answer ({error or type(error).__name__}): "
                "run the same command again; what was reported as taken in is kept"
            ) from error
        if answer.status_code in {401, 403}:
            raise ArchiveInUse(
                f"the service at {self._url} holds the archive and wants a key of scope admin: set {PREFIX}API_KEY=KEY to one made by "
                f"`dateline keys create --scope admin --name NAME`, or {PREFIX}API_KEYS=admin:KEY as the service has it"
            )
        if answer.is_error:
            raise DatelineError(f"the service at {self._url} says: {_detail(answer)}")
        return answer.json() if answer.content else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._client.close()


@dataclass(slots=True)
class _Request:
    """What is sent at once, and what was settled here without being sent."""

    items: list[str] = field(default_factory=list)
    """JSON."""
    size: int = 0
    rows: int = 0
    """Of the report, those that are settled among them."""
    settled: list[tuple[int, ItemReport]] = field(default_factory=list)
    """Each with its place among the rows."""

    def send(self, written: str) -> None:
        self.items.append(written)
        self.size += len(written)


def _requests(batch: Sequence[Item], repeats: Repeats) -> Iterator[_Request]:
    """The items of a batch, so large that the service takes them. It sees one batch at a time: an id used twice in a run is found here."""
    request = _Request()
    for item in batch:
        row = repeats.row(item) if isinstance(item, Loaded) else None
        sent = _look_at(item, row) if isinstance(item, Loaded) and row else item
        written = json.dumps(packed(sent), ensure_ascii=False) if sent else ""
        if request.items and request.size + len(written) > BATCH_BYTES:
            yield request
            request = _Request()
        if row:
            request.settled.append((request.rows, row))
        if written:
            request.send(written)
        request.rows += not isinstance(item, (Skipped, Looked))
    if request.rows or request.items:
        yield request


def _look_at(loaded: Loaded, row: ItemReport) -> Looked | None:
    """What is still to be remembered of a page whose article came before in this run."""
    if loaded.visit is None or row.outcome is Outcome.REJECTED:
        return None
    return Looked(replace(loaded.visit, article_id=loaded.article.id if loaded.has_id else None))


def _detail(answer: httpx2.Response) -> str:
    try:
        return str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return f"{answer.status_code} {answer.reason_phrase}"
