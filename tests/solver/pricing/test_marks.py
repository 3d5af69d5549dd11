"""Marks are integers on a grid, and settled facts need no model."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solver.domain.errors import Malformed, NotFound
from solver.domain.instrument import Instrument, Kind
from solver.pricing.black import price_and_greeks
from solver.pricing.marks import mark_of, to_wad
from tests.solver.pricing.world import BASE, CALL, EXPIRY, PERP, PUT, TIME, WAD, ether, snapshot


def test_perp_and_base_are_worth_the_oracle_price():
    assert mark_of(PERP, snapshot()) == mark_of(BASE.id, snapshot()) == 4000 * WAD


def test_an_option_is_black_on_a_grid_of_1e_8():
    mark = mark_of(CALL, snapshot())
    years = (EXPIRY - TIME) / 31_536_000
    exact = price_and_greeks(4000, 4000, years, 0.65, "call").price
    assert mark % 10**10 == 0
    assert abs(mark - exact * WAD) <= 5 * 10**9 + 10**5


@given(st.integers(min_value=0, max_value=10**15))
def test_the_grid_rounds_half_to_even(units):
    assert to_wad(units + 0.5, places=0) == (units + units % 2) * WAD


@pytest.mark.parametrize("seconds_after", [0, 1, 10**6])
def test_an_expired_option_is_worth_its_payoff_at_the_feed_until_a_price_is_fixed(seconds_after):
    late = EXPIRY + seconds_after
    feed = snapshot(ether(price=4100 * WAD + 3), time=late)
    assert mark_of(CALL, feed) == 100 * WAD + 3
    assert mark_of(PUT, feed) == 0
    settled = snapshot(ether(expiry_prices=((EXPIRY, 3400 * WAD + 1),)), time=late)
    assert mark_of(CALL, settled) == 0
    assert mark_of(PUT, settled) == 100 * WAD - 1


def test_unknown_markets_and_asian_options_are_refused():
    with pytest.raises(NotFound):
        mark_of(Instrument(9, Kind.PERP), snapshot())
    with pytest.raises(Malformed):
        mark_of(Instrument(1, Kind.ASIAN_CALL, EXPIRY, WAD), snapshot())
