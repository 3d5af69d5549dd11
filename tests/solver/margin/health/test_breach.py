"""How far to a breach: worked on paper for a perp, never nearer than what the curve says."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solver.domain.account import PORTFOLIO
from solver.domain.risk import MarketRisk
from solver.margin.health.breach import breach_moves, breach_ppm, crossing
from solver.margin.predictive import Span, breach_probability
from solver.margin.requirement import requirement
from solver.margin.simple import figures
from tests.solver.pricing.world import (
    BASE,
    CALL,
    PERP,
    PUT,
    WAD,
    account,
    bitcoin,
    ether,
    snapshot,
)

USD = 10**6
BTC_PERP = PERP._replace(market=2)


def test_a_perp_breaches_where_paper_says():
    # long 1 at 4000 with 600 of equity: 600 + 4000 x = .065 (4000 + 4000 x), x = -9.0909 %
    held = account((PERP, WAD), cash=-3400 * USD)
    down, up = breach_moves(held, snapshot())
    assert down == pytest.approx(90_909, abs=11)
    assert up is None
    short = account((PERP, -WAD), cash=4600 * USD)
    down, up = breach_moves(short, snapshot())
    assert down is None
    assert up == pytest.approx(79_812, abs=11)
    assert breach_moves(account((PERP, WAD), cash=-3900 * USD), snapshot()) == (0, 0)
    assert breach_moves(account(cash=5), snapshot()) == (None, None)


def test_a_far_breach_is_unlikely_and_a_near_one_is_not():
    safe, near = (account((PERP, WAD), cash=-cash * USD) for cash in (3000, 3700))
    assert breach_ppm(safe, snapshot()) == 0
    assert 5_000 < breach_ppm(near, snapshot()) < 500_000
    wild = snapshot(ether(risk=MarketRisk(daily=600_000)))
    assert breach_ppm(safe, wild) > 10_000
    assert breach_ppm(account((PERP, WAD), cash=-3900 * USD), snapshot()) == 10**6


def test_the_chance_is_that_of_the_markets_own_history():
    # breach at a fall of -3.7434 %: with daily 4 % that is 4.67 forecasts of an hour
    held = account((PERP, WAD), cash=-3600 * USD)
    down, _ = breach_moves(held, snapshot())
    risk = MarketRisk(daily=100_000)
    assert down
    where = Span(-down / 10**6, math.inf)
    exact = 10**6 * breach_probability(where, risk, 1)
    assert breach_ppm(held, snapshot(ether(risk=risk))) == pytest.approx(exact, rel=0.02)


def test_a_hedge_across_markets_is_no_hedge_when_one_moves_alone():
    world = snapshot(ether(), bitcoin())
    pair = account((PERP, 25 * WAD), (BTC_PERP, -WAD), cash=15_500 * USD)
    assert breach_moves(pair, world)[0] is None
    assert breach_ppm(pair, world) > 5_000


SIZES = st.integers(-5, 5)
ACCOUNTS = st.builds(
    lambda sizes, cash: account(
        *((each, q * WAD) for each, q in zip((PERP, CALL, PUT, BASE), sizes, strict=True) if q),
        cash=cash * USD,
    ),
    st.tuples(SIZES, SIZES, SIZES, st.integers(0, 5)),
    st.integers(-20_000, 30_000),
)


@given(ACCOUNTS)
def test_a_breach_move_breaches_and_a_grain_less_does_not(held):
    world = snapshot()
    for move, way in zip(breach_moves(held, world), (-1, 1), strict=True):
        if not move:
            continue

        def room(ppm, way=way):
            price = 4000 * WAD * (10**6 + way * ppm) // 10**6
            return figures(held, snapshot(ether(price=price))).maintenance

        assert room(move) < 0 <= room(move - 10)


@given(ACCOUNTS, st.integers(1, 10**9))
def test_cash_makes_a_breach_no_likelier(held, more):
    """Below 0.5 % it may be told as 0, so that much is no difference."""
    richer = held._replace(cash=held.cash + more)
    assert breach_ppm(richer, snapshot()) <= max(breach_ppm(held, snapshot()), 5_000)


def test_a_crossing_beyond_the_last_step_is_still_found():
    assert crossing(lambda x: 999 - x, 10, 1000) == 1000
    assert crossing(lambda x: 1000 - x, 10, 1000) is None
    assert crossing(lambda x: -1, 10, 1000) == 0


def test_portfolio_breaches_where_its_own_curve_does():
    """Other markets' grids are kept while one moves: the same as pricing all of it anew."""
    world = snapshot(ether(), bitcoin())
    short = ((CALL, -3 * WAD), (PUT, -3 * WAD), (BTC_PERP, WAD // 10))
    held = account(*short, cash=-3_000 * USD)
    moves = breach_moves(held, world, PORTFOLIO, 1)
    assert None not in moves
    assert 0 not in moves
    for move, way in zip(moves, (-1, 1), strict=True):
        assert move

        def room(ppm, way=way):
            price = 4000 * WAD * (10**6 + way * ppm) // 10**6
            found = requirement(held, snapshot(ether(price=price), bitcoin()), PORTFOLIO)
            return found.equity - found.maintenance

        assert room(move) < 0 <= room(move - 10)


@given(st.integers(1, 10**6), st.integers(1, 5), st.integers(1, 50))
def test_a_crossing_takes_few_looks(where, power, grain):
    looks = []

    def headroom(x):
        looks.append(x)
        return where**power - x**power

    found = crossing(headroom, 10_000, 4_000_000, grain)
    assert found is not None
    assert where < found <= where + grain
    assert len(looks) <= 32
