"""The stream loses nothing: gapless from any seq, a silent drop is seen, the slow are cut off."""

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import pytest

from tests.app.api.server import ACCOUNT, Served, serving

LOG = ACCOUNT.log


class Socket:
    """A WebSocket client at the ASGI edge. `reading` cleared: the client's window is full."""

    def __init__(self, app: Any, origin: str | None = None) -> None:
        self._in: asyncio.Queue[Any] = asyncio.Queue()
        self._out: asyncio.Queue[Any] = asyncio.Queue()
        self.reading = asyncio.Event()
        self.reading.set()
        headers = [(b"origin", origin.encode())] if origin else []
        scope = {
            "type": "websocket",
            "path": "/v1/stream",
            "raw_path": b"/v1/stream",
            "query_string": b"",
            "headers": headers,
            "subprotocols": [],
            "scheme": "ws",
            "client": ("c", 1),
            "server": ("s", 1),
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "extensions": {},
        }
        self._in.put_nowait({"type": "websocket.connect"})
        self.task = asyncio.ensure_future(app(scope, self._in.get, self._send))

    async def _send(self, message: Any) -> None:
        await self.reading.wait()
        self._out.put_nowait(message)

    async def message(self) -> Any:
        async with asyncio.timeout(5):
            return await self._out.get()

    async def read(self) -> Any:
        while (message := await self.message())["type"] != "websocket.send":
            pass
        return json.loads(message["text"])

    async def until(self, op: str) -> Any:
        while (told := await self.read())["op"] != op:
            pass
        return told

    async def events(self, count: int) -> list[int]:
        return [(await self.until("event"))["event"]["seq"] for _ in range(count)]

    def say(self, text: Any = None, **message: Any) -> None:
        body = text if text is not None else json.dumps(message)
        self._in.put_nowait({"type": "websocket.receive", "text": body})

    async def closed(self) -> tuple[int, str]:
        while (message := await self.message())["type"] != "websocket.close":
            pass
        await self.task
        return message["code"], message.get("reason") or ""

    async def leave(self) -> None:
        self.reading.set()
        self._in.put_nowait({"type": "websocket.disconnect", "code": 1000})
        await self.task


@pytest.fixture
async def served(tmp_path):
    async with serving(tmp_path, heartbeat_ms=20, client_queue=64) as made:
        yield made


@contextlib.asynccontextmanager
async def connected(served: Served) -> AsyncIterator[Socket]:
    socket = Socket(served.app)
    assert (await socket.message())["type"] == "websocket.accept"
    assert (await socket.read())["op"] == "hello"
    yield socket
    await socket.leave()
    assert served.services.bus.listeners == {}


async def test_from_a_seq_nothing_is_missing_and_nothing_comes_twice(served):
    await asyncio.gather(*(served.fund(n) for n in range(300)))
    async with connected(served) as socket:
        socket.say(op="sub", id=7, ch=LOG, **{"from": {"seq": 10}})
        ack = await socket.until("ack")
        assert (ack["id"], ack["sub"], ack["head"]) == (7, LOG, 300)
        live = asyncio.gather(*(served.fund(n) for n in range(50)))
        assert await socket.events(340) == list(range(11, 351))
        await live


async def test_what_is_on_the_disk_before_it_is_told_comes_once(served):
    await served.fund(1)
    store, loop = served.services.store, asyncio.get_running_loop()
    submit, on_disk = store._writer.submit, asyncio.Event()

    def told_late(job):
        def done(at):
            on_disk.set()
            loop.call_later(0.1, job.done, at)

        submit(job._replace(done=done))

    store._writer.submit = told_late
    waiting = asyncio.ensure_future(served.fund(2))
    await on_disk.wait()
    async with connected(served) as socket:
        socket.say(op="sub", ch=LOG, **{"from": {"seq": 0}})
        await waiting
        await served.fund(3)
        assert await socket.events(3) == [1, 2, 3]


async def test_an_event_is_the_envelope_of_the_pages(served):
    async with connected(served) as socket:
        socket.say(
            op="sub", ch="account", account=LOG.removeprefix("account:"), **{"from": {"seq": 0}}
        )
        await served.fund(5)
        told = await socket.until("event")
        page = (await served.http.get(f"/v1/events?log={LOG}")).json()
        assert told["event"] == page["events"][0]
        assert told["event"]["body"]["amount"] == "5"
        assert told["sentAt"]


async def test_a_snapshot_is_the_fold_at_its_seq(served):
    await served.fund(5)
    await served.fund(6)
    async with connected(served) as socket:
        socket.say(op="sub", ch=LOG, **{"from": "snapshot"})
        told = await socket.until("snapshot")
        assert (told["seq"], told["state"]["cash"]) == (2, "11")
        assert told["state"]["health"] == "HEALTHY"
        await served.fund(7)
        assert await socket.events(1) == [3]


async def test_heartbeats_carry_the_head_of_every_subscription(served):
    async with connected(served) as socket:
        socket.say(op="sub", ch=LOG)
        await served.fund(5)
        while not (told := await socket.until("hb"))["heads"].get(LOG):
            pass
        assert told["heads"] == {LOG: 1}


async def test_a_slow_client_is_closed_and_costs_nobody_else(served):
    async with connected(served) as quick:
        slow = Socket(served.app)
        await slow.message()
        for socket in (quick, slow):
            socket.say(op="sub", ch=LOG)
            await socket.until("ack")
        await served.fund(1)
        await slow.until("event")
        slow.reading.clear()
        hearing = asyncio.ensure_future(quick.events(201))
        for n in range(20):
            await asyncio.gather(*(served.fund(n) for _ in range(10)))
        assert await hearing == list(range(1, 202))
        slow.reading.set()
        code, reason = await slow.closed()
        assert code == 4408
        seen = int(reason.rpartition("=")[2])
        again = Socket(served.app)
        again.say(op="sub", ch=LOG, **{"from": {"seq": seen}})
        assert await again.events(201 - seen) == list(range(seen + 1, 202))
        await again.leave()


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"op": "sub", "ch": "secrets"}, "unknownChannel"),
        ({"op": "sub", "ch": 5}, "unknownChannel"),
        ({"op": "sub", "ch": LOG, "from": {"seq": 1}}, "seqAhead"),
        ({"op": "sub", "ch": LOG, "from": {"seq": True}}, "malformed"),
        ({"op": "sub", "ch": LOG, "from": "now"}, "malformed"),
        ({"op": "unsub", "ch": LOG}, "notSubscribed"),
        ({"op": "auth", "ticket": "x"}, "authNotConfigured"),
        ({"op": "buy"}, "unknownOp"),
        ({}, "unknownOp"),
    ],
)
async def test_what_cannot_be_done_is_an_error_with_a_code(served, request_, code):
    async with connected(served) as socket:
        socket.say(**request_, id="x")
        error = await socket.until("error")
        assert (error["code"], error["id"]) == (code, "x")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{", 4400),
        ("[]", 4400),
        ('{"op": 1.5}', 4400),
        (" " * 70_000, 4413),
    ],
)
async def test_what_is_no_message_ends_the_connection(served, text, code):
    socket = Socket(served.app)
    socket.say(text)
    assert (await socket.closed())[0] == code


async def test_too_many_requests_end_the_connection(served):
    socket = Socket(served.app)
    for _ in range(21):
        socket.say(op="ping")
    assert (await socket.closed())[0] == 4429


async def test_unsubscribed_is_quiet_and_may_come_back(served):
    async with connected(served) as socket:
        for _ in range(2):
            socket.say(op="sub", ch=LOG)
            await socket.until("snapshot")
            socket.say(op="unsub", ch=LOG)
            await socket.until("ack")
        await served.fund(1)
        socket.say(op="ping", id=3)
        seen = [await socket.read() for _ in range(1)]
        while seen[-1]["op"] != "pong":
            seen.append(await socket.read())
        assert not [told for told in seen if told["op"] == "event"]


async def test_twice_the_same_is_refused(served):
    async with connected(served) as socket:
        socket.say(op="sub", ch=LOG)
        socket.say(op="sub", ch=LOG)
        assert (await socket.until("error"))["code"] == "alreadySubscribed"


async def test_prices_are_conflated(served):
    async with connected(served) as socket:
        socket.say(op="sub", ch="prices")
        told = await socket.until("update")
        assert (told["prices"][0]["price"], told["skipped"]) == ("4000", 0)


async def test_a_foreign_page_gets_no_stream(served):
    socket = Socket(served.app, origin="https://evil.example")
    assert (await socket.message())["type"] == "websocket.close"
    await socket.task
    ours = Socket(served.app, origin="http://localhost:8080")
    assert (await ours.message())["type"] == "websocket.accept"
    await ours.leave()


async def sse(served: Served, last: str | None = None) -> AsyncGenerator[str]:
    """Yields the chunks of an event stream; httpx's own transport would wait for its end."""
    gone, chunks = asyncio.Event(), asyncio.Queue[str]()

    async def receive() -> Any:
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.body":
            chunks.put_nowait(message["body"].decode())

    headers = [(b"accept", b"text/event-stream")]
    headers += [(b"last-event-id", last.encode())] if last else []
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/v1/events",
        "raw_path": b"/v1/events",
        "query_string": f"log={LOG}".encode(),
        "headers": headers,
        "scheme": "http",
        "client": ("c", 1),
        "server": ("s", 1),
        "http_version": "1.1",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "extensions": {},
    }
    task = asyncio.ensure_future(served.app(scope, receive, send))
    try:
        while True:
            yield await asyncio.wait_for(chunks.get(), 5)
    finally:
        gone.set()
        await task


async def test_sse_resumes_after_the_last_event_id_and_goes_on(served):
    for n in range(3):
        await served.fund(n)
    stream = sse(served, last="1")
    ids = []
    async for chunk in stream:
        if chunk.startswith("id:"):
            ids.append(int(chunk.split("\n")[0][3:]))
            assert json.loads(chunk.split("data: ")[1])["seq"] == ids[-1]
        elif chunk.startswith(": head 3"):
            await asyncio.gather(*(served.fund(n) for n in range(5)))
        if len(ids) == 7:
            break
    await stream.aclose()
    assert ids == [2, 3, 4, 5, 6, 7, 8]
    assert served.services.bus.listeners == {}


async def test_a_last_event_id_that_is_none_starts_where_the_query_says(served):
    await served.fund(1)
    for last in ("9" * 5_000, "-1", "x"):
        stream = sse(served, last)
        assert (await anext(stream)).startswith("id: 1\n")
        await stream.aclose()
