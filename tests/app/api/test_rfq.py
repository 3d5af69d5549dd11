"""The makers' door over real sockets: our own maker comes in, strangers and the crooked do not."""

import asyncio
import contextlib
import json
import pathlib
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
import uvicorn
from fastapi import WebSocket, WebSocketDisconnect
from starlette.websockets import WebSocketState
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from app.api.rfq import TURN, Link, serve_maker
from app.config import Settings
from app.maker.session import Maker, run
from app.verify import address_of, recover
from solver.domain.instrument import Instrument, Kind
from solver.domain.typed_data import quote_digest
from tests.app.api.server import ACCOUNT, DOMAIN, ETH, WAD, Served, serving

KEY = b"\x31" * 32
PERP = Instrument(ETH.market, Kind.PERP)


class Door:
    """A service that listens on a loopback port."""

    def __init__(self, served: Served, port: int) -> None:
        self.served, self.port = served, port
        self.desk = served.services.rfq
        self.board = served.services.board

    def connect(self, **options: Any) -> connect:
        return connect(f"ws://127.0.0.1:{self.port}/v1/rfq/requests", **options)


@pytest.fixture
async def door(tmp_path: pathlib.Path) -> AsyncIterator[Door]:
    async with serving(tmp_path) as served:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            config = uvicorn.Config(
                served.app,
                ws="websockets-sansio",
                ws_max_size=64 * 1024,
                ws_per_message_deflate=False,
                lifespan="off",
                log_level="error",
                timeout_graceful_shutdown=1,
            )
            server = uvicorn.Server(config)
            serve = asyncio.create_task(server.serve([listener]))
            yield Door(served, listener.getsockname()[1])
            server.should_exit = True
            await serve


async def until(claim: Any) -> None:
    """Waits for something to become true."""
    async with asyncio.timeout(10):
        while not claim():  # noqa: ASYNC110 - what is awaited is behind a real socket
            await asyncio.sleep(0.01)


async def told(client: ClientConnection, op: str) -> dict[str, Any]:
    message: dict[str, Any] = {}
    while message.get("op") != op:
        message = json.loads(await client.recv())
    return message


async def joined(client: ClientConnection, maker: Maker) -> None:
    hello = await told(client, "hello")
    await client.send(json.dumps(maker.auth(hello["challenge"])))
    await told(client, "ready")


async def say(client: ClientConnection, **message: Any) -> None:
    await client.send(json.dumps(message))


async def show(client: ClientConnection) -> None:
    levels = {"bids": [["3999", "9"]], "asks": [["4001", "9"]]}
    await say(client, op="ladder", instrument="ETH-PERP", **levels)


async def test_our_maker_comes_in_shows_ladders_and_answers_with_a_firm_quote(door: Door):
    working = asyncio.create_task(run(Settings(port=door.port), KEY))
    await until(lambda: len(door.board.snapshot().ladders) == 5)
    solver = "0x" + "99" * 20
    for instrument, quantity in ((PERP, -3 * WAD), (PERP, 3 * WAD)):
        (signed,) = await door.desk.request(instrument.id, quantity, solver, 5_000)
        assert signed.quote.max_quantity == 3 * WAD
        assert recover(quote_digest(signed.quote, DOMAIN), signed.signature) == address_of(KEY)
    working.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await working
    await until(lambda: not door.desk.makers)
    assert door.board.snapshot().ladders == ()


async def test_a_stranger_to_the_key_is_turned_away(door: Door):
    liar = Maker(KEY)
    liar.address = "0x" + "77" * 20
    async with door.connect() as client:
        await told(client, "hello")
        await say(client, **liar.auth("another challenge"))
        with pytest.raises(ConnectionClosed) as closed:
            await client.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4401
    assert door.desk.makers == ()


async def test_a_page_of_another_origin_is_turned_away(door: Door):
    with pytest.raises(InvalidStatus):
        await door.connect(origin="https://elsewhere.example").__aenter__()


CROOKED = {
    "not JSON": "{",
    "not an object": "[]",
    "an unknown word": '{"op":"hello"}',
    "a duplicate key": '{"op":"pass","op":"pass"}',
    "a float": '{"op":"ladder","instrument":"ETH-PERP","bids":[[1.5,1.5]],"asks":[]}',
    "no such request": '{"op":"pass","requestId":"r99"}',
}


@pytest.mark.parametrize("name", CROOKED)
async def test_the_crooked_are_told_and_stay_connected(door: Door, name: str):
    async with door.connect() as client:
        await joined(client, Maker(KEY))
        await client.send(CROOKED[name])
        assert (await told(client, "error"))["code"]
        await client.send(CROOKED[name].encode())
        assert (await told(client, "error"))["code"]
        await show(client)
        await until(lambda: door.board.snapshot().ladders)


async def test_a_burst_of_one_maker_leaves_others_their_turn(tmp_path: pathlib.Path):
    frame = {"type": "websocket.receive", "text": CROOKED["no such request"]}
    arrived, turns = iter([frame] * 128), 0

    async def at_once() -> dict[str, Any]:
        return next(arrived, {"type": "websocket.disconnect"})

    async def others() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    other = asyncio.create_task(others())
    async with serving(tmp_path) as served:
        desk = served.services.rfq
        peer = WebSocket({"type": "websocket"}, at_once, at_once)  # type: ignore[arg-type]
        peer.client_state = WebSocketState.CONNECTED
        link = Link(peer)
        desk.connect(ACCOUNT, link.send)
        turns = 0
        with pytest.raises(WebSocketDisconnect):
            await serve_maker(peer, link, desk, ACCOUNT)
    other.cancel()
    assert turns >= 128 // TURN


async def test_a_frame_that_is_too_large_ends_the_connection(door: Door):
    async with door.connect() as client:
        await joined(client, Maker(KEY))
        await client.send("x" * (64 * 1024 + 1))
        with pytest.raises(ConnectionClosed):
            await client.recv()
    await until(lambda: not door.desk.makers)


async def test_a_quote_may_come_by_post(door: Door):
    maker, http = Maker(KEY), door.served.http
    async with door.connect() as client:
        await joined(client, maker)
        await show(client)
        await until(lambda: door.board.snapshot().ladders)
        maker.see((await http.get("/v1/markets")).json(), {})
        asking = asyncio.create_task(door.desk.request(PERP.id, WAD, "0x" + "99" * 20, 5_000))
        answer = maker.answer(await told(client, "request"), DOMAIN)
        accepted = await http.post("/v1/rfq/quotes", json=answer)
        assert (accepted.status_code, len(await asking)) == (202, 1)
        again = await http.post("/v1/rfq/quotes", json=answer)
        assert (again.status_code, again.json()["code"]) == (409, "requestClosed")
        unknown = await http.post("/v1/rfq/quotes", json=answer | {"limit": "1"})
        assert unknown.status_code == 422
