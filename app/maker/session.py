"""The maker's one connection: ladders out, requests in, firm signed quotes back; again for ever."""

import asyncio
import contextlib
import json
import secrets
from datetime import datetime
from typing import Any

import httpx
import structlog
from coincurve import PrivateKey
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from app.config import Settings
from app.keystore import keys_of
from app.maker.book import Limits, Market, firm_price, net_delta, offer
from app.maker.recorded import RecordedQuotes
from solver.domain.instrument import Instrument, format_name
from solver.domain.intent import MakerQuote
from solver.domain.market import Level
from solver.domain.numbers import format_decimal, parse_decimal
from solver.domain.risk import Fixing
from solver.domain.typed_data import Domain, keccak, quote_digest

LOOK_MS = 500
REFRESH_SECONDS = 8  # of chain time: ladders leave the board after 30
QUOTE_SECONDS = 30  # of chain time that a firm quote holds
RETRY_SECONDS = (0.2, 0.5, 1.0)  # derivatives have no counterparty until it is back
COUNTER_BITS, LANE_BITS = 8, 184
Message = dict[str, Any]
_log = structlog.get_logger()


class Nonces:
    """Never the same nonce twice: a random lane, its 256 counters, then the next lane."""

    def __init__(self, epoch: int = 0) -> None:
        self.epoch = epoch
        self._lane, self._count = secrets.randbits(LANE_BITS), 0

    def take(self) -> int:
        """Returns epoch(64) | lane(184) | counter(8)."""
        lane = (self._lane + (self._count >> COUNTER_BITS)) % 2**LANE_BITS
        counter = self._count & 2**COUNTER_BITS - 1
        self._count += 1
        nonce: int = self.epoch << (LANE_BITS + COUNTER_BITS) | lane << COUNTER_BITS | counter
        return nonce


class Maker:
    """Prices, inventory and key of one account. Knows the service by HTTP and WebSocket only."""

    def __init__(
        self,
        key: bytes,
        limits: Limits | None = None,
        subaccount: int = 0,
        recorded: RecordedQuotes | None = None,
    ) -> None:
        self._key = PrivateKey(key)
        public = self._key.public_key.format(compressed=False)[1:]
        self.address = "0x" + keccak(public)[12:].hex()
        self.subaccount, self.limits, self.nonces = subaccount, limits or Limits(), Nonces()
        self.recorded = recorded
        self.markets: dict[int, Market] = {}
        self._held: dict[int, int] = {}
        self._firm: list[tuple[int, int, int]] = []  # (instrument, signed quantity, valid to)
        self._shown: dict[int, tuple[int, int, bool]] = {}  # market -> what ladders were made of

    def auth(self, challenge: str) -> Message:
        """Returns the answer to the connection's hello."""
        text = f"Solvent maker {challenge}".encode()
        digest = keccak(b"\x19Ethereum Signed Message:\n" + str(len(text)).encode() + text)
        return {
            "op": "auth",
            "maker": self.address,
            "subaccount": str(self.subaccount),
            "signature": self._sign(digest),
        }

    def forget(self) -> None:
        """A new connection has shown nothing yet."""
        self._shown.clear()

    def see(self, markets: Message, account: Message) -> None:
        """Takes what the API answers about markets and about the maker's own positions."""
        self.markets = {m.market: m for m in markets_of(markets)}
        self._held = {
            int(row["instrumentId"]): parse_decimal(row["quantity"])
            for row in account.get("positions", ())
        }

    def ladders(self) -> list[Message]:
        """Returns new ladders of every market whose price, state or time has moved."""
        out = []
        for market in self.markets.values():
            now = (market.price, market.time, market.is_halted)
            price, time, was_halted = self._shown.get(market.market, (0, 0, False))
            is_same = (price, was_halted) == (market.price, market.is_halted)
            if is_same and 0 <= market.time - time < REFRESH_SECONDS:
                continue
            self._shown[market.market] = now
            held = self.exposure(market.time)
            delta = net_delta(held, market)
            for instrument in self._quoted(market):
                both = offer(instrument, market, held, self.limits, delta, recorded=self.recorded)
                out.append(
                    {
                        "op": "ladder",
                        "instrument": format_name(instrument, market.symbol),
                        "bids": [_pair(level) for level in both.bids],
                        "asks": [_pair(level) for level in both.asks],
                    }
                )
        return out

    def exposure(self, time: int) -> dict[int, int]:
        """Returns what is held, plus every firm quote that can still be filled, 1e18."""
        self._firm = [quote for quote in self._firm if quote[2] >= time]
        held = dict(self._held)
        for instrument, quantity, _ in self._firm:
            held[instrument] = held.get(instrument, 0) + quantity
        return held

    def answer(self, request: Message, domain: Domain) -> Message:
        """Returns a firm signed quote for a request, or a pass that says why."""
        instrument = Instrument.unpack(int(request["instrumentId"]))
        market = self.markets.get(instrument.market)
        if market is None or not market.lists(instrument):
            return _pass(request, "notQuoted")
        is_user_buying, wanted = request["side"] == "buy", parse_decimal(request["quantity"])
        held = self.exposure(market.time)
        both = offer(instrument, market, held, self.limits, recorded=self.recorded)
        price, quantity = firm_price(both.asks if is_user_buying else both.bids, wanted)
        if not quantity:
            return _pass(request, "inventory")
        quote = MakerQuote(
            maker=self.address,
            subaccount=self.subaccount,
            solver=request["solver"],
            instrument=instrument.id,
            maker_sells=is_user_buying,
            price=price,
            max_quantity=quantity,
            valid_to=min(int(request["validTo"]), market.time + QUOTE_SECONDS),
            nonce=self.nonces.take(),
        )
        signed = -quantity if is_user_buying else quantity
        self._firm.append((instrument.id, signed, quote.valid_to))
        return {
            "op": "quote",
            "requestId": request["requestId"],
            "quote": _wire(quote),
            "signature": self._sign(quote_digest(quote, domain)),
        }

    def _quoted(self, market: Market) -> list[Instrument]:
        """Returns what has ladders: the perp and everything listed, or as much as was recorded."""
        listed, recorded = market.instruments(), self.recorded
        if recorded is None:
            return list(listed)
        return [i for i in listed if not i.is_option or recorded.has(i, market.symbol)]

    def _sign(self, digest: bytes) -> str:
        signed = self._key.sign_recoverable(digest, hasher=None)
        return "0x" + (signed[:64] + bytes([signed[64] + 27])).hex()


async def run(
    settings: Settings, key: bytes | None = None, recorded: RecordedQuotes | None = None
) -> None:
    """Quotes until cancelled, by the built-in surfaces or as recorded; connects again whenever the
    service goes away."""
    maker = Maker(key or keys_of(settings, ["maker"])["maker"], recorded=recorded)
    base, failures = f"//{settings.host}:{settings.port}", 0
    async with httpx.AsyncClient(base_url=f"http:{base}", timeout=5) as client:
        while True:
            try:
                async with connect(f"ws:{base}/v1/rfq/requests", max_size=2**16) as socket:
                    _log.info("makerConnected", maker=maker.address)
                    failures = 0
                    await serve(maker, client, socket)
            except (OSError, TimeoutError, WebSocketException, httpx.HTTPError) as error:
                _log.warning("makerDisconnected", error=repr(error))
            await asyncio.sleep(RETRY_SECONDS[min(failures, len(RETRY_SECONDS) - 1)])
            failures += 1


async def serve(maker: Maker, client: httpx.AsyncClient, socket: ClientConnection) -> None:
    """One connection's life: authenticate, then show ladders and answer requests."""
    hello = json.loads(await socket.recv())
    domain = Domain(int(hello["chainId"]), hello["verifyingContract"])
    await socket.send(json.dumps(maker.auth(hello["challenge"])))
    maker.forget()
    showing = asyncio.create_task(_show(maker, client, socket))
    try:
        async for text in socket:
            message = json.loads(text)
            if message["op"] == "request":
                await socket.send(json.dumps(maker.answer(message, domain)))
            elif message["op"] == "error":
                _log.warning("makerRefused", code=message["code"], detail=message["detail"])
    finally:
        showing.cancel()
        with contextlib.suppress(asyncio.CancelledError, WebSocketException, OSError):
            await showing


async def _show(maker: Maker, client: httpx.AsyncClient, socket: ClientConnection) -> None:
    """Keeps ladders fresh; what cannot be read now is read at the next look."""
    account = f"/v1/accounts/{maker.address}/{maker.subaccount}/positions"
    try:
        while True:
            with contextlib.suppress(httpx.HTTPError):
                markets, held = await client.get("/v1/markets"), await client.get(account)
                if markets.status_code == held.status_code == 200:
                    maker.see(markets.json(), held.json())
            for ladder in maker.ladders():
                await socket.send(json.dumps(ladder))
            await asyncio.sleep(LOOK_MS / 1000)
    finally:
        await socket.close()  # without ladders there is nothing to be asked about


def markets_of(answer: Message) -> list[Market]:
    """Returns the markets in an answer of GET /v1/markets."""
    time = _seconds(answer["snapshot"]["time"])
    return [
        Market(
            market=row["market"],
            symbol=row["symbol"],
            price=parse_decimal(row["price"]),
            series=_series(row["series"]),
            is_halted=row["oracleState"] == "HALT",
            time=time,
            asians=_series(row["asianSeries"]),
            fixings=tuple(
                Fixing(_seconds(one["expiry"]), one["fixed"], parse_decimal(one["total"]))
                for one in row["fixings"]
            ),
        )
        for row in answer["markets"]
    ]


def _series(rows: list[Message]) -> tuple[tuple[int, tuple[int, ...]], ...]:
    return tuple(
        (_seconds(row["expiry"]), tuple(parse_decimal(text) for text in row["strikes"]))
        for row in rows
    )


def _seconds(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


def _pair(level: Level) -> list[str]:
    return [format_decimal(level.price), format_decimal(level.quantity)]


def _pass(request: Message, reason: str) -> Message:
    return {"op": "pass", "requestId": request["requestId"], "reason": reason}


def _wire(quote: MakerQuote) -> Message:
    return {
        "maker": quote.maker,
        "subaccount": str(quote.subaccount),
        "solver": quote.solver,
        "instrument": str(quote.instrument),
        "makerSells": quote.maker_sells,
        "price": str(quote.price),
        "maxQuantity": str(quote.max_quantity),
        "validTo": str(quote.valid_to),
        "nonce": str(quote.nonce),
    }
