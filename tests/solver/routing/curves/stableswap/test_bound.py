"""No swap on a stableswap pool gains more than the bound, and the best gains almost it."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solver.domain.errors import Infeasible
from solver.routing.curves.stableswap import after, amount_out, arbitrage_up
from tests.solver.routing.curves.stableswap import pools as stable

UNIT = 2**96


def fair(pool, skews=(0, 0, 0, 0)):
    """Returns prices of one value per 18-decimal unit, skewed by parts in a million."""
    return {
        token: UNIT * rate * (10**6 + skew) // (10**18 * 10**6)
        for token, rate, skew in zip(pool.tokens, pool.rates, skews, strict=False)
    }


def gain(pool, prices, pair, paid):
    try:
        return prices[pair[1]] * amount_out(pool, pair, paid) - prices[pair[0]] * paid
    except Infeasible:
        return -(10**99)


def best(pool, prices, pair):
    low, high = 0, prices[pair[1]] * pool.balances[pool.tokens.index(pair[1])] // prices[pair[0]]
    while high - low > 4:
        third = (high - low) // 3
        if gain(pool, prices, pair, low + third) < gain(pool, prices, pair, high - third):
            low += third
        else:
            high -= third
    return max(gain(pool, prices, pair, paid) for paid in range(low, high + 1))


@given(stable.pools(), st.lists(st.integers(-200_000, 10**6), min_size=4, max_size=4), st.data())
def test_no_swap_beats_the_bound(pool, skews, data):
    prices = fair(pool, skews)
    bound = arbitrage_up(pool, prices)
    for source, token_in in enumerate(pool.tokens):
        for token_out in pool.tokens:
            if token_in != token_out:
                share = data.draw(st.integers(1, 10**12))
                paid = pool.balances[source] * share // 10**12 + 1
                assert gain(pool, prices, (token_in, token_out), paid) <= bound


@given(stable.pools(), st.lists(st.integers(-200_000, 10**6), min_size=4, max_size=4))
@settings(max_examples=25)
def test_the_best_swap_almost_reaches_the_bound(pool, skews):
    prices = fair(pool, skews)
    pairs = [(a, b) for a in pool.tokens for b in pool.tokens if a != b]
    reached = max(0, *(best(pool, prices, pair) for pair in pairs))
    bound = arbitrage_up(pool, prices)
    assert reached <= bound
    assert bound - reached <= reached * 4 // 10**9 + 12 * max(prices.values())


@given(st.integers(1, 300), st.integers(1, 10**6))
def test_tiny_and_lopsided_pools_are_bounded_too(first, second):
    pool = stable.pool([first, second], [10**18, 10**18], amplification=3)
    prices = fair(pool, (0, 500_000))
    bound = arbitrage_up(pool, prices)
    for paid in range(1, 3 * first, max(1, first // 30)):
        for pair in (pool.tokens, pool.tokens[::-1]):
            assert gain(pool, prices, pair, paid) <= bound


def test_a_pool_within_its_fee_gains_the_rounding_at_most():
    pool = stable.pool([10**24] * 3, [10**18, 10**30, 10**30])
    draw = random.Random(1)
    for _ in range(50):
        skews = [draw.randrange(-190, 190) for _ in range(3)]  # the fee is 400 in a million
        assert arbitrage_up(pool, fair(pool, skews)) <= 10 * UNIT


def test_two_swaps_may_gain_more_than_the_bound_so_a_plan_takes_one():
    pool = stable.pool([10**24] * 2, [10**18] * 2, fee=10**8)._replace(admin_fee=0)
    prices, pair = fair(pool, (0, 200_000)), pool.tokens
    bound, gained = arbitrage_up(pool, prices), 0
    for half in range(10**23, 10**24, 10**22):
        first = amount_out(pool, pair, half)
        second = amount_out(after(pool, pair, half), pair, half)
        gained = max(gained, prices[pair[1]] * (first + second) - prices[pair[0]] * 2 * half)
    assert gained > bound


def test_a_token_without_a_price_is_worth_nothing_and_costs_nothing():
    pool = stable.pool([10**24] * 3, [10**18] * 3)
    assert arbitrage_up(pool, {}) == 0
    assert arbitrage_up(pool, {pool.tokens[0]: UNIT}) == UNIT * pool.balances[0]
    for balances in ((0, 10**24, 10**24), (0, 0, 0), (1, 10**60, 10**60)):  # every swap reverts
        assert arbitrage_up(pool._replace(balances=balances), fair(pool)) == 0


@pytest.mark.parametrize("edition", [1, 2, 3])
@pytest.mark.parametrize("unit", [1, 100])
def test_every_edition_is_bounded(edition, unit):
    pool = stable.pool([10**24, 3 * 10**24], [10**18] * 2, 85 * unit, 0, unit)
    pool = pool._replace(edition=edition)
    prices = fair(pool, (10_000, 0))
    reached = max(best(pool, prices, pair) for pair in (pool.tokens, pool.tokens[::-1]))
    bound = arbitrage_up(pool, prices)
    assert reached <= bound <= reached * (1 + 4 * 10**-9) + 12 * UNIT
