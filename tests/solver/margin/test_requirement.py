"""Either engine behind one function: SIMPLE is the chain's figures, told by part."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solver.domain.account import PORTFOLIO, SIMPLE
from solver.domain.errors import Malformed, Refused
from solver.domain.instrument import Instrument, Kind
from solver.margin.portfolio.decide import margins
from solver.margin.portfolio.grid import risk_grid
from solver.margin.requirement import ORDERS_MAX, Order, filled, requirement, with_orders
from solver.margin.simple import figures
from tests.solver.pricing.world import (
    BASE,
    CALL,
    HIGH_CALL,
    NEXT_EXPIRY,
    PERP,
    PUT,
    WAD,
    account,
    snapshot,
)

USD = 10**6
LATER = Instrument(1, Kind.CALL, NEXT_EXPIRY, 4000 * WAD)

held = st.lists(
    st.tuples(
        st.sampled_from([PERP, BASE, CALL, HIGH_CALL, PUT, LATER]), st.integers(-(10**21), 10**21)
    ),
    unique_by=lambda pair: pair[0],
)


def sane(pairs, cash=0):
    return account(*((i, abs(q) if i == BASE else q) for i, q in pairs if q), cash=cash)


@given(held, st.integers(-(10**12), 10**12))
def test_simple_is_the_contracts_figures(pairs, cash):
    held = sane(pairs, cash)
    told, chain = requirement(held, snapshot()), figures(held, snapshot())
    assert (told.equity, told.initial) == (chain.equity, chain.requirement)
    assert told.equity - told.maintenance == chain.maintenance


@given(held)
def test_the_parts_of_simple_are_all_of_it(pairs):
    told = requirement(sane(pairs), snapshot(), SIMPLE)
    assert abs(sum(charge for _, charge in told.parts) - told.initial) <= len(told.parts)


def test_the_worst_part_of_simple_is_named_as_people_say_it():
    told = requirement(account((PERP, WAD), (LATER, -10 * WAD)), snapshot())
    assert [name for name, _ in told.parts] == ["ETH-20270101", "ETH-PERP"]
    assert told.worst == "ETH-20270101"


def test_an_engine_that_is_none_is_refused():
    with pytest.raises(Malformed):
        requirement(account(), snapshot(), "none")


@given(held, st.integers(-(10**12), 10**12))
def test_portfolio_tells_the_rows_and_charges_that_make_its_figures(pairs, cash):
    book = sane(pairs, cash)
    told = requirement(book, snapshot(), PORTFOLIO)
    grid = risk_grid((p.instrument for p in book.positions), snapshot())
    assert (told.equity, told.initial, told.maintenance) == margins(book, grid)
    assert told == requirement(book, snapshot(), PORTFOLIO, grid=grid)
    if book.positions:
        rows = dict(told.rows)
        assert len(rows) == 34
        assert rows[told.worst] == min(rows.values())
        charges = sum(charge for name, charge in told.parts if name != "floor")
        if not any(name == "floor" for name, _ in told.parts):
            assert abs(charges - rows[told.worst] - told.initial) <= len(told.parts) + 1


SELL = Order("a", ((CALL.id, -5 * WAD),), cash=500 * USD)
COVER = Order("b", ((BASE.id, 5 * WAD),), cash=-20_000 * USD)
PERPS = Order("c", ((PERP.id, 2 * WAD),), cash=-8_000 * USD)


@pytest.mark.parametrize("engine", [SIMPLE, PORTFOLIO])
def test_open_orders_count_at_the_worst_of_what_may_be_filled(engine):
    held = account((PUT, -WAD), cash=50_000 * USD)
    orders = (SELL, COVER, PERPS)
    worst = with_orders(held, orders, snapshot(), engine)
    outcomes = [
        requirement(filled(held, [o for i, o in enumerate(orders) if mask >> i & 1]), snapshot(), e)
        for mask in range(8)
        for e in [engine]
    ]
    assert worst.equity - worst.initial == min(one.equity - one.initial for one in outcomes)
    assert worst in outcomes
    assert with_orders(held, (), snapshot(), engine) == requirement(held, snapshot(), engine)


def test_an_order_that_closes_leaves_no_position():
    held = account((CALL, -WAD), (PERP, WAD))
    closed = filled(held, [Order("x", ((CALL.id, WAD),), -7)])
    assert (closed.cash, [p.instrument for p in closed.positions]) == (-7, [PERP.id])


def test_more_open_orders_than_can_be_judged_together_are_refused():
    with pytest.raises(Refused) as refused:
        with_orders(account(), [SELL] * (ORDERS_MAX + 1), snapshot())
    assert refused.value.code == "tooManyOrders"
