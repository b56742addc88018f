"""Running the service: open everything, warm up in the background, serve until told to stop."""

from __future__ import annotations

import gc
import logging
import signal
import socket
import sys
import threading
from types import FrameType
from typing import Any

import uvicorn

from service.bootstrap import build
from service.errors import SettingsError
from service.http.app import create_app
from service.http.connection import STALLED, BoundedConnection
from service.http.keys import require_keys
from service.services import sample_folder
from service.settings import Settings
from service.tracing import traced

logger = logging.getLogger(__name__)
GRACE = 3
"""Seconds that open connections get on SIGTERM; open streams are told before."""
BACKLOG = 512
SWITCH = 0.0002
"""Seconds after which a thread that computes lets another have the interpreter, 25 times sooner than by default: while 5,100 passages came
in and 64 asked on two cores, 95 of 100 searches took up to 0.27 s instead of 0.37, and 99 of 100 pings 0.06 s instead of 0.08."""


def run(settings: Settings, *, sample_if_empty: bool) -> None:
    """Serve until interrupted. Raises SettingsError where the port is taken, ArchiveInUse where the archive is."""
    require_keys(settings)
    # uvicorn raises the signal again when it has ended: as an exception, so that the archive is closed on every way out.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)
    with traced(), listen(settings) as listener, build(settings, serving=True) as services:
        app = create_app(services)
        if sample_if_empty and services.archive.coverage().articles == 0:
            report = services.ingest(services.load([sample_folder()]))
            logger.info("The archive was empty: took in the sample, %d articles.", len(report.items))
        settle(services.warm_up())
        url = address(listener)
        services.announce(url)
        logger.info("Dateline serves %s/ (API: /docs). Stop with Ctrl-C.", url)
        uvicorn.Server(config(app)).run(sockets=[listener])


def settle(warming: threading.Thread) -> None:
    """Make a process that serves quick to answer: threads take turns soon, and what is there when it is warm is not looked through again.

    With the encoder loaded such a look held the event loop up for 0.3 s.
    """

    def freeze() -> None:
        warming.join()
        gc.collect()
        gc.freeze()

    sys.setswitchinterval(SWITCH)
    threading.Thread(target=freeze, name="settle", daemon=True).start()


def config(app: Any, **more: Any) -> uvicorn.Config:
    """How every process serves: an app, or for several workers the name of its factory."""
    return uvicorn.Config(
        app, http=BoundedConnection, ws="none", log_config=None, access_log=False, timeout_graceful_shutdown=GRACE, server_header=False,
        **more,
    )  # fmt: skip


def address(listener: socket.socket) -> str:
    """Where it can be reached from this machine."""
    host, port = listener.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - what it listens on, told in a form that can be asked
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def _leave(number: int, frame: FrameType | None) -> None:
    raise SystemExit(0)


def listen(settings: Settings) -> socket.socket:
    """A listening socket: from here on nobody else gets the port, and who comes early waits."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # what was written to a peer that has stopped reading does not keep a closed connection
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(STALLED * 1000))
    try:
        listener.bind((settings.host, settings.port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        otherwise = "another program may use it; choose another with --port"
        if isinstance(error, socket.gaierror):
            otherwise = "name an address of this machine (DATELINE_HOST)"
        raise SettingsError(
            f"cannot listen on {settings.host}:{settings.port} ({error.strerror}): {otherwise}"
        ) from error
    return listener
