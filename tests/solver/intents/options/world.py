"""A market like the local chain's: every listed option and the perp quoted on both sides."""

from typing import Any

from solver.domain.ids import AccountId
from solver.domain.instrument import KIND_OF_RIGHT, Instrument, Kind
from solver.domain.market import Ladder, Level
from solver.domain.snapshot import Snapshot
from solver.intents import compile_intent, draft, parse_wanted
from solver.pricing.marks import mark_of
from tests.solver.pricing.world import (
    BASE,
    OWNER,
    PERP,
    WAD,
    account,
    bitcoin,
    ether,
    snapshot,
)

MAKER = AccountId(31338, "0x" + "77" * 20, 0)
TIME = 1_795_168_800  # 2026-11-20 10:00 UTC
FRIDAYS = tuple(1_795_766_400 + week * 604_800 for week in range(5))  # 27 November to 25 December
JANUARY = FRIDAYS[-1] + 5 * 604_800
EXPIRIES = (*FRIDAYS, JANUARY)
DECEMBER = FRIDAYS[-1]
STRIKES = tuple(strike * WAD for strike in range(2_200, 5_601, 200))
HALF_SPREAD = 2 * WAD
DEPTH = 50 * WAD


def option(right: str, strike: int, expiry: int = DECEMBER) -> Instrument:
    return Instrument(1, Kind.CALL if right == "C" else Kind.PUT, expiry, strike * WAD)


HELD_CALL, HELD_PUT = option("C", 4_000), option("P", 3_200)
HELD = account(
    (BASE, 30 * WAD), (PERP, -3 * WAD), (HELD_CALL, -2 * WAD), (HELD_PUT, WAD), cash=10**11
)


def ladder(instrument: Instrument, world: Snapshot, depth: int = DEPTH) -> Ladder:
    """Three levels a side around the mark."""
    mark = mark_of(instrument, world)
    tick = 10**14
    asks = [Level((mark + step * HALF_SPREAD) // tick * tick, depth) for step in (1, 2, 3)]
    bids = [
        Level((mark - step * HALF_SPREAD) // tick * tick, depth)
        for step in (1, 2, 3)
        if mark > step * HALF_SPREAD
    ]
    return Ladder(MAKER, instrument.id, tuple(bids), tuple(asks), False, world.time_ms)


def quoted(*missing: Instrument, time: int = TIME, **changes: Any) -> Snapshot:
    """Every listed contract but `missing` has a ladder; `changes` are the underlying's."""
    market = ether(price=3_600 * WAD, expiries=EXPIRIES, strikes=STRIKES)._replace(**changes)
    world = snapshot(market, bitcoin(expiries=(), strikes=()), time=time)
    listed = [PERP, Instrument(2, Kind.PERP)]
    listed += [
        Instrument(1, kind, expiry, strike)
        for expiry in market.expiries
        for strike in market.strikes_at(expiry)
        for kind in (Kind.CALL, Kind.PUT)
    ]
    kept = (each for each in listed if each not in missing and each.expiry != time)
    return world._replace(ladders=tuple(ladder(each, world) for each in kept))


QUOTED = quoted()
TERMS: dict[str, Any] = {"owner": OWNER, "slippageBps": "100", "maxFee": "5"}


def drafted(request, held=HELD, world=QUOTED, **terms):
    wanted = parse_wanted({"request": request, "terms": TERMS | terms})
    return draft(wanted.request, held, world, wanted.terms)


def compiled(request, held=HELD, world=QUOTED, **terms):
    return compile_intent(drafted(request, held, world, **terms), held, world, "eip712")


def contracts(request, held=HELD, world=QUOTED, **terms):
    """Returns (side, contract, quantity) of each exact option leg."""
    out = []
    for leg in drafted(request, held, world, **terms).legs:
        if leg.kind == "option":
            kind = KIND_OF_RIGHT[leg.right]
            contract = Instrument(1, kind, leg.expiry_min, leg.strike_min)
            out.append((leg.side, contract, leg.quantity_min))
    return out
