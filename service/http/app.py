"""The app factory: routes, page, problems, and the headers that keep the page to itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import FileResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from starlette.datastructures import MutableHeaders
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import ASGIApp, Message, Receive, Send
from starlette.types import Scope as ASGIScope

from service import __version__
from service.bootstrap import Services
from service.errors import SettingsError
from service.http import problems
from service.http.keys import Keys
from service.http.routes import router

WEB = Path(__file__).resolve().parent.parent / "web"
LOOPBACK = {"127.0.0.1", "::1", "localhost"}
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; font-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def create_app(services: Services) -> FastAPI:
    """The app over services that the caller opens; they are closed when the app stops.

    Raises SettingsError where it would listen to strangers without a key.
    """
    settings = services.settings
    if settings.host not in LOOPBACK and not settings.api_keys:
        raise SettingsError(f"to listen on {settings.host}, set DATELINE_API_KEYS (admin:KEY, ask:KEY); without keys only loopback is served")

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        services.close()

    app = FastAPI(
        title="Dateline",
        version=__version__,
        description="Questions about a news archive, every sentence of an answer tied to exact sentences of articles.",
        lifespan=lifespan,
        max_body_size=settings.max_body_bytes,
    )
    app.state.services = services
    app.state.keys = Keys(settings)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=[*settings.trusted_hosts, settings.host])
    app.add_middleware(SecurityHeaders)
    problems.install(app)
    app.include_router(router)
    _add_public(app, services)
    return app


def _add_public(app: FastAPI, services: Services) -> None:
    """What needs no key: health, readiness, the page and its files."""

    @app.get("/healthz", include_in_schema=True)
    def healthz() -> dict[str, str]:
        """The process is alive."""
        return {"status": "ok"}

    @app.get("/readyz")
    def readyz() -> JSONResponse:
        """Each part and whether it can serve; 503 where one cannot."""
        state = services.readiness()
        return JSONResponse(state, 200 if state["ready"] else 503)

    @app.get("/", include_in_schema=False)
    @app.get("/articles/{article_id:path}", include_in_schema=False)
    def page(article_id: str = "") -> FileResponse:
        return FileResponse(WEB / "index.html", headers={"Content-Security-Policy": PAGE_POLICY, "Cache-Control": "no-cache"})

    app.mount("/static", StaticFiles(directory=WEB), name="static")


class SecurityHeaders:
    """Plain ASGI, so that a client that leaves is noticed by the stream at once."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: ASGIScope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, with_headers if scope["type"] == "http" else send)
