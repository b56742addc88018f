"""Ingest through the service that holds the archive: the same items, the same report, one batch a request."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from types import TracebackType
from typing import Any, Self

import httpx2

from service.articles.items import Item
from service.environment import PREFIX
from service.errors import ArchiveInUse, DatelineError
from service.indexing.report import IngestReport, Progress
from service.settings import Settings
from service.wire_ingest import packed, report_in

BATCH_ITEMS = 64
BATCH_BYTES = 8 * 1024 * 1024
"""Of JSON; a quarter of what the service takes by default."""
PATIENCE = 900.0
"""Seconds for one batch: some two thousand passages are embedded in that time, and other writers may come first."""


class RemoteIngest:
    """`Ingester.run` and removal, done by a running service. A context manager."""

    def __init__(self, url: str, settings: Settings) -> None:
        """`url` is where the service listens, as it has written beside the archive."""
        key = next((key.get_secret_value() for name, key in settings.api_keys.items() if name.startswith("admin")), None)
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._url = url
        self._client = httpx2.Client(base_url=url, headers=headers, timeout=PATIENCE, trust_env=False)

    def run(self, items: Iterable[Item], progress: Progress | None = None) -> IngestReport:
        """Ingest everything; what was reported is durable. Raises ArchiveInUse where the service does not take it."""
        report = IngestReport()
        for batch in _batches(items):
            report_in(self._sent("POST", "/v1/ingest", f"[{','.join(batch)}]"), report)
            if progress:
                progress(report)
        return report

    def remove(self, article_ids: Sequence[str]) -> None:
        """Take articles out. Raises NotFound by the service's words."""
        self._sent("POST", "/v1/articles/remove", json.dumps({"ids": list(article_ids)}))

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
                f"the service at {self._url} holds the archive and wants its admin key: set {PREFIX}API_KEYS=admin:KEY here, too"
            )
        if answer.is_error:
            raise DatelineError(f"the service at {self._url} says: {_detail(answer)}")
        return answer.json() if answer.content else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._client.close()


def _batches(items: Iterable[Item]) -> Iterator[list[str]]:
    """JSON of items, so many and so large that the service takes them."""
    batch: list[str] = []
    size = 0
    for item in items:
        written = json.dumps(packed(item), ensure_ascii=False)
        if batch and (len(batch) == BATCH_ITEMS or size + len(written) > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(written)
        size += len(written)
    if batch:
        yield batch


def _detail(answer: httpx2.Response) -> str:
    try:
        return str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return f"{answer.status_code} {answer.reason_phrase}"
