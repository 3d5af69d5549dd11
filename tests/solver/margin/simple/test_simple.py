"""SIMPLE on figures that can be worked out on paper, and the laws it keeps."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solver.domain.errors import NotFound
from solver.domain.instrument import ASIAN_KINDS, FIXINGS, Instrument, Kind
from solver.domain.risk import Fixing
from solver.domain.surface import flat
from solver.margin.simple import figures, requirement_rise
from solver.margin.simple.rules import asian_unit, price_band, short_unit, time_value
from solver.pricing.marks import mark_and_error
from tests.solver.pricing.world import (
    BASE,
    CALL,
    EXPIRY,
    HIGH_CALL,
    PERP,
    PUT,
    WAD,
    account,
    ether,
    snapshot,
)

USD = 10**6
MONTH_BEFORE = EXPIRY - 25 * 86_400
ASIAN_CALL = Instrument(1, Kind.ASIAN_CALL, EXPIRY, 4000 * WAD)


def test_cash_alone_is_equity_without_requirement():
    assert figures(account(cash=100 * USD), snapshot()) == (100 * USD, 100 * USD, 100 * USD, 0)


def test_a_perp_asks_for_its_rates_and_is_worth_price_less_funding():
    world = snapshot(ether(funding_index=10 * WAD))
    got = figures(account((PERP, 2 * WAD), cash=-7000 * USD), world)
    assert got.equity == (2 * 3990 - 7000) * USD
    assert got.requirement == 800 * USD
    assert got.maintenance == got.equity - 520 * USD


def test_base_counts_at_its_shares():
    got = figures(account((BASE, 10 * WAD)), snapshot())
    assert (got.equity, got.initial, got.maintenance) == (40_000 * USD, 30_000 * USD, 32_000 * USD)


def test_short_put_bound_is_scaled_by_strike_over_price():
    # S 4000, K 3000, 25 d, sigma cap 150 %: bound 626.4 x 3/4 = 469.8, plus 13 % of S
    put = Instrument(1, Kind.PUT, EXPIRY, 3000 * WAD)
    got = figures(account((put, -WAD)), snapshot(time=MONTH_BEFORE))
    assert -got.initial // USD == 989


def test_covered_call_is_charged_isolated_and_a_vertical_at_its_worst_payoff():
    vertical = account((CALL, -WAD), (HIGH_CALL, WAD), cash=200 * USD)
    assert figures(vertical, snapshot()).initial == 0
    short = account((CALL, -WAD), cash=200 * USD)
    assert figures(short, snapshot()).initial < 0


def test_longs_add_neither_equity_nor_requirement():
    got = figures(account((CALL, 5 * WAD), (PUT, WAD), cash=USD), snapshot())
    assert got == (USD, USD, USD, 0)


def test_after_expiry_time_is_worth_nothing_and_the_fixed_price_counts():
    late = {"time": EXPIRY + 60}
    short = account((CALL, -WAD), cash=0)
    assert figures(short, snapshot(ether(price=4300 * WAD), **late)).equity == -300 * USD
    fixed = ether(price=4300 * WAD, expiry_prices=((EXPIRY, 4100 * WAD),))
    assert figures(short, snapshot(fixed, **late)).equity == -100 * USD
    assert figures(short, snapshot(fixed, time=EXPIRY - 1)).equity < -300 * USD


def test_a_deposit_is_no_rise_and_a_short_is():
    before = account((BASE, WAD))
    assert requirement_rise(before, account((BASE, 50 * WAD)), snapshot()) == 0
    assert requirement_rise(before, account((BASE, WAD), (PERP, -WAD)), snapshot()) == 400 * USD
    assert requirement_rise(account((PERP, WAD)), account(), snapshot()) == -400 * USD


def test_a_market_outside_the_snapshot_cannot_be_judged():
    with pytest.raises(NotFound):
        figures(account((Instrument(9, Kind.PERP), WAD)), snapshot())


def test_the_time_value_is_an_upper_bound_of_black_and_vanishes_at_expiry():
    assert time_value(4000 * WAD, 1_500_000, 0) == time_value(4000 * WAD, 1_500_000, -5) == 0
    year = time_value(4000 * WAD, 1_000_000, 31_536_000)
    assert 1595 * WAD < year < 1596 * WAD  # 4000 / sqrt(2 pi)


def test_fills_may_stray_three_percent_from_the_feed():
    assert price_band(PERP, 4000 * WAD, 1_500_000, MONTH_BEFORE) == (3880 * WAD, 4120 * WAD)
    low, high = price_band(CALL, 4000 * WAD, 0, MONTH_BEFORE)
    assert (low, high) == (0, 120 * WAD)


held = st.lists(
    st.tuples(st.sampled_from([PERP, BASE, CALL, HIGH_CALL, PUT]), st.integers(-(10**21), 10**21)),
    unique_by=lambda pair: pair[0],
)


def sane(pairs):
    return account(*((i, abs(q) if i == BASE else q) for i, q in pairs if q))


@given(held, st.integers(0, 10**12))
def test_a_deposit_of_cash_moves_every_figure_up_by_itself(pairs, amount):
    before = figures(sane(pairs), snapshot())
    after = figures(sane(pairs)._replace(cash=amount), snapshot())
    assert [b - a for a, b in zip(before[:3], after[:3], strict=True)] == [amount] * 3


@given(held, st.integers(1, 10**21))
def test_a_deposit_of_base_never_lowers_margin(pairs, amount):
    others = [(i, q) for i, q in pairs if i != BASE]
    before = figures(sane(others), snapshot())
    after = figures(sane([*others, (BASE, amount)]), snapshot())
    assert after.initial >= before.initial
    assert after.maintenance >= before.maintenance


@given(held)
def test_order_does_not_matter_and_a_requirement_is_never_negative(pairs):
    got = figures(sane(pairs), snapshot())
    assert got == figures(sane(list(reversed(pairs))), snapshot())
    assert got.requirement >= 0
    assert got.initial <= got.maintenance <= got.equity


def test_an_asian_is_margined_at_what_its_mean_comes_to():
    # 5 of 7 recorded at 4400: A = (22,000 + 2 x 4,000) / 7; past expiry the feed is the rest
    fixing = Fixing(EXPIRY, 5, 22_000 * WAD)
    unit = asian_unit(ASIAN_CALL, fixing, 4000 * WAD, 1_500_000, EXPIRY)
    mean = -(-30_000 * WAD // 7)
    assert unit.lowest == unit.highest == unit.short.mark == mean - 4000 * WAD
    assert unit.short.initial - unit.short.mark == 600 * WAD
    assert unit.short.maintenance - unit.short.mark == 360 * WAD


def test_before_averaging_an_asian_call_asks_what_a_european_one_does():
    nothing, flat = Fixing(EXPIRY, 0, 0), time_value(4000 * WAD, 1_500_000, 25 * 86_400)
    unit = asian_unit(ASIAN_CALL, nothing, 4000 * WAD, 1_500_000, MONTH_BEFORE)
    assert unit.short == short_unit(CALL, 4000 * WAD, flat)


def test_an_asian_relieves_nothing_and_is_relieved_by_nothing():
    world = snapshot(time=MONTH_BEFORE)
    short = figures(account((ASIAN_CALL, -WAD)), world)
    assert figures(account((ASIAN_CALL, -WAD), (CALL, WAD), (HIGH_CALL, WAD)), world) == short
    call = figures(account((CALL, -WAD)), world)
    assert figures(account((CALL, -WAD), (ASIAN_CALL, WAD)), world) == call


@given(
    st.sampled_from(ASIAN_KINDS),
    st.integers(1, 2**96 - 1),
    st.integers(1, 2**96 - 1),
    st.integers(0, FIXINGS).flatmap(
        lambda done: st.tuples(st.just(done), st.integers(done, done * (2**96 - 1) or 0))
    ),
    st.integers(-86_400, 60 * 86_400),
)
def test_figures_of_an_asian_are_ordered(kind, strike, price, recorded, left):
    unit = asian_unit(
        Instrument(1, kind, EXPIRY, strike),
        Fixing(EXPIRY, *recorded),
        price,
        1_500_000,
        EXPIRY - left,
    )
    assert 0 <= unit.lowest <= unit.highest
    assert unit.lowest <= unit.short.mark <= unit.highest
    assert unit.short.mark <= unit.short.maintenance <= unit.short.initial


@pytest.mark.parametrize("kind", ASIAN_KINDS)
@pytest.mark.parametrize("strike", [2_800, 3_900, 4_100, 5_200])
@pytest.mark.parametrize("recorded", range(FIXINGS))
def test_an_asian_is_worth_no_less_and_no_more_than_the_chain_allows(kind, strike, recorded):
    fixing = Fixing(EXPIRY, recorded, recorded * 4_150 * WAD)
    market = ether(surface=flat(1_500_000), fixings=(fixing,))  # at the cap of volatility itself
    time = EXPIRY - (FIXINGS - recorded) * 86_400 + 3_600
    option = Instrument(1, kind, EXPIRY, strike * WAD)
    mark, error = mark_and_error(option, snapshot(market, time=time))
    unit = asian_unit(option, fixing, market.price, market.sigma_cap_ppm, time)
    assert unit.lowest - 4 * error - 10**10 <= mark <= unit.highest + 4 * error + 10**10
    assert mark <= unit.short.mark + 4 * error + 10**10
