"""WS /v1/stream: the one durable sequence, pushed. A client that resumes by seq misses nothing.

hello -> sub {id, ch, from} -> ack {head} -> snapshot or replay -> event {seq, prev} ... and every
few seconds hb {heads}, by which a silent drop is seen. Lossless channels are logs (account:..,
market:..); `prices` is conflated: newest value only, `skipped` counts what was left out.

Logs are public and read-only in this version; `auth` with a ticket comes with accounts' own keys.
Close codes: 4400 not a message of this protocol, 4403 origin not allowed, 4408 too slow (the reason
names the last seq sent), 4413 frame too large, 4429 too many requests, 1012 restarting.
"""

import asyncio
import contextlib
import itertools
from typing import Any

import orjson
from fastapi import APIRouter
from starlette.websockets import WebSocket, WebSocketDisconnect

from app import observe
from app.api.events import check_log, told
from app.api.markets import price_rows
from app.api.outbox import Outbox
from app.bus import Published
from app.clock import rfc3339_ms
from app.services import Services
from app.store.fold import account_of_log
from app.verify import parse_document
from solver.domain.account import Account
from solver.domain.errors import Conflict, Malformed, NotFound, Refused, SolventError, Unavailable

FRAME_BYTES_MAX = 64 * 1024
SUBSCRIPTIONS_MAX, REQUESTS_PER_SECOND = 256, 20
REPLAY_PAGE = 200
CLOSE_SECONDS = 5.0
PRICES = "prices"
PRICES_SECONDS = 1.0
MALFORMED, ORIGIN, SLOW, TOO_LARGE, TOO_MANY = 4400, 4403, 4408, 4413, 4429
Json = dict[str, Any]
router = APIRouter()
_connections = itertools.count(1)


class Closing(Exception):
    """The connection must end with a code."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason


@router.websocket("/v1/stream")
async def stream(socket: WebSocket) -> None:
    """Serves one client until either side ends it."""
    services: Services = socket.app.state.services
    origin = socket.headers.get("origin")
    if origin is not None and origin not in services.settings.origins:
        await socket.close(ORIGIN)
        return
    await socket.accept()
    observe.stream_opened()
    session = Session(socket, services)
    code, reason = 1000, ""
    try:
        await session.run()
    except* Closing as group:
        closing = group.exceptions[0]
        assert isinstance(closing, Closing)
        code, reason = closing.code, closing.reason
    except* WebSocketDisconnect:
        code = 1001
    finally:
        session.outbox.close()
        observe.stream_closed(code)
    if code != 1001:
        with contextlib.suppress(TimeoutError, WebSocketDisconnect):
            async with asyncio.timeout(CLOSE_SECONDS):  # a client that never reads is left behind
                await socket.close(code, reason)


class Session:
    """One connection: what it follows, and the tasks that talk."""

    def __init__(self, socket: WebSocket, services: Services) -> None:
        self._socket, self._services = socket, services
        self.outbox = Outbox(services.bus, services.settings.client_queue)
        self._following: dict[str, asyncio.Task[None]] = {}
        self._tasks: asyncio.TaskGroup | None = None

    async def run(self) -> None:
        """Talks until a task raises: the client left, or it must go."""
        self._say(self._hello())
        async with asyncio.TaskGroup() as self._tasks:
            for part in (self._receive, self._send, self._beat, self._guard):
                self._tasks.create_task(part())

    # ---- the four parts

    async def _receive(self) -> None:
        window, used = 0.0, 0
        loop = asyncio.get_running_loop()
        while True:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(message.get("code", 1005))
            if loop.time() - window >= 1.0:
                window, used = loop.time(), 0
            used += 1
            if used > REQUESTS_PER_SECOND:
                raise Closing(TOO_MANY, f"at most {REQUESTS_PER_SECOND} requests a second")
            text = message.get("text")
            raw = text.encode() if text is not None else message.get("bytes") or b""
            if len(raw) > FRAME_BYTES_MAX:
                raise Closing(TOO_LARGE, f"frames are at most {FRAME_BYTES_MAX} bytes")
            try:
                request = parse_document(raw)
            except Malformed as error:
                raise Closing(MALFORMED, error.detail[:100]) from None
            if not isinstance(request, dict):
                raise Closing(MALFORMED, "a message is a JSON object")
            self._answer(request)

    async def _send(self) -> None:
        while True:
            item = await self.outbox.take()
            if isinstance(item, Published):
                log, now = item.envelope.log, self._now()
                head = f'{{"op":"event","sub":"{log}","sentAt":"{now}","event":'.encode()
                await self._socket.send_text((head + item.frame + b"}").decode())
                self.outbox.sent[log] = item.envelope.seq
            else:
                await self._socket.send_text(item.decode())

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(self._services.settings.heartbeat_ms / 1000)
            heads = {log: self._services.store.head(log).seq for log in self._following}
            heads.pop(PRICES, None)
            self._say({"op": "hb", "sentAt": self._now(), "heads": heads})

    async def _guard(self) -> None:
        await self.outbox.cut_off.wait()
        sent = ",".join(f"{log}={seq}" for log, seq in self.outbox.sent.items())
        raise Closing(SLOW, f"too slow; last sent {sent}"[:120])

    # ---- what a client may ask

    def _answer(self, request: Json) -> None:
        id_ = request.get("id")
        try:
            match request.get("op"):
                case "sub":
                    self._subscribe(request)
                case "unsub":
                    self._unsubscribe(request)
                case "ping":
                    self._say({"op": "pong", "id": id_, "sentAt": self._now()})
                case "auth":
                    raise Refused("streams are public in this version", code="authNotConfigured")
                case _:
                    raise Malformed("ops are sub, unsub and ping", code="unknownOp", field="op")
        except SolventError as error:
            told = {"code": error.code, "detail": error.detail[:500], "field": error.field}
            self._say({"op": "error", "id": id_, **told})

    def _subscribe(self, request: Json) -> None:
        channel = _channel(request)
        if channel in self._following:
            raise Conflict(f"{channel} is followed already", code="alreadySubscribed", field="ch")
        if len(self._following) >= SUBSCRIPTIONS_MAX:
            raise Refused(f"at most {SUBSCRIPTIONS_MAX} subscriptions", code="tooManySubscriptions")
        head = 0 if channel == PRICES else self._services.store.head(channel).seq
        since = _since(request, head)
        self._say({"op": "ack", "id": request.get("id"), "sub": channel, "head": head})
        following = self._prices() if channel == PRICES else self._follow(channel, since)
        assert self._tasks is not None, "messages arrive only while running"
        self._following[channel] = self._tasks.create_task(following)

    def _unsubscribe(self, request: Json) -> None:
        channel = _channel(request)
        task = self._following.pop(channel, None)
        if task is None:
            raise NotFound(f"{channel} is not followed", code="notSubscribed", field="ch")
        task.cancel()
        self.outbox.unfollow(channel)
        self._say({"op": "ack", "id": request.get("id"), "sub": channel, "head": None})

    async def _follow(self, log: str, since: int | None) -> None:
        """Sends the snapshot or what was missed, then attaches at that very seq: no gap."""
        store = self._services.store
        if since is None:
            seq, account = store.head(log).seq, self._account(log)
            self.outbox.follow(log)
            self._say({"op": "snapshot", "sub": log, "seq": seq, "state": account})
            return
        while since < store.head(log).seq:
            for envelope in await store.events(log, since, REPLAY_PAGE):
                if envelope.seq > store.head(log).seq:
                    break  # on the disk and not told yet: it comes live
                await self.outbox.room()
                self.outbox.offer(Published(envelope, told(store, envelope)))
                since = envelope.seq
        self.outbox.follow(log)

    async def _prices(self) -> None:
        last, skipped = None, 0
        while True:
            try:
                snapshot = self._services.board.snapshot()
            except Unavailable:
                snapshot = None
            if snapshot is not None and snapshot is not last:
                if len(self.outbox):
                    skipped += 1
                else:
                    rows, last = price_rows(snapshot), snapshot
                    told = {"op": "update", "sub": PRICES, "skipped": skipped, "prices": rows}
                    self._say({**told, "sentAt": self._now()})
                    skipped = 0
            await asyncio.sleep(PRICES_SECONDS)

    # ---- words

    def _hello(self) -> Json:
        settings = self._services.settings
        return {
            "op": "hello",
            "conn": f"c{next(_connections)}",
            "serverTime": self._now(),
            "heartbeatMs": settings.heartbeat_ms,
            "replay": "everything",
            "auth": "public",
            "limits": {
                "frameBytes": FRAME_BYTES_MAX,
                "subscriptions": SUBSCRIPTIONS_MAX,
                "requestsPerSecond": REQUESTS_PER_SECOND,
                "queue": settings.client_queue,
            },
        }

    def _account(self, log: str) -> Json | None:
        if not log.startswith("account:"):
            return None
        chain_id = self._services.deployment.chain_id
        return raw_account(self._services.store.account(account_of_log(log, chain_id)))

    def _say(self, message: Json) -> None:
        self.outbox.offer(orjson.dumps(message))

    def _now(self) -> str:
        return rfc3339_ms(self._services.clock.time_ms())


def raw_account(account: Account) -> Json:
    """Returns an account in the units of events: atoms and 1e18 integers as decimal strings."""
    return {
        "cash": str(account.cash),
        "positions": [[str(held.instrument), str(held.quantity)] for held in account.positions],
        "reservations": [r.uid for r in account.reservations],  # what they hold was signed
        "epoch": str(account.epoch),
        "health": account.health.state,
    }


def _channel(request: Json) -> str:
    """Returns the log a request names, as `ch: account:..` or `ch: account, account: ..`."""
    channel, account = request.get("ch", request.get("sub")), request.get("account")
    if channel == PRICES:
        return PRICES
    if channel == "account" and isinstance(account, str):
        channel = f"account:{account}"
    if not isinstance(channel, str):
        raise Malformed("ch names a log or prices", code="unknownChannel", field="ch")
    log = channel.lower()
    check_log(log)
    return log


def _since(request: Json, head: int) -> int | None:
    """Returns the seq to replay from; None asks for a snapshot."""
    start = request.get("from", "snapshot")
    if start == "snapshot":
        return None
    seq = start.get("seq") if isinstance(start, dict) else None
    if isinstance(seq, bool) or not isinstance(seq, int) or seq < 0:
        raise Malformed('from is "snapshot" or {"seq": n}', field="from")
    if seq > head:
        raise Conflict("there is no such seq yet", code="seqAhead", field="from")
    return seq
