"""Makers are asked by size and side; only quotes that would hold on chain reach the auction."""

import asyncio

import pytest

from app.board import Block, Board, Listing, Price
from app.rfq import RfqDesk, wire
from app.rfq.desk import MAKERS_MAX
from app.verify import address_of, recover, sign
from solver.domain.errors import Conflict, Malformed, Refused, Unauthorized
from solver.domain.ids import AccountId, checksummed
from solver.domain.instrument import Instrument, Kind, Token
from solver.domain.intent import MakerQuote
from solver.domain.snapshot import Underlying
from solver.domain.surface import flat
from solver.domain.typed_data import Domain, quote_digest

WAD = 10**18
NOW = 1_790_000_000
FLAT = flat(650_000)
DOMAIN = Domain(31338, "0x" + "5e" * 20)
WETH = Token("0x" + "11" * 20, "WETH", 18)
USDC = Token("0x" + "22" * 20, "USDC", 6)
ETH = Underlying(1, "ETH", WETH, 0, 0, FLAT, 1_500_000, 0, 100_000, 65_000, 750_000, 800_000)
PERP = Instrument(1, Kind.PERP).id
KEY, OTHER_KEY = b"\x31" * 32, b"\x32" * 32
MAKER = AccountId(31338, address_of(KEY), 0)
OTHER = AccountId(31338, address_of(OTHER_KEY), 0)
SOLVER = "0x" + "99" * 20


class Desk:
    """A desk with one connected maker, whose ladder is 2999 / 3001, and what it was told."""

    def __init__(self) -> None:
        self.board = Board(Listing(31338, USDC, (WETH, USDC), (ETH,), WETH.address))
        self.board.set_prices([Price(1, 3000 * WAD, WAD, "OK")])
        self.board.set_block(Block(9, NOW, 1))
        self.desk = RfqDesk(self.board, DOMAIN, recover)
        self.told: list[dict] = []
        self.join(MAKER)

    def join(self, maker: AccountId, reads: bool = True) -> None:
        def send(message: dict) -> bool:
            self.told.append(message)
            return reads

        self.sends = getattr(self, "sends", {}) | {maker: send}
        self.desk.connect(maker, send)
        self.desk.on_message(maker, ladder())

    async def ask(self, *answers: dict, quantity: int = 5 * WAD, deadline_ms: int = 50) -> list:
        """Runs a request while the makers answer it."""
        asking = asyncio.create_task(self.desk.request(PERP, quantity, SOLVER, deadline_ms))
        await asyncio.sleep(0)
        for answer in answers:
            request = next(m for m in self.told if m["op"] == "request")
            self.desk.on_message(MAKER, answer | {"requestId": request["requestId"]})
        return await asking


def ladder(bid: str = "2999", ask: str = "3001") -> dict:
    return {"op": "ladder", "instrument": "ETH-PERP", "bids": [[bid, "9"]], "asks": [[ask, "9"]]}


def quote(key: bytes = KEY, domain: Domain = DOMAIN, **changes: object) -> dict:
    """A quote message that answers a user who buys 5, unless told otherwise."""
    base = MakerQuote(
        address_of(key), 0, SOLVER, PERP, True, 3001 * WAD, 5 * WAD, NOW + 30, 77
    )._replace(**changes)  # type: ignore[arg-type]
    body = {
        "maker": base.maker,
        "subaccount": str(base.subaccount),
        "solver": base.solver,
        "instrument": str(base.instrument),
        "makerSells": base.maker_sells,
        "price": str(base.price),
        "maxQuantity": str(base.max_quantity),
        "validTo": str(base.valid_to),
        "nonce": str(base.nonce),
    }
    signature = "0x" + sign(quote_digest(base, domain), key).hex()
    return {"op": "quote", "quote": body, "signature": signature}


async def test_a_firm_quote_reaches_the_auction_as_signed():
    found = await Desk().ask(quote())
    assert [signed.quote.price for signed in found] == [3001 * WAD]
    assert recover(quote_digest(found[0].quote, DOMAIN), found[0].signature) == MAKER.owner


async def test_a_maker_is_told_size_and_side_and_no_limit():
    desk = Desk()
    await desk.ask({"op": "pass"}, quantity=-2 * WAD)
    assert desk.told == [
        {
            "op": "request",
            "requestId": "r1",
            "instrument": "ETH-PERP",
            "instrumentId": str(PERP),
            "side": "sell",
            "quantity": "2",
            "solver": SOLVER,
            "validTo": str(NOW + 60),
        }
    ]


async def test_a_stranger_learns_nothing_of_a_request_that_is_open():
    """What is asked, and at what a maker stands, is told only to whoever signed the quote."""
    desk = Desk()
    asking = asyncio.create_task(desk.desk.request(PERP, 5 * WAD, SOLVER, 50))
    await asyncio.sleep(0)
    for changes in ({}, {"instrument": 7}, {"maker_sells": False}, {"price": 1}, {"nonce": 78}):
        forged = quote(**changes) | {"signature": quote(OTHER_KEY)["signature"], "requestId": "r1"}
        with pytest.raises(Unauthorized) as refused:
            desk.desk.take_quote(forged)
        assert refused.value.code == "badSignature", changes
    assert await asking == []


async def test_nobody_connected_is_no_wait():
    desk = Desk()
    desk.desk.disconnect(MAKER, desk.sends[MAKER])
    assert await desk.ask(deadline_ms=60_000) == []


async def test_a_pass_ends_the_wait():
    assert await Desk().ask({"op": "pass"}, deadline_ms=60_000) == []


async def test_a_silent_maker_costs_the_deadline_and_no_more():
    async with asyncio.timeout(1):
        assert await Desk().ask(deadline_ms=10) == []


async def test_a_maker_whose_queue_is_full_is_not_awaited():
    desk = Desk()
    desk.join(OTHER, reads=False)
    found = await desk.ask(quote(), deadline_ms=60_000)
    assert len(found) == 1


async def test_a_maker_that_leaves_is_not_awaited():
    desk = Desk()
    asking = asyncio.create_task(desk.desk.request(PERP, WAD, SOLVER, 60_000))
    await asyncio.sleep(0)
    desk.desk.disconnect(MAKER, desk.sends[MAKER])
    assert await asking == []
    assert desk.board.snapshot().ladders == ()


async def test_the_best_price_for_the_user_comes_first():
    desk = Desk()
    desk.join(OTHER)
    asking = asyncio.create_task(desk.desk.request(PERP, WAD, SOLVER, 60_000))
    await asyncio.sleep(0)
    desk.desk.take_quote(quote() | {"requestId": "r1"})
    desk.desk.take_quote(quote(OTHER_KEY, price=3000 * WAD) | {"requestId": "r1"})
    assert [signed.quote.price for signed in await asking] == [3000 * WAD, 3001 * WAD]


def said(**words: object) -> dict:
    """The quote with some of its words as no value could say them, signed before."""
    return quote() | {"quote": quote()["quote"] | words}


# What would not hold on chain, or is not what was asked: its class, its code and its field.
BAD = {
    "another solver": (quote(solver="0x" + "98" * 20), Refused, "quoteTerms", "solver"),
    "another instrument": (
        quote(instrument=PERP + (1 << 144)),
        Refused,
        "quoteTerms",
        "instrument",
    ),
    "the other side": (
        quote(maker_sells=False, price=2999 * WAD),
        Refused,
        "quoteTerms",
        "makerSells",
    ),
    "stale": (quote(valid_to=NOW), Refused, "quoteExpired", "validTo"),
    "valid too long": (quote(valid_to=NOW + 61), Refused, "quoteExpired", "validTo"),
    "nothing": (quote(max_quantity=0), Refused, "quoteTerms", "maxQuantity"),
    "free": (quote(price=0), Refused, "quoteTerms", "maxQuantity"),
    "over what a slot holds": (said(maxQuantity=str(2**95)), Malformed, "malformed", "maxQuantity"),
    "worse than its ladder's band": (quote(price=3032 * WAD), Refused, "priceBand", "price"),
    "far below its ladder": (quote(price=2900 * WAD), Refused, "priceBand", "price"),
    "a stranger's signature": (
        quote() | {"signature": quote(OTHER_KEY)["signature"]},
        Unauthorized,
        "badSignature",
        "signature",
    ),
    "changed after signing": (
        said(price=str(3000 * WAD)),
        Unauthorized,
        "badSignature",
        "signature",
    ),
    "another chain": (
        quote(domain=Domain(1, DOMAIN.verifying_contract)),
        Unauthorized,
        "badSignature",
        "signature",
    ),
    "another contract": (
        quote(domain=Domain(31338, "0x" + "5f" * 20)),
        Unauthorized,
        "badSignature",
        "signature",
    ),
    "half a signature": (
        quote() | {"signature": "0x12"},
        Unauthorized,
        "badSignature",
        "signature",
    ),
    "a signature that is no hex": (
        quote() | {"signature": "?"},
        Malformed,
        "malformed",
        "signature",
    ),
    "another maker": (quote(OTHER_KEY), Unauthorized, "unauthorized", "maker"),
    "another subaccount": (quote(subaccount=1), Unauthorized, "unauthorized", "maker"),
    "a mistyped maker": (
        said(maker="0x" + checksummed(MAKER.owner)[2:].swapcase()),
        Malformed,
        "wrongChecksum",
        "maker",
    ),
    "a number": (said(price=3001), Malformed, "malformed", "price"),
    "an exponent": (said(price="3e21"), Malformed, "malformed", "price"),
    "a negative price": (said(price="-1"), Malformed, "malformed", "price"),
    "a side in words": (said(makerSells="true"), Malformed, "malformed", "makerSells"),
    "an unknown field": (said(limit="1"), Malformed, "malformed", "quote"),
    "no quote": ({"op": "quote", "signature": "0x"}, Malformed, "malformed", "quote"),
}


@pytest.mark.parametrize("name", BAD)
async def test_a_quote_that_would_not_hold_is_refused_and_not_kept(name: str):
    desk = Desk()
    ladders = desk.board.snapshot().ladders
    answer, error, code, field = BAD[name]
    asking = asyncio.create_task(desk.desk.request(PERP, 5 * WAD, SOLVER, 10_000))
    await asyncio.sleep(0)
    with pytest.raises(error) as refused:
        desk.desk.on_message(MAKER, answer | {"requestId": "r1"})
    assert (refused.value.code, refused.value.field) == (code, field)
    assert desk.board.snapshot().ladders == ladders
    desk.desk.on_message(MAKER, quote() | {"requestId": "r1"})  # its turn and nonce are not spent
    assert [signed.quote.price for signed in await asking] == [3001 * WAD]


async def test_a_nonce_is_quoted_once():
    desk = Desk()
    await desk.ask(quote())
    desk.told.clear()
    with pytest.raises(Conflict) as refused:
        await desk.ask(quote())
    assert (refused.value.code, refused.value.field) == ("nonceUsed", "nonce")


async def test_an_answer_after_the_deadline_is_refused():
    desk = Desk()
    assert await desk.ask(deadline_ms=1) == []
    with pytest.raises(Refused) as refused:
        desk.desk.on_message(MAKER, quote() | {"requestId": "r1"})
    assert (refused.value.code, refused.value.field) == ("requestClosed", "requestId")


async def test_a_second_answer_is_refused():
    desk = Desk()
    desk.join(OTHER)
    asking = asyncio.create_task(desk.desk.request(PERP, WAD, SOLVER, 20))
    await asyncio.sleep(0)
    desk.desk.take_quote(quote() | {"requestId": "r1"})
    with pytest.raises(Conflict) as refused:
        desk.desk.take_quote(quote(nonce=78) | {"requestId": "r1"})
    assert refused.value.code == "alreadyAnswered"
    assert [signed.quote.nonce for signed in await asking] == [77]


async def test_a_maker_that_is_not_connected_or_was_not_asked_is_refused():
    desk = Desk()
    asking = asyncio.create_task(desk.desk.request(PERP, WAD, SOLVER, 20))
    await asyncio.sleep(0)
    late = quote(OTHER_KEY) | {"requestId": "r1"}
    for code in ("makerNotConnected", "alreadyAnswered"):
        with pytest.raises((Unauthorized, Conflict)) as refused:
            desk.desk.take_quote(late)
        assert refused.value.code == code
        if code == "makerNotConnected":
            desk.join(OTHER)  # while the request is open: it was not among those asked
    assert await asking == []


async def test_who_has_gone_says_nothing_more():
    desk = Desk()
    desk.desk.disconnect(MAKER, desk.sends[MAKER])
    with pytest.raises(Unauthorized) as refused:
        desk.desk.on_message(MAKER, ladder())
    assert refused.value.code == "makerNotConnected"
    assert desk.board.snapshot().ladders == ()


async def test_without_a_ladder_there_is_no_firm_quote():
    desk = Desk()
    desk.board.drop_maker(MAKER)
    with pytest.raises(Refused) as refused:
        await desk.ask(quote())
    assert refused.value.code == "noLadder"


CROOKED = {
    "crossed": ladder("3001", "3001"),
    "not a list": ladder() | {"bids": "x"},
    "rising bids": ladder() | {"bids": [["1", "1"], ["2", "1"]]},
    "falling asks": ladder() | {"asks": [["2", "1"], ["1", "1"]]},
    "repeated price": ladder() | {"asks": [["2", "1"], ["2", "1"]]},
    "floats": ladder() | {"bids": [[1.5, 1.0]]},
    "negative": ladder("-1"),
    "too deep": ladder() | {"asks": [[str(n), "1"] for n in range(3001, 3012)]},
    "unknown": ladder() | {"instrument": "BTC-PERP"},
    "nameless": {"op": "ladder", "bids": [], "asks": []},
}


@pytest.mark.parametrize("name", CROOKED)
def test_a_crooked_ladder_is_refused_and_the_old_one_stays(name: str):
    desk = Desk()
    before = desk.board.snapshot().ladders
    with pytest.raises(Malformed):
        desk.desk.on_message(MAKER, CROOKED[name])
    assert desk.board.snapshot().ladders == before


def test_an_unknown_word_is_refused():
    with pytest.raises(Malformed) as refused:
        Desk().desk.on_message(MAKER, {"op": "hello"})
    assert (refused.value.code, refused.value.field) == ("unknownOp", "op")


def test_only_the_signer_of_the_challenge_is_the_maker():
    desk = Desk().desk
    auth = {"maker": MAKER.owner, "subaccount": "3"}
    proof = sign(wire.challenge_digest("c0ffee"), KEY).hex()
    assert desk.authenticate("c0ffee", auth | {"signature": proof}) == MAKER._replace(subaccount=3)
    with pytest.raises(Unauthorized):
        desk.authenticate("other", auth | {"signature": proof})
    with pytest.raises(Unauthorized):
        desk.authenticate("c0ffee", auth | {"maker": OTHER.owner, "signature": proof})


def test_makers_are_bounded():
    desk = Desk()
    for number in range(1, MAKERS_MAX):
        desk.join(AccountId(31338, MAKER.owner, number))
    with pytest.raises(Refused):
        desk.join(OTHER)


def test_a_replaced_connection_takes_nothing_with_it():
    desk = Desk()
    old = desk.sends[MAKER]
    desk.join(MAKER)
    desk.desk.disconnect(MAKER, old)
    assert desk.desk.makers == (MAKER,)
    assert len(desk.board.snapshot().ladders) == 1
