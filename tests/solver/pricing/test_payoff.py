"""Payoff at expiry is exact: break-evens and extremes are facts, not samples."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solver.domain.instrument import Instrument, Kind
from solver.domain.program import CollateralFlow, Program
from solver.domain.route import Certificate, Fill, Out, Solution
from solver.pricing.marks import mark_of
from solver.pricing.payoff import PayoffLeg, closed_by, legs_of, payoff
from tests.solver.pricing.world import (
    BASE,
    CALL,
    EXPIRY,
    HIGH_CALL,
    NEXT_EXPIRY,
    PERP,
    PUT,
    TIME,
    USDC,
    WAD,
    WETH,
    account,
    ether,
    snapshot,
)


def curve(*legs, cost=0):
    return payoff([PayoffLeg(*leg) for leg in legs], ether(), TIME, cost)


def test_covered_call_earns_the_premium_and_loses_below_cost():
    got = curve((BASE, 10 * WAD, 4000 * WAD), (CALL, -10 * WAD, 28 * WAD), cost=5 * WAD)
    assert got.expiry == EXPIRY
    assert got.is_exact
    assert got.profit_max == 275 * WAD
    assert got.loss_max == 40_000 * WAD - 275 * WAD
    assert got.break_evens == (4000 * WAD - 275 * WAD // 10,)


def test_a_naked_call_loses_without_bound_and_a_long_call_at_most_its_premium():
    naked = curve((CALL, -WAD, 100 * WAD))
    assert (naked.profit_max, naked.loss_max) == (100 * WAD, None)
    assert naked.break_evens == (4100 * WAD,)
    long = curve((CALL, WAD, 100 * WAD))
    assert (long.profit_max, long.loss_max) == (None, 100 * WAD)


def test_break_evens_beyond_the_grid_are_found():
    got = curve((CALL, WAD, 9000 * WAD))
    assert got.break_evens == (13_000 * WAD,)


def test_vertical_has_bounds_on_both_sides():
    got = curve((CALL, WAD, 150 * WAD), (HIGH_CALL, -WAD, 90 * WAD))
    assert (got.profit_max, got.loss_max) == (140 * WAD, 60 * WAD)
    assert got.break_evens == (4060 * WAD,)


def test_a_stretch_at_zero_reports_its_ends_only():
    got = curve((CALL, WAD, 0), (HIGH_CALL, -WAD, 0), (PUT, -WAD, 0))
    assert got.break_evens == (3500 * WAD, 4000 * WAD)


def test_a_perp_alone_has_no_expiry():
    got = curve((PERP, -2 * WAD, 4000 * WAD))
    assert got.expiry == 0
    assert (got.profit_max, got.loss_max) == (8000 * WAD, None)
    assert got.break_evens == (4000 * WAD,)
    assert all(point.at_expiry == point.today for point in got.points)


def test_legs_that_outlive_the_first_expiry_are_modelled_and_said_so():
    later = Instrument(1, Kind.CALL, NEXT_EXPIRY, 4000 * WAD)
    got = curve((CALL, -WAD, 100 * WAD), (later, WAD, 120 * WAD))
    assert not got.is_exact
    assert got.expiry == EXPIRY


quantities = st.integers(-(10**20), 10**20)
entries = st.integers(0, 10**21)


@given(
    st.lists(st.tuples(st.sampled_from([CALL, HIGH_CALL, PUT, PERP, BASE]), quantities, entries))
)
def test_every_point_lies_between_the_stated_extremes(legs):
    got = curve(*legs)
    for point in got.points:
        assert got.profit_max is None or point.at_expiry <= got.profit_max
        assert got.loss_max is None or -point.at_expiry <= got.loss_max
    known = {point.price: point.at_expiry for point in got.points}
    scale = sum(abs(quantity) for _, quantity, _ in legs)
    for price in got.break_evens:
        assert abs(known[price]) <= scale // WAD + 1


def test_legs_of_a_solution_are_its_fills_and_its_cover():
    fill = Fill(0, CALL.id, -10 * WAD, 28 * WAD, None)
    empty = Solution(b"", (), (), (), (fill,), 0, 0, Certificate(0, 0, 0))
    held = (CollateralFlow(2, WETH.address, "auto", 10 * WAD, 2**256 - 1),)
    program = Program(account().id, "0x" + "00" * 20, collateral=held)
    (legs,) = legs_of(program, empty, snapshot()).values()
    assert legs == [PayoffLeg(CALL, -10 * WAD, 28 * WAD), PayoffLeg(BASE, 10 * WAD, 4000 * WAD)]
    bought = empty._replace(outs=(Out(1, WETH.address, 3 * WAD), Out(2, USDC.address, 5)))
    (legs,) = legs_of(program._replace(collateral=()), bought, snapshot()).values()
    assert legs[1] == PayoffLeg(BASE, 3 * WAD, 4000 * WAD)


def listed(kind, strike, expiry=EXPIRY):
    return Instrument(1, kind, expiry, strike * WAD)


strikes = st.integers(20, 60).map(lambda hundreds: hundreds * 100)
options = st.tuples(st.sampled_from([Kind.CALL, Kind.PUT]), strikes).map(lambda row: listed(*row))


@given(st.lists(st.tuples(options, quantities, entries), min_size=1, max_size=6))
def test_at_expiry_the_curve_is_the_sum_of_intrinsic_values(legs):
    for point in curve(*legs).points:
        total = 0
        for instrument, quantity, entry in legs:
            above = point.price - instrument.strike
            worth = max(above if instrument.kind is Kind.CALL else -above, 0)
            total += quantity * (worth - entry)
        assert point.at_expiry == total // WAD


@given(
    st.lists(strikes, min_size=4, max_size=4, unique=True).map(sorted),
    st.integers(1, 50),
    st.lists(st.integers(1, 100), min_size=4, max_size=4),
)
def test_a_condor_loses_its_wider_wing_less_its_credit(ends, size, prices):
    kinds, signs = (Kind.PUT, Kind.PUT, Kind.CALL, Kind.CALL), (1, -1, -1, 1)
    rows = zip(kinds, ends, signs, prices, strict=True)
    legs = [(listed(kind, at), sign * size * WAD, paid * WAD) for kind, at, sign, paid in rows]
    credit = -sum(sign * paid for sign, paid in zip(signs, prices, strict=True)) * size
    wing = max(ends[1] - ends[0], ends[3] - ends[2]) * size
    got = curve(*legs)
    assert got.is_exact
    assert got.profit_max == credit * WAD
    assert got.loss_max == max(wing - credit, 0) * WAD
    if 0 < credit < min(ends[1] - ends[0], ends[3] - ends[2]) * size:
        each = credit * WAD // size
        assert got.break_evens == (ends[1] * WAD - each, ends[2] * WAD + each)


def test_points_stand_beside_every_strike():
    prices = [point.price for point in curve((CALL, WAD, 0), (PUT, -WAD, 0)).points]
    for strike in (CALL.strike, PUT.strike):
        near = [price for price in prices if abs(price - strike) <= 4000 * WAD // 80]
        assert len(near) >= 5
        assert strike in near
    assert prices[0] == 0
    far = curve((listed(Kind.CALL, 9_000), WAD, 0)).points
    assert far[-1].price > 9_000 * WAD


@pytest.mark.parametrize("kind", [Kind.CALL, Kind.PUT])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_calendar_gains_most_at_its_strike_and_ends_where_it_says(kind, sign):
    near, far = listed(kind, 4_000), listed(kind, 4_000, NEXT_EXPIRY + 28 * 86_400)
    world = snapshot(ether())
    paid = mark_of(far, world) - mark_of(near, world)
    legs = ((near, -sign * WAD, mark_of(near, world)), (far, sign * WAD, mark_of(far, world)))
    got = curve(*legs)
    assert not got.is_exact
    assert (got.profit_max is None, got.loss_max is None) == (False, False)
    best = max(got.points, key=lambda point: sign * point.at_expiry)
    assert best.price == 4_000 * WAD
    limited = got.loss_max if sign > 0 else got.profit_max
    assert limited == pytest.approx(paid, rel=1e-6)
    known = {point.price: point for point in got.points}
    assert len(got.break_evens) == 2
    for price in got.break_evens:
        assert abs(known[price].at_expiry) < 10**14
    assert known[4_000 * WAD].today == 0


def test_a_closed_position_is_told_apart_from_an_opened_one():
    fills = (
        Fill(0, CALL.id, 2 * WAD, 28 * WAD, None),
        Fill(1, PUT.id, -WAD, 28 * WAD, None),
        Fill(2, PERP.id, WAD, 28 * WAD, None),
        Fill(3, HIGH_CALL.id, -3 * WAD, 28 * WAD, None),
    )
    solution = Solution(b"", (), (), (), fills, 0, 0, Certificate(0, 0, 0))
    after = account((CALL, -WAD), (PERP, WAD), (HIGH_CALL, -WAD))
    assert closed_by(solution, after) == (CALL.id, PUT.id)
