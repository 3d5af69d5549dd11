"""The loop that is compiled and its numpy form give the same numbers, and the derivative is one."""

import numpy as np
import pytest

from bench.reference.batches import batch
from solver.routing.clearing.curves import NO_CURVES
from solver.routing.clearing.loops import looped, places, vectorised
from solver.routing.clearing.orders import book
from solver.routing.clearing.ramps import ramped

TOKENS = 8
BOOK = book(TOKENS, batch(TOKENS, 700, 5).orders)
COLUMNS = (BOOK.pair_sell, BOOK.pair_buy, BOOK.first, BOOK.limit, BOOK.sums, BOOK.moments)


def looked(look, prices, width):
    sold, slope = np.zeros((2, TOKENS, TOKENS))
    look(COLUMNS, prices, width, sold, slope)
    return sold, slope


@pytest.mark.parametrize("width", [1e-1, 1e-2, 1e-4])
def test_both_forms_agree(width):
    prices = np.random.default_rng(1).normal(0, 0.01, TOKENS)
    for one, other in zip(
        looked(looped, prices, width), looked(vectorised, prices, width), strict=True
    ):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-12 * one.max())


def test_the_running_sums_are_the_sum_over_orders():
    prices, width = np.random.default_rng(2).normal(0, 0.01, TOKENS), 1e-2
    pair = np.repeat(np.arange(BOOK.pair_sell.size), np.diff(BOOK.first))
    sell, buy = BOOK.pair_sell[pair], BOOK.pair_buy[pair]
    fills = np.clip((prices[sell] - prices[buy] - BOOK.limit) / width, 0, 1)
    sold = np.zeros((TOKENS, TOKENS))
    np.add.at(sold, (sell, buy), fills * BOOK.value * np.exp(prices[sell]))
    np.testing.assert_allclose(looked(vectorised, prices, width)[0], sold, rtol=1e-9)


def test_nobody_is_filled_beyond_the_limit():
    first, limit = np.array([0, 2, 2, 5]), np.array([0.1, 0.3, 0.0, 0.2, 0.2])
    goal = np.array([0.3, 1.0, 0.2])
    assert places(limit, first, goal, is_up_to=True).tolist() == [2, 2, 5]
    assert places(limit, first, goal, is_up_to=False).tolist() == [1, 2, 3]


def test_ramps_balance_a_thick_book():
    thick = book(10, batch(10, 8_000, 2).orders)
    found = ramped(thick, NO_CURVES, np.zeros(10), is_compiled=False)
    assert found.width <= 1e-3
    assert found.residual <= 1e-9
