"""Selectors, structures and ranges on a market as it was: uneven strikes, missing quotes."""

from typing import Any

import pytest

from adapters.recorded import OptionChain, read_chain
from app.feeds.recorded import market_of
from solver.domain.instrument import Instrument, Kind
from solver.domain.market import Ladder, Level
from solver.domain.numbers import WAD
from solver.domain.snapshot import Snapshot
from solver.pricing.greeks import delta_of
from solver.routing.certify import certify
from solver.solve import solve
from tests.app.recorded_world import DERIBIT, needs_recorded, unix
from tests.solver.intents.options.world import MAKER, compiled
from tests.solver.pricing.world import BASE, PERP, account, ether, snapshot

pytestmark = needs_recorded
AT = unix("2026-02-05T09:36:00+00:00")
HELD = account((BASE, 30 * WAD), cash=10**12)
SIZE = 20 * WAD


def ladders(chain: OptionChain) -> tuple[Ladder, ...]:
    """One level a side where it was quoted, in dollars at the row's own index."""
    out = []
    for row in chain.rows:
        kind = Kind.CALL if row.is_call else Kind.PUT
        packed = Instrument(1, kind, row.expiry, row.strike).id
        bids, asks = (
            () if coin is None or coin * row.index_price < WAD**2 // 10**4
            else (Level(coin * row.index_price // WAD, SIZE),)
            for coin in (row.bid, row.ask)
        )  # fmt: skip
        out.append(Ladder(MAKER, packed, bids, asks, False, AT * 1000))
    price = chain.index_price
    perp = Ladder(MAKER, PERP.id, (Level(price, SIZE),), (Level(price, SIZE),), False, AT * 1000)
    return (*out, perp)


@pytest.fixture(scope="module")
def world() -> Snapshot:
    chain = read_chain(DERIBIT, AT, "ETH")
    market = market_of(chain)
    eth = ether(price=chain.index_price, surface=market.surface, series=market.series)
    eth = eth._replace(expiries=market.expiries, strikes=())
    return snapshot(eth, time=AT)._replace(ladders=ladders(chain))


TENOR = {"underlying": "ETH", "size": "2", "tenorDays": [20, 60]}
CONDOR = {"outcome": "ironCondor", **TENOR} | {
    "putLong": {"delta": "0.1"},
    "putShort": {"delta": "0.25"},
    "callShort": {"delta": "0.25"},
    "callLong": {"delta": "0.1"},
}
QUARTER = {"delta": "0.25"}
REQUESTS: list[dict[str, Any]] = [
    CONDOR,
    {"outcome": "straddle", "side": "buy", **TENOR},
    {"outcome": "strangle", "side": "sell", "put": QUARTER, "call": QUARTER, **TENOR},
    {"outcome": "vertical", "right": "put", "long": {"delta": "0.4"}, "short": QUARTER, **TENOR},
    {"outcome": "collar", "put": QUARTER, "call": QUARTER, **TENOR},
    {"outcome": "butterfly", "right": "call", "middle": {"moneyness": "1"}, "width": "200"} | TENOR,
    {"outcome": "calendar", "underlying": "ETH", "right": "call", "size": "2"}
    | {"near": {"moneyness": "1", "tenorDays": [5, 30]}, "far": {"tenorDays": [40, 90]}},
    {"outcome": "coveredCall", "underlying": "ETH", "size": "10"}
    | {"instrument": {"delta": "0.25", "tenorDays": [20, 60]}},
    {"outcome": "sellOption", "underlying": "ETH", "size": "10"}
    | {"instrument": {"right": "put", "delta": ["0.15", "0.35"], "tenorDays": 50}},
    {"outcome": "buyOption", "underlying": "ETH", "size": "10"}
    | {"instrument": {"right": "call", "moneyness": ["0.9", "1.3"], "tenorDays": [0, 400]}},
]


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda request: request["outcome"])
def test_what_is_asked_of_the_recorded_market_is_planned_and_certified(world, request_):
    program = compiled(request_, HELD, world, slippageBps="300")
    solution = solve(program, HELD, world)
    certify(program, world, solution, HELD)
    assert solution.certificate.gap_ppm <= 100_000
    sides = {exposure.leg: exposure.side for exposure in program.exposures}
    quoted = {
        (ladder.instrument, side)
        for ladder in world.ladders
        for side, levels in (("buy", ladder.asks), ("sell", ladder.bids))
        if levels
    }
    assert {(fill.instrument, sides[fill.leg]) for fill in solution.fills} <= quoted


def test_the_deltas_of_a_condor_are_near_what_was_asked(world):
    exposures = compiled(CONDOR, HELD, world).exposures
    got = [Instrument.unpack(exposure.candidates[0]) for exposure in exposures]
    deltas = [abs(delta_of(each, world.underlyings[0], AT)) / WAD for each in got]
    assert deltas == pytest.approx([0.1, 0.25, 0.25, 0.1], abs=0.05)
    assert len({each.expiry for each in got}) == 1
