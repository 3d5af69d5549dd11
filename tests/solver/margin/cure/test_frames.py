"""The floats that the program works on are the integers that decide, but for the last digit."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from solver.domain.account import PORTFOLIO, SIMPLE
from solver.domain.instrument import Instrument, Kind
from solver.margin.cure.frames import is_framed, portfolio_frame, simple_frame
from solver.margin.cure.trades import columns_of
from solver.margin.portfolio.grid import risk_grid
from solver.margin.requirement import requirement
from tests.solver.pricing.world import (
    BASE,
    CALL,
    HIGH_CALL,
    PERP,
    PUT,
    WAD,
    account,
    bitcoin,
    ether,
    snapshot,
)

HELD = [PERP, BASE, CALL, HIGH_CALL, PUT, *(i._replace(market=2) for i in (PERP, CALL, PUT))]
WORLD = snapshot(ether(), bitcoin())
GRID = risk_grid([i.id for i in HELD], WORLD)
ASIANS = [CALL._replace(kind=Kind.ASIAN_CALL), PUT._replace(kind=Kind.ASIAN_PUT)]


def accounts(instruments):
    return st.lists(
        st.tuples(st.sampled_from(instruments), st.integers(-30_000, 30_000).filter(bool)),
        unique_by=lambda pair: pair[0],
        min_size=1,
    ).map(
        lambda pairs: account(
            *((i, abs(q) * 10**15 if i == BASE else q * 10**15) for i, q in pairs), cash=5 * 10**9
        )
    )


def excess(frame, weights):
    """Equity less the weighted groups, settlement units."""
    return frame.cash + frame.worth @ frame.held - weights @ frame.values(frame.held)


@given(accounts(HELD))
def test_portfolio_in_floats_is_the_grid_in_integers(held):
    columns = columns_of(held, WORLD)
    frame = portfolio_frame(held, columns, GRID, np.zeros(len(columns)), 0.15)
    found = requirement(held, WORLD, PORTFOLIO, grid=GRID)
    wanted = (found.equity - 1.15 * found.maintenance) / 10**6
    got = excess(frame, frame.bounds[0].weights)
    assert abs(got - wanted) <= 1e-5 + 1e-9 * abs(wanted) + 1e-9 * found.maintenance / 10**6


@given(accounts([*HELD, *ASIANS]))
def test_simple_in_floats_never_asks_for_less_than_the_contract(held):
    columns = columns_of(held, WORLD)
    traded = tuple(c for c in columns if is_framed(Instrument.unpack(c), WORLD.time))
    frame = simple_frame(held, traded, WORLD, np.zeros(len(traded)), 0.15)
    found = requirement(held, WORLD, SIMPLE)
    wanted = (found.equity - 1.15 * found.maintenance) / 10**6
    got = excess(frame, frame.bounds[0].weights)
    slack = 1e-5 + 1e-9 * (abs(wanted) + found.maintenance / 10**6)
    assert got <= wanted + slack


def test_what_the_next_minute_may_do_is_asked_for_by_market():
    held = account((PERP, 10 * WAD), (PERP._replace(market=2), -WAD))
    drift = np.array([3.0, 7.0])
    frame = portfolio_frame(held, columns_of(held, WORLD), GRID, drift, 0.15)
    assert frame.values(frame.held)[-1] == 3 * 10 + 7 * 1
