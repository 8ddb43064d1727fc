"""Errors that customers read: RFC 9457 problem details, one clear sentence each, never a stack trace."""

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.exc import DBAPIError, OperationalError
from starlette.exceptions import HTTPException

MEDIA_TYPE = "application/problem+json"
NAMESPACE = "urn:factorystream:problem:"
DATABASE_RETRY_S = 5

log = logging.getLogger(__name__)


class Problem(Exception):
    """An answer that is an error. ``kind`` becomes the problem type, ``more`` its extension members."""

    def __init__(self, status: int, kind: str, detail: str, headers: Mapping[str, str] | None = None, **more: Any) -> None:
        super().__init__(detail)
        self.status = status
        self.kind = kind
        self.detail = detail
        self.headers = dict(headers or {})
        self.more = more

    def document(self) -> dict[str, Any]:
        """The body."""
        title = HTTPStatus(self.status).phrase
        return {"type": NAMESPACE + self.kind, "title": title, "status": self.status, "detail": self.detail, **self.more}

    def response(self) -> JSONResponse:
        """The whole answer."""
        return JSONResponse(self.document(), self.status, self.headers, MEDIA_TYPE)


class ProblemDocument(BaseModel):
    """RFC 9457 problem details."""

    model_config = ConfigDict(title="Problem", extra="allow")

    type: str = Field(description="URN of the kind of problem")
    title: str = Field(description="The HTTP status in words")
    status: int = Field(description="The HTTP status")
    detail: str = Field(description="What is wrong and what to do, in one sentence")


def not_found() -> Problem:
    """The one answer for an id that does not exist and for one that is somebody else's: they must look the same."""
    return Problem(404, "not-found", "There is nothing here with that id.")


def install(app: FastAPI) -> None:
    """Answer every error of ``app`` with a problem document."""
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(DBAPIError, _database)
    app.add_exception_handler(Exception, _unexpected)


async def _problem(request: Request, exc: Exception) -> Response:
    del request
    assert isinstance(exc, Problem)
    return exc.response()


async def _invalid(request: Request, exc: Exception) -> Response:
    del request
    assert isinstance(exc, RequestValidationError)
    first = exc.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return Problem(422, "invalid-request", f"{where}: {first['msg']}.").response()


async def _http(request: Request, exc: Exception) -> Response:
    del request
    assert isinstance(exc, HTTPException)
    if exc.status_code == HTTPStatus.NOT_FOUND:
        return not_found().response()
    kind = HTTPStatus(exc.status_code).name.lower().replace("_", "-")
    return Problem(exc.status_code, kind, f"{exc.detail}.", exc.headers).response()


async def _database(request: Request, exc: Exception) -> Response:
    if not isinstance(exc, OperationalError):
        return await _unexpected(request, exc)
    log.error("the database does not answer", exc_info=exc)
    return database_down().response()


def database_down() -> Problem:
    """The answer while the database does not do its work."""
    retry = {"Retry-After": str(DATABASE_RETRY_S)}
    return Problem(503, "database-down", "The database does not answer at the moment; try again.", retry)


async def _unexpected(request: Request, exc: Exception) -> Response:
    log.error("unexpected error at %s %s", request.method, request.url.path, exc_info=exc)
    return Problem(500, "internal-error", "Something went wrong on our side; it has been logged.").response()
