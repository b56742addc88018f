"""Running the service: open everything, warm up in the background, serve until told to stop."""

from __future__ import annotations

import socket
import threading

import typer

from service.bootstrap import Services, build, sample_folder
from service.errors import SettingsError
from service.http.app import create_app
from service.settings import Settings

GRACE = 3
"""Seconds that open streams get on SIGTERM."""


def run(settings: Settings, *, sample_if_empty: bool) -> None:
    """Serve until interrupted. Raises SettingsError where the port is taken, ArchiveInUse where the archive is."""
    import uvicorn

    listener = _listen(settings)
    with build(settings) as services, listener:
        app = create_app(services)
        if sample_if_empty and services.archive.coverage().articles == 0:
            report = services.ingest(services.load([sample_folder()]))
            typer.echo(f"The archive was empty: took in the sample, {len(report.items)} articles.", err=True)
        threading.Thread(target=_warm_up, args=(services,), name="warm-up", daemon=True).start()
        host, port = listener.getsockname()[:2]
        typer.echo(f"Dateline serves http://{host}:{port}/ (API: /docs). Stop with Ctrl-C.", err=True)
        config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=GRACE, server_header=False)
        uvicorn.Server(config).run(sockets=[listener])


def _listen(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError as error:
        listener.close()
        raise SettingsError(
            f"cannot listen on {settings.host}:{settings.port} ({error.strerror}): another program may use it; choose another with --port"
        ) from error
    return listener


def _warm_up(services: Services) -> None:
    """Load encoder and model before the first question needs them."""
    services.embedder.embed(["warm"])
    if services.generator is not None and services.generator.server is not None:
        services.generator.server.ensure()
