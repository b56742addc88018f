"""Errors as `application/problem+json` (RFC 9457). The one place that maps error classes to statuses."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from service import errors

logger = logging.getLogger(__name__)
MEDIA_TYPE = "application/problem+json"
_STATUS: dict[type[errors.DatelineError], int] = {
    errors.BadInput: 422,
    errors.NotFound: 404,
    errors.ArchiveInUse: 409,
    errors.ArchiveMismatch: 409,
    errors.ModelError: 503,
    errors.ArchiveError: 503,
    errors.DatelineError: 500,
}
RETRY_AFTER = "5"
"""Seconds; a restarting local model is back within that."""


def problem(status: int, detail: str, *, fields: list[dict[str, Any]] | None = None, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """A problem response. `about:blank` says that the title is the status's own."""
    return JSONResponse(body(status, detail, fields=fields), status, dict(headers or {}), MEDIA_TYPE)


def body(status: int, detail: str, *, fields: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    """The problem's members."""
    members: dict[str, Any] = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    return members | {"errors": fields} if fields else members


def describe(error: Exception) -> dict[str, Any]:
    """Any exception as a problem; an unexpected one is logged under an id and shown as that id only."""
    if isinstance(error, errors.DatelineError):
        return body(status_of(error), str(error))
    incident = secrets.token_hex(6)
    logger.error("incident %s", incident, exc_info=error)
    return body(500, f"something unexpected went wrong here; the service's log has it under {incident}")


def status_of(error: errors.DatelineError) -> int:
    """The status of the nearest class in the tree."""
    return next(_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS)


def install(app: FastAPI) -> None:
    """Answer every error as a problem."""
    app.add_exception_handler(errors.DatelineError, _expected)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unexpected)


async def _expected(request: Request, error: Exception) -> JSONResponse:
    members = describe(error)
    headers = {"Retry-After": RETRY_AFTER} if members["status"] == 503 else {}
    return JSONResponse(members, members["status"], headers, MEDIA_TYPE)


async def _unexpected(request: Request, error: Exception) -> JSONResponse:
    members = describe(error)
    return JSONResponse(members, members["status"], media_type=MEDIA_TYPE)


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    found = error.errors() if isinstance(error, RequestValidationError) else []
    fields = [{"field": ".".join(str(part) for part in one["loc"][1:]) or "body", "message": one["msg"]} for one in found]
    listed = "; ".join(f"{field['field']}: {field['message']}" for field in fields[:5])
    wrong_type = request.method == "POST" and "json" not in request.headers.get("content-type", "")
    hint = " (send it with Content-Type: application/json)" if wrong_type else ""
    return problem(422, f"the request is not valid: {listed}{hint}", fields=fields)


async def _http(request: Request, error: Exception) -> JSONResponse:
    status = error.status_code if isinstance(error, HTTPException) else 500
    detail = str(error.detail) if isinstance(error, HTTPException) else ""
    headers = error.headers if isinstance(error, HTTPException) else None
    return problem(status, detail or HTTPStatus(status).phrase, headers=headers)
