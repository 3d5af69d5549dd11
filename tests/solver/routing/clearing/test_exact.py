"""Exact prices: ties hold to the last digit, and what is sold whole is worth what it buys."""

from decimal import Decimal
from fractions import Fraction

import numpy as np

from solver.routing.clearing.exact import Tie, integer_prices, stationary


def test_ties_hold_exactly_along_a_path():
    ties = [Tie(0, 1, Fraction(7, 3)), Tie(2, 1, Fraction(5, 11)), Tie(0, 2, Fraction(1))]
    prices = integer_prices(ties, {}, np.zeros(3))
    assert Fraction(prices[0], prices[1]) == Fraction(7, 3)
    assert Fraction(prices[2], prices[1]) == Fraction(5, 11)


def test_what_nothing_pins_keeps_its_floating_price():
    prices = integer_prices([], {}, np.log(np.array([1.0, 0.25])))
    assert abs(prices[0] / prices[1] - 4) < 1e-12


def test_a_ring_of_whole_orders_balances_to_a_hundred_digits():
    sold = {(0, 1): 10**20 + 7, (1, 2): 3 * 10**9, (2, 0): 10**24 + 1, (1, 0): 17}
    prices = integer_prices([], sold, np.zeros(3))
    for token in range(3):
        out = sum(amount * prices[a] for (a, _), amount in sold.items() if a == token)
        into = sum(amount * prices[a] for (a, b), amount in sold.items() if b == token)
        assert abs(out - into) * 10**100 <= out


def test_the_stationary_vector_is_that_of_the_chain():
    rates = {(0, 1): Decimal(3), (1, 0): Decimal(1), (1, 2): Decimal(2), (2, 0): Decimal(5)}
    weights = stationary([0, 1, 2], rates)
    for node in range(3):
        out = sum((weights[a] * rate for (a, _), rate in rates.items() if a == node), Decimal(0))
        into = sum((weights[a] * rate for (a, b), rate in rates.items() if b == node), Decimal(0))
        assert abs(out - into) < Decimal(1).scaleb(-100)
