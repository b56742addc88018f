"""The app factory: routes, page, problems, and what stands before every route."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Response
from fastapi.responses import FileResponse, JSONResponse
from fastapi.routing import RouteContext, iter_route_contexts
from fastapi.staticfiles import StaticFiles
from fastapi.telemetry import TelemetryConfig
from sse_starlette.sse import AppStatus
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import Mount, Route

from service import __version__
from service.http import conversations, handing_in, ingesting, metrics, problems, routes, stopping
from service.http.admission import Doors
from service.http.keys import LOOPBACK, SCOPES, KeyedRoute, Keys, require_keys
from service.http.middleware import BodyLimit, Incidents, KnownHosts, OwnPages, SecurityHeaders
from service.http.recordings import Recordings
from service.http.request_log import RequestLog
from service.services import Services, now
from service.storage.keys import StoredKeys

WEB = Path(__file__).resolve().parent.parent / "web"
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; font-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
DOCS_POLICY = PAGE_POLICY.replace("img-src 'self'", "img-src 'self' data:")
"""Swagger UI's stylesheet holds its icons as data."""
PAGES = ("/", "/archive", "/articles/{article_id:path}", "/answers/{answer_id}", "/conversations/{conversation_id}")
"""What one page shows; its script reads the address."""
PUBLIC = frozenset({*PAGES, "/docs", "/openapi.json", "/healthz", "/readyz", "/static"})
"""The paths that need no key."""
UNUSED: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False, "operation_spans": False, "auto_configure": False}
"""FastAPI's own telemetry, which would send addresses with their queries, and what exceptions say; `request_log` has ours."""


def create_app(services: Services) -> FastAPI:
    """The app over services that the caller opens and closes.

    Raises SettingsError where it would listen to strangers without a key.
    """
    settings = services.settings
    require_keys(settings)
    app = FastAPI(
        title="Dateline",
        version=__version__,
        description="Questions about a news archive, every sentence of an answer tied to exact sentences of articles.",
        docs_url=None,
        redoc_url=None,
        lifespan=_lifespan,
        telemetry=UNUSED,
    )
    app.state.services = services
    app.state.keys = Keys(settings, StoredKeys(services.archive, now))
    app.state.doors = Doors(settings)
    app.state.recordings = Recordings()
    problems.install(app)
    for middleware, options in (
        (Incidents, {}),
        (BodyLimit, {"limit": settings.max_body_bytes}),
        (OwnPages, {}),
        (KnownHosts, {"hosts": [*settings.trusted_hosts, *LOOPBACK, settings.host]}),
        (SecurityHeaders, {}),
        (RequestLog, {}),
    ):
        app.add_middleware(middleware, **options)
    for router in (
        routes.reading, routes.asking, routes.searching, handing_in.router, ingesting.router, conversations.router, metrics.router,
    ):  # fmt: skip
        app.include_router(router, responses=problems.DOCUMENTED)
    _add_public(app, services)
    refuse_unkeyed(app)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncGenerator[None, None]:
    """What runs beside the app as long as it does."""

    def stop() -> None:
        AppStatus.should_exit = True  # by this sse-starlette tells the streams; in a worker it comes too late to see the signal itself
        app.state.doors.close()
        app.state.services.stop()

    with stopping.told(stop):
        async with metrics.loop_watched():
            yield


def refuse_unkeyed(app: FastAPI) -> None:
    """Raises RuntimeError for whatever the app serves that neither names a scope nor is on the public list.

    On the list are paths as they are served, for reading only. What cannot be looked into (a mounted app, a socket, another host's
    routes) is refused, wherever it stands.
    """
    open_ones = (served for served in iter_route_contexts(app.routes) if not (_is_keyed(served) or _is_public(served)))
    refused = [served.path or repr(served.route) for served in open_ones]
    refused += [repr(served) for served in app.router._iter_low_priority_routes()]  # of `app.frontend`
    if refused:
        raise RuntimeError(f"{', '.join(refused)}: needs a scope: put it on a router of keyed routes, or on the public list, for reading")


def _is_keyed(served: RouteContext) -> bool:
    return isinstance(served.original_route, KeyedRoute) and served.original_route.scope in SCOPES


def _is_public(served: RouteContext) -> bool:
    """Whether it is on the list and only read: a folder of files, or a route of GET and HEAD."""
    if served.path not in PUBLIC:
        return False
    if isinstance(served.original_route, Mount):
        return not served.original_route.routes
    return isinstance(served.original_route, Route) and (served.methods or {"*"}) <= {"GET", "HEAD"}


def _add_public(app: FastAPI, services: Services) -> None:
    """What needs no key: health, readiness, the page and its files."""
    looking = asyncio.Lock()

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        """The process is alive, and its event loop turns."""
        return {"status": "ok"}

    @app.get("/readyz", responses={503: {"description": "`not_ready` names the parts with a reason each. Reranker and disk do not count."}})
    async def readyz() -> JSONResponse:
        """Each part and whether it can serve; 503 where one cannot. Without reranker or room on the disk it still answers."""
        async with looking:  # one at a time, so that whoever asks without a key takes no thread from those with one
            state = await asyncio.to_thread(services.readiness)
        return JSONResponse(state, 200 if state["ready"] else 503)

    def page() -> FileResponse:
        return _html("index.html", PAGE_POLICY)

    for path in PAGES:
        app.get(path, include_in_schema=False)(page)

    @app.get("/docs", include_in_schema=False)
    def docs() -> FileResponse:
        return _html("docs.html", DOCS_POLICY)

    app.mount("/static", GZipMiddleware(_Files(directory=WEB), minimum_size=500), name="static")


class _Files(StaticFiles):
    """Files that a browser asks for again before it uses them: after an upgrade, no old module meets a new page."""

    def file_response(self, *arguments: Any, **options: Any) -> Response:
        response = super().file_response(*arguments, **options)
        response.headers["Cache-Control"] = "no-cache"
        return response


def _html(name: str, policy: str) -> FileResponse:
    return FileResponse(WEB / name, headers={"Content-Security-Policy": policy, "Cache-Control": "no-cache"})
