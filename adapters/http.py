"""One way out over HTTP: time-outs, retries of reads only, and one table of foreign errors.

A write is never sent twice from here: after a time-out its outcome is unknown, and only whoever
keeps the durable step may decide what that means.
"""

import asyncio
from typing import Any

import httpx
import orjson

from solver.domain.errors import (
    Malformed,
    NotFound,
    Refused,
    SolventError,
    Unauthorized,
    Unavailable,
)

TIMEOUT_S = 10.0
READ_ATTEMPTS = 3
RETRY_DELAY_S = 0.05  # doubled after every attempt

# The first class that fits tells what happened; every subclass of httpx.HTTPError has a row.
FOREIGN: tuple[tuple[type[httpx.HTTPError], type[SolventError], str], ...] = (
    (httpx.TimeoutException, Unavailable, "did not answer in time"),
    (httpx.UnsupportedProtocol, Malformed, "is not an http(s) address"),
    (httpx.TooManyRedirects, Unavailable, "redirects without end"),
    (httpx.DecodingError, Unavailable, "answered bytes that cannot be decoded"),
    (httpx.HTTPStatusError, Unavailable, "answered with an error"),
    (httpx.HTTPError, Unavailable, "cannot be reached"),
)
STATUS: dict[int, type[SolventError]] = {
    400: Malformed,
    401: Unauthorized,
    403: Unauthorized,
    404: NotFound,
    409: Refused,
    422: Malformed,
}


def client(base_url: str, timeout_s: float = TIMEOUT_S) -> httpx.AsyncClient:
    """Returns a keep-alive client that goes nowhere but `base_url`: no proxies, no redirects."""
    limits = httpx.Limits(max_connections=32, max_keepalive_connections=8)
    timeout = httpx.Timeout(timeout_s, connect=min(timeout_s, 2.0))
    return httpx.AsyncClient(base_url=base_url, timeout=timeout, limits=limits, trust_env=False)


def translate(error: httpx.HTTPError, where: str) -> SolventError:
    """Returns our error for a foreign one."""
    for foreign, ours, what in FOREIGN:
        if isinstance(error, foreign):
            return ours(f"{where} {what}", data={"cause": type(error).__name__})
    raise AssertionError("the last row of FOREIGN is the base class")


async def post_json(
    http: httpx.AsyncClient, path: str, body: object, *, is_read: bool, where: str
) -> Any:
    """Returns the decoded JSON answer to a JSON body.

    Only a read is tried again. Raises Unavailable (outcome unknown), or what STATUS says.
    """
    delay_s = RETRY_DELAY_S
    for attempt in range(READ_ATTEMPTS if is_read else 1):
        if attempt:
            await asyncio.sleep(delay_s)
            delay_s *= 2
        try:
            return await _post_once(http, path, body, where)
        except Unavailable as error:
            failure = error
    raise failure


async def _post_once(http: httpx.AsyncClient, path: str, body: object, where: str) -> Any:
    headers = {"content-type": "application/json"}
    try:
        answer = await http.post(path, content=orjson.dumps(body), headers=headers)
    except httpx.HTTPError as error:
        raise translate(error, where) from error
    if answer.status_code >= 400:
        ours = STATUS.get(answer.status_code, Unavailable)
        raise ours(f"{where} answered {answer.status_code}", data={"status": answer.status_code})
    try:
        return orjson.loads(answer.content)
    except orjson.JSONDecodeError as error:
        raise Unavailable(f"{where} answered something that is not JSON") from error
