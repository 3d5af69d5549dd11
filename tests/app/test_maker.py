"""Our maker: prices around Black-76, never beyond its inventory, every firm quote its own nonce."""

import asyncio
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from app.board import Block, Board, Listing, Price
from app.maker.book import LEVELS, Limits, Market, fair_of, firm_price, net_delta, offer
from app.maker.session import Maker, Nonces, markets_of
from app.rfq import RfqDesk, wire
from app.verify import recover
from solver.domain.instrument import Instrument, Kind, Token
from solver.domain.market import Level
from solver.domain.risk import Fixing
from solver.domain.snapshot import Underlying
from solver.domain.surface import flat
from solver.domain.typed_data import Domain

WAD = 10**18
NOW = 1_790_000_000
FLAT = flat(650_000)
EXPIRY = 1_792_742_400  # 2026-10-23 08:00 UTC
WETH = Token("0x" + "11" * 20, "WETH", 18)
USDC = Token("0x" + "22" * 20, "USDC", 6)
DOMAIN = Domain(31338, "0x" + "5e" * 20)
SOLVER = "0x" + "99" * 20
ETH = Market(
    1, "ETH", 3000 * WAD, ((EXPIRY, (2800 * WAD, 3200 * WAD)),), False, NOW,
    ((EXPIRY, (3000 * WAD,)),), (Fixing(EXPIRY - 7 * 86_400, 2, 6100 * WAD),),
)  # fmt: skip
PERP = Instrument(1, Kind.PERP)
CALL = Instrument(1, Kind.CALL, EXPIRY, 3200 * WAD)
PUT = Instrument(1, Kind.PUT, EXPIRY, 2800 * WAD)
MEAN_CALL = Instrument(1, Kind.ASIAN_CALL, EXPIRY, 3000 * WAD)
ANSWER: dict[str, Any] = {
    "snapshot": {"time": "2026-09-21T14:13:20Z"},
    "markets": [
        {
            "market": 1, "symbol": "ETH", "price": "3000",
            "series": [{"expiry": "2026-10-23T08:00:00Z", "strikes": ["2800", "3200"]}],
            "asianSeries": [{"expiry": "2026-10-23T08:00:00Z", "strikes": ["3000"]}],
            "fixings": [{"expiry": "2026-10-16T08:00:00Z", "fixed": 2, "total": "6100"}],
            "oracleState": "OK",
        }
    ],
}  # fmt: skip


def maker(positions: tuple = ()) -> Maker:
    made = Maker(b"\x31" * 32)
    made.see(ANSWER, {"positions": list(positions)})
    return made


def request(instrument: Instrument = CALL, side: str = "buy", quantity: str = "10") -> dict:
    return {
        "op": "request",
        "requestId": "r1",
        "instrumentId": str(instrument.id),
        "side": side,
        "quantity": quantity,
        "solver": SOLVER,
        "validTo": str(NOW + 60),
    }


def test_the_api_answer_becomes_the_same_market():
    assert markets_of(ANSWER) == [ETH]


def test_both_sides_stand_around_fair_in_three_levels():
    for instrument in (PERP, CALL, PUT, MEAN_CALL):
        both, fair = offer(instrument, ETH, {}, Limits()), fair_of(instrument, ETH)
        assert len(both.bids) == len(both.asks) == len(LEVELS)
        assert both.bids[0].price < fair.value * WAD < both.asks[0].price
        assert [b.price for b in both.bids] == sorted((b.price for b in both.bids), reverse=True)
        assert [a.price for a in both.asks] == sorted(a.price for a in both.asks)


def test_a_mean_is_listed_apart_and_is_dearer_the_more_has_been_fixed():
    assert ETH.lists(MEAN_CALL)
    assert not ETH.lists(MEAN_CALL._replace(strike=3200 * WAD))
    assert not ETH.lists(CALL._replace(strike=3000 * WAD))
    assert [i for i in ETH.instruments() if i.kind is Kind.ASIAN_CALL] == [MEAN_CALL]
    late = ETH._replace(time=EXPIRY - 3600)
    rich = late._replace(fixings=(Fixing(EXPIRY, 6, 6 * 3200 * WAD),))
    poor = late._replace(fixings=(Fixing(EXPIRY, 6, 6 * 2800 * WAD),))
    assert fair_of(MEAN_CALL, rich).value > 150
    assert fair_of(MEAN_CALL, poor).value < 1
    plain = fair_of(CALL._replace(strike=3000 * WAD), ETH)
    assert 0.8 * plain.value < fair_of(MEAN_CALL, ETH).value < plain.value


def test_no_one_who_saw_the_fixing_first_takes_more_than_the_spread():
    """The feed moves by .9 % after a fixing; until it is recorded the maker takes the feed."""
    late = ETH._replace(time=EXPIRY - 86_000, price=3000 * WAD)
    waiting = late._replace(fixings=(Fixing(EXPIRY, 5, 5 * 3300 * WAD),))
    for fixing in (2973, 3027):
        known = late._replace(fixings=(Fixing(EXPIRY, 6, (5 * 3300 + fixing) * WAD),))
        true, both = fair_of(MEAN_CALL, known).value, offer(MEAN_CALL, waiting, {}, Limits())
        assert both.bids[0].price < true * WAD < both.asks[0].price
    assert fair_of(MEAN_CALL, waiting).half_spread > 4 * fair_of(MEAN_CALL, known).half_spread
    assert fair_of(CALL, waiting) == fair_of(CALL, known)


def test_a_worthless_option_has_no_bid_and_an_ask():
    far = Instrument(1, Kind.CALL, NOW + 60, 3200 * WAD)
    both = offer(far, ETH._replace(series=((NOW + 60, (3200 * WAD,)),)), {}, Limits())
    assert both.bids == ()
    assert both.asks[0].price > 0


def test_a_halted_market_has_no_offer():
    assert offer(PERP, ETH._replace(is_halted=True), {}, Limits()) == ((), ())


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([PERP, CALL, PUT, MEAN_CALL]),
    st.integers(-900, 900),
    st.integers(-2500, 2500),
)
def test_taking_everything_offered_stays_inside_the_limits(instrument, held_units, perp_units):
    limits = Limits()
    held = {CALL.id: held_units * WAD, PERP.id: perp_units * WAD}
    most, before = limits.instrument / 3000, net_delta(held, ETH)
    both = offer(instrument, ETH, held, limits)
    for sign, levels in ((1, both.bids), (-1, both.asks)):
        taken = sign * sum(level.quantity for level in levels)
        after = dict(held)
        after[instrument.id] = after.get(instrument.id, 0) + taken
        if taken:
            assert sign * after[instrument.id] <= most * WAD
        delta = net_delta(after, ETH)
        assert abs(delta) <= max(limits.net_delta / 3000, abs(before)) + 1e-6


def test_a_long_inventory_lowers_both_prices():
    flat, long = offer(PERP, ETH, {}, Limits()), offer(PERP, ETH, {PERP.id: 300 * WAD}, Limits())
    assert long.bids[0].price < flat.bids[0].price
    assert long.asks[0].price < flat.asks[0].price


def test_a_firm_price_is_the_worst_level_it_needs():
    levels = (Level(10, 5), Level(11, 5))
    assert firm_price(levels, 5) == (10, 5)
    assert firm_price(levels, 6) == (11, 6)
    assert firm_price(levels, 50) == (11, 10)
    assert firm_price((), 1) == (0, 0)


def test_its_ladders_and_quotes_pass_the_desk():
    eth = Underlying(1, "ETH", WETH, 0, 0, FLAT, 1_500_000, 0, 100_000, 65_000, 750_000, 800_000)
    board = Board(Listing(31338, USDC, (WETH, USDC), (eth,), WETH.address))
    board.set_prices([Price(1, 3000 * WAD, WAD, "OK")])
    board.set_block(Block(9, NOW, 1))
    desk, ours = RfqDesk(board, DOMAIN, recover), maker()
    account = desk.authenticate("c0ffee", ours.auth("c0ffee"))
    asked: list[dict] = []

    def send(message: dict) -> bool:
        asked.append(message)
        return True

    desk.connect(account, send)
    for ladder in ours.ladders():
        desk.on_message(account, ladder)
    assert {shown.instrument for shown in board.snapshot().ladders} >= {
        PERP.id,
        CALL.id,
        PUT.id,
        MEAN_CALL.id,
    }

    async def ask() -> int:
        asking = asyncio.create_task(desk.request(CALL.id, -3 * WAD, SOLVER, 1_000))
        await asyncio.sleep(0)
        desk.on_message(account, ours.answer(asked[0], DOMAIN))
        return len(await asking)

    assert asyncio.run(ask()) == 1


def test_a_quote_holds_for_seconds_by_the_chains_time():
    answer = maker().answer(request(), DOMAIN)
    assert int(answer["quote"]["validTo"]) == NOW + 30
    assert answer["quote"]["makerSells"] is True


def test_open_firm_quotes_count_against_inventory_until_they_expire():
    ours = maker()
    first = ours.answer(request(PERP, "buy", "600"), DOMAIN)
    again = ours.answer(request(PERP, "buy", "600"), DOMAIN)
    assert int(again["quote"]["maxQuantity"]) < int(first["quote"]["maxQuantity"])
    assert ours.exposure(NOW + 31) == {}


def test_a_full_inventory_passes():
    full = {"instrumentId": str(PERP.id), "quantity": "-10000"}
    assert maker((full,)).answer(request(PERP), DOMAIN)["op"] == "pass"


def test_what_is_not_listed_is_passed():
    unlisted = Instrument(1, Kind.CALL, EXPIRY, 9999 * WAD)
    assert maker().answer(request(unlisted), DOMAIN)["reason"] == "notQuoted"
    assert maker().answer(request(Instrument(7, Kind.PERP)), DOMAIN)["reason"] == "notQuoted"


def test_ladders_are_shown_again_after_a_move_or_a_while_and_not_before():
    ours = maker()
    assert len(ours.ladders()) == 7
    assert ours.ladders() == []
    ours.see(ANSWER | {"snapshot": {"time": "2026-09-21T14:13:28Z"}}, {})
    assert len(ours.ladders()) == 7
    moved = ANSWER["markets"][0] | {"price": "3001"}
    ours.see(ANSWER | {"snapshot": {"time": "2026-09-21T14:13:29Z"}, "markets": [moved]}, {})
    assert len(ours.ladders()) == 7


def test_a_halt_withdraws_every_ladder():
    ours = maker()
    ours.ladders()
    ours.see(ANSWER | {"markets": [ANSWER["markets"][0] | {"oracleState": "HALT"}]}, {})
    assert all(ladder["bids"] == ladder["asks"] == [] for ladder in ours.ladders())


def test_nonces_never_repeat_and_lanes_follow_each_other():
    nonces = Nonces(epoch=3)
    taken = [nonces.take() for _ in range(600)]
    assert len(set(taken)) == 600
    assert {nonce >> 192 for nonce in taken} == {3}
    assert len({nonce >> 8 for nonce in taken}) == 3


def test_its_quote_is_signed_by_its_own_key():
    ours = maker()
    signed = wire.parse_quote(ours.answer(request(), DOMAIN))
    assert signed.quote.maker == ours.address
