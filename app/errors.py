"""The only place that knows how an error looks over HTTP: RFC 9457 problem+json by one table.

Clients match `code`; `outcome` says whether anything happened (none | unknown | done). An answer
never repeats what was sent, and one about malformed input is never larger than 8 KiB.
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from solver.domain.errors import (
    Broken,
    Conflict,
    Infeasible,
    Malformed,
    NotFound,
    Refused,
    SolventError,
    Unauthorized,
    Unavailable,
    Unproven,
)

MEDIA_TYPE = "application/problem+json"
DETAIL_MAX, FIELD_MAX, DATA_BYTES_MAX = 500, 200, 6 * 1024
RETRY_AFTER_SECONDS = 1


class Shape(NamedTuple):
    """What a class of errors is over HTTP."""

    status: int
    title: str


# The first row that fits counts, so a class stands before the class it derives from.
BY_TYPE: tuple[tuple[type[SolventError], Shape], ...] = (
    (Malformed, Shape(422, "The request is malformed")),
    (Unauthorized, Shape(403, "The signature does not carry the authority")),
    (NotFound, Shape(404, "There is no such thing here")),
    (Conflict, Shape(409, "The request conflicts with what is stored")),
    (Infeasible, Shape(409, "No plan satisfies the limits")),
    (Refused, Shape(409, "The request is against a rule")),
    (Unavailable, Shape(503, "A part we need cannot be reached")),
    (Unproven, Shape(500, "A solution could not be proven")),
    (Broken, Shape(500, "An invariant does not hold")),
    (SolventError, Shape(500, "Something of ours went wrong")),
)
BY_CODE: dict[str, Shape] = {
    "invalidJson": Shape(400, "The body is not JSON as this API takes it"),
    "bodyTooLarge": Shape(413, "The body is too large"),
    "unsupportedMediaType": Shape(415, "The body is not application/json"),
}
BY_STATUS: dict[int, tuple[str, str]] = {  # what the router itself answers
    404: ("notFound", "There is no such path"),
    405: ("methodNotAllowed", "The path does not take this method"),
}
_OUTCOME_OF_CODE = {"alreadyStored": "done"}
_QUOTED = re.compile(r"'([^']*)'|\"([^\"]*)\"")


def shape_of(error: SolventError) -> Shape:
    """Returns the HTTP form of an error."""
    by_type = next(shape for kind, shape in BY_TYPE if isinstance(error, kind))
    return BY_CODE.get(error.code, by_type)


def problem(error: SolventError, request_id: str, sent: str = "") -> dict[str, Any]:
    """Returns the problem document. `sent` is what the client sent and must not come back."""
    shape = shape_of(error)
    outcome = "unknown" if shape.status == 500 else _OUTCOME_OF_CODE.get(error.code, "none")
    document: dict[str, Any] = {
        "type": f"/docs#error-{error.code}",
        "title": shape.title,
        "status": shape.status,
        "detail": _without(error.detail, sent)[:DETAIL_MAX],
        "code": error.code,
        "field": error.field[:FIELD_MAX] if error.field else None,
        "retryable": error.is_retryable,
        "outcome": outcome,
        "requestId": request_id,
        "data": _bounded(error.data),
    }
    if shape.status == 500:  # the log has the words; a stranger needs only the request's id
        document["detail"], document["data"] = shape.title, {}
    return document


def answer(error: SolventError, request_id: str, sent: str = "") -> Response:
    """Returns the problem as a response."""
    document = problem(error, request_id, sent)
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)} if document["status"] == 503 else None
    body = orjson.dumps(document, default=str)
    return Response(body, document["status"], headers, media_type=MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Makes every error of `app` a problem document, also those of the router itself."""
    app.add_exception_handler(SolventError, _of_ours)
    app.add_exception_handler(RequestValidationError, _of_validation)
    app.add_exception_handler(HTTPException, _of_router)
    app.add_exception_handler(Exception, _of_nobody)


async def _of_ours(request: Request, error: Exception) -> Response:
    assert isinstance(error, SolventError)
    return answer(error, _id(request), _sent(request))


async def _of_validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return answer(malformed(error.errors()), _id(request), _sent(request))


async def _of_router(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code, title = BY_STATUS.get(error.status_code, ("refused", "The request is refused"))
    document = problem(NotFound(title, code=code), _id(request))
    document |= {"status": error.status_code, "title": title}
    body = orjson.dumps(document)
    return Response(body, error.status_code, error.headers, media_type=MEDIA_TYPE)


async def _of_nobody(request: Request, error: Exception) -> Response:
    return answer(SolventError("unexpected"), _id(request))


def malformed(errors: Any) -> Malformed:
    """Returns the first of pydantic's complaints, without the input it carries."""
    first: Mapping[str, Any] = errors[0]
    place = ".".join(str(part) for part in first["loc"] if part not in ("body", "query", "path"))
    return Malformed(str(first["msg"]), field=place)


def _id(request: Request) -> str:
    return str(request.scope.get("state", {}).get("request_id", ""))


def _sent(request: Request) -> str:
    body = request.scope.get("state", {}).get("sent", "")
    return f"{body} {request.url.path} {request.url.query}"


def _without(detail: str, sent: str) -> str:
    """Returns the detail with quoted parts that the client sent taken out."""

    def replace(match: re.Match[str]) -> str:
        quoted = match[1] if match[1] is not None else match[2]
        return "the value" if quoted and quoted in sent else match[0]

    return _QUOTED.sub(replace, detail) if sent else detail


def _bounded(data: dict[str, object]) -> dict[str, object]:
    return data if len(orjson.dumps(data, default=str)) <= DATA_BYTES_MAX else {}
