"""Several worker processes on one socket, watched by uvicorn's own supervisor: one that dies is started again.

They share the archive's folder and a Chroma server; each has an encoder of its own. A local language model is a child of one
process, and embedded Chroma is for one process, so neither goes with several.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer
from prometheus_client.multiprocess import mark_process_dead
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors.multiprocess import Multiprocess

from service.environment import PREFIX
from service.errors import DatelineError, SettingsError
from service.settings import Settings, load_settings
from service.storage.lock import ProcessLock, SharedLock
from service.telemetry import MULTIPROCESS

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from service.services import Services

logger = logging.getLogger(__name__)
APP = "service.workers:worker_app"
ENDING = 4.2
"""Seconds after which a worker that was told to stop is ended: open connections get three of them."""
HEALTH = 10.0
"""Seconds in which a worker must answer its supervisor; while it loads its encoder it may not for a while."""


def refuse(settings: Settings) -> None:
    """What `serve` cannot do, found out before anything heavy is loaded.

    Raises SettingsError for several workers without what they need, ArchiveInUse where another process stands in the way.
    """
    if settings.workers > 1:
        if not settings.chroma_url:
            raise SettingsError(
                f"{PREFIX}WORKERS={settings.workers} needs a Chroma server, since embedded Chroma is for one process: "
                f"start one (`chroma run --path FOLDER --port 8000`) and set {PREFIX}CHROMA_URL=http://127.0.0.1:8000"
            )
        if settings.model == "local" or settings.model.startswith("local/"):
            raise SettingsError(
                f"{PREFIX}WORKERS={settings.workers} with {PREFIX}MODEL={settings.model} would load that model {settings.workers} times: "
                f"set {PREFIX}MODEL to one that has a server (ollama:NAME, or openai:NAME with {PREFIX}MODEL_URL), or to extractive"
            )
    (SharedLock if settings.chroma_url else ProcessLock)(settings.data_dir).look()


def serve(settings: Settings, *, sample_if_empty: bool, app: str = APP) -> None:
    """Serve with so many workers until interrupted. Raises as `server.run` does, and ends with exit code 2 where none can start."""
    from service.bootstrap import reading
    from service.http.keys import require_keys
    from service.server import address, config, listen

    require_keys(settings)
    with listen(settings) as listener:
        with reading(settings) as archive:  # what is wrong with it is said once, and not by every worker
            empty = archive.coverage().articles == 0
        lock = SharedLock(settings.data_dir)
        lock.acquire()
        try:
            url = address(listener)
            lock.announce(url)
            _tell_workers(settings)
            with _counting_together():
                if sample_if_empty and empty:
                    _apart(settings)
                logger.info("Dateline serves %s/ with %d workers (API: /docs). Stop with Ctrl-C.", url, settings.workers)
                supervisor = _Supervisor(
                    config(app, factory=True, workers=settings.workers, timeout_worker_healthcheck=HEALTH), sockets=[listener]
                )
                supervisor.run()
        finally:
            lock.release()
    if any(process.exitcode == STARTUP_FAILURE for process in supervisor.processes):
        raise typer.Exit(2)


def worker_app() -> ASGIApp:
    """What one worker serves; called in the worker's process. A failure that a person can mend ends it with one line."""
    from tqdm import tqdm

    from service.bootstrap import build
    from service.http.app import create_app
    from service.logs import configure
    from service.server import settle
    from service.tracing import traced

    tqdm.set_lock(threading.RLock())  # its own is one between processes, which a worker that ends by a signal leaves behind
    try:
        configure("INFO")
        services = build(load_settings(), serving=True)
        services.closing.enter_context(traced())
    except DatelineError as error:
        typer.echo(f"dateline: {error}", err=True)
        raise SystemExit(STARTUP_FAILURE) from error
    _end_with_parent()
    settle(services.warm_up())
    return Closing(create_app(services), services)


class Closing:
    """The app, and its services closed when it has ended."""

    def __init__(self, app: ASGIApp, services: Services) -> None:
        self._app = app
        self._services = services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102
        async def closing(message: Message) -> None:
            if message["type"] == "lifespan.shutdown.complete":
                self._services.close()
            await send(message)

        await self._app(scope, receive, closing if scope["type"] == "lifespan" else send)


class _Supervisor(Multiprocess):
    """Ends workers that do not end by themselves, so that all are gone in five seconds; forgets the gauges of those that are gone."""

    def handle_signals(self) -> None:
        with self._forgetting():
            super().handle_signals()

    def keep_subprocess_alive(self) -> None:
        with self._forgetting():
            super().keep_subprocess_alive()

    @contextmanager
    def _forgetting(self) -> Iterator[None]:
        """Whoever is no longer among the workers afterwards has ended, since uvicorn waits for it."""
        before = {worker.pid for worker in self.processes}
        yield
        for pid in before - {worker.pid for worker in self.processes}:
            _forget(pid)

    def join_all(self) -> None:
        until = time.monotonic() + ENDING
        for worker in self.processes:
            worker.process.join(max(0.0, until - time.monotonic()))
            if worker.process.is_alive():
                logger.warning("worker %s did not end in time", worker.pid)
                worker.process.kill()
                worker.join()
            _forget(worker.pid)


def _forget(pid: int | None) -> None:
    """What a process that has ended said of the present is no longer true: the others' `/metrics` would count it in."""
    if pid and (folder := os.environ.get(MULTIPROCESS)):
        mark_process_dead(pid, folder)  # type: ignore[no-untyped-call]


@contextmanager
def _counting_together() -> Iterator[None]:
    """Processes that are started inside count together: in the folder that the environment names, else in one made for the while."""
    if os.environ.get(MULTIPROCESS):
        yield
        return
    with tempfile.TemporaryDirectory(prefix="dateline-metrics-", ignore_cleanup_errors=True) as folder:
        os.environ[MULTIPROCESS] = folder
        try:
            yield
        finally:
            del os.environ[MULTIPROCESS]


def _tell_workers(settings: Settings) -> None:
    """What the command line changed: workers read their settings from the environment, as this process did."""
    for name in ("data_dir", "host", "port", "workers"):
        os.environ[f"{PREFIX}{name.upper()}"] = str(getattr(settings, name))


def _apart(settings: Settings) -> None:
    """Take in the sample in a process of its own, so that this one needs no encoder for the rest of its life."""
    process = multiprocessing.get_context("spawn").Process(target=take_in_sample, args=(settings,))
    process.start()
    process.join()
    _forget(process.pid)
    if process.exitcode:
        raise typer.Exit(2)


def take_in_sample(settings: Settings) -> None:
    """Take in the sample and say so; ends the process with 2 where that fails."""
    from service.bootstrap import build
    from service.services import sample_folder

    try:
        with build(settings.model_copy(update={"model": "extractive"})) as services:
            report = services.ingest(services.load([sample_folder()]))
    except DatelineError as error:
        typer.echo(f"dateline: {error}", err=True)
        raise SystemExit(2) from error
    typer.echo(f"The archive was empty: took in the sample, {len(report.items)} articles.", err=True)


def _end_with_parent() -> None:
    """A worker whose supervisor was killed would serve on for ever, unwatched."""
    parent = multiprocessing.parent_process()

    def wait() -> None:
        if parent:
            parent.join()
            os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, name="parent", daemon=True).start()
