"""Makers' door: one socket for ladders, requests and firm quotes; the same quote also by POST.

A maker proves its account by signing the connection's challenge. One that reads too slowly is cut
off, never waited for; whatever it says wrongly is answered with a code and costs only itself.
"""

import asyncio
import contextlib
import itertools
import secrets
from typing import Any

import orjson
from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from starlette.requests import Request
from starlette.responses import Response

from app.api.body import json_answer, known_fields, read_object, services_of
from app.rfq import wire
from app.rfq.desk import QUOTE_SECONDS_MAX, RfqDesk
from app.services import Services
from app.verify import parse_document
from solver.domain.errors import Malformed, SolventError
from solver.domain.ids import AccountId

router = APIRouter(prefix="/v1/rfq", tags=["makers"])
Message = dict[str, Any]

FRAME_BYTES_MAX = 64 * 1024
QUEUE_MAX = 256  # messages a maker may lag behind
AUTH_SECONDS = 5
SEND_SECONDS = 5  # one frame; slower is a dead peer
TURN = 8  # messages of one maker taken in a row
NOT_A_MAKER, BAD_ORIGIN, TOO_SLOW = 4401, 4403, 4408  # close codes
_QUOTE = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["quote", "requestId", "signature"],
                    "additionalProperties": False,
                    "properties": {
                        "op": {"type": "string", "const": "quote"},
                        "requestId": {"type": "string", "maxLength": 64},
                        "quote": wire.QUOTE_SCHEMA,
                        "signature": {"type": "string", "pattern": "^0x[0-9a-fA-F]{130}$"},
                    },
                }
            }
        },
    }
}


class Link:
    """One maker's connection: a bounded queue out, one frame at a time in."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket
        self._queue: asyncio.Queue[Message] = asyncio.Queue(QUEUE_MAX)

    def send(self, message: Message) -> bool:
        """Queues a message; False when the maker is too far behind to be told."""
        try:
            self._queue.put_nowait(message)
        except asyncio.QueueFull:
            return False
        return True

    async def receive(self) -> Message:
        """Returns the next message. Raises Malformed, or WebSocketDisconnect at the end."""
        frame = await self._socket.receive()
        if frame["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(frame.get("code", 1005))
        text = frame.get("text")
        raw = text.encode() if text is not None else frame.get("bytes") or b""
        if len(raw) > FRAME_BYTES_MAX:
            raise Malformed(f"a frame is at most {FRAME_BYTES_MAX} bytes", code="bodyTooLarge")
        message = parse_document(raw)
        if not isinstance(message, dict):
            raise Malformed("a message is a JSON object", code="invalidJson")
        return message

    async def drain(self) -> None:
        """Sends what is queued until cancelled; closes on a peer that does not read."""
        while True:
            message = await self._queue.get()
            try:
                async with asyncio.timeout(SEND_SECONDS):
                    await self._socket.send_text(orjson.dumps(message).decode())
            except TimeoutError:
                await self._socket.close(TOO_SLOW)
                return


@router.websocket("/requests")
async def requests(socket: WebSocket) -> None:
    """hello → auth → ladders, quotes and passes in; requests and errors out."""
    services: Services = socket.app.state.services
    origin = socket.headers.get("origin")
    if origin is not None and origin not in services.settings.origins:
        await socket.close(BAD_ORIGIN)
        return
    await socket.accept()
    link = Link(socket)
    writer = asyncio.create_task(link.drain())
    try:
        maker = await _authenticated(socket, link, services)
        if maker is not None:
            await serve_maker(socket, link, services.rfq, maker)
    except WebSocketDisconnect:
        pass
    finally:
        writer.cancel()
        with contextlib.suppress(asyncio.CancelledError, RuntimeError, WebSocketDisconnect):
            await writer


@router.post("/quotes", status_code=202, openapi_extra=_QUOTE)
async def quotes(request: Request) -> Response:
    """Answer a request with a firm signed quote, without a socket of your own for it.

    The same message as on the socket, of a maker that is connected. 202: verified and handed to
    the auction that asked.
    """
    body = await read_object(request)
    known_fields(body, {"requestId", "quote", "signature"}, {"op"})
    services_of(request).rfq.take_quote(body)
    return json_answer({"requestId": body["requestId"], "accepted": True}, 202)


async def _authenticated(socket: WebSocket, link: Link, services: Services) -> AccountId | None:
    challenge = secrets.token_hex(32)
    link.send(
        {
            "op": "hello",
            "challenge": challenge,
            "chainId": str(services.domain.chain_id),
            "verifyingContract": services.domain.verifying_contract,
            "quoteSecondsMax": QUOTE_SECONDS_MAX,
            "frameBytesMax": FRAME_BYTES_MAX,
        }
    )
    try:
        async with asyncio.timeout(AUTH_SECONDS):
            message = await link.receive()
        if message.get("op") != "auth":
            raise Malformed("the first message is auth", field="op")
        maker = services.rfq.authenticate(challenge, message)
        services.rfq.connect(maker, link.send)
    except TimeoutError:
        await socket.close(NOT_A_MAKER, "no auth in time")
        return None
    except SolventError as error:
        await socket.close(NOT_A_MAKER, error.detail[:100])
        return None
    link.send({"op": "ready", "maker": maker.owner, "subaccount": str(maker.subaccount)})
    return maker


async def serve_maker(socket: WebSocket, link: Link, desk: RfqDesk, maker: AccountId) -> None:
    """Takes messages until the maker goes. Those that have arrived already are taken without a
    pause, so a maker that shows every option at once must let others have their turn.
    """
    try:
        for count in itertools.count(1):
            if count % TURN == 0:
                await asyncio.sleep(0)
            message: Message = {}
            try:
                message = await link.receive()
                desk.on_message(maker, message)
            except SolventError as error:
                if not link.send(_problem(error, message)):
                    await socket.close(TOO_SLOW)
                    return
    finally:
        desk.disconnect(maker, link.send)


def _problem(error: SolventError, message: Message) -> Message:
    """Returns what a maker is told; never what it sent, but for the id it can match."""
    known = message.get("requestId")
    return {
        "op": "error",
        "code": error.code,
        "detail": error.detail[:300],
        "field": error.field,
        "requestId": known[:64] if isinstance(known, str) else None,
    }
