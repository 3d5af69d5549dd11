"""The secant bound against curves whose best trade has a closed form: never below, hardly above."""

from math import isqrt

from hypothesis import given
from hypothesis import strategies as st

from solver.domain.numbers import div_up
from solver.routing.curves.secant import secant_bound

UNIT = 2**96
RESERVES = st.integers(20, 90).flatmap(lambda bits: st.integers(2**bits, 2 ** (bits + 1)))


def product(reserve_in, reserve_out, asked):
    def quote(amount):
        asked.append(amount)
        return amount * reserve_out // (reserve_in + amount)

    return quote


def best(reserve_in, reserve_out, price_in):
    gain, cost = UNIT * reserve_out, price_in * reserve_in
    return gain + cost - isqrt(4 * gain * cost) if gain > cost else 0


@given(RESERVES, RESERVES, st.integers(1, 10**6))
def test_the_bound_holds_and_is_tight_to_a_billionth_and_a_few_atoms(first, second, skew):
    price_in = max(1, UNIT * second * 10**4 // (first * (10**4 + skew)))
    asked: list[int] = []
    most = UNIT * second // price_in
    bound = secant_bound(product(first, second, asked), price_in, UNIT, most, 1)
    exact = best(first, second, price_in)
    assert bound >= exact
    grain = 1000 * UNIT + 4 * price_in  # roundings, where they hide the curve
    assert bound - exact <= exact // 10**8 + grain
    assert all(0 <= amount <= most for amount in asked)
    assert len(asked) < 150


@given(RESERVES, RESERVES, st.integers(0, 10**4), st.integers(0, 2**90))
def test_no_guess_makes_the_bound_wrong(first, second, skew, near):
    price_in = max(1, UNIT * second * 10**4 // (first * (10**4 + skew)))
    most = UNIT * second // price_in
    bound = secant_bound(product(first, second, []), price_in, UNIT, most, 1, near=near)
    assert bound >= best(first, second, price_in)


@given(RESERVES, RESERVES, st.integers(0, 10**4))
def test_a_dear_pool_gains_a_few_atoms_of_rounding_at_most(first, second, premium):
    price_in = div_up(UNIT * second, first) * (10**4 + premium) // 10**4 + 1
    bound = secant_bound(product(first, second, []), price_in, UNIT, first, 1)
    assert 0 <= bound <= 50 * UNIT + 4 * price_in


@given(RESERVES, RESERVES, st.integers(1, 2**80))
def test_the_range_may_end_before_the_best(first, second, most):
    price_in = max(1, UNIT * second // (first * 2))
    quote = product(first, second, [])
    bound = secant_bound(quote, price_in, UNIT, most, 1)
    end = min(most, isqrt(UNIT * first * second // price_in) - first)
    assert bound >= UNIT * quote(max(0, end)) - price_in * max(0, end)


def test_a_free_input_is_taken_whole():
    quote = product(10**20, 10**20, [])
    assert secant_bound(quote, 0, UNIT, 10**20, 1) >= UNIT * quote(10**20)
    assert secant_bound(quote, UNIT, 0, 10**20, 1) == 0
