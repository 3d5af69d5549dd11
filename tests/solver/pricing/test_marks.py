"""Marks are integers on a grid, and settled facts need no model."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solver.domain.errors import Malformed, NotFound
from solver.domain.instrument import Instrument, Kind
from solver.domain.risk import Fixing
from solver.pricing.black import price_and_greeks
from solver.pricing.marks import greeks_at, mark_and_error, mark_of, mean_at, to_wad
from tests.solver.pricing.world import BASE, CALL, EXPIRY, PERP, PUT, TIME, WAD, ether, snapshot

ASIAN = Instrument(1, Kind.ASIAN_CALL, EXPIRY, 4000 * WAD)


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


def test_unknown_markets_are_refused_and_only_options_have_greeks():
    with pytest.raises(NotFound):
        mark_of(Instrument(9, Kind.PERP), snapshot())
    with pytest.raises(Malformed):
        greeks_at(PERP, ether().surface, 4000 * WAD, TIME)


def test_an_asian_mark_is_on_the_grid_with_its_error_beside_it():
    mark, error = mark_and_error(ASIAN, snapshot())
    plain = mark_of(CALL, snapshot())
    assert mark % 10**10 == error % 10**10 == 0
    assert 0 < error < mark // 10_000
    assert 0 < plain - mark < plain // 5  # averaging a week of the month costs some volatility
    assert mark_and_error(CALL.id, snapshot()) == (plain, 0)
    assert mark_and_error(PERP, snapshot()) == (4000 * WAD, 0)


def test_an_expired_asian_is_worth_the_payoff_of_its_mean_and_the_feed_stands_for_what_lacks():
    late, six = EXPIRY + 5, Fixing(EXPIRY, 6, 6 * 4100 * WAD + 5)
    elsewhere = ((EXPIRY, 5000 * WAD),)  # the calls' price at this expiry is not a fixing
    feed = ether(price=3000 * WAD, fixings=(six,), expiry_prices=elsewhere)
    mean = (6 * 4100 * WAD + 5 + 3000 * WAD) // 7
    assert mean_at(six, 3000 * WAD) == mean
    assert mark_and_error(ASIAN, snapshot(feed, time=late)) == (0, 0)
    put = ASIAN._replace(kind=Kind.ASIAN_PUT)
    assert mark_of(put, snapshot(feed, time=late)) == 4000 * WAD - mean
    whole = Fixing(EXPIRY, 7, 7 * 4100 * WAD + 5)
    done = snapshot(feed._replace(fixings=(whole,)), time=late)
    assert mark_of(ASIAN, done) == 100 * WAD
    assert greeks_at(ASIAN, feed.surface, feed.price, late, whole).delta == 0


def test_fixings_of_other_series_change_nothing():
    other = ether(fixings=(Fixing(EXPIRY + 86_400, 3, 9000 * WAD),))
    assert mark_of(ASIAN, snapshot(other)) == mark_of(ASIAN, snapshot())
