"""Leaving contracts out of the search for lots never costs anything."""

from hypothesis import given, settings
from hypothesis import strategies as st

from solver.domain.market import Ladder, Level
from solver.domain.numbers import WAD
from solver.domain.program import Exposure
from solver.routing.charge import fill_toll
from solver.routing.legs.contracts import narrowed_lots
from solver.routing.lots import MILLI, Ground, best_lots, offers_of
from tests.solver.routing import world
from tests.solver.routing.world import MAKER, OTHER_MAKER, call

STRIKES = tuple(range(3_000, 4_600, 100))
SNAPSHOT = world.snapshot(underlyings=(world.underlying(strikes=tuple(k * WAD for k in STRIKES)),))


def ladders(prices):
    out = list(world.LADDERS[:2])
    for number, (strike, cents, size) in enumerate(prices):
        bids = tuple(Level((cents - 7 * n) * 10**16, size * WAD // 3) for n in range(3))
        out.append(Ladder((MAKER, OTHER_MAKER)[number % 2], call(strike), bids, (), False, 0))
    return tuple(out)


def credit(table, lots):
    used = [(offer, count) for offer, count in zip(table, lots, strict=True) if count]
    makers = {(o.exposure.leg, o.ladder.instrument, o.sign, o.ladder.maker) for o, _ in used}
    return sum(o.credit * n for o, n in used) - fill_toll(SNAPSHOT) * MILLI * len(makers)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(STRIKES), st.integers(2_000, 40_000), st.integers(1, 30)),
        min_size=8,
        max_size=24,
    ),
    st.integers(1, 12),
    st.booleans(),
)
def test_the_best_of_a_wide_range_is_the_best_of_all(prices, size, is_hedged):
    snapshot = SNAPSHOT._replace(ladders=ladders(prices))
    asked = world.covered_call(*STRIKES, size=size)
    asked = asked._replace(limits=world.limits(max_slippage_bps=2**32 - 1))
    if not is_hedged:
        asked = asked._replace(exposures=asked.exposures[:1], delta=None)
    ground, table = Ground(delta=size * WAD * WAD), offers_of(asked, snapshot)
    narrow, full = (lots(asked, snapshot, ground, table) for lots in (narrowed_lots, best_lots))
    assert (narrow is None) == (full is None)
    if narrow is not None and full is not None:
        assert credit(table, narrow) == credit(table, full)


def test_a_wide_range_of_buys_finds_the_cheapest():
    asks = tuple(
        Ladder(MAKER, call(k), (), (Level((k // 10) * WAD, 9 * WAD),), False, 0) for k in STRIKES
    )
    asked = world.covered_call(*STRIKES)._replace(
        exposures=(Exposure(0, "buy", tuple(map(call, STRIKES)), 2 * WAD, 2 * WAD, 0),),
        delta=None,
        limits=world.limits(max_slippage_bps=2**32 - 1),
    )
    snapshot = SNAPSHOT._replace(ladders=asks)
    table = offers_of(asked, snapshot)
    lots = narrowed_lots(asked, snapshot, Ground(), table)
    assert lots is not None
    assert [o.ladder.instrument for o, n in zip(table, lots, strict=True) if n] == [call(3_000)]
