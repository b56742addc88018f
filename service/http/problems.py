"""Errors as `application/problem+json` (RFC 9457). The one place that maps error classes to statuses."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Literal

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from service import errors, logs

logger = logging.getLogger(__name__)
MEDIA_TYPE = "application/problem+json"
_STATUS: dict[type[errors.DatelineError], int] = {
    errors.BadInput: 422,
    errors.NotFound: 404,
    errors.ArchiveInUse: 409,
    errors.ArchiveMismatch: 409,
    errors.ModelError: 503,
    errors.FetchRefused: 422,
    errors.FetchError: 502,
    errors.DiskFull: 507,
    errors.IndexUnavailable: 503,
    errors.ArchiveError: 503,
    errors.TooManyRequests: 429,
    errors.Overloaded: 503,
    errors.Stopping: 503,
    errors.DatelineError: 500,
}
RETRY_AFTER = "5"
"""Seconds; a restarting local model is back within that."""
INDEX_AWAY = "the vector index cannot be asked just now: send the same again in a moment"
_SHOWN = 5
"""Field errors named in the detail; all are in `errors`."""


class Problem(BaseModel):
    """An error (RFC 9457). `about:blank` says that the title is the status's own."""

    type: Literal["about:blank"] = "about:blank"
    title: str
    status: int
    detail: str = Field(description="A sentence that says what to change.")
    errors: list[dict[Literal["field", "message"], str]] | None = Field(None, description="Each wrong field.")


_CONTENT = {MEDIA_TYPE: {"schema": Problem.model_json_schema()}}
DOCUMENTED: dict[int | str, dict[str, Any]] = {
    "4XX": {"description": "The request, its key, or what it names is wrong.", "content": _CONTENT},
    "5XX": {"description": "Something here is wrong; 503 has Retry-After.", "content": _CONTENT},
}
"""For OpenAPI."""


def problem(
    status: int, detail: str, *, fields: list[dict[str, Any]] | None = None, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """A problem response."""
    return JSONResponse(body(status, detail, fields=fields), status, dict(headers or {}), MEDIA_TYPE)


def body(status: int, detail: str, *, fields: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    """The problem's members."""
    members: dict[str, Any] = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    return members | {"errors": fields} if fields else members


def describe(error: Exception) -> dict[str, Any]:
    """Any exception as a problem; an unexpected one is logged under an id, that of the request, and shown as that id only."""
    if isinstance(error, errors.IndexUnavailable):
        return body(503, INDEX_AWAY)  # not the server's address, which is the operator's affair: see the log, or /readyz
    if isinstance(error, errors.DatelineError):
        return body(status_of(error), str(error))
    incident = logs.request_id() or secrets.token_hex(6)
    logger.error("incident %s", incident, exc_info=error)
    return body(500, f"something unexpected went wrong here; the service's log has it under {incident}")


def retry_after(error: Exception) -> str:
    """Seconds until it is worth another try."""
    return str(error.retry_after) if isinstance(error, errors.Overloaded) else RETRY_AFTER


def status_of(error: errors.DatelineError) -> int:
    """The status of the nearest class in the tree."""
    return next(_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS)


def install(app: FastAPI) -> None:
    """Answer every expected error as a problem; `middleware.Incidents` has the others."""
    app.add_exception_handler(errors.DatelineError, _expected)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)


async def _expected(request: Request, error: Exception) -> JSONResponse:
    members = describe(error)
    headers = {"Retry-After": retry_after(error)} if members["status"] in {429, 503} else {}
    return JSONResponse(members, members["status"], headers, MEDIA_TYPE)


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    found = error.errors() if isinstance(error, RequestValidationError) else []
    of_body = any(one["loc"][0] == "body" for one in found)
    if of_body and "json" not in request.headers.get("content-type", "").partition(";")[0] and await request.body():
        return problem(415, "the body must be JSON: send it with Content-Type: application/json")
    fields = [_field(one) for one in found]
    listed = "; ".join(f"{field['field']}: {field['message']}" for field in fields[:_SHOWN])
    return problem(422, f"the request is not valid: {listed}", fields=fields)


def _field(found: Mapping[str, Any]) -> dict[str, str]:
    if found["type"] == "json_invalid":
        return {"field": "body", "message": f"not JSON at character {found['loc'][-1]}: {found['ctx']['error']}"}
    return {"field": ".".join(str(part) for part in found["loc"][1:]) or "body", "message": found["msg"]}


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    return problem(error.status_code, _detail(error), headers=error.headers)


def _detail(error: HTTPException) -> str:
    """The detail, made clear where FastAPI's and Starlette's own are not."""
    match error.status_code, error.__cause__:
        case 400, RecursionError():
            return "the body is nested too deeply"
        case 400, ValueError():
            return "the body is not JSON that can be read: is it UTF-8, or is a number too long?"
        case 404, _ if error.detail == "Not Found":
            return "nothing is served at this path; /docs lists what is"
        case _:
            return str(error.detail)
