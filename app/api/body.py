"""Reads a request's body: capped before it is parsed, parsed strictly before it is understood."""

import re
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from app.api.show import snapshot_view
from app.services import Services
from app.verify import parse_document
from solver.domain.errors import Malformed
from solver.domain.snapshot import Snapshot

JSON = "application/json"
MANDATE_ID = re.compile(r"0x[0-9a-f]{64}")
_HEX = re.compile(r"0x([0-9a-fA-F]{2})*")


def services_of(request: Request) -> Services:
    """Returns the parts of the service that answers this request."""
    services: Services = request.app.state.services
    return services


def snapshot_of(services: Services, snapshot: Snapshot) -> dict[str, str]:
    """Returns which state of the world an answer is about."""
    return snapshot_view(snapshot, snapshot.hash)


async def read_object(request: Request) -> dict[str, Any]:
    """Returns the body as a JSON object. Raises Malformed: too large, not JSON, not an object."""
    kind = request.headers.get("content-type", JSON).partition(";")[0].strip().lower()
    if kind != JSON:
        raise Malformed("send application/json", code="unsupportedMediaType")
    raw = await _read(request, services_of(request).settings.body_bytes_max)
    request.state.sent = raw.decode("utf-8", "replace")
    body = parse_document(raw)
    if not isinstance(body, dict):
        raise Malformed("the body must be a JSON object", code="invalidJson")
    return body


async def _read(request: Request, bytes_max: int) -> bytes:
    announced = request.headers.get("content-length", "0")
    chunks, size = [], 0
    if announced.isdecimal() and int(announced) > bytes_max:
        raise _too_large(bytes_max)
    async for chunk in request.stream():
        size += len(chunk)
        if size > bytes_max:
            raise _too_large(bytes_max)
        chunks.append(chunk)
    return b"".join(chunks)


def _too_large(bytes_max: int) -> Malformed:
    return Malformed(f"a body is at most {bytes_max} bytes", code="bodyTooLarge")


def json_answer(value: object, status: int = 200) -> Response:
    """Returns `value` as JSON."""
    return Response(orjson.dumps(value), status, media_type=JSON)


def known_fields(body: dict[str, Any], required: set[str], optional: set[str]) -> None:
    """Raises Malformed naming a field that is missing or that nobody knows."""
    for name in body:
        if name not in required and name not in optional:
            raise Malformed("is not a field of this request", field=name[:64])
    for name in sorted(required - set(body)):
        raise Malformed("is missing", field=name)


def text_of(body: dict[str, Any], name: str, length_max: int) -> str | None:
    """Returns an optional text field. Raises Malformed."""
    value = body.get(name)
    if value is not None and (not isinstance(value, str) or not 0 < len(value) <= length_max):
        raise Malformed(f"must be a text of 1 to {length_max} characters", field=name)
    return value


def hex_of(body: dict[str, Any], name: str, bytes_max: int) -> bytes:
    """Returns a field of 0x and hex digits as bytes. Raises Malformed."""
    value = body.get(name)
    if isinstance(value, str) and len(value) <= 2 + 2 * bytes_max and _HEX.fullmatch(value):
        return bytes.fromhex(value[2:])
    raise Malformed(f"must be 0x and at most {bytes_max} bytes in hex", field=name)


def mandate_id_of(body: dict[str, Any]) -> str | None:
    """Returns the optional `mandate`: the id of one, 0x and 64 lower-case hex. Raises Malformed."""
    value = body.get("mandate")
    if "mandate" in body and (not isinstance(value, str) or not MANDATE_ID.fullmatch(value)):
        raise Malformed("a mandate's id is 0x and 64 lower-case hex digits", field="mandate")
    return value


def number_of(body: dict[str, Any], name: str, bits: int) -> int:
    """Returns an unsigned integer sent as a decimal string. Raises Malformed."""
    value = body.get(name)
    if isinstance(value, str) and len(value) <= 78 and value.isascii() and value.isdecimal():
        number = int(value)
        if number < 2**bits and str(number) == value:
            return number
    raise Malformed(f"must be a decimal string that fits {bits} bits", field=name)
