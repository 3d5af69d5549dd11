"""Prices that keep every limit, as near to the pools' as can be; what goes round at them."""

from math import log

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from solver.routing.clearing.netting import Limit, Side, fair_prices, met


def test_prices_are_the_quoted_ones_where_no_limit_is_in_the_way():
    quoted = np.log(np.array([3_000e-12, 1.0]))
    prices = fair_prices([Limit(0, 1, 10**18, 2_900 * 10**6)], quoted)
    assert prices is not None
    assert abs(prices[0] / prices[1] / 3_000e-12 - 1) < 1e-12


def test_a_limit_moves_prices_just_as_far_as_it_must():
    quoted = np.log(np.array([3_000e-12, 1.0]))
    limit = Limit(0, 1, 10**18, 3_100 * 10**6)
    prices = fair_prices([limit], quoted)
    assert prices is not None
    assert limit.amount * prices[0] // prices[1] >= limit.least
    assert prices[0] / prices[1] < 3_100e-12 * (1 + 3e-6)


def test_limits_that_go_round_to_more_than_all_have_no_prices():
    limits = [Limit(0, 1, 100, 101), Limit(1, 2, 100, 101), Limit(2, 0, 100, 101)]
    assert fair_prices(limits, np.zeros(3)) is None


def test_what_sells_nothing_has_no_prices():
    assert fair_prices([Limit(0, 1, 0, 1)], np.zeros(2)) is None


amounts = st.integers(10**9, 10**24)


@settings(max_examples=40)
@given(
    st.lists(amounts, min_size=3, max_size=3), st.lists(st.floats(-8, 8), min_size=3, max_size=3)
)
def test_a_ring_exchanges_all_that_the_smallest_side_has(sizes, logs):
    prices = fair_prices([Limit(0, 1, 1, 0)], np.array(logs))
    assert prices is not None
    sides = [Side(at, (at + 1) % 3, size) for at, size in enumerate(sizes)]
    trades = met(sides, prices)
    worth = [size * prices[at] for at, size in enumerate(sizes)]
    least = min(worth)
    if trades is None:
        assert least < 10**6 * max(prices)
        return
    for at, trade in enumerate(trades):
        assert 0 <= trade.given <= sizes[at]
        assert trade.taken <= trade.given * prices[at] // prices[(at + 1) % 3]
        assert trades[(at + 1) % 3].given >= trade.taken, "no token is short"
        if least > 10**6 * max(prices):
            assert abs(log(trade.given * prices[at] / least)) < 1e-3


def test_nothing_goes_round_without_a_way_back():
    assert met([Side(0, 1, 10**18), Side(1, 2, 10**18)], (1, 1, 1)) is None
