"""The app factory: routes, page, problems, and what stands before every route."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import Depends, FastAPI, Response
from fastapi.responses import FileResponse, JSONResponse
from fastapi.security import HTTPBearer
from fastapi.staticfiles import StaticFiles
from fastapi.telemetry import TelemetryConfig
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import BaseRoute

from service import __version__
from service.bootstrap import Services
from service.http import conversations, handing_in, ingesting, metrics, problems, routes
from service.http.admission import Doors
from service.http.keys import KeyedRoute, Keys, require_keys
from service.http.middleware import BodyLimit, Incidents, KnownHosts, SecurityHeaders
from service.http.recordings import Recordings
from service.http.request_log import RequestLog

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
    app.state.keys = Keys(settings)
    app.state.doors = Doors(settings)
    app.state.recordings = Recordings()
    problems.install(app)
    for middleware, options in (
        (Incidents, {}),
        (BodyLimit, {"limit": settings.max_body_bytes}),
        (KnownHosts, {"hosts": [*settings.trusted_hosts, settings.host]}),
        (SecurityHeaders, {}),
        (RequestLog, {}),
    ):
        app.add_middleware(middleware, **options)
    bearer = Depends(HTTPBearer(auto_error=False, description="A key of DATELINE_API_KEYS; none is needed where none is set."))
    for router in (
        routes.reading, routes.asking, routes.searching, handing_in.router, ingesting.router, conversations.router, metrics.router,
    ):  # fmt: skip
        app.include_router(router, dependencies=[bearer], responses=problems.DOCUMENTED)
    _add_public(app, services)
    refuse_unkeyed(app.routes)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncGenerator[None, None]:
    """What runs beside the app as long as it does."""
    async with metrics.loop_watched():
        yield


def refuse_unkeyed(served: Iterable[BaseRoute]) -> None:
    """Raises RuntimeError for a route that neither names a scope nor is on the public list."""
    for route in flattened(served):
        if not isinstance(route, KeyedRoute) and getattr(route, "path", None) not in PUBLIC:
            raise RuntimeError(f"{getattr(route, 'path', route)} needs a scope: put it on a router of keyed routes, or on the public list")


def flattened(served: Iterable[BaseRoute]) -> Iterator[BaseRoute]:
    """Every route, those of included routers too."""
    for route in served:
        included = getattr(route, "original_router", None)
        if included is None:
            yield route
        else:
            yield from flattened(included.routes)


def _add_public(app: FastAPI, services: Services) -> None:
    """What needs no key: health, readiness, the page and its files."""

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        """The process is alive, and its event loop turns."""
        return {"status": "ok"}

    @app.get("/readyz", responses={503: {"description": "`not_ready` names the parts with a reason each. Reranker and disk do not count."}})
    def readyz() -> JSONResponse:
        """Each part and whether it can serve; 503 where one cannot. Without reranker or room on the disk it still answers."""
        state = services.readiness()
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
