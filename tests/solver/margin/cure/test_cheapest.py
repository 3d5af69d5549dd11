"""Cures restore the margin by the integers that liquidate, in lots, at what others really quote."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solver.domain.account import PORTFOLIO, SIMPLE
from solver.domain.errors import Infeasible
from solver.domain.ids import AccountId
from solver.domain.instrument import Kind
from solver.domain.market import Ladder, Level
from solver.margin.cure import Means, cure
from solver.margin.requirement import requirement
from solver.pricing.marks import mark_of
from tests.solver.pricing.world import (
    BASE,
    CALL,
    HIGH_CALL,
    OWNER,
    PERP,
    PUT,
    WAD,
    account,
    ether,
    snapshot,
)

LOT, USD = 10**15, 10**6
MAKER = AccountId(31338, "0x" + "77" * 20, 0)
ASIAN = CALL._replace(kind=Kind.ASIAN_CALL)
OPTIONS = [CALL, HIGH_CALL, PUT, ASIAN]
PLAIN = Means(LOT, is_hasty=False)


def quoted(depth=1000, maker=MAKER, spread_percent=3):
    """A market where one maker quotes two levels of everything."""
    bare = snapshot(ether())
    ladders = []
    for instrument in (*OPTIONS, PERP):
        mark = mark_of(instrument, bare)
        half = max(mark * spread_percent // 100, WAD) if instrument != PERP else 2 * WAD
        bids, asks = (
            tuple(Level(mark + side * half * n, depth * WAD // 2) for n in (1, 2))
            for side in (-1, 1)
        )
        ladders.append(Ladder(maker, instrument.id, bids, asks, False, 0))
    return bare._replace(ladders=tuple(ladders))


WORLD = quoted()


def failing(pairs, share, engine):
    """An account whose equity is `share` of its maintenance requirement."""
    bare = account(*pairs)
    found = requirement(bare, WORLD, engine)
    return bare._replace(cash=int(found.maintenance * share) - found.equity)


held = st.lists(
    st.tuples(st.sampled_from(OPTIONS), st.integers(-20, 20).filter(bool)),
    unique_by=lambda pair: pair[0],
    min_size=1,
)


@given(held, st.integers(-20, 20), st.floats(0.7, 0.999), st.sampled_from([PORTFOLIO, SIMPLE]))
def test_a_cure_restores_the_margin_with_room_in_lots_and_turns_no_option(
    options, perps, share, engine
):
    pairs = [(i, q * WAD) for i, q in options] + [(PERP, perps * WAD)] * bool(perps)
    sick = failing(pairs, share, engine)
    found = requirement(sick, WORLD, engine)
    if found.maintenance < 100 * USD:
        return
    try:
        got = cure(sick, WORLD, PLAIN, engine)
    except Infeasible:  # closing loses more than it frees
        return
    assert 100 * got.after.equity >= 115 * got.after.maintenance
    assert got.before == found
    for trade in got.trades:
        before, after = sick.quantity(trade.instrument), sick.quantity(trade.instrument)
        after += trade.quantity
        assert trade.quantity % LOT == 0
        if trade.instrument != PERP.id:
            assert before * trade.quantity < 0
            assert before * after >= 0
    assert got.cost >= 0


def test_a_hedge_by_perp_is_cheaper_than_closing_options():
    sick = failing([(CALL, -20 * WAD), (PUT, 5 * WAD)], 0.95, PORTFOLIO)
    got = cure(sick, WORLD, PLAIN, PORTFOLIO)
    assert PERP.id in {trade.instrument for trade in got.trades}
    assert got.cost < got.before.maintenance // 50


@pytest.mark.parametrize("engine", [PORTFOLIO, SIMPLE])
def test_a_short_asian_is_bought_back(engine):
    sick = failing([(ASIAN, -20 * WAD)], 0.9, engine)
    got = cure(sick, WORLD, PLAIN, engine)
    assert ASIAN.id in {trade.instrument for trade in got.trades} or engine == PORTFOLIO
    assert 100 * got.after.equity >= 115 * got.after.maintenance


def test_a_healthy_account_is_left_alone():
    rich = account((CALL, -WAD), cash=10**12)
    assert cure(rich, WORLD, PLAIN).trades == ()


def test_a_thin_or_own_book_is_no_cure():
    sick = failing([(CALL, -20 * WAD)], 0.9, SIMPLE)
    own = AccountId(31338, OWNER, 0)
    for world in (quoted(depth=1), quoted(maker=own), snapshot(ether())):
        with pytest.raises(Infeasible) as refused:
            cure(sick, world, PLAIN)
        assert refused.value.code == "noCure"


def test_below_two_thirds_everything_is_closed():
    sick = failing([(CALL, -5 * WAD), (PERP, -3 * WAD)], 0.6, PORTFOLIO)
    got = cure(sick, WORLD, Means(LOT), PORTFOLIO)
    assert {trade[:2] for trade in got.trades} == {(CALL.id, 5 * WAD), (PERP.id, 3 * WAD)}
    assert got.after.maintenance == 0


def test_a_large_perp_goes_by_a_fifth_and_after_half_a_minute_whole():
    sick = failing([(PERP, 100 * WAD)], 0.99, SIMPLE)
    (plain,) = cure(sick, WORLD, PLAIN).trades
    (first,) = cure(sick, WORLD, Means(LOT)).trades
    (later,) = cure(sick, WORLD, Means(LOT, elapsed=30)).trades
    assert plain.quantity > -20 * WAD
    assert first.quantity <= -20 * WAD
    assert later.quantity == -100 * WAD


def test_what_is_left_survives_the_next_minute():
    wild = WORLD.underlyings[0]
    wild = wild._replace(risk=wild.risk._replace(daily=600_000))
    world = WORLD._replace(underlyings=(wild,))
    sick = failing([(PERP, 10 * WAD)], 0.95, SIMPLE)
    calm, quick = (cure(sick, world, means).after for means in (PLAIN, Means(LOT)))
    assert quick.equity - quick.maintenance > calm.equity - calm.maintenance


def test_base_counts_as_it_is_and_stays():
    pairs = [(CALL, -20 * WAD), (BASE, 5 * WAD)]
    for engine in (SIMPLE, PORTFOLIO):
        sick = failing(pairs, 0.95, engine)
        got = cure(sick, WORLD, PLAIN, engine)
        assert 100 * got.after.equity >= 115 * got.after.maintenance
        assert BASE.id not in {trade.instrument for trade in got.trades}


def test_gas_is_part_of_the_cost_and_paid():
    sick = failing([(CALL, -20 * WAD)], 0.9, SIMPLE)
    free = cure(sick, WORLD, PLAIN)
    paid = cure(sick, WORLD, PLAIN._replace(gas=USD))
    assert paid.cost >= free.cost + USD * len(paid.trades) // 2
    assert 100 * paid.after.equity >= 115 * paid.after.maintenance
