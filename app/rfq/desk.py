"""The request desk: asks every connected maker, keeps only firm quotes that would hold on chain.

A maker sees what is to be traded and how much, never the user's limit, and nobody waits for a slow
one: a request ends when all have answered or at its deadline, whichever is first.
"""

import asyncio
import itertools
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

from app.board import Board
from app.rfq import wire
from app.rfq.wire import Message
from solver.domain.errors import Conflict, Malformed, Refused, Unauthorized
from solver.domain.ids import AccountId, Address
from solver.domain.instrument import QUANTITY_MAX, Instrument, format_name
from solver.domain.intent import MakerQuote, SignedQuote
from solver.domain.numbers import PPM, format_decimal, mul_up
from solver.domain.snapshot import Snapshot
from solver.domain.typed_data import Domain, quote_digest

QUOTE_SECONDS_MAX = 60
MAKERS_MAX = 32
INSTRUMENTS_MAX = 2_560  # ladders per maker: every option recorded on a day, of both currencies
NONCES_REMEMBERED = 4096
FIRM_BAND_PPM = 10_000  # a firm price leaves the maker's own ladder by at most 1 % of spot

Send = Callable[[Message], bool]  # False: the maker's queue is full and it was not told
Recover = Callable[[bytes, bytes], Address]  # (digest, signature) -> signer; raises Unauthorized


class Request(NamedTuple):
    """What makers are asked. `quantity` is signed from the user's side, 1e18."""

    id: str
    instrument: int
    quantity: int
    solver: Address


class RfqDesk:
    """Connected makers, their ladders on the board, and the requests that are open now."""

    def __init__(self, board: Board, domain: Domain, recover: Recover) -> None:
        self._board, self._domain, self._recover = board, domain, recover
        self._sends: dict[AccountId, Send] = {}
        self._listed: dict[AccountId, set[int]] = {}
        self._open: dict[str, _Round] = {}
        self._nonces: OrderedDict[tuple[Address, int], None] = OrderedDict()
        self._ids = itertools.count(1)

    @property
    def makers(self) -> tuple[AccountId, ...]:
        """The makers connected now."""
        return tuple(self._sends)

    def authenticate(self, challenge: str, message: Message) -> AccountId:
        """Returns the account that signed the connection's challenge. Raises Unauthorized."""
        maker, subaccount, signature = wire.parse_auth(message)
        if self._recover(wire.challenge_digest(challenge), signature) != maker:
            detail = "the challenge is not signed by this maker"
            raise Unauthorized(detail, code="badSignature", field="signature")
        return AccountId(self._domain.chain_id, maker, subaccount)

    def connect(self, maker: AccountId, send: Send) -> None:
        """Adds a maker; a second connection of the same account replaces the first, and its
        ladders: what was shown before is nobody's to withdraw."""
        if maker not in self._sends and len(self._sends) >= MAKERS_MAX:
            raise Refused(f"{MAKERS_MAX} makers are connected", code="tooManyMakers")
        self._board.drop_maker(maker)
        self._sends[maker] = send
        self._listed[maker] = set()

    def disconnect(self, maker: AccountId, send: Send) -> None:
        """Forgets a connection and withdraws its ladders; nothing if it was replaced already."""
        if self._sends.get(maker) != send:
            return
        del self._sends[maker], self._listed[maker]
        self._board.drop_maker(maker)
        for round_ in self._open.values():
            round_.answer(maker, None)

    def on_message(self, maker: AccountId, message: Message) -> None:
        """Takes one message of a connected maker. Raises a typed error that it is told."""
        if maker not in self._sends:
            detail = "this maker is not connected any more"
            raise Unauthorized(detail, code="makerNotConnected")
        op = message.get("op")
        if op == "ladder":
            self._take_ladder(maker, message)
        elif op == "quote":
            self.take_quote(message, maker)
        elif op == "pass":
            self._round(message).answer(maker, None)
        else:
            raise Malformed("ops are ladder, quote and pass", code="unknownOp", field="op")

    async def request(
        self, instrument: int, quantity: int, solver: Address, deadline_ms: int
    ) -> list[SignedQuote]:
        """Returns the firm quotes that arrive in time, best price for the user first.

        `quantity` is signed from the user's side, 1e18. An answer may be empty; it never waits
        longer than `deadline_ms` of real time.
        """
        asked = Request(f"r{next(self._ids)}", instrument, quantity, solver)
        message = self._message(asked, self._board.snapshot())
        round_ = _Round(asked)
        self._open[asked.id] = round_
        try:
            round_.waiting = {m for m, send in list(self._sends.items()) if send(dict(message))}
            if round_.waiting:
                async with asyncio.timeout(deadline_ms / 1000):
                    await round_.done.wait()
        except TimeoutError:
            pass  # whoever has not answered is not waited for
        finally:
            del self._open[asked.id]
        sign = 1 if quantity > 0 else -1
        return sorted(round_.quotes.values(), key=lambda signed: sign * signed.quote.price)

    def take_quote(self, message: Message, maker: AccountId | None = None) -> SignedQuote:
        """Verifies a quote message and hands it to its request; `maker` None: it came by POST.

        Raises Malformed, Unauthorized, Refused (late, unlisted, outside its band) or Conflict.
        """
        round_ = self._round(message)
        signed = wire.parse_quote(message)
        account = AccountId(self._domain.chain_id, signed.quote.maker, signed.quote.subaccount)
        if maker is not None and account != maker:
            raise Unauthorized("the quote names another maker", field="maker")
        if account not in self._sends:
            detail = "this maker is not connected"
            raise Unauthorized(detail, code="makerNotConnected", field="maker")
        if (
            self._recover(quote_digest(signed.quote, self._domain), signed.signature)
            != account.owner
        ):
            detail = "the quote is not signed by its maker"
            raise Unauthorized(detail, code="badSignature", field="signature")
        self._verify(signed.quote, account, round_.request)
        if not round_.answer(account, signed):
            detail = "this maker has answered this request, or was not asked"
            raise Conflict(detail, code="alreadyAnswered", field="requestId")
        self._remember(signed.quote)
        return signed

    def _verify(self, quote: MakerQuote, account: AccountId, request: Request) -> None:
        """What is wrong says what was asked and where the maker stands: only its signer is told."""
        snapshot = self._board.snapshot()
        for field, is_asked in (
            ("instrument", quote.instrument == request.instrument),
            ("solver", quote.solver == request.solver),
        ):
            if not is_asked:
                raise Refused("the quote is not for this request", code="quoteTerms", field=field)
        if quote.maker_sells != (request.quantity > 0):
            raise Refused("the quote is on the other side", code="quoteTerms", field="makerSells")
        if not snapshot.time < quote.valid_to <= snapshot.time + QUOTE_SECONDS_MAX:
            detail = f"validTo must be within {QUOTE_SECONDS_MAX} s of the chain's time"
            raise Refused(detail, code="quoteExpired", field="validTo")
        if not 0 < quote.max_quantity <= QUANTITY_MAX or quote.price <= 0:
            detail = "price and maxQuantity must be positive"
            raise Refused(detail, code="quoteTerms", field="maxQuantity")
        if (quote.maker, quote.nonce) in self._nonces:
            raise Conflict("this nonce was quoted before", code="nonceUsed", field="nonce")
        self._require_in_band(quote, account, snapshot)

    def _require_in_band(self, quote: MakerQuote, account: AccountId, snapshot: Snapshot) -> None:
        """A slip of the maker's hand is refused before it costs somebody a revert."""
        ladder = self._board.ladder(quote.instrument, account)
        underlying = snapshot.underlying(quote.instrument >> 144)
        levels = (ladder.asks if quote.maker_sells else ladder.bids) if ladder else ()
        if underlying is None or not levels:
            detail = "a firm quote needs a ladder on that side"
            raise Refused(detail, code="noLadder", field="makerSells")
        band = mul_up(underlying.price, FIRM_BAND_PPM, PPM)
        prices = [level.price for level in levels]
        if not min(prices) - band <= quote.price <= max(prices) + band:
            data = {"price": format_decimal(quote.price), "ladder": format_decimal(prices[0])}
            detail = "the price is far from the maker's ladder"
            raise Refused(detail, code="priceBand", field="price", data=data)

    def _take_ladder(self, maker: AccountId, message: Message) -> None:
        snapshot = self._board.market_state()
        ladder = wire.parse_ladder(maker, message, snapshot)
        if _has_expired(ladder.instrument, snapshot.time):
            raise Refused("the option expired", code="instrumentExpired", field="instrument")
        listed = self._listed[maker]
        if ladder.instrument not in listed and len(listed) >= INSTRUMENTS_MAX:
            listed -= {each for each in listed if _has_expired(each, snapshot.time)}
        if ladder.instrument not in listed and len(listed) >= INSTRUMENTS_MAX:
            detail = f"a maker lists at most {INSTRUMENTS_MAX} instruments"
            raise Refused(detail, code="tooManyInstruments", field="instrument")
        if ladder.bids or ladder.asks:
            listed.add(ladder.instrument)
        else:
            listed.discard(ladder.instrument)
        self._board.set_ladder(ladder)

    def _round(self, message: Message) -> "_Round":
        round_ = self._open.get(wire.text(message, "requestId"))
        if round_ is None:
            raise Refused("no such request is open", code="requestClosed", field="requestId")
        return round_

    def _remember(self, quote: MakerQuote) -> None:
        self._nonces[(quote.maker, quote.nonce)] = None
        if len(self._nonces) > NONCES_REMEMBERED:
            self._nonces.popitem(last=False)

    def _message(self, request: Request, snapshot: Snapshot) -> Message:
        underlying = snapshot.underlying(request.instrument >> 144)
        if underlying is None or request.quantity == 0:
            raise Malformed("a request names a listed market and a quantity")
        return {
            "op": "request",
            "requestId": request.id,
            "instrument": format_name(Instrument.unpack(request.instrument), underlying.symbol),
            "instrumentId": str(request.instrument),
            "side": "buy" if request.quantity > 0 else "sell",
            "quantity": format_decimal(abs(request.quantity)),
            "solver": request.solver,
            "validTo": str(snapshot.time + QUOTE_SECONDS_MAX),
        }


def _has_expired(instrument: int, time: int) -> bool:
    found = Instrument.unpack(instrument)
    return found.is_option and found.expiry <= time


class _Round:
    """One open request: who is still awaited and what has come in."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.waiting: set[AccountId] = set()
        self.quotes: dict[AccountId, SignedQuote] = {}
        self.done = asyncio.Event()

    def answer(self, maker: AccountId, signed: SignedQuote | None) -> bool:
        """Takes a quote or a pass; False when this maker was not asked or has answered."""
        if maker not in self.waiting:
            return False
        self.waiting.discard(maker)
        if signed is not None:
            self.quotes[maker] = signed
        if not self.waiting:
            self.done.set()
        return True
